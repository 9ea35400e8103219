//! The assignments of a lot.

use super::state::{Outcome, Pause};
use super::{
    Bought, Closed, Lot, LotEvent, LotResult, Paused, Phase, Reopened, Restated, Resumed, Revised, SoftClose,
};
use crate::amount::Hidden;
use crate::context::Stamp;
use crate::time::Timestamp;

impl Lot {
    #[inline]
    pub(super) fn take_over(&mut self, event: &LotEvent, stamp: &Stamp) {
        if let super::format::Bidding::Candle(candle) = &mut self.bidding {
            candle.hear(self.channel_seq, event, stamp);
        }
        self.channel_seq += event.public_count();
        self.take(event, stamp);
    }

    /// The same without what the public hears of it.
    #[inline]
    pub(super) fn take(&mut self, event: &LotEvent, stamp: &Stamp) {
        match event {
            LotEvent::BidPlaced(placed) => {
                if let (Some(_), Some(ends_at)) = (placed.old_ends_at, placed.ends_at) {
                    self.ends_at = Some(ends_at.0);
                }
                self.bidding.apply(event, stamp);
            }
            LotEvent::UnitsBid(bid) => {
                if let (Some(_), Some(ends_at)) = (bid.old_ends_at, bid.ends_at) {
                    self.ends_at = Some(ends_at.0);
                }
                self.bidding.apply(event, stamp);
            }
            LotEvent::MaximumRaised(_)
            | LotEvent::SealedBid(_)
            | LotEvent::Taken(_)
            | LotEvent::Ticked(_)
            | LotEvent::Stepped(_) => self.bidding.apply(event, stamp),
            _ => {
                // A format's clock moves with the lot's states.
                self.bidding.apply(event, stamp);
                self.take_change(event, stamp);
            }
        }
    }

    fn take_change(&mut self, event: &LotEvent, stamp: &Stamp) {
        match event {
            LotEvent::Opened(opened) => {
                self.phase = Phase::Open;
                self.listing.opens_at = opened.opens_at;
                self.open_since = stamp.time;
                self.halted_us = opened.halted_us;
                self.reason.clone_from(&opened.reason);
            }
            LotEvent::Paused(paused) => self.take_pause(paused),
            LotEvent::Resumed(resumed) => self.take_resumption(resumed, stamp),
            LotEvent::Extended(extended) => self.ends_at = Some(extended.ends_at),
            LotEvent::Closed(closed) => self.take_end(closed),
            LotEvent::Bought(bought) => self.take_purchase(bought),
            LotEvent::Reopened(reopened) => self.take_reopening(reopened, stamp),
            LotEvent::Revised(revised) => self.take_revision(revised),
            LotEvent::Restated(restated) => self.take_restatement(restated),
            LotEvent::BidWaits(_)
            | LotEvent::HoldAsked(_)
            | LotEvent::Backed(_)
            | LotEvent::Refused(_)
            | LotEvent::HoldSettled(_)
            | LotEvent::HoldsFreed(_)
            | LotEvent::Restating(_)
            | LotEvent::Blocked(_)
            | LotEvent::Closing(_) => self.take_money(event, stamp),
            // Bids are the format's.
            LotEvent::Created(_)
            | LotEvent::BidPlaced(_)
            | LotEvent::MaximumRaised(_)
            | LotEvent::SealedBid(_)
            | LotEvent::UnitsBid(_)
            | LotEvent::Taken(_)
            | LotEvent::Ticked(_)
            | LotEvent::Stepped(_) => {}
        }
    }

    fn take_times(&mut self, ends_at: Option<Timestamp>, soft_close: Option<SoftClose>, halted_us: u64) {
        self.ends_at = ends_at;
        self.listing.soft_close = soft_close;
        self.halted_us = halted_us;
    }

    fn take_restatement(&mut self, restated: &Restated) {
        self.take_removal(restated);
        // A closed lot that is about to open again shows what its bids have become.
        if let Some(outcome) = &mut self.outcome {
            outcome.price = restated.price;
        }
    }

    fn take_pause(&mut self, paused: &Paused) {
        let before = self.pause;
        self.phase = Phase::Paused;
        self.pause = Some(Pause {
            since: paused.since,
            by_operator: !paused.halt,
            by_halt: paused.halt || before.is_some_and(|pause| pause.by_halt),
        });
        self.take_times(paused.ends_at, paused.soft_close, paused.halted_us);
        self.reason.clone_from(&paused.reason);
    }

    fn take_resumption(&mut self, resumed: &Resumed, stamp: &Stamp) {
        let later_us = match (resumed.ends_at, self.ends_at.filter(|_| self.pause.is_some())) {
            (Some(later), Some(ends_at)) => later.micros_since(ends_at),
            _ => 0,
        };
        self.take_open_again(later_us);
        self.phase = Phase::Open;
        self.pause = None;
        if !resumed.halt {
            self.open_since = stamp.time;
        }
        self.take_times(resumed.ends_at, resumed.soft_close, resumed.halted_us);
        self.reason.clone_from(&resumed.reason);
    }

    fn take_end(&mut self, closed: &Closed) {
        self.phase = Phase::Closed;
        self.pause = None;
        self.ends_at = closed.ends_at;
        self.reason.clone_from(&closed.reason);
        let Closed { result, price, .. } = *closed;
        self.take_winners(&closed.winners);
        let drawn = closed.drawn;
        self.outcome = Some(Box::new(Outcome { result, price, winners: closed.winners.clone(), drawn }));
    }

    fn take_purchase(&mut self, bought: &Bought) {
        self.phase = Phase::Closed;
        self.ends_at = Some(bought.ends_at);
        self.reason = None;
        self.take_winners(&[bought.win]);
        let (price, winners) = (Some(bought.win.amount), vec![bought.win]);
        let drawn = None;
        self.outcome = Some(Box::new(Outcome { result: LotResult::Sold, price, winners, drawn }));
    }

    fn take_reopening(&mut self, reopened: &Reopened, stamp: &Stamp) {
        self.phase = Phase::Open;
        self.open_since = stamp.time;
        self.outcome = None;
        self.take_times(Some(reopened.ends_at), reopened.soft_close, reopened.halted_us);
        self.reason.clone_from(&reopened.reason);
    }

    fn take_revision(&mut self, revised: &Revised) {
        self.listing.content = revised.content.clone();
        self.listing.opens_at = revised.opens_at;
        self.listing.start_amount = revised.start_amount;
        self.listing.buy_now = revised.buy_now;
        self.phase = revised.phase;
        self.ends_at = revised.ends_at;
        if let Some(Hidden(reserve)) = revised.reserve {
            self.bidding.rules_mut().lower_reserve(&self.listing, reserve);
            self.listing.reserve = Some(Hidden(reserve));
        }
    }
}
