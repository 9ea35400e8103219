//! A stock item's state: counters, live reservations, the orders' allocations, what each account has.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::expiries::Expiries;
use super::levels::{Kind, Levels, available};
use super::{
    Counters, LocationCounters, Part, ReservationClosed, ReservationEnd, StockCreated, StockEvent,
    StockListing, StockSnapshot,
};
use crate::actor::Events;
use crate::id::{AccountId, OrderId, ReservationId, StockId};
use crate::record::{Field, Reader, RecordError};
use crate::time::Timestamp;

/// A line of an order: its place in it.
pub(super) type OrderLineName = (OrderId, u32);

crate::record! {
    /// Units set aside for an account.
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Reservation {
        1 => pub(super) id: ReservationId,
        2 => pub(super) account: AccountId,
        3 => pub(super) quantity: u64,
        4 => pub(super) expires_at: Timestamp,
        /// Where they lie; none where the item has one location.
        5 => pub(super) parts: Vec<Part>,
        /// The order's line that it belongs to: its account can end it only by cancelling that.
        6 => pub(super) line: Option<OrderLineName>,
    }
}

crate::record! {
    /// Units of a paid line.
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Allocation {
        1 => pub(super) line: OrderLineName,
        2 => pub(super) account: AccountId,
        /// In all, without what was given back.
        3 => pub(super) quantity: u64,
        4 => pub(super) shipped: u64,
        5 => pub(super) returned: u64,
        /// Where those lie that have not been shipped; none where the item has one location.
        6 => pub(super) parts: Vec<Part>,
    }
}

impl Allocation {
    pub(super) const fn unshipped(&self) -> u64 {
        self.quantity - self.shipped
    }
}

crate::record! {
    /// A reservation that has ended, remembered to say how.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(super) struct Ended {
        1 => pub(super) id: ReservationId,
        2 => pub(super) end: ReservationEnd,
        3 => pub(super) at: Timestamp,
    }
}

crate::record! {
    /// What one account has taken: reserved and bought.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Taken { 1 => account: AccountId, 2 => quantity: u64 }
}

crate::record! {
    /// Units that ever came and went, modulo 2^64: `on_hand = initial + received - shipped - written_off + returned` (I24).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Tally {
        1 => pub initial: u64,
        /// Also what a count found beyond the books.
        2 => pub received: u64,
        3 => pub shipped: u64,
        4 => pub written_off: u64,
        5 => pub returned: u64,
    }
}

impl Tally {
    /// The units that must be at hand.
    #[must_use]
    pub const fn on_hand(&self) -> u64 {
        self.initial
            .wrapping_add(self.received)
            .wrapping_sub(self.shipped)
            .wrapping_sub(self.written_off)
            .wrapping_add(self.returned)
    }
}

crate::record! {
    /// The bytes of a stock item's state. Lists are sorted, so that equal states are equal bytes (I6).
    struct Kept {
        1 => id: StockId,
        2 => owner: AccountId,
        3 => listing: Box<StockListing>,
        4 => on_hand: u64,
        5 => allocated: u64,
        6 => reservations: Vec<Reservation>,
        7 => taken: Vec<Taken>,
        8 => ended: Vec<Ended>,
        9 => channel_seq: u64,
        10 => content: u64,
        11 => locations: Vec<LocationCounters>,
        12 => allocations: Vec<Allocation>,
        13 => tally: Tally,
    }
}

/// A stock item's state.
#[derive(Debug, Clone)]
pub struct Stock {
    pub(super) id: StockId,
    pub(super) owner: AccountId,
    pub(super) listing: Box<StockListing>,
    pub(super) levels: Levels,
    pub(super) reservations: HashMap<ReservationId, Reservation>,
    /// The live reservations by their ends.
    pub(super) expiries: Expiries,
    pub(super) allocations: HashMap<OrderLineName, Allocation>,
    /// Units reserved and bought by account; kept only where there is a limit.
    pub(super) taken: HashMap<AccountId, u64>,
    /// The latest ended reservations, oldest first.
    pub(super) ended: VecDeque<Ended>,
    pub(super) tally: Tally,
    pub(super) channel_seq: u64,
    pub(super) content: u64,
}

impl StockCreated {
    pub(super) fn location_counters(&self) -> Vec<LocationCounters> {
        let at = |&on_hand: &u64| LocationCounters { on_hand, ..LocationCounters::default() };
        self.at_locations.iter().map(at).collect()
    }
}

impl Stock {
    pub(super) fn new(created: &StockCreated, owner: AccountId) -> Self {
        Self {
            id: created.stock,
            owner,
            listing: Box::new(created.listing.clone()),
            levels: Levels {
                on_hand: created.on_hand,
                allocated: 0,
                reserved: 0,
                threshold: created.listing.threshold,
                locations: created.location_counters(),
            },
            reservations: HashMap::new(),
            expiries: Expiries::default(),
            allocations: HashMap::new(),
            taken: HashMap::new(),
            ended: VecDeque::new(),
            tally: Tally { initial: created.on_hand, ..Tally::default() },
            channel_seq: 0,
            content: created.content,
        }
    }

    /// The reservations that have not ended.
    pub fn live_reservations(&self) -> impl Iterator<Item = ReservationId> + '_ {
        self.reservations.keys().copied()
    }

    /// The counters as they stand.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.levels.counters()
    }

    /// The quantities of each location, in the order of the item's list; none where it has one.
    #[must_use]
    pub fn locations(&self) -> &[LocationCounters] {
        &self.levels.locations
    }

    /// Units kept back from sale; negative: the depth of back-orders.
    #[must_use]
    pub fn threshold(&self) -> i64 {
        self.levels.threshold
    }

    /// Units that ever came and went (I24).
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// The units that are set aside, one number for each live reservation (I26).
    pub fn reserved_quantities(&self) -> impl Iterator<Item = u64> + '_ {
        self.reservations.values().map(|reservation| reservation.quantity)
    }

    /// The units of paid lines, in all and shipped: (order, line, quantity, shipped) (I27).
    pub fn allocations(&self) -> impl Iterator<Item = (OrderId, u32, u64, u64)> + '_ {
        self.allocations.values().map(|one| (one.line.0, one.line.1, one.quantity, one.shipped))
    }

    /// The lines of orders that have units set aside (I28).
    pub fn reserved_lines(&self) -> impl Iterator<Item = (OrderId, u32)> + '_ {
        self.reservations.values().filter_map(|reservation| reservation.line)
    }

    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.expiries.first()
    }

    /// The expiries that are due at `now`, at most `max`, as events, and the quantities after them.
    #[inline]
    pub(super) fn expiries(&self, now: Timestamp, max: usize) -> (Events<StockEvent>, Levels) {
        let mut after = self.levels.clone();
        let mut events = Events::new();
        if self.expiries.first().is_none_or(|first| first > now) {
            return (events, after);
        }
        for (expires_at, id) in self.expiries.due(now) {
            let live = self.reservations.get(&id).filter(|live| live.expires_at == expires_at);
            let Some(reservation) = live else { continue };
            if events.len() >= max {
                break;
            }
            after.take(Kind::Reserved, reservation.quantity, &reservation.parts);
            events.push(StockEvent::Closed(ReservationClosed {
                reservation: id,
                account: reservation.account,
                quantity: reservation.quantity,
                end: ReservationEnd::Expired,
                counters: after.counters(),
                split: after.split(&[]),
            }));
        }
        (events, after)
    }

    /// What anybody may know of this stock item.
    #[must_use]
    pub fn snapshot(&self) -> StockSnapshot {
        StockSnapshot::new(self.id, &self.listing, self.counters(), &self.levels.locations)
    }

    fn kept(&self) -> Kept {
        let mut reservations: Vec<_> = self.reservations.values().cloned().collect();
        reservations.sort_unstable_by_key(|reservation| reservation.id);
        let mut allocations: Vec<_> = self.allocations.values().cloned().collect();
        allocations.sort_unstable_by_key(|allocation| allocation.line);
        let mut taken: Vec<_> =
            self.taken.iter().map(|(&account, &quantity)| Taken { account, quantity }).collect();
        taken.sort_unstable_by_key(|taken| taken.account);
        Kept {
            id: self.id,
            owner: self.owner,
            listing: self.listing.clone(),
            on_hand: self.levels.on_hand,
            allocated: self.levels.allocated,
            reservations,
            taken,
            ended: self.ended.iter().copied().collect(),
            channel_seq: self.channel_seq,
            content: self.content,
            locations: self.levels.locations.clone(),
            allocations,
            tally: self.tally,
        }
    }
}

impl Field for Stock {
    fn encode(&self, out: &mut Vec<u8>) {
        self.kept().encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let kept = Kept::decode(input)?;
        let quantities = kept.reservations.iter().map(|reservation| reservation.quantity);
        let reserved = quantities.fold(0, u64::saturating_add);
        if available(kept.on_hand, kept.allocated, reserved, kept.listing.threshold) < 0 {
            return Err(RecordError::Invalid("0 <= available (I23)"));
        }
        if kept.allocations.iter().any(|one| one.shipped > one.quantity || one.returned > one.shipped) {
            return Err(RecordError::Invalid("returned <= shipped <= allocated"));
        }
        Ok(Self {
            id: kept.id,
            owner: kept.owner,
            levels: Levels {
                on_hand: kept.on_hand,
                allocated: kept.allocated,
                reserved,
                threshold: kept.listing.threshold,
                locations: kept.locations,
            },
            listing: kept.listing,
            expiries: kept.reservations.iter().map(|live| (live.expires_at, live.id)).collect(),
            reservations: kept.reservations.into_iter().map(|live| (live.id, live)).collect(),
            allocations: kept.allocations.into_iter().map(|one| (one.line, one)).collect(),
            taken: kept.taken.into_iter().map(|taken| (taken.account, taken.quantity)).collect(),
            ended: kept.ended.into(),
            tally: kept.tally,
            channel_seq: kept.channel_seq,
            content: kept.content,
        })
    }
}
