//! A cell in memory with a market in it, and the words to talk to it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use vendue_domain::account::{AccountCommand, CreateAccount, Grant};
use vendue_domain::actor::{Answer, Command};
use vendue_domain::amount::{Amount, Currency};
use vendue_domain::facts::Role;
use vendue_domain::id::{AccountId, LotId, MarketId};
use vendue_domain::lot::{CreateLot, Format, LotCommand, OpenLot, PlaceBid};
use vendue_domain::market::{CreateMarket, MarketCommand};
use vendue_domain::record::Field;
use vendue_domain::rejection::Rejection;
use vendue_domain::time::Timestamp;
use vendue_engine::EngineOptions;
use vendue_engine::entry::Genesis;
use vendue_engine::keys::NoOlderKeys;
use vendue_engine::local::{Ground, LocalCell};
use vendue_engine::shard::Seal;
use vendue_engine::views::Open;
use vendue_protocol::link::{
    CommandItem, FrameBuilder, FrameKind, Items, NotExecuted, Reply, ReplyItem, split_frame,
};
use vendue_storage::{
    Change, CheckpointStats, Key, MemoryJournal, MemoryLog, MemoryStore, StateStore, StorageError,
    StoredValue,
};

pub(crate) const LINK: u32 = 1;
pub(crate) const MARKET: MarketId = MarketId::from_u128(0xA1);
pub(crate) const START: Timestamp = Timestamp(1_700_000_000_000_000);

/// How many commits may be needed until nothing is under way.
const COMMITS_MAX: usize = 1_000;

/// Seals by reversing: enough to see that nothing is kept in clear.
pub(crate) struct Reversed;

impl Seal for Reversed {
    fn seal(&self, _account: AccountId, plain: &str) -> Option<Vec<u8>> {
        Some(plain.bytes().rev().collect())
    }

    fn fingerprint(&self, account: AccountId, plain: &str) -> Option<u64> {
        Some(vendue_domain::command::content_hash(&(account, plain.to_owned())))
    }
}

impl Open for Reversed {
    fn open(&self, _account: AccountId, sealed: &[u8]) -> Option<String> {
        String::from_utf8(sealed.iter().rev().copied().collect()).ok()
    }
}

/// What a request led to, without its bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    Accepted { seq: u64, replayed: bool, answer: Answer },
    Rejected { replayed: bool, rejection: Rejection },
    NotExecuted(NotExecuted),
    Data(Vec<u8>),
    Followed { seq: u64, snapshot: bool },
}

impl Told {
    pub(crate) fn is_ok(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }
}

pub(crate) struct World {
    pub(crate) cell: LocalCell,
    pub(crate) log: MemoryLog,
    pub(crate) store: Arc<MemoryStore>,
    /// Whether the store cannot be read for now, though written.
    pub(crate) unreadable: Arc<AtomicBool>,
    pub(crate) options: EngineOptions,
    pub(crate) now: Timestamp,
    pub(crate) next: u64,
    /// Everything that was sent on the link besides replies: (kind, payload).
    pub(crate) frames: Vec<(FrameKind, Vec<u8>)>,
}

pub(crate) fn bidder(n: u64) -> AccountId {
    AccountId::from_u128(0xB000 + u128::from(n))
}

pub(crate) fn lot(n: u64) -> LotId {
    LotId::from_u128(u128::from(n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

pub(crate) fn amount(minor: u64) -> Amount {
    Amount::new(minor).expect("an amount in range")
}

/// A store whose single values cannot be read while it is told so.
struct Sometimes(Arc<MemoryStore>, Arc<AtomicBool>);

impl StateStore for Sometimes {
    fn load(&self, key: &Key) -> Result<Option<Vec<u8>>, StorageError> {
        if self.1.load(Ordering::Acquire) {
            let message = "injected by a test".to_owned();
            return Err(StorageError::Backend { what: "reading in memory", message });
        }
        self.0.load(key)
    }

    fn checkpoint(
        &self,
        changes: &mut dyn Iterator<Item = Change>,
        marker: &[u8],
    ) -> Result<CheckpointStats, StorageError> {
        self.0.checkpoint(changes, marker)
    }

    fn marker(&self) -> Result<Option<Vec<u8>>, StorageError> {
        self.0.marker()
    }

    fn scan(
        &self,
        space: u8,
        visit: &mut dyn FnMut(&Key, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.0.scan(space, visit)
    }

    fn export(&self, visit: &mut dyn FnMut(StoredValue<'_>) -> ControlFlow<()>) -> Result<(), StorageError> {
        self.0.export(visit)
    }

    fn due(&self, until_micros: i64, limit: usize) -> Result<Vec<(i64, Key)>, StorageError> {
        self.0.due(until_micros, limit)
    }
}

fn ground(store: &Arc<MemoryStore>, unreadable: &Arc<AtomicBool>) -> Ground {
    Ground {
        store: Arc::new(Sometimes(store.clone(), unreadable.clone())),
        older_keys: Arc::new(NoOlderKeys),
        seal: Arc::new(Reversed),
        open: Arc::new(Reversed),
    }
}

fn start(
    options: &EngineOptions,
    log: &MemoryLog,
    store: &Arc<MemoryStore>,
    unreadable: &Arc<AtomicBool>,
    now: Timestamp,
) -> LocalCell {
    let genesis = Genesis { cell: 0xCE11, time: START, key_secret: 99 };
    let journal = Box::new(MemoryJournal::open(log));
    let mut cell = LocalCell::start(options.clone(), journal, ground(store, unreadable), genesis, now)
        .expect("it starts");
    cell.link_up(LINK);
    cell
}

impl World {
    pub(crate) fn empty(options: EngineOptions) -> Self {
        let (log, store) = (MemoryLog::new(), Arc::new(MemoryStore::new()));
        let unreadable = Arc::default();
        let cell = start(&options, &log, &store, &unreadable, START);
        Self { cell, log, store, unreadable, options, now: START, next: 0, frames: Vec::new() }
    }

    /// A market with open lots and bidders.
    pub(crate) fn with_market(options: EngineOptions, lots: u64, bidders: u64) -> Self {
        let mut world = Self::empty(options);
        let house = AccountId::HOUSE;
        world.ok(house, create_market());
        for n in 0..bidders {
            world.ok(
                house,
                Command::Account(AccountCommand::Create(create_account(bidder(n), &format!("Bidder {n}")))),
            );
            world.ok(house, Command::Account(AccountCommand::Grant(grant(bidder(n), Role::Bidder))));
        }
        for n in 0..lots {
            world.ok(house, Command::Lot(LotCommand::Create(Box::new(create_lot(n)))));
            world.ok(
                house,
                Command::Lot(LotCommand::Open(OpenLot { lot: lot(n), reason: Some("test".into()) })),
            );
        }
        world
    }

    /// The process dies (nothing that was not durable survives) and another takes the cell over.
    pub(crate) fn restart(&mut self) {
        self.begin_again();
        self.commit();
    }

    /// The same, and nothing has been committed since.
    pub(crate) fn begin_again(&mut self) {
        // Recovery needs the store; what is read after it may fail again.
        let unreadable = self.unreadable.swap(false, Ordering::AcqRel);
        self.cell = start(&self.options, &self.log, &self.store, &self.unreadable, self.now);
        self.unreadable.store(unreadable, Ordering::Release);
    }

    /// The same history in a cell that never had a checkpoint.
    pub(crate) fn replayed_from_nothing(&self) -> LocalCell {
        let (log, store) = (self.log.duplicate(), Arc::new(MemoryStore::new()));
        let mut cell = start(&self.options, &log, &store, &Arc::default(), self.now);
        for _ in 0..COMMITS_MAX {
            cell.commit().expect("the journal takes it");
            if cell.is_idle() {
                return cell;
            }
        }
        panic!("after {COMMITS_MAX} commits something is still under way")
    }

    pub(crate) fn ok(&mut self, by: AccountId, command: Command) -> Told {
        let told = self.send(by, command);
        assert!(told.is_ok(), "{told:?}");
        told
    }

    /// Sends a command with a key of its own.
    pub(crate) fn send(&mut self, by: AccountId, command: Command) -> Told {
        let key = format!("key-{}", self.next);
        self.send_keyed(by, &key, &command)
    }

    pub(crate) fn send_keyed(&mut self, by: AccountId, key: &str, command: &Command) -> Told {
        self.send_until(by, key, command, self.now.plus_ms(5_000))
    }

    pub(crate) fn send_until(
        &mut self,
        by: AccountId,
        key: &str,
        command: &Command,
        expires_at: Timestamp,
    ) -> Told {
        let request = self.deliver(by, key, command, expires_at);
        self.commit().remove(&request).expect("a reply to the request")
    }

    /// Delivers a command without committing; its request number.
    pub(crate) fn deliver(
        &mut self,
        by: AccountId,
        key: &str,
        command: &Command,
        expires_at: Timestamp,
    ) -> u64 {
        self.next += 1;
        let bytes = command.to_bytes();
        let key = key.as_bytes();
        let item = CommandItem { request: self.next, by, expires_at, key, currency: None, command: &bytes };
        let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Commands);
        frame.item(|out| item.encode(out));
        self.frame(&frame.finish());
        self.next
    }

    pub(crate) fn frame(&mut self, bytes: &[u8]) {
        let (kind, payload, _) = split_frame(bytes).expect("well formed").expect("whole");
        self.cell.frame(LINK, kind, payload, self.now);
    }

    /// Commits until nothing is under way; the replies by request.
    pub(crate) fn commit(&mut self) -> BTreeMap<u64, Told> {
        let mut told = BTreeMap::new();
        for round in 0..COMMITS_MAX {
            told.append(&mut self.commit_once());
            if round >= 3 && self.cell.is_idle() {
                return told;
            }
        }
        panic!("after {COMMITS_MAX} commits something is still under way");
    }

    /// One commit: what it told, by request.
    pub(crate) fn commit_once(&mut self) -> BTreeMap<u64, Told> {
        self.try_commit().expect("the journal takes it")
    }

    /// The same where the journal may fail.
    pub(crate) fn try_commit(&mut self) -> Result<BTreeMap<u64, Told>, vendue_engine::EngineError> {
        let mut told = BTreeMap::new();
        for bytes in self.cell.commit()?.into_values() {
            self.take(&bytes, &mut told);
        }
        Ok(told)
    }

    fn take(&mut self, mut bytes: &[u8], told: &mut BTreeMap<u64, Told>) {
        while let Some((kind, payload, taken)) = split_frame(bytes).expect("well formed") {
            if kind == FrameKind::Replies {
                for item in Items::new(payload) {
                    let ReplyItem { request, reply } =
                        ReplyItem::decode(item.expect("an item")).expect("a readable reply");
                    assert!(told.insert(request, plain(reply)).is_none(), "two replies to request {request}");
                }
            } else {
                self.frames.push((kind, payload.to_vec()));
            }
            bytes = &bytes[taken..];
        }
    }

    pub(crate) fn bid(&mut self, by: u64, on: u64, minor: u64) -> Told {
        self.send(bidder(by), place_bid(on, minor))
    }

    /// Time passes.
    pub(crate) fn wait_ms(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
        self.cell.tick(self.now);
        self.commit();
    }

    pub(crate) fn state_hashes(&self) -> (Vec<u64>, u64) {
        hashes(&self.cell)
    }
}

pub(crate) fn hashes(cell: &LocalCell) -> (Vec<u64>, u64) {
    (cell.shards().iter().map(vendue_engine::shard::Shard::state_hash).collect(), cell.views().state_hash())
}

fn plain(reply: Reply<'_>) -> Told {
    match reply {
        Reply::Accepted { seq, replayed, answer, .. } => Told::Accepted { seq, replayed, answer },
        Reply::Rejected { replayed, rejection, .. } => Told::Rejected { replayed, rejection },
        Reply::NotExecuted { why, .. } => Told::NotExecuted(why),
        Reply::Data(data) => Told::Data(data.to_vec()),
        Reply::Followed { seq, snapshot } => Told::Followed { seq, snapshot: !snapshot.is_empty() },
    }
}

pub(crate) fn create_market() -> Command {
    Command::Market(MarketCommand::Create(Box::new(CreateMarket {
        market: Some(MARKET),
        name: "Test market".into(),
        currency: Currency::new("EUR").expect("listed"),
        increments: None,
        policy: None,
        r#ref: None,
        fees: None,
    })))
}

pub(crate) fn create_account(account: AccountId, name: &str) -> CreateAccount {
    CreateAccount {
        account: Some(account),
        name: name.into(),
        r#ref: None,
        name_sealed: Default::default(),
        name_hash: None,
    }
}

pub(crate) fn grant(account: AccountId, role: Role) -> Grant {
    Grant { account, market: MARKET, role, revoke: None }
}

pub(crate) fn place_bid(on: u64, minor: u64) -> Command {
    Command::Lot(LotCommand::Bid(PlaceBid {
        lot: lot(on),
        amount: amount(minor),
        quantity: None,
        all_or_none: None,
        if_seq: None,
        validate_only: None,
        stay_until: None,
        package: None,
    }))
}

pub(crate) fn create_lot(n: u64) -> CreateLot {
    CreateLot {
        lot: Some(lot(n)),
        market: MARKET,
        title: format!("Lot {n}"),
        format: Format::English,
        quantity: None,
        opens_at: None,
        closes_at: Some(START.plus_ms(3_600_000)),
        start_amount: amount(1_000),
        reserve: None,
        buy_now: None,
        increments: None,
        soft_close: None,
        funding: None,
        proxy: None,
        qualification: None,
        sale: None,
        number: None,
        description: None,
        category: None,
        estimate: None,
        images: None,
        r#ref: None,
        seller: None,
        clock: None,
        pricing: None,
        deposit: None,
        sealed: None,
        candle_ms: None,
        items: None,
        seed: None,
    }
}
