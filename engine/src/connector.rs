//! The world outside, behind one trait: payment providers for now.
//!
//! An order's event asks for a payment ([`Event::outside`](vendue_domain::actor::Event::outside)); when that event is
//! durable, a thread of its own asks the connector, and the result comes back as a command (`order.mark_paid`), whose key
//! is the request's. Replay never asks. After a restart those are asked again whose result the orders still wait for:
//! a connector passes the request's key on, so that a provider collects once.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use vendue_domain::effect::OutsideRequest;
use vendue_domain::record::Field;
use vendue_storage::{JournalReader, Position};

use crate::entry::Entry;

/// How many requests may wait for the connector; past it they are read from the journal again when it has come so far.
const QUEUE_MAX: usize = 1_024;

/// How long the thread waits for a request before it looks whether the cell has ended or some were passed over.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(100);

/// Collects payments somewhere outside.
pub trait PaymentConnector: Send + Sync {
    /// The provider's name, for logs.
    fn name(&self) -> &'static str;

    /// Asks for a payment, or withdraws one that was asked before (its [`kind`](OutsideRequest::kind)). It may take its time, and has to expect the same request again (after a restart, say): the
    /// request's [`key`](OutsideRequest::key) is for the provider to recognise it by. The result comes as a command.
    fn ask(&self, request: &OutsideRequest);
}

/// Money comes outside of any system, and an operator says so with `order.mark_paid`: nothing is to be asked.
#[derive(Debug, Default, Clone, Copy)]
pub struct ManualConnector;

impl PaymentConnector for ManualConnector {
    fn name(&self) -> &'static str {
        "manual"
    }

    fn ask(&self, request: &OutsideRequest) {
        // A payment waits for an operator to mark it paid; one that is withdrawn waits no more.
        tracing::debug!(order = %request.order, kind = request.kind.name(), "for an operator to see to");
    }
}

/// Where durable requests go. Handing one over never waits.
pub(crate) struct Requests {
    sender: Sender<OutsideRequest>,
    /// The first position whose request found the queue full; `u64::MAX`: none did.
    passed_over: Arc<AtomicU64>,
}

/// The thread's side of [`Requests`].
pub(crate) struct Asking {
    receiver: Receiver<OutsideRequest>,
    passed_over: Arc<AtomicU64>,
}

pub(crate) fn channel() -> (Requests, Asking) {
    let (sender, receiver) = bounded(QUEUE_MAX);
    let passed_over = Arc::new(AtomicU64::new(u64::MAX));
    (Requests { sender, passed_over: passed_over.clone() }, Asking { receiver, passed_over })
}

impl Requests {
    /// Hands over the request of a durable record.
    pub(crate) fn hand_over(&self, position: Position, request: OutsideRequest) {
        if self.sender.try_send(request).is_err() {
            self.passed_over.fetch_min(position, Ordering::AcqRel);
        }
    }
}

impl Asking {
    /// Asks the connector for everything that is outstanding and everything that comes, until `is_over`.
    pub(crate) fn run(
        &self,
        connector: &dyn PaymentConnector,
        outstanding: &[OutsideRequest],
        journal: &dyn JournalReader,
        is_over: impl Fn() -> bool,
    ) {
        for request in outstanding {
            if is_over() {
                return;
            }
            connector.ask(request);
        }
        while !is_over() {
            match self.receiver.recv_timeout(LOOK_EVERY) {
                Ok(request) => connector.ask(&request),
                Err(RecvTimeoutError::Timeout) => self.catch_up(connector, journal),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.receiver.is_empty() {
                self.catch_up(connector, journal);
            }
        }
    }

    /// Reads from the journal what found the queue full. What came meanwhile is asked twice, which a key allows.
    fn catch_up(&self, connector: &dyn PaymentConnector, journal: &dyn JournalReader) {
        let from = self.passed_over.swap(u64::MAX, Ordering::AcqRel);
        if from == u64::MAX {
            return;
        }
        let read = journal.read(from, &mut |_, record| {
            for request in requests_of(record) {
                connector.ask(&request);
            }
            ControlFlow::Continue(())
        });
        if let Err(error) = read {
            tracing::error!(%error, "payment requests cannot be read from the journal; they are tried again");
            self.passed_over.fetch_min(from, Ordering::AcqRel);
        }
    }
}

/// What a record asks of the world outside.
fn requests_of(record: &[u8]) -> Vec<OutsideRequest> {
    let Ok(Entry::Decided(decided)) = Entry::from_bytes(record) else { return Vec::new() };
    let stamp = decided.stamp();
    decided.events.0.iter().filter_map(|event| event.outside(decided.id, &stamp)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use vendue_domain::amount::Currency;
    use vendue_domain::effect::OutsideKind;
    use vendue_domain::id::{AccountId, MarketId, OrderId};
    use vendue_storage::{Journal, MemoryJournal, MemoryLog};

    #[derive(Default)]
    struct Noting(Mutex<Vec<u64>>);

    impl PaymentConnector for Noting {
        fn name(&self) -> &'static str {
            "noting"
        }

        fn ask(&self, request: &OutsideRequest) {
            self.0.lock().expect("nobody panics").push(request.amount);
        }
    }

    fn request(amount: u64) -> OutsideRequest {
        let currency = Currency::new("EUR").expect("listed");
        OutsideRequest {
            kind: OutsideKind::Payment,
            order: OrderId::from_u128(1),
            market: MarketId::from_u128(2),
            buyer: AccountId::from_u128(3),
            amount,
            currency,
        }
    }

    #[test]
    fn handing_over_never_waits_and_what_is_passed_over_is_noted() {
        let (requests, asking) = channel();
        for position in 0..QUEUE_MAX as u64 + 3 {
            requests.hand_over(position + 10, request(position + 1));
        }
        assert_eq!(asking.passed_over.load(Ordering::Acquire), QUEUE_MAX as u64 + 10);
        let log = MemoryLog::new();
        let reader = MemoryJournal::open(&log).reader();
        let (noting, rounds) = (Noting::default(), AtomicUsize::new(0));
        drop(requests);
        let over = || rounds.fetch_add(1, Ordering::AcqRel) > QUEUE_MAX + 8;
        asking.run(&noting, &[request(9_999)], &*reader, over);
        let asked = noting.0.into_inner().expect("nobody panics");
        assert_eq!(asked.len(), QUEUE_MAX + 1);
        assert_eq!((asked[0], asked[1]), (9_999, 1), "the outstanding first, then in order");
        assert_eq!(asking.passed_over.load(Ordering::Acquire), u64::MAX, "read from the journal");
    }

    #[test]
    fn the_same_request_has_the_same_key() {
        assert_eq!(request(5).key(), request(5).key());
        assert_ne!(request(5).key(), request(6).key());
    }
}
