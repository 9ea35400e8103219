//! The money behind the bids of a lot (RULES, "Funding"; I13, I16, I17, I21, I34).
//!
//! A lot with `funding: full` lets nobody lead with money that is not there; with `deposit` (as funding or qualification)
//! it has a fixed amount held once for each bidder. The money is the account's: the lot asks for a hold, the account
//! answers, and between the two the bid waits.
//!
//! | a bid | becomes | by |
//! |---|---|---|
//! | arrives, is valid, and its bidder's hold covers it | accepted | itself |
//! | arrives, is valid, not covered | waiting, its hold asked for | [`BidWaits`] |
//! | arrives while its bidder has another one waiting | waiting behind it | [`BidWaits`] |
//! | waiting, first in its bidder's line | waiting, its hold asked for | [`HoldAsked`] |
//! | waiting, its hold confirmed | accepted, or refused by what the rules say now | [`Backed`], [`Refused`] |
//! | waiting, its hold refused, or the lot ended | refused | [`Refused`] |
//!
//! There is one hold for each account and lot, raised and lowered by the difference, and at most one change of it under way:
//! what an account has in flight is always known. A hold is given back as soon as nothing can make its account pay, and
//! begins anew, under another id, with its next bid; so each ends exactly once, by the lot that gives it back or by the
//! order that captures it.
//!
//! End and soft close are judged by the moment a bid arrived, rank by the moment its hold was confirmed. Whatever a lot
//! does by itself (the next bid in a line, a restatement's next step, holds that nobody needs) is a step of
//! [`due`](crate::actor::Actor::due), due at once.

mod apply;
mod bids;
mod close;
mod event;
mod holds;
mod restate;
mod state;

pub use event::{
    Backed, BidWaits, Change, Closing, HoldAsked, HoldChange, HoldChanges, HoldSettled, HoldWanted,
    HoldsFreed, Lowered, Purpose, Refused, Released, Removal, Reopening, Step, Told, Wish, WishedBid,
    WishedPurchase, WishedTake,
};
pub(super) use state::Funds;
