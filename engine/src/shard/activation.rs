//! Actors come into memory when they are needed and leave it when they are not.

use vendue_domain::actor::{ActorAddress, Entity};
use vendue_domain::context::Context;
use vendue_domain::facts::Standing;
use vendue_domain::id::AccountId;
use vendue_domain::record::{Field, Reader, RecordError, write_uint};
use vendue_domain::time::Timestamp;

use super::passivation::{weight_expected, weight_of};
use super::record::Origin;
use super::{Cell, Shard};
use crate::entry::Decided;

/// How many steps an actor may take to catch up with facts: one for each suspended bidder of a lot and a few more; the
/// bound keeps a faulty rule from looping.
const CATCH_UP_STEPS: usize = 65_536;

/// An actor's value in the state store: its sequence number, then its state.
#[must_use]
pub fn stored_bytes(seq: u64, entity: &Entity) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write_uint(&mut out, seq);
    entity.encode(&mut out);
    out
}

/// Reads an actor's value.
///
/// # Errors
/// What is wrong with the bytes.
pub fn read_stored(address: &ActorAddress, bytes: &[u8]) -> Result<(u64, Entity), RecordError> {
    let mut input = Reader::new(bytes);
    let seq = u64::decode(&mut input)?;
    let entity = Entity::decode(address.kind, &mut input)?;
    if input.is_empty() { Ok((seq, entity)) } else { Err(RecordError::Trailing) }
}

/// An actor's state after a journaled decision; `None` where a record is missing before it.
#[must_use]
pub fn replayed(state: Option<(u64, Entity)>, decided: &Decided) -> Option<(u64, Entity)> {
    let stamp = decided.stamp();
    let before = decided.seq.checked_sub(decided.events.0.len() as u64)?;
    match state {
        Some((seq, entity)) if decided.seq <= seq => Some((seq, entity)),
        Some((seq, mut entity)) if seq == before => {
            for event in &decided.events.0 {
                entity.apply(event, &stamp);
            }
            Some((decided.seq, entity))
        }
        None if before == 0 => {
            let (first, rest) = decided.events.0.split_first()?;
            let mut entity = Entity::born(first, &stamp)?;
            for event in rest {
                entity.apply(event, &stamp);
            }
            Some((decided.seq, entity))
        }
        _ => None,
    }
}

impl Shard {
    /// The state store may hold actors that are not in memory: unknown addresses are looked up before they count as
    /// unknown.
    pub fn store_may_hold(&mut self) {
        self.store_may_hold = true;
    }

    /// Whether an address that is not in memory has to be looked up.
    #[inline]
    pub(super) fn may_be_stored(&self, target: &ActorAddress) -> bool {
        (self.store_may_hold && self.known_absent != Some(*target)) || self.reloading.contains_key(target)
    }

    /// Places an actor in memory.
    pub(super) fn insert(&mut self, address: ActorAddress, entity: Entity, seq: u64, stored_seq: u64) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        let cell = Cell {
            entity,
            address,
            seq,
            stored_seq,
            deadline: None,
            generation: self.generation,
            used: self.round,
            weight: weight_expected(),
            dirty: false,
        };
        self.sweep.bytes += u64::from(cell.weight);
        let index = if let Some(index) = self.free.pop() {
            self.cells[index as usize] = Some(cell);
            index
        } else {
            self.cells.push(Some(cell));
            (self.cells.len() - 1) as u32
        };
        self.index.insert(address, index);
        index
    }

    /// What the state store (and, after a panic, the journal behind it) says of an actor: `Some((seq, state))`, or `None`
    /// where there is none. The commands that waited for it are taken.
    pub fn loaded(&mut self, address: ActorAddress, found: Option<(u64, Entity)>) {
        self.reloading.remove(&address);
        if !self.index.contains_key(&address) {
            match found {
                Some((seq, entity)) => {
                    self.stats.activated += 1;
                    let weight = weight_of(stored_bytes(seq, &entity).len());
                    let index = self.insert(address, entity, seq, seq);
                    self.weigh(index, weight);
                    self.after_outage(index);
                    self.catch_up(index);
                    self.schedule(index);
                }
                None => self.known_absent = Some(address),
            }
        }
        self.effects_loaded(&address);
        self.unpark(&address);
        self.known_absent = None;
    }

    /// The actor could not be read: its commands are answered, it stays unknown.
    pub fn load_failed(&mut self, address: &ActorAddress) {
        self.reloading.remove(address);
        self.effects_not_loaded(address);
        let Some(waiting) = self.parked.remove(address) else { return };
        self.parked_count -= waiting.len() as u32;
        for parked in waiting {
            let request =
                vendue_protocol::link::CommandItem::decode(&parked.item).map_or(0, |item| item.request);
            let why = vendue_protocol::link::NotExecuted::Internal;
            self.refuse(
                parked.link,
                request,
                why,
                0,
                "the state of this actor cannot be read; the operator has been told",
            );
        }
    }

    /// Lets an actor take into account what changed while it was not in memory, one step at a time.
    pub(super) fn catch_up(&mut self, index: u32) {
        for _ in 0..CATCH_UP_STEPS {
            let Some(cell) = self.cells[index as usize].as_mut() else { return };
            let context = Context {
                now: self.now,
                by: AccountId::default(),
                standing: Standing::ENGINE,
                facts: &self.facts,
                command_id: 0,
                content: 0,
                accounts: None,
            };
            match super::decide::guarded(|| cell.entity.facts_changed(&context)) {
                Some(events) if events.is_empty() => return,
                Some(events) => {
                    if self.record(index, events, Origin::ENGINE).is_none() {
                        return;
                    }
                }
                None => return self.rules_panicked(index),
            }
        }
    }

    /// An actor that sleeps in the state store will have something to decide soon: it is brought into memory.
    pub fn activate(&mut self, address: ActorAddress) {
        if !self.index.contains_key(&address) && !self.is_being_loaded(&address) {
            self.requests.push(super::Request::Load(address));
        }
    }

    /// Recovery: an actor as the state store holds it, in `bytes` bytes.
    pub fn restore(&mut self, address: ActorAddress, seq: u64, entity: Entity, bytes: usize) {
        let index = self.insert(address, entity, seq, seq);
        self.weigh(index, weight_of(bytes));
    }

    /// Recovery: where an actor lies in memory. Together with [`Shard::touch_cell`] and [`Shard::touch_entity`], each done
    /// for many actors in a row, it brings them near the processor: their misses of the cache overlap.
    #[must_use]
    #[inline]
    pub fn place(&self, address: &ActorAddress) -> Option<u32> {
        self.index.get(address).copied()
    }

    /// Reads something of an actor's place.
    #[must_use]
    #[inline]
    pub fn touch_cell(&self, place: u32) -> u64 {
        self.cells.get(place as usize).and_then(Option::as_ref).map_or(0, |cell| cell.seq)
    }

    /// Reads something of an actor's state.
    #[must_use]
    #[inline]
    pub fn touch_entity(&self, place: u32) -> u64 {
        self.cells.get(place as usize).and_then(Option::as_ref).map_or(0, |cell| cell.entity.channel_seq())
    }

    /// Recovery: whether the actor is in memory.
    #[must_use]
    pub fn holds(&self, address: &ActorAddress) -> bool {
        self.index.contains_key(address)
    }

    /// Recovery: a resident actor's state.
    #[must_use]
    pub fn entity(&self, address: &ActorAddress) -> Option<&Entity> {
        let index = *self.index.get(address)?;
        self.cells[index as usize].as_ref().map(|cell| &cell.entity)
    }

    /// Recovery: what a resident actor waits for from the world outside.
    #[must_use]
    pub fn outstanding(&self, address: &ActorAddress) -> Option<vendue_domain::effect::OutsideRequest> {
        let index = *self.index.get(address)?;
        self.cells[index as usize].as_ref()?.entity.outstanding()
    }

    /// Recovery: takes a journaled decision over; what the actor holds already is passed over. `false` where a record of
    /// the actor is missing before this one.
    pub fn replay(&mut self, address: ActorAddress, decided: &Decided) -> bool {
        let stamp = decided.stamp();
        let count = decided.events.0.len() as u64;
        let before = decided.seq - count.min(decided.seq);
        self.now = self.now.max(decided.time);
        for event in &decided.events.0 {
            if let Some(change) = event.fact(address.id) {
                self.learn_quietly(&change);
            }
        }
        self.directory.note(address.id, &decided.events.0, &stamp);
        let Some(&index) = self.index.get(&address) else {
            let Some((seq, entity)) = replayed(None, decided) else { return false };
            let index = self.insert(address, entity, seq, 0);
            self.mark_dirty(index);
            return true;
        };
        let Some(cell) = self.cells[index as usize].as_mut() else { return false };
        if decided.seq <= cell.seq {
            return true;
        }
        if cell.seq != before {
            return false;
        }
        for event in &decided.events.0 {
            cell.entity.apply(event, &stamp);
        }
        cell.seq = decided.seq;
        self.mark_dirty(index);
        true
    }

    fn mark_dirty(&mut self, index: u32) {
        if let Some(cell) = self.cells[index as usize].as_mut().filter(|cell| !cell.dirty) {
            cell.dirty = true;
            self.dirty.push_back(index);
        }
    }

    /// Recovery: remembers an outcome's key.
    pub fn remember(&mut self, keyed: crate::entry::Keyed, position: u64) {
        self.keys.insert(keyed.hash, crate::keys::Known { content: keyed.content, position });
    }

    /// Recovery: the sealed key lists hold keys that memory does not.
    pub fn older_keys_may_know(&mut self) {
        self.keys.older_may_know();
    }

    /// Positions up to `position` stand in the sealed key lists.
    pub fn keys_sealed(&mut self, position: u64) {
        self.keys.sealed(position);
    }

    /// Recovery is over: the timers are set. Lots whose end fell into the outage, after the last journaled moment, are
    /// given `outage_extend_ms`: those in memory now, those in the state store when they are loaded. Call it in a round.
    pub fn recovered(&mut self, last_journaled: Timestamp) {
        self.outage = Some((last_journaled, self.now));
        for index in 0..self.cells.len() as u32 {
            if self.cells[index as usize].is_some() {
                self.after_outage(index);
                self.catch_up(index);
                self.schedule(index);
            }
        }
        self.effects_recovered();
    }

    /// An actor with a deadline in the outage decides what that means for it.
    fn after_outage(&mut self, index: u32) {
        let Some((last_journaled, recovered_at)) = self.outage else { return };
        let Some(cell) = self.cells[index as usize].as_mut() else { return };
        let Some(deadline) = cell.entity.next_deadline() else { return };
        if deadline <= last_journaled || deadline > recovered_at {
            return;
        }
        let context = Context {
            now: self.now,
            by: AccountId::default(),
            standing: Standing::ENGINE,
            facts: &self.facts,
            command_id: 0,
            content: 0,
            accounts: None,
        };
        let extend_ms = self.options.outage_extend_ms;
        match super::decide::guarded(|| cell.entity.after_outage(&context, extend_ms)) {
            Some(events) if events.is_empty() => {}
            Some(events) => {
                self.record(index, events, Origin::ENGINE);
            }
            None => self.rules_panicked(index),
        }
    }
}
