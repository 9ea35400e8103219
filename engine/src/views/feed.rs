//! An account's feed: what only it hears (outbid, won, its reservations), numbered in the order of the journal.

use vendue_domain::id::AccountId;
use vendue_protocol::channel::Channel;

use super::{Views, stored::ViewSpace};
use crate::unit::Published;

impl Views {
    pub(super) fn tell_private(&mut self, published: &Published, position: u64) {
        for event in &published.events {
            for (account, publication) in event.private(published.address.id, &published.stamp) {
                let Some(seq) = self.advance_feed(account, position) else { continue };
                self.tell(Channel::Account(account), seq, published.stamp.time, publication);
            }
        }
    }

    /// The number of the account's next event; `None` where its feed holds it already.
    pub(super) fn advance_feed(&mut self, account: AccountId, position: u64) -> Option<u64> {
        let feed = self.feeds.entry(account).or_default();
        let seq = feed.advance(position)?;
        if feed.note() {
            self.changed.push(ViewSpace::Feed, account.0);
        }
        Some(seq)
    }
}
