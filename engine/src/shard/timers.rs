//! The actors' own deadlines: one heap of (deadline, actor), with entries that have moved left in place and passed over.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use vendue_domain::mutant;

use vendue_domain::context::Context;
use vendue_domain::facts::Standing;
use vendue_domain::id::AccountId;
use vendue_domain::time::Timestamp;

use super::Shard;
use super::record::Origin;

/// How many deadlines are decided in one round: more wait for the next, so that a thousand lots that end together do
/// not keep a bid waiting for longer than one unit.
const TIMERS_PER_ROUND: usize = 2_048;

/// How many moved entries may stay in the heap beside the live ones before it is built anew.
const STALE_MIN: usize = 4_096;

/// The deadlines of a shard's resident actors.
#[derive(Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Timestamp, u32, u32)>>,
}

impl Timers {
    pub(super) fn push(&mut self, at: Timestamp, index: u32, generation: u32) {
        self.heap.push(Reverse((at, index, generation)));
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, u32, u32)> {
        let Reverse((at, _, _)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

impl Shard {
    /// Notes the actor's deadline if it has moved.
    pub(super) fn schedule(&mut self, index: u32) {
        let Some(cell) = self.cells[index as usize].as_mut() else { return };
        let deadline = cell.entity.next_deadline();
        if deadline == cell.deadline {
            return;
        }
        let had_one = cell.deadline.is_some();
        cell.deadline = deadline;
        if let Some(at) = deadline.filter(|_| !(had_one && mutant("timer_lost"))) {
            self.timers.push(at, index, cell.generation);
            if self.timers.heap.len() > STALE_MIN + 2 * self.index.len() {
                self.rebuild_timers();
            }
        }
    }

    fn rebuild_timers(&mut self) {
        let live = self.cells.iter().enumerate().filter_map(|(index, cell)| {
            let cell = cell.as_ref()?;
            Some(Reverse((cell.deadline?, index as u32, cell.generation)))
        });
        self.timers.heap = live.collect();
    }

    /// Decides what is due at `now`.
    pub(super) fn run_timers(&mut self) {
        for _ in 0..TIMERS_PER_ROUND {
            if self.is_full() {
                return;
            }
            let Some((at, index, generation)) = self.timers.pop_due(self.now) else { return };
            let Some(cell) = self.cells.get(index as usize).and_then(Option::as_ref) else { continue };
            if cell.generation != generation || cell.deadline != Some(at) {
                continue;
            }
            self.stats.timers += 1;
            self.settle(index);
        }
    }

    /// Lets an actor decide everything that is due.
    fn settle(&mut self, index: u32) {
        // An actor has few steps that can be due at once (open, then end); the bound keeps a faulty rule from looping.
        for _ in 0..16 {
            let Some(cell) = self.cells[index as usize].as_mut() else { return };
            cell.deadline = None;
            let context = Context {
                now: self.now,
                by: AccountId::default(),
                standing: Standing::ENGINE,
                facts: &self.facts,
                command_id: 0,
                content: 0,
                accounts: None,
            };
            let Some(events) = super::decide::guarded(|| cell.entity.due(&context)) else {
                self.rules_panicked(index);
                return;
            };
            if events.is_empty() {
                break;
            }
            if self.record(index, events, Origin::ENGINE).is_none() {
                return;
            }
        }
        self.schedule(index);
    }
}
