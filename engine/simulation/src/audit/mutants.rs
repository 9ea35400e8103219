//! No check is one that cannot fail: right histories, each spoiled in one place, are caught, and by the check that is for it.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

mod books;
mod sales;

use std::sync::OnceLock;

use vendue_domain::account::{AccountEvent, RetractionCounted};
use vendue_domain::actor::Event;
use vendue_domain::id::{LotId, OrderId};
use vendue_domain::money::EntryKind;
use vendue_domain::order::OrderEvent;
use vendue_domain::time::Timestamp;
use vendue_engine::entry::{Decided, Entry};

use super::{Placed, at_rest, outcomes, read, town};
use crate::history::History;
use crate::{Broken, Options, lived};

/// How many worlds there are to find a place for each mutant in.
const WORLDS: usize = 16;

/// A right history, and what its clients know of it.
struct Right {
    journal: Vec<Placed>,
    history: History,
    now: Timestamp,
}

/// The world of this number, lived when it is first asked for.
fn world(number: usize) -> &'static Right {
    static LIVED: [OnceLock<Right>; WORLDS] = [const { OnceLock::new() }; WORLDS];
    LIVED[number].get_or_init(|| {
        let seed = number as u64 + 1;
        let options = Options { faults: false, ..Options::new(seed, 2_000) };
        let world = lived(options, &mut 0).unwrap_or_else(|broken| panic!("seed {seed}: {broken:?}"));
        let journal = read(&world.disk).unwrap();
        Right { journal, now: world.engine_time(), history: world.shared.history }
    })
}

/// One thing that must never be.
struct Mutant {
    what: &'static str,
    /// One of these is said to be broken.
    invariants: &'static [&'static str],
    /// Spoils a history, or says that it has no place for it.
    spoil: fn(&mut Vec<Placed>) -> bool,
    check: fn(&Right, &[Placed]) -> Result<(), Broken>,
}

fn check(mutants: &[Mutant]) {
    for Mutant { what, invariants, spoil, check } in mutants {
        let spoiled = (0..WORLDS).map(world).find_map(|right| {
            let mut journal = right.journal.clone();
            spoil(&mut journal).then_some((right, journal))
        });
        let (right, journal) = spoiled.unwrap_or_else(|| panic!("{what}: there is no place for it"));
        check(right, &right.journal).unwrap_or_else(|broken| panic!("{what}: as it was: {broken:?}"));
        let Err(broken) = check(right, &journal) else { panic!("{what}: nobody sees it") };
        let names = |name: &&&str| broken.invariant == **name || broken.what.starts_with(**name);
        assert!(invariants.iter().any(|name| names(&name)), "{what}: {broken:?}");
    }
}

/// The checkers of `vendue_domain::invariants` alone.
fn by_checkers(right: &Right, journal: &[Placed]) -> Result<(), Broken> {
    town::at_rest(&town::of(journal)?, right.now)
}

fn by_all(right: &Right, journal: &[Placed]) -> Result<(), Broken> {
    at_rest(journal, right.now)
}

fn by_clients(right: &Right, journal: &[Placed]) -> Result<(), Broken> {
    outcomes::check(&right.history, journal)
}

/// Spoils the first event that can be; `spoil` says whether it was one.
fn first(journal: &mut [Placed], spoil: impl FnMut(&mut Event) -> bool) -> bool {
    events(journal).any(spoil)
}

/// The last: nothing that comes after it says that it was otherwise.
fn last(journal: &mut [Placed], spoil: impl FnMut(&mut Event) -> bool) -> bool {
    let all: Vec<&mut Event> = events(journal).collect();
    all.into_iter().rev().any(spoil)
}

fn events(journal: &mut [Placed]) -> impl Iterator<Item = &mut Event> {
    let decided = journal.iter_mut().filter_map(|(_, entry)| match entry {
        Entry::Decided(decided) => Some(decided),
        _ => None,
    });
    decided.flat_map(|decided| decided.events.0.iter_mut())
}

/// A record at the end, of an actor that is there: the next of its numbers.
fn append(journal: &mut Vec<Placed>, like: &Decided, event: Event) {
    let of_actor = journal.iter().rev().find_map(|(_, entry)| match entry {
        Entry::Decided(decided) if decided.address() == like.address() => Some((decided.seq, decided.time)),
        _ => None,
    });
    let (seq, time) = of_actor.unwrap_or((0, like.time));
    let mut decided = Decided { seq: seq + 1, time, hash: None, content: None, lane: None, ..like.clone() };
    decided.events.0 = std::iter::once(event).collect();
    journal.push((journal.len() as u64 + 1, Entry::Decided(decided)));
}

fn find(journal: &[Placed], is: impl Fn(&Event) -> bool) -> Option<Decided> {
    journal.iter().find_map(|(_, entry)| match entry {
        Entry::Decided(decided) if decided.events.0.first().is_some_and(&is) => Some(decided.clone()),
        _ => None,
    })
}

/// One test, so that all share the worlds.
#[test]
fn every_check_can_fail() {
    effects_are_done_once();
    money_is_kept();
    sales::sales_are_right();
    books::books_are_right();
    nothing_waits_for_ever();
    clients_are_told_what_is_there();
}

fn effects_are_done_once() {
    check(&[
        Mutant {
            what: "an effect is delivered twice",
            invariants: &["I2"],
            spoil: |journal| {
                let passed = journal.iter().find(|(_, entry)| matches!(entry, Entry::Passed(_))).cloned();
                passed.map(|(_, entry)| journal.push((journal.len() as u64 + 1, entry))).is_some()
            },
            check: by_all,
        },
        Mutant {
            what: "an effect is never delivered",
            invariants: &["I2", "I47"],
            spoil: |journal| {
                let place = journal.iter().rposition(|(_, entry)| matches!(entry, Entry::Passed(_)));
                let genesis = journal[0].1.clone();
                place.map(|place| journal[place].1 = genesis).is_some()
            },
            check: by_all,
        },
        Mutant {
            what: "an effect is declined that was of a right history",
            invariants: &["I3"],
            spoil: |journal| {
                let place = journal.iter().position(|(_, entry)| matches!(entry, Entry::Passed(_)));
                let declined = journal.iter().find_map(|(_, entry)| match entry {
                    Entry::Declined(declined) => Some(declined.clone()),
                    _ => None,
                });
                let (Some(place), Some(mut declined)) = (place, declined) else { return false };
                let Entry::Passed(passed) = &journal[place].1 else { return false };
                declined.lane = passed.lane;
                // The audit of lanes looks for the outcome in the target's slot.
                let same_slot = declined.target.slot() == passed.slot;
                if !same_slot {
                    let target = journal.iter().find_map(|(_, entry)| match entry {
                        Entry::Decided(decided) => decided.address().filter(|one| one.slot() == passed.slot),
                        _ => None,
                    });
                    let Some(target) = target else { return false };
                    declined.target = target;
                }
                journal[place].1 = Entry::Declined(declined);
                true
            },
            check: by_all,
        },
    ]);
}

fn money_is_kept() {
    check(&[
        Mutant {
            what: "the hold of who was outbid is not released",
            invariants: &["I32"],
            spoil: |journal| {
                last(journal, |event| match event {
                    Event::Account(account @ AccountEvent::HoldReleased(_)) => {
                        let (lot, bids, retractions) = (LotId::from_u128(1), 1, 1);
                        *account =
                            AccountEvent::RetractionCounted(RetractionCounted { lot, bids, retractions });
                        true
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "a capture of one cent too much",
            invariants: &["I30", "I34"],
            spoil: |journal| {
                last(journal, |event| match event {
                    Event::Account(AccountEvent::HoldCaptured(captured))
                        if captured.amount < captured.hold.amount =>
                    {
                        captured.amount += 1;
                        captured.after.cash -= 1;
                        captured.after.clearing += 1;
                        true
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "a capture of more than is held",
            invariants: &["I32"],
            spoil: |journal| {
                first(journal, |event| match event {
                    Event::Account(AccountEvent::HoldCaptured(captured)) => {
                        captured.amount = captured.hold.amount + 1;
                        true
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "money from nowhere",
            invariants: &["I30"],
            spoil: |journal| {
                first(journal, |event| match event {
                    Event::Account(AccountEvent::Posted(posted)) => {
                        posted.lines[0].amount += 1;
                        true
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "somebody else pays for an order",
            invariants: &["I34"],
            spoil: |journal| {
                let paid = find(journal, |event| matches!(event, Event::Order(OrderEvent::Paid(_))));
                let Some(paid) = paid else { return false };
                let other = OrderId(paid.id);
                first(journal, |event| match event {
                    Event::Account(AccountEvent::Posted(posted))
                        if posted.kind == EntryKind::Payment && posted.order != Some(other) =>
                    {
                        posted.order = Some(other);
                        true
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "the shares of an order are more than was paid",
            invariants: &["I34"],
            spoil: |journal| {
                last(journal, |event| match event {
                    Event::Order(OrderEvent::Paid(booked)) => match booked.shares.first_mut() {
                        Some(share) => {
                            share.amount += 1;
                            true
                        }
                        None => false,
                    },
                    _ => false,
                })
            },
            check: by_checkers,
        },
    ]);
}

fn nothing_waits_for_ever() {
    for right in (0..WORLDS).map(world) {
        let later = Timestamp(right.now.0 + 1_000_000_000_000);
        if at_rest(&right.journal, later).is_err_and(|broken| broken.invariant == "I47") {
            return;
        }
    }
    panic!("no lot has an end that could pass");
}

fn clients_are_told_what_is_there() {
    fn keyed(journal: &mut [Placed], place: usize) -> Option<&mut Decided> {
        match &mut journal[place].1 {
            Entry::Decided(decided) if decided.hash.is_some() => Some(decided),
            _ => None,
        }
    }
    check(&[
        Mutant {
            what: "an acknowledged command is lost",
            invariants: &["I1", "I47"],
            spoil: |journal| {
                let place = (0..journal.len()).rev().find(|&place| keyed(journal, place).is_some());
                place.map(|place| journal.remove(place)).is_some()
            },
            check: by_clients,
        },
        Mutant {
            what: "a command is done twice",
            invariants: &["I36"],
            spoil: |journal| {
                let is_done = |(position, entry): &&Placed| {
                    matches!(entry, Entry::Decided(decided) if decided.hash.is_some())
                        && entry.reply(*position).is_some()
                };
                let done = journal.iter().find(is_done).cloned();
                done.map(|(_, entry)| journal.push((journal.len() as u64 + 1, entry))).is_some()
            },
            check: by_clients,
        },
        Mutant {
            what: "what nobody asked for",
            invariants: &["I2"],
            spoil: |journal| {
                let place = (0..journal.len()).find(|&place| keyed(journal, place).is_some());
                let Some(place) = place else { return false };
                let (_, mut ghost) = journal[place].clone();
                if let Entry::Decided(decided) = &mut ghost {
                    decided.hash = decided.hash.map(|hash| hash ^ 1);
                }
                journal.push((journal.len() as u64 + 1, ghost));
                true
            },
            check: by_clients,
        },
    ]);
}

#[test]
fn a_maximum_is_never_shown() {
    let check = |data: serde_json::Value, sound: bool| {
        assert_eq!(crate::ledger::secrets("lot:x", &data).is_ok(), sound, "{data}");
    };
    check(serde_json::json!({"price": 5, "leader": "bidder-1"}), true);
    check(serde_json::json!({"price": 5, "maximum": 9}), false);
    check(serde_json::json!({"bids": [{"by": "acc_3Q6FDSBC2RFGAPV2W2GR229TBK"}]}), false);
    check(serde_json::json!({"reserve": 9}), false);
}
