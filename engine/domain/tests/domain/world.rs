//! One actor, the facts around it, and a clock: what the shell does, without the shell. Every event that passes through it
//! is checked for what must hold of all events.

use std::rc::Rc;

use serde_json::Value;
use vendue_domain::account::{AccountCommand, CreateAccount};
use vendue_domain::actor::{ActorKind, Answer, Entity, Event, PrivateEvents, PublicEvents, Snapshot};
use vendue_domain::amount::{Amount, Currency};
use vendue_domain::command::Targeted as _;
use vendue_domain::context::{Assurance, Context, Stamp};
use vendue_domain::effect::{Asked, Effects};
use vendue_domain::facts::{AccountFacts, FactChange, Facts, MarketFacts, Role, Standing};
use vendue_domain::id::{AccountId, Id, MarketId};
use vendue_domain::invariants::auction::Auction;
use vendue_domain::record::{Field, Reader};
use vendue_domain::rejection::Rejection;
use vendue_domain::time::Timestamp;

pub use vendue_domain::actor::Command;

/// The moment that the tables count from.
pub const START: Timestamp = Timestamp(1_800_000_000_000_000);
/// The market of all tests.
pub const MARKET: MarketId = MarketId::from_u128(7);
/// Operator and owner of the market.
pub const OPERATOR: AccountId = AccountId::from_u128(20);
/// Sells.
pub const SELLER: AccountId = AccountId::from_u128(30);
/// Known, without any grant.
pub const NOBODY: AccountId = AccountId::from_u128(40);

/// The account that a table calls by one letter.
pub fn account(letter: char) -> AccountId {
    match letter {
        'O' => OPERATOR,
        'S' => SELLER,
        'N' => NOBODY,
        // Never granted anything, nor known at all.
        'X' => AccountId::from_u128(50),
        bidder => AccountId::from_u128(1_000 + u128::from(u32::from(bidder))),
    }
}

pub fn amount(minor_units: u64) -> Amount {
    Amount::new(minor_units).unwrap_or_else(|| panic!("{minor_units} is no amount"))
}

/// What one command or deadline led to.
#[derive(Debug)]
pub struct Outcome {
    pub answer: Option<Answer>,
    pub events: Vec<Event>,
    pub public: PublicEvents,
    pub private: PrivateEvents,
    /// Earlier commands that it completed.
    pub completed: Vec<(Asked, Result<Answer, Rejection>)>,
}

impl Outcome {
    fn nothing() -> Self {
        Self {
            answer: None,
            events: Vec::new(),
            public: PublicEvents::new(),
            private: PrivateEvents::new(),
            completed: Vec::new(),
        }
    }
}

/// One actor and its surroundings.
#[derive(Clone)]
pub struct World {
    pub facts: Facts,
    pub now: Timestamp,
    pub entity: Option<Entity>,
    /// Follows the events by itself; must always be the entity's own.
    pub snapshot: Option<Snapshot>,
    /// Follows only the published data, field by field, as a client does.
    pub folded: Value,
    pub commands: u128,
    pub id: Id,
    /// What its events have caused others to receive, until somebody takes it.
    pub effects: Effects,
    /// Its events with their stamps, kept where somebody asked for it.
    pub recorded: Vec<(Event, Stamp)>,
    pub records: bool,
    /// Clients' commands that were taken without an answer, and those that were answered later.
    pub waits: Vec<(AccountId, u128)>,
    pub completed: Vec<(Asked, Result<Answer, Rejection>)>,
    pub published: u64,
    /// Costly checks (bytes, JSON) are done once in so many events.
    pub thorough_every: u64,
    pub events: u64,
    /// Checks every event of a lot (I11 to I20).
    pub auction: Option<Auction>,
    /// Accounts that a client's command may ask beforehand, as they are just now; set anew before each command.
    pub accounts: Option<Rc<dyn Assurance>>,
}

impl World {
    /// A world with a market in euros, its operator, a seller and bidders `A` to `H`.
    pub fn new() -> Self {
        let mut facts = Facts::default();
        facts.learn(&FactChange::Market((MARKET, market_facts(1))));
        let mut grants = vec![(SELLER, vec![Role::Seller]), (NOBODY, vec![])];
        grants.extend(('A'..='H').map(|bidder| (account(bidder), vec![Role::Bidder])));
        for (account, roles) in grants {
            let grants = roles.into_iter().map(|role| (MARKET, role)).collect();
            facts.learn(&FactChange::Account((
                account,
                AccountFacts { version: 1, grants, ..AccountFacts::default() },
            )));
        }
        Self {
            facts,
            now: START,
            entity: None,
            snapshot: None,
            folded: Value::Null,
            commands: 0,
            id: Id::NIL,
            effects: Effects::new(),
            recorded: Vec::new(),
            records: false,
            waits: Vec::new(),
            completed: Vec::new(),
            published: 0,
            thorough_every: 1,
            events: 0,
            auction: None,
            accounts: None,
        }
    }

    /// Changes the facts of an account.
    pub fn change_account(&mut self, account: AccountId, change: impl FnOnce(&mut AccountFacts)) {
        let mut facts = self.facts.account(account).cloned().unwrap_or_default();
        change(&mut facts);
        facts.version += 1;
        assert!(self.facts.learn(&FactChange::Account((account, facts))));
    }

    /// Changes the facts of the market.
    pub fn change_market(&mut self, change: impl FnOnce(&mut MarketFacts)) {
        let mut facts = self.facts.market(MARKET).cloned().expect("the market is known");
        change(&mut facts);
        facts.version += 1;
        assert!(self.facts.learn(&FactChange::Market((MARKET, facts))));
    }

    pub fn entity(&self) -> &Entity {
        self.entity.as_ref().expect("the actor exists")
    }

    fn standing(&self, by: AccountId, command: Option<&Command>) -> Standing {
        match command {
            None => Standing::ENGINE,
            Some(Command::Account(_)) => self.facts.roles_anywhere(by),
            Some(Command::Market(_)) if self.entity.is_none() => self.facts.standing(by, MarketId::PLATFORM),
            Some(command) => {
                let market = self.entity.as_ref().map_or_else(|| market_of(command), Entity::market);
                self.facts.standing(by, market)
            }
        }
    }

    fn stamp(&self, by: AccountId) -> Stamp {
        Stamp { time: self.now, by, command_id: self.commands }
    }

    /// Decides a command and applies what it leads to.
    pub fn command(&mut self, by: AccountId, command: &Command) -> Result<Outcome, Rejection> {
        let standing = self.standing(by, Some(command));
        self.command_as(by, standing, command)
    }

    /// The same with a standing of the caller's choice.
    pub fn command_as(
        &mut self,
        by: AccountId,
        standing: Standing,
        command: &Command,
    ) -> Result<Outcome, Rejection> {
        self.commands += 1;
        let context = Context {
            now: self.now,
            by,
            standing,
            facts: &self.facts,
            command_id: self.commands,
            content: 7,
            accounts: self.accounts.as_deref(),
        };
        let decision = match &self.entity {
            Some(entity) => entity.decide(command, &context),
            None => Entity::create(command, &context),
        }?;
        if self.entity.is_none() {
            self.id = command.target().expect("a creation names its actor").id;
        }
        let outcome = self.take(decision.events.into_vec(), self.stamp(by));
        let answer = decision.answer.map(|answer| *answer).or(outcome.answer);
        let outcome = Outcome { answer, ..outcome };
        if self.records && outcome.answer.is_none() && by != AccountId::default() {
            self.waits.push((by, self.commands));
        }
        Ok(outcome)
    }

    /// Everything that is due at `now`.
    pub fn due(&mut self) -> Outcome {
        let mut all = Vec::new();
        for _ in 0..100_000 {
            let is_due = self.entity().next_deadline().is_some_and(|deadline| deadline <= self.now);
            let events = self.engine(|entity, context| entity.due(context).into_vec());
            assert!(
                !is_due || !events.events.is_empty(),
                "what is due must lead to something, or the shell spins"
            );
            if events.events.is_empty() {
                return merged(all);
            }
            all.push(events);
        }
        panic!("due never ends");
    }

    /// What changed facts lead to; afterwards there must be nothing more.
    pub fn facts_changed(&mut self) -> Outcome {
        let outcome = self.engine(|entity, context| entity.facts_changed(context).into_vec());
        let more = self.engine(|entity, context| entity.facts_changed(context).into_vec());
        assert!(more.events.is_empty(), "all at once: {:?}", more.events);
        outcome
    }

    /// What an outage means in which the actor's deadline passed.
    pub fn after_outage(&mut self, extend_ms: u64) -> Outcome {
        self.engine(|entity, context| entity.after_outage(context, extend_ms).into_vec())
    }

    fn engine(&mut self, ask: impl FnOnce(&Entity, &Context<'_>) -> Vec<Event>) -> Outcome {
        self.commands += 1;
        let context = Context {
            now: self.now,
            by: AccountId::default(),
            standing: Standing::ENGINE,
            facts: &self.facts,
            command_id: self.commands,
            content: 0,
            accounts: None,
        };
        let events = ask(self.entity(), &context);
        self.take(events, self.stamp(AccountId::default()))
    }

    fn take(&mut self, events: Vec<Event>, stamp: Stamp) -> Outcome {
        let id = self.id;
        let mut outcome = Outcome::nothing();
        for event in events {
            // What completes an earlier command is recorded as that command's.
            let stamp = event.asked().map_or(stamp, |asked| Stamp {
                time: stamp.time,
                by: asked.by,
                command_id: asked.command_id,
            });
            self.take_one(&event, &stamp);
            match (event.asked(), event.refusal(), event.answer(id, &stamp)) {
                (Some(asked), Some(refusal), _) => outcome.completed.push((asked, Err(refusal.clone()))),
                (Some(asked), None, Some(answer)) => outcome.completed.push((asked, Ok(answer))),
                (None, None, answer) => outcome.answer = outcome.answer.or(answer),
                (asked, refusal, _) => panic!("nobody hears of it: {asked:?} {refusal:?} {event:?}"),
            }
            event.effects(id, &stamp, &mut self.effects);
            if let Some(fact) = event.fact(id) {
                self.facts.learn(&fact);
            }
            if self.records && event.asked().is_some() {
                self.completed.extend(outcome.completed.last().cloned());
            }
            outcome.public.extend(event.public());
            outcome.private.extend(event.private(id, &stamp));
            if self.records {
                self.recorded.push((event.clone(), stamp));
            }
            outcome.events.push(event);
        }
        outcome
    }

    fn take_one(&mut self, event: &Event, stamp: &Stamp) {
        self.events += 1;
        if let Event::Lot(event) = event {
            match &mut self.auction {
                Some(auction) => {
                    auction.take(event, stamp).unwrap_or_else(|broken| panic!("{broken}: {event:?}"))
                }
                None => self.auction = Auction::new(event),
            }
        }
        let thorough = self.events.is_multiple_of(self.thorough_every);
        match (&mut self.entity, &mut self.snapshot) {
            (Some(entity), Some(snapshot)) => {
                entity.apply(event, stamp);
                snapshot.apply(event, stamp);
            }
            _ => {
                self.entity = Some(Entity::born(event, stamp).expect("the first event creates"));
                let snapshot = Snapshot::born(event, stamp).expect("the first event creates");
                self.folded = serde_json::to_value(&snapshot).expect("a snapshot is JSON");
                self.snapshot = Some(snapshot);
            }
        }
        let public = event.public();
        assert_eq!(public.len() as u64, event.public_count(), "{event:?}");
        // An account's own feed is folded over its snapshot; the public hears nothing of it.
        let to_itself =
            if let Event::Account(_) = event { event.private(self.id, stamp) } else { PrivateEvents::new() };
        for publication in public.iter().chain(to_itself.iter().map(|(_, publication)| publication)) {
            let data = serde_json::to_value(&publication.data).expect("data is JSON");
            if let Event::Account(_) = event {
                crate::account_script::fold(&mut self.folded, publication.name, &data);
            }
            if let Event::Book(_) = event
                && fold_book(&mut self.folded, publication.name, &data)
            {
                continue;
            }
            for (name, value) in data.as_object().expect("data is an object") {
                if let Some(field) = self.folded.get_mut(name) {
                    *field = value.clone();
                }
            }
        }
        self.published += event.public_count();
        let entity = self.entity();
        assert_eq!(entity.channel_seq(), self.published, "the channel's numbers are dense (I39)");
        assert_eq!(Some(&entity.snapshot()), self.snapshot.as_ref(), "I43 after {event:?}");
        if thorough {
            self.check_thoroughly(event);
        }
    }

    fn check_thoroughly(&self, event: &Event) {
        let shown = serde_json::to_value(self.entity().snapshot()).expect("a snapshot is JSON");
        // An order has no channel: its parties read it again when they hear that it has changed.
        if event.kind() != ActorKind::Order {
            assert_eq!(shown, self.folded, "I43, as a client folds it, after {event:?}");
        }
        let bytes = event.to_bytes();
        assert_eq!(Event::from_bytes(&bytes).as_ref(), Ok(event), "an event comes back from its bytes");
        let state = bytes_of(self.entity());
        let again = Entity::decode(event.kind(), &mut Reader::new(&state))
            .expect("a state comes back from its bytes");
        assert_eq!(bytes_of(&again), state, "equal states are equal bytes (I6)");
        assert_eq!(again.snapshot(), self.entity().snapshot());
        assert_eq!(again.next_deadline(), self.entity().next_deadline());
    }
}

/// Folds an event of a book over its snapshot, as a client does; says whether it was one that overwrites no fields of its
/// names.
fn fold_book(folded: &mut Value, name: &str, data: &Value) -> bool {
    match name {
        "book_changed" => {
            for (list, sign) in [("bids", -1), ("asks", 1)] {
                let rows = folded[list].as_array_mut().expect("levels");
                for level in data[list].as_array().expect("levels") {
                    let price = |row: &Value| row[0].as_i64().expect("a price");
                    rows.retain(|row| price(row) != price(level));
                    if level[1] != 0 {
                        let place = rows.partition_point(|row| price(row) * sign < price(level) * sign);
                        rows.insert(place, level.clone());
                    }
                }
            }
        }
        "trade" => folded["last_trade"] = data.clone(),
        "auction_indicative" | "auction_uncrossed" => {
            let nothing = data["price"].is_null();
            folded["indicative"] = if nothing { Value::Null } else { data.clone() };
        }
        _ => return false,
    }
    true
}

/// A state's bytes.
pub fn bytes_of(entity: &Entity) -> Vec<u8> {
    let mut bytes = Vec::new();
    entity.encode(&mut bytes);
    bytes
}

pub fn market_facts(version: u64) -> MarketFacts {
    MarketFacts {
        version,
        owner: OPERATOR,
        currency: Currency::new("EUR").expect("a currency"),
        halted_since: None,
        halted_us: 0,
        increments: None,
        open_registration: false,
        fees: None,
    }
}

fn market_of(command: &Command) -> MarketId {
    use vendue_domain::lot::LotCommand;
    use vendue_domain::sale::SaleCommand;
    use vendue_domain::stock::StockCommand;
    match command {
        Command::Lot(LotCommand::Create(command)) => command.market,
        Command::Sale(SaleCommand::Create(command)) => command.market,
        Command::Stock(StockCommand::Create(command)) => command.market,
        _ => MARKET,
    }
}

fn merged(outcomes: Vec<Outcome>) -> Outcome {
    let mut all = Outcome::nothing();
    for outcome in outcomes {
        all.answer = all.answer.or(outcome.answer);
        all.events.extend(outcome.events);
        all.public.extend(outcome.public);
        all.private.extend(outcome.private);
        all.completed.extend(outcome.completed);
    }
    all
}

/// A command that creates an account, with the name as a client sends it.
pub fn create_account(id: u128, name: &str) -> Command {
    Command::Account(AccountCommand::Create(CreateAccount {
        account: Some(AccountId::from_u128(id)),
        name: name.to_owned(),
        r#ref: None,
        name_sealed: vendue_domain::record::Bytes::default(),
        name_hash: None,
    }))
}
