//! A small town: stock items and orders with everything that they ask of each other and of accounts. Effects wait in one
//! lane for each target and are delivered in its order, whenever the test says; accounts are a naive bank.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use vendue_domain::account::{AccountCommand, Deposit, Withdraw};
use vendue_domain::actor::{
    ActorAddress, ActorKind, Answer, Command, Decision, Entity, Event, PrivateEvents,
};
use vendue_domain::amount::{Amount, Currency};
use vendue_domain::command::Targeted as _;
use vendue_domain::context::{Context, Stamp};
use vendue_domain::effect::{Effects, OutsideRequest};
use vendue_domain::facts::{Facts, Standing};
use vendue_domain::id::{AccountId, HoldId, LotId, MarketId, OrderId, ReservationId, StockId};
use vendue_domain::invariants;
use vendue_domain::lot::won_order;
use vendue_domain::money::{Asker, Asset, CaptureHold, Line, PlaceHold, PostEntry, Settled, SubAccount};
use vendue_domain::order::{LineRequest, Order, OrderCommand, OrderSettled};
use vendue_domain::record::Field as _;
use vendue_domain::rejection::{InsufficientFunds, Rejection};
use vendue_domain::stock::{Stock, StockEvent};
use vendue_domain::time::Timestamp;

use crate::world::{MARKET, OPERATOR, SELLER, START, World, account, create_account};

/// A naive account: what it has in each sub-account and its holds.
#[derive(Default, Clone)]
pub struct BankAccount {
    pub subs: BTreeMap<SubAccount, i64>,
    pub holds: HashMap<HoldId, u64>,
}

impl BankAccount {
    pub fn has(&self, sub: SubAccount) -> i64 {
        self.subs.get(&sub).copied().unwrap_or(0)
    }

    pub fn held(&self) -> u64 {
        self.holds.values().sum()
    }

    fn available(&self) -> i64 {
        self.has(SubAccount::Cash) - self.held() as i64
    }
}

/// All accounts. Sums are checked at every entry (I30, I31, I32).
#[derive(Default, Clone)]
pub struct Bank {
    pub accounts: BTreeMap<AccountId, BankAccount>,
    /// What each order moved in each sub-account of each account.
    pub of_orders: HashMap<(OrderId, AccountId, SubAccount), i64>,
    /// Refuses every entry to this account, as one that is full would.
    pub refuses: Option<AccountId>,
}

impl Bank {
    pub fn deposit(&mut self, account: AccountId, amount: i64) {
        let account = self.accounts.entry(account).or_default();
        *account.subs.entry(SubAccount::Cash).or_default() += amount;
        *account.subs.entry(SubAccount::Outside).or_default() -= amount;
    }

    fn decide(&mut self, command: &AccountCommand) -> Option<(Asker, Settled)> {
        match command {
            AccountCommand::ReleaseHold(release) => {
                self.accounts.entry(release.account).or_default().holds.remove(&release.hold);
                None
            }
            AccountCommand::CaptureHold(capture) => Some((capture.asker, self.capture(capture))),
            AccountCommand::PostEntry(entry) => Some((entry.asker, self.post(entry))),
            other => panic!("orders do not ask this: {other:?}"),
        }
    }

    fn capture(&mut self, capture: &CaptureHold) -> Settled {
        let account = self.accounts.entry(capture.account).or_default();
        let held = account.holds.get(&capture.hold).copied();
        let refused = match held {
            None => Some(Rejection::NotFound),
            Some(held) if capture.amount > held => Some(Rejection::AmountOutOfRange),
            Some(_) => None,
        };
        if refused.is_none() {
            account.holds.remove(&capture.hold);
            let amount = capture.amount as i64;
            let lines =
                [Line { sub: SubAccount::Cash, amount: -amount }, Line { sub: SubAccount::Clearing, amount }];
            self.enter(capture.account, &lines, capture.asker);
        }
        let (account, tag, hold) = (capture.account, capture.tag, Some(capture.hold));
        Settled { account, tag, hold, amount: capture.amount, refused }
    }

    fn post(&mut self, entry: &PostEntry) -> Settled {
        let account = self.accounts.entry(entry.account).or_default();
        let of_cash = entry.lines.iter().filter(|line| line.sub == SubAccount::Cash);
        let cash: i64 = of_cash.map(|line| line.amount).sum();
        let refused = if self.refuses == Some(entry.account) {
            Some(Rejection::AmountOutOfRange)
        } else if cash < 0 && !entry.may_overdraw && account.available() + cash < 0 {
            let available = account.available().max(0) as u64;
            Some(Rejection::InsufficientFunds(InsufficientFunds { needed: cash.unsigned_abs(), available }))
        } else {
            self.enter(entry.account, &entry.lines, entry.asker);
            None
        };
        Settled { account: entry.account, tag: entry.tag, hold: None, amount: cash.unsigned_abs(), refused }
    }

    fn enter(&mut self, id: AccountId, lines: &[Line], asker: Asker) {
        assert_eq!(lines.iter().map(|line| line.amount).sum::<i64>(), 0, "I30: {lines:?}");
        let account = self.accounts.entry(id).or_default();
        let Asker::Order(order) = asker else { panic!("an order asked") };
        for line in lines {
            *account.subs.entry(line.sub).or_default() += line.amount;
            *self.of_orders.entry((order, id, line.sub)).or_default() += line.amount;
        }
    }

    pub fn moved(&self, order: OrderId, account: AccountId, sub: SubAccount) -> i64 {
        self.of_orders.get(&(order, account, sub)).copied().unwrap_or(0)
    }

    /// Over all accounts (I30).
    pub fn clearing(&self) -> i64 {
        self.accounts.values().map(|account| account.has(SubAccount::Clearing)).sum()
    }
}

/// What became of a command.
pub type Outcome = Result<Answer, Rejection>;

#[derive(Clone)]
pub struct Town {
    pub facts: Facts,
    pub now: Timestamp,
    pub actors: HashMap<ActorAddress, Entity>,
    pub bank: Bank,
    pub lanes: BTreeMap<ActorAddress, VecDeque<Command>>,
    pub outside: Vec<OutsideRequest>,
    pub told: PrivateEvents,
    /// How often orders moved for each cause.
    pub causes: BTreeMap<&'static str, u64>,
    /// Commands and deliveries so far; the command's id.
    pub commands: u128,
    /// Commands that wait, and their answers when they have come.
    pub waiting: HashSet<u128>,
    pub answers: HashMap<u128, Outcome>,
    reservations: HashMap<ReservationId, StockId>,
    lives: invariants::stock::ReservationLives,
    /// Commands and what they led to, where somebody wants to know.
    pub recorded: Option<Vec<(Option<Command>, Vec<Event>)>>,
    /// Bytes of events are checked once in so many.
    pub thorough_every: u128,
}

impl Town {
    pub fn new() -> Self {
        let mut town = Self::empty();
        let accounts = ('A'..='D').map(account).chain([SELLER, OPERATOR]);
        for account in accounts {
            let command = create_account(account.0.as_u128(), "Somebody");
            let outcome = town.command(AccountId::HOUSE, command);
            outcome.expect("an answer").expect("an account");
        }
        town
    }

    fn empty() -> Self {
        Self {
            facts: World::new().facts,
            now: START,
            actors: HashMap::new(),
            bank: Bank::default(),
            lanes: BTreeMap::new(),
            outside: Vec::new(),
            told: PrivateEvents::new(),
            causes: BTreeMap::new(),
            commands: 0,
            waiting: HashSet::new(),
            answers: HashMap::new(),
            reservations: HashMap::new(),
            lives: invariants::stock::ReservationLives::default(),
            recorded: None,
            thorough_every: 1,
        }
    }

    /// A client's command: its outcome, or `None` where it waits.
    pub fn command(&mut self, by: AccountId, mut command: Command) -> Option<Outcome> {
        self.look_up(by, &mut command);
        let target = command.target().expect("a target");
        let market = self.actors.get(&target).map_or(MARKET, Entity::market);
        let standing = self.facts.standing(by, market);
        let (events, answer) = match self.decide(target, &command, by, standing) {
            Ok(decision) => (decision.events.into_vec(), decision.answer),
            Err(rejection) => return Some(Err(rejection)),
        };
        let stamp = self.stamp(by);
        let direct = answer
            .map(|answer| *answer)
            .or_else(|| events.iter().find_map(|event| event.answer(target.id, &stamp)));
        let id = self.commands;
        assert!(events.iter().all(|event| event.asked().is_none()), "an answer of its own: {events:?}");
        if direct.is_none() {
            assert!(!events.is_empty(), "neither answer nor events: {command:?}");
            self.waiting.insert(id);
        }
        self.take(target, events, by);
        direct.map(Ok)
    }

    /// An effect of something outside the town: a lot's close, say.
    pub fn ask(&mut self, command: Command) {
        let target = command.target().expect("a target");
        self.lanes.entry(target).or_default().push_back(command);
    }

    /// What the shell fills in.
    fn look_up(&self, by: AccountId, command: &mut Command) {
        let Command::Order(OrderCommand::Place(place)) = command else { return };
        let found = |line: &LineRequest| match (line.reservation, line.lot) {
            (Some(reservation), _) => self.reservations.get(&reservation).map(|&stock| stock.into()),
            (None, Some(lot)) => Some(won_order(lot, by).into()),
            (None, None) => None,
        };
        place.found = place.lines.iter().map(found).collect();
    }

    fn stamp(&self, by: AccountId) -> Stamp {
        Stamp { time: self.now, by, command_id: self.commands }
    }

    fn decide(
        &mut self,
        target: ActorAddress,
        command: &Command,
        by: AccountId,
        standing: Standing,
    ) -> Result<Decision<Event>, Rejection> {
        self.commands += 1;
        if let Some(recorded) = &mut self.recorded {
            recorded.push((Some(command.clone()), Vec::new()));
        }
        let context = Context {
            now: self.now,
            by,
            standing,
            facts: &self.facts,
            command_id: self.commands,
            content: 7,
            accounts: None,
        };
        match self.actors.get(&target) {
            Some(actor) => actor.decide(command, &context),
            None => Entity::create(command, &context),
        }
    }

    /// Delivers the next effect of a lane.
    pub fn deliver(&mut self, target: ActorAddress) {
        let Some(command) = self.lanes.get_mut(&target).and_then(VecDeque::pop_front) else { return };
        if self.lanes[&target].is_empty() {
            self.lanes.remove(&target);
        }
        let by = AccountId::default();
        if let Command::Account(asked) = &command {
            return self.deliver_to_account(target, &command, asked);
        }
        match self.decide(target, &command, by, Standing::ENGINE) {
            Ok(decision) => self.take(target, decision.events.into_vec(), by),
            Err(rejection) => assert!(
                !self.actors.contains_key(&target)
                    && matches!(rejection, Rejection::NotFound | Rejection::OrderNotFound),
                "only what is not there may refuse an effect: {command:?}, {rejection:?}"
            ),
        }
    }

    /// The real account must say what the naive one says.
    fn deliver_to_account(&mut self, target: ActorAddress, command: &Command, asked: &AccountCommand) {
        let expected = self.bank.decide(asked).map(|(asker, settled)| {
            let Asker::Order(order) = asker else { panic!("an order asked") };
            Command::Order(OrderCommand::Settled(Box::new(OrderSettled { order, settled })))
        });
        if self.bank.refuses == Some(AccountId(target.id)) {
            return expected.into_iter().for_each(|told| self.ask(told));
        }
        let by = AccountId::default();
        let decided = self.decide(target, command, by, Standing::ENGINE).expect("accounts always answer");
        let mut effects = Effects::new();
        for event in &decided.events {
            event.effects(target.id, &self.stamp(by), &mut effects);
        }
        let told = effects.pop().map(|effect| effect.command);
        assert_eq!(said(told.as_ref()), said(expected.as_ref()), "{command:?}: {told:?}, {expected:?}");
        self.take(target, decided.events.into_vec(), by);
    }

    /// Money comes to an account, or goes.
    pub fn deposit(&mut self, account: AccountId, amount: i64) {
        self.bank.deposit(account, amount);
        let (goods, quantity, reason) = (None, None, "so it is".to_owned());
        let (size, currency) = (Amount::new(amount.unsigned_abs()), Currency::new("EUR"));
        let command = if amount < 0 {
            AccountCommand::Withdraw(Withdraw { account, amount: size, currency, goods, quantity, reason })
        } else {
            AccountCommand::Deposit(Deposit { account, amount: size, currency, goods, quantity, reason })
        };
        let house = AccountId::HOUSE;
        let operator = self.facts.standing(house, MarketId::PLATFORM);
        let target = account.into();
        let decided = self.decide(target, &Command::Account(command), house, operator).expect("it is there");
        self.take(target, decided.events.into_vec(), house);
    }

    /// A lot has money held.
    pub fn hold(&mut self, account: AccountId, hold: HoldId, amount: u64) {
        self.bank.accounts.entry(account).or_default().holds.insert(hold, amount);
        let asset = Asset::Money(Currency::new("EUR").expect("a currency"));
        let (asker, tag, market) = (Asker::Lot(LotId::default()), 0, MARKET);
        let place = PlaceHold { account, hold, asset, amount, asker, tag, market };
        let command = Command::Account(AccountCommand::PlaceHold(place));
        let by = AccountId::default();
        let decided = self.decide(account.into(), &command, by, Standing::ENGINE).expect("it is there");
        self.take(account.into(), decided.events.into_vec(), by);
        // What the lot hears is none of the town's.
        self.lanes.retain(|target, _| target.kind != ActorKind::Lot);
    }

    /// Delivers everything.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            let Some(&target) = self.lanes.keys().next() else { return };
            self.deliver(target);
        }
        panic!("effects without end: {:?}", self.lanes);
    }

    /// Everything that is due at `now`.
    pub fn due(&mut self) {
        let mut addresses: Vec<_> = self.actors.keys().copied().collect();
        addresses.sort_unstable();
        for address in addresses {
            for _ in 0..10_000 {
                let actor = &self.actors[&address];
                if actor.next_deadline().is_none_or(|deadline| deadline > self.now) {
                    break;
                }
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
                let events = actor.due(&context).into_vec();
                assert!(!events.is_empty(), "what is due must lead to something");
                self.take(address, events, AccountId::default());
            }
        }
    }

    fn take(&mut self, address: ActorAddress, events: Vec<Event>, by: AccountId) {
        if let Some(recorded) = &mut self.recorded {
            recorded.push((None, events.clone()));
        }
        for event in events {
            let asked = event.asked();
            // As the engine's record: what completes an earlier command bears its stamp.
            let stamp = match asked {
                Some(asked) => Stamp { time: self.now, by: asked.by, command_id: asked.command_id },
                None => self.stamp(by),
            };
            match self.actors.get_mut(&address) {
                Some(actor) => actor.apply(&event, &stamp),
                None => drop(self.actors.insert(address, Entity::born(&event, &stamp).expect("creates"))),
            }
            if let Some(asked) = asked {
                let outcome = match (event.refusal(), event.answer(address.id, &stamp)) {
                    (Some(rejection), _) => Err(rejection.clone()),
                    (None, answer) => Ok(answer.expect("what completes a command answers it")),
                };
                assert!(self.waiting.remove(&asked.command_id), "answered once: {event:?}");
                self.answers.insert(asked.command_id, outcome);
            }
            if let Event::Order(event) = &event
                && let Some(step) = event.step()
            {
                *self.causes.entry(step.cause.name()).or_default() += 1;
            }
            let mut effects = Effects::new();
            event.effects(address.id, &stamp, &mut effects);
            for effect in effects {
                assert_eq!(effect.command.target(), Some(effect.target));
                self.lanes.entry(effect.target).or_default().push_back(effect.command);
            }
            self.outside.extend(event.outside(address.id, &stamp));
            self.told.extend(event.private(address.id, &stamp));
            self.check(address, &event, &stamp);
        }
    }

    fn check(&mut self, address: ActorAddress, event: &Event, stamp: &Stamp) {
        if let Event::Stock(event) = event {
            self.lives.see(event, stamp).expect("a reservation's life");
            self.note(StockId(address.id), event, stamp);
        }
        if let Entity::Stock(stock) = &self.actors[&address] {
            invariants::stock::counters(stock).expect("the counters");
        }
        if self.commands.is_multiple_of(self.thorough_every) {
            let bytes = event.to_bytes();
            assert_eq!(Event::from_bytes(&bytes).as_ref(), Ok(event), "an event comes back from its bytes");
            let state = crate::world::bytes_of(&self.actors[&address]);
            let again = Entity::decode(address.kind, &mut vendue_domain::record::Reader::new(&state));
            let again = again.expect("a state comes back from its bytes");
            assert_eq!(crate::world::bytes_of(&again), state, "equal states are equal bytes (I6)");
        }
    }

    fn note(&mut self, stock: StockId, event: &StockEvent, stamp: &Stamp) {
        match event.reservation(stamp) {
            Some((reservation, true)) => drop(self.reservations.insert(reservation, stock)),
            Some((reservation, false)) => drop(self.reservations.remove(&reservation)),
            None => {}
        }
    }

    pub fn stock(&self) -> HashMap<StockId, &Stock> {
        let stock = self.actors.iter().filter_map(|(address, actor)| match actor {
            Entity::Stock(stock) => Some((StockId(address.id), &**stock)),
            _ => None,
        });
        stock.collect()
    }

    pub fn orders(&self) -> Vec<(OrderId, &Order)> {
        let mut orders: Vec<_> = self
            .actors
            .iter()
            .filter_map(|(address, actor)| match actor {
                Entity::Order(order) => Some((OrderId(address.id), &**order)),
                _ => None,
            })
            .collect();
        orders.sort_unstable_by_key(|(id, _)| *id);
        orders
    }

    pub fn order(&self, id: OrderId) -> Option<&Order> {
        match self.actors.get(&ActorAddress { kind: ActorKind::Order, id: id.0 }) {
            Some(Entity::Order(order)) => Some(order),
            _ => None,
        }
    }

    /// The real accounts have what the naive ones have.
    fn check_accounts(&self) {
        let asset = Asset::Money(Currency::new("EUR").expect("a currency"));
        for (id, naive) in &self.bank.accounts {
            let Some(Entity::Account(account)) = self.actors.get(&(*id).into()) else {
                panic!("{id} is there")
            };
            let balances = account.balances_of(asset);
            for sub in [SubAccount::Cash, SubAccount::Clearing, SubAccount::Fees, SubAccount::Outside] {
                assert_eq!(balances.of(sub), naive.has(sub), "{sub:?} of {id}");
            }
            assert_eq!(balances.held, naive.held(), "held of {id}");
        }
    }

    /// What must hold when nothing is under way.
    pub fn check_quiet(&self, wins: &[(LotId, AccountId)]) {
        assert!(self.waiting.is_empty(), "nobody waits for ever: {:?}", self.waiting);
        assert_eq!(self.bank.clearing(), 0, "I30: clearing nets to zero");
        self.check_accounts();
        let stock = self.stock();
        let orders = self.orders();
        for (id, order) in &orders {
            invariants::orders::all_or_nothing(*id, order, &stock).expect("all or nothing");
            invariants::orders::money(*id, order).expect("an order's money");
        }
        invariants::stock::no_oversell(&stock, orders.iter().copied()).expect("no oversell");
        let wins = wins.iter().copied();
        invariants::orders::one_order_per_win(wins, orders.iter().copied()).expect("one order for each win");
    }
}

/// What an account's answer comes to.
fn said(told: Option<&Command>) -> Option<(OrderId, u128, Option<&'static str>)> {
    match told {
        None => None,
        Some(Command::Order(OrderCommand::Settled(told))) => {
            Some((told.order, told.settled.tag, told.settled.refused.as_ref().map(Rejection::code)))
        }
        Some(other) => panic!("an account tells this an order: {other:?}"),
    }
}
