//! `vendue engine`: the process that decides and makes durable.

use std::path::PathBuf;

use clap::Args;
use vendue_engine::Engine;

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
    Engine::run(loaded.config.engine, ready, async {
        let _cause = shutdown.await;
    })
    .map_err(|error| Failure::broken("the engine stopped", error, ""))
}
