//! What the clock and the facts of others do to a lot: opening, the end, halts of its market, suspended bidders.

use smallvec::smallvec;

use super::state::Pause;
use super::{Extended, Lot, LotEvent, Paused, Phase};
use crate::actor::Events;
use crate::context::{Context, Stamp};
use crate::facts::MarketFacts;
use crate::time::Timestamp;

impl Lot {
    pub(super) fn due_events(&self, context: &Context<'_>) -> Events<LotEvent> {
        // A lot that slept through a halt has another end than the one that woke it.
        let events = self.events_of_facts(context);
        if !events.is_empty() {
            return events;
        }
        let events = self.step_of_money(context);
        if !events.is_empty() {
            return events;
        }
        match self.phase {
            Phase::Scheduled if self.listing.opens_at.is_some_and(|opens_at| opens_at <= context.now) => {
                self.open_by_clock(context)
            }
            Phase::Open if self.ends_at.is_some_and(|ends_at| crate::lot::due_at(ends_at) <= context.now) => {
                smallvec![self.ended(self.ends_at, None, context)]
            }
            Phase::Open => self.clock_events(context),
            Phase::Closing => self.due_while_closing(context),
            _ => Events::new(),
        }
    }

    /// A lot whose end fell into an outage ends `extend_ms` after the recovery: nobody loses it to a machine.
    #[must_use]
    pub fn after_outage(&self, context: &Context<'_>, extend_ms: u64) -> Events<LotEvent> {
        if self.phase == Phase::Closing {
            return self.closing_after_outage(context);
        }
        let end = self.end_after_outage(context, extend_ms);
        end.into_iter().chain(self.clock_after_outage(context, extend_ms)).collect()
    }

    fn end_after_outage(&self, context: &Context<'_>, extend_ms: u64) -> Option<LotEvent> {
        let old_ends_at = self.ends_at.filter(|_| self.phase == Phase::Open)?;
        let ends_at = context.now.plus_ms(extend_ms);
        if old_ends_at > context.now || ends_at <= old_ends_at {
            return None;
        }
        let reason = Some("the end fell into an outage".to_owned());
        Some(LotEvent::Extended(Box::new(Extended { old_ends_at: Some(old_ends_at), ends_at, reason })))
    }

    /// While its market is halted a lot opens and is paused at once, with all its time.
    fn open_by_clock(&self, context: &Context<'_>) -> Events<LotEvent> {
        let mut events: Events<LotEvent> = smallvec![self.opened(context, self.listing.opens_at, None)];
        let halted = self.market_facts(context).is_some_and(|market| market.halted_since.is_some());
        if halted && self.ends_at.is_none_or(|ends_at| ends_at > context.now) {
            // What of the halt is over by now is no time of this lot's.
            let halted_us = self.halted_us_now(context);
            events.push(self.halted(context.now, self.ends_at, halted_us));
        }
        events
    }

    /// Everything at once, each event resting on the ones before; nothing where there is nothing new.
    pub(super) fn events_of_facts(&self, context: &Context<'_>) -> Events<LotEvent> {
        let mut events = Events::new();
        let Some(first) = self.event_of_facts(context) else { return events };
        let stamp = Stamp { time: context.now, by: context.by, command_id: context.command_id };
        let mut lot = self.clone();
        let mut next = Some(first);
        while let Some(event) = next {
            lot.take_over(&event, &stamp);
            events.push(event);
            next = lot.event_of_facts(context);
        }
        events
    }

    fn event_of_facts(&self, context: &Context<'_>) -> Option<LotEvent> {
        let halt = match self.phase {
            Phase::Open | Phase::Paused => self.halt_event(context),
            Phase::Closing => None,
            Phase::Draft | Phase::Scheduled | Phase::Closed => return None,
        };
        halt.or_else(|| self.expulsion(context).map(|event| self.restating(event, context)))
    }

    /// A halt pauses the lot from the moment the market was halted; its end gives the time back. Both also where the lot
    /// hears of them late, or of several at once: `halted_us` tells how long halts have taken in all.
    fn halt_event(&self, context: &Context<'_>) -> Option<LotEvent> {
        let market = self.market_facts(context)?;
        if self.pause.is_some_and(|pause| pause.by_operator) {
            return None;
        }
        let slept_us = market.halted_us.saturating_sub(self.halted_us);
        let ends_at = self.ends_at.map(|ends_at| ends_at.plus_micros(slept_us));
        if let Some(halted_since) = market.halted_since {
            let since = halted_since.max(self.open_since);
            if ends_at.is_none_or(|ends_at| ends_at > since) {
                let paused = Some(Pause { since, by_operator: false, by_halt: true });
                let known = slept_us == 0 && self.pause == paused;
                return (!known).then(|| self.halted(since, ends_at, market.halted_us.max(self.halted_us)));
            }
        }
        let moved = self.pause.is_some() || (slept_us > 0 && self.ends_at.is_some());
        moved.then(|| self.resumed(context, ends_at, true, None))
    }

    fn halted(&self, since: Timestamp, ends_at: Option<Timestamp>, halted_us: u64) -> LotEvent {
        LotEvent::Paused(Box::new(Paused {
            since,
            ends_at,
            opens_at: self.listing.opens_at,
            soft_close: self.listing.soft_close.map(|soft_close| soft_close.moved(self.ends_at, ends_at)),
            halt: true,
            halted_us,
            reason: Some("market halted".to_owned()),
            clock: self.has_clock(),
        }))
    }

    /// Suspended bidders lose their standing, one after the other. Few accounts are suspended and few bid on one lot: the
    /// fewer are gone through.
    pub(super) fn expulsion(&self, context: &Context<'_>) -> Option<LotEvent> {
        let suspended = context.facts.suspended();
        if suspended.len() == 0 {
            return None;
        }
        let rules = self.bidding.rules();
        let terms = self.terms(context.now);
        let market = self.listing.market;
        let expel = |account| {
            let suspended = context.facts.is_suspended(account, market) && self.may_expel(account);
            if suspended { rules.expel(&terms, account) } else { None }
        };
        let bidders = rules.bidders();
        if bidders.len() <= suspended.len() {
            return bidders.into_iter().find_map(expel);
        }
        let mut expelled: Vec<_> =
            suspended.filter(|&account| context.facts.is_suspended(account, market)).collect();
        // By account, not by where the table of facts happens to have them: the same facts give the same events.
        expelled.sort_unstable();
        expelled.into_iter().find_map(expel)
    }

    fn market_facts<'a>(&self, context: &Context<'a>) -> Option<&'a MarketFacts> {
        context.facts.market(self.listing.market)
    }

    /// How long the market has been halted in all by now, a halt under way included: what a lot that opens now need not
    /// take into account.
    pub(super) fn halted_us_now(&self, context: &Context<'_>) -> u64 {
        self.market_facts(context).map_or(0, |market| {
            let under_way = market.halted_since.map_or(0, |since| context.now.micros_since(since));
            market.halted_us.saturating_add(under_way)
        })
    }
}
