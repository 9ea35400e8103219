//! The journal after the checkpoint, read as fast as it goes: one thread reads, checks and decodes, one applies to the
//! actors, one to the views. What is on its way between them is bounded.

use std::ops::ControlFlow;
use vendue_domain::mutant;

use crossbeam::channel::{Receiver, Sender, bounded};
use vendue_domain::actor::ActorKind;
use vendue_domain::record::{Field, RecordError};
use vendue_domain::time::Timestamp;
use vendue_storage::Position;

use super::{Recovery, Sources, actor_key};
use crate::effects::DeclinedEffect;
use crate::entry::{Decided, Declined, Entry, Keyed};
use crate::error::EngineError;
use crate::shard::{Shard, read_stored};
use crate::unit::Published;
use crate::views::Views;

/// Records that travel together from thread to thread: their actors are looked for at once, before the first is applied.
const BATCH: usize = 1_024;

/// Batches that may wait for the next thread: some megabytes.
const BATCHES_WAITING: usize = 8;

/// One record, as far as it is needed.
enum Step {
    /// All of it.
    Entry(Position, Entry),
    /// Of a record before the checkpoint: its time, and the key that its outcome is remembered under.
    Key(Position, Timestamp, Option<Keyed>),
}

/// What the views are given: decisions with their positions.
type Shown = Vec<(Published, Position)>;

impl Recovery<'_> {
    /// Reads the journal from where keys or states need it.
    pub(super) fn replay(&mut self, sources: &Sources<'_>) -> Result<(), EngineError> {
        let from = self.replay_from.min(sources.keys_listed + 1).max(1);
        self.report.replayed_from = from;
        let last = sources.journal.last();
        self.progress.expect_records((last + 1).saturating_sub(from));
        self.views.recovering_until(last);
        let mut views =
            std::mem::replace(&mut self.views, Views::new(self.options.clone(), sources.open.clone()));
        let outcome = std::thread::scope(|scope| {
            let (steps, taken) = bounded(BATCHES_WAITING);
            let (shown, seen) = bounded(BATCHES_WAITING);
            let (replay_from, shards) = (self.replay_from, self.shards.len());
            let reading = scope.spawn(move || read(sources, from, replay_from, shards, &steps));
            let views = &mut views;
            let showing = scope.spawn(move || show(views, &seen));
            let applied = self.apply_all(&taken, &shown, sources.keys_listed);
            // Whoever still waits is let go.
            drop((taken, shown));
            let panicked = || EngineError::Thread("recovery");
            let read = reading.join().map_err(|_| panicked())?;
            showing.join().map_err(|_| panicked())?;
            // What cannot be applied stands before what cannot be read.
            applied.and(read)
        });
        self.views = views;
        outcome?;
        for shard in &mut self.shards {
            shard.keys_sealed(sources.keys_listed);
            if sources.keys_listed > 0 {
                shard.older_keys_may_know();
            }
        }
        self.report.last_position = last;
        // Also past records that tell the views nothing (rejections): who was told their position waits for the views to reach it.
        self.views.starts_after(last);
        Ok(())
    }

    fn apply_all(
        &mut self,
        taken: &Receiver<Vec<Step>>,
        shown: &Sender<Shown>,
        keys_listed: Position,
    ) -> Result<(), EngineError> {
        for batch in taken {
            self.touch(&batch);
            let count = batch.len() as u64;
            let mut told = Vec::with_capacity(batch.len());
            for step in batch {
                match step {
                    Step::Entry(position, entry) => self.entry(position, entry, keys_listed, &mut told)?,
                    Step::Key(position, time, keyed) => {
                        self.last_time = self.last_time.max(time);
                        if let Some(keyed) = keyed.filter(|_| position > keys_listed) {
                            self.shards[0].remember(keyed, position);
                        }
                    }
                }
            }
            self.report.replayed_records += count;
            self.progress.add_records(count);
            if !told.is_empty() && shown.send(told).is_err() {
                return Err(EngineError::Thread("views"));
            }
        }
        Ok(())
    }

    /// Looks for the actors of a batch, one kind of memory after the other: many misses of the cache at a time instead of
    /// one waiting for the next.
    fn touch(&self, batch: &[Step]) {
        let shards = self.shards.len() as u16;
        let place = |step: &Step| match step {
            Step::Entry(_, Entry::Decided(decided)) => {
                let address = decided.address()?;
                let owner = usize::from(Shard::owner(&address, shards));
                Some((owner, self.shards[owner].place(&address)?))
            }
            _ => None,
        };
        let places: Vec<(usize, u32)> = batch.iter().filter_map(place).collect();
        let cells =
            places.iter().fold(0, |seen, (owner, place)| seen ^ self.shards[*owner].touch_cell(*place));
        let states =
            places.iter().fold(0, |seen, (owner, place)| seen ^ self.shards[*owner].touch_entity(*place));
        std::hint::black_box((cells, states));
    }

    fn entry(
        &mut self,
        position: Position,
        entry: Entry,
        keys_listed: Position,
        told: &mut Shown,
    ) -> Result<(), EngineError> {
        self.last_time = self.last_time.max(entry.time());
        if position > keys_listed
            && let Some(keyed) = entry.keyed()
        {
            // Which shard's key it is depends on its target; an entry without one (a rejection) may be any
            // shard's: every shard remembers those.
            self.remember(position, &entry, keyed);
        }
        if position < self.replay_from {
            return Ok(());
        }
        if let Some((slot, lane)) = entry.lane() {
            self.effect_done(slot, lane);
        }
        match entry {
            Entry::Decided(decided) => self.decided(position, decided, told),
            Entry::Declined(Declined { lane, target, time, rejection }) => {
                let declined = DeclinedEffect { lane, target, time, rejection };
                self.directory.effects.decline(declined, false);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn decided(&mut self, position: Position, decided: Decided, told: &mut Shown) -> Result<(), EngineError> {
        let missing = EngineError::Record {
            position,
            error: RecordError::Invalid("a record of this actor is missing"),
        };
        let Some(address) = decided.address() else { return Err(missing) };
        let owner = usize::from(Shard::owner(&address, self.shards.len() as u16));
        if !self.all_resident
            && !self.shards[owner].holds(&address)
            && let Some(value) = self.store.load(&actor_key(&address))?
        {
            let (seq, entity) =
                read_stored(&address, &value).map_err(|error| EngineError::Record { position, error })?;
            self.shards[owner].restore(address, seq, entity, value.len());
        }
        if !self.shards[owner].replay(address, &decided) {
            return Err(missing);
        }
        for event in &decided.events.0 {
            if let Some(change) = event.fact(address.id) {
                for shard in &mut self.shards {
                    shard.learn_quietly(&change);
                }
            }
        }
        if address.kind == ActorKind::Order {
            match self.shards[owner].outstanding(&address) {
                Some(request) => self.outstanding.insert(address.id, request),
                None => self.outstanding.remove(&address.id),
            };
        }
        self.effects_of(position, address, &decided);
        let stamp = decided.stamp();
        let published = Published {
            index: 0,
            address,
            seq: decided.seq,
            channel_seq: decided.channel_seq,
            stamp,
            events: decided.events.0,
        };
        told.push((published, position));
        Ok(())
    }

    fn remember(&mut self, position: Position, entry: &Entry, keyed: Keyed) {
        if mutant("keys_lost_at_start") {
            return;
        }
        let shards = self.shards.len() as u16;
        match entry {
            Entry::Decided(decided) if shards > 1 => {
                if let Some(address) = decided.address() {
                    self.shards[usize::from(Shard::owner(&address, shards))].remember(keyed, position);
                }
            }
            _ => {
                for shard in &mut self.shards {
                    shard.remember(keyed, position);
                }
            }
        }
    }
}

/// Reads, checks and decodes; ends early where nobody takes what was read.
fn read(
    sources: &Sources<'_>,
    from: Position,
    replay_from: Position,
    shards: usize,
    steps: &Sender<Vec<Step>>,
) -> Result<(), EngineError> {
    let mut failed = None;
    let mut batch = Vec::with_capacity(BATCH);
    sources.journal.read(from, &mut |position, record| {
        // With several shards a key is its target's shard's, and the target stands in the events.
        let step = if position < replay_from && shards == 1 {
            Entry::time_and_key(record).map(|(time, keyed)| Step::Key(position, time, keyed))
        } else {
            Entry::from_bytes(record).map(|entry| Step::Entry(position, entry))
        };
        match step {
            Ok(step) => batch.push(step),
            Err(error) => {
                failed = Some(EngineError::Record { position, error });
                return ControlFlow::Break(());
            }
        }
        if batch.len() < BATCH {
            return ControlFlow::Continue(());
        }
        match steps.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    // What was read before an unreadable record is applied: a record of it that does not fit is the earlier fault.
    let _ = steps.send(batch);
    failed.map_or(Ok(()), Err)
}

/// Shows the views what has been applied.
fn show(views: &mut Views, seen: &Receiver<Shown>) {
    for batch in seen {
        views.touch(batch.iter().map(|(published, _)| published));
        for (published, position) in &batch {
            views.take(published, *position);
        }
    }
}
