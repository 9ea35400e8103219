//! `japanese`: the price rises by the clock, and who does not stay before a step is out for good (RULES, "Formats"; the
//! button auction of Milgrom and Weber, "A theory of auctions and competitive bidding", 1982).
//!
//! Everybody who wants to take part enters while the clock shows its start. Each is in up to an amount that only it and the
//! server know; it may be moved as long as its bidder is in, but not below the price. At a step:
//!
//! | of those who are in, so many stay for the next price | then |
//! |---|---|
//! | more than there are units | the price is the next one; the others are out |
//! | as many | they have won, at the next price: that at which the last competitor left |
//! | fewer | they and, of those who leave, the earliest, up to the units, have won, at the price that all of them were in for |
//!
//! Nobody ever pays more than it was in for, and all pay the same.

use super::dutch::clock::Running;
use super::format::{Award, Awards, Rules, Standing, Terms};
use super::offers::{Offer, Offers, Party, Withdrawal};
use super::{Clock, Listing, LotEvent, PlaceBid, Restated, RetractBid, SealedBid, Stepped};
use crate::amount::{Amount, Hidden, HiddenSum};
use crate::context::{Context, Stamp};
use crate::id::{AccountId, BidId};
use crate::limits::WINNERS_MAX;
use crate::rejection::{BidTooLow, NotQualified, Rejection, WrongState};
use crate::time::{Moment, Timestamp};

crate::record! {
    /// The clock of a japanese lot and who is in.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub(super) struct Japanese {
        /// Whose offer stands is in, up to its amount.
        1 => offers: Offers,
        /// How many are in.
        2 => inside: u32,
        /// How many ever entered: their order.
        3 => entered: u64,
        4 => running: Running,
        /// What the clock shows; absent before the opening.
        5 => price: Option<Amount>,
        6 => next_price: Option<Amount>,
        7 => next_at: Option<Timestamp>,
        /// The clock runs and has not been announced yet since it began to.
        8 => to_tell: Option<Timestamp>,
        /// The last step was made.
        9 => last: bool,
    }
}

/// What the clock shows after so many steps; `None` where there is no higher price.
fn price_after(clock: &Clock, steps: u64) -> Option<Amount> {
    let ceiling = clock.ceiling.unwrap_or(Amount::MAX);
    let price = |steps: u64| {
        let risen = clock.start.get().saturating_add(clock.step.get().saturating_mul(steps));
        Amount::new(risen).map_or(ceiling, |price| price.min(ceiling))
    };
    let is_higher = steps == 0 || price(steps) > price(steps - 1);
    is_higher.then(|| price(steps))
}

/// What a walk over the steps that are due has come to.
struct Walk<'a> {
    inside: Vec<(&'a Party, &'a Offer)>,
    fallen: Vec<AccountId>,
    price: Amount,
    steps: u64,
    last: bool,
}

impl Walk<'_> {
    /// One step of the clock.
    fn step(&mut self, clock: &Clock, units: usize) {
        if self.inside.len() <= units {
            self.last = true;
            return;
        }
        let Some(next) = price_after(clock, self.steps + 1) else {
            // Nothing is left to stay for: the earliest have it.
            self.out_beyond(units);
            return;
        };
        let stays = |offer: &Offer| offer.amount.0 >= next;
        let staying = self.inside.iter().filter(|(_, offer)| stays(offer)).count();
        if staying < units {
            // Whoever stays is in for more than the others, whenever it came.
            self.inside.sort_by_key(|(_, offer)| !stays(offer));
            self.out_beyond(units);
            return;
        }
        let leaving = self.inside.iter().filter(|(_, offer)| !stays(offer));
        self.fallen.extend(leaving.map(|(party, _)| party.account));
        self.inside.retain(|(_, offer)| stays(offer));
        (self.price, self.steps, self.last) = (next, self.steps + 1, staying == units);
    }

    fn out_beyond(&mut self, units: usize) {
        self.fallen.extend(self.inside.drain(units..).map(|(party, _)| party.account));
        self.last = true;
    }
}

impl Japanese {
    /// Whoever is in, in the order of entry.
    fn inside(&self) -> Vec<(&Party, &Offer)> {
        let mut inside: Vec<_> = self.offers.standing().collect();
        inside.sort_unstable_by_key(|(_, offer)| offer.seq);
        inside
    }

    fn shown(&self, listing: &Listing) -> Amount {
        self.price.unwrap_or(listing.start_amount)
    }

    /// Whether bidders may enter: until the first step.
    fn may_enter(price: Amount, listing: &Listing) -> bool {
        price == listing.start_amount
    }

    /// What the clock has to tell at `now`. A lot of this format always has a clock.
    fn stepped(&self, listing: &Listing, now: Timestamp) -> Option<Stepped> {
        let clock = listing.clock?;
        let interval_us = clock.interval_ms.saturating_mul(1_000).max(1);
        let due = self.running.elapsed_us(now)? / interval_us;
        let price = self.shown(listing);
        let steps = price.get().saturating_sub(clock.start.get()).div_ceil(clock.step.get());
        let units = usize::try_from(listing.quantity).unwrap_or(usize::MAX);
        let mut walk = Walk { inside: self.inside(), fallen: Vec::new(), price, steps, last: self.last };
        while walk.steps < due && !walk.last {
            walk.step(&clock, units);
        }
        let Walk { inside, fallen, price, steps, last } = walk;
        let next_at = self.running.reaches_us(interval_us.saturating_mul(steps.saturating_add(1)));
        Some(Stepped {
            price,
            next_price: price_after(&clock, steps + 1).filter(|_| !last),
            next_at: next_at.filter(|_| !last),
            bidders: inside.len() as u32,
            fallen,
            last,
            stood_us: None,
        })
    }

    /// The price that a bid of this account at `now` is judged by: also where a step is due that has not been told yet.
    fn price_for(&self, listing: &Listing, context: &Context<'_>) -> Result<Amount, Rejection> {
        let out = || Rejection::NotQualified(NotQualified { needs: "stay".to_owned() });
        let over = || Rejection::NotAllowedInState(WrongState { state: "closing".to_owned() });
        let mut price = self.shown(listing);
        if self.is_over(listing) {
            return Err(over());
        }
        if self.next_at.is_some_and(|next_at| next_at <= context.now)
            && let Some(stepped) = self.stepped(listing, context.now)
        {
            if stepped.fallen.contains(&context.by) {
                return Err(out());
            }
            if stepped.last {
                return Err(over());
            }
            price = stepped.price;
        }
        let inside = self.offers.of(context.by).is_some();
        if inside || Self::may_enter(price, listing) { Ok(price) } else { Err(out()) }
    }

    fn removed(&self, terms: &Terms<'_>, withdrawal: Withdrawal) -> LotEvent {
        let Withdrawal { cause, account, bid, reason } = withdrawal;
        let left = self.inside.saturating_sub(1);
        LotEvent::Restated(Box::new(Restated {
            bid: Some(bid),
            price: self.price,
            bids: left,
            bidders: Some(left),
            ends_at: terms.ends_at.map(Moment),
            reason,
            ..Restated::new(cause, account, 1, self.shown(terms.listing))
        }))
    }

    fn enter(&mut self, event: &SealedBid, stamp: &Stamp) {
        self.inside = event.bidders;
        let entered = self.offers.of(stamp.by).map(|offer| offer.seq);
        let seq = entered.unwrap_or_else(|| {
            self.entered += 1;
            self.entered
        });
        let offer = Offer {
            bid: BidId::from_u128(stamp.command_id),
            amount: event.amount,
            units: 1,
            all_or_none: false,
            seq,
            placed_at: stamp.time,
        };
        self.offers.put(event.alias, offer, stamp);
    }

    fn take_step(&mut self, event: &Stepped) {
        if let Some(stood_us) = event.stood_us {
            self.running.stand(stood_us);
        }
        for account in &event.fallen {
            self.offers.take_away(*account);
        }
        self.price = Some(event.price);
        (self.next_price, self.next_at) = (event.next_price, event.next_at);
        (self.inside, self.last) = (event.bidders, event.last);
        self.to_tell = None;
    }

    fn stop(&mut self) {
        (self.next_price, self.next_at, self.to_tell) = (None, None, None);
    }
}

impl Rules for Japanese {
    fn place(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        if command.quantity.is_some_and(|quantity| quantity != 1) || command.all_or_none == Some(true) {
            return Err(Rejection::NotAllowedInFormat);
        }
        let price = self.price_for(terms.listing, context)?;
        let amount = command.stay_until.unwrap_or(command.amount);
        if amount < command.amount {
            return Err(Rejection::invalid("stay_until", "at least amount"));
        }
        if amount < price {
            return Err(Rejection::BidTooLow(BidTooLow { min_next_amount: price }));
        }
        let alias = self.offers.alias_of(terms, context, WINNERS_MAX)?;
        let replaces = self.offers.of(context.by).is_some();
        Ok(LotEvent::SealedBid(Box::new(SealedBid {
            amount: Hidden(amount),
            alias,
            bidders: self.inside + u32::from(!replaces),
            replaces,
            limit: price,
            ends_at: terms.ends_at.map(Moment),
            package: None,
            premium: terms.premium(amount).map(HiddenSum),
            commission: None,
        })))
    }

    /// What was stayed for stands; who wants to leave is in up to the present price.
    fn retract(&self, _: &Terms<'_>, _: &RetractBid, _: &Context<'_>) -> Result<LotEvent, Rejection> {
        Err(Rejection::NotAllowedInFormat)
    }

    fn void(&self, terms: &Terms<'_>, bid: BidId, reason: &str) -> Result<LotEvent, Rejection> {
        self.offers.voided(bid, reason).map(|withdrawal| self.removed(terms, withdrawal))
    }

    fn last_bid_of(&self, alias: u32) -> Option<BidId> {
        self.offers.last_bid_of(alias)
    }

    fn expel(&self, terms: &Terms<'_>, account: AccountId) -> Option<LotEvent> {
        self.offers.expelled(account).map(|withdrawal| self.removed(terms, withdrawal))
    }

    fn bidders(&self) -> Box<dyn ExactSizeIterator<Item = AccountId> + '_> {
        Box::new(self.offers.accounts())
    }

    fn has_begun(&self) -> bool {
        self.entered > 0
    }

    fn standing(&self, listing: &Listing) -> Standing {
        Standing {
            price: self.price,
            bidders: Some(self.inside),
            next_price: self.next_price,
            next_at: self.next_at,
            ..Standing::new(self.inside, self.shown(listing))
        }
    }

    /// Whoever is in, in the order of entry, as far as there are units; each at the price of one.
    fn awards(&self, listing: &Listing) -> Awards {
        let price = self.shown(listing);
        let units = usize::try_from(listing.quantity).unwrap_or(usize::MAX);
        let award = |(party, _): (&Party, &Offer)| {
            let Party { account, alias, .. } = *party;
            Award { account, alias, quantity: 1, amount: price, items: None }
        };
        Awards { price: self.price, awards: self.inside().into_iter().take(units).map(award).collect() }
    }

    fn exposure(&self, _: &Terms<'_>, command: &PlaceBid, _: &Context<'_>) -> Result<Amount, Rejection> {
        Ok(command.stay_until.unwrap_or(command.amount))
    }

    fn owes(&self, _listing: &Listing, account: AccountId) -> Option<Amount> {
        self.offers.of(account).map(|offer| offer.amount.0)
    }

    fn stay_amount(&self, listing: &Listing, account: AccountId) -> Result<Amount, Rejection> {
        let next = self.next_price.unwrap_or_else(|| self.shown(listing));
        Ok(self.owes(listing, account).map_or(next, |own| own.max(next)))
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.to_tell.or(self.next_at)
    }

    fn tick(&self, listing: &Listing, now: Timestamp) -> Option<LotEvent> {
        self.next_tick().filter(|&tick| tick <= now)?;
        self.stepped(listing, now).map(|stepped| LotEvent::Stepped(Box::new(stepped)))
    }

    fn stand_still(&self, _: &Listing, now: Timestamp, resumes_at: Timestamp) -> Option<LotEvent> {
        let due = self.next_at.filter(|&due| due <= now)?;
        Some(LotEvent::Stepped(Box::new(Stepped {
            price: self.price?,
            next_price: self.next_price,
            next_at: Some(resumes_at),
            bidders: self.inside,
            fallen: Vec::new(),
            last: false,
            stood_us: Some(resumes_at.micros_since(due)),
        })))
    }

    /// After the last step; or where, once nobody can enter any more, no competitor is left (voided, suspended).
    fn is_over(&self, listing: &Listing) -> bool {
        let entering = self.price.is_none_or(|price| Self::may_enter(price, listing));
        self.last || (!entering && u64::from(self.inside) <= listing.quantity)
    }

    fn apply(&mut self, event: &LotEvent, stamp: &Stamp) {
        match event {
            LotEvent::SealedBid(event) => self.enter(event, stamp),
            LotEvent::Stepped(event) => self.take_step(event),
            LotEvent::Restated(event) => {
                let gone = self.offers.take_away(event.account).is_some();
                self.inside = self.inside.saturating_sub(u32::from(gone));
            }
            LotEvent::Opened(_) | LotEvent::Resumed(_) | LotEvent::Reopened(_) => {
                self.running.go_on(event, stamp.time);
                self.to_tell = Some(stamp.time);
            }
            LotEvent::Paused(event) => {
                self.running.pause(event);
                self.stop();
            }
            LotEvent::Closed(event) => {
                self.running.end(event.ends_at.unwrap_or(stamp.time));
                self.stop();
            }
            _ => {}
        }
    }
}
