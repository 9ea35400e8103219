//! `vendue gateway`: the process that clients talk to.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use vendue_gateway::{Gateway, GatewayHandle};

use crate::cli::ConfigArguments;
use crate::config::{self, Sources};
use crate::failure::Failure;
use crate::{log, output, shutdown};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where to listen, 127.0.0.1:7400 say; port 0 takes a free one [gateway.listen].
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// The engine's socket [gateway.engine_socket; default: in engine.data_dir].
    #[arg(long, value_name = "PATH")]
    link_socket: Option<PathBuf>,
    /// The engine's data directory, for socket and token secret [engine.data_dir].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Answers bids itself, without an engine: the yardstick of the load tool [gateway.echo].
    #[arg(long)]
    echo: bool,
    /// Ends when standard input, a pipe, is closed: for a parent that must leave nothing behind.
    #[arg(long)]
    until_input_closes: bool,
    #[command(flatten)]
    configuration: ConfigArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let path = |path: &PathBuf| path.display().to_string();
    let sources = Sources::of_process(&arguments.configuration)
        .flag("gateway.listen", arguments.listen, "--listen")
        .flag("gateway.engine_socket", arguments.link_socket.as_ref().map(path), "--link-socket")
        .flag("engine.data_dir", arguments.data_dir.as_ref().map(path), "--data-dir")
        .flag("gateway.echo", arguments.echo.then_some(true), "--echo");
    let loaded = config::load(&sources)?;
    log::start(&loaded.config.log);
    let shutdown = shutdown::requested(arguments.until_input_closes)
        .map_err(|error| Failure::broken("cannot wait for signals", error, "see the system's limits"))?;
    let broken = |error: vendue_gateway::GatewayError| Failure::broken("the gateway cannot start", error, "");
    let handle = Gateway::start(loaded.config.gateway).map_err(broken)?;
    // The one line on standard output: whoever chose port 0 learns the port.
    output::json(&json!({"listening": handle.local_addr().to_string()}));
    crate::connection::block_on(async {
        let mut hangup = signal(SignalKind::hangup())
            .map_err(|error| Failure::broken("cannot wait for signals", error, "see the system's limits"))?;
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                _cause = &mut shutdown => return Ok(()),
                _ = hangup.recv() => reload(&handle, &sources),
            }
        }
    })?;
    handle.shutdown();
    Ok(())
}

/// SIGHUP: keys, certificate and allowed origins are read anew. What is wrong is logged, and changes nothing.
fn reload(handle: &GatewayHandle, sources: &Sources) {
    let reloaded = config::load(sources)
        .map_err(|error| error.to_string())
        .and_then(|loaded| handle.reload(&loaded.config.gateway).map_err(|error| error.to_string()));
    match reloaded {
        Ok(waiting) if waiting.is_empty() => {
            tracing::info!("keys, certificate and allowed origins are read anew")
        }
        Ok(waiting) => tracing::warn!(
            changed = waiting.join(", "),
            "keys, certificate and allowed origins are read anew; the rest of what has changed needs a restart"
        ),
        Err(error) => tracing::error!(error, "nothing is changed: the configuration cannot be used"),
    }
}
