//! Each order book of the race, made to take the same messages.

use matchcore::{
    CancelCmd, Command, CommandKind, CommandMeta, CommandOutcome, CommandReport, LimitOrder, NewOrder,
    OrderFlags, OrderId, OrderKind, Price, Quantity, QuantityPolicy, SequenceNumber, SubmitCmd, TimeInForce,
    Timestamp,
};
use vendue_domain::book::matching::{Core, Order, Remainder, Side};
use vendue_domain::id::AccountId;

use super::Told;
use super::messages::{Kind, Message, Workload};

/// A book that takes messages and tells what came of them.
pub(crate) trait Contender {
    /// An empty book.
    fn new(workload: &Workload) -> Self;

    /// Takes one message.
    fn take(&mut self, message: &Message, told: &mut Told);
}

/// Our matching core, which allocates as it grows.
pub(crate) struct Ours(Core);

impl Ours {
    #[inline]
    fn enter(&mut self, message: &Message, side: Side, told: &mut Told) {
        let &Message { price, quantity, .. } = message;
        let order =
            Order { id: u128::from(message.id), account: AccountId::default(), side, price, quantity };
        let remainder = if message.kind == Kind::Ioc { Remainder::Lapses } else { Remainder::Rests };
        let executed = self.0.execute(&order, remainder, |fill| {
            told.trade(message, fill.id as u64, fill.price, fill.quantity)
        });
        if message.kind == Kind::Ioc && executed.is_ok_and(|executed| executed.remaining > 0) {
            told.lapsed();
        }
    }
}

impl Contender for Ours {
    fn new(_workload: &Workload) -> Self {
        Self(Core::default())
    }

    #[inline]
    fn take(&mut self, message: &Message, told: &mut Told) {
        if matches!(message.kind, Kind::New | Kind::Ioc) {
            self.enter(message, message.side, told);
            return;
        }
        match self.0.find(u128::from(message.id)).and_then(|handle| self.0.cancel(handle)) {
            None => told.refused(message),
            Some(order) if message.kind == Kind::Modify => self.enter(message, order.side, told),
            Some(_) => {}
        }
    }
}

/// `matchcore`: it names orders by the number of their command. In 0.4.0 a limit order that crosses is matched without its
/// limit: after the first maker within it, it trades at any price (message 220 of the workload is the first).
pub(crate) struct Matchcore {
    book: matchcore::OrderBook,
    sequence: u64,
    /// Its name of each id's last order.
    names: Vec<OrderId>,
    /// The id of each of its names.
    ids: Vec<u64>,
}

impl Matchcore {
    #[inline]
    fn execute(&mut self, kind: CommandKind, id: u64) -> CommandOutcome {
        let meta = CommandMeta {
            sequence_number: SequenceNumber(self.sequence),
            timestamp: Timestamp(self.sequence),
        };
        self.sequence += 1;
        self.ids.push(id);
        self.book.execute(&Command { meta, kind })
    }

    #[inline]
    fn enter(&mut self, message: &Message, told: &mut Told) {
        let ioc = message.kind == Kind::Ioc;
        let side = if message.side == Side::Buy { matchcore::Side::Buy } else { matchcore::Side::Sell };
        let in_force = if ioc { TimeInForce::Ioc } else { TimeInForce::Gtc };
        let quantity_policy = QuantityPolicy::Standard { quantity: Quantity(message.quantity) };
        let order =
            LimitOrder::new(Price(message.price), quantity_policy, OrderFlags::new(side, false, in_force));
        let outcome =
            self.execute(CommandKind::Submit(SubmitCmd { order: NewOrder::Limit(order) }), message.id);
        let CommandOutcome::Applied(CommandReport::Submit(effects)) = outcome else {
            told.refused(message);
            return;
        };
        let target = effects.target_order();
        self.names[message.slot as usize] = target.order_id();
        let mut filled = 0;
        for trade in target.match_result().map_or(&[][..], |result| result.trades()) {
            filled += trade.quantity().0;
            let maker = self.ids[trade.maker_order_id().0 as usize];
            told.trade(message, maker, trade.price().0, trade.quantity().0);
        }
        if ioc && filled < message.quantity {
            told.lapsed();
        }
    }
}

impl Contender for Matchcore {
    fn new(workload: &Workload) -> Self {
        let ids = Vec::with_capacity(2 * workload.messages.len());
        Self {
            book: matchcore::OrderBook::new("A"),
            sequence: 0,
            names: vec![OrderId(u64::MAX); workload.slots],
            ids,
        }
    }

    #[inline]
    fn take(&mut self, message: &Message, told: &mut Told) {
        if matches!(message.kind, Kind::New | Kind::Ioc) {
            self.enter(message, told);
            return;
        }
        let cancel = CancelCmd { order_id: self.names[message.slot as usize], order_kind: OrderKind::Limit };
        match self.execute(CommandKind::Cancel(cancel), message.id) {
            CommandOutcome::Rejected(_) => told.refused(message),
            CommandOutcome::Applied(_) if message.kind == Kind::Modify => self.enter(message, told),
            CommandOutcome::Applied(_) => {}
        }
    }
}

/// `lobster`: limit and market orders and cancels, without a word on whether there was something to cancel.
pub(crate) struct Lobster(lobster::OrderBook);

impl Lobster {
    #[inline]
    fn enter(&mut self, message: &Message, told: &mut Told) {
        let side = if message.side == Side::Buy { lobster::Side::Bid } else { lobster::Side::Ask };
        let id = u128::from(message.id);
        let limit = lobster::OrderType::Limit { id, side, qty: message.quantity, price: message.price };
        let filled = match self.0.execute(limit) {
            lobster::OrderEvent::Filled { filled_qty, fills, .. }
            | lobster::OrderEvent::PartiallyFilled { filled_qty, fills, .. } => {
                for fill in &fills {
                    told.trade(message, fill.order_2 as u64, fill.price, fill.qty);
                }
                filled_qty
            }
            _ => 0,
        };
        if message.kind == Kind::Ioc && filled < message.quantity {
            self.0.execute(lobster::OrderType::Cancel { id });
            told.lapsed();
        }
    }
}

impl Contender for Lobster {
    fn new(_workload: &Workload) -> Self {
        Self(lobster::OrderBook::default())
    }

    #[inline]
    fn take(&mut self, message: &Message, told: &mut Told) {
        if matches!(message.kind, Kind::New | Kind::Ioc) {
            self.enter(message, told);
            return;
        }
        if message.dead {
            told.refused(message);
            return;
        }
        self.0.execute(lobster::OrderType::Cancel { id: u128::from(message.id) });
        if message.kind == Kind::Modify {
            self.enter(message, told);
        }
    }
}
