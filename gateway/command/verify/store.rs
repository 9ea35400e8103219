//! `vendue verify DIR`: a whole store judged, offline.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use vendue_engine::offline::{Outcome, VerifyOptions, VerifyReport, verify};

use super::receipt::public_key;
use crate::failure::{Exit, Failure};
use crate::output::{self, Align, Mark, Style, Table};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The journal's events only: neither checkpointed state nor key lists nor vault.
    #[arg(long)]
    events: bool,
    /// Signed checkpoints kept elsewhere (engine.witness_file): finds a history that was cut off or rewritten.
    #[arg(long, value_name = "FILE")]
    witness: Option<PathBuf>,
    /// The public key that must have signed, in hexadecimal or a file with it.
    #[arg(long, value_name = "PUBLICKEY")]
    key: Option<String>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(dir: &Path, options: &Options) -> Result<(), Failure> {
    let key = options.key.as_deref().map(public_key).transpose()?;
    let asked = VerifyOptions { events_only: options.events, witness: options.witness.clone(), key };
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} %  {eta} left") {
        bar.set_style(style);
    }
    let report = verify(dir, &asked, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = report.map_err(|error| {
        let what = format!("{} cannot be verified", dir.display());
        Failure::broken(what, error, "name the data directory of an engine, the one with journal/ in it")
    })?;
    if options.json {
        output::json(&as_json(dir, &report));
    } else {
        print(&report);
    }
    if report.is_sound() {
        return Ok(());
    }
    let count = report.findings.len() as u64 + report.more;
    let first = report.findings.first();
    Err(Failure::new(
        Exit::Refused,
        format!("{} is broken: {count} findings", dir.display()),
        first.map_or(String::new(), |finding| finding.what.clone()),
        first.map_or("", |finding| finding.remedy),
    ))
}

fn print(report: &VerifyReport) {
    let mut table =
        Table::new(&[("CHECK", Align::Left), ("RESULT", Align::Left), ("LOOKED AT", Align::Left)], 2);
    for check in &report.checks {
        let (words, mark, looked_at) = match &check.outcome {
            Outcome::Sound => ("sound", Mark::Good, &check.looked_at),
            Outcome::Broken => ("BROKEN", Mark::Warning, &check.looked_at),
            Outcome::Skipped(why) => ("left out", Mark::Faint, why),
        };
        table.row(vec![
            (check.name.to_owned(), None),
            (words.to_owned(), Some(mark)),
            (looked_at.clone(), None),
        ]);
    }
    table.print();
    let style = Style::of_stdout();
    for finding in &report.findings {
        output::line(&format!("{}: {}", style.mark(Mark::Warning, finding.check), finding.what));
        output::line(&format!("  {}", style.mark(Mark::Faint, finding.remedy)));
    }
    if report.more > 0 {
        output::line(&format!("and {} more of the same kinds", report.more));
    }
}

fn as_json(dir: &Path, report: &VerifyReport) -> Value {
    let check = |check: &vendue_engine::offline::CheckReport| {
        let (result, why) = match &check.outcome {
            Outcome::Sound => ("sound", None),
            Outcome::Broken => ("broken", None),
            Outcome::Skipped(why) => ("left_out", Some(why)),
        };
        json!({"check": check.name, "result": result, "looked_at": check.looked_at, "why": why})
    };
    json!({
        "dir": dir.display().to_string(),
        "sound": report.is_sound(),
        "first": report.records.0,
        "last": report.records.1,
        "checkpoints": report.notarized.0,
        "notarized_to": report.notarized.1,
        "checks": report.checks.iter().map(check).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(|finding| json!({"check": finding.check, "what": finding.what, "remedy": finding.remedy})).collect::<Vec<_>>(),
        "more_findings": report.more,
    })
}
