//! A whole cell in memory: what is acknowledged, what is told, and what a restart finds.

mod support;

use support::{
    LINK, MARKET, START, Told, World, amount, bidder, create_account, create_lot, hashes, lot, place_bid,
};
use vendue_domain::account::{AccountCommand, CreateAccount, Suspend, Verify};
use vendue_domain::actor::{Answer, Command};
use vendue_domain::facts::Role;
use vendue_domain::id::AccountId;
use vendue_domain::lot::{CloseLot, CreateLot, LotCommand, OpenLot, ReopenLot};
use vendue_domain::market::{HaltMarket, MarkMarket, MarketCommand, ResumeMarket};
use vendue_domain::record::Field;
use vendue_domain::rejection::Rejection;
use vendue_engine::EngineOptions;
use vendue_engine::entry::Entry;
use vendue_protocol::channel::Channel;
use vendue_protocol::link::{
    EventItem, FollowItem, FrameBuilder, FrameKind, Items, NotExecuted, QueryItem, split_frame,
};
use vendue_protocol::query::{AccountState, CommandResult, GetLot, ListAccounts, ListAudit, ListLots, Query};

fn world() -> World {
    World::with_market(EngineOptions::default(), 3, 4)
}

/// Rejections and acceptances of a bid, in short.
fn status(told: &Told) -> String {
    match told {
        Told::Accepted { answer: Answer::Bid(bid), replayed, .. } => {
            let replayed = if *replayed { " again" } else { "" };
            format!("{:?} at {:?}{replayed}", bid.status, bid.price.map_or(0, |price| price.get()))
        }
        Told::Rejected { rejection, replayed } => {
            format!("{}{}", rejection.code(), if *replayed { " again" } else { "" })
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn bids_are_decided_in_order_and_told_with_the_channels_number() {
    let mut world = world();
    let cases = [
        (0, 2_000, "Leading at 1000"),
        (1, 1_500, "Outbid at 1550"),
        (1, 1_000, "bid_too_low"),
        (1, 5_000, "Leading at 2050"),
        (1, 6_000, "Leading at 2050"),
        (1, 5_500, "self_outbid"),
        (9, 9_000, "forbidden"),
    ];
    for (by, minor, expected) in cases {
        assert_eq!(status(&world.bid(by, 0, minor)), expected, "{minor} by {by}");
    }
    assert!(matches!(world.bid(0, 7, 1), Told::Rejected { rejection: Rejection::NotFound, .. }));
}

#[test]
fn a_key_has_one_outcome_also_after_a_restart() {
    let mut world = world();
    let bid = place_bid(0, 2_000);
    let first = world.send_keyed(bidder(0), "k", &bid);
    assert_eq!(status(&first), "Leading at 1000");
    world.bid(1, 0, 3_000);
    let too_low = place_bid(0, 1_000);
    assert_eq!(status(&world.send_keyed(bidder(2), "low", &too_low)), "bid_too_low");
    for round in ["at once", "after a restart", "after a checkpoint and a restart"] {
        let again = world.send_keyed(bidder(0), "k", &bid);
        assert_eq!(status(&again), "Leading at 1000 again", "{round}");
        assert_eq!(status(&world.send_keyed(bidder(2), "low", &too_low)), "bid_too_low again", "{round}");
        let (Told::Accepted { seq: one, answer: a, .. }, Told::Accepted { seq: other, answer: b, .. }) =
            (&first, &again)
        else {
            panic!("not accepted")
        };
        assert_eq!((one, a), (other, b), "the reply is the same, {round}");
        let other = world.send_keyed(bidder(0), "k", &place_bid(0, 2_001));
        assert_eq!(other, Told::NotExecuted(NotExecuted::IdempotencyKeyReused), "{round}");
        // The same key of another account, or for another lot, is another key.
        assert_ne!(status(&world.send_keyed(bidder(3), "k", &place_bid(1, 1_000))), "Leading at 1000 once");
        if round == "after a restart" {
            world.cell.checkpoint().expect("the store takes it");
        }
        world.restart();
    }
}

#[test]
fn the_same_key_twice_in_one_batch_is_decided_once() {
    let mut world = world();
    let bid = place_bid(0, 2_000);
    let until = world.now.plus_ms(1_000);
    let one = world.deliver(bidder(0), "k", &bid, until);
    let two = world.deliver(bidder(0), "k", &bid, until);
    let told = world.commit();
    assert_eq!(status(&told[&one]), "Leading at 1000");
    assert_eq!(status(&told[&two]), "Leading at 1000 again");
}

#[test]
fn what_expires_is_never_executed() {
    let mut world = world();
    let told = world.send_until(bidder(0), "late", &place_bid(0, 2_000), world.now);
    assert_eq!(told, Told::NotExecuted(NotExecuted::DeadlineExceeded));
    assert_eq!(status(&world.send_keyed(bidder(0), "late", &place_bid(0, 2_000))), "Leading at 1000");
}

#[test]
fn what_was_executed_in_time_is_told_however_late_its_copy_comes() {
    let mut world = world();
    assert_eq!(status(&world.send_keyed(bidder(0), "once", &place_bid(0, 2_000))), "Leading at 1000");
    let told = world.send_until(bidder(0), "once", &place_bid(0, 2_000), world.now);
    assert_eq!(status(&told), "Leading at 1000 again");
}

#[test]
fn a_trial_leaves_no_record_also_where_there_is_no_lot() {
    let mut world = world();
    let before = world.cell.committer().durable();
    let mut bid = place_bid(99, 2_000);
    if let Command::Lot(LotCommand::Bid(bid)) = &mut bid {
        bid.validate_only = Some(true);
    }
    assert_eq!(status(&world.send(bidder(0), bid)), "not_found");
    assert_eq!(world.cell.committer().durable(), before);
}

#[test]
fn a_restart_finds_exactly_the_state_that_was_acknowledged() {
    for checkpoints in [0, 1, 3] {
        let mut world = world();
        for round in 0..30_u64 {
            world.bid(round % 4, round % 3, 1_000 + 700 * round);
            world.wait_ms(10);
            if checkpoints > 0 && round % (30 / checkpoints) == 7 {
                world.cell.checkpoint().expect("the store takes it");
            }
        }
        let live = world.state_hashes();
        world.restart();
        // Cold actors come back when they are needed: ask for all of them.
        for on in 0..3 {
            world.bid(0, on, 1);
        }
        let from_nothing = hashes(&world.replayed_from_nothing());
        assert_eq!(world.state_hashes().1, live.1, "views, {checkpoints} checkpoints");
        assert_eq!(from_nothing, live, "replay from genesis, {checkpoints} checkpoints (I6)");
    }
}

#[test]
fn passivated_actors_come_back_as_they_were() {
    let mut world =
        World::with_market(EngineOptions { resident_max: 1_000, ..EngineOptions::default() }, 1_500, 2);
    world.bid(0, 3, 2_000);
    world.cell.checkpoint().expect("the store takes it");
    let shard = &world.cell.shards()[0];
    assert!(shard.resident() <= 1_000, "{} actors in memory", shard.resident());
    assert!(shard.stats().passivated > 400);
    for on in [0, 3, 700, 1_499] {
        let expected = if on == 3 { "Leading at 2050" } else { "Leading at 1000" };
        assert_eq!(status(&world.bid(1, on, 3_000)), expected, "lot {on}");
    }
    assert!(world.cell.shards()[0].stats().activated > 0);
    assert!(matches!(world.bid(1, 9_999, 1), Told::Rejected { rejection: Rejection::NotFound, .. }));
}

#[test]
fn a_lot_ends_by_its_own_deadline_and_takes_nothing_after_it() {
    let mut world = world();
    world.bid(0, 0, 2_000);
    world.wait_ms(3_599_999);
    assert_eq!(status(&world.bid(1, 0, 5_000)), "Leading at 2050");
    world.wait_ms(1);
    assert_eq!(status(&world.bid(0, 0, 9_000)), "lot_closed");
    world.restart();
    assert_eq!(status(&world.bid(0, 0, 9_500)), "lot_closed");
}

#[test]
fn a_lot_whose_end_fell_into_an_outage_is_given_time() {
    // In memory after the recovery, or in the state store.
    for is_stored in [false, true] {
        let mut world = world();
        world.bid(0, 0, 2_000);
        if is_stored {
            world.cell.checkpoint().unwrap();
        }
        world.now = world.now.plus_ms(4_000_000);
        world.restart();
        assert_eq!(
            status(&world.bid(1, 0, 5_000)),
            "Leading at 2050",
            "it ends outage_extend_ms after the recovery; stored: {is_stored}"
        );
        world.wait_ms(60_000);
        assert_eq!(status(&world.bid(1, 0, 9_000)), "lot_closed");
    }
}

#[test]
fn whoever_was_suspended_while_a_lot_was_closed_has_no_standing_when_it_reopens() {
    let mut world = world();
    let house = AccountId::HOUSE;
    // Nobody meets its reserve: a lot that is sold has an order, and is never opened again.
    let (n, reserve) = (7, Some(amount(1_000_000)));
    let create = CreateLot { reserve, ..create_lot(n) };
    world.ok(house, Command::Lot(LotCommand::Create(Box::new(create))));
    let reason = Some("drill".to_owned());
    world.ok(house, Command::Lot(LotCommand::Open(OpenLot { lot: lot(n), reason: reason.clone() })));
    world.bid(0, n, 2_000);
    world.bid(1, n, 3_000);
    world.ok(house, Command::Lot(LotCommand::Close(CloseLot { lot: lot(n), reason: reason.clone() })));
    let suspend = Suspend { account: bidder(1), market: MARKET, reason: "unpaid".into(), lift: None };
    world.ok(house, Command::Account(AccountCommand::Suspend(suspend)));
    let ends_at = world.now.plus_ms(60_000);
    world.ok(house, Command::Lot(LotCommand::Reopen(ReopenLot { lot: lot(n), ends_at, reason })));
    assert_eq!(status(&world.bid(2, n, 1_500)), "Outbid at 1550", "bidder 0 leads alone");
    let before = world.state_hashes();
    world.restart();
    assert_eq!(world.state_hashes(), before);
}

#[test]
fn halting_pauses_and_suspending_restates_whether_warm_or_cold() {
    for shards in [1, 3] {
        let mut world = World::with_market(EngineOptions { shards, ..EngineOptions::default() }, 3, 4);
        world.bid(0, 0, 2_000);
        world.bid(1, 0, 3_000);
        let house = AccountId::HOUSE;
        world.ok(
            house,
            Command::Market(MarketCommand::Halt(HaltMarket { market: MARKET, reason: "drill".into() })),
        );
        let code = status(&world.bid(2, 0, 9_000));
        assert!(code == "market_halted" || code == "lot_paused", "{code}");
        world.restart();
        world.wait_ms(1_000);
        world.ok(
            house,
            Command::Market(MarketCommand::Resume(ResumeMarket { market: MARKET, reason: "over".into() })),
        );
        let suspend = Suspend { account: bidder(1), market: MARKET, reason: "unpaid".into(), lift: None };
        world.ok(house, Command::Account(AccountCommand::Suspend(suspend)));
        assert_ne!(status(&world.bid(1, 0, 9_000)), "Leading at 2050");
        // Bidder 1 has lost its standing: bidder 0 leads alone, at the start amount.
        assert_eq!(status(&world.bid(2, 0, 1_500)), "Outbid at 1550", "{shards} shards");
    }
}

#[test]
fn engine_commands_are_not_for_clients() {
    let mut world = world();
    let mark = Command::Market(MarketCommand::Mark(MarkMarket { market: MARKET }));
    assert_eq!(world.send(AccountId::HOUSE, mark), Told::NotExecuted(NotExecuted::Forbidden));
}

#[test]
fn overload_is_answered_and_decides_nothing() {
    let mut world = World::with_market(EngineOptions { in_flight_max: 16, ..EngineOptions::default() }, 1, 2);
    let until = world.now.plus_ms(1_000);
    let requests: Vec<_> = (0..40)
        .map(|n| world.deliver(bidder(n % 2), &format!("o{n}"), &place_bid(0, 1_000 * (n + 1)), until))
        .collect();
    let told = world.commit();
    let overloaded =
        requests.iter().filter(|request| told[request] == Told::NotExecuted(NotExecuted::Overloaded));
    assert_eq!(overloaded.count(), 40 - 16);
    // What was refused was not executed: the same key is free.
    let again = world.send_keyed(bidder(1), "o39", &place_bid(0, 40_000));
    assert!(matches!(again, Told::Accepted { replayed: false, .. }), "{again:?}");
}

#[test]
fn names_reach_the_journal_only_sealed() {
    let mut world = world();
    let create = create_account(AccountId::from_u128(0x77), "Ada Lovelace");
    world.ok(AccountId::HOUSE, Command::Account(AccountCommand::Create(create)));
    let mut all = Vec::new();
    let visit = &mut |_: u64, record: &[u8]| {
        all.extend_from_slice(record);
        std::ops::ControlFlow::Continue(())
    };
    world.cell.reader().read(1, visit).expect("readable");
    let contains = |text: &[u8]| all.windows(text.len()).any(|window| window == text);
    assert!(!contains(b"Ada Lovelace"));
    assert!(contains(b"ecalevoL adA"), "the sealed form is there: the test looks at the right bytes");
}

#[test]
fn creating_an_account_again_with_another_name_is_refused() {
    let mut world = world();
    let create = |name: &str, reference: Option<&str>| {
        let create = create_account(AccountId::from_u128(0x77), name);
        let r#ref = reference.map(str::to_owned);
        Command::Account(AccountCommand::Create(CreateAccount { r#ref, ..create }))
    };
    let mut told = |key: &str, command: &Command| match world.send_keyed(AccountId::HOUSE, key, command) {
        Told::Accepted { answer, .. } => format!("{answer:?}"),
        Told::Rejected { rejection, .. } => rejection.code().to_owned(),
        other => format!("{other:?}"),
    };
    let created = format!("Account({:?})", AccountId::from_u128(0x77));
    for (key, command, expected) in [
        ("a", create("Ada Lovelace", None), &*created),
        ("b", create("Ada Lovelace", None), &created),
        ("c", create("Charles Babbage", None), "already_exists"),
        ("d", create("Ada Lovelace", Some("customer 5")), "already_exists"),
    ] {
        assert_eq!(told(key, &command), expected, "{key}");
    }
    world.restart();
    let again = world.send_keyed(AccountId::HOUSE, "e", &create("Charles Babbage", None));
    assert!(matches!(again, Told::Rejected { rejection: Rejection::AlreadyExists, .. }), "{again:?}");
    assert!(world.send_keyed(AccountId::HOUSE, "f", &create("Ada Lovelace", None)).is_ok());
}

fn follow(world: &mut World, channel: Channel, by: AccountId, after: u64) -> Told {
    world.next += 1;
    let item = FollowItem { request: world.next, by, min_position: 0, channel, follow: true, after };
    let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Follows);
    frame.item(|out| item.encode(out));
    world.frame(&frame.finish());
    let request = world.next;
    world.commit().remove(&request).expect("a reply")
}

fn query(world: &mut World, by: AccountId, query: Query) -> Told {
    world.next += 1;
    let item = QueryItem { request: world.next, by, min_position: 0, query };
    let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Queries);
    frame.item(|out| item.encode(out));
    world.frame(&frame.finish());
    let request = world.next;
    world.commit().remove(&request).expect("a reply")
}

/// The events told since the last call: (channel, seq, name).
fn events(world: &mut World) -> Vec<(String, u64, String)> {
    let frames = std::mem::take(&mut world.frames);
    let payloads = frames.iter().filter(|(kind, _)| *kind == FrameKind::Events);
    payloads
        .flat_map(|(_, payload)| Items::new(payload).collect::<Vec<_>>())
        .map(|item| {
            let event = EventItem::decode(item.expect("an item")).expect("a readable event");
            (event.channel.to_string(), event.seq, event.name.to_owned())
        })
        .collect()
}

#[test]
fn followers_hear_dense_sequences_and_only_what_they_may() {
    let mut world = world();
    let channel = Channel::Lot(lot(0));
    let opened = follow(&mut world, channel, AccountId::default(), 0);
    let Told::Followed { seq, snapshot: true } = opened else { panic!("{opened:?}") };
    let account = follow(&mut world, Channel::Account(bidder(0)), bidder(0), 0);
    let Told::Followed { seq: before, .. } = account else { panic!("{account:?}") };
    let private = follow(&mut world, Channel::Account(bidder(1)), bidder(0), 0);
    assert_eq!(private, Told::NotExecuted(NotExecuted::Forbidden));
    assert_eq!(
        follow(&mut world, Channel::Ops(MARKET), bidder(0), 0),
        Told::NotExecuted(NotExecuted::Forbidden)
    );
    assert!(matches!(follow(&mut world, Channel::Ops(MARKET), AccountId::HOUSE, 0), Told::Followed { .. }));
    let unknown = follow(&mut world, Channel::Lot(lot(99)), AccountId::default(), 0);
    assert_eq!(unknown, Told::NotExecuted(NotExecuted::UnknownChannel));
    world.frames.clear();
    for (by, minor) in [(0, 2_000), (1, 1_500), (1, 4_000), (0, 5_000)] {
        world.bid(by, 0, minor);
    }
    let told = events(&mut world);
    let lot_channel = channel.to_string();
    let seqs: Vec<_> =
        told.iter().filter(|(name, ..)| *name == lot_channel).map(|(_, seq, _)| *seq).collect();
    assert_eq!(seqs, (seq + 1..=seq + 4).collect::<Vec<_>>());
    let private: Vec<_> = told.iter().filter(|(name, ..)| name == "account").collect();
    assert!(private.iter().any(|(_, _, name)| name == "outbid"), "{private:?}");
    let feed: Vec<_> = private.iter().map(|(_, seq, _)| *seq).collect();
    assert_eq!(feed, (before + 1..=before + feed.len() as u64).collect::<Vec<_>>());
}

#[test]
fn numbers_go_on_after_a_restart_and_what_was_missed_is_told() {
    for checkpoint in [false, true] {
        let mut world = world();
        let channel = Channel::Lot(lot(0));
        let Told::Followed { seq, .. } = follow(&mut world, channel, AccountId::default(), 0) else {
            panic!()
        };
        follow(&mut world, Channel::Account(bidder(0)), bidder(0), 0);
        world.bid(0, 0, 2_000);
        if checkpoint {
            world.cell.checkpoint().expect("the store takes it");
        }
        world.bid(1, 0, 3_000);
        let before = events(&mut world);
        let last = |told: &[(String, u64, String)], name: &str| {
            told.iter().filter(|(channel, ..)| channel == name).map(|(_, seq, _)| *seq).max()
        };
        world.restart();
        world.frames.clear();
        // A gateway that has heard everything is told nothing again; one that has missed the last hears just that.
        let reply = follow(&mut world, channel, AccountId::default(), seq + 1);
        assert_eq!(reply, Told::Followed { seq: seq + 2, snapshot: false }, "checkpoint {checkpoint}");
        assert_eq!(events(&mut world), [(channel.to_string(), seq + 2, "price_changed".to_owned())]);
        let all = last(&before, "account").expect("the feed has told something");
        let reply = follow(&mut world, Channel::Account(bidder(0)), bidder(0), all);
        assert_eq!(reply, Told::Followed { seq: all, snapshot: false }, "checkpoint {checkpoint}");
        world.bid(2, 0, 9_000);
        world.bid(0, 0, 20_000);
        let after = events(&mut world);
        assert_eq!(last(&after, &channel.to_string()), Some(seq + 4));
        assert_eq!(last(&after, "account"), Some(all + 1), "bid_status of the new leader");
    }
}

#[test]
fn queries_answer_from_what_is_durable() {
    let mut world = world();
    world.bid(0, 0, 2_000);
    let Told::Data(bytes) = query(&mut world, AccountId::default(), Query::LotGet(GetLot { lot: lot(0) }))
    else {
        panic!("no data")
    };
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("bidder-1") && text.contains("price"), "{text}");
    let list = ListLots {
        market: MARKET,
        query: Some("lot 2".into()),
        format: None,
        state: Some("open".into()),
        sort: None,
        cursor: None,
        limit: Some(10),
        sale: None,
        category: None,
    };
    let Told::Data(bytes) = query(&mut world, AccountId::default(), Query::LotList(list)) else {
        panic!("no data")
    };
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("Lot 2") && !text.contains("Lot 1"), "{text}");
    let audit = |market| Query::AuditList(ListAudit { market, cursor: None, limit: None });
    assert_eq!(query(&mut world, bidder(0), audit(MARKET)), Told::NotExecuted(NotExecuted::Forbidden));
    let Told::Data(bytes) = query(&mut world, AccountId::HOUSE, audit(MARKET)) else { panic!("no data") };
    assert!(String::from_utf8_lossy(&bytes).contains("lot_opened"));
    let result =
        |key: &str| Query::CommandResult((CommandResult { target: lot(0).to_string() }, key.to_owned()));
    assert_eq!(query(&mut world, bidder(0), result("nobody's")), Told::NotExecuted(NotExecuted::NotFound));
    world.send_keyed(bidder(1), "mine", &place_bid(0, 9_000));
    let told = query(&mut world, bidder(1), result("mine"));
    assert!(matches!(told, Told::Accepted { replayed: true, answer: Answer::Bid(_), .. }), "{told:?}");
}

/// The accounts of a market, with how they stand, for those who run or audit it; nobody else learns who is there.
#[test]
fn the_accounts_of_a_market_are_listed_for_its_operators() {
    let mut world = world();
    let (auditor, house) = (bidder(9), AccountId::HOUSE);
    let of_account = Command::Account;
    world.ok(house, of_account(AccountCommand::Create(create_account(auditor, "Aurelia"))));
    let no_grants = query(&mut world, auditor, Query::AccountList(ListAccounts::of(Some(MARKET))));
    assert_eq!(no_grants, Told::NotExecuted(NotExecuted::Forbidden));
    world.ok(house, of_account(AccountCommand::Grant(support::grant(auditor, Role::Auditor))));
    let reason = "test".to_owned();
    let suspend = Suspend { account: bidder(1), market: MARKET, reason: reason.clone(), lift: None };
    world.ok(house, of_account(AccountCommand::Suspend(suspend)));
    let verify = Verify { account: bidder(2), market: MARKET, reason, revoke: None };
    world.ok(house, of_account(AccountCommand::Verify(verify)));

    let everywhere = ListAccounts::of(None);
    let here = ListAccounts::of(Some(MARKET));
    let in_state = |state| ListAccounts { state: Some(state), ..here.clone() };
    let cases = [
        ("everybody of the market", here.clone(), vec![0, 1, 2, 3, 9]),
        ("a role", ListAccounts { role: Some(Role::Auditor), ..here.clone() }, vec![9]),
        ("a name", ListAccounts { query: Some("aurel".into()), ..here.clone() }, vec![9]),
        ("suspended", in_state(AccountState::Suspended), vec![1]),
        ("verified", in_state(AccountState::Verified), vec![2]),
        ("unverified", in_state(AccountState::Unverified), vec![0, 3, 9]),
        ("linked", in_state(AccountState::Linked), vec![]),
    ];
    let mut listed = |by, list: ListAccounts| {
        let Told::Data(bytes) = query(&mut world, by, Query::AccountList(list)) else { panic!("no data") };
        rmp_serde::from_slice::<serde_json::Value>(&bytes).expect("a map")
    };
    let ids = |page: &serde_json::Value| -> Vec<String> {
        let lines = page["accounts"].as_array().expect("lines");
        lines.iter().map(|line| line["account"].as_str().expect("an id").to_owned()).collect()
    };
    for (what, list, expected) in cases {
        let mut expected: Vec<String> = expected.into_iter().map(|n| bidder(n).to_string()).collect();
        expected.sort();
        assert_eq!(ids(&listed(auditor, list)), expected, "{what}");
    }
    // Page by page it is the same list.
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = listed(house, ListAccounts { cursor, limit: Some(1), ..here.clone() });
        all.extend(ids(&page));
        cursor = page["cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(all, ids(&listed(house, here)));
    assert_eq!(ids(&listed(house, everywhere.clone())).len(), 5, "the house has no record of its own");
    assert_eq!(
        query(&mut world, auditor, Query::AccountList(everywhere)),
        Told::NotExecuted(NotExecuted::Forbidden),
        "every account is the platform's to see"
    );
    let bad = ListAccounts { cursor: Some("7".into()), ..ListAccounts::of(Some(MARKET)) };
    assert!(matches!(query(&mut world, house, Query::AccountList(bad)), Told::NotExecuted(_)));
}

#[test]
fn nothing_secret_is_told_before_the_close() {
    let mut world = world();
    let mut secret = create_lot(50);
    secret.reserve = Some(support::amount(777_777));
    world.ok(AccountId::HOUSE, Command::Lot(LotCommand::Create(Box::new(secret))));
    let open = vendue_domain::lot::OpenLot { lot: lot(50), reason: Some("test".into()) };
    world.ok(AccountId::HOUSE, Command::Lot(LotCommand::Open(open)));
    follow(&mut world, Channel::Lot(lot(50)), AccountId::default(), 0);
    follow(&mut world, Channel::Market(MARKET), AccountId::default(), 0);
    follow(&mut world, Channel::Ops(MARKET), AccountId::HOUSE, 0);
    world.bid(0, 50, 444_444);
    world.bid(1, 50, 2_000);
    world.cell.tick(world.now);
    world.commit();
    let Told::Data(got) = query(&mut world, AccountId::HOUSE, Query::LotGet(GetLot { lot: lot(50) })) else {
        panic!()
    };
    let frames: Vec<u8> = world.frames.iter().flat_map(|(_, payload)| payload.clone()).chain(got).collect();
    for (what, number) in [("the reserve", 777_777_u32), ("a maximum", 444_444)] {
        let bytes = number.to_be_bytes();
        assert!(!frames.windows(4).any(|window| window == bytes), "{what} was told");
    }
    let account = bidder(0).to_string();
    assert!(!String::from_utf8_lossy(&frames).contains(&account), "an account id was told");
}

#[test]
fn every_record_of_a_run_reads_back_as_it_was_written() {
    let mut world = world();
    world.bid(0, 0, 2_000);
    world.bid(1, 0, 1_000);
    world.wait_ms(3_600_000);
    let mut count = 0;
    world
        .cell
        .reader()
        .read(1, &mut |position, record| {
            let entry = Entry::from_bytes(record).expect("readable");
            assert_eq!(entry.to_bytes(), record, "record {position}");
            assert_eq!(Entry::time_and_key(record), Ok((entry.time(), entry.keyed())), "record {position}");
            count += 1;
            std::ops::ControlFlow::Continue(())
        })
        .expect("readable");
    assert_eq!(count, world.cell.reader().last());
    assert!(world.now > START && LINK == 1);
}

#[test]
fn when_the_journal_fails_nothing_more_is_told_and_nothing_told_is_lost() {
    use vendue_storage::MemoryFault::{Full, UnknownKept, UnknownLost};
    for (fault, after_restart) in [
        (Full, "Leading at 1000"),
        (UnknownLost, "Leading at 1000"),
        // The records may be there after all: then the outcome is the first one's, told for the first time.
        (UnknownKept, "Leading at 1000 again"),
    ] {
        let mut world = world();
        assert_eq!(status(&world.send_keyed(bidder(1), "before", &place_bid(1, 2_000))), "Leading at 1000");
        world.log.fail_next(fault);
        let until = world.now.plus_ms(5_000);
        world.deliver(bidder(0), "k", &place_bid(0, 2_000), until);
        assert!(world.cell.commit().is_err(), "the failure is said");
        // The cell has stopped: whatever comes is decided in vain and told to nobody (I8).
        world.deliver(bidder(2), "later", &place_bid(0, 9_000), until);
        assert!(world.cell.commit().is_ok_and(|out| {
            out.values().all(|bytes| !matches!(split_frame(bytes), Ok(Some((FrameKind::Replies, ..)))))
        }));
        world.restart();
        let again = status(&world.send_keyed(bidder(1), "before", &place_bid(1, 2_000)));
        assert_eq!(again, "Leading at 1000 again", "what was told is there (I1)");
        assert_eq!(status(&world.send_keyed(bidder(0), "k", &place_bid(0, 2_000))), after_restart);
        assert_eq!(status(&world.send_keyed(bidder(2), "later", &place_bid(0, 9_000))), "Leading at 2050");
    }
}

#[test]
fn a_checkpoint_that_fails_loses_neither_rights_nor_states() {
    for stop_after in [0, 1, 5, 20] {
        let mut world = world();
        world.bid(0, 0, 2_000);
        world.store.stop_after(stop_after);
        let first = world.cell.checkpoint();
        world.bid(1, 0, 3_000);
        world.cell.checkpoint().expect("the store takes it now");
        assert!(first.is_err(), "the first one was stopped after {stop_after}");
        let live = world.state_hashes();
        world.restart();
        assert_eq!(world.state_hashes().1, live.1);
        // Rights are facts: they are there although the checkpoint that carried them first failed.
        assert_eq!(status(&world.bid(2, 0, 9_000)), "Leading at 3100", "stopped after {stop_after}");
    }
}
