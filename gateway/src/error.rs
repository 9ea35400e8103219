//! What can keep a gateway from starting: what, why, and what to do.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// An option that cannot be.
    #[error("{option}: {problem}; {remedy}")]
    Option {
        /// Its name in the configuration.
        option: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The address is taken.
    #[error(
        "cannot listen on {address} (gateway.listen): the port is in use; stop the program that uses it, or choose another \
         port with gateway.listen"
    )]
    PortInUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address} (gateway.listen): {source}; check that this machine has the address and the process may use the port"
    )]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The secret or a key cannot be used.
    #[error("cannot use {path} ({option}): {problem}; {remedy}")]
    Key {
        /// The option that names the file.
        option: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A thread or its runtime could not be made.
    #[error("cannot start a thread of the gateway: {0}; the machine may have run out of threads or memory")]
    Thread(std::io::Error),
}
