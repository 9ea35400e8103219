//! What was heard against what the journal says was told: nothing else, and nothing before it was durable (I41).

use std::collections::BTreeMap;

use serde_json::json;
use vendue_domain::actor::{ActorKind, Publication};
use vendue_domain::id::{AccountId, BookId, LotId, StockId};
use vendue_domain::time::Timestamp;
use vendue_engine::entry::{Decided, Entry};

use super::Placed;
use crate::Broken;
use crate::canonical::from_pack;
use crate::ledger::{Ledger, event_hash};

/// I41, for lots, stock, books and accounts. A market's and an operator's channels are made by views alone; that two clients never
/// hear different things on them is the ledger's check.
pub(super) fn check(ledger: &Ledger, journal: &[Placed]) -> Result<(), Broken> {
    let mut told: BTreeMap<(String, u64), u64> = BTreeMap::new();
    let mut feeds: BTreeMap<AccountId, u64> = BTreeMap::new();
    for (_, entry) in journal {
        let Entry::Decided(decided) = entry else { continue };
        public(decided, &mut told)?;
        for event in &decided.events.0 {
            for (account, publication) in event.private(decided.id, &decided.stamp()) {
                let seq = feeds.entry(account).or_default();
                *seq += 1;
                told.insert((format!("account:{account}"), *seq), hash(decided.time, &publication));
            }
        }
    }
    for (place, heard) in &ledger.events {
        let is_made_by_views = place.0.starts_with("market:") || place.0.starts_with("ops:");
        if !is_made_by_views && told.get(place) != Some(heard) {
            let (channel, seq) = place;
            return Err(Broken::new("I41", format!("the journal does not say what {channel} {seq} told")));
        }
    }
    Ok(())
}

fn public(decided: &Decided, told: &mut BTreeMap<(String, u64), u64>) -> Result<(), Broken> {
    let Some(address) = decided.address() else { return Ok(()) };
    let channel = match address.kind {
        ActorKind::Lot => format!("lot:{}", LotId(decided.id)),
        ActorKind::Stock => format!("stock:{}", StockId(decided.id)),
        ActorKind::Book => format!("book:{}", BookId(decided.id)),
        _ => return Ok(()),
    };
    let publications: Vec<_> =
        decided.events.0.iter().flat_map(vendue_domain::actor::Event::public).collect();
    let Some(before) = decided.channel_seq.checked_sub(publications.len() as u64) else {
        return Err(Broken::new("I39", format!("more is told than is numbered: {decided:?}")));
    };
    for (seq, publication) in (before + 1..).zip(&publications) {
        if told.insert((channel.clone(), seq), hash(decided.time, publication)).is_some() {
            return Err(Broken::new("I39", format!("{channel} {seq} is told twice: {decided:?}")));
        }
    }
    Ok(())
}

fn hash(time: Timestamp, publication: &Publication) -> u64 {
    let data = rmp_serde::to_vec_named(&publication.data).unwrap_or_default();
    event_hash(&json!(publication.name), &json!(time.0), &from_pack(&data))
}
