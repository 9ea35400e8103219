//! What can be asked of a book.

use super::{AuctionAction, BookFunding, OrderType, SelfTrade, Side, TimeInForce};
use crate::actor::ActorAddress;
use crate::amount::Amount;
use crate::command;
use crate::command::Targeted;
use crate::id::{BookId, BookOrderId, MarketId};
use crate::money::Settled;
use crate::time::Timestamp;

command! {
    /// `book.create`: by a seller or operator.
    pub struct CreateBook / CreateBookParams in currency {
        1 => book: Option<BookId>,
        2 => market: MarketId,
        /// 1 to 200 characters.
        3 => title: String,
        /// The step of prices, in minor units for one unit.
        4 => tick: Amount,
        /// The step of quantities, in units; 1 where absent.
        5 => lot_size: Option<u64>,
        /// The price that a call auction keeps near, in minor units for one unit; the last trade where absent.
        6 => reference: Option<Amount>,
        /// How many significant figures a price may have, 1 to 16; as many as it likes where absent.
        7 => tick_significant_figures: Option<u32>,
        /// `cancel_newest` where absent.
        8 => self_trade: Option<SelfTrade>,
        /// Whether an order that only gets smaller keeps its place; yes where absent.
        9 => modify_keeps_place: Option<bool>,
        /// `none` where absent.
        10 => funding: Option<BookFunding>,
        11 => r#ref: Option<String>,
        12 => description: Option<String>,
    }
}

command! {
    /// `book.place`: an order of the caller.
    pub struct PlaceOrder / PlaceBookOrderParams in currency {
        1 => book: BookId,
        2 => side: Side,
        3 => r#type: OrderType,
        /// Units, a multiple of the lot size.
        4 => quantity: u64,
        /// Of a limit order: minor units for one unit, a multiple of the tick.
        5 => price: Option<Amount>,
        /// Of a market order that buys: what it may cost in all, fees included; required where the book is funded.
        6 => max_amount: Option<Amount>,
        /// `gtc` where absent; a market order in continuous trading is `ioc` or `fok`.
        7 => time_in_force: Option<TimeInForce>,
        /// Refused where it would trade at once.
        8 => post_only: Option<bool>,
        /// Of a `gtd` order.
        9 => expires_at: Option<Timestamp>,
    }
}

command! {
    /// `book.cancel`: by its owner, or by an operator with a reason.
    pub struct CancelOrder / CancelBookOrderParams {
        1 => book: BookId,
        2 => book_order: BookOrderId,
        3 => reason: Option<String>,
    }
}

command! {
    /// `book.modify`: by its owner. At least one of quantity and price.
    pub struct ModifyOrder / ModifyBookOrderParams in currency {
        1 => book: BookId,
        2 => book_order: BookOrderId,
        /// Units in all, with what has been filled.
        3 => quantity: Option<u64>,
        4 => price: Option<Amount>,
    }
}

command! {
    /// `book.auction`: by an operator.
    pub struct BookAuction / BookAuctionParams {
        1 => book: BookId,
        2 => action: AuctionAction,
        /// When it ends; or `duration_ms` from now; neither: when `uncross` is asked.
        3 => ends_at: Option<Timestamp>,
        4 => duration_ms: Option<u64>,
        /// It ends at a moment within so much after its end that nobody can foresee, in milliseconds.
        5 => random_end_ms: Option<u64>,
    }
}

crate::record! {
    /// The engine's own: what came of a hold that the book asked for.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BookSettled { 1 => pub book: BookId, 2 => pub settled: Settled }
}

crate::variants! {
    /// The commands of a book.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum BookCommand {
        1 => Create(Box<CreateBook>),
        2 => Place(PlaceOrder),
        3 => Cancel(CancelOrder),
        4 => Modify(ModifyOrder),
        5 => Auction(BookAuction),
        /// Internal: from accounts.
        6 => Settled(Box<BookSettled>),
    }
}

impl Targeted for BookCommand {
    fn target(&self) -> Option<ActorAddress> {
        let book = match self {
            Self::Create(command) => return command.book.map(Into::into),
            Self::Place(command) => command.book,
            Self::Cancel(command) => command.book,
            Self::Modify(command) => command.book,
            Self::Auction(command) => command.book,
            Self::Settled(command) => command.book,
        };
        Some(book.into())
    }
}
