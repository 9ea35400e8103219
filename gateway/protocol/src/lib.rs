//! Wire messages, link frames, versions, limits, error codes.
