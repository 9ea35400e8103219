//! Every rejection: its code, its numbers, and the table that a rule refuses with it in.

use vendue_domain::amount::Currency;
use vendue_domain::rejection::{
    BidTooHigh, BidTooLow, BuyNowUnavailable, CurrencyMismatch, InsufficientFunds, Invalid, LimitExceeded,
    NoLiquidity, NotQualified, OutOfStock, PriceOffTick, QuantityOffLot, Rejection, RetractionNotAllowed,
    StaleSequence, TooLate, WouldCross, WrongState,
};
use vendue_domain::time::Timestamp;

use crate::world::amount;

/// A rejection of each kind; its code; its details as JSON; whether the same may be accepted later.
#[rustfmt::skip]
pub fn every() -> Vec<(Rejection, &'static str, &'static str, bool)> {
    let low = || BidTooLow { min_next_amount: amount(105) };
    let state = || WrongState { state: "paused".to_owned() };
    let late = || TooLate { ended_at: Timestamp(7), late_by_us: 2 };
    let invalid = || Invalid { field: "ends_at".to_owned(), expected: "later".to_owned() };
    let euro = Currency::new("EUR").expect("a currency");
    let limit = || "bids".to_owned();
    vec![
        (Rejection::BidTooLow(low()), "bid_too_low", r#"{"min_next_amount":105}"#, false),
        (Rejection::SelfOutbid, "self_outbid", "null", false),
        (Rejection::LotNotOpen(state()), "lot_not_open", r#"{"state":"paused"}"#, false),
        (Rejection::LotPaused, "lot_paused", "null", true),
        (Rejection::LotClosed(late()), "lot_closed", r#"{"ended_at":7,"late_by_us":2}"#, false),
        (Rejection::OwnLot, "own_lot", "null", false),
        (Rejection::NotQualified(NotQualified { needs: "verified".to_owned() }), "not_qualified", r#"{"needs":"verified"}"#, false),
        (Rejection::NotAllowedInFormat, "not_allowed_in_format", "null", false),
        (Rejection::BuyNowUnavailable(BuyNowUnavailable { buy_now: Some(amount(9)) }), "buy_now_unavailable", r#"{"buy_now":9}"#, false),
        (Rejection::BuyNowUnavailable(BuyNowUnavailable { buy_now: None }), "buy_now_unavailable", r#"{"buy_now":null}"#, false),
        (Rejection::RetractionNotAllowed(RetractionNotAllowed { rule: "late".to_owned() }), "retraction_not_allowed", r#"{"rule":"late"}"#, false),
        (Rejection::StaleSequence(StaleSequence { seq: 4 }), "stale_sequence", r#"{"seq":4}"#, true),
        (Rejection::MarketHalted, "market_halted", "null", true),
        (Rejection::NotFound, "not_found", "null", false),
        (Rejection::AlreadyExists, "already_exists", "null", false),
        (Rejection::NotAllowedInState(state()), "not_allowed_in_state", r#"{"state":"paused"}"#, false),
        (Rejection::Forbidden, "forbidden", "null", false),
        (Rejection::OutOfStock(OutOfStock { available: 2, asked: 3 }), "out_of_stock", r#"{"available":2,"asked":3}"#, true),
        (Rejection::ReservationExpired(late()), "reservation_expired", r#"{"ended_at":7,"late_by_us":2}"#, false),
        (Rejection::ReservationNotActive(state()), "reservation_not_active", r#"{"state":"paused"}"#, false),
        (Rejection::LimitExceeded(LimitExceeded { limit: limit(), allowed: 5, asked: 6 }), "limit_exceeded", r#"{"limit":"bids","allowed":5,"asked":6}"#, false),
        (Rejection::AmountOutOfRange, "amount_out_of_range", "null", false),
        (Rejection::BidOffIncrement(low()), "bid_off_increment", r#"{"min_next_amount":105}"#, false),
        (Rejection::InvalidRequest(invalid()), "invalid_request", r#"{"field":"ends_at","expected":"later"}"#, false),
        (Rejection::CurrencyMismatch(CurrencyMismatch { expected: euro }), "currency_mismatch", r#"{"expected":"EUR"}"#, false),
        (Rejection::NotImplemented(invalid()), "not_implemented", r#"{"field":"ends_at","expected":"later"}"#, false),
        (Rejection::InsufficientFunds(InsufficientFunds { needed: 9, available: 8 }), "insufficient_funds", r#"{"needed":9,"available":8}"#, true),
        (Rejection::OrderNotFound, "order_not_found", "null", false),
        (Rejection::TimedOut, "unavailable", "null", true),
        (Rejection::BidTooHigh(BidTooHigh { max_next_amount: amount(95) }), "bid_too_high", r#"{"max_next_amount":95}"#, false),
        (Rejection::PriceOffTick(PriceOffTick { below: Some(5), above: None }), "price_off_tick", r#"{"below":5,"above":null}"#, false),
        (Rejection::QuantityOffLot(QuantityOffLot { lot_size: 10 }), "quantity_off_lot", r#"{"lot_size":10}"#, false),
        (Rejection::NoLiquidity(NoLiquidity { available: 3 }), "no_liquidity", r#"{"available":3}"#, true),
        (Rejection::WouldCross(WouldCross { best: 9 }), "would_cross", r#"{"best":9}"#, true),
    ]
}

/// Rejections that no rule of the domain refuses with, and why.
const ELSEWHERE: [(&str, &str); 3] = [
    (
        "bid_off_increment",
        "kept for clients that count on the code: an amount above the least that is accepted needs no step",
    ),
    ("currency_mismatch", "refused before the rules are asked: the shard's own tests"),
    (
        "not_implemented",
        "every format and method of this version is offered; the wire refuses what is to come",
    ),
];

/// The tables of cases, without their comments.
fn tables() -> String {
    let sources = [
        include_str!("account_tables.rs"),
        include_str!("format_tables.rs"),
        include_str!("funding_tables.rs"),
        include_str!("lot_tables.rs"),
        include_str!("order_tables.rs"),
        include_str!("others.rs"),
        include_str!("rare_tables.rs"),
        include_str!("stock_tables.rs"),
        include_str!("trading_tables.rs"),
    ];
    let lines = sources.iter().flat_map(|source| source.lines());
    lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn details(rejection: &Rejection) -> String {
    let mut out = Vec::new();
    rejection.serialize_details(&mut serde_json::Serializer::new(&mut out)).expect("they serialize");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn each_has_its_code_and_numbers() {
    let every = every();
    for (_, name) in Rejection::VARIANTS {
        let is_here = |rejection: &Rejection| format!("{rejection:?}").split('(').next() == Some(name);
        assert!(every.iter().any(|(rejection, ..)| is_here(rejection)), "no row for {name}");
    }
    for (rejection, code, expected, temporary) in &every {
        assert_eq!(rejection.code(), *code, "{rejection:?}");
        assert_eq!(details(rejection), *expected, "{rejection:?}");
        assert_eq!(rejection.is_temporary(), *temporary, "{rejection:?}");
        assert!(!rejection.message().is_empty() && !rejection.message().ends_with('.'), "{rejection:?}");
    }
    // A code says which rule it was: no two share one.
    let mut codes: Vec<_> = every.iter().map(|(_, code, ..)| *code).collect();
    codes.dedup();
    let count = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!((codes.len(), count), (Rejection::VARIANTS.len(), Rejection::VARIANTS.len()));
}

/// A code that no table expects is a rule that nobody has tried.
#[test]
fn each_is_expected_in_a_table() {
    let tables = tables();
    let is_word = |part: &str| !part.starts_with(['_', '(']) && !part.starts_with(char::is_alphanumeric);
    for (_, code, ..) in every() {
        // As a word of a text: at its start or after a space, and at its end or before what is no letter.
        let expected = tables
            .match_indices(code)
            .any(|(at, _)| tables[..at].ends_with(['"', ' ', ':']) && is_word(&tables[at + code.len()..]));
        let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == code);
        assert!(expected || elsewhere.is_some(), "no table expects {code}");
        assert!(!expected || elsewhere.is_none(), "{code} is expected in a table: it needs no excuse");
    }
}
