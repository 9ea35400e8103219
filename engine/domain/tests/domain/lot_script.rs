//! Lots told as scripts: one line is a moment, who does what, and what comes of it. Tables of such scripts are the tests.
//!
//! A line: `[@TIME] WHO VERB [ARGUMENT] [REASON?] = EXPECTED [| public events] [> private events]`. Times count from the
//! lot's opening. Expected of a bid: `leading 100 125` (price, next) or a rejection's code with its number.

use serde_json::Value;
use vendue_domain::actor::Answer;
use vendue_domain::facts::{FactChange, Registration, SaleFacts, Standing};
use vendue_domain::fees::{FeeSchedule, FeeTable, Rounding};
use vendue_domain::id::{AccountId, BidId, LotId, SaleId};
use vendue_domain::increments::IncrementTable;
use vendue_domain::lot::{
    BuyNow, CancelLot, Clock, CloseLot, CreateLot, ExtendLot, Format, Funding, LotCommand, OpenLot, Package,
    PauseLot, PlaceBid, Qualification, ReopenLot, ResumeLot, RetractBid, ReviseLot, Seed, SoftClose, StayLot,
    TakeLot, VoidBid,
};
use vendue_domain::publication::Alias;
use vendue_domain::rejection::Rejection;
use vendue_domain::time::Timestamp;

use crate::world::{Command, MARKET, NOBODY, Outcome, SELLER, START, World, account, amount};

pub const LOT: LotId = LotId::from_u128(99);
pub const SALE: SaleId = SaleId::from_u128(88);

/// One rule as a story.
pub struct Case {
    /// The rule and where it stands.
    pub rule: &'static str,
    /// The lot: `format=dutch start=100 reserve=500 ends=2h soft=60s/120s hard=3h`, all optional; English by default.
    pub lot: &'static str,
    pub steps: &'static [&'static str],
}

/// Runs every case of a table.
pub fn check(cases: &[Case]) {
    for case in cases {
        let mut script = Script::new(case.lot);
        for (line, step) in (1..).zip(case.steps) {
            script.step(step, &format!("{} (step {line}: {step})", case.rule));
        }
    }
}

/// `90s`, `5m`, `13h`, `250ms`, `10us`.
pub fn micros(text: &str) -> i64 {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let unit = match &text[digits.len()..] {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        unit => panic!("no unit of time: {unit:?} in {text:?}"),
    };
    digits.parse::<i64>().unwrap_or_else(|_| panic!("no time: {text:?}")) * unit
}

fn at(text: &str) -> Timestamp {
    Timestamp(START.0 + micros(text))
}

/// The settings of a lot, by name.
fn settings(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split_whitespace().map(|word| word.split_once('=').unwrap_or((word, "")))
}

/// The command that creates the lot of a table.
pub fn create_lot(text: &str) -> CreateLot {
    let mut lot = CreateLot {
        lot: Some(LOT),
        market: MARKET,
        title: "A brass sextant".to_owned(),
        format: Format::English,
        quantity: None,
        opens_at: Some(START),
        closes_at: Some(at("1h")),
        start_amount: amount(100),
        reserve: None,
        buy_now: None,
        increments: None,
        soft_close: None,
        funding: None,
        proxy: None,
        qualification: None,
        sale: None,
        number: None,
        description: None,
        category: None,
        estimate: None,
        images: None,
        r#ref: None,
        seller: None,
        clock: None,
        pricing: None,
        deposit: None,
        sealed: None,
        candle_ms: None,
        items: None,
        seed: None,
    };
    for (name, value) in settings(text) {
        let number = || amount(value.parse().unwrap_or_else(|_| panic!("no amount: {value}")));
        match name {
            "lot" => lot.lot = Some(LotId::from_u128(value.parse().expect("a number"))),
            "start" => lot.start_amount = number(),
            "full" => lot.funding = Some(Funding::Full),
            "deposit" => (lot.funding, lot.deposit) = (Some(Funding::Deposit), Some(number())),
            "qualify" => (lot.qualification, lot.deposit) = (Some(Qualification::Deposit), Some(number())),
            // The market's; see `Script::new`.
            "premium" | "commission" => {}
            "reserve" => lot.reserve = Some(number()),
            "buy_now" => lot.buy_now = Some(number()),
            "opens" => lot.opens_at = (value != "never").then(|| at(value)),
            "ends" => lot.closes_at = (value != "never").then(|| at(value)),
            "plain" => lot.proxy = Some(false),
            "verified" => lot.qualification = Some(Qualification::Verified),
            "sale" => lot.sale = Some(SALE),
            "quantity" => lot.quantity = value.parse().ok(),
            "format" => {
                let name = serde_json::Value::String(value.to_owned());
                lot.format = serde_json::from_value(name).unwrap_or_else(|_| panic!("no format: {value}"));
            }
            "clock" => {
                let clock = clock(value);
                (lot.clock, lot.start_amount) = (Some(clock), clock.start);
            }
            "pricing" => {
                let name = serde_json::Value::String(value.to_owned());
                lot.pricing = Some(serde_json::from_value(name).expect("a pricing"));
            }
            "sealed" => lot.sealed = Some(true),
            "candle" => {
                lot.candle_ms = Some((micros(value) / 1_000) as u64);
                lot.seed = Some(Seed(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
            }
            "items" => {
                let count: u32 = value.parse().expect("how many");
                lot.items = Some((1..=count).map(|number| format!("item {number}")).collect());
            }
            "step" => lot.increments = Some(IncrementTable { bands: vec![(0, number())] }),
            "soft" => {
                let (window, extend) = value.split_once('/').expect("soft=WINDOW/EXTEND");
                let ms = |text| (micros(text) / 1_000) as u64;
                let soft_close =
                    SoftClose { window_ms: ms(window), extend_ms: ms(extend), hard_close_at: None };
                lot.soft_close = Some(soft_close);
            }
            "hard" => {
                let soft_close = lot.soft_close.as_mut().expect("soft before hard");
                soft_close.hard_close_at = Some(at(value));
            }
            name => panic!("no setting of a lot: {name}"),
        }
    }
    lot
}

/// `START/STEP/INTERVAL/FLOOR`, and for a price that rises `START/STEP/INTERVAL` or `START/STEP/INTERVAL/up/CEILING`.
fn clock(text: &str) -> Clock {
    let parts: Vec<&str> = text.split('/').collect();
    let (start, step, interval, floor, ceiling) = match parts[..] {
        [start, step, interval] => (start, step, interval, None, None),
        [start, step, interval, floor] => (start, step, interval, Some(floor), None),
        [start, step, interval, "up", ceiling] => (start, step, interval, None, Some(ceiling)),
        _ => panic!("START/STEP/INTERVAL/FLOOR: {text}"),
    };
    let number = |text: &str| amount(text.parse().unwrap_or_else(|_| panic!("no amount: {text}")));
    let interval_ms = (micros(interval) / 1_000) as u64;
    Clock {
        start: number(start),
        step: number(step),
        interval_ms,
        floor: floor.map(number),
        ceiling: ceiling.map(number),
    }
}

/// A lot under way.
pub struct Script {
    pub world: World,
    /// The accepted bids by name: `A1` is A's first.
    bids: std::collections::HashMap<String, BidId>,
}

impl Script {
    pub fn new(text: &str) -> Self {
        Self::in_world(text, World::new())
    }

    /// The same, keeping its events for somebody who follows them.
    pub fn recording(text: &str) -> Self {
        Self::in_world(text, World { records: true, ..World::new() })
    }

    /// The same with the market's fees.
    pub fn recording_with(text: &str, fees: Option<FeeSchedule>) -> Self {
        let mut world = World { records: true, ..World::new() };
        world.change_market(|market| market.fees = fees.map(std::sync::Arc::new));
        Self::in_world(text, world)
    }

    fn in_world(text: &str, mut world: World) -> Self {
        let terms = SaleFacts {
            version: 1,
            market: MARKET,
            terms_version: 1,
            closes_at: Some(at("1h")),
            stagger_ms: 60_000,
            opens_at: START,
        };
        world.facts.learn(&FactChange::Sale((SALE, terms)));
        world.now = Timestamp(START.0 - 1_000_000);
        if let Some((_, ppm)) = settings(text).find(|(name, _)| *name == "premium") {
            let bands = vec![(0, ppm.parse().expect("parts per million"))];
            let table = FeeTable { bands, fixed: 0, rounding: Rounding::default() };
            // The sellers' commission is half of the premium.
            let bands = vec![(0, table.bands[0].1 / 2)];
            let commission = settings(text)
                .any(|(name, _)| name == "commission")
                .then(|| FeeTable { bands, ..table.clone() });
            let fees =
                FeeSchedule { version: 1, buyers_premium: Some(table), sellers_commission: commission };
            world.change_market(|market| market.fees = Some(std::sync::Arc::new(fees)));
        }
        let command = Command::Lot(LotCommand::Create(Box::new(create_lot(text))));
        world.command(SELLER, &command).unwrap_or_else(|rejection| panic!("{text}: {rejection:?}"));
        let mut script = Self { world, bids: std::collections::HashMap::new() };
        script.go_to(START);
        script
    }

    /// Lets time pass, deciding what falls due on the way.
    pub fn go_to(&mut self, time: Timestamp) -> Option<Outcome> {
        self.world.now = time;
        self.world.due();
        None
    }

    /// One line.
    pub fn step(&mut self, line: &str, name: &str) {
        let (action, expected) = line.split_once('=').unwrap_or((line, ""));
        let (action, expected) = if action.contains(" show") || action.starts_with("show") {
            let show = line.find("show").expect("just seen");
            (&line[..show + 4], &line[show + 4..])
        } else {
            (action, expected)
        };
        let mut words: Vec<&str> = action.split_whitespace().collect();
        if let Some(time) = words.first().and_then(|word| word.strip_prefix('@')) {
            words.remove(0);
            self.world.now = at(time);
        }
        if words.is_empty() {
            self.world.due();
            return;
        }
        if words == ["show"] {
            return self.check_shown(expected, name);
        }
        if self.happens(&words) {
            return;
        }
        let result = self.act(&words);
        let (expected, private) = expected.split_once('>').unwrap_or((expected, ""));
        let (expected, public) = expected.split_once('|').unwrap_or((expected, ""));
        assert_eq!(said(&result), expected.trim(), "{name}");
        let outcome = result.as_ref().ok();
        if !public.is_empty() {
            let told: Vec<_> = outcome
                .map(|outcome| outcome.public.iter().map(|event| event.name).collect())
                .unwrap_or_default();
            assert_eq!(told.join(" "), public.trim(), "public: {name}");
        }
        if !private.is_empty() {
            let told = outcome.map(|outcome| {
                outcome.private.iter().map(|(account, event)| told_privately(*account, event))
            });
            assert_eq!(
                told.into_iter().flatten().collect::<Vec<_>>().join(" "),
                private.trim(),
                "private: {name}"
            );
        }
    }

    /// What others do: the market, other actors' facts, the clock.
    fn happens(&mut self, words: &[&str]) -> bool {
        let now = self.world.now;
        match *words {
            ["due"] => drop(self.world.due()),
            ["facts"] => drop(self.world.facts_changed()),
            // `asleep`: the lot is not told until it is asked again.
            ["halt", ref asleep @ ..] => {
                self.world.change_market(|market| market.halted_since = Some(now));
                self.wake(asleep);
            }
            ["unhalt", ref asleep @ ..] => {
                self.world.change_market(|market| {
                    let since = market.halted_since.take().expect("halted");
                    market.halted_us += now.micros_since(since);
                });
                self.wake(asleep);
            }
            ["suspend", who, ref asleep @ ..] => {
                self.world.change_account(letter(who), |facts| facts.suspended_in.push(MARKET));
                self.wake(asleep);
            }
            ["outage", extend] => drop(self.world.after_outage((micros(extend) / 1_000) as u64)),
            ["lift", who] => self.world.change_account(letter(who), |facts| facts.suspended_in.clear()),
            ["verify", who] => self.world.change_account(letter(who), |facts| facts.verified_in.push(MARKET)),
            ["link", one, other] => {
                let other = letter(other);
                self.world.change_account(letter(one), |facts| facts.linked.push(other));
            }
            ["register", who, alias, terms_version] => {
                let alias = alias.parse().expect("a paddle number");
                let terms_version = terms_version.parse().expect("a version");
                let registration = Registration { sale: SALE, account: letter(who), alias, terms_version };
                self.world.facts.learn(&FactChange::Registration(registration));
            }
            ["terms", version] => {
                let terms = self.world.facts.sale(SALE).cloned().expect("the sale is known");
                let terms_version = version.parse().expect("a version");
                let terms = SaleFacts { version: terms.version + 1, terms_version, ..terms };
                self.world.facts.learn(&FactChange::Sale((SALE, terms)));
            }
            _ => return false,
        }
        true
    }

    fn wake(&mut self, asleep: &[&str]) {
        if asleep.is_empty() {
            self.world.facts_changed();
        }
    }

    /// Does what a line says, without expecting anything.
    pub fn act_on(&mut self, line: &str) -> Result<Outcome, Rejection> {
        let action = line.split_once('=').map_or(line, |(action, _)| action);
        self.act(&action.split_whitespace().collect::<Vec<_>>())
    }

    /// What is due at the moment of a line that is nothing but a moment, `@10s`; `None` for other lines.
    pub fn act_by_clock(&mut self, line: &str) -> Option<Outcome> {
        self.world.now = at(line.strip_prefix('@')?);
        Some(self.world.due())
    }

    /// The command that a line gives.
    pub fn command_of(&self, line: &str) -> LotCommand {
        self.command(&line.split_whitespace().skip(1).collect::<Vec<_>>())
    }

    fn act(&mut self, words: &[&str]) -> Result<Outcome, Rejection> {
        let by = letter(words[0]);
        let command = Command::Lot(self.command(&words[1..]));
        if words[0] == "E" {
            return self.world.command_as(AccountId::default(), Standing::ENGINE, &command);
        }
        let result = self.world.command(by, &command);
        let bid = match &result {
            Ok(Outcome { answer: Some(Answer::Bid(bid)), events, .. }) if !events.is_empty() => Some(bid.bid),
            Ok(Outcome { answer: None, .. }) => Some(BidId::from_u128(self.world.commands)),
            _ => None,
        };
        if let Some(bid) = bid {
            let name =
                (1..).map(|nth| format!("{}{nth}", words[0])).find(|name| !self.bids.contains_key(name));
            self.bids.insert(name.expect("a free name"), bid);
        }
        result
    }

    /// The lot's id.
    pub fn lot(&self) -> LotId {
        LotId(self.world.id)
    }

    fn command(&self, words: &[&str]) -> LotCommand {
        let bid = |text: &str| PlaceBid {
            lot: self.lot(),
            amount: amount(text.parse().unwrap_or_else(|_| panic!("no amount: {text}"))),
            quantity: None,
            all_or_none: None,
            if_seq: None,
            validate_only: None,
            stay_until: None,
            package: None,
        };
        // A reason where the line gives one: `because`.
        let reason = words.contains(&"because").then(|| "it had to be".to_owned());
        let words: Vec<&str> = words.iter().copied().filter(|word| *word != "because").collect();
        let nth = |text: &str| self.bids.get(text).copied().unwrap_or_default();
        match *words.as_slice() {
            ["bid", text] => LotCommand::Bid(bid(text)),
            ["bid", text, "quantity", quantity] => {
                LotCommand::Bid(PlaceBid { quantity: quantity.parse().ok(), ..bid(text) })
            }
            ["bid", text, "all_or_none"] => {
                LotCommand::Bid(PlaceBid { all_or_none: Some(true), ..bid(text) })
            }
            ["bid", text, "quantity", quantity, "all_or_none"] => LotCommand::Bid(PlaceBid {
                quantity: quantity.parse().ok(),
                all_or_none: Some(true),
                ..bid(text)
            }),
            ["bid", text, "until", until] => {
                LotCommand::Bid(PlaceBid { stay_until: Some(bid(until).amount), ..bid(text) })
            }
            ["bid", text, "for", items] => {
                let numbers: Vec<u32> =
                    items.split('+').map(|item| item.parse().expect("a number")).collect();
                LotCommand::Bid(PlaceBid { package: Package::new(&numbers), ..bid(text) })
            }
            ["stay"] => LotCommand::Stay(StayLot { lot: self.lot(), stay_until: None }),
            ["stay", until] => {
                LotCommand::Stay(StayLot { lot: self.lot(), stay_until: Some(bid(until).amount) })
            }
            ["take"] => LotCommand::Take(TakeLot { lot: LOT, quantity: None, amount: None }),
            ["take", quantity] => {
                LotCommand::Take(TakeLot { lot: LOT, quantity: quantity.parse().ok(), amount: None })
            }
            ["take", quantity, "at", most] => LotCommand::Take(TakeLot {
                lot: LOT,
                quantity: quantity.parse().ok(),
                amount: Some(bid(most).amount),
            }),
            ["bid", text, "if_seq", seq] => {
                LotCommand::Bid(PlaceBid { if_seq: seq.parse().ok(), ..bid(text) })
            }
            ["validate", text, "quantity", quantity] => LotCommand::Bid(PlaceBid {
                quantity: quantity.parse().ok(),
                validate_only: Some(true),
                ..bid(text)
            }),
            ["validate", text] => LotCommand::Bid(PlaceBid { validate_only: Some(true), ..bid(text) }),
            ["buy"] => LotCommand::BuyNow(BuyNow { lot: self.lot(), amount: None }),
            ["buy", text] => LotCommand::BuyNow(BuyNow { lot: self.lot(), amount: Some(bid(text).amount) }),
            ["retract"] => LotCommand::Retract(RetractBid { lot: self.lot(), bid: None, reason }),
            ["retract", text] => {
                LotCommand::Retract(RetractBid { lot: self.lot(), bid: Some(nth(text)), reason })
            }
            ["void", text] => {
                let number = text.strip_prefix("bidder-").map(|number| number.parse().expect("an alias"));
                LotCommand::VoidBid(VoidBid {
                    lot: self.lot(),
                    bid: number.is_none().then(|| nth(text)),
                    alias: number.map(Alias),
                    reason: reason.unwrap_or_default(),
                })
            }
            ["open"] => LotCommand::Open(OpenLot { lot: self.lot(), reason }),
            ["pause"] => LotCommand::Pause(PauseLot { lot: self.lot(), reason }),
            ["resume"] => LotCommand::Resume(ResumeLot { lot: self.lot(), reason }),
            ["cancel"] => LotCommand::Cancel(CancelLot { lot: self.lot(), reason }),
            ["close"] => LotCommand::Close(CloseLot { lot: self.lot(), reason }),
            ["extend", text] => LotCommand::Extend(ExtendLot { lot: self.lot(), ends_at: at(text), reason }),
            ["reopen", text] => LotCommand::Reopen(ReopenLot { lot: self.lot(), ends_at: at(text), reason }),
            ["revise", ref changes @ ..] => LotCommand::Revise(Box::new(revision(self.lot(), changes))),
            _ => panic!("nothing a lot understands: {words:?}"),
        }
    }

    fn check_shown(&self, expected: &str, name: &str) {
        let shown = &self.world.folded;
        for (field, value) in settings(expected) {
            let is = match (field, &shown[field]) {
                (_, Value::Null) => "-".to_owned(),
                ("ends_at" | "opens_at" | "next_at" | "ended_at", time) => {
                    let micros = time.as_i64().expect("an instant") - START.0;
                    if micros % 1_000_000 == 0 {
                        format!("{}s", micros / 1_000_000)
                    } else {
                        format!("{micros}us")
                    }
                }
                ("winners", winners) => {
                    let winners = winners.as_array().expect("a list");
                    let units = |winner: &Value| match winner["quantity"].as_u64() {
                        Some(units) if shown["remaining"].is_u64() => format!("{units}x"),
                        _ => String::new(),
                    };
                    let items = |winner: &Value| match winner["items"].as_array() {
                        Some(items) => items.iter().map(|item| format!("#{item}")).collect::<String>() + ":",
                        None => String::new(),
                    };
                    let seen = |winner: &Value| {
                        let (alias, amount) = (&winner["alias"], &winner["amount"]);
                        format!("{alias}:{}{}{amount}", units(winner), items(winner)).replace('"', "")
                    };
                    winners.iter().map(seen).collect::<Vec<_>>().join(",")
                }
                ("soft_close", soft_close) => {
                    format!(
                        "hard:{}s",
                        (soft_close["hard_close_at"].as_i64().expect("hard") - START.0) / 1_000_000
                    )
                }
                (_, Value::String(text)) => text.clone(),
                (_, other) => other.to_string(),
            };
            assert_eq!(is, value, "{field}: {name}\n{shown:#}");
        }
    }
}

fn revision(lot: LotId, changes: &[&str]) -> ReviseLot {
    let mut revise = ReviseLot {
        lot,
        title: None,
        description: None,
        category: None,
        estimate: None,
        images: None,
        reserve: None,
        opens_at: None,
        closes_at: None,
        start_amount: None,
        buy_now: None,
    };
    for change in changes {
        let (name, value) = change.split_once(':').expect("NAME:VALUE");
        let number = || Some(amount(value.parse().unwrap_or_else(|_| panic!("no amount: {value}"))));
        match name {
            "title" => revise.title = Some(value.to_owned()),
            "reserve" => revise.reserve = number(),
            "start" => revise.start_amount = number(),
            "buy_now" => revise.buy_now = number(),
            "opens" => revise.opens_at = Some(at(value)),
            "closes" => revise.closes_at = Some(at(value)),
            name => panic!("nothing to revise: {name}"),
        }
    }
    revise
}

fn letter(word: &str) -> AccountId {
    account(word.chars().next().unwrap_or('?'))
}

fn name_of(who: AccountId) -> String {
    if who == NOBODY {
        return "N".to_owned();
    }
    ('A'..='Z').find(|&letter| account(letter) == who).map_or_else(|| who.to_string(), String::from)
}

fn told_privately(account: AccountId, event: &vendue_domain::actor::Publication) -> String {
    let data = serde_json::to_value(&event.data).expect("data is JSON");
    let detail = data["status"].as_str().map(|status| format!(":{status}")).unwrap_or_default();
    format!("{}:{}{detail}", name_of(account), event.name)
}

/// What a command came to, in words.
pub fn said(result: &Result<Outcome, Rejection>) -> String {
    let number = |amount: Option<vendue_domain::amount::Amount>| {
        amount.map_or("-".to_owned(), |amount| amount.get().to_string())
    };
    match result {
        Err(Rejection::BidTooLow(details)) => format!("bid_too_low {}", details.min_next_amount.get()),
        Err(Rejection::BidTooHigh(details)) => format!("bid_too_high {}", details.max_next_amount.get()),
        Err(Rejection::OutOfStock(details)) => format!("out_of_stock {}", details.available),
        Err(Rejection::LimitExceeded(details)) => format!("limit_exceeded {}", details.limit),
        Err(Rejection::BuyNowUnavailable(details)) => {
            format!("buy_now_unavailable {}", number(details.buy_now))
        }
        Err(Rejection::InvalidRequest(details)) => format!("invalid_request {}", details.field),
        Err(Rejection::NotQualified(details)) => format!("not_qualified {}", details.needs),
        Err(Rejection::StaleSequence(details)) => format!("stale_sequence {}", details.seq),
        Err(Rejection::LotClosed(details)) => format!("lot_closed {}us", details.late_by_us),
        Err(Rejection::InsufficientFunds(details)) => {
            format!("insufficient_funds {} {}", details.needed, details.available)
        }
        Err(rejection) => rejection.code().to_owned(),
        Ok(Outcome { answer: None, events, .. }) if !events.is_empty() => "waits".to_owned(),
        Ok(outcome) => said_by(outcome.answer.as_ref().expect("a command has an answer")),
    }
}

/// An answer, in words.
pub fn said_by(answer: &Answer) -> String {
    let number = |amount: Option<vendue_domain::amount::Amount>| {
        amount.map_or("-".to_owned(), |amount| amount.get().to_string())
    };
    {
        match answer {
            Answer::Bid(bid) => {
                let status = serde_json::to_value(bid.status).expect("a status is JSON");
                let sums = match (bid.fees, bid.total, bid.held) {
                    (None, None, None) => String::new(),
                    (None, None, Some(held)) => format!(" held {held}"),
                    (fees, total, held) => format!(
                        " fees {} total {} held {}",
                        fees.unwrap_or(0),
                        total.unwrap_or(0),
                        held.map_or("-".to_owned(), |held| held.to_string())
                    ),
                };
                let to_get = bid
                    .commission
                    .zip(bid.proceeds)
                    .map_or_else(String::new, |(kept, got)| format!(" commission {kept} proceeds {got}"));
                format!(
                    "{} {} {}{sums}{to_get}",
                    status.as_str().unwrap_or("?"),
                    number(bid.price),
                    number(bid.min_next_amount)
                )
            }
            Answer::State(state) => state.state.clone(),
            Answer::Restated(restated) => {
                let (price, next) = (number(restated.price), number(restated.min_next_amount));
                format!("restated {price} {next} -{}", restated.removed)
            }
            answer => format!("{answer:?}"),
        }
    }
}
