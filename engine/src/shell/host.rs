//! A shard's thread: an actix actor on its own Arbiter that carries messages, time and units for one [`Shard`].

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Actor, Addr, Arbiter, Context, Handler, Message};
use crossbeam::channel::Sender;
use vendue_domain::actor::{ActorAddress, Command, Entity};
use vendue_domain::facts::FactChange;
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_protocol::link::{Items, QueryItem};
use vendue_protocol::query::Query;
use vendue_storage::Position;

use super::Shared;
use super::loader::LoaderMessage;
use crate::effects::Arrival;
use crate::entry::{Entry, Started};
use crate::shard::{Captured, Request, Shard};
use crate::unit::{FactBroadcast, LinkId};

/// Where a shard's messages go.
pub(super) type ShardAddr = Addr<ShardActor>;

/// What reaches a shard from other threads.
pub(super) enum ShardMessage {
    /// A run of command items from a link.
    Commands(LinkId, Vec<u8>),
    /// `command.result`, `command.receipt`.
    Result(LinkId, QueryItem),
    /// Another shard's fact.
    Learn(Arc<FactBroadcast>),
    /// Effects whose causes are durable, in journal order.
    Effects(Vec<Arrival>),
    /// Asks for the position of the oldest cause whose effects are not all decided.
    OldestEffect(Sender<Option<Position>>),
    /// Actors that were looked up.
    Loaded(Vec<(ActorAddress, Option<(u64, Entity)>)>),
    /// An actor that could not be read.
    LoadFailed(ActorAddress),
    /// An actor that has something to decide soon.
    Activate(Vec<ActorAddress>),
    /// The engine's own command.
    Internal(ActorAddress, Box<Command>),
    /// A slice for a checkpoint.
    Capture(usize, Sender<Captured>),
    /// The state store holds these now.
    Stored(Vec<(ActorAddress, u64)>),
    /// The state store did not take these.
    NotStored(Vec<ActorAddress>, Vec<FactChange>, Vec<u16>),
    /// Keys up to here are in sealed lists.
    KeysSealed(Position),
    /// The cell has been taken over by this process: the first record it writes.
    Begin(u16),
    /// A record of the notary's; the answer is between which positions it was written.
    Notarize(Vec<u8>, Sender<(Position, Position)>),
    /// Recovery is over: set the timers.
    Recovered,
}

impl Message for ShardMessage {
    type Result = ();
}

/// The core with what it needs to live on a thread.
pub(super) struct Host {
    shard: Shard,
    shared: Arc<Shared>,
    last_journaled: Timestamp,
    /// For when the timer task sleeps.
    sleeps_until: Option<Timestamp>,
    moved: Rc<tokio::sync::Notify>,
}

/// The actor that owns a shard.
pub(super) struct ShardActor {
    host: Rc<RefCell<Host>>,
}

thread_local! {
    /// Shard 0 of this thread, for the links that are read on its Arbiter: their commands are plain calls.
    static LOCAL: RefCell<Option<Rc<RefCell<Host>>>> = const { RefCell::new(None) };
}

impl ShardActor {
    /// Starts a shard's actor on its Arbiter.
    pub(super) fn start_in(
        arbiter: &Arbiter,
        shared: Arc<Shared>,
        shard: Shard,
        last_journaled: Timestamp,
    ) -> ShardAddr {
        Self::start_in_arbiter(&arbiter.handle(), move |_| {
            let host = Host { shard, shared, last_journaled, sleeps_until: None, moved: Rc::default() };
            let host = Rc::new(RefCell::new(host));
            LOCAL.with(|local| *local.borrow_mut() = Some(host.clone()));
            Self { host }
        })
    }
}

/// Takes a run of commands as plain calls, if this thread hosts a shard; whether it does.
pub(super) fn with_local(take: impl FnOnce(&mut Host)) -> bool {
    LOCAL.with(|local| match &*local.borrow() {
        Some(host) => {
            take(&mut host.borrow_mut());
            true
        }
        None => false,
    })
}

impl Actor for ShardActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        // Bounded by what shards, loader, keeper and views send; commands by the budget of commands in flight.
        context.set_mailbox_capacity(1_024);
        actix::spawn(run_timers(self.host.clone()));
    }
}

impl Handler<ShardMessage> for ShardActor {
    type Result = ();

    fn handle(&mut self, message: ShardMessage, _context: &mut Self::Context) {
        self.host.borrow_mut().handle(message);
    }
}

/// Wakes the shard for its deadlines.
async fn run_timers(host: Rc<RefCell<Host>>) {
    let moved = host.borrow().moved.clone();
    loop {
        let wait = host.borrow_mut().until_deadline();
        match wait {
            Some(wait) if wait.is_zero() => {
                host.borrow_mut().round(|_| {});
                // Others have their turn before what is due next.
                tokio::task::yield_now().await;
            }
            Some(wait) => {
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = moved.notified() => {}
                }
            }
            None => moved.notified().await,
        }
    }
}

impl Host {
    fn until_deadline(&mut self) -> Option<Duration> {
        self.sleeps_until = self.shard.next_deadline();
        let at = self.sleeps_until?;
        Some(Duration::from_micros(at.micros_since(self.shared.clock.now())))
    }

    /// One round: what is due, then `work`, then everything decided goes to the journal.
    pub(super) fn round(&mut self, work: impl FnOnce(&mut Shard)) {
        self.begin();
        work(&mut self.shard);
        self.end();
    }

    fn begin(&mut self) {
        let committer = &self.shared.committer;
        self.shard.begin(self.shared.clock.now(), committer.next(), committer.durable());
    }

    fn end(&mut self) {
        let committer = self.shared.committer.clone();
        let mut requests = self.shard.take_requests();
        if let Some(unit) = self.shard.finish(committer.spare()) {
            let expected = unit.first;
            let first = committer.submit(unit);
            if first != expected {
                let delta = first.wrapping_sub(expected);
                self.shard.displaced(delta);
                for request in &mut requests {
                    match request {
                        Request::Replay { position, .. } | Request::Receipt { position, .. }
                            if *position >= expected =>
                        {
                            *position += delta;
                        }
                        _ => {}
                    }
                }
            }
        }
        if let Some(mut immediate) = self.shard.take_immediate() {
            for replies in immediate.replies.drain(..) {
                self.shared.links.write(replies.link, &replies.frame.finish());
            }
        }
        requests.retain(|request| match *request {
            Request::Receipt { link, request, position } => {
                super::notary_thread::ask(&self.shared, link, request, position);
                false
            }
            _ => true,
        });
        if !requests.is_empty() {
            self.shared.loader.send(LoaderMessage { shard: self.shard.number(), requests });
        }
        if self.shard.needs_checkpoint() {
            self.shared.pressed.store(true, Ordering::Relaxed);
        }
        if let Some(signs) = self.shared.signs.shard(self.shard.number()) {
            signs.note(&self.shard);
        }
        let next = self.shard.next_deadline();
        if next.is_some() && (self.sleeps_until.is_none() || next < self.sleeps_until) {
            self.moved.notify_one();
        }
    }

    /// Takes the commands of a frame, in as many rounds as their records need.
    pub(super) fn commands(&mut self, link: LinkId, payload: &[u8]) {
        self.begin();
        for item in Items::new(payload) {
            match item {
                Ok(item) => self.shard.command(link, item),
                Err(error) => {
                    tracing::error!(%error, link, "a frame of commands is malformed");
                    break;
                }
            }
            if self.shard.is_full() {
                self.end();
                self.begin();
            }
        }
        self.end();
    }

    /// Answers `command.result` and `command.receipt`.
    pub(super) fn result(&mut self, link: LinkId, item: &QueryItem) {
        let (target, key, is_proof) = match &item.query {
            Query::CommandResult((result, key)) => (&result.target, key.as_bytes(), false),
            Query::CommandReceipt((receipt, key)) => (&receipt.target, key.as_bytes(), true),
            _ => return,
        };
        match ActorAddress::parse(target) {
            Some(target) if is_proof => {
                self.round(|shard| shard.receipt_of(link, item.request, item.by, target, key))
            }
            Some(target) => self.round(|shard| shard.result_of(link, item.request, item.by, target, key)),
            None => self.round(|shard| shard.refuse_target(link, item.request)),
        }
    }

    fn handle(&mut self, message: ShardMessage) {
        match message {
            ShardMessage::Commands(link, payload) => self.commands(link, &payload),
            ShardMessage::Result(link, item) => self.result(link, &item),
            ShardMessage::Learn(broadcast) => self.round(|shard| shard.learn(&broadcast)),
            ShardMessage::Effects(arrivals) => self.round(|shard| shard.arrive(arrivals)),
            ShardMessage::OldestEffect(reply) => {
                let _ = reply.try_send(self.shard.oldest_effect());
            }
            ShardMessage::Loaded(actors) => self.round(|shard| {
                for (address, found) in actors {
                    shard.loaded(address, found);
                }
            }),
            ShardMessage::LoadFailed(address) => self.round(|shard| shard.load_failed(&address)),
            ShardMessage::Activate(addresses) => self.round(|shard| {
                for address in addresses {
                    shard.activate(address);
                }
            }),
            ShardMessage::Internal(target, command) => self.round(|shard| shard.internal(target, &command)),
            ShardMessage::Capture(limit, reply) => {
                let captured = self.shard.capture(limit, self.shared.committer.next());
                let _ = reply.try_send(captured);
            }
            ShardMessage::Stored(stored) => {
                self.shard.stored(&stored);
                self.shard.passivate();
            }
            ShardMessage::NotStored(addresses, facts, lanes) => {
                self.shard.not_stored(addresses.into_iter(), facts, lanes.into_iter());
            }
            ShardMessage::KeysSealed(position) => self.shard.keys_sealed(position),
            ShardMessage::Begin(shards) => {
                let version = env!("CARGO_PKG_VERSION").to_owned();
                let entry = Entry::Started(Started { time: self.shared.clock.now(), shards, version });
                self.round(|shard| shard.write(&entry.to_bytes()));
            }
            ShardMessage::Notarize(record, reply) => {
                let from = self.shared.committer.next();
                self.round(|shard| shard.write(&record));
                let _ = reply.try_send((from, self.shared.committer.next()));
            }
            ShardMessage::Recovered => {
                let last = self.last_journaled;
                self.round(|shard| shard.recovered(last));
            }
        }
    }
}
