//! Auctions, orders and stock that are not right.

use vendue_domain::actor::Event;
use vendue_domain::amount::Amount;
use vendue_domain::lot::{Format, LotEvent, LotResult};
use vendue_domain::order::OrderEvent;
use vendue_domain::stock::{ReservationClosed, ReservationEnd, StockEvent};
use vendue_engine::entry::Entry;

use super::{Mutant, append, by_all, by_checkers, check, find, first};

pub(super) fn sales_are_right() {
    check(&[
        Mutant {
            what: "an order is made twice",
            invariants: &["I21"],
            spoil: |journal| {
                let won = find(journal, |event| matches!(event, Event::Order(OrderEvent::Won(_))));
                let Some(mut won) = won else { return false };
                let event = won.events.0[0].clone();
                won.id.0[0] ^= 1;
                append(journal, &won, event);
                true
            },
            check: by_checkers,
        },
        Mutant {
            what: "a winner gets no order",
            // Of a funded lot its hold, which no order names, is seen first.
            invariants: &["I21", "I32"],
            spoil: |journal| {
                let mut orders = Vec::new();
                for (_, entry) in journal.iter() {
                    if let Entry::Decided(decided) = entry
                        && matches!(decided.events.0.first(), Some(Event::Order(OrderEvent::Won(_))))
                    {
                        orders.push(decided.address());
                    }
                }
                let Some(gone) = orders.first().copied() else { return false };
                journal.retain(
                    |(_, entry)| !matches!(entry, Entry::Decided(decided) if decided.address() == gone),
                );
                true
            },
            check: by_checkers,
        },
        Mutant {
            what: "the winner pays one cent more than the price",
            invariants: &["I11"],
            spoil: |journal| {
                first(journal, |event| match event {
                    Event::Lot(LotEvent::Closed(closed)) if closed.result == LotResult::Sold => {
                        let win = &mut closed.winners[0];
                        win.amount = Amount::new(win.amount.get() + 1).unwrap();
                        true
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "the price is the leader's maximum",
            invariants: &["I14"],
            spoil: |journal| {
                first(journal, |event| match event {
                    Event::Lot(LotEvent::BidPlaced(bid)) if bid.price < bid.maximum.0 => {
                        bid.price = bid.maximum.0;
                        true
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "the same, seen by the naive recomputation",
            invariants: &["I11 to I20"],
            spoil: |journal| {
                // The recomputation knows English lots only.
                let english: Vec<_> = journal
                    .iter()
                    .filter_map(|(_, entry)| match entry {
                        Entry::Decided(decided) => match decided.events.0.first() {
                            Some(Event::Lot(LotEvent::Created(created)))
                                if created.listing.format == Format::English =>
                            {
                                Some(decided.id)
                            }
                            _ => None,
                        },
                        _ => None,
                    })
                    .collect();
                journal.iter_mut().any(|(_, entry)| {
                    let Entry::Decided(decided) = entry else { return false };
                    decided.events.0.iter_mut().any(|event| match event {
                        Event::Lot(LotEvent::BidPlaced(bid))
                            if english.contains(&decided.id) && bid.price < bid.maximum.0 =>
                        {
                            bid.price = bid.maximum.0;
                            true
                        }
                        _ => false,
                    })
                })
            },
            check: by_all,
        },
        Mutant {
            what: "a reservation is committed and expires too",
            invariants: &["I23", "I25", "I26"],
            spoil: |journal| {
                let is = |event: &Event| matches!(event, Event::Stock(StockEvent::Allocated(one)) if one.reservation.is_some());
                let Some(allocated) = find(journal, is) else { return false };
                let Event::Stock(StockEvent::Allocated(one)) = &allocated.events.0[0] else { return false };
                let Some(reservation) = one.reservation else { return false };
                // The counters as they are at the end.
                let Some(counters) = journal.iter().rev().find_map(|(_, entry)| match entry {
                    Entry::Decided(decided) if decided.address() == allocated.address() => {
                        decided.events.0.iter().rev().find_map(|event| match event {
                            Event::Stock(event) => event.counters(),
                            _ => None,
                        })
                    }
                    _ => None,
                }) else {
                    return false;
                };
                let event = StockEvent::Closed(ReservationClosed {
                    reservation,
                    account: one.account,
                    quantity: one.quantity,
                    end: ReservationEnd::Expired,
                    counters,
                    split: None,
                });
                append(journal, &allocated, Event::Stock(event));
                true
            },
            check: by_checkers,
        },
        Mutant {
            what: "units are set aside that nobody counts",
            invariants: &["I23", "I26"],
            spoil: |journal| {
                first(journal, |event| match event {
                    Event::Stock(StockEvent::OrderReserved(reserved)) => {
                        reserved.quantity += 1;
                        true
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
    ]);
}
