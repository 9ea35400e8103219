//! Changes of the standing that wait for holds: bids that are taken back, voided or fall with their bidder, and reopenings.
//!
//! Until the money of whoever would lead is there, everything stands as it did, so that nobody is shown as leader whose
//! money is not there: the bids that are to go, whose money is, stay a moment longer. Bids go on meanwhile (not those of
//! whoever is about to go), and every step is worked out anew from what stands then.
//!
//! | the first change | its next step | by |
//! |---|---|---|
//! | everybody who would owe something after it is covered | done, and answered | [`Backed`] |
//! | somebody is not | the highest one's hold is asked for | [`HoldAsked`] |
//! | the same, and that account's hold is being changed already | it waits | `Blocked` |
//! | the hold is refused, or too late | that account's bids go too, before it | [`HoldSettled`] |
//! | it has become impossible (the bid is gone, the lot has closed) | dropped, and answered so | [`Refused`] |

use super::event::{
    Backed, Change, HoldAsked, HoldChange, HoldChanges, HoldSettled, Purpose, Refused, Released, Removal,
    Reopening, Step, Told,
};
use super::state::Funds;
use crate::actor::{Decision, Events};
use crate::context::{Context, Stamp};
use crate::facts::Standing;
use crate::id::AccountId;
use crate::limits::{self, RESTATEMENTS_MAX};
use crate::lot::format::Bidding;
use crate::lot::{Lot, LotEvent, Phase, ReopenLot, Restated, RestatementCause};
use crate::rejection::Rejection;

impl Lot {
    /// A restatement that somebody asked for, or the facts: done at once where that asks for nobody's money.
    pub(in crate::lot) fn restate(
        &self,
        event: LotEvent,
        context: &Context<'_>,
    ) -> Result<Decision<LotEvent>, Rejection> {
        if let Some(funds) = self.funds.as_deref()
            && let LotEvent::Restated(restated) = &event
        {
            super::bids::check_stays(funds, restated.account)?;
            if funds.changes.len() >= RESTATEMENTS_MAX {
                let max = RESTATEMENTS_MAX as u64;
                return Err(limits::exceeded("restatements", max, max + 1));
            }
        }
        Ok(Decision::event(self.restating(event, context)))
    }

    /// The same where nothing can be refused: facts have changed.
    pub(in crate::lot) fn restating(&self, event: LotEvent, context: &Context<'_>) -> LotEvent {
        let (Some(funds), LotEvent::Restated(restated)) = (self.funds.as_deref(), &event) else {
            return event;
        };
        let after = self.bidding_after(&event, context);
        if self.holds_all() && (!funds.changes.is_empty() || self.uncovered(funds, &after).is_some()) {
            let Restated { cause, account, bid, ref reason, .. } = **restated;
            // The engine asks for nothing that it would have to be told of.
            let asked = (!context.standing.any(Standing::ENGINE) && cause != RestatementCause::Suspended)
                .then(|| context.asked());
            let removal = Removal { cause, account, bid, reason: reason.clone(), asked };
            return LotEvent::Restating(Box::new(Change::Removal(removal)));
        }
        self.restated(funds, None, event, &after)
    }

    /// Whether this lot's restatements have room for one more of the facts' (they are asked for again later).
    pub(in crate::lot) fn may_expel(&self, account: AccountId) -> bool {
        self.funds
            .as_deref()
            .is_none_or(|funds| !funds.removes_all_of(account) && funds.changes.len() < RESTATEMENTS_MAX)
    }

    /// A change that takes effect now, with what is held too much after it.
    fn restated(&self, funds: &Funds, change: Option<&Change>, event: LotEvent, after: &Bidding) -> LotEvent {
        // What the changes that follow need, and what they free, is known when the last of them is done.
        let more = change.is_some() && (1..funds.changes.len()).contains(&funds.unfunded());
        let sweeps = self.holds_all() && !more;
        let mut changes = if sweeps { self.sweep(funds, after) } else { HoldChanges::new() };
        if let (false, LotEvent::Restated(restated)) = (self.holds_all(), &event) {
            changes.extend(self.deposit_of_removed(funds, restated));
        }
        if change.is_none() && changes.is_empty() {
            return event;
        }
        LotEvent::Backed(Box::new(Backed {
            asked: change.and_then(Change::asked),
            step: change.map(|_| Step::Change),
            held: None,
            changes,
            event: Told::new(event),
            placed: None,
        }))
    }

    /// Without bids there is no cause to keep a deposit.
    fn deposit_of_removed(&self, funds: &Funds, restated: &Restated) -> Option<HoldChange> {
        let account = restated.account;
        let backing = funds.backings.get(&account).filter(|_| restated.bid.is_none())?;
        let idle = backing.in_flight.is_none() && backing.waiting.is_empty() && backing.held > 0;
        idle.then_some(HoldChange::Released(Released { account, hold: backing.hold }))
    }

    /// The next step of the first change. Never nothing while there is one that is not blocked.
    pub(super) fn step_of_change(&self, context: &Context<'_>) -> Events<LotEvent> {
        let Some(funds) = self.funds.as_deref().filter(|funds| funds.blocked_on.is_none()) else {
            return Events::new();
        };
        let Some(first) = funds.changes.front() else { return Events::new() };
        // Whoever was suspended while the lot was closed shall not be asked for money first.
        if matches!(first, Change::Reopening(_))
            && let Some(event) = self.expelled(context)
        {
            let after = self.bidding_after(&event, context);
            let event = self.backed_restatement(funds, event, &after);
            return smallvec::smallvec![event];
        }
        smallvec::smallvec![self.step_of(funds, first, context)]
    }

    /// As [`Lot::restated`] for a removal that was not waiting, in a closed lot.
    fn backed_restatement(&self, funds: &Funds, event: LotEvent, after: &Bidding) -> LotEvent {
        let (asked, step, held, placed) = (None, None, None, None);
        let changes = self.sweep(funds, after);
        LotEvent::Backed(Box::new(Backed { asked, step, held, changes, event: Told::new(event), placed }))
    }

    fn step_of(&self, funds: &Funds, first: &Change, context: &Context<'_>) -> LotEvent {
        let event = match self.event_of(first, context) {
            Ok(event) => event,
            Err(rejection) => return self.dropped(funds, first, rejection),
        };
        let after = self.bidding_of_changes(funds, context);
        let Some((account, needed)) = self.uncovered(funds, &after) else {
            return self.restated(funds, Some(first), event, &after);
        };
        let backing = funds.backings.get(&account);
        let held = backing.map_or(0, |backing| backing.held);
        let in_flight = backing.is_some_and(|backing| backing.in_flight.is_some());
        if self.phase == Phase::Closing && funds.until.is_some_and(|until| until <= context.now) {
            return self.out_of_time(funds, account);
        }
        if in_flight {
            return LotEvent::Blocked(account);
        }
        let wanted = self.wanted(funds, backing.filter(|_| held > 0), account, needed);
        // Nobody's command: any number that no lowering has recognises the answer.
        let tag = u128::from(funds.holds) + 1;
        let purpose = Purpose::Restatement;
        LotEvent::HoldAsked(Box::new(HoldAsked { account, tag, purpose, wanted, held }))
    }

    /// The lot closes and this account's money has not come: it is out.
    pub(super) fn out_of_time(&self, funds: &Funds, account: AccountId) -> LotEvent {
        let release =
            |backing: &super::state::Backing| HoldChange::Released(Released { account, hold: backing.hold });
        let changes = funds.backings.get(&account).map(release).into_iter().collect();
        LotEvent::HoldSettled(Box::new(HoldSettled { account, held: 0, out: true, changes }))
    }

    /// The bids as they will be after the changes at the front: those of accounts without money, and the one they were
    /// asked for.
    fn bidding_of_changes(&self, funds: &Funds, context: &Context<'_>) -> Bidding {
        let mut lot = self.clone();
        let stamp = Stamp { time: context.now, by: context.by, command_id: context.command_id };
        for change in funds.changes.iter().take(funds.unfunded() + 1) {
            // One that has become impossible changes nothing; its own step says so.
            if let Ok(event @ LotEvent::Restated(_)) = lot.event_of(change, context) {
                lot.bidding.apply(&event, &stamp);
            }
        }
        lot.bidding
    }

    /// What a change comes to now.
    fn event_of(&self, change: &Change, context: &Context<'_>) -> Result<LotEvent, Rejection> {
        match change {
            Change::Removal(removal) => self.removal(removal, context),
            Change::Reopening(reopening) => self.reopening(reopening, context),
        }
    }

    fn removal(&self, removal: &Removal, context: &Context<'_>) -> Result<LotEvent, Rejection> {
        let Removal { cause, account, bid, reason, .. } = removal;
        let reopens = self.funds.as_deref().is_some_and(Funds::reopens);
        if self.phase == Phase::Closed && !reopens {
            return Err(self.too_late(context.now));
        }
        let (rules, terms) = (self.bidding.rules(), self.terms(context.now));
        let mut event = match bid {
            Some(bid) => rules.void(&terms, *bid, reason.as_deref().unwrap_or_default())?,
            None => rules.expel(&terms, *account).ok_or(Rejection::NotFound)?,
        };
        if let LotEvent::Restated(restated) = &mut event {
            restated.cause = *cause;
            restated.reason.clone_from(reason);
        }
        Ok(self.as_shown(event))
    }

    /// A closed lot cannot be bought, whatever its bids are.
    fn as_shown(&self, mut event: LotEvent) -> LotEvent {
        if let (Phase::Closed, LotEvent::Restated(restated)) = (self.phase, &mut event) {
            restated.buy_now = None;
        }
        event
    }

    fn expelled(&self, context: &Context<'_>) -> Option<LotEvent> {
        self.expulsion(context).map(|event| self.as_shown(event))
    }

    fn reopening(&self, reopening: &Reopening, context: &Context<'_>) -> Result<LotEvent, Rejection> {
        let command =
            ReopenLot { lot: self.id, ends_at: reopening.ends_at, reason: reopening.reason.clone() };
        self.reopened(&command, context)
    }

    /// `lot.reopen` where somebody would stand in the lot whose money was given back at its end: it waits for that.
    /// `None` where nobody would.
    pub(in crate::lot) fn reopen_later(
        &self,
        command: &ReopenLot,
        context: &Context<'_>,
    ) -> Option<LotEvent> {
        let funds = self.funds.as_deref()?;
        self.uncovered(funds, &self.bidding)?;
        let ReopenLot { ends_at, reason, .. } = command.clone();
        let reopening = Reopening { ends_at, reason, asked: context.asked() };
        Some(LotEvent::Restating(Box::new(Change::Reopening(reopening))))
    }

    /// Whether a reopening is under way already.
    pub(in crate::lot) fn is_reopening(&self) -> bool {
        self.funds.as_deref().is_some_and(Funds::reopens)
    }

    /// The first change has become impossible.
    fn dropped(&self, funds: &Funds, change: &Change, rejection: Rejection) -> LotEvent {
        let alone = funds.changes.len() == 1;
        let changes =
            if alone && self.holds_all() { self.sweep(funds, &self.bidding) } else { HoldChanges::new() };
        let (asked, step, held) = (change.asked(), Step::Change, 0);
        LotEvent::Refused(Box::new(Refused { asked, step, rejection, held, changes }))
    }
}
