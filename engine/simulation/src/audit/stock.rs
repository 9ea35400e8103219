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
}

impl Stock {
    /// The units of the reservations that ended so, or live (`None`).
    fn units(&self, end: Option<ReservationEnd>) -> u64 {
        let of = |reservation: &&Reservation| reservation.end == end;
        self.reservations.values().filter(of).map(|reservation| reservation.quantity).sum()
    }

    /// I23, I24, I26: the counters are what the reservations and deliveries give, and nothing is oversold.
    fn agrees(&self, told: Counters) -> Result<(), String> {
        let (reserved, allocated) = (self.units(None), self.units(Some(ReservationEnd::Committed)));
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

    fn reserve(&mut self, quantity: u64, expires_at: Timestamp, stamp: &Stamp) -> Result<(), String> {
        let reservation = Reservation { account: stamp.by, quantity, expires_at, end: None };
        if self.reservations.insert(stamp.command_id, reservation).is_some() {
            return Err("I25: a reservation made twice".into());
        }
        let taken = |reservation: &&Reservation| {
            let counts = matches!(reservation.end, None | Some(ReservationEnd::Committed));
            reservation.account == stamp.by && counts
        };
        let taken: u64 =
            self.reservations.values().filter(taken).map(|reservation| reservation.quantity).sum();
        if self.limit.is_some_and(|limit| taken > limit) {
            return Err(format!("{} holds {taken} of at most {:?}", stamp.by, self.limit));
        }
        Ok(())
    }

    fn live(&mut self, id: u128) -> Result<&mut Reservation, String> {
        let found = self.reservations.get_mut(&id).ok_or("I25: an unknown reservation")?;
        if found.end.is_some() { Err(format!("I25: ended before: {found:?}")) } else { Ok(found) }
    }

    fn take(&mut self, event: &StockEvent, stamp: &Stamp) -> Result<(), String> {
        match event {
            StockEvent::Created(_) => return Err("created twice".into()),
            StockEvent::Received(event) | StockEvent::Adjusted(event) => {
                self.on_hand += i128::from(event.quantity);
            }
            StockEvent::Reserved(event) => self.reserve(event.quantity, event.expires_at, stamp)?,
            StockEvent::Extended(event) => {
                let live = self.live(event.reservation.0.as_u128())?;
                if event.expires_at < live.expires_at || stamp.time >= live.expires_at {
                    return Err(format!("I25: extended {live:?}: {event:?}"));
                }
                live.expires_at = event.expires_at;
            }
            StockEvent::Closed(event) => {
                let live = self.live(event.reservation.0.as_u128())?;
                let is_due = stamp.time >= live.expires_at;
                // Only what is due expires, and what is due does nothing else (I29).
                if is_due != (event.end == ReservationEnd::Expired) {
                    return Err(format!("I29: {live:?} at {:?}: {event:?}", stamp.time));
                }
                live.end = Some(event.end);
            }
            // Orders' own: `vendue_domain::invariants::stock` follows them.
            _ => return Ok(()),
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
