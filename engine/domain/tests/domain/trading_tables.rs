//! A book's rules as tables: what each order is answered, and what the book looks like afterwards.

use vendue_domain::actor::{Answer, Entity};
use vendue_domain::book::{
    AuctionAction, BookAuction, BookCommand, BookFunding, CancelOrder, CreateBook, ModifyOrder, OrderType,
    PlaceOrder, SelfTrade, Side, TimeInForce,
};
use vendue_domain::id::{BookId, BookOrderId};
use vendue_domain::rejection::Rejection;

use crate::world::{Command, MARKET, OPERATOR, World, account, amount};

pub const BOOK: BookId = BookId::from_u128(77);

pub fn create_book() -> CreateBook {
    CreateBook {
        book: Some(BOOK),
        market: MARKET,
        title: "coffee".to_owned(),
        tick: amount(5),
        lot_size: Some(10),
        reference: None,
        tick_significant_figures: None,
        self_trade: None,
        modify_keeps_place: None,
        funding: None,
        r#ref: None,
        description: None,
    }
}

/// A book, and the orders that were asked for, by their numbers from 1.
struct Script {
    world: World,
    orders: Vec<BookOrderId>,
}

impl Script {
    fn new(create: CreateBook) -> Self {
        let mut world = World::new();
        let create = Command::Book(BookCommand::Create(Box::new(create)));
        world.command(OPERATOR, &create).expect("a book");
        Self { world, orders: Vec::new() }
    }

    fn order(&self, word: &str) -> BookOrderId {
        let nth: usize = word.parse().expect("an order's number");
        self.orders.get(nth - 1).copied().unwrap_or(BookOrderId::from_u128(9_999))
    }

    /// `buy 10 at 100`, `sell 10 market ioc`, then `ioc fok post_only max 500 gtd 1000`.
    fn place(&mut self, words: &[&str]) -> BookCommand {
        self.orders.push(BookOrderId::from_u128(self.world.commands + 1));
        let after = |name: &str| {
            let place = words.iter().position(|&word| word == name)?;
            words.get(place + 1)?.parse::<u64>().ok()
        };
        let has = |name: &str| words.contains(&name);
        let time_in_force = [("ioc", TimeInForce::Ioc), ("fok", TimeInForce::Fok), ("gtd", TimeInForce::Gtd)];
        let time_in_force = time_in_force.into_iter().find(|(name, _)| has(name)).map(|(_, one)| one);
        BookCommand::Place(PlaceOrder {
            book: BOOK,
            side: if words[0] == "buy" { Side::Buy } else { Side::Sell },
            r#type: if has("market") { OrderType::Market } else { OrderType::Limit },
            quantity: words[1].parse().expect("a quantity"),
            price: after("at").map(amount),
            max_amount: after("max").map(amount),
            time_in_force,
            post_only: has("post_only").then_some(true),
            expires_at: after("gtd").map(|ms| self.world.now.plus_ms(ms)),
        })
    }

    /// What a line leads to, in words.
    fn run(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (by, words) = (words[0], &words[1..]);
        let command = match words[0] {
            "buy" | "sell" => self.place(words),
            "cancel" => {
                let (book_order, reason) = (self.order(words[1]), words.get(2).map(|&word| word.to_owned()));
                BookCommand::Cancel(CancelOrder { book: BOOK, book_order, reason })
            }
            "modify" => BookCommand::Modify(ModifyOrder {
                book: BOOK,
                book_order: self.order(words[1]),
                quantity: words.get(2).and_then(|word| word.parse().ok()),
                price: words.get(3).and_then(|word| word.parse().ok()).map(amount),
            }),
            "auction" | "uncross" => BookCommand::Auction(BookAuction {
                book: BOOK,
                action: if words[0] == "auction" { AuctionAction::Start } else { AuctionAction::Uncross },
                ends_at: None,
                duration_ms: words.get(1).and_then(|word| word.parse().ok()),
                random_end_ms: None,
            }),
            "wait" => {
                self.world.now = self.world.now.plus_ms(words[1].parse().expect("milliseconds"));
                let names: Vec<_> = self.world.due().public.iter().map(|one| one.name).collect();
                return names.join(" ");
            }
            "halt" | "resume" => {
                let since = (words[0] == "halt").then_some(self.world.now);
                self.world.change_market(|market| market.halted_since = since);
                let names: Vec<_> = self.world.facts_changed().public.iter().map(|one| one.name).collect();
                return names.join(" ");
            }
            "suspend" => {
                self.world.change_account(account('A'), |facts| facts.suspended_in = vec![MARKET]);
                let names: Vec<_> = self.world.facts_changed().public.iter().map(|one| one.name).collect();
                return names.join(" ");
            }
            "book" => return self.levels(),
            other => panic!("{other}?"),
        };
        let by = if by == "O" { OPERATOR } else { account(by.chars().next().expect("a letter")) };
        match self.world.command(by, &Command::Book(command)) {
            Err(rejection) => rejection.code().to_owned(),
            Ok(outcome) => outcome.answer.map_or("waits".to_owned(), |answer| said(&answer)),
        }
    }

    fn levels(&self) -> String {
        let Entity::Book(book) = self.world.entity() else { panic!("a book") };
        let snapshot = book.snapshot();
        let side = |levels: &[(u64, u64)]| {
            levels.iter().map(|(price, units)| format!("{units}@{price}")).collect::<Vec<_>>().join(" ")
        };
        format!("{} | {}", side(&snapshot.bids), side(&snapshot.asks))
    }
}

fn said(answer: &Answer) -> String {
    match answer {
        Answer::BookOrder(order) => {
            let status = serde_json::to_value(order.status).expect("a word");
            let trades: String =
                order.trades.iter().map(|trade| format!(" {}@{}", trade.quantity, trade.price)).collect();
            format!("{} {}/{}{trades}", status.as_str().expect("a word"), order.filled, order.remaining)
        }
        Answer::BookAuction(auction) => match (auction.price, auction.volume) {
            (Some(price), Some(volume)) => format!("{volume}@{price}"),
            _ => auction.state.name().to_owned(),
        },
        other => format!("{other:?}"),
    }
}

/// Runs lines of `command -> what it leads to`.
fn check(name: &str, create: CreateBook, lines: &[&str]) {
    let mut script = Script::new(create);
    for line in lines {
        let (command, expected) = line.split_once("->").expect("COMMAND -> OUTCOME");
        assert_eq!(script.run(command.trim()).trim(), expected.trim(), "{name}: {command}");
    }
}

#[test]
fn orders() {
    let cases: &[(&str, &[&str])] = &[
        (
            "a trade prints at the resting price",
            &["A sell 20 at 100 -> open 0/20", "B buy 10 at 110 -> filled 10/0 10@100", "- book -> | 10@100"],
        ),
        (
            "price, then time",
            &[
                "A sell 10 at 105 -> open 0/10",
                "B sell 10 at 100 -> open 0/10",
                "C sell 10 at 100 -> open 0/10",
                "D buy 30 at 105 -> filled 30/0 10@100 10@100 10@105",
            ],
        ),
        (
            "ticks, lots and amounts",
            &[
                "A buy 10 at 101 -> price_off_tick",
                "A buy 11 at 100 -> quantity_off_lot",
                "A buy 0 at 100 -> invalid_request",
                "A buy 9007199254740990 at 100 -> amount_out_of_range",
                "A buy 10 -> invalid_request",
                "A buy 10 market at 100 -> invalid_request",
                "N buy 10 at 100 -> forbidden",
            ],
        ),
        (
            "time in force",
            &[
                "A sell 20 at 100 -> open 0/20",
                "B buy 30 at 100 fok -> no_liquidity",
                "B buy 20 at 95 fok -> no_liquidity",
                "B buy 20 at 100 post_only -> would_cross",
                "B buy 30 at 100 ioc -> cancelled 20/10 20@100",
                "B buy 10 at 100 ioc -> cancelled 0/10",
                "B buy 10 market -> no_liquidity",
                "B buy 10 at 90 gtd 1000 -> open 0/10",
                "- wait 999 ->",
                "- wait 1 -> book_changed",
                "- book -> |",
            ],
        ),
        (
            "a market order spends what it may",
            &[
                "A sell 50 at 100 -> open 0/50",
                "B buy 50 market max 2999 -> cancelled 20/30 20@100",
                "B buy 50 market max 999 -> insufficient_funds",
                "B buy 10 at 100 max 999 -> invalid_request",
            ],
        ),
        (
            "modify: smaller keeps its place, anything else does not",
            &[
                "A sell 30 at 100 -> open 0/30",
                "B sell 10 at 100 -> open 0/10",
                "A modify 1 20 -> open 0/20",
                "C buy 10 at 100 -> filled 10/0 10@100",
                "A modify 1 30 -> partly_filled 10/20",
                "C buy 20 at 100 -> filled 20/0 10@100 10@100",
                "B modify 2 20 -> order_not_found",
                "A modify 1 20 -> invalid_request",
                "B modify 1 40 -> order_not_found",
            ],
        ),
        (
            "cancel",
            &[
                "A sell 30 at 100 -> open 0/30",
                "B cancel 1 -> order_not_found",
                "O cancel 1 -> invalid_request",
                "O cancel 1 wrong -> cancelled 0/30",
                "A cancel 1 -> order_not_found",
            ],
        ),
        (
            "halts and suspensions",
            &[
                "A sell 30 at 100 -> open 0/30",
                "B buy 30 at 90 -> open 0/30",
                "- halt -> book_state",
                "A sell 10 at 100 -> market_halted",
                "A modify 1 10 -> market_halted",
                "B cancel 2 -> cancelled 0/30",
                "- resume -> book_state",
                "- suspend -> book_changed",
                "A sell 10 at 100 -> not_qualified",
                "- book -> |",
            ],
        ),
        (
            "a call auction",
            &[
                "A buy 10 at 100 -> open 0/10",
                "A auction -> forbidden",
                "O uncross -> not_allowed_in_state",
                "O auction 1000 -> auction",
                "B sell 20 at 95 -> open 0/20",
                "C buy 10 market -> open 0/10",
                "C buy 10 at 100 ioc -> not_allowed_in_state",
                "C buy 10 at 100 post_only -> not_allowed_in_state",
                "- wait 0 -> auction_indicative",
                "D buy 10 at 100 -> open 0/10",
                "- wait 249 ->",
                "- wait 1 -> auction_indicative",
                "- book -> 20@100 | 20@95",
                "- halt -> book_state",
                "- wait 10000 ->",
                "- resume -> book_state",
                "O uncross -> 20@100",
                "- book -> 10@100 |",
                "B sell 10 at 100 -> filled 10/0 10@100",
            ],
        ),
    ];
    for (name, lines) in cases {
        check(name, create_book(), lines);
    }
}

#[test]
fn self_trades() {
    for (mode, answer, book) in [
        (SelfTrade::CancelNewest, "cancelled 10/20 10@95", "| 10@100 10@105"),
        (SelfTrade::CancelOldest, "filled 30/0 10@95 10@105", "|"),
        (SelfTrade::CancelBoth, "cancelled 10/20 10@95", "| 10@105"),
        (SelfTrade::Allow, "filled 30/0 10@95 10@100 10@105", "|"),
    ] {
        let mut script = Script::new(CreateBook { self_trade: Some(mode), ..create_book() });
        for line in ["B sell 10 at 95", "A sell 10 at 100", "B sell 10 at 105"] {
            script.run(line);
        }
        let expected =
            if mode == SelfTrade::CancelOldest { "partly_filled 20/10 10@95 10@105" } else { answer };
        assert_eq!(script.run("A buy 30 at 105"), expected, "{mode:?}");
        let expected = if mode == SelfTrade::CancelOldest { "10@105 |" } else { book };
        assert_eq!(script.run("- book").trim(), expected, "{mode:?}");
    }
}

#[test]
fn significant_figures() {
    for (tick, figures, price, nearest) in [
        (1, 2, 1_234, Some((1_200, 1_300))),
        (1, 4, 1_234, None),
        (5, 2, 99_950, Some((99_000, 100_000))),
        (25, 1, 130, Some((100, 200))),
        (1, 1, 9, None),
    ] {
        let create = CreateBook {
            tick: amount(tick),
            lot_size: None,
            tick_significant_figures: Some(figures),
            ..create_book()
        };
        let mut world = World::new();
        world.command(OPERATOR, &Command::Book(BookCommand::Create(Box::new(create)))).expect("a book");
        let mut script = Script { world, orders: Vec::new() };
        let place = script.place(&["buy", "1", "at", &price.to_string()]);
        let refused = script.world.command(account('A'), &Command::Book(place)).err();
        let found = refused.map(|refused| match refused {
            Rejection::PriceOffTick(off) => (off.below.unwrap_or(0), off.above.unwrap_or(0)),
            other => panic!("{other:?}"),
        });
        assert_eq!(found, nearest, "{tick} {figures} {price}");
    }
}

/// A funded book asks for a hold first; only the engine's word goes on with it.
#[test]
fn a_funded_order_waits() {
    let create = CreateBook { funding: Some(BookFunding::Full), ..create_book() };
    check(
        "funded",
        create,
        &[
            "A buy 10 market -> invalid_request",
            "A buy 10 at 100 -> waits",
            "A modify 2 20 -> not_allowed_in_state",
            "A cancel 2 -> cancelled 0/10",
            "A cancel 2 -> order_not_found",
        ],
    );
}

/// Answers of every kind, and the rules that only books have, of a new book in this world.
pub fn said_and_refused(world: World) -> Vec<(Option<Answer>, Option<Rejection>)> {
    let mut script = Script { world, orders: Vec::new() };
    let lines = [
        "sell 20 at 100",
        "buy 10 at 101",
        "buy 11 at 100",
        "buy 30 at 100 fok",
        "buy 10 at 100 post_only",
        "buy 30 at 100 ioc",
    ];
    let mut all: Vec<_> = lines
        .iter()
        .zip(['A', 'B', 'B', 'B', 'B', 'B'])
        .map(|(line, by)| {
            let place = script.place(&line.split_whitespace().collect::<Vec<_>>());
            match script.world.command(account(by), &Command::Book(place)) {
                Ok(outcome) => (outcome.answer, None),
                Err(rejection) => (None, Some(rejection)),
            }
        })
        .collect();
    let (book, action) = (BOOK, AuctionAction::Start);
    let start = BookAuction { book, action, ends_at: None, duration_ms: Some(1_000), random_end_ms: None };
    let outcome =
        script.world.command(OPERATOR, &Command::Book(BookCommand::Auction(start))).expect("an auction");
    all.push((outcome.answer, None));
    all
}
