//! An account's feed: what only it hears (outbid, won, its reservations), numbered in the order of the journal; and what
//! follows from it: where its bids stand, what is set aside for it.

use vendue_domain::actor::{BidStatus, Publication};
use vendue_domain::id::{AccountId, LotId, ReservationId, StockId};
use vendue_domain::publication::Data;
use vendue_domain::time::Timestamp;
use vendue_protocol::channel::Channel;

use super::book_orders::OwnOrders;
use super::{Views, stored::Cursor, stored::ViewSpace};
use crate::unit::Published;

/// The lots whose bids `account.get` lists, the newest: what a person looks over. At twice as many the older half is
/// forgotten; the bids themselves stay with their lots.
pub(super) const OWN_BIDS_KEPT: usize = 100;
/// The live reservations that it lists, the newest.
pub(super) const OWN_RESERVATIONS_KEPT: usize = 100;

vendue_domain::record! {
    /// How an account's bids on a lot stand.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct OwnBid {
        1 => pub(super) lot: LotId,
        2 => pub(super) status: BidStatus,
        /// When it last changed.
        3 => pub(super) at: Timestamp,
    }
}

vendue_domain::record! {
    /// What is set aside for an account.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct OwnReservation {
        1 => pub(super) reservation: ReservationId,
        2 => pub(super) stock: StockId,
        3 => pub(super) quantity: u64,
        4 => pub(super) expires_at: Timestamp,
    }
}

/// What the views keep of one account.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Feed {
    pub(super) cursor: Cursor,
    /// The newest last; of several of one lot the last counts.
    bids: Vec<OwnBid>,
    /// In the order of their coming.
    reservations: Vec<OwnReservation>,
    /// In books.
    orders: OwnOrders,
}

impl Feed {
    /// Takes back what was stored.
    pub(super) fn restored(
        cursor: Cursor,
        bids: &[OwnBid],
        reservations: Vec<OwnReservation>,
        orders: OwnOrders,
    ) -> Self {
        // They were stored with the newest first.
        Self { cursor, bids: bids.iter().rev().copied().collect(), reservations, orders }
    }

    /// Its orders in books.
    pub(super) const fn orders(&self) -> &OwnOrders {
        &self.orders
    }

    /// Where its bids stand, the newest first.
    pub(super) fn bids(&self) -> Vec<OwnBid> {
        let mut bids: Vec<(usize, OwnBid)> = self.bids.iter().copied().enumerate().collect();
        bids.sort_unstable_by_key(|(place, bid)| (bid.lot, std::cmp::Reverse(*place)));
        bids.dedup_by_key(|(_, bid)| bid.lot);
        bids.sort_unstable_by_key(|(_, bid)| (std::cmp::Reverse(bid.at), bid.lot));
        bids.into_iter().map(|(_, bid)| bid).collect()
    }

    /// Recovery: reads what the next bid is put behind.
    pub(super) fn newest_at(&self) -> u64 {
        self.bids.last().map_or(0, |bid| bid.at.0 as u64)
    }

    pub(super) fn reservations(&self) -> &[OwnReservation] {
        &self.reservations
    }

    fn note_bid(&mut self, lot: LotId, status: BidStatus, at: Timestamp) {
        let bid = OwnBid { lot, status, at };
        match self.bids.last_mut().filter(|last| last.lot == lot) {
            Some(last) => *last = bid,
            None => self.bids.push(bid),
        }
        if self.bids.len() >= 2 * OWN_BIDS_KEPT {
            let mut newest = self.bids();
            newest.truncate(OWN_BIDS_KEPT);
            newest.reverse();
            self.bids.clear();
            self.bids.extend(newest);
        }
    }

    fn note(&mut self, data: &Data, at: Timestamp) {
        match data {
            Data::BidStatusChanged(told) => self.note_bid(told.lot, told.status, at),
            Data::Outbid(told) => self.note_bid(told.lot, BidStatus::Outbid, at),
            Data::Won(told) => self.note_bid(told.lot, BidStatus::Won, at),
            Data::ReservationOpen(open) => {
                self.end(open.reservation);
                if self.reservations.len() >= OWN_RESERVATIONS_KEPT {
                    self.reservations.remove(0);
                }
                self.reservations.push(OwnReservation {
                    reservation: open.reservation,
                    stock: open.stock,
                    quantity: open.quantity,
                    expires_at: open.expires_at,
                });
            }
            Data::BookOrderChanged(told) => self.orders.note(told, at),
            Data::ReservationEnded(ended) => self.end(ended.reservation),
            _ => {}
        }
    }

    fn end(&mut self, reservation: ReservationId) {
        self.reservations.retain(|kept| kept.reservation != reservation);
    }
}

impl Views {
    pub(super) fn tell_private(&mut self, published: &Published, position: u64) {
        for event in &published.events {
            for (account, publication) in event.private(published.address.id, &published.stamp) {
                self.tell_account(account, publication, published.stamp.time, position);
            }
        }
    }

    fn tell_account(&mut self, account: AccountId, publication: Publication, time: Timestamp, position: u64) {
        let Some(feed) = self.advance_feed(account, position) else { return };
        feed.note(&publication.data, time);
        let seq = feed.cursor.seq;
        self.tell(Channel::Account(account), seq, time, publication);
    }

    /// Counts a bid's private event that nobody listens to, and how the bid stands by it.
    pub(super) fn note_own_bid(
        &mut self,
        account: AccountId,
        lot: LotId,
        status: BidStatus,
        time: Timestamp,
        position: u64,
    ) {
        if let Some(feed) = self.advance_feed(account, position) {
            feed.note_bid(lot, status, time);
        }
    }

    /// The account's feed with its next event counted; `None` where it holds that already.
    fn advance_feed(&mut self, account: AccountId, position: u64) -> Option<&mut Feed> {
        let feed = self.feeds.entry(account).or_default();
        feed.cursor.advance(position)?;
        if feed.cursor.note() {
            self.changed.push(ViewSpace::Feed, account.0);
        }
        Some(feed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The newest bids are kept, whatever comes; what was kept comes back from the store.
    #[test]
    fn the_newest_bids_are_kept() {
        let mut feed = Feed::default();
        for n in 1..=1_000_u128 {
            feed.note_bid(LotId::from_u128(n), BidStatus::Leading, Timestamp(n as i64));
            let bids = feed.bids();
            assert!(bids.len() < 2 * OWN_BIDS_KEPT);
            let expected: Vec<_> = (1..=n).rev().take(OWN_BIDS_KEPT).map(LotId::from_u128).collect();
            assert!(bids.iter().map(|bid| bid.lot).take(expected.len()).eq(expected), "after {n}");
        }
        feed.note_bid(LotId::from_u128(1_000), BidStatus::Outbid, Timestamp(2_000));
        assert_eq!(feed.bids()[0].status, BidStatus::Outbid);
        let restored = Feed::restored(feed.cursor, &feed.bids(), Vec::new(), OwnOrders::default());
        assert_eq!(restored.bids(), feed.bids());
    }
}
