//! `candle`: English, but nobody knows when it ends (RULES, "Formats"). Pepys saw it in 1660: bids were taken as long as an
//! inch of candle burned, and the last one before it went out won.
//!
//! The true end is a moment of the last `candle_ms` before the announced end, drawn afterwards from what nobody could
//! choose: a seed of the engine, whose hash everybody knows from the lot's creation on, and the hash of everything that was
//! published of the lot. The seed is published with the outcome, so that anybody can draw the moment again ([`EventChain`],
//! [`draw_moment`]). The winner and the price are those that were published last at that moment.
//!
//! What is removed (voided, or fallen with its bidder) is removed from every moment: the draw begins after the last removal.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::english::English;
use super::format::{Award, Awards, Debts, Rules, Standing, Terms};
use super::{BuyNow, Listing, LotEvent, PlaceBid, RetractBid};
use crate::amount::Amount;
use crate::context::{Context, Stamp};
use crate::id::{AccountId, BidId};
use crate::publication::Data;
use crate::record::{Field, Reader, RecordError};
use crate::rejection::{Rejection, RetractionNotAllowed};
use crate::time::Timestamp;

/// A SHA-256; 64 lower-case hexadecimal digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Field for Digest {
    fn encode(&self, out: &mut Vec<u8>) {
        crate::record::Bytes(self.0.to_vec()).encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let bytes = crate::record::Bytes::decode(input)?;
        bytes.0.try_into().map(Self).map_err(|_| RecordError::Invalid("a SHA-256 has 32 bytes"))
    }
}

/// What a candle's end is drawn from: 16 bytes, 32 lower-case hexadecimal digits on the wire. Secret until the end: its Debug
/// hides it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u128);

impl Seed {
    /// SHA-256 of its 16 bytes, the most significant first.
    #[must_use]
    pub fn hash(self) -> Digest {
        Digest(Sha256::digest(self.0.to_be_bytes()).into())
    }

    /// Its 32 digits.
    #[must_use]
    pub fn digits(self) -> String {
        format!("{:032x}", self.0)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

impl Field for Seed {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        u128::decode(input).map(Self)
    }
}

/// The hash of a lot's public events, one after the other: `h(0)` is 32 zero bytes, `h(n)` is SHA-256 of `h(n-1)` and the line
/// of event n: `SEQ TYPE TS PRICE LEADER BIDDER BIDS ENDS_AT` with one blank between and a line feed behind. The last five are
/// the fields of the event's data, `-` where it has none or `null`; times in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventChain(pub Digest);

/// What the line of an event says of its data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainFields {
    /// `price`, in minor units.
    pub price: Option<u64>,
    /// `leader`, as it is shown.
    pub leader: Option<String>,
    /// `bidder`, as it is shown.
    pub bidder: Option<String>,
    /// `bids`.
    pub bids: Option<u64>,
    /// `ends_at`, in microseconds since 1970.
    pub ends_at: Option<i64>,
}

impl ChainFields {
    /// Of an event's data.
    #[must_use]
    pub fn of(data: &Data) -> Self {
        let time = |time: Option<Timestamp>| time.map(|time| time.0);
        let amount = |amount: Option<Amount>| amount.map(Amount::get);
        match data {
            Data::PriceChanged(data) => Self {
                price: amount(data.price),
                leader: data.leader.map(|alias| alias.to_string()),
                bidder: data.bidder.map(|alias| alias.to_string()),
                bids: Some(data.bids.into()),
                ends_at: time(data.ends_at),
            },
            Data::TimeExtended(data) => Self { ends_at: Some(data.ends_at.0), ..Self::default() },
            Data::LotState(data) => Self { ends_at: time(data.ends_at), ..Self::default() },
            Data::LotRevised(data) => Self { ends_at: time(data.ends_at), ..Self::default() },
            Data::LotReopened(data) => {
                Self { price: amount(data.price), ends_at: time(data.ends_at), ..Self::default() }
            }
            Data::LotClosed(data) => {
                Self { price: amount(data.price), ends_at: time(data.ends_at), ..Self::default() }
            }
            _ => Self::default(),
        }
    }
}

impl EventChain {
    /// Adds the line of an event.
    pub fn add(&mut self, seq: u64, name: &str, ts: Timestamp, fields: &ChainFields) {
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let line = format!(
            "{seq} {name} {} {} {} {} {} {}\n",
            ts.0,
            or_dash(fields.price.map(|price| price.to_string())),
            or_dash(fields.leader.clone()),
            or_dash(fields.bidder.clone()),
            or_dash(fields.bids.map(|bids| bids.to_string())),
            or_dash(fields.ends_at.map(|ends_at| ends_at.to_string())),
        );
        let hash = Sha256::new().chain_update(self.0.0).chain_update(line.as_bytes());
        self.0 = Digest(hash.finalize().into());
    }
}

impl Field for EventChain {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        Digest::decode(input).map(Self)
    }
}

/// The moment after `from` and up to `ends_at` at which the candle went out: SHA-256 of the seed's 16 bytes and the 32 of the
/// events' hash; its first 8 bytes as a number, the most significant first, modulo the microseconds between the two, plus
/// one, after `from`. `ends_at` where nothing lies between.
#[must_use]
pub fn draw_moment(seed: Seed, events: Digest, from: Timestamp, ends_at: Timestamp) -> Timestamp {
    let between = ends_at.micros_since(from);
    if between == 0 {
        return ends_at;
    }
    let hash = Sha256::new().chain_update(seed.0.to_be_bytes()).chain_update(events.0).finalize();
    let drawn = hash.iter().take(8).fold(0_u64, |number, &byte| (number << 8) | u64::from(byte));
    from.plus_micros(drawn % between + 1)
}

crate::record! {
    /// When a candle went out, and what that was drawn from.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Drawn {
        /// Public from now on.
        1 => pub seed: Seed,
        /// The hash of the lot's public events before the one that tells its end.
        2 => pub events: Digest,
        3 => pub moment: Timestamp,
        /// Who led when the announced end came, where another has won.
        4 => pub displaced: Option<AccountId>,
    }
}

crate::record! {
    /// Who led to which price from a moment on.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Led {
        1 => since: Timestamp,
        2 => price: Option<Amount>,
        3 => account: Option<AccountId>,
        4 => alias: u32,
    }
}

crate::record! {
    /// The bids of a candle auction.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub(super) struct Candle {
        1 => english: English,
        /// The announced end, whatever has ended the lot.
        2 => announced: Option<Timestamp>,
        /// Who has led, as far as the draw may reach; in the order of time.
        3 => led: Vec<Led>,
        /// When bids were last removed.
        4 => removed_at: Option<Timestamp>,
        5 => events: Option<EventChain>,
        /// How long before the announced end it may go out, in microseconds.
        6 => reach_us: u64,
    }
}

impl Candle {
    /// No bids yet.
    pub(super) fn new(listing: &Listing) -> Self {
        let reach_us = listing.candle_ms.unwrap_or_default().saturating_mul(1_000);
        Self { reach_us, ..Self::default() }
    }

    /// Adds what an event publishes, whose numbers follow `seq`, to the hash of the events.
    pub(super) fn hear(&mut self, seq: u64, event: &LotEvent, stamp: &Stamp) {
        let mut chain = self.events.unwrap_or_default();
        for (seq, publication) in (seq + 1..).zip(event.public()) {
            chain.add(seq, publication.name, stamp.time, &ChainFields::of(&publication.data));
        }
        self.events = Some(chain);
    }

    /// From when on it may have gone out.
    fn from(&self) -> Option<Timestamp> {
        let from = self.announced?.minus_micros(self.reach_us);
        Some(self.removed_at.map_or(from, |removed_at| removed_at.max(from)))
    }

    fn keep_leader(&mut self, since: Timestamp) {
        let standing = self.english.leading();
        let (account, alias) = standing.map_or((None, 0), |(account, alias, _)| (Some(account), alias));
        let price = standing.map(|(.., price)| price);
        // Nothing before the draw's reach can be drawn, but for what stood when it began.
        if let Some(announced) = self.announced {
            let from = announced.minus_micros(self.reach_us);
            let before = self.led.partition_point(|led| led.since <= from);
            self.led.drain(..before.saturating_sub(1));
        }
        self.led.push(Led { since, price, account, alias });
    }

    fn listen(&mut self, event: &LotEvent) {
        let announced = match event {
            LotEvent::Opened(event) => event.ends_at,
            LotEvent::Extended(event) => Some(event.ends_at),
            LotEvent::Resumed(event) => event.ends_at,
            LotEvent::Reopened(event) => Some(event.ends_at),
            LotEvent::Revised(event) => event.ends_at,
            _ => return,
        };
        self.announced = announced.or(self.announced);
    }
}

impl Rules for Candle {
    fn place(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        self.english.place(terms, command, context)
    }

    fn buy_now(
        &self,
        terms: &Terms<'_>,
        command: &BuyNow,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        self.english.buy_now(terms, command, context)
    }

    /// Not while the candle may go out: who has led through half of that time could unsay it.
    fn retract(
        &self,
        terms: &Terms<'_>,
        command: &RetractBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        if terms.before_end_us.is_some_and(|before_end_us| before_end_us <= self.reach_us) {
            let rule = "no bid may be retracted while the candle may go out".to_owned();
            return Err(Rejection::RetractionNotAllowed(RetractionNotAllowed { rule }));
        }
        self.english.retract(terms, command, context)
    }

    fn void(&self, terms: &Terms<'_>, bid: BidId, reason: &str) -> Result<LotEvent, Rejection> {
        self.english.void(terms, bid, reason)
    }

    fn last_bid_of(&self, alias: u32) -> Option<BidId> {
        self.english.last_bid_of(alias)
    }

    fn expel(&self, terms: &Terms<'_>, account: AccountId) -> Option<LotEvent> {
        self.english.expel(terms, account)
    }

    fn bidders(&self) -> Box<dyn ExactSizeIterator<Item = AccountId> + '_> {
        self.english.bidders()
    }

    fn has_begun(&self) -> bool {
        self.english.has_begun()
    }

    fn standing(&self, listing: &Listing) -> Standing {
        self.english.standing(listing)
    }

    fn awards(&self, listing: &Listing) -> Awards {
        self.english.awards(listing)
    }

    fn exposure(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<Amount, Rejection> {
        self.english.exposure(terms, command, context)
    }

    fn owes(&self, listing: &Listing, account: AccountId) -> Option<Amount> {
        self.english.owes(listing, account)
    }

    fn debts_after(&self, event: &LotEvent, by: AccountId) -> Option<Debts> {
        self.english.debts_after(event, by)
    }

    fn draw(&self, listing: &Listing, ends_at: Timestamp) -> Option<(Drawn, Awards)> {
        let seed = listing.seed?;
        let events = self.events.unwrap_or_default().0;
        let moment = draw_moment(seed, events, self.from()?, ends_at);
        let led = self.led.iter().rev().find(|led| led.since <= moment);
        let won = led.and_then(|led| Some((led.account?, led.alias, led.price?)));
        let award = won.map(|(account, alias, amount)| Award {
            account,
            alias,
            quantity: listing.quantity,
            amount,
            items: None,
        });
        let last = self.english.leading().map(|(account, ..)| account);
        let displaced = last.filter(|&last| award.is_none_or(|award| award.account != last));
        let awards = Awards { price: award.map(|award| award.amount), awards: award.into_iter().collect() };
        Some((Drawn { seed, events, moment, displaced }, awards))
    }

    fn apply(&mut self, event: &LotEvent, stamp: &Stamp) {
        self.listen(event);
        self.english.apply(event, stamp);
        match event {
            LotEvent::BidPlaced(_) => self.keep_leader(stamp.time),
            LotEvent::Restated(_) => {
                self.led.clear();
                self.removed_at = Some(stamp.time);
                self.keep_leader(stamp.time);
            }
            _ => {}
        }
    }
}
