//! Effects in a shard: those that its actors' events cause leave in order; those that arrive are decided in order, lane
//! by lane, each exactly once.

use std::collections::VecDeque;
use vendue_domain::mutant;

use hashbrown::HashMap;
use vendue_domain::actor::{ActorAddress, Decision, Entity, Event, Events};
use vendue_domain::context::{Assurance, Context, Stamp};
use vendue_domain::effect::Effects;
use vendue_domain::id::AccountId;
use vendue_domain::money::PlaceHold;
use vendue_domain::record::Field;
use vendue_domain::rejection::Rejection;
use vendue_domain::time::Timestamp;
use vendue_storage::Position;

use super::decide::guarded;
use super::record::Origin;
use super::{Request, Shard, UNIT_BYTES_MAX};
use crate::effects::{
    Arrival, DeclinedEffect, Departure, Lane, Marks, StuckBecause, StuckEffect, command_name,
};
use crate::entry::{Declined, Entry, Passed};
use crate::hook;

/// How long after its first failure a stuck effect is tried again, in milliseconds: a store may have been busy.
const RETRY_FIRST_MS: u64 = 100;

/// The longest pause between two tries, in milliseconds: an operator who has mended the cause waits no longer.
const RETRY_MAX_MS: u64 = 60_000;

/// How many bytes a round must have left for an event and its effects to come into it together: some hundred records.
const ASSURED_BYTES: usize = 32 * 1024;

/// The effects of a shard.
#[derive(Default)]
pub(super) struct Lanes {
    /// Those to be decided next, in the order of their lanes.
    ready: VecDeque<Arrival>,
    /// Lanes whose first effect cannot be decided at present, by slot; the rest waits behind it.
    held: HashMap<u16, Held>,
    /// When the next stuck lane is tried again.
    retry_at: Option<Timestamp>,
    marks: Marks,
    /// Recovery is not over: what arrives waits behind what was under way before.
    restored: Option<Vec<Arrival>>,
    /// What operators were last told.
    told_oldest: Option<Timestamp>,
    /// For deriving effects without allocating each time.
    derived: Effects,
}

struct Held {
    queue: VecDeque<Arrival>,
    /// When it is tried again; `None`: when the target has been loaded.
    retry_at: Option<Timestamp>,
}

/// Why an effect was not decided.
enum NotNow {
    Loading,
    Stuck(StuckBecause),
}

impl Assurance for Shard {
    fn assures(&self, hold: &PlaceHold) -> bool {
        let target = ActorAddress::from(hold.account);
        let is_free = self.lanes.held.is_empty() || !self.lanes.held.contains_key(&target.slot());
        let cell = self.index.get(&target).and_then(|&index| self.cells[index as usize].as_ref());
        match cell.map(|cell| &cell.entity) {
            Some(Entity::Account(account)) => is_free && account.would_hold(hold),
            _ => false,
        }
    }
}

impl Shard {
    /// Derives what a record's events cause. With one shard its place in the journal is certain: the effects are next in
    /// line at once. With several they leave when the record is durable and its place known.
    #[inline]
    pub(super) fn cause(&mut self, record: u32, cause: ActorAddress, events: &Events<Event>, stamp: &Stamp) {
        for event in events {
            hook::effects(event, cause.id, stamp, &mut self.lanes.derived);
            if let Some(request) = event.outside(cause.id, stamp) {
                self.unit.outside.push((record, request));
            }
        }
        if self.lanes.derived.is_empty() {
            return;
        }
        self.directory.effects.caused(self.lanes.derived.len() as u64);
        let position = self.unit.first + u64::from(record);
        for (index, effect) in self.lanes.derived.drain(..).enumerate() {
            let lane = Lane { position, index: index as u32 };
            let arrival = Arrival { lane, cause, since: self.now, attempts: 0, effect };
            if self.shards == 1 {
                self.lanes.ready.push_back(arrival);
            } else {
                self.unit.effects.push(Departure { record, arrival });
            }
        }
    }

    /// The accounts that can be asked beforehand: where an event's effects are the next thing that happens. With several
    /// shards they travel, and when many are in line they wait their turn.
    #[inline]
    pub(super) fn assurance(&self) -> Option<&dyn Assurance> {
        let effects_follow = self.shards == 1
            && self.lanes.ready.is_empty()
            && self.lanes.restored.is_none()
            && self.unit.batch.bytes() + ASSURED_BYTES < UNIT_BYTES_MAX;
        if effects_follow { Some(self) } else { None }
    }

    /// Takes effects whose causes are durable, in journal order.
    pub fn arrive(&mut self, arrivals: impl IntoIterator<Item = Arrival>) {
        self.lanes.ready.extend(arrivals);
        self.run_effects();
    }

    /// Decides what has arrived, until the unit is full: the rest comes first in the next round.
    #[inline]
    pub(super) fn run_effects(&mut self) {
        if self.lanes.restored.is_some() {
            return;
        }
        while !self.lanes.ready.is_empty() && !self.is_full() {
            let Some(arrival) = self.lanes.ready.pop_front() else { return };
            self.run_effect(arrival);
        }
    }

    fn run_effect(&mut self, arrival: Arrival) {
        let slot = arrival.slot();
        if arrival.lane <= self.lanes.marks.get(slot) && !mutant("effect_twice") {
            self.directory.effects.done();
            return;
        }
        if let Some(held) = self.lanes.held.get_mut(&slot) {
            if held.retry_at.is_some() {
                self.directory.effects.one_more_behind(slot);
            }
            held.queue.push_back(arrival);
            return;
        }
        match self.try_effect(&arrival) {
            Ok(()) => {
                self.stats.effects += 1;
                self.lanes.marks.set(slot, arrival.lane);
                self.directory.effects.done();
                if arrival.attempts > 0 {
                    self.directory.effects.unstick(slot);
                }
            }
            Err(NotNow::Loading) => {
                let queue = VecDeque::from([arrival]);
                self.lanes.held.insert(slot, Held { queue, retry_at: None });
            }
            Err(NotNow::Stuck(because)) => self.stick(slot, VecDeque::from([arrival]), because),
        }
    }

    /// Brings an effect to its target and journals the outcome.
    fn try_effect(&mut self, arrival: &Arrival) -> Result<(), NotNow> {
        let target = arrival.effect.target;
        let context = Context {
            now: self.now,
            by: AccountId::default(),
            standing: hook::standing(),
            facts: &self.facts,
            command_id: arrival.lane.identity(),
            content: 0,
            accounts: None,
        };
        let command = &arrival.effect.command;
        let (index, decision) = match self.index.get(&target) {
            Some(&index) => {
                let Some(cell) = self.cells[index as usize].as_mut() else { return Err(NotNow::Loading) };
                cell.used = self.round;
                (Some(index), guarded(|| cell.entity.decide(command, &context)))
            }
            None if self.may_be_stored(&target) => {
                if !self.is_being_loaded(&target) {
                    self.requests.push(Request::Load(target));
                }
                return Err(NotNow::Loading);
            }
            None => (None, guarded(|| Entity::create(command, &context))),
        };
        match decision {
            Some(Ok(decision)) => self.effect_decided(arrival, index, decision),
            Some(Err(rejection)) => {
                self.effect_declined(arrival, rejection);
                Ok(())
            }
            None => {
                self.stats.panics += 1;
                Err(NotNow::Stuck(StuckBecause::Panicked))
            }
        }
    }

    fn effect_decided(
        &mut self,
        arrival: &Arrival,
        index: Option<u32>,
        decision: Decision<Event>,
    ) -> Result<(), NotNow> {
        let Arrival { lane, effect, .. } = arrival;
        if decision.events.is_empty() {
            let entry = Entry::Passed(Passed { lane: *lane, slot: arrival.slot(), time: self.now });
            self.unit.batch.push_with(|out| entry.encode(out));
            return Ok(());
        }
        let index = match index {
            Some(index) => index,
            None => {
                let stamp = Stamp { time: self.now, by: AccountId::default(), command_id: lane.identity() };
                let born = decision.events.first().and_then(|event| Entity::born(event, &stamp));
                let Some(entity) = born else {
                    self.stats.panics += 1;
                    return Err(NotNow::Stuck(StuckBecause::Panicked));
                };
                self.insert(effect.target, entity, 0, 0)
            }
        };
        let facts: Vec<_> = decision.events.iter().filter_map(|event| event.fact(effect.target.id)).collect();
        if self.record(index, decision.events, Origin::effect(*lane)).is_none() {
            return Err(NotNow::Stuck(StuckBecause::Panicked));
        }
        self.schedule(index);
        if !facts.is_empty() {
            self.publish_facts(facts, effect.target, None);
        }
        Ok(())
    }

    fn effect_declined(&mut self, arrival: &Arrival, rejection: Rejection) {
        let Arrival { lane, effect, cause, .. } = arrival;
        self.stats.declined += 1;
        let (target, time) = (effect.target, self.now);
        tracing::error!(
            cause = %cause,
            target = %target,
            command = command_name(&effect.command),
            rejection = rejection.code(),
            "an effect was refused although nobody hears of it"
        );
        let declined = DeclinedEffect { lane: *lane, target, time, rejection: rejection.clone() };
        self.directory.effects.decline(declined, true);
        let entry = Entry::Declined(Declined { lane: *lane, target, time, rejection });
        self.unit.batch.push_with(|out| entry.encode(out));
    }

    /// The first effect of a lane cannot be decided: it is tried again after a while, and operators see it.
    fn stick(&mut self, slot: u16, mut queue: VecDeque<Arrival>, because: StuckBecause) {
        let behind = queue.len().saturating_sub(1) as u64;
        let Some(first) = queue.front_mut() else { return };
        let pause_ms = (RETRY_FIRST_MS << first.attempts.min(10)).min(RETRY_MAX_MS);
        first.attempts = first.attempts.saturating_add(1);
        let retry_at = self.now.plus_ms(pause_ms);
        if first.attempts == 1 {
            tracing::error!(cause = %first.cause, target = %first.effect.target, why = because.name(), "an effect is stuck");
        }
        let stuck = StuckEffect {
            lane: first.lane,
            cause: first.cause,
            target: first.effect.target,
            command: command_name(&first.effect.command),
            since: first.since,
            because,
            attempts: first.attempts,
            retry_at,
            behind,
        };
        self.directory.effects.stick(slot, stuck);
        self.lanes.held.insert(slot, Held { queue, retry_at: Some(retry_at) });
        self.lanes.retry_at = Some(self.lanes.retry_at.map_or(retry_at, |at| at.min(retry_at)));
    }

    /// The lane's effects are next in line, before all that came later.
    fn resume(&mut self, slot: u16) {
        let Some(held) = self.lanes.held.remove(&slot) else { return };
        for arrival in held.queue.into_iter().rev() {
            self.lanes.ready.push_front(arrival);
        }
    }

    /// Tries the stuck lanes again whose time has come.
    pub(super) fn retry_effects(&mut self) {
        if self.lanes.retry_at.is_none_or(|at| at > self.now) {
            return;
        }
        let now = self.now;
        let held = self.lanes.held.iter();
        let mut due: Vec<_> = held
            .filter(|(_, held)| held.retry_at.is_some_and(|at| at <= now))
            .map(|(slot, _)| *slot)
            .collect();
        due.sort_unstable();
        for slot in due {
            self.resume(slot);
        }
        self.lanes.retry_at = self.lanes.held.values().filter_map(|held| held.retry_at).min();
    }

    /// An actor has been looked up: the lane that waited for it goes on.
    pub(super) fn effects_loaded(&mut self, target: &ActorAddress) {
        if self.lane_waits_for(target) {
            self.resume(target.slot());
            self.run_effects();
        }
    }

    /// An actor cannot be read: the lane that waits for it is stuck.
    pub(super) fn effects_not_loaded(&mut self, target: &ActorAddress) {
        if self.lane_waits_for(target)
            && let Some(held) = self.lanes.held.remove(&target.slot())
        {
            self.stick(target.slot(), held.queue, StuckBecause::Unreadable);
        }
    }

    /// Whether effects are in line that can be decided at once.
    #[must_use]
    pub fn has_effects(&self) -> bool {
        !self.lanes.ready.is_empty() && self.lanes.restored.is_none()
    }

    /// When an effect is to be decided: now while some are in line, later where lanes are stuck.
    pub(super) fn next_effect_at(&self) -> Option<Timestamp> {
        if self.has_effects() { Some(self.now) } else { self.lanes.retry_at }
    }

    /// How many effects have arrived here and are not decided: in line, waiting for their target, or stuck.
    #[must_use]
    pub fn effects_waiting(&self) -> usize {
        let held: usize = self.lanes.held.values().map(|held| held.queue.len()).sum();
        self.lanes.ready.len() + held + self.lanes.restored.as_ref().map_or(0, Vec::len)
    }

    /// Whether the actor has been asked for already: by a command, by an effect, or because its rules panicked.
    pub(super) fn is_being_loaded(&self, target: &ActorAddress) -> bool {
        self.parked.contains_key(target) || self.reloading.contains_key(target) || self.lane_waits_for(target)
    }

    /// Whether a lane waits until this actor is loaded.
    fn lane_waits_for(&self, target: &ActorAddress) -> bool {
        !self.lanes.held.is_empty()
            && self.lanes.held.get(&target.slot()).is_some_and(|held| {
                held.retry_at.is_none()
                    && held.queue.front().is_some_and(|first| first.effect.target == *target)
            })
    }

    /// The journal position of the oldest cause whose effects are not all decided: a start must read the journal from it.
    #[must_use]
    pub fn oldest_effect(&self) -> Option<Position> {
        let held = self.lanes.held.values().filter_map(|held| held.queue.front());
        let waiting = self.lanes.ready.iter().chain(held).chain(self.lanes.restored.iter().flatten());
        waiting.map(|arrival| arrival.lane.position).min()
    }

    /// Tells operators how old the oldest waiting effect is.
    pub(super) fn tell_effects(&mut self) {
        let lanes = &self.lanes;
        if lanes.ready.is_empty() && lanes.held.is_empty() && lanes.told_oldest.is_none() {
            return;
        }
        let first = |queue: &VecDeque<Arrival>| queue.front().map(|first| first.since);
        let held = lanes.held.values().filter_map(|held| first(&held.queue));
        let oldest = held.chain(first(&lanes.ready)).min();
        if oldest != self.lanes.told_oldest {
            self.lanes.told_oldest = oldest;
            self.directory.effects.tell_oldest(self.number, oldest);
        }
    }

    /// Recovery: up to where the effects to a slot have been done, as the state store or (`is_new`) the journal says.
    pub fn restore_lane(&mut self, slot: u16, lane: Lane, is_new: bool) {
        self.lanes.marks.restore(slot, lane);
        if is_new {
            self.lanes.marks.change(slot);
        }
    }

    /// Up to where the effects to a slot have been done.
    #[must_use]
    pub fn lane_mark(&self, slot: u16) -> Lane {
        self.lanes.marks.get(slot)
    }

    /// Recovery: effects that were under way, in the order of their lanes. They are decided when recovery is over; until
    /// then whatever else arrives waits behind them.
    pub fn redeliver(&mut self, arrivals: Vec<Arrival>) {
        self.directory.effects.caused(arrivals.len() as u64);
        self.lanes.restored = Some(arrivals);
    }

    /// Recovery is over: effects that were under way are next in line.
    pub(super) fn effects_recovered(&mut self) {
        for arrival in self.lanes.restored.take().into_iter().flatten().rev() {
            self.lanes.ready.push_front(arrival);
        }
    }

    /// The marks of lanes that have changed since they were last taken, for a checkpoint.
    pub(super) fn changed_lanes(&mut self) -> Vec<(u16, Lane)> {
        self.lanes.marks.take_changed()
    }

    /// The state store did not take these marks.
    pub(super) fn lanes_not_stored(&mut self, slots: impl Iterator<Item = u16>) {
        for slot in slots {
            self.lanes.marks.change(slot);
        }
    }

    /// Up to where the effects to each slot of this shard have been done.
    pub fn lane_marks(&self) -> impl Iterator<Item = (u16, Lane)> + '_ {
        self.lanes.marks.all()
    }
}
