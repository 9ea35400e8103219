//! An account's money as lines of text: what happens, and what is said of it. Every event is also checked by the books of
//! `vendue_domain::invariants::money`, which know nothing of the rules.

use serde_json::{Map, Value};
use vendue_domain::account::{
    Account, AccountCommand, CollectFees, Correct, CountRetraction, Deposit, Withdraw,
};
use vendue_domain::actor::{Answer, Entity, Event};
use vendue_domain::amount::{AMOUNT_MAX, Amount, Currency};
use vendue_domain::context::Stamp;
use vendue_domain::facts::Standing;
use vendue_domain::id::{AccountId, EntryId, HoldId, Id, LotId, OrderId, StockId};
use vendue_domain::invariants::money::Books;
use vendue_domain::limits;
use vendue_domain::lot::LotCommand;
use vendue_domain::money::{
    Asker, Asset, CaptureHold, EntryKind, Line, PlaceHold, PostEntry, ReleaseHold, Settled, SubAccount,
};
use vendue_domain::order::OrderCommand;
use vendue_domain::rejection::Rejection;

use crate::world::{Command, MARKET, OPERATOR, Outcome, World, create_account};

/// The account of all scripts.
pub const PARTY: AccountId = AccountId::from_u128(71);
pub const STOCK: StockId = StockId::from_u128(66);

pub fn eur() -> Asset {
    Asset::Money(Currency::new("EUR").expect("a currency"))
}

/// `EUR` and the like; `nails`, the goods of a stock item.
pub fn asset(word: &str) -> Asset {
    match word {
        "nails" => Asset::Goods(STOCK.0),
        currency => Asset::Money(Currency::new(currency).expect("a currency")),
    }
}

/// `L9`, a lot; `O9`, an order.
fn asker(word: &str) -> Asker {
    let number = word[1..].parse().expect("L or O and a number");
    if word.starts_with('L') {
        Asker::Lot(LotId::from_u128(number))
    } else {
        Asker::Order(OrderId::from_u128(number))
    }
}

/// `MAX`, `MAX-1` or a number.
pub fn size(word: &str) -> u64 {
    match word.strip_prefix("MAX") {
        Some(less) => AMOUNT_MAX - less.strip_prefix('-').map_or(0, |less| less.parse().expect("a number")),
        None => word.parse().expect("a number"),
    }
}

/// An account and its books.
pub struct Script {
    pub world: World,
    pub books: Books,
    pub account: AccountId,
}

impl Script {
    /// An account that has nothing.
    pub fn new() -> Self {
        Self::of(PARTY)
    }

    /// The same with another id.
    pub fn of(account: AccountId) -> Self {
        let mut world = World::new();
        world.command(OPERATOR, &create_account(account.0.as_u128(), "Ada")).expect("created");
        Self { world, books: Books::default(), account }
    }

    /// The platform's own account, which does not exist yet.
    pub fn house() -> Self {
        Self { world: World::new(), books: Books::default(), account: AccountId::HOUSE }
    }

    pub fn state(&self) -> &Account {
        let Entity::Account(account) = self.world.entity() else { panic!("an account") };
        account
    }

    /// Does what a line says, and says what came of it.
    pub fn act(&mut self, line: &str) -> String {
        let command = self.command_of(line);
        self.run(&command)
    }

    /// Decides a command, as the operator or the engine, whoever may give it.
    pub fn run(&mut self, command: &AccountCommand) -> String {
        let is_clients = is_operators(command);
        let wrapped = Command::Account(command.clone());
        let outcome = if is_clients {
            self.world.command(OPERATOR, &wrapped)
        } else {
            self.world.command_as(AccountId::default(), Standing::ENGINE, &wrapped)
        };
        if let Ok(outcome) = &outcome {
            self.check(outcome);
        }
        self.said(&outcome)
    }

    /// Decides what a line says, whoever may ask for it; its answer and events as they are.
    pub fn decide(&mut self, line: &str) -> Result<Outcome, Rejection> {
        let command = Command::Account(self.command_of(line));
        self.world.command_as(OPERATOR, Standing::ENGINE.with(Standing::OPERATOR), &command)
    }

    fn check(&mut self, outcome: &Outcome) {
        for event in &outcome.events {
            let Event::Account(event) = event else { panic!("an account's event") };
            self.books.take(self.account, event).expect("the books are right");
        }
    }

    /// What its events cause: answers to who asked.
    pub fn settled(&self, outcome: &Outcome) -> Vec<Settled> {
        let stamp = Stamp { time: self.world.now, by: AccountId::default(), command_id: self.world.commands };
        let mut effects = Vec::new();
        outcome.events.iter().for_each(|event| event.effects(self.account.0, &stamp, &mut effects));
        let settled = effects.into_iter().map(|effect| {
            let (asker, settled) = match effect.command {
                Command::Lot(LotCommand::Settled(told)) => (Asker::Lot(told.lot), told.settled),
                Command::Order(OrderCommand::Settled(told)) => (Asker::Order(told.order), told.settled),
                other => panic!("not an answer: {other:?}"),
            };
            assert_eq!(asker.address(), effect.target);
            assert_eq!((settled.account, settled.tag), (self.account, 5), "who asked knows its question");
            settled
        });
        settled.collect()
    }

    fn said(&self, outcome: &Result<Outcome, Rejection>) -> String {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(rejection) => return refusal(rejection),
        };
        if let Some(Answer::Balance(answer)) = &outcome.answer {
            assert_eq!(answer.available, answer.balance - answer.held as i64);
            return format!("{} held {}", answer.balance, answer.held);
        }
        assert_eq!(outcome.answer, None);
        match self.settled(outcome).as_slice() {
            [] if outcome.events.is_empty() => "nothing".to_owned(),
            [] => "done".to_owned(),
            [settled] => match &settled.refused {
                None => format!("settled {}", settled.amount),
                Some(rejection) => refusal(rejection),
            },
            more => panic!("answered more than once: {more:?}"),
        }
    }

    /// The command of a line:
    /// `deposit ASSET N`, `withdraw ASSET N`, `count N`,
    /// `hold NUMBER ASKER ASSET N`, `release NUMBER`, `capture NUMBER ASKER N ENTRY`,
    /// `correct ENTRY ASSET N [SUB]`, `collect CURRENCY N`,
    /// `post ENTRY ASSET SUB:N ... [overdraw] [reverses ENTRY]`, `refund`, the same.
    pub fn command_of(&self, line: &str) -> AccountCommand {
        let words: Vec<_> = line.split(' ').collect();
        let account = self.account;
        let number = |place: usize| words[place].parse::<u128>().expect("a number");
        match words[0] {
            "deposit" => AccountCommand::Deposit(deposit(account, asset(words[1]), size(words[2]))),
            "withdraw" => AccountCommand::Withdraw(withdraw(account, asset(words[1]), size(words[2]))),
            "correct" => {
                let against = words.get(4).map(|sub| sub_account(sub));
                let entry = EntryId::from_u128(number(1));
                AccountCommand::Correct(Box::new(correct(
                    account,
                    entry,
                    asset(words[2]),
                    signed(words[3]),
                    against,
                )))
            }
            "collect" => AccountCommand::CollectFees(CollectFees {
                account,
                amount: Amount::new(size(words[2])).expect("an amount"),
                currency: asset(words[1]).currency().expect("money"),
                reason: "to be paid out".to_owned(),
            }),
            "count" => AccountCommand::CountRetraction(CountRetraction {
                account,
                lot: LotId::from_u128(9),
                bids: size(words[1]) as u32,
            }),
            "hold" => AccountCommand::PlaceHold(PlaceHold {
                account,
                hold: HoldId::from_u128(number(1)),
                asset: asset(words[3]),
                amount: size(words[4]),
                asker: asker(words[2]),
                tag: 5,
                market: MARKET,
            }),
            "release" => {
                AccountCommand::ReleaseHold(ReleaseHold { account, hold: HoldId::from_u128(number(1)) })
            }
            "capture" => AccountCommand::CaptureHold(CaptureHold {
                account,
                hold: HoldId::from_u128(number(1)),
                amount: size(words[3]),
                entry: EntryId::from_u128(number(4)),
                asker: asker(words[2]),
                tag: 5,
                kind: EntryKind::Payment,
                market: MARKET,
            }),
            "post" => AccountCommand::PostEntry(Box::new(post(account, &words[1..]))),
            "refund" => {
                let post = post(account, &words[1..]);
                AccountCommand::PostEntry(Box::new(PostEntry { kind: EntryKind::Refund, ..post }))
            }
            other => panic!("what is {other}?"),
        }
    }
}

fn sub_account(name: &str) -> SubAccount {
    match name {
        "cash" => SubAccount::Cash,
        "clearing" => SubAccount::Clearing,
        "fees" => SubAccount::Fees,
        _ => SubAccount::Outside,
    }
}

fn signed(word: &str) -> i64 {
    let sign = if word.starts_with('-') { -1 } else { 1 };
    sign * size(word.trim_start_matches('-')) as i64
}

fn post(account: AccountId, words: &[&str]) -> PostEntry {
    let entry = |word: &str| EntryId::from_u128(word.parse().expect("a number"));
    let line = |word: &&str| {
        let (sub, amount) = word.split_once(':')?;
        Some(Line { sub: sub_account(sub), amount: signed(amount) })
    };
    let reverses = words.iter().position(|word| *word == "reverses").map(|place| entry(words[place + 1]));
    PostEntry {
        account,
        entry: entry(words[0]),
        asset: asset(words[1]),
        lines: words[2..].iter().filter_map(line).collect(),
        kind: if reverses.is_some() { EntryKind::Reversal } else { EntryKind::Proceeds },
        reverses,
        may_overdraw: words.contains(&"overdraw"),
        asker: Asker::Order(OrderId::from_u128(9)),
        tag: 5,
        market: MARKET,
        order: Some(OrderId::from_u128(9)),
    }
}

/// Whether an operator gives a command, rather than the engine.
pub fn is_operators(command: &AccountCommand) -> bool {
    matches!(
        command,
        AccountCommand::Deposit(_)
            | AccountCommand::Withdraw(_)
            | AccountCommand::Correct(_)
            | AccountCommand::CollectFees(_)
    )
}

/// What puts an entry right.
pub fn correct(
    account: AccountId,
    entry: EntryId,
    asset: Asset,
    amount: i64,
    against: Option<SubAccount>,
) -> Correct {
    let (currency, goods, reason) = (asset.currency(), asset.goods(), "typed wrongly".to_owned());
    Correct { account, entry, amount, currency, goods, against, reason }
}

/// What somebody puts in.
pub fn deposit(account: AccountId, asset: Asset, size: u64) -> Deposit {
    let (amount, quantity) = sizes(asset, size);
    let (currency, goods, reason) = (asset.currency(), asset.goods(), "by bank".to_owned());
    Deposit { account, amount, currency, goods, quantity, reason }
}

/// What somebody takes out.
pub fn withdraw(account: AccountId, asset: Asset, size: u64) -> Withdraw {
    let (amount, quantity) = sizes(asset, size);
    let (currency, goods, reason) = (asset.currency(), asset.goods(), "to the bank".to_owned());
    Withdraw { account, amount, currency, goods, quantity, reason }
}

fn sizes(asset: Asset, size: u64) -> (Option<Amount>, Option<u64>) {
    if asset.currency().is_some() { (Amount::new(size), None) } else { (None, Some(size)) }
}

fn refusal(rejection: &Rejection) -> String {
    match rejection {
        Rejection::InsufficientFunds(details) => {
            format!("insufficient_funds {}/{}", details.needed, details.available)
        }
        Rejection::InvalidRequest(details) => format!("invalid_request {}", details.field),
        Rejection::LimitExceeded(details) => {
            format!("limit_exceeded {} {}/{}", details.limit, details.asked, details.allowed)
        }
        Rejection::NotAllowedInState(details) => format!("not_allowed_in_state {}", details.state),
        rejection => rejection.code().to_owned(),
    }
}

/// How a client folds an account's events over its snapshot: fields by their names, and the lists by currency, goods or hold.
pub fn fold(folded: &mut Value, name: &str, data: &Value) {
    let (list, key, most) = match data {
        _ if data.get("currency").is_some() => ("balances", "currency", usize::MAX),
        _ if data.get("goods").is_some() => ("holdings", "goods", limits::HOLDINGS_LISTED),
        _ => return,
    };
    fold_balance(rows(folded, list), name, key, most, data);
    let count = folded["holds_count"].clone();
    let holds = rows(folded, "holds");
    let place = holds.iter().position(|known| known["hold"] == data["hold"]);
    match (name, place) {
        ("hold_placed", Some(place)) => holds[place]["amount"] = data["amount"].clone(),
        ("hold_placed", None) if count != data["holds_count"] && holds.len() < limits::HOLDS_LISTED => {
            let fields = ["hold", "currency", "goods", "amount", "lot", "order", "market"];
            holds.push(picked(data, &fields));
        }
        ("hold_released" | "hold_captured", _) => {
            if let Some(place) = place {
                holds.remove(place);
            }
            holds.extend(data.get("also_listed").cloned());
        }
        _ => {}
    }
}

fn fold_balance(rows: &mut Vec<Value>, name: &str, key: &str, most: usize, data: &Value) {
    let text = |row: &Value| row[key].as_str().unwrap_or_default().to_owned();
    let fields = [key, "balance", "held", "available", "clearing", "fees", "outside"];
    match rows.iter().position(|row| row[key] == data[key]) {
        Some(place) => {
            for (field, value) in picked(data, &fields).as_object().expect("an object") {
                rows[place][field] = value.clone();
            }
        }
        None if name == "balance_changed" => {
            let place = rows.partition_point(|row| text(row) < text(data));
            rows.insert(place, picked(data, &fields));
            rows.truncate(most);
        }
        None => {}
    }
}

fn rows<'a>(folded: &'a mut Value, list: &str) -> &'a mut Vec<Value> {
    folded[list].as_array_mut().expect("a list")
}

fn picked(data: &Value, fields: &[&str]) -> Value {
    let present = fields.iter().filter_map(|field| Some(((*field).to_owned(), data.get(field)?.clone())));
    Value::Object(present.collect::<Map<_, _>>())
}

/// An id of goods by a number.
pub const fn goods(number: u128) -> Asset {
    Asset::Goods(Id::from_u128(number))
}
