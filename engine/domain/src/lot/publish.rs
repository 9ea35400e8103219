//! Who hears what of a lot's events. Everything from the event, its lot's id and its stamp alone.

mod bids;

use smallvec::smallvec;

pub(super) use self::bids::Sums;
use self::bids::{
    answer_to_take, bid_status, min_next_amount, price_of_raise, price_of_restatement, price_of_take,
    private_of_bid, private_of_restatement, private_of_units, public_of_bid, public_of_units, told_outbid,
    won,
};
use super::{Backed, Closed, LotEvent, LotResult, Phase, Win};
use crate::actor::{
    Answer, BidAnswer, BidStatus, PrivateEvents, PublicEvents, Publication, RestatedAnswer, StateAnswer,
};
use crate::context::Stamp;
use crate::facts::FactChange;
use crate::id::{AccountId, BidId, Id, LotId};
use crate::publication::{
    Alias, BiddersChanged, ClockTicked, Data, LotClosed, LotReopened, LotRevised, LotState, Outbid,
    TimeExtended, Winner,
};
use crate::time::{Moment, Timestamp};

fn micros_to_ms(micros: u64) -> u64 {
    micros / 1_000
}

fn winners(wins: &[Win]) -> Vec<Winner> {
    let seen = |win: &Win| Winner {
        alias: Alias(win.alias),
        quantity: win.quantity,
        amount: win.amount,
        items: win.items,
    };
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
            // Who replaces a sealed bid does it in silence.
            Self::SealedBid(event) if event.replaces => PublicEvents::new(),
            Self::SealedBid(event) => {
                let ends_at = event.ends_at.map(|Moment(ends_at)| ends_at);
                one(
                    "bidders_changed",
                    BiddersChanged { bidders: event.bidders, bids: event.bidders, ends_at },
                )
            }
            Self::UnitsBid(event) => public_of_units(event),
            Self::Taken(event) => one("price_changed", price_of_take(event)),
            Self::Ticked(event) => one(
                "clock_ticked",
                ClockTicked {
                    price: event.price,
                    min_next_amount: event.price,
                    next_price: event.next_price,
                    next_at: event.next_at,
                    remaining: Some(event.remaining),
                    bidders: None,
                    bids: None,
                },
            ),
            Self::Stepped(event) => one(
                "clock_ticked",
                ClockTicked {
                    price: event.price,
                    min_next_amount: event.price,
                    next_price: event.next_price,
                    next_at: event.next_at,
                    remaining: None,
                    bidders: Some(event.bidders),
                    bids: Some(event.bidders),
                },
            ),
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
                    next_price: None,
                    next_at: None,
                    seed_hash: event.seed_hash,
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
                    next_price: event.clock.then_some(()),
                    next_at: event.clock.then_some(()),
                    seed_hash: None,
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
                    next_price: None,
                    next_at: None,
                    seed_hash: None,
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
                    next_price: None,
                    next_at: None,
                    seed_hash: None,
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
        let stopped = matches!(self, Self::Closed(event) if event.clock).then_some(());
        let drawn = if let Self::Closed(event) = self { event.drawn } else { None };
        LotClosed {
            state: Phase::Closed.name(),
            result: result.name(),
            price,
            winners: winners(wins),
            buy_now: None,
            ends_at,
            remaining_ms: None,
            reason,
            next_price: stopped,
            next_at: stopped,
            seed: drawn.map(|drawn| drawn.seed.digits()),
            events_hash: drawn.map(|drawn| drawn.events),
            ended_at: drawn.map(|drawn| drawn.moment),
        }
    }

    /// See [`crate::actor::Event::public_count`].
    #[must_use]
    #[inline]
    pub fn public_count(&self) -> u64 {
        match self {
            Self::BidPlaced(event) => 1 + (event.old_ends_at.is_some() && event.ends_at.is_some()) as u64,
            Self::MaximumRaised(event) => event.lifted as u64,
            Self::UnitsBid(event) => 1 + (event.old_ends_at.is_some() && event.ends_at.is_some()) as u64,
            Self::SealedBid(event) => !event.replaces as u64,
            Self::Backed(event) => event.event.public_count(),
            Self::Created(_)
            | Self::BidWaits(_)
            | Self::HoldAsked(_)
            | Self::Refused(_)
            | Self::HoldSettled(_)
            | Self::HoldsFreed(_)
            | Self::Restating(_)
            | Self::Blocked(_) => 0,
            Self::Taken(_)
            | Self::Ticked(_)
            | Self::Stepped(_)
            | Self::Restated(_)
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
            Self::SealedBid(_) => smallvec![(stamp.by, bid_status(lot, BidStatus::Placed, None))],
            Self::UnitsBid(event) => private_of_units(event, lot, stamp),
            Self::Taken(event) => {
                smallvec![(stamp.by, bid_status(lot, BidStatus::Won, Some(event.price)))]
            }
            Self::Closed(event) => {
                let mut told: PrivateEvents =
                    event.winners.iter().map(|win| (win.account, won(lot, event.market, win))).collect();
                // Who led when a candle had gone out already.
                let displaced = event.drawn.and_then(|drawn| drawn.displaced);
                told.extend(
                    displaced.map(|displaced| (displaced, bid_status(lot, BidStatus::Outbid, event.price))),
                );
                told
            }
            Self::Stepped(event) => {
                let outbid = Outbid { lot, price: Some(event.price), min_next_amount: event.price };
                event.fallen.iter().map(|&account| (account, told_outbid(outbid.clone()))).collect()
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
        let answer = |status, price, min_next_amount, ends_at| {
            let Sums { fees, total, commission, proceeds } = Sums::of(self).unwrap_or_default();
            Answer::Bid(BidAnswer {
                bid: BidId::from_u128(stamp.command_id),
                status,
                price,
                min_next_amount,
                ends_at,
                fees,
                total,
                held: None,
                commission,
                proceeds,
            })
        };
        let time = |moment: Option<Moment>| moment.map(|Moment(time)| time);
        Some(match self {
            Self::BidPlaced(event) => {
                let next = Some(event.min_next_amount());
                answer(event.status(), Some(event.price), next, time(event.ends_at))
            }
            Self::MaximumRaised(event) => {
                let next = Some(min_next_amount(event.price, event.step));
                answer(BidStatus::Leading, Some(event.price), next, time(event.ends_at))
            }
            Self::Bought(event) => answer(BidStatus::Won, Some(event.win.amount), None, Some(event.ends_at)),
            Self::SealedBid(event) => answer(BidStatus::Placed, None, Some(event.limit), time(event.ends_at)),
            Self::UnitsBid(event) => {
                answer(event.status(), event.price, Some(event.min_next_amount), time(event.ends_at))
            }
            Self::Taken(event) => return Some(answer_to_take(event, stamp)),
            // By the clock: nobody asked.
            Self::Ticked(_) | Self::Stepped(_) => return None,
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

fn state(phase: Phase, ends_at: Option<Timestamp>) -> Answer {
    Answer::State(StateAnswer { state: phase.name().to_owned(), ends_at })
}
