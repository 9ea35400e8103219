//! Checkpoints, bases, sealed key lists and what follows from them; throttled, off the shards' threads.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;
use vendue_domain::actor::{ActorAddress, ActorKind};
use vendue_domain::facts::FactChange;
use vendue_domain::id::Id;
use vendue_domain::record::Field;
use vendue_storage::{Bases, Change, JournalReader, SegmentRemover, StateStore};

use super::Shared;
use super::files::{Listed, SealedKeys};
use super::host::ShardMessage;
use super::views_thread::ViewsMessage;
use crate::recovery::{Marker, actor_key, captured_key, fact_key, lane_key};
use crate::shard::{CAPTURE_SLICE, Captured, DEADLINE_HORIZON_US, Shard};
use crate::views::ViewSpace;

mod trim;

use trim::Trimming;

/// How often the keeper looks whether there is something to do.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often sleeping actors with a deadline within the horizon are woken: well within [`DEADLINE_HORIZON_US`].
const WAKE_EVERY: Duration = Duration::from_secs(10);

/// How many sleeping actors are woken at once.
const WAKE_MAX: usize = 100_000;

/// A pause after each slice, so that a checkpoint takes a small part of a core.
const SLICE_PAUSE: Duration = Duration::from_micros(500);

/// How many times as long as the last checkpoint took the keeper rests before the next: under load checkpoints share disk
/// and processors with bids for a small part of the time, and a start reads a little more of the journal.
const REST_FACTOR: u32 = 9;

/// How many changed things of the views one slice holds.
const VIEW_SLICE: usize = 1_024;

/// How long a thread may take to hand a slice over before the checkpoint is given up.
const SLICE_WAIT: Duration = Duration::from_secs(30);

/// What the keeper keeps.
pub(super) struct Kept {
    pub(super) store: Arc<dyn StateStore>,
    pub(super) bases: Bases,
    pub(super) key_lists: Arc<SealedKeys>,
    pub(super) reader: Arc<dyn JournalReader>,
    pub(super) remover: Arc<dyn SegmentRemover>,
    pub(super) listed: Listed,
}

impl Kept {
    pub(super) fn run(mut self, shared: &Arc<Shared>) {
        let mut bytes_at_last = 0;
        let mut last = Instant::now();
        let (mut ended, mut took) = (last, Duration::ZERO);
        let mut waking = Waking::default();
        let mut trimming = Trimming::default();
        while !shared.failed.load(Ordering::Acquire) {
            std::thread::sleep(LOOK_EVERY);
            if let Err(error) = self.listed.keep(shared, &self.key_lists, &*self.reader) {
                tracing::error!(error, "a sealed segment's keys cannot be listed; they stay in memory");
            }
            waking.look(shared, &*self.store);
            let bytes = shared.committer.stats().bytes.load(Ordering::Relaxed);
            let grown = bytes - bytes_at_last;
            let due = last.elapsed() >= Duration::from_millis(shared.options.checkpoint_interval_ms);
            let rested = ended.elapsed() >= took * REST_FACTOR;
            let pressed = shared.pressed.swap(false, Ordering::Relaxed);
            if rested && (grown >= shared.options.checkpoint_bytes || ((due || pressed) && grown > 0)) {
                bytes_at_last = bytes;
                last = Instant::now();
                let written = checkpoint(shared, &*self.store);
                shared.signs.checkpointed(last.elapsed(), written.is_ok());
                match written {
                    Ok(marker) => self.write_base(shared, &marker, &mut trimming, &mut waking),
                    Err(error) => tracing::error!(
                        error,
                        "a checkpoint failed; the journal keeps everything, a start takes longer"
                    ),
                }
                took = last.elapsed();
                ended = Instant::now();
            }
            self.trim(shared, &mut trimming, &mut waking);
        }
    }
}

/// When sleeping actors were last woken.
#[derive(Default)]
struct Waking {
    at: Option<Instant>,
}

impl Waking {
    /// Wakes those whose deadline comes near, where it is time to look.
    fn look(&mut self, shared: &Shared, store: &dyn StateStore) {
        if self.at.is_none_or(|at| at.elapsed() >= WAKE_EVERY) {
            self.at = Some(Instant::now());
            wake(shared, store);
        }
    }
}

/// Brings actors into memory whose deadline in the state store comes near.
fn wake(shared: &Shared, store: &dyn StateStore) {
    let until = shared.clock.now().0 + DEADLINE_HORIZON_US;
    let due = match store.due(until, WAKE_MAX) {
        Ok(due) => due,
        Err(error) => return tracing::error!(%error, "deadlines cannot be read from the state store"),
    };
    let shards = shared.options.shard_count();
    let mut by_shard: Vec<Vec<ActorAddress>> = vec![Vec::new(); usize::from(shards)];
    for (_, key) in due {
        if let Some(kind) = ActorKind::from_u8(key.space) {
            let address = ActorAddress { kind, id: Id(key.id) };
            by_shard[usize::from(Shard::owner(&address, shards))].push(address);
        }
    }
    for (number, addresses) in by_shard.into_iter().enumerate().filter(|(_, addresses)| !addresses.is_empty())
    {
        if let Some(shard) = shared.shard(number as u16) {
            shard.do_send(ShardMessage::Activate(addresses));
        }
    }
}

/// A checkpoint under way: hands changes to the store and remembers whose they were.
struct Checkpoint<'a> {
    shared: &'a Shared,
    actors: Vec<Vec<(ActorAddress, u64)>>,
    facts: Vec<Vec<FactChange>>,
    /// The slots whose lanes are stored.
    lanes: Vec<Vec<u16>>,
    views: Vec<(ViewSpace, Id)>,
    error: Option<String>,
}

/// Writes what has changed into the state store. The marker says from where the journal must be read after it.
fn checkpoint(shared: &Shared, store: &dyn StateStore) -> Result<Marker, String> {
    let shards = shared.options.shard_count();
    let mut checkpoint = Checkpoint {
        shared,
        actors: vec![Vec::new(); usize::from(shards)],
        facts: vec![Vec::new(); usize::from(shards)],
        lanes: vec![Vec::new(); usize::from(shards)],
        views: Vec::new(),
        error: None,
    };
    // Every record before `next` is in the states that are captured from here on, and in the views from what they have
    // reached; the journal is read from the earlier of both.
    let next = shared.committer.next();
    let (first_views, views_position, mut views_left) = checkpoint.capture_views()?;
    // What was caused up to there has reached the shards (effects are sent to them before the views have their causes): the
    // effects among it that they have not decided are derived from the journal again.
    let covered = next.min(views_position + 1);
    let replay_from = covered.min(oldest_effect(shared)?.unwrap_or(covered));
    let marker = Marker { cell: shared.genesis.cell, replay_from, time: shared.clock.now() };
    let began = Instant::now();
    let stats = {
        // In the order of capture: of two versions of one fact the newer must be written last.
        let mut pending: std::collections::VecDeque<Change> = first_views.into();
        let mut shard = 0_u16;
        let mut left: Option<usize> = None;
        let checkpoint = &mut checkpoint;
        let mut changes = std::iter::from_fn(|| {
            loop {
                if let Some(change) = pending.pop_front() {
                    return Some(change);
                }
                if views_left > 0 {
                    match checkpoint.capture_views() {
                        Ok((changes, _, remaining)) => {
                            views_left = if changes.is_empty() { 0 } else { views_left.min(remaining) };
                            pending = changes.into();
                            continue;
                        }
                        Err(error) => {
                            checkpoint.error = Some(error);
                            return None;
                        }
                    }
                }
                if shard == shards {
                    return None;
                }
                match checkpoint.capture_shard(shard) {
                    Ok((changes, remaining)) => {
                        let budget = left.unwrap_or(remaining + changes.len()).saturating_sub(changes.len());
                        left = Some(budget);
                        if changes.is_empty() || budget == 0 || remaining == 0 {
                            shard += 1;
                            left = None;
                        }
                        pending = changes.into();
                    }
                    Err(error) => {
                        checkpoint.error = Some(error);
                        return None;
                    }
                }
            }
        });
        store.checkpoint(&mut changes, &marker.to_bytes())
    };
    let failed = match (&stats, checkpoint.error.take()) {
        (Ok(_), None) => None,
        (Ok(_), Some(error)) => Some(error),
        (Err(error), _) => Some(error.to_string()),
    };
    checkpoint.tell(failed.is_none());
    if let Some(error) = failed {
        return Err(error);
    }
    tracing::debug!(
        replay_from = marker.replay_from,
        took_ms = began.elapsed().as_millis() as u64,
        "checkpoint"
    );
    Ok(marker)
}

/// The position of the oldest cause with an effect that some shard has not decided.
fn oldest_effect(shared: &Shared) -> Result<Option<u64>, String> {
    let mut oldest = None;
    for number in 0..shared.options.shard_count() {
        let shard = shared.shard(number).ok_or("a shard has ended")?;
        let (sender, receiver) = bounded(1);
        shard.do_send(ShardMessage::OldestEffect(sender));
        let found = receiver.recv_timeout(SLICE_WAIT).map_err(|error| error.to_string())?;
        oldest = oldest.into_iter().chain(found).min();
    }
    Ok(oldest)
}

impl Checkpoint<'_> {
    /// A slice of the views: their changes, how far they are, how many remain.
    fn capture_views(&mut self) -> Result<(Vec<Change>, u64, usize), String> {
        let (sender, receiver) = bounded(1);
        let asked = self.shared.views.send(ViewsMessage::Capture(VIEW_SLICE, sender));
        asked.map_err(|_| "the views have ended".to_owned())?;
        let (values, position, remaining) =
            receiver.recv_timeout(SLICE_WAIT).map_err(|error| error.to_string())?;
        let changes = values
            .into_iter()
            .map(|value| {
                self.views.push((value.space, value.owner));
                Change { key: captured_key(&value), value: value.bytes, deadline: None }
            })
            .collect();
        Ok((changes, position, remaining))
    }

    /// A slice of a shard, once everything it rests on is durable, and how many changed actors remain.
    fn capture_shard(&mut self, number: u16) -> Result<(Vec<Change>, usize), String> {
        std::thread::sleep(SLICE_PAUSE);
        let shard = self.shared.shard(number).ok_or("a shard has ended")?;
        let (sender, receiver) = bounded(1);
        shard.do_send(ShardMessage::Capture(CAPTURE_SLICE, sender));
        let captured: Captured = receiver.recv_timeout(SLICE_WAIT).map_err(|error| error.to_string())?;
        while self.shared.committer.durable() < captured.position {
            if self.shared.failed.load(Ordering::Acquire) {
                return Err("the journal has failed".to_owned());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let mut changes: Vec<Change> = captured
            .facts
            .iter()
            .map(|change| Change { key: fact_key(change), value: Some(change.to_bytes()), deadline: None })
            .collect();
        self.facts[usize::from(number)].extend(captured.facts);
        for (slot, lane) in captured.lanes {
            self.lanes[usize::from(number)].push(slot);
            changes.push(Change { key: lane_key(slot), value: Some(lane.to_bytes()), deadline: None });
        }
        for value in captured.values {
            self.actors[usize::from(number)].push((value.address, value.seq));
            changes.push(Change {
                key: actor_key(&value.address),
                value: Some(value.bytes),
                deadline: value.deadline.map(|at| at.0),
            });
        }
        Ok((changes, captured.remaining))
    }

    /// Tells shards and views what became of what they handed over.
    fn tell(self, stored: bool) {
        let held = self.actors.into_iter().zip(self.facts).zip(self.lanes);
        for (number, ((actors, facts), lanes)) in held.enumerate() {
            let Some(shard) = self.shared.shard(number as u16) else { continue };
            if stored {
                for slice in actors.chunks(VIEW_SLICE) {
                    let _ = self.shared.views.send(ViewsMessage::Stored(slice.to_vec()));
                    std::thread::sleep(SLICE_PAUSE);
                }
                shard.do_send(ShardMessage::Stored(actors));
            } else {
                let addresses = actors.into_iter().map(|(address, _)| address).collect();
                shard.do_send(ShardMessage::NotStored(addresses, facts, lanes));
            }
        }
        if !stored {
            let _ = self.shared.views.send(ViewsMessage::NotStored(self.views));
        }
    }
}
