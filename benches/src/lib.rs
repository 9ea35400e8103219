//! Criterion benches of the building blocks, and peers side by side.
