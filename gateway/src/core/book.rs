//! What the events of an order book's channel add up to: one event that stands for many, and a snapshot that is as new as
//! the last of them.
//!
//! A level is named by its price and told with what rests there in all; quantity 0 takes it away. So the newest of two
//! changes of a level holds, and changes of different levels stand beside each other. Trades add up to nothing: a merged
//! event carries the newest of those that it stands for, and says how many it leaves out.

use std::collections::BTreeMap;

use vendue_protocol::domain::record::{Reader, RecordError, write_array, write_map, write_str, write_uint};

use crate::core::channel::for_each_field;

/// Levels have changed.
const CHANGED: &str = "book_changed";
/// Somebody has bought from somebody.
const TRADE: &str = "trade";
/// What a call auction would come to, and what it came to.
const INDICATIVE: [&str; 2] = ["auction_indicative", "auction_uncrossed"];

/// Trades that one merged event carries: what a person sees go by in a list. More than that in one go are counted.
pub(crate) const MERGED_TRADES_MAX: usize = 32;

/// Whether an event may be merged with its neighbours for who wants the latest only.
pub(crate) fn is_mergeable(name: &str) -> bool {
    name == CHANGED || name == TRADE
}

/// One event of a book: its name and data (a MessagePack map).
pub(crate) type Told<'a> = (&'a str, &'a [u8]);

type Fields<'a> = Vec<(&'a str, &'a [u8])>;

/// One side: what rests at each price.
#[derive(Default)]
struct Side(BTreeMap<u64, u64>);

impl Side {
    /// Takes levels over; without `keeps_gone` those of quantity 0 go.
    fn lay_over(&mut self, levels: &[u8], keeps_gone: bool) -> Result<(), RecordError> {
        let mut reader = Reader::new(levels);
        for _ in 0..reader.array()? {
            let fields = reader.array()?;
            let (price, quantity) = (reader.uint()?, reader.uint()?);
            for _ in 2..fields {
                reader.skip()?;
            }
            if quantity == 0 && !keeps_gone {
                self.0.remove(&price);
            } else {
                self.0.insert(price, quantity);
            }
        }
        Ok(())
    }

    /// Writes the levels, the best first.
    fn write(&self, out: &mut Vec<u8>, best_is_highest: bool) {
        write_array(out, self.0.len() as u32);
        let mut write = |(price, quantity): (&u64, &u64)| {
            write_array(out, 2);
            write_uint(out, *price);
            write_uint(out, *quantity);
        };
        if best_is_highest {
            self.0.iter().rev().for_each(&mut write);
        } else {
            self.0.iter().for_each(&mut write);
        }
    }
}

fn set<'a>(fields: &mut Fields<'a>, name: &'a str, value: &'a [u8]) {
    match fields.iter_mut().find(|(known, _)| *known == name) {
        Some(field) => field.1 = value,
        None => fields.push((name, value)),
    }
}

/// Both sides and everything else while events are laid over each other.
#[derive(Default)]
struct Merge<'a> {
    bids: Side,
    asks: Side,
    /// The newest, the oldest first.
    trades: Vec<&'a [u8]>,
    trades_left_out: u64,
    others: Fields<'a>,
}

impl<'a> Merge<'a> {
    fn lay_over(&mut self, map: &'a [u8], keeps_gone: bool) -> Result<(), RecordError> {
        let (mut bids, mut asks, mut trades) = (None, None, None);
        for_each_field(map, |name, value| match name {
            "bids" => bids = Some(value),
            "asks" => asks = Some(value),
            "trades" => trades = Some(value),
            "trades_left_out" => {
                self.trades_left_out += Reader::new(value).uint().unwrap_or_default();
            }
            name => set(&mut self.others, name, value),
        })?;
        bids.map_or(Ok(()), |levels| self.bids.lay_over(levels, keeps_gone))?;
        asks.map_or(Ok(()), |levels| self.asks.lay_over(levels, keeps_gone))?;
        // An event that was merged before.
        if let Some(trades) = trades {
            let mut reader = Reader::new(trades);
            for _ in 0..reader.array()? {
                let before = reader.rest();
                reader.skip()?;
                self.trade(&before[..before.len() - reader.rest().len()]);
            }
        }
        Ok(())
    }

    fn trade(&mut self, trade: &'a [u8]) {
        if self.trades.len() == MERGED_TRADES_MAX {
            self.trades.remove(0);
            self.trades_left_out += 1;
        }
        self.trades.push(trade);
    }

    fn write_levels(&self, out: &mut Vec<u8>) {
        write_str(out, "bids");
        self.bids.write(out, true);
        write_str(out, "asks");
        self.asks.write(out, false);
    }
}

/// Several events as one `book_changed`: each level as it is after the last, the newest trades as `trades` (the oldest
/// first), and how many more there were as `trades_left_out`.
///
/// # Errors
/// What is wrong with the engine's bytes.
pub(crate) fn merge<'a>(
    events: impl Iterator<Item = Told<'a>>,
) -> Result<(&'static str, Vec<u8>), RecordError> {
    let mut merge = Merge::default();
    for (name, data) in events {
        if name == TRADE {
            merge.trade(data);
        } else {
            merge.lay_over(data, true)?;
        }
    }
    let more = usize::from(!merge.trades.is_empty()) + usize::from(merge.trades_left_out > 0);
    let mut out = Vec::with_capacity(256);
    write_map(&mut out, (2 + merge.others.len() + more) as u32);
    merge.write_levels(&mut out);
    if !merge.trades.is_empty() {
        write_str(&mut out, "trades");
        write_array(&mut out, merge.trades.len() as u32);
        merge.trades.iter().for_each(|trade| out.extend_from_slice(trade));
    }
    if merge.trades_left_out > 0 {
        write_str(&mut out, "trades_left_out");
        write_uint(&mut out, merge.trades_left_out);
    }
    for (name, value) in merge.others {
        write_str(&mut out, name);
        out.extend_from_slice(value);
    }
    Ok((CHANGED, out))
}

/// An auction's price as a snapshot shows it: nothing where nothing would trade.
fn indicative(data: &[u8]) -> Result<&[u8], RecordError> {
    const NIL: u8 = 0xC0;
    let mut has_price = false;
    for_each_field(data, |name, value| has_price |= name == "price" && value.first() != Some(&NIL))?;
    Ok(if has_price { data } else { &[NIL] })
}

/// A snapshot with events laid over it.
///
/// # Errors
/// What is wrong with the engine's bytes.
pub(crate) fn fold<'a>(
    base: &'a [u8],
    events: impl Iterator<Item = Told<'a>>,
) -> Result<Vec<u8>, RecordError> {
    let mut merge = Merge::default();
    merge.lay_over(base, false)?;
    for (name, data) in events {
        match name {
            TRADE => set(&mut merge.others, "last_trade", data),
            name if INDICATIVE.contains(&name) => set(&mut merge.others, "indicative", indicative(data)?),
            _ => merge.lay_over(data, false)?,
        }
    }
    let mut out = Vec::with_capacity(base.len() + 256);
    write_map(&mut out, (2 + merge.others.len()) as u32);
    merge.write_levels(&mut out);
    for (name, value) in merge.others {
        write_str(&mut out, name);
        out.extend_from_slice(value);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pack(value: &Value) -> Vec<u8> {
        rmp_serde::to_vec_named(value).unwrap()
    }

    fn read(bytes: &[u8]) -> Value {
        rmp_serde::from_slice(bytes).unwrap()
    }

    /// What a merge gives, and that a snapshot with the merged event laid over it is the one with the single events.
    fn check(events: &[(&str, Value)], expected: Value) {
        let packed: Vec<(&str, Vec<u8>)> = events.iter().map(|(name, data)| (*name, pack(data))).collect();
        let told = || packed.iter().map(|(name, data)| (*name, data.as_slice()));
        let (name, merged) = merge(told()).unwrap();
        assert_eq!((name, read(&merged)), (CHANGED, expected));
        let base = pack(
            &json!({"book": "b", "bids": [[100, 5], [90, 1]], "asks": [[110, 4]], "state": "continuous"}),
        );
        let sides = |bytes: &[u8]| {
            let value = read(bytes);
            (value["bids"].clone(), value["asks"].clone(), value["book"].clone())
        };
        let singly = fold(&base, told()).unwrap();
        let at_once = fold(&base, std::iter::once((CHANGED, merged.as_slice()))).unwrap();
        assert_eq!(sides(&singly), sides(&at_once));
        // Merging what was merged already loses nothing either.
        for cut in 0..packed.len() {
            let (_, first) = merge(told().take(cut)).unwrap();
            let mut rest = vec![(CHANGED, first.as_slice())];
            rest.extend(packed[cut..].iter().map(|(name, data)| (*name, data.as_slice())));
            let (_, both) = merge(rest.into_iter()).unwrap();
            assert_eq!(read(&both), read(&merged), "cut at {cut}");
        }
    }

    #[test]
    fn the_newest_of_each_level_holds() {
        check(
            &[
                ("book_changed", json!({"bids": [[100, 3]], "asks": [[110, 0], [120, 9]]})),
                ("book_changed", json!({"bids": [[100, 0], [95, 2]], "asks": []})),
            ],
            json!({"bids": [[100, 0], [95, 2]], "asks": [[110, 0], [120, 9]]}),
        );
        let trade = |price: u64| json!({"price": price, "quantity": 1, "taker_side": "buy"});
        check(
            &[
                ("trade", trade(110)),
                ("trade", trade(120)),
                ("book_changed", json!({"bids": [], "asks": [[110, 3]]})),
            ],
            json!({"bids": [], "asks": [[110, 3]], "trades": [trade(110), trade(120)]}),
        );
    }

    #[test]
    fn trades_beyond_the_newest_are_counted() {
        let trades: Vec<(&str, Value)> = (0..MERGED_TRADES_MAX as u64 + 8)
            .map(|at| ("trade", json!({"price": 100 + at, "quantity": 1, "taker_side": "sell"})))
            .collect();
        let kept: Vec<Value> = trades[8..].iter().map(|(_, trade)| trade.clone()).collect();
        check(&trades, json!({"bids": [], "asks": [], "trades": kept, "trades_left_out": 8}));
    }

    #[test]
    fn a_snapshot_keeps_the_last_trade_and_what_the_auction_comes_to() {
        let base = pack(&json!({"bids": [], "asks": [], "state": "continuous", "last_trade": null}));
        let events = [
            ("book_state", pack(&json!({"state": "auction"}))),
            ("auction_indicative", pack(&json!({"price": 5, "volume": 2, "surplus": -1}))),
            ("trade", pack(&json!({"price": 7, "quantity": 1, "taker_side": "buy"}))),
        ];
        let folded = fold(&base, events.iter().map(|(name, data)| (*name, data.as_slice()))).unwrap();
        assert_eq!(
            read(&folded),
            json!({"bids": [], "asks": [], "state": "auction", "last_trade": {"price": 7, "quantity": 1, "taker_side": "buy"},
                "indicative": {"price": 5, "volume": 2, "surplus": -1}})
        );
    }
}
