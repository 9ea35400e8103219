//! Linearizability: one order of an actor's commands explains everything that its clients saw (M. Herlihy and J. Wing, "Linearizability:
//! a correctness condition for concurrent objects", 1990). An actor numbers what it does, and each reply bears the number that it led to or
//! rests on, so that the order need not be searched for: it is given, and only has to agree with time and with the rules.
//!
//! * What returned before something else was invoked comes before it: a change has a greater number than all that were known when it was
//!   asked for, an answer that changes nothing rests on a number at least as great (a stale read is found by that).
//! * No two changes have the same number.
//! * The rules, one change after the other in that order, give the answers that were given.
//!
//! Commands without a definite answer may have happened anywhere or not at all: they bind nothing, and are left out. O(n log n).

/// Something that no right history holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its number in docs/invariants.md.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

fn holds(invariant: &'static str, is_so: bool, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if is_so { Ok(()) } else { Err(Broken { invariant, what: what() }) }
}

/// What a client saw of one command or question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<A> {
    /// When it was sent, in any unit, by a clock that all clients share.
    pub invoked: u64,
    /// When its answer came.
    pub returned: u64,
    /// The actor's number in the answer.
    pub seq: u64,
    /// Whether it changed the actor. A repetition that was answered as before did not.
    pub changes: bool,
    /// What was asked and answered, for the rules.
    pub what: A,
}

/// Checks one actor's history; `follows` is asked for each change in the order of their numbers whether the rules lead from the ones before
/// to its answer.
///
/// # Errors
/// I38 with the first answer that contradicts time, I2 with a number that two changes have, or what `follows` says.
pub fn check<A: std::fmt::Debug>(
    history: &[Seen<A>],
    mut follows: impl FnMut(&A) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let mut by_invocation: Vec<&Seen<A>> = history.iter().collect();
    by_invocation.sort_unstable_by_key(|seen| seen.invoked);
    let mut by_return = by_invocation.clone();
    by_return.sort_unstable_by_key(|seen| seen.returned);
    let mut returned = by_return.into_iter().peekable();
    // The greatest number that anybody had been told when this was asked, and by what.
    let mut known: Option<&Seen<A>> = None;
    for seen in &by_invocation {
        while let Some(before) = returned.next_if(|before| before.returned < seen.invoked) {
            if known.is_none_or(|known| known.seq < before.seq) {
                known = Some(before);
            }
        }
        let Some(known) = known else { continue };
        let is_later = if seen.changes { seen.seq > known.seq } else { seen.seq >= known.seq };
        holds("I38", is_later, || {
            format!("{seen:?} was asked after {known:?} had been answered, and stands before it")
        })?;
    }
    let mut changes: Vec<&Seen<A>> = history.iter().filter(|seen| seen.changes).collect();
    changes.sort_unstable_by_key(|seen| seen.seq);
    for pair in changes.windows(2) {
        holds("I2", pair[0].seq < pair[1].seq, || {
            format!("two changes of one number: {:?} and {:?}", pair[0], pair[1])
        })?;
    }
    changes.into_iter().try_for_each(|seen| follows(&seen.what))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bid's amount and the price that it was told.
    type Bid = (u64, u64);

    fn bid(invoked: u64, returned: u64, seq: u64, what: Bid) -> Seen<Bid> {
        Seen { invoked, returned, seq, changes: true, what }
    }

    fn read(invoked: u64, returned: u64, seq: u64) -> Seen<Bid> {
        Seen { changes: false, ..bid(invoked, returned, seq, (0, 0)) }
    }

    /// Open outcry: each price is the bid, and above the one before.
    fn judged(history: &[Seen<Bid>]) -> Result<(), Broken> {
        let mut price = 0;
        check(history, |&(amount, told)| {
            let is_right = told == amount && amount > price;
            price = told;
            holds("I12", is_right, || format!("{amount} was told {told}"))
        })
    }

    /// A right history: overlapping bids, a read, an answer that rests on what was.
    fn right() -> Vec<Seen<Bid>> {
        vec![
            bid(0, 10, 1, (5, 5)),
            bid(2, 30, 3, (9, 9)),
            bid(11, 20, 2, (7, 7)),
            read(12, 15, 1),
            read(21, 25, 2),
            read(31, 35, 3),
            bid(40, 50, 4, (11, 11)),
        ]
    }

    #[test]
    fn forged_histories_are_found() {
        judged(&right()).unwrap();
        let check = |forge: fn(&mut Vec<Seen<Bid>>), invariant: &str| {
            let mut history = right();
            forge(&mut history);
            assert_eq!(judged(&history).unwrap_err().invariant, invariant, "{history:?}");
        };
        // Two that did not overlap, in the other order.
        check(|history| (history[0].seq, history[2].seq) = (2, 1), "I38");
        // Two of one number.
        check(|history| history[1].seq = 2, "I2");
        // A read that does not show what was told before.
        check(|history| history[4].seq = 1, "I38");
        check(|history| history[5].seq = 2, "I38");
        // A change that stands where something told already stood.
        check(|history| history[6].seq = 3, "I38");
        // An answer that the order does not explain.
        check(|history| history[2].what = (4, 4), "I12");
        check(|history| history[6].what = (11, 10), "I12");
        // A bid that was lost: another took its number, and its amount again.
        check(|history| history[6].what = (9, 9), "I12");
    }

    #[test]
    fn what_overlaps_may_stand_either_way() {
        for (one, other) in [(1, 2), (2, 1)] {
            let amounts = |seq| (seq * 10, seq * 10);
            judged(&[bid(0, 10, one, amounts(one)), bid(5, 15, other, amounts(other))]).unwrap();
        }
    }
}
