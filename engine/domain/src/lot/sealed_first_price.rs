//! `sealed_first_price`: one secret bid each; the highest wins and pays its bid, of equal ones the earlier (RULES,
//! "Formats"). What all sealed formats share stands in [`sealed`](super::sealed).

use super::Listing;
use super::sealed::Best;
use crate::amount::{Amount, Hidden};

/// What the highest bidder pays; `None` where it does not reach the reserve.
pub(super) fn price(listing: &Listing, bids: Best) -> Option<Amount> {
    let met = listing.reserve.is_none_or(|Hidden(reserve)| bids.best >= reserve);
    met.then_some(bids.best)
}
