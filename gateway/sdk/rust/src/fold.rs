//! What an event does to a channel's state: its fields overwrite those of the same name. An order book's levels add up
//! instead: each is named by its price, and quantity 0 takes it away.

use serde_json::{Map, Value};

/// Lays an event over the state of its channel.
pub(crate) fn fold(channel: &str, state: &mut Map<String, Value>, kind: &str, data: &Value) {
    let Value::Object(fields) = data else { return };
    if !channel.starts_with("book:") {
        state.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
        return;
    }
    match kind {
        "trade" => drop(state.insert("last_trade".to_owned(), data.clone())),
        "auction_indicative" | "auction_uncrossed" => {
            let price = if data["price"].is_null() { Value::Null } else { data.clone() };
            state.insert("indicative".to_owned(), price);
        }
        _ => fold_book(state, fields),
    }
}

fn fold_book(state: &mut Map<String, Value>, fields: &Map<String, Value>) {
    for (name, value) in fields {
        match name.as_str() {
            "bids" | "asks" => {
                let side = state.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
                if let (Value::Array(levels), Value::Array(changes)) = (side, value) {
                    changes.iter().for_each(|change| change_level(levels, change, name == "bids"));
                }
            }
            // A merged event brings the trades that it stands for; the newest is the state.
            "trades" => {
                if let Some(last) = value.as_array().and_then(|trades| trades.last()) {
                    state.insert("last_trade".to_owned(), last.clone());
                }
            }
            "trades_left_out" => {}
            _ => drop(state.insert(name.clone(), value.clone())),
        }
    }
}

/// Sets, adds or takes away one `[price, quantity]`; levels stand the best first.
fn change_level(levels: &mut Vec<Value>, change: &Value, best_is_highest: bool) {
    let (Some(price), Some(quantity)) = (change[0].as_u64(), change[1].as_u64()) else { return };
    let order = |level: &Value| {
        let known = level[0].as_u64().unwrap_or_default();
        if best_is_highest { price.cmp(&known) } else { known.cmp(&price) }
    };
    match (levels.binary_search_by(order), quantity) {
        (Ok(at), 0) => drop(levels.remove(at)),
        (Ok(at), _) => levels[at] = change.clone(),
        (Err(_), 0) => {}
        (Err(at), _) => levels.insert(at, change.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn is_sorted(levels: &Value, best_is_highest: bool) -> bool {
        let levels = levels.as_array().unwrap();
        levels.windows(2).all(|pair| (pair[0][0].as_u64() > pair[1][0].as_u64()) == best_is_highest)
    }

    #[test]
    fn levels_add_up() {
        let Value::Object(mut state) = json!({
            "title": "Coffee", "state": "continuous", "bids": [[100, 5], [90, 1]], "asks": [[110, 4]], "last_trade": null,
        }) else {
            panic!()
        };
        let steps = [
            ("book_changed", json!({"bids": [[95, 2], [100, 0]], "asks": [[105, 1], [110, 3], [120, 0]]})),
            ("trade", json!({"price": 105, "quantity": 1, "taker_side": "buy"})),
            (
                "book_changed",
                json!({"bids": [[101, 7]], "asks": [], "trades": [{"price": 1}, {"price": 2}], "trades_left_out": 4}),
            ),
            ("auction_indicative", json!({"price": 100, "volume": 9, "surplus": 0})),
            ("book_state", json!({"state": "auction", "indicative": null})),
            ("auction_uncrossed", json!({"price": 90, "volume": 2, "surplus": 0})),
            ("auction_indicative", json!({"price": null, "volume": 0, "surplus": 0})),
            ("auction_indicative", json!({"price": 100, "volume": 9, "surplus": 0})),
        ];
        for (kind, data) in &steps {
            fold("book:bok_1", &mut state, kind, data);
            assert!(is_sorted(&state["bids"], true) && is_sorted(&state["asks"], false), "{state:?}");
        }
        assert_eq!(
            Value::Object(state),
            json!({
                "title": "Coffee", "state": "auction", "bids": [[101, 7], [95, 2], [90, 1]], "asks": [[105, 1], [110, 3]],
                "last_trade": {"price": 2}, "indicative": {"price": 100, "volume": 9, "surplus": 0},
            })
        );
    }
}
