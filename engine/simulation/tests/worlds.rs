//! Worlds from fresh seeds, in which everything happens; and that a seed is one history.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

use std::collections::BTreeSet;

use vendue_simulation::{Options, Report, run};

/// Steps of each world.
const STEPS: u32 = 2_000;

/// What happens in about every third world at least: in all fresh ones together it must. What each begins with is enough.
/// A seed's world is another whenever the workload or a rule changes, so what one once broke is a table test of the room
/// that it broke in.
const HAPPENS: [&str; 52] = [
    "account HoldCaptured",
    "account HoldReleased",
    "account HoldSet",
    "account Posted",
    "account Refused",
    "account RetractionCounted",
    "book AuctionEnded",
    "book Crossed",
    "book Ended",
    "book Entered",
    "book HoldAsked",
    "book Reduced",
    "book Refused",
    "book StateChanged",
    "book Uncrossed",
    "lot Backed",
    "lot BidPlaced",
    "lot BidWaits",
    "lot Extended",
    "lot HoldAsked",
    "lot HoldSettled",
    "lot HoldsFreed",
    "lot MaximumRaised",
    "lot Paused",
    "lot Refused",
    "lot Restated",
    "lot Restating",
    "lot Resumed",
    "lot SealedBid",
    "lot Taken",
    "lot Ticked",
    "lot UnitsBid",
    "order Cancelled",
    "order LineAllocated",
    "order LineReleased",
    "order Paid",
    "order PaymentFailed",
    "order Refunded",
    "order Shipped",
    "order Won",
    "sold Candle",
    "sold Combinatorial",
    "sold Dutch",
    "sold English",
    "sold Japanese",
    "stock Allocated",
    "stock Closed",
    "stock Extended",
    "stock LineReleased",
    "stock OrderRefused",
    "stock OrderReserved",
    "stock Shipped",
];

/// How many fresh seeds there are where nobody says otherwise.
const USUAL_SEEDS: u64 = 30;

/// How many fresh seeds: `VENDUE_SEEDS`, or the usual number.
fn seeds() -> u64 {
    std::env::var("VENDUE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL_SEEDS)
}

fn check(seed: u64) -> Report {
    run(Options::new(seed, STEPS)).unwrap_or_else(|violation| panic!("{violation}"))
}

/// Another range each day, so that the tests of a year see what one night's soak would; printed, and so to be replayed.
fn fresh() -> u64 {
    let day = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() / 86_400);
    day * 1_000
}

#[test]
fn fresh_worlds_break_nothing() {
    let from = fresh();
    println!("seeds from {from} on");
    let mut happened = BTreeSet::new();
    for seed in from..from + seeds() {
        happened.extend(check(seed).happened.into_keys());
    }
    let never = HAPPENS.iter().find(|name| !happened.iter().any(|what| what.starts_with(**name)));
    assert!(never.is_none() || seeds() < USUAL_SEEDS, "never: {never:?} in {happened:?}");
}

/// All seeds that ever failed: what they broke was mended.
#[test]
fn worlds_that_once_broke_something_break_nothing() {
    let mut count = 0;
    for line in include_str!("seeds.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace().map(|word| word.parse().unwrap_or(0));
        let (seed, steps) = (words.next().unwrap(), words.next().unwrap());
        run(Options::new(seed, steps as u32)).unwrap_or_else(|violation| panic!("{violation}"));
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn a_seed_is_one_history() {
    for seed in 1..=3 {
        assert_eq!(check(seed), check(seed), "seed {seed}");
    }
    let (one, other) = (run(Options::new(1, 300)).unwrap(), run(Options::new(2, 300)).unwrap());
    assert_ne!(one.journal_hash, other.journal_hash, "another seed is another history");
}

#[test]
fn a_world_without_faults_is_busy() {
    let options = Options { faults: false, ..Options::new(1, STEPS) };
    let report = run(options).unwrap_or_else(|violation| panic!("{violation}"));
    assert_eq!((report.crashes, report.link_cuts, report.client_cuts, report.gateway_restarts), (0, 0, 0, 0));
    assert!(report.acknowledged > 500 && report.events > 1_000, "{report:?}");
}
