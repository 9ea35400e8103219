//! What the generator sends: bids or orders, each with the record of what was acknowledged.

use super::args::{Encoding, Verify};
use super::connection::Flying;
use super::ledger::{Ledger, Sent};
use super::message::{Bid, Template};
use super::order::{OrderTemplate, SentOrder};
use super::orders::Orders;
use super::scan::Said;
use super::seen::{Seen, SeenBid};

/// One request.
#[derive(Debug, Clone, Copy)]
pub enum Job {
    /// A bid.
    Bid(Sent),
    /// An order.
    Order(SentOrder),
}

impl Default for Job {
    fn default() -> Self {
        Self::Bid(Sent::default())
    }
}

/// What is sent.
#[derive(Debug)]
pub enum Record {
    /// Bids on these lots.
    Bids(Ledger),
    /// Orders in these books.
    Orders(Orders),
}

/// Requests without end, and what became of them.
#[derive(Debug)]
pub struct Work {
    record: Record,
    /// What bidders saw, where that is checked.
    seen: Option<Seen>,
    bid: Template,
    order: OrderTemplate,
}

impl Work {
    /// Requests of this encoding; what is kept of them depends on what is to be checked.
    #[must_use]
    pub fn new(record: Record, encoding: Encoding, verify: Verify) -> Self {
        let seen = (verify == Verify::Full && matches!(record, Record::Bids(_))).then(Seen::default);
        Self { record, seen, bid: Template::new(encoding), order: OrderTemplate::new(encoding) }
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
        match &mut self.record {
            Record::Bids(ledger) => Job::Bid(ledger.next(connection)),
            Record::Orders(orders) => Job::Order(orders.next(connection)),
        }
    }

    /// Appends a request.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>, id: u64, job: &Job) {
        match (job, &self.record) {
            (Job::Bid(sent), Record::Bids(ledger)) => {
                self.bid.write(out, &Bid { id, lot: &ledger.lot(sent.lot).text, amount: sent.amount });
            }
            (Job::Order(sent), Record::Orders(orders)) => {
                self.order.write(out, id, orders.text(sent.book), sent);
            }
            _ => unreachable!("a job comes from this record"),
        }
    }

    /// A reply came to what was sent at `sent_ns`; whether the market took what it had to reject.
    #[inline]
    pub fn acknowledge(&mut self, flying: &Flying, connection: u32, said: &Said<'_>, now_ns: u64) -> bool {
        match (&flying.sent, &mut self.record) {
            (Job::Bid(sent), Record::Bids(ledger)) => {
                let accepted = matches!(said, Said::Yes(_));
                ledger.acknowledge(sent, connection, accepted);
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
            (Job::Order(sent), Record::Orders(orders)) => {
                orders.acknowledge(sent, said);
                false
            }
            _ => unreachable!("a job comes from this record"),
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
