//! What the journal comes to against what was checkpointed, actor by actor, and key lists against the journal.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

use vendue_domain::actor::{ActorAddress, Entity};
use vendue_domain::id::Id;
use vendue_domain::record::Field;
use vendue_storage::{BaseName, KeyLists, Position, Seal, SledStore, StateStore};

use super::Begun;
use super::ground::copy;
use super::report::VerifyReport;
use crate::effects::Lane;
use crate::entry::Keyed;
use crate::recovery::{ACTOR_KINDS, Marker};
use crate::shard::{read_stored, stored_bytes};
use crate::views::ViewSpace;

const STATE: &str = "state";
const KEYS: &str = "keys";
pub(super) const BASES: &str = "bases";
const REBUILD: &str = "stop the engine, move state/ away and start it: it builds the state again from the journal, which is the truth";
pub(super) const OTHER_BASE: &str =
    "remove the file: the engine takes the other base, or the journal where it is whole, and writes another";
const REWRITE: &str = "stop the engine, remove the list and start it: it is written again from its segment";

/// Of the copy of the state store: enough for any store that was written with the engine's own default.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

struct Stored {
    seq: u64,
    hash: u128,
    is_compared: bool,
}

/// Checkpointed states, of the store or of a base, to be met by the journal's.
pub(super) struct StateAudit {
    check: &'static str,
    remedy: &'static str,
    actors: HashMap<ActorAddress, Stored>,
    lanes: HashMap<u16, Lane>,
    replay_from: Position,
    is_due: bool,
    last_lanes: HashMap<u16, Lane>,
}

fn hash(bytes: &[u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128(bytes)
}

impl StateAudit {
    /// Reads a copy of the state store; `None` where there is nothing to compare, and the report says why.
    pub(super) fn open(dir: &Path, cell: Option<u128>, report: &mut VerifyReport) -> Option<Self> {
        let state = dir.join("state");
        if !state.join("sled").exists() {
            report.skipped(STATE, "there is no checkpoint");
            return None;
        }
        match Self::read(&state, cell, report) {
            Ok(Some(audit)) => Some(audit),
            Ok(None) => None,
            Err(why) => {
                report.skipped(
                    STATE,
                    format!("a copy of state/ cannot be read: {why} (TMPDIR says where it is put)"),
                );
                None
            }
        }
    }

    fn read(state: &Path, cell: Option<u128>, report: &mut VerifyReport) -> Result<Option<Self>, String> {
        let failed = |error: &dyn std::fmt::Display| error.to_string();
        let scratch =
            tempfile::Builder::new().prefix("vendue-verify-").tempdir().map_err(|error| failed(&error))?;
        let beside = scratch.path().join("state");
        copy(state, &beside).map_err(|error| failed(&error))?;
        let store = SledStore::open(&beside, CACHE_BYTES).map_err(|error| failed(&error))?;
        if let Some((_, why)) = &store.report().set_aside {
            report.found(STATE, format!("the state store is damaged: {why}"), REBUILD);
            report.checked(STATE, String::new());
            return Ok(None);
        }
        let Some(bytes) = store.marker().map_err(|error| failed(&error))? else {
            report.skipped(STATE, "there is no complete checkpoint");
            return Ok(None);
        };
        let marker = match Marker::from_bytes(&bytes) {
            Ok(marker) if cell.is_none_or(|cell| cell == marker.cell) => marker,
            Ok(_) => {
                report.found(STATE, "the state store belongs to another journal", REBUILD);
                report.checked(STATE, String::new());
                return Ok(None);
            }
            Err(error) => {
                report.found(STATE, format!("the checkpoint's marker cannot be read: {error}"), REBUILD);
                report.checked(STATE, String::new());
                return Ok(None);
            }
        };
        let mut audit = Self {
            check: STATE,
            remedy: REBUILD,
            actors: HashMap::new(),
            lanes: HashMap::new(),
            replay_from: marker.replay_from,
            is_due: true,
            last_lanes: HashMap::new(),
        };
        audit.load(&store, report).map_err(|error| failed(&error))?;
        Ok(Some(audit))
    }

    /// A base's, in the place of the store's.
    pub(super) fn of_base(base: &BaseName, begun: &Begun) -> Self {
        let stored = |(address, (seq, entity)): (&ActorAddress, &(u64, Entity))| {
            (*address, Stored { seq: *seq, hash: hash(&stored_bytes(*seq, entity)), is_compared: false })
        };
        Self {
            check: BASES,
            remedy: OTHER_BASE,
            actors: begun.actors.iter().map(stored).collect(),
            lanes: begun.lanes.clone(),
            replay_from: base.replay_from,
            is_due: true,
            last_lanes: HashMap::new(),
        }
    }

    /// What the journal is read on from: states and lanes of a base.
    pub(super) fn begin(&mut self, begun: &Begun, report: &mut VerifyReport) {
        self.last_lanes.clone_from(&begun.lanes);
        for (address, actor) in &begun.actors {
            self.after(0, address, actor, report);
        }
    }

    fn load(
        &mut self,
        store: &SledStore,
        report: &mut VerifyReport,
    ) -> Result<(), vendue_storage::StorageError> {
        for kind in ACTOR_KINDS {
            store.scan(kind as u8, &mut |key, value| {
                let address = ActorAddress { kind, id: Id(key.id) };
                match read_stored(&address, value) {
                    Ok((seq, _)) => {
                        self.actors.insert(address, Stored { seq, hash: hash(value), is_compared: false });
                    }
                    Err(error) => {
                        report.found(STATE, format!("the stored {address} cannot be read: {error}"), REBUILD);
                    }
                }
                ControlFlow::Continue(())
            })?;
        }
        store.scan(ViewSpace::Lane as u8, &mut |key, value| {
            match Lane::from_bytes(value) {
                Ok(lane) => drop(self.lanes.insert(key.slot, lane)),
                Err(error) => {
                    report.found(
                        STATE,
                        format!("the lane of slot {} cannot be read: {error}", key.slot),
                        REBUILD,
                    );
                }
            }
            ControlFlow::Continue(())
        })
    }

    /// Before the record at `position`: whatever the marker says is stored must be.
    pub(super) fn before<'a>(
        &mut self,
        position: Position,
        actors: impl Iterator<Item = (&'a ActorAddress, &'a (u64, Entity))>,
        report: &mut VerifyReport,
    ) {
        if !self.is_due || position < self.replay_from {
            return;
        }
        self.is_due = false;
        for (address, (seq, _)) in actors {
            let stored = self.actors.get(address).map_or(0, |stored| stored.seq);
            if stored < *seq {
                let what = format!(
                    "{address} is stored at its number {stored}; at record {}, from where a start reads on, it is at {seq}",
                    self.replay_from
                );
                report.found(self.check, what, self.remedy);
            }
        }
    }

    /// After a decision: where the store has the actor at this number, both must be the same.
    pub(super) fn after(
        &mut self,
        position: Position,
        address: &ActorAddress,
        (seq, entity): &(u64, Entity),
        report: &mut VerifyReport,
    ) {
        let Some(stored) = self.actors.get_mut(address).filter(|stored| stored.seq == *seq) else { return };
        stored.is_compared = true;
        let rebuilt = hash(&stored_bytes(*seq, entity));
        if rebuilt != stored.hash {
            let what = format!(
                "{address} at its number {seq} (record {position}): the journal gives {rebuilt:032x}, the store has {:032x}",
                stored.hash
            );
            report.found(self.check, what, self.remedy);
        }
    }

    /// An effect's outcome.
    pub(super) fn lane(&mut self, slot: u16, lane: Lane) {
        self.last_lanes.insert(slot, lane);
    }

    /// At the end of the journal: how many actors were compared.
    pub(super) fn end(mut self, last: Position, report: &mut VerifyReport) -> usize {
        let mut missing: Vec<_> = self.actors.iter().filter(|(_, stored)| !stored.is_compared).collect();
        missing.sort_by_key(|(address, _)| **address);
        for (address, stored) in missing {
            let what = format!(
                "{address} is stored at its number {}, which no record up to {last} leads to",
                stored.seq
            );
            report.found(self.check, what, self.remedy);
        }
        for (slot, lane) in std::mem::take(&mut self.lanes) {
            if self.last_lanes.get(&slot).is_none_or(|last| *last < lane) {
                report.found(
                    self.check,
                    format!("slot {slot} is stored as done up to {lane:?}, which has no outcome"),
                    self.remedy,
                );
            }
        }
        self.actors.len()
    }
}

/// The lists of sealed segments' keys.
pub(super) struct KeyAudit {
    lists: KeyLists,
    covered: Vec<Seal>,
    looked_up: u64,
    _scratch: tempfile::TempDir,
}

impl KeyAudit {
    /// Reads a copy of the lists; `None` where there are none, and the report says so.
    pub(super) fn open(dir: &Path, report: &mut VerifyReport) -> Option<Self> {
        let keys = dir.join("keys");
        let opened =
            tempfile::Builder::new().prefix("vendue-verify-").tempdir().map_err(|error| error.to_string());
        let opened = opened.and_then(|scratch| {
            if keys.exists() {
                copy(&keys, scratch.path()).map_err(|error| error.to_string())?;
            }
            let lists = KeyLists::open(scratch.path()).map_err(|error| error.to_string())?;
            Ok((scratch, lists))
        });
        match opened {
            Ok((scratch, lists)) => {
                for bad in lists.bad() {
                    report.found(KEYS, format!("a list is damaged: {bad}"), REWRITE);
                }
                let covered = lists.covered();
                Some(Self { lists, covered, looked_up: 0, _scratch: scratch })
            }
            Err(why) => {
                report.skipped(KEYS, format!("a copy of keys/ cannot be read: {why}"));
                None
            }
        }
    }

    /// A record with a key: its list must know it.
    pub(super) fn take(&mut self, position: Position, keyed: Keyed, report: &mut VerifyReport) {
        if !self.covered.iter().any(|range| (range.first..=range.last).contains(&position)) {
            return;
        }
        self.looked_up += 1;
        let what = match self.lists.lookup(keyed.hash) {
            Ok(Some((content, _))) if content == keyed.content => return,
            Ok(Some(_)) => "another content",
            Ok(None) => "nothing",
            Err(error) => return report.found(KEYS, error.to_string(), REWRITE),
        };
        report.found(KEYS, format!("of the key of record {position} the lists know {what}"), REWRITE);
    }

    pub(super) fn end(self, report: &mut VerifyReport) {
        report.checked(KEYS, format!("{} lists, {} keys", self.covered.len(), self.looked_up));
    }
}
