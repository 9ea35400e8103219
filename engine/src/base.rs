//! Bases: what a cell needs them for. A state store that is missing or of no use is filled from the newest good one, and the
//! journal is read on from there; the journal's oldest segments may go when two bases cover them.

use vendue_domain::record::{Field, RecordError};
use vendue_storage::{BaseName, Bases, JournalReader, SledStore, StateStore, StorageError};

use crate::entry::{Entry, Genesis};
use crate::error::EngineError;
use crate::recovery::{Marker, Progress};

/// The folder of the bases in a data directory, and in a backup.
pub(crate) const BASES_DIR: &str = "bases";

/// How many bases are kept, and how many must cover a segment before it may go: one may turn out damaged.
pub(crate) const BASES_KEPT: usize = 2;

/// Whether a base is wrong in itself, so that another one has to do; anything else is the disk's trouble and ends the start.
fn is_bad(error: &StorageError) -> bool {
    matches!(error, StorageError::Damaged(_) | StorageError::Foreign { .. })
}

/// The genesis in a record.
pub(crate) fn genesis_of(record: &[u8]) -> Result<Genesis, EngineError> {
    let wrong = |error| EngineError::Record { position: 1, error };
    match Entry::from_bytes(record).map_err(wrong)? {
        Entry::Genesis(genesis) => Ok(genesis),
        _ => Err(wrong(RecordError::Invalid("a journal begins with its genesis"))),
    }
}

/// The cell's first record: from the journal, or where that begins later, from the newest base that can be read.
pub(crate) fn genesis(journal: &dyn JournalReader, bases: Option<&Bases>) -> Result<Genesis, EngineError> {
    let first = journal.first();
    if first <= 1 {
        return genesis_of(&journal.record(1)?.unwrap_or_default());
    }
    for (bases, name) in all(bases)? {
        match bases.facts(&name) {
            Ok(facts) => return genesis_of(&facts.genesis),
            Err(error) if is_bad(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(EngineError::NoBase { first })
}

fn all(bases: Option<&Bases>) -> Result<Vec<(&Bases, BaseName)>, StorageError> {
    let Some(bases) = bases else { return Ok(Vec::new()) };
    Ok(bases.list()?.into_iter().map(|name| (bases, name)).collect())
}

/// The newest base that is whole and fits a journal: of its cell, not of a later history, and going on where the journal is still
/// there. `bad` hears of those that are damaged.
pub(crate) fn newest_good(
    journal: &dyn JournalReader,
    cell: u128,
    bases: &Bases,
    until: u64,
    bad: &mut dyn FnMut(&BaseName, &StorageError),
) -> Result<Option<BaseName>, EngineError> {
    for name in bases.list()? {
        if name.highest > until || name.replay_from < journal.first() {
            continue;
        }
        let judged = bases.facts(&name).and_then(|facts| {
            let is_ours = u128::from_be_bytes(facts.cell) == cell;
            if is_ours { bases.verify(&name).map(|_| true) } else { Ok(false) }
        });
        match judged {
            Ok(true) => return Ok(Some(name)),
            Ok(false) => {}
            Err(error) if is_bad(&error) => bad(&name, &error),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Why a store's checkpoint is of no use for this journal; `None`: it is.
fn unfit(journal: &dyn JournalReader, cell: u128, marker: &[u8]) -> Option<String> {
    let (first, last) = (journal.first(), journal.last());
    match Marker::from_bytes(marker) {
        Err(error) => Some(format!("its marker cannot be read: {error}")),
        Ok(marker) if marker.cell != cell => Some("it belongs to another cell".to_owned()),
        Ok(Marker { replay_from, .. }) if replay_from < first => {
            Some(format!("it needs the journal from record {replay_from} on, which begins with {first}"))
        }
        Ok(Marker { replay_from, .. }) if replay_from > last + 1 => {
            Some(format!("it is ahead of the journal: at record {replay_from}, which ends with {last}"))
        }
        Ok(_) => None,
    }
}

/// A state store from which the journal can be read on: as it is; or, when it is empty or of no use, filled from a base; or
/// empty, when there is none and the journal has everything.
///
/// # Errors
/// [`EngineError::NoBase`] when neither is there; what the disk says.
pub(crate) fn prepared(
    mut store: SledStore,
    cache_bytes: u64,
    journal: &dyn JournalReader,
    cell: u128,
    bases: &Bases,
    progress: &Progress,
) -> Result<SledStore, EngineError> {
    if let Some(marker) = store.marker()? {
        let Some(why) = unfit(journal, cell, &marker) else { return Ok(store) };
        store = store.set_aside(&why, cache_bytes)?;
    }
    let mut aside = Vec::new();
    let found = newest_good(journal, cell, bases, journal.last(), &mut |name, error| {
        tracing::warn!(base = name.file(), %error, "a base is not good; it is set aside");
        aside.push(*name);
    })?;
    for name in &aside {
        bases.set_aside(name)?;
    }
    let Some(name) = found else {
        let first = journal.first();
        return if first <= 1 { Ok(store) } else { Err(EngineError::NoBase { first }) };
    };
    let cost = match bases.load(&name, &store, &mut |values| progress.loaded(values)) {
        Ok(cost) => cost,
        Err(error) => {
            // What it holds now is a part of a base.
            store.set_aside("filling it was cut off", cache_bytes)?;
            return Err(error.into());
        }
    };
    tracing::warn!(
        base = name.file(),
        values = cost.items,
        bytes = cost.bytes,
        "the state store is filled from a base; the journal is read on after it"
    );
    Ok(store)
}
