//! How the tool ends.

use std::path::PathBuf;

/// Why the tool could not do what it was asked for. What it found wrong in the market is no failure of the tool but its
/// result: see [`Exit`].
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments contradict each other or the server's limits.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read.
    #[error("cannot read {path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong; the line, where it is the content.
        why: String,
    },
    /// The private market does not start or went away.
    #[error("the private market: {0}")]
    Market(String),
    /// The market said no where it must not, or cannot be reached.
    #[error("{doing}: {source}")]
    Client {
        /// What the tool was doing.
        doing: &'static str,
        /// What the client reports.
        source: vendue_client::Error,
    },
    /// The load could not be made.
    #[error("the generator: {0}")]
    Generator(String),
    /// The operating system said no.
    #[error("{doing}: {source}")]
    System {
        /// What the tool was doing.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Failure {
    /// For `map_err` of what the client returns.
    pub fn client(doing: &'static str) -> impl Fn(vendue_client::Error) -> Self {
        move |source| Self::Client { doing, source }
    }

    /// For `map_err` of what the system returns.
    pub fn system<E: Into<std::io::Error>>(doing: &'static str) -> impl Fn(E) -> Self {
        move |source| Self::System { doing, source: source.into() }
    }

    /// The process's exit code for this failure.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            _ => Exit::CouldNotRun,
        }
    }
}

/// The exit codes of the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It ran, and everything is as it must be.
    Ok = 0,
    /// It could not run.
    CouldNotRun = 1,
    /// Wrong arguments.
    Usage = 2,
    /// It ran, and something is not as it must be: a mismatch, an invariant broken.
    Broken = 3,
    /// It ran, and measured the generator instead of the market.
    Saturated = 4,
    /// It ran, and a threshold or a comparison failed.
    Threshold = 99,
    /// Somebody stopped it; what was measured until then was reported.
    Interrupted = 130,
}
