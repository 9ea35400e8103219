//! The connection's own task: everything that goes out and comes in passes here, in order.

mod watches;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::backoff::{Backoff, Return};
use crate::clock::Clock;
use crate::codec::{self, Incoming, Writer};
use crate::endpoint::{CONNECT_ID, Endpoint, Session, Socket, close_of, unexplained};
use crate::error::Error;
use crate::options::{Mode, Options};
use crate::stats::{Counters, add};
use crate::subscription::{Position, Queue, Update};
use watches::Watches;

/// How many orders are taken together into one frame.
const ORDERS_AT_ONCE: usize = 256;
/// How long a write may take before the connection counts as dead: a server that stops reading for that long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence for this many heartbeats means a dead line.
const SILENT_HEARTBEATS: u64 = 3;
/// How long saying goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);
/// How often requests are forgotten whose callers have given up.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How many frames that have already arrived are read before orders are looked at again.
const FRAMES_AT_ONCE: usize = 64;

/// What is shared between the task and its handles.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) counters: Counters,
    pub(crate) session: Mutex<Session>,
    pub(crate) connected: AtomicBool,
}

impl Shared {
    pub(crate) fn session(&self) -> Session {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_session(&self, session: Session) {
        if let Some(time) = session.time {
            // Half a second: worse than any reply's measurement, better than nothing.
            self.clock.told(time, 500_000);
        }
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = session;
    }
}

pub(crate) type Answer = oneshot::Sender<Result<Value, Error>>;

/// What handles ask of the task.
#[derive(Debug)]
pub(crate) enum Order {
    /// Send a request and hand its reply back.
    Request { method: String, params: Value, resend: bool, answer: Answer },
    /// Follow a channel.
    Subscribe { channel: String, mode: Mode, from: Option<Position>, queue: Arc<Queue>, answer: Answer },
    /// Follow it no more.
    Unsubscribe { channel: String, queue: Arc<Queue> },
    /// Use this token from the next connection on.
    Token(String),
    /// End now.
    Close,
}

/// Who waits for a reply.
#[derive(Debug)]
enum Waiter {
    Caller(Answer),
    /// The first subscription of a channel: its caller waits.
    Subscriber(String, Answer),
    /// A later one: only the watch is concerned.
    Watch(String),
    Nobody,
}

/// A request under way.
#[derive(Debug)]
struct Pending {
    method: String,
    params: Value,
    /// Whether it may be sent again on the next connection.
    resend: bool,
    sent_us: i64,
    waiter: Waiter,
}

impl Pending {
    /// Nobody waits for it any more.
    fn is_abandoned(&self) -> bool {
        match &self.waiter {
            Waiter::Caller(answer) => answer.is_closed(),
            Waiter::Subscriber(..) | Waiter::Watch(_) | Waiter::Nobody => false,
        }
    }
}

/// Why a connection ended.
struct Gone {
    cause: String,
    code: Option<u16>,
    after_ms: Option<u64>,
}

enum End {
    /// Come back.
    Gone(Gone),
    /// Every handle is gone, or one of them said so.
    Done,
}

pub(crate) struct Driver {
    endpoint: Endpoint,
    options: Options,
    shared: Arc<Shared>,
    orders: mpsc::Receiver<Order>,
    pending: BTreeMap<u64, Pending>,
    watches: Watches,
    writer: Writer,
    next_id: u64,
    /// What the server said of its own shutdown: when to come back.
    shutdown_after_ms: Option<u64>,
}

impl Driver {
    pub(crate) fn new(
        endpoint: Endpoint,
        options: Options,
        shared: Arc<Shared>,
        orders: mpsc::Receiver<Order>,
    ) -> Self {
        let writer = Writer::new(options.encoding, options.batch);
        Self {
            endpoint,
            options,
            shared,
            orders,
            pending: BTreeMap::new(),
            watches: Watches::default(),
            writer,
            next_id: CONNECT_ID + 1,
            shutdown_after_ms: None,
        }
    }

    /// Runs until every handle is gone or the server wants no more of this client.
    pub(crate) async fn run(mut self, mut socket: Socket) {
        let mut backoff = Backoff::new(&self.options);
        let error = loop {
            self.shared.connected.store(true, Ordering::Relaxed);
            let end = self.serve(&mut socket).await;
            self.shared.connected.store(false, Ordering::Relaxed);
            // Politeness only: the server sees the end either way.
            let _ = timeout(CLOSE_TIMEOUT, socket.close(None)).await;
            drop(socket);
            let gone = match end {
                End::Done => {
                    break Error::Closed { code: None, reason: "the client was closed".into() };
                }
                End::Gone(gone) => gone,
            };
            match self.come_back(gone, &mut backoff).await {
                Ok(next) => socket = next,
                Err(error) => break error,
            }
        };
        self.finish(&error);
    }

    fn finish(mut self, error: &Error) {
        self.orders.close();
        for (_, pending) in std::mem::take(&mut self.pending) {
            match pending.waiter {
                Waiter::Caller(answer) | Waiter::Subscriber(_, answer) => {
                    drop(answer.send(Err(error.clone())))
                }
                Waiter::Watch(_) | Waiter::Nobody => {}
            }
        }
        self.watches.end_all(error);
    }

    /// Waits and connects until it works, or until coming back is not wanted.
    async fn come_back(&mut self, gone: Gone, backoff: &mut Backoff) -> Result<Socket, Error> {
        let asked = Return::for_code(gone.code);
        if asked == Return::Never {
            return Err(Error::Closed { code: gone.code, reason: gone.cause });
        }
        self.forget_what_cannot_be_repeated();
        backoff.start(asked);
        let mut cause = gone.cause;
        // The moment that the server gave to this client, or at once after 42xx; else the first draw of the backoff.
        let mut wait = match (self.shutdown_after_ms.take().or(gone.after_ms), asked) {
            (Some(ms), _) => Duration::from_millis(ms).min(self.options.backoff_cap),
            (None, Return::AtOnce) => Duration::ZERO,
            (None, _) => backoff.next(rand::random()),
        };
        loop {
            self.watches.tell(&Update::Reconnecting {
                attempt: backoff.attempt().max(1),
                after: wait,
                cause: cause.clone(),
            });
            self.pause(wait).await?;
            match self.endpoint.connect(&self.options).await {
                Ok((socket, session)) => {
                    self.shared.set_session(session);
                    add(&self.shared.counters.connections, 1);
                    self.start_again();
                    return Ok(socket);
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => cause = error.to_string(),
            }
            wait = backoff.next(rand::random());
        }
    }

    /// Waits, taking orders meanwhile as far as there is room for them.
    async fn pause(&mut self, wait: Duration) -> Result<(), Error> {
        let until = Instant::now() + wait;
        loop {
            let room = self.pending.len() < self.options.in_flight;
            tokio::select! {
                () = sleep_until(until) => return Ok(()),
                order = self.orders.recv(), if room => match order {
                    None | Some(Order::Close) => {
                        return Err(Error::Closed { code: None, reason: "the client was closed".into() });
                    }
                    Some(order) => self.take(order),
                },
            }
        }
    }

    fn forget_what_cannot_be_repeated(&mut self) {
        for (id, pending) in std::mem::take(&mut self.pending) {
            match pending.waiter {
                // A watch's request is made anew from its position.
                Waiter::Watch(channel) => self.watches.lost(&channel),
                Waiter::Nobody => {}
                _ if pending.is_abandoned() => {}
                _ if pending.resend => drop(self.pending.insert(id, pending)),
                Waiter::Caller(answer) | Waiter::Subscriber(_, answer) => {
                    let _ = answer.send(Err(Error::Disconnected { method: pending.method }));
                }
            }
        }
        // What was taken for sending but not sent stands in `pending`, too.
        drop(self.writer.frames());
    }

    /// On a new connection: every request that is still open, every channel from where it stood.
    fn start_again(&mut self) {
        let again: Vec<_> = self.pending.keys().copied().collect();
        add(&self.shared.counters.resent, again.len() as u64);
        again.into_iter().for_each(|id| self.write(id));
        for (channel, params) in self.watches.resume_all() {
            self.ask("subscribe", params, true, Waiter::Watch(channel));
        }
    }

    /// Serves one connection to its end.
    async fn serve(&mut self, socket: &mut Socket) -> End {
        let silence = Duration::from_millis(self.shared.session().heartbeat_ms() * SILENT_HEARTBEATS);
        let mut heard = Instant::now();
        let mut sweep_at = heard + SWEEP_EVERY;
        let mut orders = Vec::with_capacity(ORDERS_AT_ONCE);
        loop {
            if let Err(gone) = self.flush(socket).await {
                return End::Gone(gone);
            }
            let room = self.options.in_flight.saturating_sub(self.pending.len()).min(ORDERS_AT_ONCE);
            tokio::select! {
                taken = self.orders.recv_many(&mut orders, room.max(1)), if room > 0 => {
                    if taken == 0 || orders.iter().any(|order| matches!(order, Order::Close)) {
                        return End::Done;
                    }
                    orders.drain(..).for_each(|order| self.take(order));
                }
                message = socket.next() => {
                    heard = Instant::now();
                    if let Err(gone) = self.hear_all(socket, message) {
                        return End::Gone(gone);
                    }
                }
                () = sleep_until(heard + silence) => {
                    return End::Gone(Gone { cause: "the server fell silent".into(), code: None, after_ms: None });
                }
                () = sleep_until(sweep_at) => {
                    sweep_at = Instant::now() + SWEEP_EVERY;
                    self.pending.retain(|_, pending| !pending.is_abandoned());
                }
            }
        }
    }

    async fn flush(&mut self, socket: &mut Socket) -> Result<(), Gone> {
        let frames = self.writer.frames();
        if frames.is_empty() {
            return Ok(());
        }
        let write = async {
            for frame in frames {
                socket.feed(frame).await?;
            }
            socket.flush().await
        };
        match timeout(WRITE_TIMEOUT, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Gone { cause: error.to_string(), code: None, after_ms: None }),
            Err(_) => Err(Gone { cause: "the server does not read".into(), code: None, after_ms: None }),
        }
    }

    /// The message that woke us and those that have arrived behind it.
    fn hear_all(
        &mut self,
        socket: &mut Socket,
        first: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<(), Gone> {
        self.hear(first)?;
        for _ in 1..FRAMES_AT_ONCE {
            match socket.next().now_or_never() {
                Some(message) => self.hear(message)?,
                None => break,
            }
        }
        Ok(())
    }

    fn hear(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Result<(), Gone> {
        let broken = |cause: String| Gone { cause, code: None, after_ms: None };
        let message = message.ok_or_else(|| broken("the connection ended".into()))?;
        let message = message.map_err(|error| broken(error.to_string()))?;
        if let Message::Close(close) = &message {
            let (code, cause) = close_of(close.as_ref());
            return Err(Gone { cause, code, after_ms: None });
        }
        let counters = &self.shared.counters;
        add(&counters.bytes_in, message.len() as u64);
        match codec::read(&message) {
            Ok(incoming) => incoming.into_iter().for_each(|incoming| self.dispatch(incoming)),
            Err(_) => add(&counters.unreadable, 1),
        }
        Ok(())
    }

    fn dispatch(&mut self, incoming: Incoming) {
        if let Some(id) = incoming.id {
            self.reply(id, incoming);
        } else if incoming.kind.as_deref() == Some("subscription_ended") {
            self.watches.ended(&incoming);
        } else if incoming.channel.is_some() {
            let (shared, watches) = (&self.shared, &mut self.watches);
            let again = watches.event(incoming, &shared.counters);
            self.subscribe_again(again);
        } else {
            self.notice(&incoming);
        }
    }

    /// A message about the connection: `heartbeat`, `server_shutdown`. Its fields stand in `data` or beside `type`.
    fn notice(&mut self, incoming: &Incoming) {
        let data = &incoming.data;
        match incoming.kind.as_deref() {
            Some("heartbeat") => {
                if let Some(time) = incoming.time.or_else(|| data["time"].as_i64()).or(incoming.ts) {
                    // Its age is unknown; 250 ms is more than a line that is in order takes.
                    self.shared.clock.told(time, 250_000);
                }
                let seqs = if incoming.seqs.is_null() { &data["seqs"] } else { &incoming.seqs };
                let again = self.watches.heartbeat(seqs, &self.shared.counters);
                self.subscribe_again(again);
            }
            Some("server_shutdown") => {
                let after = incoming.reconnect_after_ms.or_else(|| data["reconnect_after_ms"].as_u64());
                self.shutdown_after_ms = Some(after.unwrap_or_default());
            }
            _ => {}
        }
    }

    fn subscribe_again(&mut self, again: Option<(String, Value)>) {
        if let Some((channel, params)) = again {
            let only = serde_json::json!({"channel": channel});
            self.ask("unsubscribe", only, false, Waiter::Nobody);
            // Without parameters nobody reads the channel any more.
            if !params.is_null() {
                self.ask("subscribe", params, true, Waiter::Watch(channel));
            }
        }
    }

    fn reply(&mut self, id: u64, incoming: Incoming) {
        add(&self.shared.counters.replies, 1);
        let Some(pending) = self.pending.remove(&id) else { return };
        if let (Some(t_in), Some(t_out)) = (incoming.t_in, incoming.t_out) {
            self.shared.clock.observe(pending.sent_us, t_in, t_out, self.shared.clock.local_us());
        }
        let result = if incoming.ok {
            Ok(incoming.result)
        } else {
            add(&self.shared.counters.refused, 1);
            Err(Error::Server(Box::new(incoming.error.unwrap_or_else(unexplained))))
        };
        match pending.waiter {
            // A caller who has gone does not want to know.
            Waiter::Caller(answer) => drop(answer.send(result)),
            Waiter::Subscriber(channel, answer) => {
                let told = result.as_ref().map(|_| Value::Null).map_err(Clone::clone);
                let again = self.watches.subscribed(&channel, result, &self.shared.counters);
                self.subscribe_again(again);
                let _ = answer.send(told);
            }
            Waiter::Watch(channel) => {
                let again = self.watches.subscribed(&channel, result, &self.shared.counters);
                self.subscribe_again(again);
            }
            Waiter::Nobody => {}
        }
    }

    /// Takes an order of a handle; nothing is sent before `flush`.
    fn take(&mut self, order: Order) {
        match order {
            Order::Request { method, params, resend, answer } => {
                self.ask(&method, params, resend, Waiter::Caller(answer))
            }
            Order::Subscribe { channel, mode, from, queue, answer } => {
                match self.watches.add(&channel, mode, from, queue) {
                    Some(params) => self.ask("subscribe", params, true, Waiter::Subscriber(channel, answer)),
                    None => drop(answer.send(Err(Error::AlreadySubscribed { channel }))),
                }
            }
            Order::Unsubscribe { channel, queue } => {
                if self.watches.remove(&channel, &queue) {
                    self.ask("unsubscribe", serde_json::json!({"channel": channel}), false, Waiter::Nobody);
                }
            }
            Order::Token(token) => self.options.token = Some(token),
            Order::Close => {}
        }
    }

    fn ask(&mut self, method: &str, params: Value, resend: bool, waiter: Waiter) {
        let id = self.next_id;
        self.next_id += 1;
        let pending = Pending { method: method.to_owned(), params, resend, sent_us: 0, waiter };
        self.pending.insert(id, pending);
        self.write(id);
    }

    fn write(&mut self, id: u64) {
        let Some(pending) = self.pending.get_mut(&id) else { return };
        pending.sent_us = self.shared.clock.local_us();
        match self.writer.push(id, &pending.method, &pending.params) {
            Ok(bytes) => {
                add(&self.shared.counters.requests, 1);
                add(&self.shared.counters.bytes_out, bytes as u64);
            }
            // Parameters that have no encoding: none that `serde_json::Value` can hold; the caller is told all the same.
            Err(why) => {
                let pending = self.pending.remove(&id);
                if let Some(Pending { method, waiter: Waiter::Caller(answer), .. }) = pending {
                    let _ = answer.send(Err(Error::Decode { method, why }));
                }
            }
        }
    }
}

/// Whether coming back makes no sense: the server knows this client and does not want it as it is.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Closed { .. } | Error::Url { .. } => true,
        Error::Server(error) => !error.temporary,
        _ => false,
    }
}
