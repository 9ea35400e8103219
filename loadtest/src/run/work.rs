//! What the generator sends: bids, orders, reservations, each with the record of what was acknowledged.

use super::args::{Encoding, Verify};
use super::connection::Flying;
use super::ledger::{Ledger, Sent};
use super::message::{Bid, Template};
use super::mix::{Dealer, Kind, Mix};
use super::order::{OrderTemplate, SentOrder};
use super::orders::Orders;
use super::scan::Said;
use super::seen::{Seen, SeenBid};
use super::shelf::{ReserveTemplate, Shelf};

/// One request.
#[derive(Debug, Clone, Copy)]
pub enum Job {
    /// A bid.
    Bid(Sent),
    /// An order.
    Order(SentOrder),
    /// A reservation of a unit of the item with this index.
    Reserve(u32),
}

impl Default for Job {
    fn default() -> Self {
        Self::Bid(Sent::default())
    }
}

/// What was sent and acknowledged, by kind; what is not in the mix is empty.
#[derive(Debug)]
pub struct Record {
    /// Bids on these lots.
    pub bids: Ledger,
    /// Orders in these books.
    pub orders: Orders,
    /// Reservations of these stock items.
    pub shelf: Shelf,
}

/// Requests without end, and what became of them.
#[derive(Debug)]
pub struct Work {
    record: Record,
    dealer: Dealer,
    /// What bidders saw, where that is checked.
    seen: Option<Seen>,
    bid: Template,
    order: OrderTemplate,
    reserve: ReserveTemplate,
}

impl Work {
    /// Requests of these kinds in this encoding; what is kept of them depends on what is to be checked.
    #[must_use]
    pub fn new(record: Record, mix: Mix, encoding: Encoding, verify: Verify) -> Self {
        let seen = (verify == Verify::Full && mix.has(Kind::Bid)).then(Seen::default);
        let (order, reserve) = (OrderTemplate::new(encoding), ReserveTemplate::new(encoding));
        Self { record, dealer: Dealer::new(mix), seen, bid: Template::new(encoding), order, reserve }
    }

    /// The record.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// What bidders saw, where that is checked.
    #[must_use]
    pub const fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    /// The next request of this connection.
    #[inline]
    pub fn next(&mut self, connection: u32) -> Job {
        match self.dealer.deal() {
            Kind::Bid => Job::Bid(self.record.bids.next(connection)),
            Kind::Book => Job::Order(self.record.orders.next(connection)),
            Kind::Reserve => Job::Reserve(self.record.shelf.next_item()),
        }
    }

    /// Appends a request.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>, id: u64, job: &Job) {
        match job {
            Job::Bid(sent) => {
                let lot = &self.record.bids.lot(sent.lot).text;
                self.bid.write(out, &Bid { id, lot, amount: sent.amount });
            }
            Job::Order(sent) => self.order.write(out, id, self.record.orders.text(sent.book), sent),
            Job::Reserve(item) => self.reserve.write(out, id, self.record.shelf.text(*item)),
        }
    }

    /// A reply came to what was sent at `sent_ns`; whether the market took what it had to reject.
    #[inline]
    pub fn acknowledge(&mut self, flying: &Flying, connection: u32, said: &Said<'_>, now_ns: u64) -> bool {
        match &flying.sent {
            Job::Bid(sent) => {
                let accepted = matches!(said, Said::Yes(_));
                self.record.bids.acknowledge(sent, connection, accepted);
                if let (Some(seen), Said::Yes(told)) = (&mut self.seen, said) {
                    seen.push(SeenBid {
                        lot: sent.lot,
                        bidder: connection,
                        amount: sent.amount,
                        seq: told.seq,
                        invoked_ns: flying.sent_ns,
                        returned_ns: now_ns,
                    });
                }
                accepted && sent.low
            }
            Job::Order(sent) => {
                self.record.orders.acknowledge(sent, said);
                false
            }
            Job::Reserve(item) => {
                let refused = if let Said::No(code) = said { Some(*code) } else { None };
                self.record.shelf.acknowledge(*item, refused)
            }
        }
    }

    /// Appends what stands before `count` requests, where they are an array.
    pub fn open(&self, out: &mut Vec<u8>, count: usize) {
        self.bid.open(out, count);
    }

    /// Appends what stands between two requests.
    pub fn separate(&self, out: &mut Vec<u8>) {
        self.bid.separate(out);
    }

    /// Appends what stands behind `count` requests.
    pub fn close(&self, out: &mut Vec<u8>, count: usize) {
        self.bid.close(out, count);
    }
}
