//! Bases after checkpoints, and the journal's oldest segments gone when nothing needs them any more.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_storage::{BaseFacts, BaseName, Position};

use super::{Kept, Shared, Waking};
use crate::base::BASES_KEPT;
use crate::entry::Entry;
use crate::recovery::Marker;
use crate::retention::{Limits, Needs, Sealed, cut};

/// How often it is looked whether segments may go: a segment takes longer to fill.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is said in the log that segments should go and may not.
const SAY_EVERY: Duration = Duration::from_secs(600);

/// The least pause after each block of a base that is written or read. It rests as long as the block took, too: at most
/// half of a core and of the disk.
const BLOCK_PAUSE: Duration = Duration::from_millis(1);

/// Bytes of a base that are checked between two pauses.
const CHECKED_BYTES: u64 = 256 * 1024;

/// What is known of the files, between two looks.
#[derive(Default)]
pub(super) struct Trimming {
    looked: Option<Instant>,
    said: Option<Instant>,
    /// Bases that this process has read from their beginning to their end.
    good: HashSet<BaseName>,
    /// When the last records of sealed segments were decided.
    until: HashMap<Position, Timestamp>,
}

/// Rests after work, in proportion to it.
struct Pace {
    began: Instant,
    bytes: u64,
}

impl Pace {
    fn begin() -> Self {
        Self { began: Instant::now(), bytes: 0 }
    }

    fn rest(&mut self) {
        std::thread::sleep(self.began.elapsed().min(Duration::from_millis(100)) + BLOCK_PAUSE);
        *self = Self::begin();
    }
}

impl Kept {
    /// Writes a base of the checkpoint that has just been completed, where the journal has grown enough since the last one.
    pub(super) fn write_base(
        &self,
        shared: &Shared,
        marker: &Marker,
        trimming: &mut Trimming,
        waking: &mut Waking,
    ) {
        // Everything that the checkpoint stored was durable first.
        let highest = shared.committer.durable();
        match self.base_is_due(shared) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return tracing::error!(%error, "the bases cannot be listed"),
        }
        let mut genesis = Vec::new();
        Entry::Genesis(shared.genesis).encode(&mut genesis);
        let facts = BaseFacts {
            cell: shared.genesis.cell.to_be_bytes(),
            replay_from: marker.replay_from,
            highest,
            marker: marker.to_bytes(),
            genesis,
        };
        let (began, mut pace) = (Instant::now(), Pace::begin());
        let written = self.bases.write(&facts, &*self.store, &mut |_| {
            pace.rest();
            waking.look(shared, &*self.store);
            if shared.failed.load(Ordering::Acquire) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        match written {
            Ok(Some(cost)) => tracing::info!(
                replay_from = facts.replay_from,
                values = cost.items,
                bytes = cost.bytes,
                took_ms = began.elapsed().as_millis() as u64,
                "a base"
            ),
            Ok(None) => return,
            Err(error) => {
                return tracing::error!(%error, "a base cannot be written; the journal keeps what it would cover");
            }
        }
        let name = BaseName { replay_from: facts.replay_from, highest };
        if self.is_good(shared, &name, trimming, waking)
            && let Err(error) = self.bases.prune(BASES_KEPT)
        {
            tracing::error!(%error, "an old base cannot be removed");
        }
    }

    fn base_is_due(&self, shared: &Shared) -> Result<bool, vendue_storage::StorageError> {
        let names = self.bases.list()?;
        let from = names.first().map_or(0, |newest| newest.replay_from);
        let parts = self.reader.parts();
        let newer =
            parts.iter().filter(|part| part.first >= from).map(|part| part.durable_bytes).sum::<u64>();
        // Where segments shall go, two bases are wanted as soon as one is sealed.
        let is_waited_for = limits(shared).is_set() && parts.len() > 1 && names.len() < BASES_KEPT;
        Ok(newer >= shared.options.base_bytes || (is_waited_for && newer > 0))
    }

    /// Whether a base is whole; one that is not is set aside. Each is read once.
    fn is_good(
        &self,
        shared: &Shared,
        name: &BaseName,
        trimming: &mut Trimming,
        waking: &mut Waking,
    ) -> bool {
        if trimming.good.contains(name) {
            return true;
        }
        let mut pace = Pace::begin();
        let read = self.bases.read(name, &mut |item| {
            pace.bytes += item.value.len() as u64;
            if pace.bytes >= CHECKED_BYTES {
                pace.rest();
                waking.look(shared, &*self.store);
            }
            if shared.failed.load(Ordering::Acquire) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        match read {
            Ok(_) if shared.failed.load(Ordering::Acquire) => false,
            Ok(_) => trimming.good.insert(*name),
            Err(error) => {
                tracing::error!(base = name.file(), %error, "a base is not good; it is set aside");
                if let Err(error) = self.bases.set_aside(name) {
                    tracing::error!(%error, "it cannot be set aside");
                }
                false
            }
        }
    }

    /// Removes segments that should and may go.
    pub(super) fn trim(&self, shared: &Shared, trimming: &mut Trimming, waking: &mut Waking) {
        let limits = limits(shared);
        if !limits.is_set() || trimming.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return;
        }
        trimming.looked = Some(Instant::now());
        if let Err(error) = self.trim_to(shared, limits, trimming, waking) {
            tracing::error!(error, "the journal's oldest segments cannot be removed; it is tried again");
        }
    }

    fn trim_to(
        &self,
        shared: &Shared,
        limits: Limits,
        trimming: &mut Trimming,
        waking: &mut Waking,
    ) -> Result<(), String> {
        let (sealed, newest) = self.sealed(trimming)?;
        let now = shared.clock.now();
        let nobody = u64::MAX;
        let free = Needs { rebuild: nobody, keys: nobody, notary: nobody, archive: nobody };
        let wanted = cut(&sealed, newest, now, limits, &free);
        if wanted == 0 {
            return Ok(());
        }
        let names = self.bases.list().map_err(|error| error.to_string())?;
        let covering = names.get(..BASES_KEPT).unwrap_or_default();
        let is_covered =
            !covering.is_empty() && covering.iter().all(|name| self.is_good(shared, name, trimming, waking));
        let needs = Needs {
            rebuild: if is_covered {
                covering.iter().map(|name| name.replay_from).min().unwrap_or(0)
            } else {
                0
            },
            keys: self.listed.needed(),
            notary: shared.notary_needs.load(Ordering::Acquire),
            archive: shared.archive_needs.load(Ordering::Acquire),
        };
        let first = cut(&sealed, newest, now, limits, &needs);
        if first < wanted && trimming.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            trimming.said = Some(Instant::now());
            let (needed, why) = needs.first();
            tracing::info!(wanted, needed, why, "older segments of the journal stay for now");
        }
        if first == 0 {
            return Ok(());
        }
        self.remover.remove_before(first).map_err(|error| error.to_string())?;
        trimming.until.retain(|last, _| *last >= first);
        tracing::info!(first, "older segments of the journal are removed");
        Ok(())
    }

    /// All segments but the newest, and the size of that.
    fn sealed(&self, trimming: &mut Trimming) -> Result<(Vec<Sealed>, u64), String> {
        let parts = self.reader.parts();
        let mut sealed = Vec::with_capacity(parts.len());
        for (part, next) in parts.iter().zip(parts.iter().skip(1)) {
            let last = next.first - 1;
            let until = match trimming.until.get(&last) {
                Some(until) => *until,
                None => {
                    let record =
                        self.reader.record(last).map_err(|error| error.to_string())?.unwrap_or_default();
                    let (until, _) = Entry::time_and_key(&record).map_err(|error| error.to_string())?;
                    *trimming.until.entry(last).or_insert(until)
                }
            };
            sealed.push(Sealed { last, bytes: part.file_bytes, until });
        }
        Ok((sealed, parts.last().map_or(0, |part| part.durable_bytes)))
    }
}

fn limits(shared: &Shared) -> Limits {
    let age_us = i64::try_from(shared.options.retention_ms.saturating_mul(1_000)).unwrap_or(i64::MAX);
    Limits { bytes: shared.options.retention_bytes, age_us }
}
