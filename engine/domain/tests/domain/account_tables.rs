//! Accounts and the ledger: RULES.md's rules of money, each rejection with its numbers, and what is told of it.

use vendue_domain::account::{Account, AccountCommand, AccountEvent, Deposit, Withdraw};
use vendue_domain::actor::{ActorAddress, Answer, Command, Entity};
use vendue_domain::amount::{AMOUNT_MAX, Amount, Currency};
use vendue_domain::context::Stamp;
use vendue_domain::facts::Standing;
use vendue_domain::id::{AccountId, BookId, HoldId, LotId};
use vendue_domain::invariants::money;
use vendue_domain::limits;
use vendue_domain::money::{Asset, SubAccount};
use vendue_domain::record::Reader;
use vendue_domain::rejection::Rejection;

use crate::account_script::{PARTY, STOCK, Script, deposit, eur, goods, withdraw};
use crate::world::{NOBODY, OPERATOR, SELLER, World, bytes_of};

/// What happens to an account, and what is said.
fn check(script: &mut Script, steps: &[(&str, &str)]) {
    for (line, expected) in steps {
        assert_eq!(script.act(line), *expected, "{line}");
        script.books.agree_with(script.state()).expect("the books agree");
    }
}

fn euros(script: &Script) -> [i64; 4] {
    let balances = script.state().balances_of(eur());
    [balances.cash, balances.clearing, balances.fees, balances.outside]
}

/// "Deposits come from, withdrawals go to, the account's outside sub-account." "available = balance - holds >= 0."
#[test]
fn money_comes_in_and_goes_out() {
    let mut script = Script::new();
    check(
        &mut script,
        &[
            ("withdraw EUR 1", "insufficient_funds 1/0"),
            ("deposit EUR 100", "100 held 0"),
            ("withdraw EUR 101", "insufficient_funds 101/100"),
            ("withdraw EUR 30", "70 held 0"),
            ("deposit GBP 5", "5 held 0"),
            ("hold 1 L9 EUR 50", "settled 50"),
            ("withdraw EUR 21", "insufficient_funds 21/20"),
            ("withdraw EUR 20", "50 held 50"),
            ("withdraw EUR 1", "insufficient_funds 1/0"),
            ("deposit nails 7", "7 held 0"),
            ("withdraw nails 8", "insufficient_funds 8/7"),
            ("withdraw nails 2", "5 held 0"),
        ],
    );
    assert_eq!(euros(&script), [50, 0, 0, -50]);
    assert_eq!(script.state().balances().len(), 3);
    money::not_overdrawn(script.state()).expect("I31");
}

/// "Integers": whatever leaves the range of amounts is refused, and nothing wraps (I33).
#[test]
fn amounts_stay_in_range() {
    let mut script = Script::new();
    check(
        &mut script,
        &[
            ("deposit EUR MAX", "9007199254740991 held 0"),
            ("deposit EUR 1", "amount_out_of_range"),
            ("hold 1 L9 EUR 0", "amount_out_of_range"),
            ("hold 1 L9 EUR 9007199254740992", "amount_out_of_range"),
            ("hold 1 L9 EUR 18446744073709551615", "amount_out_of_range"),
            ("hold 1 L9 EUR MAX", "settled 9007199254740991"),
            ("hold 2 L9 EUR MAX", "insufficient_funds 9007199254740991/0"),
            ("capture 1 O9 9007199254740992 1", "amount_out_of_range"),
            ("capture 1 O9 MAX 1", "settled 9007199254740991"),
            // The clearing sub-account is full.
            ("post 2 EUR cash:-1 clearing:1 overdraw", "amount_out_of_range"),
            ("post 2 EUR cash:-9007199254740992 clearing:9007199254740992 overdraw", "amount_out_of_range"),
            ("post 2 EUR cash:MAX clearing:-MAX", "settled 9007199254740991"),
            ("post 2 EUR outside:-1 fees:1", "amount_out_of_range"),
            ("post 2 EUR outside:1 fees:-1", "settled 0"),
        ],
    );
    assert_eq!(euros(&script), [AMOUNT_MAX as i64, 0, -1, 1 - AMOUNT_MAX as i64]);
}

/// "A hold is captured (wholly or in part, the rest released) or released, exactly once" (I32).
#[test]
fn a_hold_ends_once() {
    let mut script = Script::new();
    check(
        &mut script,
        &[
            ("deposit EUR 100", "100 held 0"),
            ("release 1", "nothing"),
            ("capture 1 O9 1 1", "not_found"),
            ("hold 1 L9 EUR 101", "insufficient_funds 101/100"),
            ("hold 1 L9 EUR 60", "settled 60"),
            ("hold 2 L8 EUR 41", "insufficient_funds 41/40"),
            ("hold 2 L8 EUR 40", "settled 40"),
            // Raised by the difference, which is not there; lowered; the same again.
            ("hold 1 L9 EUR 61", "insufficient_funds 61/60"),
            ("hold 1 L9 EUR 50", "settled 50"),
            ("hold 1 L9 EUR 60", "settled 60"),
            ("hold 1 L9 EUR 60", "settled 60"),
            // Another's hold, and another asset, are not touched.
            ("hold 1 L8 EUR 1", "already_exists"),
            ("hold 1 L9 GBP 1", "already_exists"),
            ("capture 1 O9 61 1", "amount_out_of_range"),
            ("capture 1 O9 45 1", "settled 45"),
            ("capture 1 O9 45 1", "not_found"),
            ("release 1", "nothing"),
            ("withdraw EUR 15", "40 held 40"),
            ("release 2", "done"),
            ("release 2", "nothing"),
            ("capture 2 O9 1 1", "not_found"),
            // The id of an ended hold makes another hold.
            ("hold 2 L8 EUR 40", "settled 40"),
            // Nothing captured: given back, and answered.
            ("capture 2 O9 0 2", "settled 0"),
            ("hold 3 L9 nails 1", "insufficient_funds 1/0"),
        ],
    );
    assert_eq!(euros(&script), [40, 45, 0, -85]);
    script.books.nothing_held().expect("I34");
    assert!(script.books.nothing_under_way().is_err(), "45 are in clearing");
}

/// "Every entry balances inside one account's own ledger" (I30); overdrawing only what may (I31).
#[test]
fn entries_balance() {
    let mut script = Script::new();
    check(
        &mut script,
        &[
            ("post 1 EUR cash:5", "invalid_request lines"),
            ("post 1 EUR cash:5 clearing:-4", "invalid_request lines"),
            ("post 1 EUR", "invalid_request lines"),
            (
                "post 1 EUR cash:1 cash:1 cash:1 cash:1 cash:1 cash:1 cash:1 cash:1 clearing:-8",
                "invalid_request lines",
            ),
            ("post 1 EUR cash:90 fees:10 clearing:-100", "settled 90"),
            ("post 2 EUR cash:-91 clearing:91", "insufficient_funds 91/90"),
            ("hold 1 L9 EUR 80", "settled 80"),
            ("post 2 EUR cash:-11 clearing:11", "insufficient_funds 11/10"),
            ("post 2 EUR cash:-11 clearing:11 overdraw", "settled 11"),
            // Overdrawn: what comes in is welcome, nothing more goes out, less may be held.
            ("hold 2 L9 EUR 1", "insufficient_funds 1/0"),
            ("hold 1 L9 EUR 81", "insufficient_funds 81/79"),
            ("hold 1 L9 EUR 80", "settled 80"),
            ("withdraw EUR 1", "insufficient_funds 1/0"),
            ("post 3 EUR cash:-1 clearing:1", "insufficient_funds 1/0"),
            ("hold 1 L9 EUR 70", "settled 70"),
            ("post 4 EUR cash:-30 clearing:30 overdraw", "settled 30"),
            // What was held is promised: it is paid.
            ("capture 1 O9 70 5", "settled 70"),
            ("deposit EUR 21", "0 held 0"),
            ("post 6 EUR fees:-10 clearing:10", "settled 0"),
        ],
    );
    assert_eq!(euros(&script), [0, 21, 0, -21]);
    money::not_overdrawn(script.state()).expect("I31");
}

/// "Corrections are new entries" that name the old one, and give back no more than it booked (I35).
#[test]
fn an_entry_is_given_back_once() {
    let mut script = Script::new();
    check(
        &mut script,
        &[
            ("post 1 EUR cash:90 fees:10 clearing:-100", "settled 90"),
            // One transfer, two entries here: who sells also runs the market.
            ("post 1 EUR fees:5 clearing:-5", "settled 0"),
            ("post 2 EUR cash:-40 clearing:40 reverses 1", "settled 40"),
            ("post 3 EUR cash:-66 clearing:66 reverses 1 overdraw", "not_allowed_in_state reversed"),
            ("post 3 EUR cash:1 clearing:-1 reverses 1", "not_allowed_in_state reversed"),
            ("post 3 EUR cash:-50 fees:-15 clearing:65 reverses 1", "settled 50"),
            ("post 4 EUR cash:-1 clearing:1 reverses 1 overdraw", "not_allowed_in_state reversed"),
            ("post 5 EUR cash:7 clearing:-7", "settled 7"),
            ("post 6 EUR cash:-7 clearing:7 reverses 5", "settled 7"),
            // A captured hold is an entry like any other.
            ("deposit EUR 20", "20 held 0"),
            ("hold 1 L9 EUR 20", "settled 20"),
            ("capture 1 O9 20 7", "settled 20"),
            ("post 8 EUR cash:20 clearing:-20 reverses 7", "settled 20"),
            ("post 9 EUR cash:20 clearing:-20 reverses 7", "not_allowed_in_state reversed"),
        ],
    );
    assert_eq!(euros(&script), [20, 0, 0, -20]);
}

/// Of so many later entries an old one is forgotten, and what is given back of it is no longer checked here.
#[test]
fn the_memory_of_entries_is_bounded() {
    let mut script = Script::new();
    script.act("post 1 EUR cash:5 clearing:-5");
    for number in 0..limits::ENTRIES_KEPT {
        script.act(&format!("post {} EUR cash:1 clearing:-1", number + 100));
    }
    assert_eq!(script.act("post 2 EUR cash:-5 clearing:5 reverses 1"), "settled 5");
    let newest = limits::ENTRIES_KEPT + 99;
    let back = format!("post 3 EUR cash:-2 clearing:2 reverses {newest}");
    assert_eq!(script.act(&back), "not_allowed_in_state reversed");
}

fn with(change: impl FnOnce(&mut Deposit)) -> Command {
    let mut command = deposit(PARTY, eur(), 100);
    change(&mut command);
    Command::Account(AccountCommand::Deposit(command))
}

/// Exactly one of amount with currency and goods with quantity; a reason; an operator.
#[test]
fn a_deposit_says_what_it_is_of() {
    let stock = || Some(STOCK.to_string());
    let cases: [(&str, Command, &str); 13] = [
        ("no reason", with(|it| it.reason.clear()), "reason"),
        ("a long reason", with(|it| it.reason = "x".repeat(501)), "reason"),
        ("no currency", with(|it| it.currency = None), "currency"),
        ("no amount", with(|it| it.amount = None), "amount"),
        ("nothing", with(|it| (it.amount, it.currency) = (None, None)), "amount"),
        ("both", with(|it| (it.goods, it.quantity) = (stock(), Some(1))), "amount"),
        ("too much", with(|it| it.quantity = Some(1)), "amount"),
        ("goods of money", with(|it| it.goods = stock()), "amount"),
        ("no quantity", with(|it| (it.amount, it.currency, it.goods) = (None, None, stock())), "quantity"),
        ("no goods", with(|it| (it.amount, it.currency, it.quantity) = (None, None, Some(1))), "goods"),
        ("a lot", with_goods(&LotId::from_u128(9).to_string(), 1), "goods"),
        ("none of it", with_goods(&STOCK.to_string(), 0), "quantity"),
        ("too many", with_goods(&STOCK.to_string(), limits::QUANTITY_MAX + 1), "quantity"),
    ];
    for (name, command, field) in cases {
        let mut script = Script::new();
        let Err(Rejection::InvalidRequest(invalid)) = script.world.command(OPERATOR, &command) else {
            panic!("{name}")
        };
        assert_eq!(invalid.field, field, "{name}: {invalid:?}");
        assert_eq!(script.world.command(SELLER, &command).err(), Some(Rejection::Forbidden), "{name}");
    }
}

fn with_goods(text: &str, quantity: u64) -> Command {
    with(|it| {
        (it.amount, it.currency) = (None, None);
        (it.goods, it.quantity) = (Some(text.to_owned()), Some(quantity));
    })
}

/// Stock items and books may have the same number; they are not the same goods.
#[test]
fn goods_are_named_by_their_ids() {
    let mut script = Script::new();
    let book = BookId::from_u128(66);
    for text in [STOCK.to_string(), book.to_string()] {
        let outcome = script.world.command(OPERATOR, &with_goods(&text, 3)).expect("booked");
        let Some(Answer::Balance(answer)) = outcome.answer else { panic!("a balance") };
        assert_eq!((answer.goods, answer.currency, answer.balance), (Some(text), None, 3));
    }
    let assets: Vec<_> = script.state().balances().iter().map(|balances| balances.asset).collect();
    assert_eq!(assets, [Asset::Traded(book), Asset::Goods(STOCK.0)], "sorted like their names");
    assert_eq!(script.world.folded["holdings_count"], 2);
}

/// Lots and orders ask through the engine; a client's command never gets there, whoever it is.
#[test]
fn what_lots_and_orders_ask_is_the_engines_own() {
    let mut script = Script::new();
    script.act("deposit EUR 100");
    for line in
        ["hold 1 L9 EUR 1", "release 1", "capture 1 O9 1 1", "post 1 EUR cash:1 clearing:-1", "count 1"]
    {
        let command = Command::Account(script.command_of(line));
        for by in [OPERATOR, AccountId::HOUSE, PARTY, NOBODY] {
            assert_eq!(script.world.command(by, &command).err(), Some(Rejection::Forbidden), "{line}");
        }
    }
    for by in [PARTY, SELLER, NOBODY] {
        for command in [
            AccountCommand::Deposit(deposit(PARTY, eur(), 1)),
            AccountCommand::Withdraw(withdraw(PARTY, eur(), 1)),
        ] {
            let command = Command::Account(command);
            assert_eq!(script.world.command(by, &command).err(), Some(Rejection::Forbidden), "{by}");
        }
    }
}

/// The platform's own account comes into being with the first that happens to its money, whatever that is.
#[test]
fn the_house_needs_no_creation() {
    for (line, said, events) in [
        ("deposit EUR 5", "5 held 0", 2),
        ("post 1 EUR fees:5 clearing:-5", "settled 0", 2),
        ("hold 1 L9 EUR 1", "insufficient_funds 1/0", 2),
        ("capture 1 O9 1 1", "not_found", 2),
        ("release 1", "done", 1),
        ("count 1", "done", 2),
    ] {
        let mut script = Script::house();
        let command = script.command_of(line);
        assert_eq!(script.run(&command), said, "{line}");
        assert_eq!(script.world.id, AccountId::HOUSE.0);
        // An account like any other from then on.
        assert_eq!(script.act("deposit GBP 7"), "7 held 0");
        script.books.agree_with(script.state()).expect("the books agree");
        let again = Script::house().world.command_as(
            AccountId::default(),
            Standing::ENGINE.with(Standing::OPERATOR),
            &Command::Account(command),
        );
        assert_eq!(again.expect("decided").events.len(), events, "{line}");
    }
    let mut script = Script::house();
    assert_eq!(script.act("withdraw EUR 5"), "insufficient_funds 5/0");
    assert!(script.world.entity.is_none(), "refused: nothing happened");
    let deposit = Command::Account(AccountCommand::Deposit(deposit(AccountId::HOUSE, eur(), 1)));
    assert_eq!(script.world.command(SELLER, &deposit).err(), Some(Rejection::Forbidden));
    // Nobody else's.
    let mut other = World::new();
    let command = Command::Account(Script::new().command_of("hold 1 L9 EUR 1"));
    let refused = other.command_as(AccountId::default(), Standing::ENGINE, &command);
    assert_eq!(refused.err(), Some(Rejection::NotFound));
}

/// "Counted on the account. (eBay)"
#[test]
fn retractions_are_counted() {
    let mut script = Script::new();
    check(&mut script, &[("count 3", "done"), ("count 1", "done")]);
    assert_eq!((script.state().retractions(), &script.world.folded["retractions"]), (2, &2.into()));
}

/// Limits of what one account may have.
#[test]
fn holds_and_assets_are_bounded() {
    let mut script = Script::new();
    // Events of a bounded account are cheap to check; of a hundred thousand holds only the last ones are.
    let mut state = script.state().clone();
    let stamp = Stamp { time: script.world.now, by: AccountId::default(), command_id: 1 };
    script.act("deposit EUR MAX");
    let take = |state: &mut Account, command: &AccountCommand| {
        use vendue_domain::actor::Actor as _;
        let context = vendue_domain::context::Context {
            now: stamp.time,
            by: OPERATOR,
            standing: Standing::ENGINE.with(Standing::OPERATOR),
            facts: &script.world.facts,
            command_id: 1,
            content: 0,
            accounts: None,
        };
        let decision = state.decide(command, &context);
        if let Ok(decision) = &decision {
            decision.events.iter().for_each(|event| state.apply(event, &stamp));
        }
        decision
    };
    take(&mut state, &AccountCommand::Deposit(deposit(PARTY, eur(), AMOUNT_MAX))).expect("booked");
    let hold = |number: usize| Script::new().command_of(&format!("hold {number} L9 EUR 1"));
    let AccountCommand::PlaceHold(mut place) = hold(0) else { panic!() };
    for number in 0..=limits::HOLDS_MAX {
        place.hold = HoldId::from_u128(number as u128);
        let decision = take(&mut state, &AccountCommand::PlaceHold(place.clone())).expect("decided");
        let refused = matches!(decision.events[0], AccountEvent::Refused(_));
        assert_eq!(refused, number == limits::HOLDS_MAX, "hold {number}");
    }
    place.hold = HoldId::from_u128(0);
    place.amount = 2;
    let raised = take(&mut state, &AccountCommand::PlaceHold(place)).expect("decided");
    assert!(matches!(raised.events[0], AccountEvent::HoldSet(_)), "those there are can be raised");
    for number in 0..limits::ASSETS_MAX {
        let command = AccountCommand::Deposit(deposit(PARTY, goods(number as u128), 1));
        let last = number == limits::ASSETS_MAX - 1;
        assert_eq!(take(&mut state, &command).is_err(), last, "goods {number}");
    }
    money::account(&state).expect("sound");
}

/// Bytes that say what cannot be are refused: a ledger that does not balance (I30), holds that are not held (I32).
#[test]
fn a_state_that_cannot_be_is_not_read() {
    let mut script = Script::new();
    for line in ["deposit EUR 100", "hold 1 L9 EUR 60"] {
        script.act(line);
    }
    let bytes = bytes_of(script.world.entity());
    let read = |bytes: &[u8]| {
        Entity::decode(vendue_domain::actor::ActorKind::Account, &mut Reader::new(bytes)).map(|_| ())
    };
    assert_eq!(read(&bytes), Ok(()));
    for wrong in [100_u8, 60] {
        for place in (0..bytes.len()).filter(|&place| bytes[place] == wrong) {
            let mut bytes = bytes.clone();
            bytes[place] += 1;
            assert!(read(&bytes).is_err(), "{wrong} at {place}");
        }
    }
}

/// The wire's parameters: what a client may say, and nothing of the engine's own.
#[test]
fn parameters_come_from_the_wire() {
    let text = format!(r#"{{"key":"k","account":"{PARTY}","amount":5,"currency":"EUR","reason":"by bank"}}"#);
    let read = serde_json::from_str::<vendue_domain::account::DepositParams<'_>>(&text).expect("parameters");
    assert_eq!((read.amount, read.currency), (Amount::new(5), Currency::new("EUR")));
    for wrong in ["0", "-1", "1.5", "9007199254740992"] {
        let text = text.replace(":5,", &format!(":{wrong},"));
        assert!(serde_json::from_str::<vendue_domain::account::DepositParams<'_>>(&text).is_err(), "{wrong}");
    }
    let Withdraw { account, .. } = withdraw(PARTY, eur(), 1);
    assert_eq!(ActorAddress::from(account), PARTY.into());
    assert_eq!(serde_json::to_value(SubAccount::Clearing).expect("JSON"), "clearing");
}
