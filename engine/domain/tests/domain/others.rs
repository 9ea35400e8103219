//! Markets, accounts and sales: RULES.md's states, and who may do what.

use vendue_domain::account::{
    AccountCommand, CreateAccount, Grant, Link, Role, SignOut, Suspend, UpdateAccount, Verify,
};
use vendue_domain::actor::{Answer, Event};
use vendue_domain::amount::Currency;
use vendue_domain::facts::{FactChange, Standing};
use vendue_domain::id::{AccountId, MarketId, SaleId};
use vendue_domain::market::{CreateMarket, HaltMarket, MarkMarket, MarketCommand, ResumeMarket};
use vendue_domain::record::{Bytes, Field};
use vendue_domain::rejection::Rejection;
use vendue_domain::sale::{CreateSale, RegisterForSale, ReviseSale, SaleCommand};
use vendue_domain::time::Timestamp;

use crate::lot_script::said;
use crate::world::{
    Command, MARKET, NOBODY, OPERATOR, Outcome, SELLER, START, World, account, create_account,
};

const NEW_MARKET: MarketId = MarketId::from_u128(70);
const PARTY: AccountId = AccountId::from_u128(71);

fn create_market(change: impl FnOnce(&mut CreateMarket)) -> Command {
    let mut market = CreateMarket {
        market: Some(NEW_MARKET),
        name: "Harbour sales".to_owned(),
        currency: Currency::new("GBP").expect("a currency"),
        increments: None,
        policy: None,
        r#ref: None,
        fees: None,
    };
    change(&mut market);
    Command::Market(MarketCommand::Create(Box::new(market)))
}

fn halt(reason: &str) -> Command {
    Command::Market(MarketCommand::Halt(HaltMarket { market: NEW_MARKET, reason: reason.to_owned() }))
}

fn resume() -> Command {
    Command::Market(MarketCommand::Resume(ResumeMarket { market: NEW_MARKET, reason: "mended".to_owned() }))
}

/// Who, what, and what it comes to.
fn check(world: &mut World, steps: &[(AccountId, Command, &str)]) {
    for (line, (by, command, expected)) in (1..).zip(steps) {
        assert_eq!(said(&world.command(*by, command)), *expected, "step {line}: {command:?}");
    }
}

#[test]
fn a_market_is_made_by_the_platform_and_run_by_its_owner() {
    let mut world = World::new();
    let house = AccountId::HOUSE;
    check(
        &mut world,
        &[
            (OPERATOR, create_market(|_| {}), "forbidden"),
            (house, create_market(|market| market.market = None), "invalid_request market"),
            (house, create_market(|market| market.name = String::new()), "invalid_request name"),
            (house, create_market(|market| market.market = Some(MarketId::PLATFORM)), "already_exists"),
            (house, create_market(|_| {}), &format!("Market({NEW_MARKET})")),
            (house, create_market(|_| {}), &format!("Market({NEW_MARKET})")),
            (house, create_market(|market| market.name.push('!')), "already_exists"),
            (OPERATOR, create_market(|_| {}), "already_exists"),
            (OPERATOR, halt("a fire"), "forbidden"),
            (house, halt(" "), "invalid_request reason"),
            (house, resume(), "open"),
            (house, halt("a fire"), "halted"),
            (house, halt("a fire"), "halted"),
        ],
    );
    assert_eq!(
        (world.folded["state"].as_str(), world.folded["reason"].as_str()),
        (Some("halted"), Some("a fire"))
    );
    assert_eq!(world.facts.market(NEW_MARKET).and_then(|facts| facts.halted_since), Some(START));
    world.now = Timestamp(START.0 + 90);
    check(&mut world, &[(house, resume(), "open"), (house, resume(), "open")]);
    let facts = world.facts.market(NEW_MARKET).expect("known");
    assert_eq!((facts.halted_since, facts.halted_us, facts.version), (None, 90, 3));
}

#[test]
fn marks_are_the_engines_own() {
    let mut world = World::new();
    world.command(AccountId::HOUSE, &create_market(|_| {})).expect("created");
    let mark = Command::Market(MarketCommand::Mark(MarkMarket { market: NEW_MARKET }));
    assert_eq!(world.command(AccountId::HOUSE, &mark).err(), Some(Rejection::Forbidden));
    let marked = world.command_as(AccountId::default(), Standing::ENGINE, &mark).expect("marked");
    assert_eq!(marked.public.iter().map(|event| event.name).collect::<Vec<_>>(), ["lots_changed"]);
}

fn grant(market: MarketId, role: Role, revoke: bool) -> Command {
    Command::Account(AccountCommand::Grant(Grant { account: PARTY, market, role, revoke: Some(revoke) }))
}

fn suspend(reason: &str, lift: bool) -> Command {
    let reason = reason.to_owned();
    Command::Account(AccountCommand::Suspend(Suspend {
        account: PARTY,
        market: MARKET,
        reason,
        lift: Some(lift),
    }))
}

#[test]
fn an_account_signs_out_by_itself_or_by_an_operator_of_the_platform_with_a_reason() {
    let mut world = World::new();
    let sign_out = |reason: Option<&str>| {
        let (account, reason) = (Some(PARTY), reason.map(str::to_owned));
        Command::Account(AccountCommand::SignOut(SignOut { account, reason }))
    };
    let created = format!("Account({PARTY})");
    let long = "x".repeat(501);
    check(
        &mut world,
        &[
            (OPERATOR, create_account(71, "Ada"), &created),
            (SELLER, sign_out(Some("a guess")), "forbidden"),
            (OPERATOR, sign_out(Some("an operator of one market")), "forbidden"),
            (AccountId::HOUSE, sign_out(None), "invalid_request reason"),
            (PARTY, sign_out(Some(&long)), "invalid_request reason"),
            (PARTY, sign_out(None), "signed_out"),
            (PARTY, sign_out(None), "signed_out"),
            (AccountId::HOUSE, sign_out(Some("stolen phone")), "signed_out"),
        ],
    );
}

#[test]
fn rights_are_given_by_those_who_run_the_market() {
    let mut world = World::new();
    let verify = |revoke| {
        let reason = "papers seen".to_owned();
        let revoke = Some(revoke);
        Command::Account(AccountCommand::Verify(Verify { account: PARTY, market: MARKET, reason, revoke }))
    };
    let link = |other, unlink| {
        let reason = "one household".to_owned();
        let unlink = Some(unlink);
        Command::Account(AccountCommand::Link(Link { account: PARTY, market: MARKET, other, reason, unlink }))
    };
    let created = format!("Account({PARTY})");
    check(
        &mut world,
        &[
            (SELLER, create_account(71, "Ada"), "forbidden"),
            (OPERATOR, create_account(71, ""), "invalid_request name"),
            (OPERATOR, create_account(71, &"x".repeat(201)), "invalid_request name"),
            (OPERATOR, create_account(1, "House"), "already_exists"),
            (OPERATOR, create_account(71, "Ada"), &created),
            (OPERATOR, create_account(71, "Ada"), &created),
            (OPERATOR, create_account(71, "Bob"), "already_exists"),
            (AccountId::HOUSE, create_account(71, "Ada"), "already_exists"),
            (SELLER, grant(MARKET, Role::Bidder, false), "forbidden"),
            (OPERATOR, grant(MarketId::PLATFORM, Role::Bidder, false), "forbidden"),
            (OPERATOR, grant(MARKET, Role::Bidder, false), "granted"),
            (OPERATOR, grant(MARKET, Role::Bidder, false), "granted"),
            (AccountId::HOUSE, grant(MarketId::PLATFORM, Role::Auditor, false), "granted"),
            (OPERATOR, suspend("", false), "invalid_request reason"),
            (SELLER, suspend("why not", false), "forbidden"),
            (OPERATOR, suspend("unpaid", false), "suspended"),
            (OPERATOR, verify(false), "verified"),
            (OPERATOR, link(PARTY, false), "invalid_request other"),
            (OPERATOR, link(SELLER, false), "linked"),
        ],
    );
    let standing = world.facts.standing(PARTY, MARKET);
    assert_eq!(standing.roles().collect::<Vec<_>>(), [Role::Bidder, Role::Auditor]);
    assert!(standing.any(Standing::SUSPENDED) && standing.any(Standing::VERIFIED));
    assert!(world.facts.is_suspended(PARTY, MARKET) && world.facts.are_linked(SELLER, PARTY));
    check(
        &mut world,
        &[
            (OPERATOR, grant(MARKET, Role::Bidder, true), "revoked"),
            (OPERATOR, suspend("paid", true), "active"),
            (OPERATOR, verify(true), "unverified"),
            (OPERATOR, link(SELLER, true), "unlinked"),
        ],
    );
    let standing = world.facts.standing(PARTY, MARKET);
    assert_eq!(standing.roles().collect::<Vec<_>>(), [Role::Auditor]);
    assert!(!standing.any(Standing::SUSPENDED.with(Standing::VERIFIED)));
    assert!(!world.facts.is_suspended(PARTY, MARKET) && !world.facts.are_linked(SELLER, PARTY));
    assert_eq!(world.facts.suspended().len(), 0);
}

/// Personal data: a name reaches events and states only as the vault sealed it.
#[test]
fn a_name_is_kept_only_sealed() {
    let mut world = World::new();
    let sealed = |byte| Bytes(vec![byte; 40]);
    let create = |byte, hash| {
        Command::Account(AccountCommand::Create(CreateAccount {
            account: Some(PARTY),
            name: String::new(),
            r#ref: None,
            name_sealed: sealed(byte),
            name_hash: Some(hash),
        }))
    };
    let Outcome { events, .. } = world.command(OPERATOR, &create(1, 7)).expect("created");
    let Some(Event::Account(vendue_domain::account::AccountEvent::Created(created))) = events.first() else {
        panic!("{events:?}");
    };
    assert_eq!(created.name_sealed, sealed(1));
    let created = format!("Account({PARTY})");
    check(&mut world, &[(OPERATOR, create(2, 7), &created), (OPERATOR, create(2, 8), "already_exists")]);
    let update = |by: u8| {
        let command = UpdateAccount { account: PARTY, name: String::new(), name_sealed: Bytes(vec![by; 3]) };
        Command::Account(AccountCommand::Update(command))
    };
    check(
        &mut world,
        &[(NOBODY, update(1), "forbidden"), (PARTY, update(1), &created), (OPERATOR, update(2), &created)],
    );
    // The engine's own fields never come from the wire, nor go there.
    let wire = r#"{"name":"Ada","name_sealed":"AAAA"}"#;
    assert!(serde_json::from_str::<vendue_domain::account::CreateAccountParams<'_>>(wire).is_err());
    let Command::Account(AccountCommand::Create(command)) = create(1, 7) else { panic!() };
    assert!(!serde_json::to_string(&command).expect("JSON").contains("name_"));
}

#[test]
fn facts_of_an_account_travel_whole() {
    let mut world = World::new();
    world.command(OPERATOR, &create_account(71, "Ada")).expect("created");
    let outcome = world.command(OPERATOR, &grant(MARKET, Role::Bidder, false)).expect("granted");
    let told: Vec<_> = outcome.private.iter().map(|(who, event)| (*who, event.name)).collect();
    assert_eq!(told, [(PARTY, "account_changed")]);
    let Some(FactChange::Account((_, facts))) = outcome.events[0].fact(PARTY.0) else { panic!() };
    assert_eq!((facts.version, facts.grants), (2, vec![(MARKET, Role::Bidder)]));
}

#[test]
fn a_sale_has_terms_and_paddles() {
    let mut world = World::new();
    let sale = SaleId::from_u128(72);
    let create = |closes_at| {
        Command::Sale(SaleCommand::Create(Box::new(CreateSale {
            sale: Some(sale),
            market: MARKET,
            title: "Spring sale".to_owned(),
            terms: Some("Pay within a week.".to_owned()),
            opens_at: START,
            closes_at,
            stagger_ms: Some(60_000),
            r#ref: None,
        })))
    };
    let register =
        |terms_version| Command::Sale(SaleCommand::Register(RegisterForSale { sale, terms_version }));
    let revise = |title: Option<&str>, terms: Option<&str>| {
        let (title, terms) = (title.map(str::to_owned), terms.map(str::to_owned));
        Command::Sale(SaleCommand::Revise(ReviseSale { sale, title, terms }))
    };
    let registered = |alias: &str, version| {
        let answer = vendue_domain::actor::RegistrationAnswer {
            sale,
            alias: alias.to_owned(),
            terms_version: version,
        };
        format!("{:?}", Answer::Registration(answer))
    };
    let (a, b, n) = (account('A'), account('B'), account('N'));
    let created = format!("Sale({sale})");
    check(
        &mut world,
        &[
            (SELLER, create(None), "forbidden"),
            (OPERATOR, create(Some(START)), "invalid_request closes_at"),
            (OPERATOR, create(None), &created),
            (OPERATOR, create(None), &created),
            (OPERATOR, create(Some(Timestamp(START.0 + 1))), "already_exists"),
            (n, register(None), "forbidden"),
            (a, register(Some(2)), "invalid_request terms_version"),
            (a, register(Some(1)), &registered("bidder-1", 1)),
            (a, register(None), &registered("bidder-1", 1)),
            (b, register(None), &registered("bidder-2", 1)),
            (a, revise(None, Some("Mine.")), "forbidden"),
            (OPERATOR, revise(Some("Summer sale"), None), &created),
            (a, register(None), &registered("bidder-1", 1)),
            (OPERATOR, revise(None, Some("Pay within a day.")), &created),
            (b, register(None), &registered("bidder-2", 2)),
        ],
    );
    assert_eq!(
        (world.folded["registered"].as_u64(), world.folded["terms_version"].as_u64()),
        (Some(2), Some(2))
    );
    assert_eq!(world.folded["title"], "Summer sale");
    assert_eq!(
        world.facts.registration(sale, a).map(|known| (known.alias, known.terms_version)),
        Some((1, 1))
    );
    assert_eq!(
        world.facts.registration(sale, b).map(|known| (known.alias, known.terms_version)),
        Some((2, 2))
    );
    // What a checkpoint keeps of the facts is all of them.
    let mut again = vendue_domain::facts::Facts::default();
    for change in world.facts.all() {
        let change = FactChange::from_bytes(&change.to_bytes()).expect("a fact comes back from its bytes");
        assert!(again.learn(&change) && !again.learn(&change), "learnt once: {change:?}");
    }
    assert_eq!(again.all().count(), world.facts.all().count());
}
