//! `vickrey`: one secret bid each; the highest wins and pays the larger of the second bid (the start amount if there is
//! none) and the reserve; of equal ones the earlier wins and pays the tied amount (RULES, "Formats"). What all sealed
//! formats share stands in [`sealed`](super::sealed).

use super::Listing;
use super::sealed::Best;
use crate::amount::{Amount, Hidden};

/// What the highest bidder pays; `None` where it does not reach the reserve.
pub(super) fn price(listing: &Listing, bids: Best) -> Option<Amount> {
    let second = bids.second.unwrap_or(listing.start_amount).max(listing.start_amount);
    match listing.reserve {
        Some(Hidden(reserve)) => (bids.best >= reserve).then(|| second.max(reserve)),
        None => Some(second),
    }
}
