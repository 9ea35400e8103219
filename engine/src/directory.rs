//! What the shards of a cell share: which stock item a reservation belongs to (of live reservations only), and the
//! board of effects under way.
//!
//! A reservation's id is derived from the command that made it, not from its stock; `stock.release {reservation}` names
//! only the former. Entries are made when the reservation is decided (before anybody hears of it) and removed when it
//! ends.

use dashmap::DashMap;
use vendue_domain::actor::{ActorAddress, Command, Event};
use vendue_domain::context::Stamp;
use vendue_domain::id::{AccountId, Id, ReservationId, StockId};
use vendue_domain::lot::won_order;

use vendue_domain::order::OrderCommand;

use crate::effects::EffectBoard;

/// What the shards of a cell share.
#[derive(Debug, Default)]
pub struct Directory {
    reservations: DashMap<ReservationId, StockId>,
    /// Effects under way, for operators.
    pub effects: EffectBoard,
}

impl Directory {
    /// Takes note of what the events of a stock item mean for its reservations.
    #[inline]
    pub fn note(&self, id: Id, events: &[Event], stamp: &Stamp) {
        for event in events {
            if let Event::Stock(event) = event {
                match event.reservation(stamp) {
                    Some((reservation, true)) => drop(self.reservations.insert(reservation, StockId(id))),
                    Some((reservation, false)) => drop(self.reservations.remove(&reservation)),
                    None => {}
                }
            }
        }
    }

    /// Recovery: a live reservation of a stored stock item.
    pub fn insert(&self, reservation: ReservationId, stock: StockId) {
        self.reservations.insert(reservation, stock);
    }

    /// Fills in the stock item of a command that names only a reservation; the target, where there is one.
    pub fn resolve(&self, command: &mut Command) -> Option<ActorAddress> {
        let Command::Stock(command) = command else { return None };
        let (reservation, stock) = command.reservation_mut()?;
        let found = *self.reservations.get(&reservation)?;
        *stock = Some(found);
        Some(found.into())
    }

    /// Fills in what an order's lines name only by a reservation (its stock item) or a won lot (the buyer's order of it).
    pub fn fill(&self, command: &mut Command, by: AccountId) {
        let Command::Order(OrderCommand::Place(place)) = command else { return };
        place.found = place
            .lines
            .iter()
            .map(|line| match (line.reservation, line.lot) {
                (Some(reservation), _) => {
                    self.reservations.get(&reservation).map(|stock| ActorAddress::from(*stock))
                }
                (None, Some(lot)) => Some(won_order(lot, by).into()),
                (None, None) => None,
            })
            .collect();
    }
}
