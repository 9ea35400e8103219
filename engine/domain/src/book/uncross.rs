//! The price of a call auction: all orders at once, one price for everybody.
//!
//! The four rules: 1. the most volume; 2. of those, the least absolute surplus; 3. where the surplus of all of those is on
//! the buy side, the highest of them, all on the sell side, the lowest; 4. else the one nearest the reference price, which
//! is the book's reference or else its last trade. Candidates are all ticks from the lowest limit to the highest.
//!
//! Demand never rises and supply never falls with the price, so both are constant between the limits: it is enough to look
//! at the prices where one of them changes, and what the first two rules leave is one run of ticks without a gap. That
//! makes the cost that of sorting the orders.
//!
//! Two things the rules leave open. Where no reference is known at all, the middle of the run is taken, halves upwards: a
//! first auction must have a price. Where only market orders meet, the reference is the price, and without one there is none.

use super::matching::Side;

/// An order of a call auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallOrder {
    /// Which way it trades.
    pub side: Side,
    /// The worst price it takes, in ticks; `None` for a market order.
    pub limit: Option<u64>,
    /// Lots. An order of none only makes its limit a candidate.
    pub quantity: u64,
}

/// What the auction would give now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Indicative {
    /// The price, in ticks.
    pub price: u64,
    /// Lots that trade at it, at least 1.
    pub volume: u64,
    /// The side on which lots remain that would have traded at this price; `None` where there are none.
    pub surplus_side: Option<Side>,
    /// How many of them.
    pub surplus: u64,
}

/// One trade of an auction, at its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallFill {
    /// The buy order, as its place in the orders given.
    pub buy: usize,
    /// The sell order, as its place in the orders given.
    pub sell: usize,
    /// Lots, at least 1.
    pub quantity: u64,
}

/// All lots of one side do not fit 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuch;

/// Lots up to a price: of buyers that far or higher, of sellers that far or lower.
struct Curve {
    /// Limits and their lots, the lowest limit first.
    limits: Vec<(u64, u64)>,
    /// Lots that trade at any price.
    market: u64,
}

impl Curve {
    fn new(orders: &[CallOrder], side: Side) -> Result<Self, TooMuch> {
        let (mut market, mut total, mut limits) = (0_u64, 0_u64, Vec::with_capacity(orders.len()));
        for order in orders.iter().filter(|order| order.side == side) {
            total = total.checked_add(order.quantity).ok_or(TooMuch)?;
            match order.limit {
                Some(limit) => limits.push((limit, order.quantity)),
                None => market += order.quantity,
            }
        }
        limits.sort_unstable_by_key(|&(limit, _)| limit);
        Ok(Self { limits, market })
    }
}

/// Ticks in a row at which demand and supply are the same.
#[derive(Clone, Copy)]
struct Run {
    low: u64,
    high: u64,
    demand: u64,
    supply: u64,
}

impl Run {
    const fn volume(&self) -> u64 {
        if self.demand < self.supply { self.demand } else { self.supply }
    }

    /// What the first two rules compare: more volume, then less surplus.
    const fn merit(&self) -> (u64, std::cmp::Reverse<u64>) {
        (self.volume(), std::cmp::Reverse(self.demand.abs_diff(self.supply)))
    }
}

/// The candidates from the lowest to the highest, in runs.
struct Runs<'a> {
    buys: &'a [(u64, u64)],
    sells: &'a [(u64, u64)],
    /// Lots of the buyers at the next run's first tick, before those whose limits it passes are taken off.
    demand: u64,
    supply: u64,
    /// Where the next run begins; `None` past the highest limit.
    low: Option<u64>,
    highest: u64,
}

impl<'a> Runs<'a> {
    fn new(buys: &'a Curve, sells: &'a Curve) -> Self {
        let ends = |curve: &Curve| Some((curve.limits.first()?.0, curve.limits.last()?.0));
        let (low, highest) = match (ends(buys), ends(sells)) {
            (Some(buy), Some(sell)) => (Some(buy.0.min(sell.0)), buy.1.max(sell.1)),
            (Some(only), None) | (None, Some(only)) => (Some(only.0), only.1),
            (None, None) => (None, 0),
        };
        // Limits were summed without overflow when the curves were made.
        let demand = buys.market + buys.limits.iter().map(|&(_, quantity)| quantity).sum::<u64>();
        Self { buys: &buys.limits, sells: &sells.limits, demand, supply: sells.market, low, highest }
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let low = self.low?;
        while let Some((&(_, quantity), rest)) =
            self.buys.split_first().filter(|((limit, _), _)| *limit < low)
        {
            (self.buys, self.demand) = (rest, self.demand - quantity);
        }
        while let Some((&(_, quantity), rest)) =
            self.sells.split_first().filter(|((limit, _), _)| *limit <= low)
        {
            (self.sells, self.supply) = (rest, self.supply + quantity);
        }
        // Demand falls just past a buyer's limit, supply rises at a seller's.
        let until_buy = self.buys.first().map_or(self.highest, |&(limit, _)| limit);
        let until_sell = self.sells.first().map_or(self.highest, |&(limit, _)| limit - 1);
        let high = until_buy.min(until_sell).min(self.highest);
        self.low = (high < self.highest).then(|| high + 1);
        Some(Run { low, high, demand: self.demand, supply: self.supply })
    }
}

/// The ticks that the first two rules leave.
struct Candidates {
    low: u64,
    high: u64,
    /// Whether the surplus is on this side at all of them.
    all_buy: bool,
    all_sell: bool,
}

fn candidates(runs: Runs<'_>) -> Option<Candidates> {
    let mut best: Option<(Run, Candidates)> = None;
    for run in runs {
        let (all_buy, all_sell) = (run.demand > run.supply, run.supply > run.demand);
        match &mut best {
            Some((known, _)) if run.merit() < known.merit() => {}
            Some((known, found)) if run.merit() == known.merit() => {
                // One run without a gap: both functions are monotonic.
                debug_assert_eq!(found.high + 1, run.low);
                found.high = run.high;
                found.all_buy &= all_buy;
                found.all_sell &= all_sell;
            }
            _ => best = Some((run, Candidates { low: run.low, high: run.high, all_buy, all_sell })),
        }
    }
    best.map(|(_, found)| found)
}

impl Candidates {
    /// The third rule, then the fourth.
    fn choose(&self, reference: Option<u64>) -> u64 {
        match (self.all_buy, self.all_sell, reference) {
            (true, _, _) => self.high,
            (_, true, _) => self.low,
            (_, _, Some(reference)) => reference.clamp(self.low, self.high),
            (_, _, None) => self.low + (self.high - self.low).div_ceil(2),
        }
    }
}

/// The price these orders give, and what trades at it; `None` where no two of them can trade, or where only market orders
/// could and no reference is known.
///
/// `reference` is the book's reference price, or else the price of its last trade, in ticks.
///
/// # Errors
/// [`TooMuch`] where the lots of one side do not fit 64 bits.
pub fn indicative(orders: &[CallOrder], reference: Option<u64>) -> Result<Option<Indicative>, TooMuch> {
    let (buys, sells) = (Curve::new(orders, Side::Buy)?, Curve::new(orders, Side::Sell)?);
    let price = match candidates(Runs::new(&buys, &sells)) {
        Some(found) => Some(found.choose(reference)),
        None => reference,
    };
    Ok(price.and_then(|price| at(&buys, &sells, price)))
}

/// What trades at `price`.
fn at(buys: &Curve, sells: &Curve, price: u64) -> Option<Indicative> {
    let lots = |limits: &[(u64, u64)]| limits.iter().map(|&(_, quantity)| quantity).sum::<u64>();
    let demand = buys.market + lots(&buys.limits[buys.limits.partition_point(|&(limit, _)| limit < price)..]);
    let supply =
        sells.market + lots(&sells.limits[..sells.limits.partition_point(|&(limit, _)| limit <= price)]);
    let surplus_side = match demand.cmp(&supply) {
        std::cmp::Ordering::Greater => Some(Side::Buy),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Less => Some(Side::Sell),
    };
    let volume = demand.min(supply);
    (volume > 0).then(|| Indicative { price, volume, surplus_side, surplus: demand.abs_diff(supply) })
}

/// The orders of one side that trade at `price`, in the order in which they are served: market orders, then the better
/// limit, then the earlier.
fn served(orders: &[CallOrder], side: Side, price: u64) -> Vec<usize> {
    let eligible = |order: &CallOrder| match (order.limit, side) {
        (None, _) => true,
        (Some(limit), Side::Buy) => limit >= price,
        (Some(limit), Side::Sell) => limit <= price,
    };
    let mut places: Vec<usize> = (0..orders.len())
        .filter(|&place| orders[place].side == side && orders[place].quantity > 0 && eligible(&orders[place]))
        .collect();
    // Stable: the earlier stays before the later. A market order is as good as a limit can be, and before it.
    places.sort_by_key(|&place| match (orders[place].limit, side) {
        (None, _) => (0, 0),
        (Some(limit), Side::Buy) => (1, !limit),
        (Some(limit), Side::Sell) => (1, limit),
    });
    places
}

/// The trades of an auction at `price`: both sides in the order in which they are served, each served in full before the
/// next, until one side has nothing left. `orders` stand in the order of their arrival (within one limit).
///
/// At the price that [`indicative`] gave, the trades' quantities sum to its volume. Two orders of one account may meet: at
/// one price for all, that moves nothing, and the caller decides whether to let it.
#[must_use]
pub fn allocate(orders: &[CallOrder], price: u64) -> Vec<CallFill> {
    let (buys, sells) = (served(orders, Side::Buy, price), served(orders, Side::Sell, price));
    let mut fills = Vec::with_capacity(buys.len() + sells.len());
    let (mut buys, mut sells) = (buys.into_iter(), sells.into_iter());
    let mut next_buy = || buys.next().map(|place| (place, orders[place].quantity));
    let mut next_sell = || sells.next().map(|place| (place, orders[place].quantity));
    let (mut buyer, mut seller) = (next_buy(), next_sell());
    while let (Some((buy, wanted)), Some((sell, offered))) = (buyer, seller) {
        let quantity = wanted.min(offered);
        fills.push(CallFill { buy, sell, quantity });
        buyer = if wanted == quantity { next_buy() } else { Some((buy, wanted - quantity)) };
        seller = if offered == quantity { next_sell() } else { Some((sell, offered - quantity)) };
    }
    fills
}
