//! The world: engine, gateway, clients and the streams between them, moved step by step by one clock and one source of
//! chance. Nothing here waits, sleeps or asks the machine for anything.

use std::sync::Arc;

use vendue_domain::id::AccountId;
use vendue_domain::time::Timestamp;
use vendue_engine::EngineOptions;
use vendue_engine::clock::ClockCore;
use vendue_engine::local::LocalCell;
use vendue_gateway::auth::{Claims, Keys, mint};
use vendue_gateway::core::{Core, Key};
use vendue_gateway::{GatewayOptions, Metrics};
use vendue_protocol::domain::record::Field;
use vendue_protocol::link::{FrameKind, Hello, LINK_VERSION, Welcome, split_frame, write_record_frame};
use vendue_protocol::wire::Encoding;

use crate::cell::Disk;
use crate::chance::Chance;
use crate::client::Client;
use crate::history::History;
use crate::ledger::Ledger;
use crate::market::{self, BEGIN, Knowledge, LOTS, bidder};
use crate::network::Stream;
use crate::{Broken, Options, Report, workload};

/// Signs the tokens of every world.
const SECRET: &[u8] = b"the secret of every simulated world";
/// The name of the history, as the links' welcome says it.
const EPOCH: u64 = 0x9f2c;
/// How often the gateway's shell lets it look at its clock, in microseconds.
const GATEWAY_TICK_US: i64 = 50_000;
/// How many actors of a shard stay in memory in worlds that have little of it.
const RESIDENT_FEW: u32 = 3;
/// How many bidders there are: some have two clients.
pub(crate) const BIDDERS: u64 = 7;

/// What clients, faults and workload have in common.
pub(crate) struct Shared {
    pub(crate) now: Timestamp,
    pub(crate) chance: Chance,
    pub(crate) history: History,
    pub(crate) ledger: Ledger,
    pub(crate) knowledge: Knowledge,
    /// The number of the present link, or of the last one.
    pub(crate) link: u32,
    /// Faults have stopped.
    pub(crate) is_quiet: bool,
}

impl Shared {
    /// Notes a command that is about to be sent; its number.
    pub(crate) fn issue(&mut self, by: AccountId, (target, method, params): market::Intent) -> usize {
        self.knowledge.asked(method, target.0.id, &params);
        self.history.issue(by, target, method, params)
    }
}

/// The stream between gateway and engine.
pub(crate) struct Link {
    pub(crate) id: u32,
    pub(crate) up: Stream,
    pub(crate) down: Stream,
    pub(crate) at_engine: Vec<u8>,
    pub(crate) at_gateway: Vec<u8>,
}

/// Everything there is.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) shared: Shared,
    pub(crate) disk: Disk,
    pub(crate) engine: Option<LocalCell>,
    pub(crate) engine_options: EngineOptions,
    pub(crate) engine_returns_at: Timestamp,
    /// How far the engine's wall clock is from the world's, in microseconds; another after each start (I22).
    pub(crate) skew_us: i64,
    /// The engine's clock, as its process has it: it follows a wall clock that jumps only slowly.
    pub(crate) clock: ClockCore,
    engine_now: Timestamp,
    pub(crate) core: Core,
    next_gateway_tick: i64,
    pub(crate) link: Option<Link>,
    pub(crate) link_returns_at: Timestamp,
    pub(crate) clients: Vec<Client>,
    /// How many stages of the opening have begun, and the commands of the last one that have no outcome.
    stages_begun: usize,
    staged: Vec<usize>,
    pub(crate) report: Report,
}

impl World {
    pub(crate) fn new(options: Options) -> Result<Self, Broken> {
        let mut chance = Chance::new(options.seed);
        let engine_options = EngineOptions {
            shards: chance.between(1, 3) as u16,
            // Some worlds keep hardly anything in memory, or allow hardly anything to be under way.
            resident_max: if chance.per_mille(300) { RESIDENT_FEW } else { 1_000 },
            in_flight_max: if chance.per_mille(200) { 16 } else { 65_536 },
            // ... or let go of nearly everything that is stored; from the seed itself, so that no world's chances move.
            memory_budget: if options.seed.is_multiple_of(5) { 16_384 } else { 1 << 32 },
            views_memory_bytes: if options.seed.is_multiple_of(3) { 4_096 } else { 1 << 29 },
            outage_extend_ms: 2_000,
            ..EngineOptions::default()
        };
        let clients = (0..options.clients).map(|number| new_client(number, &mut chance)).collect();
        let core = new_gateway(&mut chance);
        let knowledge = Knowledge { lots: LOTS, ..Knowledge::default() };
        let (history, ledger) = (History::default(), Ledger::default());
        let shared = Shared { now: BEGIN, chance, history, ledger, knowledge, link: 0, is_quiet: false };
        let report = Report { seed: options.seed, steps: options.steps, ..Report::default() };
        let mut world = Self {
            options,
            shared,
            disk: Disk::new(BEGIN),
            engine: None,
            engine_options,
            engine_returns_at: BEGIN,
            skew_us: 0,
            clock: ClockCore::start(BEGIN.0, 0, BEGIN.0),
            engine_now: BEGIN,
            core,
            next_gateway_tick: 0,
            link: None,
            link_returns_at: BEGIN,
            clients,
            stages_begun: 0,
            staged: Vec::new(),
            report,
        };
        world.start_engine()?;
        Ok(world)
    }

    /// The engine's time.
    pub(crate) const fn engine_time(&self) -> Timestamp {
        self.engine_now
    }

    /// The engine's process looks at the machine's clocks; `is_new`: for the first time.
    pub(crate) fn look_at_clocks(&mut self, is_new: bool) {
        let (wall, monotonic) = (self.shared.now.0 + self.skew_us, self.shared.now.0);
        if is_new {
            self.clock = ClockCore::start(wall, 0, monotonic);
        }
        self.engine_now = Timestamp(self.clock.now(wall, monotonic));
    }

    /// One step: time passes, bytes arrive, somebody acts, something is made durable.
    pub(crate) fn step(&mut self) -> Result<(), Broken> {
        let us = match self.shared.chance.below(1_000) {
            0..=4 => self.shared.chance.below(1_500_000),
            5..=49 => self.shared.chance.below(60_000),
            _ => self.shared.chance.below(4_000),
        };
        self.shared.now = self.shared.now.plus_micros(us);
        self.look_at_clocks(false);
        if self.options.faults && !self.shared.is_quiet {
            self.fail()?;
        }
        self.reconnect()?;
        self.clients_speak();
        self.gateway_speaks();
        self.engine_works()?;
        self.engine_speaks()?;
        self.clients_hear()
    }

    /// Whoever lost a connection comes back when its time has come.
    fn reconnect(&mut self) -> Result<(), Broken> {
        let now = self.shared.now;
        if self.engine.is_none() && now >= self.engine_returns_at {
            self.start_engine()?;
        }
        if self.link.is_none() && self.engine.is_some() && now >= self.link_returns_at {
            self.shared.link += 1;
            let (up, down) = (Stream::default(), Stream::default());
            let id = self.shared.link;
            self.link = Some(Link { id, up, down, at_engine: Vec::new(), at_gateway: Vec::new() });
            self.core.link_opened();
        }
        let is_set_up = self.is_set_up();
        for client in &mut self.clients {
            let may_come = is_set_up || client.account.is_none_or(|account| account == AccountId::HOUSE);
            if client.line.is_none() && now >= client.returns_at && may_come {
                let key = self.core.accept(now, client.encoding, None).map_err(|error| {
                    Broken::new("PROTOCOL 1", format!("a connection is refused: {}", error.message))
                })?;
                client.connected(key, &mut self.shared);
            }
        }
        Ok(())
    }

    /// Whether the market stands.
    pub(crate) fn is_set_up(&self) -> bool {
        self.stages_begun == market::STAGES && self.staged.is_empty()
    }

    /// Clients act, and what they have sent arrives at the gateway.
    fn clients_speak(&mut self) {
        self.set_up();
        let is_set_up = self.is_set_up();
        for client in &mut self.clients {
            let acts = is_set_up && !self.shared.is_quiet && client.has_room();
            if acts && self.shared.chance.per_mille(170) {
                match client.account {
                    None => workload::guest_acts(client, &mut self.shared),
                    Some(AccountId::HOUSE) => workload::operator_acts(client, BIDDERS, &mut self.shared),
                    Some(_) => workload::bidder_acts(client, &mut self.shared),
                }
            }
            if client.is_ready && self.shared.chance.per_mille(20) {
                client.retry(&mut self.shared);
                client.flush(&mut self.shared);
            }
            let Some(line) = &mut client.line else { continue };
            let (key, bytes) = (line.key, line.up.receive(self.shared.now));
            if !bytes.is_empty() {
                self.core.receive(self.shared.now, key, &bytes);
            }
        }
    }

    /// The operator's first commands, stage by stage.
    fn set_up(&mut self) {
        let issues = &self.shared.history.issues;
        self.staged.retain(|&number| !issues[number].is_settled());
        let operator = &mut self.clients[0];
        if !self.staged.is_empty() || !operator.is_ready {
            return;
        }
        if self.stages_begun == market::STAGES {
            return;
        }
        let intents = market::stage(self.stages_begun, BIDDERS, self.shared.now, &mut self.shared.chance);
        self.stages_begun += 1;
        for intent in intents {
            let issue = self.shared.issue(AccountId::HOUSE, intent);
            self.staged.push(issue);
            operator.send(issue, &mut self.shared);
        }
        operator.flush(&mut self.shared);
    }

    /// The gateway looks at its clock, and what it has for the engine goes out.
    fn gateway_speaks(&mut self) {
        let now = self.shared.now;
        if now.0 >= self.next_gateway_tick {
            self.core.tick(now);
            self.next_gateway_tick = now.0 + GATEWAY_TICK_US;
        }
        if let Some(link) = &mut self.link {
            let bytes = std::mem::take(self.core.link_output());
            link.up.send(now, &bytes, &mut self.shared.chance);
        }
    }

    /// What has arrived at the engine is decided; timers run; now and then all of it is made durable and told.
    fn engine_works(&mut self) -> Result<(), Broken> {
        let now = self.engine_time();
        if let Some(link) = &mut self.link {
            link.at_engine.extend(link.up.receive(self.shared.now));
        }
        self.engine_hears()?;
        let Some(cell) = &mut self.engine else { return Ok(()) };
        if cell.next_deadline().is_some_and(|due| due <= now) || self.shared.chance.per_mille(50) {
            cell.tick(now);
        }
        if self.shared.chance.per_mille(if self.shared.is_quiet { 1_000 } else { 400 }) {
            self.commit()?;
        }
        if self.shared.chance.per_mille(4) {
            self.checkpoint(false)?;
        }
        Ok(())
    }

    /// The engine takes what has arrived on the link.
    pub(crate) fn engine_hears(&mut self) -> Result<(), Broken> {
        let times = (self.engine_time(), self.shared.now);
        let (Some(cell), Some(link)) = (&mut self.engine, &mut self.link) else { return Ok(()) };
        let taken = take_frames(cell, link, times, &mut self.shared.chance)?;
        link.at_engine.drain(..taken);
        Ok(())
    }

    /// What the engine has told arrives at the gateway.
    fn engine_speaks(&mut self) -> Result<(), Broken> {
        if let Some(link) = &mut self.link {
            link.at_gateway.extend(link.down.receive(self.shared.now));
        }
        self.gateway_hears()
    }

    /// The gateway takes what has arrived on the link.
    pub(crate) fn gateway_hears(&mut self) -> Result<(), Broken> {
        let Some(link) = &mut self.link else { return Ok(()) };
        let taken = self
            .core
            .link_receive(self.shared.now, &link.at_gateway)
            .map_err(|error| Broken::new("LINK", error.to_string()))?;
        link.at_gateway.drain(..taken);
        Ok(())
    }

    /// What the gateway has for its clients goes out, and what has arrived is read.
    fn clients_hear(&mut self) -> Result<(), Broken> {
        let now = self.shared.now;
        let mut dirty = Vec::new();
        self.core.take_dirty(&mut dirty);
        let mut over: Vec<usize> = Vec::new();
        for (number, client) in self.clients.iter_mut().enumerate() {
            let Some(line) = &mut client.line else { continue };
            write_out(&mut self.core, line.key, &mut line.down, &mut self.shared);
            let bytes = line.down.receive(now);
            let key = line.key;
            let is_closed = client.hear(&bytes, &mut self.shared)?;
            if is_closed || self.core.is_finished(key) {
                over.push(number);
            }
        }
        for number in over {
            self.lose_client(number)?;
        }
        Ok(())
    }
}

/// Writes all that the gateway has for a client: held events come when the first have gone.
fn write_out(core: &mut Core, key: Key, down: &mut Stream, shared: &mut Shared) {
    while !core.output(key).is_empty() {
        // A slow reader: the rest waits for the next step.
        let length = core.output(key).len();
        let count = if shared.chance.per_mille(100) {
            1 + shared.chance.below(length as u64) as usize
        } else {
            length
        };
        let bytes = core.output(key)[..count].to_vec();
        down.send(shared.now, &bytes, &mut shared.chance);
        core.written(shared.now, key, count);
        core.take_dirty(&mut Vec::new());
        if count < length {
            return;
        }
    }
}

/// Hands whole frames to the cell; says how many bytes they were.
fn take_frames(
    cell: &mut LocalCell,
    link: &mut Link,
    (now, sent_at): (Timestamp, Timestamp),
    chance: &mut Chance,
) -> Result<usize, Broken> {
    let broken = |problem: String| Broken::new("LINK", problem);
    let mut taken = 0;
    while let Some((kind, payload, length)) =
        split_frame(&link.at_engine[taken..]).map_err(|error| broken(error.to_string()))?
    {
        if kind == FrameKind::Hello {
            Hello::from_bytes(payload).map_err(|error| broken(error.to_string()))?;
            let welcome = Welcome {
                link_version: LINK_VERSION,
                cell: 1,
                epoch: EPOCH,
                version: "simulation".into(),
                time: cell.now().max(now),
                key_window_ms: cell.options().key_window_ms,
                deadline_max_ms: cell.options().deadline_max_ms,
            };
            let mut bytes = Vec::new();
            write_record_frame(&mut bytes, FrameKind::Welcome, &welcome);
            link.down.send(sent_at, &bytes, chance);
            cell.link_up(link.id);
        } else {
            cell.frame(link.id, kind, payload, now);
        }
        taken += length;
    }
    Ok(taken)
}

/// A gateway process that has just started.
pub(crate) fn new_gateway(chance: &mut Chance) -> Core {
    let options = GatewayOptions { heartbeat_ms: 1_000, linger_ms: 800, ..GatewayOptions::default() };
    let number = u128::from(chance.number()) << 64 | u128::from(chance.number());
    Core::new(options, Arc::new(Keys::of_secret(SECRET)), Arc::new(Metrics::default()), number)
}

/// The first client is the operator's, the next are guests, the others bidders'; some bidders have two.
fn new_client(number: u16, chance: &mut Chance) -> Client {
    let account = match number {
        0 => Some(AccountId::HOUSE),
        1 | 2 => None,
        _ => Some(bidder(u64::from(number - 3) % BIDDERS)),
    };
    let encoding = if chance.per_mille(500) { Encoding::Json } else { Encoding::MessagePack };
    let token = account.and_then(|account| {
        let exp = BEGIN.0 / 1_000_000 + 30 * 24 * 3_600;
        let claims = Claims { sub: account.to_string(), exp, nbf: None, iat: None, iss: None, aud: None };
        mint(SECRET, &claims).ok()
    });
    Client::new(account, encoding, token)
}
