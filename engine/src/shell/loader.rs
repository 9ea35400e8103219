//! Reads for the shards, off their threads: cold actors from the state store, outcomes of repeated keys from the journal.

use std::ops::ControlFlow;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use vendue_domain::actor::{ActorAddress, Entity};
use vendue_domain::record::Field;
use vendue_protocol::link::{FrameBuilder, FrameKind, NotExecuted, Reply, ReplyItem};
use vendue_storage::{JournalReader, StateStore};

use super::Shared;
use super::host::ShardMessage;
use crate::entry::Entry;
use crate::recovery::{Marker, actor_key};
use crate::shard::{Request, read_stored};
use crate::unit::LinkId;

/// How many rounds' requests may wait: each shard's are bounded by `parked_max` already.
const QUEUE_MAX: usize = 65_536;

/// What a shard asks for.
pub(super) struct LoaderMessage {
    pub(super) shard: u16,
    pub(super) requests: Vec<Request>,
}

/// Where requests go.
pub(super) struct LoaderHandle {
    sender: Sender<Option<LoaderMessage>>,
}

impl LoaderHandle {
    pub(super) fn channel() -> (Self, Receiver<Option<LoaderMessage>>) {
        let (sender, receiver) = bounded(QUEUE_MAX);
        (Self { sender }, receiver)
    }

    pub(super) fn send(&self, message: LoaderMessage) {
        let _ = self.sender.send(Some(message));
    }

    pub(super) fn stop(&self) {
        let _ = self.sender.send(None);
    }
}

/// An outcome that is to be told again.
struct Replay {
    link: LinkId,
    request: u64,
    position: u64,
}

pub(super) fn run(
    shared: &Shared,
    store: &dyn StateStore,
    reader: &dyn JournalReader,
    receiver: &Receiver<Option<LoaderMessage>>,
) {
    // Outcomes that are not durable yet: the first command's reply is not out either.
    let mut early: Vec<Replay> = Vec::new();
    loop {
        let wait = if early.is_empty() { Duration::from_secs(3_600) } else { Duration::from_millis(1) };
        match receiver.recv_timeout(wait) {
            Ok(Some(message)) => handle(shared, store, reader, message, &mut early),
            Ok(None) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        early = replay(shared, reader, early);
    }
}

fn handle(
    shared: &Shared,
    store: &dyn StateStore,
    reader: &dyn JournalReader,
    message: LoaderMessage,
    early: &mut Vec<Replay>,
) {
    let Some(shard) = shared.shard(message.shard) else { return };
    let mut loaded = Vec::new();
    for request in message.requests {
        match request {
            Request::Replay { link, request, position } => early.push(Replay { link, request, position }),
            // The host gives these to the notary.
            Request::Receipt { .. } => {}
            Request::Load(address) => match load(store, &address) {
                Ok(found) => loaded.push((address, found)),
                Err(error) => failed(shard, address, &error),
            },
            Request::Reload(address) => match reload(shared, store, reader, &address) {
                Ok(found) => loaded.push((address, found)),
                Err(error) => failed(shard, address, &error),
            },
        }
    }
    if !loaded.is_empty() {
        shard.do_send(ShardMessage::Loaded(loaded));
    }
}

fn failed(shard: &super::ShardAddr, address: ActorAddress, error: &str) {
    tracing::error!(actor = %address, error, "an actor cannot be read");
    shard.do_send(ShardMessage::LoadFailed(address));
}

fn load(store: &dyn StateStore, address: &ActorAddress) -> Result<Option<(u64, Entity)>, String> {
    let value = store.load(&actor_key(address)).map_err(|error| error.to_string())?;
    value.map(|value| read_stored(address, &value).map_err(|error| error.to_string())).transpose()
}

/// An actor's durable state after its rules panicked: the stored one, and every decision after it. What was decided
/// before the panic becomes durable first.
fn reload(
    shared: &Shared,
    store: &dyn StateStore,
    reader: &dyn JournalReader,
    address: &ActorAddress,
) -> Result<Option<(u64, Entity)>, String> {
    let until = shared.committer.next().saturating_sub(1);
    while shared.committer.durable() < until {
        if shared.committer.has_failed() {
            return Err("the journal has failed".to_owned());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let marker = store.marker().map_err(|error| error.to_string())?;
    let from =
        marker.and_then(|bytes| Marker::from_bytes(&bytes).ok()).map_or(1, |marker| marker.replay_from);
    let mut state = load(store, address)?;
    let mut error = None;
    let visited = reader.read(from, &mut |position, record| {
        if position > until {
            return ControlFlow::Break(());
        }
        let Ok(Entry::Decided(decided)) = Entry::from_bytes(record) else { return ControlFlow::Continue(()) };
        if decided.address() != Some(*address) {
            return ControlFlow::Continue(());
        }
        match crate::shard::replayed(state.take(), &decided) {
            Some(next) => state = Some(next),
            None => {
                error = Some(format!("record {position} does not continue its state"));
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    });
    visited.map_err(|error| error.to_string())?;
    error.map_or(Ok(state), Err)
}

/// Answers what is durable; returns what is not yet.
fn replay(shared: &Shared, reader: &dyn JournalReader, replays: Vec<Replay>) -> Vec<Replay> {
    if replays.is_empty() {
        return replays;
    }
    let durable = shared.committer.durable();
    let (due, early): (Vec<_>, Vec<_>) = replays.into_iter().partition(|replay| replay.position <= durable);
    for Replay { link, request, position } in due {
        let entry = reader.record(position).ok().flatten().and_then(|record| Entry::from_bytes(&record).ok());
        let told = entry.as_ref().and_then(|entry| entry.reply_or_pending(position));
        let reply = told.unwrap_or_else(|| {
            tracing::error!(position, "the outcome of a repeated key cannot be read");
            Reply::NotExecuted { why: NotExecuted::Internal, retry_after_ms: 0, message: "" }
        });
        let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Replies);
        frame.item(|out| ReplyItem { request, reply }.encode(out));
        shared.links.write(link, &frame.finish());
    }
    early
}
