//! `vendue engine`: the process that decides and makes durable.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use vendue_engine::{Engine, ManualConnector, Starting};

use crate::cli::ConfigArguments;
use crate::config::{self, Sources};
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::{log, output, shutdown};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where everything durable lies [engine.data_dir].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The socket for gateways [engine.link_socket; default: DIR/engine.sock].
    #[arg(long, value_name = "PATH")]
    link_socket: Option<PathBuf>,
    /// Ends when standard input, a pipe, is closed: for a parent that must leave nothing behind.
    #[arg(long)]
    until_input_closes: bool,
    #[command(flatten)]
    configuration: ConfigArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let path = |path: &PathBuf| path.display().to_string();
    let sources = Sources::of_process(&arguments.configuration)
        .flag("engine.data_dir", arguments.data_dir.as_ref().map(path), "--data-dir")
        .flag("engine.link_socket", arguments.link_socket.as_ref().map(path), "--link-socket");
    let loaded = config::load(&sources)?;
    log::start(&loaded.config.log);
    let data = DataDir(loaded.config.engine.data_dir.clone());
    data.create()?;
    // Tokens can be minted as soon as there is a market, before any gateway has started.
    vendue_gateway::auth::open_secret(&data.token_secret())
        .map_err(|error| Failure::broken("no token secret", error, ""))?;
    let shutdown = shutdown::requested(arguments.until_input_closes)
        .map_err(|error| Failure::broken("cannot wait for signals", error, "see the system's limits"))?;
    let ready = || {
        output::line(r#"{"ready":true}"#);
    };
    let stopped = async {
        let _cause = shutdown.await;
    };
    let options = loaded.config.engine;
    let outcome = if std::io::stderr().is_terminal() {
        Engine::run_showing(options, Arc::new(ManualConnector), draw, ready, stopped)
    } else {
        Engine::run(options, ready, stopped)
    };
    outcome.map_err(|error| Failure::broken("the engine stopped", error, ""))
}

/// How many characters the bar has.
const BAR: u64 = 24;

/// Shows on the terminal how far a long start has come, in one line that is written over; `None` takes it away.
fn draw(starting: Option<&Starting>) {
    let line = starting.map(bar).unwrap_or_default();
    let mut out = std::io::stderr().lock();
    // Whoever closed the terminal does not look at it.
    let _ = write!(out, "\r\x1b[K{line}");
    let _ = out.flush();
}

fn bar(starting: &Starting) -> String {
    match starting.percent() {
        Some(percent) => {
            let full = percent * BAR / 100;
            let (done, rest) = ("#".repeat(full as usize), ".".repeat((BAR - full) as usize));
            format!("[{done}{rest}] {starting}")
        }
        None => format!("{starting} ..."),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vendue_engine::recovery::Phase;

    use super::*;

    #[test]
    fn the_bar_grows_with_the_journal() {
        let starting = |records| Starting {
            phase: Phase::Journal,
            actors: 5,
            records,
            records_all: 1_000,
            per_second: 100,
            elapsed: Duration::from_secs(3),
        };
        for (records, begins) in [
            (0, "[........................] reading the journal: 0 %"),
            (500, "[############............] reading the journal: 50 %, 500 of 1000 records"),
            (1_000, "[########################] reading the journal: 100 %"),
        ] {
            let line = bar(&starting(records));
            assert!(line.starts_with(begins), "{line}");
        }
    }
}
