//! Logging: to standard error, so that standard output stays for results.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::LogOptions;

/// Sets the process's log up; later calls change nothing.
pub(crate) fn start(options: &LogOptions) {
    let filter = EnvFilter::builder().parse_lossy(&options.level);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // `try_init` fails only where a subscriber is set already, in tests say.
    let _ = match options.format {
        crate::config::LogFormat::Text => lines
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .try_init(),
        crate::config::LogFormat::Json => lines.json().try_init(),
    };
}
