//! Facts of others in a shard: learned once, in order, and told to the actors that they concern.

use std::sync::Arc;

use vendue_domain::facts::FactChange;
use vendue_domain::id::MarketId;
use vendue_domain::record::Field;

use super::Shard;
use crate::entry::{Entry, Learned};
use crate::unit::FactBroadcast;

/// Whom a change of facts concerns beyond the commands to come.
enum Concerns {
    /// Nobody that has decided already.
    Nobody,
    /// Every open lot of these markets (all of them where one is the platform).
    Markets(Vec<MarketId>),
}

impl Shard {
    /// Takes a fact of this shard's own over, and tells the actors that it concerns.
    pub(super) fn know(&mut self, change: FactChange) {
        let concerns = self.concerns(&change);
        if self.facts.learn(&change) {
            self.changed_facts.push(change);
            self.tell(&concerns);
        }
    }

    /// Takes another shard's fact over; its arrival is a record of its own, and when that is durable the command that
    /// changed the fact may be answered.
    pub(super) fn learn_fact(&mut self, broadcast: &Arc<FactBroadcast>) {
        let entry = Entry::Learned(Learned {
            shard: self.number,
            time: self.now,
            kind: broadcast.address.kind,
            id: broadcast.address.id,
            version: version(&broadcast.change),
        });
        self.unit.batch.push_with(|out| entry.encode(out));
        self.unit.learned.push(broadcast.clone());
        self.know(broadcast.change.clone());
    }

    /// Recovery: takes a fact over without telling anybody; actors catch up when recovery is over.
    pub fn learn_quietly(&mut self, change: &FactChange) {
        if self.facts.learn(change) {
            self.changed_facts.push(change.clone());
        }
    }

    /// Recovery: takes a fact over that the state store holds already.
    pub fn learn_stored(&mut self, change: &FactChange) {
        self.facts.learn(change);
    }

    fn concerns(&self, change: &FactChange) -> Concerns {
        match change {
            FactChange::Market((market, facts)) => {
                let known = self.facts.market(*market);
                if known.is_some_and(|known| known.halted_since != facts.halted_since) {
                    Concerns::Markets(vec![*market])
                } else {
                    Concerns::Nobody
                }
            }
            FactChange::Account((account, facts)) => {
                let known = self.facts.account(*account);
                let newly =
                    |market: &&MarketId| known.is_none_or(|known| !known.suspended_in.contains(market));
                let markets: Vec<_> = facts.suspended_in.iter().filter(newly).copied().collect();
                if markets.is_empty() { Concerns::Nobody } else { Concerns::Markets(markets) }
            }
            FactChange::Sale(_) | FactChange::Registration(_) => Concerns::Nobody,
        }
    }

    fn tell(&mut self, concerns: &Concerns) {
        let Concerns::Markets(markets) = concerns else { return };
        let all = markets.contains(&MarketId::PLATFORM);
        for index in 0..self.cells.len() as u32 {
            let concerned = self.cells[index as usize]
                .as_ref()
                .is_some_and(|cell| all || markets.contains(&cell.entity.market()));
            if concerned {
                self.catch_up(index);
                self.schedule(index);
            }
        }
    }
}

/// The version of the facts in a change.
const fn version(change: &FactChange) -> u64 {
    match change {
        FactChange::Market((_, facts)) => facts.version,
        FactChange::Account((_, facts)) => facts.version,
        FactChange::Sale((_, facts)) => facts.version,
        FactChange::Registration(registration) => registration.terms_version as u64,
    }
}
