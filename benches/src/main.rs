//! Figures of the engine in process, each printed as a ratio to something measured in the same run.
//!
//! `cargo run --release -p vendue-benches -- engine` (or `make bench`): durable commands a second through shard, journal
//! and reply encoding, beside a bare loop that writes and syncs the same commit sizes; at 0, 50 and 95 % rejected, on
//! many lots and on one. `-- book`: messages a second of the matching core alone, beside other order books.
//! `-- memory`: bytes for what lies idle. `-- checkpoint`: what checkpoints cost. `-- restart`: a start, phase by phase.

mod book;
mod checkpoint;
mod engine;
mod memory;
mod orders;
mod restart;
mod workload;

use clap::{Parser, Subcommand};

/// The allocator of the binary `vendue`, so that what is measured is what runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Vendue's figures, in process")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The matching core beside other order books, on the public workload.
    Book(book::Options),
    /// What a checkpoint costs, with money and without.
    Checkpoint(checkpoint::Options),
    /// Durable commands a second through a shard and the journal.
    Engine(engine::Options),
    /// Bytes for an idle lot in memory, on disk, and for each bid.
    Memory(memory::Options),
    /// A start after `kill -9`: many lots, many events since the checkpoint.
    Restart(restart::Options),
}

fn main() {
    let outcome = match Arguments::parse().what {
        What::Book(options) => book::run(&options),
        What::Checkpoint(options) => checkpoint::run(&options),
        What::Engine(options) => engine::run(&options),
        What::Memory(options) => memory::run(&options),
        What::Restart(options) => restart::run(&options),
    };
    if let Err(error) = outcome {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}
