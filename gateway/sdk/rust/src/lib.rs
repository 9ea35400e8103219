//! Rust client of the Vendue protocol.
