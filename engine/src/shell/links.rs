//! The links' outgoing side: any thread writes whole frames; what the socket does not take at once waits, bounded.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use tokio::net::UnixStream;
use tokio::sync::Notify;

use crate::unit::LinkId;

/// How much may wait for a gateway that does not read: past it the link is closed (the gateway comes back and asks again
/// for what it missed).
pub(super) const BACKLOG_MAX: usize = 64 * 1024 * 1024;

/// One gateway's link.
pub(super) struct Link {
    stream: Arc<UnixStream>,
    backlog: Mutex<Vec<u8>>,
    /// Woken when something waits in the backlog, or when the link is closed.
    waiting: Notify,
    closed: AtomicBool,
}

impl Link {
    pub(super) fn new(stream: Arc<UnixStream>) -> Self {
        Self {
            stream,
            backlog: Mutex::new(Vec::new()),
            waiting: Notify::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// Writes frames; what the socket does not take at once is kept for [`Link::flush`].
    fn write(&self, bytes: &[u8]) {
        if bytes.is_empty() || self.is_closed() {
            return;
        }
        let mut backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = bytes;
        if backlog.is_empty() {
            // Straight to the descriptor: this is any thread, not only the runtime's. The socket does not block.
            while !rest.is_empty() {
                match rustix::io::write(&*self.stream, rest) {
                    Ok(written) => rest = &rest[written..],
                    Err(rustix::io::Errno::INTR) => {}
                    Err(rustix::io::Errno::AGAIN) => break,
                    Err(_) => return self.close(),
                }
            }
        }
        if rest.is_empty() {
            return;
        }
        if backlog.len() + rest.len() > BACKLOG_MAX {
            tracing::warn!(bytes = backlog.len(), "a gateway does not read; its link is closed");
            return self.close();
        }
        backlog.extend_from_slice(rest);
        drop(backlog);
        self.waiting.notify_one();
    }

    /// Closes the link.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.waiting.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Writes what waits whenever the socket takes it, until the link is closed.
    pub(super) async fn flush(&self) {
        loop {
            self.waiting.notified().await;
            loop {
                if self.is_closed() {
                    return;
                }
                if self.stream.writable().await.is_err() {
                    return self.close();
                }
                if self.flush_some() {
                    break;
                }
            }
        }
    }

    /// Writes what the socket takes now; whether nothing is left.
    fn flush_some(&self) -> bool {
        let mut backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        let mut written = 0;
        while written < backlog.len() {
            match self.stream.try_write(&backlog[written..]) {
                Ok(some) => written += some,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.close();
                    return true;
                }
            }
        }
        backlog.drain(..written);
        backlog.is_empty()
    }
}

/// All links of a cell, by number.
#[derive(Default)]
pub(super) struct Links {
    links: DashMap<LinkId, Arc<Link>>,
    next: AtomicU32,
}

impl Links {
    /// Registers a link.
    pub(super) fn add(&self, stream: Arc<UnixStream>) -> (LinkId, Arc<Link>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let link = Arc::new(Link::new(stream));
        self.links.insert(id, link.clone());
        (id, link)
    }

    /// Forgets a link.
    pub(super) fn remove(&self, id: LinkId) {
        self.links.remove(&id);
    }

    /// Writes frames to a link; one that has gone takes nothing.
    pub(super) fn write(&self, id: LinkId, bytes: &[u8]) {
        let link = self.links.get(&id).map(|link| link.clone());
        if let Some(link) = link {
            link.write(bytes);
        }
    }

    /// Closes all links: nothing more is acknowledged.
    pub(super) fn close_all(&self) {
        for link in &self.links {
            link.close();
        }
    }
}
