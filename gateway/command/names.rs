//! How a person names a lot, stock item, book or order: its id, the beginning of it, the number in the catalogue, or the
//! seller's own reference.

use serde_json::{Value, json};

use crate::connection::{Connection, text};
use crate::failure::Failure;

/// How many pages are looked through for the beginning of an id or a number: 20 of 500.
const PAGES_MAX: usize = 20;
/// Items a page.
const PAGE: u32 = 500;
/// Characters after `lot_` that the tables show: enough to tell a thousand random ids apart.
const SHOWN_CHARACTERS: usize = 6;
/// Length of a whole id's text after its prefix.
const ID_CHARACTERS: usize = vendue_domain::id::ID_TEXT_LEN;
/// How many candidates an error names.
const CANDIDATES_SHOWN: usize = 5;

/// What kind of thing is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The field of its id, and what it is called.
    pub(crate) name: &'static str,
    prefix: &'static str,
    list: &'static str,
    /// The field of the page that holds the items.
    items: &'static str,
    /// Whether they are numbered in a catalogue.
    has_numbers: bool,
}

pub(crate) const LOT: Kind =
    Kind { name: "lot", prefix: "lot_", list: "lot.list", items: "lots", has_numbers: true };
pub(crate) const STOCK: Kind =
    Kind { name: "stock", prefix: "stk_", list: "stock.list", items: "stock", has_numbers: false };
pub(crate) const BOOK: Kind =
    Kind { name: "book", prefix: "bok_", list: "book.list", items: "books", has_numbers: false };
pub(crate) const ORDER: Kind =
    Kind { name: "order", prefix: "ord_", list: "order.list", items: "orders", has_numbers: false };

impl Kind {
    fn hint(self) -> String {
        format!("`vendue {} list` shows them", self.name)
    }
}

/// A name as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Id(String),
    Prefix(String),
    Number(u64),
    /// The seller's own reference.
    Ref(String),
}

/// The beginning of an id as tables show it.
pub(crate) fn short(id: &str) -> String {
    match id.split_once('_') {
        Some((prefix, rest)) => {
            format!("{prefix}_{}", rest.chars().take(SHOWN_CHARACTERS).collect::<String>())
        }
        None => id.to_owned(),
    }
}

fn parse(kind: Kind, typed: &str) -> Result<Name, Failure> {
    if let Ok(number) = typed.trim_start_matches('#').parse()
        && kind.has_numbers
    {
        return Ok(Name::Number(number));
    }
    let Some(rest) = typed.strip_prefix(kind.prefix) else { return Ok(Name::Ref(typed.to_owned())) };
    if rest.is_empty() || rest.len() > ID_CHARACTERS || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        let expected = format!(
            "an id is {} and {ID_CHARACTERS} letters and digits, or the beginning of that",
            kind.prefix
        );
        return Err(Failure::usage(format!("`{typed}` is no id"), expected, kind.hint()));
    }
    let id = format!("{}{}", kind.prefix, rest.to_ascii_uppercase());
    Ok(if rest.len() == ID_CHARACTERS { Name::Id(id) } else { Name::Prefix(id) })
}

/// The id that is meant.
pub(crate) async fn resolve(connection: &Connection, kind: Kind, typed: &str) -> Result<String, Failure> {
    let name = match parse(kind, typed)? {
        Name::Id(id) => return Ok(id),
        other => other,
    };
    let items = all(connection, kind, json!({})).await?;
    choose(kind, typed, &name, &items)
}

/// The id of goods that an account may have: a stock item, or what a book trades.
pub(crate) async fn resolve_goods(connection: &Connection, typed: &str) -> Result<String, Failure> {
    if typed.starts_with(BOOK.prefix) {
        return resolve(connection, BOOK, typed).await;
    }
    match resolve(connection, STOCK, typed).await {
        Ok(stock) => Ok(stock),
        // By a seller's reference either may be meant.
        Err(unknown) => resolve(connection, BOOK, typed).await.map_err(|_| unknown),
    }
}

/// Every item of the market, page by page.
pub(crate) async fn all(connection: &Connection, kind: Kind, filter: Value) -> Result<Vec<Value>, Failure> {
    let market = connection.market().await?;
    let mut items = Vec::new();
    let mut cursor = Value::Null;
    for _ in 0..PAGES_MAX {
        let mut params = filter.clone();
        params["market"] = json!(market);
        params["limit"] = json!(PAGE);
        if !cursor.is_null() {
            params["cursor"] = cursor;
        }
        let mut page = connection.read(kind.list, params).await?;
        match page[kind.items].take() {
            Value::Array(found) => items.extend(found),
            _ => break,
        }
        cursor = page["cursor"].take();
        if cursor.is_null() {
            break;
        }
    }
    Ok(items)
}

fn choose(kind: Kind, typed: &str, name: &Name, items: &[Value]) -> Result<String, Failure> {
    let mut found: Vec<&Value> = items.iter().filter(|item| fits(kind, name, item)).collect();
    // A number may have been used again in another sale: the one that is not over is meant.
    if found.len() > 1 && found.iter().filter(|item| item["state"] != "closed").count() == 1 {
        found.retain(|item| item["state"] != "closed");
    }
    match found.as_slice() {
        [one] => Ok(text(one, kind.name)),
        [] => Err(Failure::usage(
            format!("no {} `{typed}`", kind.name),
            "nothing in this market has that name",
            kind.hint(),
        )),
        several => {
            let mut ids: Vec<String> = several.iter().map(|item| text(item, kind.name)).collect();
            ids.truncate(CANDIDATES_SHOWN);
            let why = format!("{} of them: {}", several.len(), ids.join(", "));
            Err(Failure::usage(format!("`{typed}` is not unique"), why, "type more of the id"))
        }
    }
}

fn fits(kind: Kind, name: &Name, item: &Value) -> bool {
    match name {
        Name::Id(id) => item[kind.name] == id.as_str(),
        Name::Prefix(prefix) => item[kind.name].as_str().is_some_and(|id| id.starts_with(prefix)),
        Name::Number(number) => item["number"] == *number,
        Name::Ref(reference) => {
            item["ref"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(reference))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ids_beginnings_or_numbers() {
        let id = "lot_0123456789ABCDEFGHJKMNPQRS";
        let cases = [
            (id, Ok(Name::Id(id.to_owned()))),
            ("lot_0123456789abcdefghjkmnpqrs", Ok(Name::Id(id.to_owned()))),
            ("lot_01a", Ok(Name::Prefix("lot_01A".to_owned()))),
            ("17", Ok(Name::Number(17))),
            ("#17", Ok(Name::Number(17))),
            ("lot_", Err(())),
            ("DEMO-0001", Ok(Name::Ref("DEMO-0001".to_owned()))),
            ("lot_no no", Err(())),
            ("lot_0123456789ABCDEFGHJKMNPQRSTT", Err(())),
        ];
        for (typed, expected) in cases {
            assert_eq!(parse(LOT, typed).map_err(|_| ()), expected, "{typed}");
        }
        assert_eq!(short(id), "lot_012345");
    }

    #[test]
    fn one_is_meant_or_nobody_guesses() {
        let items = [
            json!({"lot": "lot_AAB", "number": 1, "state": "closed"}),
            json!({"lot": "lot_ABB", "number": 1, "state": "open"}),
            json!({"lot": "lot_ACC", "number": 2, "state": "closed"}),
            json!({"lot": "lot_ACD", "number": 3, "state": "open"}),
            json!({"lot": "lot_ACE", "number": 3, "state": "open", "ref": "A-5"}),
        ];
        let cases = [
            (Name::Prefix("lot_AA".into()), Ok("lot_AAB")),
            (Name::Prefix("lot_AC".into()), Err("`x` is not unique")),
            (Name::Prefix("lot_Z".into()), Err("no lot `x`")),
            (Name::Number(1), Ok("lot_ABB")),
            (Name::Number(2), Ok("lot_ACC")),
            (Name::Number(3), Err("`x` is not unique")),
            (Name::Ref("a-5".into()), Ok("lot_ACE")),
        ];
        for (name, expected) in cases {
            let got = choose(LOT, "x", &name, &items);
            assert_eq!(got.as_deref().map_err(|failure| failure.what.as_str()), expected, "{name:?}");
        }
    }
}
