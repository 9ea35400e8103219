//! Worlds from fresh seeds and from seeds that once failed; and that a seed is one history.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

use vendue_simulation::{Options, run};

/// Steps of each world.
const STEPS: u32 = 2_000;

/// Seeds that ever broke something, with what it was.
const ONCE_BROKEN: &[(u64, &str)] = &[
    (79, "I6: a bidder suspended while a lot was closed had its standing again when it reopened"),
    (698, "I38: the answer to a resume did not wait for the events that it had to hold"),
    (1_682, "I40: recovery from a checkpoint told another lots_changed under an old number"),
];

/// How many fresh seeds: `VENDUE_SEEDS`, or 30.
fn seeds() -> u64 {
    std::env::var("VENDUE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(30)
}

fn check(seed: u64) {
    if let Err(violation) = run(Options::new(seed, STEPS)) {
        panic!("{violation}");
    }
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
    for seed in from..from + seeds() {
        check(seed);
    }
}

#[test]
fn what_once_broke_stays_mended() {
    for &(seed, what) in ONCE_BROKEN {
        println!("seed {seed}: {what}");
        check(seed);
    }
}

#[test]
fn a_seed_is_one_history() {
    for seed in 1..=3 {
        let one = run(Options::new(seed, STEPS)).unwrap_or_else(|violation| panic!("{violation}"));
        let other = run(Options::new(seed, STEPS)).unwrap_or_else(|violation| panic!("{violation}"));
        assert_eq!(one, other, "seed {seed}");
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
