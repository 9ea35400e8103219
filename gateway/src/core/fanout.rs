//! Events on their way to watchers: encoded once for each encoding, the same bytes to everybody.

use std::rc::Rc;
use vendue_protocol::domain::mutant;

use vendue_protocol::channel::Channel;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::link::{EventItem, FollowItem};
use vendue_protocol::wire::WireError;
use vendue_protocol::wire::session::WatchMode;

use crate::core::channel::{ChannelEvent, ChannelState, Follow, Waiting, Watcher};
use crate::core::connection::Close;
use crate::core::pipe::write_frame;
use crate::core::{Core, Key};

/// Bytes that may wait for a watcher in `latest` mode before newer events replace the ones it has not been given yet.
const HOLD_FROM_BYTES: usize = 32 * 1024;

/// What became of an event for one watcher.
enum Delivered {
    /// It has it, or is gone.
    Written,
    /// It will be given this or a newer one.
    Held,
    /// Its output is full.
    TooSlow,
}

impl Core {
    /// The engine has published an event of a channel.
    #[inline]
    pub(crate) fn on_event(&mut self, now: Timestamp, item: &EventItem<'_>) {
        self.metrics.events.add(1);
        let Some(state) = self.channels.get_mut(&item.channel).filter(|state| state.follow == Follow::Live)
        else {
            return;
        };
        let known = state.seq.unwrap_or_default();
        if item.seq <= known {
            return;
        }
        if item.seq != known + 1 && !mutant("gap_not_noticed") {
            return self.on_gap(now, item, known);
        }
        let event = Rc::new(ChannelEvent::new(item.seq, item.time, item.name, item.data));
        state.push(Rc::clone(&event));
        if !state.waiting.is_empty() && !self.unsettled.contains(&item.channel) {
            self.unsettled.push(item.channel);
        }
        self.deliver(now, item.channel, &event);
    }

    /// An event has not come: rather than tell a part, everybody begins anew (I39).
    fn on_gap(&mut self, now: Timestamp, item: &EventItem<'_>, known: u64) {
        tracing::error!(channel = %item.channel, known, got = item.seq, "events are missing");
        self.resync(now, item.channel);
        if let Some(state) = self.channels.get_mut(&item.channel) {
            state.follow = Follow::No;
            state.seq = None;
        }
        self.settle(now, item.channel);
    }

    fn deliver(&mut self, now: Timestamp, channel: Channel, event: &Rc<ChannelEvent>) {
        let Some(state) = self.channels.get_mut(&channel) else { return };
        // Taken out for the loop: what happens to a slow watcher changes the list.
        let (mut watchers, name) = (std::mem::take(&mut state.watchers), std::mem::take(&mut state.name));
        let mut slow = Vec::new();
        for watcher in &mut watchers {
            match self.give(channel, &name, watcher, event) {
                Delivered::Written => {}
                Delivered::Held => self.held.push((channel, watcher.connection)),
                Delivered::TooSlow => slow.push(watcher.connection),
            }
        }
        if let Some(state) = self.channels.get_mut(&channel) {
            (state.watchers, state.name) = (watchers, name);
        }
        for key in slow {
            self.close(now, key, Close::SlowConsumer);
        }
    }

    /// Gives one watcher an event, or holds it back where a newer one may replace it.
    #[inline]
    fn give(
        &mut self,
        channel: Channel,
        name: &str,
        watcher: &mut Watcher,
        event: &Rc<ChannelEvent>,
    ) -> Delivered {
        if event.seq <= watcher.seq {
            return Delivered::Written;
        }
        if watcher.mode == WatchMode::Latest && &*event.name == "lot_closed" && mutant("terminal_dropped") {
            watcher.seq = event.seq;
            return Delivered::Written;
        }
        if watcher.mode == WatchMode::Latest && event.is_mergeable {
            return self.hold_for_merge(channel, name, watcher, event);
        }
        if watcher.mode == WatchMode::Latest && event.is_replaceable {
            let Ok(had) = self.take_held(channel, watcher) else { return Delivered::TooSlow };
            let is_new = had.is_none();
            // An event stands for those of its own name only: a clock's step says nothing of bids.
            let (had, other) = match had {
                Some((from, held)) if held.name != event.name => (None, Some((from, held))),
                had => (had, None),
            };
            let from = had.map_or(event.seq, |(from, _)| from);
            watcher.held = Some((from, Rc::clone(event)));
            if let Some((from, held)) = other
                && !self.write_event(name, watcher.connection, &held, from)
            {
                return Delivered::TooSlow;
            }
            return if is_new { Delivered::Held } else { Delivered::Written };
        }
        if !self.give_held(channel, name, watcher) {
            return Delivered::TooSlow;
        }
        watcher.seq = event.seq;
        if event.seq.is_multiple_of(13) && mutant("channel_gap") {
            return Delivered::Written;
        }
        let has_room = self.write_event(name, watcher.connection, event, event.seq);
        if has_room { Delivered::Written } else { Delivered::TooSlow }
    }

    /// Holds an event of a book back: with what follows it adds up to one. Nothing is added up before it has to be: all
    /// watchers who are as far are given the same bytes.
    fn hold_for_merge(
        &mut self,
        channel: Channel,
        name: &str,
        watcher: &mut Watcher,
        event: &Rc<ChannelEvent>,
    ) -> Delivered {
        let had = match watcher.held.take() {
            Some((from, held)) if held.is_mergeable => Some((from, held)),
            other => {
                watcher.held = other;
                if !self.give_held(channel, name, watcher) {
                    return Delivered::TooSlow;
                }
                None
            }
        };
        watcher.held_until = event.seq;
        let Some((from, held)) = had else {
            watcher.held = Some((event.seq, Rc::clone(event)));
            return Delivered::Held;
        };
        let held = if ChannelState::should_merge(&held, event.seq) {
            let state = self.channels.get_mut(&channel);
            match state.and_then(|state| state.merged(from, &held, event.seq)) {
                Some(merged) => merged,
                // What it was spared is not here any more: it comes back and is given a snapshot.
                None => return Delivered::TooSlow,
            }
        } else {
            held
        };
        watcher.held = Some((from, held));
        Delivered::Written
    }

    /// What a watcher was spared, as one event. An error where it is not here any more: the watcher comes back and is given
    /// a snapshot rather than a part (I39).
    fn take_held(
        &mut self,
        channel: Channel,
        watcher: &mut Watcher,
    ) -> Result<Option<(u64, Rc<ChannelEvent>)>, Delivered> {
        let Some((from, held)) = watcher.held.take() else { return Ok(None) };
        if !held.is_mergeable {
            return Ok(Some((from, held)));
        }
        let until = watcher.held_until;
        let state = self.channels.get_mut(&channel);
        let merged = state.and_then(|state| state.merged(from, &held, until));
        merged.map(|merged| Some((from, merged))).ok_or(Delivered::TooSlow)
    }

    /// Gives a watcher what it was spared; whether there was room.
    fn give_held(&mut self, channel: Channel, name: &str, watcher: &mut Watcher) -> bool {
        match self.take_held(channel, watcher) {
            Ok(Some((from, held))) => {
                watcher.seq = held.seq;
                self.write_event(name, watcher.connection, &held, from)
            }
            Ok(None) => true,
            Err(_) => false,
        }
    }

    /// Writes an event that stands for all from `from` on; says whether there was room.
    #[inline]
    fn write_event(&mut self, name: &str, key: Key, event: &ChannelEvent, from: u64) -> bool {
        let Some(connection) = self.connections.get_mut(key).filter(|connection| connection.is_open()) else {
            return true;
        };
        self.metrics.deliveries.add(1);
        Self::lend_buffer(&mut self.spares, connection);
        if !connection.is_dirty {
            connection.is_dirty = true;
            self.dirty.push(key);
        }
        let names = (name, self.link.epoch());
        let limit = if mutant("watcher_unbounded") { usize::MAX } else { self.options.watcher_bytes };
        if from == event.seq {
            return connection.push_event(event.framed(connection.encoding, names), limit);
        }
        let (mut payload, mut frame) = (Vec::new(), Vec::new());
        if event.write(&mut payload, connection.encoding, names, Some(from)).is_err() {
            return true;
        }
        write_frame(&mut frame, connection.encoding, &payload);
        connection.push_event(&frame, limit)
    }

    /// Gives one watcher one event: what it missed while its subscription was answered.
    pub(crate) fn deliver_to(&mut self, now: Timestamp, channel: Channel, key: Key, event: &ChannelEvent) {
        let Some(state) = self.channels.get_mut(&channel) else { return };
        let Some(watcher) = state.watchers.iter_mut().find(|watcher| watcher.connection == key) else {
            return;
        };
        if event.seq <= watcher.seq {
            return;
        }
        watcher.seq = event.seq;
        let name = state.name.clone();
        if !self.write_event(&name, key, event, event.seq) {
            self.close(now, key, Close::SlowConsumer);
        }
    }

    /// The frame from the engine has been read: what was held back goes out where there is room.
    pub(crate) fn release_all_held(&mut self, now: Timestamp) {
        let held = std::mem::take(&mut self.held);
        for &(channel, key) in &held {
            self.release(now, channel, key);
        }
        // The list's memory is used again.
        if self.held.is_empty() {
            self.held = held;
            self.held.clear();
        }
    }

    /// A connection has room again: the newest of what was held back for it.
    pub(crate) fn release_held(&mut self, now: Timestamp, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.has_held = false;
        let channels: Vec<Channel> = connection.subscriptions.iter().copied().collect();
        for channel in channels {
            self.release(now, channel, key);
        }
    }

    fn release(&mut self, now: Timestamp, channel: Channel, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if connection.output().len() > HOLD_FROM_BYTES {
            connection.has_held = true;
            return;
        }
        let Some(state) = self.channels.get_mut(&channel) else { return };
        let Some(watcher) = state.watchers.iter_mut().find(|watcher| watcher.connection == key) else {
            return;
        };
        let Some((from, mut event)) = watcher.held.take() else { return };
        let until = if event.is_mergeable { watcher.held_until } else { event.seq };
        watcher.seq = until;
        let name = state.name.clone();
        match state.merged(from, &event, until) {
            Some(merged) => event = merged,
            None => return self.close(now, key, Close::SlowConsumer),
        }
        if !self.write_event(&name, key, &event, from) {
            self.close(now, key, Close::SlowConsumer);
        }
    }

    /// Answers subscribers whose events or positions have come.
    pub(crate) fn settle_channels(&mut self, now: Timestamp) {
        for channel in std::mem::take(&mut self.unsettled) {
            self.settle(now, channel);
        }
    }

    /// The engine has published further: whoever waited for a position may be answered.
    pub(crate) fn positions_advanced(&mut self) {
        let waiting =
            self.channels.values().filter(|state| !state.waiting.is_empty()).map(|state| state.channel);
        for channel in waiting {
            if !self.unsettled.contains(&channel) {
                self.unsettled.push(channel);
            }
        }
    }

    /// A new link: every channel that somebody watches is followed from where it stands.
    pub(crate) fn follow_again(&mut self, now: Timestamp) {
        self.channels.retain(|_, state| !state.watchers.is_empty() || !state.waiting.is_empty());
        let mut channels: Vec<Channel> = self.channels.keys().copied().collect();
        channels.sort_unstable();
        for channel in channels {
            self.follow_channel_again(now, channel);
        }
    }

    /// A connection does not watch a channel any more, or does not wait for it.
    pub(crate) fn forget_watcher(&mut self, now: Timestamp, channel: Channel, key: Key) {
        let Some(state) = self.channels.get_mut(&channel) else { return };
        if let Some(at) = state.watchers.iter().position(|watcher| watcher.connection == key) {
            state.watchers.swap_remove(at);
        }
        state.waiting.retain(|waiting| waiting.connection != key);
        if state.watchers.is_empty() && state.waiting.is_empty() && state.idle_since.is_none() {
            state.idle_since = Some(now);
        }
    }

    /// The same, and every `subscribe` that still waits hears why it is over: each request has exactly one reply.
    pub(crate) fn withdraw_watcher(&mut self, now: Timestamp, channel: Channel, key: Key, why: &WireError) {
        let Some(state) = self.channels.get_mut(&channel) else { return };
        let over: Vec<Waiting> = state.waiting.extract_if(.., |one| one.connection == key).collect();
        self.forget_watcher(now, channel, key);
        for waiting in over {
            self.refuse(now, &waiting.to(), why);
        }
    }

    /// Channels that nobody has watched for a while are not followed any more; those whose following failed are asked
    /// for again.
    pub(crate) fn tick_channels(&mut self, now: Timestamp) {
        let linger_us = (self.options.linger_ms as i64).saturating_mul(1_000);
        let (mut ended, mut again) = (Vec::new(), Vec::new());
        for state in self.channels.values() {
            match state.idle_since {
                Some(since) if now.0 - since.0 >= linger_us => ended.push((state.channel, state.follow)),
                None if state.follow == Follow::No => again.push(state.channel),
                _ => {}
            }
        }
        for (channel, follow) in ended {
            self.channels.remove(&channel);
            if follow != Follow::No && self.link.is_up() {
                let (request, by) = (0, Default::default());
                self.link.follows.push(FollowItem {
                    request,
                    by,
                    min_position: 0,
                    channel,
                    follow: false,
                    after: 0,
                });
            }
        }
        again.sort_unstable();
        for channel in again {
            self.follow_channel_again(now, channel);
        }
        self.metrics.channels.set(self.channels.len() as u64);
    }
}
