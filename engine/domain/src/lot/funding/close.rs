//! The end of a funded lot: bids whose holds are under way settle first, and what nobody needs is given back.

use super::event::{Closing, HoldChange, HoldChanges, HoldsFreed, Refused, Released, Step};
use super::holds::held_after;
use super::state::{Backing, Funds};
use crate::actor::Events;
use crate::context::Context;
use crate::id::AccountId;
use crate::limits::{CLOSING_MS, HOLDS_PER_STEP};
use crate::lot::{Closed, Lot, LotEvent, Phase, Resumed, Win};
use crate::rejection::Rejection;
use crate::time::Timestamp;

impl Lot {
    /// What the lot does for the money, at once.
    pub(in crate::lot) fn step_of_money(&self, context: &Context<'_>) -> Events<LotEvent> {
        let Some(funds) = self.funds.as_deref().filter(|funds| funds.is_due(self.phase)) else {
            return Events::new();
        };
        if self.phase == Phase::Closed {
            return self.step_of_closed(funds, context);
        }
        let events = self.step_of_bid(context);
        if events.is_empty() { self.step_of_change(context) } else { events }
    }

    /// After the end: bids that still wait are refused, changes are dropped, and the holds are given back; some at a time.
    fn step_of_closed(&self, funds: &Funds, context: &Context<'_>) -> Events<LotEvent> {
        if funds.waiting() > 0 {
            return self.refusals(funds, &self.too_late(context.now));
        }
        if !funds.changes.is_empty() {
            return self.step_of_change(context);
        }
        let release = |&(account, ref backing): &(AccountId, Backing)| {
            HoldChange::Released(Released { account, hold: backing.hold })
        };
        let changes = funds.backings.iter().take(HOLDS_PER_STEP).map(release).collect();
        smallvec::smallvec![LotEvent::HoldsFreed(Box::new(HoldsFreed { changes }))]
    }

    /// Refuses some of the bids that wait. What is under way is given back by what follows it; where the account's hold
    /// is still needed, the lot waits for it.
    fn refusals(&self, funds: &Funds, rejection: &Rejection) -> Events<LotEvent> {
        let mut events = Events::new();
        for &(account, ref backing) in funds.backings.iter() {
            for (nth, waiting) in (1..).zip(&backing.waiting) {
                if events.len() >= HOLDS_PER_STEP {
                    return events;
                }
                let last = nth == backing.waiting.len();
                let changes = if last { self.freed_at_end(account, backing) } else { HoldChanges::new() };
                events.push(LotEvent::Refused(Box::new(Refused {
                    asked: Some(waiting.asked),
                    step: Step::BidInFlight,
                    rejection: rejection.clone(),
                    held: held_after(account, backing.held, &changes),
                    changes,
                })));
            }
        }
        events
    }

    /// What is given back when the last waiting bid of an account is refused at the end: all, unless its standing needs it.
    fn freed_at_end(&self, account: AccountId, backing: &Backing) -> HoldChanges {
        let hold = backing.hold;
        let needed = if self.holds_all() {
            self.bidding.rules().owes(&self.listing, account).is_some()
        } else {
            backing.used
        };
        let gives = !needed && (backing.held > 0 || backing.in_flight.is_some());
        gives.then_some(HoldChange::Released(Released { account, hold })).into_iter().collect()
    }

    /// The end at `ends_at`: at once, or as soon as the holds that are under way have settled.
    pub(in crate::lot) fn ended(
        &self,
        ends_at: Option<Timestamp>,
        reason: Option<String>,
        context: &Context<'_>,
    ) -> LotEvent {
        if self.funds.as_deref().is_none_or(Funds::is_settled) {
            return self.closed(None, ends_at, reason);
        }
        self.closing(ends_at.unwrap_or(context.now), reason, context.now)
    }

    fn closing(&self, ends_at: Timestamp, reason: Option<String>, now: Timestamp) -> LotEvent {
        LotEvent::Closing(Box::new(Closing {
            ends_at,
            opens_at: self.listing.opens_at,
            soft_close: self.listing.soft_close,
            until: now.plus_ms(CLOSING_MS),
            reason,
        }))
    }

    /// What a closing lot does when nothing is left to be done for bids: it closes; or the time for holds is over.
    pub(in crate::lot) fn due_while_closing(&self, context: &Context<'_>) -> Events<LotEvent> {
        let Some(funds) = self.funds.as_deref() else { return Events::new() };
        if funds.is_settled() {
            return smallvec::smallvec![self.closed(None, self.ends_at, self.reason.clone())];
        }
        if funds.until.is_none_or(|until| until > context.now) {
            return Events::new();
        }
        if funds.waiting() > 0 {
            return self.refusals(funds, &Rejection::TimedOut);
        }
        // Somebody's hold is still on its way for a change: that account is out.
        self.blocked_out(funds)
    }

    fn blocked_out(&self, funds: &Funds) -> Events<LotEvent> {
        let Some(account) = funds.blocked_on else { return Events::new() };
        smallvec::smallvec![self.out_of_time(funds, account)]
    }

    /// When a closing lot next has something to decide. What is only waiting for the account of a standing bid has no
    /// deadline: the lot closes when it has answered, since the order needs to know what it captures.
    pub(in crate::lot) fn closing_deadline(&self) -> Option<Timestamp> {
        let funds = self.funds.as_deref()?;
        let waits = funds.waiting() > 0 || !funds.changes.is_empty();
        funds.until.filter(|_| waits)
    }

    /// A closing lot whose end has been given more time by recovery.
    pub(in crate::lot) fn closing_after_outage(&self, context: &Context<'_>) -> Events<LotEvent> {
        let late =
            self.funds.as_deref().and_then(|funds| funds.until).is_some_and(|until| until <= context.now);
        match self.ends_at.filter(|_| late) {
            Some(ends_at) => smallvec::smallvec![self.closing(ends_at, self.reason.clone(), context.now)],
            None => Events::new(),
        }
    }

    /// A bid that arrived in time has moved the end of a closing lot: it is open again.
    pub(super) fn resumed_by(&self, event: &LotEvent, context: &Context<'_>) -> Option<LotEvent> {
        let ends_at = event.inner().extended_to().filter(|_| self.phase == Phase::Closing)?;
        (ends_at > context.now).then(|| {
            LotEvent::Resumed(Box::new(Resumed {
                ends_at: Some(ends_at),
                opens_at: self.listing.opens_at,
                soft_close: self.listing.soft_close,
                halt: false,
                halted_us: self.halted_us_now(context),
                reason: Some("a bid that arrived in time".to_owned()),
            }))
        })
    }

    /// Gives a winner's order the winner's hold.
    pub(in crate::lot) fn give_holds(&self, closed: &mut Closed) {
        let Some(funds) = self.funds.as_deref() else { return };
        for win in &mut closed.winners {
            if let Some(backing) = funds.backings.get(&win.account) {
                self.give_hold(win, backing);
            }
        }
    }

    pub(super) fn give_hold(&self, win: &mut Win, backing: &Backing) {
        let hold = Some(backing.hold);
        if self.holds_all() {
            win.hold = hold;
        } else {
            win.deposit = hold;
        }
    }
}
