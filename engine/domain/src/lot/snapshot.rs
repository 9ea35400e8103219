//! What anybody may know of a lot.

use serde::Serialize;

use super::format::Standing;
use super::{
    Clock, Digest, Format, Funding, Listing, Lot, LotEvent, Phase, Pricing, Qualification, SoftClose,
};
use crate::amount::{Amount, Currency};
use crate::context::Stamp;
use crate::fees::FeeTable;
use crate::id::{LotId, MarketId, SaleId};
use crate::increments::IncrementTable;
use crate::publication::{Alias, Data, Winner};
use crate::time::Timestamp;

/// A lot as `lot.get` and its channel show it. Every field is always there; events overwrite the fields of their names.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct LotSnapshot {
    pub lot: LotId,
    pub market: MarketId,
    pub currency: Currency,
    pub r#ref: Option<String>,
    /// In the sale's catalogue.
    pub number: Option<u32>,
    pub sale: Option<SaleId>,
    pub title: String,
    pub description: Option<String>,
    pub category: Option<String>,
    /// [low, high].
    pub estimate: Option<(Amount, Amount)>,
    pub images: Vec<String>,
    pub format: Format,
    pub proxy: bool,
    pub quantity: u64,
    pub state: &'static str,
    pub start_amount: Amount,
    pub price: Option<Amount>,
    pub leader: Option<Alias>,
    /// Bids that count: a leader's own raises do not.
    pub bids: u32,
    /// What the next bid must reach: at least this, in a tender at most.
    pub min_next_amount: Amount,
    /// `null`: the lot has no reserve, or its bids are sealed.
    pub reserve_met: Option<bool>,
    /// What it can still be bought for at once.
    pub buy_now: Option<Amount>,
    pub opens_at: Option<Timestamp>,
    /// `null` while paused, or where it ends only when told to.
    pub ends_at: Option<Timestamp>,
    /// While paused.
    pub remaining_ms: Option<u64>,
    pub soft_close: Option<SoftClose>,
    pub funding: Funding,
    pub qualification: Qualification,
    /// What is held before the first bid; `null`: nothing.
    pub deposit: Option<Amount>,
    /// What a winner pays on top of the hammer price; `null`: nothing.
    pub buyers_premium: Option<FeeTable>,
    /// `sold`, `unsold` or `cancelled`.
    pub result: Option<&'static str>,
    pub winners: Vec<Winner>,
    /// The words for the present state.
    pub reason: Option<String>,
    /// `null`: the default table of the currency.
    pub increments: Option<IncrementTable>,
    /// Nobody sees bids before the end.
    pub sealed: bool,
    /// How many have a bid; `null` where bids are open.
    pub bidders: Option<u32>,
    /// Units that nobody has as it stands; `null` where they are not sold one by one.
    pub remaining: Option<u64>,
    /// What winners of several units pay; `null` in other formats.
    pub pricing: Option<Pricing>,
    /// The dutch clock.
    pub clock: Option<Clock>,
    /// What the clock shows next, and when; `null` at the floor and while it stands.
    pub next_price: Option<Amount>,
    pub next_at: Option<Timestamp>,
    /// How long before the announced end a candle may go out; `null` in other formats.
    pub candle_ms: Option<u64>,
    /// The SHA-256 of the seed that a candle's end will be drawn from.
    pub seed_hash: Option<Digest>,
    /// After a candle's end: its seed, the hash of the lot's public events, and when it went out.
    pub seed: Option<String>,
    pub events_hash: Option<Digest>,
    pub ended_at: Option<Timestamp>,
    /// The items of a combinatorial lot, numbered from 1.
    pub items: Vec<String>,
}

impl LotSnapshot {
    fn new(
        lot: LotId,
        listing: &Listing,
        phase: Phase,
        ends_at: Option<Timestamp>,
        standing: Standing,
    ) -> Self {
        let Standing { price, leader, bids, min_next_amount, reserve_met, buy_now, .. } = standing;
        let knows = listing.format.knows(listing.sealed);
        let content = &listing.content;
        Self {
            lot,
            market: listing.market,
            currency: listing.currency,
            r#ref: listing.reference.clone(),
            number: listing.number,
            sale: listing.sale,
            title: content.title.clone(),
            description: content.description.clone(),
            category: content.category.clone(),
            estimate: content.estimate,
            images: content.images.clone(),
            format: listing.format,
            proxy: knows.proxy && !listing.plain,
            quantity: listing.quantity,
            state: phase.name(),
            start_amount: listing.start_amount,
            price,
            leader,
            bids,
            min_next_amount,
            reserve_met,
            buy_now,
            opens_at: listing.opens_at,
            ends_at,
            remaining_ms: None,
            soft_close: listing.soft_close,
            funding: listing.funding,
            qualification: listing.qualification,
            deposit: listing.deposit,
            buyers_premium: listing.fees.as_ref().and_then(|fees| fees.buyers_premium.clone()),
            result: None,
            winners: Vec::new(),
            reason: None,
            increments: listing.increments.as_deref().cloned(),
            sealed: listing.sealed,
            bidders: standing.bidders,
            remaining: standing.remaining,
            pricing: knows.pricing.then_some(listing.pricing),
            clock: listing.clock,
            next_price: standing.next_price,
            next_at: standing.next_at,
            candle_ms: listing.candle_ms,
            seed_hash: listing.seed.map(super::Seed::hash),
            seed: None,
            events_hash: None,
            ended_at: None,
            items: listing.items.clone(),
        }
    }

    pub(super) fn of(lot: &Lot) -> Self {
        let standing = lot.bidding.rules().standing(&lot.listing);
        let ends_at = lot.ends_at.filter(|_| lot.phase != Phase::Paused);
        let mut snapshot = Self::new(lot.id, &lot.listing, lot.phase, ends_at, standing);
        snapshot.remaining_ms = lot.remaining_us().map(|remaining_us| remaining_us / 1_000);
        snapshot.reason.clone_from(&lot.reason);
        if let Some(outcome) = &lot.outcome {
            snapshot.result = Some(outcome.result.name());
            snapshot.price = outcome.price;
            snapshot.buy_now = None;
            snapshot.seed = outcome.drawn.map(|drawn| drawn.seed.digits());
            snapshot.events_hash = outcome.drawn.map(|drawn| drawn.events);
            snapshot.ended_at = outcome.drawn.map(|drawn| drawn.moment);
            let seen = |win: &super::Win| Winner {
                alias: Alias(win.alias),
                quantity: win.quantity,
                amount: win.amount,
                items: win.items,
            };
            snapshot.winners = outcome.winners.iter().map(seen).collect();
        }
        snapshot
    }

    /// The snapshot after the creating event; `None` for any other.
    #[must_use]
    pub fn born(event: &LotEvent, _stamp: &Stamp) -> Option<Self> {
        let LotEvent::Created(created) = event else { return None };
        let listing = &created.listing;
        let standing = super::format::Bidding::new(listing).rules().standing(listing);
        Some(Self::new(created.lot, listing, created.phase(), created.closes_at, standing))
    }

    /// Takes an event over: what it publishes overwrites the fields of the same names (I43).
    pub fn apply(&mut self, event: &LotEvent, _stamp: &Stamp) {
        if matches!(event, LotEvent::MaximumRaised(_)) && crate::mutant("snapshot_stale") {
            return;
        }
        if let LotEvent::BidPlaced(bid) = event.inner() {
            return self.apply_bid(bid);
        }
        for publication in event.public() {
            self.fold(publication.data);
        }
    }

    /// As `fold` of what the bid publishes, without building it: bids are nearly everything that happens.
    fn apply_bid(&mut self, bid: &super::BidPlaced) {
        self.price = Some(bid.price);
        self.leader = Some(Alias(bid.leader.unwrap_or(bid.alias)));
        self.bids = bid.bids;
        self.min_next_amount = bid.min_next_amount();
        self.reserve_met = bid.reserve_met;
        self.buy_now = bid.buy_now;
        self.ends_at = bid.ends_at.map(|crate::time::Moment(ends_at)| ends_at);
    }

    fn stop_clock(&mut self, stops: bool) {
        if stops {
            (self.next_price, self.next_at) = (None, None);
        }
    }

    fn fold(&mut self, data: Data) {
        match data {
            Data::PriceChanged(data) => {
                self.price = data.price;
                self.leader = data.leader;
                self.bids = data.bids;
                self.min_next_amount = data.min_next_amount;
                self.reserve_met = data.reserve_met;
                self.buy_now = data.buy_now;
                self.ends_at = data.ends_at;
                self.remaining = data.remaining.or(self.remaining);
                self.bidders = data.bidders.or(self.bidders);
            }
            Data::BiddersChanged(data) => {
                self.bidders = Some(data.bidders);
                self.bids = data.bids;
                self.ends_at = data.ends_at;
            }
            Data::ClockTicked(data) => {
                self.price = Some(data.price);
                self.min_next_amount = data.min_next_amount;
                self.next_price = data.next_price;
                self.next_at = data.next_at;
                self.remaining = data.remaining.or(self.remaining);
                self.bidders = data.bidders.or(self.bidders);
                self.bids = data.bids.unwrap_or(self.bids);
            }
            Data::TimeExtended(data) => self.ends_at = Some(data.ends_at),
            Data::LotState(data) => {
                self.state = data.state;
                self.opens_at = data.opens_at;
                self.ends_at = data.ends_at;
                self.remaining_ms = data.remaining_ms;
                self.soft_close = data.soft_close;
                self.reason = data.reason;
                self.stop_clock(data.next_at.is_some());
                self.seed_hash = data.seed_hash.or(self.seed_hash);
            }
            Data::LotClosed(data) => {
                self.seed = data.seed.or_else(|| self.seed.take());
                self.events_hash = data.events_hash.or(self.events_hash);
                self.ended_at = data.ended_at.or(self.ended_at);
                self.stop_clock(data.next_at.is_some());
                self.state = data.state;
                self.result = Some(data.result);
                self.price = data.price;
                self.winners = data.winners;
                self.buy_now = data.buy_now;
                self.ends_at = data.ends_at;
                self.remaining_ms = data.remaining_ms;
                self.reason = data.reason;
            }
            Data::LotReopened(data) => {
                self.state = data.state;
                self.result = data.result;
                self.winners = data.winners;
                self.price = data.price;
                self.buy_now = data.buy_now;
                self.ends_at = data.ends_at;
                self.soft_close = data.soft_close;
                self.reason = data.reason;
            }
            Data::LotRevised(data) => {
                self.title = data.title;
                self.description = data.description;
                self.category = data.category;
                self.estimate = data.estimate;
                self.images = data.images;
                self.state = data.state;
                self.opens_at = data.opens_at;
                self.ends_at = data.ends_at;
                self.start_amount = data.start_amount;
                self.buy_now = data.buy_now;
                self.reserve_met = data.reserve_met;
                self.min_next_amount = data.min_next_amount;
            }
            _ => {}
        }
    }
}
