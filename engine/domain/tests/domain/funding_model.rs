//! Funded lots in a town, against a slow model: every accepted bid is kept and everything worked out from all of them; the
//! money that is held, once nothing is under way, is what they say.

use std::collections::BTreeMap;
use std::sync::Mutex;

use vendue_domain::amount::Currency;
use vendue_domain::context::Stamp;
use vendue_domain::fees::{FeeSchedule, FeeTable, Rounding};
use vendue_domain::id::{AccountId, BidId};
use vendue_domain::increments::{default_bands, increment_at};
use vendue_domain::lot::{HoldChange, LotEvent, Phase};

use crate::lot_script::Script;
use crate::random::{Random, rounds};
use crate::town::Town;
use crate::world::{START, account, amount};

/// Random commands and deliveries in all: rounds times these.
const ROUNDS: u64 = 2_500;
const COMMANDS: u64 = 220;

const BIDDERS: [char; 6] = ['A', 'B', 'C', 'D', 'E', 'F'];
const PREMIUM_PPM: u32 = 150_000;

/// An accepted bid.
#[derive(Clone, Debug)]
struct Bid {
    who: AccountId,
    id: BidId,
    maximum: u64,
}

/// What a lot's bids should come to.
struct Model {
    start: u64,
    reserve: Option<u64>,
    premium: bool,
    full: bool,
    deposit: u64,
    bids: Vec<Bid>,
    price: Option<u64>,
    /// Who has a deposit by a bid that was accepted, and not all taken back.
    deposited: Vec<AccountId>,
    closed: bool,
}

impl Model {
    /// (bidder, maximum) from the best down: of equal ones the earlier first.
    fn maxima(&self) -> Vec<(AccountId, u64)> {
        let mut last: Vec<(usize, &Bid)> = Vec::new();
        for (seq, bid) in self.bids.iter().enumerate() {
            last.retain(|(_, other)| other.who != bid.who);
            last.push((seq, bid));
        }
        last.sort_by_key(|&(seq, bid)| (std::cmp::Reverse(bid.maximum), seq));
        last.into_iter().map(|(_, bid)| (bid.who, bid.maximum)).collect()
    }

    fn computed(&self) -> Option<u64> {
        let maxima = self.maxima();
        let &(_, top) = maxima.first()?;
        let eur = Currency::new("EUR").expect("a currency");
        let step = |at: u64| increment_at(default_bands(eur), amount(at)).get();
        let usual = maxima.get(1).map_or(self.start, |&(_, second)| top.min(second + step(second)));
        Some(self.reserve.filter(|&reserve| top >= reserve).map_or(usual, |reserve| usual.max(reserve)))
    }

    fn with_premium(&self, hammer: u64) -> u64 {
        if self.premium { hammer + premium().on(hammer) } else { hammer }
    }

    /// What should be held of an account once nothing is under way.
    fn held(&self, who: AccountId) -> u64 {
        match (self.closed, self.full) {
            (true, _) => 0,
            (false, true) => match self.maxima().first() {
                Some(&(leader, top)) if leader == who => self.with_premium(top),
                _ => 0,
            },
            (false, false) => {
                if self.deposited.contains(&who) {
                    self.deposit
                } else {
                    0
                }
            }
        }
    }

    fn take(&mut self, event: &LotEvent, stamp: &Stamp) {
        match event.inner() {
            LotEvent::BidPlaced(placed) => {
                let next = self.price;
                self.bid(placed.maximum.0.get(), stamp);
                assert!(next.is_none_or(|price| price <= placed.price.get()), "the price never falls (I13)");
                self.price = self.computed().max(self.price);
                assert_eq!(Some(placed.price.get()), self.price, "what all bids give (I11)");
                let leads = self.maxima()[0].0 == stamp.by;
                assert_eq!(placed.leader.is_none(), leads, "who leads by all bids (I11)");
            }
            LotEvent::MaximumRaised(raised) => {
                assert_eq!(self.maxima()[0].0, stamp.by, "only the leader raises");
                self.bid(raised.maximum.0.get(), stamp);
                self.price =
                    self.price.max(self.reserve.filter(|&reserve| raised.maximum.0.get() >= reserve));
            }
            LotEvent::Restated(restated) => {
                let goes = |bid: &Bid| {
                    bid.who == restated.account && restated.bid.is_none_or(|removed| removed == bid.id)
                };
                self.bids.retain(|bid| !goes(bid));
                if restated.bid.is_none() {
                    self.deposited.retain(|&who| who != restated.account);
                }
                self.price = self.computed();
                assert_eq!(restated.price.map(vendue_domain::amount::Amount::get), self.price, "I20");
            }
            LotEvent::Closed(_) | LotEvent::Bought(_) => {
                self.closed = true;
                self.deposited.clear();
            }
            LotEvent::Reopened(_) => self.closed = false,
            _ => {}
        }
    }

    fn bid(&mut self, maximum: u64, stamp: &Stamp) {
        self.bids.push(Bid { who: stamp.by, id: BidId::from_u128(stamp.command_id), maximum });
        // A deposit that came back at a close is asked for again by the next bid.
        if !self.deposited.contains(&stamp.by) {
            self.deposited.push(stamp.by);
        }
    }
}

fn premium() -> FeeTable {
    let bands = vec![(0, PREMIUM_PPM), (1_000, PREMIUM_PPM / 2)];
    FeeTable { bands, fixed: 3, rounding: Rounding::Up }
}

struct Sale {
    script: Script,
    model: Model,
    halted: bool,
}

fn make(random: &mut Random, nth: u128) -> Sale {
    let start = 1 + random.below(200);
    let reserve = random.once_in(3).then(|| start + random.below(1_000));
    let buy_now = random.once_in(3).then(|| reserve.unwrap_or(start) + random.below(1_000));
    let full = !random.once_in(4);
    let deposit = 1 + random.below(300);
    let funding = if full { "full".to_owned() } else { format!("deposit={deposit}") };
    let mut text = format!("lot={} start={start} ends=30h soft=60s/120s {funding}", 90 + nth);
    if let Some(reserve) = reserve {
        text += &format!(" reserve={reserve}");
    }
    if let Some(buy_now) = buy_now {
        text += &format!(" buy_now={buy_now}");
    }
    let with_premium = random.once_in(2);
    let fees = with_premium.then(|| FeeSchedule {
        version: 1,
        buyers_premium: Some(premium()),
        sellers_commission: None,
    });
    let mut script = Script::recording_with(&text, fees);
    script.world.thorough_every = 53;
    // Ids of commands are unique in the whole town.
    script.world.commands += nth << 64;
    let model = Model {
        start,
        reserve,
        premium: with_premium,
        full,
        deposit,
        bids: Vec::new(),
        price: None,
        deposited: Vec::new(),
        closed: false,
    };
    Sale { script, model, halted: false }
}

/// One random thing that somebody does.
fn line(sale: &Sale, random: &mut Random) -> String {
    let who = random.pick(&BIDDERS);
    let next = sale.script.world.folded["min_next_amount"].as_u64().unwrap_or(1);
    let bid = |random: &mut Random| match random.below(6) {
        0 => next.saturating_sub(random.below(20)).max(1),
        1 => next,
        2..=3 => next + random.below(60),
        _ => next + random.below(700),
    };
    let nth = 1 + random.below(4);
    match random.below(100) {
        0..=3 => format!("{who} retract"),
        4..=6 => format!("{who} retract {who}{nth}"),
        7..=10 => format!("O void {who}{nth} because"),
        11 => "O pause because".into(),
        12..=15 => "O resume".into(),
        16 => format!("{who} buy"),
        17 if random.once_in(6) => "O cancel because".into(),
        18 if random.once_in(6) => "O close because".into(),
        19..=23 => format!("O reopen {}s because", 200_000 + random.below(100_000)),
        _ => format!("{who} bid {}", bid(random)),
    }
}

/// How often what happens in funded lots has happened, in all rounds: a test that never comes there proves nothing.
static SEEN: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

fn count(event: &LotEvent) {
    if event.hold_changes().iter().any(|change| matches!(change, HoldChange::Lowered(_))) {
        *SEEN.lock().expect("nobody has panicked").entry("lowered".to_owned()).or_default() += 1;
    }
    let name = match event {
        LotEvent::BidWaits(waits) if waits.hold.is_none() => "waits behind another".to_owned(),
        LotEvent::BidWaits(_) => "waits".to_owned(),
        LotEvent::HoldAsked(asked) => format!("asked for {:?}", asked.purpose),
        LotEvent::Backed(backed) => {
            let event = match &*backed.event {
                LotEvent::Restated(restated) => format!("{:?}", restated.cause),
                LotEvent::BidPlaced(placed) if placed.old_ends_at.is_some() => {
                    "a bid that extends".to_owned()
                }
                LotEvent::BidPlaced(_) => "a bid".to_owned(),
                LotEvent::MaximumRaised(_) => "a raise".to_owned(),
                LotEvent::Bought(_) => "a purchase".to_owned(),
                LotEvent::Reopened(_) => "a reopening".to_owned(),
                other => panic!("backed: {other:?}"),
            };
            let at_once = if backed.placed.is_some() { "assured" } else { "at once" };
            let step = backed.step.map_or(at_once.to_owned(), |step| format!("{step:?}"));
            format!("{event}, {step}")
        }
        LotEvent::Refused(refused) => format!("refused {:?} {}", refused.step, refused.rejection.code()),
        LotEvent::HoldSettled(settled) if settled.out => "out".to_owned(),
        LotEvent::HoldSettled(_) => "settled".to_owned(),
        LotEvent::HoldsFreed(_) => "freed".to_owned(),
        LotEvent::Restating(_) => "restating".to_owned(),
        LotEvent::Blocked(_) => "blocked".to_owned(),
        LotEvent::Closing(_) => "closing".to_owned(),
        LotEvent::Resumed(resumed) if resumed.reason.as_deref() == Some("a bid that arrived in time") => {
            "open again".to_owned()
        }
        _ => return,
    };
    *SEEN.lock().expect("nobody has panicked").entry(name).or_default() += 1;
}

struct World {
    town: Town,
    sales: Vec<Sale>,
    now: i64,
    suspended: Vec<char>,
    /// Lots ask accounts beforehand, as one shard does; else every hold is asked for and waited for, as several do.
    assures: bool,
}

impl World {
    fn new(random: &mut Random) -> Self {
        let sales = (0..1 + random.below(2)).map(|nth| make(random, u128::from(nth))).collect();
        let mut world =
            Self { town: Town::default(), sales, now: 0, suspended: Vec::new(), assures: random.once_in(2) };
        for who in BIDDERS {
            world.town.bank.deposit(account(who), random.below(3_000));
        }
        world.wake();
        world
    }

    /// Takes what has happened in every lot.
    fn take(&mut self) {
        for sale in &mut self.sales {
            for (event, stamp) in &sale.script.world.recorded {
                if let vendue_domain::actor::Event::Lot(event) = event {
                    count(event);
                    sale.model.take(event, stamp);
                }
            }
            self.town.take(&mut sale.script.world);
        }
    }

    fn wake(&mut self) {
        for sale in &mut self.sales {
            sale.script.world.facts_changed();
            sale.script.world.due();
        }
        self.take();
    }

    fn deliver(&mut self, random: &mut Random) {
        let targets = self.town.targets();
        if targets.is_empty() {
            return;
        }
        let target = random.pick(&targets);
        let now = START.0 + self.now;
        let mut lots: Vec<_> = self.sales.iter_mut().map(|sale| &mut sale.script.world).collect();
        lots.iter_mut().for_each(|lot| lot.now.0 = now);
        self.town.hand_over(target, &mut lots);
        self.take();
        self.wake();
    }

    fn surroundings(&mut self, random: &mut Random) {
        match random.below(60) {
            0 => {
                let who = random.pick(&BIDDERS);
                let lifts = self.suspended.contains(&who);
                self.suspended.retain(|&other| other != who);
                if !lifts {
                    self.suspended.push(who);
                }
                let verb = if lifts { "lift" } else { "suspend" };
                for sale in &mut self.sales {
                    sale.script.step(&format!("{verb} {who}"), "");
                }
            }
            1 => {
                let sale = &mut self.sales[0];
                sale.halted = !sale.halted;
                sale.script.step(if sale.halted { "halt" } else { "unhalt" }, "");
            }
            2 if self.sales[0].halted => {
                self.sales[0].halted = false;
                self.sales[0].script.step("unhalt", "");
            }
            3..=4 => {
                let who = account(random.pick(&BIDDERS));
                let some = 1 + random.below(600);
                // Nothing comes between an assured hold and its account.
                let is_free = !self.assures || !self.town.targets().contains(&who.into());
                if is_free && self.town.bank.available(who) >= some && random.once_in(2) {
                    self.town.bank.spend(who, some);
                } else {
                    self.town.bank.deposit(who, some);
                }
            }
            5..=9 => self.now += 1 + random.below(900_000) as i64,
            10..=11 => self.now += random.below(1_500_000_000) as i64,
            12 => self.now += random.below(9_000_000_000) as i64,
            _ => {}
        }
        for sale in &mut self.sales {
            sale.script.world.now.0 = START.0 + self.now;
        }
        self.wake();
    }

    /// Once nothing is under way, what is held is what all bids say, and nobody waits.
    fn check_at_rest(&mut self, name: &str) {
        while !self.town.targets().is_empty() {
            let mut first = Random::new(0);
            self.deliver(&mut first);
        }
        assert!(self.town.is_answered(), "everybody has an answer: {name}");
        assert_eq!(self.town.audit.waiting(), 0, "{name}");
        for sale in &self.sales {
            let lot = sale.script.lot();
            for who in BIDDERS {
                let held = self.town.bank.held_for(account(who), lot);
                let expected = sale.model.held(account(who));
                // A lot that is open again has standing bids without a deposit, until their next one.
                let reopened = !sale.model.full && held <= expected;
                assert!(held == expected || reopened, "{who} in {lot}: {held}, not {expected}: {name}");
            }
            let state = sale.script.world.folded["state"].as_str().unwrap_or_default();
            assert_eq!(sale.model.closed, state == Phase::Closed.name(), "{name}");
        }
        let sold = |sale: &&Sale| sale.script.world.folded["result"] == "sold";
        assert_eq!(self.town.bank.orders.len(), self.sales.iter().filter(sold).count(), "I21: {name}");
        self.town.bank.check();
    }
}

#[test]
fn nobody_leads_without_money() {
    rounds(ROUNDS, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&mut random);
        for nth in 0..COMMANDS {
            if random.once_in(4) {
                world.surroundings(&mut random);
            }
            for _ in 0..random.below(3) {
                world.deliver(&mut random);
            }
            let which = random.below(world.sales.len() as u64) as usize;
            let line = line(&world.sales[which], &mut random);
            let name = format!("command {nth} at {}: {line}", world.now);
            let accounts = world.assures.then(|| world.town.assurance());
            world.sales[which].script.world.accounts = accounts;
            let _ = world.sales[which].script.act_on(&line);
            world.take();
            world.wake();
            if random.once_in(12) {
                world.check_at_rest(&name);
            }
        }
        world.check_at_rest("at the end");
        // Time runs out: everything ends, and nothing stays held.
        for sale in &mut world.sales {
            if sale.halted {
                sale.script.step("unhalt", "");
            }
            let _ = sale.script.act_on("O resume");
        }
        world.now += 400_000_000_000;
        for sale in &mut world.sales {
            sale.script.world.now.0 = START.0 + world.now;
        }
        world.wake();
        world.check_at_rest("after the end");
        assert_eq!(world.town.bank.live_holds(), 0, "every hold has ended");
    });
    check_all_seen();
}

/// Everything that can happen to funded bids has happened, many times.
fn check_all_seen() {
    if std::env::var_os("VENDUE_SEED").is_some() || std::env::var_os("VENDUE_ROUNDS").is_some() {
        return;
    }
    let seen = SEEN.lock().expect("nobody has panicked");
    for name in [
        "Retracted, Change",
        "Retracted, at once",
        "Suspended, Change",
        "Suspended, at once",
        "Unfunded, Change",
        "Voided, Change",
        "Voided, at once",
        "a bid that extends, Bid",
        "a bid, Bid",
        "a bid, assured",
        "a bid, at once",
        "a purchase, Bid",
        "a purchase, assured",
        "a purchase, at once",
        "a raise, Bid",
        "a raise, assured",
        "a raise, at once",
        "a reopening, Change",
        "asked for Bid",
        "asked for Restatement",
        "blocked",
        "closing",
        "freed",
        "lowered",
        "open again",
        "out",
        "refused Bid bid_too_low",
        "refused Bid buy_now_unavailable",
        "refused Bid insufficient_funds",
        "refused Bid lot_paused",
        "refused Bid market_halted",
        "refused Bid not_allowed_in_state",
        "refused Bid not_qualified",
        "refused Bid self_outbid",
        "refused BidInFlight lot_closed",
        "refused BidInFlight unavailable",
        "refused Change lot_closed",
        "refused Change not_found",
        "restating",
        "settled",
        "waits",
        "waits behind another",
    ] {
        assert!(seen.contains_key(name), "never: {name}\n{seen:#?}");
    }
}
