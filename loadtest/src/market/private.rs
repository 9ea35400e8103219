//! A market of the tool's own: `vendue demo --bare` as a child process. It starts engine and gateway, restarts what dies, and
//! ends when its standard input closes, so that nothing stays behind even if this process is killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;

use super::MarketArgs;
use crate::failure::Failure;

/// How long the market may take to be ready: a debug build on a busy machine takes a few seconds.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long it may take to end by itself.
const END_WITHIN: Duration = Duration::from_secs(10);
/// How much of its log is shown when it fails, in bytes.
const LOG_TAIL: usize = 2_000;

/// What `vendue demo --print json` says when it is ready.
#[derive(Debug, Clone, Deserialize)]
pub struct Ready {
    /// `ws://127.0.0.1:PORT/ws`.
    pub url: String,
    /// Token of the operator.
    pub operator_token: String,
    /// The file with the secret that tokens are made from.
    pub token_secret_file: PathBuf,
    /// The engine's process; absent where the gateway works alone.
    #[serde(default)]
    pub engine_pid: Option<i32>,
    /// The gateway's process.
    #[serde(default)]
    pub gateway_pid: Option<i32>,
}

#[derive(Deserialize)]
struct Line {
    event: Option<String>,
    engine_pid: Option<i32>,
}

/// The processes.
#[derive(Debug)]
pub struct PrivateMarket {
    ready: Ready,
    engine_pid: Arc<AtomicI32>,
    restarts: Arc<AtomicU32>,
    child: Child,
    stdin: Option<ChildStdin>,
    directory: TempDir,
    vendue: PathBuf,
}

/// The `vendue` binary: the one named, else the one beside this tool.
///
/// # Errors
/// Where there is none; says what to do.
pub fn find_vendue(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let beside = || {
        let own = std::env::current_exe().ok()?;
        let directory = own.parent()?;
        // Tests live in `deps`, one level below.
        [directory, directory.parent()?]
            .iter()
            .map(|directory| directory.join("vendue"))
            .find(|path| path.is_file())
    };
    match named {
        Some(path) if path.is_file() => Ok(path.to_owned()),
        Some(path) => Err(Failure::Market(format!("{} is no file", path.display()))),
        None => beside().ok_or_else(|| {
            Failure::Market(
                "there is no `vendue` beside this tool; build it (cargo build --release --bin vendue), or name it with --vendue".into(),
            )
        }),
    }
}

impl PrivateMarket {
    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// Where it does not start; with the end of its log.
    pub fn start(args: &MarketArgs, echo: bool) -> Result<Self, Failure> {
        let vendue = find_vendue(args.vendue.as_deref())?;
        let failed = Failure::system("cannot make a directory for the private market");
        let mut builder = tempfile::Builder::new();
        builder.prefix("vendue-loadtest-");
        let directory = match &args.data_root {
            Some(root) => builder.tempdir_in(root),
            None => builder.tempdir(),
        };
        let directory = directory.map_err(&failed)?;
        let log = std::fs::File::create(directory.path().join("vendue.log")).map_err(&failed)?;
        let mut command = Command::new(&vendue);
        command.args(["demo", "--bare", "--listen", "127.0.0.1:0", "--print", "json", "--data-dir"]);
        command.arg(directory.path().join("data"));
        if echo {
            command.arg("--echo");
        }
        // All load comes from one address and few accounts: what is measured is what the market can take, not what it allows them.
        for limit in ["gateway.account_rate=0", "gateway.address_rate=0"] {
            command.args(["--set", limit]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command
            .spawn()
            .map_err(|error| Failure::Market(format!("cannot start {}: {error}", vendue.display())))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let (sender, receiver) = sync_channel(1);
        let engine_pid = Arc::new(AtomicI32::new(0));
        let restarts = Arc::new(AtomicU32::new(0));
        let (pid, count) = (Arc::clone(&engine_pid), Arc::clone(&restarts));
        std::thread::spawn(move || {
            if let Some(stdout) = stdout {
                listen(BufReader::new(stdout), &sender, &pid, &count);
            }
        });
        let ready = match receiver.recv_timeout(READY_WITHIN) {
            Ok(ready) => ready,
            Err(problem) => {
                let what = match problem {
                    RecvTimeoutError::Timeout => "was not ready in time",
                    RecvTimeoutError::Disconnected => "ended before it was ready",
                };
                let tail = log_tail(directory.path());
                end(&mut child, stdin);
                return Err(Failure::Market(format!("{} demo {what}\n{tail}", vendue.display())));
            }
        };
        Ok(Self { ready, engine_pid, restarts, child, stdin, directory, vendue })
    }

    /// What it said when it was ready.
    #[must_use]
    pub const fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The engine's process as it is now; `None` where there is none.
    #[must_use]
    pub fn engine_pid(&self) -> Option<i32> {
        Some(self.engine_pid.load(Ordering::Acquire)).filter(|&pid| pid > 0)
    }

    /// How many times the engine was restarted.
    #[must_use]
    pub fn engine_restarts(&self) -> u32 {
        self.restarts.load(Ordering::Acquire)
    }

    /// `kill -9` of the engine.
    ///
    /// # Errors
    /// Where there is no engine.
    pub fn kill_engine(&self) -> Result<i32, Failure> {
        let none = || Failure::Market("there is no engine to kill".into());
        let pid = self.engine_pid().ok_or_else(none)?;
        kill_process(Pid::from_raw(pid).ok_or_else(none)?, Signal::KILL)
            .map_err(Failure::system("kill -9 of the engine"))?;
        Ok(pid)
    }

    /// The binary that it runs.
    #[must_use]
    pub fn vendue(&self) -> Option<&Path> {
        Some(&self.vendue)
    }

    /// Its data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Where its data and logs lie.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for PrivateMarket {
    fn drop(&mut self) {
        end(&mut self.child, self.stdin.take());
    }
}

/// Reads what the market prints: the line that says it is ready, then one for each restart of the engine.
fn listen(lines: impl BufRead, ready: &SyncSender<Ready>, engine_pid: &AtomicI32, restarts: &AtomicU32) {
    for line in lines.lines().map_while(Result::ok) {
        if let Ok(Line { event: Some(event), engine_pid: Some(pid) }) = serde_json::from_str(&line) {
            if event == "engine_restarted" {
                engine_pid.store(pid, Ordering::Release);
                restarts.fetch_add(1, Ordering::AcqRel);
            }
        } else if let Ok(message) = serde_json::from_str::<Ready>(&line) {
            engine_pid.store(message.engine_pid.unwrap_or_default(), Ordering::Release);
            // Nobody waits for a second one.
            let _ = ready.try_send(message);
        }
    }
}

/// Ends the child: its input closes; where that is not enough, a signal, then a harder one.
fn end(child: &mut Child, stdin: Option<ChildStdin>) {
    drop(stdin);
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    for signal in [None, Some(Signal::TERM), Some(Signal::KILL)] {
        if let (Some(signal), Some(pid)) = (signal, pid) {
            // It may have ended in this very moment.
            let _ = kill_process(pid, signal);
        }
        let until = Instant::now() + END_WITHIN;
        while Instant::now() < until {
            if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn log_tail(directory: &Path) -> String {
    let log = std::fs::read(directory.join("vendue.log")).unwrap_or_default();
    let tail = &log[log.len().saturating_sub(LOG_TAIL)..];
    String::from_utf8_lossy(tail).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_market_prints_is_understood() {
        let text = "some banner\n\
            {\"url\":\"ws://127.0.0.1:1/ws\",\"http\":\"http://127.0.0.1:1\",\"operator_token\":\"t\",\"operator\":\"acc_1\",\"token_secret_file\":\"/x\",\"engine_pid\":41,\"gateway_pid\":42,\"data_dir\":\"/d\",\"market\":null}\n\
            {\"event\":\"engine_restarted\",\"engine_pid\":43}\n\
            {\"event\":\"something_else\",\"engine_pid\":99}\n";
        let (sender, receiver) = sync_channel(1);
        let (pid, restarts) = (AtomicI32::new(0), AtomicU32::new(0));
        listen(text.as_bytes(), &sender, &pid, &restarts);
        let ready = receiver.try_recv().unwrap();
        assert_eq!((ready.url.as_str(), ready.gateway_pid), ("ws://127.0.0.1:1/ws", Some(42)));
        assert_eq!((pid.into_inner(), restarts.into_inner()), (43, 1));
    }
}
