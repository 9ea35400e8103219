//! The check of a history's effects: each that a record causes has one outcome, behind it and in the order of its lane;
//! no outcome is without a cause (I2, I3). Tests, the simulation and `verify` feed it a journal, record by record.

use hashbrown::HashMap;
use std::collections::VecDeque;

use vendue_domain::effect::Effects;

use super::Lane;
use crate::entry::Entry;
use crate::hook;

/// A check of all effects of a journal, from its first record or from where a base goes on.
#[derive(Debug, Default)]
pub struct LaneAudit {
    /// Effects without an outcome so far, by their target's slot, in order.
    under_way: HashMap<u16, VecDeque<Lane>>,
    /// The outcome that the record before this one belonged to: a decision may have several records.
    last: Option<(u64, u16, Lane)>,
    count: u64,
    /// Effects of earlier causes have no outcome that is missing, and may have one yet to come.
    from: u64,
}

impl LaneAudit {
    /// Of a journal that is read from a base's `replay_from` on: every effect of an earlier cause was decided when it was made.
    #[must_use]
    pub fn after(from: u64) -> Self {
        Self { from, ..Self::default() }
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn take(&mut self, position: u64, entry: &Entry) -> Result<(), String> {
        if let Some((slot, lane)) = entry.lane() {
            self.outcome(position, slot, lane)?;
        }
        let Entry::Decided(decided) = entry else { return Ok(()) };
        let (stamp, mut effects) = (decided.stamp(), Effects::new());
        for event in &decided.events.0 {
            hook::effects(event, decided.id, &stamp, &mut effects);
        }
        self.count += effects.len() as u64;
        for (index, effect) in effects.into_iter().enumerate() {
            let lane = Lane { position, index: index as u32 };
            self.under_way.entry(effect.target.slot()).or_default().push_back(lane);
        }
        Ok(())
    }

    fn outcome(&mut self, position: u64, slot: u16, lane: Lane) -> Result<(), String> {
        let last = self.last.replace((position, slot, lane));
        if last.is_some_and(|last| last == (position - 1, slot, lane)) {
            return Ok(());
        }
        if lane.position < self.from {
            return Ok(());
        }
        let expected = self.under_way.get_mut(&slot).and_then(VecDeque::pop_front);
        if expected == Some(lane) {
            return Ok(());
        }
        Err(format!(
            "record {position} is the outcome of {lane:?} in slot {slot}; {expected:?} comes next there"
        ))
    }

    /// How many effects have been caused so far.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The first effect that has no outcome.
    #[must_use]
    pub fn undone(&self) -> Option<Lane> {
        self.under_way.values().filter_map(|lanes| lanes.front().copied()).min()
    }
}
