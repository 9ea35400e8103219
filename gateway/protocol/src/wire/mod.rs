//! What clients speak: requests, replies and events in JSON and MessagePack. Pure: bytes in, values out, and back.
//!
//! One table (`method`) says for each method what its parameters are, who may call it and what becomes of it; every
//! entrance (WebSocket, HTTP, the generated API descriptions) reads that table. Parameters are decoded once, by their
//! method's own structure. `lot.bid` has a hand-written reader that takes the usual shape of a request and leaves
//! anything else to the general one, so that both always agree.

pub mod code;
pub mod envelope;
pub mod error;
pub mod event;
pub mod json;
pub mod limits;
pub mod method;
pub mod pack;
pub mod params;
pub mod reply;
pub mod session;
pub mod time;
pub mod transcode;

mod fast;

pub use code::Code;
pub use envelope::{Failed, Frame, Request, frame, is_array, single};
pub use error::{Details, Outcome, WireError};
pub use method::{Call, Kind, METHODS, Method, Rights};
pub use session::SessionCall;

/// How messages are encoded on a connection; chosen by the WebSocket's subprotocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// Text frames, `vendue.v1.json`; the default.
    #[default]
    Json,
    /// Binary frames, `vendue.v1.msgpack`.
    MessagePack,
}

impl Encoding {
    /// Both, for tables indexed by encoding.
    pub const ALL: [Self; 2] = [Self::Json, Self::MessagePack];

    /// The WebSocket subprotocol that names it.
    #[must_use]
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "vendue.v1.json",
            Self::MessagePack => "vendue.v1.msgpack",
        }
    }

    /// The first encoding that a client's `Sec-WebSocket-Protocol` header offers; JSON where it offers nothing.
    /// `None` where it offers only what nobody here speaks.
    #[must_use]
    pub fn negotiate(offered: Option<&str>) -> Option<Self> {
        let Some(offered) = offered else { return Some(Self::Json) };
        offered
            .split(',')
            .map(str::trim)
            .find_map(|name| Self::ALL.into_iter().find(|encoding| encoding.subprotocol() == name))
    }

    /// Its place in a table of two.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}
