//! Orders in books, as a gateway would send them: half of them rest, half take what rests.

use vendue_domain::account::{AccountCommand, Deposit};
use vendue_domain::actor::Command;
use vendue_domain::amount::Amount;
use vendue_domain::book::{BookCommand, BookFunding, CreateBook, OrderType, PlaceOrder, Side, TimeInForce};
use vendue_domain::id::{AccountId, BookId};
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_protocol::link::CommandItem;

use crate::workload::{MARKET, accounts, bidder, euro, item, lot, only_market};

/// The price that the orders lie around, in minor units.
const MIDDLE: u64 = 10_000;
/// How many prices of each side hold orders.
const DEPTH: u64 = 10;

fn book(n: u64) -> BookId {
    BookId::from_u128(lot(n).0.as_u128() ^ 2)
}

/// The commands that make a market with books and traders, who have money and goods enough where books are funded.
pub(crate) fn books(count: u64, traders: u64, funded: bool) -> Vec<Vec<u8>> {
    let mut items = vec![only_market()];
    items.extend(accounts(0..traders));
    let funding = Some(if funded { BookFunding::Full } else { BookFunding::None });
    items.extend((0..count).map(|n| {
        let create = CreateBook {
            book: Some(book(n)),
            market: MARKET,
            title: format!("Book {n}"),
            tick: Amount::ONE,
            lot_size: None,
            reference: None,
            tick_significant_figures: None,
            self_trade: None,
            modify_keeps_place: None,
            funding,
            r#ref: None,
            description: None,
        };
        item(0, AccountId::HOUSE, b"create", &Command::Book(BookCommand::Create(Box::new(create))))
    }));
    if funded {
        for n in 0..traders {
            let deposit = |amount, currency, goods, quantity| Deposit {
                account: bidder(n),
                amount,
                currency,
                goods,
                quantity,
                reason: "bench".into(),
            };
            let half = Amount::new(Amount::MAX.get() / 2);
            let mut all = vec![(b"money ".to_vec(), deposit(half, Some(euro()), None, None))];
            all.extend((0..count).map(|of| {
                let units = deposit(None, None, Some(book(of).to_string()), half.map(Amount::get));
                ([b"goods", of.to_le_bytes().as_slice()].concat(), units)
            }));
            items.extend(all.into_iter().map(|(key, deposit)| {
                item(0, AccountId::HOUSE, &key, &Command::Account(AccountCommand::Deposit(deposit)))
            }));
        }
    }
    items
}

/// Makes orders without end: in turn one to buy and one to sell that rest, and two that take as much from each side.
pub(crate) struct Orders {
    books: u64,
    traders: u64,
    made: u64,
    bytes: Vec<u8>,
}

impl Orders {
    /// Orders in `books` books by `traders` traders.
    pub(crate) fn new(books: u64, traders: u64) -> Self {
        Self { books, traders, made: 0, bytes: Vec::with_capacity(256) }
    }

    /// The next order's item.
    pub(crate) fn next(&mut self) -> &[u8] {
        let n = self.made;
        self.made += 1;
        let (round, step) = (n / self.books / 4, n / self.books % 4);
        let distance = 1 + round.wrapping_mul(7) % DEPTH;
        let (side, price, time_in_force) = match step {
            0 => (Side::Buy, MIDDLE - distance, TimeInForce::Gtc),
            1 => (Side::Sell, MIDDLE + distance, TimeInForce::Gtc),
            2 => (Side::Sell, MIDDLE - DEPTH, TimeInForce::Ioc),
            _ => (Side::Buy, MIDDLE + DEPTH, TimeInForce::Ioc),
        };
        let order = PlaceOrder {
            book: book(n % self.books),
            side,
            r#type: OrderType::Limit,
            quantity: 1 + round % 5,
            price: Amount::new(price),
            max_amount: None,
            time_in_force: Some(time_in_force),
            post_only: None,
            expires_at: None,
        };
        // Takers are others than those whose orders they find.
        let trader = (round * 2 + step / 2) % self.traders;
        self.bytes.clear();
        CommandItem::encode_head(
            &mut self.bytes,
            n,
            bidder(trader),
            Timestamp(i64::MAX),
            &n.to_le_bytes(),
            None,
        );
        Command::Book(BookCommand::Place(order)).encode(&mut self.bytes);
        &self.bytes
    }
}
