//! When a candle went out, from what is published alone, and who led then.

use crate::amount::Amount;
use crate::context::Stamp;
use crate::id::AccountId;
use crate::lot::{Digest, EventChain, Listing, LotEvent, draw_moment};
use crate::time::Timestamp;

type Leader = Option<(AccountId, Amount)>;

/// Everything that an end is drawn from, and who led from when on.
#[derive(Debug, Clone, Default)]
pub(super) struct Draw {
    chain: EventChain,
    seq: u64,
    announced: Option<Timestamp>,
    removed_at: Option<Timestamp>,
    led: Vec<(Timestamp, Leader)>,
}

impl Draw {
    pub(super) fn hear(&mut self, event: &LotEvent, stamp: &Stamp, leader: Leader) {
        for publication in event.public() {
            self.seq += 1;
            let fields = crate::lot::ChainFields::of(&publication.data);
            let tells_end = !matches!(publication.name, "lot_closed" | "lot_closing");
            if let Some(ends_at) = fields.ends_at.filter(|_| tells_end) {
                self.announced = Some(Timestamp(ends_at));
            }
            if publication.name == "bid_retracted" {
                self.removed_at = Some(stamp.time);
            }
            self.chain.add(self.seq, publication.name, stamp.time, &fields);
        }
        let known = self.led.last().map(|(_, leader)| *leader);
        if known.unwrap_or_default() != leader {
            self.led.push((stamp.time, leader));
        }
    }

    /// The moment and the hash of the events; who has won.
    #[allow(clippy::type_complexity)]
    pub(super) fn end(
        &self,
        listing: &Listing,
        ended_at: Timestamp,
    ) -> (Option<(Timestamp, Digest)>, Vec<(AccountId, u64, Amount)>) {
        let drawn = listing.seed.zip(self.announced).map(|(seed, announced)| {
            let reach_us = listing.candle_ms.unwrap_or_default().saturating_mul(1_000);
            let from = announced.minus_micros(reach_us);
            let from = self.removed_at.map_or(from, |removed_at| removed_at.max(from));
            draw_moment(seed, self.chain.0, from, ended_at)
        });
        let led = drawn.and_then(|moment| self.led.iter().rev().find(|(since, _)| *since <= moment));
        let won = led.and_then(|(_, leader)| *leader);
        let winners = won.map(|(account, price)| (account, listing.quantity, price));
        (drawn.map(|moment| (moment, self.chain.0)), winners.into_iter().collect())
    }
}
