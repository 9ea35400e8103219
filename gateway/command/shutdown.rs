//! When a process should end: a signal, or the closing of the pipe that its parent holds.

use std::future::Future;
use std::io::Read;

use rustix::fs::FileType;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// What asked for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// SIGINT or SIGTERM.
    Signal,
    /// Standard input, a pipe, was closed: whoever started this process is gone or has let go.
    InputClosed,
}

/// Resolves when the process should end. It needs no runtime of its caller's: it waits on threads of its own, so that it
/// works under any.
///
/// # Errors
/// Where the operating system refuses a signal handler or a thread.
pub(crate) fn requested(watch_input: bool) -> std::io::Result<impl Future<Output = Cause> + Send + 'static> {
    let (signalled, on_signal) = oneshot::channel();
    let (closed, on_closed) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let guard = runtime.enter();
    // Registered before this function returns: a signal right after the start is not missed.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    drop(guard);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        let _ = signalled.send(());
    })?;
    if watch_input && input_is_pipe() {
        std::thread::Builder::new().name("input".to_owned()).spawn(move || {
            wait_for_end(std::io::stdin().lock());
            let _ = closed.send(());
        })?;
    } else {
        // Never resolves, and costs nothing: the sender lives as long as the process.
        std::mem::forget(closed);
    }
    Ok(async {
        tokio::select! {
            _ = on_signal => Cause::Signal,
            _ = on_closed => Cause::InputClosed,
        }
    })
}

/// Whether standard input is a pipe or a socket. A terminal, a file or `/dev/null` says nothing by its end.
fn input_is_pipe() -> bool {
    let status = rustix::fs::fstat(std::io::stdin());
    status.is_ok_and(|status| {
        matches!(FileType::from_raw_mode(status.st_mode), FileType::Fifo | FileType::Socket)
    })
}

fn wait_for_end(mut input: impl Read) {
    let mut discarded = [0; 256];
    loop {
        match input.read(&mut discarded) {
            Ok(0) => return,
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => return,
            _ => {}
        }
    }
}
