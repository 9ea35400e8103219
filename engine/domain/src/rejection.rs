//! The named rules that say no, with their numbers. The code is the protocol's; a rejection's bytes are its journal record.

use serde::Serialize;

use crate::amount::{Amount, Currency};
use crate::time::Timestamp;

crate::record! {
    /// See [`Rejection::BidTooLow`].
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct BidTooLow {
        /// The lowest amount that would have been accepted.
        1 => pub min_next_amount: Amount,
    }
}

crate::record! {
    /// See [`Rejection::BidTooHigh`].
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct BidTooHigh {
        /// The highest amount that would have been accepted.
        1 => pub max_next_amount: Amount,
    }
}

crate::record! {
    /// A limit and what was asked of it.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct LimitExceeded {
        /// The limit's name as in the configuration or the actor's own data.
        1 => pub limit: String,
        2 => pub allowed: u64,
        3 => pub asked: u64,
    }
}

crate::record! {
    /// See [`Rejection::LotClosed`] and [`Rejection::ReservationExpired`].
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct TooLate {
        /// When it had ended.
        1 => pub ended_at: Timestamp,
        /// By how much the command was too late, in microseconds.
        2 => pub late_by_us: u64,
    }
}

crate::record! {
    /// See [`Rejection::OutOfStock`].
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct OutOfStock { 1 => pub available: u64, 2 => pub asked: u64 }
}

crate::record! {
    /// See [`Rejection::StaleSequence`].
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct StaleSequence {
        /// Where the channel stands.
        1 => pub seq: u64,
    }
}

crate::record! {
    /// A state that does not allow what was asked.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct WrongState { 1 => pub state: String }
}

crate::record! {
    /// A parameter that breaks a rule of its own.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct Invalid {
        /// The parameter's name.
        1 => pub field: String,
        /// What it must be.
        2 => pub expected: String,
    }
}

crate::record! {
    /// See [`Rejection::BuyNowUnavailable`].
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct BuyNowUnavailable {
        /// The amount it stands at, where it can still be bought.
        1 => pub buy_now: Option<Amount>,
    }
}

crate::record! {
    /// Why a retraction is refused.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct RetractionNotAllowed { 1 => pub rule: String }
}

crate::record! {
    /// See [`Rejection::InsufficientFunds`].
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct InsufficientFunds {
        /// What was needed in all, in minor units (or units of goods).
        1 => pub needed: u64,
        /// What the account has that is not held for something else.
        2 => pub available: u64,
    }
}

crate::record! {
    /// The currency that was given and the market's.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct CurrencyMismatch { 1 => pub expected: Currency }
}

crate::record! {
    /// Why an account does not qualify.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct NotQualified {
        /// What it lacks: `registered`, `verified`, `suspended`.
        1 => pub needs: String,
    }
}

crate::record! {
    /// See [`Rejection::PriceOffTick`].
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct PriceOffTick {
        /// The nearest lower price that would do, in minor units; absent where there is none.
        1 => pub below: Option<u64>,
        /// The nearest higher one.
        2 => pub above: Option<u64>,
    }
}

crate::record! {
    /// See [`Rejection::QuantityOffLot`].
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct QuantityOffLot { 1 => pub lot_size: u64 }
}

crate::record! {
    /// See [`Rejection::NoLiquidity`].
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct NoLiquidity {
        /// Units that could have traded.
        1 => pub available: u64,
    }
}

crate::record! {
    /// See [`Rejection::WouldCross`].
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct WouldCross {
        /// The best price of the other side, in minor units.
        1 => pub best: u64,
    }
}

crate::variants! {
    /// A rule that said no. Durable like an event: the same key gives the same rejection again.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Rejection {
        1 => BidTooLow(BidTooLow),
        /// The leader's own raise must be above its maximum; carries no number, since only the bidder knows its maximum.
        2 => SelfOutbid,
        3 => LotNotOpen(WrongState),
        4 => LotPaused,
        5 => LotClosed(TooLate),
        6 => OwnLot,
        7 => NotQualified(NotQualified),
        8 => NotAllowedInFormat,
        9 => BuyNowUnavailable(BuyNowUnavailable),
        10 => RetractionNotAllowed(RetractionNotAllowed),
        11 => StaleSequence(StaleSequence),
        12 => MarketHalted,
        13 => NotFound,
        14 => AlreadyExists,
        15 => NotAllowedInState(WrongState),
        16 => Forbidden,
        17 => OutOfStock(OutOfStock),
        18 => ReservationExpired(TooLate),
        19 => ReservationNotActive(WrongState),
        20 => LimitExceeded(LimitExceeded),
        21 => AmountOutOfRange,
        22 => BidOffIncrement(BidTooLow),
        23 => InvalidRequest(Invalid),
        24 => CurrencyMismatch(CurrencyMismatch),
        /// What is promised for a later version.
        25 => NotImplemented(Invalid),
        26 => InsufficientFunds(InsufficientFunds),
        27 => OrderNotFound,
        /// What another actor was asked did not come back in time; nothing was done.
        28 => TimedOut,
        /// In a tender offers fall.
        40 => BidTooHigh(BidTooHigh),
        /// Not a multiple of the book's tick, or too many significant figures.
        50 => PriceOffTick(PriceOffTick),
        51 => QuantityOffLot(QuantityOffLot),
        /// A market order that finds nothing, or a `fok` order that does not find all.
        52 => NoLiquidity(NoLiquidity),
        /// A `post_only` order that would trade at once.
        53 => WouldCross(WouldCross),
    }
}

impl Rejection {
    /// A parameter that breaks its own rule.
    #[must_use]
    pub fn invalid(field: &str, expected: impl Into<String>) -> Self {
        Self::InvalidRequest(Invalid { field: field.to_owned(), expected: expected.into() })
    }

    /// The protocol's code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BidTooLow(_) => "bid_too_low",
            Self::SelfOutbid => "self_outbid",
            Self::LotNotOpen(_) => "lot_not_open",
            Self::LotPaused => "lot_paused",
            Self::LotClosed(_) => "lot_closed",
            Self::OwnLot => "own_lot",
            Self::NotQualified(_) => "not_qualified",
            Self::NotAllowedInFormat => "not_allowed_in_format",
            Self::BuyNowUnavailable(_) => "buy_now_unavailable",
            Self::RetractionNotAllowed(_) => "retraction_not_allowed",
            Self::StaleSequence(_) => "stale_sequence",
            Self::MarketHalted => "market_halted",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::NotAllowedInState(_) => "not_allowed_in_state",
            Self::Forbidden => "forbidden",
            Self::OutOfStock(_) => "out_of_stock",
            Self::ReservationExpired(_) => "reservation_expired",
            Self::ReservationNotActive(_) => "reservation_not_active",
            Self::LimitExceeded(_) => "limit_exceeded",
            Self::AmountOutOfRange => "amount_out_of_range",
            Self::BidOffIncrement(_) => "bid_off_increment",
            Self::InvalidRequest(_) => "invalid_request",
            Self::CurrencyMismatch(_) => "currency_mismatch",
            Self::NotImplemented(_) => "not_implemented",
            Self::InsufficientFunds(_) => "insufficient_funds",
            Self::OrderNotFound => "order_not_found",
            Self::TimedOut => "unavailable",
            Self::BidTooHigh(_) => "bid_too_high",
            Self::PriceOffTick(_) => "price_off_tick",
            Self::QuantityOffLot(_) => "quantity_off_lot",
            Self::NoLiquidity(_) => "no_liquidity",
            Self::WouldCross(_) => "would_cross",
        }
    }

    /// What the caller should know and do, in a sentence without numbers (they stand in the details).
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            Self::BidTooLow(_) => {
                "the bid is below the lowest amount that is accepted now; bid at least min_next_amount"
            }
            Self::BidTooHigh(_) => {
                "the offer is above the highest amount that is accepted now; offer at most max_next_amount"
            }
            Self::SelfOutbid => "a new bid must be better than the one you have already",
            Self::LotNotOpen(_) => "the lot does not take bids in its present state",
            Self::LotPaused => "the lot is paused; its remaining time is kept, bid again when it resumes",
            Self::LotClosed(_) => "the lot has ended",
            Self::OwnLot => "the seller, and accounts linked with the seller, may not bid on this lot",
            Self::NotQualified(_) => {
                "the account does not have what this lot asks of its bidders; see details.needs"
            }
            Self::NotAllowedInFormat => "this lot's format does not know this",
            Self::BuyNowUnavailable(_) => {
                "the lot cannot be bought at a fixed amount (any more), or the amount has changed"
            }
            Self::RetractionNotAllowed(_) => "the bid may not be retracted; see details.rule",
            Self::StaleSequence(_) => {
                "the lot has moved on since the sequence number you named; read it and decide again"
            }
            Self::MarketHalted => "the market is halted; try again when it resumes",
            Self::NotFound => "there is nothing with this id",
            Self::AlreadyExists => "this id is taken, by another owner or with other content",
            Self::NotAllowedInState(_) => "the present state does not allow this; see details.state",
            Self::Forbidden => {
                "the account has no right to do this here; an operator of the market can grant it"
            }
            Self::OutOfStock(_) => "not enough is available; see details.available",
            Self::ReservationExpired(_) => "the reservation has expired; reserve again",
            Self::ReservationNotActive(_) => "the reservation has already ended; see details.state",
            Self::LimitExceeded(_) => "a limit is reached; see details",
            Self::AmountOutOfRange => "amounts are integer minor units from 1 to 9007199254740991",
            Self::BidOffIncrement(_) => "the amount is not on the increment; see details.min_next_amount",
            Self::InvalidRequest(_) => "a parameter breaks a rule; see details",
            Self::CurrencyMismatch(_) => "the market has another currency; see details.expected",
            Self::NotImplemented(_) => "this is not offered by this version; see details",
            Self::InsufficientFunds(_) => {
                "the account does not have enough that is not held already; deposit, or ask for less: see details"
            }
            Self::OrderNotFound => "there is no order with this id",
            Self::PriceOffTick(_) => {
                "the book does not trade at this price; take details.below or details.above"
            }
            Self::QuantityOffLot(_) => "the quantity is not a multiple of the book's lot size; see details",
            Self::NoLiquidity(_) => {
                "there is not enough to trade with at once; see details.available, or place a limit order"
            }
            Self::WouldCross(_) => "the order would trade at once; see details.best",
            Self::TimedOut => "what this needed did not come in time; nothing was done, try again",
        }
    }

    /// The numbers, as an object (or `null` where there are none).
    ///
    /// # Errors
    /// Whatever the serializer says.
    pub fn serialize_details<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::BidTooLow(details) | Self::BidOffIncrement(details) => details.serialize(serializer),
            Self::BidTooHigh(details) => details.serialize(serializer),
            Self::LotNotOpen(details)
            | Self::NotAllowedInState(details)
            | Self::ReservationNotActive(details) => details.serialize(serializer),
            Self::LotClosed(details) | Self::ReservationExpired(details) => details.serialize(serializer),
            Self::NotQualified(details) => details.serialize(serializer),
            Self::BuyNowUnavailable(details) => details.serialize(serializer),
            Self::RetractionNotAllowed(details) => details.serialize(serializer),
            Self::StaleSequence(details) => details.serialize(serializer),
            Self::OutOfStock(details) => details.serialize(serializer),
            Self::LimitExceeded(details) => details.serialize(serializer),
            Self::InvalidRequest(details) | Self::NotImplemented(details) => details.serialize(serializer),
            Self::PriceOffTick(details) => details.serialize(serializer),
            Self::QuantityOffLot(details) => details.serialize(serializer),
            Self::NoLiquidity(details) => details.serialize(serializer),
            Self::WouldCross(details) => details.serialize(serializer),
            Self::CurrencyMismatch(details) => details.serialize(serializer),
            Self::InsufficientFunds(details) => details.serialize(serializer),
            Self::SelfOutbid
            | Self::LotPaused
            | Self::OwnLot
            | Self::NotAllowedInFormat
            | Self::MarketHalted
            | Self::NotFound
            | Self::AlreadyExists
            | Self::Forbidden
            | Self::OrderNotFound
            | Self::TimedOut
            | Self::AmountOutOfRange => serializer.serialize_none(),
        }
    }

    /// Whether trying the same again later may succeed.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::LotPaused
                | Self::MarketHalted
                | Self::OutOfStock(_)
                | Self::StaleSequence(_)
                | Self::NoLiquidity(_)
                | Self::WouldCross(_)
                | Self::InsufficientFunds(_)
                | Self::TimedOut
        )
    }
}
