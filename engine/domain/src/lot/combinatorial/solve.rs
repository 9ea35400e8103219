//! Who wins which package, and what it pays: exactly, within the bounds of `limits`.
//!
//! The winning bids are those of the largest sum, what the seller keeps counting at its start amount. Each winner pays its
//! bid less what its bidding has added to that sum (Vickrey, Clarke and Groves; Ausubel and Milgrom, "The lovely but lonely
//! Vickrey auction", 2006): at least the start amount of its items, at most its bid. Of equal sums, that which has the
//! earliest bid in which they differ.
//!
//! The sum is found bidder by bidder for every set of items (Rothkopf, Pekec and Harstad, "Computationally manageable
//! combinational auctions", 1998): with `n` items and `b` bids `b * 2^n` steps at most, once and again without each winner.

use std::cmp::Reverse;

use crate::amount::Amount;
use crate::limits::{ITEMS_MAX, PACKAGE_BIDS_MAX};
use crate::lot::Package;

/// A bid that stands. At most [`PACKAGE_BIDS_MAX`], of at most [`ITEMS_MAX`] items.
#[derive(Debug, Clone, Copy)]
pub(in crate::lot) struct PackageOffer {
    /// Whose; it gets at most one.
    pub(in crate::lot) bidder: usize,
    pub(in crate::lot) package: Package,
    pub(in crate::lot) amount: Amount,
    /// Its place in the order of all bids.
    pub(in crate::lot) seq: u64,
}

/// A package that is won.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lot) struct PackageWin {
    pub(in crate::lot) bidder: usize,
    pub(in crate::lot) package: Package,
    pub(in crate::lot) pays: Amount,
}

/// How the bids come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lot) struct Solution {
    /// In the order of the winning bids.
    pub(in crate::lot) wins: Vec<PackageWin>,
}

/// What of a bid counts: what it offers above the seller's own bid, and its bit.
struct Weighed {
    bidder: usize,
    items: usize,
    surplus: u64,
    /// Its place in the order of bids.
    place: usize,
}

/// Which bids: a bit for each, the earliest the highest, so that of two sets the one with the earliest bid in which they
/// differ is the larger.
type Chosen = [u128; PACKAGE_BIDS_MAX / 128];

/// The surplus of a choice and the choice. Both add up over disjoint choices, so that the larger of two stays the larger
/// whatever is added to both: ties are broken on the way.
type Best = (u64, Chosen);

fn with(best: &Best, bid: &Weighed) -> Best {
    let (surplus, mut chosen) = *best;
    chosen[bid.place / 128] |= 1 << (127 - bid.place % 128);
    (surplus + bid.surplus, chosen)
}

/// The best choice among bids that are grouped by bidder, without one of the bidders.
fn best(groups: &[Vec<Weighed>], items: usize, without: Option<usize>) -> Best {
    let all = (1_usize << items) - 1;
    let mut best: Vec<Best> = vec![Best::default(); all + 1];
    for group in groups {
        if group.first().is_none_or(|bid| Some(bid.bidder) == without) {
            continue;
        }
        let before = best.clone();
        for bid in group {
            // Every set of items that has those of the bid.
            let rest = all & !bid.items;
            let mut others = rest;
            loop {
                let found = with(&before[others], bid);
                let place = &mut best[others | bid.items];
                if found > *place {
                    *place = found;
                }
                if others == 0 {
                    break;
                }
                others = (others - 1) & rest;
            }
        }
    }
    best[all]
}

/// Works out the winners of a lot of so many items, each worth `start` to the seller. Offers beyond the bounds do not count:
/// none is ever accepted.
pub(in crate::lot) fn solve(mut offers: Vec<PackageOffer>, items: usize, start: Amount) -> Solution {
    let items = items.min(ITEMS_MAX);
    offers.retain(|offer| offer.package.is_of(items));
    offers.sort_unstable_by_key(|offer| offer.seq);
    offers.truncate(PACKAGE_BIDS_MAX);
    let sellers = |package: Package| start.get().saturating_mul(package.count());
    let weighed = offers.iter().enumerate().filter_map(|(place, offer)| {
        Some(Weighed {
            bidder: offer.bidder,
            items: usize::from(offer.package.bits()),
            surplus: offer.amount.get().checked_sub(sellers(offer.package))?,
            place,
        })
    });
    let mut weighed: Vec<Weighed> = weighed.collect();
    weighed.sort_by_key(|bid| (bid.bidder, Reverse(bid.surplus)));
    let mut groups: Vec<Vec<Weighed>> = Vec::new();
    for bid in weighed {
        match groups.last_mut() {
            Some(group) if group.first().is_some_and(|first| first.bidder == bid.bidder) => group.push(bid),
            _ => groups.push(vec![bid]),
        }
    }
    let (surplus, chosen) = best(&groups, items, None);
    let won = |place: usize| chosen[place / 128] & (1 << (127 - place % 128)) != 0;
    let winning = offers.iter().enumerate().filter(|&(place, _)| won(place)).map(|(_, offer)| offer);
    let win = |offer: &PackageOffer| {
        let (without, _) = best(&groups, items, Some(offer.bidder));
        let added = surplus - without;
        // At least the seller's bid, which is an amount.
        let pays = Amount::new(offer.amount.get() - added).unwrap_or(offer.amount);
        PackageWin { bidder: offer.bidder, package: offer.package, pays }
    };
    Solution { wins: winning.map(win).collect() }
}
