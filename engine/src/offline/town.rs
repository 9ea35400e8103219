//! The rules' invariants over all events of a journal, in order, and over what they come to when nothing is under way. The
//! checkers are those of `vendue_domain::invariants`; they share no code with the rules.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

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

use crate::entry::Decided;
use crate::shard::replayed;

/// What is broken, and which check says so.
pub type Broken = (&'static str, String);

/// Everything that a journal's events come to.
#[derive(Default)]
pub struct Town {
    actors: BTreeMap<ActorAddress, (u64, Entity)>,
    /// Actors whose beginning is not among the events: only their state is checked.
    begun_before: HashSet<ActorAddress>,
    events: u64,
    times: HashMap<ActorAddress, Timestamp>,
    books: Books,
    funded: FundedLots,
    auctions: BTreeMap<LotId, Auction>,
    traded: BTreeMap<BookId, Book>,
    reservations: BTreeMap<StockId, ReservationLives>,
    wins: Vec<(LotId, AccountId)>,
}

impl Town {
    /// Of a base: what every actor was when it was made. Events of these actors that it holds already are passed over.
    #[must_use]
    pub fn after(actors: BTreeMap<ActorAddress, (u64, Entity)>) -> Self {
        Self { begun_before: actors.keys().copied().collect(), actors, ..Self::default() }
    }

    /// Every actor with its number, as the events so far left it.
    #[must_use]
    pub const fn actors(&self) -> &BTreeMap<ActorAddress, (u64, Entity)> {
        &self.actors
    }

    /// How many events have been taken.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Whether the events of every actor are known from its first on.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.begun_before.is_empty()
    }

    /// Takes the next decision; whose it is.
    ///
    /// # Errors
    /// What it breaks. What follows would be broken by it: take nothing more.
    pub fn take(&mut self, decided: &Decided) -> Result<ActorAddress, Broken> {
        let Some(address) = decided.address() else {
            return Err(("actors", "a decision without events".to_owned()));
        };
        let time = self.times.entry(address).or_insert(decided.time);
        if decided.time < *time {
            return Err(("actors", format!("I22: {address} goes back from {time:?} to {:?}", decided.time)));
        }
        *time = decided.time;
        let begun_before = self.begun_before.contains(&address);
        if begun_before && self.actors.get(&address).is_some_and(|(seq, _)| decided.seq <= *seq) {
            return Ok(address);
        }
        let before = self.actors.remove(&address);
        let seq = before.as_ref().map_or(0, |(seq, _)| *seq);
        if decided.seq != seq + decided.events.0.len() as u64 {
            let (count, next) = (decided.events.0.len(), decided.seq);
            return Err(("actors", format!("I5: {address} goes from {seq} to {next} by {count} events")));
        }
        // Applying cannot fail in a right history; in a forged one it may do anything.
        let after = catch_unwind(AssertUnwindSafe(|| replayed(before, decided)));
        let after = after.map_err(|_| ("actors", format!("{address} cannot take over what it decided")))?;
        let after =
            after.ok_or_else(|| ("actors", format!("I5: {address} is not born by its first event")))?;
        let checked = match &after.1 {
            Entity::Stock(state) => stock::counters(state).map_err(|what| ("stock", what)),
            Entity::Account(state) => money::account(state).map_err(|what| ("money", what)),
            _ => Ok(()),
        };
        self.actors.insert(address, after);
        checked?;
        for event in &decided.events.0 {
            self.events += 1;
            if begun_before {
                continue;
            }
            self.event(event, decided).map_err(|(check, what)| (check, format!("{what} ({address})")))?;
        }
        Ok(address)
    }

    fn event(&mut self, event: &Event, decided: &Decided) -> Result<(), Broken> {
        let (id, stamp) = (decided.id, decided.stamp());
        match event {
            // Money goes from account to account: with some of them unknown nothing follows.
            Event::Account(_) if !self.is_whole() => Ok(()),
            Event::Account(event) => self.books.take(AccountId(id), event).map_err(|what| ("money", what)),
            Event::Stock(event) => self
                .reservations
                .entry(StockId(id))
                .or_default()
                .see(event, &stamp)
                .map_err(|what| ("stock", what)),
            Event::Lot(event) => {
                let lot = LotId(id);
                self.funded.take(lot, event, &stamp).map_err(|broken| ("money", broken.to_string()))?;
                self.won(lot, event);
                match self.auctions.get_mut(&lot) {
                    Some(auction) => {
                        auction.take(event, &stamp).map_err(|broken| ("auctions", broken.to_string()))
                    }
                    None => {
                        let auction = Auction::new(event)
                            .ok_or_else(|| ("auctions", "I15: not created by its first event".to_owned()))?;
                        self.auctions.insert(lot, auction);
                        Ok(())
                    }
                }
            }
            Event::Book(event) => match self.traded.get_mut(&BookId(id)) {
                Some(book) => book.take(event, &stamp).map_err(|broken| ("books", broken.to_string())),
                None => {
                    let book = Book::new(event)
                        .ok_or_else(|| ("books", "I16: not created by its first event".to_owned()))?;
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

    /// How many of a kind there are: which check looks at them, the number, and the word for them.
    #[must_use]
    pub fn counts(&self) -> [(&'static str, usize, &'static str); 5] {
        let count = |is: fn(&Entity) -> bool| self.actors.values().filter(|(_, entity)| is(entity)).count();
        [
            ("auctions", self.auctions.len(), "lots"),
            ("money", count(|entity| matches!(entity, Entity::Account(_))), "accounts"),
            ("stock", self.reservations.len(), "items"),
            ("orders", count(|entity| matches!(entity, Entity::Order(_))), "orders"),
            ("books", self.traded.len(), "books"),
        ]
    }

    /// Every order.
    pub fn orders(&self) -> impl Iterator<Item = (OrderId, &Order)> {
        self.actors.iter().filter_map(|(address, (_, entity))| match entity {
            Entity::Order(order) => Some((OrderId(address.id), &**order)),
            _ => None,
        })
    }

    /// Of an asset: what came into the market from outside, less what left it.
    #[must_use]
    pub fn in_the_world(&self, asset: Asset) -> i128 {
        self.books.in_the_world(asset)
    }

    /// How many bids and orders of books wait for money; the first book with one, where it is a book's.
    #[must_use]
    pub fn waiting(&self) -> (usize, Option<BookId>) {
        let book = self.traded.iter().find(|(_, book)| book.waiting() > 0);
        let orders: usize = self.traded.values().map(Book::waiting).sum();
        (self.funded.waiting() + orders, book.map(|(id, _)| *id))
    }

    /// What must add up when no effect is under way (I21, I27, I28, I30 to I34). Nothing, where the town is not whole.
    #[must_use]
    pub fn at_rest(&self) -> Vec<Broken> {
        if !self.is_whole() {
            return Vec::new();
        }
        let checks = [("money", self.money()), ("money", self.holds()), ("orders", self.sold())];
        checks.into_iter().filter_map(|(check, found)| found.err().map(|what| (check, what))).collect()
    }

    fn money(&self) -> Result<(), String> {
        let mut assets: BTreeMap<Asset, i128> = BTreeMap::new();
        for (_, entity) in self.actors.values() {
            let Entity::Account(account) = entity else { continue };
            self.books.agree_with(account)?;
            for balances in account.balances() {
                *assets.entry(balances.asset).or_default() +=
                    i128::from(balances.cash) + i128::from(balances.fees);
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

    fn sold(&self) -> Result<(), String> {
        orders::one_order_per_win(self.wins.iter().copied(), self.orders())?;
        let stock: HashMap<StockId, &Stock> = self
            .actors
            .iter()
            .filter_map(|(address, (_, entity))| match entity {
                Entity::Stock(stock) => Some((StockId(address.id), &**stock)),
                _ => None,
            })
            .collect();
        for (id, order) in self.orders() {
            orders::all_or_nothing(id, order, &stock)?;
            orders::money(id, order)?;
            if !order.unbooked().is_empty() {
                // Shown to operators already (`effect.list`): its money is not where the order says.
                continue;
            }
            let paid = order.total() - order.refunded();
            let is_paid = order.state().is_paid() || order.refunded() > 0;
            self.books.charged(id, order.buyer(), if is_paid { paid } else { 0 })?;
        }
        stock::no_oversell(&stock, self.orders())
    }
}
