//! One client's connection: who it is, what it watches, what waits to be written to it.

use std::collections::BTreeSet;

use tokio_tungstenite::tungstenite::WebSocket;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use vendue_protocol::channel::Channel;
use vendue_protocol::domain::id::AccountId;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::wire::Encoding;
use vendue_protocol::wire::limits::FRAME_MESSAGES;
use vendue_protocol::wire::pack;

use crate::auth::Identity;
use crate::core::admission::Level;
use crate::core::pipe::{Pipe, server_socket, write_frame};

/// Bytes that may wait for a client before it is not read any more: who does not take replies gives no more work.
const READ_UNTIL_BYTES: usize = 256 * 1024;
/// Bytes at which an array of replies is closed.
const BATCH_BYTES: usize = 64 * 1024;
/// The largest array head of MessagePack.
const ARRAY_HEAD_BYTES: usize = 5;
/// Replies that may wait for one that does not read, in bytes; beyond, the connection ends. Reading stops long before:
/// only requests that were under way by then can add to it.
pub(crate) const REPLY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a connection is closed by the server (PROTOCOL section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// It does not speak this protocol; do not come back.
    BadRequest,
    /// Its frames break the rules of WebSockets (RFC 6455 section 7.4.1).
    Protocol,
    /// Its text is not UTF-8 (RFC 6455 section 8.1).
    NotText,
    /// No `connect` in time.
    NoConnect,
    /// It does not read.
    SlowConsumer,
    /// The server ends.
    Shutdown,
    /// Its channels cannot be continued; come back and subscribe anew.
    Resync,
}

impl Close {
    /// The code and what is said with it.
    #[must_use]
    pub const fn code(self) -> (u16, &'static str) {
        match self {
            Self::BadRequest => (4001, "bad request"),
            Self::Protocol => (1002, "protocol error"),
            Self::NotText => (1007, "text that is not UTF-8"),
            Self::NoConnect => (4008, "no connect in time"),
            Self::SlowConsumer => (4102, "slow consumer"),
            Self::Shutdown => (4201, "shutdown"),
            Self::Resync => (4203, "resync"),
        }
    }
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has to say `connect` before this instant.
    Fresh { until: Timestamp },
    /// It has said `connect`.
    Connected,
    /// A close frame has gone out; nothing else will.
    Closing { since: Timestamp },
}

/// Replies that wait to be written as one array.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    messages: u32,
}

/// A connection.
pub(crate) struct Connection {
    pub(crate) socket: WebSocket<Pipe>,
    pub(crate) encoding: Encoding,
    pub(crate) stage: Stage,
    /// Who it is; guests are nobody.
    pub(crate) identity: Option<Identity>,
    /// Who the upgrade's `Authorization` header named: used by a `connect` without a token.
    pub(crate) bearer: Option<Identity>,
    /// Where its requests are counted: the account's, for a guest its address's; nowhere, where they are not limited.
    pub(crate) level: Option<Level>,
    /// Whether replies may come in arrays.
    pub(crate) takes_arrays: bool,
    batch: Batch,
    pub(crate) in_flight: usize,
    /// The highest journal position it has been told of (I38).
    pub(crate) min_position: u64,
    pub(crate) subscriptions: BTreeSet<Channel>,
    /// Events put into the output since it was last empty, in bytes.
    event_bytes: usize,
    /// Whether a watcher of it holds back the newest event until there is room.
    pub(crate) has_held: bool,
    pub(crate) next_heartbeat: Timestamp,
    /// Its place among the timers.
    pub(crate) timer: Timestamp,
    pub(crate) unreadable: u32,
    pub(crate) is_dirty: bool,
    /// Nothing more will come in or go out but what is in the output.
    pub(crate) is_finished: bool,
}

impl Connection {
    pub(crate) fn new(
        encoding: Encoding,
        until: Timestamp,
        bearer: Option<Identity>,
        heartbeat: Timestamp,
        level: Option<Level>,
    ) -> Self {
        Self {
            socket: server_socket(),
            encoding,
            stage: Stage::Fresh { until },
            identity: None,
            bearer,
            level,
            takes_arrays: false,
            batch: Batch::default(),
            in_flight: 0,
            min_position: 0,
            subscriptions: BTreeSet::new(),
            event_bytes: 0,
            has_held: false,
            next_heartbeat: heartbeat,
            timer: Timestamp::default(),
            unreadable: 0,
            is_dirty: false,
            is_finished: false,
        }
    }

    /// The account, where its token is still valid.
    pub(crate) fn account(&self, now: Timestamp) -> Option<AccountId> {
        self.identity.filter(|identity| now < identity.expires_at).map(|identity| identity.account)
    }

    /// Whether messages may still be written.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Closing { .. }) && !self.is_finished
    }

    pub(crate) fn output(&self) -> &Vec<u8> {
        &self.socket.get_ref().output
    }

    pub(crate) fn output_mut(&mut self) -> &mut Vec<u8> {
        &mut self.socket.get_mut().output
    }

    /// Whether its socket should be read.
    pub(crate) fn wants_reading(&self) -> bool {
        !self.is_finished && self.output().len() + self.batch.bytes.len() < READ_UNTIL_BYTES
    }

    /// Whether its output has grown beyond what any client that reads leaves.
    pub(crate) fn is_overfull(&self) -> bool {
        self.output().len() + self.batch.bytes.len() > REPLY_BYTES_MAX
    }

    /// Appends a reply, or another message that is no event.
    #[inline]
    pub(crate) fn push_message(&mut self, payload: &[u8]) {
        if !self.takes_arrays {
            let encoding = self.encoding;
            write_frame(self.output_mut(), encoding, payload);
            return;
        }
        let batch = &mut self.batch;
        if self.encoding == Encoding::Json {
            batch.bytes.push(if batch.messages == 0 { b'[' } else { b',' });
        }
        batch.bytes.extend_from_slice(payload);
        batch.messages += 1;
        if batch.bytes.len() >= BATCH_BYTES || batch.messages as usize >= FRAME_MESSAGES {
            self.close_batch();
        }
    }

    /// Appends an event's ready-made frame. Says whether there was room for it.
    #[inline]
    pub(crate) fn push_event(&mut self, framed: &[u8], limit: usize) -> bool {
        // A subscription's reply must be read before its events.
        self.close_batch();
        let waiting = self.event_bytes.min(self.output().len());
        if waiting + framed.len() > limit {
            return false;
        }
        self.event_bytes = waiting + framed.len();
        self.output_mut().extend_from_slice(framed);
        true
    }

    /// Writes the array of replies that has gathered.
    pub(crate) fn close_batch(&mut self) {
        let batch = &mut self.batch;
        let output = &mut self.socket.get_mut().output;
        match (self.encoding, batch.messages) {
            (_, 0) => return,
            (Encoding::Json, 1) => write_frame(output, self.encoding, &batch.bytes[1..]),
            (Encoding::MessagePack, 1) => write_frame(output, self.encoding, &batch.bytes),
            (Encoding::Json, _) => {
                batch.bytes.push(b']');
                write_frame(output, self.encoding, &batch.bytes);
            }
            (Encoding::MessagePack, messages) => {
                let mut head = Vec::with_capacity(ARRAY_HEAD_BYTES);
                pack::write_array(&mut head, messages);
                batch.bytes.splice(0..0, head);
                write_frame(output, self.encoding, &batch.bytes);
            }
        }
        batch.messages = 0;
        batch.bytes.clear();
        if batch.bytes.capacity() > BATCH_BYTES / 16 && self.in_flight == 0 {
            batch.bytes = Vec::new();
        }
    }

    /// Begins to close: what was written before still goes out.
    pub(crate) fn close(&mut self, why: Close, now: Timestamp) {
        if !self.is_open() {
            return;
        }
        self.close_batch();
        let (code, reason) = why.code();
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        // Writing into memory cannot fail; a socket that is closed already has said why.
        let _ = self.socket.close(Some(frame));
        self.stage = Stage::Closing { since: now };
    }
}
