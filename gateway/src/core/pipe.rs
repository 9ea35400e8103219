//! The memory between a socket and a WebSocket: bytes that came in, bytes that go out.

use std::io::{self, Read, Write};

use tokio_tungstenite::tungstenite::WebSocket;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use vendue_protocol::wire::Encoding;
use vendue_protocol::wire::limits::FRAME_BYTES;

/// Capacity of a WebSocket's own read buffer in bytes; the library's default of 128 KiB a connection would make a
/// hundred thousand watchers impossible.
const READ_BUFFER_BYTES: usize = 1_024;

/// A stream in memory: reading takes what was put in and never waits, writing appends.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    input: Vec<u8>,
    taken: usize,
    /// Bytes for the socket, in the order in which they go.
    pub(crate) output: Vec<u8>,
}

impl Pipe {
    /// Puts bytes in by exchanging buffers: `with` comes back holding the old, used-up one.
    pub(crate) fn exchange_input(&mut self, with: &mut Vec<u8>) {
        std::mem::swap(&mut self.input, with);
        self.taken = 0;
    }
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = &self.input[self.taken..];
        if rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        self.taken += length;
        Ok(length)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A server's WebSocket over memory: control frames, masks, fragments, UTF-8 and closing are the library's.
pub(crate) fn server_socket() -> WebSocket<Pipe> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        // Only pongs and closes are written by the library; a pipe takes them at once.
        .max_write_buffer_size(2 * READ_BUFFER_BYTES)
        .max_message_size(Some(FRAME_BYTES))
        .max_frame_size(Some(FRAME_BYTES));
    WebSocket::from_raw_socket(Pipe::default(), Role::Server, Some(config))
}

/// Appends a data frame: what the library would write, without a copy for each message.
#[inline]
pub(crate) fn write_frame(out: &mut Vec<u8>, encoding: Encoding, payload: &[u8]) {
    let opcode = match encoding {
        Encoding::Json => 0x81,
        Encoding::MessagePack => 0x82,
    };
    let length = payload.len();
    if length < 126 {
        out.extend_from_slice(&[opcode, length as u8]);
    } else if let Ok(length) = u16::try_from(length) {
        let [high, low] = length.to_be_bytes();
        out.extend_from_slice(&[opcode, 126, high, low]);
    } else {
        out.extend_from_slice(&[opcode, 127]);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::tungstenite::Message;

    #[test]
    fn our_frames_are_the_librarys() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 200_000] {
            let text = "x".repeat(length);
            let mut socket = server_socket();
            // Beyond its own small write buffer the library refuses; those of ours are read by a client below.
            let _ = socket.send(Message::text(text.clone()));
            let mut ours = Vec::new();
            write_frame(&mut ours, Encoding::Json, text.as_bytes());
            let mut client = WebSocket::from_raw_socket(Pipe::default(), Role::Client, None);
            client.get_mut().exchange_input(&mut ours.clone());
            assert_eq!(client.read().unwrap(), Message::text(text));
            let theirs = &socket.get_ref().output;
            assert!(theirs.is_empty() || *theirs == ours);
        }
    }
}
