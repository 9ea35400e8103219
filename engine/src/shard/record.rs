//! What was decided goes into the journal's batch, is applied, and says what follows from it.

use smallvec::SmallVec;
use vendue_domain::actor::{Answer, Event, Events};
use vendue_domain::context::Stamp;
use vendue_domain::effect::Asked;
use vendue_domain::id::AccountId;
use vendue_domain::rejection::Rejection;
use vendue_storage::Position;

use super::decide::guarded;
use super::{Cell, Request, Shard};
use crate::effects::Lane;
use crate::entry::{Deciding, Keyed, answer_of};
use crate::hook;
use crate::unit::Published;

/// Why something was decided: what stands beside the events in their record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Origin {
    /// The command, with who asked.
    keyed: Option<(AccountId, Keyed)>,
    /// The effect.
    lane: Option<Lane>,
}

impl Origin {
    /// The engine itself: a deadline, changed facts.
    pub(super) const ENGINE: Self = Self { keyed: None, lane: None };

    /// A client's command.
    pub(super) const fn command(by: AccountId, keyed: Keyed) -> Self {
        Self { keyed: Some((by, keyed)), lane: None }
    }

    /// An effect.
    pub(super) const fn effect(lane: Lane) -> Self {
        Self { keyed: None, lane: Some(lane) }
    }

    /// The origin of an event of a decision with this origin: the earlier command that it completes, where it does.
    fn of(self, event: &Event) -> Self {
        match hook::asked(event) {
            Some(Asked { by, command_id, content }) => {
                Self { keyed: Some((by, Keyed { hash: command_id, content })), lane: self.lane }
            }
            None => self,
        }
    }
}

/// Where a decision's own record stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorded {
    /// The record that holds its answer; the first one where there is none.
    pub(super) position: Position,
    /// The actor's channel after that record.
    pub(super) channel_seq: u64,
    /// Whether it has a record of its own: not where all events complete others' commands.
    pub(super) is_own: bool,
}

/// One record that was written and applied, and has told nobody yet.
struct Written {
    number: u32,
    seq: u64,
    channel_seq: u64,
    stamp: Stamp,
}

/// The events of a decision that are its own, of all that it has.
pub(super) fn own_answer(
    events: &Events<Event>,
    origin: Origin,
    id: vendue_domain::id::Id,
    stamp: &Stamp,
) -> Option<Result<Answer, Rejection>> {
    events
        .iter()
        .filter(|event| origin.of(event) == origin)
        .find_map(|event| answer_of(std::slice::from_ref(event), id, stamp))
}

impl Shard {
    /// Puts events into the journal's batch and applies them. `None` where applying panicked: the records are taken back
    /// and the actor is read again from its durable state.
    #[inline]
    pub(super) fn record(&mut self, index: u32, events: Events<Event>, origin: Origin) -> Option<Recorded> {
        if events.iter().any(|event| hook::asked(event).is_some()) {
            return self.record_for_several(index, events, origin);
        }
        let Some(written) = self.write_record(index, &events, origin) else {
            self.take_back(index, 1);
            return None;
        };
        let position = self.unit.first + u64::from(written.number);
        let recorded = Recorded { position, channel_seq: written.channel_seq, is_own: true };
        self.publish(index, written, events);
        Some(recorded)
    }

    /// Events that complete commands of several askers: one record for each run of events of one asker, so that each
    /// asker's key leads to its own outcome.
    fn record_for_several(&mut self, index: u32, events: Events<Event>, origin: Origin) -> Option<Recorded> {
        let mut runs: SmallVec<[(Origin, Events<Event>); 4]> = SmallVec::new();
        for event in events {
            let of = origin.of(&event);
            match runs.last_mut() {
                Some((last, run)) if *last == of => run.push(event),
                _ => runs.push((of, SmallVec::from_buf([event]))),
            }
        }
        let mut written: SmallVec<[Written; 4]> = SmallVec::new();
        for (of, run) in &runs {
            match self.write_record(index, run, *of) {
                Some(one) => written.push(one),
                None => {
                    self.take_back(index, written.len() + 1);
                    return None;
                }
            }
        }
        let id = self.cells[index as usize].as_ref()?.address.id;
        let mut own: Option<Recorded> = None;
        let mut has_answer = false;
        for ((of, events), one) in runs.into_iter().zip(written) {
            let position = self.unit.first + u64::from(one.number);
            let answer = answer_of(&events, id, &one.stamp);
            if of == origin {
                if own.is_none() || (answer.is_some() && !has_answer) {
                    own = Some(Recorded { position, channel_seq: one.channel_seq, is_own: true });
                    has_answer = answer.is_some();
                }
            } else if let Some((_, keyed)) = of.keyed {
                self.complete(keyed, position, one.channel_seq, answer);
            }
            self.publish(index, one, events);
        }
        let channel_seq = self.cells[index as usize].as_ref()?.entity.channel_seq();
        let elsewhere = Recorded { position: self.next_position() - 1, channel_seq, is_own: false };
        Some(own.unwrap_or(elsewhere))
    }

    /// Encodes one record and applies its events; `None` where that panicked.
    #[inline]
    fn write_record(&mut self, index: u32, events: &[Event], origin: Origin) -> Option<Written> {
        let cell = self.cells[index as usize].as_mut()?;
        let public: u64 = events.iter().map(Event::public_count).sum();
        let newborn = cell.seq == 0;
        let seq = cell.seq + events.len() as u64;
        let channel_seq = if newborn { public } else { cell.entity.channel_seq() + public };
        let (by, keyed) = origin.keyed.unzip();
        let deciding = Deciding {
            id: cell.address.id,
            seq,
            time: self.now,
            by,
            keyed,
            channel_seq,
            events,
            lane: origin.lane,
        };
        let stamp = deciding.stamp();
        let number = self.unit.batch.len();
        self.unit.batch.push_with(|out| deciding.encode(out));
        guarded(|| {
            for (at, event) in events.iter().enumerate() {
                // The creating event has made the entity already.
                if !(newborn && at == 0) {
                    cell.entity.apply(event, &stamp);
                }
            }
        })?;
        debug_assert_eq!(cell.entity.channel_seq(), channel_seq, "public_count and apply disagree");
        cell.seq = seq;
        Some(Written { number, seq, channel_seq, stamp })
    }

    /// Applying panicked: the decision's records are taken back.
    #[cold]
    fn take_back(&mut self, index: u32, records: usize) {
        for _ in 0..records {
            self.unit.batch.pop();
        }
        self.rules_panicked(index);
    }

    /// Says what follows from a record: for the directory, the views, other actors, the world outside.
    #[inline]
    fn publish(&mut self, index: u32, written: Written, events: Events<Event>) {
        let Some(cell) = self.cells[index as usize].as_mut() else { return };
        let Written { number, seq, channel_seq, stamp } = written;
        let address = cell.address;
        if !cell.dirty {
            cell.dirty = true;
            self.dirty.push_back(index);
        }
        self.directory.note(address.id, &events, &stamp);
        self.cause(number, address, &events, &stamp);
        self.unit.published.push(Published { index: number, address, seq, channel_seq, stamp, events });
    }

    /// A rule panicked half way through a change: nobody may see that state. The actor leaves memory; its durable state
    /// is read again.
    pub(super) fn rules_panicked(&mut self, index: u32) {
        self.stats.panics += 1;
        let Some(Cell { address, .. }) = self.vacate(index) else { return };
        tracing::error!(actor = ?address, "an actor's rules panicked; its durable state is read again");
        self.reloading.insert(address, ());
        self.requests.push(Request::Reload(address));
    }
}
