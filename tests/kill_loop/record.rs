//! The killer's own record: every acknowledgement is in a file before it counts.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What was asked, and what the house said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Which bidder, from 0.
    pub bidder: usize,
    pub method: String,
    pub params: Value,
    /// The lot or stock item.
    pub target: String,
    pub key: String,
    /// When it was sent and when it was answered, in microseconds since the load began.
    pub sent_us: u64,
    pub told_us: u64,
    /// The result, or the error of a rejection.
    pub answer: Answer,
}

/// A definite answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Accepted(Value),
    Rejected { code: String, details: Value },
}

impl Answer {
    /// Without what may differ in a replay (I36: identical save `replayed` and times).
    pub fn comparable(&self) -> Self {
        let mut answer = self.clone();
        if let Self::Accepted(Value::Object(result)) = &mut answer {
            result.remove("replayed");
        }
        answer
    }
}

/// The file, and the same in memory for what is checked on the way.
#[derive(Clone)]
pub struct Record {
    path: PathBuf,
    inner: Arc<Mutex<(File, Vec<Entry>)>>,
}

impl Record {
    pub fn create(path: &Path) -> Self {
        let file = OpenOptions::new().append(true).create_new(true).open(path).unwrap();
        Self { path: path.to_owned(), inner: Arc::new(Mutex::new((file, Vec::new()))) }
    }

    /// An acknowledgement has arrived.
    pub fn add(&self, entry: Entry) {
        let mut line = serde_json::to_vec(&entry).unwrap();
        line.push(b'\n');
        let mut inner = self.inner.lock().unwrap();
        inner.0.write_all(&line).unwrap();
        inner.1.push(entry);
    }

    /// Everything after the first `count`.
    pub fn since(&self, count: usize) -> Vec<Entry> {
        self.inner.lock().unwrap().1[count..].to_vec()
    }

    /// Everything, from the file.
    pub fn read_back(&self) -> Vec<Entry> {
        let text = std::fs::read_to_string(&self.path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
