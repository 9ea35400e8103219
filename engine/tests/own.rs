//! What an account is told of itself, also after a restart; and that amounts are in the market's currency.

mod support;

use std::collections::BTreeMap;

use serde::Deserialize;
use support::{Told, World, bidder, lot, place_bid};
use vendue_domain::account::{AccountCommand, Deposit, Role};
use vendue_domain::actor::Command;
use vendue_domain::amount::Currency;
use vendue_domain::book::{BookCommand, CancelOrder, CreateBook, OrderType, PlaceOrder, Side};
use vendue_domain::id::{AccountId, BookId, StockId};
use vendue_domain::lot::{CloseLot, LotCommand};
use vendue_domain::record::Field;
use vendue_domain::stock::{CreateStock, ReserveStock, StockCommand};
use vendue_domain::time::Timestamp;
use vendue_engine::EngineOptions;
use vendue_protocol::link::{CommandItem, FrameBuilder, FrameKind, NotExecuted, QueryItem};
use vendue_protocol::query::{
    GetAccount, GetOrder, GetStatement, ListBookOrders, ListBooks, ListOrders, ListTrades, Query,
};

const STOCK: StockId = StockId::from_u128(77);

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Bid {
    lot: String,
    status: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Kept {
    stock: String,
    quantity: u64,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Own {
    bids: Vec<Bid>,
    reservations: Vec<Kept>,
}

fn ask(world: &mut World, by: AccountId, query: Query) -> Told {
    world.next += 1;
    let item = QueryItem { request: world.next, by, min_position: 0, query };
    let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Queries);
    frame.item(|out| item.encode(out));
    world.frame(&frame.finish());
    let request = world.next;
    world.commit().remove(&request).expect("an answer")
}

fn own(world: &mut World, n: u64) -> Own {
    let told = ask(world, bidder(n), Query::AccountGet(GetAccount { account: None }));
    let Told::Data(bytes) = told else { panic!("{told:?}") };
    rmp_serde::from_slice(&bytes).expect("the fields that are promised")
}

/// The bids of an account in short: lot number and status.
fn bids(world: &mut World, n: u64) -> BTreeMap<u64, String> {
    let own = own(world, n);
    own.bids
        .into_iter()
        .map(|bid| ((0..9).find(|&n| lot(n).to_string() == bid.lot).expect("a known lot"), bid.status))
        .collect()
}

fn expected(bids: &[(u64, &str)]) -> BTreeMap<u64, String> {
    bids.iter().map(|&(lot, status)| (lot, status.to_owned())).collect()
}

#[test]
fn where_ones_bids_stand_is_known_also_after_a_restart() {
    let mut world = World::with_market(EngineOptions::default(), 3, 3);
    world.ok(bidder(0), place_bid(0, 2_000));
    world.ok(bidder(1), place_bid(0, 3_000));
    world.ok(bidder(0), place_bid(1, 2_000));
    world.ok(bidder(0), place_bid(2, 2_000));
    for round in ["at once", "after a restart", "after a checkpoint and a restart"] {
        let stands = expected(&[(0, "outbid"), (1, "leading"), (2, "leading")]);
        assert_eq!(bids(&mut world, 0), stands, "{round}");
        assert_eq!(bids(&mut world, 1), expected(&[(0, "leading")]), "{round}");
        assert_eq!(bids(&mut world, 2), expected(&[]), "{round}");
        if round == "after a restart" {
            world.cell.checkpoint().expect("the store takes it");
        }
        world.restart();
    }
    // What is over is an order, or nothing.
    let close = CloseLot { lot: lot(1), reason: Some("test".into()) };
    world.ok(AccountId::HOUSE, Command::Lot(LotCommand::Close(close)));
    assert_eq!(bids(&mut world, 0), expected(&[(0, "outbid"), (2, "leading")]));
}

#[test]
fn what_is_set_aside_is_known_until_it_ends() {
    let mut world = World::with_market(EngineOptions::default(), 0, 1);
    let create = CreateStock {
        stock: Some(STOCK),
        market: support::MARKET,
        title: "Vase".into(),
        price: support::amount(500),
        on_hand: 10,
        r#ref: None,
        threshold: None,
        limit_per_account: None,
        description: None,
        category: None,
        images: None,
        seller: None,
        locations: None,
        strategy: None,
    };
    world.ok(AccountId::HOUSE, Command::Stock(StockCommand::Create(Box::new(create))));
    let reserve =
        ReserveStock { stock: STOCK, quantity: 3, ttl_ms: Some(60_000), near: None, strategy: None };
    world.ok(bidder(0), Command::Stock(StockCommand::Reserve(reserve)));
    let kept = || vec![Kept { stock: STOCK.to_string(), quantity: 3 }];
    assert_eq!(own(&mut world, 0).reservations, kept());
    world.cell.checkpoint().expect("the store takes it");
    world.restart();
    assert_eq!(own(&mut world, 0).reservations, kept());
    world.wait_ms(61_000);
    assert_eq!(own(&mut world, 0).reservations, vec![]);
}

const BOOK: BookId = BookId::from_u128(78);

fn limit(side: Side, quantity: u64, price: u64) -> Command {
    Command::Book(BookCommand::Place(PlaceOrder {
        book: BOOK,
        side,
        r#type: OrderType::Limit,
        quantity,
        price: Some(support::amount(price)),
        max_amount: None,
        time_in_force: None,
        post_only: None,
        expires_at: None,
    }))
}

fn data(world: &mut World, by: AccountId, query: Query) -> serde_json::Value {
    let told = ask(world, by, query);
    let Told::Data(bytes) = told else { panic!("{told:?}") };
    rmp_serde::from_slice(&bytes).expect("a map")
}

/// An account's orders in short: side, status, filled, remaining.
fn book_orders(world: &mut World, n: u64, limit: Option<u32>) -> Vec<(String, String, u64, u64)> {
    let (mut orders, mut cursor) = (Vec::new(), None);
    loop {
        let list = ListBookOrders { book: Some(BOOK), cursor, limit };
        let page = data(world, bidder(n), Query::BookOrders(list));
        orders.extend(page["orders"].as_array().expect("a list").iter().map(|order| {
            let text = |field: &str| order[field].as_str().expect("a text").to_owned();
            let count = |field: &str| order[field].as_u64().expect("a number");
            assert_eq!((text("title"), text("currency")), ("Coffee".into(), "EUR".into()));
            assert_eq!(count("quantity"), count("filled") + count("remaining"));
            (text("side"), text("status"), count("filled"), count("remaining"))
        }));
        cursor = page["cursor"].as_str().map(ToOwned::to_owned);
        if cursor.is_none() {
            return orders;
        }
    }
}

/// The newest order of an account.
fn newest_order(world: &mut World, n: u64) -> vendue_domain::id::BookOrderId {
    let list = ListBookOrders { book: None, cursor: None, limit: Some(1) };
    let page = data(world, bidder(n), Query::BookOrders(list));
    page["orders"][0]["book_order"].as_str().expect("an id").parse().expect("an id")
}

#[test]
fn orders_in_books_and_their_trades_are_known_also_after_a_restart() {
    let mut world = World::with_market(EngineOptions::default(), 0, 3);
    let create = CreateBook {
        book: Some(BOOK),
        market: support::MARKET,
        title: "Coffee".into(),
        tick: support::amount(5),
        lot_size: None,
        reference: None,
        tick_significant_figures: None,
        self_trade: None,
        modify_keeps_place: None,
        funding: None,
        r#ref: Some("COFFEE".into()),
        description: None,
    };
    world.ok(AccountId::HOUSE, Command::Book(BookCommand::Create(Box::new(create))));
    world.ok(bidder(0), limit(Side::Sell, 10, 850));
    world.wait_ms(5);
    world.ok(bidder(0), limit(Side::Sell, 5, 860));
    let last = newest_order(&mut world, 0);
    let cancel = CancelOrder { book: BOOK, book_order: last, reason: None };
    world.ok(bidder(0), Command::Book(BookCommand::Cancel(cancel)));
    world.wait_ms(5);
    world.ok(bidder(1), limit(Side::Buy, 4, 850));
    world.ok(bidder(1), limit(Side::Buy, 2, 840));
    let row =
        |side: &str, status: &str, filled, remaining| (side.to_owned(), status.to_owned(), filled, remaining);
    for round in ["at once", "after a restart", "after a checkpoint and a restart"] {
        let sold = vec![row("sell", "partly_filled", 4, 6), row("sell", "cancelled", 0, 5)];
        assert_eq!(book_orders(&mut world, 0, Some(1)), sold, "{round}: those that live come first");
        let mut bought = book_orders(&mut world, 1, None);
        bought.sort();
        assert_eq!(bought, vec![row("buy", "filled", 4, 0), row("buy", "open", 0, 2)], "{round}");
        assert_eq!(book_orders(&mut world, 2, None), vec![], "{round}");
        let trades = data(
            &mut world,
            bidder(2),
            Query::BookTrades(ListTrades { book: BOOK, cursor: None, limit: None }),
        );
        let trade = &trades["trades"][0];
        assert_eq!(trades["trades"].as_array().map(Vec::len), Some(1), "{round}");
        assert_eq!((trade["price"].as_u64(), trade["quantity"].as_u64()), (Some(850), Some(4)), "{round}");
        assert_eq!(trade["taker_side"], "buy", "{round}");
        let list =
            ListBooks { market: support::MARKET, query: Some("coffee".into()), cursor: None, limit: None };
        let listed = data(&mut world, bidder(2), Query::BookList(list));
        assert_eq!(listed["books"][0]["asks"], serde_json::json!([[850, 6]]), "{round}");
        assert_eq!(listed["books"][0]["bids"], serde_json::json!([[840, 2]]), "{round}");
        if round == "after a restart" {
            world.cell.checkpoint().expect("the store takes it");
        }
        world.restart();
    }
}

#[test]
fn nobody_sees_anothers_orders() {
    let mut world = World::with_market(EngineOptions::default(), 0, 2);
    let unknown = Query::OrderGet(GetOrder { order: vendue_domain::id::OrderId::from_u128(5) });
    assert_eq!(ask(&mut world, bidder(0), unknown), Told::NotExecuted(NotExecuted::OrderNotFound));
    let list = |account, market| {
        Query::OrderList(ListOrders { market, account, state: None, cursor: None, limit: None })
    };
    let forbidden = Told::NotExecuted(NotExecuted::Forbidden);
    assert_eq!(ask(&mut world, bidder(0), list(Some(bidder(1)), None)), forbidden);
    assert_eq!(ask(&mut world, bidder(0), list(Some(bidder(1)), Some(support::MARKET))), forbidden);
    for (by, account, market) in [
        (bidder(0), None, None),
        (bidder(0), Some(bidder(0)), None),
        (bidder(0), None, Some(support::MARKET)),
        (AccountId::HOUSE, Some(bidder(1)), Some(support::MARKET)),
    ] {
        assert!(matches!(ask(&mut world, by, list(account, market)), Told::Data(_)));
    }
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Line {
    amount: i64,
    balance: i64,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Page {
    lines: Vec<Line>,
    cursor: Option<String>,
    complete: bool,
}

fn statement(world: &mut World, by: AccountId, get: GetStatement) -> Page {
    let told = ask(world, by, Query::Statement(get));
    let Told::Data(bytes) = told else { panic!("{told:?}") };
    rmp_serde::from_slice(&bytes).expect("the fields that are promised")
}

/// The whole statement of the first bidder, newest first, in pages of three: (amount, balance).
fn booked(world: &mut World, from: Option<Timestamp>) -> (Vec<(i64, i64)>, bool) {
    let (mut lines, mut cursor) = (Vec::new(), None);
    loop {
        let get = GetStatement {
            account: None,
            currency: Currency::new("EUR"),
            from,
            to: None,
            cursor,
            limit: Some(3),
        };
        let page = statement(world, bidder(0), get);
        assert!(page.lines.len() <= 3);
        lines.extend(page.lines.iter().map(|line| (line.amount, line.balance)));
        cursor = page.cursor;
        if cursor.is_none() {
            return (lines, page.complete);
        }
    }
}

#[test]
fn a_statement_has_every_line_once_also_after_a_restart() {
    // Chunks of 32 lines: some are let go of, some are written twice.
    let options = EngineOptions { statement_per_account: 50, ..EngineOptions::default() };
    let mut world = World::with_market(options, 0, 2);
    let mut expected: Vec<(i64, i64)> = Vec::new();
    for n in 1..=120_i64 {
        let deposit = Deposit {
            account: bidder(0),
            amount: Some(support::amount(n as u64)),
            currency: Currency::new("EUR"),
            goods: None,
            quantity: None,
            reason: "test".into(),
        };
        world.wait_ms(1_000);
        world.ok(AccountId::HOUSE, Command::Account(AccountCommand::Deposit(deposit)));
        expected.insert(0, (n, n * (n + 1) / 2));
        if n % 17 == 0 {
            world.cell.checkpoint().expect("the store takes it");
        }
        if n % 23 == 0 {
            world.restart();
        }
        let (lines, complete) = booked(&mut world, None);
        // After a restart a whole chunk comes back, which may be more than the newest.
        assert!(lines.len() >= expected.len().min(50), "{n}: {}", lines.len());
        assert_eq!(lines, expected[..lines.len()], "{n}");
        assert!(complete == (lines.len() == expected.len()) || n > 50, "{n}");
    }
    let from = Timestamp(world.now.0 - 2_500_000);
    assert_eq!(booked(&mut world, Some(from)), (expected[..3].to_vec(), true));
    let get =
        |account| GetStatement { account, currency: None, from: None, to: None, cursor: None, limit: None };
    let none = Page { lines: vec![], cursor: None, complete: true };
    assert_eq!(statement(&mut world, bidder(1), get(None)), none);
    let forbidden = Told::NotExecuted(NotExecuted::Forbidden);
    assert_eq!(ask(&mut world, bidder(1), Query::Statement(get(Some(bidder(0))))), forbidden);
    // Who runs one market does not see what accounts have: the platform's operators do.
    let grant = support::grant(bidder(1), Role::Operator);
    world.ok(AccountId::HOUSE, Command::Account(AccountCommand::Grant(grant)));
    assert_eq!(ask(&mut world, bidder(1), Query::Statement(get(Some(bidder(0))))), forbidden);
    assert_eq!(statement(&mut world, AccountId::HOUSE, get(Some(bidder(0)))).lines.len(), 50);
}

/// Sends a command with a currency beside its amounts.
fn send_in(world: &mut World, key: &str, currency: Option<&str>, command: &Command) -> Told {
    world.next += 1;
    let bytes = command.to_bytes();
    let item = CommandItem {
        request: world.next,
        by: bidder(0),
        expires_at: world.now.plus_ms(5_000),
        key: key.as_bytes(),
        currency: currency.and_then(Currency::new),
        command: &bytes,
    };
    let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Commands);
    frame.item(|out| item.encode(out));
    world.frame(&frame.finish());
    let request = world.next;
    world.commit().remove(&request).expect("a reply")
}

#[test]
fn another_currency_than_the_markets_is_refused() {
    let mut world = World::with_market(EngineOptions::default(), 1, 1);
    let told = send_in(&mut world, "a", Some("JPY"), &place_bid(0, 2_000));
    let Told::Rejected { rejection, replayed: false } = &told else { panic!("{told:?}") };
    assert_eq!(rejection.code(), "currency_mismatch");
    // Durable, like every rejection; the currency is part of what was asked.
    for _ in 0..2 {
        let again = send_in(&mut world, "a", Some("JPY"), &place_bid(0, 2_000));
        assert!(matches!(again, Told::Rejected { replayed: true, .. }), "{again:?}");
        let other = send_in(&mut world, "a", Some("EUR"), &place_bid(0, 2_000));
        assert_eq!(other, Told::NotExecuted(NotExecuted::IdempotencyKeyReused));
        world.restart();
    }
    assert!(send_in(&mut world, "b", Some("EUR"), &place_bid(0, 2_000)).is_ok());
    assert!(send_in(&mut world, "c", None, &place_bid(0, 3_000)).is_ok());
    let mut create = support::create_lot(5);
    let grant = support::grant(bidder(0), Role::Seller);
    world.ok(AccountId::HOUSE, Command::Account(AccountCommand::Grant(grant)));
    create.lot = Some(lot(5));
    let create = Command::Lot(LotCommand::Create(Box::new(create)));
    assert!(!send_in(&mut world, "d", Some("USD"), &create).is_ok());
    assert!(send_in(&mut world, "e", Some("EUR"), &create).is_ok());
}
