//! Taking bids back (RULES, "Retraction"): which bids a bidder may remove, and when. The same in every format.

use super::bidders::{Bidder, KeptBid};
use super::format::Terms;
use super::{RestatementCause, RetractBid};
use crate::context::Context;
use crate::rejection::{Rejection, RetractionNotAllowed};
use crate::time::Timestamp;

/// Longer than this before the end a retraction removes all bids of its bidder, in microseconds (eBay: 12 hours).
const ALL_BEFORE_END_US: u64 = 12 * 60 * 60 * 1_000_000;
/// Later, only the last bid, and only this long after it was placed, in microseconds (eBay: one hour).
const LAST_WITHIN_US: u64 = 60 * 60 * 1_000_000;

/// How much a retraction removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All bids of the bidder.
    All,
    /// Its last bid.
    Last,
}

/// More than 12 h before the end (no end: always) all bids of the bidder go; later only the last one, and only within one
/// hour of placing it.
pub(super) fn scope(
    terms: &Terms<'_>,
    now: Timestamp,
    last_placed_at: Timestamp,
    means_last: bool,
) -> Result<Scope, Rejection> {
    let refused =
        |rule: &str| Err(Rejection::RetractionNotAllowed(RetractionNotAllowed { rule: rule.to_owned() }));
    if crate::mutant("retraction_any_time")
        || terms.before_end_us.is_none_or(|before_end_us| before_end_us > ALL_BEFORE_END_US)
    {
        return Ok(Scope::All);
    }
    if !means_last {
        return refused("within 12 hours of the end only the last bid may be retracted");
    }
    if now.micros_since(last_placed_at) > LAST_WITHIN_US {
        return refused(
            "within 12 hours of the end a bid may be retracted only within one hour of placing it",
        );
    }
    Ok(Scope::Last)
}

/// What is to be removed of a bidder that may have several bids.
pub(super) struct Removal<'a> {
    pub(super) cause: RestatementCause,
    pub(super) bidder: &'a Bidder,
    /// One bid; absent: all.
    pub(super) bid: Option<&'a KeptBid>,
    pub(super) reason: Option<String>,
}

/// What a bidder's retraction removes.
pub(super) fn of_bidder<'a>(
    terms: &Terms<'_>,
    bidder: Option<&'a Bidder>,
    command: &RetractBid,
    context: &Context<'_>,
) -> Result<Removal<'a>, Rejection> {
    let bidder = bidder.ok_or(Rejection::NotFound)?;
    let last = bidder.top().ok_or(Rejection::NotFound)?;
    let named = command.bid.unwrap_or(last.bid);
    let meant = bidder.bids.iter().find(|kept| kept.bid == named).ok_or(Rejection::NotFound)?;
    let bid = match scope(terms, context.now, last.placed_at, meant.bid == last.bid)? {
        Scope::All => None,
        Scope::Last => Some(last),
    };
    Ok(Removal { cause: RestatementCause::Retracted, bidder, bid, reason: command.reason.clone() })
}
