//! What the cell tells of itself: each thread notes its part in atomics as it goes, and the views' thread reads them together when
//! it sends a pulse.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use vendue_protocol::link::{FrameKind, write_record_frame};
use vendue_protocol::signs::{Sign, Vitals};

use super::{NOTHING, Shared};
use crate::shard::{Shard, ShardStats};

/// One shard's part. Written by its own thread at the end of each round.
#[derive(Default)]
pub(super) struct ShardSigns {
    values: [AtomicU64; SHARD_SIGNS.len()],
}

/// What a shard notes, in the order of [`ShardSigns::note`].
const SHARD_SIGNS: [Sign; 14] = [
    Sign::Commands,
    Sign::Accepted,
    Sign::Rejected,
    Sign::Replayed,
    Sign::NotExecuted,
    Sign::Timers,
    Sign::Effects,
    Sign::Declined,
    Sign::Panics,
    Sign::Activated,
    Sign::Passivated,
    Sign::Answers,
    Sign::EffectsWaiting,
    Sign::Resident,
];

impl ShardSigns {
    /// Notes where the shard stands: a few plain stores.
    pub(super) fn note(&self, shard: &Shard) {
        let ShardStats {
            commands,
            accepted,
            rejected,
            replayed,
            not_executed,
            timers,
            effects,
            declined,
            panics,
            activated,
            passivated,
        } = shard.stats();
        let (answers, waiting) = (u64::from(shard.answers_waiting()), shard.effects_waiting() as u64);
        let now = [
            commands,
            accepted,
            rejected,
            replayed,
            not_executed,
            timers,
            effects,
            declined,
            panics,
            activated,
            passivated,
            answers,
            waiting,
            shard.resident() as u64,
        ];
        for (place, value) in self.values.iter().zip(now) {
            place.store(value, Ordering::Relaxed);
        }
    }
}

/// The parts of all threads.
pub(super) struct Signs {
    began: Instant,
    shards: Vec<ShardSigns>,
    checkpoints: AtomicU64,
    checkpoint_failures: AtomicU64,
    checkpoint_took_us: AtomicU64,
    /// Microseconds after `began`.
    checkpoint_ended_us: AtomicU64,
    pub(super) archive_failures: AtomicU64,
    /// The last record that the notary has signed.
    pub(super) signed: AtomicU64,
    /// The last record that was judged or passed over; [`NOTHING`] while nothing is judged.
    pub(super) inspected_to: AtomicU64,
    pub(super) inspected: AtomicU64,
    pub(super) inspector_skipped: AtomicU64,
    pub(super) violations: AtomicU64,
}

impl Signs {
    pub(super) fn new(shards: u16) -> Self {
        Self {
            began: Instant::now(),
            shards: (0..shards).map(|_| ShardSigns::default()).collect(),
            checkpoints: AtomicU64::new(0),
            checkpoint_failures: AtomicU64::new(0),
            checkpoint_took_us: AtomicU64::new(0),
            checkpoint_ended_us: AtomicU64::new(0),
            archive_failures: AtomicU64::new(0),
            signed: AtomicU64::new(0),
            inspected_to: AtomicU64::new(NOTHING),
            inspected: AtomicU64::new(0),
            inspector_skipped: AtomicU64::new(0),
            violations: AtomicU64::new(0),
        }
    }

    /// The part of one shard.
    pub(super) fn shard(&self, number: u16) -> Option<&ShardSigns> {
        self.shards.get(usize::from(number))
    }

    /// A checkpoint has ended.
    pub(super) fn checkpointed(&self, took: Duration, succeeded: bool) {
        self.checkpoint_took_us.store(micros(took), Ordering::Relaxed);
        if succeeded {
            self.checkpoints.fetch_add(1, Ordering::Relaxed);
            self.checkpoint_ended_us.store(micros(self.began.elapsed()), Ordering::Relaxed);
        } else {
            self.checkpoint_failures.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// What stands in each queue, as its receiver knows it.
pub(super) struct Queues {
    /// Messages that wait for the views.
    pub(super) views: usize,
    /// How far the views are.
    pub(super) shown: u64,
    pub(super) links: usize,
}

/// All signs together.
pub(super) fn vitals(shared: &Shared, queues: &Queues) -> Vitals {
    let (signs, committer) = (&shared.signs, &shared.committer);
    let (durable, stats) = (committer.durable(), committer.stats());
    let read = |value: &AtomicU64| value.load(Ordering::Relaxed);
    let uptime = micros(signs.began.elapsed());
    let behind = |reached: u64| if reached == NOTHING { 0 } else { durable.saturating_sub(reached) };
    let mut vitals = Vitals::empty();
    for (at, sign) in SHARD_SIGNS.into_iter().enumerate() {
        vitals.set(sign, signs.shards.iter().map(|shard| read(&shard.values[at])).sum());
    }
    let archived = read(&shared.archive_needs);
    let signed = if shared.notary.is_some() { read(&signs.signed) } else { NOTHING };
    for (sign, value) in [
        (Sign::Uptime, uptime),
        (Sign::Links, queues.links as u64),
        (Sign::Position, durable),
        (Sign::Commits, read(&stats.commits)),
        (Sign::Records, read(&stats.records)),
        (Sign::Bytes, read(&stats.bytes)),
        (Sign::Waiting, committer.waiting() as u64),
        (Sign::Stalled, micros(committer.under_way())),
        (Sign::ViewsWaiting, queues.views as u64),
        (Sign::ViewsBehind, behind(queues.shown)),
        (Sign::Checkpoints, read(&signs.checkpoints)),
        (Sign::CheckpointFailures, read(&signs.checkpoint_failures)),
        (Sign::CheckpointTook, read(&signs.checkpoint_took_us)),
        (Sign::CheckpointAge, uptime.saturating_sub(read(&signs.checkpoint_ended_us))),
        (Sign::ArchiveBehind, behind(if archived == NOTHING { NOTHING } else { archived.saturating_sub(1) })),
        (Sign::ArchiveFailures, read(&signs.archive_failures)),
        (Sign::NotaryBehind, behind(signed)),
        (Sign::Inspected, read(&signs.inspected)),
        (Sign::InspectorBehind, behind(read(&signs.inspected_to))),
        (Sign::InspectorSkipped, read(&signs.inspector_skipped)),
        (Sign::Violations, read(&signs.violations)),
    ] {
        vitals.set(sign, value);
    }
    vitals.appends = stats.appends.iter().map(read).collect();
    vitals.append_us = read(&stats.append_us);
    vitals
}

/// The frame that tells them.
pub(super) fn frame(vitals: &Vitals) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_record_frame(&mut bytes, FrameKind::Vitals, vitals);
    bytes
}
