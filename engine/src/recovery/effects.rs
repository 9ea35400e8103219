//! Effects in recovery: what was caused and not done is delivered again.

use vendue_domain::actor::ActorAddress;
use vendue_domain::mutant;
use vendue_storage::Position;

use super::Recovery;
use crate::effects::{Arrival, Lane};
use crate::entry::Decided;
use crate::hook;
use crate::shard::Shard;

impl Recovery<'_> {
    pub(super) fn owner_of_slot(&mut self, slot: u16) -> &mut Shard {
        let owner = Shard::owner_of_slot(slot, self.shards.len() as u16);
        &mut self.shards[usize::from(owner)]
    }

    /// Notes what a record caused, as far as it has not been done: what the state store knows may be newer.
    pub(super) fn effects_of(&mut self, position: Position, cause: ActorAddress, decided: &Decided) {
        let stamp = decided.stamp();
        for event in &decided.events.0 {
            hook::effects(event, cause.id, &stamp, &mut self.derived);
        }
        if self.derived.is_empty() {
            return;
        }
        for (index, effect) in std::mem::take(&mut self.derived).into_iter().enumerate() {
            let lane = Lane { position, index: index as u32 };
            let slot = effect.target.slot();
            if lane > self.owner_of_slot(slot).lane_mark(slot) {
                let arrival = Arrival { lane, cause, since: decided.time, attempts: 0, effect };
                self.under_way.entry(slot).or_default().push_back(arrival);
            }
        }
    }

    /// The outcome of an effect has been read; a cause stands before its outcomes.
    pub(super) fn effect_done(&mut self, slot: u16, lane: Lane) {
        self.owner_of_slot(slot).restore_lane(slot, lane, true);
        if let Some(waiting) = self.under_way.get_mut(&slot) {
            while waiting.front().is_some_and(|first| first.lane <= lane) {
                waiting.pop_front();
            }
            if waiting.is_empty() {
                self.under_way.remove(&slot);
            }
        }
    }

    /// Gives what was under way to the shards, in the order of the causes.
    pub(super) fn redeliver(&mut self) {
        let mut all: Vec<Arrival> = self.under_way.drain().flat_map(|(_, waiting)| waiting).collect();
        if mutant("effect_lost_at_start") {
            all.clear();
        }
        all.sort_unstable_by_key(|arrival| arrival.lane);
        self.report.effects = all.len() as u64;
        let mut by_shard: Vec<Vec<Arrival>> = self.shards.iter().map(|_| Vec::new()).collect();
        for arrival in all {
            let owner = Shard::owner_of_slot(arrival.slot(), by_shard.len() as u16);
            by_shard[usize::from(owner)].push(arrival);
        }
        for (shard, arrivals) in self.shards.iter_mut().zip(by_shard) {
            shard.redeliver(arrivals);
        }
    }
}
