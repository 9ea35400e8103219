//! What anybody may know of a sale.

use serde::Serialize;

use super::SaleEvent;
use crate::context::Stamp;
use crate::facts::SaleFacts;
use crate::id::{MarketId, SaleId};
use crate::publication::Data;
use crate::time::Timestamp;

/// A sale as `sale.get` shows it; its lots come from the shell's views.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct SaleSnapshot {
    pub sale: SaleId,
    pub market: MarketId,
    pub title: String,
    pub terms: Option<String>,
    pub terms_version: u32,
    pub opens_at: Timestamp,
    pub closes_at: Option<Timestamp>,
    pub stagger_ms: u64,
    /// How many accounts are registered.
    pub registered: u32,
    pub r#ref: Option<String>,
}

impl SaleSnapshot {
    pub(super) fn new(
        sale: SaleId,
        title: &str,
        terms: Option<&String>,
        reference: Option<&String>,
        facts: &SaleFacts,
        registered: u32,
    ) -> Self {
        Self {
            sale,
            market: facts.market,
            title: title.to_owned(),
            terms: terms.cloned(),
            terms_version: facts.terms_version,
            opens_at: facts.opens_at,
            closes_at: facts.closes_at,
            stagger_ms: facts.stagger_ms,
            registered,
            r#ref: reference.cloned(),
        }
    }

    /// The snapshot after the creating event; `None` for any other.
    #[must_use]
    pub fn born(event: &SaleEvent, _stamp: &Stamp) -> Option<Self> {
        let SaleEvent::Created(created) = event else { return None };
        let (terms, reference) = (created.terms.as_ref(), created.reference.as_ref());
        Some(Self::new(created.sale, &created.title, terms, reference, &created.facts, 0))
    }

    /// Takes an event over: what it publishes overwrites the fields of the same names (I43).
    pub fn apply(&mut self, event: &SaleEvent, _stamp: &Stamp) {
        for publication in event.public() {
            match publication.data {
                Data::SaleRegistered(data) => self.registered = data.registered,
                Data::SaleRevised(data) => {
                    self.title = data.title;
                    self.terms = data.terms;
                    self.terms_version = data.terms_version;
                }
                _ => {}
            }
        }
    }
}
