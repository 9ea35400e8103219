//! Effects between actors: their places, what of them has been done, and what operators see of those that wait.
//!
//! An effect is named by its **lane position**: where the record that caused it stands in the journal, and its number
//! among that record's effects. All effects to one slot travel on one lane, in that order. The receiver's outcome is
//! journaled with the position, and what is at or below the slot's mark has been done: so each happens once (DESIGN
//! section 5, docs/engine.md "Effects").

mod audit;

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use dashmap::DashMap;
use vendue_domain::actor::{ActorAddress, Command};
use vendue_domain::effect::Effect;
use vendue_domain::id::SLOTS;
use vendue_domain::record::{Field, Reader, RecordError};
use vendue_domain::rejection::Rejection;
use vendue_domain::time::Timestamp;

use crate::options::SHARDS_MAX;
pub use audit::LaneAudit;

/// How many effects of a cell may be under way; past it commands are answered with `overloaded`. At some hundred bytes
/// each it bounds what a lane that is stuck for long can take of the memory.
pub const EFFECTS_WAITING_MAX: u64 = 1 << 20;

/// How many declined effects operators see, the newest.
const DECLINED_KEPT: usize = 256;

/// Where an effect stands among all effects of the cell: also its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lane {
    /// The journal position of the record that caused it; 0: before any.
    pub position: u64,
    /// Its number among that record's effects, from 0.
    pub index: u32,
}

impl Lane {
    /// The effect's identity as a command's id: what the receiver derives ids from, and an idempotency key.
    #[must_use]
    pub fn identity(self) -> u128 {
        let mut bytes = *b"effect\0\0............";
        bytes[8..16].copy_from_slice(&self.position.to_le_bytes());
        bytes[16..].copy_from_slice(&self.index.to_le_bytes());
        xxhash_rust::xxh3::xxh3_128(&bytes)
    }
}

impl Field for Lane {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.position, self.index).encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let (position, index) = Field::decode(input)?;
        Ok(Self { position, index })
    }
}

/// An effect on its way to the shard that owns its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its place.
    pub lane: Lane,
    /// Whose event caused it.
    pub cause: ActorAddress,
    /// When it was caused.
    pub since: Timestamp,
    /// How often deciding it has failed.
    pub attempts: u8,
    /// What it is.
    pub effect: Effect,
}

impl Arrival {
    /// Its target's slot.
    #[must_use]
    pub fn slot(&self) -> u16 {
        self.effect.target.slot()
    }
}

/// An effect that leaves its shard when its cause is durable.
#[derive(Debug)]
pub struct Departure {
    /// The causing record's number within its unit.
    pub record: u32,
    /// The effect; its lane's position is filled in when the unit's place is certain.
    pub arrival: Arrival,
}

/// Up to where the effects to each slot have been done.
#[derive(Debug, Default)]
pub struct Marks {
    /// By slot; empty until there is one.
    handled: Vec<Lane>,
    is_changed: Vec<bool>,
    changed: Vec<u16>,
}

impl Marks {
    /// The last effect to the slot that has been done.
    #[must_use]
    pub fn get(&self, slot: u16) -> Lane {
        self.handled.get(usize::from(slot)).copied().unwrap_or_default()
    }

    fn raise(&mut self, slot: u16, lane: Lane) -> bool {
        if self.handled.is_empty() {
            self.handled.resize(usize::from(SLOTS), Lane::default());
            self.is_changed.resize(usize::from(SLOTS), false);
        }
        let mark = &mut self.handled[usize::from(slot)];
        let raised = lane > *mark;
        *mark = lane.max(*mark);
        raised
    }

    /// Notes an effect as done.
    pub fn set(&mut self, slot: u16, lane: Lane) {
        if self.raise(slot, lane) {
            self.change(slot);
        }
    }

    /// Recovery: takes a mark over that the state store holds.
    pub fn restore(&mut self, slot: u16, lane: Lane) {
        self.raise(slot, lane);
    }

    /// The mark of this slot is to be stored (again).
    pub fn change(&mut self, slot: u16) {
        if let Some(is_changed) = self.is_changed.get_mut(usize::from(slot))
            && !std::mem::replace(is_changed, true)
        {
            self.changed.push(slot);
        }
    }

    /// The marks that have changed since they were last taken.
    pub fn take_changed(&mut self) -> Vec<(u16, Lane)> {
        let slots = std::mem::take(&mut self.changed);
        slots
            .into_iter()
            .map(|slot| {
                self.is_changed[usize::from(slot)] = false;
                (slot, self.get(slot))
            })
            .collect()
    }

    /// Every slot's mark that is not the first.
    pub fn all(&self) -> impl Iterator<Item = (u16, Lane)> + '_ {
        let marks = self.handled.iter().enumerate();
        marks.filter(|(_, lane)| lane.position > 0).map(|(slot, lane)| (slot as u16, *lane))
    }
}

/// Why an effect cannot be decided at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StuckBecause {
    /// The target's state cannot be read.
    Unreadable,
    /// The target's rules panicked.
    Panicked,
}

impl StuckBecause {
    /// The name that operators see.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "target_unreadable",
            Self::Panicked => "rules_panicked",
        }
    }
}

/// The first effect of a lane that does not move; those behind it wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckEffect {
    /// Its place.
    pub lane: Lane,
    /// Whose event caused it.
    pub cause: ActorAddress,
    /// Who shall receive it.
    pub target: ActorAddress,
    /// What it is asked, `account.place_hold` say.
    pub command: String,
    /// When it was caused.
    pub since: Timestamp,
    /// Why it does not move.
    pub because: StuckBecause,
    /// How often deciding it has failed.
    pub attempts: u8,
    /// When it is tried again.
    pub retry_at: Timestamp,
    /// How many effects of its slot wait behind it.
    pub behind: u64,
}

/// An effect that its receiver refused although nobody listens: a fault in a process's rules, for operators to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclinedEffect {
    /// Its place.
    pub lane: Lane,
    /// Who refused it.
    pub target: ActorAddress,
    /// When.
    pub time: Timestamp,
    /// By which rule.
    pub rejection: Rejection,
}

/// What all shards of a cell tell about effects under way; read by operators, never by rules.
#[derive(Debug)]
pub struct EffectBoard {
    waiting: AtomicU64,
    /// By shard: when the oldest of its waiting effects was caused, in microseconds; `i64::MAX`: none waits.
    oldest: Box<[AtomicI64]>,
    stuck: DashMap<u16, StuckEffect>,
    declined_count: AtomicU64,
    declined: Mutex<VecDeque<DeclinedEffect>>,
}

impl Default for EffectBoard {
    fn default() -> Self {
        Self {
            waiting: AtomicU64::new(0),
            oldest: (0..SHARDS_MAX).map(|_| AtomicI64::new(i64::MAX)).collect(),
            stuck: DashMap::new(),
            declined_count: AtomicU64::new(0),
            declined: Mutex::default(),
        }
    }
}

impl EffectBoard {
    /// How many effects are caused and not yet decided.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// When the oldest effect that has reached its shard and waits there was caused.
    #[must_use]
    pub fn oldest(&self) -> Option<Timestamp> {
        let oldest = self.oldest.iter().map(|oldest| oldest.load(Ordering::Relaxed)).min();
        oldest.filter(|&at| at != i64::MAX).map(Timestamp)
    }

    /// The lanes that do not move, the longest waiting first.
    #[must_use]
    pub fn stuck(&self) -> Vec<StuckEffect> {
        let mut stuck: Vec<_> = self.stuck.iter().map(|entry| entry.value().clone()).collect();
        stuck.sort_by_key(|effect| (effect.since, effect.lane));
        stuck
    }

    /// How many effects their receivers have refused since the process started.
    #[must_use]
    pub fn declined_count(&self) -> u64 {
        self.declined_count.load(Ordering::Relaxed)
    }

    /// The effects that were refused last, newest first.
    #[must_use]
    pub fn declined(&self) -> Vec<DeclinedEffect> {
        self.declined.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }

    pub(crate) fn caused(&self, count: u64) {
        self.waiting.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn done(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn tell_oldest(&self, shard: u16, since: Option<Timestamp>) {
        if let Some(oldest) = self.oldest.get(usize::from(shard)) {
            oldest.store(since.map_or(i64::MAX, |since| since.0), Ordering::Relaxed);
        }
    }

    pub(crate) fn stick(&self, slot: u16, effect: StuckEffect) {
        self.stuck.insert(slot, effect);
    }

    pub(crate) fn one_more_behind(&self, slot: u16) {
        if let Some(mut effect) = self.stuck.get_mut(&slot) {
            effect.behind += 1;
        }
    }

    pub(crate) fn unstick(&self, slot: u16) {
        self.stuck.remove(&slot);
    }

    /// Notes a refusal; `counted`: it happened in this process.
    pub(crate) fn decline(&self, effect: DeclinedEffect, counted: bool) {
        self.declined_count.fetch_add(u64::from(counted), Ordering::Relaxed);
        let mut declined = self.declined.lock().unwrap_or_else(PoisonError::into_inner);
        if declined.len() == DECLINED_KEPT {
            declined.pop_front();
        }
        declined.push_back(effect);
    }
}

/// A command's kind and name, `account.place_hold`, without anything of its content: from the beginning of its derived
/// `Debug`, which is cut off before the first field.
#[must_use]
pub fn command_name(command: &Command) -> String {
    struct Head(String, u8);

    impl Write for Head {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for letter in text.chars() {
                match letter {
                    '(' if self.1 == 0 => {
                        self.0.push('.');
                        self.1 = 1;
                    }
                    letter if letter.is_ascii_alphanumeric() => {
                        let begins = self.0.is_empty() || self.0.ends_with('.');
                        if letter.is_ascii_uppercase() && !begins {
                            self.0.push('_');
                        }
                        self.0.push(letter.to_ascii_lowercase());
                    }
                    // The content begins: no more of it is written.
                    _ => return Err(fmt::Error),
                }
            }
            Ok(())
        }
    }

    let mut head = Head(String::new(), 0);
    let _ = write!(head, "{command:?}");
    head.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use vendue_domain::id::MarketId;
    use vendue_domain::market::{MarkMarket, MarketCommand};

    #[test]
    fn marks_only_rise_and_are_handed_out_once() {
        let mut marks = Marks::default();
        let lane = |position, index| Lane { position, index };
        assert_eq!(marks.get(7), Lane::default());
        marks.restore(7, lane(4, 1));
        assert!(marks.take_changed().is_empty(), "the store holds it");
        marks.set(7, lane(4, 0));
        assert_eq!(marks.get(7), lane(4, 1), "a mark never falls");
        marks.set(7, lane(4, 2));
        marks.set(7, lane(5, 0));
        marks.set(4_095, lane(6, 0));
        assert_eq!(marks.take_changed(), [(7, lane(5, 0)), (4_095, lane(6, 0))]);
        assert!(marks.take_changed().is_empty());
        assert_eq!(marks.all().collect::<Vec<_>>(), [(7, lane(5, 0)), (4_095, lane(6, 0))]);
    }

    #[test]
    fn a_command_is_named_without_its_content() {
        let market = MarketId::from_u128(3);
        let command = Command::Market(MarketCommand::Mark(MarkMarket { market }));
        assert_eq!(command_name(&command), "market.mark");
    }

    #[test]
    fn identities_differ_and_stay() {
        let first = Lane { position: 1, index: 0 }.identity();
        assert_ne!(first, Lane { position: 1, index: 1 }.identity());
        assert_ne!(first, Lane { position: 0, index: 1 }.identity());
        // On disk: ids are derived from it.
        assert_eq!(first, Lane { position: 1, index: 0 }.identity());
        let mut bytes = Vec::new();
        Lane { position: 300, index: 2 }.encode(&mut bytes);
        assert_eq!(bytes, [0x92, 0xCD, 0x01, 0x2C, 0x02]);
    }
}
