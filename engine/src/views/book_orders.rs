//! An account's own orders in books: all that live, and those that ended lately. They follow from what its feed tells it.

use hashbrown::HashMap;
use serde::Serialize;
use vendue_domain::actor::Snapshot;
use vendue_domain::amount::Currency;
use vendue_domain::book::{BookSnapshot, Cause, OrderStatus, OrderType, Side};
use vendue_domain::id::{AccountId, BookId, BookOrderId};
use vendue_domain::publication::BookOrderChanged;
use vendue_domain::time::Timestamp;
use vendue_protocol::query::{ListBookOrders, ListBooks};

use super::answer::{BAD_CURSOR, Refusal, bytes, contains_all, page_limit, words_of};
use super::{Shown, Views};

/// The ended orders that are listed, the newest: what a person looks over. At twice as many the older half is forgotten.
/// How many live is for the books to bound.
pub(super) const ENDED_KEPT: usize = 100;

vendue_domain::record! {
    /// An order in a book as its owner was last told of it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct OwnOrder {
        1 => pub(super) book_order: BookOrderId,
        2 => pub(super) book: BookId,
        3 => pub(super) side: Side,
        4 => pub(super) r#type: OrderType,
        5 => pub(super) price: Option<u64>,
        6 => pub(super) status: OrderStatus,
        7 => pub(super) filled: u64,
        8 => pub(super) remaining: u64,
        9 => pub(super) cause: Cause,
        10 => pub(super) placed_at: Timestamp,
        /// When it last changed.
        11 => pub(super) at: Timestamp,
    }
}

impl OwnOrder {
    const fn is_live(&self) -> bool {
        matches!(self.status, OrderStatus::Pending | OrderStatus::Open | OrderStatus::PartlyFilled)
    }

    /// Where it stands in a list: those that live first, the newest first; the id makes it unique.
    const fn rank(&self) -> Rank {
        (!self.is_live(), std::cmp::Reverse(self.placed_at), self.book_order)
    }
}

type Rank = (bool, std::cmp::Reverse<Timestamp>, BookOrderId);

/// The orders of one account.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct OwnOrders {
    of: HashMap<BookOrderId, OwnOrder>,
    ended: usize,
}

impl OwnOrders {
    /// Takes back what was stored.
    pub(super) fn restored(orders: &[OwnOrder]) -> Self {
        let of = orders.iter().map(|order| (order.book_order, *order)).collect();
        Self { of, ended: orders.iter().filter(|order| !order.is_live()).count() }
    }

    /// All of them, in the order of a list.
    pub(super) fn all(&self) -> Vec<OwnOrder> {
        let mut orders: Vec<OwnOrder> = self.of.values().copied().collect();
        orders.sort_unstable_by_key(OwnOrder::rank);
        orders
    }

    /// Takes over what the account was told.
    pub(super) fn note(&mut self, told: &BookOrderChanged, at: Timestamp) {
        let before = self.of.get(&told.book_order);
        let placed_at = before.map_or(at, |order| order.placed_at);
        let was_ended = before.is_some_and(|order| !order.is_live());
        let order = OwnOrder {
            book_order: told.book_order,
            book: told.book,
            side: told.side,
            r#type: told.r#type,
            price: told.price,
            status: told.status,
            filled: told.filled,
            remaining: told.remaining,
            cause: told.cause,
            placed_at,
            at,
        };
        self.ended = self.ended - usize::from(was_ended) + usize::from(!order.is_live());
        self.of.insert(told.book_order, order);
        if self.ended >= 2 * ENDED_KEPT {
            self.forget_older();
        }
    }

    fn forget_older(&mut self) {
        let mut ended: Vec<OwnOrder> = self.of.values().filter(|order| !order.is_live()).copied().collect();
        ended.sort_unstable_by_key(|order| (std::cmp::Reverse(order.at), order.book_order));
        for order in ended.split_off(ENDED_KEPT) {
            self.of.remove(&order.book_order);
        }
        self.ended = ENDED_KEPT;
    }
}

/// An order with the words of its book.
#[derive(Serialize)]
struct OrderLine<'a> {
    book_order: BookOrderId,
    book: BookId,
    title: &'a str,
    currency: Currency,
    side: Side,
    r#type: OrderType,
    price: Option<u64>,
    status: OrderStatus,
    /// All of it; of an ended order what it asked for.
    quantity: u64,
    filled: u64,
    remaining: u64,
    cause: Cause,
    placed_at: Timestamp,
    at: Timestamp,
}

#[derive(Serialize)]
struct OrderPage<'a> {
    orders: Vec<OrderLine<'a>>,
    cursor: Option<String>,
}

/// A book in a list: the best level of each side stands for all.
#[derive(Serialize)]
struct BookLine<'a> {
    book: BookId,
    currency: Currency,
    title: &'a str,
    r#ref: Option<&'a str>,
    tick: u64,
    lot_size: u64,
    funding: vendue_domain::book::BookFunding,
    state: vendue_domain::book::BookState,
    ends_at: Option<Timestamp>,
    bids: &'a [(u64, u64)],
    asks: &'a [(u64, u64)],
    last_trade: Option<vendue_domain::book::LastTrade>,
    indicative: Option<vendue_domain::book::AuctionPrice>,
    seq: u64,
}

#[derive(Serialize)]
struct BookPage<'a> {
    books: Vec<BookLine<'a>>,
    cursor: Option<String>,
}

fn best(levels: &[(u64, u64)]) -> &[(u64, u64)] {
    &levels[..levels.len().min(1)]
}

const fn book_of(shown: &Shown) -> Option<&BookSnapshot> {
    match shown.body.hot() {
        Some(Snapshot::Book(book)) => Some(book),
        _ => None,
    }
}

fn book_line(shown: &Shown) -> Option<BookLine<'_>> {
    let book = book_of(shown)?;
    Some(BookLine {
        book: book.book,
        currency: book.currency,
        title: &book.title,
        r#ref: book.r#ref.as_deref(),
        tick: book.tick,
        lot_size: book.lot_size,
        funding: book.funding,
        state: book.state,
        ends_at: book.ends_at,
        bids: best(&book.bids),
        asks: best(&book.asks),
        last_trade: book.last_trade,
        indicative: book.indicative,
        seq: shown.channel_seq,
    })
}

impl Views {
    /// A page of a market's books, in the order of their coming.
    pub(super) fn books(&self, list: &ListBooks) -> Result<Vec<u8>, Refusal> {
        let members = self.lists.of(list.market).map_or(&[][..], |members| &members.books);
        let words = words_of(list.query.as_deref());
        let wanted = |shown: &Shown| {
            book_of(shown)
                .is_some_and(|book| contains_all(&words, &[Some(&book.title), book.r#ref.as_deref()]))
        };
        let ids = members.iter().map(|id| (*id).into());
        let (shown, cursor) = self.page_of(ids, wanted, list.cursor.as_deref(), list.limit)?;
        let books = shown.into_iter().filter_map(|(_, shown)| book_line(shown)).collect();
        bytes(&BookPage { books, cursor })
    }

    /// A page of the caller's own orders.
    pub(super) fn own_orders(&self, by: AccountId, list: &ListBookOrders) -> Result<Vec<u8>, Refusal> {
        let after = list.cursor.as_deref().map(parse_cursor).transpose()?;
        let mut orders = self.feeds.get(&by).map(|feed| feed.orders().all()).unwrap_or_default();
        orders.retain(|order| {
            list.book.is_none_or(|book| order.book == book) && after.is_none_or(|after| order.rank() > after)
        });
        let limit = page_limit(list.limit);
        let more = orders.len() > limit;
        orders.truncate(limit);
        let cursor = orders.last().filter(|_| more).map(|order| {
            format!("{}.{}.{}", u8::from(!order.is_live()), order.placed_at.0, order.book_order)
        });
        let line = |order: &OwnOrder| {
            let book = book_of(self.of(order.book)?)?;
            Some(OrderLine {
                book_order: order.book_order,
                book: order.book,
                title: &book.title,
                currency: book.currency,
                side: order.side,
                r#type: order.r#type,
                price: order.price,
                status: order.status,
                quantity: order.filled + order.remaining,
                filled: order.filled,
                remaining: order.remaining,
                cause: order.cause,
                placed_at: order.placed_at,
                at: order.at,
            })
        };
        bytes(&OrderPage { orders: orders.iter().filter_map(line).collect(), cursor })
    }
}

fn parse_cursor(cursor: &str) -> Result<Rank, Refusal> {
    let mut parts = cursor.split('.');
    let (Some(ended), Some(at), Some(order), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(BAD_CURSOR);
    };
    let at = Timestamp(at.parse().map_err(|_| BAD_CURSOR)?);
    Ok((ended == "1", std::cmp::Reverse(at), order.parse().map_err(|_| BAD_CURSOR)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(n: u128, status: OrderStatus) -> BookOrderChanged {
        BookOrderChanged {
            book: BookId::from_u128(1),
            book_order: BookOrderId::from_u128(n),
            status,
            side: Side::Buy,
            r#type: OrderType::Limit,
            price: Some(100),
            filled: 0,
            remaining: 5,
            cause: Cause::Placed,
            traded: None,
            value: None,
            fee: None,
        }
    }

    /// What lives is kept whatever ends beside it; of what has ended the newest are; what was stored comes back.
    #[test]
    fn what_lives_is_kept_and_the_newest_of_what_ended() {
        let mut orders = OwnOrders::default();
        for n in 1..=10_u128 {
            orders.note(&told(n, OrderStatus::Open), Timestamp(n as i64));
        }
        for n in 11..=1_000_u128 {
            orders.note(&told(n, OrderStatus::Open), Timestamp(n as i64));
            orders.note(&told(n, OrderStatus::Cancelled), Timestamp(n as i64 + 1));
            assert!(orders.of.len() < 10 + 2 * ENDED_KEPT);
        }
        let all = orders.all();
        let ids = |n: u128| BookOrderId::from_u128(n);
        assert!(all[..10].iter().map(|order| order.book_order).eq((1..=10).rev().map(ids)));
        assert!(all[10..10 + ENDED_KEPT].iter().map(|o| o.book_order).eq((901..=1_000).rev().map(ids)));
        assert_eq!(all[10].placed_at, Timestamp(1_000));
        assert_eq!(OwnOrders::restored(&all), orders);
        orders.note(&told(5, OrderStatus::Filled), Timestamp(9_000));
        assert_eq!(orders.all().iter().filter(|order| order.is_live()).count(), 9);
    }
}
