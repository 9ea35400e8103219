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
use crate::shell::worker::Worker;

/// How long a closed connection is still read: closing with unread bytes would make the system throw away what the client
/// has not read yet, the reason of the close among it.
const LINGER: Duration = Duration::from_secs(1);

/// The writing side of a connection.
pub(super) struct Socket {
    half: OwnedWriteHalf,
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
            if output.is_empty() {
                break;
            }
            match self.half.try_write(output) {
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

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// Reads a client's bytes until it has gone, and takes it out of the core.
pub(super) async fn run(worker: Rc<Worker>, key: Key, stream: TcpStream, read_already: Bytes) {
    let (mut reader, half) = stream.into_split();
    let socket = Rc::new(Socket {
        half,
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
    poll_fn(|context| poll(context, &worker, key, &socket, &mut reader)).await;
    worker.sockets.borrow_mut().remove(&key);
    worker.core.borrow_mut().disconnect(worker.now(), key);
    worker.carry();
    if !socket.has_failed.get() {
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
            (core.is_finished(key), core.output(key).is_empty(), core.wants_reading(key))
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
                worker.core.borrow_mut().receive(worker.now(), key, buffer.filled());
            }
            Poll::Ready(_) => return Poll::Ready(()),
        }
        worker.carry();
        socket.waker.replace(Some(context.waker().clone()));
    }
}
