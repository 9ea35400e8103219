//! `japanese`, `candle` and `combinatorial`, case by case; each names its rule in RULES ("Formats") or docs/rules.md.

use serde_json::Value;
use vendue_domain::lot::{CreateLot, EventChain, LotCommand, Seed, draw_moment};
use vendue_domain::time::Timestamp;

use crate::lot_script::{Case, Script, check, create_lot, said};
use crate::world::{Command, SELLER, START, World, account, amount};

const CLOCK: &str = "format=japanese clock=1000/100/10s";

#[test]
fn japanese_clock() {
    check(&[
        Case {
            rule: "japanese: who has not stayed before a step is out; the last one pays what the last competitor refused",
            lot: CLOCK,
            steps: &[
                "show price=1000 min_next_amount=1000 next_price=1100 next_at=10s bidders=0 sealed=false",
                "A bid 1000 until 5000 = placed - 1000 | bidders_changed > A:bid_status:placed",
                "B bid 1150 = placed - 1000 | bidders_changed > B:bid_status:placed",
                "C stay = placed - 1000",
                "show bidders=3 bids=3 price=1000 leader=-",
                "@10s due",
                "show price=1100 bidders=3 next_price=1200 next_at=20s",
                "@20s due",
                "show state=closed result=sold price=1200 winners=bidder-1:1200 bidders=1 next_at=- ends_at=20s",
            ],
        },
        Case {
            rule: "japanese: a stay is for the coming step; out is for good",
            lot: CLOCK,
            steps: &[
                "A stay = placed - 1000",
                "B stay = placed - 1000",
                "C stay 9000 = placed - 1000",
                "@10s due",
                "A stay = placed - 1100 | ",
                "C stay 1100 = placed - 1100 | ",
                "@20s due",
                "show state=closed price=1200 winners=bidder-1:1200",
            ],
        },
        Case {
            rule: "japanese: who is out may not come back, and nobody enters after the first step",
            lot: CLOCK,
            steps: &[
                "A stay 9000 = placed - 1000",
                "B stay 9000 = placed - 1000",
                "C bid 1000 = placed - 1000",
                "@10s due",
                "show bidders=2 price=1100",
                "C stay 9000 = not_qualified stay",
                "D stay 9000 = not_qualified stay",
                "A bid 1099 = bid_too_low 1100",
            ],
        },
        Case {
            rule: "japanese: where all leave at one step the earliest wins, at the price that all were in for",
            lot: CLOCK,
            steps: &[
                "B bid 1250 = placed - 1000",
                "A bid 1299 = placed - 1000",
                "C bid 1200 = placed - 1000",
                "B bid 1240 = placed - 1000 | ",
                "@10s due",
                "@20s due",
                "show price=1200 bidders=3",
                "@30s due",
                "show state=closed price=1200 winners=bidder-1:1200",
            ],
        },
        Case {
            rule: "japanese: several units go to as many as remain, all at one price",
            lot: "format=japanese clock=1000/100/10s quantity=2",
            steps: &[
                "A bid 1500 = placed - 1000",
                "B bid 1250 = placed - 1000",
                "C bid 1400 = placed - 1000",
                "@10s due",
                "@20s due",
                "@30s due",
                "show state=closed price=1300 winners=bidder-1:1300,bidder-3:1300",
            ],
        },
        Case {
            rule: "japanese: where fewer stay than there are units the earliest of those who leave have the rest",
            lot: "format=japanese clock=1000/100/10s quantity=2",
            steps: &[
                "A bid 1100 = placed - 1000",
                "B bid 1150 = placed - 1000",
                "C bid 1900 = placed - 1000",
                "@10s due",
                "@20s due",
                "show state=closed price=1100 winners=bidder-1:1100,bidder-3:1100",
            ],
        },
        Case {
            rule: "japanese: without a competitor the start is the price; without anybody it is unsold",
            lot: CLOCK,
            steps: &["A stay 9000 = placed - 1000", "@10s due", "show price=1000 winners=bidder-1:1000"],
        },
        Case {
            rule: "japanese: unsold where nobody enters",
            lot: CLOCK,
            steps: &["@10s due", "show state=closed result=unsold winners= price=1000"],
        },
        Case {
            rule: "japanese: at the ceiling the earliest has it",
            lot: "format=japanese clock=1000/100/10s/up/1150",
            steps: &[
                "A bid 1100 = placed - 1000",
                "B bid 2000 = placed - 1000",
                "C bid 2000 = placed - 1000",
                "@10s due",
                "@20s due",
                "show price=1150 next_price=- next_at=30s bidders=2",
                "@30s due",
                "show state=closed price=1150 winners=bidder-2:1150",
            ],
        },
        Case {
            rule: "japanese: steps that are due at once are made one after the other",
            lot: CLOCK,
            steps: &[
                "A bid 1350 = placed - 1000",
                "B bid 1200 = placed - 1000",
                "C bid 1100 = placed - 1000",
                "@500s due",
                "show state=closed price=1300 winners=bidder-1:1300",
            ],
        },
        Case {
            rule: "japanese: a bid that comes after a step that has not been told yet is judged by it",
            lot: CLOCK,
            steps: &[
                "A bid 1350 = placed - 1000",
                "B bid 1200 = placed - 1000",
                "C bid 1000 = placed - 1000",
                "@15s C stay 5000 = not_qualified stay",
                "D stay 5000 = not_qualified stay",
                "B bid 1050 = bid_too_low 1100",
                "@35s B stay 5000 = not_qualified stay",
                "A stay 5000 = not_allowed_in_state",
            ],
        },
        Case {
            rule: "japanese: pauses and halts stop the clock; an outage too",
            lot: CLOCK,
            steps: &[
                "A bid 1900 = placed - 1000",
                "B bid 1900 = placed - 1000",
                "@4s O pause because = paused",
                "A stay = lot_paused",
                "@100s O resume = open",
                "due",
                "show price=1000 next_at=106s",
                "@106s due",
                "show price=1100",
                "@200s outage 60s",
                "show price=1100 next_at=260s next_price=1200 bidders=2",
                "@260s due",
                "show price=1200 next_at=270s",
            ],
        },
        Case {
            rule: "japanese: whoever is suspended is out; a competitor less may end the lot",
            lot: CLOCK,
            steps: &[
                "A bid 1900 = placed - 1000",
                "B bid 1800 = placed - 1000",
                "@10s due",
                "A retract = not_allowed_in_format",
                "suspend B",
                "show bidders=1",
                "@11s due",
                "show state=closed price=1100 winners=bidder-1:1100",
            ],
        },
        Case {
            rule: "japanese: a voided bidder may enter again before the first step",
            lot: CLOCK,
            steps: &[
                "A bid 1900 = placed - 1000",
                "O void A1 because = restated 1000 1000 -1",
                "show bidders=0",
                "A bid 1800 = placed - 1000",
                "B bid 1100 until 1050 = invalid_request stay_until",
                "B bid 1100 quantity 2 = not_allowed_in_format",
                "S stay = forbidden",
            ],
        },
        Case {
            rule: "japanese: an announced end serves the earliest of those who are in",
            lot: "format=japanese clock=1000/100/10s ends=15s",
            steps: &[
                "A bid 1900 = placed - 1000",
                "B bid 1800 = placed - 1000",
                "@10s due",
                "@15s due",
                "show state=closed price=1100 winners=bidder-1:1100 ends_at=15s",
            ],
        },
        Case {
            rule: "what one format's bids say the others do not know",
            lot: "",
            steps: &[
                "A stay = not_allowed_in_format",
                "A bid 500 until 600 = not_allowed_in_format",
                "A bid 500 for 1 = not_allowed_in_format",
            ],
        },
    ]);
}

#[test]
fn candle() {
    check(&[
        Case {
            rule: "candle: english until the announced end; who led when it went out has won",
            lot: "format=candle candle=600s",
            steps: &[
                "A bid 500 = leading 100 125",
                "B bid 300 = outbid 325 350",
                "show price=325 leader=bidder-1 candle_ms=600000 ended_at=- seed=-",
                "@1h B bid 900 = lot_closed 0us",
                "due",
                "show state=closed result=sold winners=bidder-1:325",
            ],
        },
        Case {
            rule: "candle: no bid is retracted while it may go out; before, as ever",
            lot: "format=candle candle=600s",
            steps: &[
                "A bid 500 = leading 100 125",
                "@10s A retract = restated - 100 -1",
                "@3000s A bid 600 = leading 100 125",
                "@3001s A retract = retraction_not_allowed",
            ],
        },
        Case {
            rule: "candle: what is removed is removed from every moment",
            lot: "format=candle candle=3600s",
            steps: &[
                "@10s A bid 500 = leading 100 125",
                "@3599s B bid 400 = outbid 425 450",
                "suspend A",
                "@1h due",
                "show state=closed winners=bidder-2:100",
            ],
        },
        Case {
            rule: "candle: once drawn it is never opened again: everybody knows its seed; cancelled it is",
            lot: "format=candle candle=600s",
            steps: &[
                "@1h due",
                "show state=closed result=unsold",
                "@2h O reopen 3h because = not_allowed_in_state",
            ],
        },
        Case {
            rule: "candle: cancelled, nothing is drawn and the seed stays secret",
            lot: "format=candle candle=600s",
            steps: &[
                "@10s O cancel because = closed",
                "show seed=- ended_at=- result=cancelled",
                "@20s O reopen 3h because = open",
            ],
        },
    ]);
}

/// The time and the winner of one bid each minute, over many seeds: a bid counts exactly if it came by the moment, every
/// minute of the candle's time is drawn, and anybody finds the same from the public events.
#[test]
fn a_candle_ends_when_anybody_finds_that_it_did() {
    let mut minutes = std::collections::HashSet::new();
    for seed in 0..200_u128 {
        let mut world = World::new();
        world.now = Timestamp(START.0 - 1_000_000);
        let mut create = create_lot("format=candle candle=600s");
        create.seed = Some(Seed(seed << 64 | 77));
        world.command(SELLER, &Command::Lot(LotCommand::Create(Box::new(create)))).expect("created");
        world.now = START;
        let mut told: Vec<(Timestamp, Value)> = Vec::new();
        let mut hear = |outcome: crate::world::Outcome, now: Timestamp| {
            for event in &outcome.public {
                let data = serde_json::to_value(&event.data).expect("JSON");
                told.push((now, serde_json::json!({ "type": event.name, "data": data })));
            }
        };
        hear(world.due(), START);
        let mut bids = Vec::new();
        for minute in 45..60_u64 {
            world.now = START.plus_ms(minute * 60_000);
            let by = account(if minute % 2 == 0 { 'A' } else { 'B' });
            let bid = vendue_domain::lot::PlaceBid::plain(crate::lot_script::LOT, amount(1_000 * minute));
            hear(world.command(by, &Command::Lot(LotCommand::Bid(bid))).expect("leads"), world.now);
            bids.push((world.now, world.folded["price"].as_u64(), world.folded["leader"].clone()));
        }
        world.now = START.plus_ms(3_600_000);
        world.due();
        let shown = &world.folded;
        let moment = Timestamp(shown["ended_at"].as_i64().expect("drawn"));
        assert!(moment > START.plus_ms(3_000_000) && moment <= START.plus_ms(3_600_000), "{moment:?}");
        minutes.insert((moment.0 - START.0) / 60_000_000);
        let (_, price, leader) = bids.iter().rev().find(|(at, ..)| *at <= moment).expect("a bid before");
        assert_eq!(shown["winners"][0]["amount"].as_u64(), *price, "seed {seed}");
        assert_eq!(&shown["winners"][0]["alias"], leader, "seed {seed}");
        check_published(&told, shown, moment);
    }
    assert!(minutes.len() >= 10, "{minutes:?}");
}

/// As somebody would who has nothing but what is published.
fn check_published(told: &[(Timestamp, Value)], shown: &Value, moment: Timestamp) {
    let mut chain = EventChain::default();
    for (seq, (ts, event)) in (1..).zip(told) {
        let data = &event["data"];
        let fields = vendue_domain::lot::ChainFields {
            price: data["price"].as_u64(),
            leader: data["leader"].as_str().map(str::to_owned),
            bidder: data["bidder"].as_str().map(str::to_owned),
            bids: data["bids"].as_u64(),
            ends_at: data["ends_at"].as_i64(),
        };
        chain.add(seq, event["type"].as_str().expect("a name"), *ts, &fields);
    }
    assert_eq!(shown["events_hash"], chain.0.to_string());
    let seed = Seed(u128::from_str_radix(shown["seed"].as_str().expect("published"), 16).expect("hex"));
    assert_eq!(shown["seed_hash"], seed.hash().to_string());
    let from = START.plus_ms(3_000_000);
    assert_eq!(draw_moment(seed, chain.0, from, START.plus_ms(3_600_000)), moment);
}

/// The example of docs/protocol.md.
#[test]
fn the_worked_example_of_a_candle() {
    let mut chain = EventChain::default();
    let opened =
        vendue_domain::lot::ChainFields { ends_at: Some(1_780_003_600_000_000), ..Default::default() };
    chain.add(1, "lot_opened", Timestamp(1_780_000_000_000_000), &opened);
    let first = chain.0.to_string();
    let bid = vendue_domain::lot::ChainFields {
        price: Some(10_000),
        leader: Some("bidder-1".to_owned()),
        bidder: Some("bidder-1".to_owned()),
        bids: Some(1),
        ends_at: Some(1_780_003_600_000_000),
    };
    chain.add(2, "price_changed", Timestamp(1_780_003_300_000_000), &bid);
    let seed = Seed(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    let (from, ends_at) = (Timestamp(1_780_003_000_000_000), Timestamp(1_780_003_600_000_000));
    let moment = draw_moment(seed, chain.0, from, ends_at);
    let found = format!("{}\n{first}\n{}\n{}", seed.hash(), chain.0, moment.0);
    assert_eq!(found, include_str!("../golden/candle.txt").trim());
}

#[test]
fn combinatorial() {
    check(&[
        Case {
            rule: "combinatorial: Kellogg's example, kellogg_2: two bidders for one item each beat one for both",
            lot: "format=combinatorial items=2 start=1",
            steps: &[
                "show bidders=0 sealed=true price=- min_next_amount=1",
                "A bid 160 for 1 = placed - 1 | bidders_changed > A:bid_status:placed",
                "A bid 160 for 1+2 = placed - 2 | ",
                "B bid 150 for 2 = placed - 1",
                "B bid 150 for 1+2 = placed - 2",
                "C bid 200 for 1+2 = placed - 2",
                "show bidders=3 bids=3 price=- leader=-",
                "@1h due",
                "show state=closed result=sold winners=bidder-1:#1:50,bidder-2:#2:40 price=90",
            ],
        },
        Case {
            rule: "combinatorial: two apples (liquisearch.com/vickrey_auction/generalizations)",
            lot: "format=combinatorial items=2 start=1",
            steps: &[
                "A bid 5 for 1 = placed - 1",
                "A bid 5 for 2 = placed - 1",
                "B bid 2 for 1 = placed - 1",
                "B bid 2 for 2 = placed - 1",
                "C bid 6 for 1+2 = placed - 2",
                "@1h due",
                "show winners=bidder-1:#1:4,bidder-2:#2:1",
            ],
        },
        Case {
            rule: "combinatorial: alone one pays the start of each item; what nobody wins the seller keeps",
            lot: "format=combinatorial items=3 start=100",
            steps: &[
                "A bid 199 for 1+2 = bid_too_low 200",
                "A bid 900 for 1+2 = placed - 200",
                "@1h due",
                "show winners=bidder-1:#1#2:200 price=200",
            ],
        },
        Case {
            rule: "combinatorial: of equal sums the one with the earliest bid in which they differ",
            lot: "format=combinatorial items=2",
            steps: &[
                "C bid 400 for 2+1 = placed - 200",
                "A bid 200 for 1 = placed - 100",
                "B bid 200 for 2 = placed - 100",
                "@1h due",
                "show winners=bidder-1:#1#2:400",
            ],
        },
        Case {
            rule: "combinatorial: of one bidder at most one bid wins (XOR); a bid for the same package is replaced",
            lot: "format=combinatorial items=2",
            steps: &[
                "A bid 500 for 1 = placed - 100",
                "A bid 500 for 2 = placed - 100",
                "A bid 300 for 2 = placed - 100",
                "B bid 250 for 1 = placed - 100",
                "@1h due",
                "show winners=bidder-1:#1:250",
            ],
        },
        Case {
            rule: "combinatorial: a package has items of the lot; what a bid cannot say is refused",
            lot: "format=combinatorial items=3",
            steps: &[
                "A bid 500 = invalid_request package",
                "A bid 500 for 4 = invalid_request package",
                "A bid 500 quantity 1 = not_allowed_in_format",
                "A stay = not_allowed_in_format",
            ],
        },
        Case {
            rule: "combinatorial: early a retraction takes back all, late the last one",
            lot: "format=combinatorial items=3 ends=13h",
            steps: &[
                "A bid 500 for 1 = placed - 100",
                "A bid 600 for 2 = placed - 100",
                "A retract = restated - 100 -2 | bid_retracted",
                "show bidders=0",
                "A bid 500 for 1 = placed - 100",
                "A bid 600 for 2 = placed - 100",
                "@2h A bid 700 for 3 = placed - 100",
                "A retract A3 = retraction_not_allowed",
                "A retract A5 = restated - 100 -1",
                "show bidders=1",
                "O void A3 because = restated - 100 -1",
                "suspend A",
                "show bidders=0",
            ],
        },
    ]);
}

#[test]
fn creation() {
    let created = |lot: &str, change: fn(&mut CreateLot)| {
        let mut lot = create_lot(lot);
        change(&mut lot);
        let mut world = World::new();
        world.now = Timestamp(START.0 - 1);
        let result = world.command(SELLER, &Command::Lot(LotCommand::Create(Box::new(lot))));
        result.map_or_else(|rejection| said(&Err(rejection)), |_| "created".to_owned())
    };
    type Change = fn(&mut CreateLot);
    let candle = "format=candle candle=600s";
    let items = "format=combinatorial items=3";
    let cases: [(&str, &str, Change, &str); 13] = [
        ("a clock", CLOCK, |_| {}, "created"),
        ("no clock", CLOCK, |lot| lot.clock = None, "invalid_request clock"),
        ("a floor", "format=japanese clock=100/1/1s/50", |_| {}, "invalid_request clock"),
        ("a ceiling", "format=japanese clock=100/1/1s/up/100", |_| {}, "created"),
        ("a low ceiling", "format=japanese clock=100/1/1s/up/99", |_| {}, "invalid_request clock"),
        ("a candle", candle, |_| {}, "created"),
        ("no time to go out", candle, |lot| lot.candle_ms = None, "invalid_request candle_ms"),
        ("too short a time", candle, |lot| lot.candle_ms = Some(999), "invalid_request candle_ms"),
        ("no announced end", candle, |lot| lot.closes_at = None, "invalid_request closes_at"),
        ("items", items, |_| {}, "created"),
        ("one item", "format=combinatorial items=1", |_| {}, "invalid_request items"),
        ("too many items", "format=combinatorial items=13", |_| {}, "invalid_request items"),
        ("several of them", items, |lot| lot.quantity = Some(2), "invalid_request quantity"),
    ];
    for (what, lot, change, expected) in cases {
        assert_eq!(created(lot, change), expected, "{what}");
    }
}

/// I14, I13: what the new formats keep secret is in no snapshot, event, answer or Debug text.
#[test]
fn secrets_stay_secret() {
    let seed = "0123456789abcdef0123456789abcdef";
    for (lot, lines, secrets) in [
        (
            CLOCK,
            &["A bid 1000 until 777777", "B stay 666666", "A stay", "O pause because"][..],
            &["777777", "666666"][..],
        ),
        (
            "format=candle candle=60s",
            &["A bid 777777", "B bid 666", "O pause because"],
            &["777777", seed, "1512366075204170947"],
        ),
        (
            "format=combinatorial items=3",
            &["A bid 777777 for 1+2", "A bid 666666 for 3"],
            &["777777", "666666"],
        ),
    ] {
        let mut script = Script::new(lot);
        let mut heard = String::new();
        for line in lines {
            let outcome = script.act_on(line).expect("accepted");
            heard += &format!(
                "{outcome:?}",
                outcome = (&outcome.public, &outcome.private, &outcome.events, &outcome.answer)
            );
            let data: Vec<_> = outcome.public.iter().map(|event| &event.data).collect();
            heard += &serde_json::to_string(&data).expect("JSON");
        }
        heard += &format!("{:?}{}{:?}", script.world.snapshot, script.world.folded, script.world.entity());
        for secret in secrets {
            assert!(!heard.contains(secret), "{lot}: {secret} in {heard}");
        }
    }
}

/// At the bounds the winners are found in some milliseconds; the figure is printed, not asserted.
#[test]
fn the_bound_of_packages() {
    let mut random = crate::random::Random::new(7);
    for (items, bids) in [(8, 64), (12, 256_u128)] {
        let mut world = World::new();
        world.now = Timestamp(START.0 - 1);
        world.thorough_every = 10_000;
        let create = create_lot(&format!("format=combinatorial items={items}"));
        world.command(SELLER, &Command::Lot(LotCommand::Create(Box::new(create)))).expect("created");
        world.now = START;
        world.due();
        for nth in 0..=bids {
            let by = vendue_domain::id::AccountId::from_u128(20_000 + nth / 8);
            let grants = vec![(crate::world::MARKET, vendue_domain::facts::Role::Bidder)];
            let facts = vendue_domain::facts::AccountFacts { version: 1, grants, ..Default::default() };
            world.facts.learn(&vendue_domain::facts::FactChange::Account((by, facts)));
            // Single items: many winners, and every set of the others to go through. None of a bidder is replaced.
            let bits = 1 << (nth % items);
            let package = vendue_domain::lot::Package::from_bits(bits);
            let value = package.map_or(1, |package| package.count()) * (100 + random.below(900));
            let bid = vendue_domain::lot::PlaceBid::plain(crate::lot_script::LOT, amount(value));
            let bid = vendue_domain::lot::PlaceBid { package, ..bid };
            let result = world.command(by, &Command::Lot(LotCommand::Bid(bid)));
            match (bids, nth) {
                (256, 256) => assert_eq!(said(&result), "limit_exceeded package_bids"),
                _ => assert!(result.is_ok(), "{result:?}"),
            }
        }
        world.now = START.plus_ms(3_600_000);
        let before = std::time::Instant::now();
        let end = world.due();
        println!("{items} items, {bids} bids: {:?}, {} winners", before.elapsed(), end.private.len());
        assert!(!end.private.is_empty());
    }
}
