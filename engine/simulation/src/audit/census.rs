//! What has happened in a world, by name: a world in which nobody ever ships an order proves nothing about shipping.

use std::collections::BTreeMap;
use std::fmt::Debug;

use vendue_domain::actor::Event;
use vendue_domain::id::Id;
use vendue_domain::lot::{Listing, LotEvent, LotResult};
use vendue_engine::entry::Entry;

use super::Placed;

/// How often each kind of thing has happened: `order Paid`, `lot Restated`, `sold English Full`.
pub(crate) fn of(journal: &[Placed]) -> BTreeMap<String, u64> {
    let mut happened = BTreeMap::new();
    let mut listings: BTreeMap<Id, &Listing> = BTreeMap::new();
    let mut count = |what: String| *happened.entry(what).or_default() += 1;
    for (_, entry) in journal {
        let Entry::Decided(decided) = entry else {
            count(name(entry));
            continue;
        };
        for event in &decided.events.0 {
            match event {
                Event::Lot(event) => {
                    if let LotEvent::Created(created) = event {
                        listings.insert(decided.id, &created.listing);
                    }
                    count(format!("lot {}", name(event)));
                    if let LotEvent::Closed(closed) = event.inner()
                        && closed.result == LotResult::Sold
                        && let Some(listing) = listings.get(&decided.id)
                    {
                        count(format!("sold {} {}", name(&listing.format), name(&listing.funding)));
                    }
                }
                Event::Order(event) => count(format!("order {}", name(event))),
                Event::Book(event) => count(format!("book {}", name(event))),
                Event::Stock(event) => count(format!("stock {}", name(event))),
                Event::Account(event) => count(format!("account {}", name(event))),
                other => count(name(other)),
            }
        }
    }
    happened
}

/// A variant's name.
fn name(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned()
}
