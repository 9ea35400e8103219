//! The whole tool over real sockets against a small market: whole ones must pass, broken ones must be caught.

#![allow(clippy::unwrap_used)]

mod fake;

use std::path::PathBuf;

use clap::Parser;
use fake::{Fake, Fault};
use vendue_loadtest::failure::Exit;
use vendue_loadtest::history::{self, HistoryArgs, Report};
use vendue_loadtest::run::{self, RunArgs, RunReport};

#[derive(Parser)]
struct Tool {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    History(HistoryArgs),
    Run(RunArgs),
}

/// Replays the worked histories on such a market.
fn worked(fault: Fault) -> Report {
    let fake = Fake::start(fault);
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/histories/worked.jsonl"));
    let secret = fake.secret_file().to_str().unwrap();
    let line = [
        "tool",
        "history",
        "--url",
        &fake.url,
        "--token-secret-file",
        secret,
        "--file",
        file.to_str().unwrap(),
    ];
    let Command::History(args) = Tool::parse_from(line).command else { panic!() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(history::run(&args)).unwrap()
}

#[test]
fn the_worked_histories_pass() {
    let report = worked(Fault::None);
    assert_eq!((report.matched, report.auctions, report.exit()), (16, 16, Exit::Ok), "{report}");
    assert!(report.to_string().ends_with("16 of 16"), "{report}");
}

#[test]
fn broken_markets_are_caught() {
    let check = |fault, matched| {
        let report = worked(fault);
        assert_eq!((report.matched, report.exit()), (matched, Exit::Broken), "{fault:?}\n{report}");
        assert_eq!(report.mismatches.len(), 16 - matched);
    };
    // Only the auction that nobody wins has no price to get wrong.
    check(Fault::PriceOff, 1);
    // Those where whoever came first wins anyway.
    check(Fault::WrongWinner, 11);
    check(Fault::TakesLow, 6);
}

/// The exit of a run on this machine, which may be too busy to measure anything; that is no matter here.
fn judged(report: &RunReport) -> Exit {
    if report.exit() == Exit::Saturated { Exit::Ok } else { report.exit() }
}

/// Makes load on such a market.
fn load(fault: Fault, arguments: &[&str]) -> RunReport {
    let fake = Fake::start(fault);
    let secret = fake.secret_file().to_str().unwrap();
    let mut line = vec!["tool", "run", &fake.url, "--token-secret-file", secret];
    for (name, value) in
        [("--warmup", "0.05"), ("--duration", "0.2"), ("--connections", "4"), ("--seed", "7")]
    {
        if !arguments.contains(&name) {
            line.extend([name, value]);
        }
    }
    line.extend(arguments);
    let Command::Run(args) = Tool::parse_from(line).command else { panic!() };
    run::run(&args).unwrap()
}

#[test]
fn every_kind_of_load_is_verified() {
    let check = |arguments: &[&str]| {
        let report = load(Fault::None, arguments);
        let (figures, found) = (report.figures.as_ref().unwrap(), report.verification.as_ref().unwrap());
        assert_eq!((found.wrong, figures.wrongly_accepted), (0, 0), "{arguments:?}\n{report}");
        assert!(found.accepted > 0 && figures.bid_ack.count > 0, "{arguments:?}\n{report}");
    };
    check(&["--closed", "--lots", "40"]);
    check(&["--closed", "--lots", "40", "--encoding", "msgpack"]);
    check(&["--closed", "--lots", "40", "--pipeline", "8"]);
    check(&["--closed", "--lots", "3", "--pipeline", "8", "--encoding", "msgpack", "--rejected", "50"]);
    check(&["--closed", "--lots", "1", "--rejected", "95"]);
    check(&["--rate", "500", "--lots", "40"]);
    check(&["--rate", "2000", "--lots", "40", "--encoding", "msgpack", "--rejected", "50"]);
}

#[test]
fn orders_in_books_are_verified() {
    let check = |arguments: &[&str]| {
        let report = load(Fault::None, &[&["--mode", "book"], arguments].concat());
        let (figures, found) = (report.figures.as_ref().unwrap(), report.verification.as_ref().unwrap());
        assert_eq!(
            (found.wrong, found.unsure, figures.rejected.total()),
            (0, 0, 0),
            "{arguments:?}\n{report}"
        );
        assert!(found.accepted > 0 && figures.trades_per_second > Some(0.0), "{arguments:?}\n{report}");
    };
    check(&["--closed"]);
    check(&["--closed", "--encoding", "msgpack", "--books", "3", "--pipeline", "8"]);
    check(&["--closed", "--pipeline", "64", "--funding", "full"]);
    check(&["--rate", "4000", "--encoding", "msgpack"]);
}

#[test]
fn reservations_and_mixed_loads_are_verified() {
    let check = |fault, arguments: &[&str], exit: Exit| {
        let report = load(fault, arguments);
        assert_eq!(judged(&report), exit, "{arguments:?}\n{report}");
        assert!(report.verification.as_ref().unwrap().accepted > 0, "{arguments:?}\n{report}");
    };
    check(Fault::None, &["--mode", "stock", "--closed"], Exit::Ok);
    check(
        Fault::None,
        &["--mode", "stock", "--closed", "--encoding", "msgpack", "--pipeline", "8"],
        Exit::Ok,
    );
    // It is sold out long before the end; what is refused is no mistake.
    check(Fault::None, &["--mode", "stock", "--rate", "3000", "--items", "3", "--on-hand", "20"], Exit::Ok);
    check(Fault::Oversells, &["--mode", "stock", "--closed", "--items", "3"], Exit::Broken);
    let mix = "bid=60,reserve=20,book=20";
    check(Fault::None, &["--mix", mix, "--closed", "--pipeline", "4", "--watchers", "4"], Exit::Ok);
    check(
        Fault::None,
        &["--mix", mix, "--rate", "3000", "--encoding", "msgpack", "--funding", "full"],
        Exit::Ok,
    );
    for fault in [Fault::Oversells, Fault::Forgets] {
        check(fault, &["--mix", mix, "--closed"], Exit::Broken);
    }
}

#[test]
fn what_watchers_hear_is_verified() {
    let run = |fault, chaos: &str| {
        let mut line = vec!["--rate", "2000", "--lots", "4", "--watchers", "9", "--watched-lots", "3"];
        if !chaos.is_empty() {
            line.extend(["--chaos", chaos, "--duration", "1.5"]);
        }
        load(fault, &line)
    };
    let report = run(Fault::None, "");
    let watched = report.figures.as_ref().unwrap().watched.as_ref().unwrap();
    assert_eq!((watched.wrong, judged(&report)), (0, Exit::Ok), "{report}");
    assert!(watched.deliveries > 300 && watched.fanout.count == watched.deliveries, "{report}");
    let report = run(Fault::None, "reconnect=50%");
    let watched = report.figures.as_ref().unwrap().watched.as_ref().unwrap();
    assert_eq!((watched.wrong, judged(&report)), (0, Exit::Ok), "{report}");
    assert!(watched.resumes.1 > 0 && watched.resume.count > 0, "{report}");
    for (fault, chaos) in [(Fault::Gap, ""), (Fault::TwoTruths, ""), (Fault::HoleInResume, "reconnect=50%")] {
        let report = run(fault, chaos);
        assert_eq!(report.exit(), Exit::Broken, "{fault:?}\n{report}");
        assert!(report.to_string().contains("heard") || report.to_string().contains("hear "), "{report}");
    }
}

#[test]
fn trouble_on_the_way_changes_nothing() {
    let check = |arguments: &[&str]| {
        let report = load(Fault::None, &[&["--duration", "1.5"], arguments].concat());
        let found = report.verification.as_ref().unwrap();
        let figures = report.figures.as_ref().unwrap();
        assert_eq!((found.is_broken(), figures.unanswered), (false, 0), "{arguments:?}\n{report}");
        assert!(figures.duplicates[0] + figures.broken_and_retried[0] > 0, "{arguments:?}\n{report}");
    };
    check(&["--rate", "2000", "--lots", "40", "--chaos", "duplicate=20%"]);
    check(&["--rate", "500", "--lots", "40", "--chaos", "reconnect=80%"]);
    check(&[
        "--closed",
        "--lots",
        "40",
        "--pipeline",
        "8",
        "--encoding",
        "msgpack",
        "--chaos",
        "reconnect=80%,duplicate=5%",
    ]);
    check(&["--mode", "book", "--closed", "--pipeline", "4", "--chaos", "reconnect=80%"]);
    // A market that decides a repeated request once more contradicts itself.
    let report = load(Fault::Twice, &["--rate", "2000", "--lots", "40", "--chaos", "duplicate=20%"]);
    assert_eq!(report.exit(), Exit::Broken, "{report}");
}

#[test]
fn an_order_that_no_bidder_can_have_seen_is_caught() {
    let report = load(Fault::OldNumber, &["--closed", "--lots", "3"]);
    assert_eq!(report.exit(), Exit::Broken, "{report}");
    assert!(report.to_string().contains("broken"), "{report}");
    // Whoever does not ask for it does not find it.
    let report = load(Fault::OldNumber, &["--closed", "--lots", "3", "--verify", "end"]);
    assert_eq!(judged(&report), Exit::Ok, "{report}");
}

#[test]
fn a_stall_is_paid_for_by_every_bid_that_fell_into_it() {
    let open = ["--rate", "1000", "--lots", "40", "--duration", "1", "--warmup", "0.05"];
    let figures = |fault| load(fault, &open).figures.unwrap();
    // 200 of 1,000 arrivals fall into it: a tenth of all waits over 100 ms. Measured from the write of a request alone, four would.
    let stalled = figures(Fault::Stall).bid_ack;
    assert!(stalled.p90_us > 50_000.0 && stalled.max_us > 150_000.0, "{stalled:?}");
}

#[test]
fn thresholds_and_the_highest_rate() {
    let report =
        load(Fault::None, &["--rate", "500", "--threshold", "bid_ack_p50<30s", "--threshold", "rejected<=0"]);
    assert_eq!((judged(&report), report.thresholds.len()), (Exit::Ok, 2), "{report}");
    let report = load(Fault::None, &["--rate", "500", "--threshold", "bid_ack_p50<1us"]);
    assert_eq!(report.exit(), Exit::Threshold, "{report}");
    // Ended by the first look after a second, not after a minute.
    let report = load(
        Fault::None,
        &["--rate", "500", "--duration", "60", "--threshold", "bid_ack_p50<1us", "--abort-on-fail"],
    );
    assert_eq!((report.exit(), report.figures.as_ref().unwrap().stopped.is_some()), (Exit::Threshold, true));
    let report = load(
        Fault::None,
        &["--rate", "100", "--find-max", "rejected<=0", "--duration", "0.1", "--lots", "40"],
    );
    let search = report.search.as_ref().unwrap();
    assert!(search.held_at.is_some() && search.steps.len() > 1, "{report}");
}

#[test]
fn a_market_that_forgets_or_takes_too_little_is_caught() {
    let check = |fault, arguments: &[&str]| {
        let report = load(fault, arguments);
        assert_eq!(report.exit(), Exit::Broken, "{fault:?}\n{report}");
    };
    check(Fault::Forgets, &["--closed", "--lots", "40"]);
    check(Fault::TakesLow, &["--closed", "--lots", "40", "--rejected", "50"]);
    check(Fault::Forgets, &["--closed", "--mode", "book", "--pipeline", "8"]);
}
