//! `vendue-simulation`: lives through many worlds, one after the other, and stops at the first that breaks something.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use vendue_simulation::{Options, run};

/// Lives through simulated worlds. A seed that fails is printed with the command that replays it.
#[derive(Debug, Parser)]
#[command(name = "vendue-simulation", version)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Steps of each world.
    #[arg(long, default_value_t = 2_000)]
    steps: u32,
    /// Clients of each world.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(4..))]
    clients: u16,
    /// Nothing fails.
    #[arg(long)]
    calm: bool,
    /// Goes on after a failure and counts them.
    #[arg(long)]
    keep_going: bool,
    /// Prints what happened in each world.
    #[arg(long)]
    verbose: bool,
}

fn main() -> ExitCode {
    let Arguments { seeds, from, steps, clients, calm, keep_going, verbose } = Arguments::parse();
    let mut failed = 0_u64;
    let (mut commands, mut crashes, mut simulated_ms) = (0, 0, 0);
    for seed in from..from.saturating_add(seeds) {
        match run(Options { seed, steps, clients, faults: !calm }) {
            Ok(report) => {
                commands += report.commands;
                crashes += report.crashes;
                simulated_ms += report.simulated_ms;
                if verbose {
                    println!("{report:?}");
                } else {
                    print!("\rseed {seed}");
                    // Progress that cannot be shown is not worth an error.
                    let _ = std::io::stdout().flush();
                }
            }
            Err(violation) => {
                println!("\n{violation}");
                failed += 1;
                if !keep_going {
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    println!(
        "\n{seeds} worlds from {from} on, {failed} broken: {commands} commands, {crashes} crashes, {} simulated seconds",
        simulated_ms / 1_000
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
