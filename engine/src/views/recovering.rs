//! The views in a recovery: what the state store holds, then the journal after it.

use vendue_domain::actor::{ActorAddress, Entity, Event};
use vendue_domain::id::AccountId;

use super::{Views, feed, follow};
use crate::unit::Published;

impl Views {
    /// Recovery: an actor as the state store holds it.
    pub fn restore(&mut self, address: ActorAddress, seq: u64, entity: &Entity) {
        if let Entity::Account(account) = entity {
            self.names.insert(AccountId(address.id), account.name_sealed().to_vec());
        }
        self.from_store = true;
        let snapshot = entity.snapshot();
        self.place(address, &snapshot, seq, entity.channel_seq());
        let (body, weight) = self.stored_body(snapshot);
        if let Some(shown) = self.shown.get_mut(&address) {
            (shown.weight, shown.body) = (weight, body);
        }
    }

    /// Whether what is shown may be newer than the record that is being read.
    pub(super) const fn may_be_ahead(&self) -> bool {
        self.recovering && self.from_store
    }

    /// Recovery: a fact that the state store holds.
    pub fn learn_stored(&mut self, change: &vendue_domain::facts::FactChange) {
        self.facts.learn(change);
        self.sign_outs.learn(change);
    }

    /// Recovery: brings what these decisions will change near the processor, one kind of memory after the other, so that
    /// the misses of the cache overlap.
    pub fn touch<'a>(&self, batch: impl Iterator<Item = &'a Published> + Clone) {
        let mut seen = 0;
        for published in batch.clone() {
            seen ^= self.shown.get(&published.address).map_or(0, |shown| shown.seq);
        }
        for account in batch.clone().flat_map(heard_by) {
            seen ^= self.feeds.get(&account).map_or(0, |feed| feed.cursor.seq);
        }
        for published in batch.clone() {
            let newest =
                self.shown.get(&published.address).and_then(|shown| shown.history.items().next_back());
            seen ^= newest.map_or(0, |bid| bid.seq);
        }
        for account in batch.flat_map(heard_by) {
            seen ^= self.feeds.get(&account).map_or(0, feed::Feed::newest_at);
        }
        std::hint::black_box(seen);
    }

    /// Recovery: the journal is read up to `last`. The events of so many records are kept for gateways that come back.
    pub fn recovering_until(&mut self, last: u64) {
        self.kept_from = last.saturating_sub(follow::RING_MAX as u64);
    }

    /// Recovery: the views begin after this position.
    pub fn starts_after(&mut self, position: u64) {
        self.position = self.position.max(position);
    }

    /// Recovery is over: from now on only what somebody follows, or followed lately, is kept.
    pub fn recovered(&mut self) {
        self.recovering = false;
    }
}

/// Who hears of a lot's events privately.
fn heard_by(published: &Published) -> smallvec::SmallVec<[AccountId; 2]> {
    let lots = published.events.iter().filter_map(|event| match event {
        Event::Lot(lot) => Some(lot.private_to(&published.stamp)),
        _ => None,
    });
    lots.flatten().collect()
}
