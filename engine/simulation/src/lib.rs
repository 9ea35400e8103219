//! The deterministic world: simulated clock, network, disk and clients.
