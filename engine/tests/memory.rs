//! Far more on disk than in memory: what is counted stays within its budgets, and nobody notices.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use support::{LINK, MARKET, START, Told, World, bidder, create_lot, lot, place_bid};
use vendue_domain::actor::Command;
use vendue_domain::id::AccountId;
use vendue_domain::lot::{LotCommand, OpenLot};
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_engine::EngineOptions;
use vendue_protocol::channel::Channel;
use vendue_protocol::link::{CommandItem, FollowItem, FrameBuilder, FrameKind, QueryItem};
use vendue_protocol::query::{GetLot, ListLots, LotSort, Query};

/// How many lots there are (`VENDUE_SOAK_LOTS`: any number), and about how many the budget is for.
const LOTS: u64 = 200_000;
const BUDGET_LOTS: u64 = 5_000;

/// About what a lot takes, as the shard counts it.
const LOT_BYTES: u64 = 1_400;

/// Every so many lots, one ends early.
const ENDS_EARLY_EACH: u64 = 1_000;

/// When the first of those ends, and how far they lie apart.
const FIRST_END_MS: u64 = 600_000;
const APART_MS: u64 = 700;

#[derive(Debug, Deserialize)]
struct Lot {
    lot: String,
    state: String,
    price: Option<u64>,
    bids: u32,
    ends_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Page {
    lots: Vec<Lot>,
    cursor: Option<String>,
}

/// Takes many commands at once, each of which has to be accepted.
fn all_ok(world: &mut World, by: AccountId, commands: impl Iterator<Item = Command>) {
    let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Commands);
    let mut requests = BTreeSet::new();
    for command in commands {
        world.next += 1;
        requests.insert(world.next);
        let (key, bytes) = (world.next.to_le_bytes(), command.to_bytes());
        let expires_at = Timestamp(i64::MAX);
        let item =
            CommandItem { request: world.next, by, expires_at, key: &key, currency: None, command: &bytes };
        frame.item(|out| item.encode(out));
    }
    world.frame(&frame.finish());
    let told = world.commit();
    assert!(requests.iter().all(|request| told.get(request).is_some_and(Told::is_ok)), "all are accepted");
    world.frames.clear();
}

fn ask<T: for<'de> Deserialize<'de>>(world: &mut World, query: Query) -> T {
    world.next += 1;
    let item = QueryItem { request: world.next, by: bidder(0), min_position: 0, query };
    let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Queries);
    frame.item(|out| item.encode(out));
    world.frame(&frame.finish());
    let request = world.next;
    let told = world.commit_once().remove(&request);
    let Some(Told::Data(bytes)) = told else { panic!("no answer: {told:?}") };
    rmp_serde::from_slice(&bytes).expect("the fields that are promised")
}

fn list(sort: LotSort, state: Option<&str>, cursor: Option<String>) -> Query {
    Query::LotList(ListLots {
        market: MARKET,
        query: None,
        format: None,
        state: state.map(str::to_owned),
        sort: Some(sort),
        cursor,
        limit: Some(100),
        sale: None,
        category: None,
    })
}

/// All lots in a state, page by page.
fn all_in(world: &mut World, state: &str) -> Vec<Lot> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page: Page = ask(world, list(LotSort::Ending, Some(state), cursor));
        found.extend(page.lots);
        cursor = page.cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

fn end_of(n: u64) -> Timestamp {
    match n % ENDS_EARLY_EACH {
        0 => START.plus_ms(FIRST_END_MS + n / ENDS_EARLY_EACH * APART_MS),
        _ => START.plus_ms(86_400_000),
    }
}

struct Memory {
    world: World,
    /// Price by lot, as it should be.
    prices: BTreeMap<u64, u64>,
    chance: u64,
}

impl Memory {
    fn chance(&mut self, below: u64) -> u64 {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) % below
    }

    /// A checkpoint, after which everything counted is within its bounds.
    fn checkpoint(&mut self) {
        self.world.cell.checkpoint().expect("the store takes it");
        self.world.commit_once();
        let options = self.world.cell.options().clone();
        let resident: u64 = self.world.cell.shards().iter().map(|shard| shard.resident_bytes()).sum();
        assert!(resident <= options.memory_budget, "{resident} bytes of actors in memory");
        let (shown, _) = self.world.cell.views().in_memory();
        assert!(shown <= options.views_memory_bytes, "{shown} bytes of snapshots in memory");
    }

    /// Two bidders on a lot: the first leads at the start amount or stands behind; the second passes it.
    fn contest(&mut self, n: u64) {
        let price = self.prices.get(&n).copied().unwrap_or(0);
        let (first, second) = (price + 2_000, price + 5_000);
        for (by, minor) in [(0, first), (1, second)] {
            let told = self.world.send(bidder(by), place_bid(n, minor));
            assert!(told.is_ok(), "lot {n} at {price}: {told:?}");
        }
        let lot: Lot = ask(&mut self.world, Query::LotGet(GetLot { lot: lot(n) }));
        let now = lot.price.expect("it has bids");
        assert!(now > price && now <= second, "lot {n}: {price} before, {now} now");
        self.prices.insert(n, now);
    }

    /// What is read of lots is what it should be, in memory or not.
    fn look(&mut self, lots: u64) {
        for n in self.prices.keys().copied().collect::<Vec<_>>().into_iter().step_by(7) {
            let found: Lot = ask(&mut self.world, Query::LotGet(GetLot { lot: lot(n) }));
            assert_eq!(found.price, self.prices.get(&n).copied(), "lot {n}");
        }
        let untouched = self.chance(lots);
        if !self.prices.contains_key(&untouched) {
            let found: Lot = ask(&mut self.world, Query::LotGet(GetLot { lot: lot(untouched) }));
            assert_eq!((found.price, found.bids, found.state.as_str()), (None, 0, "open"), "lot {untouched}");
        }
        let dearest: Page = ask(&mut self.world, list(LotSort::Price, None, None));
        let mut expected: Vec<u64> = self.prices.values().copied().collect();
        expected.sort_unstable_by(|one, other| other.cmp(one));
        let all = expected.into_iter().map(Some).chain(std::iter::repeat(None));
        let expected: Vec<_> = all.take(dearest.lots.len()).collect();
        assert_eq!(expected.len(), 100);
        assert_eq!(dearest.lots.iter().map(|lot| lot.price).collect::<Vec<_>>(), expected);
    }
}

fn filled(lots: u64, seed: u64) -> Memory {
    let options = EngineOptions {
        shards: 1 + (seed % 2) as u16,
        memory_budget: BUDGET_LOTS * LOT_BYTES,
        views_memory_bytes: BUDGET_LOTS * 1_000,
        keys_in_memory: 1 << 30,
        ..EngineOptions::default()
    };
    let mut memory =
        Memory { world: World::with_market(options, 0, 3), prices: BTreeMap::new(), chance: seed };
    let step = BUDGET_LOTS / 2;
    for first in (0..lots).step_by(step as usize) {
        let numbers = first..(first + step).min(lots);
        let create = numbers.clone().map(|n| {
            let create = vendue_domain::lot::CreateLot { closes_at: Some(end_of(n)), ..create_lot(n) };
            Command::Lot(LotCommand::Create(Box::new(create)))
        });
        all_ok(&mut memory.world, AccountId::HOUSE, create);
        let open = |n| OpenLot { lot: lot(n), reason: Some("test".into()) };
        all_ok(&mut memory.world, AccountId::HOUSE, numbers.map(|n| Command::Lot(LotCommand::Open(open(n)))));
        memory.checkpoint();
    }
    memory
}

#[test]
fn far_more_lots_than_memory_holds() {
    let lots = std::env::var("VENDUE_SOAK_LOTS").ok().and_then(|lots| lots.parse().ok()).unwrap_or(LOTS);
    let seed = std::env::var("VENDUE_SOAK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(3);
    println!("seed {seed}, {lots} lots");
    let mut memory = filled(lots, seed);
    let passivated: u64 = memory.world.cell.shards().iter().map(|shard| shard.stats().passivated).sum();
    assert!(passivated > lots - 2 * BUDGET_LOTS, "only {passivated} left memory");
    for round in 0..6 {
        for _ in 0..100 {
            let n = memory.chance(lots);
            memory.contest(n);
        }
        if round % 2 == 0 {
            memory.checkpoint();
        }
        memory.look(lots);
        if round == 3 {
            // Some of it is in the checkpoint, the rest only in the journal.
            memory.world.restart();
            memory.look(lots);
        }
    }
    // Nobody has touched most of those that end early since they left memory.
    let early = lots.div_ceil(ENDS_EARLY_EACH);
    let last_end = FIRST_END_MS + early * APART_MS;
    memory.world.wait_ms(FIRST_END_MS - 1);
    assert_eq!(all_in(&mut memory.world, "closed").len(), 0, "none ends before its time");
    let mut waited = FIRST_END_MS - 1;
    while waited < last_end {
        memory.world.wait_ms(5_000);
        waited += 5_000;
        if waited % 60_000 < 5_000 {
            memory.checkpoint();
        }
        let passed = memory.world.now.micros_since(START) / 1_000;
        let expected = (0..early).filter(|place| FIRST_END_MS + place * APART_MS <= passed).count();
        let closed = all_in(&mut memory.world, "closed");
        assert_eq!(closed.len(), expected, "{passed} ms after the start");
    }
    let closed = all_in(&mut memory.world, "closed");
    let ends: BTreeMap<String, i64> =
        (0..early).map(|place| place * ENDS_EARLY_EACH).map(|n| (lot(n).to_string(), end_of(n).0)).collect();
    for lot in &closed {
        assert_eq!(lot.ends_at, ends.get(&lot.lot).copied(), "it ended when it was to end");
    }
    memory.world.cell.link_down(LINK);
}

/// A checkpoint holds a bid that the views have not told yet: whoever reads or follows the lot then, which is not in the
/// views' memory, is answered when they have, and the bid is told once (I38, I43).
#[test]
fn a_store_that_is_ahead_is_waited_for() {
    let mut memory = filled(2 * BUDGET_LOTS, 4);
    let world = &mut memory.world;
    let n = 17;
    // Too low: the lot comes into its shard's memory, and nothing happens that the views would read it for.
    let told = world.send(bidder(0), place_bid(n, 1));
    assert!(matches!(told, Told::Rejected { .. }), "{told:?}");
    let (_, in_memory) = world.cell.views().in_memory();
    assert!(in_memory < world.cell.views().known(), "some snapshots have left memory");
    let bid = world.deliver(bidder(0), "in time", &place_bid(n, 5_000), Timestamp(i64::MAX));
    world.cell.checkpoint().expect("the store takes it");
    let ask_now = |world: &mut World, kind| {
        world.next += 1;
        let mut frame = FrameBuilder::new(Vec::new(), kind);
        if kind == FrameKind::Queries {
            let query = Query::LotGet(GetLot { lot: lot(n) });
            let item = QueryItem { request: world.next, by: bidder(0), min_position: 0, query };
            frame.item(|out| item.encode(out));
        } else {
            let channel = Channel::Lot(lot(n));
            let (request, by) = (world.next, bidder(0));
            let item = FollowItem { request, by, channel, follow: true, after: 0, min_position: 0 };
            frame.item(|out| item.encode(out));
        }
        world.frame(&frame.finish());
        world.next
    };
    let read = ask_now(world, FrameKind::Queries);
    let followed = ask_now(world, FrameKind::Follows);
    let told = world.commit_once();
    assert!(told.get(&bid).is_some_and(Told::is_ok), "{told:?}");
    let Some(Told::Data(bytes)) = told.get(&read) else { panic!("not answered: {told:?}") };
    let found: Lot = rmp_serde::from_slice(bytes).expect("a lot");
    assert_eq!((found.price, found.bids), (Some(1_000), 1), "as it is after the bid");
    // Created, opened, bid: the snapshot holds all of them, and none is told after it.
    let Some(Told::Followed { seq, snapshot: true }) = told.get(&followed) else { panic!("{told:?}") };
    let Told::Accepted { seq: of_bid, .. } = told[&bid] else { panic!("{told:?}") };
    assert_eq!(*seq, of_bid);
    let events = world.frames.iter().filter(|(kind, _)| *kind == FrameKind::Events).count();
    assert_eq!(events, 0, "what the snapshot holds is not told again");
}
