//! One gateway, and engines that come and go behind it, each perhaps under `strace`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use vendue_client::Client;

use crate::common::{complaint, run, vendue, wait};

/// Calls that strace has to stop at: all that may fail here.
const TRACED: &str = "trace=pwrite64,fdatasync,fsync,sync_file_range,rename,ftruncate,openat,unlink,mkdir";

/// Whether processes may be traced on this machine.
pub fn can_trace() -> Result<(), String> {
    let tried = Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "-e", TRACED, "true"]).output();
    match tried {
        Err(error) => Err(format!("strace cannot be run: {error}")),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("strace: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// An engine's process.
pub struct Engine {
    /// The engine, or strace with the engine below it.
    child: Child,
    /// The engine's own number.
    pid: Option<rustix::process::Pid>,
    log: PathBuf,
}

impl Engine {
    /// Starts an engine and waits until it is ready; an error is what it said when it refused.
    pub fn start(dir: &Path, inject: Option<&str>) -> Result<Self, String> {
        let log = dir.join("engine.log");
        let errors = std::fs::File::create(&log).unwrap();
        let mut command = match inject {
            None => vendue(),
            Some(what) => {
                let mut strace = Command::new("strace");
                strace.args(["-f", "-qq", "-o", "/dev/null", "-e", TRACED, "-e", what]);
                strace.arg(vendue().get_program());
                strace.env_remove("VENDUE_CONFIG").stdin(Stdio::null());
                strace
            }
        };
        command.args([
            "engine",
            "--set",
            "engine.segment_bytes=2097152",
            "--set",
            "engine.checkpoint_interval_ms=100",
        ]);
        command.arg("--data-dir").arg(dir.join("data")).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let read = BufReader::new(child.stdout.take().unwrap()).read_line(&mut line);
        let mut engine = Self { pid: None, log, child };
        if read.is_ok() && line.contains("\"ready\":true") {
            engine.pid = engine_below(&engine.child);
            return Ok(engine);
        }
        wait(&mut engine.child);
        Err(engine.said())
    }

    /// Whether it has stopped by itself.
    pub fn has_ended(&mut self) -> bool {
        // What it does after an error takes a moment.
        std::thread::sleep(Duration::from_millis(20));
        self.child.try_wait().unwrap().is_some()
    }

    /// Ends it properly.
    pub fn end(mut self) {
        if let Some(pid) = self.pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        wait(&mut self.child);
    }

    /// Kills it; what it has said.
    pub fn kill(mut self) -> String {
        if let Some(pid) = self.pid.filter(|_| self.child.try_wait().unwrap().is_none()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        wait(&mut self.child);
        self.said()
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Of a failed test: the engine first, then whoever traces it.
        if let Some(pid) = self.pid.filter(|_| matches!(self.child.try_wait(), Ok(None))) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The engine's process: the child itself, or the child of the strace that traces it.
fn engine_below(child: &Child) -> Option<rustix::process::Pid> {
    let own = child.id();
    let children = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
    let below = children.split_whitespace().next().and_then(|text| text.parse().ok());
    rustix::process::Pid::from_raw(below.unwrap_or_else(|| i32::try_from(own).unwrap_or(0)))
}

/// The gateway that all of them stand behind.
pub struct Gateway {
    child: Child,
    url: String,
    token: String,
}

impl Gateway {
    pub fn start(dir: &Path) -> Self {
        let data = dir.join("data").display().to_string();
        let mut child = vendue()
            .args(["gateway", "--until-input-closes", "--listen", "127.0.0.1:0", "--data-dir", &data])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let url = format!("ws://{}/ws", ready["listening"].as_str().unwrap());
        let minted = run(&["token", "--operator", "--data-dir", &data]);
        assert!(minted.status.success(), "{}", complaint(&minted));
        let token = String::from_utf8(minted.stdout).unwrap().trim().to_owned();
        Self { child, url, token }
    }

    /// A value of its metrics; `None` where it is not told.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let address = self.url.strip_prefix("ws://")?.strip_suffix("/ws")?;
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    pub async fn client(&self, patience: Duration) -> Result<Client, vendue_client::Error> {
        Client::connect(&self.url, crate::options(&self.token, patience)).await
    }

    pub fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(wait(&mut self.child).success());
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.stdout.take().map(|mut output| output.read_to_end(&mut Vec::new()));
        wait(&mut self.child);
    }
}
