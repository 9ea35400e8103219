//! A stock item's state: counters, live reservations, what each account has.

use std::collections::{BTreeSet, VecDeque};

use hashbrown::HashMap;

use super::{
    Counters, ReservationClosed, ReservationEnd, StockCreated, StockEvent, StockListing, StockSnapshot,
};
use crate::actor::Events;
use crate::id::{AccountId, ReservationId, StockId};
use crate::record::{Field, Reader, RecordError};
use crate::time::Timestamp;

crate::record! {
    /// Units set aside for an account.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(super) struct Reservation {
        1 => pub(super) id: ReservationId,
        2 => pub(super) account: AccountId,
        3 => pub(super) quantity: u64,
        4 => pub(super) expires_at: Timestamp,
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
    }
}

/// A stock item's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Stock {
    pub(super) id: StockId,
    pub(super) owner: AccountId,
    pub(super) listing: Box<StockListing>,
    pub(super) on_hand: u64,
    pub(super) allocated: u64,
    /// The sum of the live reservations (I26).
    pub(super) reserved: u64,
    pub(super) reservations: HashMap<ReservationId, Reservation>,
    /// The live reservations by their ends.
    pub(super) expiries: BTreeSet<(Timestamp, ReservationId)>,
    /// Units reserved and bought by account; kept only where there is a limit.
    pub(super) taken: HashMap<AccountId, u64>,
    /// The latest ended reservations, oldest first.
    pub(super) ended: VecDeque<Ended>,
    pub(super) channel_seq: u64,
    pub(super) content: u64,
}

impl Counters {
    /// The counters of these quantities; `available` is 0 where the formula gives less.
    #[must_use]
    pub fn new(on_hand: u64, allocated: u64, reserved: u64, threshold: i64) -> Self {
        let available = available(on_hand, allocated, reserved, threshold);
        Self { on_hand, allocated, reserved, available: u64::try_from(available).unwrap_or(0) }
    }
}

/// `on_hand - allocated - reserved - threshold`, which may be below 0 where a rule asks "what if".
#[must_use]
pub(super) fn available(on_hand: u64, allocated: u64, reserved: u64, threshold: i64) -> i128 {
    i128::from(on_hand) - i128::from(allocated) - i128::from(reserved) - i128::from(threshold)
}

impl Stock {
    pub(super) fn new(created: &StockCreated, owner: AccountId) -> Self {
        Self {
            id: created.stock,
            owner,
            listing: Box::new(created.listing.clone()),
            on_hand: created.on_hand,
            allocated: 0,
            reserved: 0,
            reservations: HashMap::new(),
            expiries: BTreeSet::new(),
            taken: HashMap::new(),
            ended: VecDeque::new(),
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
        Counters::new(self.on_hand, self.allocated, self.reserved, self.listing.threshold)
    }

    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.expiries.first().map(|&(expires_at, _)| expires_at)
    }

    /// The expiries that are due at `now`, at most `max`, as events, and the units they give back.
    pub(super) fn expiries(&self, now: Timestamp, max: usize) -> (Events<StockEvent>, u64) {
        let mut given_back = 0;
        let mut events = Events::new();
        for &(expires_at, id) in self.expiries.iter().take(max) {
            if expires_at > now {
                break;
            }
            let Some(reservation) = self.reservations.get(&id) else { continue };
            given_back += reservation.quantity;
            let reserved = self.reserved - given_back;
            events.push(StockEvent::Closed(ReservationClosed {
                reservation: id,
                account: reservation.account,
                quantity: reservation.quantity,
                end: ReservationEnd::Expired,
                counters: Counters::new(self.on_hand, self.allocated, reserved, self.listing.threshold),
            }));
        }
        (events, given_back)
    }

    /// What anybody may know of this stock item.
    #[must_use]
    pub fn snapshot(&self) -> StockSnapshot {
        StockSnapshot::new(self.id, &self.listing, self.counters())
    }

    fn kept(&self) -> Kept {
        let mut reservations: Vec<_> = self.reservations.values().copied().collect();
        reservations.sort_unstable_by_key(|reservation| reservation.id);
        let mut taken: Vec<_> =
            self.taken.iter().map(|(&account, &quantity)| Taken { account, quantity }).collect();
        taken.sort_unstable_by_key(|taken| taken.account);
        Kept {
            id: self.id,
            owner: self.owner,
            listing: self.listing.clone(),
            on_hand: self.on_hand,
            allocated: self.allocated,
            reservations,
            taken,
            ended: self.ended.iter().copied().collect(),
            channel_seq: self.channel_seq,
            content: self.content,
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
        Ok(Self {
            id: kept.id,
            owner: kept.owner,
            listing: kept.listing,
            on_hand: kept.on_hand,
            allocated: kept.allocated,
            reserved,
            expiries: kept.reservations.iter().map(|live| (live.expires_at, live.id)).collect(),
            reservations: kept.reservations.into_iter().map(|live| (live.id, live)).collect(),
            taken: kept.taken.into_iter().map(|taken| (taken.account, taken.quantity)).collect(),
            ended: kept.ended.into(),
            channel_seq: kept.channel_seq,
            content: kept.content,
        })
    }
}
