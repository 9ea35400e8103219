//! The inspector: judges decisions while the cell runs, after they are durable, with the checkers of `vendue_domain::invariants`. It shares
//! no code with the rules that it judges, changes nothing and holds nothing up; what it finds is counted, logged and shown to operators.
//!
//! `vendue verify` judges everything; this judges what can be judged in bounded memory and little time: each record can be read, each actor's
//! numbers are dense and its clock never goes back (I5, I22), each posting balances (money), and each lot created since the cell's start
//! keeps the invariants of auctions (I11 to I20) until it has closed or has become too long to work out again.

use std::collections::HashMap;

use vendue_domain::actor::{ActorAddress, Event};
use vendue_domain::context::Stamp;
use vendue_domain::id::Id;
use vendue_domain::invariants::auction::Auction;
use vendue_domain::invariants::money;
use vendue_domain::lot::LotEvent;
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_storage::Position;

use crate::entry::{Decided, Entry};

/// How many actors it follows; of those beyond only postings are judged.
const FOLLOWED_MAX: usize = 100_000;
/// How many events of one lot it works out again: each costs as much as all before.
const LOT_EVENTS_MAX: u32 = 500;

/// Where an actor was left.
struct Seen {
    seq: u64,
    time: Timestamp,
}

/// A lot as its events tell it.
struct Followed {
    auction: Auction,
    events: u32,
}

/// What has been seen so far.
#[derive(Default)]
pub struct Inspector {
    actors: HashMap<ActorAddress, Seen>,
    lots: HashMap<Id, Followed>,
}

impl Inspector {
    /// Forgets everything: what comes next does not follow what was before.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Judges the next record.
    ///
    /// # Errors
    /// What it breaks, with the number of the invariant. What was followed of its actor is forgotten.
    pub fn take(&mut self, position: Position, record: &[u8]) -> Result<(), String> {
        let entry = Entry::from_bytes(record)
            .map_err(|error| format!("I1: record {position} cannot be read: {error}"))?;
        let Entry::Decided(decided) = entry else { return Ok(()) };
        let Some(address) = decided.address() else {
            return Err(format!("I5: record {position} is a decision without events"));
        };
        let judged = self.judge(address, &decided);
        judged.map_err(|what| {
            self.actors.remove(&address);
            self.lots.remove(&address.id);
            format!("{what} ({address}, record {position})")
        })
    }

    fn judge(&mut self, address: ActorAddress, decided: &Decided) -> Result<(), String> {
        let count = decided.events.0.len() as u64;
        if let Some(seen) = self.actors.get_mut(&address) {
            if decided.seq != seen.seq + count {
                return Err(format!("I5: goes from {} to {} by {count} events", seen.seq, decided.seq));
            }
            if decided.time < seen.time {
                return Err(format!("I22: goes back from {:?} to {:?}", seen.time, decided.time));
            }
            *seen = Seen { seq: decided.seq, time: decided.time };
        } else if self.actors.len() < FOLLOWED_MAX {
            self.actors.insert(address, Seen { seq: decided.seq, time: decided.time });
        }
        let stamp = decided.stamp();
        for event in &decided.events.0 {
            match event {
                Event::Account(event) => money::event(event)?,
                Event::Lot(event) => self.lot(address.id, event, &stamp)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn lot(&mut self, id: Id, event: &LotEvent, stamp: &Stamp) -> Result<(), String> {
        let Some(followed) = self.lots.get_mut(&id) else {
            if self.lots.len() < FOLLOWED_MAX
                && let Some(auction) = Auction::new(event)
            {
                self.lots.insert(id, Followed { auction, events: 0 });
            }
            return Ok(());
        };
        followed.events += 1;
        followed.auction.take(event, stamp).map_err(|broken| broken.to_string())?;
        if followed.events >= LOT_EVENTS_MAX || matches!(event.inner(), LotEvent::Closed(_)) {
            self.lots.remove(&id);
        }
        Ok(())
    }
}
