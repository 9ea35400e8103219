//! The price of a call auction against a walk over every tick that follows the rules' words.

use vendue_domain::book::matching::Side;
use vendue_domain::book::uncross::{CallFill, CallOrder, Indicative, TooMuch, allocate, indicative};

use crate::random::{Random, rounds};

/// Random books in all: rounds times books; `VENDUE_ROUNDS` asks for more (5000: a million).
const ROUNDS: u64 = 500;
const BOOKS: u64 = 200;

fn buy(limit: impl Into<Option<u64>>, quantity: u64) -> CallOrder {
    CallOrder { side: Side::Buy, limit: limit.into(), quantity }
}

fn sell(limit: impl Into<Option<u64>>, quantity: u64) -> CallOrder {
    CallOrder { side: Side::Sell, limit: limit.into(), quantity }
}

/// Lots of both sides that would trade at this price.
fn at(orders: &[CallOrder], price: u64) -> (u64, u64) {
    let lots = |side, takes: fn(u64, u64) -> bool| {
        let meets =
            |order: &&CallOrder| order.side == side && order.limit.is_none_or(|limit| takes(limit, price));
        orders.iter().filter(meets).map(|order| order.quantity).sum()
    };
    (lots(Side::Buy, |limit, price| limit >= price), lots(Side::Sell, |limit, price| limit <= price))
}

fn naive(orders: &[CallOrder], reference: Option<u64>) -> Option<Indicative> {
    let limits: Vec<u64> = orders.iter().filter_map(|order| order.limit).collect();
    let price = match (limits.iter().min(), limits.iter().max()) {
        (Some(&low), Some(&high)) => {
            let mut ticks: Vec<(u64, u64, u64)> = (low..=high)
                .map(|price| {
                    let (demand, supply) = at(orders, price);
                    (price, demand, supply)
                })
                .collect();
            let most = ticks.iter().map(|&(_, demand, supply)| demand.min(supply)).max()?;
            ticks.retain(|&(_, demand, supply)| demand.min(supply) == most);
            let least = ticks.iter().map(|&(_, demand, supply)| demand.abs_diff(supply)).min()?;
            ticks.retain(|&(_, demand, supply)| demand.abs_diff(supply) == least);
            let (first, last) = (ticks.first()?.0, ticks.last()?.0);
            if ticks.iter().all(|&(_, demand, supply)| demand > supply) {
                last
            } else if ticks.iter().all(|&(_, demand, supply)| demand < supply) {
                first
            } else {
                // Without a reference the middle, halves upwards. Equally near: the higher, which is the last minimum.
                let reference = reference.unwrap_or_else(|| first + (last - first).div_ceil(2));
                ticks.iter().rev().min_by_key(|&&(price, _, _)| price.abs_diff(reference))?.0
            }
        }
        _ => reference?,
    };
    let (demand, supply) = at(orders, price);
    let surplus_side = (demand != supply).then_some(if demand > supply { Side::Buy } else { Side::Sell });
    let volume = demand.min(supply);
    (volume > 0).then_some(Indicative { price, volume, surplus_side, surplus: demand.abs_diff(supply) })
}

/// Lot by lot: each goes to the first in line that still wants one.
fn naive_served(orders: &[CallOrder], side: Side, found: &Indicative) -> Vec<u64> {
    let mut served = vec![0; orders.len()];
    for _ in 0..found.volume {
        let takes = |order: &CallOrder| match (order.limit, side) {
            (None, _) => true,
            (Some(limit), Side::Buy) => limit >= found.price,
            (Some(limit), Side::Sell) => limit <= found.price,
        };
        let waiting = (0..orders.len()).filter(|&place| {
            orders[place].side == side && takes(&orders[place]) && served[place] < orders[place].quantity
        });
        let rank = |place: &usize| match (orders[*place].limit, side) {
            (None, _) => (0, 0, *place),
            (Some(limit), Side::Buy) => (1, u64::MAX - limit, *place),
            (Some(limit), Side::Sell) => (1, limit, *place),
        };
        let first = waiting.min_by_key(rank).expect("somebody wants the lot");
        served[first] += 1;
    }
    served
}

fn check_allocation(orders: &[CallOrder], found: &Indicative) {
    let mut served = vec![0; orders.len()];
    for CallFill { buy, sell, quantity } in allocate(orders, found.price) {
        assert!(quantity > 0 && orders[buy].side == Side::Buy && orders[sell].side == Side::Sell);
        served[buy] += quantity;
        served[sell] += quantity;
    }
    let buyers = naive_served(orders, Side::Buy, found);
    let sellers = naive_served(orders, Side::Sell, found);
    let both: Vec<u64> = buyers.iter().zip(&sellers).map(|(bought, sold)| bought + sold).collect();
    assert_eq!(served, both, "{orders:?} at {found:?}");
}

#[test]
fn price_is_that_of_the_rules() {
    rounds(ROUNDS, |seed| {
        let mut random = Random::new(seed);
        for _ in 0..BOOKS {
            let (count, width, size) = (random.below(9), 1 + random.below(30), 1 + random.below(9));
            let orders: Vec<_> = (0..count)
                .map(|_| {
                    let side = random.pick(&[Side::Buy, Side::Sell]);
                    let limit = (!random.once_in(6)).then(|| 100 + random.below(width));
                    CallOrder { side, limit, quantity: random.below(size + 1) }
                })
                .collect();
            let reference = (!random.once_in(3)).then(|| 95 + random.below(width + 10));
            let found = indicative(&orders, reference).expect("small");
            assert_eq!(found, naive(&orders, reference), "{orders:?}, reference {reference:?}");
            if let Some(found) = found {
                check_allocation(&orders, &found);
            }
        }
    });
}

#[test]
fn prices() {
    let check = |name: &str, orders: &[CallOrder], reference: Option<u64>, expected: Option<(u64, u64)>| {
        let found = indicative(orders, reference).expect("in range");
        assert_eq!(found.map(|found| (found.price, found.volume)), expected, "{name}");
    };
    check("no orders", &[], Some(5), None);
    check("one side only", &[buy(10, 5), buy(None, 5)], Some(5), None);
    check("limits apart", &[buy(10, 5), sell(11, 5)], Some(10), None);
    check("most volume", &[buy(12, 5), sell(10, 2), sell(12, 3)], None, Some((12, 5)));
    check("surplus bought: the highest", &[buy(12, 9), sell(10, 5)], Some(10), Some((12, 5)));
    check("surplus sold: the lowest", &[buy(12, 5), sell(10, 9)], Some(12), Some((10, 5)));
    check("level: the reference", &[buy(20, 5), sell(10, 5)], Some(17), Some((17, 5)));
    check("level: the nearest below", &[buy(20, 5), sell(10, 5)], Some(3), Some((10, 5)));
    check("level: the nearest above", &[buy(20, 5), sell(10, 5)], Some(30), Some((20, 5)));
    check("level, no reference: the middle", &[buy(20, 5), sell(10, 5)], None, Some((15, 5)));
    check("the middle, halves upwards", &[buy(20, 5), sell(11, 5)], None, Some((16, 5)));
    check("only market orders: the reference", &[buy(None, 5), sell(None, 3)], Some(7), Some((7, 3)));
    check("only market orders and no reference", &[buy(None, 5), sell(None, 3)], None, None);
    check("a market order against a limit", &[buy(None, 5), sell(30, 3)], Some(7), Some((30, 3)));
    check("the whole range", &[buy(u64::MAX, 5), sell(0, 5)], Some(9), Some((9, 5)));
    check("the whole range, bought", &[buy(u64::MAX, 6), sell(0, 5)], None, Some((u64::MAX, 5)));
    check("the most lots", &[buy(5, u64::MAX), sell(5, u64::MAX)], None, Some((5, u64::MAX)));
    assert_eq!(indicative(&[buy(5, u64::MAX), buy(None, 1)], None), Err(TooMuch));
}

/// As many orders as a large auction has, over a wide range: done at once, and what is served is the volume.
#[test]
fn a_large_auction() {
    let mut random = Random::new(1);
    let orders: Vec<_> = (0..65_536)
        .map(|_| {
            let side = random.pick(&[Side::Buy, Side::Sell]);
            CallOrder { side, limit: Some(random.below(1 << 40)), quantity: 1 + random.below(1_000) }
        })
        .collect();
    let found = indicative(&orders, None).expect("in range").expect("they cross");
    let fills = allocate(&orders, found.price);
    assert_eq!(fills.iter().map(|fill| fill.quantity).sum::<u64>(), found.volume);
    assert!(fills.len() < orders.len());
}
