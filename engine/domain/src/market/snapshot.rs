//! What anybody may know of a market.

use serde::Serialize;

use super::{MarketEvent, state_name};
use crate::amount::Currency;
use crate::context::Stamp;
use crate::fees::FeeSchedule;
use crate::id::MarketId;
use crate::increments::IncrementTable;
use crate::publication::Data;

/// A market as `market.get` and its channel show it.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct MarketSnapshot {
    pub market: MarketId,
    pub name: String,
    pub currency: Currency,
    /// `open` or `halted`.
    pub state: &'static str,
    /// The operator's words for the present state.
    pub reason: Option<String>,
    pub r#ref: Option<String>,
    /// `null`: the default table of the currency.
    pub increments: Option<IncrementTable>,
    /// Of lots and stock created from now on; `null`: none.
    pub fees: Option<FeeSchedule>,
}

impl MarketSnapshot {
    /// The snapshot after the creating event; `None` for any other.
    #[must_use]
    pub fn born(event: &MarketEvent, _stamp: &Stamp) -> Option<Self> {
        let MarketEvent::Created(created) = event else { return None };
        Some(Self {
            market: created.market,
            name: created.name.clone(),
            currency: created.facts.currency,
            state: state_name(&created.facts),
            reason: None,
            r#ref: created.reference.clone(),
            increments: created.facts.increments.as_deref().cloned(),
            fees: created.facts.fees.as_deref().cloned(),
        })
    }

    /// Takes an event over: what it publishes overwrites the fields of the same names (I43).
    pub fn apply(&mut self, event: &MarketEvent, _stamp: &Stamp) {
        for publication in event.public() {
            match publication.data {
                Data::MarketState(data) => {
                    self.state = data.state;
                    self.reason = data.reason;
                }
                Data::MarketFees(data) => self.fees = Some(data.fees),
                _ => {}
            }
        }
    }
}
