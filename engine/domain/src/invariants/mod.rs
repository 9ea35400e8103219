//! What must never be broken, as functions over states and events that say which invariant is (docs/invariants.md). Tests,
//! the simulation and audits of a recorded history share them.

pub mod orders;
pub mod stock;
