//! The demo market as data: `config/demo-market.toml`.

use serde::Deserialize;
use serde_json::{Value, json};
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
    pub(super) book: Book,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Market {
    pub(super) name: String,
    pub(super) currency: String,
    /// What every bidder has paid in when it begins, in whole units.
    pub(super) purse: u64,
    /// What a buyer pays on top: (begins at, in whole units; per cent).
    pub(super) premium: Vec<(u64, f64)>,
    /// What is kept from a seller's proceeds.
    pub(super) commission: Vec<(u64, f64)>,
}

impl Market {
    /// Both tables as the protocol has them; `unit` is how many minor units a whole one has.
    pub(super) fn fees(&self, unit: u64) -> Value {
        fees(&self.premium, &self.commission, unit)
    }
}

impl Book {
    /// Its fees, the same for both sides.
    pub(super) fn fees(&self, unit: u64) -> Value {
        fees(&self.fee, &self.fee, unit)
    }
}

fn fees(premium: &[(u64, f64)], commission: &[(u64, f64)], unit: u64) -> Value {
    // A rate of the file has at most four decimals: it comes out whole.
    let band =
        |&(begins, per_cent): &(u64, f64)| json!([begins * unit, (per_cent * 10_000.0).round() as u64]);
    let table = |bands: &[(u64, f64)]| json!({"bands": bands.iter().map(band).collect::<Vec<_>>()});
    json!({"buyers_premium": table(premium), "sellers_commission": table(commission)})
}

/// What is traded all day, and by whom.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) r#ref: String,
    /// Where its price begins, and the step of prices: amounts as people write them, "8.45" say.
    pub(super) price: String,
    pub(super) tick: String,
    /// What a buyer pays on top and what is kept from a seller's proceeds, each: (begins at, in whole units; per cent).
    pub(super) fee: Vec<(u64, f64)>,
    /// What every trader begins with, in units of it.
    pub(super) goods: u64,
    #[serde(rename = "trader")]
    pub(super) traders: Vec<Party>,
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
    #[serde(default)]
    pub(super) format: Format,
    /// Units; amounts are for one then.
    pub(super) quantity: Option<u64>,
    /// Where a dutch clock stops; it begins at `start`.
    pub(super) floor: Option<u64>,
    pub(super) pricing: Option<String>,
    /// What packages are made of; amounts are for one of them then.
    #[serde(default)]
    pub(super) items: Vec<String>,
    /// A tender whose offers nobody sees.
    #[serde(default)]
    pub(super) sealed: bool,
    /// `deposit` or `full`.
    pub(super) funding: Option<String>,
    pub(super) deposit: Option<u64>,
}

/// How a lot is sold, by the protocol's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    #[default]
    English,
    Dutch,
    SealedFirstPrice,
    Vickrey,
    MultiUnit,
    Reverse,
    Japanese,
    Candle,
    Combinatorial,
}

impl Format {
    /// Every format, for what has to know them all.
    pub(super) const ALL: [Self; 9] = [
        Self::English,
        Self::Dutch,
        Self::SealedFirstPrice,
        Self::Vickrey,
        Self::MultiUnit,
        Self::Reverse,
        Self::Japanese,
        Self::Candle,
        Self::Combinatorial,
    ];

    /// The protocol's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::English => "english",
            Self::Dutch => "dutch",
            Self::SealedFirstPrice => "sealed_first_price",
            Self::Vickrey => "vickrey",
            Self::MultiUnit => "multi_unit",
            Self::Reverse => "reverse",
            Self::Japanese => "japanese",
            Self::Candle => "candle",
            Self::Combinatorial => "combinatorial",
        }
    }

    /// The format with this name; `None` for one that the demo's bots do not know.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl Lot {
    /// Where the bidding begins: a round figure below the low estimate, unless the file says where. A dutch clock begins
    /// and a tender's ceiling stands above what is expected: those name it.
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
            match lot.format {
                Format::Dutch => {
                    assert!(lot.floor.is_some_and(|floor| floor < lot.estimate.0), "{}", lot.title);
                    assert!(lot.start() > lot.estimate.1, "{}", lot.title);
                    continue;
                }
                Format::Reverse => {
                    assert!(lot.start() > lot.estimate.1, "{}", lot.title);
                    continue;
                }
                _ => assert!(lot.start() < lot.estimate.0, "{}", lot.title),
            }
            assert_eq!(lot.funding.as_deref() == Some("deposit"), lot.deposit.is_some(), "{}", lot.title);
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

    /// Whoever starts a market of a few lots sees every way of selling; the first and the sixth are what tests bid on.
    #[test]
    fn every_format_comes_early() {
        let catalogue = Catalogue::shipped().unwrap();
        let formats: Vec<Format> = catalogue.lots.iter().map(|lot| lot.format).collect();
        for format in Format::ALL {
            assert!(formats[..11].contains(&format), "{format:?} is not among the first");
            assert!(formats.iter().filter(|known| **known == format).count() > 1, "one {format:?} only");
            assert_eq!(Format::named(format.name()), Some(format));
        }
        assert_eq!((formats[0], formats[5]), (Format::English, Format::English));
        assert!(catalogue.lots[0].funding.is_none() && catalogue.lots[5].funding.is_none());
        let backings: HashSet<_> = catalogue.lots.iter().filter_map(|lot| lot.funding.as_deref()).collect();
        assert_eq!(backings.len(), 2, "deposit and full");
    }

    #[test]
    fn fees_are_parts_per_million() {
        let fees = Catalogue::shipped().unwrap().market.fees(100);
        assert_eq!(fees["buyers_premium"]["bands"][0], json!([0, 250_000]));
        assert!(fees["sellers_commission"]["bands"][0][1].as_u64().unwrap() > 0);
        let book = Catalogue::shipped().unwrap().book;
        assert_eq!(book.fees(100)["buyers_premium"]["bands"][0], json!([0, 5_000]));
        let currency = vendue_domain::amount::Currency::new("EUR").unwrap();
        let (price, tick) =
            (crate::money::parse(&book.price, currency), crate::money::parse(&book.tick, currency));
        assert_eq!(price.unwrap() % tick.unwrap(), 0);
        assert!(book.traders.len() >= 5, "some quote, some take");
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
