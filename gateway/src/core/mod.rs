//! The gateway without sockets, threads or a clock: what came in and when goes in, bytes come out. The shell carries it
//! on tokio; the simulation drives it directly. Same input, same output.
//!
//! ```text
//!   receive ---> requests ---> submit ---> outbox ---> link_output        (to the engine)
//!   output <--- reply <------- complete <- link <----- link_receive       (from the engine)
//!   output <--- fanout <------ channels <-/
//! ```

mod admission;
mod book;
mod channel;
mod clock;
mod connection;
mod fanout;
mod http;
mod link;
mod outbox;
mod pipe;
mod reply;
mod requests;
mod revocation;
mod submit;
mod subscribe;
pub mod table;

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use vendue_protocol::domain::mutant;

use vendue_protocol::channel::Channel;
use vendue_protocol::domain::id::AccountId;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::link::FrameKind;
use vendue_protocol::wire::event::{Notice, write_notice};
use vendue_protocol::wire::{Code, Encoding, WireError};

use crate::auth::Keys;
use crate::metrics::Metrics;
use crate::options::GatewayOptions;

pub use connection::Close;
pub(crate) use http::query_params;
pub use http::{HttpAnswer, HttpReply, HttpRequest};
pub use table::Key;

use admission::Admission;
use channel::ChannelState;
use clock::Clock;
use connection::{Connection, Stage};
use link::LinkState;
use outbox::Outbox;
use submit::Pending;
use table::Table;

/// How long a closing connection may take to answer our close frame, in microseconds.
const CLOSE_WITHIN_US: i64 = 5_000_000;
/// Output buffers that are kept for the next connection that has something to say.
const SPARE_BUFFERS: usize = 256;
/// The largest buffer that is kept for another connection, in bytes.
const SPARE_BYTES_MAX: usize = 256 * 1024;

/// Hashes channels with a seed of this process: nobody can choose ids that collide, and a simulation's seed decides all.
#[derive(Debug, Clone, Copy)]
struct Seeded(u64);

impl BuildHasher for Seeded {
    type Hasher = std::hash::DefaultHasher;

    fn build_hasher(&self) -> Self::Hasher {
        let mut hasher = std::hash::DefaultHasher::new();
        std::hash::Hasher::write_u64(&mut hasher, self.0);
        hasher
    }
}

/// One thread's gateway.
pub struct Core {
    options: Rc<GatewayOptions>,
    keys: Arc<Keys>,
    metrics: Arc<Metrics>,
    clock: Clock,
    connections: Table<Box<Connection>>,
    /// When each connection next needs attention: its heartbeat, the end of its token, a `connect` or close that does
    /// not come.
    timers: BTreeSet<(Timestamp, Key)>,
    pending: Table<Pending>,
    http: Table<http::Waiting>,
    http_done: Vec<(Key, HttpReply)>,
    commands: Outbox,
    queries: Outbox,
    /// Tokens of these accounts that were issued until then are void.
    signed_out: HashMap<AccountId, Timestamp>,
    admission: Admission,
    link: LinkState,
    channels: HashMap<Channel, ChannelState, Seeded>,
    /// Connections with something new in their output.
    dirty: Vec<Key>,
    /// Watchers that hold back the newest of several events until the frame from the engine has been read.
    held: Vec<(Channel, Key)>,
    /// Channels whose waiting subscribers may be answered now.
    unsettled: Vec<Channel>,
    spares: Vec<Vec<u8>>,
    spare_input: Vec<u8>,
    scratch: Vec<u8>,
    is_draining: bool,
    /// No request can have reached its deadline before this instant.
    earliest_deadline: Timestamp,
}

impl Core {
    /// A gateway without connections or a link. `gateway` is its number on the link, random; it also seeds what must not
    /// be foreseen.
    #[must_use]
    pub fn new(options: GatewayOptions, keys: Arc<Keys>, metrics: Arc<Metrics>, gateway: u128) -> Self {
        let admission = Admission::new(&options);
        Self {
            options: Rc::new(options),
            keys,
            metrics,
            clock: Clock::default(),
            connections: Table::default(),
            timers: BTreeSet::new(),
            pending: Table::default(),
            http: Table::default(),
            http_done: Vec::new(),
            commands: Outbox::new(FrameKind::Commands),
            queries: Outbox::new(FrameKind::Queries),
            signed_out: HashMap::new(),
            admission,
            link: LinkState::new(gateway),
            channels: HashMap::with_hasher(Seeded(gateway as u64)),
            dirty: Vec::new(),
            held: Vec::new(),
            unsettled: Vec::new(),
            spares: Vec::new(),
            spare_input: Vec::new(),
            scratch: Vec::new(),
            is_draining: false,
            earliest_deadline: Timestamp::MAX,
        }
    }

    /// Tokens are checked with these keys from now on. Whoever is signed in stays so until its token's end.
    pub fn set_keys(&mut self, keys: Arc<Keys>) {
        self.keys = keys;
    }

    /// The engine's time, as far as it is known: what tokens are judged by.
    pub fn time(&mut self, own: Timestamp) -> Timestamp {
        self.clock.now(own)
    }

    /// A client has been upgraded to a WebSocket. `bearer` is the token of its `Authorization` header. `own` is the
    /// caller's clock, here and everywhere: microseconds since the Unix epoch that never go back.
    ///
    /// # Errors
    /// `overloaded`, `unavailable` while draining, or what is wrong with the token: to be answered with HTTP.
    pub fn accept(
        &mut self,
        own: Timestamp,
        encoding: Encoding,
        bearer: Option<&str>,
    ) -> Result<Key, WireError> {
        self.accept_from(own, encoding, bearer, None)
    }

    /// Counts a request or connection from an address: to be asked for each, before anything is done about it.
    ///
    /// # Errors
    /// `rate_limited`, with the moment to come back.
    pub fn admit(&mut self, own: Timestamp, address: Option<IpAddr>) -> Result<(), WireError> {
        let now = self.clock.now(own);
        let level = self.admission.address(address);
        self.admission.take_address(level.as_ref(), now)
    }

    /// As [`Core::accept`]; what it asks for as a guest counts as its address's.
    ///
    /// # Errors
    /// As [`Core::accept`].
    pub fn accept_from(
        &mut self,
        own: Timestamp,
        encoding: Encoding,
        bearer: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<Key, WireError> {
        if self.is_draining {
            return Err(WireError::new(Code::Unavailable).saying("the server is about to end; connect again"));
        }
        if self.connections.len() >= self.options.connections_max {
            return Err(WireError::new(Code::Overloaded).retry_after(1_000));
        }
        let now = self.clock.now(own);
        let bearer = bearer.map(|token| self.verify(token, now)).transpose()?;
        let until = now.plus_ms(self.options.connect_within_ms);
        let heartbeat = now.plus_ms(self.options.heartbeat_ms);
        let level = self.admission.address(address);
        let key =
            self.connections.insert(Box::new(Connection::new(encoding, until, bearer, heartbeat, level)));
        self.schedule(now, key);
        self.metrics.connections_total.add(1);
        self.metrics.connections.set(self.connections.len() as u64);
        Ok(key)
    }

    /// Bytes have come in from a client.
    pub fn receive(&mut self, own: Timestamp, key: Key, bytes: &[u8]) {
        self.metrics.bytes_in.add(bytes.len() as u64);
        self.spare_input.clear();
        self.spare_input.extend_from_slice(bytes);
        let now = self.clock.now(own);
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.socket.get_mut().exchange_input(&mut self.spare_input);
        if self.options.echo_frames {
            self.echo_messages(now, key);
        } else {
            self.read_messages(now, key);
        }
        if let Some(connection) = self.connections.get_mut(key) {
            connection.socket.get_mut().exchange_input(&mut self.spare_input);
        }
        // Pongs and closes that the library wrote.
        self.mark_dirty(key);
    }

    /// The client has gone, or its socket failed.
    pub fn disconnect(&mut self, own: Timestamp, key: Key) {
        let now = self.clock.now(own);
        let Some(connection) = self.connections.remove(key) else { return };
        self.timers.remove(&(connection.timer, key));
        for channel in &connection.subscriptions {
            self.forget_watcher(now, *channel, key);
        }
        self.metrics.connections.set(self.connections.len() as u64);
    }

    /// The connections that have something new to write (or to be closed) since the last call.
    pub fn take_dirty(&mut self, into: &mut Vec<Key>) {
        into.clear();
        std::mem::swap(&mut self.dirty, into);
        for key in into.iter() {
            if let Some(connection) = self.connections.get_mut(*key) {
                connection.is_dirty = false;
                connection.close_batch();
            }
        }
    }

    /// What is to be written to a client.
    #[must_use]
    pub fn output(&self, key: Key) -> &[u8] {
        self.connections.get(key).map_or(&[], |connection| connection.output())
    }

    /// The first `count` bytes of the output have been written.
    pub fn written(&mut self, own: Timestamp, key: Key, count: usize) {
        self.metrics.bytes_out.add(count as u64);
        let Some(connection) = self.connections.get_mut(key) else { return };
        let output = connection.output_mut();
        if count < output.len() {
            output.drain(..count);
            return;
        }
        output.clear();
        let buffer = std::mem::take(output);
        let has_held = connection.has_held;
        if self.spares.len() < SPARE_BUFFERS && buffer.capacity() <= SPARE_BYTES_MAX {
            self.spares.push(buffer);
        }
        if has_held {
            let now = self.clock.now(own);
            self.release_held(now, key);
        }
    }

    /// Whether the client's socket should be read; who does not take what we write is not.
    #[must_use]
    pub fn wants_reading(&self, key: Key) -> bool {
        self.connections.get(key).is_some_and(|connection| connection.wants_reading())
    }

    /// Whether the socket should be closed once its output is written.
    #[must_use]
    pub fn is_finished(&self, key: Key) -> bool {
        self.connections.get(key).is_none_or(|connection| connection.is_finished)
    }

    /// Time has passed: deadlines, heartbeats, closings. To be called every 50 ms or so.
    pub fn tick(&mut self, own: Timestamp) {
        let now = self.clock.now(own);
        self.expire_requests(now);
        self.expire_waiting(now);
        self.tick_connections(now);
        self.tick_channels(now);
        self.admission.tick(now);
        self.compact();
    }

    /// Begins to end: nobody new comes in, and each client is told its own moment to come back.
    pub fn drain(&mut self, own: Timestamp) {
        self.is_draining = true;
        self.clock.now(own);
        let keys = self.connections.keys();
        let clients = keys.len().max(1) as u64;
        for (place, key) in keys.into_iter().enumerate() {
            let reconnect_after_ms = 100 + self.options.drain_ms * place as u64 / clients;
            self.notify(key, &Notice::ServerShutdown { reconnect_after_ms });
        }
    }

    /// Whether everything that was under way when draining began is answered.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.is_draining && self.pending.is_empty() && self.http.is_empty()
    }

    /// Closes every connection: the end of draining.
    pub fn close_all(&mut self, own: Timestamp) {
        let now = self.clock.now(own);
        for key in self.connections.keys() {
            self.close(now, key, Close::Shutdown);
        }
    }

    /// Whether requests can be answered now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_draining && (self.link.is_up() || self.options.echo)
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Sets a connection's timer to the next instant at which something about it changes by itself.
    fn schedule(&mut self, now: Timestamp, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let due = match connection.stage {
            Stage::Fresh { until } => until,
            Stage::Closing { since } => Timestamp(since.0 + CLOSE_WITHIN_US),
            Stage::Connected => match connection.identity {
                Some(identity) if identity.expires_at > now => {
                    connection.next_heartbeat.min(identity.expires_at)
                }
                _ => connection.next_heartbeat,
            },
        };
        self.timers.remove(&(connection.timer, key));
        connection.timer = due;
        self.timers.insert((due, key));
    }

    fn tick_connections(&mut self, now: Timestamp) {
        while let Some(&(due, key)) = self.timers.first().filter(|(due, _)| *due <= now) {
            self.timers.remove(&(due, key));
            let Some(connection) = self.connections.get_mut(key) else { continue };
            match connection.stage {
                Stage::Fresh { .. } => self.close(now, key, Close::NoConnect),
                Stage::Closing { .. } => {
                    // It does not answer our close frame: no timer any more, the shell ends it.
                    connection.is_finished = true;
                    self.mark_dirty(key);
                    continue;
                }
                Stage::Connected => {
                    let is_due = now >= connection.next_heartbeat;
                    let is_over = connection.identity.is_some_and(|identity| now >= identity.expires_at);
                    if is_over && !mutant("private_after_expiry") {
                        self.end_private_channels(now, key);
                    }
                    if is_due {
                        self.heartbeat(now, key);
                    }
                }
            }
            self.schedule(now, key);
        }
    }

    fn heartbeat(&mut self, now: Timestamp, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.next_heartbeat = now.plus_ms(self.options.heartbeat_ms);
        let channels = &self.channels;
        let seqs: Vec<(&str, u64)> = connection
            .subscriptions
            .iter()
            .filter_map(|channel| {
                let state = channels.get(channel)?;
                Some((state.name.as_str(), state.seq.unwrap_or_default()))
            })
            .collect();
        self.scratch.clear();
        write_notice(&mut self.scratch, connection.encoding, &Notice::Heartbeat { time: now, seqs: &seqs });
        if connection.is_open() {
            connection.push_message(&self.scratch);
            self.mark_dirty(key);
        }
    }

    /// Says something that no request asked for.
    fn notify(&mut self, key: Key, notice: &Notice<'_>) {
        let Some(connection) = self.connections.get_mut(key).filter(|connection| connection.is_open()) else {
            return;
        };
        self.scratch.clear();
        write_notice(&mut self.scratch, connection.encoding, notice);
        connection.push_message(&self.scratch);
        self.mark_dirty(key);
    }

    fn close(&mut self, now: Timestamp, key: Key, why: Close) {
        let Some(connection) = self.connections.get_mut(key).filter(|connection| connection.is_open()) else {
            return;
        };
        connection.close(why, now);
        self.schedule(now, key);
        let Some(connection) = self.connections.get_mut(key) else { return };
        let subscriptions = std::mem::take(&mut connection.subscriptions);
        for channel in subscriptions {
            self.forget_watcher(now, channel, key);
        }
        if why == Close::SlowConsumer {
            self.metrics.slow_consumers.add(1);
        }
        self.mark_dirty(key);
    }

    #[inline]
    fn mark_dirty(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if !connection.is_dirty {
            connection.is_dirty = true;
            self.dirty.push(key);
        }
    }

    /// Gives a connection that has nothing to write a buffer that has been used before.
    #[inline]
    fn lend_buffer(spares: &mut Vec<Vec<u8>>, connection: &mut Connection) {
        if connection.output().capacity() == 0
            && let Some(buffer) = spares.pop()
        {
            *connection.output_mut() = buffer;
        }
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("connections", &self.connections.len())
            .field("pending", &self.pending.len())
            .field("channels", &self.channels.len())
            .finish_non_exhaustive()
    }
}
