//! What sellers and operators do to a lot (docs/rules.md has the table of rights).

use super::format::Awards;
use super::{
    CancelLot, CloseLot, Closed, ExtendLot, Extended, Lot, LotEvent, LotResult, OpenLot, Opened, PauseLot,
    Paused, Phase, ReopenLot, Reopened, ResumeLot, Resumed, Seed, VoidBid,
};
use crate::actor::{Decision, Events};
use crate::context::{Context, Stamp};
use crate::facts::Standing;
use crate::limits;
use crate::rejection::{Rejection, WrongState};
use crate::time::Timestamp;

/// What an action on a lot comes to.
type Decided = Result<Decision<LotEvent>, Rejection>;

impl Lot {
    pub(super) fn open(&self, command: &OpenLot, context: &Context<'_>) -> Decided {
        self.authorize_seller(context)?;
        limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        if !matches!(self.phase, Phase::Draft | Phase::Scheduled) {
            return Err(self.wrong_state());
        }
        self.check_not_halted(context)?;
        if self.ends_at.is_some_and(|ends_at| ends_at <= context.now) {
            return Err(Rejection::invalid("closes_at", "later than now; revise the lot first"));
        }
        Ok(Decision::event(self.opened(context, Some(context.now), command.reason.clone())))
    }

    /// The event of opening.
    pub(super) fn opened(
        &self,
        context: &Context<'_>,
        opens_at: Option<Timestamp>,
        reason: Option<String>,
    ) -> LotEvent {
        LotEvent::Opened(Box::new(Opened {
            opens_at,
            ends_at: self.ends_at,
            soft_close: self.listing.soft_close,
            halted_us: self.halted_us_now(context),
            reason,
            seed_hash: self.listing.seed.map(Seed::hash),
        }))
    }

    pub(super) fn pause(&self, command: &PauseLot, context: &Context<'_>) -> Decided {
        authorize_operator(context)?;
        limits::reason(command.reason.as_deref())?;
        let since = match (self.phase, self.pause) {
            (Phase::Open, _) => context.now,
            // Paused by a halt: from now on also by the operator, and still so when the market resumes.
            (Phase::Paused, Some(pause)) if !pause.by_operator => pause.since,
            _ => return Err(self.wrong_state()),
        };
        self.check_not_ended(context.now)?;
        Ok(Decision::event(LotEvent::Paused(Box::new(Paused {
            since,
            ends_at: self.ends_at,
            opens_at: self.listing.opens_at,
            soft_close: self.listing.soft_close,
            halt: false,
            halted_us: self.halted_us,
            reason: command.reason.clone(),
            clock: self.has_clock(),
        }))))
    }

    pub(super) fn resume(&self, command: &ResumeLot, context: &Context<'_>) -> Decided {
        authorize_operator(context)?;
        limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        if self.phase != Phase::Paused {
            return Err(self.wrong_state());
        }
        self.check_not_halted(context)?;
        let ends_at = self.remaining_us().map(|remaining_us| context.now.plus_micros(remaining_us));
        Ok(Decision::event(self.resumed(context, ends_at, false, command.reason.clone())))
    }

    /// The event of going on, with the end at `ends_at`.
    pub(super) fn resumed(
        &self,
        context: &Context<'_>,
        ends_at: Option<Timestamp>,
        halt: bool,
        reason: Option<String>,
    ) -> LotEvent {
        LotEvent::Resumed(Box::new(Resumed {
            ends_at,
            opens_at: self.listing.opens_at,
            soft_close: self.listing.soft_close.map(|soft_close| soft_close.moved(self.ends_at, ends_at)),
            halt,
            halted_us: self.halted_us_now(context),
            reason,
        }))
    }

    /// A later end. The engine itself extends a lot whose end fell into an outage, also when that end has passed.
    pub(super) fn extend(&self, command: &ExtendLot, context: &Context<'_>) -> Decided {
        let by_engine = context.standing.any(Standing::ENGINE);
        if !by_engine {
            authorize_operator(context)?;
        }
        limits::reason(command.reason.as_deref())?;
        if self.phase != Phase::Open {
            return Err(self.wrong_state());
        }
        if !by_engine {
            self.check_not_ended(context.now)?;
        }
        let earliest = self.ends_at.map_or(context.now, |ends_at| ends_at.max(context.now));
        self.check_end(command.ends_at, earliest)?;
        Ok(Decision::event(LotEvent::Extended(Box::new(Extended {
            old_ends_at: self.ends_at,
            ends_at: command.ends_at,
            reason: command.reason.clone(),
        }))))
    }

    /// A new end must be later than `earliest`, and not past the hard close (I17).
    fn check_end(&self, ends_at: Timestamp, earliest: Timestamp) -> Result<(), Rejection> {
        if ends_at <= earliest || ends_at > Timestamp::MAX {
            return Err(Rejection::invalid("ends_at", "later than now and than the present end"));
        }
        let hard_close_at = self.listing.soft_close.and_then(|soft_close| soft_close.hard_close_at);
        if hard_close_at.is_some_and(|hard_close_at| ends_at > hard_close_at) {
            return Err(Rejection::invalid("ends_at", "at most soft_close.hard_close_at"));
        }
        Ok(())
    }

    /// A seller may cancel before the first bid, an operator until the end.
    pub(super) fn cancel(&self, command: &CancelLot, context: &Context<'_>) -> Decided {
        let by_seller = context.by == self.listing.seller && !self.bidding.rules().has_begun();
        if by_seller {
            limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        } else {
            authorize_operator(context)?;
            limits::reason(command.reason.as_deref())?;
        }
        match self.phase {
            Phase::Closed => return Err(self.wrong_state()),
            Phase::Open | Phase::Closing => self.check_not_ended(context.now)?,
            Phase::Draft | Phase::Scheduled | Phase::Paused => {}
        }
        Ok(Decision::event(self.closed(
            Some(LotResult::Cancelled),
            Some(context.now),
            command.reason.clone(),
        )))
    }

    pub(super) fn close_now(&self, command: &CloseLot, context: &Context<'_>) -> Decided {
        authorize_operator(context)?;
        limits::reason(command.reason.as_deref())?;
        if !matches!(self.phase, Phase::Open | Phase::Paused) {
            return Err(self.wrong_state());
        }
        self.check_not_ended(context.now)?;
        Ok(Decision::event(self.ended(Some(context.now), command.reason.clone(), context)))
    }

    /// The event of the end. `result` where nobody is to win; else it is what the bids give.
    pub(super) fn closed(
        &self,
        result: Option<LotResult>,
        ends_at: Option<Timestamp>,
        reason: Option<String>,
    ) -> LotEvent {
        let rules = self.bidding.rules();
        let drawn =
            ends_at.filter(|_| result.is_none()).and_then(|ends_at| rules.draw(&self.listing, ends_at));
        let (drawn, by_draw) = drawn.unzip();
        let Awards { price, awards } = match (result, by_draw) {
            (None, Some(awards)) => awards,
            (None, None) => rules.awards(&self.listing),
            (Some(_), _) => Awards { price: rules.standing(&self.listing).price, awards: Vec::new() },
        };
        let terms = self.terms(ends_at.unwrap_or_default());
        let winners: Vec<_> = awards.into_iter().map(|award| terms.win(award)).collect();
        let by_bids = if winners.is_empty() { LotResult::Unsold } else { LotResult::Sold };
        let sold = (!winners.is_empty()).then(|| terms.sold());
        let mut closed = Closed {
            result: result.unwrap_or(by_bids),
            price,
            winners,
            market: self.listing.market,
            ends_at,
            reason,
            sold,
            clock: self.has_clock(),
            drawn,
        };
        self.give_holds(&mut closed);
        LotEvent::Closed(Box::new(closed))
    }

    /// Until its outcome has caused an order, a closed lot may take bids again: unsold or cancelled.
    pub(super) fn reopen(&self, command: &ReopenLot, context: &Context<'_>) -> Decided {
        authorize_operator(context)?;
        limits::reason(command.reason.as_deref())?;
        let reopened = self.reopened(command, context)?;
        if self.is_reopening() {
            return Err(self.wrong_state());
        }
        if let Some(event) = self.reopen_later(command, context) {
            return Ok(Decision::event(event));
        }
        // Whoever was suspended while it was closed has no standing in it any more (I19).
        let stamp = Stamp { time: context.now, by: context.by, command_id: context.command_id };
        let mut lot = self.clone();
        lot.take_over(&reopened, &stamp);
        let mut events = Events::new();
        events.push(reopened);
        events.extend(lot.events_of_facts(context));
        Ok(Decision::events(events))
    }

    /// The event of the reopening.
    pub(super) fn reopened(&self, command: &ReopenLot, context: &Context<'_>) -> Result<LotEvent, Rejection> {
        if self.phase != Phase::Closed {
            return Err(self.wrong_state());
        }
        if self.outcome.as_ref().is_some_and(|outcome| outcome.result == LotResult::Sold) {
            return Err(Rejection::NotAllowedInState(WrongState {
                state: LotResult::Sold.name().to_owned(),
            }));
        }
        // Everybody knows its seed.
        if self.outcome.as_ref().is_some_and(|outcome| outcome.drawn.is_some()) {
            return Err(Rejection::NotAllowedInState(WrongState { state: "drawn".to_owned() }));
        }
        self.check_not_halted(context)?;
        if command.ends_at <= context.now || command.ends_at > Timestamp::MAX {
            return Err(Rejection::invalid("ends_at", "later than now"));
        }
        let standing = self.bidding.rules().standing(&self.listing);
        let soft_close = self.listing.soft_close;
        Ok(LotEvent::Reopened(Box::new(Reopened {
            ends_at: command.ends_at,
            soft_close: soft_close.map(|soft_close| soft_close.moved(self.ends_at, Some(command.ends_at))),
            halted_us: self.halted_us_now(context),
            price: standing.price,
            buy_now: standing.buy_now,
            reason: command.reason.clone(),
        })))
    }

    pub(super) fn void_bid(&self, command: &VoidBid, context: &Context<'_>) -> Decided {
        authorize_operator(context)?;
        limits::reason(Some(&command.reason))?;
        self.check_not_ended(context.now)?;
        let rules = self.bidding.rules();
        let bid = match (command.bid, command.alias) {
            (Some(bid), None) => bid,
            (None, Some(alias)) => rules.last_bid_of(alias.0).ok_or(Rejection::NotFound)?,
            _ => return Err(Rejection::invalid("bid", "a bid, or the alias of its bidder")),
        };
        let event = rules.void(&self.terms(context.now), bid, &command.reason)?;
        self.restate(event, context)
    }

    pub(super) fn authorize_seller(&self, context: &Context<'_>) -> Result<(), Rejection> {
        if context.by == self.listing.seller && !context.standing.any(Standing::SUSPENDED) {
            return Ok(());
        }
        authorize_operator(context)
    }

    pub(super) fn wrong_state(&self) -> Rejection {
        Rejection::NotAllowedInState(WrongState { state: self.phase.name().to_owned() })
    }

    fn check_not_halted(&self, context: &Context<'_>) -> Result<(), Rejection> {
        let market = context.facts.market(self.listing.market);
        if market.is_some_and(|market| market.halted_since.is_some()) {
            return Err(Rejection::MarketHalted);
        }
        Ok(())
    }
}

fn authorize_operator(context: &Context<'_>) -> Result<(), Rejection> {
    if context.standing.any(Standing::OPERATOR) { Ok(()) } else { Err(Rejection::Forbidden) }
}
