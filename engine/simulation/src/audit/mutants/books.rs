//! Order books that are not right.

use std::collections::BTreeSet;

use vendue_domain::actor::Event;
use vendue_domain::book::{BookEvent, Cause, Crossed, Ended, Entered};

use super::{Mutant, Placed, append, by_checkers, check, events, find, first};

/// Spoils the first order that came where it can be.
fn entered(journal: &mut [Placed], mut spoil: impl FnMut(&mut Entered) -> bool) -> bool {
    first(journal, |event| match event {
        Event::Book(BookEvent::Entered(entered)) => spoil(entered),
        _ => false,
    })
}

pub(super) fn books_are_right() {
    priority_is_kept();
    auctions_are_right();
    trades_are_paid();
}

fn priority_is_kept() {
    check(&[
        Mutant {
            what: "the second in the line trades first",
            invariants: &["I11"],
            spoil: |journal| {
                entered(journal, |entered| {
                    let has_two = entered.makers.len() > 1;
                    if has_two {
                        entered.makers.swap(0, 1);
                    }
                    has_two
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "a trade at another price than that of the order that rested",
            invariants: &["I11"],
            spoil: |journal| {
                entered(journal, |entered| match entered.makers.first_mut() {
                    Some(part) => {
                        part.value += part.quantity;
                        true
                    }
                    None => false,
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "who could trade is sent away",
            invariants: &["I11"],
            spoil: |journal| {
                entered(journal, |entered| {
                    let units: u64 = entered.makers.iter().map(|part| part.quantity).sum();
                    if units == 0 || entered.modified {
                        return false;
                    }
                    entered.makers.clear();
                    (entered.view.filled, entered.view.remaining) = (0, entered.view.remaining + units);
                    entered.ended = Some(Cause::TimeInForce);
                    true
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "more is filled than has traded",
            invariants: &["I11"],
            spoil: |journal| {
                entered(journal, |entered| {
                    entered.view.filled += 1;
                    true
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "an order ends twice",
            invariants: &["I16"],
            spoil: |journal| {
                let is = |event: &Event| matches!(event, Event::Book(BookEvent::Ended(ended)) if !ended.gone.is_empty());
                let Some(ended) = find(journal, is) else { return false };
                let event = ended.events.0[0].clone();
                append(journal, &ended, event);
                true
            },
            check: by_checkers,
        },
        Mutant {
            what: "a level is told with one unit too many",
            invariants: &["I43"],
            spoil: |journal| {
                entered(journal, |entered| match entered.levels.first_mut() {
                    Some(level) => {
                        level.quantity += 1;
                        true
                    }
                    None => false,
                })
            },
            check: by_checkers,
        },
    ]);
}

fn auctions_are_right() {
    check(&[
        Mutant {
            what: "an auction announces more than trades",
            invariants: &["I11"],
            spoil: |journal| {
                first(journal, |event| match event {
                    Event::Book(BookEvent::Uncrossed(uncrossed)) => {
                        uncrossed.result.as_mut().map(|result| result.volume += 1).is_some()
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "a seller of an auction trades with nobody",
            invariants: &["I11"],
            spoil: |journal| {
                first(journal, |event| match event {
                    Event::Book(BookEvent::Crossed(crossed)) => {
                        let Crossed { parts, .. } = &mut **crossed;
                        parts.pop().is_some()
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
    ]);
}

/// The commands that waited and whose orders came.
fn came(journal: &mut [Placed]) -> BTreeSet<u128> {
    let asked = events(journal).filter_map(|event| match event {
        // Of one that neither traded nor rests, what was held is simply given back.
        Event::Book(BookEvent::Entered(entered)) if entered.ended.is_none() => entered.asked,
        _ => None,
    });
    asked.map(|asked| asked.command_id).collect()
}

fn trades_are_paid() {
    check(&[
        Mutant {
            what: "whoever trades pays one too much",
            invariants: &["I34"],
            spoil: |journal| {
                entered(journal, |entered| match entered.moved.as_deref_mut() {
                    Some(moved) if moved.given > 0 => {
                        moved.given += 1;
                        true
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "less is held than an order may cost",
            invariants: &["I32", "I34"],
            spoil: |journal| {
                let came = came(journal);
                first(journal, |event| match event {
                    Event::Book(BookEvent::HoldAsked(asked))
                        if asked.total > 1 && came.contains(&asked.asked.command_id) =>
                    {
                        asked.total -= 1;
                        true
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "a cancelled order keeps its hold",
            invariants: &["I32"],
            spoil: |journal| {
                first(journal, |event| match event {
                    Event::Book(BookEvent::Ended(ended)) => {
                        let Ended { gone, .. } = &mut **ended;
                        gone.first_mut().is_some_and(|gone| std::mem::replace(&mut gone.held, false))
                    }
                    _ => false,
                })
            },
            check: by_checkers,
        },
        Mutant {
            what: "a transfer is there twice",
            invariants: &["I34"],
            spoil: |journal| {
                let mut before = None;
                entered(journal, |entered| {
                    let Some(terms) = entered.terms.as_deref_mut().filter(|_| !entered.makers.is_empty())
                    else {
                        return false;
                    };
                    let is_second = before.is_some();
                    terms.entry = *before.get_or_insert(terms.entry);
                    is_second
                })
            },
            check: by_checkers,
        },
    ]);
}
