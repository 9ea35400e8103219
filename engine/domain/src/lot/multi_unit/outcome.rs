//! Who is served how much of a multi-unit lot, and what a unit costs.

use crate::amount::Amount;
use crate::id::AccountId;
use crate::lot::offers::Offer;
use crate::lot::{Listing, Pricing};

/// A bid that gets units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) account: AccountId,
    /// From 1.
    pub(super) units: u64,
    /// What it bids at most for each.
    pub(super) amount: Amount,
}

/// Serves the bids, which come best first, as long as there are units; a bid for all or none that cannot be served whole
/// is passed over.
pub(super) fn served(ranked: impl Iterator<Item = (AccountId, Offer)>, quantity: u64) -> Vec<Served> {
    let mut left = quantity;
    let mut served = Vec::new();
    for (account, offer) in ranked {
        if left == 0 {
            break;
        }
        if offer.all_or_none && offer.units > left {
            continue;
        }
        let units = offer.units.min(left);
        left -= units;
        served.push(Served { account, units, amount: offer.amount.0 });
    }
    served
}

/// The public price of a unit; `None` where nobody is served.
///
/// The highest losing bid is the best one that gets nothing; a winner's unfilled part does not count. A bid that was passed
/// over may be higher than the lowest winner's, but no winner pays more than it bid: the price is at most the lowest winning
/// bid. Under `pay_as_bid` the lowest winning bid is shown.
pub(super) fn price<I: Iterator<Item = (AccountId, Offer)>>(
    listing: &Listing,
    served: &[Served],
    ranked: impl FnOnce() -> I,
) -> Option<Amount> {
    let lowest = served.last()?.amount;
    if listing.pricing != Pricing::UniformHighestLosing {
        return Some(lowest);
    }
    // Both are in the order of the ranking: the first bid that is not the next one served has lost.
    let mut winners = served.iter().map(|served| served.account).peekable();
    let losing = ranked().find(|(account, _)| winners.next_if_eq(account).is_none());
    let losing = losing.map_or(listing.start_amount, |(_, offer)| offer.amount.0);
    Some(losing.max(listing.start_amount).min(lowest))
}
