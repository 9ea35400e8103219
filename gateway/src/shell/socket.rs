//! A WebSocket's bytes: read by its own task, written by whoever has something for it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::core::Key;
use crate::shell::tls::Session;
use crate::shell::worker::Worker;

/// How long a closed connection is still read: closing with unread bytes would make the system throw away what the client
/// has not read yet, the reason of the close among it.
const LINGER: Duration = Duration::from_secs(1);

/// The writing side of a connection.
pub(super) struct Socket {
    half: OwnedWriteHalf,
    /// Where the port speaks TLS.
    tls: Option<RefCell<Session>>,
    /// The reading task, which also waits for room to write.
    waker: RefCell<Option<Waker>>,
    /// The system's buffer is full: nothing is tried until there is room.
    is_full: Cell<bool>,
    has_failed: Cell<bool>,
    /// Reading stopped because the client does not read.
    is_paused: Cell<bool>,
}

impl Socket {
    /// Writes all output that the system takes, in one call where it takes all.
    pub(super) fn write(&self, worker: &Worker, key: Key) {
        if self.is_full.get() {
            return;
        }
        let mut core = worker.core.borrow_mut();
        loop {
            let output = core.output(key);
            if output.is_empty() && self.is_flushed() {
                break;
            }
            match self.try_write(output) {
                Ok(count) => core.written(worker.now(), key, count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_full.set(true);
                    break;
                }
                Err(_) => {
                    self.has_failed.set(true);
                    break;
                }
            }
        }
        let reads_again = self.is_paused.get() && core.wants_reading(key);
        if self.is_full.get() || self.has_failed.get() || reads_again || core.is_finished(key) {
            self.wake();
        }
    }

    /// Gives the system what it takes of `output`; through TLS first what waits encrypted, then as much as there is room for.
    fn try_write(&self, output: &[u8]) -> std::io::Result<usize> {
        let Some(tls) = &self.tls else { return self.half.try_write(output) };
        let mut tls = tls.borrow_mut();
        tls.flush(&self.half)?;
        let taken = tls.write(output)?;
        match tls.flush(&self.half) {
            // What was taken is taken: the rest is found by the next call.
            Err(error) if error.kind() == ErrorKind::WouldBlock && taken > 0 => Ok(taken),
            flushed => flushed.map(|()| taken),
        }
    }

    /// Whether nothing encrypted waits for the system.
    fn is_flushed(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| !tls.borrow().wants_write())
    }

    /// Hands what was read to the core. False when the client says that nothing more comes.
    fn receive(&self, worker: &Worker, key: Key, mut read: &[u8]) -> std::io::Result<bool> {
        let Some(tls) = &self.tls else {
            worker.core.borrow_mut().receive(worker.now(), key, read);
            return Ok(true);
        };
        let mut tls = tls.borrow_mut();
        let mut plain = worker.plain_buffer.borrow_mut();
        loop {
            if !read.is_empty() {
                tls.receive(&mut read)?;
            }
            loop {
                match tls.read(&mut plain) {
                    Ok(0) => return Ok(false),
                    Ok(count) => worker.core.borrow_mut().receive(worker.now(), key, &plain[..count]),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            if read.is_empty() {
                return Ok(true);
            }
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// Reads a client's bytes until it has gone, and takes it out of the core. `read_already` are plain bytes.
pub(super) async fn run(
    worker: Rc<Worker>,
    key: Key,
    stream: TcpStream,
    tls: Option<Session>,
    read_already: Bytes,
) {
    let (mut reader, half) = stream.into_split();
    let socket = Rc::new(Socket {
        half,
        tls: tls.map(RefCell::new),
        waker: RefCell::default(),
        is_full: Cell::new(false),
        has_failed: Cell::new(false),
        is_paused: Cell::new(false),
    });
    worker.sockets.borrow_mut().insert(key, Rc::clone(&socket));
    if !read_already.is_empty() {
        worker.core.borrow_mut().receive(worker.now(), key, &read_already);
        worker.carry();
    }
    // It would keep the whole buffer of the handshake for as long as the client stays.
    drop(read_already);
    // What the handshake's last read has brought along and decrypted.
    let goes_on = socket.tls.is_none() || socket.receive(&worker, key, &[]).is_ok_and(|goes_on| goes_on);
    worker.carry();
    if goes_on {
        poll_fn(|context| poll(context, &worker, key, &socket, &mut reader)).await;
    }
    worker.sockets.borrow_mut().remove(&key);
    worker.core.borrow_mut().disconnect(worker.now(), key);
    worker.carry();
    if !socket.has_failed.get() {
        if let Some(tls) = &socket.tls {
            tls.borrow_mut().close();
            let _ = tls.borrow_mut().flush(&socket.half);
        }
        let _ = shutdown(socket.half.as_ref());
        let _ = tokio::time::timeout(LINGER, read_rest(&mut reader)).await;
    }
}

/// Says that nothing more will be written.
fn shutdown(stream: &TcpStream) -> std::io::Result<()> {
    socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write)
}

/// Reads until the client has closed too.
async fn read_rest(reader: &mut OwnedReadHalf) {
    loop {
        let ready = reader.readable().await;
        match ready.and_then(|()| reader.try_read(&mut [0; 4_096])) {
            Ok(0) => return,
            Err(error) if error.kind() != ErrorKind::WouldBlock => return,
            _ => {}
        }
    }
}

/// One round: writes where there is room again, reads where something has come. Ready when the connection is over.
fn poll(
    context: &mut Context<'_>,
    worker: &Rc<Worker>,
    key: Key,
    socket: &Rc<Socket>,
    reader: &mut OwnedReadHalf,
) -> Poll<()> {
    socket.waker.replace(Some(context.waker().clone()));
    loop {
        if socket.is_full.get() && socket.half.as_ref().poll_write_ready(context).is_ready() {
            socket.is_full.set(false);
            socket.write(worker, key);
            // `write` may have used the waker up.
            socket.waker.replace(Some(context.waker().clone()));
            if socket.is_full.get() {
                // A spurious readiness: ask again, so that the task is woken for the next.
                continue;
            }
        }
        let (is_finished, is_written, wants_reading) = {
            let core = worker.core.borrow();
            let is_written = core.output(key).is_empty() && socket.is_flushed();
            (core.is_finished(key), is_written, core.wants_reading(key))
        };
        if socket.has_failed.get() || (is_finished && is_written) {
            return Poll::Ready(());
        }
        socket.is_paused.set(!wants_reading);
        if !wants_reading {
            return Poll::Pending;
        }
        let mut buffer = worker.read_buffer.borrow_mut();
        let mut buffer = ReadBuf::new(&mut buffer);
        match Pin::new(&mut *reader).poll_read(context, &mut buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                let goes_on = socket.receive(worker, key, buffer.filled());
                if !matches!(goes_on, Ok(true)) {
                    return Poll::Ready(());
                }
            }
            Poll::Ready(_) => return Poll::Ready(()),
        }
        if !socket.is_flushed() {
            // TLS itself has something to say: a key update, an alert.
            socket.write(worker, key);
        }
        worker.carry();
        socket.waker.replace(Some(context.waker().clone()));
    }
}
