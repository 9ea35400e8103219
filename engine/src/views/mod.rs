//! Views: what can be read and watched, made from durable decisions alone, in journal order.
//!
//! A synchronous core: units, queries and follows in; bytes for the links out. Because it sees the one order of the
//! journal, everything it numbers (an account's feed, a market's channel) gets the same numbers again after a restart.

mod accounts;
mod answer;
mod audit;
mod board;
mod book_orders;
mod cold;
mod draws;
mod effects;
mod feed;
mod follow;
mod history;
mod lists;
mod log;
mod orders;
mod recovering;
mod signed_out;
mod statement;
mod stored;
mod trades;

use std::collections::BTreeMap;
use std::sync::Arc;
use vendue_domain::mutant;

use hashbrown::HashMap;
use vendue_domain::account::AccountEvent;
use vendue_domain::actor::{ActorAddress, ActorKind, Event, Snapshot};
use vendue_domain::facts::Facts;
use vendue_domain::id::{AccountId, LotId, MarketId};
use vendue_domain::lot::Format;
use vendue_domain::time::Timestamp;
use vendue_protocol::channel::Channel;
use vendue_protocol::link::{
    FrameBuilder, FrameKind, Pulse, QueryItem, Reply, ReplyItem, write_record_frame,
};

use crate::options::EngineOptions;
use crate::unit::{LinkId, Published, Unit};
pub use stored::{ViewSpace, ViewValue};

/// Opens what the vault has sealed, for those who may read it.
pub trait Open: Send + Sync {
    /// The text sealed for this account; `None` where its key has been erased.
    fn open(&self, account: AccountId, sealed: &[u8]) -> Option<String>;
}

/// One actor as the public knows it.
struct Shown {
    body: cold::Body,
    /// About how many bytes the snapshot took when it came into memory.
    weight: u32,
    market: MarketId,
    /// Its public events are kept whole.
    is_candle: bool,
    /// Recovery: events have been passed over.
    stale: bool,
    /// The actor's sequence number that the snapshot has reached.
    seq: u64,
    channel_seq: u64,
    /// In which order the actors came, for lists.
    order: u64,
    /// A lot's public bids.
    history: history::History,
    /// Whether the history waits in the list of what has changed.
    history_noted: bool,
    /// Whether it has changed since its market's last mark.
    on_board: bool,
}

impl Shown {
    /// Takes the numbers of what happened over.
    fn pass_over(&mut self, published: &Published) {
        self.seq = published.seq;
        self.channel_seq = published.channel_seq;
    }
}

/// A question that waits until the views have come as far as its asker has.
enum Waiting {
    Query(LinkId, QueryItem),
    Follow(LinkId, vendue_protocol::link::FollowItem),
}

/// How many questions may wait; more are answered from what there is.
const WAITING_MAX: usize = 65_536;

/// The read models of a cell.
pub struct Views {
    options: Arc<EngineOptions>,
    vault: Arc<dyn Open>,
    /// The answer to `notary.keys`.
    notary_keys: Vec<u8>,
    directory: Arc<crate::directory::Directory>,
    /// The last position taken in.
    position: u64,
    time: Timestamp,
    shown: HashMap<ActorAddress, Shown>,
    next_order: u64,
    facts: Facts,
    lists: lists::Lists,
    /// Sealed: read only for who may know them.
    names: HashMap<AccountId, Vec<u8>>,
    feeds: HashMap<AccountId, feed::Feed>,
    orders: orders::Orders,
    trades: trades::BookTrades,
    draws: draws::Draws,
    statements: HashMap<AccountId, statement::Statement>,
    boards: HashMap<MarketId, board::Board>,
    audits: HashMap<MarketId, audit::Audit>,
    ring: follow::Ring,
    /// Channels whose last link has gone, and when: it comes back and asks for what it missed.
    left: HashMap<Channel, Timestamp>,
    /// Recovery: nobody follows yet, and everything told is kept for those who come back.
    recovering: bool,
    /// ... from this position on.
    kept_from: u64,
    /// Whether actors were taken from the state store.
    from_store: bool,
    followers: HashMap<Channel, smallvec::SmallVec<[LinkId; 2]>>,
    waiting: BTreeMap<u64, Vec<Waiting>>,
    waiting_count: usize,
    out: HashMap<LinkId, Outbox>,
    links: Vec<LinkId>,
    sign_outs: signed_out::SignOuts,
    changed: stored::Changed,
    warmth: cold::Warmth,
    /// Recovery: actors whose snapshots are behind.
    stale: Vec<ActorAddress>,
}

/// What goes to one link at the end of a round.
struct Outbox {
    replies: FrameBuilder,
    events: FrameBuilder,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            replies: FrameBuilder::new(Vec::new(), FrameKind::Replies),
            events: FrameBuilder::new(Vec::new(), FrameKind::Events),
        }
    }
}

impl Views {
    /// Empty views of an empty cell.
    #[must_use]
    pub fn new(options: Arc<EngineOptions>, vault: Arc<dyn Open>) -> Self {
        Self {
            options,
            vault,
            notary_keys: effects::notary_keys(&[]),
            directory: Arc::default(),
            position: 0,
            time: Timestamp(0),
            shown: HashMap::new(),
            next_order: 0,
            facts: Facts::default(),
            lists: lists::Lists::default(),
            names: HashMap::new(),
            feeds: HashMap::new(),
            orders: orders::Orders::default(),
            trades: trades::BookTrades::new(),
            draws: draws::Draws::new(),
            statements: HashMap::new(),
            boards: HashMap::new(),
            audits: HashMap::new(),
            ring: follow::Ring::default(),
            left: HashMap::new(),
            recovering: true,
            kept_from: 0,
            from_store: false,
            followers: HashMap::new(),
            waiting: BTreeMap::new(),
            waiting_count: 0,
            out: HashMap::new(),
            links: Vec::new(),
            sign_outs: signed_out::SignOuts::default(),
            changed: stored::Changed::default(),
            warmth: cold::Warmth::default(),
            stale: Vec::new(),
        }
    }

    /// The last position taken in.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// What the views know of markets and accounts.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Takes a durable unit in.
    pub fn unit(&mut self, unit: &Unit) {
        for published in &unit.published {
            self.take(published, unit.first + u64::from(published.index));
        }
        let records = u64::from(unit.batch.len());
        if records > 0 {
            self.position = self.position.max(unit.first + records - 1);
        }
        self.answer_waiting();
    }

    /// Takes one decision in; those that the views hold already are passed over.
    pub fn take(&mut self, published: &Published, position: u64) {
        self.position = self.position.max(position);
        self.time = self.time.max(published.stamp.time);
        for event in &published.events {
            if let Some(change) = event.fact(published.address.id) {
                self.facts.learn(&change);
                self.sign_outs.learn(&change);
            }
            let name = match event {
                Event::Account(AccountEvent::Created(created)) => &created.name_sealed,
                Event::Account(AccountEvent::Updated(updated)) => &updated.name_sealed,
                _ => continue,
            };
            self.names.insert(AccountId(published.address.id), name.0.clone());
        }
        if self.take_plain_bid(published, position) {
            return;
        }
        self.show(published);
        self.book(published, position);
        let Some(market) = self.market_of(&published.address) else { return };
        self.tell_public(published, market, position);
        self.tell_private(published, position);
        self.audit(published, market, position);
    }

    /// Brings the actor's snapshot up to date.
    fn show(&mut self, published: &Published) {
        let address = published.address;
        let Some(shown) = self.shown.get_mut(&address) else {
            let Some(mut snapshot) =
                published.events.first().and_then(|event| Snapshot::born(event, &published.stamp))
            else {
                tracing::error!(actor = ?address, "a decision of an actor that the views have never seen");
                return;
            };
            for event in &published.events[1..] {
                snapshot.apply(event, &published.stamp);
            }
            let weight = cold::weight(&snapshot);
            self.warmth.add(weight);
            self.place(address, &snapshot, published.seq, published.channel_seq);
            if let Some(shown) = self.shown.get_mut(&address) {
                (shown.weight, shown.body) = (weight, cold::Body::Hot(snapshot));
            }
            return;
        };
        if published.seq <= shown.seq {
            return;
        }
        if self.recovering && self.from_store {
            // Made anew from the actor when the journal has been read: once, instead of once for each event.
            shown.pass_over(published);
            if !std::mem::replace(&mut shown.stale, true) {
                self.stale.push(address);
            }
            return;
        }
        let is_there = shown.body.hot().is_some() || self.warm(published);
        let Some(shown) = self.shown.get_mut(&address) else { return };
        shown.pass_over(published);
        let Some(snapshot) = shown.body.hot_mut().filter(|_| is_there) else { return };
        for event in &published.events {
            snapshot.apply(event, &published.stamp);
        }
        if let Snapshot::Order(order) = snapshot {
            self.orders.note(order);
        }
    }

    fn place(&mut self, address: ActorAddress, snapshot: &Snapshot, seq: u64, channel_seq: u64) {
        self.lists.insert(&address, snapshot);
        if let Snapshot::Order(order) = snapshot {
            self.orders.note(order);
        }
        let order = self.next_order;
        self.next_order += 1;
        self.shown.insert(
            address,
            Shown {
                body: cold::Body::Cold(cold::Card::Account),
                weight: 0,
                market: market_of(snapshot),
                is_candle: matches!(snapshot, Snapshot::Lot(lot) if lot.format == Format::Candle),
                stale: false,
                seq,
                channel_seq,
                order,
                history: history::History::default(),
                history_noted: false,
                on_board: false,
            },
        );
    }

    /// What is shown of an actor.
    fn of(&self, id: impl Into<ActorAddress>) -> Option<&Shown> {
        self.shown.get(&id.into())
    }

    fn market_of(&self, address: &ActorAddress) -> Option<MarketId> {
        self.shown.get(address).map(|shown| shown.market)
    }

    /// The links that are up.
    #[must_use]
    pub fn links(&self) -> &[LinkId] {
        &self.links
    }

    /// A link has come.
    pub fn link_up(&mut self, link: LinkId) {
        self.links.push(link);
        // An empty outbox brings it a pulse at once: it learns how far the events have come.
        self.out.entry(link).or_default();
    }

    /// A link has gone: nothing more is sent on it.
    pub fn link_down(&mut self, link: LinkId) {
        self.links.retain(|other| *other != link);
        self.sign_outs.forget(link);
        self.out.remove(&link);
        let (left, time) = (&mut self.left, self.time);
        self.followers.retain(|channel, links| {
            links.retain(|other| *other != link);
            if links.is_empty() {
                left.insert(*channel, time);
            }
            !links.is_empty()
        });
    }

    /// Takes a question.
    pub fn query(&mut self, link: LinkId, item: QueryItem) {
        let waits = item.min_position > self.position && !mutant("read_before_write");
        if waits && self.waiting_count < WAITING_MAX {
            self.waiting_count += 1;
            self.waiting.entry(item.min_position).or_default().push(Waiting::Query(link, item));
        } else {
            self.answer(link, &item);
        }
    }

    /// Begins or ends to tell a channel's events to a link.
    pub fn follow(&mut self, link: LinkId, item: vendue_protocol::link::FollowItem) {
        if item.follow && item.min_position > self.position && self.waiting_count < WAITING_MAX {
            self.waiting_count += 1;
            self.waiting.entry(item.min_position).or_default().push(Waiting::Follow(link, item));
        } else {
            self.change_following(link, &item);
        }
    }

    /// A question for whose answer the state store is ahead: it is asked again after the next decision, which is on its way.
    fn ask_later(&mut self, waiting: Waiting) {
        self.waiting_count += 1;
        self.waiting.entry(self.position + 1).or_default().push(waiting);
    }

    fn answer_waiting(&mut self) {
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() > self.position {
                return;
            }
            let due = entry.remove();
            self.waiting_count -= due.len();
            for waiting in due {
                match waiting {
                    Waiting::Query(link, item) => self.answer(link, &item),
                    Waiting::Follow(link, item) => self.change_following(link, &item),
                }
            }
        }
    }

    fn reply(&mut self, link: LinkId, item: &ReplyItem<'_>) {
        self.out.entry(link).or_default().replies.item(|out| item.encode(out));
    }

    fn refuse(&mut self, link: LinkId, request: u64, why: vendue_protocol::link::NotExecuted, message: &str) {
        let reply = Reply::NotExecuted { why, retry_after_ms: 0, message };
        self.reply(link, &ReplyItem { request, reply });
    }

    /// Ends a round: for each link the bytes to send, replies first, events, then how far the events have come. With
    /// `pulse` every link gets one, whatever there was to say.
    pub fn finish(
        &mut self,
        now: Timestamp,
        durable: u64,
        pulse: bool,
        mut send: impl FnMut(LinkId, Vec<u8>),
    ) {
        if pulse {
            let horizon = Timestamp(self.time.0 - follow::LEFT_US);
            self.left.retain(|_, left| *left > horizon);
        }
        for &link in &self.links {
            let outbox = self.out.remove(&link);
            if outbox.is_none() && !pulse && !self.sign_outs.is_news(link) {
                continue;
            }
            let signed_out = self.sign_outs.take(link);
            let published = Pulse { time: now, durable, published: self.position, signed_out };
            let Outbox { replies, events } = outbox.unwrap_or_default();
            // A snapshot goes before the events that follow it: replies first.
            let mut bytes = replies.finish();
            bytes.extend_from_slice(&events.finish());
            write_record_frame(&mut bytes, FrameKind::Pulse, &published);
            send(link, bytes);
        }
        self.out.clear();
    }

    /// Every actor's snapshot and sequence number, hashed in the order of their addresses.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let mut addresses: Vec<_> = self.shown.keys().copied().collect();
        addresses.sort_unstable();
        let mut bytes = Vec::new();
        for address in addresses {
            if let Some(shown) = self.shown.get(&address) {
                bytes.extend_from_slice(&address.id.0);
                bytes.extend_from_slice(&shown.seq.to_le_bytes());
                bytes.extend_from_slice(&shown.channel_seq.to_le_bytes());
                match self.snapshot_of(&address, shown) {
                    Ok(snapshot) => drop(rmp_serde::encode::write_named(&mut bytes, &*snapshot)),
                    Err(_) => bytes.push(0),
                }
            }
        }
        xxhash_rust::xxh3::xxh3_64(&bytes)
    }
}

/// The market that something belongs to; an account belongs to the platform.
pub(crate) fn market_of(snapshot: &Snapshot) -> MarketId {
    match snapshot {
        Snapshot::Market(market) => market.market,
        Snapshot::Account(_) => MarketId::PLATFORM,
        Snapshot::Sale(sale) => sale.market,
        Snapshot::Lot(lot) => lot.market,
        Snapshot::Stock(stock) => stock.market,
        Snapshot::Order(order) => order.market,
        Snapshot::Book(book) => book.market,
    }
}

/// The channel of an actor's public events; accounts and sales have none of their own.
pub(crate) fn channel_of(address: &ActorAddress) -> Option<Channel> {
    match address.kind {
        ActorKind::Lot => Some(Channel::Lot(LotId(address.id))),
        ActorKind::Stock => Some(Channel::Stock(vendue_domain::id::StockId(address.id))),
        ActorKind::Book => Some(Channel::Book(vendue_domain::id::BookId(address.id))),
        ActorKind::Market | ActorKind::Account | ActorKind::Sale | ActorKind::Order => None,
    }
}
