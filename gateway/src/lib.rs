//! Listener, sessions, authorization, channels, HTTP API, pages.
