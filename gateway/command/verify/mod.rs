//! `vendue verify`: a whole store, a receipt, a candle.

mod candle;
mod receipt;
mod store;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::connection;
use crate::failure::Failure;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  vendue verify /srv/vendue\n  vendue verify /srv/vendue --witness /mnt/elsewhere/witness.jsonl\n  \
    vendue verify backup/ --events --json\n  vendue verify receipt bid.receipt --key 3b6a27bc...\n  vendue verify candle 17\n\n\
    Of a store: every frame and check of the journal, every record, the rules over all events, effects, key lists, the\n\
    checkpointed state actor by actor, the vault, and the notary's signatures. Nothing in it is changed. While an engine runs\n\
    on it, state and key lists are left out. state/ and keys/ are read from a copy in TMPDIR.\n\n\
    Exit codes: 0 sound, 1 it could not be verified, 2 wrong usage, 3 broken."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Option<VerifyCommand>,
    /// The data directory, or a copy of one.
    #[arg(required = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    store: store::Options,
}

#[derive(Debug, Subcommand)]
enum VerifyCommand {
    /// Draws the end of a candle lot again, and finds who led then.
    Candle(candle::Arguments),
    /// Checks a receipt, offline, and says what it proves.
    Receipt(receipt::Arguments),
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    match (arguments.what, arguments.dir) {
        (Some(VerifyCommand::Candle(arguments)), _) => connection::block_on(candle::run(arguments)),
        (Some(VerifyCommand::Receipt(arguments)), _) => receipt::run(&arguments),
        (None, Some(dir)) => store::run(&dir, &arguments.store),
        (None, None) => {
            Err(Failure::usage("nothing to verify", "no directory is named", "vendue verify DIR"))
        }
    }
}
