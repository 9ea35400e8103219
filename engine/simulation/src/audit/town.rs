//! Money, orders, books, stock and lots of every format: the shared checkers of `vendue_domain::invariants` over a journal.
//!
//! Each event is checked as it comes; when nothing is under way the whole must add up: every hold has a lot or order that
//! it is for, every winner an order, every order its goods and its money.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use vendue_domain::actor::{ActorAddress, Entity, Event};
use vendue_domain::id::{AccountId, BookId, HoldId, LotId, OrderId, StockId};
use vendue_domain::invariants::auction::Auction;
use vendue_domain::invariants::book::Book;
use vendue_domain::invariants::funding::FundedLots;
use vendue_domain::invariants::money::{self, Books};
use vendue_domain::invariants::orders;
use vendue_domain::invariants::stock::{self, ReservationLives};
use vendue_domain::lot::LotEvent;
use vendue_domain::money::Asset;
use vendue_domain::order::{Order, OrderState};
use vendue_domain::stock::Stock;
use vendue_domain::time::Timestamp;
use vendue_engine::entry::{Decided, Entry};
use vendue_engine::shard::replayed;

use super::Placed;
use crate::Broken;
use crate::history::{History, Told};

/// How long after its deadline an actor must have done what was due (I47), in microseconds: a recovery may have given lots
/// more time.
const OVERDUE_US: i64 = 5_000_000;

/// An actor's life up to a record, a line for each of its own.
fn told_of(actor: Option<ActorAddress>, journal: &[Placed], until: u64) -> impl Iterator<Item = String> {
    let life = journal.iter().filter_map(move |(position, entry)| match entry {
        Entry::Decided(decided) if decided.address() == actor => Some((*position, decided)),
        _ => None,
    });
    life.take_while(move |(position, _)| *position <= until)
        .map(|(position, decided)| format!("\nrecord {position}: {decided:?}"))
}

fn broken(what: impl ToString) -> Broken {
    Broken::new("I11 to I35", what.to_string())
}

/// Everything that a journal's events come to.
#[derive(Default)]
pub(super) struct Town {
    actors: BTreeMap<ActorAddress, (u64, Entity)>,
    books: Books,
    funded: FundedLots,
    auctions: BTreeMap<LotId, Auction>,
    traded: BTreeMap<BookId, Book>,
    reservations: BTreeMap<StockId, ReservationLives>,
    wins: Vec<(LotId, AccountId)>,
}

impl Town {
    /// Of a journal from its first record.
    ///
    /// # Errors
    /// What an event breaks.
    pub(super) fn of(journal: &[Placed]) -> Result<Self, Broken> {
        let mut town = Self::default();
        for (position, entry) in journal {
            let Entry::Decided(decided) = entry else { continue };
            town.take(decided).map_err(|what| {
                let story: String = told_of(decided.address(), journal, *position).collect();
                broken(format!("{what}{story}"))
            })?;
        }
        Ok(town)
    }

    fn take(&mut self, decided: &Decided) -> Result<(), String> {
        let Some(address) = decided.address() else { return Ok(()) };
        let before = self.actors.remove(&address);
        let after = replayed(before, decided).ok_or("I5: a decision out of its order")?;
        match &after.1 {
            Entity::Stock(state) => stock::counters(state)?,
            Entity::Account(state) => money::account(state)?,
            _ => {}
        }
        self.actors.insert(address, after);
        decided.events.0.iter().try_for_each(|event| self.event(event, decided))
    }

    fn event(&mut self, event: &Event, decided: &Decided) -> Result<(), String> {
        let (id, stamp) = (decided.id, decided.stamp());
        match event {
            Event::Account(event) => self.books.take(AccountId(id), event),
            Event::Stock(event) => self.reservations.entry(StockId(id)).or_default().see(event, &stamp),
            Event::Lot(event) => {
                let lot = LotId(id);
                self.funded.take(lot, event, &stamp).map_err(|broken| broken.to_string())?;
                self.won(lot, event);
                match self.auctions.get_mut(&lot) {
                    Some(auction) => auction.take(event, &stamp).map_err(|broken| broken.to_string()),
                    None => {
                        let auction = Auction::new(event).ok_or("I15: a lot's first event creates it")?;
                        self.auctions.insert(lot, auction);
                        Ok(())
                    }
                }
            }
            Event::Book(event) => match self.traded.get_mut(&BookId(id)) {
                Some(book) => book.take(event, &stamp).map_err(|broken| broken.to_string()),
                None => {
                    let book = Book::new(event).ok_or("I16: a book's first event creates it")?;
                    self.traded.insert(BookId(id), book);
                    Ok(())
                }
            },
            _ => Ok(()),
        }
    }

    fn won(&mut self, lot: LotId, event: &LotEvent) {
        match event.inner() {
            LotEvent::Closed(closed) => {
                self.wins.extend(closed.winners.iter().map(|win| (lot, win.account)));
            }
            LotEvent::Bought(bought) => self.wins.push((lot, bought.win.account)),
            _ => {}
        }
    }

    fn orders(&self) -> impl Iterator<Item = (OrderId, &Order)> {
        self.actors.iter().filter_map(|(address, (_, entity))| match entity {
            Entity::Order(order) => Some((OrderId(address.id), &**order)),
            _ => None,
        })
    }

    fn stock(&self) -> HashMap<StockId, &Stock> {
        let items = self.actors.iter().filter_map(|(address, (_, entity))| match entity {
            Entity::Stock(stock) => Some((StockId(address.id), &**stock)),
            _ => None,
        });
        items.collect()
    }

    /// I21, I27, I28, I30 to I34 and I47 when nothing is under way.
    ///
    /// # Errors
    /// What does not add up.
    pub(super) fn at_rest(&self, now: Timestamp) -> Result<(), Broken> {
        self.money().map_err(broken)?;
        self.holds().map_err(broken)?;
        self.sold().map_err(broken)?;
        if self.funded.waiting() > 0 {
            return Err(Broken::new("I47", format!("{} bids wait for ever", self.funded.waiting())));
        }
        for (book, traded) in &self.traded {
            if traded.waiting() > 0 {
                return Err(Broken::new(
                    "I47",
                    format!("{} orders of {book} wait for ever", traded.waiting()),
                ));
            }
        }
        for (address, (_, entity)) in &self.actors {
            let due = entity.next_deadline();
            if due.is_some_and(|due| due.0 + OVERDUE_US <= now.0) {
                return Err(Broken::new("I47", format!("{address} was due at {due:?}: {entity:?}")));
            }
        }
        Ok(())
    }

    /// Every account has what its entries come to, and over all accounts nothing has appeared or is under way (I30).
    fn money(&self) -> Result<(), String> {
        let mut assets: BTreeMap<Asset, i128> = BTreeMap::new();
        for (_, entity) in self.actors.values() {
            let Entity::Account(account) = entity else { continue };
            self.books.agree_with(account)?;
            for balances in account.balances() {
                let sum = assets.entry(balances.asset).or_default();
                *sum += i128::from(balances.cash) + i128::from(balances.fees);
            }
        }
        self.books.nothing_under_way()?;
        for (asset, sum) in assets {
            let expected = self.books.in_the_world(asset);
            if sum != expected {
                return Err(format!("I30: {sum} of {asset:?} in accounts, {expected} came in"));
            }
        }
        Ok(())
    }

    /// Each live hold is owed by an open lot, a live order of a book or an unpaid order that names it, and what those name is live (I32, I34).
    fn holds(&self) -> Result<(), String> {
        let mut live: BTreeSet<(AccountId, HoldId, u64)> = BTreeSet::new();
        for (_, entity) in self.actors.values() {
            let Entity::Account(account) = entity else { continue };
            live.extend(account.holds().iter().map(|hold| (account.id, hold.id, hold.amount)));
        }
        let mut named = BTreeSet::new();
        for (lot, account, hold, held, is_closed) in self.funded.holds() {
            if is_closed {
                return Err(format!("I34: {lot} is closed and {held} of {account} are held by {hold}"));
            }
            named.insert((account, hold, held));
        }
        named.extend(self.traded.values().flat_map(Book::holds));
        for (id, order) in self.orders() {
            for (hold, held) in order.deposit_holds() {
                if order.state() == OrderState::AwaitingPayment && !named.insert((order.buyer(), hold, held))
                {
                    return Err(format!("I32: {id} and another name {hold}"));
                }
            }
        }
        match live.symmetric_difference(&named).next() {
            None => Ok(()),
            Some(one) if live.contains(one) => Err(format!("I32: nobody names the live hold {one:?}")),
            Some(one) => Err(format!("I32: a lot or order names {one:?}, which is not held")),
        }
    }

    /// Each winner has its order, each order its goods and its money.
    fn sold(&self) -> Result<(), String> {
        orders::one_order_per_win(self.wins.iter().copied(), self.orders())?;
        let stock = self.stock();
        for (id, order) in self.orders() {
            orders::all_or_nothing(id, order, &stock)?;
            orders::money(id, order)?;
            if !order.unbooked().is_empty() {
                return Err(format!("I34: {id} could not be booked: {:?}", order.unbooked()));
            }
            let paid = order.total() - order.refunded();
            let is_paid = order.state().is_paid() || order.refunded() > 0;
            self.books.charged(id, order.buyer(), if is_paid { paid } else { 0 })?;
        }
        stock::no_oversell(&stock, self.orders())
    }
}

/// Of goods there is what was acknowledged to have come in, less what went out (I30).
///
/// # Errors
/// I30.
pub(super) fn goods(history: &History, journal: &[Placed]) -> Result<(), Broken> {
    let mut expected: BTreeMap<Asset, i128> = BTreeMap::new();
    for issue in history.issues.iter().filter(|issue| matches!(issue.told, Some(Told::Accepted(_)))) {
        let of = |name: &str| issue.params.get(name);
        let asset = of("goods").and_then(|text| text.as_str()).and_then(Asset::of_goods);
        let quantity = of("quantity").and_then(serde_json::Value::as_u64);
        let (Some(asset), Some(quantity)) = (asset, quantity) else { continue };
        let sign = if issue.method == "account.deposit" { 1 } else { -1 };
        *expected.entry(asset).or_default() += sign * i128::from(quantity);
    }
    let town = Town::of(journal)?;
    for (asset, expected) in expected {
        let found = town.books.in_the_world(asset);
        if found != expected {
            return Err(Broken::new("I30", format!("{found} of {asset:?}, acknowledged were {expected}")));
        }
    }
    Ok(())
}
