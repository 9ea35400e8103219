//! Outcomes on their way back to whoever asked.

use vendue_protocol::domain::actor::Answer;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::wire::reply::{Head, write_accepted, write_data, write_error};
use vendue_protocol::wire::{Code, WireError};

use crate::core::connection::Close;
use crate::core::{Core, Key};

/// What a request led to.
pub(crate) enum Done<'a> {
    /// The rules said yes.
    Accepted { seq: u64, replayed: bool, answer: &'a Answer },
    /// A MessagePack map with the wire's names.
    Data(&'a [u8]),
    /// No.
    Error(&'a WireError),
}

impl Done<'_> {
    pub(crate) const fn code(&self) -> Option<Code> {
        match self {
            Self::Error(error) => Some(error.code),
            _ => None,
        }
    }
}

/// Where a reply goes, and what it answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct To {
    pub(crate) connection: Key,
    pub(crate) id: Option<u64>,
    pub(crate) t_in: Timestamp,
    /// The method's place in the table; `None` where it was not known.
    pub(crate) method: Option<u8>,
}

impl Core {
    /// Writes one reply into its connection's output.
    #[inline]
    pub(crate) fn reply(&mut self, now: Timestamp, to: &To, done: &Done<'_>) {
        if let Some(method) = to.method {
            self.metrics.replied(method, done.code(), (now.0 - to.t_in.0).max(0) as u64);
        }
        let Some(connection) =
            self.connections.get_mut(to.connection).filter(|connection| connection.is_open())
        else {
            return;
        };
        let head = Head { id: to.id, t_in: to.t_in, t_out: now };
        let (out, encoding) = (&mut self.scratch, connection.encoding);
        out.clear();
        match done {
            Done::Accepted { seq, replayed, answer } => {
                write_accepted(out, encoding, &head, *seq, *replayed, answer)
            }
            Done::Data(data) => {
                if let Err(error) = write_data(out, encoding, &head, data) {
                    tracing::error!(%error, "the engine's data cannot be read");
                    write_error(out, encoding, &head, &WireError::new(Code::Internal));
                }
            }
            Done::Error(error) => write_error(out, encoding, &head, error),
        }
        Self::lend_buffer(&mut self.spares, connection);
        connection.push_message(&self.scratch);
        if connection.is_overfull() {
            self.close(now, to.connection, Close::SlowConsumer);
        }
        self.mark_dirty(to.connection);
    }

    /// Writes a reply that says no.
    pub(crate) fn refuse(&mut self, now: Timestamp, to: &To, error: &WireError) {
        self.reply(now, to, &Done::Error(error));
    }
}
