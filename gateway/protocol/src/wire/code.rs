//! The error codes of the protocol: one list.

use vendue_domain::rejection::Rejection;

use crate::link::NotExecuted;

macro_rules! codes {
    ($($code:ident $text:literal $http:literal;)+) => {
        /// What went wrong, for programs. The text is the protocol's; the HTTP status goes with it in `problem+json`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum Code { $( $code, )+ }

        impl Code {
            /// All codes, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$( Self::$code, )+];

            /// The protocol's text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$code => $text, )+ }
            }

            /// The code with this text.
            #[must_use]
            pub fn from_text(text: &str) -> Option<Self> {
                match text { $( $text => Some(Self::$code), )+ _ => None }
            }

            /// The status that HTTP answers it with.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $( Self::$code => $http, )+ }
            }
        }
    };
}

codes! {
    Unauthenticated "unauthenticated" 401;
    TokenExpired "token_expired" 401;
    Forbidden "forbidden" 403;
    NotFound "not_found" 404;
    InvalidRequest "invalid_request" 400;
    UnknownMethod "unknown_method" 404;
    PayloadTooLarge "payload_too_large" 413;
    RateLimited "rate_limited" 429;
    Overloaded "overloaded" 503;
    Internal "internal" 500;
    Unavailable "unavailable" 503;
    DeadlineExceeded "deadline_exceeded" 504;
    RequestInProgress "request_in_progress" 409;
    IdempotencyKeyReused "idempotency_key_reused" 422;
    CurrencyMismatch "currency_mismatch" 422;
    AmountOutOfRange "amount_out_of_range" 422;
    InsufficientFunds "insufficient_funds" 422;
    LimitExceeded "limit_exceeded" 422;
    StaleSequence "stale_sequence" 409;
    MarketHalted "market_halted" 409;
    LotNotOpen "lot_not_open" 409;
    LotPaused "lot_paused" 409;
    LotClosed "lot_closed" 409;
    AlreadyExists "already_exists" 409;
    NotAllowedInState "not_allowed_in_state" 409;
    BidTooLow "bid_too_low" 422;
    BidTooHigh "bid_too_high" 422;
    BidOffIncrement "bid_off_increment" 422;
    SelfOutbid "self_outbid" 422;
    NotQualified "not_qualified" 403;
    OwnLot "own_lot" 403;
    NotAllowedInFormat "not_allowed_in_format" 422;
    BuyNowUnavailable "buy_now_unavailable" 409;
    RetractionNotAllowed "retraction_not_allowed" 409;
    OutOfStock "out_of_stock" 409;
    ReservationExpired "reservation_expired" 409;
    ReservationNotActive "reservation_not_active" 409;
    OrderNotFound "order_not_found" 404;
    PriceOffTick "price_off_tick" 422;
    QuantityOffLot "quantity_off_lot" 422;
    WouldCross "would_cross" 422;
    NoLiquidity "no_liquidity" 422;
    UnknownChannel "unknown_channel" 404;
    UnrecoverablePosition "unrecoverable_position" 409;
    SlowConsumer "slow_consumer" 503;
    NotImplemented "not_implemented" 501;
}

impl Code {
    /// The code of a rule that said no.
    #[must_use]
    pub fn of_rejection(rejection: &Rejection) -> Self {
        // The domain names its codes by the protocol's texts; a test holds the two lists together.
        Self::from_text(rejection.code()).unwrap_or(Self::Internal)
    }

    /// The code for what never reached the rules.
    #[must_use]
    pub const fn of_not_executed(why: NotExecuted) -> Self {
        match why {
            NotExecuted::Overloaded => Self::Overloaded,
            NotExecuted::DeadlineExceeded => Self::DeadlineExceeded,
            NotExecuted::IdempotencyKeyReused => Self::IdempotencyKeyReused,
            NotExecuted::Internal => Self::Internal,
            NotExecuted::Unavailable => Self::Unavailable,
            NotExecuted::NotFound => Self::NotFound,
            NotExecuted::Forbidden => Self::Forbidden,
            NotExecuted::RequestInProgress => Self::RequestInProgress,
            NotExecuted::InvalidRequest => Self::InvalidRequest,
            NotExecuted::UnknownChannel => Self::UnknownChannel,
            NotExecuted::OrderNotFound => Self::OrderNotFound,
        }
    }

    /// Whether trying the same again later may succeed, where nothing more is known.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::Overloaded
                | Self::Internal
                | Self::Unavailable
                | Self::DeadlineExceeded
                | Self::RequestInProgress
                | Self::TokenExpired
        )
    }

    /// What the caller should know and do, where nothing more is known.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Overloaded => "the server has as much to do as it takes; try again",
            Self::DeadlineExceeded => "it was not decided before its deadline; try again, with the same key",
            Self::IdempotencyKeyReused => {
                "this key was used for this target with other content; choose a new key for a new command"
            }
            Self::Internal => {
                "the server failed to decide this; try again with the same key, and tell the operator"
            }
            Self::Unavailable => "the engine cannot be reached at the moment; try again, with the same key",
            Self::NotFound => "there is nothing with this id",
            Self::OrderNotFound => "there is no order with this id",
            Self::Forbidden => {
                "the account has no right to do this here; an operator of the market can grant it"
            }
            Self::RequestInProgress => {
                "a command with this key is being decided; ask again with the same key"
            }
            Self::UnknownChannel => {
                "there is no such channel: lot:<id>, stock:<id>, book:<id>, market:<id>, account, ops:<market>"
            }
            Self::RateLimited => "too many requests at once; wait for replies before sending more",
            Self::Unauthenticated => {
                "this needs a valid token: connect or authenticate with one, or send Authorization: Bearer"
            }
            Self::TokenExpired => "the token has expired; authenticate with a new one",
            Self::PayloadTooLarge => {
                "the message is larger than limits.frame_bytes or holds more than limits.frame_messages"
            }
            Self::UnrecoverablePosition => "no channel stands at this position; subscribe without resume",
            Self::NotImplemented => "this is not offered by this version",
            _ => "the request was refused; see details",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vendue_domain::amount::{Amount, Currency};
    use vendue_domain::rejection::*;
    use vendue_domain::time::Timestamp;

    #[test]
    fn texts_come_back() {
        for &code in Code::ALL {
            assert_eq!(Code::from_text(code.as_str()), Some(code));
            assert_eq!(Code::ALL[code as usize], code);
            assert!((400..600).contains(&code.http_status()));
        }
    }

    #[test]
    fn every_rejection_has_its_code() {
        let state = || WrongState { state: "draft".into() };
        let late = || TooLate { ended_at: Timestamp(1), late_by_us: 2 };
        let low = || BidTooLow { min_next_amount: Amount::ONE };
        for rejection in [
            Rejection::BidTooLow(low()),
            Rejection::BidTooHigh(BidTooHigh { max_next_amount: Amount::ONE }),
            Rejection::SelfOutbid,
            Rejection::LotNotOpen(state()),
            Rejection::LotPaused,
            Rejection::LotClosed(late()),
            Rejection::OwnLot,
            Rejection::NotQualified(NotQualified { needs: "verified".into() }),
            Rejection::NotAllowedInFormat,
            Rejection::BuyNowUnavailable(BuyNowUnavailable { buy_now: None }),
            Rejection::RetractionNotAllowed(RetractionNotAllowed { rule: "x".into() }),
            Rejection::StaleSequence(StaleSequence { seq: 1 }),
            Rejection::MarketHalted,
            Rejection::NotFound,
            Rejection::AlreadyExists,
            Rejection::NotAllowedInState(state()),
            Rejection::Forbidden,
            Rejection::OutOfStock(OutOfStock { available: 1, asked: 2 }),
            Rejection::ReservationExpired(late()),
            Rejection::ReservationNotActive(state()),
            Rejection::LimitExceeded(LimitExceeded { limit: "x".into(), allowed: 1, asked: 2 }),
            Rejection::AmountOutOfRange,
            Rejection::BidOffIncrement(low()),
            Rejection::invalid("a", "b"),
            Rejection::CurrencyMismatch(CurrencyMismatch { expected: Currency::new("EUR").unwrap() }),
            Rejection::NotImplemented(Invalid { field: "a".into(), expected: "b".into() }),
            Rejection::InsufficientFunds(InsufficientFunds { needed: 2, available: 1 }),
            Rejection::OrderNotFound,
            Rejection::PriceOffTick(PriceOffTick { below: Some(1), above: None }),
            Rejection::QuantityOffLot(QuantityOffLot { lot_size: 5 }),
            Rejection::NoLiquidity(NoLiquidity { available: 0 }),
            Rejection::WouldCross(WouldCross { best: 1 }),
            Rejection::TimedOut,
        ] {
            assert_eq!(Code::of_rejection(&rejection).as_str(), rejection.code());
        }
    }
}
