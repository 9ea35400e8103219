//! A start that takes long says how far it has come: to whoever shows it, and in a file beside the link's socket, where a
//! gateway finds it while there is no socket yet.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{RecvTimeoutError, Sender, bounded};

use crate::recovery::{Phase, Progress};

/// Nothing is said of a start that takes less than this.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is said how far a start has come.
const EVERY: Duration = Duration::from_millis(500);

/// How far a start has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Starting {
    /// What is being done.
    pub phase: Phase,
    /// Actors of the checkpoint that have been read.
    pub actors: u64,
    /// Records of the journal that have been applied.
    pub records: u64,
    /// ... of so many; 0 before the journal is read.
    pub records_all: u64,
    /// Records a second since the journal is being read; 0 where it is not.
    pub per_second: u64,
    /// Since the start began.
    pub elapsed: Duration,
}

impl Starting {
    /// How much of the journal has been read, in percent; `None` before it is read.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        (self.records_all > 0).then(|| self.records.min(self.records_all) * 100 / self.records_all)
    }

    /// About how long it still takes; `None` where nothing says so.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let records = self.records_all.saturating_sub(self.records);
        (self.per_second > 0).then(|| Duration::from_secs(records.div_ceil(self.per_second)))
    }
}

impl fmt::Display for Starting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.phase.words())?;
        match self.phase {
            Phase::Checkpoint => write!(out, ", {} actors", self.actors)?,
            Phase::Base => write!(out, ", {} values", self.actors)?,
            _ => {}
        }
        if let Some(percent) = self.percent() {
            write!(out, ": {percent} %, {} of {} records", self.records, self.records_all)?;
        }
        if let Some(left) = self.left() {
            write!(out, ", {} a second, about {} s left", self.per_second, left.as_secs())?;
        }
        Ok(())
    }
}

/// The file beside a link's socket in which a start says how far it has come.
#[must_use]
pub fn starting_path(link_socket: &Path) -> PathBuf {
    let mut name = link_socket.as_os_str().to_owned();
    name.push(".starting");
    PathBuf::from(name)
}

/// Says how far a start has come, from a thread of its own, until it is dropped.
pub(super) struct Announcer {
    stop: Option<Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Announcer {
    pub(super) fn start(
        progress: Arc<Progress>,
        link_socket: &Path,
        show: impl Fn(Option<&Starting>) + Send + 'static,
    ) -> Self {
        let (stop, stopped) = bounded::<()>(1);
        let path = starting_path(link_socket);
        let run = move || {
            let began = Instant::now();
            let mut journal_since: Option<Instant> = None;
            let (mut wait, mut said) = (PATIENCE, false);
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                wait = EVERY;
                let starting = look(&progress, began, &mut journal_since);
                said = true;
                show(Some(&starting));
                // Nobody depends on it: a file that cannot be written is not there.
                let _ = write(&path, &starting);
            }
            if said {
                show(None);
                let _ = std::fs::remove_file(&path);
            }
        };
        // Without the thread nobody is told, and nothing else is missing.
        let thread = std::thread::Builder::new().name("vendue-starting".into()).spawn(run).ok();
        Self { stop: Some(stop), thread }
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn look(progress: &Progress, began: Instant, journal_since: &mut Option<Instant>) -> Starting {
    let (phase, (records, records_all)) = (progress.phase(), progress.records());
    let mut per_second = 0;
    if phase == Phase::Journal {
        let since = journal_since.get_or_insert(began.max(Instant::now() - EVERY)).elapsed();
        per_second = (records as f64 / since.as_secs_f64().max(0.001)) as u64;
    }
    Starting { phase, actors: progress.actors(), records, records_all, per_second, elapsed: began.elapsed() }
}

fn write(path: &Path, starting: &Starting) -> std::io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    std::fs::write(&new, format!("{starting}\n"))?;
    std::fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_says_how_far_it_has_come() {
        let none = Starting {
            phase: Phase::Opening,
            actors: 0,
            records: 0,
            records_all: 0,
            per_second: 0,
            elapsed: EVERY,
        };
        let table = [
            (none, "opening the files"),
            (Starting { phase: Phase::Checkpoint, actors: 12, ..none }, "reading the checkpoint, 12 actors"),
            (
                Starting { phase: Phase::Base, actors: 12, ..none },
                "filling the state store from a base, 12 values",
            ),
            (
                Starting { phase: Phase::Journal, records: 25, records_all: 100, per_second: 50, ..none },
                "reading the journal: 25 %, 25 of 100 records, 50 a second, about 2 s left",
            ),
            (
                Starting { phase: Phase::Journal, records: 0, records_all: 100, ..none },
                "reading the journal: 0 %, 0 of 100 records",
            ),
        ];
        for (starting, words) in table {
            assert_eq!(starting.to_string(), words);
        }
    }

    /// What is said is in the file while it starts, and the file is gone afterwards; a short start says nothing.
    #[test]
    fn the_file_is_there_only_while_it_starts() {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = dir.path().join("engine.sock");
        let (told, heard) = bounded(100);
        let progress = Arc::new(Progress::default());
        drop(Announcer::start(progress.clone(), &socket, |_| panic!("it was short")));
        let show = move |starting: Option<&Starting>| {
            let _ = told.send(starting.copied());
        };
        let announcer = Announcer::start(progress, &socket, show);
        let first = heard.recv().expect("it says something");
        assert_eq!(first.map(|starting| starting.phase), Some(Phase::Opening));
        let _second = heard.recv().expect("it says more, when the file of the first is written");
        let text = std::fs::read_to_string(starting_path(&socket)).expect("the file");
        assert_eq!(text, "opening the files\n");
        drop(announcer);
        assert!(!starting_path(&socket).exists());
        assert_eq!(heard.iter().last(), Some(None), "the end is told, too");
    }
}
