//! Every stock item counted again from what came, went and was set aside.

use std::collections::BTreeMap;

use vendue_domain::actor::Event;
use vendue_domain::context::Stamp;
use vendue_domain::id::{AccountId, Id};
use vendue_domain::stock::{Counters, ReservationEnd, StockEvent};
use vendue_domain::time::Timestamp;
use vendue_engine::entry::Entry;

use super::Placed;
use crate::Broken;

#[derive(Debug)]
struct Reservation {
    account: AccountId,
    quantity: u64,
    expires_at: Timestamp,
    end: Option<ReservationEnd>,
}

/// A stock item as its journal tells it.
#[derive(Debug)]
struct Stock {
    threshold: i64,
    limit: Option<u64>,
    on_hand: i128,
    reservations: BTreeMap<u128, Reservation>,
    /// Units of paid lines that have not been shipped.
    allocated: u64,
    /// Units that accounts have bought, without what came back.
    bought: BTreeMap<AccountId, u64>,
}

impl Stock {
    /// The units of the reservations that ended so, or live (`None`).
    fn units(&self, end: Option<ReservationEnd>) -> u64 {
        let of = |reservation: &&Reservation| reservation.end == end;
        self.reservations.values().filter(of).map(|reservation| reservation.quantity).sum()
    }

    /// I23, I24, I26: the counters are what the reservations and deliveries give, and nothing is oversold.
    fn agrees(&self, told: Counters) -> Result<(), String> {
        let (reserved, allocated) = (self.units(None), self.allocated);
        let available =
            self.on_hand - i128::from(allocated) - i128::from(reserved) - i128::from(self.threshold);
        if available < 0 {
            return Err(format!("I23: oversold by {}: {told:?}", -available));
        }
        let counted = (self.on_hand, i128::from(allocated), i128::from(reserved), available);
        let claimed = (
            i128::from(told.on_hand),
            i128::from(told.allocated),
            i128::from(told.reserved),
            i128::from(told.available),
        );
        if counted == claimed { Ok(()) } else { Err(format!("I26: counted {counted:?}: {told:?}")) }
    }

    fn reserve(&mut self, id: u128, reservation: Reservation) -> Result<(), String> {
        let account = reservation.account;
        if self.reservations.insert(id, reservation).is_some() {
            return Err("I25: a reservation made twice".into());
        }
        let live = self.reservations.values().filter(|one| one.account == account && one.end.is_none());
        let taken = live.map(|one| one.quantity).sum::<u64>() + self.bought.get(&account).unwrap_or(&0);
        if self.limit.is_some_and(|limit| taken > limit) {
            return Err(format!("{account} holds {taken} of at most {:?}", self.limit));
        }
        Ok(())
    }

    fn live(&mut self, id: u128) -> Result<&mut Reservation, String> {
        let found = self.reservations.get_mut(&id).ok_or("I25: an unknown reservation")?;
        if found.end.is_some() { Err(format!("I25: ended before: {found:?}")) } else { Ok(found) }
    }

    fn end(&mut self, id: u128, end: ReservationEnd, stamp: &Stamp) -> Result<(), String> {
        let live = self.live(id)?;
        let is_due = stamp.time >= live.expires_at;
        // Only what is due expires, and what is due does nothing else (I29).
        if is_due != (end == ReservationEnd::Expired) {
            return Err(format!("I29: {live:?} at {:?}: {}", stamp.time, end.name()));
        }
        live.end = Some(end);
        Ok(())
    }

    fn give_back(&mut self, account: AccountId, quantity: u64) {
        let bought = self.bought.entry(account).or_default();
        *bought = bought.saturating_sub(quantity);
    }

    fn take(&mut self, event: &StockEvent, stamp: &Stamp) -> Result<(), String> {
        match event {
            StockEvent::Created(_) => return Err("created twice".into()),
            StockEvent::Received(event) | StockEvent::Adjusted(event) => {
                self.on_hand += i128::from(event.quantity);
            }
            StockEvent::Reserved(event) => {
                let (quantity, expires_at) = (event.quantity, event.expires_at);
                let made = Reservation { account: stamp.by, quantity, expires_at, end: None };
                self.reserve(stamp.command_id, made)?;
            }
            StockEvent::OrderReserved(event) if event.taken => {
                self.live(event.reservation.0.as_u128())?.expires_at = event.expires_at;
            }
            StockEvent::OrderReserved(event) => {
                let (account, quantity, expires_at) = (event.account, event.quantity, event.expires_at);
                let made = Reservation { account, quantity, expires_at, end: None };
                self.reserve(event.reservation.0.as_u128(), made)?;
            }
            StockEvent::Allocated(event) => {
                if let Some(reservation) = event.reservation {
                    self.end(reservation.0.as_u128(), ReservationEnd::Committed, stamp)?;
                }
                self.allocated += event.quantity;
                *self.bought.entry(event.account).or_default() += event.quantity;
            }
            StockEvent::LineReleased(event) => match event.reservation {
                Some(reservation) => self.end(reservation.0.as_u128(), ReservationEnd::Released, stamp)?,
                None => {
                    self.allocated -= event.quantity;
                    self.give_back(event.account, event.quantity);
                }
            },
            StockEvent::Shipped(event) => {
                self.on_hand -= i128::from(event.quantity);
                self.allocated -= event.quantity;
            }
            StockEvent::Returned(event) => {
                self.on_hand += i128::from(event.quantity);
                self.give_back(event.account, event.quantity);
            }
            StockEvent::OrderRefused(_) | StockEvent::Finished(_) => {}
            StockEvent::Extended(event) => {
                let live = self.live(event.reservation.0.as_u128())?;
                if event.expires_at < live.expires_at || stamp.time >= live.expires_at {
                    return Err(format!("I25: extended {live:?}: {event:?}"));
                }
                live.expires_at = event.expires_at;
            }
            StockEvent::Closed(event) => self.end(event.reservation.0.as_u128(), event.end, stamp)?,
        }
        event.counters().map_or(Ok(()), |told| self.agrees(told))
    }
}

/// I23 to I26, I29: every stock item of the journal.
pub(super) fn check(journal: &[Placed]) -> Result<(), Broken> {
    let mut stocks: BTreeMap<Id, Stock> = BTreeMap::new();
    for (position, entry) in journal {
        let Entry::Decided(decided) = entry else { continue };
        for event in &decided.events.0 {
            let Event::Stock(event) = event else { continue };
            let outcome = match (stocks.get_mut(&decided.id), event) {
                (Some(stock), event) => stock.take(event, &decided.stamp()),
                (None, StockEvent::Created(created)) => {
                    let stock = Stock {
                        threshold: created.listing.threshold,
                        limit: created.listing.limit_per_account,
                        on_hand: i128::from(created.on_hand),
                        reservations: BTreeMap::new(),
                        allocated: 0,
                        bought: BTreeMap::new(),
                    };
                    stocks.insert(decided.id, stock);
                    Ok(())
                }
                (None, _) => Err("an event of a stock item that was never created".into()),
            };
            outcome.map_err(|problem| {
                Broken::new("I23 to I29", format!("{problem}\nrecord {position}: {decided:?}"))
            })?;
        }
    }
    Ok(())
}
