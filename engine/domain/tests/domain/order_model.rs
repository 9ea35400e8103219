//! Orders, stock and accounts as a small town: whatever everybody asks, and in whatever order their effects arrive, stock and
//! money are conserved, every line is had or not, and everybody is answered (I21, I23 to I30, I34).

use std::collections::{BTreeMap, HashMap};

use vendue_domain::actor::{ActorAddress, Answer, Command};
use vendue_domain::facts::FactChange;
use vendue_domain::fees::{FeeTable, Rounding};
use vendue_domain::id::{AccountId, HoldId, LotId, OrderId, ReservationId};
use vendue_domain::money::SubAccount;
use vendue_domain::order::{
    CancelOrder, CompleteOrder, LineRequest, MarkDelivered, MarkPaid, Order, OrderCommand, OrderState,
    PayOrder, PlaceOrder, RefundOrder, Thing,
};
use vendue_domain::stock::{
    AdjustStock, ExtendReservation, ReceiveStock, ReleaseStock, ReserveStock, ReturnStock, ShipStock,
    StockCommand,
};
use vendue_domain::time::Timestamp;

use crate::order_tables::{fees, lot_id, stock_id, town, won};
use crate::order_town::Town;
use crate::random::{Random, rounds};
use crate::world::{MARKET, OPERATOR, SELLER, START, account, amount};

/// Commands and deliveries in all: more than rounds times steps.
const ROUNDS: u64 = 3_000;
const STEPS: u64 = 400;

const BUYERS: [char; 4] = ['A', 'B', 'C', 'D'];
const ITEMS: u64 = 3;
/// Why orders move: each must happen.
const CAUSES: [&str; 22] = [
    "placed",
    "payment_due",
    "hold_captured",
    "paid_from_balance",
    "paid_outside",
    "payment_refused",
    "allocated",
    "stock_shortfall",
    "shipped",
    "delivered",
    "completed",
    "return_time_over",
    "returned",
    "cancelled_by_buyer",
    "cancelled_by_operator",
    "unpaid",
    "refused",
    "timed_out",
    "merged",
    "refund",
    "asked",
    "loan_ended",
];
const HOUR_US: u64 = 3_600_000_000;

struct Life {
    town: Town,
    random: Random,
    now: u64,
    orders: Vec<OrderId>,
    reservations: Vec<(AccountId, u64, ReservationId)>,
    wins: Vec<(LotId, AccountId)>,
    next: u64,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let depth = random.below(4);
        let items = [
            (250, "on_hand=12".to_owned()),
            (99, format!("on_hand=6 threshold=-{depth} limit=9")),
            (7, "at=north:5:60,10 at=south:4:40,10 strategy=fewest_parcels".to_owned()),
        ];
        let items: Vec<(u64, &str)> = items.iter().map(|(price, text)| (*price, text.as_str())).collect();
        let mut town = town(&items);
        town.thorough_every = 61;
        // Everybody may run short of money.
        if random.once_in(2) {
            BUYERS.iter().for_each(|&buyer| town.deposit(account(buyer), -9_000));
        }
        let orders = Vec::new();
        Self { town, random, now: 0, orders, reservations: Vec::new(), wins: Vec::new(), next: 0 }
    }

    fn order(&mut self) -> OrderId {
        // Mostly a recent one.
        let nth = (self.orders.len() as u64).saturating_sub(1 + self.random.below(6));
        self.orders.get(nth as usize).copied().unwrap_or_default()
    }

    /// A recent order whose goods are on their way, where there is one.
    fn order_on_its_way(&mut self) -> OrderId {
        let paid = |id: &&OrderId| self.town.order(**id).is_some_and(|order| order.state().is_paid());
        let recent: Vec<_> = self.orders.iter().rev().take(30).filter(paid).copied().collect();
        if recent.is_empty() { self.order() } else { self.random.pick(&recent) }
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn line(&mut self, buyer: AccountId) -> LineRequest {
        let none = LineRequest::default();
        match self.random.below(8) {
            0 => {
                // Mostly one's own.
                let own = self.wins.iter().rev().find(|(_, winner)| *winner == buyer);
                let any = self.wins.last().filter(|_| self.random.once_in(8)).or(own);
                LineRequest { lot: any.map(|(lot, _)| *lot), ..none }
            }
            1 | 2 => {
                let own = self.reservations.iter().rev().find(|(who, _, _)| *who == buyer);
                LineRequest { reservation: own.map(|(_, _, reservation)| *reservation), ..none }
            }
            _ => {
                let stock = Some(stock_id(1 + self.random.below(ITEMS)));
                LineRequest { stock, quantity: Some(1 + self.random.below(4)), ..none }
            }
        }
    }

    fn place(&mut self, buyer: AccountId) -> OrderCommand {
        let id = OrderId::from_u128(10_000 + u128::from(self.fresh()));
        self.orders.push(id);
        let count = 1 + self.random.below(3);
        let lines = (0..count).map(|_| self.line(buyer)).collect();
        let market = self.random.once_in(4).then_some(MARKET);
        OrderCommand::Place(Box::new(PlaceOrder {
            order: Some(id),
            market,
            lines,
            near: Some((50_000_000, 10_000_000)),
            found: Vec::new(),
        }))
    }

    /// A lot is closed: `winner` has it, with its money held, a deposit, or neither.
    fn win(&mut self) {
        let lot = self.fresh();
        let buyer = account(self.random.pick(&BUYERS));
        let mut won = won(lot, buyer, 1 + self.random.below(3_000));
        let hold = HoldId::from_u128(u128::from(lot));
        let total = won.hammer.get() + won.premium;
        match self.random.below(3) {
            0 => {
                // More is held than is due where a bidder's maximum was higher.
                self.town.deposit(buyer, total as i64 + 100);
                self.town.hold(buyer, hold, total + self.random.below(100));
                won.hold = Some(hold);
            }
            1 => {
                let held = 1 + self.random.below(total + 50);
                self.town.deposit(buyer, held as i64);
                self.town.hold(buyer, hold, held);
                (won.deposit, won.deposit_amount) = (Some(hold), Some(amount(held)));
            }
            _ => {}
        }
        self.wins.push((lot_id(lot), buyer));
        self.orders.push(won.order);
        self.town.ask(Command::Order(OrderCommand::OpenWon(Box::new(won))));
    }

    fn of_order(&mut self) -> (AccountId, OrderCommand) {
        let order = if self.random.once_in(3) { self.order_on_its_way() } else { self.order() };
        let owner = self.town.order(order).map_or(OPERATOR, Order::buyer);
        let reason = Some("so it is".to_owned());
        match self.random.below(16) {
            0..=4 => (owner, OrderCommand::Pay(PayOrder { order, reason: None })),
            5..=6 => (OPERATOR, OrderCommand::MarkPaid(MarkPaid { order, reason, reference: None })),
            7 => (owner, OrderCommand::Cancel(CancelOrder { order, reason })),
            8 => (OPERATOR, OrderCommand::Cancel(CancelOrder { order, reason })),
            9..=10 => {
                let amount = Some(amount(1 + self.random.below(900)));
                let reason = "scratched".to_owned();
                (OPERATOR, OrderCommand::Refund(RefundOrder { order, amount, reason }))
            }
            11 => {
                let (amount, reason) = (None, "broken".to_owned());
                (OPERATOR, OrderCommand::Refund(RefundOrder { order, amount, reason }))
            }
            12..=13 => (SELLER, OrderCommand::MarkDelivered(MarkDelivered { order, reason })),
            _ => (owner, OrderCommand::Complete(CompleteOrder { order, reason })),
        }
    }

    fn of_stock(&mut self) -> (AccountId, StockCommand) {
        let nth = 1 + self.random.below(ITEMS);
        let (stock, order) = (stock_id(nth), self.order_on_its_way());
        let buyer = account(self.random.pick(&BUYERS));
        // Mostly an item that the order has a line of.
        let of_order = self.town.order(order).and_then(|order| {
            order.lines().iter().find_map(|line| match line.now.thing {
                Thing::Stock(stock) => Some(stock),
                Thing::Lot(_) => None,
            })
        });
        let sold = of_order.unwrap_or(stock);
        let location =
            (nth == 3 && self.random.once_in(2)).then(|| self.random.pick(&["north", "south"]).to_owned());
        let line = self.random.once_in(4).then(|| self.random.below(3) as u32);
        let some = |random: &mut Random| random.once_in(2).then(|| 1 + random.below(3));
        let mine = self.reservations.iter().rev().find(|(who, _, _)| *who == buyer).copied();
        let reservation = mine.map(|(_, _, reservation)| reservation).unwrap_or_default();
        let of = Some(mine.map_or(stock, |(_, nth, _)| stock_id(nth)));
        let (ttl_ms, reason) = (Some(1 + self.random.below(7_200_000)), None);
        match self.random.below(16) {
            0..=3 => {
                let (quantity, near) = (1 + self.random.below(4), None);
                (buyer, StockCommand::Reserve(ReserveStock { stock, quantity, ttl_ms, strategy: None, near }))
            }
            4 => (buyer, StockCommand::Release(ReleaseStock { stock: of, reservation })),
            5 => (buyer, StockCommand::Extend(ExtendReservation { stock: of, reservation, ttl_ms })),
            6 => {
                let quantity = 1 + self.random.below(9);
                (SELLER, StockCommand::Receive(ReceiveStock { stock, quantity, reason, location }))
            }
            7 => {
                let quantity = self.random.below(5) as i64 - 3;
                let reason = "counted".to_owned();
                (SELLER, StockCommand::Adjust(AdjustStock { stock, quantity, reason, location }))
            }
            8..=12 => {
                let quantity = some(&mut self.random);
                let ship = ShipStock { stock: sold, order, line, quantity, location, reason };
                (SELLER, StockCommand::Ship(Box::new(ship)))
            }
            _ => {
                let quantity = some(&mut self.random);
                let back = ReturnStock { stock: sold, order, line, quantity, location, reason };
                (SELLER, StockCommand::Return(Box::new(back)))
            }
        }
    }

    fn halt(&mut self) {
        let mut market = self.town.facts.market(MARKET).cloned().expect("a market");
        market.halted_since = if market.halted_since.is_some() { None } else { Some(self.town.now) };
        market.version += 1;
        self.town.facts.learn(&FactChange::Market((MARKET, market)));
    }

    fn step(&mut self) {
        match self.random.below(40) {
            0 => self.win(),
            // A halt does not last.
            1 => {
                let halted =
                    self.town.facts.market(MARKET).is_some_and(|market| market.halted_since.is_some());
                if halted || self.random.once_in(8) {
                    self.halt();
                }
            }
            2..=3 => {
                if self.random.once_in(2) {
                    self.town.settle();
                }
                // Mostly moments, sometimes past reservations, seldom past everything.
                let far = match self.random.below(12) {
                    0 if self.random.once_in(2) => 400 * HOUR_US,
                    0..=4 => 2 * HOUR_US,
                    _ => 4_000_000,
                };
                self.now += self.random.below(far);
                self.town.now = Timestamp(START.0 + self.now as i64);
                self.town.due();
            }
            4..=9 => {
                let buyer = account(self.random.pick(&BUYERS));
                let place = self.place(buyer);
                self.town.command(buyer, Command::Order(place));
            }
            10..=16 => {
                let (by, command) = self.of_order();
                if self.town.order(self.orders.last().copied().unwrap_or_default()).is_some() {
                    self.town.command(by, Command::Order(command));
                }
            }
            17..=22 => {
                let (by, command) = self.of_stock();
                let nth =
                    if let StockCommand::Reserve(reserve) = &command { Some(reserve.stock) } else { None };
                let outcome = self.town.command(by, Command::Stock(command));
                if let (Some(stock), Some(Ok(Answer::Counters(answer)))) = (nth, outcome) {
                    let nth = (1..=ITEMS).find(|&nth| stock_id(nth) == stock).expect("an item");
                    self.reservations.push((by, nth, answer.reservation.expect("a reservation")));
                }
            }
            _ => self.deliver(),
        }
    }

    fn deliver(&mut self) {
        for _ in 0..=self.random.below(4) {
            let lanes: Vec<ActorAddress> = self.town.lanes.keys().copied().collect();
            if lanes.is_empty() {
                return;
            }
            let target = self.random.pick(&lanes);
            self.town.deliver(target);
        }
    }

    /// Lets everything come to rest: effects arrive, and what still waits for lines runs into its deadline.
    fn rest(&mut self) {
        self.town.settle();
        self.now += 5_000_000;
        self.town.now = Timestamp(START.0 + self.now as i64);
        self.town.due();
        self.town.settle();
        self.town.check_quiet(&self.wins);
        for (id, order) in self.town.orders() {
            check_money(&self.town, id, order);
        }
        self.check_holds();
    }

    /// Nobody's money stays held without a cause: a deposit as long as its order waits to be paid.
    fn check_holds(&self) {
        let mut waiting: HashMap<AccountId, u64> = HashMap::new();
        for (_, order) in
            self.town.orders().iter().filter(|(_, order)| order.state() == OrderState::AwaitingPayment)
        {
            *waiting.entry(order.buyer()).or_default() += order.deposits();
        }
        for (id, held) in &self.town.bank.accounts {
            assert_eq!(held.held(), waiting.get(id).copied().unwrap_or(0), "holds of {id}");
        }
    }
}

/// What an order moved in everybody's ledger, counted anew from its lines.
fn check_money(town: &Town, id: OrderId, order: &Order) {
    let net = |account, sub| town.bank.moved(id, account, sub);
    let buyer = order.buyer();
    let expected = if order.state().is_paid() { order.total() - order.refunded() } else { 0 };
    let paid = net(buyer, SubAccount::Cash) + net(buyer, SubAccount::Outside);
    assert_eq!(-paid, expected as i64, "I34: what the buyer of {id} paid, {order:?}");
    let others = net(SELLER, SubAccount::Cash) + net(OPERATOR, SubAccount::Fees);
    assert_eq!(others, expected as i64, "I34: what the others have of {id}, {order:?}");
    // Where nothing was given back but for what was short, the fees are those of what was left.
    let (mut proceeds, mut fees_due, mut total) = (0, 0, 0);
    for line in order.lines() {
        let amount = match line.now.thing {
            Thing::Stock(_) => line.unit_price.map_or(0, |price| price.get()) * line.now.quantity,
            Thing::Lot(_) if line.now.quantity > 0 => line.now.amount,
            Thing::Lot(_) => 0,
        };
        let rounded = |percent: u64| (amount * percent + 50) / 100;
        proceeds += amount - rounded(5);
        fees_due += rounded(10) + rounded(5);
        total += amount + rounded(10);
    }
    if order.state().is_paid() && total == expected {
        assert_eq!(net(SELLER, SubAccount::Cash), proceeds as i64, "the proceeds of {id}");
        assert_eq!(net(OPERATOR, SubAccount::Fees), fees_due as i64, "the fees of {id}");
    }
}

#[test]
fn a_town_conserves_its_stock_and_its_money() {
    assert_eq!(
        fees().buyers_premium,
        Some(FeeTable { bands: vec![(0, 100_000)], fixed: 0, rounding: Rounding::HalfUp })
    );
    let commands = std::sync::atomic::AtomicU64::new(0);
    let causes = std::sync::Mutex::new(BTreeMap::new());
    rounds(ROUNDS, |seed| {
        let mut life = Life::new(seed);
        for nth in 0..STEPS {
            life.step();
            if nth % 100 == 99 {
                life.rest();
            }
        }
        life.rest();
        commands.fetch_add(life.town.commands as u64, std::sync::atomic::Ordering::Relaxed);
        let mut causes = causes.lock().expect("no panic while it is held");
        life.town.causes.iter().for_each(|(cause, times)| *causes.entry(*cause).or_insert(0) += times);
    });
    let causes = causes.into_inner().expect("no panic while it was held");
    println!("{} commands and deliveries; {causes:?}", commands.into_inner());
    // What never happens is not tested. (All the rest is in every run, also of a single seed.)
    if std::env::var_os("VENDUE_SEED").is_none() && std::env::var_os("VENDUE_ROUNDS").is_none() {
        let never: Vec<_> = CAUSES.iter().filter(|cause| !causes.contains_key(**cause)).collect();
        assert!(never.is_empty(), "these never happened: {never:?}");
    }
}
