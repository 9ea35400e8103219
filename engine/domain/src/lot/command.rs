//! What can be asked of a lot.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::command;
use crate::id::{AccountId, BidId, LotId, MarketId, SaleId};
use crate::increments::IncrementTable;
use crate::lot::{Format, Package, Seed};
use crate::publication::Alias;
use crate::time::Timestamp;

crate::record! {
    /// A bid that changes price or leader within `window_ms` of the end moves the end to `max(end, now + extend_ms)`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct SoftClose {
        1 => pub window_ms: u64,
        2 => pub extend_ms: u64,
        /// The end never passes this instant.
        3 => pub hard_close_at: Option<Timestamp>,
    }
}

crate::variants! {
    /// How bids are backed by money (RULES, "Funding").
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Funding {
        #[default]
        1 => None,
        /// A fixed hold, once for each lot and account, before the first bid.
        2 => Deposit,
        /// What a bid may cost at most, fees included, is held.
        3 => Full,
    }
}

crate::variants! {
    /// Who may bid.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Qualification {
        #[default]
        1 => None,
        /// Registered for the lot's sale.
        2 => Registered,
        /// Has the lot's `deposit` held; its first bid has it held.
        3 => Deposit,
        /// Verified by an operator of the market.
        4 => Verified,
    }
}

crate::record! {
    /// A price that steps by the clock: from `start` by `step` every `interval_ms`; down to `floor` (dutch), or up, at most
    /// to `ceiling` (japanese).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Clock {
        1 => pub start: Amount,
        2 => pub step: Amount,
        3 => pub interval_ms: u64,
        /// The lowest price of a dutch clock, which must have one; a japanese clock has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        4 => pub floor: Option<Amount>,
        /// The highest price of a japanese clock; absent: the largest amount.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        5 => pub ceiling: Option<Amount>,
    }
}

crate::variants! {
    /// What the winners of a multi-unit lot pay for each unit.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Pricing {
        /// All pay the lowest winning bid.
        #[default]
        1 => UniformLowestWinning,
        /// All pay the highest losing bid (the start amount where none loses). A winner's unfilled part does not count as
        /// losing.
        2 => UniformHighestLosing,
        /// Each pays its own bid.
        3 => PayAsBid,
    }
}

command! {
    /// `lot.create`: by a seller or operator of the market.
    pub struct CreateLot / CreateLotParams in currency {
        1 => lot: Option<LotId>,
        2 => market: MarketId,
        /// 1 to 200 characters.
        3 => title: String,
        4 => format: Format,
        /// Units sold by this lot; 1 where absent.
        5 => quantity: Option<u64>,
        /// A lot that opens by the clock; absent: it stays a draft until `lot.open`.
        6 => opens_at: Option<Timestamp>,
        7 => closes_at: Option<Timestamp>,
        8 => start_amount: Amount,
        /// Secret.
        9 => reserve: Option<Amount>,
        10 => buy_now: Option<Amount>,
        /// The market's where absent.
        11 => increments: Option<IncrementTable>,
        12 => soft_close: Option<SoftClose>,
        13 => funding: Option<Funding>,
        /// Proxy bidding (english); `true` where absent.
        14 => proxy: Option<bool>,
        15 => qualification: Option<Qualification>,
        16 => sale: Option<SaleId>,
        /// Its number in the sale's catalogue.
        17 => number: Option<u32>,
        18 => description: Option<String>,
        19 => category: Option<String>,
        /// Low and high.
        20 => estimate: Option<(Amount, Amount)>,
        21 => images: Option<Vec<String>>,
        22 => r#ref: Option<String>,
        /// Who sells it: the caller where absent; an operator may name another.
        23 => seller: Option<AccountId>,
        /// The dutch clock; then `start_amount` is its start.
        24 => clock: Option<Clock>,
        /// What winners of a multi-unit lot pay.
        25 => pricing: Option<Pricing>,
        /// What is held before the first bid where `funding` or `qualification` is `deposit`.
        26 => deposit: Option<Amount>,
        /// A tender whose offers nobody sees before its end (`reverse`).
        27 => sealed: Option<bool>,
        /// How long before the announced end a candle may go out, in milliseconds (candle).
        28 => candle_ms: Option<u64>,
        /// What packages are made of, by name; numbered from 1 (combinatorial).
        29 => items: Option<Vec<String>>,
    } engine {
        /// What a candle's end is drawn from; filled in by the engine, published at the end.
        40 => seed: Option<Seed>,
    }
}

command! {
    /// `lot.revise`: new content; after the first bid everybody is told. The reserve may only be lowered, by the seller.
    pub struct ReviseLot / ReviseLotParams in currency {
        1 => lot: LotId,
        2 => title: Option<String>,
        3 => description: Option<String>,
        4 => category: Option<String>,
        5 => estimate: Option<(Amount, Amount)>,
        6 => images: Option<Vec<String>>,
        7 => reserve: Option<Amount>,
        8 => opens_at: Option<Timestamp>,
        9 => closes_at: Option<Timestamp>,
        10 => start_amount: Option<Amount>,
        11 => buy_now: Option<Amount>,
    }
}

/// Defines the commands that name a lot and a reason, and nothing else.
macro_rules! lot_actions {
    ($($(#[$meta:meta])* $name:ident / $params:ident;)+) => {$(
        command! {
            $(#[$meta])*
            pub struct $name / $params {
                1 => lot: LotId,
                2 => reason: Option<String>,
            }
        }
    )+};
}

lot_actions! {
    /// `lot.open`: now, whatever `opens_at` says.
    OpenLot / OpenLotParams;
    /// `lot.pause`: no bids; the remaining time is kept.
    PauseLot / PauseLotParams;
    /// `lot.resume`: the remaining time goes on.
    ResumeLot / ResumeLotParams;
    /// `lot.cancel`: nobody wins.
    CancelLot / CancelLotParams;
    /// `lot.close`: ends it now, as if its time had come. By an operator.
    CloseLot / CloseLotParams;
}

command! {
    /// `lot.extend`: a later end, by an operator.
    pub struct ExtendLot / ExtendLotParams {
        1 => lot: LotId,
        2 => ends_at: Timestamp,
        3 => reason: Option<String>,
    }
}

command! {
    /// `lot.reopen`: a closed lot takes bids again, until its outcome has caused an order. By an operator.
    pub struct ReopenLot / ReopenLotParams {
        1 => lot: LotId,
        2 => ends_at: Timestamp,
        3 => reason: Option<String>,
    }
}

command! {
    /// `lot.void_bid`: an operator removes one bid; price and leader are restated. The bid is named by its id or by its
    /// bidder's alias in the lot: then it is the newest of that bidder's that stands.
    pub struct VoidBid / VoidBidParams {
        1 => lot: LotId,
        2 => bid: Option<BidId>,
        3 => reason: String,
        4 => alias: Option<Alias>,
    }
}

command! {
    /// `lot.bid`.
    pub struct PlaceBid / PlaceBidParams in currency {
        1 => lot: LotId,
        /// The bidder's maximum where the format is proxy; the unit price elsewhere.
        2 => amount: Amount,
        3 => quantity: Option<u64>,
        4 => all_or_none: Option<bool>,
        /// Only if the lot's channel stands at this sequence number: `stale_sequence` otherwise.
        5 => if_seq: Option<u64>,
        /// Judged as if, changes nothing.
        6 => validate_only: Option<bool>,
        /// Up to which price the server stays for the bidder (japanese); `amount` where absent. Secret.
        7 => stay_until: Option<Amount>,
        /// The items that the amount is bid for, all or none of them (combinatorial).
        8 => package: Option<Package>,
    }
}

impl PlaceBid {
    /// A bid of an amount, and nothing else said.
    #[must_use]
    pub const fn plain(lot: LotId, amount: Amount) -> Self {
        Self {
            lot,
            amount,
            quantity: None,
            all_or_none: None,
            if_seq: None,
            validate_only: None,
            stay_until: None,
            package: None,
        }
    }
}

command! {
    /// `lot.stay`: stays in a japanese lot through the coming step, or up to an amount. The first one, before the first
    /// step, takes part.
    pub struct StayLot / StayLotParams in currency {
        1 => lot: LotId,
        /// Up to which price the server stays for the bidder; the price of the coming step where absent. Secret.
        2 => stay_until: Option<Amount>,
    }
}

command! {
    /// `lot.buy_now`: ends the lot at its buy-now amount.
    pub struct BuyNow / BuyNowParams in currency {
        1 => lot: LotId,
        /// What the buyer saw; refused if it is another amount now.
        2 => amount: Option<Amount>,
    }
}

command! {
    /// `lot.take`: buys units of a dutch lot at the clock's price.
    pub struct TakeLot / TakeLotParams in currency {
        1 => lot: LotId,
        /// 1 where absent.
        2 => quantity: Option<u64>,
        /// The most that the buyer pays for a unit: refused (`bid_too_low`) where the clock asks for more. A lower price of
        /// the clock is what it pays.
        3 => amount: Option<Amount>,
    }
}

crate::record! {
    /// The engine's own: what an account said about a hold for a bid of this lot.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LotSettled { 1 => pub lot: LotId, 2 => pub settled: crate::money::Settled }
}

command! {
    /// `lot.retract`: by the bidder, as RULES.md says under "Retraction" (eBay).
    pub struct RetractBid / RetractBidParams {
        1 => lot: LotId,
        /// The bid meant; the caller's last one where absent.
        2 => bid: Option<BidId>,
        3 => reason: Option<String>,
    }
}

crate::variants! {
    /// The commands of a lot.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum LotCommand {
        1 => Bid(PlaceBid),
        2 => Create(Box<CreateLot>),
        3 => Revise(Box<ReviseLot>),
        4 => Open(OpenLot),
        5 => Pause(PauseLot),
        6 => Resume(ResumeLot),
        7 => Extend(ExtendLot),
        8 => Cancel(CancelLot),
        9 => Close(CloseLot),
        10 => Reopen(ReopenLot),
        11 => VoidBid(VoidBid),
        12 => BuyNow(BuyNow),
        13 => Retract(RetractBid),
        14 => Take(TakeLot),
        /// Internal: from an account.
        15 => Settled(Box<LotSettled>),
        16 => Stay(StayLot),
    }
}
