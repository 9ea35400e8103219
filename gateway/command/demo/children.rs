//! Engine and gateway as child processes: started, watched, started again, ended.
//!
//! Each child holds the reading end of a pipe from this process as its standard input and ends when it closes: whatever
//! becomes of this process, nothing stays behind. Children are in process groups of their own, so that Ctrl-C reaches this
//! process alone, which then ends them in order.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};

use super::restart::{Ending, Restart};

/// How long a child may take to end after it was asked to: its own drain takes up to 5 s. Then it is killed.
const END_WITHIN: Duration = Duration::from_secs(15);
/// A log that is larger at a start is set aside as `.1`, so that logs stay below about twice this, in bytes.
const LOG_MAX: u64 = 16 * 1024 * 1024;
/// How much of the end of a log is looked at for the reason of a failure, in bytes.
const LOG_TAIL: u64 = 8 * 1024;
/// News that may wait for the demo.
pub(super) const NEWS_WAITING: usize = 64;
/// Signals that mean that somebody wanted the end: SIGINT, SIGKILL, SIGTERM.
const KILLED_BY: [i32; 3] = [2, 9, 15];

/// A child's program.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) arguments: Vec<String>,
    pub(super) log: PathBuf,
}

/// What is heard of a child.
#[derive(Debug)]
pub(super) enum News {
    /// It says that it works. `address` where it listens on one.
    Ready { name: &'static str, pid: u32, address: Option<String> },
    /// It has ended and will be started again.
    Ended { name: &'static str, pid: u32, how: String },
    /// It has ended and will not be started again.
    GivenUp { name: &'static str, how: String, last_words: String },
}

/// A child that is being kept alive.
pub(super) struct Keeper {
    stop: oneshot::Sender<()>,
    done: tokio::task::JoinHandle<()>,
}

impl Keeper {
    /// Starts a program and keeps it running; what happens is told to `news`.
    /// `listen` is where it should listen, if at all.
    pub(super) fn start(program: Program, listen: Option<String>, news: mpsc::Sender<News>) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, done: tokio::spawn(keep(program, listen, news, stopped)) }
    }

    /// Ends the child and waits until it is gone.
    pub(super) async fn end(self) {
        // An error here means that the task has ended already.
        let _ = self.stop.send(());
        let _ = self.done.await;
    }
}

async fn keep(
    program: Program,
    mut address: Option<String>,
    news: mpsc::Sender<News>,
    mut stop: oneshot::Receiver<()>,
) {
    let mut restart = Restart::default();
    let mut was_ever_ready = false;
    loop {
        let started = Instant::now();
        let log_from = std::fs::metadata(&program.log).map_or(0, |log| log.len()).min(LOG_MAX);
        let outcome = match program.spawn(address.as_deref()) {
            Ok(mut child) => {
                let pid = child.id().unwrap_or_default();
                let life = live(&program, &mut child, &news, &mut address, &mut was_ever_ready);
                let status = tokio::select! {
                    status = life => status,
                    _ = &mut stop => return end(child).await,
                };
                Ok((pid, status))
            }
            Err(error) => Err(format!("could not be started: {error}")),
        };
        let (pid, how, killed) = match outcome {
            Ok((pid, Ok(status))) => {
                (pid, describe(status), status.signal().is_some_and(|signal| KILLED_BY.contains(&signal)))
            }
            Ok((pid, Err(error))) => (pid, error.to_string(), false),
            Err(error) => (0, error, false),
        };
        let wait = restart.after(Ending { ran_for: started.elapsed(), was_ever_ready, killed });
        let Some(wait) = wait else {
            let last_words = last_words(&program.log, log_from);
            let _ = news.send(News::GivenUp { name: program.name, how, last_words }).await;
            return;
        };
        let _ = news.send(News::Ended { name: program.name, pid, how }).await;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = &mut stop => return,
        }
    }
}

/// One life of a child: its lines on standard output, then its end.
async fn live(
    program: &Program,
    child: &mut Child,
    news: &mpsc::Sender<News>,
    address: &mut Option<String>,
    was_ever_ready: &mut bool,
) -> std::io::Result<ExitStatus> {
    let pid = child.id().unwrap_or_default();
    if let Some(output) = child.stdout.take() {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let said: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(listening) = said["listening"].as_str() {
                // A port that the system chose stays the same for all later lives: clients come back to it.
                *address = Some(listening.to_owned());
            }
            if said["ready"] == true || said["listening"].is_string() {
                *was_ever_ready = true;
                let address = said["listening"].as_str().map(str::to_owned);
                let ready = News::Ready { name: program.name, pid, address };
                // A closed channel: the demo is ending, and so will the child.
                let _ = news.send(ready).await;
            }
        }
    }
    child.wait().await
}

/// Asks a child to end by closing its standard input; kills it if it does not.
async fn end(mut child: Child) {
    drop(child.stdin.take());
    if tokio::time::timeout(END_WITHIN, child.wait()).await.is_err() {
        tracing::warn!(pid = child.id(), "did not end in time; killed");
        let _ = child.kill().await;
    }
}

impl Program {
    fn spawn(&self, address: Option<&str>) -> std::io::Result<Child> {
        // The running program itself, also when its file has been replaced by a newer build meanwhile; under its own name.
        let mut command = Command::new("/proc/self/exe");
        command.arg0(std::env::args_os().next().unwrap_or_else(|| "vendue".into()));
        command.args(&self.arguments);
        if let Some(address) = address {
            command.args(["--listen", address]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(self.open_log()?);
        command.process_group(0).kill_on_drop(true);
        command.spawn()
    }

    fn open_log(&self) -> std::io::Result<File> {
        if let Some(directory) = self.log.parent() {
            std::fs::create_dir_all(directory)?;
        }
        if std::fs::metadata(&self.log).is_ok_and(|log| log.len() > LOG_MAX) {
            std::fs::rename(&self.log, self.log.with_extension("log.1"))?;
        }
        OpenOptions::new().append(true).create(true).open(&self.log)
    }
}

/// How a process ended, in words.
fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(9), _) => "was killed (signal 9)".to_owned(),
        (Some(signal), _) => format!("was ended by signal {signal}"),
        (None, Some(0)) => "ended by itself".to_owned(),
        (None, code) => format!("ended with exit code {}", code.unwrap_or_default()),
    }
}

/// The last line that a child wrote to its log since its start.
fn last_words(log: &PathBuf, from: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(LOG_TAIL)).min(length)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    // Its own words on why it ends begin with its name; whatever else logged meanwhile stands beside them.
    let own = text.lines().rev().find_map(|line| line.strip_prefix("vendue: "));
    own.or_else(|| text.lines().rfind(|line| !line.trim().is_empty())).unwrap_or_default().to_owned()
}
