//! What happens to a book. Prices are minor units for one unit, quantities units.

use super::{BookFunding, BookState, Cause, Few, OrderType, SelfTrade, Side};
use crate::amount::Currency;
use crate::effect::Asked;
use crate::fees::Fees;
use crate::id::{AccountId, BookId, BookOrderId, EntryId, MarketId};
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! {
    /// What a book is, apart from its orders.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BookListing {
        1 => pub market: MarketId,
        2 => pub currency: Currency,
        3 => pub title: String,
        4 => pub tick: u64,
        5 => pub lot_size: u64,
        6 => pub reference_price: Option<u64>,
        7 => pub tick_significant_figures: Option<u32>,
        8 => pub self_trade: SelfTrade,
        9 => pub modify_keeps_place: bool,
        10 => pub funding: BookFunding,
        /// The market's fees when the book was created: premium of buyers, commission of sellers.
        11 => pub fees: Fees,
        12 => pub reference: Option<String>,
        13 => pub description: Option<String>,
    }
}

crate::record! {
    /// A book came into being.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BookCreated {
        1 => pub book: BookId,
        2 => pub listing: BookListing,
        /// The hash of the command, by which creating twice is told from creating another.
        3 => pub content: u64,
        /// Its market was halted then.
        4 => pub halted: bool,
    }
}

crate::record! {
    /// What rests at one price after an event; 0: nothing any more.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Level { 1 => pub side: Side, 2 => pub price: u64, 3 => pub quantity: u64 }
}

crate::record! {
    /// An order as it is after an event, or was when it ended.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct OrderView {
        1 => pub order: BookOrderId,
        2 => pub account: AccountId,
        3 => pub side: Side,
        4 => pub r#type: OrderType,
        /// Of a limit order.
        5 => pub price: Option<u64>,
        6 => pub filled: u64,
        /// Units that are open; of an order that has ended: that were never traded.
        7 => pub remaining: u64,
    }
}

crate::record! {
    /// What an event moves for an order in a funded book, from the hold that it has.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Moved {
        /// What goes out of the hold: a buyer's price and fee in minor units, a seller's units.
        1 => pub given: u64,
        /// What comes in: a buyer's units, a seller's price less fee in minor units.
        2 => pub got: u64,
        /// The fee in it, in minor units.
        3 => pub fee: u64,
        /// What the hold gives back beside it.
        4 => pub free: u64,
        /// What it holds from now on; 0: it has ended.
        5 => pub held: u64,
    }
}

crate::record! {
    /// An order's part in the trades of one event.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Part {
        /// After them.
        1 => pub view: OrderView,
        /// Units traded.
        2 => pub quantity: u64,
        /// What they were traded for, in minor units, without fees.
        3 => pub value: u64,
        4 => pub moved: Option<Moved>,
    }
}

crate::record! {
    /// An order that ended without a trade.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Gone {
        1 => pub view: OrderView,
        2 => pub cause: Cause,
        /// It has a hold, which is given back.
        3 => pub held: bool,
    }
}

crate::record! {
    /// What is the same for all money and goods that an event moves.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Terms {
        1 => pub market: MarketId,
        2 => pub currency: Currency,
        /// Who gets the fees.
        3 => pub owner: AccountId,
        /// The transfer: shared by all entries that the event causes.
        4 => pub entry: EntryId,
    }
}

crate::record! {
    /// An order came into the book (again), and traded with what it met.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Entered {
        /// After it.
        1 => pub view: OrderView,
        /// Why it has ended, where something remains that does not rest.
        2 => pub ended: Option<Cause>,
        /// Of a market order that gathers for an auction with a `max_amount`: the price up to which that pays for it all.
        3 => pub pays_to: Option<u64>,
        4 => pub expires_at: Option<Timestamp>,
        /// The orders that it traded with, in their order. Each trade is at that order's price.
        5 => pub makers: Vec<Part>,
        /// Orders of the same account that stood in its way.
        6 => pub gone: Vec<Gone>,
        /// All levels that changed.
        7 => pub levels: Few<Level>,
        8 => pub asked: Option<Asked>,
        /// It was in the book before, with another price or quantity.
        9 => pub modified: bool,
        10 => pub moved: Option<Box<Moved>>,
        11 => pub terms: Option<Box<Terms>>,
    }
}

crate::record! {
    /// Orders ended without a trade.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Ended {
        1 => pub gone: Few<Gone>,
        2 => pub levels: Few<Level>,
        /// An operator's.
        3 => pub reason: Option<String>,
    }
}

crate::record! {
    /// An order became smaller and kept its place.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Reduced {
        1 => pub view: OrderView,
        /// `None` for an order that stands at no price.
        2 => pub level: Option<Level>,
        /// What its hold becomes.
        3 => pub held: Option<u64>,
        4 => pub terms: Option<Box<Terms>>,
    }
}

crate::record! {
    /// A new order that waits for its hold.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Waiting {
        1 => pub quantity: u64,
        2 => pub max_amount: Option<u64>,
        3 => pub time_in_force: super::TimeInForce,
        4 => pub post_only: bool,
        5 => pub expires_at: Option<Timestamp>,
    }
}

crate::record! {
    /// What a live order shall become.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Wish { 1 => pub quantity: u64, 2 => pub price: u64 }
}

crate::variants! {
    /// What a hold is asked for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Purpose {
        1 => Place(Waiting),
        2 => Modify(Wish),
    }
}

crate::record! {
    /// An order, or a larger one, waits for its account to hold what it needs.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HoldAsked {
        1 => pub view: OrderView,
        2 => pub purpose: Purpose,
        /// What shall be held, in all.
        3 => pub total: u64,
        /// How much more that is than before.
        4 => pub more: u64,
        5 => pub asked: Asked,
        6 => pub terms: Box<Terms>,
    }
}

crate::record! {
    /// What waited for a hold is refused after all.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Refused {
        1 => pub view: OrderView,
        2 => pub asked: Asked,
        3 => pub rejection: Rejection,
        /// What its hold becomes where it was placed or raised: 0 gives it back.
        4 => pub held: Option<u64>,
        /// It was a new order: it is gone.
        5 => pub is_new: bool,
        6 => pub terms: Option<Box<Terms>>,
    }
}

crate::record! {
    /// What a waiting order's client is told where it was cancelled meanwhile.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Dropped { 1 => pub view: OrderView, 2 => pub asked: Asked }
}

crate::record! {
    /// The book trades otherwise from now on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct StateChanged {
        1 => pub state: BookState,
        /// Of an auction: its announced end.
        2 => pub ends_at: Option<Timestamp>,
        /// Of an auction that starts: within so much after that, in milliseconds, it ends.
        3 => pub random_end_ms: Option<u64>,
        /// By how much a halt has moved the auction's end, in microseconds.
        4 => pub later_us: u64,
        /// An auction starts by it, by an operator.
        5 => pub started: bool,
    }
}

crate::record! {
    /// What a call auction would give now, or gave.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
    pub struct AuctionPrice {
        1 => pub price: u64,
        2 => pub volume: u64,
        /// Units that would have traded at this price and found nobody: of buyers positive, of sellers negative.
        3 => pub surplus: i64,
    }
}

crate::record! {
    /// The indicative price was worked out again.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Indicated {
        /// `None`: nothing would trade.
        1 => pub indicative: Option<AuctionPrice>,
        /// It is another one than before.
        2 => pub is_news: bool,
    }
}

crate::record! {
    /// A call auction has its price.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Uncrossed { 1 => pub result: Option<AuctionPrice> }
}

crate::record! {
    /// Some of a call auction's trades, all at its price.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Crossed {
        1 => pub price: u64,
        /// Units by this event.
        2 => pub volume: u64,
        /// Each order once, buyers first; what the buyers trade is what the sellers trade.
        3 => pub parts: Vec<Part>,
        4 => pub levels: Vec<Level>,
        5 => pub terms: Option<Box<Terms>>,
    }
}

crate::variants! {
    /// What happened to a book.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum BookEvent {
        1 => Created(Box<BookCreated>),
        2 => Entered(Box<Entered>),
        3 => Ended(Box<Ended>),
        4 => Reduced(Box<Reduced>),
        5 => HoldAsked(Box<HoldAsked>),
        6 => Refused(Box<Refused>),
        7 => Dropped(Box<Dropped>),
        8 => StateChanged(StateChanged),
        9 => Indicated(Indicated),
        10 => Uncrossed(Uncrossed),
        11 => Crossed(Box<Crossed>),
        /// Nothing remains to be traded at the auction's price: market orders end, the others trade continuously.
        12 => AuctionEnded(Box<Ended>),
    }
}
