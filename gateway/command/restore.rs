//! `vendue restore`: makes a data directory out of a backup, as the market stood at a moment.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use vendue_engine::archive::{self, RestorePoint};

use crate::backup::instant;
use crate::failure::Failure;
use crate::output;

/// Bytes between two words about how far it is.
const SAY_EVERY_BYTES: u64 = 1 << 30;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue restore /mnt/backup --data data\n  vendue restore /mnt/backup --data data --at 184203\n  \
    vendue restore /mnt/backup --data data --at 2026-12-24T18:00:00Z\n\n\
    Checks every file before it writes anything, and takes no directory in which something lies. The restored history\n\
    has the next epoch: clients are told that it changed and begin from snapshots. `vendue backup --list` says which\n\
    moments there are."
)]
pub(crate) struct Arguments {
    /// The backup's directory, or an archive.
    #[arg(value_name = "SOURCE")]
    source: PathBuf,
    /// The new data directory: empty or missing.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where history shall end: with this record, or before the first one later than this time [default: the last].
    #[arg(long, value_name = "TIME|SEQ", value_parser = parse_point)]
    at: Option<RestorePoint>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

fn parse_point(text: &str) -> Result<RestorePoint, String> {
    if let Ok(position) = text.parse() {
        return Ok(RestorePoint::Position(position));
    }
    let wrong =
        || format!("`{text}` is neither the number of a record nor an instant (2026-12-24T18:00:00Z)");
    vendue_protocol::wire::time::parse_rfc3339(text).map(RestorePoint::Time).ok_or_else(wrong)
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let point = arguments.at.unwrap_or(RestorePoint::Newest);
    let mut said = 0;
    let mut progress = |bytes: u64| {
        if bytes / SAY_EVERY_BYTES > said {
            said = bytes / SAY_EVERY_BYTES;
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "checked {said} GiB");
        }
    };
    let restored = archive::restore(&arguments.source, &arguments.data, point, &mut progress)
        .map_err(|error| Failure::broken("nothing was restored", error, ""))?;
    let data = arguments.data.display();
    if arguments.json {
        output::json(&json!({
            "data_dir": data.to_string(), "cell": format!("{:032x}", restored.cell), "epoch": restored.epoch,
            "last": restored.last, "time": instant(restored.last_time), "left_out": restored.left_out,
            "shortened": restored.is_shortened, "vault": restored.has_vault,
        }));
        return Ok(());
    }
    output::line(&format!(
        "{data} is as it was at {}, after record {}; its epoch is {} now",
        instant(restored.last_time),
        restored.last,
        restored.epoch
    ));
    if restored.is_shortened {
        output::line("  ends before      the record asked for, which is a part of a decision only");
    }
    if restored.left_out > 0 {
        output::line(&format!("  left out         {} later records", restored.left_out));
    }
    if !restored.has_vault {
        output::line(
            "  not in it        keys of personal data (vault): put your own copy there, or it stays unreadable",
        );
    }
    output::line(
        "  not in it        the secret of the tokens: put your token.secret there, or a new one is made",
    );
    output::line(&format!("  start it with    vendue engine --data-dir {data}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use vendue_domain::time::Timestamp;

    use super::*;

    #[test]
    fn moments_are_records_or_instants() {
        let cases = [
            ("17", Some(RestorePoint::Position(17))),
            ("1970-01-01T00:00:01Z", Some(RestorePoint::Time(Timestamp(1_000_000)))),
            ("yesterday", None),
            ("-1", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_point(text).ok(), expected, "{text}");
        }
    }
}
