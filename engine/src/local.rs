//! A whole cell on one thread, driven by calls: for simulation, tests and benches. The same cores as the shell's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use vendue_domain::actor::{ActorAddress, ActorKind, Command};
use vendue_domain::effect::OutsideRequest;
use vendue_domain::id::Id;
use vendue_domain::market::{MarkMarket, MarketCommand};
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_protocol::link::{FollowItem, FrameBuilder, FrameKind, Items, QueryItem, ReplyItem};
use vendue_protocol::query::Query;
use vendue_storage::{AppendError, Journal, JournalReader, StateStore};

use crate::commit::{Committer, Release};
use crate::connector::PaymentConnector;
use crate::entry::{Entry, Genesis};
use crate::error::EngineError;
use crate::keys::OlderKeys;
use crate::options::EngineOptions;
use crate::recovery::{Progress, Recovered, Sources, actor_key, read_genesis, recover_with};
use crate::shard::{DEADLINE_HORIZON_US, Request, Seal, Shard, read_stored};
use crate::unit::{LinkId, Unit};
use crate::views::{Open, Views};

mod checkpoint;

/// How often sleeping actors with a deadline within the horizon are woken, in milliseconds: as the shell does.
const WAKE_EVERY_MS: u64 = 10_000;

/// How many sleeping actors are woken at once.
const WAKE_MAX: usize = 100_000;

/// What a local cell stands on.
#[derive(Clone)]
pub struct Ground {
    /// The checkpoints.
    pub store: Arc<dyn StateStore>,
    /// Sealed key lists.
    pub older_keys: Arc<dyn OlderKeys>,
    /// Seals personal data.
    pub seal: Arc<dyn Seal>,
    /// Opens it.
    pub open: Arc<dyn Open>,
}

#[derive(Default)]
struct Durable {
    units: Vec<Box<Unit>>,
    failed: Option<String>,
}

struct Collect(Arc<Mutex<Durable>>);

impl Release for Collect {
    fn release(&self, units: &mut Vec<Box<Unit>>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).units.append(units);
    }

    fn failed(&self, error: &AppendError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failed = Some(error.to_string());
    }
}

/// A cell driven by calls.
pub struct LocalCell {
    options: Arc<EngineOptions>,
    ground: Ground,
    shards: Vec<Shard>,
    views: Views,
    committer: Committer,
    reader: Arc<dyn JournalReader>,
    durable: Arc<Mutex<Durable>>,
    requests: Vec<(u16, Request)>,
    /// Who is asked for payments, and what is to be asked once there is somebody.
    connector: Option<Arc<dyn PaymentConnector>>,
    outstanding: Vec<OutsideRequest>,
    cell: u128,
    now: Timestamp,
    /// When deadlines in the state store are looked for again.
    wakes_at: Timestamp,
}

impl LocalCell {
    /// Starts a cell on this journal, or makes one where the journal is empty.
    ///
    /// # Errors
    /// As [`recover`].
    pub fn start(
        mut options: EngineOptions,
        mut journal: Box<dyn Journal>,
        ground: Ground,
        genesis: Genesis,
        now: Timestamp,
    ) -> Result<Self, EngineError> {
        options.shards = options.shard_count();
        let options = Arc::new(options);
        if journal.last() == 0 {
            let mut batch = vendue_storage::Batch::new();
            batch.push_with(|out| Entry::Genesis(genesis).encode(out));
            journal.append(&[&batch], 0).map_err(|error| EngineError::JournalFailed(error.to_string()))?;
        }
        let reader = journal.reader();
        let sources = Sources {
            journal: &*reader,
            genesis: read_genesis(&*reader)?,
            store: &*ground.store,
            older_keys: ground.older_keys.clone(),
            keys_listed: 0,
            seal: ground.seal.clone(),
            open: ground.open.clone(),
        };
        let Recovered { shards, views, genesis, last_time, outstanding, .. } =
            recover_with(&options, &sources, Some(ground.store.clone()), &Progress::default())?;
        let durable: Arc<Mutex<Durable>> = Arc::default();
        let committer = Committer::new(journal, Box::new(Collect(durable.clone())), false);
        let mut cell = Self {
            options,
            ground,
            shards,
            views,
            committer,
            reader,
            durable,
            requests: Vec::new(),
            connector: None,
            outstanding,
            cell: genesis.cell,
            now: now.max(last_time),
            wakes_at: now,
        };
        for number in 0..cell.shards.len() {
            cell.round(number, now, |shard| shard.recovered(last_time));
        }
        cell.wake()?;
        Ok(cell)
    }

    /// Asks this connector for payments from now on, first for those that orders wait for already. Without one nobody is
    /// asked.
    pub fn connect(&mut self, connector: Arc<dyn PaymentConnector>) {
        for request in std::mem::take(&mut self.outstanding) {
            connector.ask(&request);
        }
        self.connector = Some(connector);
    }

    /// One round of a shard.
    pub fn round(&mut self, number: usize, now: Timestamp, work: impl FnOnce(&mut Shard)) {
        self.now = self.now.max(now);
        let shard = &mut self.shards[number];
        shard.begin(self.now, self.committer.next(), self.committer.durable());
        work(shard);
        self.requests.extend(shard.take_requests().into_iter().map(|request| (number as u16, request)));
        if let Some(unit) = shard.finish(self.committer.spare()) {
            self.committer.submit(unit);
        }
    }

    /// Takes a frame of a link: commands to their shards, queries and follows to the views. Nothing is answered before
    /// [`LocalCell::commit`].
    pub fn frame(&mut self, link: LinkId, kind: FrameKind, payload: &[u8], now: Timestamp) {
        match kind {
            FrameKind::Commands => {
                let shards = self.shards.len() as u16;
                for item in Items::new(payload).flatten() {
                    let owner = owner_of(item, shards);
                    self.round(owner, now, |shard| shard.command(link, item));
                }
            }
            FrameKind::Queries => {
                for item in Items::new(payload).flatten().filter_map(|item| QueryItem::decode(item).ok()) {
                    self.query(link, item, now);
                }
            }
            FrameKind::Follows => {
                for item in Items::new(payload).flatten().filter_map(|item| FollowItem::decode(item).ok()) {
                    self.views.follow(link, item);
                }
            }
            _ => {}
        }
    }

    fn query(&mut self, link: LinkId, item: QueryItem, now: Timestamp) {
        let Query::CommandResult((result, key)) = &item.query else { return self.views.query(link, item) };
        match ActorAddress::parse(&result.target) {
            Some(target) => {
                let owner = usize::from(Shard::owner(&target, self.shards.len() as u16));
                self.round(owner, now, |shard| {
                    shard.result_of(link, item.request, item.by, target, key.as_bytes())
                });
            }
            None => self.round(0, now, |shard| shard.refuse_target(link, item.request)),
        }
    }

    /// Makes everything decided durable and tells it: the bytes for each link.
    ///
    /// # Errors
    /// The journal failed; nothing more is told.
    pub fn commit(&mut self) -> Result<BTreeMap<LinkId, Vec<u8>>, EngineError> {
        let mut out: BTreeMap<LinkId, Vec<u8>> = BTreeMap::new();
        for number in 0..self.shards.len() {
            if self.shards[number].has_effects() {
                self.round(number, self.now, |_| {});
            }
        }
        for shard in &mut self.shards {
            if let Some(mut immediate) = shard.take_immediate() {
                for replies in immediate.replies.drain(..) {
                    out.entry(replies.link).or_default().extend(replies.frame.finish());
                }
            }
        }
        self.committer.commit_now();
        let durable = std::mem::take(&mut *self.durable.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(error) = durable.failed.filter(|_| !vendue_domain::mutant("told_before_durable")) {
            return Err(EngineError::JournalFailed(error));
        }
        let mut arrivals: Vec<Vec<_>> = self.shards.iter().map(|_| Vec::new()).collect();
        for mut unit in durable.units {
            self.views.unit(&unit);
            for arrival in unit.departures() {
                let owner = Shard::owner(&arrival.effect.target, arrivals.len() as u16);
                arrivals[usize::from(owner)].push(arrival);
            }
            if let Some(connector) = &self.connector {
                unit.outside.drain(..).for_each(|(_, request)| connector.ask(&request));
            }
            for replies in unit.replies.drain(..) {
                out.entry(replies.link).or_default().extend(replies.frame.finish());
            }
            for broadcast in std::mem::take(&mut unit.facts) {
                for number in (0..self.shards.len()).filter(|&number| number != usize::from(broadcast.origin))
                {
                    self.round(number, self.now, |shard| shard.learn(&broadcast));
                }
            }
            for broadcast in std::mem::take(&mut unit.learned) {
                if broadcast.remaining.fetch_sub(1, std::sync::atomic::Ordering::AcqRel) == 1
                    && let Some((link, reply)) = &broadcast.reply
                {
                    out.entry(*link).or_default().extend(reply);
                }
            }
            self.committer.recycle(unit);
        }
        for (number, arrivals) in arrivals.into_iter().enumerate().filter(|(_, found)| !found.is_empty()) {
            self.round(number, self.now, |shard| shard.arrive(arrivals));
        }
        self.serve_requests(&mut out)?;
        let durable = self.committer.durable();
        self.views.finish(self.now, durable, true, |link, bytes| out.entry(link).or_default().extend(bytes));
        Ok(out)
    }

    /// Whether nothing is under way: everything decided is durable, no effect is in line. Stuck ones do not count.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.committer.next() == self.committer.durable() + 1
            && self.requests.is_empty()
            && !self.shards.iter().any(Shard::has_effects)
    }

    /// Answers what shards asked of the shell: loads and repeated outcomes.
    fn serve_requests(&mut self, out: &mut BTreeMap<LinkId, Vec<u8>>) -> Result<(), EngineError> {
        for (number, request) in std::mem::take(&mut self.requests) {
            match request {
                Request::Load(address) => match self.load(&address) {
                    Ok(found) => {
                        self.round(usize::from(number), self.now, |shard| shard.loaded(address, found));
                    }
                    Err(error) => {
                        tracing::error!(actor = %address, %error, "an actor cannot be read");
                        self.round(usize::from(number), self.now, |shard| shard.load_failed(&address));
                    }
                },
                Request::Reload(address) => {
                    let mut state = self.load(&address)?;
                    self.reader.read(1, &mut |_, record| {
                        if let Ok(Entry::Decided(decided)) = Entry::from_bytes(record)
                            && decided.address() == Some(address)
                        {
                            state = crate::shard::replayed(state.take(), &decided);
                        }
                        std::ops::ControlFlow::Continue(())
                    })?;
                    self.round(usize::from(number), self.now, |shard| shard.loaded(address, state));
                }
                Request::Receipt { link, request, .. } => {
                    let reply = crate::notary::off();
                    let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Replies);
                    frame.item(|bytes| ReplyItem { request, reply }.encode(bytes));
                    out.entry(link).or_default().extend(frame.finish());
                }
                Request::Replay { link, request, position } => {
                    if position > self.committer.durable() {
                        self.requests.push((number, Request::Replay { link, request, position }));
                        continue;
                    }
                    let record = self.reader.record(position)?.unwrap_or_default();
                    let entry = Entry::from_bytes(&record)
                        .map_err(|error| EngineError::Record { position, error })?;
                    if let Some(reply) = entry.reply_or_pending(position) {
                        let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Replies);
                        frame.item(|bytes| ReplyItem { request, reply }.encode(bytes));
                        out.entry(link).or_default().extend(frame.finish());
                    }
                }
            }
        }
        Ok(())
    }

    fn load(
        &self,
        address: &ActorAddress,
    ) -> Result<Option<(u64, vendue_domain::actor::Entity)>, EngineError> {
        let value = self.ground.store.load(&actor_key(address))?;
        value
            .map(|value| {
                read_stored(address, &value).map_err(|error| EngineError::Record { position: 0, error })
            })
            .transpose()
    }

    /// Brings actors into memory whose deadline in the state store comes near, as the shell's keeper does.
    fn wake(&mut self) -> Result<(), EngineError> {
        self.wakes_at = self.now.plus_ms(WAKE_EVERY_MS);
        for (_, key) in self.ground.store.due(self.now.0 + DEADLINE_HORIZON_US, WAKE_MAX)? {
            let Some(kind) = ActorKind::from_u8(key.space) else { continue };
            let address = ActorAddress { kind, id: Id(key.id) };
            let owner = usize::from(Shard::owner(&address, self.shards.len() as u16));
            self.round(owner, self.now, |shard| shard.activate(address));
        }
        Ok(())
    }

    /// Time passes: timers, market marks. Deadlines in the state store are looked for every 10 s; a store that cannot be
    /// read is asked again.
    pub fn tick(&mut self, now: Timestamp) {
        if self.now.max(now) >= self.wakes_at
            && let Err(error) = self.wake()
        {
            tracing::error!(%error, "deadlines cannot be read from the state store");
        }
        for number in 0..self.shards.len() {
            self.round(number, now, |_| {});
        }
        for market in self.views.markets_to_mark() {
            let target = market.into();
            let owner = usize::from(Shard::owner(&target, self.shards.len() as u16));
            let command = Command::Market(MarketCommand::Mark(MarkMarket { market }));
            self.round(owner, now, |shard| shard.internal(target, &command));
        }
    }

    /// A link comes.
    pub fn link_up(&mut self, link: LinkId) {
        self.views.link_up(link);
    }

    /// A link goes.
    pub fn link_down(&mut self, link: LinkId) {
        self.views.link_down(link);
    }

    /// The views.
    #[must_use]
    pub const fn views(&self) -> &Views {
        &self.views
    }

    /// The shards.
    #[must_use]
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The journal's reading side.
    #[must_use]
    pub fn reader(&self) -> &Arc<dyn JournalReader> {
        &self.reader
    }

    /// The committer.
    #[must_use]
    pub const fn committer(&self) -> &Committer {
        &self.committer
    }

    /// The options it runs with.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// The cell's time.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// When something is due next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.shards.iter().filter_map(Shard::next_deadline).min()
    }
}

fn owner_of(item: &[u8], shards: u16) -> usize {
    use vendue_domain::command::Targeted;
    if shards == 1 {
        return 0;
    }
    vendue_protocol::link::CommandItem::decode(item)
        .ok()
        .and_then(|item| Command::from_bytes(item.command).ok())
        .and_then(|command| command.target())
        .map_or(0, |target| usize::from(Shard::owner(&target, shards)))
}
