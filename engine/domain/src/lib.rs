//! The rules: what each actor decides and how it changes. No IO, no clock, no randomness.
