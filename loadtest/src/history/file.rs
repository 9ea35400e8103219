//! Reading histories.

use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;

/// The amount that stands for `UNBOUNDED`, the eventual winner's maximum that public histories hide: 10,000,000.00.
pub const UNBOUNDED_AMOUNT: u64 = 1_000_000_000;

/// One bid of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bid {
    /// The bidder's pseudonym.
    pub bidder: String,
    /// The maximum, in cents.
    pub amount: u64,
}

/// One auction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The auction's name.
    pub auction: String,
    /// The amount it opens at, in cents.
    pub open: u64,
    /// In the order of time.
    pub bids: Vec<Bid>,
    /// Who must win; `None` where nobody does.
    pub winner: Option<String>,
    /// What the winner must pay, in cents.
    pub final_price: Option<u64>,
}

#[derive(Deserialize)]
struct Line {
    auctionid: String,
    openbid: String,
    final_price: Option<String>,
    winner: Option<String>,
    events: Vec<EventLine>,
}

#[derive(Deserialize)]
struct EventLine {
    bidder: String,
    max: String,
}

/// Reads a file of histories.
///
/// # Errors
/// The line and what is wrong with it.
pub fn read(path: &Path) -> Result<Vec<History>, Failure> {
    let wrong = |why: String| Failure::File { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    parse(&text).map_err(wrong)
}

/// Reads histories, one JSON object a line; empty lines are skipped.
///
/// # Errors
/// The line and what is wrong with it.
pub fn parse(text: &str) -> Result<Vec<History>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let histories: Vec<_> = lines
        .map(|(at, line)| history(line).map_err(|why| format!("line {}: {why}", at + 1)))
        .collect::<Result<_, _>>()?;
    if histories.is_empty() { Err("there is no history in it".into()) } else { Ok(histories) }
}

fn history(line: &str) -> Result<History, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let bid = |event: EventLine| {
        let amount = if event.max == "UNBOUNDED" { UNBOUNDED_AMOUNT } else { cents(&event.max)? };
        Ok(Bid { bidder: event.bidder, amount })
    };
    let bids = line.events.into_iter().map(bid).collect::<Result<_, String>>()?;
    let final_price = line.final_price.as_deref().map(cents).transpose()?;
    if line.winner.is_some() != final_price.is_some() {
        return Err("a winner and a final price come together".into());
    }
    Ok(History {
        auction: line.auctionid,
        open: cents(&line.openbid)?,
        bids,
        winner: line.winner,
        final_price,
    })
}

/// Dollars as text ("103.5") to cents, exactly.
fn cents(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no amount in dollars with at most two decimals");
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > 2 {
        return Err(wrong());
    }
    let cents = format!("{whole}{decimals:0<2}").parse().map_err(|_| wrong())?;
    if cents == 0 { Err(format!("{text:?} is no amount: it must be above nothing")) } else { Ok(cents) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::{EBAY, Oracle};

    #[test]
    fn dollars_become_cents_exactly() {
        let check = |text, expected: Option<u64>| assert_eq!(cents(text).ok(), expected, "{text}");
        check("99", Some(9_900));
        check("177.5", Some(17_750));
        check("0.01", Some(1));
        check("1869.78", Some(186_978));
        check("1.005", None);
        check("", None);
        check(".5", None);
        check("-1", None);
        check("1e3", None);
        check("0", None);
        check("99999999999999999999", None);
    }

    #[test]
    fn a_line_that_is_wrong_is_named() {
        let good = r#"{"auctionid":"a","openbid":"1","final_price":"1","winner":"x","events":[{"t":"0","bidder":"x","max":"UNBOUNDED"}],"why":"ignored"}"#;
        let read = parse(&format!("{good}\n\n")).unwrap();
        assert_eq!(read[0].bids, [Bid { bidder: "x".into(), amount: UNBOUNDED_AMOUNT }]);
        let check = |text: &str, part: &str| {
            let why = parse(text).unwrap_err();
            assert!(why.contains(part), "{why}");
        };
        check(&format!("{good}\n{{"), "line 2");
        check(&good.replace("\"1\",\"final", "\"x\",\"final"), "no amount");
        check(&good.replace(",\"winner\":\"x\"", ""), "come together");
        check("\n", "no history");
    }

    /// The oracle has to find what each history says: price to the cent, and winner.
    fn judge(text: &str, count: usize) {
        let histories = parse(text).unwrap();
        assert_eq!(histories.len(), count);
        for history in histories {
            let mut lot = Oracle::new(history.open, EBAY);
            for bid in &history.bids {
                lot.bid(&bid.bidder, bid.amount);
            }
            assert_eq!(lot.price(), history.final_price, "{}", history.auction);
            assert_eq!(lot.leader().copied(), history.winner.as_ref(), "{}", history.auction);
        }
    }

    #[test]
    fn the_worked_histories_are_worked_rightly() {
        judge(include_str!("../../histories/worked.jsonl"), 16);
    }

    #[test]
    fn the_real_histories_are_as_the_oracle_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/ebay/histories.jsonl");
        match std::fs::read_to_string(path) {
            Ok(text) => judge(&text, 150),
            Err(_) => println!("skipped: no ../shared/data"),
        }
    }
}
