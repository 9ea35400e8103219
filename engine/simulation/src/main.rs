//! `vendue-simulation`: lives through many worlds, one after the other, and stops at the first that breaks something.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use vendue_simulation::{Options, run, smallest};

/// Lives through simulated worlds. A seed that fails is printed with the command that replays it.
#[derive(Debug, Parser)]
#[command(name = "vendue-simulation", version)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// As many seeds as there is time for, in minutes; instead of a number.
    #[arg(long, value_name = "MINUTES", conflicts_with = "seeds")]
    minutes: Option<f64>,
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
    let Arguments { seeds, minutes, from, steps, clients, calm, keep_going, verbose } = Arguments::parse();
    let began = Instant::now();
    let last = if minutes.is_some() { u64::MAX } else { from.saturating_add(seeds) };
    let (mut failed, mut worlds) = (0_u64, 0_u64);
    let (mut commands, mut crashes, mut simulated_ms) = (0, 0, 0);
    for seed in from..last {
        if minutes.is_some_and(|minutes| began.elapsed().as_secs_f64() >= minutes * 60.0) {
            break;
        }
        worlds += 1;
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
                println!("the smallest world of this seed that breaks something:\n{}", smallest(violation));
                failed += 1;
                if !keep_going {
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    println!(
        "\n{worlds} worlds from {from} on, {failed} broken: {commands} commands, {crashes} crashes, {} simulated seconds, {:.0} times as \
         fast as real ones, at {:.0} commands a simulated second; each world checked while it ran and audited at its end",
        simulated_ms / 1_000,
        simulated_ms as f64 / 1_000.0 / began.elapsed().as_secs_f64(),
        commands as f64 * 1_000.0 / simulated_ms.max(1) as f64
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
