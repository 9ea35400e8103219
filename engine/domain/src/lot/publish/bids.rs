//! What is told of bids, takes and their removal.

use smallvec::smallvec;

use super::one;
use crate::actor::{Answer, BidAnswer, BidStatus, PrivateEvents, PublicEvents, Publication};
use crate::amount::{Amount, HiddenSum};
use crate::context::Stamp;
use crate::id::{AccountId, BidId, LotId, MarketId};
use crate::lot::{BidPlaced, LotEvent, MaximumRaised, Restated, Taken, UnitsBid, Win, reverse};
use crate::publication::{Alias, BidStatusChanged, Outbid, PriceChanged, TimeExtended, Won};
use crate::time::Moment;

impl BidPlaced {
    /// The bid's status for its bidder.
    #[must_use]
    pub const fn status(&self) -> BidStatus {
        if self.leader.is_none() { BidStatus::Leading } else { BidStatus::Outbid }
    }

    /// The lowest next bid; in a tender the highest.
    #[must_use]
    pub fn min_next_amount(&self) -> Amount {
        if self.falling {
            return reverse::next_amount(self.price, self.step);
        }
        min_next_amount(self.price, self.step)
    }
}

pub(super) fn min_next_amount(price: Amount, step: u64) -> Amount {
    Amount::new(price.get().saturating_add(step)).unwrap_or(Amount::MAX)
}

pub(super) fn public_of_bid(event: &BidPlaced) -> PublicEvents {
    let ends_at = event.ends_at.map(|Moment(ends_at)| ends_at);
    let data = PriceChanged {
        price: Some(event.price),
        leader: Some(Alias(event.leader.unwrap_or(event.alias))),
        bidder: Some(Alias(event.alias)),
        bids: event.bids,
        min_next_amount: event.min_next_amount(),
        reserve_met: event.reserve_met,
        buy_now: event.buy_now,
        ends_at,
        remaining: None,
        units: None,
        bidders: None,
    };
    let mut told = one("price_changed", data);
    if let (Some(Moment(old_ends_at)), Some(ends_at)) = (event.old_ends_at, ends_at) {
        let data = TimeExtended { old_ends_at: Some(old_ends_at), ends_at }.into();
        told.push(Publication { name: "time_extended", data });
    }
    told
}

pub(super) fn price_of_raise(event: &MaximumRaised) -> PriceChanged {
    PriceChanged {
        price: Some(event.price),
        leader: Some(Alias(event.alias)),
        bidder: Some(Alias(event.alias)),
        bids: event.bids,
        min_next_amount: min_next_amount(event.price, event.step),
        reserve_met: event.reserve_met,
        buy_now: event.buy_now,
        ends_at: event.ends_at.map(|Moment(ends_at)| ends_at),
        remaining: None,
        units: None,
        bidders: None,
    }
}

impl UnitsBid {
    /// The bid's status for its bidder: it leads where it gets units as it stands.
    #[must_use]
    pub const fn status(&self) -> BidStatus {
        if self.served > 0 { BidStatus::Leading } else { BidStatus::Outbid }
    }
}

pub(super) fn public_of_units(event: &UnitsBid) -> PublicEvents {
    let ends_at = event.ends_at.map(|Moment(ends_at)| ends_at);
    let data = PriceChanged {
        price: event.price,
        // Several lead.
        leader: None,
        bidder: Some(Alias(event.alias)),
        bids: event.bids,
        min_next_amount: event.min_next_amount,
        reserve_met: None,
        buy_now: None,
        ends_at,
        remaining: Some(event.remaining),
        units: None,
        bidders: None,
    };
    let mut told = one("price_changed", data);
    if let (Some(Moment(old_ends_at)), Some(ends_at)) = (event.old_ends_at, ends_at) {
        let data = TimeExtended { old_ends_at: Some(old_ends_at), ends_at }.into();
        told.push(Publication { name: "time_extended", data });
    }
    told
}

pub(super) fn price_of_take(event: &Taken) -> PriceChanged {
    PriceChanged {
        price: Some(event.price),
        leader: None,
        bidder: Some(Alias(event.alias)),
        bids: event.takes,
        min_next_amount: event.price,
        reserve_met: None,
        buy_now: None,
        ends_at: event.ends_at.map(|Moment(ends_at)| ends_at),
        remaining: Some(event.remaining),
        units: Some(event.units),
        bidders: None,
    }
}

/// What an answer to a bid says of the bidder's money; nothing where the lot has no such fees.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::lot) struct Sums {
    /// As in [`BidAnswer`].
    pub(in crate::lot) fees: Option<u64>,
    pub(in crate::lot) total: Option<u64>,
    pub(in crate::lot) commission: Option<u64>,
    pub(in crate::lot) proceeds: Option<u64>,
}

impl Sums {
    /// Of who pays.
    pub(in crate::lot) fn to_pay(amount: Amount, premium: Option<u64>) -> Self {
        let total = premium.map(|premium| premium.saturating_add(amount.get()));
        Self { fees: premium, total, ..Self::default() }
    }

    /// Of who is paid.
    fn to_get(amount: Amount, commission: Option<u64>) -> Self {
        let proceeds = commission.map(|commission| amount.get().saturating_sub(commission));
        Self { commission, proceeds, ..Self::default() }
    }

    /// At the price that an event shows.
    pub(super) fn of(event: &LotEvent) -> Option<Self> {
        match event {
            LotEvent::BidPlaced(event) if !event.falling => Some(Self::to_pay(event.price, event.premium)),
            LotEvent::MaximumRaised(event) => Some(Self::to_pay(event.price, event.premium)),
            LotEvent::Bought(event) => {
                let fees = event.sold.as_ref().and_then(|sold| sold.fees.as_ref());
                let table = fees.and_then(|fees| fees.buyers_premium.as_ref());
                Some(Self::to_pay(event.win.amount, table.map(|_| event.win.premium)))
            }
            event => Self::of_own_amount(event),
        }
    }

    /// At what the bidder itself has bid, in the formats that go by it: they tell nothing of others.
    pub(in crate::lot) fn of_own_amount(event: &LotEvent) -> Option<Self> {
        let plain = |HiddenSum(sum)| sum;
        match event {
            LotEvent::BidPlaced(event) if event.falling => Some(Self::to_get(event.price, event.commission)),
            LotEvent::SealedBid(event) if event.commission.is_some() => {
                Some(Self::to_get(event.amount.0, event.commission.map(plain)))
            }
            LotEvent::SealedBid(event) => Some(Self::to_pay(event.amount.0, event.premium.map(plain))),
            LotEvent::UnitsBid(event) => {
                // The product is an amount, or the bid would not have been taken.
                let all = event.amount.0.checked_mul(event.units).unwrap_or(Amount::MAX);
                Some(Self::to_pay(all, event.premium.map(plain)))
            }
            _ => None,
        }
    }
}

/// The price of a unit; the total is of all units of this take.
pub(super) fn answer_to_take(event: &Taken, stamp: &Stamp) -> Answer {
    Answer::Bid(BidAnswer {
        bid: BidId::from_u128(stamp.command_id),
        status: BidStatus::Won,
        price: Some(event.price),
        min_next_amount: None,
        ends_at: event.ends_at.map(|Moment(ends_at)| ends_at),
        fees: event.premium,
        total: event.premium.map(|premium| premium.saturating_add(event.amount.get())),
        held: None,
        commission: None,
        proceeds: None,
    })
}

pub(super) fn price_of_restatement(event: &Restated) -> PriceChanged {
    PriceChanged {
        price: event.price,
        leader: event.leader.map(Alias),
        bidder: None,
        bids: event.bids,
        min_next_amount: event.min_next_amount,
        reserve_met: event.reserve_met,
        buy_now: event.buy_now,
        ends_at: event.ends_at.map(|Moment(ends_at)| ends_at),
        remaining: event.remaining,
        units: None,
        bidders: event.bidders,
    }
}

pub(super) fn bid_status(lot: LotId, status: BidStatus, price: Option<Amount>) -> Publication {
    Publication { name: "bid_status", data: BidStatusChanged { lot, status, price }.into() }
}

pub(super) fn won(lot: LotId, market: MarketId, win: &Win) -> Publication {
    let Win { quantity, amount, order, .. } = *win;
    Publication { name: "won", data: Won { lot, quantity, amount, market, order }.into() }
}

pub(super) fn private_of_bid(event: &BidPlaced, lot: LotId, stamp: &Stamp) -> PrivateEvents {
    let mut told: PrivateEvents = smallvec![(stamp.by, bid_status(lot, event.status(), Some(event.price)))];
    let outbid = |displaced: AccountId| {
        let data = Outbid { lot, price: Some(event.price), min_next_amount: event.min_next_amount() }.into();
        (displaced, Publication { name: "outbid", data })
    };
    told.extend(event.displaced.map(outbid));
    told
}

pub(super) fn private_of_units(event: &UnitsBid, lot: LotId, stamp: &Stamp) -> PrivateEvents {
    let mut told: PrivateEvents = smallvec![(stamp.by, bid_status(lot, event.status(), event.price))];
    let outbid = Outbid { lot, price: event.price, min_next_amount: event.min_next_amount };
    told.extend(event.fallen.iter().map(|&account| (account, told_outbid(outbid.clone()))));
    let risen = |&account| (account, bid_status(lot, BidStatus::Leading, event.price));
    told.extend(event.risen.iter().map(risen));
    told
}

pub(super) fn told_outbid(outbid: Outbid) -> Publication {
    Publication { name: "outbid", data: outbid.into() }
}

/// Whoever lost bids hears how it stands now; so does who came to lead by it.
pub(super) fn private_of_restatement(event: &Restated, lot: LotId) -> PrivateEvents {
    let status = match event {
        Restated { has_bought: true, .. } => BidStatus::Won,
        Restated { still_leading: true, .. } => BidStatus::Leading,
        _ => BidStatus::Outbid,
    };
    let mut told: PrivateEvents = smallvec![(event.account, bid_status(lot, status, event.price))];
    let risen = event.risen.filter(|&risen| risen != event.account);
    let risen = risen.into_iter().chain(event.risen_too.iter().copied());
    told.extend(risen.map(|risen| (risen, bid_status(lot, BidStatus::Leading, event.price))));
    let outbid = Outbid { lot, price: event.price, min_next_amount: event.min_next_amount };
    told.extend(event.fallen.iter().map(|&account| (account, told_outbid(outbid.clone()))));
    told
}
