//! Makes the load: one thread, one epoll, no allocation for a bid.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::time::{ClockId, clock_gettime};

use super::args::{Encoding, Load, Model};
use super::chaos::Chaos;
use super::connection::{Connection, Landed, Written};
use super::frame::{self, Opcode};
use super::measure::{Latencies, Leg, Stopped};
use super::scan::{Said, Scanner};
use super::schedule::Poisson;
use super::work::Work;
use crate::failure::Failure;

/// Bytes read at once: more than the protocol's largest frame.
const READ_BYTES: usize = 512 * 1024;
/// Sockets that one wake-up tells of.
const EVENTS: usize = 1_024;
/// How long replies are waited for when the time is up: longer than the protocol's default deadline.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a wait lasts at most, in nanoseconds: the clock is looked at that often.
const WAIT_MAX_NS: u64 = 20_000_000;

/// How long a request waits before it is asked again, in nanoseconds, where its answer was none.
const RETRY_NS: u64 = 50_000_000;
/// How often an observer is told how it goes, in nanoseconds.
const TICK_NS: u64 = 1_000_000_000;
/// Codes that say nothing of what became of a request, or that it may be asked again: with the same key it happens once.
const TEMPORARY: [&str; 6] =
    ["unavailable", "deadline_exceeded", "overloaded", "internal", "request_in_progress", "timed_out"];

/// Who follows a leg while it lasts.
pub trait Observer {
    /// The measured part begins, and ends.
    fn edge(&mut self);

    /// Each second: how it goes so far. `since_begin` counts the warm-up too.
    fn tick(&mut self, leg: &Leg, since_begin: Duration) -> Option<Stopped>;
}

/// Connections, lots, and the record of what happened.
pub struct Generator {
    connections: Vec<Connection>,
    /// How to make a connection again.
    doors: Doors,
    /// Trouble that is made.
    trouble: Chaos,
    random: SmallRng,
    /// Requests to be asked again: (when, connection, id).
    retries: VecDeque<(u64, u32, u64)>,
    work: Work,
    scanner: Scanner,
    opcode: Opcode,
    epoll: OwnedFd,
    started: Instant,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
    out: Vec<u8>,
    /// Bids that are due and go out with the next frame: (connection, due).
    due: Vec<(u32, u64)>,
    turn: usize,
    mask: u32,
    /// How long the connections took that were made before the first leg.
    connect: Latencies,
    /// Nothing could be sent: what is due waits for the market, not for the generator.
    held_up: bool,
    /// Until when it did.
    held_up_until: u64,
}

/// Where connections lead, and as whom.
#[derive(Debug)]
pub struct Doors {
    /// `ws://HOST:PORT/ws`.
    pub url: String,
    /// One for each connection.
    pub tokens: Vec<String>,
    /// How messages are written.
    pub encoding: Encoding,
    /// In flight on each.
    pub pipeline: u16,
}

impl Doors {
    /// Opens a connection; how long that took.
    fn open(&self, at: usize) -> Result<(Connection, Duration), Failure> {
        let began = Instant::now();
        let connection = Connection::open(&self.url, &self.tokens[at], self.encoding, self.pipeline)?;
        Ok((connection, began.elapsed()))
    }
}

/// The times of one leg, on the generator's clock.
#[derive(Debug, Clone, Copy)]
struct Window {
    measured_from: u64,
    until: u64,
}

impl Window {
    const fn holds(&self, moment: u64) -> bool {
        self.measured_from <= moment && moment < self.until
    }
}

impl Generator {
    /// Connects through these doors.
    ///
    /// # Errors
    /// Where the server or the system says no.
    pub fn new(doors: Doors, work: Work, load: &Load) -> Result<Self, Failure> {
        let failed = "cannot wait for the sockets";
        let (mut connections, mut connect) = (Vec::with_capacity(doors.tokens.len()), Latencies::new());
        for at in 0..doors.tokens.len() {
            let (connection, took) = doors.open(at)?;
            connect.record(took.as_nanos() as u64);
            connections.push(connection);
        }
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(Failure::system(failed))?;
        for (at, connection) in connections.iter().enumerate() {
            let data = epoll::EventData::new_u64(at as u64);
            epoll::add(&epoll, connection.stream(), data, epoll::EventFlags::IN)
                .map_err(Failure::system(failed))?;
        }
        let opcode = match load.encoding {
            Encoding::Json => Opcode::Text,
            Encoding::Msgpack => Opcode::Binary,
        };
        Ok(Self {
            connections,
            doors,
            trouble: load.chaos,
            random: SmallRng::seed_from_u64(load.seed),
            retries: VecDeque::new(),
            connect,
            scanner: Scanner::new(load.encoding, work.seen().is_some()),
            work,
            opcode,
            epoll,
            started: Instant::now(),
            events: Vec::with_capacity(EVENTS),
            buffer: vec![0; READ_BYTES],
            out: Vec::with_capacity(64 * 1024),
            due: Vec::new(),
            turn: 0,
            mask: 0x9E37_79B9,
            held_up: false,
            held_up_until: 0,
        })
    }

    /// The record.
    #[must_use]
    pub const fn work(&self) -> &Work {
        &self.work
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// Makes the load for ramp, warm-up and duration, then waits for what is still in flight.
    ///
    /// # Errors
    /// Where a connection broke that nobody broke on purpose: the run proves nothing then.
    pub fn run(&mut self, load: &Load, observer: &mut dyn Observer) -> Result<Leg, Failure> {
        let begin = self.now();
        let measured_from = begin + (load.ramp + load.warmup).as_nanos() as u64;
        let window = Window { measured_from, until: measured_from + load.duration.as_nanos() as u64 };
        let mut leg = Leg { connect: self.connect.clone(), ..Leg::default() };
        let mut schedule = match load.model {
            Model::Open(rate) => Some(Poisson::new(rate, load.seed, begin, load.ramp.as_nanos() as u64)),
            Model::Closed => None,
        };
        let mut tick_at = begin + TICK_NS;
        let mut before = None;
        if schedule.is_none() {
            (0..self.connections.len()).try_for_each(|at| self.refill(at, &mut leg))?;
        }
        loop {
            let now = self.now();
            if now >= window.until {
                break;
            }
            if now >= window.measured_from && before.is_none() {
                observer.edge();
                before = Some((cpu_time(), now));
                (leg.bytes_in, leg.bytes_out, leg.syscalls) = (0, 0, 0);
            }
            if now >= tick_at {
                tick_at = now + TICK_NS;
                if let Some((cpu, from)) = before {
                    leg.cpu = cpu_time().saturating_sub(cpu);
                    leg.elapsed = Duration::from_nanos(now - from);
                }
                leg.stopped = observer.tick(&leg, Duration::from_nanos(now - begin));
                if leg.stopped.is_some() {
                    break;
                }
                self.break_some(&mut leg)?;
            }
            self.ask_again(&mut leg)?;
            let mut wait = WAIT_MAX_NS.min(window.until - now);
            if let Some(schedule) = &mut schedule {
                self.send_due(schedule, &mut leg, window)?;
                let now = self.now();
                // With no room nothing can be sent before a reply comes: that wakes us.
                if self.has_room() {
                    wait = wait.min(schedule.due_ns().saturating_sub(now));
                }
            }
            self.turn_once(wait, &mut leg, window, schedule.is_none())?;
        }
        observer.edge();
        let (cpu, from) = before.unwrap_or_else(|| (cpu_time(), self.now()));
        leg.cpu = cpu_time().saturating_sub(cpu);
        leg.elapsed = Duration::from_nanos(self.now().saturating_sub(from));
        match &mut schedule {
            Some(schedule) if leg.stopped.is_none() => leg.unsent = unsent(schedule, window),
            Some(_) => {}
            None => leg.service = leg.bid_ack.clone(),
        }
        self.drain(&mut leg)?;
        Ok(leg)
    }

    /// Waits for the replies to what is in flight; they count for the record, not for the figures.
    fn drain(&mut self, leg: &mut Leg) -> Result<(), Failure> {
        let until = self.now() + DRAIN.as_nanos() as u64;
        let none = Window { measured_from: u64::MAX, until: 0 };
        let mut aside = Leg::default();
        while self.now() < until && self.connections.iter().any(|connection| connection.in_flight() > 0) {
            self.ask_again(&mut aside)?;
            self.turn_once(WAIT_MAX_NS, &mut aside, none, false)?;
        }
        leg.wrongly_accepted += aside.wrongly_accepted;
        leg.repeated += aside.repeated;
        leg.contradictions += aside.contradictions;
        leg.retries += aside.retries;
        leg.unanswered = self.connections.iter().map(|connection| connection.in_flight() as u64).sum();
        Ok(())
    }

    /// Waits for sockets and serves each that is ready; `closed`: what is answered is replaced.
    fn turn_once(
        &mut self,
        wait_ns: u64,
        leg: &mut Leg,
        window: Window,
        closed: bool,
    ) -> Result<(), Failure> {
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        let timeout = Timespec { tv_sec: 0, tv_nsec: wait_ns.min(999_999_999) as _ };
        leg.syscalls += 1;
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                return Err(Failure::System { doing: "waiting for the sockets", source: error.into() });
            }
        }
        for event in &events {
            let at = event.data.u64() as usize;
            // The system's structure is packed: copied before it is looked at.
            let flags = event.flags;
            if flags.contains(epoll::EventFlags::OUT) {
                self.flush(at)?;
            }
            let landed = self.receive(at, leg, window)?;
            if closed && landed > 0 {
                self.refill(at, leg)?;
            }
        }
        self.events = events;
        Ok(())
    }

    /// Reads what has come for a connection; the number of replies.
    fn receive(&mut self, at: usize, leg: &mut Leg, window: Window) -> Result<usize, Failure> {
        let Self { connections, work, scanner, buffer, started, retries, trouble, .. } = self;
        let bidder = at as u32;
        let mut landed = 0;
        let is_troubled = !trouble.is_none();
        let read = connections[at].read(buffer, |landing, payload| {
            let now = started.elapsed().as_nanos() as u64;
            let mut reply = |id: u64, said: Said<'_>| {
                if let Said::No(code) = said
                    && is_troubled
                    && TEMPORARY.contains(&code)
                    && landing.is_flying(id)
                {
                    retries.push_back((now + RETRY_NS, bidder, id));
                    return;
                }
                let yes = matches!(said, Said::Yes(_));
                let bid = match landing.land(id, yes) {
                    Landed::First(bid) => bid,
                    Landed::Again(said_yes) => {
                        leg.repeated += 1;
                        let is_temporary = matches!(said, Said::No(code) if TEMPORARY.contains(&code));
                        leg.contradictions += u64::from(yes != said_yes && !is_temporary);
                        return;
                    }
                    Landed::Unknown => return,
                };
                landed += 1;
                leg.wrongly_accepted += u64::from(work.acknowledge(&bid, bidder, &said, now));
                if !window.holds(now) {
                    return;
                }
                match said {
                    Said::Yes(traded) => {
                        leg.accepted += 1;
                        leg.trades += traded.trades;
                    }
                    Said::No(code) => leg.rejected.add(code),
                }
                leg.bid_ack.record(now.saturating_sub(bid.due_ns));
                // In the closed model a bid is due when it is sent: one histogram is enough.
                if bid.due_ns != bid.sent_ns {
                    leg.service.record(now.saturating_sub(bid.sent_ns));
                }
            };
            scanner.scan(payload, &mut reply)
        });
        leg.syscalls += 1;
        match read {
            Ok(read) => leg.bytes_in += read as u64,
            // Where trouble is made, a connection that the server ends is made again as well.
            Err(_) if is_troubled => self.reconnect(at, leg)?,
            Err(why) => return Err(Failure::Generator(format!("connection {at}: {why}"))),
        }
        Ok(landed)
    }

    /// Breaks as many connections as shall break in a second.
    fn break_some(&mut self, leg: &mut Leg) -> Result<(), Failure> {
        if self.trouble.reconnect > 0.0 {
            for at in 0..self.connections.len() {
                if self.random.random::<f64>() < self.trouble.reconnect {
                    self.reconnect(at, leg)?;
                }
            }
        }
        Ok(())
    }

    /// Makes a connection again, and asks again what was in flight on it, under the same keys.
    fn reconnect(&mut self, at: usize, leg: &mut Leg) -> Result<(), Failure> {
        let _ = epoll::delete(&self.epoll, self.connections[at].stream());
        let Doors { url, tokens, encoding, pipeline } = &self.doors;
        let began = Instant::now();
        self.connections[at].reopen(url, &tokens[at], *encoding, *pipeline)?;
        leg.connect.record(began.elapsed().as_nanos() as u64);
        leg.reconnects += 1;
        // While it waits for a server that does not answer, what is due waits for the market.
        self.held_up_until = self.now();
        let data = epoll::EventData::new_u64(at as u64);
        epoll::add(&self.epoll, self.connections[at].stream(), data, epoll::EventFlags::IN)
            .map_err(Failure::system("waiting for the sockets"))?;
        let now = self.now();
        let ids: Vec<u64> = self.connections[at].flying().map(|bid| bid.id).collect();
        self.retries.retain(|&(_, connection, _)| connection != at as u32);
        self.retries.extend(ids.into_iter().map(|id| (now, at as u32, id)));
        self.ask_again(leg)
    }

    /// Sends again what is due to be.
    fn ask_again(&mut self, leg: &mut Leg) -> Result<(), Failure> {
        let now = self.now();
        while self.retries.front().is_some_and(|&(due, ..)| due <= now) {
            let Some((_, bidder, id)) = self.retries.pop_front() else { break };
            let at = bidder as usize;
            let Some(job) = self.connections[at].find(id).map(|flying| flying.sent) else { continue };
            let Self { connections, work, out, .. } = self;
            out.clear();
            self.mask = self.mask.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            frame::write(out, self.opcode, self.mask, |out| {
                work.open(out, 1);
                work.write(out, id, &job);
                work.close(out, 1);
            });
            leg.retries += 1;
            leg.bytes_out += out.len() as u64;
            leg.syscalls += 1;
            let written = connections[at].write(out);
            self.written(at, written)?;
        }
        Ok(())
    }

    /// Sends as many bids as there is room for (closed model).
    fn refill(&mut self, at: usize, leg: &mut Leg) -> Result<(), Failure> {
        let room = self.connections[at].room();
        if room == 0 {
            return Ok(());
        }
        let now = self.now();
        self.due.clear();
        self.due.resize(room, (at as u32, now));
        self.send(at, now, leg)
    }

    /// Sends every bid whose moment has come, as far as there is room (open model): to the connections in turn.
    fn send_due(&mut self, schedule: &mut Poisson, leg: &mut Leg, window: Window) -> Result<(), Failure> {
        // At most one frame's worth for each connection at a time; then replies are looked at.
        loop {
            let now = self.now();
            if schedule.due_ns() > now || schedule.due_ns() >= window.until {
                return Ok(());
            }
            let Some(at) = self.connection_with_room() else {
                self.held_up = true;
                return Ok(());
            };
            if std::mem::take(&mut self.held_up) {
                self.held_up_until = now;
            }
            // Behind by more than there are connections: several share a frame.
            let share = self.backlog_share(schedule, now);
            self.due.clear();
            for _ in 0..self.connections[at].room().min(share) {
                if schedule.due_ns() > now {
                    break;
                }
                let due = schedule.due_ns();
                schedule.advance();
                if window.holds(due) {
                    leg.lag.record(now - due.max(self.held_up_until));
                }
                self.due.push((at as u32, due));
            }
            self.send(at, now, leg)?;
        }
    }

    /// How many bids go into the next frame: one, unless so much is due that every connection would get several.
    fn backlog_share(&self, schedule: &Poisson, now: u64) -> usize {
        /// Behind by more than this, in nanoseconds, frames are filled.
        const BEHIND_NS: u64 = 1_000_000;
        if now.saturating_sub(schedule.due_ns()) > BEHIND_NS { usize::MAX } else { 1 }
    }

    fn has_room(&self) -> bool {
        self.connections.iter().any(|connection| connection.room() > 0)
    }

    fn connection_with_room(&mut self) -> Option<usize> {
        let count = self.connections.len();
        for _ in 0..count {
            self.turn = if self.turn + 1 >= count { 0 } else { self.turn + 1 };
            if self.connections[self.turn].room() > 0 {
                return Some(self.turn);
            }
        }
        None
    }

    /// Writes the bids that are due as one frame.
    fn send(&mut self, at: usize, now: u64, leg: &mut Leg) -> Result<(), Failure> {
        let Self { connections, work, due, out, .. } = self;
        let connection = &mut connections[at];
        let count = due.len();
        out.clear();
        self.mask = self.mask.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        frame::write(out, self.opcode, self.mask, |out| {
            work.open(out, count);
            for (nth, &(bidder, due_ns)) in due.iter().enumerate() {
                let sent = work.next(bidder);
                let Some(id) = connection.launch(sent, due_ns, now) else { break };
                if nth > 0 {
                    work.separate(out);
                }
                work.write(out, id, &sent);
            }
            work.close(out, count);
        });
        if self.trouble.duplicate > 0.0 && self.random.random::<f64>() < self.trouble.duplicate {
            out.extend_from_within(..);
            leg.duplicates += count as u64;
        }
        leg.bytes_out += out.len() as u64;
        leg.syscalls += 1;
        let written = connection.write(out);
        self.written(at, written)
    }

    fn flush(&mut self, at: usize) -> Result<(), Failure> {
        if !self.connections[at].is_full() {
            return Ok(());
        }
        let written = self.connections[at].flush();
        if matches!(written, Ok(Written::All)) {
            self.watch(at, epoll::EventFlags::IN)?;
        }
        self.written(at, written)
    }

    fn written(&mut self, at: usize, written: std::io::Result<Written>) -> Result<(), Failure> {
        match written {
            Ok(Written::All) => Ok(()),
            Ok(Written::Full) => self.watch(at, epoll::EventFlags::IN | epoll::EventFlags::OUT),
            // Where trouble is made, who reads next finds the connection broken, and makes it again.
            Err(_) if !self.trouble.is_none() => Ok(()),
            Err(error) => Err(Failure::Generator(format!("connection {at}: {error}"))),
        }
    }

    fn watch(&self, at: usize, flags: epoll::EventFlags) -> Result<(), Failure> {
        let data = epoll::EventData::new_u64(at as u64);
        epoll::modify(&self.epoll, self.connections[at].stream(), data, flags)
            .map_err(Failure::system("waiting for the sockets"))
    }
}

/// Arrivals that should have gone out long before the time was up.
fn unsent(schedule: &mut Poisson, window: Window) -> u64 {
    /// What was due in the last moments may be left over in the best of markets, in nanoseconds.
    const LAST_MOMENTS_NS: u64 = 10_000_000;
    let mut count = 0;
    while schedule.due_ns() < window.until.saturating_sub(LAST_MOMENTS_NS) {
        schedule.advance();
        count += 1;
    }
    count
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
