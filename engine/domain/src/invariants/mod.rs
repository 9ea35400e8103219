//! Checkers of docs/INVARIANTS.md that tests and later suites share. Each follows events and says what they break.

pub mod funding;
