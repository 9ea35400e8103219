//! The audit log of a market: who changed what, why and when (I48). Bids are their lots' history, not audited here.

use std::collections::VecDeque;

use serde::Serialize;
use vendue_domain::actor::Publication;
use vendue_domain::id::{AccountId, Id, MarketId};
use vendue_domain::publication::{Audited, Data};
use vendue_domain::time::Timestamp;
use vendue_protocol::channel::Channel;

use super::Views;
use super::stored::{Cursor, ViewSpace};
use crate::unit::Published;

vendue_domain::record! {
    /// One action.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    pub struct AuditRecord {
        /// Its number in the market's log.
        1 => pub seq: u64,
        2 => pub ts: Timestamp,
        /// Who; null for the engine's own.
        3 => pub by: Option<AccountId>,
        /// What was done, `lot_paused` say.
        4 => pub action: String,
        /// To what: its id in text.
        5 => pub target: String,
        6 => pub reason: Option<String>,
        /// The record's place in the journal.
        7 => pub position: u64,
    }
}

/// The newest actions in one market.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Audit {
    pub(super) cursor: Cursor,
    pub(super) records: VecDeque<AuditRecord>,
}

impl Views {
    pub(super) fn audit(&mut self, published: &Published, market: MarketId, position: u64) {
        for event in &published.events {
            let Some(action) = event.action() else { continue };
            let market = action.market.unwrap_or(market);
            let audit = self.audits.entry(market).or_default();
            let Some(seq) = audit.cursor.advance(position) else { continue };
            let by = (published.stamp.by != AccountId(Id::NIL)).then_some(published.stamp.by);
            let record = AuditRecord {
                seq,
                ts: published.stamp.time,
                by,
                action: action.name.to_owned(),
                target: published.address.to_string(),
                reason: action.reason.map(str::to_owned),
                position,
            };
            if audit.records.len() >= self.options.audit_per_market as usize {
                audit.records.pop_front();
            }
            let told = Audited {
                by,
                action: action.name,
                target: record.target.clone(),
                reason: record.reason.clone(),
            };
            audit.records.push_back(record);
            if audit.cursor.note() {
                self.changed.push(ViewSpace::Audit, market.0);
            }
            let publication = Publication { name: "audited", data: Data::from(told) };
            self.tell(Channel::Ops(market), seq, published.stamp.time, publication);
        }
    }
}
