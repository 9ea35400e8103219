//! The assignments of a stock item.

use super::state::{Allocation, Ended, Reservation};
use super::{
    Allocated, LineMoved, LineName, OrderReserved, Part, ReservationClosed, ReservationEnd, Reserved, Split,
    Stock, StockAdjusted, StockEvent,
};
use crate::context::Stamp;
use crate::id::{AccountId, ReservationId};
use crate::limits::RESERVATIONS_ENDED_KEPT;
use crate::time::Timestamp;

impl Stock {
    pub(super) fn take_over(&mut self, event: &StockEvent, stamp: &Stamp) {
        self.channel_seq += event.public_count();
        match event {
            StockEvent::Created(_) | StockEvent::OrderRefused(_) => {}
            StockEvent::Received(event) | StockEvent::Adjusted(event) => self.count(event),
            StockEvent::Reserved(event) => self.add(event, stamp),
            StockEvent::Extended(event) => self.move_expiry(event.reservation, event.expires_at),
            StockEvent::Closed(event) => self.close(event, stamp),
            StockEvent::OrderReserved(event) => self.add_for_order(event),
            StockEvent::Allocated(event) => self.allocate(event, stamp),
            StockEvent::LineReleased(event) => self.release_line(event, stamp),
            StockEvent::Shipped(event) if crate::mutant("shipped_twice") => {
                self.tally.received = self.tally.received.wrapping_add(event.quantity);
                self.ship_line(event);
            }
            StockEvent::Shipped(event) => self.ship_line(event),
            StockEvent::Returned(event) => self.return_line(event),
            StockEvent::Finished(LineName { order, line }) => drop(self.allocations.remove(&(*order, *line))),
        }
        if let Some(counters) = event.counters() {
            self.levels.set(counters, event.split());
        }
    }

    fn count(&mut self, event: &StockAdjusted) {
        let quantity = event.quantity.unsigned_abs();
        let tally = if event.quantity < 0 { &mut self.tally.written_off } else { &mut self.tally.received };
        *tally = tally.wrapping_add(quantity);
    }

    fn add(&mut self, event: &Reserved, stamp: &Stamp) {
        let id = ReservationId::from_u128(stamp.command_id);
        let Reserved { quantity, expires_at, .. } = *event;
        let parts = parts(event.split.as_deref());
        self.insert(Reservation { id, account: stamp.by, quantity, expires_at, parts, line: None });
    }

    fn insert(&mut self, reservation: Reservation) {
        self.expiries.insert(reservation.expires_at, reservation.id);
        self.note_taken(reservation.account, reservation.quantity);
        self.reservations.insert(reservation.id, reservation);
    }

    fn add_for_order(&mut self, event: &OrderReserved) {
        let line = (event.order, event.line);
        if event.taken {
            self.move_expiry(event.reservation, event.expires_at);
            if let Some(reservation) = self.reservations.get_mut(&event.reservation) {
                reservation.line = Some(line);
            }
            return;
        }
        self.insert(Reservation {
            id: event.reservation,
            account: event.account,
            quantity: event.quantity,
            expires_at: event.expires_at,
            parts: parts(event.split.as_deref()),
            line: Some(line),
        });
    }

    fn move_expiry(&mut self, id: ReservationId, expires_at: Timestamp) {
        if let Some(reservation) = self.reservations.get_mut(&id) {
            // What has the same end already needs no second entry.
            if reservation.expires_at != expires_at {
                reservation.expires_at = expires_at;
                self.expiries.insert(expires_at, id);
                self.clean_expiries();
            }
        }
    }

    #[inline]
    fn clean_expiries(&mut self) {
        let live = &self.reservations;
        let is_live = |at, id: ReservationId| live.get(&id).is_some_and(|one| one.expires_at == at);
        self.expiries.clean(live.len(), is_live);
    }

    fn close(&mut self, event: &ReservationClosed, stamp: &Stamp) {
        let Some(reservation) = self.end(event.reservation, event.end, stamp.time) else { return };
        // What is bought counts towards the account's limit; what is given back does not.
        if event.end != ReservationEnd::Committed {
            self.give_back(reservation.account, reservation.quantity);
        }
    }

    fn end(&mut self, id: ReservationId, end: ReservationEnd, now: Timestamp) -> Option<Reservation> {
        let reservation = self.reservations.remove(&id)?;
        self.clean_expiries();
        let at = if end == ReservationEnd::Expired { reservation.expires_at } else { now };
        if self.ended.len() >= RESERVATIONS_ENDED_KEPT {
            self.ended.pop_front();
        }
        self.ended.push_back(Ended { id, end, at });
        Some(reservation)
    }

    fn allocate(&mut self, event: &Allocated, stamp: &Stamp) {
        let line = (event.order, event.line);
        match event.reservation {
            Some(reservation) => drop(self.end(reservation, ReservationEnd::Committed, stamp.time)),
            None => self.note_taken(event.account, event.quantity),
        }
        if event.quantity > 0 {
            let parts = parts(event.split.as_deref());
            let (account, quantity) = (event.account, event.quantity);
            self.allocations
                .insert(line, Allocation { line, account, quantity, shipped: 0, returned: 0, parts });
        }
    }

    fn release_line(&mut self, event: &LineMoved, stamp: &Stamp) {
        self.give_back(event.account, event.quantity);
        if let Some(reservation) = event.reservation {
            self.end(reservation, ReservationEnd::Released, stamp.time);
            return;
        }
        let line = (event.order, event.line);
        if let Some(allocation) = self.allocations.get_mut(&line) {
            allocation.quantity -= event.quantity;
            allocation.parts.clear();
            if allocation.quantity == 0 {
                self.allocations.remove(&line);
            }
        }
    }

    fn ship_line(&mut self, event: &LineMoved) {
        self.tally.shipped = self.tally.shipped.wrapping_add(event.quantity);
        if let Some(allocation) = self.allocations.get_mut(&(event.order, event.line)) {
            allocation.shipped = event.total;
            allocation.parts = parts(event.split.as_deref());
        }
    }

    fn return_line(&mut self, event: &LineMoved) {
        self.tally.returned = self.tally.returned.wrapping_add(event.quantity);
        self.give_back(event.account, event.quantity);
        if let Some(allocation) = self.allocations.get_mut(&(event.order, event.line)) {
            allocation.returned = event.total;
        }
    }

    fn note_taken(&mut self, account: AccountId, quantity: u64) {
        if self.listing.limit_per_account.is_some() {
            *self.taken.entry(account).or_default() += quantity;
        }
    }

    fn give_back(&mut self, account: AccountId, quantity: u64) {
        if let Some(taken) = self.taken.get_mut(&account) {
            *taken = taken.saturating_sub(quantity);
            if *taken == 0 {
                self.taken.remove(&account);
            }
        }
    }
}

fn parts(split: Option<&Split>) -> Vec<Part> {
    split.map(|split| split.parts.clone()).unwrap_or_default()
}
