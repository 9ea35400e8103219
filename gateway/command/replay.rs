//! `vendue replay DIR`: the state of anything at any past moment, from the journal alone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use vendue_domain::actor::{ActorAddress, ActorKind, Entity};
use vendue_domain::id::{AccountId, Id};
use vendue_domain::lot::Phase;
use vendue_engine::offline::{Offline, OfflineVault, Opened, Past, Until};
use vendue_protocol::wire::time::parse_rfc3339;

use crate::failure::Failure;
use crate::output::{self, Mark, Style};
use crate::when;

/// What stands where something may not be told.
const WITHHELD: &str = "withheld: the lot was not closed then";

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vendue replay /srv/vendue --to 2026-11-22T14:03:00Z --lot lot_01J9\n  \
    vendue replay /srv/vendue --to 120455 --account acc_4Z\n  vendue replay /srv/vendue\n\n\
    --to is a moment or the number of a record; the end of the journal where absent. Ids may be shortened to a beginning that is\n\
    the only one; lots also have their catalogue number. The directory is not changed; its engine may run.\n\
    What the rules kept secret then (maxima, reserves, sealed bids, who bids) is withheld unless the lot was closed then. The\n\
    names of people who were erased since are gone.")]
pub(crate) struct Arguments {
    /// The data directory, or a copy of one.
    dir: PathBuf,
    /// The moment (RFC 3339) or the record.
    #[arg(long, value_name = "TIME|SEQ", value_parser = until)]
    to: Option<Until>,
    /// A lot.
    #[arg(long, group = "what", value_name = "ID")]
    lot: Option<String>,
    /// An account.
    #[arg(long, group = "what", value_name = "ID")]
    account: Option<String>,
    /// A stock item.
    #[arg(long, group = "what", value_name = "ID")]
    stock: Option<String>,
    /// An order book.
    #[arg(long, group = "what", value_name = "ID")]
    book: Option<String>,
    /// An order.
    #[arg(long, group = "what", value_name = "ID")]
    order: Option<String>,
    /// A sale.
    #[arg(long, group = "what", value_name = "ID")]
    sale: Option<String>,
    /// A market.
    #[arg(long, group = "what", value_name = "ID")]
    market: Option<String>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

fn until(text: &str) -> Result<Until, String> {
    let moment = || parse_rfc3339(text).map(Until::Time);
    text.parse().ok().map(Until::Position).or_else(moment).ok_or_else(|| {
        format!("`{text}` is neither a moment, as in 2026-11-22T14:03:00Z, nor the number of a record")
    })
}

impl Arguments {
    fn asked(&self) -> Option<(ActorKind, &str)> {
        let all = [
            (ActorKind::Lot, &self.lot),
            (ActorKind::Account, &self.account),
            (ActorKind::Stock, &self.stock),
            (ActorKind::Book, &self.book),
            (ActorKind::Order, &self.order),
            (ActorKind::Sale, &self.sale),
            (ActorKind::Market, &self.market),
        ];
        all.into_iter().find_map(|(kind, typed)| typed.as_deref().map(|typed| (kind, typed)))
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let shown = arguments.dir.display();
    let cannot = |error: vendue_engine::EngineError| {
        Failure::broken(
            format!("{shown} cannot be replayed"),
            error,
            format!("vendue verify {shown} says what is wrong"),
        )
    };
    let offline = Offline::open(&arguments.dir).map_err(cannot)?;
    let until = arguments.to.unwrap_or(Until::End);
    let past = Past::replay(&offline, until, None, &mut |_| {}).map_err(cannot)?;
    let value = match arguments.asked() {
        None => summary(&past),
        Some((kind, typed)) => {
            let address = find(&past, kind, typed)?;
            // Once more, now that it is known whose decisions to keep.
            let past = Past::replay(&offline, Until::Position(past.position), Some(address), &mut |_| {})
                .map_err(cannot)?;
            actor(&past, address, OfflineVault::open(&arguments.dir).ok().flatten().as_ref())
        }
    };
    if arguments.json {
        output::json(&value);
    } else {
        print(&value);
    }
    Ok(())
}

/// The actor that is meant: by its id, the beginning of it, or a lot's number.
fn find(past: &Past, kind: ActorKind, typed: &str) -> Result<ActorAddress, Failure> {
    let of_kind = past.actors.iter().filter(|(address, _)| address.kind == kind);
    let mut found: Vec<ActorAddress> = of_kind
        .clone()
        .map(|(address, _)| *address)
        .filter(|address| {
            let id = address.to_string();
            id.starts_with(typed) || id.split_once('_').is_some_and(|(_, id)| id.starts_with(typed))
        })
        .collect();
    if found.is_empty()
        && let Ok(number) = typed.parse::<u64>()
    {
        let numbered = of_kind.filter(|(_, (_, entity))| json!(entity.snapshot())["number"] == number);
        found = numbered.map(|(address, _)| *address).collect();
    }
    let what = || format!("`{typed}` is not there");
    match found[..] {
        [only] => Ok(only),
        [] => Err(Failure::usage(
            what(),
            "nothing of that kind had this id at that moment",
            "look for it with a later --to, or without one",
        )),
        _ => Err(Failure::usage(what(), format!("{} begin so", found.len()), "type more of the id")),
    }
}

/// The market at a moment: how much there is of everything.
fn summary(past: &Past) -> Value {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut lots: BTreeMap<&str, u64> = BTreeMap::new();
    for (address, (_, entity)) in &past.actors {
        let name = match address.kind {
            ActorKind::Market => "markets",
            ActorKind::Account => "accounts",
            ActorKind::Sale => "sales",
            ActorKind::Lot => "lots",
            ActorKind::Stock => "stock items",
            ActorKind::Order => "orders",
            ActorKind::Book => "books",
        };
        *counts.entry(name).or_default() += 1;
        if let Entity::Lot(lot) = entity {
            *lots.entry(lot.phase().name()).or_default() += 1;
        }
    }
    json!({
        "record": past.position,
        "at": rfc3339(past.time.0),
        "records": past.records,
        "rejections": past.rejections,
        "without_beginning": past.unknown,
        "counts": counts,
        "lots": lots,
    })
}

fn rfc3339(micros: i64) -> String {
    let mut text = Vec::new();
    vendue_protocol::wire::time::write_rfc3339(&mut text, vendue_domain::time::Timestamp(micros));
    String::from_utf8(text).unwrap_or_default()
}

fn is_closed(past: &Past, lot: Id) -> bool {
    let address = ActorAddress { kind: ActorKind::Lot, id: lot };
    matches!(past.actors.get(&address), Some((_, Entity::Lot(lot))) if lot.phase() == Phase::Closed)
}

fn actor(past: &Past, address: ActorAddress, vault: Option<&OfflineVault>) -> Value {
    let Some((seq, entity)) = past.actors.get(&address) else { return Value::Null };
    let mut state = json!(entity.snapshot());
    let mut may_tell = true;
    match entity {
        Entity::Account(account) => {
            state["name"] = name(AccountId(address.id), account.name_sealed(), vault);
            let secret: Vec<_> = account
                .holds()
                .into_iter()
                .map(|hold| hold.asker.address())
                .filter(|asker| asker.kind == ActorKind::Lot && !is_closed(past, asker.id))
                .map(|asker| asker.to_string())
                .collect();
            may_tell = secret.is_empty();
            withhold(&mut state, &secret);
        }
        Entity::Lot(lot) => may_tell = lot.phase() == Phase::Closed,
        // Who stands behind an order of a book is nobody else's to know, ever.
        Entity::Book(_) => may_tell = false,
        _ => {}
    }
    json!({
        "id": address.to_string(),
        "record": past.position,
        "at": rfc3339(past.time.0),
        "seq": seq,
        "state": state,
        "history": history(past, may_tell),
    })
}

fn name(account: AccountId, sealed: &[u8], vault: Option<&OfflineVault>) -> Value {
    if sealed.is_empty() {
        return Value::Null;
    }
    match vault.map(|vault| vault.name(account, sealed)) {
        Some(Opened::Text(name)) => json!(name),
        Some(Opened::Erased) => json!("(erased)"),
        Some(Opened::Damaged(_)) => json!("(does not open)"),
        None => json!("(no vault here)"),
    }
}

/// What is held for a lot tells what was bid there: neither the hold nor a sum from which it could be reckoned.
fn withhold(state: &mut Value, secret: &[String]) {
    if secret.is_empty() {
        return;
    }
    for hold in state["holds"].as_array_mut().into_iter().flatten() {
        if hold["lot"].as_str().is_some_and(|lot| secret.iter().any(|secret| secret == lot)) {
            hold["amount"] = json!(WITHHELD);
        }
    }
    for balance in state["balances"].as_array_mut().into_iter().flatten() {
        (balance["held"], balance["available"]) = (json!(WITHHELD), json!(WITHHELD));
    }
}

/// The actor's own decisions: what everybody heard; who asked and what only they heard, where that may be told.
fn history(past: &Past, may_tell: bool) -> Value {
    let mut lines = Vec::new();
    for (position, decided) in &past.history {
        let stamp = decided.stamp();
        let by = decided.by.filter(|_| may_tell).map(|by| by.to_string());
        for event in &decided.events.0 {
            let told = event.public().into_iter().map(|publication| (None, publication));
            let private = event.private(decided.id, &stamp).into_iter().filter(|_| may_tell);
            for (to, publication) in
                told.chain(private.map(|(to, publication)| (Some(to.to_string()), publication)))
            {
                lines.push(json!({"record": position, "at": rfc3339(decided.time.0), "by": by, "to": to, "event": publication.name, "data": publication.data}));
            }
        }
    }
    json!(lines)
}

fn print(value: &Value) {
    let style = Style::of_stdout();
    let id = value["id"].as_str().unwrap_or("the market");
    let at =
        value["at"].as_str().and_then(parse_rfc3339).map_or(String::new(), |at| when::date_and_time(at.0));
    output::line(&format!("{} after record {} of {at}", style.mark(Mark::Strong, id), value["record"]));
    let sections = if value["state"].is_object() { &value["state"] } else { value };
    for (name, value) in sections.as_object().into_iter().flatten() {
        if ["record", "at"].contains(&name.as_str()) || value.is_null() {
            continue;
        }
        let words = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        output::line(&format!("  {name:<20}{words}"));
    }
    for line in value["history"].as_array().into_iter().flatten() {
        let at = line["at"].as_str().unwrap_or_default();
        let whose = line["to"].as_str().or(line["by"].as_str()).unwrap_or_default();
        let event = line["event"].as_str().unwrap_or_default();
        output::line(&format!(
            "  {:>8}  {at}  {event:<20}{whose}  {}",
            line["record"].to_string(),
            line["data"]
        ));
    }
}
