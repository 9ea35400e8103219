//! The port: one socket for each thread.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::error::GatewayError;
use crate::options::GatewayOptions;

/// Connections that may wait to be accepted: a thousand clients that come back at once do not have to try again.
const BACKLOG: i32 = 4_096;

/// The listeners of all threads, and the address they have.
pub(super) fn bind(options: &GatewayOptions) -> Result<(Vec<TcpListener>, SocketAddr), GatewayError> {
    let share = options.threads > 1;
    let mut address = options.listen;
    let mut listeners = Vec::with_capacity(options.threads);
    for _ in 0..options.threads {
        let listener = listen(address, share).map_err(|source| match source.kind() {
            ErrorKind::AddrInUse => GatewayError::PortInUse { address },
            _ => GatewayError::Listen { address, source },
        })?;
        // Port 0 is a free one for the first; the others share it.
        address = listener.local_addr().map_err(|source| GatewayError::Listen { address, source })?;
        listeners.push(listener);
    }
    Ok((listeners, address))
}

fn listen(address: SocketAddr, share: bool) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart may use the port at once, although old connections are still being forgotten.
    socket.set_reuse_address(true)?;
    if share {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
