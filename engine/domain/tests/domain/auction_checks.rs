//! The checks of auctions catch what they are for: each case breaks one event of a right history.

use vendue_domain::actor::Event;
use vendue_domain::amount::Hidden;
use vendue_domain::lot::{LotEvent, LotResult};
use vendue_domain::time::{Moment, Timestamp};

use crate::lot_script::Script;
use crate::world::{OPERATOR, SELLER, START, account, amount};

/// Who or what an event is spoiled in, beside the event itself: the stamp's time and account.
struct Spoiled {
    event: LotEvent,
    stamp: vendue_domain::context::Stamp,
}

struct Case {
    invariant: &'static str,
    lot: &'static str,
    before: &'static [&'static str],
    last: &'static str,
    spoil: fn(&mut Spoiled),
}

fn check(cases: &[Case]) {
    for Case { invariant, lot, before, last, spoil } in cases {
        let mut script = Script::new(lot);
        before.iter().for_each(|line| script.step(line, lot));
        let auction = script.world.auction.clone().expect("a lot");
        let by = account(last.chars().next().expect("a letter"));
        let (outcome, by) = match script.act_by_clock(last) {
            Some(outcome) => (outcome, vendue_domain::id::AccountId::default()),
            None => (script.act_on(last).expect("accepted"), by),
        };
        let time = script.world.now;
        let Some(Event::Lot(event)) = outcome.events.first().cloned() else { panic!("{last}: no event") };
        let stamp = vendue_domain::context::Stamp { time, by, command_id: script.world.commands };
        let mut spoiled = Spoiled { event, stamp };
        let right = auction.clone().take(&spoiled.event, &spoiled.stamp);
        assert_eq!(right, Ok(()), "{lot}: {last}: as it was");
        spoil(&mut spoiled);
        let found = auction.clone().take(&spoiled.event, &spoiled.stamp).expect_err(invariant);
        assert_eq!(found.invariant, *invariant, "{lot}: {last}: {found}");
    }
}

fn bid(spoiled: &mut Spoiled) -> &mut vendue_domain::lot::BidPlaced {
    let LotEvent::BidPlaced(bid) = &mut spoiled.event else { panic!("a bid") };
    bid
}

fn close(spoiled: &mut Spoiled) -> &mut vendue_domain::lot::Closed {
    let LotEvent::Closed(closed) = &mut spoiled.event else { panic!("an end") };
    closed
}

const TWO_BIDS: &[&str] = &["A bid 500 = leading 100 125", "B bid 300 = outbid 325 350"];
const SEALED: &[&str] = &["A bid 500 = placed - 100", "B bid 700 = placed - 100"];
const STAYS: &[&str] =
    &["A stay 1900 = placed - 1000", "B stay 1800 = placed - 1000", "C bid 1000 = placed - 1000"];
const UNITS: &[&str] = &["A bid 300 quantity 2 = leading 300 100"];

#[test]
fn each_check_can_fail() {
    check(&[
        Case {
            invariant: "I11",
            lot: "",
            before: TWO_BIDS,
            last: "C bid 400",
            spoil: |it| bid(it).leader = None,
        },
        Case {
            invariant: "I12",
            lot: "",
            before: TWO_BIDS,
            last: "C bid 400",
            spoil: |it| bid(it).maximum = Hidden(amount(349)),
        },
        Case {
            invariant: "I14",
            lot: "",
            before: TWO_BIDS,
            last: "C bid 400",
            spoil: |it| bid(it).price = amount(424),
        },
        Case {
            invariant: "I14",
            lot: "reserve=400",
            before: &["A bid 300 = leading 100 125"],
            last: "A bid 450",
            spoil: |it| {
                let LotEvent::MaximumRaised(raised) = &mut it.event else { panic!("a raise") };
                raised.price = amount(100);
            },
        },
        Case {
            invariant: "I15",
            lot: "",
            before: TWO_BIDS,
            last: "C bid 400",
            spoil: |it| it.stamp.time = START.plus_ms(3_600_000),
        },
        Case {
            invariant: "I19",
            lot: "",
            before: TWO_BIDS,
            last: "C bid 400",
            spoil: |it| it.stamp.by = SELLER,
        },
        Case {
            invariant: "I16",
            lot: "",
            before: TWO_BIDS,
            last: "@1h",
            spoil: |it| it.stamp.time = Timestamp(START.0 + 3_599_999_999),
        },
        Case {
            invariant: "I16",
            lot: "",
            before: TWO_BIDS,
            last: "@1h",
            spoil: |it| close(it).ends_at = Some(START),
        },
        Case {
            invariant: "I11",
            lot: "",
            before: TWO_BIDS,
            last: "@1h",
            spoil: |it| close(it).winners[0].amount = amount(326),
        },
        Case {
            invariant: "I11",
            lot: "",
            before: TWO_BIDS,
            last: "@1h",
            spoil: |it| close(it).price = Some(amount(326)),
        },
        Case {
            invariant: "I18",
            lot: "reserve=600",
            before: TWO_BIDS,
            last: "@1h",
            spoil: |it| close(it).result = LotResult::Sold,
        },
        Case {
            invariant: "I17",
            lot: "soft=60s/60s",
            before: &["@3590s A bid 500 = leading 100 125"],
            last: "B bid 300",
            spoil: |it| bid(it).ends_at = Some(Moment(START.plus_ms(3_661_000))),
        },
        Case {
            invariant: "I20",
            lot: "ends=48h",
            before: TWO_BIDS,
            last: "A retract",
            spoil: |it| it.stamp.by = OPERATOR,
        },
        Case {
            invariant: "I20",
            lot: "ends=10h",
            before: TWO_BIDS,
            last: "A retract",
            spoil: |it| it.stamp.time = START.plus_ms(3_600_001),
        },
        Case {
            invariant: "I11",
            lot: "format=vickrey",
            before: SEALED,
            last: "@1h",
            spoil: |it| close(it).winners[0].amount = amount(700),
        },
        Case {
            invariant: "I11",
            lot: "format=sealed_first_price",
            before: SEALED,
            last: "@1h",
            spoil: |it| close(it).winners[0].account = account('A'),
        },
        Case {
            invariant: "I14",
            lot: "format=vickrey",
            before: SEALED,
            last: "C bid 800",
            spoil: |it| {
                let LotEvent::SealedBid(bid) = &mut it.event else { panic!("a sealed bid") };
                bid.bidders = 2;
            },
        },
        Case {
            invariant: "I12",
            lot: "format=reverse start=1000 step=50",
            before: &["A bid 900 = leading 900 850"],
            last: "B bid 850",
            spoil: |it| {
                bid(it).maximum = Hidden(amount(851));
                bid(it).price = amount(851);
            },
        },
        Case {
            invariant: "I14",
            lot: "format=multi_unit quantity=3",
            before: UNITS,
            last: "B bid 200 quantity 2",
            spoil: |it| {
                let LotEvent::UnitsBid(bid) = &mut it.event else { panic!("a bid for units") };
                bid.price = Some(amount(300));
            },
        },
        Case {
            invariant: "I11",
            lot: "format=multi_unit quantity=3",
            before: UNITS,
            last: "B bid 200 quantity 2",
            spoil: |it| {
                let LotEvent::UnitsBid(bid) = &mut it.event else { panic!("a bid for units") };
                bid.remaining = 1;
            },
        },
        Case {
            invariant: "I11",
            lot: "format=dutch clock=1000/100/10s/100 quantity=3",
            before: &["A take 1 = won 1000 -"],
            last: "B take 1",
            spoil: |it| {
                let LotEvent::Taken(taken) = &mut it.event else { panic!("a take") };
                taken.remaining = 2;
            },
        },
        Case {
            invariant: "I14",
            lot: "format=dutch clock=1000/100/10s/100",
            before: &[],
            last: "@10s",
            spoil: |it| {
                let LotEvent::Ticked(ticked) = &mut it.event else { panic!("a step") };
                ticked.price = amount(950);
            },
        },
        Case {
            invariant: "I11",
            lot: "format=japanese clock=1000/100/10s",
            before: STAYS,
            last: "@10s",
            spoil: |it| {
                let LotEvent::Stepped(stepped) = &mut it.event else { panic!("a step") };
                stepped.fallen.clear();
            },
        },
        Case {
            invariant: "I14",
            lot: "format=japanese clock=1000/100/10s",
            before: STAYS,
            last: "@10s",
            spoil: |it| {
                let LotEvent::Stepped(stepped) = &mut it.event else { panic!("a step") };
                stepped.price = amount(1_050);
            },
        },
        Case {
            invariant: "I11",
            lot: "format=candle candle=600s",
            before: TWO_BIDS,
            last: "@1h",
            spoil: |it| {
                let drawn = close(it).drawn.as_mut().expect("drawn");
                drawn.moment = Timestamp(drawn.moment.0 - 1);
            },
        },
        Case {
            invariant: "I11",
            lot: "format=combinatorial items=2",
            before: &["A bid 500 for 1 = placed - 100", "B bid 300 for 1 = placed - 100"],
            last: "@1h",
            spoil: |it| close(it).winners[0].amount = amount(299),
        },
    ]);
}
