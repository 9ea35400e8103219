//! The load tool's command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use vendue_loadtest::failure::{Exit, Failure};
use vendue_loadtest::history::{self, HistoryArgs};
use vendue_loadtest::run::{self, RunArgs};

const EXIT_CODES: &str = "\
Exit codes: 0 everything as it must be; 1 could not run; 2 wrong arguments; 3 ran, and found a mismatch or a broken invariant.

Without an address both start a private market with the `vendue` binary beside this one, and remove it afterwards.";

const HISTORY_EXAMPLES: &str = "\
Examples:
  vendue-loadtest history --file loadtest/histories/worked.jsonl
      The histories worked by hand, on a private market.
  vendue-loadtest history --file histories.jsonl --kill-engine-at 50%
      kill -9 of the engine after half the bids; everything acknowledged must be there afterwards, and nothing twice.
  vendue-loadtest history --file histories.jsonl --url ws://127.0.0.1:7400/ws --token-secret-file data/demo/token.secret
      On a running market.

Each auction becomes a lot (english, proxy), each bidder an account; UNBOUNDED is 10,000,000.00. The bids of an auction are made
strictly in order, each after the reply to the one before; auctions run side by side.";

const RUN_EXAMPLES: &str = "\
Examples:
  vendue-loadtest run --rate 5000 --connections 100
      Open model: Poisson arrivals at 5,000 a second on a private market; latency from the moment a bid was due.
  vendue-loadtest run --closed --connections 100
      Closed model: each connection bids again when it is answered.
  vendue-loadtest run --closed --connections 32 --pipeline 64 --encoding msgpack
      2,048 bids in flight, many in a frame.
  vendue-loadtest run --mode book --closed --connections 100 --funding full
      Orders in a book instead of bids, each a hold of money or goods.
  vendue-loadtest run --closed --connections 100 --compare-echo --rounds 5 --seconds 3
      The same load on the market and on its gateway in echo mode by turns: the ratio of each round, the median and the spread.
  vendue-loadtest run ws://127.0.0.1:7400/ws --token-secret-file data/demo/token.secret --rate 200
      A running market.

At the end each lot's price and number of bids, or each book's depth, are compared with the tool's own record of what was acknowledged.";

#[derive(Parser)]
#[command(name = "vendue-loadtest", version, about = "Replays auctions, makes load, and verifies what the market made of it", after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Replays auctions bid by bid and checks that the market finds each winner and final price itself, to the cent.
    #[command(after_help = HISTORY_EXAMPLES)]
    History(HistoryArgs),
    /// Makes load and measures: throughput, latency, CPU and bytes for each bid.
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::History(args) => replay(&args),
        Command::Run(args) => measure(&args),
    };
    let exit = result.unwrap_or_else(|failure| {
        eprintln!("vendue-loadtest: {failure}");
        failure.exit()
    });
    ExitCode::from(exit as u8)
}

fn replay(args: &HistoryArgs) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::system("cannot start"))?;
    let report = runtime.block_on(history::run(args))?;
    print(&report, args.json);
    Ok(report.exit())
}

fn measure(args: &RunArgs) -> Result<Exit, Failure> {
    let report = run::run(args)?;
    print(&report, args.json);
    Ok(report.exit())
}

fn print<R: serde::Serialize + std::fmt::Display>(report: &R, json: bool) {
    match serde_json::to_string_pretty(report) {
        Ok(text) if json => println!("{text}"),
        _ => println!("{report}"),
    }
}
