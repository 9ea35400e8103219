//! Journal, state store and vault: bytes and sequence numbers only.
