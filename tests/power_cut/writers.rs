//! The controls: two files that grow line by line. One is synced after each line, the other never.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Bytes of a line.
const LINE: usize = 512;
/// Between two lines that are never synced: a file of a few megabytes, not of gigabytes.
const PAUSE: Duration = Duration::from_micros(500);

/// How many lines there are of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    pub synced: u64,
    pub unsynced: u64,
}

/// Two threads that write.
pub struct Writers {
    stop: Arc<AtomicBool>,
    /// Held while a line is written, and while a cut is made.
    gates: [Arc<Mutex<()>>; 2],
    told: [Arc<AtomicU64>; 2],
    paused: Mutex<Vec<Gate>>,
    threads: Vec<JoinHandle<()>>,
}

/// A gate that is held shut from another thread until it is dropped.
struct Gate(std::sync::mpsc::SyncSender<()>, JoinHandle<()>);

impl Writers {
    pub fn start(dir: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let gates = [Arc::default(), Arc::default()];
        let told = [Arc::<AtomicU64>::default(), Arc::default()];
        let mut threads = Vec::new();
        for (nth, name) in ["synced", "unsynced"].into_iter().enumerate() {
            let file = OpenOptions::new().append(true).create(true).open(dir.join(name)).unwrap();
            let (stop, gate, told) = (Arc::clone(&stop), Arc::clone(&gates[nth]), Arc::clone(&told[nth]));
            threads.push(std::thread::spawn(move || write(file, nth == 0, &stop, &gate, &told)));
        }
        Self { stop, gates, told, paused: Mutex::default(), threads }
    }

    /// Nothing is written until [`Self::go_on`]; the lines that were told until now.
    pub fn pause(&self) -> Lines {
        let mut paused = self.paused.lock().unwrap();
        for gate in &self.gates {
            let (gate, (sender, receiver)) = (Arc::clone(gate), std::sync::mpsc::sync_channel::<()>(1));
            let (shut, is_shut) = std::sync::mpsc::sync_channel(1);
            let thread = std::thread::spawn(move || {
                let _shut = gate.lock().unwrap();
                let _ = shut.send(());
                let _ = receiver.recv();
            });
            is_shut.recv().unwrap();
            paused.push(Gate(sender, thread));
        }
        let lines = |nth: usize| self.told[nth].load(Ordering::SeqCst);
        Lines { synced: lines(0), unsynced: lines(1) }
    }

    pub fn go_on(&self) {
        for Gate(sender, thread) in self.paused.lock().unwrap().drain(..) {
            drop(sender);
            thread.join().unwrap();
        }
    }

    /// The lines that a copy of the device holds.
    pub fn found(&self, dir: &Path) -> Lines {
        let lines = |name: &str| {
            let bytes = std::fs::read(dir.join(name)).unwrap_or_default();
            // A file whose length is there but not its content reads as zeros.
            bytes.chunks_exact(LINE).take_while(|line| line.ends_with(b"\n")).count() as u64
        };
        Lines { synced: lines("synced"), unsynced: lines("unsynced") }
    }

    pub fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

fn write(mut file: File, syncs: bool, stop: &AtomicBool, gate: &Mutex<()>, told: &AtomicU64) {
    let mut line = [b'x'; LINE];
    line[LINE - 1] = b'\n';
    while !stop.load(Ordering::SeqCst) {
        let shut = gate.lock().unwrap();
        file.write_all(&line).unwrap();
        if syncs {
            file.sync_data().unwrap();
        }
        told.fetch_add(1, Ordering::SeqCst);
        drop(shut);
        std::thread::sleep(if syncs { PAUSE * 10 } else { PAUSE });
    }
}
