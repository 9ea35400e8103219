//! Lots of every format but English against a slow model: it keeps every bid and works everything out from all of them,
//! each time (I11, I14 to I20). `outcome` is the recomputation, this file a lot's life around it.

mod life;
mod outcome;
mod steps;

use vendue_domain::amount::AMOUNT_MAX;
use vendue_domain::limits::BIDS_KEPT;

use self::outcome::{Bid, Kind, Terms};
use crate::lot_script::{Script, said};
use crate::random::{Random, rounds};
use crate::world::START;

/// Random commands in all: rounds times commands of one lot.
const ROUNDS: u64 = 6_000;
const COMMANDS: u64 = 200;

const BIDDERS: [char; 5] = ['A', 'B', 'C', 'D', 'F'];
const HOUR_US: i64 = 3_600_000_000;

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Open,
    Paused,
    Closed,
}

/// A clock: start, step, interval in microseconds, floor.
type Clock = (u64, u64, i64, u64);

/// Who, units, amount for all of them.
type Win = (char, u64, u64);

/// What the lot should be.
struct Model {
    terms: Terms,
    clock: Clock,
    window: i64,
    extend: i64,

    bids: Vec<Bid>,
    names: Vec<(char, u32)>,
    /// In the order of first bids; a dutch lot's winners come in it too.
    aliases: Vec<char>,
    begun: bool,
    state: State,
    now: i64,
    ends_at: i64,
    paused_since: i64,
    by_operator: bool,
    by_halt: bool,
    halted: bool,
    suspended: Vec<char>,
    /// How long the clock has run, in microseconds, and what it said last.
    ran: i64,
    announced: Option<u64>,
    next_at: Option<i64>,
    /// Result, winners, price.
    outcome: Option<(&'static str, Vec<Win>, Option<u64>)>,
}

impl Model {
    fn kind(&self) -> Kind {
        self.terms.kind
    }

    /// Time passes; the clock runs while the lot is open.
    fn pass(&mut self, micros: i64) {
        self.now += micros;
        if self.state == State::Open {
            self.ran += micros;
        }
    }

    fn clock_price(&self, ran: i64) -> u64 {
        let (start, step, interval, floor) = self.clock;
        start.saturating_sub(step.saturating_mul((ran / interval) as u64)).max(floor)
    }

    fn announce(&mut self) {
        let (_, _, interval, floor) = self.clock;
        let price = self.clock_price(self.ran);
        self.announced = Some(price);
        self.next_at = (price > floor).then(|| self.now + interval - self.ran % interval);
    }

    fn alias(&mut self, who: char) -> usize {
        self.aliases.iter().position(|&known| known == who).unwrap_or_else(|| {
            self.aliases.push(who);
            self.aliases.len() - 1
        }) + 1
    }

    fn name_next(&mut self, who: char) -> String {
        if !self.names.iter().any(|(known, _)| *known == who) {
            self.names.push((who, 0));
        }
        let (_, count) = self.names.iter_mut().find(|(known, _)| *known == who).expect("just added");
        *count += 1;
        format!("{who}{count}")
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

    fn bid(&mut self, who: char, amount: u64, units: Option<u64>, all: bool) -> Result<String, String> {
        self.may_buy(who)?;
        if self.kind() == Kind::Dutch {
            return Err("not_allowed_in_format".into());
        }
        self.check_bid(who, amount, units, all)?;
        let before = self.bids.clone();
        if self.kind().replaces() {
            self.bids.retain(|bid| bid.who != who);
        } else {
            self.forget(who);
        }
        let (name, at) = (self.name_next(who), self.now);
        let units = units.unwrap_or(1);
        self.bids.push(Bid { who, name, amount, units, all_or_none: all, at, forgotten: false });
        self.alias(who);
        self.begun = true;
        if self.moves_end(who, &before) && self.ends_at - self.now <= self.window {
            self.ends_at = self.ends_at.max(self.now + self.extend);
        }
        let next = self.terms.shown_next(&self.bids);
        let price = self.terms.price(&self.bids).map_or("-".into(), |price| price.to_string());
        let leads = match self.kind() {
            kind if kind.is_sealed() => return Ok(format!("placed - {next}")),
            kind if kind.is_multi() => self.terms.units_of(&self.bids, who) > 0,
            _ => true,
        };
        Ok(format!("{} {price} {next}", if leads { "leading" } else { "outbid" }))
    }

    fn check_bid(&self, who: char, amount: u64, units: Option<u64>, all: bool) -> Result<(), String> {
        let terms = &self.terms;
        let next = terms.next(&self.bids);
        if !self.kind().is_multi() {
            if units.is_some_and(|units| units != terms.quantity) || all {
                return Err("not_allowed_in_format".into());
            }
            let leader = terms.leader(&self.bids).filter(|_| self.kind() == Kind::Reverse);
            if leader.is_some_and(|leader| leader.who == who && amount >= leader.amount) {
                return Err("self_outbid".into());
            }
            return match i128::from(amount) {
                _ if next < 1 => Err("amount_out_of_range".into()),
                amount if self.kind().is_tender() && amount > next => Err(format!("bid_too_high {next}")),
                amount if !self.kind().is_tender() && amount < next => Err(format!("bid_too_low {next}")),
                _ => Ok(()),
            };
        }
        let units = units.unwrap_or(1);
        if units == 0 || units > terms.quantity {
            return Err("invalid_request quantity".into());
        }
        if amount.checked_mul(units).is_none_or(|product| product > AMOUNT_MAX)
            || next > i128::from(AMOUNT_MAX)
        {
            return Err("amount_out_of_range".into());
        }
        let own = self.bids.iter().find(|bid| bid.who == who);
        let least = own.map_or(0, |own| own.amount).max(next as u64);
        match own {
            _ if amount < least => Err(format!("bid_too_low {least}")),
            Some(own) if units < own.units => Err("invalid_request quantity".into()),
            Some(own) if all && !own.all_or_none => Err("invalid_request all_or_none".into()),
            Some(own) if units == own.units && amount == own.amount => Err("self_outbid".into()),
            _ => Ok(()),
        }
    }

    fn forget(&mut self, who: char) {
        let kept: Vec<usize> = (0..self.bids.len())
            .filter(|&nth| self.bids[nth].who == who && !self.bids[nth].forgotten)
            .collect();
        if kept.len() >= 2 * BIDS_KEPT {
            kept[..BIDS_KEPT].iter().for_each(|&nth| self.bids[nth].forgotten = true);
        }
    }

    /// Whether a bid changed price or winners, and was no own raise.
    fn moves_end(&self, who: char, before: &[Bid]) -> bool {
        let terms = &self.terms;
        if !self.kind().is_multi() {
            return self.kind() == Kind::Reverse
                && terms.leader(before).is_none_or(|leader| leader.who != who);
        }
        let (had, has) = (terms.units_of(before, who), terms.units_of(&self.bids, who));
        let lost = |&other: &char| {
            other != who && terms.units_of(before, other) > 0 && terms.units_of(&self.bids, other) == 0
        };
        let moved = terms.price(before) != terms.price(&self.bids);
        had != has || (had == 0 && moved) || BIDDERS.iter().any(lost)
    }

    fn take(&mut self, who: char, units: u64, most: Option<u64>) -> Result<String, String> {
        self.may_buy(who)?;
        if self.kind() != Kind::Dutch {
            return Err("not_allowed_in_format".into());
        }
        let left = self.terms.remaining(&self.bids);
        let price = self.clock_price(self.ran);
        if units == 0 {
            return Err("invalid_request quantity".into());
        }
        if units > left {
            return Err(format!("out_of_stock {left}"));
        }
        if most.is_some_and(|most| most < price) {
            return Err(format!("bid_too_low {price}"));
        }
        let (name, at) = (self.name_next(who), self.now);
        self.bids.push(Bid { who, name, amount: price, units, all_or_none: false, at, forgotten: false });
        self.alias(who);
        self.begun = true;
        if units == left {
            self.ends_at = self.now;
            self.close_by_bids();
        }
        Ok(format!("won {price} -"))
    }

    fn restated(&self, removed: usize) -> String {
        let price = self.shown_price().map_or("-".into(), |price| price.to_string());
        format!("restated {price} {} -{removed}", self.next())
    }

    fn remove(&mut self, goes: impl Fn(&Bid) -> bool) -> usize {
        let before = self.bids.len();
        self.bids.retain(|bid| !goes(bid));
        before - self.bids.len()
    }

    fn retract(&mut self, who: char, named: Option<&str>) -> Result<String, String> {
        if self.state == State::Closed {
            return Err(self.late());
        }
        if self.kind() == Kind::Dutch {
            return Err("not_allowed_in_format".into());
        }
        let own: Vec<&Bid> = self.bids.iter().filter(|bid| bid.who == who && !bid.forgotten).collect();
        let last = *own.last().ok_or("not_found")?;
        let meant = own.iter().find(|bid| named.is_none_or(|name| name == bid.name)).ok_or("not_found")?;
        let (last_name, names_another) = (last.name.clone(), named.is_some() && meant.name != last.name);
        let late = self.now - last.at > HOUR_US;
        let remaining = self.ends_at - if self.state == State::Paused { self.paused_since } else { self.now };
        if remaining > 12 * HOUR_US {
            let removed = self.remove(|bid| bid.who == who);
            return Ok(self.restated(removed));
        }
        if names_another || late {
            return Err("retraction_not_allowed".into());
        }
        self.remove(|bid| bid.name == last_name);
        Ok(self.restated(1))
    }

    fn void(&mut self, name: &str) -> Result<String, String> {
        if self.state == State::Closed {
            return Err(self.late());
        }
        self.bids.iter().find(|bid| bid.name == name && !bid.forgotten).ok_or("not_found")?;
        self.remove(|bid| bid.name == name);
        Ok(self.restated(1))
    }

    fn lower_reserve(&mut self, reserve: u64) -> Result<String, String> {
        if self.state == State::Closed {
            return Err("not_allowed_in_state".into());
        }
        let (kind, start) = (self.kind(), self.terms.start);
        let tender = kind.is_tender();
        let eased = |present: u64| if tender { reserve >= present } else { reserve <= present };
        let unmet = kind.is_sealed() || self.terms.met(&self.bids) == Some(false);
        let may = !self.begun || (unmet && self.terms.reserve.is_some_and(eased));
        let valid = if tender { reserve <= start } else { reserve >= start };
        if !may || !valid || kind == Kind::Dutch || kind.is_multi() {
            return Err("invalid_request reserve".into());
        }
        if let Some(old) = self.terms.reserve.filter(|_| kind.is_sealed()) {
            for bid in &mut self.bids {
                if tender && bid.amount > old {
                    bid.amount = bid.amount.max(reserve + 1);
                } else if !tender && bid.amount < old {
                    bid.amount = bid.amount.min((reserve - 1).max(1));
                }
            }
        }
        self.terms.reserve = Some(reserve);
        Ok(if self.state == State::Paused { "paused".into() } else { "open".into() })
    }
}

/// A lot of random terms, twice.
fn make(random: &mut Random) -> (Model, Script) {
    let kind = random.pick(&[
        Kind::Dutch,
        Kind::FirstPrice,
        Kind::Vickrey,
        Kind::SealedReverse,
        Kind::Reverse,
        Kind::LowestWinning,
        Kind::HighestLosing,
        Kind::PayAsBid,
    ]);
    let by_unit = kind == Kind::Dutch || kind.is_multi();
    let quantity = if by_unit { 1 + random.below(12) } else { 1 };
    let start = 100 + random.below(3_000);
    let reserve = (!by_unit && random.once_in(2)).then(|| match kind.is_tender() {
        true => 1 + random.below(start),
        false => start + random.below(2_000),
    });
    let clock =
        (start, 1 + random.below(300), 1_000 * (100 + random.below(900_000) as i64), 1 + random.below(start));
    let ends = [3_600, 36_000, 180_000][random.below(3) as usize];
    let soft = (!kind.is_sealed() && kind != Kind::Dutch)
        .then(|| random.pick(&[(600, 600), (60, 900), (3_600, 60)]));
    let mut text = match kind {
        Kind::Dutch => {
            let (start, step, interval, floor) = clock;
            format!("format=dutch clock={start}/{step}/{interval}us/{floor}")
        }
        Kind::FirstPrice => "format=sealed_first_price".into(),
        Kind::Vickrey => "format=vickrey".into(),
        Kind::SealedReverse => "format=reverse sealed".into(),
        Kind::Reverse => "format=reverse".into(),
        Kind::LowestWinning => "format=multi_unit".into(),
        Kind::HighestLosing => "format=multi_unit pricing=uniform_highest_losing".into(),
        Kind::PayAsBid => "format=multi_unit pricing=pay_as_bid".to_owned(),
    };
    text += &format!(" start={start} ends={ends}s quantity={quantity}");
    if let Some(reserve) = reserve {
        text += &format!(" reserve={reserve}");
    }
    if let Some((window, extend)) = soft {
        text += &format!(" soft={window}s/{extend}s");
    }
    let (window, extend) = soft.unwrap_or((-1, 0));
    let mut model = Model {
        terms: Terms { kind, start, reserve, quantity },
        clock,
        window: window * 1_000_000,
        extend: extend * 1_000_000,
        bids: Vec::new(),
        names: Vec::new(),
        aliases: Vec::new(),
        begun: false,
        state: State::Open,
        now: 0,
        ends_at: ends * 1_000_000,
        paused_since: 0,
        by_operator: false,
        by_halt: false,
        halted: false,
        suspended: Vec::new(),
        ran: 0,
        announced: None,
        next_at: None,
        outcome: None,
    };
    if kind == Kind::Dutch {
        model.announce();
    }
    let mut script = Script::new(&text);
    script.world.thorough_every = 97;
    (model, script)
}
