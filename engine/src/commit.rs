//! Group commit: everything that waits becomes one frame, one write, one sync; then it is told.
//!
//! Shards submit units and go on. Whoever holds the journal takes all that is waiting (at most
//! [`vendue_storage::MAX_BATCH_BYTES`]), appends it and releases it: replies to the links, decisions to the views, facts
//! to the other shards. While that syncs, the next batch gathers; no timer delays a commit. When the journal is idle and
//! few records wait, the shard that submits them commits itself, which saves a crossing from thread to thread.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use vendue_domain::mutant;
use vendue_protocol::signs::APPEND_BOUNDS_US;
use vendue_storage::{AppendError, Journal, MAX_BATCH_BYTES, Position};

use crate::unit::Unit;

/// A unit with at most this many records is committed by the shard itself when the journal is idle.
const INLINE_RECORDS_MAX: u32 = 4;

/// How many empty units are kept for reuse.
const SPARE_MAX: usize = 64;

/// Who hears of units once they are durable. Called in journal order, one at a time.
pub trait Release: Send + Sync {
    /// These units are durable.
    fn release(&self, units: &mut Vec<Box<Unit>>);
    /// The journal has failed: nothing more will be durable.
    fn failed(&self, error: &AppendError);
}

struct Queue {
    units: VecDeque<Box<Unit>>,
    next: Position,
}

/// What a commit did, for the metrics.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct CommitStats {
    pub commits: AtomicU64,
    pub inline_commits: AtomicU64,
    pub records: AtomicU64,
    pub bytes: AtomicU64,
    /// Time spent in appends, in microseconds.
    pub append_us: AtomicU64,
    /// How many appends took at most so long as each of [`APPEND_BOUNDS_US`]; then those beyond.
    pub appends: [AtomicU64; APPEND_BOUNDS_US.len() + 1],
}

/// Gives positions to units and makes them durable.
pub struct Committer {
    queue: Mutex<Queue>,
    journal: Mutex<Box<dyn Journal>>,
    release: Box<dyn Release>,
    next: AtomicU64,
    durable: AtomicU64,
    failed: AtomicBool,
    stopping: AtomicBool,
    sleeping: AtomicBool,
    thread: OnceLock<Thread>,
    spare: crossbeam::queue::ArrayQueue<Box<Unit>>,
    inline: bool,
    stats: CommitStats,
    made: Instant,
    /// Microseconds after `made` when the append under way began; 0 while there is none.
    append_began_us: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Committer {
    /// A committer on `journal`. `inline` allows shards to commit themselves.
    #[must_use]
    pub fn new(journal: Box<dyn Journal>, release: Box<dyn Release>, inline: bool) -> Self {
        let last = journal.last();
        Self {
            queue: Mutex::new(Queue { units: VecDeque::new(), next: last + 1 }),
            journal: Mutex::new(journal),
            release,
            next: AtomicU64::new(last + 1),
            durable: AtomicU64::new(last),
            failed: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            sleeping: AtomicBool::new(false),
            thread: OnceLock::new(),
            spare: crossbeam::queue::ArrayQueue::new(SPARE_MAX),
            inline,
            stats: CommitStats::default(),
            made: Instant::now(),
            append_began_us: AtomicU64::new(0),
        }
    }

    /// The position that the next record gets if no other shard submits before.
    #[must_use]
    pub fn next(&self) -> Position {
        self.next.load(Ordering::Acquire)
    }

    /// The last durable position.
    #[must_use]
    pub fn durable(&self) -> Position {
        self.durable.load(Ordering::Acquire)
    }

    /// Whether the journal has failed: nothing more is acknowledged (I8).
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// What commits have done.
    #[must_use]
    pub const fn stats(&self) -> &CommitStats {
        &self.stats
    }

    /// How many units wait to become durable.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.queue).units.len()
    }

    /// How long the append under way has taken so far; nothing where there is none.
    #[must_use]
    pub fn under_way(&self) -> Duration {
        match self.append_began_us.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            began => self.made.elapsed().saturating_sub(Duration::from_micros(began)),
        }
    }

    /// Never 0.
    fn micros_at(&self, instant: Instant) -> u64 {
        1 + instant.saturating_duration_since(self.made).as_micros() as u64
    }

    /// An empty unit, used before where there is one.
    #[must_use]
    pub fn spare(&self) -> Box<Unit> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a unit back for reuse.
    pub fn recycle(&self, mut unit: Box<Unit>) {
        unit.clear();
        let _ = self.spare.push(unit);
    }

    /// Puts a unit in line and returns the position of its first record. The caller goes on at once; the unit is
    /// released when it is durable.
    pub fn submit(&self, mut unit: Box<Unit>) -> Position {
        let records = unit.batch.len();
        let mut queue = lock(&self.queue);
        let first = queue.next;
        unit.place(first);
        queue.next = first + u64::from(records);
        self.next.store(queue.next, Ordering::Release);
        let alone = queue.units.is_empty();
        queue.units.push_back(unit);
        drop(queue);
        if self.inline
            && alone
            && records <= INLINE_RECORDS_MAX
            && let Ok(mut journal) = self.journal.try_lock()
        {
            self.stats.inline_commits.fetch_add(1, Ordering::Relaxed);
            self.commit(&mut **journal);
            return first;
        }
        self.wake();
        first
    }

    /// Wakes the journal's thread if it said that it sleeps.
    fn wake(&self) {
        if self.sleeping.swap(false, Ordering::AcqRel)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Commits what is waiting, if anything is; for callers without a journal thread (benches, simulation).
    pub fn commit_now(&self) {
        let mut journal = lock(&self.journal);
        self.commit(&mut **journal);
    }

    /// Commits everything that is waiting, a batch at a time.
    fn commit(&self, journal: &mut dyn Journal) {
        let mut units: Vec<Box<Unit>> = Vec::new();
        loop {
            self.take_batch(&mut units);
            if units.is_empty() {
                return;
            }
            if self.has_failed() {
                // Nothing is acknowledged any more: the replies are dropped with their units.
                units.clear();
                continue;
            }
            match self.append(journal, &units) {
                Ok(last) => {
                    self.durable.store(last, Ordering::Release);
                    self.release.release(&mut units);
                    for unit in units.drain(..) {
                        self.recycle(unit);
                    }
                }
                Err(error) => {
                    if mutant("told_before_durable") {
                        self.release.release(&mut units);
                    }
                    self.failed.store(true, Ordering::Release);
                    self.release.failed(&error);
                    units.clear();
                }
            }
        }
    }

    fn take_batch(&self, units: &mut Vec<Box<Unit>>) {
        let mut queue = lock(&self.queue);
        let mut bytes = 0;
        while let Some(unit) = queue.units.front() {
            bytes += unit.batch.bytes();
            if !units.is_empty() && bytes > MAX_BATCH_BYTES {
                break;
            }
            if let Some(unit) = queue.units.pop_front() {
                units.push(unit);
            }
        }
    }

    fn append(&self, journal: &mut dyn Journal, units: &[Box<Unit>]) -> Result<Position, AppendError> {
        let mut batches: smallvec::SmallVec<[&vendue_storage::Batch; 16]> =
            units.iter().map(|unit| &unit.batch).filter(|batch| !batch.is_empty()).collect();
        if mutant("ghost_record") && self.durable() % 16 == 15 {
            // The same records once more: nobody asked for them.
            let first = batches.first().copied();
            batches.extend(first);
        }
        if batches.is_empty() {
            return Ok(self.durable());
        }
        let began = Instant::now();
        self.append_began_us.store(self.micros_at(began), Ordering::Relaxed);
        if mutant("unit_dropped") && self.durable() % 8 == 7 {
            return Ok(self.durable() + batches.iter().map(|batch| u64::from(batch.len())).sum::<u64>());
        }
        let last = match journal.append(&batches, self.durable()) {
            Err(_) if mutant("append_error_ignored") => {
                self.durable() + batches.iter().map(|batch| u64::from(batch.len())).sum::<u64>()
            }
            appended => appended?,
        };
        let stats = &self.stats;
        stats.commits.fetch_add(1, Ordering::Relaxed);
        stats.records.fetch_add(last - self.durable(), Ordering::Relaxed);
        stats.bytes.fetch_add(batches.iter().map(|batch| batch.bytes() as u64).sum(), Ordering::Relaxed);
        let took_us = began.elapsed().as_micros() as u64;
        stats.append_us.fetch_add(took_us, Ordering::Relaxed);
        let bucket = APPEND_BOUNDS_US.partition_point(|&bound| bound < took_us);
        stats.appends[bucket].fetch_add(1, Ordering::Relaxed);
        self.append_began_us.store(0, Ordering::Relaxed);
        Ok(last)
    }

    /// The journal's thread: commits until [`Committer::stop`].
    pub fn run(self: &Arc<Self>) {
        let _ = self.thread.set(std::thread::current());
        while !self.stopping.load(Ordering::Acquire) {
            self.sleeping.store(true, Ordering::Release);
            if lock(&self.queue).units.is_empty() {
                let mut journal = lock(&self.journal);
                if let Err(error) = journal.prepare() {
                    tracing::warn!(%error, "the next segment cannot be prepared ahead");
                }
                drop(journal);
                if lock(&self.queue).units.is_empty() && !self.stopping.load(Ordering::Acquire) {
                    std::thread::park_timeout(Duration::from_millis(500));
                }
            }
            self.sleeping.store(false, Ordering::Release);
            if !lock(&self.queue).units.is_empty() {
                let mut journal = lock(&self.journal);
                self.commit(&mut **journal);
            }
        }
        self.commit_now();
    }

    /// Ends the journal's thread after what is waiting has been committed.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.sleeping.store(false, Ordering::Release);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Runs `work` on the journal while nothing is appended (truncation, seals).
    pub fn with_journal<T>(&self, work: impl FnOnce(&mut dyn Journal) -> T) -> T {
        work(&mut **lock(&self.journal))
    }
}
