//! Every English lot judged again, from all its bids and nothing else: slow, simple, and none of the engine's code.

use std::collections::{BTreeMap, BTreeSet};

use vendue_domain::actor::Event;
use vendue_domain::context::Stamp;
use vendue_domain::id::{AccountId, Id};
use vendue_domain::lot::{
    BidPlaced, Closed, Format, Listing, LotEvent, LotResult, MaximumRaised, Restated, SoftClose, Win,
};
use vendue_domain::time::{Moment, Timestamp};
use vendue_engine::entry::Entry;

use super::Placed;
use crate::Broken;

/// How long after its end a lot that takes bids must have been closed (I47), in microseconds: a recovery may have given it
/// more time.
const OVERDUE_US: i64 = 5_000_000;

/// RULES, "Increments": below this price, this step, in cents.
const INCREMENTS: [(u64, u64); 9] = [
    (100, 5),
    (500, 25),
    (2_500, 50),
    (10_000, 100),
    (25_000, 250),
    (50_000, 500),
    (100_000, 1_000),
    (250_000, 2_500),
    (500_000, 5_000),
];

fn increment(price: u64) -> u64 {
    INCREMENTS.iter().find(|(below, _)| price < *below).map_or(10_000, |(_, step)| *step)
}

#[derive(Debug, Clone)]
struct Bid {
    id: u128,
    by: AccountId,
    maximum: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Before,
    Open,
    Paused,
    Closed,
}

/// A lot as its journal tells it.
#[derive(Debug)]
struct Lot {
    listing: Listing,
    phase: Phase,
    ends_at: Option<Timestamp>,
    soft_close: Option<SoftClose>,
    /// Those that stand, in their order.
    bids: Vec<Bid>,
    aliases: BTreeMap<AccountId, u32>,
    price: Option<u64>,
}

/// What the bids give.
struct Best {
    leader: AccountId,
    top: u64,
    price: u64,
}

impl Lot {
    /// The highest maximum, of equal ones the earlier; the price is one increment above the second bidder's.
    fn best(&self) -> Option<Best> {
        // A bidder's last bid is its maximum.
        let mut last: Vec<(usize, &Bid)> = Vec::new();
        for (place, bid) in self.bids.iter().enumerate() {
            last.retain(|(_, other)| other.by != bid.by);
            last.push((place, bid));
        }
        last.sort_by_key(|(place, bid)| (std::cmp::Reverse(bid.maximum), *place));
        let (_, first) = *last.first()?;
        let usual = match last.get(1) {
            _ if self.listing.plain => first.maximum,
            Some((_, second)) => first.maximum.min(second.maximum + increment(second.maximum)),
            None => self.listing.start_amount.get(),
        };
        let reserve = self.listing.reserve.map(|reserve| reserve.0.get());
        let price = match reserve {
            Some(reserve) if first.maximum >= reserve => usual.max(reserve),
            _ => usual,
        };
        Some(Best { leader: first.by, top: first.maximum, price })
    }

    /// The lowest amount that a bid of `by` may have (I12).
    fn lowest(&self, by: AccountId) -> u64 {
        match (self.best(), self.price) {
            (Some(best), _) if best.leader == by && !self.listing.plain => best.top + 1,
            (Some(_), Some(price)) => price + increment(price),
            _ => self.listing.start_amount.get(),
        }
    }

    fn take_bid(&mut self, maximum: u64, alias: u32, stamp: &Stamp) -> Result<Best, String> {
        if self.phase != Phase::Open || self.ends_at.is_some_and(|ends_at| stamp.time >= ends_at) {
            return Err(format!(
                "I15: a bid at {:?} in {:?} until {:?}",
                stamp.time, self.phase, self.ends_at
            ));
        }
        if stamp.by == self.listing.seller {
            return Err("I19: the seller bids".into());
        }
        let lowest = self.lowest(stamp.by);
        if maximum < lowest {
            return Err(format!("I12: {maximum} was accepted, the lowest bid is {lowest}"));
        }
        if *self.aliases.entry(stamp.by).or_insert(alias) != alias {
            return Err("I14: a bidder with two aliases".into());
        }
        self.bids.push(Bid { id: stamp.command_id, by: stamp.by, maximum });
        let mut best = self.best().ok_or("a bid leaves no leader")?;
        // Never below the current price (I13).
        best.price = best.price.max(self.price.unwrap_or(0));
        self.price = Some(best.price);
        Ok(best)
    }

    fn placed(&mut self, event: &BidPlaced, stamp: &Stamp) -> Result<(), String> {
        let before = self.best().map(|best| best.leader);
        let best = self.take_bid(event.maximum.0.get(), event.alias, stamp)?;
        let alias = self.aliases.get(&best.leader).copied();
        if event.price.get() != best.price || Some(event.leader.unwrap_or(event.alias)) != alias {
            return Err(format!("I14: recomputed {} led by {alias:?}: {event:?}", best.price));
        }
        if event.step != increment(best.price) {
            return Err(format!("I12: the increment at {} is not {}", best.price, event.step));
        }
        let raises = before == Some(stamp.by);
        let extended = self.soft_close.filter(|_| !raises).and_then(|soft| {
            let (ends_at, now) = (self.ends_at?, stamp.time);
            let in_window = ends_at.0 - now.0 <= (soft.window_ms * 1_000) as i64;
            let later = now.plus_ms(soft.extend_ms).min(soft.hard_close_at.unwrap_or(Timestamp::MAX));
            (in_window && later > ends_at).then_some(later)
        });
        let expected = extended.or(self.ends_at);
        let told = event.ends_at.map(|Moment(ends_at)| ends_at);
        if told != expected || event.old_ends_at.is_some() != extended.is_some() {
            return Err(format!("I17: the end should be {expected:?}: {event:?}"));
        }
        self.ends_at = expected;
        Ok(())
    }

    fn raised(&mut self, event: &MaximumRaised, stamp: &Stamp) -> Result<(), String> {
        let leads = self.best().is_some_and(|best| best.leader == stamp.by);
        let before = self.price.unwrap_or(0);
        let best = self.take_bid(event.maximum.0.get(), event.alias, stamp)?;
        // A leader's own raise does not move the price, unless it meets the reserve (RULES, "english").
        let reserve = self.listing.reserve.map_or(0, |reserve| reserve.0.get());
        let price = if best.top >= reserve { before.max(reserve) } else { before };
        self.price = Some(price);
        if leads && event.price.get() == price && event.lifted == (price != before) {
            return Ok(());
        }
        Err(format!("I14: recomputed {price}: {event:?}"))
    }

    fn restated(&mut self, event: &Restated) -> Result<(), String> {
        if !matches!(self.phase, Phase::Open | Phase::Paused) {
            return Err(format!("I20: a restatement in {:?}", self.phase));
        }
        let before = self.bids.len();
        let removed = event.bid.map(|bid| bid.0.as_u128());
        self.bids.retain(|bid| bid.by != event.account || removed.is_some_and(|id| bid.id != id));
        let best = self.best();
        self.price = best.as_ref().map(|best| best.price);
        let alias = best.as_ref().and_then(|best| self.aliases.get(&best.leader).copied());
        let agrees = event.price.map(|price| price.get()) == self.price
            && event.leader == alias
            && before - self.bids.len() == event.removed as usize;
        if agrees {
            Ok(())
        } else {
            Err(format!("I20: recomputed {:?} led by {alias:?}: {event:?}", self.price))
        }
    }

    /// Who wins, and at what price: nobody below the reserve (I18).
    fn outcome(&self) -> Option<(AccountId, u64)> {
        let best = self.best()?;
        let is_met = self.listing.reserve.is_none_or(|reserve| best.top >= reserve.0.get());
        Some((best.leader, self.price?)).filter(|_| is_met)
    }

    fn closed(&mut self, event: &Closed, stamp: &Stamp, by_clock: bool) -> Result<(), String> {
        if self.phase == Phase::Closed {
            return Err("I16: closed twice".into());
        }
        if by_clock && self.ends_at.is_none_or(|ends_at| stamp.time < ends_at) {
            return Err(format!("I16: closed at {:?}, the end was {:?}", stamp.time, self.ends_at));
        }
        self.phase = Phase::Closed;
        let expected = if event.result == LotResult::Cancelled { None } else { self.outcome() };
        let told = event.winners.first().map(|win: &Win| (win.account, win.amount.get()));
        if told == expected && (event.result == LotResult::Sold) == expected.is_some() {
            return Ok(());
        }
        Err(format!("I11: recomputed {expected:?}: {event:?}"))
    }

    fn take(&mut self, event: &LotEvent, stamp: &Stamp, by_clock: bool) -> Result<(), String> {
        match event {
            LotEvent::Created(_) => return Err("created twice".into()),
            LotEvent::BidPlaced(event) => return self.placed(event, stamp),
            LotEvent::MaximumRaised(event) => return self.raised(event, stamp),
            LotEvent::Restated(event) => return self.restated(event),
            LotEvent::Closed(event) => return self.closed(event, stamp, by_clock),
            LotEvent::Bought(event) => {
                let asked = self.listing.buy_now.map(|amount| amount.get());
                if self.phase != Phase::Open || Some(event.win.amount.get()) != asked {
                    return Err(format!("I15: bought in {:?}: {event:?}", self.phase));
                }
                self.phase = Phase::Closed;
                self.aliases.entry(event.win.account).or_insert(event.win.alias);
            }
            LotEvent::Opened(event) => {
                if self.phase != Phase::Before {
                    return Err(format!("I16: opened in {:?}", self.phase));
                }
                (self.phase, self.ends_at, self.soft_close) = (Phase::Open, event.ends_at, event.soft_close);
            }
            LotEvent::Paused(event) => {
                if !matches!(self.phase, Phase::Open | Phase::Paused) {
                    return Err(format!("I16: paused in {:?}", self.phase));
                }
                // While it is paused there is no end that a bid could be told.
                (self.phase, self.ends_at, self.soft_close) = (Phase::Paused, None, event.soft_close);
            }
            LotEvent::Resumed(event) => {
                (self.phase, self.ends_at, self.soft_close) = (Phase::Open, event.ends_at, event.soft_close);
            }
            LotEvent::Extended(event) => {
                if self.ends_at.is_some_and(|ends_at| event.ends_at <= ends_at) {
                    return Err(format!("I17: the end shrinks from {:?}: {event:?}", self.ends_at));
                }
                self.ends_at = Some(event.ends_at);
            }
            LotEvent::Reopened(event) => {
                if self.phase != Phase::Closed {
                    return Err(format!("I16: reopened in {:?}", self.phase));
                }
                if event.price.map(|price| price.get()) != self.price {
                    return Err(format!("I13: reopened at another price than {:?}: {event:?}", self.price));
                }
                (self.phase, self.ends_at) = (Phase::Open, Some(event.ends_at));
                self.soft_close = event.soft_close;
            }
            LotEvent::Revised(_) => return Err("nobody revises lots here".into()),
            _ => {
                return Err("every lot here is English, and unfunded".into());
            }
        }
        Ok(())
    }
}

/// English lots without money behind their bids. All the others are judged by the shared checkers, which know none of the
/// lots' code either (`audit/town`): a second naive recomputation of them would be the same again.
fn is_for_us(listing: &Listing) -> bool {
    listing.format == Format::English && !listing.is_backed()
}

/// I11 to I18, I20: every English lot of the journal; `now` is the engine's time at the end.
pub(super) fn check(journal: &[Placed], now: Timestamp) -> Result<(), Broken> {
    let mut lots: BTreeMap<Id, Lot> = BTreeMap::new();
    let mut others: BTreeSet<Id> = BTreeSet::new();
    for (position, entry) in journal {
        let Entry::Decided(decided) = entry else { continue };
        for event in &decided.events.0 {
            let Event::Lot(event) = event else { continue };
            let outcome = match (lots.get_mut(&decided.id), event) {
                (Some(lot), event) => lot.take(event, &decided.stamp(), decided.by.is_none()),
                (None, LotEvent::Created(created)) if !is_for_us(&created.listing) => {
                    others.insert(decided.id);
                    Ok(())
                }
                (None, _) if others.contains(&decided.id) => Ok(()),
                (None, LotEvent::Created(created)) => {
                    let listing = created.listing.clone();
                    let lot = Lot {
                        soft_close: listing.soft_close,
                        listing,
                        phase: Phase::Before,
                        ends_at: created.closes_at,
                        bids: Vec::new(),
                        aliases: BTreeMap::new(),
                        price: None,
                    };
                    lots.insert(decided.id, lot);
                    Ok(())
                }
                (None, _) => Err("an event of a lot that was never created".into()),
            };
            outcome.map_err(|problem| {
                let lot = lots.get(&decided.id);
                Broken::new("I11 to I20", format!("{problem}\nrecord {position}: {decided:?}\n{lot:?}"))
            })?;
        }
    }
    for (id, lot) in &lots {
        let is_overdue = lot.ends_at.is_some_and(|ends_at| ends_at.0 + OVERDUE_US <= now.0);
        if lot.phase == Phase::Open && is_overdue {
            return Err(Broken::new("I47", format!("{id:?} should have ended at {:?}", lot.ends_at)));
        }
    }
    Ok(())
}
