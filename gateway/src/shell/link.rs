//! The link to the engine: one stream, opened again whenever it ends.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use vendue_protocol::link::LINK_FRAME_MAX;

use crate::shell::worker::Worker;

/// How long to wait before the second attempt; doubled up to [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_millis(10);
/// The longest wait between attempts: an engine that comes back is found within this.
const BACKOFF_MAX: Duration = Duration::from_millis(500);
/// Room for reading beyond what is kept of an unfinished frame, in bytes.
const READ_BYTES: usize = 256 * 1024;
/// What the reading buffer may keep when it is empty, in bytes.
const KEEP_BYTES: usize = 1024 * 1024;

/// Keeps a link to the engine for as long as the thread runs.
pub(super) async fn run(worker: Rc<Worker>) {
    let mut backoff = BACKOFF_MIN;
    loop {
        match UnixStream::connect(&worker.options.engine_socket).await {
            Ok(stream) => {
                let began = worker.now();
                worker.core.borrow_mut().link_opened();
                let why = carry(&worker, stream).await;
                worker.core.borrow_mut().link_closed();
                worker.carry();
                tracing::warn!(%why, "the link to the engine has ended");
                // An engine that refuses at once is not asked without pause.
                if worker.now().micros_since(began) > 1_000_000 {
                    backoff = BACKOFF_MIN;
                }
            }
            Err(error) => {
                tracing::debug!(path = %worker.options.engine_socket.display(), %error, "the engine does not answer");
            }
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

/// Carries one link's bytes until it ends; says why it did.
async fn carry(worker: &Rc<Worker>, stream: UnixStream) -> String {
    let (reader, writer) = stream.into_split();
    let mut ends = Ends { reader, writer, input: vec![0; READ_BYTES], filled: 0, is_full: false };
    poll_fn(|context| ends.poll(context, worker)).await
}

struct Ends {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    input: Vec<u8>,
    filled: usize,
    is_full: bool,
}

impl Ends {
    fn poll(&mut self, context: &mut Context<'_>, worker: &Rc<Worker>) -> Poll<String> {
        loop {
            worker.link_waker.replace(Some(context.waker().clone()));
            if let Err(error) = self.write(context, worker) {
                return Poll::Ready(error.to_string());
            }
            match self.read(context, worker) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => worker.carry(),
                Poll::Ready(Err(why)) => return Poll::Ready(why),
            }
        }
    }

    /// Writes all that has gathered, in one call where the system takes all.
    fn write(&mut self, context: &mut Context<'_>, worker: &Worker) -> std::io::Result<()> {
        loop {
            if self.is_full {
                match self.writer.as_ref().poll_write_ready(context) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(ready) => ready?,
                }
                self.is_full = false;
            }
            let mut core = worker.core.borrow_mut();
            let output = core.link_output();
            if output.is_empty() {
                return Ok(());
            }
            match self.writer.try_write(output) {
                Ok(count) if count == output.len() => output.clear(),
                Ok(count) => drop(output.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_full = true,
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads once, and gives the core all whole frames.
    fn read(&mut self, context: &mut Context<'_>, worker: &Worker) -> Poll<Result<(), String>> {
        if self.input.len() - self.filled < READ_BYTES / 2 {
            self.input.resize(self.input.len().max(READ_BYTES) * 2, 0);
        }
        let mut buffer = ReadBuf::new(&mut self.input[self.filled..]);
        match Pin::new(&mut self.reader).poll_read(context, &mut buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error.to_string())),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                return Poll::Ready(Err("the engine closed it".into()));
            }
            Poll::Ready(Ok(())) => self.filled += buffer.filled().len(),
        }
        let taken = worker.core.borrow_mut().link_receive(worker.now(), &self.input[..self.filled]);
        let taken = match taken {
            Ok(taken) => taken,
            Err(error) => return Poll::Ready(Err(error.to_string())),
        };
        self.input.copy_within(taken..self.filled, 0);
        self.filled -= taken;
        if self.filled == 0 && self.input.len() > KEEP_BYTES {
            self.input = vec![0; READ_BYTES];
        }
        // `split_frame` refuses longer frames before they gather here.
        debug_assert!(self.filled <= LINK_FRAME_MAX + 4);
        Poll::Ready(Ok(()))
    }
}
