//! A proxy that does to a connection what networks do: it cuts, stalls, delays, and tears frames in two.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::scenario::{Faults, Random};

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// One direction of one connection.
struct Pipe {
    held_until: Mutex<Instant>,
    torn: AtomicBool,
}

struct Line {
    pipes: [Pipe; 2],
    cut: Notify,
}

type Lines = Arc<Mutex<Vec<Arc<Line>>>>;

pub(crate) struct Proxy {
    pub(crate) url: String,
    lines: Lines,
    counts: Arc<Mutex<BTreeMap<String, u32>>>,
    chaos: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(upstream: u16, faults: Faults, random: Random) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws", listener.local_addr().unwrap());
        let lines = Lines::default();
        let accepted = Arc::clone(&lines);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(("127.0.0.1", upstream)).await else { continue };
                let pipe = || Pipe { held_until: Mutex::new(Instant::now()), torn: AtomicBool::new(false) };
                let line = Arc::new(Line { pipes: [pipe(), pipe()], cut: Notify::new() });
                accepted.lock().unwrap().push(Arc::clone(&line));
                let lines = Arc::clone(&accepted);
                tokio::spawn(async move {
                    carry(&line, near, far).await;
                    lines.lock().unwrap().retain(|one| !Arc::ptr_eq(one, &line));
                });
            }
        });
        let counts = Arc::default();
        let chaos = tokio::spawn(strike(faults, random, Arc::clone(&lines), Arc::clone(&counts)));
        Self { url, lines, counts, chaos }
    }

    /// No more faults; one that has been set but has not struck yet is taken back. How many of each there were.
    pub(crate) fn calm(&self) -> BTreeMap<String, u32> {
        self.chaos.abort();
        for line in &*self.lines.lock().unwrap() {
            line.pipes.iter().for_each(|pipe| pipe.torn.store(false, Relaxed));
        }
        self.counts.lock().unwrap().clone()
    }
}

/// Until one end goes away or the line is cut; what is held then is lost, as it is in a network.
async fn carry(line: &Line, near: TcpStream, far: TcpStream) {
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    let ((up, up_held), (down, down_held)) = (unbounded_channel(), unbounded_channel());
    tokio::select! {
        () = read(near_read, up) => {}
        () = read(far_read, down) => {}
        () = write(&line.pipes[0], up_held, far_write) => {}
        () = write(&line.pipes[1], down_held, near_write) => {}
        () = line.cut.notified() => {}
    }
}

async fn read(mut from: OwnedReadHalf, to: UnboundedSender<Vec<u8>>) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        if to.send(chunk[..length].to_vec()).is_err() {
            return;
        }
    }
}

async fn write(pipe: &Pipe, mut held: UnboundedReceiver<Vec<u8>>, mut to: OwnedWriteHalf) {
    while let Some(chunk) = held.recv().await {
        loop {
            let until = *pipe.held_until.lock().unwrap();
            if until <= Instant::now() {
                break;
            }
            sleep_until(until).await;
        }
        let torn = pipe.torn.load(Relaxed);
        let part = if torn { &chunk[..chunk.len() / 2] } else { &chunk[..] };
        if to.write_all(part).await.is_err() || torn {
            return;
        }
    }
}

async fn strike(faults: Faults, random: Random, lines: Lines, counts: Arc<Mutex<BTreeMap<String, u32>>>) {
    loop {
        sleep(random.between_ms(faults.every_ms)).await;
        let lines = lines.lock().unwrap().clone();
        if lines.is_empty() {
            continue;
        }
        let line = &lines[random.below(lines.len())];
        let pipe = &line.pipes[random.below(2)];
        let mut drawn = random.fraction() * faults.weights.values().sum::<f64>();
        let mut kinds = faults.weights.iter();
        let kind = kinds.find(|(_, weight)| {
            drawn -= **weight;
            drawn < 0.0
        });
        let kind = kind.map_or("cut", |(kind, _)| kind.as_str());
        *counts.lock().unwrap().entry(kind.to_owned()).or_default() += 1;
        let hold = |times| *pipe.held_until.lock().unwrap() = Instant::now() + random.between_ms(times);
        match kind {
            "cut" => line.cut.notify_one(),
            "half_frame" => pipe.torn.store(true, Relaxed),
            "stall" => hold(faults.stall_ms),
            "delay" => hold(faults.delay_ms),
            unknown => panic!("nobody knows the fault {unknown}"),
        }
    }
}
