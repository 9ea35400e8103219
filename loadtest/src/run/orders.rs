//! The tool's own record of each book: what to send next, and what the acknowledged orders must have left.

use std::collections::BTreeMap;

use vendue_domain::id::BookId;

use super::order::{BOOK_TEXT, SentOrder};
use super::scan::Said;

/// The price that orders lie around, in minor units: five digits with every price near it.
pub const MIDDLE: u32 = 20_000;
/// How many prices of each side hold orders.
pub const DEPTH: u32 = 10;
/// How many more orders have been sent to rest on a side than to take from it, before somebody takes: the side stays filled.
const CUSHION: u64 = 50;
/// Refusals that do not say whether the order was executed (protocol, section on errors).
const UNSURE: [&str; 4] = ["deadline_exceeded", "unavailable", "internal", "unknown"];

/// One side of a book. A taker takes from the other's.
#[derive(Debug, Clone, Default)]
struct Half {
    /// Orders that were sent to rest here.
    rested: u64,
    /// Orders that were sent to take from here.
    takers: u64,
    /// Units that rest here by acknowledged orders, before anything took from them; by price.
    placed: BTreeMap<u32, u64>,
    /// Units that acknowledged orders took from here.
    taken: u64,
}

/// One book.
#[derive(Debug, Clone)]
pub struct Book {
    text: [u8; BOOK_TEXT],
    /// Bids, asks.
    halves: [Half; 2],
    /// An order's fate is not known: nothing exact can be said.
    unsure: bool,
}

/// All books of a run.
#[derive(Debug)]
pub struct Orders {
    books: Vec<Book>,
    /// The next book of buyers, of sellers.
    cursors: [usize; 2],
    traders: u32,
    turn: bool,
    accepted: u64,
}

impl Orders {
    /// For these books and that many connections: those of even number buy, the others sell, so that nobody trades with itself; a
    /// single one does both.
    #[must_use]
    pub fn new(books: &[BookId], traders: u32) -> Self {
        let books = books.iter().map(|book| Book::new(*book)).collect();
        Self { books, cursors: [0; 2], traders, turn: false, accepted: 0 }
    }

    /// A book's id in text.
    #[must_use]
    pub fn text(&self, at: u32) -> &[u8; BOOK_TEXT] {
        &self.books[at as usize].text
    }

    /// All of them.
    #[must_use]
    pub fn books(&self) -> &[Book] {
        &self.books
    }

    /// Orders that were acknowledged as taken.
    #[must_use]
    pub const fn accepted(&self) -> u64 {
        self.accepted
    }

    /// The next order of this connection: books in turn; one that takes for each that rests, once a side is filled.
    #[inline]
    pub fn next(&mut self, trader: u32) -> SentOrder {
        self.turn = !self.turn;
        let sell = if self.traders == 1 { self.turn } else { trader % 2 == 1 };
        let cursor = &mut self.cursors[usize::from(sell)];
        let at = *cursor;
        *cursor = if at + 1 == self.books.len() { 0 } else { at + 1 };
        let book = at as u32;
        let halves = &mut self.books[at].halves;
        let other = &mut halves[usize::from(!sell)];
        if other.rested >= other.takers + CUSHION {
            let quantity = quantity(other.takers);
            other.takers += 1;
            let price = if sell { MIDDLE - DEPTH } else { MIDDLE + DEPTH };
            return SentOrder { book, price, quantity, sell, takes: true };
        }
        let own = &mut halves[usize::from(sell)];
        let distance = 1 + (own.rested.wrapping_mul(7) % u64::from(DEPTH)) as u32;
        let quantity = quantity(own.rested);
        own.rested += 1;
        let price = if sell { MIDDLE + distance } else { MIDDLE - distance };
        SentOrder { book, price, quantity, sell, takes: false }
    }

    /// A reply came.
    #[inline]
    pub fn acknowledge(&mut self, sent: &SentOrder, said: &Said<'_>) {
        let book = &mut self.books[sent.book as usize];
        match said {
            Said::Yes(traded) => {
                self.accepted += 1;
                book.halves[usize::from(!sent.sell)].taken += traded.filled;
                if !sent.takes {
                    let rests = u64::from(sent.quantity).saturating_sub(traded.filled);
                    *book.halves[usize::from(sent.sell)].placed.entry(sent.price).or_default() += rests;
                }
            }
            Said::No(code) => book.unsure |= UNSURE.contains(code),
        }
    }
}

/// Units of the nth order: as many are taken as rest.
const fn quantity(nth: u64) -> u8 {
    1 + (nth % 5) as u8
}

impl Book {
    fn new(id: BookId) -> Self {
        let mut text = [0; BOOK_TEXT];
        text.copy_from_slice(id.to_string().as_bytes());
        Self { text, halves: <[Half; 2]>::default(), unsure: false }
    }

    /// Its id in text.
    #[must_use]
    pub fn id(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// What is wrong with the levels (price, units) that the market shows, in words. Exactly what was acknowledged to rest, less
    /// what was acknowledged to be taken, must be there on each side, and at no price more than was placed at it.
    #[must_use]
    pub fn wrong(&self, bids: &[(u64, u64)], asks: &[(u64, u64)]) -> Option<String> {
        if self.unsure {
            return None;
        }
        for (name, half, levels) in [("bids", &self.halves[0], bids), ("asks", &self.halves[1], asks)] {
            let placed: u64 = half.placed.values().sum();
            let there: u64 = levels.iter().map(|level| level.1).sum();
            if there + half.taken != placed {
                return Some(format!(
                    "{}: {there} units of {name}, but {placed} were placed and {} taken",
                    self.id(),
                    half.taken
                ));
            }
            let at =
                |price: u64| u32::try_from(price).ok().and_then(|price| half.placed.get(&price)).copied();
            if let Some((price, units)) =
                levels.iter().find(|level| at(level.0).unwrap_or_default() < level.1)
            {
                return Some(format!(
                    "{}: {units} units of {name} at {price}: more than were placed",
                    self.id()
                ));
            }
        }
        None
    }

    /// Whether an order's fate is not known, so that the book cannot be compared.
    #[must_use]
    pub const fn unsure(&self) -> bool {
        self.unsure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::scan::Traded;

    #[test]
    fn as_much_is_taken_as_rests_and_nobody_meets_itself() {
        let check = |traders: u32, books: u128| {
            let ids: Vec<_> = (1..=books).map(BookId::from_u128).collect();
            let mut orders = Orders::new(&ids, traders);
            let sent: Vec<_> = (0..4_000).map(|at| (at % traders, orders.next(at % traders))).collect();
            let takers = sent.iter().filter(|(_, order)| order.takes).count();
            let cushion = books as usize * CUSHION as usize * 2;
            assert!((4_000 - takers).abs_diff(takers) <= cushion + 2, "{traders} {books}: {takers}");
            assert!(traders == 1 || sent.iter().all(|(trader, order)| order.sell == (trader % 2 == 1)));
            assert!(sent.iter().all(|(_, order)| (1..=5).contains(&order.quantity)));
        };
        check(1, 1);
        check(2, 1);
        check(100, 1);
        check(100, 3);
    }

    #[test]
    fn the_levels_must_be_what_acknowledged_orders_left() {
        let mut orders = Orders::new(&[BookId::from_u128(1)], 2);
        let order = |price, quantity, sell, takes| SentOrder { book: 0, price, quantity, sell, takes };
        let yes = |filled| Said::Yes(Traded { filled, trades: u64::from(filled > 0), seq: 0 });
        orders.acknowledge(&order(MIDDLE - 1, 5, false, false), &yes(0));
        orders.acknowledge(&order(MIDDLE - 2, 2, false, false), &yes(0));
        orders.acknowledge(&order(MIDDLE + 1, 4, true, false), &Said::No("rate_limited"));
        orders.acknowledge(&order(MIDDLE - DEPTH, 3, true, true), &yes(3));
        let (first, second) = (u64::from(MIDDLE - 1), u64::from(MIDDLE - 2));
        let check = |bids: &[(u64, u64)], asks: &[(u64, u64)], right: bool| {
            assert_eq!(orders.books()[0].wrong(bids, asks).is_none(), right, "{bids:?} {asks:?}");
        };
        check(&[(first, 2), (second, 2)], &[], true);
        check(&[(first, 1), (second, 2)], &[], false);
        check(&[(first, 1), (second, 3)], &[], false);
        check(&[(first, 2), (second, 2)], &[(u64::from(MIDDLE + 1), 4)], false);
    }
}
