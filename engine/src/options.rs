//! The engine's options: every one with its unit and reason. The command reads them from `config/vendue.toml`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::EngineError;

/// How many shards there may be: more threads than any machine this is made for has cores.
pub const SHARDS_MAX: u16 = 256;

/// The options of an engine process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineOptions {
    /// Where everything durable lives.
    pub data_dir: PathBuf,
    /// The Unix socket on which gateways connect; relative paths are below `data_dir`.
    pub link_socket: PathBuf,
    /// Threads that own actors; 0 = one for each two cores, at least one.
    pub shards: u16,
    /// Commands of one shard that may be decided but not durable; past it the answer is `overloaded`.
    pub in_flight_max: u32,
    /// Commands of one shard that may wait for actors to be loaded; past it the answer is `overloaded`.
    pub parked_max: u32,
    /// How long a command's key is remembered, in milliseconds.
    pub key_window_ms: u64,
    /// How many keys of one shard are kept in memory; older ones are looked up in the sealed lists.
    pub keys_in_memory: u32,
    /// The longest deadline that a command may ask for, in milliseconds.
    pub deadline_max_ms: u64,
    /// Actors of one shard kept in memory; more are passivated to the state store after a checkpoint.
    pub resident_max: u32,
    /// About how many bytes of actors all shards keep in memory together; what is stored and idle leaves beyond it, what has
    /// been used last stays. What has changed since the last checkpoint stays whatever it takes: past the budget the next one
    /// is begun early.
    pub memory_budget: u64,
    /// Snapshots that the views keep in memory, about, in bytes; what has changed since the last checkpoint stays, of the
    /// rest what changed last. Others are read from the state store.
    pub views_memory_bytes: u64,
    /// Size of a journal segment in bytes.
    pub segment_bytes: u64,
    /// `auto`, `on` or `off`: write the journal past the page cache (`O_DIRECT`).
    pub direct_io: DirectIo,
    /// A directory on another disk, or a mounted bucket, to which the journal is copied about every second; empty: none.
    pub archive: PathBuf,
    /// A base (a copy of a checkpoint in one checked file) is written when the journal has grown by this many bytes since the last
    /// one.
    pub base_bytes: u64,
    /// The journal's oldest segments go when it has more bytes than this and nothing needs them any more; 0: it keeps everything.
    pub retention_bytes: u64,
    /// ... or when they are older than this, in milliseconds; 0: never.
    pub retention_ms: u64,
    /// A checkpoint is begun when the journal has grown by this many bytes since the last one.
    pub checkpoint_bytes: u64,
    /// ... or when this time has passed with anything changed, in milliseconds.
    pub checkpoint_interval_ms: u64,
    /// The state store's cache in bytes.
    pub state_cache_bytes: u64,
    /// A lot whose end fell into an outage ends this long after the recovery, in milliseconds.
    pub outage_extend_ms: u64,
    /// Start although the wall clock is more than 5 s behind the journal.
    pub allow_clock_behind: bool,
    /// Public bids of one lot kept for `lot.bids`, the newest.
    pub history_per_lot: u32,
    /// How often a followed market's changes are told together (`lots_changed`), in milliseconds.
    pub market_conflation_ms: u64,
    /// Audit records of one market kept for `audit.list`, the newest.
    pub audit_per_market: u32,
    /// Lines of one account's statement kept for `account.statement`, the newest.
    pub statement_per_account: u32,
    /// Sign the history: checkpoints in the journal, receipts for bidders.
    pub notary: bool,
    /// Judge what is durable by the invariants while the cell runs, in a twentieth of a core; what is broken is counted and logged.
    pub inspector: bool,
    /// The notary signs at the latest when so many records wait.
    pub notary_records_max: u32,
    /// ... or when the oldest has waited this long, in milliseconds.
    pub notary_interval_ms: u64,
    /// Each signed checkpoint is appended to this file as well, a line of JSON; relative paths are below `data_dir`; empty: none.
    pub witness_file: PathBuf,
}

/// Whether the journal is written past the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectIo {
    /// Where the file system allows it.
    Auto,
    /// Refuse to start otherwise.
    On,
    /// Never.
    Off,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            link_socket: PathBuf::from("engine.sock"),
            shards: 0,
            in_flight_max: 65_536,
            parked_max: 65_536,
            key_window_ms: 24 * 60 * 60 * 1_000,
            keys_in_memory: 8_000_000,
            deadline_max_ms: 60_000,
            resident_max: 4_000_000,
            memory_budget: 4 * 1024 * 1024 * 1024,
            views_memory_bytes: 512 * 1024 * 1024,
            segment_bytes: 64 * 1024 * 1024,
            direct_io: DirectIo::Auto,
            archive: PathBuf::new(),
            base_bytes: 1024 * 1024 * 1024,
            retention_bytes: 0,
            retention_ms: 0,
            checkpoint_bytes: 256 * 1024 * 1024,
            checkpoint_interval_ms: 60_000,
            state_cache_bytes: 64 * 1024 * 1024,
            outage_extend_ms: 60_000,
            allow_clock_behind: false,
            history_per_lot: 4_096,
            market_conflation_ms: 250,
            audit_per_market: 10_000,
            statement_per_account: 2_000,
            notary: true,
            inspector: true,
            notary_records_max: 16_384,
            notary_interval_ms: 5_000,
            witness_file: PathBuf::new(),
        }
    }
}

impl EngineOptions {
    /// Checks every option.
    ///
    /// # Errors
    /// The first option out of its range, with the range.
    pub fn validate(&self) -> Result<(), EngineError> {
        let checks: [(&'static str, u64, u64, u64); 19] = [
            ("shards", u64::from(self.shards), 0, u64::from(SHARDS_MAX)),
            ("in_flight_max", u64::from(self.in_flight_max), 16, 1 << 22),
            ("parked_max", u64::from(self.parked_max), 16, 1 << 22),
            ("key_window_ms", self.key_window_ms, 1_000, 90 * 24 * 3_600_000),
            ("keys_in_memory", u64::from(self.keys_in_memory), 1_000, 1 << 31),
            ("deadline_max_ms", self.deadline_max_ms, 100, 3_600_000),
            ("resident_max", u64::from(self.resident_max), 1_000, 1 << 31),
            ("memory_budget", self.memory_budget, 16 * 1024 * 1024, 1 << 50),
            ("views_memory_bytes", self.views_memory_bytes, 1024 * 1024, 1 << 50),
            ("segment_bytes", self.segment_bytes, 2 * 1024 * 1024, 1 << 34),
            ("base_bytes", self.base_bytes, 1024 * 1024, 1 << 50),
            ("retention_ms", self.retention_ms, 0, 100 * 366 * 24 * 3_600_000),
            ("checkpoint_bytes", self.checkpoint_bytes, 1024 * 1024, 1 << 40),
            ("checkpoint_interval_ms", self.checkpoint_interval_ms, 100, 24 * 3_600_000),
            ("history_per_lot", u64::from(self.history_per_lot), 1, 1 << 20),
            ("statement_per_account", u64::from(self.statement_per_account), 1, 1 << 20),
            ("notary_records_max", u64::from(self.notary_records_max), 1, 1 << 20),
            ("notary_interval_ms", self.notary_interval_ms, 10, 3_600_000),
            ("market_conflation_ms", self.market_conflation_ms, 10, 60_000),
        ];
        for (option, value, min, max) in checks {
            if value < min || value > max {
                return Err(EngineError::Option { option, value, min, max });
            }
        }
        Ok(())
    }

    /// How many shards there are, with 0 resolved for this machine.
    #[must_use]
    pub fn shard_count(&self) -> u16 {
        if self.shards > 0 {
            return self.shards;
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        (cores / 2).clamp(1, usize::from(SHARDS_MAX)) as u16
    }

    /// The witness file with a relative path resolved; `None` where there is none.
    #[must_use]
    pub fn witness_path(&self) -> Option<PathBuf> {
        (!self.witness_file.as_os_str().is_empty()).then(|| self.data_dir.join(&self.witness_file))
    }

    /// The link's socket with a relative path resolved.
    #[must_use]
    pub fn link_path(&self) -> PathBuf {
        self.data_dir.join(&self.link_socket)
    }
}
