//! Lots of the formats `japanese`, `candle` and `combinatorial` against slow models, command by command (I11 to I20). The
//! models keep every bid and work everything out from all of them; the checks of auctions run beside them.

use std::collections::BTreeMap;

use crate::lot_script::{Script, said};
use crate::random::{Random, rounds};
use crate::world::START;

/// Random commands of each format: rounds times commands of one lot, at most. A japanese lot is over sooner.
const ROUNDS: u64 = 3_000;
const JAPANESE_ROUNDS: u64 = 12_000;
const COMMANDS: u64 = 40;

const BIDDERS: [char; 5] = ['A', 'B', 'C', 'D', 'F'];
const ENDS_US: i64 = 3_600_000_000;

/// A lot and the moment of it, in microseconds since it opened.
struct Run {
    script: Script,
    random: Random,
    now: i64,
}

impl Run {
    fn new(text: &str, random: Random) -> Self {
        let mut script = Script::new(text);
        script.world.thorough_every = 31;
        Self { script, random, now: 0 }
    }

    fn pass(&mut self, micros: i64) {
        self.now += micros;
        self.script.world.now.0 = START.0 + self.now;
        self.script.world.due();
    }

    fn shown(&self, field: &str) -> String {
        match &self.script.world.folded[field] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    fn act(&mut self, line: &str, expected: &str) -> bool {
        let found = said(&self.script.act_on(line));
        assert_eq!(found, expected, "at {}: {line}", self.now);
        true
    }

    fn winners(&self) -> Vec<(String, u64)> {
        let winners = self.script.world.folded["winners"].as_array().expect("a list");
        let amount = |winner: &serde_json::Value| winner["amount"].as_u64().expect("an amount");
        winners
            .iter()
            .map(|winner| (winner["alias"].as_str().unwrap_or("?").to_owned(), amount(winner)))
            .collect()
    }
}

/// Who is in a japanese lot: alias, up to how much, in the order of entry.
#[derive(Default)]
struct Button {
    inside: Vec<(char, u64)>,
    aliases: Vec<char>,
    /// The price and winners of the end.
    ended: Option<(u64, Vec<char>)>,
}

impl Button {
    /// The clock goes from `price` to the next one: by what everybody's finger does.
    fn step(&mut self, price: u64, next: Option<u64>, units: usize) -> u64 {
        let all: Vec<char> = self.inside.iter().map(|(who, _)| *who).collect();
        if all.len() <= units {
            self.ended = Some((price, all));
            return price;
        }
        let Some(next) = next else {
            self.ended = Some((price, all[..units].to_vec()));
            return price;
        };
        let (stay, leave): (Vec<(char, u64)>, Vec<_>) =
            self.inside.iter().partition(|(_, until)| *until >= next);
        if stay.len() > units {
            self.inside = stay;
            return next;
        }
        let full = stay.len() == units;
        let mut won: Vec<char> = stay.iter().chain(&leave).take(units).map(|(who, _)| *who).collect();
        // As they entered.
        won.sort_by_key(|who| all.iter().position(|other| other == who));
        let price = if full { next } else { price };
        self.ended = Some((price, won));
        price
    }

    fn alias(&mut self, who: char) -> usize {
        let known = self.aliases.iter().position(|&known| known == who);
        known.unwrap_or_else(|| {
            self.aliases.push(who);
            self.aliases.len() - 1
        }) + 1
    }
}

#[test]
fn a_japanese_lot_ends_as_all_fingers_say() {
    rounds(JAPANESE_ROUNDS, |seed| {
        let mut random = Random::new(seed);
        let (start, step, units) = (100 + random.below(900), 1 + random.below(200), 1 + random.below(3));
        let ceiling = random.once_in(3).then(|| start + random.below(1_000));
        let up = ceiling.map_or(String::new(), |ceiling| format!("/up/{ceiling}"));
        let mut run =
            Run::new(&format!("format=japanese clock={start}/{step}/10s{up} quantity={units}"), random);
        let next_of = |price: u64| {
            let next = ceiling.map_or(price + step, |ceiling| ceiling.min(price + step));
            (next > price).then_some(next)
        };
        let (mut model, mut price) = (Button::default(), start);
        for nth in 0..COMMANDS {
            let who = run.random.pick(&BIDDERS);
            let entering = price == start;
            let inside = model.inside.iter().position(|(other, _)| *other == who);
            if run.random.once_in(3) && model.ended.is_none() && nth > 4 {
                run.pass(10_000_000);
                price = model.step(price, next_of(price), units as usize);
            } else if model.ended.is_some() {
                break;
            } else {
                let until =
                    (price + run.random.below(10 * step)).saturating_sub(run.random.below(step + 20)).max(1);
                let stays = run.random.once_in(3);
                let next = next_of(price).unwrap_or(price);
                let level = match inside {
                    _ if !stays => until,
                    Some(place) => model.inside[place].1.max(next),
                    None => next,
                };
                let line = if stays { format!("{who} stay") } else { format!("{who} bid {until}") };
                let expected = match inside {
                    None if !entering => "not_qualified stay".to_owned(),
                    _ if level < price => format!("bid_too_low {price}"),
                    place => {
                        model.alias(who);
                        match place {
                            Some(place) => model.inside[place].1 = level,
                            None => model.inside.push((who, level)),
                        }
                        format!("placed - {price}")
                    }
                };
                run.act(&line, &expected);
            }
            if model.ended.is_none() {
                assert_eq!(run.shown("price"), price.to_string(), "seed {seed}");
                assert_eq!(run.shown("bidders"), model.inside.len().to_string(), "seed {seed}");
            }
        }
        while model.ended.is_none() && run.now + 10_000_000 < ENDS_US {
            run.pass(10_000_000);
            price = model.step(price, next_of(price), units as usize);
        }
        let Some((price, won)) = model.ended.take() else { return };
        let expected: Vec<_> =
            won.iter().map(|&who| (format!("bidder-{}", model.alias(who)), price)).collect();
        assert_eq!(run.shown("state"), "closed", "seed {seed}");
        assert_eq!(run.winners(), expected, "seed {seed}");
    });
}

#[test]
fn a_candle_lot_is_english_up_to_its_moment() {
    rounds(ROUNDS, |seed| {
        let mut random = Random::new(seed);
        let candle = 1 + random.below(3_000);
        let mut run = Run::new(&format!("format=candle candle={candle}s"), random);
        // Who led from when on to which price; beginning anew where bids are removed.
        let mut led: Vec<(i64, String, String)> = Vec::new();
        // Whether A has bid: what is removed begins the draw anew.
        let (mut has_bid, mut suspended) = (false, false);
        for _ in 0..COMMANDS {
            let step = run.random.below(180_000_000) as i64;
            if run.now + step >= ENDS_US {
                break;
            }
            run.pass(step);
            let who = run.random.pick(&BIDDERS);
            if run.random.once_in(60) && !suspended {
                suspended = true;
                run.script.step("suspend A", "");
                if has_bid {
                    led.clear();
                }
            } else {
                let next: u64 = run.shown("min_next_amount").parse().expect("an amount");
                let amount = next + run.random.below(2_000);
                if run.script.act_on(&format!("{who} bid {amount}")).is_ok() {
                    has_bid |= who == 'A';
                }
            }
            let standing = (run.shown("leader"), run.shown("price"));
            let known = led.last().map(|(_, leader, price)| (leader.clone(), price.clone()));
            if known.as_ref() != Some(&standing) {
                led.push((run.now, standing.0, standing.1));
            }
        }
        run.pass(ENDS_US - run.now);
        let moment = run.script.world.folded["ended_at"].as_i64().expect("drawn") - START.0;
        assert!(moment > ENDS_US - candle as i64 * 1_000_000 && moment <= ENDS_US, "seed {seed}");
        let at = led.iter().rev().find(|(since, ..)| *since <= moment);
        let expected = at.filter(|(_, leader, _)| leader != "null");
        let expected: Vec<_> = expected
            .map(|(_, leader, price)| (leader.clone(), price.parse().expect("a price")))
            .into_iter()
            .collect();
        assert_eq!(run.winners(), expected, "seed {seed}");
    });
}

/// A bid on a package: who, items, amount, in the order of time.
type Packed = (char, u16, u64);

/// Every allocation of the items: for each bidder one of its bids or none.
fn allocations(bids: &[Packed], bidders: &[char], items: u16, start: u64) -> (u64, Vec<bool>) {
    let Some((&who, others)) = bidders.split_first() else {
        return (u64::from(items.count_ones()) * start, vec![false; bids.len()]);
    };
    let mut best = allocations(bids, others, items, start);
    for (nth, &(by, package, amount)) in bids.iter().enumerate() {
        if by == who && package & !items == 0 {
            let (sum, mut chosen) = allocations(bids, others, items & !package, start);
            chosen[nth] = true;
            best = best.max((sum + amount, chosen));
        }
    }
    best
}

#[test]
fn a_combinatorial_lot_is_the_best_of_all_allocations() {
    rounds(ROUNDS, |seed| {
        let mut random = Random::new(seed);
        let (count, start) = (2 + random.below(3), 1 + random.below(50));
        let all = (1_u16 << count) - 1;
        let mut run = Run::new(&format!("format=combinatorial items={count} start={start}"), random);
        let (mut bids, mut aliases): (Vec<(String, Packed)>, Vec<char>) = (Vec::new(), Vec::new());
        let mut names: BTreeMap<char, u32> = BTreeMap::new();
        for _ in 0..COMMANDS {
            let who = run.random.pick(&BIDDERS);
            if run.random.once_in(8) && !bids.is_empty() {
                let nth = run.random.below(bids.len() as u64) as usize;
                let (name, _) = bids.remove(nth);
                run.act(&format!("O void {name} because"), &format!("restated - {start} -1"));
                continue;
            }
            let package = 1 + run.random.below(u64::from(all)) as u16;
            let items: Vec<String> = (0..count)
                .filter(|item| package & (1 << item) != 0)
                .map(|item| (item + 1).to_string())
                .collect();
            let least = u64::from(package.count_ones()) * start;
            let amount = (least + run.random.below(5) * 20 * u64::from(run.random.below(3) != 0))
                .saturating_sub(run.random.below(3))
                .max(1);
            let line = format!("{who} bid {amount} for {}", items.join("+"));
            if amount < least {
                run.act(&line, &format!("bid_too_low {least}"));
                continue;
            }
            run.act(&line, &format!("placed - {least}"));
            let count = names.entry(who).or_default();
            *count += 1;
            bids.retain(|(_, (by, items, _))| *by != who || *items != package);
            bids.push((format!("{who}{count}"), (who, package, amount)));
            if !aliases.contains(&who) {
                aliases.push(who);
            }
            // Few enough that every allocation can be gone through.
            if bids.len() > 12 {
                break;
            }
        }
        let bids: Vec<Packed> = bids.into_iter().map(|(_, bid)| bid).collect();
        let (sum, chosen) = allocations(&bids, &BIDDERS, all, start);
        let expected: Vec<_> = bids
            .iter()
            .zip(chosen)
            .filter(|&(_, won)| won)
            .map(|(&(who, _, amount), _)| {
                let others: Vec<char> = BIDDERS.into_iter().filter(|&other| other != who).collect();
                let (without, _) = allocations(&bids, &others, all, start);
                let alias = 1 + aliases.iter().position(|&known| known == who).expect("has bid");
                (format!("bidder-{alias}"), amount - (sum - without))
            })
            .collect();
        run.pass(ENDS_US);
        assert_eq!(run.winners(), expected, "seed {seed}");
    });
}
