//! The inspector's thread: follows what is durable and judges it, in a small part of a core.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use vendue_storage::{JournalReader, StorageError};

use super::Shared;
use crate::inspector::Inspector;

/// How often it looks for new records: what is broken shall be seen within a second.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How many records are judged before it rests.
const SLICE_RECORDS: u64 = 2_048;
/// How many times as long as a slice took it rests while there is more: at most a twentieth of a core.
const REST_FACTOR: u32 = 19;
/// When so many records wait, it passes them over and begins anew at the newest: what happens now is what operators look at.
const BEHIND_MAX: u64 = 1_000_000;
/// How many findings are logged; more are only counted.
const LOGGED_MAX: u64 = 100;

/// Runs until the cell ends.
pub(super) fn run(shared: &Shared, reader: &dyn JournalReader) {
    let signs = &shared.signs;
    let mut inspector = Inspector::default();
    // What the start has read is judged already: by being read.
    let mut next = reader.last() + 1;
    signs.inspected_to.store(next - 1, Ordering::Relaxed);
    while !shared.failed.load(Ordering::Acquire) {
        let began = Instant::now();
        let last = reader.last();
        if last + 1 >= next + BEHIND_MAX {
            signs.inspector_skipped.fetch_add(last + 1 - next, Ordering::Relaxed);
            inspector.forget();
            next = last + 1;
        }
        let until = last.min(next + SLICE_RECORDS - 1);
        if next <= until {
            next = slice(shared, reader, &mut inspector, next, until);
            signs.inspected_to.store(next - 1, Ordering::Relaxed);
        }
        let rest = began.elapsed() * REST_FACTOR;
        std::thread::sleep(if next <= last {
            rest.min(LOOK_EVERY * 5)
        } else {
            LOOK_EVERY.max(rest.min(LOOK_EVERY * 5))
        });
    }
}

/// Judges the records from `next` to `until`; from where on it goes on.
fn slice(
    shared: &Shared,
    reader: &dyn JournalReader,
    inspector: &mut Inspector,
    mut next: u64,
    until: u64,
) -> u64 {
    let signs = &shared.signs;
    let read = reader.read(next, &mut |position, record| {
        if position > until {
            return ControlFlow::Break(());
        }
        if let Err(what) = inspector.take(position, record)
            && signs.violations.fetch_add(1, Ordering::Relaxed) < LOGGED_MAX
        {
            tracing::error!(
                what,
                "an invariant is broken: look at the market, and run `vendue verify` on a backup"
            );
        }
        signs.inspected.fetch_add(1, Ordering::Relaxed);
        next = position + 1;
        ControlFlow::Continue(())
    });
    match read {
        Ok(()) => next,
        Err(StorageError::Gone { .. }) => {
            // Removed because nobody needs it: what is judged begins anew behind it.
            let first = reader.first().max(next);
            signs.inspector_skipped.fetch_add(first - next, Ordering::Relaxed);
            inspector.forget();
            first
        }
        Err(error) => {
            tracing::error!(%error, "what is durable cannot be read again");
            signs.violations.fetch_add(1, Ordering::Relaxed);
            inspector.forget();
            until + 1
        }
    }
}
