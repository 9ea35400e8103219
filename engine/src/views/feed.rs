//! An account's feed: what only it hears (outbid, won, its reservations), numbered in the order of the journal.

use vendue_domain::actor::Publication;
use vendue_domain::id::AccountId;
use vendue_domain::time::Timestamp;
use vendue_protocol::channel::Channel;

use super::{Views, stored::ViewSpace};
use crate::unit::Published;

impl Views {
    pub(super) fn tell_private(&mut self, published: &Published, position: u64) {
        for event in &published.events {
            for (account, publication) in event.private(published.address.id, &published.stamp) {
                self.tell_account(account, publication, published.stamp.time, position);
            }
        }
    }

    fn tell_account(&mut self, account: AccountId, publication: Publication, time: Timestamp, position: u64) {
        let Some(seq) = self.feeds.entry(account).or_default().advance(position) else { return };
        self.changed.note(ViewSpace::Feed, account.0);
        self.tell(Channel::Account(account), seq, time, publication);
    }
}
