//! The assignments of a funded lot.

use super::event::{
    Backed, BidWaits, Change, Closing, HoldAsked, HoldChange, HoldSettled, Refused, Removal, Step,
};
use super::event::{LOWERING_TAG, Lowered, Purpose, Released};
use super::state::{Funds, InFlight, Waiting};
use crate::context::Stamp;
use crate::effect::Asked;
use crate::id::{AccountId, HoldId};
use crate::lot::{Lot, LotEvent, Phase, Restated, RestatementCause, Win};

impl Lot {
    /// Takes over what concerns the money; any other event is none of it.
    pub(in crate::lot) fn take_money(&mut self, event: &LotEvent, stamp: &Stamp) {
        if let LotEvent::Closing(closing) = event {
            self.take_closing(closing);
        }
        let Some(funds) = self.funds.as_deref_mut() else { return };
        match event {
            LotEvent::BidWaits(waits) => funds.take_waiting(waits, stamp),
            LotEvent::HoldAsked(asked) => funds.take_asked(asked),
            LotEvent::Backed(backed) => {
                funds.take_backed(backed, stamp);
                self.take(&backed.event, stamp);
                self.take_hold_changes(event);
            }
            LotEvent::Refused(refused) => {
                funds.take_refusal(refused);
                self.take_hold_changes(event);
            }
            LotEvent::HoldSettled(settled) => {
                funds.take_settled(settled);
                self.take_hold_changes(event);
            }
            LotEvent::HoldsFreed(_) => self.take_hold_changes(event),
            LotEvent::Restating(change) => funds.changes.push_back((**change).clone()),
            LotEvent::Blocked(account) => funds.blocked_on = Some(*account),
            _ => {}
        }
    }

    fn take_hold_changes(&mut self, event: &LotEvent) {
        let Some(funds) = self.funds.as_deref_mut() else { return };
        for change in event.hold_changes() {
            funds.take_hold_change(change);
        }
    }

    fn take_closing(&mut self, closing: &Closing) {
        self.phase = Phase::Closing;
        self.pause = None;
        self.ends_at = Some(closing.ends_at);
        self.reason.clone_from(&closing.reason);
        if let Some(funds) = self.funds.as_deref_mut() {
            funds.until = Some(closing.until);
        }
    }

    /// The winners' holds are their orders' now; everything else is given back step by step.
    pub(in crate::lot) fn take_winners(&mut self, winners: &[Win]) {
        let Some(funds) = self.funds.as_deref_mut() else { return };
        funds.until = None;
        for win in winners {
            if win.hold.or(win.deposit).is_some() {
                funds.drop_hold(win.account);
            }
        }
    }

    /// Whoever has no bid any more has used its deposit for nothing.
    pub(in crate::lot) fn take_removal(&mut self, restated: &Restated) {
        if let (Some(funds), None) = (self.funds.as_deref_mut(), restated.bid) {
            funds.change(restated.account, None, |backing| backing.used = false);
        }
    }

    /// The end has moved by a pause: what arrived before it stays as far from the end as it was.
    pub(in crate::lot) fn take_open_again(&mut self, later_us: u64) {
        let Some(funds) = self.funds.as_deref_mut() else { return };
        funds.until = None;
        for backing in funds.backings.all_mut() {
            for waiting in &mut backing.waiting {
                waiting.arrived_at = waiting.arrived_at.plus_micros(later_us);
            }
        }
    }
}

impl Funds {
    fn take_waiting(&mut self, waits: &BidWaits, stamp: &Stamp) {
        let asked = Asked { by: stamp.by, command_id: stamp.command_id, content: waits.content };
        let waiting = Waiting { asked, arrived_at: stamp.time, wish: waits.wish.clone() };
        let hold = waits.hold.map(|wanted| wanted.hold);
        self.holds += u64::from(hold.is_some());
        self.change(stamp.by, hold, |backing| {
            backing.waiting.push(waiting);
            if let Some(hold) = hold {
                backing.hold = hold;
                backing.in_flight = Some(InFlight { tag: asked.command_id, purpose: Purpose::Bid });
            }
        });
    }

    fn take_asked(&mut self, asked: &HoldAsked) {
        let HoldAsked { account, tag, purpose, wanted, held } = *asked;
        self.holds += 1;
        self.change(account, Some(wanted.hold), |backing| {
            backing.hold = wanted.hold;
            backing.held = held;
            backing.in_flight = Some(InFlight { tag, purpose });
        });
        if purpose == Purpose::Restatement {
            self.blocked_on = Some(account);
        }
    }

    fn take_backed(&mut self, backed: &Backed, stamp: &Stamp) {
        match backed.step {
            Some(Step::Change) => drop(self.changes.pop_front()),
            step => {
                if let Some(held) = backed.held {
                    let placed = backed.placed.map(|placed| placed.hold);
                    self.holds += u64::from(placed.is_some());
                    self.end_bid((stamp.by, placed), step, held, true);
                }
            }
        }
    }

    fn take_refusal(&mut self, refused: &Refused) {
        match (refused.step, refused.asked) {
            (Step::Change, _) => drop(self.changes.pop_front()),
            (step, Some(asked)) => self.end_bid((asked.by, None), Some(step), refused.held, false),
            (_, None) => {}
        }
    }

    /// A bid has come to its end: the first in its account's line, or one that was decided at once, by a hold that is
    /// placed now where there is one.
    fn end_bid(
        &mut self,
        (account, placed): (AccountId, Option<HoldId>),
        step: Option<Step>,
        held: u64,
        accepted: bool,
    ) {
        self.change(account, placed, |backing| {
            backing.hold = placed.unwrap_or(backing.hold);
            if step.is_some() && !backing.waiting.is_empty() {
                backing.waiting.remove(0);
            }
            if step == Some(Step::Bid) {
                backing.in_flight = None;
            }
            backing.held = held;
            backing.used |= accepted;
        });
    }

    fn take_settled(&mut self, settled: &HoldSettled) {
        let HoldSettled { account, held, out, .. } = *settled;
        self.change(account, None, |backing| {
            backing.held = held;
            backing.in_flight = None;
        });
        if out {
            let place = self.unfunded();
            let cause = RestatementCause::Unfunded;
            let removal = Removal { cause, account, bid: None, reason: None, asked: None };
            self.changes.insert(place, Change::Removal(removal));
        }
    }

    fn take_hold_change(&mut self, change: &HoldChange) {
        match *change {
            HoldChange::Released(Released { account, .. }) => self.drop_hold(account),
            HoldChange::Lowered(Lowered { account, wanted }) => self.change(account, None, |backing| {
                backing.held = wanted.total.0.get();
                backing.in_flight = Some(InFlight { tag: LOWERING_TAG, purpose: Purpose::Lowering });
            }),
        }
    }
}
