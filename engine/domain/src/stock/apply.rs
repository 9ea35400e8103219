//! The assignments of a stock item.

use super::state::{Ended, Reservation};
use super::{Counters, ReservationClosed, ReservationEnd, Reserved, Stock, StockEvent};
use crate::context::Stamp;
use crate::id::ReservationId;
use crate::limits::RESERVATIONS_ENDED_KEPT;
use crate::time::Timestamp;

impl Stock {
    pub(super) fn take_over(&mut self, event: &StockEvent, stamp: &Stamp) {
        self.channel_seq += event.public_count();
        match event {
            StockEvent::Created(_) => {}
            StockEvent::Received(event) | StockEvent::Adjusted(event) => self.set(event.counters),
            StockEvent::Reserved(event) => self.add(event, stamp),
            StockEvent::Extended(event) => self.move_expiry(event.reservation, event.expires_at),
            StockEvent::Closed(event) => self.close(event, stamp),
        }
    }

    fn set(&mut self, counters: Counters) {
        self.on_hand = counters.on_hand;
        self.allocated = counters.allocated;
        self.reserved = counters.reserved;
        debug_assert_eq!(counters, self.counters(), "I23");
    }

    fn add(&mut self, event: &Reserved, stamp: &Stamp) {
        let id = ReservationId::from_u128(stamp.command_id);
        let Reserved { quantity, expires_at, counters } = *event;
        self.reservations.insert(id, Reservation { id, account: stamp.by, quantity, expires_at });
        self.expiries.insert((expires_at, id));
        if self.listing.limit_per_account.is_some() {
            *self.taken.entry(stamp.by).or_default() += quantity;
        }
        self.set(counters);
    }

    fn move_expiry(&mut self, id: ReservationId, expires_at: Timestamp) {
        if let Some(reservation) = self.reservations.get_mut(&id) {
            self.expiries.remove(&(reservation.expires_at, id));
            reservation.expires_at = expires_at;
            self.expiries.insert((expires_at, id));
        }
    }

    fn close(&mut self, event: &ReservationClosed, stamp: &Stamp) {
        let Some(reservation) = self.reservations.remove(&event.reservation) else { return };
        self.expiries.remove(&(reservation.expires_at, reservation.id));
        // What is bought counts towards the account's limit; what is given back does not.
        if event.end != ReservationEnd::Committed {
            self.give_back(&reservation);
        }
        let at = if event.end == ReservationEnd::Expired { reservation.expires_at } else { stamp.time };
        if self.ended.len() >= RESERVATIONS_ENDED_KEPT {
            self.ended.pop_front();
        }
        self.ended.push_back(Ended { id: reservation.id, end: event.end, at });
        self.set(event.counters);
    }

    fn give_back(&mut self, reservation: &Reservation) {
        if let Some(taken) = self.taken.get_mut(&reservation.account) {
            *taken = taken.saturating_sub(reservation.quantity);
            if *taken == 0 {
                self.taken.remove(&reservation.account);
            }
        }
    }
}
