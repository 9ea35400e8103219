//! A book and its accounts against a slow model: a list of orders that is searched from end to end for each trade, and a
//! ledger of plain numbers. What the book asks of accounts is delivered in any order between accounts.

use std::collections::{BTreeMap, VecDeque};

use vendue_domain::account::{Account, AccountCommand, Deposit, Withdraw};
use vendue_domain::actor::{Actor, ActorAddress, ActorKind, Entity, Event};
use vendue_domain::amount::Amount;
use vendue_domain::book::{
    AuctionAction, AuctionPrice, BookAuction, BookCommand, BookEvent, BookFunding, BookState, CancelOrder,
    Cause, CreateBook, Crossed, Entered, ModifyOrder, OrderType, OrderView, Part, PlaceOrder, SelfTrade,
    Side, TimeInForce,
};
use vendue_domain::context::{Context, Stamp};
use vendue_domain::facts::Standing;
use vendue_domain::fees::{FeeSchedule, FeeTable, Rounding};
use vendue_domain::id::{AccountId, BookId, BookOrderId};
use vendue_domain::invariants;
use vendue_domain::invariants::money::Books;
use vendue_domain::money::Asset;
use vendue_domain::record::{Field as _, Reader};
use vendue_domain::time::Timestamp;

use crate::random::{Random, rounds};
use crate::world::{Command, MARKET, OPERATOR, START, World, account, bytes_of};

/// Random commands in all: rounds times commands of one book, a million.
const ROUNDS: u64 = 500;
const COMMANDS: u64 = 2_000;

const TRADERS: [char; 4] = ['A', 'B', 'C', 'D'];
const BOOK: BookId = BookId::from_u128(77);

/// A resting order of the model, in the order of arrival.
#[derive(Debug, Clone, Copy)]
struct Rest {
    view: OrderView,
    /// The price that it competes with: a market order's is beyond all others.
    at: i128,
    value: u64,
    held: u64,
    expires_at: Option<Timestamp>,
}

struct Model {
    tick: u64,
    lot: u64,
    funded: bool,
    self_trade: SelfTrade,
    reference: Option<u64>,
    fees: FeeSchedule,
    orders: Vec<Rest>,
    last: Option<u64>,
    /// What everybody will have when all is settled: money, goods.
    purses: BTreeMap<AccountId, (i128, i128)>,
    fees_earned: i128,
}

fn sign(side: Side) -> i128 {
    if side == Side::Buy { 1 } else { -1 }
}

impl Model {
    fn fee(&self, side: Side, value: u64) -> u64 {
        let table = match side {
            Side::Buy => &self.fees.buyers_premium,
            Side::Sell => &self.fees.sellers_commission,
        };
        let fee = table.as_ref().filter(|_| self.funded && value > 0).map_or(0, |table| table.on(value));
        if side == Side::Sell { fee.min(value) } else { fee }
    }

    /// The best order of a side: the highest bid or lowest offer, then the earliest.
    fn best(&self, side: Side) -> Option<usize> {
        let of_side = (0..self.orders.len()).filter(|&nth| self.orders[nth].view.side == side);
        of_side.min_by_key(|&nth| (-self.orders[nth].at * sign(side), nth))
    }

    fn at(view: &OrderView) -> i128 {
        view.price.map_or(sign(view.side) * i128::from(u64::MAX), i128::from)
    }

    /// Moves a trade's money and goods; the order's fee so far is that of its whole value.
    fn pay(&mut self, side: Side, who: AccountId, before: u64, quantity: u64, value: u64) -> u64 {
        let fee = self.fee(side, before + value) - self.fee(side, before);
        if self.funded {
            let purse = self.purses.entry(who).or_default();
            purse.0 -= sign(side) * i128::from(value) + i128::from(fee);
            purse.1 += sign(side) * i128::from(quantity);
            self.fees_earned += i128::from(fee);
        }
        fee
    }

    /// Takes units of a resting order; says what the book must say of it.
    fn take(&mut self, nth: usize, units: u64, price: u64) -> Part {
        let Rest { view, value: before, .. } = self.orders[nth];
        let value = units * price;
        self.pay(view.side, view.account, before, units, value);
        let order = &mut self.orders[nth];
        (order.view.filled, order.view.remaining) = (view.filled + units, view.remaining - units);
        order.value += value;
        let view = order.view;
        self.last = Some(price);
        if view.remaining == 0 {
            self.orders.remove(nth);
        }
        Part { view, quantity: units, value, moved: None }
    }

    fn place_of(&self, order: BookOrderId) -> Option<usize> {
        self.orders.iter().position(|rest| rest.view.order == order)
    }

    /// An order comes: everything that the event says is found anew.
    fn enter(&mut self, entered: &Entered, wish: &Wish, state: BookState) {
        let mut was_value = 0;
        if entered.modified {
            let nth = self.place_of(entered.view.order).expect("it was in the book");
            was_value = self.orders.remove(nth).value;
        }
        let Entered { view, makers, gone, ended, .. } = entered;
        let mut left = view.remaining + makers.iter().map(|part| part.quantity).sum::<u64>();
        let (mut parts, mut removed, mut cause, mut value) = (Vec::new(), Vec::new(), None, 0);
        let limit = Self::at(view);
        while left > 0 && cause.is_none() && state == BookState::Continuous {
            let Some(nth) = self.best(view.side.opposite()) else { break };
            let maker = self.orders[nth];
            if (limit - maker.at) * sign(view.side) < 0 {
                break;
            }
            if maker.view.account == view.account && self.self_trade != SelfTrade::Allow {
                if self.self_trade != SelfTrade::CancelNewest {
                    removed.push(self.orders.remove(nth).view);
                }
                if self.self_trade != SelfTrade::CancelOldest {
                    cause = Some(Cause::SelfTrade);
                }
                continue;
            }
            let price = maker.view.price.expect("nothing else rests now");
            let mut units = 0;
            while units < left.min(maker.view.remaining) {
                let more = value + (units + self.lot) * price;
                if wish.max_amount.is_some_and(|max| more + self.fee(Side::Buy, more) > max) {
                    cause = Some(Cause::MaxAmount);
                    break;
                }
                units += self.lot;
            }
            if units > 0 {
                parts.push(self.take(nth, units, price));
                value += units * price;
                left -= units;
            }
        }
        if left > 0 && cause.is_none() && state == BookState::Continuous {
            let lapses = view.r#type == OrderType::Market || wish.time_in_force == TimeInForce::Ioc;
            cause = lapses.then_some(Cause::TimeInForce);
        }
        assert!(wish.time_in_force != TimeInForce::Fok || left == 0, "all or nothing");
        let told: Vec<_> = makers.iter().map(|part| Part { moved: None, ..*part }).collect();
        assert_eq!(told, parts, "the best price first, then the earliest");
        assert_eq!(gone.iter().map(|gone| gone.view).collect::<Vec<_>>(), removed);
        assert_eq!((view.remaining, *ended), (left, if left > 0 { cause } else { None }));
        let quantity = parts.iter().map(|part| part.quantity).sum();
        if quantity > 0 {
            self.pay(view.side, view.account, was_value, quantity, value);
        }
        if left > 0 && cause.is_none() {
            let at = entered.pays_to.map_or(limit, i128::from);
            let held = entered.moved.as_ref().map_or(0, |moved| moved.held);
            let (value, expires_at) = (was_value + value, entered.expires_at);
            self.orders.push(Rest { view: *view, at, value, held, expires_at });
        }
    }

    /// The auction's price by the four rules, tick by tick.
    fn clearing(&self) -> Option<AuctionPrice> {
        let limits: Vec<i128> = self
            .orders
            .iter()
            .map(|rest| rest.at)
            .filter(|at| at.unsigned_abs() < u128::from(u64::MAX))
            .collect();
        let known = self.reference.or(self.last).map(i128::from);
        let at = |price: i128| {
            let of = |side| {
                let takes = |rest: &&Rest| rest.view.side == side && (rest.at - price) * sign(side) >= 0;
                self.orders.iter().filter(takes).map(|rest| i128::from(rest.view.remaining)).sum::<i128>()
            };
            let (demand, supply) = (of(Side::Buy), of(Side::Sell));
            (demand.min(supply), demand - supply, price)
        };
        let (low, high) = match (limits.iter().min(), limits.iter().max(), known) {
            (Some(&low), Some(&high), _) => (low, high),
            (_, _, Some(known)) => (known, known),
            _ => return None,
        };
        let tick = i128::from(self.tick);
        let mut all: Vec<_> = (low / tick..=high / tick).map(|ticks| at(ticks * tick)).collect();
        let most = all.iter().map(|one| one.0).max().filter(|&most| most > 0)?;
        all.retain(|one| one.0 == most);
        let least = all.iter().map(|one| one.1.abs()).min()?;
        all.retain(|one| one.1.abs() == least);
        let chosen = if all.iter().all(|one| one.1 > 0) {
            all.last().copied()
        } else if all.iter().all(|one| one.1 < 0) {
            all.first().copied()
        } else {
            match known {
                Some(known) => all.iter().min_by_key(|one| ((one.2 - known).abs(), -one.2)).copied(),
                // The middle, halves upwards.
                None => all.get(all.len() / 2).copied(),
            }
        };
        let (volume, surplus, price) = chosen?;
        Some(AuctionPrice { price: price as u64, volume: volume as u64, surplus: surplus as i64 })
    }

    fn cross(&mut self, crossed: &Crossed) {
        for side in [Side::Buy, Side::Sell] {
            let mut left = crossed.volume;
            let mut parts = Vec::new();
            while left > 0 {
                let nth = self.best(side).expect("the volume is there");
                let rest = self.orders[nth];
                assert!(
                    (rest.at - i128::from(crossed.price)) * sign(side) >= 0,
                    "nobody trades past its limit"
                );
                let units = left.min(rest.view.remaining);
                parts.push(self.take(nth, units, crossed.price));
                left -= units;
            }
            let told = crossed.parts.iter().filter(|part| part.view.side == side);
            let told: Vec<_> = told.map(|part| Part { moved: None, ..*part }).collect();
            assert_eq!(told, parts, "market orders first, then price, then time");
        }
    }

    /// What a resting order needs to have held.
    fn need(&self, rest: &Rest) -> u64 {
        match (rest.view.side, rest.view.price) {
            (Side::Sell, _) => rest.view.remaining,
            (Side::Buy, Some(price)) => {
                let more = price * rest.view.remaining;
                more + self.fee(Side::Buy, rest.value + more) - self.fee(Side::Buy, rest.value)
            }
            // What its `max_amount` was, less what it has cost.
            (Side::Buy, None) => rest.held,
        }
    }
}

/// What a client asked beside what events say.
#[derive(Debug, Clone, Copy, Default)]
struct Wish {
    time_in_force: TimeInForce,
    max_amount: Option<u64>,
}

struct Town {
    world: World,
    accounts: BTreeMap<AccountId, Account>,
    lanes: BTreeMap<ActorAddress, VecDeque<Command>>,
    books: Books,
    model: Model,
    wishes: BTreeMap<BookOrderId, Wish>,
    /// Clients that wait for an answer.
    waiting: usize,
    serial: u128,
    /// How often each kind of event came: the model is worth what it meets.
    seen: BTreeMap<&'static str, u64>,
    /// What happened, where somebody asked for it.
    tour: Option<Vec<Happened>>,
}

/// A command, what it led to, and the name and bytes of the state after it.
pub type Happened = (Command, Vec<Event>, (&'static str, Vec<u8>));

/// What an event is counted as.
fn kind_of(event: &BookEvent) -> &'static str {
    match event {
        BookEvent::Created(_) => "created",
        BookEvent::Entered(entered) if entered.modified && !entered.makers.is_empty() => {
            "modified into trades"
        }
        BookEvent::Entered(entered) if entered.modified => "modified",
        BookEvent::Entered(entered) => match (&entered.ended, entered.makers.len()) {
            (Some(Cause::SelfTrade), _) => "stopped by a self-trade",
            (Some(Cause::MaxAmount), _) => "stopped by its amount",
            (_, 0) if entered.pays_to.is_some() => "market order with an amount in an auction",
            (Some(_), 0) => "lapsed",
            (None, 0) => "rested",
            (_, 1) => "one trade",
            _ => "several trades",
        },
        BookEvent::Ended(ended) => match ended.gone.first().map(|gone| gone.cause) {
            Some(Cause::Expired) => "expired",
            Some(Cause::Suspended) => "suspended",
            _ => "cancelled",
        },
        BookEvent::Reduced(_) => "reduced",
        BookEvent::HoldAsked(_) => "hold asked",
        BookEvent::Refused(refused) if refused.held.is_some() => "refused after its hold",
        BookEvent::Refused(_) => "refused",
        BookEvent::Dropped(_) => "dropped",
        BookEvent::StateChanged(_) => "state",
        BookEvent::Indicated(_) => "indicated",
        BookEvent::Uncrossed(_) => "uncrossed",
        BookEvent::Crossed(_) => "crossed",
        BookEvent::AuctionEnded(_) => "auction ended",
    }
}

impl Town {
    fn new(random: &mut Random) -> Self {
        let mut world = World::new();
        world.thorough_every = 251;
        let funded = !random.once_in(4);
        let tick = random.pick(&[1, 5, 10]);
        let lot = random.pick(&[1, 1, 10]);
        let table =
            |ppm, rounding| Some(FeeTable { bands: vec![(0, ppm), (1_000, ppm / 2)], fixed: 3, rounding });
        let fees = if random.once_in(3) {
            FeeSchedule::default()
        } else {
            let buyers_premium = table(30_000, Rounding::HalfUp);
            FeeSchedule { version: 1, buyers_premium, sellers_commission: table(50_000, Rounding::Up) }
        };
        world.change_market(|market| market.fees = Some(std::sync::Arc::new(fees.clone())));
        let self_trade = random.pick(&[
            SelfTrade::CancelNewest,
            SelfTrade::CancelOldest,
            SelfTrade::CancelBoth,
            SelfTrade::Allow,
        ]);
        let reference = random.once_in(2).then_some(100);
        let create = CreateBook {
            book: Some(BOOK),
            market: MARKET,
            title: "coffee".to_owned(),
            tick: amount(tick),
            lot_size: Some(lot),
            reference: reference.map(amount),
            tick_significant_figures: None,
            self_trade: Some(self_trade),
            modify_keeps_place: Some(random.once_in(2)),
            funding: Some(if funded { BookFunding::Full } else { BookFunding::None }),
            r#ref: None,
            description: None,
        };
        world.command(OPERATOR, &Command::Book(BookCommand::Create(Box::new(create)))).expect("a book");
        let model = Model {
            tick,
            lot,
            funded,
            self_trade,
            reference,
            fees,
            orders: Vec::new(),
            last: None,
            purses: BTreeMap::new(),
            fees_earned: 0,
        };
        let mut accounts = BTreeMap::new();
        for id in TRADERS.map(account).into_iter().chain([OPERATOR]) {
            accounts.insert(id, new_account(id, &world));
        }
        let (lanes, wishes, books) = Default::default();
        let mut town = Self {
            world,
            accounts,
            lanes,
            books,
            model,
            wishes,
            waiting: 0,
            serial: 1 << 100,
            seen: BTreeMap::new(),
            tour: None,
        };
        for who in TRADERS {
            town.deposit(who, random.below(30_000) + 1, true);
            town.deposit(who, random.below(500) + 1, false);
        }
        town
    }

    fn tell_account(
        &mut self,
        id: AccountId,
        command: &AccountCommand,
        by: AccountId,
        standing: Standing,
    ) -> bool {
        self.serial += 1;
        let context = Context {
            now: self.world.now,
            by,
            standing,
            facts: &self.world.facts,
            command_id: self.serial,
            content: 0,
            accounts: None,
        };
        let actor = self.accounts.get_mut(&id).expect("the account is known");
        let decided = actor.decide(command, &context);
        if let (Some(tour), Ok(decision)) = (&mut self.tour, &decided)
            && matches!(command, AccountCommand::SettleTrade(_))
        {
            let events = decision.events.iter().cloned().map(Event::Account).collect();
            tour.push((Command::Account(command.clone()), events, ("Account.Trading", actor.to_bytes())));
        }
        if by == AccountId::default() {
            assert!(decided.is_ok(), "no effect is an error in a right history: {decided:?} {command:?}");
        }
        let Ok(decision) = decided else { return false };
        let stamp = Stamp { time: self.world.now, by, command_id: self.serial };
        for event in decision.events {
            actor.apply(&event, &stamp);
            self.books.take(id, &event).unwrap_or_else(|broken| panic!("{broken}"));
            invariants::money::not_overdrawn(actor).unwrap_or_else(|broken| panic!("{broken}"));
            let mut effects = Vec::new();
            event.effects(id.0, &stamp, &mut effects);
            for effect in effects {
                self.lanes.entry(effect.target).or_default().push_back(effect.command);
            }
        }
        true
    }

    fn deposit(&mut self, who: char, size: u64, money: bool) {
        let id = account(who);
        let command = AccountCommand::Deposit(Deposit {
            account: id,
            amount: money.then(|| amount(size)),
            currency: money.then(|| self.currency()),
            goods: (!money).then(|| BOOK.to_string()),
            quantity: (!money).then_some(size),
            reason: "in".to_owned(),
        });
        assert!(self.tell_account(id, &command, OPERATOR, Standing::OPERATOR));
        let purse = self.model.purses.entry(id).or_default();
        *(if money { &mut purse.0 } else { &mut purse.1 }) += i128::from(size);
    }

    fn withdraw(&mut self, who: char, size: u64) {
        let id = account(who);
        let command = AccountCommand::Withdraw(Withdraw {
            account: id,
            amount: Some(amount(size)),
            currency: Some(self.currency()),
            goods: None,
            quantity: None,
            reason: "out".to_owned(),
        });
        if self.tell_account(id, &command, OPERATOR, Standing::OPERATOR) {
            self.model.purses.entry(id).or_default().0 -= i128::from(size);
        }
    }

    fn currency(&self) -> vendue_domain::amount::Currency {
        self.world.facts.market(MARKET).expect("known").currency
    }

    fn state(&self) -> BookState {
        let Entity::Book(book) = self.world.entity() else { panic!("a book") };
        book.state()
    }

    /// A client's command; its order's id, where it makes one, is that of the command.
    fn ask(&mut self, by: char, command: BookCommand, wish: Wish) {
        let by = if by == 'O' { OPERATOR } else { account(by) };
        let order = BookOrderId::from_u128(self.world.commands + 1);
        self.wishes.insert(order, wish);
        let state = self.state();
        let command = Command::Book(command);
        if let Ok(outcome) = self.world.command(by, &command) {
            self.record(&command, &outcome.events);
            self.waiting += usize::from(outcome.answer.is_none());
            self.take(&outcome.events, state);
        }
        self.collect();
    }

    fn record(&mut self, command: &Command, events: &[Event]) {
        let state = if self.state() == BookState::Auction { "Book.Auction" } else { "Book" };
        if let Some(tour) = &mut self.tour {
            tour.push((command.clone(), events.to_vec(), (state, bytes_of(self.world.entity()))));
        }
    }

    fn collect(&mut self) {
        for effect in std::mem::take(&mut self.world.effects) {
            self.lanes.entry(effect.target).or_default().push_back(effect.command);
        }
    }

    fn due(&mut self) {
        let state = self.state();
        let events = self.world.due().events;
        if !events.is_empty() {
            // Nobody's command: the last one's place is taken by any.
            let (book_order, reason) = (BookOrderId::default(), None);
            let command = BookCommand::Cancel(CancelOrder { book: BOOK, book_order, reason });
            self.record(&Command::Book(command), &events);
        }
        self.take(&events, state);
        self.collect();
    }

    fn facts_changed(&mut self) {
        let state = self.state();
        let events = self.world.facts_changed().events;
        self.take(&events, state);
        self.collect();
    }

    /// Delivers the next of a random target.
    fn deliver(&mut self, random: &mut Random) -> bool {
        self.lanes.retain(|_, lane| !lane.is_empty());
        let targets: Vec<_> = self.lanes.keys().copied().collect();
        if targets.is_empty() {
            return false;
        }
        let target = random.pick(&targets);
        let command = self.lanes.get_mut(&target).and_then(VecDeque::pop_front).expect("it is not empty");
        match (&command, target.kind) {
            (Command::Account(command), ActorKind::Account) => {
                self.tell_account(AccountId(target.id), command, AccountId::default(), Standing::ENGINE);
            }
            _ => {
                let state = self.state();
                let outcome = self.world.command_as(AccountId::default(), Standing::ENGINE, &command);
                let outcome = outcome.expect("an answer is never refused");
                self.record(&command, &outcome.events);
                self.waiting -= outcome.completed.len();
                self.take(&outcome.events, state);
                self.collect();
            }
        }
        true
    }

    /// The model follows.
    fn take(&mut self, events: &[Event], mut state: BookState) {
        for event in events {
            let Event::Book(event) = event else { panic!("of the book") };
            *self.seen.entry(kind_of(event)).or_default() += 1;
            match event {
                BookEvent::Entered(entered) => {
                    let wish =
                        if entered.modified { Wish::default() } else { self.wishes[&entered.view.order] };
                    let wish =
                        if state == BookState::Auction { Wish { max_amount: None, ..wish } } else { wish };
                    self.model.enter(entered, &wish, state);
                }
                BookEvent::Ended(ended) | BookEvent::AuctionEnded(ended) => {
                    for gone in &ended.gone {
                        let Some(nth) = self.model.place_of(gone.view.order) else { continue };
                        let rest = self.model.orders.remove(nth);
                        assert_eq!(rest.view, gone.view);
                        let due = rest.expires_at.is_some_and(|at| at <= self.world.now);
                        assert!(gone.cause != Cause::Expired || due, "not before its time");
                    }
                    if matches!(event, BookEvent::AuctionEnded(_)) {
                        assert!(self.model.orders.iter().all(|rest| rest.view.r#type == OrderType::Limit));
                        state = BookState::Continuous;
                    }
                }
                BookEvent::Reduced(reduced) => {
                    let nth = self.model.place_of(reduced.view.order).expect("it is live");
                    self.model.orders[nth].view = reduced.view;
                }
                BookEvent::Uncrossed(uncrossed) => assert_eq!(uncrossed.result, self.model.clearing()),
                BookEvent::Indicated(indicated) => assert_eq!(indicated.indicative, self.model.clearing()),
                BookEvent::Crossed(crossed) => {
                    self.model.cross(crossed);
                    for part in &crossed.parts {
                        if let (Some(moved), Some(nth)) = (part.moved, self.model.place_of(part.view.order)) {
                            self.model.orders[nth].held = moved.held;
                        }
                    }
                }
                BookEvent::StateChanged(change) => state = change.state,
                BookEvent::Created(_)
                | BookEvent::HoldAsked(_)
                | BookEvent::Refused(_)
                | BookEvent::Dropped(_) => {}
            }
        }
        self.compare();
    }

    /// The same orders in the same priority; outside auctions the book is never crossed.
    fn compare(&self) {
        let Entity::Book(book) = self.world.entity() else { panic!("a book") };
        for side in [Side::Buy, Side::Sell] {
            let mut expected: Vec<_> =
                self.model.orders.iter().filter(|rest| rest.view.side == side).copied().collect();
            expected.sort_by_key(|rest| -rest.at * sign(side));
            let expected: Vec<_> = expected.into_iter().map(|rest| rest.view).collect();
            assert_eq!(book.resting(side).collect::<Vec<_>>(), expected, "price, then time");
        }
        let best = |side| self.model.best(side).map(|nth| self.model.orders[nth].at);
        if let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell))
            && book.state() == BookState::Continuous
        {
            assert!(bid < ask, "crossed: {bid} {ask}");
        }
    }

    /// Everything is delivered: money and goods are where the model has them, and nothing is under way.
    fn settle(&mut self, random: &mut Random) {
        while self.deliver(random) {}
        assert_eq!(self.waiting, 0, "everybody has heard");
        let Entity::Book(book) = self.world.entity() else { panic!("a book") };
        assert_eq!(book.waiting(), 0);
        self.books.nothing_under_way().unwrap_or_else(|broken| panic!("{broken}"));
        let (money, goods) = (Asset::Money(self.currency()), Asset::Traded(BOOK));
        for asset in [money, goods] {
            assert_eq!(self.books.in_the_world(asset), self.books.in_accounts(asset));
        }
        let held: BTreeMap<_, _> = book.held().collect();
        let expected = self.model.orders.iter().filter(|_| self.model.funded);
        let expected: BTreeMap<_, _> =
            expected.map(|rest| (rest.view.order, self.model.need(rest))).collect();
        assert_eq!(held, expected, "each order holds what it needs, and nothing else does");
        for who in TRADERS {
            let actor = &self.accounts[&account(who)];
            self.books.agree_with(actor).unwrap_or_else(|broken| panic!("{broken}"));
            let purse = self.model.purses[&account(who)];
            let has = (actor.balances_of(money).cash.into(), actor.balances_of(goods).cash.into());
            assert_eq!(has, purse, "{who}");
            let holds: BTreeMap<_, _> =
                actor.holds().iter().map(|hold| (BookOrderId(hold.id.0), hold.amount)).collect();
            let own = self.model.orders.iter().filter(|rest| rest.view.account == account(who));
            let own: BTreeMap<_, _> = own
                .filter(|_| self.model.funded)
                .map(|rest| (rest.view.order, held[&rest.view.order]))
                .collect();
            assert_eq!(holds, own, "{who}");
        }
        let earned = self.accounts[&OPERATOR].balances_of(money).fees;
        assert_eq!(i128::from(earned), self.model.fees_earned);
        let state = bytes_of(self.world.entity());
        let again = Entity::decode(ActorKind::Book, &mut Reader::new(&state)).expect("a state");
        assert_eq!(bytes_of(&again), state);
    }

    fn any_order(&self, random: &mut Random) -> BookOrderId {
        if self.model.orders.is_empty() || random.once_in(8) {
            return BookOrderId::from_u128(
                self.world.commands - u128::from(random.below(8)).min(self.world.commands),
            );
        }
        self.model.orders[random.below(self.model.orders.len() as u64) as usize].view.order
    }

    fn price(&self, random: &mut Random) -> Option<Amount> {
        let price = self.model.tick * (100 / self.model.tick - 6 + random.below(13).min(random.below(13)));
        let price = if random.once_in(60) { price + 1 } else { price };
        Some(amount(price))
    }

    fn place(&mut self, random: &mut Random) {
        let side = random.pick(&[Side::Buy, Side::Sell]);
        let r#type = if random.once_in(5) { OrderType::Market } else { OrderType::Limit };
        let limit = r#type == OrderType::Limit;
        let time_in_force = match random.below(10) {
            0 => TimeInForce::Ioc,
            1 => TimeInForce::Fok,
            2 => TimeInForce::Gtd,
            _ => TimeInForce::Gtc,
        };
        let budget = !limit && side == Side::Buy && (self.model.funded || random.once_in(2));
        let max_amount = budget.then(|| random.below(6_000) + 1);
        let quantity = self.model.lot * (random.below(20) + 1);
        let command = PlaceOrder {
            book: BOOK,
            side,
            r#type,
            quantity: if random.once_in(100) { quantity + 1 } else { quantity },
            price: if limit { self.price(random) } else { None },
            max_amount: max_amount.map(amount),
            time_in_force: Some(time_in_force),
            post_only: (limit && random.once_in(8)).then_some(true),
            expires_at: (time_in_force == TimeInForce::Gtd)
                .then(|| self.world.now.plus_ms(random.below(3_000) + 1)),
        };
        let who = random.pick(&TRADERS);
        self.ask(who, BookCommand::Place(command), Wish { time_in_force, max_amount });
    }

    fn step(&mut self, random: &mut Random) {
        match random.below(100) {
            0..48 => self.place(random),
            48..60 => {
                let by = if random.once_in(10) { 'O' } else { random.pick(&TRADERS) };
                let book_order = self.any_order(random);
                let reason = Some("wrong".to_owned());
                self.ask(
                    by,
                    BookCommand::Cancel(CancelOrder { book: BOOK, book_order, reason }),
                    Wish::default(),
                );
            }
            60..74 => {
                let book_order = self.any_order(random);
                let quantity = random.once_in(2).then(|| self.model.lot * (random.below(25) + 1));
                let price = if random.once_in(2) { self.price(random) } else { None };
                let owner = self.model.place_of(book_order).map(|nth| self.model.orders[nth].view.account);
                let by = TRADERS.into_iter().find(|&who| Some(account(who)) == owner);
                let command = ModifyOrder { book: BOOK, book_order, quantity, price };
                self.ask(by.unwrap_or('A'), BookCommand::Modify(command), Wish::default());
            }
            74..78 => self.auction(random),
            78..88 => {
                self.world.now = self.world.now.plus_ms(random.below(400));
                self.due();
            }
            88 => {
                let now = self.world.now;
                self.world.change_market(|market| {
                    market.halted_since = if market.halted_since.is_none() { Some(now) } else { None };
                });
                self.facts_changed();
            }
            89 => {
                let who = account(random.pick(&TRADERS));
                self.world.change_account(who, |facts| {
                    facts.suspended_in = if facts.suspended_in.is_empty() { vec![MARKET] } else { vec![] };
                });
                self.facts_changed();
            }
            90..93 => self.deposit(random.pick(&TRADERS), random.below(3_000) + 1, true),
            93..96 => self.deposit(random.pick(&TRADERS), random.below(60) + 1, false),
            _ => self.withdraw(random.pick(&TRADERS), random.below(4_000) + 1),
        }
        for _ in 0..random.below(4) {
            self.deliver(random);
        }
    }

    fn auction(&mut self, random: &mut Random) {
        let action = if random.once_in(2) { AuctionAction::Start } else { AuctionAction::Uncross };
        let timed = action == AuctionAction::Start && random.once_in(2);
        let command = BookAuction {
            book: BOOK,
            action,
            ends_at: None,
            duration_ms: timed.then(|| random.below(2_000) + 1),
            random_end_ms: (timed && random.once_in(2)).then_some(500),
        };
        self.ask('O', BookCommand::Auction(command), Wish::default());
        // A halt is lifted sooner than it comes, so that there is something to do.
        if self.state() == BookState::Halted {
            self.world.change_market(|market| market.halted_since = None);
            self.facts_changed();
        }
    }
}

fn new_account(id: AccountId, world: &World) -> Account {
    let context = Context {
        now: START,
        by: OPERATOR,
        standing: Standing::OPERATOR,
        facts: &world.facts,
        command_id: 1,
        content: 0,
        accounts: None,
    };
    let Command::Account(command) = crate::world::create_account(id.0.as_u128(), "somebody") else {
        panic!("an account's command");
    };
    let decision = Account::create(&command, &context).expect("a new account");
    let stamp = Stamp { time: START, by: OPERATOR, command_id: 1 };
    Account::born(&decision.events[0], &stamp).expect("a creation")
}

fn amount(minor_units: u64) -> Amount {
    crate::world::amount(minor_units)
}

#[test]
fn a_book_and_its_accounts_are_their_model() {
    let seen = std::sync::Mutex::new(BTreeMap::<&str, u64>::new());
    rounds(ROUNDS, |seed| {
        let mut random = Random::new(seed);
        let mut town = Town::new(&mut random);
        for nth in 1..=COMMANDS {
            town.step(&mut random);
            if nth % 500 == 0 {
                town.settle(&mut random);
            }
        }
        let mut all = seen.lock().expect("no test holds it");
        town.seen.into_iter().for_each(|(kind, count)| *all.entry(kind).or_default() += count);
    });
    eprintln!("met: {:?}", seen.lock().expect("no test holds it"));
}

/// A short history of a funded book that meets every kind of its events: that of the first seed that does.
pub fn tour() -> Vec<Happened> {
    let history = |seed| {
        let mut random = Random::new(seed);
        let mut town = Town::new(&mut random);
        town.tour = Some(Vec::new());
        (0..1_500).for_each(|_| town.step(&mut random));
        let rare = ["dropped", "reduced", "refused", "expired", "auction ended"];
        let meets_all = town.model.funded && rare.iter().all(|kind| town.seen.contains_key(kind));
        town.tour.filter(|_| meets_all)
    };
    (1..200).find_map(history).expect("a seed that meets them all")
}
