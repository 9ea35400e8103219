//! What a client has done: figures for people and tests.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$meta:meta])* $name:ident,)+) => {
        /// Counts since the client was made.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Stats { $( $(#[$meta])* pub $name: u64, )+ }

        /// The counters behind [`Stats`].
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $( pub(crate) $name: AtomicU64, )+ }

        impl Counters {
            pub(crate) fn read(&self) -> Stats {
                Stats { $( $name: self.$name.load(Relaxed), )+ }
            }
        }
    };
}

counters! {
    /// Connections that were made, the first one included.
    connections,
    /// Requests that were sent, repetitions included.
    requests,
    /// Replies that came.
    replies,
    /// Replies that said no.
    refused,
    /// Requests sent again on a new connection.
    resent,
    /// Commands tried again with the same key.
    retried,
    /// Outcomes that had to be asked for.
    resolved,
    /// Events that came.
    events,
    /// Events that came twice and were dropped.
    duplicates,
    /// Gaps in a channel's sequence.
    gaps,
    /// Subscriptions that went on where they stood.
    resumes,
    /// Snapshots that were taken.
    snapshots,
    /// Times that a slow reader was given a snapshot instead of every event.
    overruns,
    /// Bytes of messages received.
    bytes_in,
    /// Bytes of messages sent.
    bytes_out,
    /// Messages that could not be read.
    unreadable,
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Relaxed);
}
