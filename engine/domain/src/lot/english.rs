//! `english`: proxy bidding, or open outcry with `proxy: false` (RULES, "Formats").
//!
//! The bidder names a maximum. The price is `min(leader's maximum, runner-up's maximum + increment(at it))`, never below
//! what it was, lifted to the reserve as soon as the leader's maximum meets it. Equal maxima: the earlier leads, at that
//! amount. Judging a bid needs only the leader's maximum and the price, so it costs the same with ten bidders and ten
//! thousand; only a restatement looks at every bidder.

mod restate;

use super::bidders::{Bidder, Bidders, KeptBid};
use super::format::{Award, Awards, Debts, Rules, Standing, Terms};
use super::{BidPlaced, Bought, BuyNow, Listing, LotEvent, MaximumRaised, PlaceBid, Restated, RetractBid};
use crate::amount::{Amount, Hidden};
use crate::context::{Context, Stamp};
use crate::id::{AccountId, BidId};
use crate::limits::BIDDERS_MAX;
use crate::publication::Alias;
use crate::record::{Field, Reader, RecordError};
use crate::rejection::{BidTooLow, BuyNowUnavailable, Rejection};
use crate::time::{Moment, Timestamp};

crate::record! {
    /// What of the bids is kept as it is.
    #[derive(Debug, Clone, PartialEq, Default)]
    struct Figures {
        /// The leader's place among the bidders.
        1 => leader: Option<u32>,
        2 => price: Option<Amount>,
        /// The increment at the price.
        3 => step: u64,
        /// How many bids count: a leader's own raises under proxy bidding do not.
        4 => bids: u32,
        /// How many bids were ever accepted: their order.
        5 => placed: u64,
        /// Nothing brings it back.
        6 => buy_now_gone: bool,
    }
}

/// The bids of an English auction.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct English {
    figures: Figures,
    bidders: Bidders,
}

impl Field for English {
    fn encode(&self, out: &mut Vec<u8>) {
        crate::record::write_array(out, 2);
        self.figures.encode(out);
        self.bidders.list.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let (figures, list) = <(Figures, Vec<Bidder>)>::decode(input)?;
        let leads = |place: u32| list.get(place as usize).is_some_and(|bidder| bidder.top().is_some());
        if figures.leader.is_some_and(|place| !leads(place))
            || figures.leader.is_some() != figures.price.is_some()
        {
            return Err(RecordError::Invalid("the leader of a lot has a bid and the lot a price"));
        }
        Ok(Self { figures, bidders: Bidders::new(list) })
    }
}

impl Rules for English {
    fn place(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        if command.quantity.is_some_and(|quantity| quantity != terms.listing.quantity)
            || command.all_or_none == Some(true)
        {
            return Err(Rejection::NotAllowedInFormat);
        }
        let Some((place, leader, top)) = self.leader() else {
            return self.first(terms, command.amount, context);
        };
        if leader.account != context.by {
            return self.contest(terms, command.amount, (place, top), context);
        }
        if command.amount <= top {
            return Err(Rejection::SelfOutbid);
        }
        if terms.listing.plain {
            return self.raise_openly(terms, command.amount, leader.alias);
        }
        Ok(self.raise(terms, command.amount, leader.alias))
    }

    fn buy_now(
        &self,
        terms: &Terms<'_>,
        command: &BuyNow,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        let buy_now = self.standing(terms.listing).buy_now;
        let Some(amount) = buy_now.filter(|&amount| command.amount.is_none_or(|seen| seen == amount)) else {
            return Err(Rejection::BuyNowUnavailable(BuyNowUnavailable { buy_now }));
        };
        let alias = self.alias_of(terms, context)?;
        let win = terms.win(Award {
            account: context.by,
            alias,
            quantity: terms.listing.quantity,
            amount,
            items: None,
        });
        let leader = self.leader().map(|(_, leader, _)| leader.account);
        Ok(LotEvent::Bought(Box::new(Bought {
            win,
            displaced: leader.filter(|&leader| leader != context.by),
            market: terms.listing.market,
            ends_at: context.now,
            sold: Some(terms.sold()),
        })))
    }

    fn retract(
        &self,
        terms: &Terms<'_>,
        command: &RetractBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        self.decide_retraction(terms, command, context)
    }

    fn void(&self, terms: &Terms<'_>, bid: BidId, reason: &str) -> Result<LotEvent, Rejection> {
        self.decide_void(terms, bid, reason)
    }

    fn last_bid_of(&self, alias: u32) -> Option<BidId> {
        self.bidders.last_bid_of(alias)
    }

    fn expel(&self, terms: &Terms<'_>, account: AccountId) -> Option<LotEvent> {
        self.decide_expulsion(terms, account)
    }

    fn bidders(&self) -> Box<dyn ExactSizeIterator<Item = AccountId> + '_> {
        Box::new(self.bidders.accounts())
    }

    fn has_begun(&self) -> bool {
        self.figures.placed > 0
    }

    fn standing(&self, listing: &Listing) -> Standing {
        let leader = self.leader();
        let reserve_met =
            listing.reserve.map(|Hidden(reserve)| leader.is_some_and(|(_, _, top)| top >= reserve));
        let next = self.figures.price.map(|price| next_amount(price, self.figures.step));
        Standing {
            price: self.figures.price,
            leader: leader.map(|(_, leader, _)| Alias(leader.alias)),
            reserve_met,
            buy_now: listing.buy_now.filter(|_| !self.figures.buy_now_gone),
            ..Standing::new(self.figures.bids, next.unwrap_or(listing.start_amount))
        }
    }

    fn awards(&self, listing: &Listing) -> Awards {
        let price = self.figures.price;
        let winner = self
            .leader()
            .filter(|(_, _, top)| {
                crate::mutant("reserve_ignored")
                    || listing.reserve.is_none_or(|Hidden(reserve)| *top >= reserve)
            })
            .zip(price);
        let award = winner.map(|((_, leader, top), amount)| Award {
            account: leader.account,
            alias: leader.alias,
            quantity: listing.quantity,
            amount: if crate::mutant("winner_pays_maximum") { top } else { amount },
            items: None,
        });
        Awards { price, awards: award.into_iter().collect() }
    }

    fn exposure(
        &self,
        _terms: &Terms<'_>,
        command: &PlaceBid,
        _context: &Context<'_>,
    ) -> Result<Amount, Rejection> {
        Ok(command.amount)
    }

    /// Only who leads can be made to pay.
    fn owes(&self, _listing: &Listing, account: AccountId) -> Option<Amount> {
        self.leader().filter(|(_, leader, _)| leader.account == account).map(|(_, _, top)| top)
    }

    /// Who leads owes its maximum, whom it has displaced nothing any more.
    #[inline]
    fn debts_after(&self, event: &LotEvent, by: AccountId) -> Option<Debts> {
        Some(match event {
            LotEvent::BidPlaced(placed) if placed.leader.is_some() => smallvec::smallvec![(by, None)],
            LotEvent::BidPlaced(placed) => std::iter::once((by, Some(placed.maximum.0)))
                .chain(
                    placed
                        .displaced
                        .filter(|_| !crate::mutant("hold_not_released"))
                        .map(|displaced| (displaced, None)),
                )
                .collect(),
            LotEvent::MaximumRaised(raised) => smallvec::smallvec![(by, Some(raised.maximum.0))],
            _ => return None,
        })
    }

    /// RULES, "reserve": a hidden maximum does not win by a lowered reserve; it counts as one minor unit below it until
    /// its bidder bids again. What stands in the open, the price, counts as it is; every runner-up's maximum is at or
    /// below it already.
    fn lower_reserve(&mut self, _listing: &Listing, reserve: Amount) {
        let (Some(place), Some(price)) = (self.figures.leader, self.figures.price) else { return };
        let cap = Amount::new(reserve.get() - 1).map_or(price, |below| below.max(price));
        self.bidders.list[place as usize].cap(cap);
        self.figures.buy_now_gone |= price >= reserve;
    }

    #[inline]
    fn apply(&mut self, event: &LotEvent, stamp: &Stamp) {
        match event {
            LotEvent::BidPlaced(event) => self.take_bid(event, stamp),
            LotEvent::MaximumRaised(event) => self.take_raise(event, stamp),
            LotEvent::Restated(event) => self.take_restatement(event),
            LotEvent::Bought(event) => {
                self.bidders.find_or_add(event.win.account, event.win.alias);
            }
            _ => {}
        }
    }
}

/// The lowest next bid as the public sees it.
fn next_amount(price: Amount, step: u64) -> Amount {
    Amount::new(price.get().saturating_add(step)).unwrap_or(Amount::MAX)
}

impl English {
    /// Who leads, by which alias, to which price.
    pub(super) fn leading(&self) -> Option<(AccountId, u32, Amount)> {
        let (_, leader, _) = self.leader()?;
        Some((leader.account, leader.alias, self.figures.price?))
    }

    /// The leader's place, the leader and its maximum.
    #[inline]
    fn leader(&self) -> Option<(u32, &Bidder, Amount)> {
        let place = self.figures.leader?;
        let leader = self.bidders.list.get(place as usize)?;
        Some((place, leader, leader.top()?.maximum.0))
    }

    #[inline]
    fn alias_of(&self, terms: &Terms<'_>, context: &Context<'_>) -> Result<u32, Rejection> {
        self.bidders.alias_of(terms, context, BIDDERS_MAX)
    }

    fn first(
        &self,
        terms: &Terms<'_>,
        maximum: Amount,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        let start = terms.listing.start_amount;
        if maximum < start {
            return Err(Rejection::BidTooLow(BidTooLow { min_next_amount: start }));
        }
        let alias = self.alias_of(terms, context)?;
        let price = if terms.listing.plain { maximum } else { start };
        Ok(self.placed(
            terms,
            maximum,
            price,
            Judged { alias, leader: None, displaced: None, top: maximum },
            context.now,
        ))
    }

    #[inline]
    fn contest(
        &self,
        terms: &Terms<'_>,
        maximum: Amount,
        (leading, top): (u32, Amount),
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        let price = self.figures.price.unwrap_or(terms.listing.start_amount);
        check_next(maximum, price, self.figures.step)?;
        let alias = self.alias_of(terms, context)?;
        let leader = &self.bidders.list[leading as usize];
        let takes_tie = crate::mutant("tie_to_the_later") && maximum == top;
        let (usual, judged) = if maximum > top || takes_tie {
            let usual = if terms.listing.plain { maximum } else { price_between(terms, maximum, top) };
            (usual, Judged { alias, leader: None, displaced: Some(leader.account), top: maximum })
        } else {
            (
                price_between(terms, top, maximum),
                Judged { alias, leader: Some(leader.alias), displaced: None, top },
            )
        };
        let falls = crate::mutant("price_falls") && judged.leader.is_some();
        let usual = if falls { terms.listing.start_amount } else { usual.max(price) };
        Ok(self.placed(terms, maximum, usual, judged, context.now))
    }

    /// The leader's own raise: the price stays, unless the raise meets the reserve. It never moves the end.
    fn raise(&self, terms: &Terms<'_>, maximum: Amount, alias: u32) -> LotEvent {
        let before = self.figures.price.unwrap_or(terms.listing.start_amount);
        let price = lifted(terms, before, maximum);
        let reserve_met = met(terms, maximum);
        LotEvent::MaximumRaised(MaximumRaised {
            maximum: Hidden(maximum),
            price,
            alias,
            bids: self.figures.bids,
            step: terms.increments.at(price).get(),
            reserve_met,
            buy_now: self.buy_now_left(terms, reserve_met),
            ends_at: terms.ends_at.map(Moment),
            lifted: price != before,
            premium: terms.premium(price),
        })
    }

    /// The leader's own raise in open outcry: a bid like any other, but it does not move the end.
    fn raise_openly(&self, terms: &Terms<'_>, amount: Amount, alias: u32) -> Result<LotEvent, Rejection> {
        let price = self.figures.price.unwrap_or(terms.listing.start_amount);
        check_next(amount, price, self.figures.step)?;
        let judged = Judged { alias, leader: None, displaced: None, top: amount };
        Ok(LotEvent::BidPlaced(self.judged(terms, amount, amount, judged)))
    }

    #[inline]
    fn placed(
        &self,
        terms: &Terms<'_>,
        maximum: Amount,
        usual: Amount,
        judged: Judged,
        now: Timestamp,
    ) -> LotEvent {
        let mut event = self.judged(terms, maximum, usual, judged);
        if let Some(later) = terms.extended(now) {
            event.old_ends_at = event.ends_at;
            event.ends_at = Some(Moment(later));
        }
        LotEvent::BidPlaced(event)
    }

    #[inline]
    fn judged(&self, terms: &Terms<'_>, maximum: Amount, usual: Amount, judged: Judged) -> BidPlaced {
        let Judged { alias, leader, displaced, top } = judged;
        let price = if crate::mutant("price_shows_maximum") { top } else { lifted(terms, usual, top) };
        let reserve_met = met(terms, top);
        BidPlaced {
            maximum: Hidden(maximum),
            price,
            alias,
            leader,
            displaced,
            bids: self.figures.bids.saturating_add(1),
            step: terms.increments.at(price).get(),
            reserve_met,
            buy_now: self.buy_now_left(terms, reserve_met),
            ends_at: terms.ends_at.map(Moment),
            old_ends_at: None,
            falling: false,
            premium: terms.premium(price),
            commission: None,
        }
    }

    /// Buy now is gone at the first bid; with a reserve, when the reserve is met.
    #[inline]
    fn buy_now_left(&self, terms: &Terms<'_>, reserve_met: Option<bool>) -> Option<Amount> {
        terms.listing.buy_now.filter(|_| !self.figures.buy_now_gone && reserve_met == Some(false))
    }

    #[inline]
    fn take_bid(&mut self, event: &BidPlaced, stamp: &Stamp) {
        let place = self.bidders.find_or_add(stamp.by, event.alias);
        self.keep(place, event.maximum, stamp, true);
        if event.leader.is_none() {
            self.figures.leader = Some(place);
        }
        self.figures.price = Some(event.price);
        self.figures.step = event.step;
        self.figures.bids = event.bids;
        self.figures.buy_now_gone |= event.buy_now.is_none();
    }

    fn take_raise(&mut self, event: &MaximumRaised, stamp: &Stamp) {
        let place = self.bidders.find_or_add(stamp.by, event.alias);
        self.keep(place, event.maximum, stamp, false);
        self.figures.price = Some(event.price);
        self.figures.step = event.step;
        self.figures.buy_now_gone |= event.buy_now.is_none();
    }

    #[inline]
    fn keep(&mut self, place: u32, maximum: Hidden, stamp: &Stamp, counts: bool) {
        self.figures.placed += 1;
        let seq = self.figures.placed;
        let bid = BidId::from_u128(stamp.command_id);
        self.bidders.list[place as usize].keep(KeptBid { bid, maximum, seq, placed_at: stamp.time, counts });
    }

    fn take_restatement(&mut self, event: &Restated) {
        self.bidders.remove(event.account, event.bid);
        self.figures.leader = event.leader.and_then(|alias| self.bidders.place_of_alias(alias));
        self.figures.price = event.price;
        self.figures.step = event.step;
        self.figures.bids = event.bids;
    }
}

/// How a bid came out.
struct Judged {
    /// The bidder's.
    alias: u32,
    /// Who leads, if not the bidder.
    leader: Option<u32>,
    displaced: Option<AccountId>,
    /// The leader's maximum after it.
    top: Amount,
}

/// A new bid must be at least price + increment; where that passes the largest amount, no bid can follow.
#[inline]
fn check_next(amount: Amount, price: Amount, step: u64) -> Result<(), Rejection> {
    let step = if crate::mutant("increment_ignored") { 1 } else { step };
    if amount.get() - price.get().min(amount.get()) >= step && amount > price {
        return Ok(());
    }
    match Amount::new(price.get().saturating_add(step)) {
        Some(min_next_amount) => Err(Rejection::BidTooLow(BidTooLow { min_next_amount })),
        None => Err(Rejection::AmountOutOfRange),
    }
}

/// What the leader's and the runner-up's maximum give.
#[inline]
fn price_between(terms: &Terms<'_>, top: Amount, second: Amount) -> Amount {
    top.min(second.saturating_add(terms.increments.at(second)))
}

/// A maximum at or above the reserve lifts the price to it.
#[inline]
fn lifted(terms: &Terms<'_>, price: Amount, top: Amount) -> Amount {
    match terms.listing.reserve {
        Some(Hidden(reserve)) if top >= reserve => price.max(reserve),
        _ => price,
    }
}

#[inline]
fn met(terms: &Terms<'_>, top: Amount) -> Option<bool> {
    terms.listing.reserve.map(|Hidden(reserve)| top >= reserve)
}
