//! What operators book beside deposits and withdrawals: corrections, and fees earned that are paid out.

use vendue_domain::account::{AccountCommand, AccountEvent, CollectFees, Correct};
use vendue_domain::actor::{Command, Event};
use vendue_domain::context::Stamp;
use vendue_domain::id::EntryId;
use vendue_domain::invariants::money;
use vendue_domain::limits;
use vendue_domain::money::{EntryKind, SubAccount};
use vendue_domain::rejection::Rejection;

use crate::account_script::{PARTY, Script, asset, correct};
use crate::world::{NOBODY, OPERATOR, SELLER};

fn check(script: &mut Script, steps: &[(&str, &str)]) {
    for (line, expected) in steps {
        assert_eq!(script.act(line), *expected, "{line}");
        script.books.agree_with(script.state()).expect("the books agree");
    }
}

fn euros(script: &Script) -> [i64; 4] {
    let balances = script.state().balances_of(asset("EUR"));
    [balances.cash, balances.clearing, balances.fees, balances.outside]
}

/// "Corrections are new entries": against the world outside, or the fees earned; never below what is held (I31).
#[test]
fn a_correction_is_another_entry() {
    let mut script = Script::new();
    check(
        &mut script,
        &[
            ("deposit EUR 1000", "1000 held 0"),
            // It should have been 100.
            ("correct 2 EUR -900", "100 held 0"),
            ("correct 2 EUR -101", "insufficient_funds 101/100"),
            // An entry that there is not, and one in another currency.
            ("correct 99 EUR 1", "not_found"),
            ("correct 2 GBP 1", "not_found"),
            ("hold 1 L9 EUR 60", "settled 60"),
            ("correct 2 EUR -41", "insufficient_funds 41/40"),
            ("correct 2 EUR -40", "60 held 60"),
            ("correct 2 EUR 40 outside", "100 held 60"),
            ("post 7 EUR fees:25 clearing:-25", "settled 0"),
            ("correct 7 EUR 30 fees", "130 held 60"),
            ("correct 7 EUR -5 fees", "125 held 60"),
            ("correct 7 EUR 0", "amount_out_of_range"),
            ("correct 7 EUR 9007199254740992", "amount_out_of_range"),
            ("correct 7 EUR -9007199254740992", "amount_out_of_range"),
            ("correct 7 EUR MAX", "amount_out_of_range"),
            // A transfer has another side.
            ("correct 7 EUR 5 clearing", "invalid_request against"),
            ("correct 7 EUR 5 cash", "invalid_request against"),
            ("post 8 nails cash:7 outside:-7", "settled 7"),
            ("correct 8 nails -6", "1 held 0"),
            ("correct 8 nails -2", "insufficient_funds 2/1"),
        ],
    );
    assert_eq!(euros(&script), [125, -25, 0, -100]);
    money::not_overdrawn(script.state()).expect("I31");
    money::account(script.state()).expect("I30");
}

/// An entry is never changed (I35): what corrects it names it, in the event, the feed, the statement and the audit log.
#[test]
fn a_correction_names_what_it_corrects() {
    let mut script = Script::new();
    script.act("deposit EUR 1000");
    let command = Command::Account(script.command_of("correct 2 EUR -900"));
    let outcome = script.world.command(OPERATOR, &command).expect("booked");
    let [event @ Event::Account(posted @ AccountEvent::Posted(entry))] = outcome.events.as_slice() else {
        panic!("{:?}", outcome.events);
    };
    let wrong = EntryId::from_u128(2);
    assert_eq!((entry.kind, entry.reverses), (EntryKind::Correction, Some(wrong)));
    let stamp = Stamp { time: script.world.now, by: OPERATOR, command_id: script.world.commands };
    let line = posted.statement(&stamp).expect("a line");
    assert_eq!(
        (line.kind, line.reverses, line.amount, line.balance),
        (EntryKind::Correction, Some(wrong), -900, 100)
    );
    assert_eq!(line.reason.as_deref(), Some("typed wrongly"));
    let [(to, told)] = posted.private(PARTY.0, &stamp).into_vec().try_into().expect("one");
    assert_eq!((to, told.name), (PARTY, "balance_changed"));
    let told = serde_json::to_value(&told.data).expect("JSON");
    assert_eq!((&told["kind"], &told["reverses"]), (&"correction".into(), &wrong.to_string().into()));
    let action = event.action().expect("audited");
    assert_eq!((action.name, action.reason), ("account_correction", Some("typed wrongly")));
}

/// An account remembers so many entries: what is older cannot be named any more.
#[test]
fn old_entries_are_not_corrected() {
    let mut script = Script::new();
    check(&mut script, &[("deposit EUR 1000", "1000 held 0"), ("correct 2 EUR -1", "999 held 0")]);
    for _ in 2..limits::ENTRIES_KEPT {
        script.act("deposit EUR 1");
    }
    assert!(script.act("correct 2 EUR -1").ends_with(" held 0"), "the oldest that is remembered");
    assert_eq!(script.act("correct 2 EUR -1"), "not_found");
}

/// Fees earned become balance, and only then can be withdrawn; never more than has been earned.
#[test]
fn fees_earned_are_paid_out() {
    let mut script = Script::new();
    check(
        &mut script,
        &[
            ("collect EUR 1", "insufficient_funds 1/0"),
            ("post 1 EUR fees:500 clearing:-500", "settled 0"),
            ("withdraw EUR 1", "insufficient_funds 1/0"),
            ("collect EUR 501", "insufficient_funds 501/500"),
            ("collect GBP 1", "insufficient_funds 1/0"),
            ("collect EUR 300", "300 held 0"),
            ("withdraw EUR 300", "0 held 0"),
            ("collect EUR 201", "insufficient_funds 201/200"),
            // What is given back of fees that were paid out is owed: nothing more can be collected.
            ("post 2 EUR fees:-250 clearing:250 reverses 1", "settled 0"),
            ("collect EUR 1", "insufficient_funds 1/0"),
        ],
    );
    assert_eq!(euros(&script), [0, -250, -50, 300]);
    let mut house = Script::house();
    check(&mut house, &[("post 1 EUR fees:5 clearing:-5", "settled 0"), ("collect EUR 5", "5 held 0")]);
}

/// Both are an operator's, with a reason.
#[test]
fn operators_book_with_a_reason() {
    let mut script = Script::new();
    check(&mut script, &[("deposit EUR 10", "10 held 0"), ("post 1 EUR fees:5 clearing:-5", "settled 0")]);
    for line in ["correct 1 EUR -1", "collect EUR 1"] {
        let command = script.command_of(line);
        for by in [PARTY, SELLER, NOBODY] {
            let refused = script.world.command(by, &Command::Account(command.clone()));
            assert_eq!(refused.err(), Some(Rejection::Forbidden), "{line} by {by}");
        }
        let without = match command {
            AccountCommand::Correct(correct) => {
                AccountCommand::Correct(Box::new(Correct { reason: String::new(), ..*correct }))
            }
            AccountCommand::CollectFees(collect) => {
                AccountCommand::CollectFees(CollectFees { reason: String::new(), ..collect })
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(script.run(&without), "invalid_request reason", "{line}");
    }
    let both = correct(PARTY, EntryId::from_u128(1), asset("EUR"), 1, Some(SubAccount::Fees));
    let both = Correct { goods: Some("stk_1".to_owned()), ..both };
    assert_eq!(script.run(&AccountCommand::Correct(Box::new(both.clone()))), "invalid_request currency");
    let goods = Correct { currency: None, ..both };
    assert_eq!(script.run(&AccountCommand::Correct(Box::new(goods))), "invalid_request goods");
}
