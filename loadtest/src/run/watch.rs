//! Watchers: connections that follow lots' channels on a thread of their own, measure how soon they hear, and check what they hear.
//!
//! Of each channel every number must come, in order, once; and all watchers of a channel must hear the same bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::args::Encoding;
use super::chaos::Chaos;
use super::connection::Connection;
use super::frame::{self, Opcode};
use super::measure::{Latencies, LatencySummary};
use super::message::LOT_TEXT;
use crate::failure::Failure;

/// Bytes read at once: more than the protocol's largest frame.
const READ_BYTES: usize = 512 * 1024;
/// Sockets that one wake-up tells of.
const EVENTS: usize = 1_024;
/// How long a wait lasts at most.
const WAIT_NS: i64 = 50_000_000;
/// How long a slow watcher does not read.
const SLOW_PAUSE: Duration = Duration::from_secs(1);
/// How many events are compared between watchers: eight bytes each.
const COMPARED_MAX: usize = 20_000_000;
/// How many problems are described.
const SHOWN: usize = 10;
/// How long watchers may take to hear the last event once the load has ended.
const CATCH_UP: Duration = Duration::from_secs(10);
/// The id of a watcher's only kind of request.
const SUBSCRIBE_ID: u64 = 1;

/// What watchers heard in one leg, and what was wrong in all of them.
#[derive(Debug, Clone, Serialize)]
pub struct Watched {
    /// Connections that watched.
    pub watchers: u32,
    /// Events that they heard in the measured part.
    pub deliveries: u64,
    /// The same for a second.
    pub deliveries_per_second: f64,
    /// From the moment an event was decided, by the server's clock, to its arrival, by this machine's.
    pub fanout: LatencySummary,
    /// From the break of a watcher's connection to the answer that makes its stream whole.
    pub resume: LatencySummary,
    /// Watchers that came back, and how many of them got every missed event (the others a snapshot).
    pub resumes: (u64, u64),
    /// The share of one core that the watchers' thread used.
    pub core_share: f64,
    /// Numbers that were missing, came twice or differed between watchers.
    pub wrong: u64,
    /// The first of them, in words.
    pub problems: Vec<String>,
}

/// What is counted while the thread works; locked once for each wake-up.
#[derive(Debug, Default)]
struct Tally {
    measuring: bool,
    fanout: Latencies,
    resume: Latencies,
    deliveries: u64,
    resumes: (u64, u64),
    wrong: u64,
    problems: Vec<String>,
}

impl Tally {
    fn problem(&mut self, what: impl FnOnce() -> String) {
        self.wrong += 1;
        if self.problems.len() < SHOWN {
            self.problems.push(what());
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    tally: Mutex<Tally>,
    stop: AtomicBool,
    /// CPU time of the thread so far, microseconds.
    cpu_us: AtomicU64,
    /// Where the slowest watcher of each lot stands.
    reached: Mutex<HashMap<u32, u64>>,
}

/// The watchers of a run.
#[derive(Debug)]
pub struct Watchers {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
    count: u32,
    /// CPU time at the beginning of the measured part.
    cpu_from_us: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watchers {
    /// Connects `count` watchers, each to one of these lots in turn.
    ///
    /// # Errors
    /// Where the server or the system says no.
    pub fn start(
        url: &str,
        lots: &[[u8; LOT_TEXT]],
        count: u32,
        chaos: Chaos,
        seed: u64,
    ) -> Result<Self, Failure> {
        let failed = Failure::system("cannot wait for the watchers' sockets");
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(&failed)?;
        let shared = Arc::new(Shared::default());
        let mut thread = Thread {
            url: url.to_owned(),
            lots: lots.to_vec(),
            watchers: Vec::with_capacity(count as usize),
            epoll,
            shared: Arc::clone(&shared),
            heard: HashMap::new(),
            compared: 0,
            asleep: VecDeque::new(),
            chaos,
            random: SmallRng::seed_from_u64(seed ^ 0x5741_5443),
            buffer: vec![0; READ_BYTES],
        };
        for nth in 0..count {
            thread.admit(nth)?;
        }
        // Everybody is subscribed before the first bid.
        let until = Instant::now() + CATCH_UP;
        while thread.watchers.iter().any(|watcher| !watcher.is_subscribed) {
            thread.turn()?;
            if Instant::now() > until {
                return Err(Failure::Generator("the watchers' subscriptions are not answered".into()));
            }
        }
        let thread = std::thread::Builder::new().name("watchers".into()).spawn(move || thread.run());
        let thread = Some(thread.map_err(Failure::system("cannot start the watchers' thread"))?);
        Ok(Self { shared, thread, count, cpu_from_us: 0 })
    }

    /// The measured part begins or ends.
    pub fn edge(&mut self) {
        let mut tally = lock(&self.shared.tally);
        tally.measuring = !tally.measuring;
        if tally.measuring {
            tally.fanout = Latencies::new();
            tally.deliveries = 0;
            self.cpu_from_us = self.shared.cpu_us.load(Ordering::Relaxed);
        }
    }

    /// How much has been wrong so far.
    #[must_use]
    pub fn wrong(&self) -> u64 {
        lock(&self.shared.tally).wrong
    }

    /// What was heard in a leg that took `elapsed`.
    #[must_use]
    pub fn watched(&self, elapsed: Duration) -> Watched {
        let tally = lock(&self.shared.tally);
        let seconds = elapsed.as_secs_f64().max(1e-9);
        let cpu_us = self.shared.cpu_us.load(Ordering::Relaxed).saturating_sub(self.cpu_from_us);
        Watched {
            watchers: self.count,
            deliveries: tally.deliveries,
            deliveries_per_second: tally.deliveries as f64 / seconds,
            fanout: tally.fanout.summary(),
            resume: tally.resume.summary(),
            resumes: tally.resumes,
            core_share: cpu_us as f64 / 1e6 / seconds,
            wrong: tally.wrong,
            problems: tally.problems.clone(),
        }
    }

    /// Waits until every watcher has heard everything up to these numbers (by lot); who has not is a problem.
    pub fn must_reach(&self, numbers: &HashMap<u32, u64>) {
        let until = Instant::now() + CATCH_UP;
        loop {
            let behind: Vec<(u32, u64, u64)> = {
                let reached = lock(&self.shared.reached);
                numbers
                    .iter()
                    .filter_map(|(lot, number)| {
                        reached.get(lot).filter(|at| *at != number).map(|at| (*lot, *at, *number))
                    })
                    .collect()
            };
            if behind.is_empty() {
                return;
            }
            if Instant::now() > until {
                let mut tally = lock(&self.shared.tally);
                for (lot, at, number) in behind {
                    tally.problem(|| {
                        format!("lot {lot}: a watcher has heard up to {at}, the lot stands at {number}")
                    });
                }
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One watcher.
struct Watcher {
    connection: Connection,
    lot: u32,
    /// The last number heard.
    seq: u64,
    epoch: String,
    is_subscribed: bool,
    is_slow: bool,
    /// When its connection broke, until its stream is whole again.
    broke: Option<Instant>,
}

/// What all watchers of a lot have to hear: hashes of the events after `base`.
#[derive(Default)]
struct Heard {
    base: u64,
    hashes: Vec<u64>,
}

struct Thread {
    url: String,
    lots: Vec<[u8; LOT_TEXT]>,
    watchers: Vec<Watcher>,
    epoll: OwnedFd,
    shared: Arc<Shared>,
    heard: HashMap<u32, Heard>,
    compared: usize,
    /// Slow watchers, and when they read again.
    asleep: VecDeque<(Instant, usize)>,
    chaos: Chaos,
    random: SmallRng,
    buffer: Vec<u8>,
}

/// The answer to a subscription.
#[derive(Deserialize)]
struct Answer<'a> {
    ok: bool,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<Subscribed<'a>>,
}

#[derive(Deserialize)]
struct Subscribed<'a> {
    epoch: String,
    seq: u64,
    #[serde(default)]
    resumed: bool,
    #[serde(borrow, default)]
    events: Vec<&'a RawValue>,
}

impl Thread {
    /// Connects one more watcher.
    fn admit(&mut self, nth: u32) -> Result<(), Failure> {
        let connection = Connection::open_guest(&self.url, Encoding::Json)?;
        let lot = nth % self.lots.len().max(1) as u32;
        let is_slow = self.random.random::<f64>() < self.chaos.slow;
        let watcher = Watcher {
            connection,
            lot,
            seq: 0,
            epoch: String::new(),
            is_subscribed: false,
            is_slow,
            broke: None,
        };
        self.watchers.push(watcher);
        self.listen(nth as usize)?;
        self.subscribe(nth as usize)
    }

    fn listen(&self, at: usize) -> Result<(), Failure> {
        let data = epoll::EventData::new_u64(at as u64);
        let socket = self.watchers[at].connection.stream();
        epoll::add(&self.epoll, socket, data, epoll::EventFlags::IN)
            .map_err(Failure::system("cannot wait for a watcher's socket"))
    }

    /// Asks for the lot's channel, from what was heard last on.
    fn subscribe(&mut self, at: usize) -> Result<(), Failure> {
        let watcher = &mut self.watchers[at];
        let lot = String::from_utf8_lossy(&self.lots[watcher.lot as usize]).into_owned();
        let mut params = serde_json::json!({"channel": format!("lot:{lot}"), "snapshot": false});
        if watcher.broke.is_some() && watcher.is_subscribed {
            params["resume"] = serde_json::json!({"epoch": watcher.epoch, "seq": watcher.seq});
        }
        let request = serde_json::json!({"id": SUBSCRIBE_ID, "method": "subscribe", "params": params});
        let mut out = Vec::new();
        frame::write(&mut out, Opcode::Text, 0x9E37_79B9, |out| {
            out.extend_from_slice(request.to_string().as_bytes());
        });
        watcher.connection.write(&out).map_err(Failure::system("a watcher cannot subscribe"))?;
        Ok(())
    }

    fn run(mut self) {
        let mut breaks = Instant::now() + Duration::from_secs(1);
        while !self.shared.stop.load(Ordering::Relaxed) {
            if let Err(failure) = self.turn() {
                lock(&self.shared.tally).problem(|| failure.to_string());
                return;
            }
            let time = clock_gettime(ClockId::ThreadCPUTime);
            let us = time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1_000;
            self.shared.cpu_us.store(us, Ordering::Relaxed);
            if self.chaos.reconnect > 0.0 && Instant::now() >= breaks {
                breaks += Duration::from_secs(1);
                for at in 0..self.watchers.len() {
                    if self.random.random::<f64>() < self.chaos.reconnect {
                        self.again(at);
                    }
                }
            }
            self.tell_reached();
        }
    }

    fn tell_reached(&self) {
        let mut reached = lock(&self.shared.reached);
        reached.clear();
        for watcher in &self.watchers {
            let least = reached.entry(watcher.lot).or_insert(watcher.seq);
            *least = watcher.seq.min(*least);
        }
    }

    /// Waits for sockets and reads each that is ready.
    fn turn(&mut self) -> Result<(), Failure> {
        while self.asleep.front().is_some_and(|(until, _)| *until <= Instant::now()) {
            if let Some((_, at)) = self.asleep.pop_front() {
                self.listen(at)?;
            }
        }
        let mut events: Vec<epoll::Event> = Vec::with_capacity(EVENTS);
        let timeout = Timespec { tv_sec: 0, tv_nsec: WAIT_NS as _ };
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                return Err(Failure::System { doing: "waiting for the watchers", source: error.into() });
            }
        }
        for event in &events {
            let at = event.data.u64() as usize;
            self.read(at)?;
        }
        Ok(())
    }

    fn read(&mut self, at: usize) -> Result<(), Failure> {
        let Self { watchers, shared, heard, compared, buffer, lots, .. } = self;
        let now_us = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_micros() as i64);
        let Watcher { connection, lot, seq, epoch, is_subscribed, broke, .. } = &mut watchers[at];
        let mut tally = lock(&shared.tally);
        let name = || String::from_utf8_lossy(&lots[*lot as usize]).into_owned();
        let mut hear = |tally: &mut Tally, payload: &[u8], last: &mut u64, is_live: bool| {
            let Some((number, ts)) = head(payload) else {
                tally.problem(|| format!("{}: no event: {}", name(), String::from_utf8_lossy(payload)));
                return;
            };
            if number != *last + 1 {
                tally.problem(|| format!("{}: watcher {at} heard {number} after {last}", name()));
            }
            *last = number;
            let known = heard.entry(*lot).or_insert_with(|| Heard { base: number - 1, hashes: Vec::new() });
            let hash = hash(payload);
            match number.checked_sub(known.base + 1) {
                Some(place) if known.hashes.get(place as usize).is_some_and(|known| *known != hash) => {
                    tally.problem(|| format!("{}: watchers hear different events {number}", name()));
                }
                Some(place) if place as usize == known.hashes.len() && *compared < COMPARED_MAX => {
                    known.hashes.push(hash);
                    *compared += 1;
                }
                _ => {}
            }
            if tally.measuring && is_live {
                tally.deliveries += 1;
                tally.fanout.record(u64::try_from(now_us - ts).unwrap_or(0) * 1_000);
            }
        };
        let read = connection.read(buffer, |_, payload| {
            if payload.starts_with(b"{\"channel\":") {
                hear(&mut tally, payload, seq, true);
            } else if payload.starts_with(b"{\"id\":") {
                let answer: Answer<'_> =
                    serde_json::from_slice(payload).map_err(|error| error.to_string())?;
                let Some(told) = answer.result.filter(|_| answer.ok) else {
                    return Err(format!("a subscription is refused: {:?}", answer.error.map(RawValue::get)));
                };
                if told.resumed {
                    for event in &told.events {
                        hear(&mut tally, event.get().as_bytes(), seq, false);
                    }
                    if *seq != told.seq {
                        tally.problem(|| {
                            format!("{}: resumed to {}, with events up to {seq}", name(), told.seq)
                        });
                    }
                }
                *seq = told.seq;
                *epoch = told.epoch;
                *is_subscribed = true;
                if let Some(broke) = broke.take() {
                    tally.resumes.0 += 1;
                    tally.resumes.1 += u64::from(told.resumed);
                    tally.resume.record(broke.elapsed().as_nanos() as u64);
                }
            }
            Ok(())
        });
        drop(tally);
        if let Err(why) = read {
            if self.chaos.is_none() {
                return Err(Failure::Generator(format!("watcher {at}: {why}")));
            }
            self.again(at);
        } else if self.watchers[at].is_slow && self.watchers[at].is_subscribed {
            let _ = epoll::delete(&self.epoll, self.watchers[at].connection.stream());
            self.asleep.push_back((Instant::now() + SLOW_PAUSE, at));
        }
        Ok(())
    }

    /// Breaks a watcher's connection, if it is not broken, and makes it again.
    fn again(&mut self, at: usize) {
        let _ = epoll::delete(&self.epoll, self.watchers[at].connection.stream());
        self.asleep.retain(|&(_, asleep)| asleep != at);
        let watcher = &mut self.watchers[at];
        watcher.broke.get_or_insert_with(Instant::now);
        let made = watcher.connection.reopen_guest(&self.url, Encoding::Json);
        let made = made.and_then(|()| self.listen(at)).and_then(|()| self.subscribe(at));
        if let Err(failure) = made {
            lock(&self.shared.tally).problem(|| format!("watcher {at} cannot come back: {failure}"));
        }
    }
}

/// Number and moment of an event in JSON, as a gateway writes it.
fn head(payload: &[u8]) -> Option<(u64, i64)> {
    let at = memchr::memmem::find(payload, b",\"seq\":")?;
    let rest = &payload[at + 7..];
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let seq = std::str::from_utf8(&rest[..length]).ok()?.parse().ok()?;
    let rest = rest[length..].strip_prefix(b",\"ts\":")?;
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let ts = std::str::from_utf8(&rest[..length]).ok()?.parse().ok()?;
    Some((seq, ts))
}

/// FNV-1a, 64 bits: enough to see that two texts differ.
fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_events_head_is_read() {
        let event = br#"{"channel":"lot:lot_1","epoch":"9f2c","seq":1042,"ts":1700000000000001,"type":"price_changed","data":{"seq":7}}"#;
        assert_eq!(head(event), Some((1_042, 1_700_000_000_000_001)));
        assert_eq!(head(br#"{"channel":"lot:lot_1","epoch":"9f2c"}"#), None);
        assert_ne!(hash(event), hash(&event[1..]));
    }
}
