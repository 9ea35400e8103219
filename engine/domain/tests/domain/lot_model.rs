//! A lot against a slow model: it keeps every bid and works everything out from all of them, each time (I11 to I20).

use vendue_domain::amount::{AMOUNT_MAX, Currency};
use vendue_domain::increments::{default_bands, increment_at};
use vendue_domain::limits::BIDS_KEPT;

use crate::lot_script::{Script, said};
use crate::random::{Random, rounds};
use crate::world::{START, account, amount};

/// Random commands in all: rounds times commands of one lot.
const ROUNDS: u64 = 5_000;
const COMMANDS: u64 = 220;

const BIDDERS: [char; 5] = ['A', 'B', 'C', 'D', 'F'];
const HOUR_US: i64 = 3_600_000_000;

#[derive(Clone, Debug)]
struct Bid {
    who: char,
    amount: u64,
    at: i64,
    counts: bool,
    name: String,
    /// The lot remembers only so many bids of each bidder.
    forgotten: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Open,
    Paused,
    Closed,
}

/// What the lot should be.
struct Model {
    start: u64,
    reserve: Option<u64>,
    buy_now: Option<u64>,
    plain: bool,
    window: i64,
    extend: i64,
    hard: Option<i64>,

    bids: Vec<Bid>,
    named: Vec<(char, u32)>,
    aliases: Vec<char>,
    price: Option<u64>,
    gone: bool,
    begun: bool,
    state: State,
    now: i64,
    ends_at: i64,
    paused_since: i64,
    by_operator: bool,
    by_halt: bool,
    halted: bool,
    suspended: Vec<char>,
    /// Result and winner with amount.
    outcome: Option<(&'static str, Option<(char, u64)>)>,
    closed_price: Option<u64>,
}

fn increment(price: u64) -> u64 {
    let eur = Currency::new("EUR").expect("a currency");
    increment_at(default_bands(eur), amount(price)).get()
}

impl Model {
    /// (bidder, maximum) from the best down: of equal ones the earlier first.
    fn maxima(&self) -> Vec<(char, u64)> {
        let mut maxima: Vec<(usize, &Bid)> = Vec::new();
        for who in BIDDERS {
            let own = self.bids.iter().enumerate().filter(|(_, bid)| bid.who == who && !bid.forgotten);
            maxima.extend(own.max_by_key(|&(seq, bid)| (bid.amount, seq)));
        }
        // A bidder's standing bid is its last one; they only rise, but for a cap that makes several equal.
        maxima.sort_by_key(|&(seq, bid)| (std::cmp::Reverse(bid.amount), seq));
        maxima.into_iter().map(|(_, bid)| (bid.who, bid.amount)).collect()
    }

    fn leader(&self) -> Option<(char, u64)> {
        self.maxima().first().copied()
    }

    /// What the maxima give.
    fn computed(&self) -> Option<u64> {
        let maxima = self.maxima();
        let &(_, top) = maxima.first()?;
        let second = maxima.get(1).map(|&(_, second)| second);
        let usual = if self.plain {
            top
        } else {
            second.map_or(self.start, |second| top.min((second + increment(second)).min(AMOUNT_MAX)))
        };
        Some(if self.reserve.is_some_and(|reserve| top >= reserve) {
            usual.max(self.reserve.unwrap_or(0))
        } else {
            usual
        })
    }

    fn met(&self) -> Option<bool> {
        self.reserve.map(|reserve| self.leader().is_some_and(|(_, top)| top >= reserve))
    }

    fn next(&self) -> u64 {
        self.price.map_or(self.start, |price| (price + increment(price)).min(AMOUNT_MAX))
    }

    fn buy_now_left(&self) -> Option<u64> {
        self.buy_now.filter(|_| !self.gone && self.state != State::Closed)
    }

    fn settle_buy_now(&mut self) {
        self.gone |= self.begun && self.met() != Some(false);
    }

    fn alias(&mut self, who: char) -> usize {
        self.aliases.iter().position(|&known| known == who).unwrap_or_else(|| {
            self.aliases.push(who);
            self.aliases.len() - 1
        }) + 1
    }

    fn before_end(&self) -> i64 {
        self.ends_at - if self.state == State::Paused { self.paused_since } else { self.now }
    }

    fn may_buy(&self, who: char) -> Result<(), String> {
        if self.suspended.contains(&who) {
            return Err("not_qualified suspended".into());
        }
        match self.state {
            State::Closed => Err(self.late()),
            State::Paused if self.by_halt => Err("market_halted".into()),
            State::Paused => Err("lot_paused".into()),
            State::Open => Ok(()),
        }
    }

    fn late(&self) -> String {
        format!("lot_closed {}us", self.now - self.ends_at)
    }

    fn name_next(&mut self, who: char) -> String {
        let count = match self.named.iter_mut().find(|(known, _)| *known == who) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.named.push((who, 1));
                1
            }
        };
        format!("{who}{count}")
    }

    fn bid(&mut self, who: char, maximum: u64) -> Result<String, String> {
        self.may_buy(who)?;
        let leads = self.leader().is_some_and(|(leader, _)| leader == who);
        if let Some((_, top)) = self.leader().filter(|_| leads)
            && maximum <= top
        {
            return Err("self_outbid".into());
        }
        if !leads || self.plain {
            let price = self.price.map(|price| price + increment(price));
            if price.is_some_and(|next| next > AMOUNT_MAX) {
                return Err("amount_out_of_range".into());
            }
            if maximum < self.next() {
                return Err(format!("bid_too_low {}", self.next()));
            }
        }
        self.alias(who);
        let kept: Vec<usize> = (0..self.bids.len())
            .filter(|&nth| self.bids[nth].who == who && !self.bids[nth].forgotten)
            .collect();
        if kept.len() >= 2 * BIDS_KEPT {
            kept[..BIDS_KEPT].iter().for_each(|&nth| self.bids[nth].forgotten = true);
        }
        let before = self.price;
        let counts = !leads || self.plain;
        let name = self.name_next(who);
        self.bids.push(Bid { who, amount: maximum, at: self.now, counts, name, forgotten: false });
        self.begun = true;
        // An own raise does not move the price, unless it meets the reserve.
        self.price = if leads && !self.plain {
            let lifted = self.reserve.filter(|&reserve| maximum >= reserve);
            before.max(lifted)
        } else {
            self.computed().max(before)
        };
        self.settle_buy_now();
        if !leads && self.ends_at - self.now <= self.window {
            let later = (self.now + self.extend).min(self.hard.unwrap_or(i64::MAX));
            self.ends_at = self.ends_at.max(later);
        }
        let status =
            if self.leader().is_some_and(|(leader, _)| leader == who) { "leading" } else { "outbid" };
        Ok(format!("{status} {} {}", self.price.unwrap_or(0), self.next()))
    }

    fn restated(&mut self, removed: usize) -> String {
        self.price = self.computed();
        format!(
            "restated {} {} -{removed}",
            self.price.map_or("-".into(), |price| price.to_string()),
            self.next()
        )
    }

    fn remove_all(&mut self, who: char) -> usize {
        let before = self.bids.len();
        self.bids.retain(|bid| bid.who != who);
        before - self.bids.len()
    }

    fn kept(&self, name: &str) -> Option<&Bid> {
        self.bids.iter().find(|bid| bid.name == name && !bid.forgotten)
    }

    fn retract(&mut self, who: char, named: Option<&str>) -> Result<String, String> {
        if self.state == State::Closed {
            return Err(self.late());
        }
        let own: Vec<Bid> =
            self.bids.iter().filter(|bid| bid.who == who && !bid.forgotten).cloned().collect();
        let last = own.last().ok_or("not_found")?;
        let meant = own.iter().find(|bid| named.is_none_or(|name| name == bid.name)).ok_or("not_found")?;
        if self.before_end() > 12 * HOUR_US {
            let removed = self.remove_all(who);
            return Ok(self.restated(removed));
        }
        let names_another = named.is_some() && meant.name != last.name;
        if names_another || self.now - last.at > HOUR_US {
            return Err("retraction_not_allowed".into());
        }
        self.bids.retain(|bid| bid.name != last.name);
        Ok(self.restated(1))
    }

    fn void(&mut self, name: &str) -> Result<String, String> {
        if self.state == State::Closed {
            return Err(self.late());
        }
        self.kept(name).ok_or("not_found")?;
        self.bids.retain(|bid| bid.name != name);
        Ok(self.restated(1))
    }

    fn buy(&mut self, who: char) -> Result<String, String> {
        self.may_buy(who)?;
        let amount = self.buy_now_left().ok_or("buy_now_unavailable -")?;
        self.alias(who);
        self.name_next(who);
        self.ends_at = self.now;
        self.close("sold", Some((who, amount)), Some(amount));
        Ok(format!("won {amount} -"))
    }

    fn close(&mut self, result: &'static str, winner: Option<(char, u64)>, price: Option<u64>) {
        self.state = State::Closed;
        self.by_operator = false;
        self.by_halt = false;
        self.outcome = Some((result, winner));
        self.closed_price = price;
    }

    fn close_by_bids(&mut self) {
        let winner = self
            .leader()
            .filter(|_| self.met() != Some(false))
            .map(|(who, _)| (who, self.price.unwrap_or(0)));
        self.close(if winner.is_some() { "sold" } else { "unsold" }, winner, self.price);
    }

    /// Whoever was suspended while the lot was closed has no standing in it when it is open again.
    fn expel(&mut self) {
        for who in self.suspended.clone() {
            self.suspend(who);
        }
    }

    fn due(&mut self) {
        self.expel();
        if self.state == State::Open && self.ends_at <= self.now {
            self.close_by_bids();
        }
    }

    fn halt(&mut self) {
        self.halted = true;
        if self.state == State::Open && self.ends_at > self.now {
            self.state = State::Paused;
            self.paused_since = self.now;
            self.by_halt = true;
        }
    }

    fn move_end(&mut self, ends_at: i64) {
        self.hard = self.hard.map(|hard| ends_at + (hard - self.ends_at).max(0));
        self.ends_at = ends_at;
    }

    fn go_on(&mut self) {
        self.move_end(self.ends_at + self.now - self.paused_since);
        self.state = State::Open;
        self.by_halt = false;
        self.by_operator = false;
    }

    fn unhalt(&mut self) {
        self.halted = false;
        if self.state == State::Paused && self.by_halt && !self.by_operator {
            self.go_on();
        }
    }

    fn pause(&mut self) -> Result<String, String> {
        match self.state {
            State::Open => {
                self.state = State::Paused;
                self.paused_since = self.now;
            }
            State::Paused if !self.by_operator => {}
            _ => return Err("not_allowed_in_state".into()),
        }
        self.by_operator = true;
        Ok("paused".into())
    }

    fn resume(&mut self) -> Result<String, String> {
        if self.state != State::Paused {
            return Err("not_allowed_in_state".into());
        }
        if self.halted {
            return Err("market_halted".into());
        }
        self.go_on();
        Ok("open".into())
    }

    fn reopen(&mut self, ends_at: i64) -> Result<String, String> {
        let sold = matches!(self.outcome, Some(("sold", _)));
        if self.state != State::Closed || sold {
            return Err("not_allowed_in_state".into());
        }
        if self.halted {
            return Err("market_halted".into());
        }
        self.move_end(ends_at);
        self.state = State::Open;
        self.outcome = None;
        self.expel();
        Ok("open".into())
    }

    fn extend(&mut self, ends_at: i64) -> Result<String, String> {
        if self.state != State::Open {
            return Err("not_allowed_in_state".into());
        }
        if ends_at <= self.ends_at || self.hard.is_some_and(|hard| ends_at > hard) {
            return Err("invalid_request ends_at".into());
        }
        self.ends_at = ends_at;
        Ok("open".into())
    }

    fn lower_reserve(&mut self, reserve: u64) -> Result<String, String> {
        if self.state == State::Closed {
            return Err("not_allowed_in_state".into());
        }
        let lowered = self.met() == Some(false) && self.reserve.is_some_and(|present| reserve <= present);
        if (self.begun && !lowered) || reserve < self.start {
            return Err("invalid_request reserve".into());
        }
        if self.buy_now.is_some_and(|buy_now| buy_now < reserve) {
            return Err("invalid_request buy_now".into());
        }
        if let (Some((leader, _)), Some(price)) = (self.leader(), self.price) {
            let cap = price.max(reserve - 1);
            self.bids
                .iter_mut()
                .filter(|bid| bid.who == leader)
                .for_each(|bid| bid.amount = bid.amount.min(cap));
        }
        self.reserve = Some(reserve);
        self.settle_buy_now();
        Ok(match self.state {
            State::Paused => "paused".into(),
            _ => "open".into(),
        })
    }

    fn suspend(&mut self, who: char) {
        if !self.suspended.contains(&who) {
            self.suspended.push(who);
        }
        if self.state != State::Closed && self.bids.iter().any(|bid| bid.who == who && !bid.forgotten) {
            self.remove_all(who);
            self.price = self.computed();
        }
    }

    /// The whole state as the public sees it, as `show` writes it.
    fn shown(&mut self) -> String {
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        let leader = self.leader().map(|(leader, _)| leader);
        let leader = leader.map(|leader| format!("bidder-{}", self.alias(leader)));
        let bids = self.bids.iter().filter(|bid| bid.counts).count();
        let price = if self.state == State::Closed { self.closed_price } else { self.price };
        let seconds = |micros: i64| {
            if micros % 1_000_000 == 0 { format!("{}s", micros / 1_000_000) } else { format!("{micros}us") }
        };
        let ends_at = (self.state != State::Paused).then(|| seconds(self.ends_at));
        let remaining =
            (self.state == State::Paused).then(|| ((self.ends_at - self.paused_since) / 1_000).to_string());
        let winner = self.outcome.and_then(|(_, winner)| winner);
        let winners =
            winner.map_or(String::new(), |(who, amount)| format!("bidder-{}:{amount}", self.alias(who)));
        format!(
            "state={} price={} leader={} bids={bids} min_next_amount={} reserve_met={} buy_now={} ends_at={} \
             remaining_ms={} result={} winners={winners}",
            match self.state {
                State::Open => "open",
                State::Paused => "paused",
                State::Closed => "closed",
            },
            or_dash(price.map(|price| price.to_string())),
            or_dash(leader),
            self.next(),
            or_dash(self.met().map(|met| met.to_string())),
            or_dash(self.buy_now_left().map(|amount| amount.to_string())),
            or_dash(ends_at),
            or_dash(remaining),
            or_dash(self.outcome.map(|(result, _)| result.to_owned())),
        )
    }
}

/// A lot of random terms, twice.
fn make(random: &mut Random) -> (Model, Script) {
    let start = 1 + random.below(200);
    let reserve = random.once_in(2).then(|| start + random.below(2_000));
    let buy_now = random.once_in(2).then(|| reserve.unwrap_or(start) + random.below(2_000));
    let plain = random.once_in(4);
    let ends = [3_600, 36_000, 180_000][random.below(3) as usize];
    let (window, extend) = [(0, 0), (600, 600), (60, 900), (3_600, 60)][random.below(4) as usize];
    let hard = (window > 0 && random.once_in(2)).then(|| ends + random.below(2_000) as i64);
    let mut text = format!("start={start} ends={ends}s");
    let mut add =
        |name: &str, value: Option<u64>| value.iter().for_each(|value| text += &format!(" {name}={value}"));
    add("reserve", reserve);
    add("buy_now", buy_now);
    if plain {
        text += " plain";
    }
    if window > 0 {
        text += &format!(" soft={window}s/{extend}s");
    }
    if let Some(hard) = hard {
        text += &format!(" hard={hard}s");
    }
    let model = Model {
        start,
        reserve,
        buy_now,
        plain,
        window: if window > 0 { window * 1_000_000 } else { -1 },
        extend: extend * 1_000_000,
        hard: hard.map(|hard| hard * 1_000_000),
        bids: Vec::new(),
        named: Vec::new(),
        aliases: Vec::new(),
        price: None,
        gone: false,
        begun: false,
        state: State::Open,
        now: 0,
        ends_at: ends * 1_000_000,
        paused_since: 0,
        by_operator: false,
        by_halt: false,
        halted: false,
        suspended: Vec::new(),
        outcome: None,
        closed_price: None,
    };
    let mut script = Script::new(&text);
    script.world.thorough_every = 97;
    (model, script)
}

/// An amount that has a chance of being interesting.
fn amount_near(model: &Model, random: &mut Random) -> u64 {
    let next = model.next();
    let known =
        model.bids.get(random.below(1 + model.bids.len() as u64) as usize).map_or(next, |bid| bid.amount);
    let chosen = match random.below(12) {
        0 => next.saturating_sub(1 + random.below(50)),
        1..=4 => next + random.below(100),
        5 => next,
        6 => known,
        7 => known + 1,
        8 => model.reserve.unwrap_or(next),
        9 => next + random.below(5_000),
        10 if random.once_in(20) => AMOUNT_MAX - random.below(20_000),
        _ => next + random.below(1_000),
    };
    chosen.clamp(1, AMOUNT_MAX)
}

/// One random step of both; says what was done and what the model expects of it.
fn step(model: &mut Model, random: &mut Random) -> (String, String) {
    let who = random.pick(&BIDDERS);
    let said = |result: Result<String, String>| result.unwrap_or_else(|rejection| rejection);
    let name = |model: &Model, random: &mut Random| {
        let nth = random.below(1 + model.bids.len() as u64) as usize;
        model.bids.get(nth).map_or("Z1".to_owned(), |bid| bid.name.clone())
    };
    match random.below(100) {
        0..=3 => {
            let named = name(model, random);
            (format!("{who} retract {named}"), said(model.retract(who, Some(&named))))
        }
        4..=6 => (format!("{who} retract"), said(model.retract(who, None))),
        7..=9 => {
            let named = name(model, random);
            (format!("O void {named} because"), said(model.void(&named)))
        }
        10..=11 => ("O pause because".into(), said(model.pause())),
        12..=15 => ("O resume".into(), said(model.resume())),
        16 => {
            let ends_at = model.ends_at + random.below(4) as i64 * 100_000_000;
            (format!("O extend {ends_at}us because"), said(model.extend(ends_at)))
        }
        17..=18 => (format!("{who} buy"), said(model.buy(who))),
        19..=21 => {
            let reserve = 1 + random.below(model.reserve.unwrap_or(100) + 5);
            (format!("S revise reserve:{reserve}"), said(model.lower_reserve(reserve)))
        }
        22 if random.once_in(4) => {
            let closed = match model.state {
                State::Closed => Err("not_allowed_in_state".into()),
                State::Open | State::Paused => {
                    model.ends_at = model.now;
                    model.close("cancelled", None, model.price);
                    Ok("closed".into())
                }
            };
            ("O cancel because".into(), said(closed))
        }
        23..=27 if model.state == State::Closed || random.once_in(50) => {
            let ends_at = model.now + 1 + random.below(100_000_000_000) as i64;
            (format!("O reopen {ends_at}us because"), said(model.reopen(ends_at)))
        }
        _ => {
            let maximum = amount_near(model, random);
            (format!("{who} bid {maximum}"), said(model.bid(who, maximum)))
        }
    }
}

/// What happens around the lot. Changed facts reach it at once, or only when it is next asked.
fn surroundings(model: &mut Model, script: &mut Script, random: &mut Random) {
    match random.below(40) {
        0 if !model.halted => {
            model.halt();
            script.step("halt asleep", "");
        }
        0..=3 if model.halted => {
            model.unhalt();
            script.step("unhalt asleep", "");
        }
        4 => {
            // The lot is awake for these: what it makes of them depends on when.
            let who = random.pick(&BIDDERS);
            if model.suspended.contains(&who) {
                model.suspended.retain(|&suspended| suspended != who);
                script.step(&format!("lift {who}"), "");
            } else {
                wake(model, script);
                model.suspend(who);
                script.step(&format!("suspend {who}"), "");
            }
        }
        5..=12 => {
            let step = [1, 1_000_000, 300_000_000, 3_600_000_000][random.below(4) as usize];
            model.now += 1 + random.below(step) as i64;
            script.world.now.0 = START.0 + model.now;
        }
        _ => {}
    }
}

fn wake(model: &mut Model, script: &mut Script) {
    script.world.facts_changed();
    script.world.due();
    model.due();
}

#[test]
fn a_lot_is_what_all_its_bids_make_it() {
    rounds(ROUNDS, |seed| {
        let mut random = Random::new(seed);
        let (mut model, mut script) = make(&mut random);
        for nth in 0..COMMANDS {
            for _ in 0..random.below(4) {
                surroundings(&mut model, &mut script, &mut random);
            }
            wake(&mut model, &mut script);
            let (line, expected) = step(&mut model, &mut random);
            let found = said(&script.act_on(&line));
            assert_eq!(found, expected, "command {nth} at {}: {line}", model.now);
            let shown = format!("show {}", model.shown());
            script.step(&shown, &format!("after command {nth} at {}: {line}", model.now));
        }
        let bidders_known =
            BIDDERS.iter().all(|&bidder| script.world.facts.account(account(bidder)).is_some());
        assert!(bidders_known);
    });
}
