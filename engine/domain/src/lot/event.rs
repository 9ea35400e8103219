//! What happens to a lot. Each event tells by itself what the public, single accounts and the caller hear of it: replies
//! and channels are made again from the journal, where the lot has moved on.

use super::funding::{Backed, BidWaits, Change, Closing, HoldAsked, HoldSettled, HoldsFreed, Refused};
use super::{Content, Digest, Drawn, Listing, Package, Phase, SoftClose};
use crate::amount::{Amount, Currency, Hidden, HiddenSum};
use crate::fees::Fees;
use crate::id::{AccountId, BidId, HoldId, LotId, MarketId, OrderId};
use crate::time::{Moment, Timestamp};

crate::record! {
    /// A lot came into being.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LotCreated {
        1 => pub lot: LotId,
        2 => pub listing: Listing,
        3 => pub closes_at: Option<Timestamp>,
        /// The hash of the command, by which creating twice is told from creating another.
        4 => pub content: u64,
    }
}

impl LotCreated {
    /// Where the lot stands at first.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        if self.listing.opens_at.is_some() { Phase::Scheduled } else { Phase::Draft }
    }
}

crate::record! {
    /// A bid was accepted that changed the price or the leader. The bidder and the bid's id stand in the stamp.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BidPlaced {
        /// What it bids at most.
        1 => pub maximum: Hidden,
        /// The public price after it.
        2 => pub price: Amount,
        /// The bidder as this lot's public knows it.
        3 => pub alias: u32,
        /// Who leads after it; absent: the bidder.
        4 => pub leader: Option<u32>,
        /// Who led before, where the bidder took the lead from another.
        5 => pub displaced: Option<AccountId>,
        /// How many bids count after it.
        6 => pub bids: u32,
        /// The increment at the price: the next bid must be at least price + step.
        7 => pub step: u64,
        8 => pub reserve_met: Option<bool>,
        /// What the lot can still be bought for at once.
        9 => pub buy_now: Option<Amount>,
        /// The end after it.
        10 => pub ends_at: Option<Moment>,
        /// The end before it, where the bid extended it.
        11 => pub old_ends_at: Option<Moment>,
        /// A tender: the next offer must be at most price - step.
        12 => pub falling: bool,
        /// The buyer's premium at the price; absent where the lot has none.
        13 => pub premium: Option<u64>,
        /// A tender: what is kept from the price if the bidder is paid it; absent where the lot has no commission.
        14 => pub commission: Option<u64>,
    }
}

crate::record! {
    /// The leader raised its own maximum: nobody else hears of it, unless it met the reserve.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MaximumRaised {
        1 => pub maximum: Hidden,
        2 => pub price: Amount,
        3 => pub alias: u32,
        4 => pub bids: u32,
        5 => pub step: u64,
        6 => pub reserve_met: Option<bool>,
        7 => pub buy_now: Option<Amount>,
        8 => pub ends_at: Option<Moment>,
        /// The raise met the reserve: the price moved to it, and everybody is told.
        9 => pub lifted: bool,
        /// As in [`BidPlaced`].
        10 => pub premium: Option<u64>,
    }
}

crate::variants! {
    /// Why bids were removed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum RestatementCause {
        /// By the bidder.
        1 => Retracted,
        /// By an operator.
        2 => Voided,
        /// The bidder was suspended.
        3 => Suspended,
        /// After a restatement the bidder's money was not there again (RULES, "Funding").
        4 => Unfunded,
    }
}

crate::record! {
    /// Bids were removed: price and leader are what the remaining maxima give.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Restated {
        1 => pub cause: RestatementCause,
        /// Whose bids.
        2 => pub account: AccountId,
        /// The one bid that was removed; absent: all of the account's.
        3 => pub bid: Option<BidId>,
        /// How many bids were removed.
        4 => pub removed: u32,
        5 => pub price: Option<Amount>,
        6 => pub leader: Option<u32>,
        /// How many bids count after it.
        7 => pub bids: u32,
        8 => pub min_next_amount: Amount,
        9 => pub reserve_met: Option<bool>,
        10 => pub buy_now: Option<Amount>,
        11 => pub ends_at: Option<Moment>,
        /// Who leads now and did not before.
        12 => pub risen: Option<AccountId>,
        /// Whether `account` leads after it.
        13 => pub still_leading: bool,
        14 => pub reason: Option<String>,
        /// The increment at the price; 0 where there is none.
        15 => pub step: u64,
        /// Units that nobody has, in formats that sell several.
        30 => pub remaining: Option<u64>,
        /// How many have a bid, in formats that show nothing else.
        31 => pub bidders: Option<u32>,
        /// Others who come to be served by it, and who are not served any more (several units).
        32 => pub risen_too: Vec<AccountId>,
        33 => pub fallen: Vec<AccountId>,
        /// What is left of the account's is bought already (dutch).
        34 => pub has_bought: bool,
    }
}

impl Restated {
    /// A restatement after which nobody leads: what differs is set beside it.
    pub(super) fn new(
        cause: RestatementCause,
        account: AccountId,
        removed: u32,
        min_next_amount: Amount,
    ) -> Self {
        Self {
            cause,
            account,
            bid: None,
            removed,
            price: None,
            leader: None,
            bids: 0,
            min_next_amount,
            reserve_met: None,
            buy_now: None,
            ends_at: None,
            risen: None,
            still_leading: false,
            reason: None,
            step: 0,
            remaining: None,
            bidders: None,
            risen_too: Vec::new(),
            fallen: Vec::new(),
            has_bought: false,
        }
    }
}

crate::record! {
    /// A bid that nobody sees before the end. The bidder and the bid's id stand in the stamp; an earlier one of its is
    /// replaced.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SealedBid {
        1 => pub amount: Hidden,
        2 => pub alias: u32,
        /// How many have a bid after it.
        3 => pub bidders: u32,
        /// The bidder had one before: nobody else hears of it.
        4 => pub replaces: bool,
        /// What a bid must reach: the start amount.
        5 => pub limit: Amount,
        6 => pub ends_at: Option<Moment>,
        /// The items that it is for, where a lot has several; then only a bid for the same ones is replaced.
        7 => pub package: Option<Package>,
        /// The buyer's premium at its amount; absent where the lot has none, and in a tender.
        8 => pub premium: Option<HiddenSum>,
        /// A tender: the commission at its amount; absent where the lot has none.
        9 => pub commission: Option<HiddenSum>,
    }
}

crate::record! {
    /// A bid for units of a lot that sells several. The bidder and the bid's id stand in the stamp; an earlier one of its
    /// is replaced.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct UnitsBid {
        /// What it bids at most for a unit.
        1 => pub amount: Hidden,
        2 => pub units: u64,
        3 => pub all_or_none: bool,
        4 => pub alias: u32,
        /// How many units it gets as it stands.
        5 => pub served: u64,
        /// The price of a unit after it; absent where nobody is served.
        6 => pub price: Option<Amount>,
        /// How many bids stand after it.
        7 => pub bids: u32,
        8 => pub min_next_amount: Amount,
        /// Units that nobody gets as it stands.
        9 => pub remaining: u64,
        /// Who is not served any more, and who is served now that was not (behind an all-or-none bid that fell).
        10 => pub fallen: Vec<AccountId>,
        11 => pub risen: Vec<AccountId>,
        12 => pub ends_at: Option<Moment>,
        /// The end before it, where the bid extended it.
        13 => pub old_ends_at: Option<Moment>,
        /// The buyer's premium on its amount for all its units: the most it can come to; absent where the lot has none.
        14 => pub premium: Option<HiddenSum>,
    }
}

crate::record! {
    /// Units were bought at the clock's price (dutch). The buyer and the take's id stand in the stamp.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Taken {
        1 => pub alias: u32,
        2 => pub units: u64,
        /// Of a unit.
        3 => pub price: Amount,
        /// Of these units.
        4 => pub amount: Amount,
        /// What this adds to the buyer's premium on all that it has taken; absent where the lot has no fees.
        5 => pub premium: Option<u64>,
        /// Units that nobody has taken.
        6 => pub remaining: u64,
        /// How many takes stand after it.
        7 => pub takes: u32,
        8 => pub ends_at: Option<Moment>,
    }
}

crate::record! {
    /// The clock shows a new price, or goes on after it stood.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Ticked {
        1 => pub price: Amount,
        /// What comes next; both absent at the floor.
        2 => pub next_price: Option<Amount>,
        3 => pub next_at: Option<Timestamp>,
        /// Units that nobody has taken.
        4 => pub remaining: u64,
        /// How long the clock stood still without a pause, an outage say, in microseconds.
        5 => pub stood_us: Option<u64>,
    }
}

crate::record! {
    /// The clock of a japanese lot has stepped, begins to run, or goes on after it stood.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Stepped {
        1 => pub price: Amount,
        /// What comes next; both absent where nothing does.
        2 => pub next_price: Option<Amount>,
        3 => pub next_at: Option<Timestamp>,
        /// How many are in.
        4 => pub bidders: u32,
        /// Who has not stayed, in the order of entry.
        5 => pub fallen: Vec<AccountId>,
        /// The last step: whoever is in has won.
        6 => pub last: bool,
        /// How long the clock stood still without a pause, an outage say, in microseconds.
        7 => pub stood_us: Option<u64>,
    }
}

crate::record! {
    /// The lot takes bids.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Opened {
        1 => pub opens_at: Option<Timestamp>,
        2 => pub ends_at: Option<Timestamp>,
        3 => pub soft_close: Option<SoftClose>,
        /// The market's `halted_us` at that moment.
        4 => pub halted_us: u64,
        5 => pub reason: Option<String>,
        /// The hash of the seed that its end will be drawn from (candle).
        6 => pub seed_hash: Option<Digest>,
    }
}

crate::record! {
    /// The lot takes no bids for a while; its remaining time is `ends_at - since`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Paused {
        1 => pub since: Timestamp,
        /// The end as it stood.
        2 => pub ends_at: Option<Timestamp>,
        3 => pub opens_at: Option<Timestamp>,
        4 => pub soft_close: Option<SoftClose>,
        /// Because the market is halted, rather than by an operator.
        5 => pub halt: bool,
        6 => pub halted_us: u64,
        7 => pub reason: Option<String>,
        /// The lot's clock stands while it is paused (dutch).
        30 => pub clock: bool,
    }
}

crate::record! {
    /// The remaining time goes on; also the shift of an end whose lot slept through a halt.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Resumed {
        1 => pub ends_at: Option<Timestamp>,
        2 => pub opens_at: Option<Timestamp>,
        3 => pub soft_close: Option<SoftClose>,
        /// Because the market is not halted any more, rather than by an operator.
        4 => pub halt: bool,
        5 => pub halted_us: u64,
        6 => pub reason: Option<String>,
    }
}

crate::record! {
    /// A later end, by an operator or after an outage.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Extended {
        1 => pub old_ends_at: Option<Timestamp>,
        2 => pub ends_at: Timestamp,
        3 => pub reason: Option<String>,
    }
}

crate::variants! {
    /// How a lot ended.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum LotResult { 1 => Sold, 2 => Unsold, 3 => Cancelled }
}

impl LotResult {
    /// The protocol's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sold => "sold",
            Self::Unsold => "unsold",
            Self::Cancelled => "cancelled",
        }
    }
}

crate::record! {
    /// Who won what, and the order that follows from it (I21, I34).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Win {
        1 => pub account: AccountId,
        2 => pub alias: u32,
        3 => pub quantity: u64,
        /// The hammer price for all its units.
        4 => pub amount: Amount,
        5 => pub order: OrderId,
        6 => pub premium: u64,
        7 => pub commission: u64,
        /// The winner's hold on the whole: captured by the order.
        8 => pub hold: Option<HoldId>,
        /// The winner's deposit: goes towards the order's payment.
        9 => pub deposit: Option<HoldId>,
        /// Which items, where the lot has several.
        10 => pub items: Option<Package>,
    }
}

crate::record! {
    /// The lot has ended.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Closed {
        1 => pub result: LotResult,
        /// The public price at the end.
        2 => pub price: Option<Amount>,
        4 => pub market: MarketId,
        /// The end: as announced, or the moment where it was ended before.
        5 => pub ends_at: Option<Timestamp>,
        6 => pub reason: Option<String>,
        /// In the order in which they were served.
        7 => pub winners: Vec<Win>,
        /// The lot's clock has stopped (dutch).
        30 => pub clock: bool,
        /// What their orders need to know; absent where nobody has won.
        8 => pub sold: Option<Box<Sold>>,
        /// When it truly ended, where that was drawn (candle).
        9 => pub drawn: Option<Drawn>,
    }
}

crate::record! {
    /// The account of the stamp bought the lot at its buy-now amount, which ended it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Bought {
        1 => pub win: Win,
        /// Who led until then, if that was another.
        2 => pub displaced: Option<AccountId>,
        3 => pub market: MarketId,
        4 => pub ends_at: Timestamp,
        5 => pub sold: Option<Box<Sold>>,
    }
}

crate::record! {
    /// What the orders of a lot's winners need to know of the lot, beside what each has won.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Sold {
        1 => pub currency: Currency,
        2 => pub seller: AccountId,
        3 => pub title: String,
        /// In a tender the lot's seller is who buys, from who won.
        4 => pub tender: bool,
        5 => pub fees: Fees,
        /// What each deposit holds.
        6 => pub deposit: Option<crate::amount::Amount>,
    }
}

crate::record! {
    /// The lot takes bids again; its outcome is taken back.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Reopened {
        1 => pub ends_at: Timestamp,
        2 => pub soft_close: Option<SoftClose>,
        3 => pub halted_us: u64,
        /// The public price, from the standing bids.
        4 => pub price: Option<Amount>,
        5 => pub buy_now: Option<Amount>,
        6 => pub reason: Option<String>,
    }
}

crate::record! {
    /// The content and terms after a change.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Revised {
        1 => pub content: Content,
        2 => pub phase: Phase,
        3 => pub opens_at: Option<Timestamp>,
        /// The end in the lot's own books; the public sees none while it is paused.
        4 => pub ends_at: Option<Timestamp>,
        5 => pub start_amount: Amount,
        /// The amount in the listing.
        6 => pub buy_now: Option<Amount>,
        /// What it can still be bought for.
        7 => pub buy_now_left: Option<Amount>,
        /// A new reserve; absent: as before.
        8 => pub reserve: Option<Hidden>,
        9 => pub reserve_met: Option<bool>,
        10 => pub min_next_amount: Amount,
    }
}

crate::variants! {
    /// What happened to a lot.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum LotEvent {
        1 => BidPlaced(BidPlaced),
        2 => Created(Box<LotCreated>),
        3 => MaximumRaised(MaximumRaised),
        4 => Restated(Box<Restated>),
        5 => Opened(Box<Opened>),
        6 => Paused(Box<Paused>),
        7 => Resumed(Box<Resumed>),
        8 => Extended(Box<Extended>),
        9 => Closed(Box<Closed>),
        10 => Bought(Box<Bought>),
        11 => Reopened(Box<Reopened>),
        12 => Revised(Box<Revised>),
        30 => SealedBid(Box<SealedBid>),
        31 => UnitsBid(Box<UnitsBid>),
        32 => Taken(Box<Taken>),
        33 => Ticked(Box<Ticked>),
        34 => Stepped(Box<Stepped>),
        // Events of funded lots.
        /// A bid waits for its hold.
        40 => BidWaits(Box<BidWaits>),
        41 => HoldAsked(Box<HoldAsked>),
        42 => Backed(Box<Backed>),
        43 => Refused(Box<Refused>),
        44 => HoldSettled(Box<HoldSettled>),
        45 => HoldsFreed(Box<HoldsFreed>),
        46 => Restating(Box<Change>),
        /// The restatement under way waits for this account, whose hold is being changed already.
        47 => Blocked(AccountId),
        48 => Closing(Box<Closing>),
    }
}
