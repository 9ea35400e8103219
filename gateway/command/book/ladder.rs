//! A book as lines of text: bids on the left, prices in the middle, asks on the right, each level with a bar.

use serde_json::Value;
use vendue_domain::amount::Currency;

use crate::connection::text;
use crate::money;
use crate::output::{Mark, Style, cut};

/// The widest a bar grows, in characters: beyond it the eye no longer compares.
const BAR_MAX: usize = 30;
/// The narrowest.
const BAR_MIN: usize = 4;
/// Eighths of a character, so that small levels are told apart.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// `[price, quantity]`.
type Level = (u64, u64);

/// The best levels of a side.
fn levels(book: &Value, side: &str, depth: usize) -> Vec<Level> {
    let all = book[side].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().take(depth).filter_map(|level| Some((level[0].as_u64()?, level[1].as_u64()?))).collect()
}

/// The ladder: a headline, asks from the worst shown down to the best, the spread, bids from the best down.
pub(super) fn lines(
    book: &Value,
    currency: Currency,
    depth: usize,
    width: usize,
    style: Style,
) -> Vec<String> {
    let (bids, asks) = (levels(book, "bids", depth), levels(book, "asks", depth));
    let both = || bids.iter().chain(&asks);
    let price_width =
        both().map(|(price, _)| money::format(*price, currency).len()).max().unwrap_or(6).max(6);
    let quantity_width = both().map(|(_, quantity)| quantity.to_string().len()).max().unwrap_or(4).max(4);
    let fixed = price_width + 2 * quantity_width + 10;
    let bar_width = (width.saturating_sub(fixed) / 2).clamp(BAR_MIN, BAR_MAX);
    let most = both().map(|(_, quantity)| *quantity).max().unwrap_or(1).max(1);
    let row = Row { currency, style, price_width, quantity_width, bar_width, most };
    let mut lines = vec![headline(book, currency, style, width)];
    lines.extend(indicative(book, currency, style));
    lines.push(style.mark(Mark::Faint, &row.headings()));
    lines.extend(asks.iter().rev().map(|level| row.ask(*level)));
    lines.push(style.mark(Mark::Faint, &row.spread(bids.first(), asks.first())));
    lines.extend(bids.iter().map(|level| row.bid(*level)));
    lines
}

/// Title, state and the last price.
fn headline(book: &Value, currency: Currency, style: Style, width: usize) -> String {
    let state = text(book, "state");
    let mark = if state == "continuous" { Mark::Faint } else { Mark::Warning };
    let last = book["last_trade"]["price"].as_u64().map_or_else(
        || "no trade yet".to_owned(),
        |price| {
            let quantity = book["last_trade"]["quantity"].as_u64().unwrap_or_default();
            format!("last {quantity} at {}", money::with_currency(price, currency))
        },
    );
    let title = cut(&text(book, "title"), width.saturating_sub(state.len() + last.len() + 6).max(12));
    format!("  {}  {}  {}", style.mark(Mark::Strong, &title), style.mark(mark, &state), last)
}

/// What an auction would come to, while one runs.
fn indicative(book: &Value, currency: Currency, style: Style) -> Option<String> {
    if book["state"] != "auction" {
        return None;
    }
    let would = match book["indicative"]["price"].as_u64() {
        Some(price) => {
            let volume = book["indicative"]["volume"].as_u64().unwrap_or_default();
            let surplus = book["indicative"]["surplus"].as_i64().unwrap_or_default();
            let left = match surplus {
                0 => String::new(),
                more if more > 0 => format!(", {more} more would buy"),
                fewer => format!(", {} more would sell", fewer.unsigned_abs()),
            };
            format!("{volume} would trade at {}{left}", money::with_currency(price, currency))
        }
        None => "nothing crosses yet".to_owned(),
    };
    Some(format!("  {}", style.mark(Mark::Warning, &format!("Auction: {would}"))))
}

/// How a level is laid out.
struct Row {
    currency: Currency,
    style: Style,
    price_width: usize,
    quantity_width: usize,
    bar_width: usize,
    /// The largest quantity shown: a full bar.
    most: u64,
}

impl Row {
    fn headings(&self) -> String {
        let side = self.bar_width + self.quantity_width + 1;
        format!("  {:>side$}  {:>price$}  ASKS", "BIDS", "PRICE", price = self.price_width)
    }

    fn bid(&self, (price, quantity): Level) -> String {
        let bar = self.bar(quantity);
        let padding = " ".repeat(self.bar_width - bar.chars().count());
        format!(
            "  {padding}{} {quantity:>width$}  {}",
            self.style.mark(Mark::Good, &bar),
            self.price(price),
            width = self.quantity_width
        )
    }

    fn ask(&self, (price, quantity): Level) -> String {
        let side = " ".repeat(self.bar_width + self.quantity_width + 1);
        format!(
            "  {side}  {}  {quantity:>width$} {}",
            self.price(price),
            self.style.mark(Mark::Warning, &self.bar(quantity)),
            width = self.quantity_width
        )
    }

    fn spread(&self, bid: Option<&Level>, ask: Option<&Level>) -> String {
        let side = " ".repeat(self.bar_width + self.quantity_width + 1);
        let words = match (bid, ask) {
            (Some((bid, _)), Some((ask, _))) if ask >= bid => {
                format!(
                    "{:>width$}  spread",
                    money::format(ask - bid, self.currency),
                    width = self.price_width
                )
            }
            (Some(_), Some(_)) => format!("{:>width$}  crossed", "×", width = self.price_width),
            _ => format!("{:>width$}", "·", width = self.price_width),
        };
        format!("  {side}  {words}")
    }

    fn price(&self, price: u64) -> String {
        let price = format!("{:>width$}", money::format(price, self.currency), width = self.price_width);
        self.style.mark(Mark::Strong, &price)
    }

    /// A bar in proportion to the largest level shown; never empty.
    fn bar(&self, quantity: u64) -> String {
        let eighths = u128::from(quantity) * (self.bar_width as u128 * 8) / u128::from(self.most);
        // At most eight times the bar's width, which is small.
        let eighths = (eighths as usize).max(1);
        let mut bar = "█".repeat(eighths / 8);
        if !eighths.is_multiple_of(8) {
            bar.push(EIGHTHS[eighths % 8 - 1]);
        }
        bar
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(book: Value, width: usize, expected: &[&str]) {
        let got = lines(&book, Currency::new("EUR").unwrap(), 3, width, Style::PLAIN);
        assert_eq!(got, expected);
    }

    #[test]
    fn a_ladder_reads_from_top_to_bottom() {
        check(
            json!({
                "title": "Coffee", "state": "continuous", "last_trade": {"price": 845, "quantity": 2},
                "bids": [[840, 10], [835, 40], [830, 20], [825, 1]], "asks": [[850, 5], [860, 20]],
            }),
            40,
            &[
                "  Coffee  continuous  last 2 at 8.45 EUR",
                "           BIDS   PRICE  ASKS",
                "                   8.60    20 ████",
                "                   8.50     5 █",
                "                   0.10  spread",
                "        ██   10    8.40",
                "  ████████   40    8.35",
                "      ████   20    8.30",
            ],
        );
    }

    #[test]
    fn an_auction_says_what_it_would_come_to() {
        let book = json!({
            "title": "Coffee", "state": "auction", "last_trade": null, "bids": [[860, 1]], "asks": [[850, 3]],
            "indicative": {"price": 855, "volume": 1, "surplus": -2},
        });
        let got = lines(&book, Currency::new("EUR").unwrap(), 3, 60, Style::PLAIN);
        assert_eq!(got[0], "  Coffee  auction  no trade yet");
        assert_eq!(got[1], "  Auction: 1 would trade at 8.55 EUR, 2 more would sell");
        assert!(got[4].ends_with("crossed"), "{got:?}");
        let empty = json!({"title": "C", "state": "auction", "bids": [], "asks": [], "indicative": null});
        let got = lines(&empty, Currency::new("EUR").unwrap(), 3, 60, Style::PLAIN);
        assert_eq!(got[1], "  Auction: nothing crosses yet");
        assert_eq!(got.len(), 4);
    }
}
