//! A shard: owns the actors of its slots and decides their commands, in order, alone.
//!
//! This is a synchronous core: commands, time and loaded actors in; a [`Unit`] for the journal, loads and wake-up times
//! out. It knows no thread, socket, clock or file; the shell carries. What one round decides is one unit.

mod activation;
mod capture;
mod decide;
mod effects;
mod facts;
mod outcome;
mod passivation;
mod record;
#[cfg(test)]
pub(crate) mod tests;
mod timers;
mod waiting;

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use vendue_domain::actor::{ActorAddress, Entity};
use vendue_domain::facts::Facts;
use vendue_domain::id::AccountId;
use vendue_domain::time::Timestamp;
use vendue_protocol::link::{NotExecuted, Reply, ReplyItem};
use vendue_storage::Position;

pub use activation::{read_stored, replayed, stored_bytes};
pub use capture::{CAPTURE_SLICE, Captured, DEADLINE_HORIZON_US, StoredValue};

use crate::directory::Directory;
use crate::keys::{KeyTable, Known, OlderKeys};
use crate::options::EngineOptions;
use crate::unit::{FactBroadcast, LinkId, Unit};
use timers::Timers;

/// When a round's records reach this many bytes the round ends: half of what one append takes, so that a large frame of
/// commands from a link becomes several writes.
const UNIT_BYTES_MAX: usize = vendue_storage::MAX_BATCH_BYTES / 2;

/// Seals personal data before it reaches a command: the vault's part of a shard.
pub trait Seal: Send + Sync {
    /// `plain` of this account, readable only while the account's key exists; `None` where the vault cannot.
    fn seal(&self, account: AccountId, plain: &str) -> Option<Vec<u8>>;

    /// A hash of `plain` under the key that this account's data was sealed with: the same for the same text, and of no use
    /// without the key. `None` where the vault cannot.
    fn fingerprint(&self, account: AccountId, plain: &str) -> Option<u64>;
}

/// An actor in memory.
struct Cell {
    entity: Entity,
    address: ActorAddress,
    /// How many events it has applied in its life.
    seq: u64,
    /// The sequence number that the state store certainly holds.
    stored_seq: u64,
    /// The deadline that stands in the timers, if any.
    deadline: Option<Timestamp>,
    /// Distinguishes this occupant of its place from earlier ones.
    generation: u32,
    /// The round in which it was last used: who is passivated first.
    used: u32,
    /// About how many bytes it takes in memory.
    weight: u32,
    /// Whether it waits in the list of changed actors.
    dirty: bool,
}

/// A command that waits for its actor to be loaded.
struct Parked {
    link: LinkId,
    item: Vec<u8>,
}

/// What a round asks of the shell besides its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Look this actor up in the state store and call [`Shard::loaded`].
    Load(ActorAddress),
    /// Read the outcome at `position` and answer it as a replayed one, when it is durable.
    Replay {
        /// Whom to answer.
        link: LinkId,
        /// The gateway's number for the request.
        request: u64,
        /// Where the outcome stands.
        position: Position,
    },
    /// Prove the outcome at `position` to its asker.
    Receipt {
        /// Whom to answer.
        link: LinkId,
        /// The gateway's number for the request.
        request: u64,
        /// Where the outcome stands.
        position: Position,
    },
    /// An actor's rules panicked while a change was applied: read its durable state again and call [`Shard::loaded`].
    Reload(ActorAddress),
}

/// A shard's counters, for the metrics.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ShardStats {
    pub commands: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub replayed: u64,
    pub not_executed: u64,
    pub timers: u64,
    pub effects: u64,
    pub declined: u64,
    pub panics: u64,
    pub activated: u64,
    pub passivated: u64,
}

/// The core of a shard.
pub struct Shard {
    number: u16,
    shards: u16,
    options: Arc<EngineOptions>,
    cells: Vec<Option<Cell>>,
    free: Vec<u32>,
    index: HashMap<ActorAddress, u32>,
    generation: u32,
    sweep: passivation::Sweep,
    /// This shard's part of the memory budget, in bytes.
    budget: u64,
    facts: Facts,
    changed_facts: Vec<vendue_domain::facts::FactChange>,
    keys: KeyTable,
    key_secret: u128,
    seal: Arc<dyn Seal>,
    timers: Timers,
    parked: HashMap<ActorAddress, VecDeque<Parked>>,
    parked_count: u32,
    /// The address that was just looked up and not found.
    known_absent: Option<ActorAddress>,
    /// Actors whose durable state is being read again after a panic.
    reloading: HashMap<ActorAddress, ()>,
    dirty: VecDeque<u32>,
    /// Whether the state store may hold actors that are not in memory.
    store_may_hold: bool,
    now: Timestamp,
    /// The last journaled moment and the recovery: ends between them fell into the outage.
    outage: Option<(Timestamp, Timestamp)>,
    round: u32,
    unit: Box<Unit>,
    /// The keys of the round's outcomes, where there are other shards that may displace them.
    round_hashes: Vec<u128>,
    directory: Arc<Directory>,
    lanes: effects::Lanes,
    waiters: waiting::Waiters,
    /// Replies that need not wait for the journal.
    immediate: Box<Unit>,
    requests: Vec<Request>,
    durable: Position,
    stats: ShardStats,
}

impl Shard {
    /// An empty shard, number `number` of `shards`.
    #[must_use]
    pub fn new(
        number: u16,
        shards: u16,
        options: Arc<EngineOptions>,
        key_secret: u128,
        older_keys: Arc<dyn OlderKeys>,
        seal: Arc<dyn Seal>,
        directory: Arc<Directory>,
    ) -> Self {
        let keys = KeyTable::new(options.keys_in_memory, older_keys);
        Self {
            number,
            shards,
            cells: Vec::new(),
            free: Vec::new(),
            index: HashMap::new(),
            generation: 0,
            sweep: passivation::Sweep::default(),
            budget: options.memory_budget / u64::from(shards.max(1)),
            facts: Facts::default(),
            changed_facts: Vec::new(),
            keys,
            key_secret,
            seal,
            timers: Timers::default(),
            parked: HashMap::new(),
            parked_count: 0,
            known_absent: None,
            reloading: HashMap::new(),
            dirty: VecDeque::new(),
            store_may_hold: false,
            now: Timestamp(0),
            outage: None,
            round: 0,
            unit: Box::default(),
            round_hashes: Vec::new(),
            directory,
            lanes: effects::Lanes::default(),
            waiters: waiting::Waiters::default(),
            immediate: Box::default(),
            requests: Vec::new(),
            durable: 0,
            stats: ShardStats::default(),
            options,
        }
    }

    /// Which shard of `shards` owns an actor.
    #[must_use]
    #[inline]
    pub fn owner(address: &ActorAddress, shards: u16) -> u16 {
        if shards == 1 { 0 } else { Self::owner_of_slot(address.slot(), shards) }
    }

    /// Which shard of `shards` owns a slot.
    #[must_use]
    #[inline]
    pub const fn owner_of_slot(slot: u16, shards: u16) -> u16 {
        slot % shards
    }

    /// Begins a round: the time of its decisions, the position that its first record is expected to get, and how far
    /// the journal is durable. Timers that are due are decided before any command of the same moment.
    pub fn begin(&mut self, now: Timestamp, expected_first: Position, durable: Position) {
        self.now = self.now.max(now);
        self.round = self.round.wrapping_add(1);
        self.durable = durable;
        self.unit.first = expected_first;
        self.unit.shard = self.number;
        self.round_hashes.clear();
        self.run_timers();
        self.retry_effects();
        self.run_effects();
        self.sweep_a_little();
    }

    /// Ends the round: its unit, if there is anything in it. `spare` takes its place (an empty one, to be filled).
    pub fn finish(&mut self, spare: Box<Unit>) -> Option<Box<Unit>> {
        self.run_effects();
        self.tell_effects();
        if self.unit.is_empty() {
            return None;
        }
        Some(std::mem::replace(&mut self.unit, spare))
    }

    /// The last unit was given another place than expected (another shard's got in between): corrects its keys.
    pub fn displaced(&mut self, delta: u64) {
        // A command may have been taken and completed in one round: its key moves once.
        self.round_hashes.sort_unstable();
        self.round_hashes.dedup();
        for &hash in &self.round_hashes {
            self.keys.shift(hash, delta);
        }
    }

    /// Whether the round should end because its unit is as large as one write should be.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.unit.batch.bytes() >= UNIT_BYTES_MAX
    }

    /// Takes the replies that need not wait for the journal.
    pub fn take_immediate(&mut self) -> Option<Box<Unit>> {
        if self.immediate.replies.is_empty() { None } else { Some(std::mem::take(&mut self.immediate)) }
    }

    /// Takes what the round asks of the shell.
    pub fn take_requests(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.requests)
    }

    /// This shard's number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// Writes a record of the cell's own into the round's unit.
    pub fn write(&mut self, record: &[u8]) {
        self.unit.batch.push(record);
    }

    /// Answers a question whose target is not an actor's id.
    pub fn refuse_target(&mut self, link: LinkId, request: u64) {
        self.refuse(
            link,
            request,
            NotExecuted::InvalidRequest,
            0,
            "target: expected the id of a lot, stock item, sale, account or market",
        );
    }

    /// When the shard next has something to decide by itself.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.next().into_iter().chain(self.next_effect_at()).min()
    }

    /// What the shard knows of markets and accounts.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The shard's counters.
    #[must_use]
    pub const fn stats(&self) -> ShardStats {
        self.stats
    }

    /// How many commands have been taken and wait for their answers.
    #[must_use]
    pub const fn answers_waiting(&self) -> u32 {
        self.waiters.count()
    }

    /// How many actors are in memory.
    #[must_use]
    pub fn resident(&self) -> usize {
        self.index.len()
    }

    /// Records that are decided but not durable.
    fn in_flight(&self) -> u64 {
        (self.unit.first + u64::from(self.unit.batch.len())).saturating_sub(self.durable + 1)
    }

    /// The position that the next record of this round is expected to get.
    fn next_position(&self) -> Position {
        self.unit.first + u64::from(self.unit.batch.len())
    }

    fn refuse(&mut self, link: LinkId, request: u64, why: NotExecuted, retry_after_ms: u32, message: &str) {
        self.stats.not_executed += 1;
        self.immediate
            .reply(link, &ReplyItem { request, reply: Reply::NotExecuted { why, retry_after_ms, message } });
    }

    /// Remembers the outcome of a command of this round.
    fn remember_outcome(&mut self, hash: u128, content: u64, position: Position) {
        self.keys.insert(hash, Known { content, position });
        if self.shards > 1 {
            self.round_hashes.push(hash);
        }
    }

    /// A hash of every actor's state and sequence number, in the order of their addresses: equal states have equal
    /// hashes (I6).
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let mut addresses: Vec<_> = self.index.iter().map(|(address, &index)| (*address, index)).collect();
        addresses.sort_unstable_by_key(|(address, _)| *address);
        let mut bytes = Vec::new();
        for (address, index) in addresses {
            if let Some(cell) = &self.cells[index as usize] {
                bytes.extend_from_slice(&address.id.0);
                bytes.extend_from_slice(&cell.seq.to_le_bytes());
                cell.entity.encode(&mut bytes);
            }
        }
        xxhash_rust::xxh3::xxh3_64(&bytes)
    }

    /// Takes another shard's fact over and makes its arrival durable.
    pub fn learn(&mut self, broadcast: &Arc<FactBroadcast>) {
        self.learn_fact(broadcast);
    }
}
