//! Channels: who follows what, and the newest events, kept so that a gateway that was away can be told what it missed.

use std::collections::VecDeque;
use vendue_domain::mutant;

use vendue_domain::actor::{BidStatus, Event, Publication};
use vendue_domain::id::{LotId, MarketId};
use vendue_domain::lot::LotEvent;
use vendue_domain::publication::Alias;
use vendue_domain::time::Timestamp;
use vendue_protocol::channel::Channel;
use vendue_protocol::link::{EventItem, FollowItem, NotExecuted, Reply, ReplyItem};

use super::answer::{Refusal, bytes};
use super::history::HistoryBid;
use super::{Views, Waiting, channel_of};
use crate::unit::{LinkId, Published};

/// How many of the newest events of all channels are kept: at least what can have been on its way when a link broke
/// (`in_flight_max` decisions of two events). About 20 MB.
pub(super) const RING_MAX: usize = 131_072;

/// How long the events of a channel whose last link has gone are kept, in microseconds.
pub(super) const LEFT_US: i64 = 60_000_000;

/// One event as it was told.
struct Told {
    channel: Channel,
    seq: u64,
    time: Timestamp,
    publication: Publication,
}

/// The newest events of all channels, in the order in which they were told.
#[derive(Default)]
pub(super) struct Ring {
    told: VecDeque<Told>,
}

impl Views {
    /// Tells an actor's public events on its own channel and lets its market's channel know.
    pub(super) fn tell_public(&mut self, published: &Published, market: MarketId, position: u64) {
        let count: u64 = published.events.iter().map(Event::public_count).sum();
        let channel = channel_of(&published.address);
        let mut seq = published.channel_seq - count.min(published.channel_seq);
        for event in &published.events {
            for publication in event.public() {
                seq += 1;
                self.note_bid(&published.address, &publication, seq, published.stamp.time);
                self.note_trade(&published.address, &publication, seq, published.stamp.time);
                self.note_draw_line(&published.address, &publication, seq, published.stamp.time);
                self.note_on_board(&published.address, market, &publication, published.stamp.time, position);
                if let Some(channel) = channel {
                    self.tell(channel, seq, published.stamp.time, publication);
                }
            }
        }
        self.note_born(published, market, position);
    }

    /// Tells one event to all who follow its channel, and keeps it.
    pub(super) fn tell(&mut self, channel: Channel, seq: u64, time: Timestamp, publication: Publication) {
        if let Some(links) = self.followers.get(&channel) {
            for (nth, link) in links.clone().into_iter().enumerate() {
                let differs = nth % 2 == 1 && mutant("told_differently");
                let time = if differs { Timestamp(time.0 + 1) } else { time };
                self.write_event(link, channel, seq, time, &publication);
            }
        }
        if !self.is_kept(channel) {
            return;
        }
        if self.ring.told.len() == RING_MAX {
            self.ring.told.pop_front();
        }
        self.ring.told.push_back(Told { channel, seq, time, publication });
    }

    /// Whether a channel's events are kept for a gateway that comes back.
    #[inline]
    fn is_kept(&self, channel: Channel) -> bool {
        (self.recovering && self.position >= self.kept_from)
            || (!self.followers.is_empty() && self.followers.contains_key(&channel))
            || (!self.left.is_empty() && self.left.contains_key(&channel))
    }

    /// A bid on a lot that nobody follows, by accounts that nobody listens to: only numbers, price and history move, and
    /// nothing is built that nobody hears. `false`: it has to be taken the long way.
    pub(super) fn take_plain_bid(&mut self, published: &Published, position: u64) -> bool {
        let [Event::Lot(event)] = published.events.as_slice() else { return false };
        let LotEvent::BidPlaced(bid) = event.inner() else { return false };
        let address = published.address;
        let accounts = event.private_to(&published.stamp);
        if self.is_kept(Channel::Lot(LotId(address.id)))
            || accounts.iter().any(|account| self.is_kept(Channel::Account(*account)))
        {
            return false;
        }
        let is_passed_over = self.may_be_ahead();
        let Some(shown) = self.shown.get_mut(&address) else { return false };
        if shown.is_candle {
            return false;
        }
        let market = shown.market;
        if is_passed_over {
            if published.seq > shown.seq {
                shown.pass_over(published);
                if !std::mem::replace(&mut shown.stale, true) {
                    self.stale.push(address);
                }
            }
        } else {
            let Some(snapshot) = shown.body.hot_mut() else { return false };
            if published.seq > shown.seq {
                snapshot.apply(&published.events[0], &published.stamp);
                shown.pass_over(published);
            }
        }
        let (alias, amount, time) = (Some(Alias(bid.alias)), Some(bid.price), published.stamp.time);
        let seq = published.channel_seq - event.public_count() + 1;
        self.push_bid(&address, HistoryBid { seq, alias, amount, ts: time, quantity: None });
        self.put_on_board(&address, market);
        let lot = LotId(address.id);
        for (at, account) in accounts.into_iter().enumerate() {
            // The bidder first, then whom it overtook.
            let status = if at == 0 { bid.status() } else { BidStatus::Outbid };
            self.note_own_bid(account, lot, status, time, position);
        }
        true
    }

    fn write_event(
        &mut self,
        link: LinkId,
        channel: Channel,
        seq: u64,
        time: Timestamp,
        publication: &Publication,
    ) {
        let outbox = self.out.entry(link).or_default();
        outbox.events.item(|out| {
            EventItem::encode_head(out, channel, seq, time, publication.name);
            // The data of our own types always serializes into a vector.
            let _ = rmp_serde::encode::write_named(out, &publication.data);
        });
    }

    /// Begins or ends to tell a channel's events to a link.
    pub(super) fn change_following(&mut self, link: LinkId, item: &FollowItem) {
        if !item.follow {
            if let Some(links) = self.followers.get_mut(&item.channel) {
                links.retain(|other| *other != link);
                if links.is_empty() {
                    self.followers.remove(&item.channel);
                }
            }
            return;
        }
        if !self.may_follow(item) {
            return self.refuse(link, item.request, NotExecuted::Forbidden, "");
        }
        let Some(seq) = self.channel_seq(item.channel) else {
            return self.refuse(link, item.request, NotExecuted::UnknownChannel, "");
        };
        if item.after > 0 && item.after <= seq && self.tell_missed(link, item, seq) {
            return self.tell_from_now(link, item.channel);
        }
        let snapshot = match self.channel_snapshot(item.channel) {
            Ok(snapshot) => snapshot,
            Err(Refusal::Later) => return self.ask_later(Waiting::Follow(link, *item)),
            Err(Refusal::No(why, message)) => return self.refuse(link, item.request, why, message),
        };
        self.tell_from_now(link, item.channel);
        self.reply(
            link,
            &ReplyItem { request: item.request, reply: Reply::Followed { seq, snapshot: &snapshot } },
        );
    }

    fn tell_from_now(&mut self, link: LinkId, channel: Channel) {
        let links = self.followers.entry(channel).or_default();
        if !links.contains(&link) {
            links.push(link);
        }
    }

    /// Tells the events after `item.after`, if every one of them is still kept: never a part (I42).
    fn tell_missed(&mut self, link: LinkId, item: &FollowItem, seq: u64) -> bool {
        let missed: Vec<usize> = self
            .ring
            .told
            .iter()
            .enumerate()
            .filter(|(_, told)| told.channel == item.channel && told.seq > item.after)
            .map(|(at, _)| at)
            .collect();
        if missed.len() as u64 != seq - item.after {
            return false;
        }
        // How far they reach: a gateway answers nobody before all of them have come.
        let reply = Reply::Followed { seq, snapshot: &[] };
        self.reply(link, &ReplyItem { request: item.request, reply });
        for at in missed {
            let outbox = self.out.entry(link).or_default();
            let told = &self.ring.told[at];
            outbox.events.item(|out| {
                EventItem::encode_head(out, told.channel, told.seq, told.time, told.publication.name);
                let _ = rmp_serde::encode::write_named(out, &told.publication.data);
            });
        }
        true
    }

    /// Private channels are their owner's; `ops:` is for operators and auditors of the market.
    fn may_follow(&self, item: &FollowItem) -> bool {
        match item.channel {
            Channel::Account(account) => account == item.by,
            Channel::Ops(market) => self.may_read_as_operator(item.by, market),
            Channel::Lot(_) | Channel::Stock(_) | Channel::Book(_) | Channel::Market(_) => true,
        }
    }

    /// Where a channel stands; `None` where there is no such thing.
    fn channel_seq(&self, channel: Channel) -> Option<u64> {
        match channel {
            Channel::Lot(lot) => self.of(lot).map(|shown| shown.channel_seq),
            Channel::Stock(stock) => self.of(stock).map(|shown| shown.channel_seq),
            Channel::Book(book) => self.of(book).map(|shown| shown.channel_seq),
            Channel::Market(market) => self
                .of(market)
                .is_some()
                .then(|| self.boards.get(&market).map_or(0, |board| board.cursor.seq)),
            Channel::Account(account) => {
                self.of(account).is_some().then(|| self.feeds.get(&account).map_or(0, |feed| feed.cursor.seq))
            }
            Channel::Ops(market) => Some(self.audits.get(&market).map_or(0, |audit| audit.cursor.seq)),
        }
    }

    fn channel_snapshot(&self, channel: Channel) -> Result<Vec<u8>, Refusal> {
        let address = match channel {
            Channel::Lot(lot) => lot.into(),
            Channel::Stock(stock) => stock.into(),
            Channel::Book(book) => book.into(),
            Channel::Market(market) | Channel::Ops(market) => market.into(),
            Channel::Account(account) => account.into(),
        };
        match self.of(address) {
            Some(shown) => bytes(&self.snapshot_of(&address, shown)?),
            None => {
                let mut nothing = Vec::new();
                vendue_domain::record::write_map(&mut nothing, 0);
                Ok(nothing)
            }
        }
    }
}
