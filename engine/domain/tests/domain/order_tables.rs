//! RULES.md, "Orders": tables of scripts in a small town.
//!
//! A line: `[@TIME] [!] WHO VERB ARGUMENTS = EXPECTED`. After each line all effects are delivered, except after `!`.
//! `s1` sells at 250 and `s2` at 100, `l1` is a lot; `o1` is an order; `A1` is A's first reservation. The market takes 10 %
//! from buyers and 5 % from sellers. Expected: `STATE TOTAL` of an answer, `...` where it waits, or a rejection's code.

use std::collections::HashMap;
use std::sync::Arc;

use vendue_domain::actor::{Answer, Command};
use vendue_domain::amount::Currency;
use vendue_domain::fees::{FeeSchedule, FeeTable, Rounding};
use vendue_domain::id::{AccountId, HoldId, LotId, MarketId, OrderId, ReservationId, StockId};
use vendue_domain::lot::won_order;
use vendue_domain::money::SubAccount;
use vendue_domain::order::{
    CancelOrder, CompleteOrder, LineRequest, MarkDelivered, MarkPaid, OpenWonOrder, OrderCommand, PayOrder,
    PlaceOrder, RefundOrder,
};
use vendue_domain::rejection::Rejection;
use vendue_domain::stock::{CreateStock, ReleaseStock, ReserveStock, ReturnStock, ShipStock, StockCommand};
use vendue_domain::time::Timestamp;

use crate::lot_script::micros;
use crate::order_town::{Outcome, Town};
use crate::stock_tables::create_stock;
use crate::world::{MARKET, OPERATOR, SELLER, START, account, amount, market_facts};

struct Case {
    rule: &'static str,
    steps: &'static [&'static str],
}

/// 10 % from buyers, 5 % from sellers.
pub fn fees() -> FeeSchedule {
    let table = |ppm| FeeTable { bands: vec![(0, ppm)], fixed: 0, rounding: Rounding::HalfUp };
    FeeSchedule { version: 1, buyers_premium: Some(table(100_000)), sellers_commission: Some(table(50_000)) }
}

pub fn stock_id(nth: u64) -> StockId {
    StockId::from_u128(600 + u128::from(nth))
}

pub fn order_id(nth: u64) -> OrderId {
    OrderId::from_u128(800 + u128::from(nth))
}

pub fn lot_id(nth: u64) -> LotId {
    LotId::from_u128(500 + u128::from(nth))
}

/// A town with fees and items; everybody has 10,000.
pub fn town(items: &[(u64, &str)]) -> Town {
    let mut town = Town::new();
    let mut market = market_facts(2);
    market.fees = Some(Arc::new(fees()));
    town.facts.learn(&vendue_domain::facts::FactChange::Market((MARKET, market)));
    for (nth, (price, text)) in (1..).zip(items) {
        let create = CreateStock { stock: Some(stock_id(nth)), price: amount(*price), ..create_stock(text) };
        let outcome = town.command(SELLER, Command::Stock(StockCommand::Create(Box::new(create))));
        outcome.expect("an answer").expect("created");
    }
    for bidder in 'A'..='D' {
        town.deposit(account(bidder), 10_000);
    }
    town
}

/// What a lot's close tells: won by `buyer` at `hammer`.
pub fn won(lot: u64, buyer: AccountId, hammer: u64) -> OpenWonOrder {
    let fees = fees();
    OpenWonOrder {
        order: won_order(lot_id(lot), buyer),
        lot: lot_id(lot),
        market: MARKET,
        currency: Currency::new("EUR").expect("a currency"),
        buyer,
        seller: SELLER,
        title: "A clock".to_owned(),
        quantity: 1,
        hammer: amount(hammer),
        premium: fees.premium(amount(hammer)),
        commission: fees.commission(amount(hammer)),
        hold: None,
        deposit: None,
        tender: false,
        fees: Some(Arc::new(fees)),
        closed_at: START,
        deposit_amount: None,
    }
}

struct Script {
    town: Town,
    names: HashMap<String, OrderId>,
    reservations: HashMap<String, ReservationId>,
    wins: Vec<(LotId, AccountId)>,
}

fn check(cases: &[Case]) {
    for case in cases {
        let mut script = Script {
            town: town(&[(250, "on_hand=10"), (100, "on_hand=4")]),
            names: HashMap::new(),
            reservations: HashMap::new(),
            wins: Vec::new(),
        };
        for (line, step) in (1..).zip(case.steps) {
            let (action, expected) = step.split_once(" = ").unwrap_or((step, ""));
            let said = script.run(action);
            assert_eq!(said, expected, "{} (step {line}: {step})", case.rule);
        }
        script.town.settle();
        // An entry that was refused stays in clearing until an operator has seen to it.
        if script.town.bank.refuses.is_none() {
            script.town.check_quiet(&script.wins);
        }
    }
}

/// A town in which everything has happened once, with its records.
pub fn tour() -> Town {
    let mut script = Script {
        town: town(&[(250, "on_hand=10"), (100, "at=north:3:60,10 at=south:2:40,10 limit=9")]),
        names: HashMap::new(),
        reservations: HashMap::new(),
        wins: Vec::new(),
    };
    script.town.recorded = Some(Vec::new());
    for step in [
        "A reserve s1 2",
        "A place o1 A1 s2*4",
        "A pay o1",
        "S ship o1 s1 1",
        "S ship o1 s1",
        "S ship o1 s2",
        "S deliver o1",
        "S return o1 s1 1",
        "O refund o1 250",
        "B place o2 s1*1 s2*9",
        "win l1 B 1000 deposit=300",
        "win l2 B 500 hold=550",
        "win l3 C 500 lost",
        "B place o3 l1 s1*1",
        "B pay o3",
        "! O cancel o3",
        "S deliver l2",
        "B complete l2",
        "win l4 C 700",
        "C place o4 l4 s2*9",
        "C cancel l4",
        "C place o5 s1*3",
        "@3600s D place o6 s1*7",
        "C pay o5",
        "O mark_paid o6",
        "bank refuses S",
        "O refund o6",
        "@600h state o1",
    ] {
        script.run(step);
    }
    script.town.settle();
    script.town
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

impl Script {
    fn run(&mut self, action: &str) -> String {
        let mut words: Vec<&str> = action.split_whitespace().collect();
        if let Some(time) = words.first().and_then(|word| word.strip_prefix('@')) {
            words.remove(0);
            self.town.now = Timestamp(START.0 + micros(time));
            self.town.due();
            if words.first() != Some(&"!") {
                self.town.settle();
            }
        }
        let waits = words.first() == Some(&"!");
        if waits {
            words.remove(0);
        }
        self.town.told.clear();
        if words.first() == Some(&"settle;") {
            words.remove(0);
            self.town.settle();
        }
        let said = self.act(&words, waits);
        if !waits {
            self.town.settle();
        }
        said
    }

    fn act(&mut self, words: &[&str], waits: bool) -> String {
        match *words {
            [] => return String::new(),
            ["halt"] => {
                let mut market = self.town.facts.market(MARKET).cloned().expect("a market");
                (market.halted_since, market.version) = (Some(self.town.now), market.version + 1);
                self.town.facts.learn(&vendue_domain::facts::FactChange::Market((MARKET, market)));
                return String::new();
            }
            ["bank", "refuses", who] => {
                self.town.bank.refuses = Some(who_is(who));
                return String::new();
            }
            ["win", lot, who, hammer, ref more @ ..] => return self.win(lot, who, hammer, more),
            ["state", name] => return self.state(name),
            ["deliver", name] => {
                self.town.deliver(self.named(name).into());
                return String::new();
            }
            ["lines", name] => return self.lines(name),
            ["unbooked", name] => {
                let order = self.town.order(self.named(name)).expect("an order");
                return order.unbooked().len().to_string();
            }
            ["money", who] => return self.money(who),
            ["stock", item] => return self.counters(item),
            ["told", who] => return self.last_told(who),
            ["outside"] => {
                let asked = self.town.outside.drain(..);
                let text: Vec<_> = asked.map(|one| format!("{} {}", one.kind.name(), one.amount)).collect();
                return text.join(", ");
            }
            _ => {}
        }
        let (by, command) = (who_is(words[0]), self.command(&words[1..]));
        let outcome = self.town.command(by, command);
        let id = self.town.commands;
        if outcome.is_none() && !waits {
            self.town.settle();
        }
        let outcome = outcome.or_else(|| self.town.answers.remove(&id));
        if let (Some(Ok(Answer::Counters(answer))), "reserve") = (&outcome, words[1]) {
            let free = |name: &String| !self.reservations.contains_key(name);
            let name = (1..).map(|nth| format!("{}{nth}", words[0])).find(free).expect("a name");
            self.reservations.insert(name, answer.reservation.expect("a reservation"));
        }
        said(outcome.as_ref())
    }

    fn named(&self, name: &str) -> OrderId {
        self.names.get(name).copied().unwrap_or_else(|| order_id(number(&name[1..])))
    }

    fn win(&mut self, lot: &str, who: &str, hammer: &str, more: &[&str]) -> String {
        let buyer = who_is(who);
        let mut won = won(number(&lot[1..]), buyer, number(hammer));
        let hold = HoldId::from_u128(u128::from(number(&lot[1..])));
        for word in more {
            match word.split_once('=') {
                Some(("hold", held)) => {
                    won.hold = Some(hold);
                    self.town.hold(buyer, hold, number(held));
                }
                // The lot thinks that it holds, and it does not.
                None if *word == "lost" => won.hold = Some(hold),
                Some(("deposit", held)) => {
                    won.deposit = Some(hold);
                    won.deposit_amount = Some(amount(number(held)));
                    self.town.hold(buyer, hold, number(held));
                }
                Some(("seller", seller)) => won.seller = who_is(seller),
                _ => panic!("no such thing about a win: {word}"),
            }
        }
        self.names.insert(lot.to_owned(), won.order);
        self.wins.push((won.lot, buyer));
        self.town.ask(Command::Order(OrderCommand::OpenWon(Box::new(won))));
        self.town.settle();
        self.state(lot)
    }

    fn state(&self, name: &str) -> String {
        let Some(order) = self.town.order(self.named(name)) else { return "none".to_owned() };
        let refunded = if order.refunded() > 0 { format!(" -{}", order.refunded()) } else { String::new() };
        format!("{} {}{refunded}", order.state().name(), order.total())
    }

    /// `quantity/shipped/returned/short` of each line.
    fn lines(&self, name: &str) -> String {
        let order = self.town.order(self.named(name)).expect("an order");
        let lines = order.lines().iter().map(|line| line.now);
        let text =
            lines.map(|now| format!("{}/{}/{}/{}", now.quantity, now.shipped, now.returned, now.short));
        text.collect::<Vec<_>>().join(" ")
    }

    fn money(&self, who: &str) -> String {
        let account = self.town.bank.accounts.get(&who_is(who)).cloned().unwrap_or_default();
        let (cash, fees) = (account.has(SubAccount::Cash), account.has(SubAccount::Fees));
        format!("cash {cash} fees {fees} held {}", account.held())
    }

    fn counters(&self, item: &str) -> String {
        let stock = self.town.stock()[&stock_id(number(&item[1..]))].counters();
        format!("{}/{}/{}/{}", stock.on_hand, stock.allocated, stock.reserved, stock.available)
    }

    fn last_told(&self, who: &str) -> String {
        // What its account says of its balance stands in the accounts' tables.
        let of_accounts = |name: &str| name.starts_with("balance_") || name.starts_with("hold_");
        let told = self.town.told.iter();
        let told = told.filter(|(account, one)| *account == who_is(who) && !of_accounts(one.name));
        let text = told.map(|(_, publication)| {
            let data = serde_json::to_value(&publication.data).expect("JSON");
            match publication.name {
                "order_changed" => {
                    format!("{} {} {}", data["state"], data["cause"], data["total"]).replace('"', "")
                }
                name => name.to_owned(),
            }
        });
        text.collect::<Vec<_>>().join(", ")
    }

    fn command(&self, words: &[&str]) -> Command {
        let reason = || Some("so it is".to_owned());
        let of = |name: &str| self.named(name);
        Command::Order(match *words {
            ["place", name, ref lines @ ..] => {
                let market = lines.iter().find_map(|line| line.strip_prefix("market="));
                OrderCommand::Place(Box::new(PlaceOrder {
                    order: Some(of(name)),
                    market: market.map(|id| MarketId::from_u128(u128::from(number(id)))),
                    lines: lines
                        .iter()
                        .filter(|line| !line.starts_with("market="))
                        .map(|line| self.line(line))
                        .collect(),
                    near: None,
                    found: Vec::new(),
                }))
            }
            ["pay", name] => OrderCommand::Pay(PayOrder { order: of(name), reason: None }),
            ["mark_paid", name] => {
                let reference = Some("bank 17".to_owned());
                OrderCommand::MarkPaid(MarkPaid { order: of(name), reason: reason(), reference })
            }
            ["cancel", name] => OrderCommand::Cancel(CancelOrder { order: of(name), reason: reason() }),
            ["refund", name] => OrderCommand::Refund(RefundOrder {
                order: of(name),
                amount: None,
                reason: "broken".to_owned(),
            }),
            ["refund", name, part] => {
                let amount = Some(amount(number(part)));
                OrderCommand::Refund(RefundOrder { order: of(name), amount, reason: "scratched".to_owned() })
            }
            ["deliver", name] => {
                OrderCommand::MarkDelivered(MarkDelivered { order: of(name), reason: reason() })
            }
            ["complete", name] => OrderCommand::Complete(CompleteOrder { order: of(name), reason: reason() }),
            _ => return Command::Stock(self.stock_command(words)),
        })
    }

    fn stock_command(&self, words: &[&str]) -> StockCommand {
        let stock = |item: &str| stock_id(number(&item[1..]));
        let (strategy, near, location, reason) = (None, None, None, None);
        match *words {
            ["reserve", item, quantity] => StockCommand::Reserve(ReserveStock {
                stock: stock(item),
                quantity: number(quantity),
                ttl_ms: None,
                strategy,
                near,
            }),
            ["release", item, name] => StockCommand::Release(ReleaseStock {
                stock: Some(stock(item)),
                reservation: self.reservations[name],
            }),
            ["ship", name, item, ref more @ ..] => {
                let quantity = more.first().map(|text| number(text));
                let (stock, order, line) = (stock(item), self.named(name), None);
                StockCommand::Ship(Box::new(ShipStock { stock, order, line, quantity, location, reason }))
            }
            ["return", name, item, ref more @ ..] => {
                let quantity = more.first().map(|text| number(text));
                let (stock, order, line) = (stock(item), self.named(name), None);
                StockCommand::Return(Box::new(ReturnStock { stock, order, line, quantity, location, reason }))
            }
            _ => panic!("nothing anybody understands: {words:?}"),
        }
    }

    /// `s1*3`, `A1`, `l1`.
    fn line(&self, text: &str) -> LineRequest {
        let none = LineRequest::default();
        if let Some((item, quantity)) = text.split_once('*') {
            let stock = Some(stock_id(number(&item[1..])));
            return LineRequest { stock, quantity: Some(number(quantity)), ..none };
        }
        match text.chars().next() {
            Some('l') => LineRequest { lot: Some(lot_id(number(&text[1..]))), ..none },
            Some('-') => none,
            _ => {
                let reservation = self.reservations.get(text).copied().unwrap_or_default();
                LineRequest { reservation: Some(reservation), ..none }
            }
        }
    }
}

fn who_is(word: &str) -> AccountId {
    match word {
        "O" => OPERATOR,
        "S" => SELLER,
        _ => account(word.chars().next().expect("a letter")),
    }
}

fn said(outcome: Option<&Outcome>) -> String {
    match outcome {
        None => "...".to_owned(),
        Some(Ok(Answer::Order(answer))) => format!("{} {}", answer.state, answer.total),
        Some(Ok(Answer::Counters(answer))) => format!("{} available", answer.available),
        Some(Ok(other)) => format!("{other:?}"),
        Some(Err(Rejection::InsufficientFunds(details))) => {
            format!("insufficient_funds {} of {}", details.available, details.needed)
        }
        Some(Err(Rejection::OutOfStock(details))) => format!("out_of_stock {}", details.available),
        Some(Err(Rejection::NotAllowedInState(details))) => format!("not_allowed_in_state {}", details.state),
        Some(Err(Rejection::InvalidRequest(details))) => format!("invalid_request {}", details.field),
        Some(Err(rejection)) => rejection.code().to_owned(),
    }
}

#[test]
fn placing() {
    check(&[
        Case {
            rule: "all or nothing: reserve each, release all if one fails",
            steps: &[
                "A place o1 s1*3 s2*5 = out_of_stock 4",
                "stock s1 = 10/0/0/10",
                "state o1 = cancelled 825",
                "told A = ",
                "A place o2 s1*3 s2*4 = awaiting_payment 1265",
                "stock s1 = 10/0/3/7",
                "stock s2 = 4/0/4/0",
                "outside = payment 1265",
            ],
        },
        Case {
            rule: "the demand is summed for each stock item first",
            steps: &[
                "A place o1 s2*2 s2*3 = out_of_stock 4",
                "A place o2 s2*2 s2*2 = awaiting_payment 440",
                "lines o2 = 4/0/0/0",
            ],
        },
        Case {
            rule: "answered when every line is reserved",
            steps: &[
                "! A place o1 s1*1 = ...",
                "! A cancel o1 = not_allowed_in_state placing",
                "! state o1 = placing 0",
                "stock s1 = 10/0/0/10",
                "state o1 = awaiting_payment 275",
            ],
        },
        Case {
            rule: "a reservation of the buyer becomes the order's; nobody else's does, nor twice",
            steps: &[
                "A reserve s1 2 = 8 available",
                "B place o1 A1 = forbidden",
                "A place o2 A1 s1*1 = awaiting_payment 825",
                "lines o2 = 2/0/0/0 1/0/0/0",
                "A place o3 A1 = reservation_not_active",
                "A place o4 A1 A1 = invalid_request lines",
                "A place o5 A9 = not_found",
                "A release s1 A1 = reservation_not_active",
            ],
        },
        Case {
            rule: "a line names exactly one thing; 1 to 100 lines",
            steps: &[
                "A place o1 = invalid_request lines",
                "A place o1 - = invalid_request lines",
                "A place o1 s1*0 = invalid_request lines",
                "A place o6 l7 = ...",
                "X place o1 s1*1 = forbidden",
                "N place o1 s1*1 = forbidden",
                "N place o2 s1*1 market=7 = forbidden",
                "A place o3 s1*1 market=8 = not_found",
                "A place o4 s1*1 market=7 = awaiting_payment 275",
                "@5s state o6 = cancelled 0",
            ],
        },
        Case {
            rule: "placed again with the same content it is the same order, with other content it exists already",
            steps: &[
                "A place o1 s1*1 = awaiting_payment 275",
                "A place o1 s1*1 = awaiting_payment 275",
                "A place o1 s1*2 = already_exists",
                "B place o1 s1*1 = already_exists",
            ],
        },
        Case {
            rule: "an item that does not answer in time undoes it: unavailable, and nothing stays reserved",
            steps: &[
                "A place o1 s1*1 s9*1 = ...",
                "stock s1 = 10/0/1/9",
                "@4999ms state o1 = placing 275",
                "@5s state o1 = cancelled 275",
                "stock s1 = 10/0/0/10",
            ],
        },
        Case {
            rule: "a halted market takes no new reservations, but what is reserved is paid",
            steps: &[
                "A place o1 s1*1 = awaiting_payment 275",
                "halt",
                "A place o2 s1*1 = market_halted",
                "A place o3 s1*1 market=7 = market_halted",
                "A pay o1 = paid 275",
            ],
        },
    ]);
}

#[test]
fn paying() {
    check(&[
        Case {
            rule: "from the buyer's balance: sellers get the price less commission, the market premium and commission",
            steps: &[
                "A place o1 s1*3 = awaiting_payment 825",
                "B pay o1 = forbidden",
                "O pay o1 = forbidden",
                "A pay o1 = paid 825",
                "money A = cash 9175 fees 0 held 0",
                "money S = cash 712 fees 0 held 0",
                "money O = cash 0 fees 113 held 0",
                "stock s1 = 10/3/0/7",
                "A pay o1 = not_allowed_in_state paid",
                "outside = payment 825, payment_withdrawn 825",
            ],
        },
        Case {
            rule: "without the money it goes on waiting",
            steps: &[
                "D place o1 s1*10 = awaiting_payment 2750",
                "D place o2 s2*4 = awaiting_payment 440",
                "win l1 D 8000 hold=8800 = paid 8800",
                "D pay o1 = insufficient_funds 1200 of 2750",
                "state o1 = awaiting_payment 2750",
                "D pay o2 = paid 440",
                "O mark_paid o1 = paid 2750",
                "money D = cash 760 fees 0 held 0",
            ],
        },
        Case {
            rule: "marked paid by an operator: the money comes from outside",
            steps: &[
                "A place o1 s2*1 = awaiting_payment 110",
                "A mark_paid o1 = forbidden",
                "O mark_paid o1 = paid 110",
                "money A = cash 10000 fees 0 held 0",
                "money S = cash 95 fees 0 held 0",
                "outside = payment 110",
                "O mark_paid o1 = not_allowed_in_state paid",
            ],
        },
        Case {
            rule: "a won lot whose winner's money is held is paid at once, exactly the price plus fees; the rest is free again",
            steps: &[
                "win l1 A 1000 hold=1500 = paid 1100",
                "money A = cash 8900 fees 0 held 0",
                "money S = cash 950 fees 0 held 0",
                "money O = cash 0 fees 150 held 0",
                "outside = ",
            ],
        },
        Case {
            rule: "a hold that turns out not to be there: it waits for the payment like any other",
            steps: &[
                "win l1 A 1000 lost = awaiting_payment 1100",
                "outside = payment 1100",
                "A pay l1 = paid 1100",
            ],
        },
        Case {
            rule: "a deposit goes towards the payment, from the balance or outside",
            steps: &[
                "win l1 A 1000 deposit=300 = awaiting_payment 1100",
                "outside = payment 800",
                "money A = cash 10000 fees 0 held 300",
                "A pay l1 = paid 1100",
                "money A = cash 8900 fees 0 held 0",
                "win l2 B 1000 deposit=300 = awaiting_payment 1100",
                "O mark_paid l2 = paid 1100",
                "money B = cash 9700 fees 0 held 0",
            ],
        },
        Case {
            rule: "a deposit that covers it pays it",
            steps: &["win l1 A 100 deposit=300 = paid 110", "money A = cash 9890 fees 0 held 0"],
        },
        Case {
            rule: "while a payment is under way nothing else moves it",
            steps: &[
                "A place o1 s1*1 = awaiting_payment 275",
                "! A pay o1 = ...",
                "! A pay o1 = not_allowed_in_state paying",
                "! A cancel o1 = not_allowed_in_state paying",
                "! O mark_paid o1 = not_allowed_in_state paying",
                "state o1 = awaiting_payment 275",
                "state o1 = paid 275",
            ],
        },
        Case {
            rule: "who buys of itself, or runs the market, pays like everybody",
            steps: &["win l1 A 1000 hold=1100 seller=A = paid 1100", "money A = cash 9850 fees 0 held 0"],
        },
    ]);
}

#[test]
fn shortfalls() {
    check(&[
        Case {
            rule: "paid after its reservation lapsed: allocate what is there, say stock_shortfall, refund the rest",
            steps: &[
                "A place o1 s1*8 s2*1 = awaiting_payment 2310",
                "@3600s stock s1 = 10/0/0/10",
                "B place o2 s1*7 = awaiting_payment 1925",
                "! A pay o1 = ...",
                "settle; told A = paid paid_from_balance 2310, paid stock_shortfall 2310, stock_shortfall",
                "state o1 = paid 2310 -1375",
                "lines o1 = 3/0/0/5 1/0/0/0",
                "stock s1 = 10/3/7/0",
                "money A = cash 9065 fees 0 held 0",
                "money S = cash 807 fees 0 held 0",
                "money O = cash 0 fees 128 held 0",
                "S ship o1 s1 = 0 available",
                "B pay o2 = paid 1925",
            ],
        },
        Case {
            rule: "nothing of it is there any more: refunded",
            steps: &[
                "A place o1 s2*4 = awaiting_payment 440",
                "@3600s B place o2 s2*4 = awaiting_payment 440",
                "A pay o1 = paid 440",
                "state o1 = refunded 440 -440",
                "money A = cash 10000 fees 0 held 0",
                "money S = cash 0 fees 0 held 0",
                "money O = cash 0 fees 0 held 0",
                "O refund o1 = not_allowed_in_state refunded",
            ],
        },
        Case {
            rule: "unpaid for 14 days: cancelled; one with a won lot is not",
            steps: &[
                "A place o1 s1*1 = awaiting_payment 275",
                "win l1 A 100 = awaiting_payment 110",
                "@335h state o1 = awaiting_payment 275",
                "@336h state o1 = cancelled 275",
                "state l1 = awaiting_payment 110",
                "A pay o1 = not_allowed_in_state cancelled",
                "outside = payment 275, payment 110, payment_withdrawn 275",
            ],
        },
    ]);
}

#[test]
fn undoing() {
    check(&[
        Case {
            rule: "cancelled before it is paid: reservations and deposits are given back",
            steps: &[
                "A place o1 s1*1 = awaiting_payment 275",
                "B cancel o1 = forbidden",
                "S cancel o1 = forbidden",
                "A cancel o1 = cancelled 275",
                "stock s1 = 10/0/0/10",
                "A cancel o1 = not_allowed_in_state cancelled",
                "win l1 A 1000 deposit=300 = awaiting_payment 1100",
                "O cancel l1 = cancelled 1100",
                "money A = cash 10000 fees 0 held 0",
            ],
        },
        Case {
            rule: "cancelled after it is paid, before it is shipped, by an operator: refunded too",
            steps: &[
                "A place o1 s1*2 s2*1 = awaiting_payment 660",
                "A pay o1 = paid 660",
                "A cancel o1 = not_allowed_in_state paid",
                "! O cancel o1 = ...",
                "! O refund o1 = not_allowed_in_state cancelling",
                "stock s1 = 10/2/0/8",
                "state o1 = cancelled 660 -660",
                "stock s1 = 10/0/0/10",
                "money A = cash 10000 fees 0 held 0",
                "money S = cash 0 fees 0 held 0",
                "money O = cash 0 fees 0 held 0",
            ],
        },
        Case {
            rule: "shipped in the moment of its cancellation: what was shipped stays sold, the rest is given back",
            steps: &[
                "A place o1 s1*2 s2*1 = awaiting_payment 660",
                "A pay o1 = paid 660",
                "! S ship o1 s1 1 = 8 available",
                "O cancel o1 = fulfilling 660",
                "state o1 = fulfilling 660 -385",
                "lines o1 = 1/1/0/1 0/0/0/1",
                "stock s1 = 9/0/0/9",
                "money A = cash 9725 fees 0 held 0",
                "O cancel o1 = not_allowed_in_state fulfilling",
            ],
        },
        Case {
            rule: "a won lot's order is cancelled with its money too",
            steps: &[
                "win l1 A 1000 hold=1100 = paid 1100",
                "O cancel l1 = cancelled 1100",
                "money A = cash 10000 fees 0 held 0",
            ],
        },
        Case {
            rule: "a part is given back by everybody in proportion to what it has; the whole is exactly all of it",
            steps: &[
                "A place o1 s1*3 = awaiting_payment 825",
                "A pay o1 = paid 825",
                "A refund o1 = forbidden",
                "O refund o1 826 = invalid_request amount",
                "O refund o1 100 = paid 825",
                "money S = cash 625 fees 0 held 0",
                "money O = cash 0 fees 100 held 0",
                "O refund o1 = refunded 825",
                "money A = cash 10000 fees 0 held 0",
                "money S = cash 0 fees 0 held 0",
                "money O = cash 0 fees 0 held 0",
                "stock s1 = 10/0/0/10",
                "O refund o1 = not_allowed_in_state refunded",
            ],
        },
        Case {
            rule: "an entry that an account refuses is never passed over in silence",
            steps: &[
                "A place o1 s2*1 = awaiting_payment 110",
                "A pay o1 = paid 110",
                "bank refuses S",
                "O refund o1 = refunded 110",
                "unbooked o1 = 1",
                "money S = cash 95 fees 0 held 0",
            ],
        },
    ]);
}

#[test]
fn delivering() {
    check(&[
        Case {
            rule: "paid, fulfilling, delivered, completed",
            steps: &[
                "A place o1 s1*2 = awaiting_payment 550",
                "S ship o1 s1 = order_not_found",
                "A pay o1 = paid 550",
                "S deliver o1 = not_allowed_in_state paid",
                "S ship o1 s1 1 = 8 available",
                "state o1 = fulfilling 550",
                "S deliver o1 = not_allowed_in_state fulfilling",
                "S ship o1 s1 = 8 available",
                "B deliver o1 = forbidden",
                "A complete o1 = not_allowed_in_state fulfilling",
                "S deliver o1 = delivered 550",
                "B complete o1 = forbidden",
                "A complete o1 = completed 550",
                "S return o1 s1 = order_not_found",
                "O refund o1 50 = refunded_in_part 550",
            ],
        },
        Case {
            rule: "14 days after its delivery nothing can be returned any more",
            steps: &[
                "win l1 A 100 hold=110 = paid 110",
                "S deliver l1 = delivered 110",
                "@335h state l1 = delivered 110",
                "@336h state l1 = completed 110",
            ],
        },
        Case {
            rule: "what comes back is the stock's again; the refund is an operator's",
            steps: &[
                "A place o1 s1*2 = awaiting_payment 550",
                "A pay o1 = paid 550",
                "S ship o1 s1 = 8 available",
                "S deliver o1 = delivered 550",
                "S return o1 s1 1 = 9 available",
                "state o1 = returned 550",
                "lines o1 = 2/2/1/0",
                "O refund o1 275 = refunded_in_part 550",
                "S return o1 s1 = 10 available",
                "O refund o1 = refunded 550",
                "money A = cash 10000 fees 0 held 0",
                "@400h S return o1 s1 = order_not_found",
            ],
        },
        Case {
            rule: "the buyer hears of the whole, a seller of its lines, nobody of what was never placed",
            steps: &[
                "A place o1 s1*2 = awaiting_payment 550",
                "! A pay o1 = ...",
                "settle; told A = paid paid_from_balance 550, reservation_committed",
                "win l1 B 100 hold=110 = paid 110",
            ],
        },
    ]);
}

#[test]
fn merging() {
    check(&[
        Case {
            rule: "a won lot brings its existing order in, which ends as merged; its deposit goes along",
            steps: &[
                "win l1 A 1000 deposit=300 = awaiting_payment 1100",
                "A place o1 l1 s2*1 = awaiting_payment 1210",
                "state l1 = cancelled 1100",
                "A pay l1 = not_allowed_in_state cancelled",
                "A pay o1 = paid 1210",
                "money A = cash 8790 fees 0 held 0",
                "money S = cash 1045 fees 0 held 0",
                "outside = payment 800, payment 910, payment_withdrawn 800, payment_withdrawn 910",
            ],
        },
        Case {
            rule: "not placed: it goes on by itself",
            steps: &[
                "win l1 A 1000 deposit=300 = awaiting_payment 1100",
                "A place o1 l1 s2*5 = out_of_stock 4",
                "state l1 = awaiting_payment 1100",
                "money A = cash 10000 fees 0 held 300",
                "A pay l1 = paid 1100",
            ],
        },
        Case {
            rule: "only one's own, unpaid, once",
            steps: &[
                "win l1 A 1000 hold=1100 = paid 1100",
                "A place o1 l1 = not_allowed_in_state paid",
                "win l2 A 100 = awaiting_payment 110",
                "B place o2 l2 = ...",
                "A place o3 l2 l2 = invalid_request lines",
                "A place o4 l2 = awaiting_payment 110",
                "A place o5 l2 = not_allowed_in_state cancelled",
                "A cancel o4 = cancelled 110",
                "@5s state o2 = cancelled 0",
            ],
        },
        Case {
            rule: "while it is lent nothing moves it",
            steps: &[
                "win l1 A 1000 = awaiting_payment 1100",
                "! A place o1 l1 = ...",
                "! deliver l1",
                "! A pay l1 = not_allowed_in_state merging",
                "! O cancel l1 = not_allowed_in_state merging",
                "! state o1 = placing 0",
                "state l1 = awaiting_payment 1100",
                "state l1 = cancelled 1100",
                "state o1 = awaiting_payment 1100",
            ],
        },
    ]);
}
