//! The state of all actors at any past moment.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use vendue_domain::actor::{ActorAddress, Entity};
use vendue_domain::record::{Field, RecordError};
use vendue_domain::time::Timestamp;
use vendue_storage::{Bases, StorageError};

use super::{Offline, Start};
use crate::entry::{Decided, Entry};
use crate::error::EngineError;
use crate::shard::replayed;

/// How far a replay goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// To the last durable record.
    End,
    /// To this record, inclusive.
    Position(u64),
    /// To the last record that was decided at or before this moment.
    Time(Timestamp),
}

impl Until {
    fn is_past(self, position: u64, time: Timestamp) -> bool {
        match self {
            Self::End => false,
            Self::Position(last) => position > last,
            Self::Time(moment) => time > moment,
        }
    }
}

/// What a journal came to.
#[derive(Default)]
pub struct Past {
    /// Every actor with its sequence number.
    pub actors: BTreeMap<ActorAddress, (u64, Entity)>,
    /// The decisions of the actor asked for, with their positions.
    pub history: Vec<(u64, Decided)>,
    /// The last record taken; 0 where there is none.
    pub position: u64,
    /// Its time.
    pub time: Timestamp,
    /// How many records were taken, rejections and the engine's own too.
    pub records: u64,
    /// How many of them are rejections.
    pub rejections: u64,
    /// Actors whose beginning is not in the journal any more: they are left out.
    pub unknown: u64,
}

impl Past {
    /// Replays a journal. The decisions of `whose` are kept; `progress` hears of each record's position.
    ///
    /// # Errors
    /// Damage, or a record that cannot be read or does not continue its actor's state.
    pub fn replay(
        offline: &Offline,
        until: Until,
        whose: Option<ActorAddress>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, EngineError> {
        let mut past = Self::default();
        let mut failed = None;
        let from = match offline.start() {
            Start::Genesis(_) => 1,
            Start::Kept { first } => *first,
            Start::Base { .. } => past.begin(offline, until)?,
        };
        let is_whole = !matches!(offline.start(), Start::Kept { .. });
        offline.journal().read(from, &mut |position, record| {
            progress(position);
            match Entry::from_bytes(record) {
                Ok(entry) if until.is_past(position, entry.time()) => ControlFlow::Break(()),
                Ok(entry) => match past.take(position, entry, whose, is_whole) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(EngineError::Record { position, error });
                        ControlFlow::Break(())
                    }
                },
                Err(error) => {
                    failed = Some(EngineError::Record { position, error });
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(past), Err)
    }

    /// Begins with the newest base that does not know more than it may; from where the journal is read on.
    fn begin(&mut self, offline: &Offline, until: Until) -> Result<u64, EngineError> {
        let journal = offline.journal();
        let time_of = |position: u64| -> Result<Timestamp, EngineError> {
            let record = journal.record(position)?.unwrap_or_default();
            let read = Entry::time_and_key(&record);
            read.map(|(time, _)| time).map_err(|error| EngineError::Record { position, error })
        };
        let bases = offline.bases();
        let names = bases.map_or_else(|| Ok(Vec::new()), Bases::list)?;
        for (bases, base) in bases.into_iter().flat_map(|bases| names.iter().map(move |base| (bases, base))) {
            if base.replay_from < journal.first() || base.highest > journal.last() {
                continue;
            }
            let time = time_of(base.highest)?;
            if until.is_past(base.highest, time) || bases.verify(base).is_err() {
                continue;
            }
            self.actors = offline.begun(base)?.actors;
            (self.position, self.time) = (base.highest, time);
            return Ok(base.replay_from);
        }
        let first = journal.first();
        Err(EngineError::Storage(StorageError::Backend {
            what: "that moment is not in this directory any more",
            message: format!(
                "the journal begins with record {first}, and no base is so old; restore the moment from a backup or the archive (vendue restore --at)"
            ),
        }))
    }

    fn take(
        &mut self,
        position: u64,
        entry: Entry,
        whose: Option<ActorAddress>,
        is_whole: bool,
    ) -> Result<(), RecordError> {
        (self.position, self.time) = (position, entry.time());
        self.records += 1;
        let decided = match entry {
            Entry::Decided(decided) => decided,
            Entry::Refused(_) | Entry::Declined(_) => {
                self.rejections += 1;
                return Ok(());
            }
            _ => return Ok(()),
        };
        let missing = RecordError::Invalid("a record of this actor is missing before it");
        let Some(address) = decided.address() else { return Err(missing) };
        match replayed(self.actors.remove(&address), &decided) {
            Some(state) => drop(self.actors.insert(address, state)),
            None if is_whole => return Err(missing),
            None => self.unknown += 1,
        }
        if whose == Some(address) {
            self.history.push((position, decided));
        }
        Ok(())
    }
}
