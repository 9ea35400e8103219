//! The demo market as data: `config/demo-market.toml`.

use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_128;

use super::floor::Temperament;

/// The file as it ships.
const SHIPPED: &str = include_str!("../../../config/demo-market.toml");
/// A lot opens at this share of its low estimate, in per cent, unless it says otherwise.
const START_SHARE: u64 = 40;

/// Who sells, who bids, what is sold. Amounts in whole units of the currency.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalogue {
    pub(super) market: Market,
    #[serde(rename = "seller")]
    pub(super) sellers: Vec<Party>,
    #[serde(rename = "bidder")]
    pub(super) bidders: Vec<Bidder>,
    #[serde(rename = "lot")]
    pub(super) lots: Vec<Lot>,
    #[serde(rename = "stock")]
    pub(super) stock: Vec<Stock>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Market {
    pub(super) name: String,
    pub(super) currency: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Party {
    pub(super) name: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bidder {
    pub(super) name: String,
    pub(super) temperament: Temperament,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lot {
    pub(super) category: String,
    pub(super) title: String,
    pub(super) description: String,
    /// Low and high.
    pub(super) estimate: (u64, u64),
    pub(super) start: Option<u64>,
    pub(super) reserve: Option<u64>,
    pub(super) buy_now: Option<u64>,
}

impl Lot {
    /// Where the bidding begins: a round figure below the low estimate.
    pub(super) fn start(&self) -> u64 {
        self.start.unwrap_or_else(|| round_down(self.estimate.0 * START_SHARE / 100)).max(1)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stock {
    pub(super) category: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) price: u64,
    pub(super) on_hand: u64,
}

impl Catalogue {
    /// The market that ships.
    ///
    /// # Errors
    /// Where the file that was built in cannot be read, which a test excludes.
    pub(super) fn shipped() -> Result<Self, toml::de::Error> {
        toml::from_str(SHIPPED)
    }

    /// What is offered under a number of the catalogue (from 1), and its title: the list begins again when it is through.
    pub(super) fn lot(&self, number: u64) -> (&Lot, String) {
        let count = self.lots.len() as u64;
        let lot = &self.lots[((number - 1) % count) as usize];
        let title =
            if number <= count { lot.title.clone() } else { format!("{}, another example", lot.title) };
        (lot, title)
    }
}

/// An id of the demo's own choosing, the same at each start: creating a thing twice does no harm.
pub(super) fn id(kind: &str, number: u64) -> u128 {
    xxh3_128(format!("vendue demo/{kind}/{number}").as_bytes())
}

/// The next figure down with two leading digits: 2,345 is 2,300.
pub(super) fn round_down(amount: u64) -> u64 {
    let mut unit = 1;
    while amount / unit >= 100 {
        unit *= 10;
    }
    amount / unit * unit
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_shipped_market_is_sound() {
        let catalogue = Catalogue::shipped().unwrap();
        assert_eq!((catalogue.sellers.len(), catalogue.bidders.len(), catalogue.stock.len()), (5, 25, 8));
        assert!(catalogue.lots.len() >= 40);
        let titles: HashSet<&str> = catalogue.lots.iter().map(|lot| lot.title.as_str()).collect();
        assert_eq!(titles.len(), catalogue.lots.len(), "titles are told apart");
        for lot in &catalogue.lots {
            assert!(lot.estimate.0 < lot.estimate.1, "{}", lot.title);
            assert!(lot.start() < lot.estimate.0, "{}", lot.title);
            assert!(
                lot.reserve.is_none_or(|reserve| reserve <= lot.estimate.0 && reserve > lot.start()),
                "{}",
                lot.title
            );
            assert!(lot.buy_now.is_none_or(|amount| amount > lot.estimate.1), "{}", lot.title);
            assert!((40..=400).contains(&lot.description.chars().count()), "{}", lot.title);
            assert!(lot.title.chars().count() <= 120, "{}", lot.title);
        }
    }

    #[test]
    fn the_list_begins_again() {
        let catalogue = Catalogue::shipped().unwrap();
        let count = catalogue.lots.len() as u64;
        assert_eq!(catalogue.lot(1).1, catalogue.lots[0].title);
        assert_eq!(catalogue.lot(count + 1).1, format!("{}, another example", catalogue.lots[0].title));
        assert_ne!(id("lot", 1), id("lot", 2));
        assert_ne!(id("lot", 1), id("stock", 1));
    }

    #[test]
    fn figures_are_round() {
        for (amount, round) in [(0, 0), (7, 7), (99, 99), (112, 110), (2_345, 2_300), (98_765, 98_000)] {
            assert_eq!(round_down(amount), round);
        }
    }
}
