//! The words of a book that commands, events and answers share.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use smallvec::SmallVec;

use super::Side;

crate::variants! {
    /// What an order asks for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum OrderType {
        /// At its price or better.
        1 => Limit,
        /// At any price; never rests in continuous trading.
        2 => Market,
    }
}

crate::variants! {
    /// What becomes of an order that is not filled at once.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum TimeInForce {
        /// Rests until it is cancelled.
        #[default]
        1 => Gtc,
        /// The rest is cancelled.
        2 => Ioc,
        /// All of it at once, or nothing.
        3 => Fok,
        /// Rests until `expires_at`.
        4 => Gtd,
    }
}

crate::variants! {
    /// What happens where an order would trade with one of the same account.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum SelfTrade {
        /// The incoming order's rest is cancelled.
        #[default]
        1 => CancelNewest,
        /// The resting order is cancelled.
        2 => CancelOldest,
        3 => CancelBoth,
        /// They trade.
        4 => Allow,
    }
}

crate::variants! {
    /// How orders are backed by money and goods.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum BookFunding {
        /// Not at all: trades are told and nothing is moved.
        #[default]
        1 => None,
        /// What an order may cost at most, or the goods it sells, are held before it trades.
        2 => Full,
    }
}

crate::variants! {
    /// What is done to a book's call auction.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum AuctionAction {
        /// Orders gather from now on.
        1 => Start,
        /// It ends now, at one price.
        2 => Uncross,
    }
}

crate::variants! {
    /// How a book trades.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum BookState {
        1 => Continuous,
        /// Orders gather for a call auction.
        2 => Auction,
        /// Its price is found; the trades at it are being told.
        3 => Uncrossing,
        /// Its market is halted: orders can only be cancelled.
        4 => Halted,
    }
}

impl BookState {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Continuous => "continuous",
            Self::Auction => "auction",
            Self::Uncrossing => "uncrossing",
            Self::Halted => "halted",
        }
    }
}

crate::variants! {
    /// How an order stands.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum OrderStatus {
        /// Waits for its hold.
        1 => Pending,
        2 => Open,
        /// Some of it has traded; the rest is open.
        3 => PartlyFilled,
        4 => Filled,
        /// Ended with a rest (or nothing at all) untraded.
        5 => Cancelled,
        6 => Expired,
    }
}

crate::variants! {
    /// Why an order changed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Cause {
        1 => Placed,
        /// It met another order that rested.
        2 => Traded,
        /// By its owner.
        3 => Cancelled,
        4 => CancelledByOperator,
        /// Its `expires_at` has come.
        5 => Expired,
        /// Another order of the same account stood in the way.
        6 => SelfTrade,
        /// Nothing (more) to trade with, and it may not rest.
        7 => TimeInForce,
        /// Too many orders to trade with in one step.
        8 => FillsLimit,
        /// Its `max_amount` is spent.
        9 => MaxAmount,
        /// What it traded for would pass 2^53 - 1 minor units.
        10 => AmountLimit,
        /// Its account was suspended.
        11 => Suspended,
        /// A market order's rest after a call auction.
        12 => AuctionEnded,
        13 => Modified,
        /// Its hold was refused, or it could not be matched any more when the hold was there.
        14 => Refused,
    }
}

/// A list that mostly has one entry, which then needs no allocation.
pub type Few<T> = SmallVec<[T; 1]>;

impl Side {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

impl Serialize for Side {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Side {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl de::Visitor<'_> for Name {
            type Value = Side;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("buy or sell")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Side, E> {
                match text {
                    "buy" => Ok(Side::Buy),
                    "sell" => Ok(Side::Sell),
                    _ => Err(E::unknown_variant(text, &["buy", "sell"])),
                }
            }
        }
        deserializer.deserialize_str(Name)
    }
}
