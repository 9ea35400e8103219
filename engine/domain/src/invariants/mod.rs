//! What must never be broken, as pure checks of what happened: tests, the simulation and tools share them. Each says which
//! invariant (docs/invariants.md) an event breaks.

pub mod auction;
