//! A data directory without its engine: read, replayed and judged; nothing in it is changed.
//!
//! The journal is read in place ([`FileJournal::read_only`]), also while an engine writes it: as far as it went when it was
//! opened. sled cannot be opened without being written to, so `state/` is opened as a copy, and only where no engine runs;
//! key lists as well. The vault is read into memory.

mod ground;
mod notary;
mod past;
mod report;
mod state;
mod town;
mod verify;

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vendue_domain::actor::{ActorAddress, ActorKind, Entity};
use vendue_domain::id::Id;
use vendue_domain::record::{Field, RecordError};
use vendue_storage::{BaseName, Bases, FileJournal, JournalReader, Key};

use crate::archive::JOURNAL;
use crate::base::{BASES_DIR, genesis_of};
use crate::effects::Lane;
use crate::entry::Genesis;
use crate::error::EngineError;
use crate::recovery::read_genesis;
use crate::shard::read_stored;
use crate::views::ViewSpace;

pub use ground::{OfflineVault, Opened};
pub use past::{Past, Until};
pub use report::{CheckReport, Finding, Outcome, VerifyReport};
pub use town::{Broken, Town};
pub use verify::{VerifyOptions, verify};

/// From where a replay begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// From the first record: everything is known.
    Genesis(Genesis),
    /// The first records are gone (retention), and a base stands for them.
    Base {
        /// The first record, as the base has it.
        genesis: Genesis,
        /// The oldest base that is good.
        base: BaseName,
    },
    /// The first records are gone and there is no base: from the oldest that is there. What an actor was before it is not known.
    Kept {
        /// The oldest record.
        first: u64,
    },
}

/// A data directory, open for reading.
pub struct Offline {
    dir: PathBuf,
    journal: Arc<dyn JournalReader>,
    bases: Option<Bases>,
    start: Start,
}

/// What a base holds of the actors and of the effects that were decided.
pub(crate) struct Begun {
    pub(crate) actors: BTreeMap<ActorAddress, (u64, Entity)>,
    pub(crate) lanes: HashMap<u16, Lane>,
    pub(crate) values: u64,
}

impl Offline {
    /// Opens the journal of a data directory.
    ///
    /// # Errors
    /// There is no journal, it is damaged at its end, or its first record is not a genesis.
    pub fn open(dir: &Path) -> Result<Self, EngineError> {
        let journal = FileJournal::read_only(&dir.join(JOURNAL))?;
        let bases = Bases::read_only(&dir.join(BASES_DIR))?;
        let first = journal.first();
        let mut start = Start::Kept { first };
        if first <= 1 {
            start = Start::Genesis(read_genesis(&*journal)?);
        } else if let Some(bases) = &bases {
            for base in bases.list()?.into_iter().rev() {
                if base.replay_from < first || base.highest > journal.last() {
                    continue;
                }
                // What is wrong with a base is said where bases are judged.
                let facts = bases.facts(&base).and_then(|facts| bases.verify(&base).map(|_| facts));
                if let Ok(genesis) =
                    facts.map_err(EngineError::from).and_then(|facts| genesis_of(&facts.genesis))
                {
                    start = Start::Base { genesis, base };
                    break;
                }
            }
        }
        Ok(Self { dir: dir.to_owned(), journal, bases, start })
    }

    /// The data directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &dyn JournalReader {
        &*self.journal
    }

    /// The bases, where there is a directory of them.
    #[must_use]
    pub const fn bases(&self) -> Option<&Bases> {
        self.bases.as_ref()
    }

    /// From where replays begin.
    #[must_use]
    pub const fn start(&self) -> &Start {
        &self.start
    }

    /// The first record, where that is known.
    #[must_use]
    pub const fn genesis(&self) -> Option<Genesis> {
        match self.start {
            Start::Genesis(genesis) | Start::Base { genesis, .. } => Some(genesis),
            Start::Kept { .. } => None,
        }
    }

    /// What a base holds.
    pub(crate) fn begun(&self, base: &BaseName) -> Result<Begun, EngineError> {
        let mut begun = Begun { actors: BTreeMap::new(), lanes: HashMap::new(), values: 0 };
        let Some(bases) = &self.bases else { return Ok(begun) };
        let mut failed = None;
        bases.read(base, &mut |item| match begun.take(&item.key, item.value) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(EngineError::Record { position: base.highest, error });
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(begun), Err)
    }
}

impl Begun {
    fn take(&mut self, key: &Key, value: &[u8]) -> Result<(), RecordError> {
        self.values += 1;
        if let Some(kind) = ActorKind::from_u8(key.space) {
            let address = ActorAddress { kind, id: Id(key.id) };
            self.actors.insert(address, read_stored(&address, value)?);
        } else if key.space == ViewSpace::Lane as u8 {
            self.lanes.insert(key.slot, Lane::from_bytes(value)?);
        }
        Ok(())
    }
}
