//! What is told of an account's money: its feed, its snapshot, its statement, the audit log; and the checkers that watch it.

use vendue_domain::account::{AccountCommand, AccountEvent, EntryPosted, StatementLine};
use vendue_domain::actor::Event;
use vendue_domain::context::Stamp;
use vendue_domain::id::{HoldId, Id, LotId, OrderId, StockId};
use vendue_domain::invariants::money;
use vendue_domain::limits;
use vendue_domain::money::EntryKind;
use vendue_domain::record::Field;

use crate::account_script::{PARTY, Script, deposit, eur, goods};
use crate::world::{OPERATOR, SELLER};

fn told(script: &mut Script, line: &str) -> Vec<(&'static str, serde_json::Value)> {
    let outcome = script.decide(line).expect("decided");
    let events = outcome.private.into_iter().map(|(who, event)| {
        assert_eq!(who, PARTY, "nobody else hears of it");
        (event.name, serde_json::to_value(&event.data).expect("JSON"))
    });
    events.collect()
}

/// What an account hears of its own money.
#[test]
fn the_account_hears_of_everything() {
    let mut script = Script::new();
    let lot = LotId::from_u128(9).to_string();
    for (line, name, fields) in [
        (
            "deposit EUR 100",
            "balance_changed",
            &[("balance", "100"), ("amount", "100"), ("kind", "\"deposit\""), ("reason", "\"by bank\"")][..],
        ),
        (
            "hold 1 L9 EUR 60",
            "hold_placed",
            &[("amount", "60"), ("available", "40"), ("currency", "\"EUR\"")],
        ),
        ("hold 1 L9 EUR 70", "hold_placed", &[("amount", "70"), ("available", "30"), ("holds_count", "1")]),
        (
            "capture 1 O9 50 1",
            "hold_captured",
            &[
                ("amount", "50"),
                ("released", "20"),
                ("balance", "50"),
                ("held", "0"),
                ("kind", "\"payment\""),
            ],
        ),
        ("hold 2 L9 EUR 5", "hold_placed", &[("held", "5")]),
        ("release 2", "hold_released", &[("amount", "5"), ("held", "0"), ("holds_count", "0")]),
        (
            "post 2 EUR cash:50 clearing:-50 reverses 1",
            "balance_changed",
            &[("balance", "100"), ("clearing", "0"), ("kind", "\"reversal\"")],
        ),
        ("count 2", "retraction_counted", &[("retractions", "1"), ("bids", "2")]),
    ] {
        let told = told(&mut script, line);
        assert_eq!(told.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [name], "{line}");
        for (field, expected) in fields {
            assert_eq!(told[0].1[*field].to_string(), *expected, "{line}: {}", told[0].1);
        }
        if name.starts_with("hold") {
            assert_eq!(told[0].1["lot"], lot, "{line}");
        }
    }
    assert_eq!(told(&mut script, "hold 3 L9 EUR 101"), [], "who asked tells it");
}

/// A snapshot is bounded; with the events after it, it is always the state (I43): the test world folds every one.
#[test]
fn a_snapshot_lists_so_many() {
    let mut script = Script::new();
    script.world.thorough_every = 64;
    script.act("deposit EUR 1000");
    for number in 0..limits::HOLDS_LISTED + 20 {
        assert_eq!(script.act(&format!("hold {number} L9 EUR 1")), "settled 1");
    }
    let listed = |script: &Script| -> Vec<String> {
        let holds = script.world.folded["holds"].as_array().expect("a list");
        holds.iter().map(|hold| hold["hold"].as_str().expect("an id").to_owned()).collect()
    };
    let id = |number: usize| HoldId::from_u128(number as u128).to_string();
    assert_eq!(listed(&script), (0..limits::HOLDS_LISTED).map(id).collect::<Vec<_>>(), "the oldest");
    script.world.thorough_every = 1;
    // One that is listed ends: another follows. One that is not listed ends, or is raised: the list stays.
    for line in ["release 5", "hold 210 L9 EUR 3", "release 205", "capture 7 O9 1 1", "hold 300 L9 EUR 1"] {
        script.act(line);
    }
    let expected: Vec<_> =
        (0..limits::HOLDS_LISTED + 2).filter(|number| ![5, 7].contains(number)).map(id).collect();
    assert_eq!(listed(&script), expected);
    assert_eq!(script.world.folded["holds_count"], limits::HOLDS_LISTED + 18);

    for number in (0..limits::HOLDINGS_LISTED + 5).rev() {
        let command = deposit(PARTY, goods(number as u128), 1);
        script.run(&AccountCommand::Deposit(command));
    }
    let holdings = script.world.folded["holdings"].as_array().expect("a list");
    assert_eq!(holdings.len(), limits::HOLDINGS_LISTED);
    assert_eq!(holdings[0]["goods"], StockId(goods_id(0)).to_string());
    assert_eq!(script.world.folded["holdings_count"], limits::HOLDINGS_LISTED + 5);
    // The whole snapshot fits a frame many times filled like this.
    assert!(script.world.folded.to_string().len() < 128 * 1024);
}

fn goods_id(number: u128) -> Id {
    Id::from_u128(number)
}

/// A statement has each entry once, with what was left after it.
#[test]
fn a_statement_has_every_entry() {
    let mut script = Script::new();
    let mut lines: Vec<StatementLine> = Vec::new();
    for line in [
        "deposit EUR 100",
        "hold 1 L9 EUR 60",
        "capture 1 O8 50 1",
        "hold 1 L9 EUR 10",
        "capture 1 O8 0 2",
        "post 3 EUR fees:4 clearing:-4",
        "post 4 EUR cash:50 clearing:-50 reverses 1",
        "hold 1 L9 EUR 10",
        "release 1",
        "withdraw EUR 30",
        "withdraw EUR 300",
    ] {
        let Ok(outcome) = script.decide(line) else { continue };
        let stamp = Stamp { time: script.world.now, by: OPERATOR, command_id: 0 };
        lines.extend(outcome.events.iter().filter_map(|event| event.statement(PARTY.0, &stamp)));
    }
    let short: Vec<_> =
        lines.iter().map(|line| (line.kind, line.amount, line.fees, line.balance, line.held)).collect();
    assert_eq!(
        short,
        [
            (EntryKind::Deposit, 100, 0, 100, 0),
            (EntryKind::Payment, -50, 0, 50, 0),
            (EntryKind::Proceeds, 0, 4, 50, 0),
            (EntryKind::Reversal, 50, 0, 100, 0),
            (EntryKind::Withdrawal, -30, 0, 70, 0),
        ]
    );
    let total: i64 = lines.iter().map(|line| line.amount).sum();
    assert_eq!(total, 70, "the lines come to the balance");
    assert_eq!((lines[1].lot, lines[1].order.is_some()), (Some(LotId::from_u128(9)), true));
    assert_eq!(lines[3].reverses, Some(lines[1].entry));
    assert_eq!(lines[4].reason.as_deref(), Some("to the bank"));
    let json = serde_json::to_value(&lines[0]).expect("JSON");
    assert_eq!((&json["currency"], json.get("order")), (&"EUR".into(), None));
    assert_eq!(StatementLine::from_bytes(&lines[1].to_bytes()).as_ref(), Ok(&lines[1]));
}

/// What an operator books is in the audit log with its reason; what lots and orders do is trade.
#[test]
fn deposits_are_audited() {
    let mut script = Script::new();
    let mut actions = Vec::new();
    for line in ["deposit EUR 100", "withdraw EUR 1", "hold 1 L9 EUR 60", "capture 1 O8 50 1", "count 1"] {
        let outcome = script.decide(line).expect("decided");
        for event in &outcome.events {
            actions.extend(event.action().map(|action| (action.name, action.reason.map(str::to_owned))));
        }
    }
    let expected = [("account_deposit", "by bank"), ("account_withdrawal", "to the bank")];
    assert_eq!(actions, expected.map(|(name, reason)| (name, Some(reason.to_owned()))));
}

/// The checkers fail where they should: each is given something broken.
#[test]
fn the_checkers_catch_what_is_broken() {
    let mut script = Script::new();
    let mut events = Vec::new();
    for line in
        ["deposit EUR 100", "hold 1 L9 EUR 60", "post 1 EUR cash:-30 clearing:30", "capture 1 O9 40 2"]
    {
        let outcome = script.decide(line).expect("decided");
        events.extend(outcome.events.into_iter().map(|event| match event {
            Event::Account(event) => event,
            other => panic!("{other:?}"),
        }));
    }
    let fed = |change: &dyn Fn(&mut Vec<AccountEvent>)| -> Result<money::Books, String> {
        let (mut events, mut books) = (events.clone(), money::Books::default());
        change(&mut events);
        events.iter().try_for_each(|event| books.take(PARTY, event)).map(|()| books)
    };
    let order = OrderId::from_u128(9);
    let books = fed(&|_| {}).expect("sound");
    assert_eq!(books.in_the_world(eur()), books.in_accounts(eur()));
    // Order 9 was paid by the hold; the entry before it, of the same order, was no payment.
    assert_eq!(books.charged(order, PARTY, 40), Ok(()));
    for (invariant, result) in [
        ("I34", books.charged(order, PARTY, 41)),
        ("I34", books.charged(order, SELLER, 40)),
        ("I30", books.nothing_under_way()),
        ("I32", fed(&|events| events.push(events[3].clone())).map(|_| ())),
        ("I32", fed(&|events| drop(events.remove(1))).map(|_| ())),
        ("I30", fed(&|events| swap(events, |posted| posted.after.cash = 69)).map(|_| ())),
        ("I31", fed(&|events| swap(events, pay_more)).map(|_| ())),
        (
            "I33",
            fed(&|events| {
                swap(events, |posted| {
                    (posted.lines[0].amount, posted.lines[1].amount) = (-(1 << 60), 1 << 60)
                })
            })
            .map(|_| ()),
        ),
        ("I30", fed(&|events| swap(events, |posted| posted.lines[0].amount -= 1)).map(|_| ())),
        ("I35", fed(&|events| swap(events, |posted| posted.reverses = Some(posted.entry))).map(|_| ())),
        ("I32", fed(&|events| captured(events, 61)).map(|_| ())),
    ] {
        let Err(said) = result else { panic!("{invariant} was not caught") };
        assert!(said.starts_with(invariant), "{invariant} expected: {said}");
    }
}

fn swap(events: &mut [AccountEvent], change: impl FnOnce(&mut EntryPosted)) {
    if let AccountEvent::Posted(posted) = &mut events[2] {
        change(posted);
    }
}

/// 50 of the 40 that are available.
fn pay_more(posted: &mut EntryPosted) {
    (posted.lines[0].amount, posted.lines[1].amount, posted.after.cash) = (-50, 50, 50);
}

fn captured(events: &mut [AccountEvent], amount: u64) {
    if let AccountEvent::HoldCaptured(captured) = &mut events[3] {
        captured.amount = amount;
    }
}

/// A transfer, as an order makes it: "two entries with one id; the clearing sub-accounts of both net to zero when none is
/// under way". Given back, everybody has what it had.
#[test]
fn a_transfer_nets_to_zero() {
    let [buyer, seller, owner] = [PARTY, SELLER, OPERATOR];
    let mut scripts = [buyer, seller, owner].map(Script::of);
    let mut books = money::Books::default();
    let mut step = |place: usize, line: &str| {
        let account = scripts[place].account;
        for event in scripts[place].decide(line).expect("decided").events {
            let Event::Account(event) = event else { panic!("an account's event") };
            assert!(!matches!(event, AccountEvent::Refused(_)), "{line}");
            books.take(account, &event).expect("the books are right");
        }
        books.agree_with(scripts[place].state()).expect("the books agree");
        let told = (books.nothing_under_way().is_ok(), books.nothing_held().is_ok());
        let paid = [0, 110, 60].map(|total| books.charged(OrderId::from_u128(9), buyer, total).is_ok());
        assert_eq!(books.in_the_world(eur()), books.in_accounts(eur()), "nothing is made or lost");
        (told, paid)
    };
    let (nothing, under_way, held) = ((true, true), (false, true), (true, false));
    // Hammer 100, premium 10, commission 5.
    assert_eq!(step(0, "deposit EUR 200"), (nothing, [true, false, false]));
    assert_eq!(step(0, "hold 1 L9 EUR 150"), (held, [true, false, false]));
    assert_eq!(step(0, "capture 1 O9 110 7"), (under_way, [false, true, false]));
    assert_eq!(step(1, "post 7 EUR cash:95 clearing:-95"), (under_way, [false, true, false]));
    assert_eq!(step(2, "post 7 EUR fees:15 clearing:-15"), (nothing, [false, true, false]));
    // The seller has spent it; half is given back all the same.
    assert_eq!(step(1, "withdraw EUR 95").0, nothing);
    assert_eq!(step(1, "post 8 EUR cash:-50 clearing:50 reverses 7 overdraw").0, under_way);
    assert_eq!(step(0, "refund 8 EUR cash:50 clearing:-50 reverses 7"), (nothing, [false, false, true]));
    assert!(
        money::not_overdrawn(scripts[0].state()).is_ok() && money::not_overdrawn(scripts[1].state()).is_err()
    );
}
