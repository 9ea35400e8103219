//! A panic in one actor's rules takes nobody else down, and nobody sees half a change.

use std::cell::Cell;
use std::sync::Arc;

use vendue_domain::account::{AccountCommand, CreateAccount};
use vendue_domain::actor::{ActorAddress, Command, Event};
use vendue_domain::amount::Currency;
use vendue_domain::id::{AccountId, Id, MarketId};
use vendue_domain::market::{CreateMarket, HaltMarket, MarketCommand, MarketEvent};
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_protocol::link::{CommandItem, Items, NotExecuted, Reply, ReplyItem, split_frame};

use super::{Request, Seal, Shard, replayed};
use crate::entry::Entry;
use crate::keys::{NoOlderKeys, content_hash};
use crate::options::EngineOptions;
use crate::unit::Unit;

thread_local! {
    /// How many rules run before one panics; 0: none does.
    static RULES_UNTIL_PANIC: Cell<u32> = const { Cell::new(0) };
}

thread_local! {
    /// Whether every rule panics.
    static ALL_RULES_PANIC: Cell<bool> = const { Cell::new(false) };
}

/// Makes every rule of this thread panic, or no more.
pub(crate) fn all_rules_panic(panic: bool) {
    ALL_RULES_PANIC.with(|all| all.set(panic));
}

/// The rule after this many more panics, once.
pub(crate) fn rule_panics_after(rules: u32) {
    RULES_UNTIL_PANIC.set(rules + 1);
}

/// Called behind every rule.
pub(super) fn panic_if_asked() {
    assert!(!ALL_RULES_PANIC.with(Cell::get), "every rule panics because the test asks for it");
    RULES_UNTIL_PANIC.with(|left| match left.get() {
        0 => {}
        1 => {
            left.set(0);
            panic!("a rule panics because the test asks for it");
        }
        more => left.set(more - 1),
    });
}

const MARKET: MarketId = MarketId::from_u128(5);
const OTHER: MarketId = MarketId::from_u128(6);

struct Plain;

impl Seal for Plain {
    fn seal(&self, _account: AccountId, plain: &str) -> Option<Vec<u8>> {
        Some(plain.as_bytes().to_vec())
    }

    fn fingerprint(&self, _account: AccountId, plain: &str) -> Option<u64> {
        Some(content_hash(plain.as_bytes()))
    }
}

fn shard() -> Shard {
    let options = Arc::new(EngineOptions::default());
    Shard::new(0, 1, options, 1, Arc::new(NoOlderKeys), Arc::new(Plain), Arc::default())
}

fn create(market: MarketId) -> Command {
    let currency = Currency::new("EUR").expect("listed");
    let (increments, policy, reference) = (None, None, None);
    let create = CreateMarket {
        market: Some(market),
        name: "M".into(),
        currency,
        increments,
        policy,
        r#ref: reference,
        fees: None,
    };
    Command::Market(MarketCommand::Create(Box::new(create)))
}

fn halt(market: MarketId) -> Command {
    Command::Market(MarketCommand::Halt(HaltMarket { market, reason: "test".into() }))
}

/// One command in a round of its own: its unit, and the replies of the unit and of those that did not wait.
fn send(shard: &mut Shard, key: &str, command: &Command) -> (Option<Box<Unit>>, Vec<String>) {
    shard.begin(Timestamp(1_000), 1, 0);
    let (bytes, mut item) = (command.to_bytes(), Vec::new());
    let (by, expires_at) = (AccountId::HOUSE, Timestamp(i64::MAX));
    CommandItem { request: 1, by, expires_at, key: key.as_bytes(), currency: None, command: &bytes }
        .encode(&mut item);
    shard.command(1, &item);
    let mut unit = shard.finish(Box::default());
    let mut told = Vec::new();
    for unit in unit.iter_mut().chain(shard.take_immediate().iter_mut()) {
        for replies in unit.replies.drain(..) {
            let bytes = replies.frame.finish();
            let (_, payload, _) = split_frame(&bytes).expect("well formed").expect("whole");
            for item in Items::new(payload) {
                told.push(match ReplyItem::decode(item.expect("an item")).expect("readable").reply {
                    Reply::Accepted { .. } => "accepted".to_owned(),
                    Reply::Rejected { rejection, .. } => rejection.code().to_owned(),
                    Reply::NotExecuted { why, .. } => format!("{why:?}"),
                    other => format!("{other:?}"),
                });
            }
        }
    }
    (unit, told)
}

#[test]
fn a_panic_while_deciding_changes_nothing() {
    let mut shard = shard();
    assert_eq!(send(&mut shard, "a", &create(MARKET)).1, ["accepted"]);
    let before = shard.state_hash();
    RULES_UNTIL_PANIC.set(1);
    let (unit, told) = send(&mut shard, "b", &halt(MARKET));
    assert_eq!(told, [format!("{:?}", NotExecuted::Internal)]);
    assert!(unit.is_none_or(|unit| unit.batch.is_empty()), "nothing is recorded");
    assert_eq!(shard.state_hash(), before);
    assert_eq!(shard.stats().panics, 1);
    // The same key is free: nothing was executed.
    assert_eq!(send(&mut shard, "b", &halt(MARKET)).1, ["accepted"]);
}

#[test]
fn a_panic_while_applying_leaves_the_others_and_comes_back_from_what_is_durable() {
    let mut shard = shard();
    let (created, told) = send(&mut shard, "a", &create(MARKET));
    assert_eq!(told, ["accepted"]);
    assert_eq!(send(&mut shard, "b", &create(OTHER)).1, ["accepted"]);
    // The first rule of the command decides, the second applies.
    RULES_UNTIL_PANIC.set(2);
    let (unit, told) = send(&mut shard, "c", &halt(MARKET));
    assert_eq!(told, [format!("{:?}", NotExecuted::Internal)]);
    assert!(unit.is_none_or(|unit| unit.batch.is_empty()), "the record is taken back");
    let address = ActorAddress::from(MARKET);
    assert_eq!(shard.take_requests(), [Request::Reload(address)]);
    // The other actor goes on; this one's commands wait.
    assert_eq!(send(&mut shard, "d", &halt(OTHER)).1, ["accepted"]);
    assert_eq!(send(&mut shard, "c", &halt(MARKET)).1, Vec::<String>::new());
    assert_eq!(shard.take_requests(), [], "it is being read already");
    // Its durable state is read again from the journal: the creation. The waiting command is decided on it.
    let record = created.expect("a unit").batch.iter().next().expect("a record").to_vec();
    let Ok(Entry::Decided(decided)) = Entry::from_bytes(&record) else { panic!("not a decision") };
    shard.begin(Timestamp(1_000), 1, 0);
    shard.loaded(address, replayed(None, &decided));
    let unit = shard.finish(Box::default()).expect("the waiting command's unit");
    assert_eq!(unit.batch.len(), 1);
    assert_eq!(unit.replies.len(), 1);
}

#[test]
fn a_vault_that_cannot_seal_refuses_personal_data() {
    struct Broken;
    impl Seal for Broken {
        fn seal(&self, _account: AccountId, _plain: &str) -> Option<Vec<u8>> {
            None
        }

        fn fingerprint(&self, _account: AccountId, _plain: &str) -> Option<u64> {
            None
        }
    }
    let options = Arc::new(EngineOptions::default());
    let mut shard = Shard::new(0, 1, options, 1, Arc::new(NoOlderKeys), Arc::new(Broken), Arc::default());
    let create = CreateAccount {
        account: Some(AccountId::from_u128(9)),
        name: "Ada".into(),
        r#ref: None,
        name_sealed: Default::default(),
        name_hash: None,
    };
    let (unit, told) = send(&mut shard, "a", &Command::Account(AccountCommand::Create(create)));
    assert_eq!(told, [format!("{:?}", NotExecuted::Unavailable)]);
    assert!(unit.is_none());
}

/// What is about to be written and what is read back are one table.
#[test]
fn a_decision_is_written_as_it_is_read() {
    let lane = crate::effects::Lane { position: 7, index: 2 };
    let keyed = crate::entry::Keyed { hash: 5, content: 6 };
    let by = AccountId::from_u128(9);
    for (by, keyed, lane) in [
        (None, None, None),
        (Some(by), Some(keyed), None),
        (None, None, Some(lane)),
        (Some(by), Some(keyed), Some(lane)),
    ] {
        let events: vendue_domain::actor::Events<Event> =
            smallvec::smallvec![Event::Market(MarketEvent::Marked), Event::Market(MarketEvent::Marked)];
        let (id, time) = (Id([3; 16]), Timestamp(1_000_000));
        let deciding = crate::entry::Deciding {
            id,
            seq: 300,
            time,
            by,
            keyed,
            channel_seq: 70_000,
            events: &events,
            lane,
        };
        let mut written = Vec::new();
        deciding.encode(&mut written);
        let (hash, content) = (keyed.map(|keyed| keyed.hash), keyed.map(|keyed| keyed.content));
        let list = crate::entry::EventList(events.clone());
        let decided = crate::entry::Decided {
            id,
            seq: 300,
            time,
            by,
            hash,
            content,
            channel_seq: 70_000,
            events: list,
            lane,
        };
        assert_eq!(decided.stamp(), deciding.stamp());
        assert_eq!(written, vendue_domain::record::Field::to_bytes(&Entry::Decided(decided)));
    }
}
