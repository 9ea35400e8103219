//! Snapshots that memory has let go of.
//!
//! What has changed since the last checkpoint is in memory, and of the rest what changed last, up to `views_memory_bytes`.
//! Of the others the views keep a card, with what lists sort and search by; their snapshots are made from the state store
//! when somebody reads them (one block, some microseconds). Markets, sales and books are few and always in memory.
//!
//! The store may be *ahead*: a checkpoint holds an actor's state as soon as its record is durable, and the views take the
//! record in a moment later. Nobody is shown a state whose events the views have not told: such a question waits.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use vendue_domain::actor::{ActorAddress, Entity, Snapshot};
use vendue_domain::lot::{Format, LotSnapshot};
use vendue_domain::order::OrderState;
use vendue_domain::stock::StockSnapshot;
use vendue_domain::time::Timestamp;
use vendue_protocol::link::NotExecuted;
use vendue_storage::StateStore;

use super::answer::Refusal;
use super::{Shown, Views};
use crate::recovery::actor_key;
use crate::shard::read_stored;
use crate::unit::Published;

/// What is in memory of an actor's snapshot.
pub(super) enum Body {
    /// All of it.
    Hot(Snapshot),
    /// What lists need; the rest is in the state store.
    Cold(Card),
}

/// What lists need of an actor.
pub(super) enum Card {
    Lot(Box<LotCard>),
    Stock(Box<StockCard>),
    Order(OrderCard),
    Account,
}

pub(super) struct LotCard {
    title: Box<str>,
    category: Option<Box<str>>,
    reference: Option<Box<str>>,
    line: LotNumbers,
}

/// What lots are sorted and chosen by, beside their words.
#[derive(Clone, Copy)]
pub(super) struct LotNumbers {
    pub(super) format: Format,
    pub(super) state: &'static str,
    pub(super) sale: Option<vendue_domain::id::SaleId>,
    pub(super) number: Option<u32>,
    pub(super) ends_at: Option<Timestamp>,
    pub(super) price: u64,
    pub(super) bids: u32,
}

/// A lot as a list looks at it.
pub(super) struct LotLine<'a> {
    pub(super) title: &'a str,
    pub(super) category: Option<&'a str>,
    pub(super) reference: Option<&'a str>,
    pub(super) numbers: LotNumbers,
}

pub(super) struct StockCard {
    title: Box<str>,
    category: Option<Box<str>>,
}

#[derive(Clone, Copy)]
pub(super) struct OrderCard {
    pub(super) placed_at: Timestamp,
    pub(super) state: OrderState,
}

impl LotNumbers {
    fn of(lot: &LotSnapshot) -> Self {
        Self {
            format: lot.format,
            state: lot.state,
            sale: lot.sale,
            number: lot.number,
            ends_at: lot.ends_at,
            price: lot.price.map_or(0, |price| price.get()),
            bids: lot.bids,
        }
    }
}

impl Card {
    /// The card of a snapshot; `None` for kinds that always stay in memory.
    fn of(snapshot: &Snapshot) -> Option<Self> {
        let boxed = |text: &Option<String>| text.as_deref().map(Box::from);
        match snapshot {
            Snapshot::Lot(lot) => Some(Self::Lot(Box::new(LotCard {
                title: lot.title.as_str().into(),
                category: boxed(&lot.category),
                reference: boxed(&lot.r#ref),
                line: LotNumbers::of(lot),
            }))),
            Snapshot::Stock(stock) => Some(Self::Stock(Box::new(StockCard {
                title: stock.title.as_str().into(),
                category: boxed(&stock.category),
            }))),
            Snapshot::Order(order) => {
                Some(Self::Order(OrderCard { placed_at: order.placed_at(), state: order.state() }))
            }
            Snapshot::Account(_) => Some(Self::Account),
            Snapshot::Market(_) | Snapshot::Sale(_) | Snapshot::Book(_) => None,
        }
    }
}

impl Body {
    pub(super) const fn hot(&self) -> Option<&Snapshot> {
        match self {
            Self::Hot(snapshot) => Some(snapshot),
            Self::Cold(_) => None,
        }
    }

    pub(super) const fn hot_mut(&mut self) -> Option<&mut Snapshot> {
        match self {
            Self::Hot(snapshot) => Some(snapshot),
            Self::Cold(_) => None,
        }
    }

    pub(super) fn lot(&self) -> Option<LotLine<'_>> {
        match self {
            Self::Hot(Snapshot::Lot(lot)) => Some(LotLine {
                title: &lot.title,
                category: lot.category.as_deref(),
                reference: lot.r#ref.as_deref(),
                numbers: LotNumbers::of(lot),
            }),
            Self::Cold(Card::Lot(card)) => Some(LotLine {
                title: &card.title,
                category: card.category.as_deref(),
                reference: card.reference.as_deref(),
                numbers: card.line,
            }),
            _ => None,
        }
    }

    /// A stock item's title and category.
    pub(super) fn stock(&self) -> Option<(&str, Option<&str>)> {
        match self {
            Self::Hot(Snapshot::Stock(stock)) => Some((&stock.title, stock.category.as_deref())),
            Self::Cold(Card::Stock(card)) => Some((&card.title, card.category.as_deref())),
            _ => None,
        }
    }

    pub(super) fn order(&self) -> Option<OrderCard> {
        match self {
            Self::Hot(Snapshot::Order(order)) => {
                Some(OrderCard { placed_at: order.placed_at(), state: order.state() })
            }
            Self::Cold(Card::Order(card)) => Some(*card),
            _ => None,
        }
    }
}

/// About how many bytes a snapshot takes: its struct and its texts. The rest is small beside them.
pub(super) fn weight(snapshot: &Snapshot) -> u32 {
    let texts =
        |texts: &[&Option<String>]| texts.iter().map(|text| text.as_ref().map_or(0, String::len)).sum();
    let bytes = match snapshot {
        Snapshot::Lot(lot) => {
            let more: usize = texts(&[&lot.description, &lot.category, &lot.r#ref, &lot.reason]);
            let images: usize = lot.images.iter().map(|image| image.len() + size_of::<String>()).sum();
            size_of::<LotSnapshot>() + lot.title.len() + more + images + 64 * lot.winners.len()
        }
        Snapshot::Stock(stock) => {
            let more: usize = texts(&[&stock.description, &stock.category, &stock.r#ref]);
            size_of::<StockSnapshot>() + stock.title.len() + more + 48 * stock.locations.len()
        }
        Snapshot::Order(order) => 1_024 + 256 * order.parties().count(),
        Snapshot::Account(_) => 512,
        Snapshot::Market(_) | Snapshot::Sale(_) | Snapshot::Book(_) => 1_024,
    };
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// What is in memory, and what may leave it.
#[derive(Default)]
pub(super) struct Warmth {
    /// Where cold snapshots are read; without it nothing leaves memory.
    store: Option<Arc<dyn StateStore>>,
    /// About how many bytes of snapshots are in memory, and how many they are.
    bytes: u64,
    count: usize,
    /// What the state store holds at this sequence number, in the order in which it was stored: unchanged, it may leave.
    stored: VecDeque<(ActorAddress, u64)>,
}

/// Beyond twice as many notes as snapshots, and these, the notes that are out of date are dropped.
const STORED_SPARE: usize = 4_096;

impl Warmth {
    pub(super) fn add(&mut self, weight: u32) {
        self.bytes += u64::from(weight);
        self.count += 1;
    }

    fn remove(&mut self, weight: u32) {
        self.bytes = self.bytes.saturating_sub(u64::from(weight));
        self.count = self.count.saturating_sub(1);
    }
}

impl Views {
    /// From now on snapshots may leave memory: they are read from this store again, in which they are.
    pub fn read_from(&mut self, store: Arc<dyn StateStore>) {
        self.warmth.store = Some(store);
    }

    /// About how many bytes the snapshots in memory take, and how many they are.
    #[must_use]
    pub const fn in_memory(&self) -> (u64, usize) {
        (self.warmth.bytes, self.warmth.count)
    }

    /// How many actors the views know.
    #[must_use]
    pub fn known(&self) -> usize {
        self.shown.len()
    }

    /// Recovery: what is kept of a stored snapshot, and its weight.
    pub(super) fn stored_body(&mut self, snapshot: Snapshot) -> (Body, u32) {
        match Card::of(&snapshot).filter(|_| self.warmth.store.is_some()) {
            Some(card) => (Body::Cold(card), 0),
            None => {
                let weight = weight(&snapshot);
                self.warmth.add(weight);
                (Body::Hot(snapshot), weight)
            }
        }
    }

    /// The state store holds these actors at these sequence numbers: over the budget, those that were stored longest ago
    /// and have not changed since leave memory.
    pub fn stored(&mut self, stored: &[(ActorAddress, u64)]) {
        if self.warmth.store.is_none() {
            return;
        }
        self.warmth.stored.extend(stored);
        while self.warmth.bytes > self.options.views_memory_bytes {
            let Some((address, seq)) = self.warmth.stored.pop_front() else { break };
            if let Some(shown) = self.shown.get_mut(&address).filter(|shown| shown.seq == seq)
                && let Some(card) = shown.body.hot().and_then(Card::of)
            {
                shown.body = Body::Cold(card);
                self.warmth.remove(shown.weight);
            }
        }
        if self.warmth.stored.len() > 2 * self.warmth.count + STORED_SPARE {
            let known = &self.shown;
            let is_good = |(address, seq): &(ActorAddress, u64)| {
                known.get(address).is_some_and(|shown| shown.seq == *seq && shown.body.hot().is_some())
            };
            self.warmth.stored.retain(is_good);
        }
    }

    /// What the state store holds of an actor.
    fn load(&self, address: &ActorAddress) -> Option<(u64, Entity)> {
        let found = self.warmth.store.as_ref()?.load(&actor_key(address));
        let why = match found {
            Ok(Some(value)) => match read_stored(address, &value) {
                Ok(found) => return Some(found),
                Err(error) => error.to_string(),
            },
            Ok(None) => "it is not there".to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::error!(actor = %address, why, "a snapshot cannot be read from the state store");
        None
    }

    /// An actor's snapshot, as far as the views have come.
    pub(super) fn snapshot_of<'a>(
        &self,
        address: &ActorAddress,
        shown: &'a Shown,
    ) -> Result<Cow<'a, Snapshot>, Refusal> {
        if let Body::Hot(snapshot) = &shown.body {
            return Ok(Cow::Borrowed(snapshot));
        }
        let internal = || Refusal::No(NotExecuted::Internal, "");
        let (seq, entity) = self.load(address).ok_or_else(internal)?;
        match seq.cmp(&shown.seq) {
            Ordering::Equal => Ok(Cow::Owned(entity.snapshot())),
            Ordering::Greater => Err(Refusal::Later),
            Ordering::Less => {
                tracing::error!(actor = %address, stored = seq, told = shown.seq, "the state store is behind a snapshot that left memory");
                Err(internal())
            }
        }
    }

    /// Something happens to an actor whose snapshot is not in memory: it is read. `false` where the store is ahead and holds
    /// what happened: the snapshot stays where it is.
    pub(super) fn warm(&mut self, published: &Published) -> bool {
        let address = published.address;
        let loaded = self.load(&address);
        let Some(shown) = self.shown.get_mut(&address) else { return false };
        let Some((seq, entity)) = loaded else { return false };
        let snapshot = entity.snapshot();
        if seq == shown.seq {
            shown.weight = weight(&snapshot);
            self.warmth.add(shown.weight);
            shown.body = Body::Hot(snapshot);
            return true;
        }
        if seq >= published.seq
            && let Some(card) = Card::of(&snapshot)
        {
            if let Snapshot::Order(order) = &snapshot {
                self.orders.note(order);
            }
            shown.body = Body::Cold(card);
        }
        false
    }

    /// Recovery: the actors whose snapshots were passed over, because a checkpoint may be ahead of the record being read:
    /// each is given to [`Views::refresh`] when the journal has been read.
    pub fn take_stale(&mut self) -> Vec<ActorAddress> {
        std::mem::take(&mut self.stale)
    }

    /// Recovery: an actor's state when the journal has been read.
    pub fn refresh(&mut self, address: ActorAddress, entity: &Entity) {
        let snapshot = entity.snapshot();
        if let Snapshot::Order(order) = &snapshot {
            self.orders.note(order);
        }
        let Some(shown) = self.shown.get_mut(&address) else { return };
        if shown.body.hot().is_some() {
            self.warmth.remove(shown.weight);
        }
        shown.weight = weight(&snapshot);
        shown.stale = false;
        self.warmth.add(shown.weight);
        shown.body = Body::Hot(snapshot);
    }
}
