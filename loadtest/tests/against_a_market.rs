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

/// Makes load on such a market.
fn load(fault: Fault, arguments: &[&str]) -> RunReport {
    let fake = Fake::start(fault);
    let secret = fake.secret_file().to_str().unwrap();
    let mut line = vec![
        "tool",
        "run",
        &fake.url,
        "--token-secret-file",
        secret,
        "--warmup",
        "0.05",
        "--duration",
        "0.2",
    ];
    line.extend(["--connections", "4", "--seed", "7"]);
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
fn a_market_that_forgets_or_takes_too_little_is_caught() {
    let check = |fault, arguments: &[&str]| {
        let report = load(fault, arguments);
        assert_eq!(report.exit(), Exit::Broken, "{fault:?}\n{report}");
    };
    check(Fault::Forgets, &["--closed", "--lots", "40"]);
    check(Fault::TakesLow, &["--closed", "--lots", "40", "--rejected", "50"]);
    check(Fault::Forgets, &["--closed", "--mode", "book", "--pipeline", "8"]);
}
