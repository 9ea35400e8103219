//! I11 to I20 over the events of one lot's life, for every format: winners and prices are worked out again from all bids,
//! slowly and with none of the lot's own code.

mod candle;
mod japanese;
mod outcome;
mod packages;

use std::fmt;

use self::candle::Draw;
use self::outcome::{Bid, Bids};
use crate::amount::{Amount, Hidden};
use crate::context::Stamp;
use crate::id::{AccountId, BidId};
use crate::lot::{
    BidPlaced, Closed, Format, Listing, LotEvent, LotResult, MaximumRaised, Phase, Restated,
    RestatementCause, Ticked,
};
use crate::time::{Moment, Timestamp};

/// RULES, "Retraction": this long before the end, in microseconds, only the last bid, and only this long after it.
const LATE_US: u64 = 12 * 3_600 * 1_000_000;
const LAST_WITHIN_US: u64 = 3_600 * 1_000_000;

/// An invariant that an event breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// `I11`, say.
    pub invariant: &'static str,
    /// What should have been.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

impl std::error::Error for Broken {}

pub(super) type Checked = Result<(), Broken>;

pub(super) fn holds(invariant: &'static str, holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Broken { invariant, what: what() }) }
}

/// A lot as its events tell it.
#[derive(Debug, Clone)]
pub struct Auction {
    listing: Listing,
    bids: Bids,
    phase: Phase,
    ends_at: Option<Timestamp>,
    paused_since: Option<Timestamp>,
    /// The public price, where the format has one that bids make.
    price: Option<Amount>,
    /// What a candle's end is drawn from.
    draw: Draw,
    /// The last step of a japanese clock was made.
    last: bool,
}

/// Checks a lot's whole life, its creating event first.
///
/// # Errors
/// The first invariant that is broken.
pub fn check<'a>(history: impl IntoIterator<Item = (&'a LotEvent, &'a Stamp)>) -> Checked {
    let mut history = history.into_iter();
    let Some((created, _)) = history.next() else { return Ok(()) };
    let Some(mut auction) = Auction::new(created) else {
        return holds("I15", false, || "a lot's first event creates it".to_owned());
    };
    history.try_for_each(|(event, stamp)| auction.take(event, stamp))
}

impl Auction {
    /// A lot that has just been created; `None` where the event is another.
    #[must_use]
    pub fn new(event: &LotEvent) -> Option<Self> {
        let LotEvent::Created(created) = event else { return None };
        Some(Self {
            bids: Bids::new(&created.listing),
            listing: created.listing.clone(),
            phase: created.phase(),
            ends_at: created.closes_at,
            paused_since: None,
            price: None,
            draw: Draw::default(),
            last: false,
        })
    }

    /// Takes the next event over.
    ///
    /// # Errors
    /// The invariant that it breaks.
    pub fn take(&mut self, event: &LotEvent, stamp: &Stamp) -> Checked {
        self.take_inner(event, stamp)?;
        if self.listing.format == Format::Candle {
            let leader = self.bids.leader().zip(self.price);
            self.draw.hear(event, stamp, leader.map(|(leader, price)| (leader.account, price)));
        }
        Ok(())
    }

    fn take_inner(&mut self, event: &LotEvent, stamp: &Stamp) -> Checked {
        match event.inner() {
            LotEvent::Created(_) => holds("I16", false, || "a lot is created once".to_owned()),
            LotEvent::BidPlaced(event) => self.placed(event, stamp),
            LotEvent::MaximumRaised(event) => self.raised(event, stamp),
            LotEvent::SealedBid(event) => {
                self.accepts(stamp)?;
                let least = self.bids.is_in_range(event.amount.0, self.listing.start_amount);
                holds("I12", least, || "a sealed bid is within the start amount".to_owned())?;
                let bid = Bid { package: event.package, ..Bid::new(stamp, event.amount, event.alias) };
                match self.listing.format {
                    Format::Japanese => self.stays(bid)?,
                    Format::Combinatorial => self.packs(bid)?,
                    _ => self.replace(bid),
                }
                let bidders = self.bids.bidders();
                holds("I14", event.bidders as usize == bidders, || bidders.to_string())
            }
            LotEvent::UnitsBid(event) => {
                self.accepts(stamp)?;
                let (units, all_or_none) = (event.units, event.all_or_none);
                self.replace(Bid { units, all_or_none, ..Bid::new(stamp, event.amount, event.alias) });
                self.extended(event.ends_at, event.old_ends_at, stamp)?;
                self.check_units(event.price, event.remaining)
            }
            LotEvent::Taken(event) => {
                self.accepts(stamp)?;
                let bid = Bid { units: event.units, ..Bid::new(stamp, Hidden(event.price), event.alias) };
                self.bids.push(bid);
                let left = self.listing.quantity.checked_sub(self.bids.units());
                holds("I11", left == Some(event.remaining), || format!("{left:?} units are left"))
            }
            LotEvent::Ticked(event) => self.ticked(event),
            LotEvent::Stepped(event) => self.stepped(event),
            LotEvent::Restated(event) => self.restated(event, stamp),
            LotEvent::Closed(event) => self.closed(event, stamp),
            LotEvent::Bought(event) => {
                self.accepts(stamp)?;
                let right = self.listing.buy_now == Some(event.win.amount);
                self.end(event.ends_at);
                holds("I11", right, || "bought at the buy-now amount".to_owned())
            }
            other => self.moved(other),
        }
    }

    /// States, times and terms.
    fn moved(&mut self, event: &LotEvent) -> Checked {
        match event {
            LotEvent::Opened(event) => {
                let fresh = matches!(self.phase, Phase::Draft | Phase::Scheduled);
                (self.phase, self.ends_at) = (Phase::Open, event.ends_at);
                holds("I16", fresh, || "opened once".to_owned())
            }
            LotEvent::Paused(event) => {
                (self.phase, self.ends_at) = (Phase::Paused, event.ends_at);
                self.paused_since = Some(event.since);
                self.listing.soft_close = event.soft_close;
                Ok(())
            }
            LotEvent::Resumed(event) => {
                let later = event.ends_at >= self.ends_at;
                (self.phase, self.ends_at, self.paused_since) = (Phase::Open, event.ends_at, None);
                self.listing.soft_close = event.soft_close;
                holds("I17", later, || "a pause takes no time".to_owned())
            }
            LotEvent::Closing(event) => {
                // After an outage it closes again, with more time for holds: the end is the same.
                let was_open = match self.phase {
                    Phase::Closing => self.ends_at == Some(event.ends_at),
                    phase => matches!(phase, Phase::Open | Phase::Paused),
                };
                // A paused lot's end moves with the time; only an operator closes it.
                let by_hand = self.phase == Phase::Paused && event.reason.is_some();
                let in_time = by_hand || self.ends_at.is_none_or(|ends_at| event.ends_at <= ends_at);
                (self.phase, self.ends_at) = (Phase::Closing, Some(event.ends_at));
                holds("I16", was_open && in_time, || "an open lot closes at its end or by hand".to_owned())
            }
            LotEvent::Extended(event) => {
                let later = self.ends_at.is_none_or(|ends_at| event.ends_at > ends_at);
                self.ends_at = Some(event.ends_at);
                holds("I17", later, || "an extension is later".to_owned())
            }
            LotEvent::Reopened(event) => {
                let was_closed = self.phase == Phase::Closed;
                (self.phase, self.ends_at) = (Phase::Open, Some(event.ends_at));
                self.listing.soft_close = event.soft_close;
                holds("I16", was_closed, || "only a closed lot reopens".to_owned())
            }
            LotEvent::Revised(event) => {
                self.listing.start_amount = event.start_amount;
                (self.listing.buy_now, self.phase, self.ends_at) =
                    (event.buy_now, event.phase, event.ends_at);
                self.bids.ease(&self.listing, event.reserve, self.price);
                self.listing.reserve = event.reserve.or(self.listing.reserve);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// I15 and I19: only while it is open, before its end, and never by its seller. A funded bid is decided by the moment it
    /// came, which its event does not have: its time is not checked here.
    fn accepts(&self, stamp: &Stamp) -> Checked {
        let funded = self.listing.is_backed();
        let in_time = funded || self.ends_at.is_none_or(|ends_at| stamp.time < ends_at);
        holds("I15", (funded || self.phase == Phase::Open) && in_time, || {
            format!("the lot is {} and ends at {:?}", self.phase.name(), self.ends_at)
        })?;
        holds("I19", stamp.by != self.listing.seller, || "the seller never bids".to_owned())
    }

    /// I17: exactly as RULES, "Soft close", says; and nothing else moves an end.
    fn extended(&mut self, ends_at: Option<Moment>, old: Option<Moment>, stamp: &Stamp) -> Checked {
        let Some((Moment(ends_at), Moment(old))) = ends_at.zip(old) else {
            let same = ends_at.is_none_or(|Moment(ends_at)| Some(ends_at) == self.ends_at);
            return holds("I17", same, || "a bid that extends says the end before it".to_owned());
        };
        let announced = self.ends_at.replace(ends_at);
        let Some(soft) = self.listing.soft_close else {
            return holds("I17", false, || "there is no soft close".to_owned());
        };
        let hard = soft.hard_close_at.unwrap_or(Timestamp::MAX);
        let funded = self.listing.is_backed();
        let in_window = old.micros_since(stamp.time) <= soft.window_ms.saturating_mul(1_000);
        let right = funded || (in_window && ends_at == stamp.time.plus_ms(soft.extend_ms).min(hard));
        holds("I17", announced == Some(old) && ends_at > old && ends_at <= hard && right, || {
            format!("from {old:?} (announced: {announced:?}) to {ends_at:?} by {soft:?}")
        })
    }

    fn placed(&mut self, event: &BidPlaced, stamp: &Stamp) -> Checked {
        self.accepts(stamp)?;
        let next = self.bids.next_amount(&self.listing, self.price);
        let reaches = next.is_some_and(|next| self.bids.is_in_range(event.maximum.0, next));
        holds("I12", reaches, || format!("a bid reaches {next:?}"))?;
        self.bids.push(Bid::new(stamp, event.maximum, event.alias));
        let computed = self.bids.price(&self.listing);
        let expected = if event.falling { computed } else { computed.max(self.price) };
        let price = Some(event.price);
        holds("I14", price == expected, || format!("the price is {expected:?}, not {price:?}"))?;
        let leader = self.bids.leader().map(|leader| leader.alias);
        let told = Some(event.leader.unwrap_or(event.alias));
        holds("I11", leader == told, || format!("{leader:?} leads, not {told:?}"))?;
        self.price = price;
        self.extended(event.ends_at, event.old_ends_at, stamp)
    }

    fn raised(&mut self, event: &MaximumRaised, stamp: &Stamp) -> Checked {
        self.accepts(stamp)?;
        let leader = self.bids.leader().map(|leader| (leader.account, leader.amount));
        let raises = leader.is_some_and(|(account, top)| account == stamp.by && event.maximum.0 > top);
        holds("I12", raises, || "the leader raises its own maximum".to_owned())?;
        self.bids.push(Bid::new(stamp, event.maximum, event.alias));
        let lifted = self.listing.reserve.filter(|reserve| event.maximum >= *reserve);
        let expected = self.price.max(lifted.map(|Hidden(reserve)| reserve));
        self.price = Some(event.price);
        holds("I14", self.price == expected, || format!("the price is {expected:?}"))
    }

    fn replace(&mut self, bid: Bid) {
        self.bids.remove(bid.account, None);
        self.bids.push(bid);
    }

    fn check_units(&mut self, price: Option<Amount>, remaining: u64) -> Checked {
        let expected = self.bids.price(&self.listing);
        self.price = price;
        holds("I14", price == expected, || format!("the price is {expected:?}, not {price:?}"))?;
        let served: u64 = self.bids.served(self.listing.quantity).iter().map(|(_, units)| units).sum();
        let left = self.listing.quantity - served;
        holds("I11", remaining == left, || format!("{left} units are left, not {remaining}"))
    }

    fn ticked(&mut self, event: &Ticked) -> Checked {
        let Some(clock) = self.listing.clock else {
            return holds("I14", false, || "only a clock ticks".to_owned());
        };
        let fallen = clock.start.get().checked_sub(event.price.get());
        let on_a_step =
            fallen.is_some_and(|fallen| fallen % clock.step.get() == 0) && Some(event.price) >= clock.floor;
        self.price = Some(event.price);
        holds("I14", on_a_step || Some(event.price) == clock.floor, || "a clock shows its steps".to_owned())
    }

    /// I20, and price and leader as the remaining bids give them.
    fn restated(&mut self, event: &Restated, stamp: &Stamp) -> Checked {
        let open = matches!(self.phase, Phase::Open | Phase::Paused) || self.listing.is_backed();
        holds("I20", open, || "nothing is taken back after the end".to_owned())?;
        if event.cause == RestatementCause::Retracted {
            self.may_retract(event, stamp)?;
        }
        self.bids.remove(event.account, event.bid);
        if self.listing.format == Format::MultiUnit {
            return self.check_units(event.price, event.remaining.unwrap_or_default());
        }
        if matches!(self.listing.format, Format::Dutch | Format::Japanese) {
            return Ok(());
        }
        let expected = self.bids.price(&self.listing);
        self.price = event.price;
        holds("I20", event.price == expected, || format!("the price is {expected:?}"))?;
        let leader = self.bids.leader().filter(|_| !self.listing.sealed).map(|leader| leader.alias);
        holds("I20", event.leader == leader, || format!("{leader:?} leads"))
    }

    fn may_retract(&self, event: &Restated, stamp: &Stamp) -> Checked {
        let now = self.paused_since.filter(|_| self.phase == Phase::Paused).unwrap_or(stamp.time);
        let late = self.ends_at.is_some_and(|ends_at| ends_at.micros_since(now) <= LATE_US);
        let last = self.bids.last_of(event.account);
        let fresh = last.is_some_and(|last| stamp.time.micros_since(last.at) <= LAST_WITHIN_US);
        let only_last = last.map(|last| last.bid) == event.bid;
        let funded = self.listing.is_backed();
        holds("I20", funded || stamp.by == event.account, || "only one's own bids".to_owned())?;
        holds("I20", funded || !late || (fresh && only_last), || {
            "late, only the last bid, within an hour".to_owned()
        })
    }

    fn end(&mut self, ends_at: Timestamp) {
        (self.phase, self.ends_at, self.paused_since) = (Phase::Closed, Some(ends_at), None);
    }

    fn closed(&mut self, event: &Closed, stamp: &Stamp) -> Checked {
        holds("I16", self.phase != Phase::Closed, || "closed once for each opening".to_owned())?;
        let ended_at = event.ends_at.unwrap_or(stamp.time);
        holds("I16", stamp.time >= ended_at, || "not before its end".to_owned())?;
        let announced = self.ends_at.is_none_or(|ends_at| ended_at == ends_at);
        let by_hand = stamp.by != AccountId::default();
        let over = match self.listing.format {
            Format::Dutch => self.bids.units() >= self.listing.quantity,
            Format::Japanese => self.last || self.bids.len() as u64 <= self.listing.quantity,
            _ => false,
        };
        holds("I16", announced || by_hand || over, || "by the clock only at the announced end".to_owned())?;
        self.end(ended_at);
        let told: Vec<_> = event.winners.iter().map(|win| (win.account, win.quantity, win.amount)).collect();
        if event.result == LotResult::Cancelled {
            return holds("I18", told.is_empty(), || "nobody wins a cancelled lot".to_owned());
        }
        if self.listing.format == Format::Combinatorial {
            self.packages_won(event)?;
        }
        let expected = match self.listing.format {
            Format::Candle => {
                let (drawn, expected) = self.draw.end(&self.listing, ended_at);
                let told = event.drawn;
                holds("I11", told.map(|told| (told.moment, told.events)) == drawn, || format!("{drawn:?}"))?;
                expected
            }
            // By itself, above: what is too large to be enumerated is checked for what can be.
            Format::Combinatorial => told.clone(),
            _ => self.bids.winners(&self.listing, self.price),
        };
        let invariant = if expected.is_empty() { "I18" } else { "I11" };
        holds(invariant, told == expected, || format!("{expected:?} win, not {told:?}"))?;
        if let ([only], 1) = (&event.winners[..], self.listing.quantity)
            && self.listing.format != Format::Combinatorial
        {
            let told = event.price;
            holds("I11", told == Some(only.amount), || {
                format!("sold for {:?}, told is {told:?}", only.amount)
            })?;
        }
        let sold = event.result == LotResult::Sold;
        holds("I18", sold != told.is_empty(), || "sold where somebody wins".to_owned())?;
        let mut orders: Vec<_> = event.winners.iter().map(|win| win.order).collect();
        orders.sort_unstable();
        orders.dedup();
        holds("I21", orders.len() == told.len(), || "one order for each winner".to_owned())
    }
}

impl Bid {
    fn new(stamp: &Stamp, amount: Hidden, alias: u32) -> Self {
        Self {
            account: stamp.by,
            alias,
            bid: BidId::from_u128(stamp.command_id),
            amount: amount.0,
            units: 1,
            all_or_none: false,
            at: stamp.time,
            package: None,
        }
    }
}
