//! What the shards of a cell share: which stock item a reservation belongs to (of live reservations only), and the
//! board of effects under way.
//!
//! A reservation's id is derived from the command that made it, not from its stock; `stock.release {reservation}` names
//! only the former. Entries are made when the reservation is decided (before anybody hears of it) and removed when it
//! ends.

use dashmap::DashMap;
use vendue_domain::actor::{ActorAddress, Command, Event};
use vendue_domain::context::Stamp;
use vendue_domain::id::{AccountId, Id, LotId, ReservationId, StockId};
use vendue_domain::lot::{Format, LotCommand, Seed, won_order};

use vendue_domain::order::OrderCommand;

use crate::effects::EffectBoard;
use crate::keys::key_hash;

/// What the seed of a candle is the keyed hash of, beside its lot: longer than any client's key.
const SEED_KEY: &[u8] =
    b"the seed from which the end of this lot's candle is drawn, as nobody can know before";

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

    /// Fills in what the engine itself knows: of an order, below; of a candle, the seed of its end, which nobody can know
    /// who does not know the cell's secret, and which is the same however often its creation is sent.
    pub fn fill_own(&self, command: &mut Command, by: AccountId, secret: u128) {
        if let Command::Lot(LotCommand::Create(create)) = command {
            let lot = create.lot.filter(|_| create.format == Format::Candle);
            let seed = |lot: LotId| key_hash(secret, AccountId::default(), lot.into(), SEED_KEY);
            create.seed = lot.map(|lot| Seed(seed(lot)));
        }
        self.fill(command, by);
    }

    /// Fills in what an order's lines name only by a reservation (its stock item) or a won lot (the buyer's order of it).
    fn fill(&self, command: &mut Command, by: AccountId) {
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
