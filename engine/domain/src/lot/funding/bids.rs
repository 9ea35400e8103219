//! Bids on their way from their arrival to the moment their hold is there.

use super::event::{
    Backed, BidWaits, HoldAsked, HoldSettled, HoldWanted, Purpose, Refused, Step, Told, Wish,
};
use super::holds::held_after;
use super::state::{Backing, Funds, Waiting};
use crate::actor::Decision;
use crate::amount::Amount;
use crate::context::Context;
use crate::facts::Standing;
use crate::id::AccountId;
use crate::limits::{self, WAITING_BIDS_MAX, WAITING_BIDS_OF_ACCOUNT_MAX};
use crate::lot::{BuyNow, Lot, LotEvent, LotSettled, PlaceBid, TakeLot};
use crate::money::{ASSURED_TAG, Settled};
use crate::rejection::{Rejection, WrongState};

type Decided = Result<Decision<LotEvent>, Rejection>;

/// The money behind a bid that is accepted.
#[derive(Clone, Copy)]
pub(super) struct Behind<'a> {
    /// As it is before the bid.
    pub(super) backing: &'a Backing,
    /// What is held with the hold that was just confirmed or is about to be placed.
    pub(super) held: u64,
    /// The bid itself where it has waited, as the first in its line.
    pub(super) waiting: Option<&'a Waiting>,
    /// The hold that the account has assured.
    pub(super) placed: Option<HoldWanted>,
}

impl<'a> Behind<'a> {
    /// A hold that is there and covers the bid.
    const fn confirmed(backing: &'a Backing) -> Self {
        Self { backing, held: backing.held, waiting: None, placed: None }
    }
}

impl Lot {
    /// A valid bid or purchase, which would lead to `event`: where the bidder's hold covers it, it is accepted; else it
    /// waits.
    pub(in crate::lot) fn back(
        &self,
        funds: &Funds,
        wish: Wish,
        event: LotEvent,
        context: &Context<'_>,
    ) -> Decided {
        check_stays(funds, context.by)?;
        let needed = self.needed(&wish, &event, context)?;
        let waits = |hold| {
            let waits = BidWaits { wish, content: context.content, hold };
            Ok(Decision::event(LotEvent::BidWaits(Box::new(waits))))
        };
        match funds.backings.get(&context.by) {
            Some(backing) if backing.in_flight.is_some() || !backing.waiting.is_empty() => {
                check_room(funds, backing.waiting.len())?;
                waits(None)
            }
            Some(backing) if backing.held >= needed.get() => {
                let event = self.backed(funds, event, &Behind::confirmed(backing), context);
                Ok(Decision::event(event))
            }
            backing => {
                check_room(funds, 0)?;
                let held = backing.filter(|backing| backing.held > 0);
                let wanted = self.wanted(funds, held, context.by, needed);
                let hold = wanted.of(self.id, context.by, ASSURED_TAG);
                if !context.accounts.is_some_and(|accounts| accounts.assures(&hold)) {
                    return waits(Some(wanted));
                }
                let new = Backing::new(wanted.hold);
                let backing = held.unwrap_or(&new);
                let behind =
                    Behind { held: needed.get(), placed: Some(wanted), ..Behind::confirmed(backing) };
                Ok(Decision::event(self.backed(funds, event, &behind, context)))
            }
        }
    }

    /// The bid's event with what it means for the money.
    fn backed(
        &self,
        funds: &Funds,
        mut event: LotEvent,
        behind: &Behind<'_>,
        bidder: &Context<'_>,
    ) -> LotEvent {
        let Behind { backing, held, waiting, mut placed } = *behind;
        if let LotEvent::Bought(bought) = &mut event {
            self.give_hold(&mut bought.win, backing);
        }
        let mut changes = self.changes_of_bid(funds, &event, behind, bidder);
        let held = held_after(bidder.by, held, &changes);
        if held == 0 && backing.held == 0 && placed.take().is_some() {
            // Outbid at once: what would be given back at once is not placed.
            changes.retain(|change| change.account() != bidder.by);
        }
        LotEvent::Backed(Box::new(Backed {
            asked: waiting.map(|waiting| waiting.asked),
            step: waiting.map(|_| Step::Bid),
            held: Some(held),
            changes,
            event: Told::new(event),
            placed,
        }))
    }

    /// What an account said about a hold. What the lot does not wait for any more it has given back already: in the
    /// order of its effects that follows whatever was asked before.
    pub(in crate::lot) fn settled(&self, command: &LotSettled, context: &Context<'_>) -> Decided {
        if !context.standing.any(Standing::ENGINE) {
            return Err(Rejection::Forbidden);
        }
        let Settled { account, tag, hold, amount, refused } = &command.settled;
        let nothing = Decision { events: crate::actor::Events::new(), answer: None };
        let Some(funds) = self.funds.as_deref() else { return Ok(nothing) };
        let meant = |backing: &&Backing| hold.is_none_or(|hold| hold == backing.hold);
        let Some(backing) = funds.backings.get(account).filter(meant) else { return Ok(nothing) };
        if *tag == ASSURED_TAG && refused.is_some() {
            // It had been assured: should it be missing all the same, its bids go.
            return Ok(Decision::event(self.hold_settled(funds, (*account, backing), *amount, true)));
        }
        let Some(in_flight) = backing.in_flight.filter(|in_flight| in_flight.tag == *tag) else {
            return Ok(nothing);
        };
        let held = if refused.is_some() { backing.held } else { *amount };
        let for_bid = in_flight.purpose == Purpose::Bid;
        let waiting = backing.waiting.first().filter(|first| for_bid && first.asked.command_id == *tag);
        Ok(match (waiting, refused) {
            (Some(waiting), Some(refused)) => {
                let rejection = self.refusal_of_money(refused);
                Decision::event(self.refused(backing, waiting, held, rejection))
            }
            (Some(waiting), None) => Decision::events(self.judge(funds, backing, waiting, held, context)),
            (None, _) => {
                let out = in_flight.purpose == Purpose::Restatement && refused.is_some();
                Decision::event(self.hold_settled(funds, (*account, backing), held, out))
            }
        })
    }

    /// The change of a hold has ended, and no bid was waiting for it.
    fn hold_settled(
        &self,
        funds: &Funds,
        (account, backing): (AccountId, &Backing),
        held: u64,
        out: bool,
    ) -> LotEvent {
        // What a restatement needs is known when it is done; what a waiting bid needs, when that is decided.
        let idle = backing.waiting.is_empty() && funds.changes.is_empty() && !out;
        let excess = if idle { self.excess_of(account, backing, held, &self.bidding) } else { None };
        let held_then = held_after(account, held, excess.as_slice());
        let changes = excess.into_iter().collect();
        LotEvent::HoldSettled(Box::new(HoldSettled { account, held: held_then, out, changes }))
    }

    /// The next step of a bid that waits and has no hold under way.
    pub(super) fn step_of_bid(&self, context: &Context<'_>) -> crate::actor::Events<LotEvent> {
        let first = self.funds.as_deref().and_then(|funds| {
            let (_, backing) = funds.first_ready()?;
            Some((funds, backing, backing.waiting.first()?))
        });
        let Some((funds, backing, waiting)) = first else { return crate::actor::Events::new() };
        self.judge(funds, backing, waiting, backing.held, context)
    }

    /// A bid whose hold is there, judged as it stands now: accepted, refused, or in need of more. A lot that was closing
    /// goes on where the bid has moved its end.
    fn judge(
        &self,
        funds: &Funds,
        backing: &Backing,
        waiting: &Waiting,
        held: u64,
        context: &Context<'_>,
    ) -> crate::actor::Events<LotEvent> {
        let asked = waiting.asked;
        let bidder = Context {
            now: waiting.arrived_at,
            by: asked.by,
            standing: context.facts.standing(asked.by, self.listing.market),
            facts: context.facts,
            command_id: asked.command_id,
            content: asked.content,
            accounts: None,
        };
        let judged = self.wished(funds, &waiting.wish, &bidder, context.now);
        let event = match judged {
            Err(rejection) => self.refused(backing, waiting, held, rejection),
            Ok((_, needed)) if needed.get() > held => {
                // What was confirmed just now is not in the state yet.
                let present = (held > 0).then_some(backing);
                let wanted = self.wanted(funds, present, asked.by, needed);
                let (account, tag, purpose) = (asked.by, asked.command_id, Purpose::Bid);
                LotEvent::HoldAsked(Box::new(HoldAsked { account, tag, purpose, wanted, held }))
            }
            Ok((event, _)) => {
                let behind = Behind { backing, held, waiting: Some(waiting), placed: None };
                self.backed(funds, event, &behind, &bidder)
            }
        };
        let resumed = self.resumed_by(&event, context);
        let mut events = crate::actor::Events::from_buf([event]);
        events.extend(resumed);
        events
    }

    /// What a wish comes to now, and what must be held for it. `now` is the moment of the decision, `bidder.now` that of
    /// the wish's arrival.
    fn wished(
        &self,
        funds: &Funds,
        wish: &Wish,
        bidder: &Context<'_>,
        now: crate::time::Timestamp,
    ) -> Result<(LotEvent, Amount), Rejection> {
        self.check_bidder(bidder)?;
        self.check_takes_confirmed(bidder, now)?;
        check_stays(funds, bidder.by)?;
        let terms = self.terms(bidder.now);
        let event = match wish {
            Wish::Bid(bid) => {
                self.check_seq(bid.if_seq)?;
                self.bidding.place(&terms, &self.bid_of(wish), bidder)?
            }
            Wish::Purchase(purchase) => {
                let command = BuyNow { lot: self.id, amount: purchase.amount };
                self.bidding.rules().buy_now(&self.terms(now), &command, &Context { now, ..*bidder })?
            }
            Wish::Take(_) => self.bidding.rules().take(&terms, &self.take_of(wish), bidder)?,
        };
        let needed = self.needed(wish, &event, bidder)?;
        Ok((event, needed))
    }

    /// The command that a waiting bid was.
    pub(super) fn bid_of(&self, wish: &Wish) -> PlaceBid {
        let lot = self.id;
        let none = PlaceBid::plain(lot, Amount::ONE);
        let Wish::Bid(bid) = wish else { return none };
        let super::event::WishedBid { amount, quantity, all_or_none, if_seq, stay_until, package } = *bid;
        let stay_until = stay_until.map(|hidden| hidden.0);
        PlaceBid { amount: amount.0, quantity, all_or_none, if_seq, stay_until, package, ..none }
    }

    /// The command that a waiting take was.
    pub(super) fn take_of(&self, wish: &Wish) -> TakeLot {
        let none = TakeLot { lot: self.id, quantity: None, amount: None };
        let Wish::Take(take) = wish else { return none };
        TakeLot { quantity: take.quantity, amount: take.amount.map(|hidden| hidden.0), ..none }
    }

    /// The first bid in a line is refused; its hold has been settled.
    fn refused(&self, backing: &Backing, waiting: &Waiting, held: u64, rejection: Rejection) -> LotEvent {
        let account = waiting.asked.by;
        let alone = backing.waiting.len() == 1;
        let excess = if alone { self.excess_of(account, backing, held, &self.bidding) } else { None };
        LotEvent::Refused(Box::new(Refused {
            asked: Some(waiting.asked),
            step: Step::Bid,
            rejection,
            held: held_after(account, held, excess.as_slice()),
            changes: excess.into_iter().collect(),
        }))
    }
}

/// Whose bids are about to go may not bid until they are gone.
pub(super) fn check_stays(funds: &Funds, account: AccountId) -> Result<(), Rejection> {
    if funds.removes_all_of(account) {
        return Err(Rejection::NotAllowedInState(WrongState { state: "restating".to_owned() }));
    }
    Ok(())
}

fn check_room(funds: &Funds, own: usize) -> Result<(), Rejection> {
    if own >= WAITING_BIDS_OF_ACCOUNT_MAX {
        let max = WAITING_BIDS_OF_ACCOUNT_MAX as u64;
        return Err(limits::exceeded("waiting_bids_of_account", max, max + 1));
    }
    if funds.waiting() >= WAITING_BIDS_MAX {
        let max = WAITING_BIDS_MAX as u64;
        return Err(limits::exceeded("waiting_bids", max, max + 1));
    }
    Ok(())
}
