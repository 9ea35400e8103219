//! `vendue verify receipt FILE --key PUBLICKEY`: what a receipt proves, offline.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use vendue_domain::lot::Digest;
use vendue_engine::notary::{Proved, Receipt, public_key_from_hex};
use vendue_protocol::wire::reply::write_answer;
use vendue_protocol::wire::transcode::{Instants, to_json};

use crate::failure::{Exit, Failure};
use crate::output::{self, Mark, Style};
use crate::when;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue verify receipt bid.receipt --key 3b6a27bcceb6a42d62a3a8d02a6f0d73...\n  \
    vendue verify receipt bid.receipt --key market.key\n\n\
    The public key is the `hex` of GET /v1/keys: take it down when you begin to trust the market, not from the receipt.\n\n\
    Exit codes: 0 it holds, 1 it cannot be read, 2 wrong usage, 3 it does not hold."
)]
pub(crate) struct Arguments {
    /// The receipt, as `vendue receipt` saves it or `command.receipt` answers it.
    file: PathBuf,
    /// The market's public key in hexadecimal, or a file with it.
    #[arg(long, value_name = "PUBLICKEY")]
    key: String,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// A public key as it is typed: 64 hexadecimal digits, or the name of a file with them.
pub(super) fn public_key(typed: &str) -> Result<Digest, Failure> {
    let found =
        public_key_from_hex(typed).or_else(|| public_key_from_hex(&std::fs::read_to_string(typed).ok()?));
    found.ok_or_else(|| {
        let what = format!("`{typed}` is no public key");
        Failure::usage(
            what,
            "expected 64 hexadecimal digits, or a file with them",
            "take the `hex` of GET /v1/keys",
        )
    })
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let key = public_key(&arguments.key)?;
    let shown = arguments.file.display();
    let text = std::fs::read_to_string(&arguments.file).map_err(|error| {
        Failure::broken(format!("cannot read {shown}"), error, "name the file of a receipt")
    })?;
    let receipt: Receipt = serde_json::from_str(&text).map_err(|error| {
        Failure::broken(format!("{shown} is no receipt"), error, "save one with `vendue receipt`")
    })?;
    let proved = receipt.check(&key).map_err(|why| {
        let remedy = "it proves nothing: ask the market for it again, and compare the key with the one that you took down";
        Failure::new(Exit::Refused, format!("{shown} does not hold"), why, remedy)
    })?;
    if arguments.json {
        output::json(&as_json(&proved));
    } else {
        let style = Style::of_stdout();
        output::line(&format!("{}: {}", style.mark(Mark::Good, "It holds"), sentence(&proved)));
        output::line(&format!("  told            {}", told(&proved)));
        output::line(&format!("  signed by       {}", proved.checkpoint.key));
    }
    Ok(())
}

/// What is proved, in a sentence.
fn sentence(proved: &Proved) -> String {
    let Proved { statement, checkpoint } = proved;
    let who = statement
        .account
        .map_or_else(|| "the command".to_owned(), |account| format!("a command of {account}"));
    let whom = statement.actor.map_or_else(String::new, |actor| format!(" to {actor}"));
    let outcome = match &statement.rejection {
        Some(rejection) => format!("refused ({})", rejection.code()),
        None => "accepted".to_owned(),
    };
    format!(
        "{who}{whom} was {outcome} at {} as record {} of the market's history, and the market signed so in checkpoint {} at {}.",
        when::date_and_time(statement.time.0),
        statement.position,
        checkpoint.number,
        when::date_and_time(checkpoint.time.0),
    )
}

/// What was answered, in the protocol's words.
fn told(proved: &Proved) -> Value {
    let statement = &proved.statement;
    match (&statement.answer, &statement.rejection) {
        (Some(answer), _) => {
            let (mut packed, mut text) = (Vec::new(), Vec::new());
            write_answer(&mut packed, answer, statement.seq, false);
            // What was packed a line above can be read.
            let _ = to_json(&mut text, &packed, Instants::Micros);
            serde_json::from_slice(&text).unwrap_or_default()
        }
        (None, Some(rejection)) => json!({"code": rejection.code()}),
        (None, None) => Value::Null,
    }
}

fn as_json(proved: &Proved) -> Value {
    let Proved { statement, checkpoint } = proved;
    json!({
        "holds": true,
        "position": statement.position,
        "at": statement.time.0,
        "account": statement.account.map(|account| account.to_string()),
        "target": statement.actor.map(|actor| actor.to_string()),
        "outcome": if statement.rejection.is_some() { "rejected" } else { "accepted" },
        "told": told(proved),
        "checkpoint": checkpoint.number,
        "signed_at": checkpoint.time.0,
        "key": checkpoint.key.to_string(),
    })
}
