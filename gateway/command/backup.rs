//! `vendue backup`: copies what is new of a data directory, while its engine runs or not; and says what can be given back.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use vendue_domain::time::Timestamp;
use vendue_engine::archive::{self, Moments};

use crate::failure::Failure;
use crate::output::{self, Align, Table};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue backup --data data /mnt/backup\n  vendue backup --list /mnt/backup\n\n\
    Into the same target again, only what is new is copied. The keys of personal data, the notary's key and the secret of the \
    tokens are left out: whoever has the journal without the keys cannot read names and addresses. --with-vault takes the \
    first two along; keep that target as secret as the data directory."
)]
pub(crate) struct Arguments {
    /// The backup's directory; made where it is missing.
    #[arg(value_name = "TARGET")]
    target: PathBuf,
    /// The data directory.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Copies the keys of personal data and the notary's key too.
    #[arg(long, conflicts_with = "list")]
    with_vault: bool,
    /// Copies nothing: says which moments the backup can give back.
    #[arg(long)]
    list: bool,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.list {
        return list(&arguments.target, arguments.json);
    }
    let copied =
        archive::back_up(&arguments.data, &arguments.target, arguments.with_vault).map_err(|error| {
            Failure::broken("no backup was made", error, "what was in the target is as it was")
        })?;
    if arguments.json {
        output::json(&json!({"files": copied.files, "bytes": copied.bytes, "last": copied.last}));
    } else {
        let target = arguments.target.display();
        output::line(&format!(
            "{target} holds everything up to record {}: {} new in {} files",
            copied.last,
            size(copied.bytes),
            copied.files
        ));
    }
    Ok(())
}

fn list(target: &Path, as_json: bool) -> Result<(), Failure> {
    let remedy = "name a directory that `vendue backup` or engine.archive has written";
    let moments = archive::moments(target)
        .map_err(|error| Failure::broken("the backup cannot be read", error, remedy))?;
    let Moments { cell, epoch, has_vault, earliest, stretches } = moments;
    if as_json {
        let stretches: Vec<_> = stretches
            .iter()
            .map(|part| json!({"first": part.first, "last": part.last, "from": instant(part.from), "until": instant(part.until)}))
            .collect();
        output::json(
            &json!({"cell": format!("{cell:032x}"), "epoch": epoch, "vault": has_vault, "earliest": earliest, "stretches": stretches}),
        );
        return Ok(());
    }
    let vault = if has_vault { "with" } else { "without" };
    output::line(&format!("Cell {cell:032x}, epoch {epoch}, {vault} the keys of personal data"));
    let mut table = Table::new(
        &[("FIRST", Align::Right), ("LAST", Align::Right), ("FROM", Align::Left), ("UNTIL", Align::Left)],
        3,
    );
    for part in &stretches {
        let cells = [part.first.to_string(), part.last.to_string(), instant(part.from), instant(part.until)];
        table.row(cells.into_iter().map(|cell| (cell, None)).collect());
    }
    table.print();
    if earliest > 1 {
        output::line(&format!(
            "Each of these records from {earliest} on, and each time after it, can be given to `vendue restore --at`."
        ));
    } else {
        output::line("Each of these records, and each time between, can be given to `vendue restore --at`.");
    }
    Ok(())
}

/// An instant to the microsecond, UTC, as `--at` takes it.
pub(crate) fn instant(at: Timestamp) -> String {
    let mut text = Vec::new();
    vendue_protocol::wire::time::write_rfc3339(&mut text, at);
    String::from_utf8(text).unwrap_or_default()
}

/// Bytes in the unit that suits them.
fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes / 1_024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}
