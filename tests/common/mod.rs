//! Real processes for tests: the built `vendue`, a data directory of its own, a free port.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use vendue_client::{Client, Options};

/// How long anything may take before a test gives up: far above what it takes, so that a slow machine fails nothing.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Lines that may wait for a test.
const LINES: usize = 1_024;

/// The built binary.
pub fn vendue() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vendue"));
    // What the developer has set for a market of his own is not for these.
    for name in ["VENDUE_URL", "VENDUE_TOKEN", "VENDUE_MARKET", "VENDUE_CONFIG"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(arguments: &[&str]) -> Output {
    vendue().args(arguments).output().unwrap()
}

/// What a command printed on standard error, without the last newline.
pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim_end().to_owned()
}

/// A `vendue demo` of a test's own.
pub struct Demo {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// The line it said when it was ready.
    pub ready: Value,
    pub engine_pid: i32,
}

impl Demo {
    /// Starts a demo in `dir` and waits until it is ready.
    pub fn start(dir: &Path, arguments: &[&str]) -> Self {
        let mut command = vendue();
        command
            .args(["demo", "--listen", "127.0.0.1:0", "--print", "json", "--data-dir"])
            .arg(dir)
            .args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = sync_channel(LINES);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut demo = Self { child, input, lines, ready: Value::Null, engine_pid: 0 };
        demo.ready = demo.next_line();
        demo.engine_pid = pid(&demo.ready);
        demo
    }

    /// The next line of its standard output.
    pub fn next_line(&mut self) -> Value {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")),
            Err(RecvTimeoutError::Disconnected) => panic!("the demo has ended: {:?}", self.child.wait()),
            Err(RecvTimeoutError::Timeout) => panic!("the demo says nothing"),
        }
    }

    /// Kills the engine (`kill -9`).
    pub fn kill_engine(&self) {
        let pid = rustix::process::Pid::from_raw(self.engine_pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }

    /// Waits until the engine has been started again.
    pub fn wait_for_engine(&mut self) {
        let line = self.next_line();
        assert_eq!(line["event"], "engine_restarted", "{line}");
        self.engine_pid = pid(&line);
    }

    pub fn text(&self, field: &str) -> String {
        self.ready[field].as_str().unwrap_or_else(|| panic!("no {field} in {}", self.ready)).to_owned()
    }

    /// A connected client with a token.
    pub async fn client(&self, token: &str) -> Client {
        Client::connect(&self.text("url"), Options::with_token(token)).await.unwrap()
    }

    /// The house's client.
    pub async fn operator(&self) -> Client {
        self.client(&self.text("operator_token")).await
    }

    /// A token for an account, minted by the command.
    pub fn token(&self, account: &str) -> String {
        let output = run(&["token", account, "--data-dir", &self.text("data_dir")]);
        assert!(output.status.success(), "{}", complaint(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What one of its children has logged.
    pub fn log(&self, name: &str) -> String {
        let logs = PathBuf::from(self.text("data_dir")).join("logs");
        std::fs::read_to_string(logs.join(name)).unwrap_or_default()
    }

    /// Lets go of its standard input and waits until it has ended.
    pub fn end(mut self) -> std::process::ExitStatus {
        drop(self.input.take());
        wait(&mut self.child)
    }

    /// Sends it a signal and waits until it has ended.
    pub fn signal(mut self, signal: rustix::process::Signal) -> std::process::ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
        wait(&mut self.child)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // A failed test leaves nothing behind: the closed pipe ends the children, whatever becomes of the demo.
        drop(self.input.take());
        if std::thread::panicking() {
            let logs = PathBuf::from(self.ready["data_dir"].as_str().unwrap_or_default()).join("logs");
            for name in ["engine.log", "gateway.log"] {
                eprintln!("--- {name}\n{}", std::fs::read_to_string(logs.join(name)).unwrap_or_default());
            }
        }
        wait(&mut self.child);
    }
}

fn pid(line: &Value) -> i32 {
    i32::try_from(line["engine_pid"].as_i64().unwrap_or_else(|| panic!("no engine_pid in {line}"))).unwrap()
}

/// Waits for a child; kills it when patience ends.
pub fn wait(child: &mut Child) -> std::process::ExitStatus {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > give_up {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process is there.
pub fn is_running(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie is gone for all that matters here.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// A number from the environment, or the usual one.
pub fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Says what a crash suite has tried, also in the file that CI prints at its end (`target/tmp/tally.txt`).
pub fn tally(line: &str) {
    use std::io::Write;

    eprintln!("{line}");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tally.txt");
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    // The summary is for people; a test does not fail for want of it.
    let _ = file.and_then(|mut file| writeln!(file, "{line}"));
}

/// The seed of a random test: `VENDUE_SEED`, or another one each time; printed, so that a failure can be run again.
pub fn seed() -> u64 {
    let seed =
        std::env::var("VENDUE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random);
    eprintln!("seed: VENDUE_SEED={seed}");
    seed
}
