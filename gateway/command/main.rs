//! The `vendue` command.
fn main() {}
