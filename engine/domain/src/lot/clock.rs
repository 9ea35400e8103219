//! What a lot decides by itself between its opening and its end: the steps of its format's clock, and its end where nothing
//! is left to be bid for. And taking at the clock's price.

use smallvec::smallvec;

use super::{Lot, LotEvent, Phase};
use crate::actor::{Decision, Events};
use crate::context::{Context, Stamp};
use crate::time::Timestamp;

impl Lot {
    /// The last unit's take ends the lot in the same decision.
    pub(super) fn taken(&self, event: LotEvent, context: &Context<'_>) -> Decision<LotEvent> {
        if !matches!(&event, LotEvent::Taken(taken) if taken.remaining == 0) {
            return Decision::event(event);
        }
        let stamp = Stamp { time: context.now, by: context.by, command_id: context.command_id };
        let mut lot = self.clone();
        lot.take_over(&event, &stamp);
        let end = lot.closed(None, Some(context.now), None);
        let mut events: Events<LotEvent> = smallvec![event];
        events.push(end);
        Decision::events(events)
    }

    /// When an open lot next has something to decide: its end, its clock's next step, or at once where nothing is left.
    #[inline]
    pub(super) fn open_deadline(&self) -> Option<Timestamp> {
        if self.bidding.is_over(&self.listing) {
            return Some(self.open_since);
        }
        match (self.ends_at, self.bidding.next_tick()) {
            (Some(ends_at), Some(tick)) => Some(ends_at.min(tick)),
            (ends_at, tick) => ends_at.map(super::due_at).or(tick),
        }
    }

    /// What is due in an open lot before its end.
    pub(super) fn clock_events(&self, context: &Context<'_>) -> Events<LotEvent> {
        if self.bidding.is_over(&self.listing) {
            return smallvec![self.ended(Some(context.now), None, context)];
        }
        let Some(event) = self.bidding.rules().tick(&self.listing, context.now) else { return Events::new() };
        let LotEvent::Stepped(_) = &event else { return smallvec![event] };
        // The step that leaves as many as there are units ends the lot; who is out has its money back.
        let stamp = Stamp { time: context.now, by: context.by, command_id: context.command_id };
        let mut lot = self.clone();
        lot.take_over(&event, &stamp);
        let mut events: Events<LotEvent> = smallvec![event];
        if let Some(freed) = lot.freed_by(&lot.bidding) {
            lot.take_over(&freed, &stamp);
            events.push(freed);
        }
        if lot.bidding.is_over(&lot.listing) {
            events.push(lot.ended(Some(context.now), None, context));
        }
        events
    }

    /// A clock whose step fell into an outage has stood since: nobody could take at the prices that it passed. It goes on
    /// `extend_ms` after the recovery.
    pub(super) fn clock_after_outage(&self, context: &Context<'_>, extend_ms: u64) -> Option<LotEvent> {
        if self.phase != Phase::Open {
            return None;
        }
        let resumes_at = context.now.plus_ms(extend_ms);
        self.bidding.rules().stand_still(&self.listing, context.now, resumes_at)
    }

    /// Whether a clock stands while the lot does, and stops with it.
    pub(super) fn has_clock(&self) -> bool {
        self.listing.clock.is_some()
    }
}
