//! `vendue receipt TARGET KEY`: saves the proof of what a command was answered.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::connection::{As, Connection, Target};
use crate::failure::Failure;
use crate::output::{self, Mark, Style};

/// How long a command that was just answered is waited for to be notarized; the engine's option is 5 s.
const PATIENCE: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue bid 17 105.00 --receipt bid.receipt\n  vendue receipt lot_01J9... my-key-1 --save bid.receipt\n\n\
    A receipt holds what you were told, and proves with the market's signature that it stands in the market's history; nothing\n\
    of anybody else. `vendue verify receipt FILE --key PUBLICKEY` checks it without the market."
)]
pub(crate) struct Arguments {
    /// What the command was sent to: the id of a lot, stock item, book, order or account.
    id: String,
    /// The command's key (--key of the earlier command).
    command: String,
    /// Where to save it; printed where absent.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    match &arguments.save {
        Some(path) => save(&connection, &arguments.id, &arguments.command, path).await,
        None => {
            output::line(&fetch(&connection, &arguments.id, &arguments.command).await?);
            Ok(())
        }
    }
}

/// Saves the receipt of the caller's command with `key` to `id`.
pub(crate) async fn save(connection: &Connection, id: &str, key: &str, path: &Path) -> Result<(), Failure> {
    let receipt = fetch(connection, id, key).await?;
    std::fs::write(path, receipt + "\n").map_err(|error| {
        let what = format!("cannot write {}", path.display());
        Failure::broken(what, error, format!("ask for it again: vendue receipt {id} {key} --save FILE"))
    })?;
    let style = Style::of_stdout();
    output::line(&format!("  receipt         {}", style.mark(Mark::Link, &path.display().to_string())));
    Ok(())
}

async fn fetch(connection: &Connection, id: &str, key: &str) -> Result<String, Failure> {
    let give_up = tokio::time::Instant::now() + PATIENCE;
    loop {
        match connection.read("command.receipt", json!({"target": id, "key": key})).await {
            Ok(receipt) => return Ok(receipt.to_string()),
            Err(failure)
                if tokio::time::Instant::now() > give_up || !failure.to_string().contains("not yet") =>
            {
                return Err(failure);
            }
            Err(_) => tokio::time::sleep(ASK_EVERY).await,
        }
    }
}
