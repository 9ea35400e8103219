//! Bids, purchases and retractions, up to the point where the lot's format judges them.

use super::format::Terms;
use super::funding::Wish;
use super::publish::Sums;
use super::{BuyNow, Format, Lot, LotEvent, Phase, PlaceBid, RetractBid, StayLot, TakeLot};
use crate::actor::{Answer, BidAnswer, BidStatus, Decision};
use crate::context::Context;
use crate::facts::Standing;
use crate::limits;
use crate::rejection::{NotQualified, Rejection, StaleSequence, TooLate, WrongState};
use crate::time::Timestamp;

impl Lot {
    #[inline]
    pub(super) fn bid(
        &self,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<Decision<LotEvent>, Rejection> {
        self.check_bidder(context)?;
        self.check_takes_bids(context)?;
        self.check_seq(command.if_seq)?;
        self.check_known(command)?;
        let event = self.bidding.place(&self.terms(context.now), command, context)?;
        if command.validate_only == Some(true) {
            return self.valid_answer(command, &event, context).map(Decision::unchanged);
        }
        match self.funds.as_deref() {
            None => Ok(Decision::event(event)),
            Some(funds) => self.back(funds, command.into(), event, context),
        }
    }

    /// What only one format's bids say is refused in the others.
    #[inline]
    fn check_known(&self, command: &PlaceBid) -> Result<(), Rejection> {
        let format = self.listing.format;
        if (command.stay_until.is_some() && format != Format::Japanese)
            || (command.package.is_some() && format != Format::Combinatorial)
        {
            return Err(Rejection::NotAllowedInFormat);
        }
        Ok(())
    }

    /// `lot.stay`: a bid of the price up to which the bidder stays.
    pub(super) fn stay(
        &self,
        command: &StayLot,
        context: &Context<'_>,
    ) -> Result<Decision<LotEvent>, Rejection> {
        let next = self.bidding.rules().stay_amount(&self.listing, context.by)?;
        self.bid(&PlaceBid::plain(self.id, command.stay_until.unwrap_or(next)), context)
    }

    /// The answer to a bid that was only validated. It does not say whether the bid would lead: that would tell, for
    /// nothing, what the leader's maximum is (I14).
    /// Nor whether the money would be there: only the account knows. What would be held is told.
    fn valid_answer(
        &self,
        command: &PlaceBid,
        event: &LotEvent,
        context: &Context<'_>,
    ) -> Result<Answer, Rejection> {
        let standing = self.bidding.rules().standing(&self.listing);
        let Sums { fees, total, commission, proceeds } = Sums::of_own_amount(event).unwrap_or_else(|| {
            let basis = standing.price.unwrap_or(command.amount);
            Sums::to_pay(basis, self.terms(context.now).premium(basis))
        });
        let backed = self.funds.is_some();
        let held = if backed { Some(self.exposure(command, context)?.get()) } else { None };
        Ok(Answer::Bid(BidAnswer {
            bid: context.bid_id(),
            status: BidStatus::Placed,
            price: standing.price,
            min_next_amount: Some(standing.min_next_amount),
            ends_at: self.ends_at,
            fees,
            total,
            held,
            commission,
            proceeds,
        }))
    }

    pub(super) fn buy_now(
        &self,
        command: &BuyNow,
        context: &Context<'_>,
    ) -> Result<Decision<LotEvent>, Rejection> {
        self.check_bidder(context)?;
        self.check_takes_bids(context)?;
        let event = self.bidding.rules().buy_now(&self.terms(context.now), command, context)?;
        self.purchased(command.into(), event, context)
    }

    /// `lot.take`.
    pub(super) fn take_units(
        &self,
        command: &TakeLot,
        context: &Context<'_>,
    ) -> Result<Decision<LotEvent>, Rejection> {
        self.check_bidder(context)?;
        self.check_takes_bids(context)?;
        let event = self.bidding.rules().take(&self.terms(context.now), command, context)?;
        self.purchased(command.into(), event, context)
    }

    fn purchased(
        &self,
        wish: Wish,
        event: LotEvent,
        context: &Context<'_>,
    ) -> Result<Decision<LotEvent>, Rejection> {
        match self.funds.as_deref() {
            None => Ok(self.taken(event, context)),
            Some(funds) => self.back(funds, wish, event, context),
        }
    }

    pub(super) fn retract(
        &self,
        command: &RetractBid,
        context: &Context<'_>,
    ) -> Result<Decision<LotEvent>, Rejection> {
        if !context.standing.any(Standing::KNOWN) {
            return Err(Rejection::Forbidden);
        }
        limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        self.check_not_ended(context.now)?;
        let event = self.bidding.rules().retract(&self.terms(context.now), command, context)?;
        self.restate(event, context)
    }

    /// Who may never bid: accounts without the right, suspended ones, the seller and who is linked with the seller (I19).
    #[inline]
    pub(super) fn check_bidder(&self, context: &Context<'_>) -> Result<(), Rejection> {
        if !context.standing.any(Standing::BIDDER) {
            return Err(Rejection::Forbidden);
        }
        if context.standing.any(Standing::SUSPENDED) && !crate::mutant("suspended_bids") {
            return Err(Rejection::NotQualified(NotQualified { needs: "suspended".to_owned() }));
        }
        let seller = self.listing.seller;
        if crate::mutant("seller_bids") {
            return Ok(());
        }
        if context.by == seller || context.facts.are_linked(context.by, seller) {
            return Err(Rejection::OwnLot);
        }
        Ok(())
    }

    /// Nothing is accepted at or after the end, nor before the start (I15).
    #[inline]
    pub(super) fn check_takes_bids(&self, context: &Context<'_>) -> Result<(), Rejection> {
        match self.phase {
            Phase::Open => {}
            Phase::Closing | Phase::Closed => return Err(self.too_late(context.now)),
            Phase::Paused if self.pause.is_some_and(|pause| pause.by_halt) => {
                return Err(Rejection::MarketHalted);
            }
            Phase::Paused => return Err(Rejection::LotPaused),
            Phase::Scheduled if crate::mutant("bid_before_start") => {}
            Phase::Draft | Phase::Scheduled => {
                return Err(Rejection::LotNotOpen(WrongState { state: self.phase.name().to_owned() }));
            }
        }
        let is_last = crate::mutant("bid_after_end") && self.ends_at == Some(context.now);
        if !is_last && self.ends_at.is_some_and(|ends_at| ends_at <= context.now) {
            return Err(self.too_late(context.now));
        }
        self.check_market_runs(context)
    }

    /// The same for a bid whose hold has come: it arrived in time, so that only what has happened since can be against it.
    pub(super) fn check_takes_confirmed(
        &self,
        context: &Context<'_>,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        match self.phase {
            Phase::Open | Phase::Closing => self.check_market_runs(context),
            _ => self.check_takes_bids(&Context { now, ..*context }),
        }
    }

    #[inline]
    fn check_market_runs(&self, context: &Context<'_>) -> Result<(), Rejection> {
        // A halt pauses the lot as soon as it is known; a lot that has not been told yet takes no bids either.
        if context.facts.is_halted(self.listing.market) {
            return Err(Rejection::MarketHalted);
        }
        Ok(())
    }

    /// Bids may be taken back while the lot is open or paused, not after its end (I20).
    pub(super) fn check_not_ended(&self, now: Timestamp) -> Result<(), Rejection> {
        match self.phase {
            Phase::Open if self.ends_at.is_some_and(|ends_at| ends_at <= now) => Err(self.too_late(now)),
            Phase::Open | Phase::Paused => Ok(()),
            Phase::Closing | Phase::Closed => Err(self.too_late(now)),
            Phase::Draft | Phase::Scheduled => Err(self.wrong_state()),
        }
    }

    pub(super) fn too_late(&self, now: Timestamp) -> Rejection {
        let ended_at = self.ends_at.unwrap_or(now);
        Rejection::LotClosed(TooLate { ended_at, late_by_us: now.micros_since(ended_at) })
    }

    #[inline]
    pub(super) fn check_seq(&self, if_seq: Option<u64>) -> Result<(), Rejection> {
        if if_seq.is_some_and(|seq| seq != self.channel_seq) {
            return Err(Rejection::StaleSequence(StaleSequence { seq: self.channel_seq }));
        }
        Ok(())
    }

    /// What a format may rest on, at `now`.
    #[inline]
    pub(super) fn terms(&self, now: Timestamp) -> Terms<'_> {
        let before_end_us = match self.pause {
            None => self.ends_at.map(|ends_at| ends_at.micros_since(now)),
            Some(_) => self.remaining_us(),
        };
        // While it is paused there is no end that could be told.
        let ends_at = if self.pause.is_some() { None } else { self.ends_at };
        Terms { lot: self.id, listing: &self.listing, increments: &self.increments, ends_at, before_end_us }
    }
}
