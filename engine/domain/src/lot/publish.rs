//! Who hears what of a lot's events. Everything from the event, its lot's id and its stamp alone.

use smallvec::smallvec;

use super::{Backed, BidPlaced, Bought, Closed, LotEvent, LotResult, MaximumRaised, Phase, Restated, Win};
use crate::actor::{
    Answer, BidAnswer, BidStatus, PrivateEvents, PublicEvents, Publication, RestatedAnswer, StateAnswer,
};
use crate::amount::Amount;
use crate::context::Stamp;
use crate::facts::FactChange;
use crate::id::{AccountId, BidId, Id, LotId, MarketId};
use crate::publication::{
    Alias, BidStatusChanged, Data, LotClosed, LotReopened, LotRevised, LotState, Outbid, PriceChanged,
    TimeExtended, Winner, Won,
};
use crate::time::{Moment, Timestamp};

impl BidPlaced {
    /// The bid's status for its bidder.
    #[must_use]
    pub const fn status(&self) -> BidStatus {
        if self.leader.is_none() { BidStatus::Leading } else { BidStatus::Outbid }
    }

    /// The lowest next bid.
    #[must_use]
    pub fn min_next_amount(&self) -> Amount {
        min_next_amount(self.price, self.step)
    }
}

fn min_next_amount(price: Amount, step: u64) -> Amount {
    Amount::new(price.get().saturating_add(step)).unwrap_or(Amount::MAX)
}

fn micros_to_ms(micros: u64) -> u64 {
    micros / 1_000
}

fn winners(wins: &[Win]) -> Vec<Winner> {
    let seen = |win: &Win| Winner { alias: Alias(win.alias), quantity: win.quantity, amount: win.amount };
    wins.iter().map(seen).collect()
}

fn one(name: &'static str, data: impl Into<Data>) -> PublicEvents {
    smallvec![Publication { name, data: data.into() }]
}

impl LotEvent {
    /// See [`crate::actor::Event::public`].
    #[must_use]
    pub fn public(&self) -> PublicEvents {
        match self {
            Self::BidPlaced(event) => public_of_bid(event),
            Self::Backed(event) => event.event.public(),
            Self::Created(_)
            | Self::BidWaits(_)
            | Self::HoldAsked(_)
            | Self::Refused(_)
            | Self::HoldSettled(_)
            | Self::HoldsFreed(_)
            | Self::Restating(_)
            | Self::Blocked(_) => PublicEvents::new(),
            Self::MaximumRaised(event) if !event.lifted => PublicEvents::new(),
            Self::MaximumRaised(event) => one("price_changed", price_of_raise(event)),
            Self::Restated(event) => one("bid_retracted", price_of_restatement(event)),
            Self::Closed(_) | Self::Bought(_) => one("lot_closed", self.end()),
            Self::Opened(_) | Self::Paused(_) | Self::Resumed(_) | Self::Closing(_) => self.state_change(),
            Self::Extended(event) => {
                one("time_extended", TimeExtended { old_ends_at: event.old_ends_at, ends_at: event.ends_at })
            }
            Self::Reopened(event) => one(
                "lot_reopened",
                LotReopened {
                    state: Phase::Open.name(),
                    result: None,
                    winners: Vec::new(),
                    price: event.price,
                    buy_now: event.buy_now,
                    ends_at: Some(event.ends_at),
                    soft_close: event.soft_close,
                    reason: event.reason.clone(),
                },
            ),
            Self::Revised(event) => one(
                "lot_revised",
                LotRevised {
                    title: event.content.title.clone(),
                    description: event.content.description.clone(),
                    category: event.content.category.clone(),
                    estimate: event.content.estimate,
                    images: event.content.images.clone(),
                    state: event.phase.name(),
                    opens_at: event.opens_at,
                    ends_at: event.ends_at.filter(|_| event.phase != Phase::Paused),
                    start_amount: event.start_amount,
                    buy_now: event.buy_now_left,
                    reserve_met: event.reserve_met,
                    min_next_amount: event.min_next_amount,
                },
            ),
        }
    }

    fn state_change(&self) -> PublicEvents {
        let (name, state) = match self {
            Self::Opened(event) => (
                "lot_opened",
                LotState {
                    state: Phase::Open.name(),
                    opens_at: event.opens_at,
                    ends_at: event.ends_at,
                    remaining_ms: None,
                    soft_close: event.soft_close,
                    reason: event.reason.clone(),
                },
            ),
            Self::Paused(event) => (
                "lot_paused",
                LotState {
                    state: Phase::Paused.name(),
                    opens_at: event.opens_at,
                    ends_at: None,
                    remaining_ms: event
                        .ends_at
                        .map(|ends_at| micros_to_ms(ends_at.micros_since(event.since))),
                    soft_close: event.soft_close,
                    reason: event.reason.clone(),
                },
            ),
            Self::Resumed(event) => (
                "lot_resumed",
                LotState {
                    state: Phase::Open.name(),
                    opens_at: event.opens_at,
                    ends_at: event.ends_at,
                    remaining_ms: None,
                    soft_close: event.soft_close,
                    reason: event.reason.clone(),
                },
            ),
            Self::Closing(event) => (
                "lot_closing",
                LotState {
                    state: Phase::Closing.name(),
                    opens_at: event.opens_at,
                    ends_at: Some(event.ends_at),
                    remaining_ms: None,
                    soft_close: event.soft_close,
                    reason: event.reason.clone(),
                },
            ),
            _ => return PublicEvents::new(),
        };
        one(name, state)
    }

    fn end(&self) -> LotClosed {
        let (result, price, wins, ends_at, reason): (_, _, &[Win], _, _) = match self {
            Self::Closed(event) => {
                let Closed { result, price, winners, ends_at, reason, .. } = &**event;
                (*result, *price, winners, *ends_at, reason.clone())
            }
            Self::Bought(event) => {
                let win = std::slice::from_ref(&event.win);
                (LotResult::Sold, Some(event.win.amount), win, Some(event.ends_at), None)
            }
            _ => (LotResult::Unsold, None, &[], None, None),
        };
        LotClosed {
            state: Phase::Closed.name(),
            result: result.name(),
            price,
            winners: winners(wins),
            buy_now: None,
            ends_at,
            remaining_ms: None,
            reason,
        }
    }

    /// See [`crate::actor::Event::public_count`].
    #[must_use]
    #[inline]
    pub fn public_count(&self) -> u64 {
        match self {
            Self::BidPlaced(event) => 1 + u64::from(event.old_ends_at.is_some() && event.ends_at.is_some()),
            Self::MaximumRaised(event) => u64::from(event.lifted),
            Self::Backed(event) => event.event.public_count(),
            Self::Created(_)
            | Self::BidWaits(_)
            | Self::HoldAsked(_)
            | Self::Refused(_)
            | Self::HoldSettled(_)
            | Self::HoldsFreed(_)
            | Self::Restating(_)
            | Self::Blocked(_) => 0,
            Self::Restated(_)
            | Self::Opened(_)
            | Self::Paused(_)
            | Self::Resumed(_)
            | Self::Closing(_)
            | Self::Extended(_)
            | Self::Closed(_)
            | Self::Bought(_)
            | Self::Reopened(_)
            | Self::Revised(_) => 1,
        }
    }

    /// Who hears of a bid: the accounts of `private`, in its order, without what they hear.
    #[must_use]
    pub fn private_to(&self, stamp: &Stamp) -> smallvec::SmallVec<[AccountId; 2]> {
        match self.inner() {
            Self::BidPlaced(event) => std::iter::once(stamp.by).chain(event.displaced).collect(),
            other => other.private(Id::NIL, stamp).into_iter().map(|(account, _)| account).collect(),
        }
    }

    /// See [`crate::actor::Event::private`].
    #[must_use]
    pub fn private(&self, id: Id, stamp: &Stamp) -> PrivateEvents {
        let lot = LotId(id);
        match self.inner() {
            Self::BidPlaced(event) => private_of_bid(event, lot, stamp),
            Self::MaximumRaised(event) => {
                smallvec![(stamp.by, bid_status(lot, BidStatus::Leading, Some(event.price)))]
            }
            Self::Restated(event) => private_of_restatement(event, lot),
            Self::Closed(event) => {
                event.winners.iter().map(|win| (win.account, won(lot, event.market, win))).collect()
            }
            Self::Bought(event) => {
                let mut told: PrivateEvents =
                    smallvec![(event.win.account, won(lot, event.market, &event.win))];
                let lost = bid_status(lot, BidStatus::Outbid, Some(event.win.amount));
                told.extend(event.displaced.map(|displaced| (displaced, lost)));
                told
            }
            _ => PrivateEvents::new(),
        }
    }

    /// See [`crate::actor::Event::answer`].
    #[must_use]
    #[inline]
    pub fn answer(&self, id: Id, stamp: &Stamp) -> Option<Answer> {
        let bid = BidId::from_u128(stamp.command_id);
        Some(match self {
            Self::BidPlaced(event) => Answer::Bid(BidAnswer {
                bid,
                status: event.status(),
                price: Some(event.price),
                min_next_amount: Some(event.min_next_amount()),
                ends_at: event.ends_at.map(|Moment(ends_at)| ends_at),
                fees: event.premium,
                total: total(event.price, event.premium),
                held: None,
            }),
            Self::MaximumRaised(event) => Answer::Bid(BidAnswer {
                bid,
                status: BidStatus::Leading,
                price: Some(event.price),
                min_next_amount: Some(min_next_amount(event.price, event.step)),
                ends_at: event.ends_at.map(|Moment(ends_at)| ends_at),
                fees: event.premium,
                total: total(event.price, event.premium),
                held: None,
            }),
            Self::Bought(event) => Answer::Bid(BidAnswer {
                bid,
                status: BidStatus::Won,
                price: Some(event.win.amount),
                min_next_amount: None,
                ends_at: Some(event.ends_at),
                fees: event.premium(),
                total: total(event.win.amount, event.premium()),
                held: None,
            }),
            Self::Backed(event) => return answer_of_backed(event, id, stamp),
            Self::BidWaits(_)
            | Self::HoldAsked(_)
            | Self::Refused(_)
            | Self::HoldSettled(_)
            | Self::HoldsFreed(_)
            | Self::Restating(_)
            | Self::Blocked(_) => return None,
            Self::Closing(event) => state(Phase::Closing, Some(event.ends_at)),
            Self::Created(_) => Answer::Lot(LotId(id)),
            Self::Restated(event) => Answer::Restated(RestatedAnswer {
                price: event.price,
                min_next_amount: Some(event.min_next_amount),
                removed: event.removed,
            }),
            Self::Opened(event) => state(Phase::Open, event.ends_at),
            Self::Paused(_) => state(Phase::Paused, None),
            Self::Resumed(event) => state(Phase::Open, event.ends_at),
            Self::Extended(event) => state(Phase::Open, Some(event.ends_at)),
            Self::Closed(event) => state(Phase::Closed, event.ends_at),
            Self::Reopened(event) => state(Phase::Open, Some(event.ends_at)),
            Self::Revised(event) => {
                state(event.phase, event.ends_at.filter(|_| event.phase != Phase::Paused))
            }
        })
    }

    /// See [`crate::actor::Event::fact`].
    #[must_use]
    #[inline]
    pub const fn fact(&self, _id: Id) -> Option<FactChange> {
        None
    }
}

/// The same answer as without money, and what is held.
fn answer_of_backed(event: &Backed, id: Id, stamp: &Stamp) -> Option<Answer> {
    let mut answer = event.event.answer(id, stamp)?;
    if let Answer::Bid(bid) = &mut answer {
        bid.held = event.held;
    }
    Some(answer)
}

fn total(price: Amount, fees: Option<u64>) -> Option<u64> {
    fees.map(|fees| price.get().saturating_add(fees))
}

impl Bought {
    /// The buyer's premium; absent where the lot has none.
    fn premium(&self) -> Option<u64> {
        let fees = self.sold.as_ref()?.fees.as_ref()?;
        fees.buyers_premium.as_ref().map(|_| self.win.premium)
    }
}

fn state(phase: Phase, ends_at: Option<Timestamp>) -> Answer {
    Answer::State(StateAnswer { state: phase.name().to_owned(), ends_at })
}

fn public_of_bid(event: &BidPlaced) -> PublicEvents {
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
    };
    let mut told = one("price_changed", data);
    if let (Some(Moment(old_ends_at)), Some(ends_at)) = (event.old_ends_at, ends_at) {
        let data = TimeExtended { old_ends_at: Some(old_ends_at), ends_at }.into();
        told.push(Publication { name: "time_extended", data });
    }
    told
}

fn price_of_raise(event: &MaximumRaised) -> PriceChanged {
    PriceChanged {
        price: Some(event.price),
        leader: Some(Alias(event.alias)),
        bidder: Some(Alias(event.alias)),
        bids: event.bids,
        min_next_amount: min_next_amount(event.price, event.step),
        reserve_met: event.reserve_met,
        buy_now: event.buy_now,
        ends_at: event.ends_at.map(|Moment(ends_at)| ends_at),
    }
}

fn price_of_restatement(event: &Restated) -> PriceChanged {
    PriceChanged {
        price: event.price,
        leader: event.leader.map(Alias),
        bidder: None,
        bids: event.bids,
        min_next_amount: event.min_next_amount,
        reserve_met: event.reserve_met,
        buy_now: event.buy_now,
        ends_at: event.ends_at.map(|Moment(ends_at)| ends_at),
    }
}

fn bid_status(lot: LotId, status: BidStatus, price: Option<Amount>) -> Publication {
    Publication { name: "bid_status", data: BidStatusChanged { lot, status, price }.into() }
}

fn won(lot: LotId, market: MarketId, win: &Win) -> Publication {
    let Win { quantity, amount, order, .. } = *win;
    Publication { name: "won", data: Won { lot, quantity, amount, market, order }.into() }
}

fn private_of_bid(event: &BidPlaced, lot: LotId, stamp: &Stamp) -> PrivateEvents {
    let mut told: PrivateEvents = smallvec![(stamp.by, bid_status(lot, event.status(), Some(event.price)))];
    let outbid = |displaced: AccountId| {
        let data = Outbid { lot, price: Some(event.price), min_next_amount: event.min_next_amount() }.into();
        (displaced, Publication { name: "outbid", data })
    };
    told.extend(event.displaced.map(outbid));
    told
}

/// Whoever lost bids hears how it stands now; so does who came to lead by it.
fn private_of_restatement(event: &Restated, lot: LotId) -> PrivateEvents {
    let status = if event.still_leading { BidStatus::Leading } else { BidStatus::Outbid };
    let mut told: PrivateEvents = smallvec![(event.account, bid_status(lot, status, event.price))];
    let risen = event.risen.filter(|&risen| risen != event.account);
    told.extend(risen.map(|risen| (risen, bid_status(lot, BidStatus::Leading, event.price))));
    told
}
