//! The bidders' minds: who bids next, on what, how much. Pure and seeded: the same seed bids alike.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::catalogue::{Format, round_down};

const SECOND_US: i64 = 1_000_000;
/// Early birds bid in this first part of a lot's time, in per cent.
const EARLY_SHARE: i64 = 40;
/// Snipers appear this long before the end.
const SNIPE_US: i64 = 50 * SECOND_US;
/// A lot is looked at closely when it ends within this time.
const ENDING_US: i64 = 180 * SECOND_US;
/// How much likelier a lot near its end is bid on.
const ENDING_WEIGHT: u64 = 6;
/// Of a hundred lots, how many a bidder cares for: in its favourite categories, and elsewhere.
const FAVOURITE_SHARE: u64 = 70;
const OTHER_SHARE: u64 = 22;
/// How many of the categories are favourites, in per cent.
const FAVOURITES: u64 = 35;
/// What a lot is worth to somebody: this share of its middle estimate, in per cent, at least and at most.
const WORTH_LOW: u64 = 55;
const WORTH_HIGH: u64 = 125;
/// One bid in so many is a jump of several steps.
const JUMP_ONE_IN: u32 = 6;
/// What a tender's work costs somebody: this share of its middle estimate, in per cent, at least and at most.
const COST_LOW: u64 = 80;
const COST_HIGH: u64 = 130;
/// Of a lot of several units somebody wants at most one part in so many.
const UNITS_ONE_IN: u64 = 6;

/// How somebody bids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Temperament {
    /// At the beginning; loses interest later.
    Early,
    /// The next step, whenever somebody else leads.
    Steady,
    /// Its maximum, once.
    Proxy,
    /// In the last minute, with its maximum.
    Sniper,
}

/// What a bidder sees of an open lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LotView {
    pub(super) id: String,
    pub(super) category: String,
    pub(super) format: Format,
    /// Nobody sees bids before the end.
    pub(super) sealed: bool,
    /// Low and high estimate, in minor units; of one unit.
    pub(super) estimate: (u64, u64),
    /// The least that counts; in a tender the most; a clock's price.
    pub(super) min_next: u64,
    /// Units that can still be had; the items of packages.
    pub(super) units: u64,
    /// Microseconds since the Unix epoch.
    pub(super) opens_at: i64,
    pub(super) ends_at: i64,
}

/// A bid to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bid {
    /// Which bidder.
    pub(super) bot: usize,
    pub(super) lot: String,
    pub(super) format: Format,
    /// Minor units, for one unit.
    pub(super) amount: u64,
    pub(super) quantity: u64,
    /// The first item of a package of `quantity`, which goes round, and how many there are.
    pub(super) package: Option<(u64, u64)>,
}

#[derive(Debug)]
struct Bot {
    temperament: Temperament,
    leads: HashSet<String>,
    /// Its last bid on each lot.
    offered: HashMap<String, u64>,
    /// Lots that it cannot pay for.
    beyond: HashSet<String>,
}

/// Everybody in the room.
#[derive(Debug)]
pub(super) struct Floor {
    bots: Vec<Bot>,
    seed: u64,
    dice: StdRng,
    bids_per_minute: u32,
}

impl Floor {
    pub(super) fn new(
        temperaments: impl Iterator<Item = Temperament>,
        seed: u64,
        bids_per_minute: u32,
    ) -> Self {
        let bots = temperaments
            .map(|temperament| Bot {
                temperament,
                leads: HashSet::new(),
                offered: HashMap::new(),
                beyond: HashSet::new(),
            })
            .collect();
        Self { bots, seed, dice: StdRng::seed_from_u64(seed), bids_per_minute }
    }

    /// How long until somebody bids again: people come in bunches, not like clockwork (exponential, at most ten means).
    pub(super) fn pause(&mut self) -> Option<Duration> {
        let mean_s = 60.0 / f64::from(self.bids_per_minute);
        let uniform: f64 = self.dice.random_range(f64::EPSILON..1.0);
        (self.bids_per_minute > 0).then(|| Duration::from_secs_f64((-uniform.ln()).min(10.0) * mean_s))
    }

    /// The next bid: somebody at random who wants something. `None` where the bidder whose turn it is wants nothing now.
    pub(super) fn next_bid(&mut self, lots: &[LotView], now_us: i64) -> Option<Bid> {
        if self.bots.is_empty() {
            return None;
        }
        let first = self.dice.random_range(0..self.bots.len());
        (0..self.bots.len()).find_map(|step| {
            let bot = (first + step) % self.bots.len();
            let lot = &lots[self.wanted(bot, lots, now_us)?];
            let amount = self.amount(bot, lot);
            let quantity = self.quantity(lot);
            self.bots[bot].offered.insert(lot.id.clone(), amount);
            let package = (lot.format == Format::Combinatorial)
                .then(|| (self.taste(bot, &lot.id) % lot.units.max(1), lot.units.max(1)));
            // What goes together is worth more together.
            let together =
                if package.is_some() { amount * quantity + amount / 10 * (quantity - 1) } else { amount };
            Some(Bid { bot, lot: lot.id.clone(), format: lot.format, amount: together, quantity, package })
        })
    }

    /// What became of a bid, or of a lead.
    pub(super) fn told(&mut self, bot: usize, lot: &str, leads: bool) {
        let Some(bot) = self.bots.get_mut(bot) else { return };
        if leads {
            bot.leads.insert(lot.to_owned());
        } else {
            bot.leads.remove(lot);
        }
    }

    /// It has not the money for this lot.
    pub(super) fn cannot_pay(&mut self, bot: usize, lot: &str) {
        if let Some(bot) = self.bots.get_mut(bot) {
            bot.beyond.insert(lot.to_owned());
        }
    }

    /// Lots that are over are forgotten.
    pub(super) fn keep_only(&mut self, open: &HashSet<&str>) {
        for bot in &mut self.bots {
            bot.leads.retain(|lot| open.contains(lot.as_str()));
            bot.offered.retain(|lot, _| open.contains(lot.as_str()));
            bot.beyond.retain(|lot| open.contains(lot.as_str()));
        }
    }

    /// The lot this bidder goes for now: one of those it wants, the ones that end soon likelier.
    fn wanted(&mut self, bot: usize, lots: &[LotView], now_us: i64) -> Option<usize> {
        let weights: Vec<u64> = lots.iter().map(|lot| self.weight(bot, lot, now_us)).collect();
        let total: u64 = weights.iter().sum();
        if total == 0 {
            return None;
        }
        let mut left = self.dice.random_range(0..total);
        weights.iter().position(|&weight| {
            let here = left < weight;
            left = left.saturating_sub(weight);
            here
        })
    }

    fn weight(&self, bot: usize, lot: &LotView, now_us: i64) -> u64 {
        let mind = &self.bots[bot];
        let left_us = lot.ends_at - now_us;
        let open = lot.opens_at <= now_us && left_us > 0;
        if !open
            || mind.leads.contains(&lot.id)
            || mind.beyond.contains(&lot.id)
            || !self.is_worth_it(bot, lot)
        {
            return 0;
        }
        // Sealed bids are thought over once; the rest of the room's habits are those of the open cry.
        if lot.sealed || matches!(lot.format, Format::Dutch | Format::Japanese) {
            return u64::from(!mind.offered.contains_key(&lot.id));
        }
        let length_us = (lot.ends_at - lot.opens_at).max(1);
        let right_time = match mind.temperament {
            Temperament::Early => (now_us - lot.opens_at) * 100 / length_us <= EARLY_SHARE,
            Temperament::Sniper => left_us <= SNIPE_US,
            Temperament::Proxy if matches!(lot.format, Format::English | Format::Candle) => {
                mind.offered.get(&lot.id).is_none_or(|&offered| offered < self.worth(bot, lot))
            }
            Temperament::Proxy => true,
            Temperament::Steady => true,
        };
        match (right_time, left_us <= ENDING_US) {
            (false, _) => 0,
            (true, true) => ENDING_WEIGHT,
            (true, false) => 1,
        }
    }

    /// Whether what counts next is still worth it to this bidder.
    fn is_worth_it(&self, bot: usize, lot: &LotView) -> bool {
        let worth = self.worth(bot, lot);
        match lot.format {
            Format::Reverse => worth > 0 && lot.min_next >= worth,
            // Whoever waits for a clock hopes for a bargain: each for a time of its own.
            Format::Dutch => lot.units > 0 && lot.min_next <= worth,
            _ => lot.min_next <= worth,
        }
    }

    /// What a lot (a unit of it) is worth to this bidder, in minor units: in a tender what the work costs it. 0 where it
    /// does not care for it.
    fn worth(&self, bot: usize, lot: &LotView) -> u64 {
        let favourite = self.taste(bot, &lot.category) % 100 < FAVOURITES;
        let share = if favourite { FAVOURITE_SHARE } else { OTHER_SHARE };
        let taste = self.taste(bot, &lot.id);
        if taste % 100 >= share {
            return 0;
        }
        let middle = lot.estimate.0.midpoint(lot.estimate.1);
        let (low, high) =
            if lot.format == Format::Reverse { (COST_LOW, COST_HIGH) } else { (WORTH_LOW, WORTH_HIGH) };
        middle / 100 * (low + taste / 100 % (high - low + 1))
    }

    /// How many units it asks for.
    fn quantity(&mut self, lot: &LotView) -> u64 {
        let most =
            if lot.format == Format::Combinatorial { lot.units } else { lot.units / UNITS_ONE_IN }.max(1);
        if lot.units > 1 { self.dice.random_range(1..=most) } else { 1 }
    }

    fn amount(&mut self, bot: usize, lot: &LotView) -> u64 {
        let worth = self.worth(bot, lot);
        match lot.format {
            Format::Dutch => return lot.min_next,
            // Below the last offer by a step or more, never below what it costs.
            Format::Reverse => {
                let saving = self.dice.random_range(0..=lot.min_next / 40);
                let offer =
                    if lot.sealed { worth.min(lot.min_next) } else { (lot.min_next - saving).max(worth) };
                return round_to(offer, lot.min_next / 200).max(1);
            }
            // A japanese bidder stays up to what it is worth to it.
            Format::SealedFirstPrice
            | Format::Vickrey
            | Format::MultiUnit
            | Format::Japanese
            | Format::Combinatorial => {
                return round_down(worth).max(lot.min_next);
            }
            Format::English | Format::Candle => {}
        }
        let wish = match self.bots[bot].temperament {
            Temperament::Proxy | Temperament::Sniper => round_down(worth),
            Temperament::Early | Temperament::Steady if self.dice.random_ratio(1, JUMP_ONE_IN) => {
                round_down(lot.min_next + lot.min_next / 10)
            }
            Temperament::Early | Temperament::Steady => lot.min_next,
        };
        wish.clamp(lot.min_next, worth.max(lot.min_next))
    }

    /// A number that belongs to a bidder and a thing, for ever.
    fn taste(&self, bot: usize, thing: &str) -> u64 {
        xxh3_64_with_seed(thing.as_bytes(), self.seed ^ ((bot as u64 + 1) << 32))
    }
}

/// Down to a multiple of the largest power of ten that `step` holds: 6,091.62 by 30.00 is 6,090.00.
fn round_to(amount: u64, step: u64) -> u64 {
    let mut unit = 1;
    while unit * 10 <= step {
        unit *= 10;
    }
    amount / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: [Temperament; 8] = [
        Temperament::Steady,
        Temperament::Proxy,
        Temperament::Early,
        Temperament::Sniper,
        Temperament::Steady,
        Temperament::Proxy,
        Temperament::Steady,
        Temperament::Sniper,
    ];

    fn lots(count: u64) -> Vec<LotView> {
        (0..count)
            .map(|at| LotView {
                id: format!("lot_{at}"),
                category: ["Watches", "Maps", "Wine"][at as usize % 3].to_owned(),
                format: Format::English,
                sealed: false,
                units: 1,
                estimate: (50_000, 70_000),
                min_next: 20_000,
                opens_at: 0,
                ends_at: (300 + at as i64 * 60) * SECOND_US,
            })
            .collect()
    }

    /// An afternoon: everybody bids, and nobody against the rules of good sense.
    fn afternoon(seed: u64) -> Vec<Bid> {
        let mut floor = Floor::new(ROOM.into_iter(), seed, 60);
        let mut lots = lots(12);
        let mut bids = Vec::new();
        for second in 0..900 {
            let now = second * SECOND_US;
            let Some(bid) = floor.next_bid(&lots, now) else { continue };
            let lot = lots.iter_mut().find(|lot| lot.id == bid.lot).unwrap();
            assert!(bid.amount >= lot.min_next, "seed {seed}: below the minimum");
            assert!(lot.ends_at > now, "seed {seed}: too late");
            assert!(bid.amount <= 60_000 * WORTH_HIGH / 100, "seed {seed}: beyond any worth");
            if ROOM[bid.bot] == Temperament::Sniper {
                assert!(lot.ends_at - now <= SNIPE_US, "seed {seed}: a sniper shows itself");
            }
            for other in 0..ROOM.len() {
                floor.told(other, &bid.lot, other == bid.bot);
            }
            lot.min_next = bid.amount + 1_000;
            bids.push(bid);
        }
        bids
    }

    #[test]
    fn a_room_bids_sensibly_and_alike_for_one_seed() {
        for seed in 0..40 {
            let bids = afternoon(seed);
            assert!(bids.len() > 15, "seed {seed}: a sleepy room, {} bids", bids.len());
            assert_eq!(bids, afternoon(seed), "seed {seed}");
            for pair in bids.windows(2) {
                let again = pair[0].bot == pair[1].bot && pair[0].lot == pair[1].lot;
                assert!(!again, "seed {seed}: a leader bid against itself");
            }
        }
    }

    /// In every format each bid is one that the rules would take, and nobody goes beyond what it is worth to him.
    #[test]
    fn a_room_knows_every_format() {
        for seed in 0..40 {
            for format in Format::ALL {
                let sealed =
                    matches!(format, Format::SealedFirstPrice | Format::Vickrey | Format::Combinatorial);
                let units = if matches!(format, Format::Dutch | Format::MultiUnit) { 24 } else { 1 };
                let mut floor = Floor::new(ROOM.into_iter().cycle().take(24), seed, 60);
                let mut lots = lots(6);
                for lot in &mut lots {
                    (lot.format, lot.sealed, lot.units) = (format, sealed, units);
                    lot.min_next =
                        if matches!(format, Format::Dutch | Format::Reverse) { 90_000 } else { 20_000 };
                }
                let mut bids = 0;
                for second in 0..600 {
                    let now = second * SECOND_US;
                    if format == Format::Dutch {
                        lots.iter_mut()
                            .for_each(|lot| lot.min_next = (90_000 - 100 * second as u64).max(30_000));
                    }
                    let Some(bid) = floor.next_bid(&lots, now) else { continue };
                    bids += 1;
                    let lot = lots.iter_mut().find(|lot| lot.id == bid.lot).unwrap();
                    assert!(
                        lot.ends_at > now && bid.quantity >= 1 && bid.quantity <= units,
                        "seed {seed}: {bid:?}"
                    );
                    match format {
                        Format::Dutch => {
                            assert_eq!(bid.amount, lot.min_next, "seed {seed}");
                            lot.units -= bid.quantity;
                        }
                        Format::Reverse => {
                            assert!(bid.amount <= lot.min_next, "seed {seed}: {bid:?}");
                            // Rounded as a room would say it, a little below the cost.
                            assert!(bid.amount >= 60_000 * COST_LOW / 100 - 450, "seed {seed}: {bid:?}");
                            lot.min_next = bid.amount - 500;
                        }
                        _ => assert!(bid.amount >= lot.min_next, "seed {seed}: {bid:?}"),
                    }
                    for other in 0..24 {
                        floor.told(other, &bid.lot, other == bid.bot);
                    }
                }
                assert!(bids > 5, "seed {seed}: {bids} bids in {format:?}");
            }
        }
    }

    #[test]
    fn who_cannot_pay_stops() {
        let mut floor = Floor::new([Temperament::Steady].into_iter(), 3, 60);
        let lots = lots(12);
        while let Some(bid) = floor.next_bid(&lots, 0) {
            floor.cannot_pay(bid.bot, &bid.lot);
        }
        assert!(!floor.bots[0].beyond.is_empty());
    }

    #[test]
    fn nothing_to_want_is_no_bid() {
        let mut floor = Floor::new(ROOM.into_iter(), 1, 60);
        assert_eq!(floor.next_bid(&[], 0), None);
        assert_eq!(floor.next_bid(&lots(5), 1_000_000 * SECOND_US), None);
        assert_eq!(Floor::new(std::iter::empty(), 1, 60).next_bid(&lots(5), 1), None);
        assert_eq!(Floor::new(ROOM.into_iter(), 1, 0).pause(), None);
        let pauses: Duration = (0..1_000).filter_map(|_| floor.pause()).sum();
        assert!((800..1_200).contains(&pauses.as_secs()), "{pauses:?}");
    }
}
