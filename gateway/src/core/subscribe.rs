//! Subscribing: either every missed event or a snapshot, never a part (I42), and never older than what the connection has
//! been told (I38).

use vendue_protocol::channel::Channel;
use vendue_protocol::domain::id::AccountId;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::link::FollowItem;
use vendue_protocol::wire::error::Invalid;
use vendue_protocol::wire::limits::QUOTED_CHARS;
use vendue_protocol::wire::session::Subscribe;
use vendue_protocol::wire::{Code, Details, Encoding, WireError, pack};

use crate::core::channel::{Catchup, ChannelState, Follow, Snapshot, Waiting, Watcher};
use crate::core::connection::Close;
use crate::core::reply::{Done, To};
use crate::core::submit::{Owner, Submission};
use crate::core::{Core, Key};

impl Core {
    /// `subscribe`: answered at once where the channel is followed already, else when the engine has answered.
    pub(crate) fn subscribe(
        &mut self,
        now: Timestamp,
        submission: &Submission,
        to: &To,
        subscribe: Subscribe<'_>,
    ) -> Result<(), WireError> {
        let Owner::Socket { connection: key, id } = submission.owner else { return Ok(()) };
        let Some(connection) = self.connections.get_mut(key) else { return Ok(()) };
        let channel = self_channel(&subscribe.channel, connection.account(now))?;
        if connection.identity.is_some() && connection.account(now).is_none() && !channel.is_public() {
            return Err(WireError::new(Code::TokenExpired));
        }
        let is_new = !connection.subscriptions.contains(&channel);
        if is_new && connection.subscriptions.len() >= self.options.subscriptions_max {
            let mut error = WireError::new(Code::LimitExceeded)
                .saying("this connection watches as many channels as it may");
            error.details =
                Details::Limit { limit: "subscriptions", allowed: self.options.subscriptions_max as u64 };
            return Err(error);
        }
        connection.subscriptions.insert(channel);
        if !is_new {
            // Subscribing again is how a client that has lost something asks for it.
            self.withdraw_watcher(now, channel, key, &superseded());
        }
        let waiting = Waiting {
            connection: key,
            id,
            t_in: to.t_in,
            deadline: submission.deadline,
            wants_snapshot: subscribe.snapshot.unwrap_or(true),
            resume: subscribe.resume,
            mode: subscribe.mode.unwrap_or_default(),
            min_position: submission.min_position,
            is_allowed: !matches!(channel, Channel::Ops(_)),
        };
        let state = self.channels.entry(channel).or_insert_with(|| ChannelState::new(channel));
        state.idle_since = None;
        state.waiting.push(waiting.clone());
        self.metrics.channels.set(self.channels.len() as u64);
        if !waiting.is_allowed {
            // Rights are the engine's to judge, for each watcher.
            let account = submission.account.unwrap_or_default();
            self.follow(channel, 0, account, Some((key, id)));
        }
        self.settle(now, channel);
        Ok(())
    }

    /// `unsubscribe`.
    pub(crate) fn unsubscribe(&mut self, now: Timestamp, to: &To, name: &str) -> Result<(), WireError> {
        let Some(connection) = self.connections.get_mut(to.connection) else { return Ok(()) };
        let channel = self_channel(name, connection.account(now))?;
        let was_watched = connection.subscriptions.remove(&channel);
        self.withdraw_watcher(now, channel, to.connection, &superseded());
        let mut data = Vec::with_capacity(64);
        pack::write_map(&mut data, 2);
        pack::write_name(&mut data, "channel");
        pack::write_str(&mut data, name);
        pack::write_name(&mut data, "was_subscribed");
        pack::write_bool(&mut data, was_watched);
        self.reply(now, to, &Done::Data(&data));
        Ok(())
    }

    /// `subscriptions`: what the connection watches, and where each channel stands.
    pub(crate) fn list_subscriptions(&mut self, now: Timestamp, to: &To) {
        let Some(connection) = self.connections.get(to.connection) else { return };
        let mut data = Vec::with_capacity(64);
        pack::write_map(&mut data, 2);
        pack::write_name(&mut data, "epoch");
        pack::write_str(&mut data, self.link.epoch());
        pack::write_name(&mut data, "subscriptions");
        pack::write_array(&mut data, connection.subscriptions.len() as u32);
        for channel in &connection.subscriptions {
            let seq = self.channels.get(channel).and_then(|state| state.seq).unwrap_or_default();
            pack::write_map(&mut data, 2);
            pack::write_name(&mut data, "channel");
            pack::write_str(&mut data, &channel.to_string());
            pack::write_name(&mut data, "seq");
            pack::write_uint(&mut data, seq);
        }
        self.reply(now, to, &Done::Data(&data));
    }

    /// Answers whoever waits for a channel and can be answered.
    pub(crate) fn settle(&mut self, now: Timestamp, channel: Channel) {
        let Some(state) = self.channels.get_mut(&channel) else { return };
        if state.follow != Follow::Live {
            if state.follow == Follow::No && !state.waiting.is_empty() {
                self.follow_first(channel);
            }
            return;
        }
        let published = self.link.published();
        let (mut answers, mut asks_again) = (Vec::new(), false);
        let epoch = self.link.epoch();
        let mut kept = Vec::new();
        for waiting in std::mem::take(&mut state.waiting) {
            if !waiting.is_allowed || published < waiting.min_position {
                kept.push(waiting);
                continue;
            }
            match state.catch_up(epoch, &waiting) {
                Catchup::Later => kept.push(waiting),
                Catchup::AskAgain => {
                    asks_again = true;
                    kept.push(waiting);
                }
                answer => answers.push((waiting, answer)),
            }
        }
        state.waiting = kept;
        if asks_again && !state.is_refreshing {
            state.is_refreshing = true;
            let by = self.speaker(channel);
            self.follow(channel, 0, by, None);
        }
        for (waiting, answer) in answers {
            self.answer_subscriber(now, channel, &waiting, &answer);
        }
    }

    /// Follows a channel for its first subscriber: from where that one stands, if it has been here before.
    fn follow_first(&mut self, channel: Channel) {
        if !self.link.is_up() || matches!(channel, Channel::Ops(_)) {
            return;
        }
        let by = self.speaker(channel);
        let epoch = self.link.epoch();
        let Some(state) = self.channels.get_mut(&channel) else { return };
        let after = match (state.seq, state.waiting.first().and_then(|first| first.resume.as_ref())) {
            (Some(seq), _) => seq,
            (None, Some(resume)) if resume.epoch == epoch => resume.seq,
            (None, _) => 0,
        };
        state.follow = Follow::Asked;
        self.follow(channel, after, by, None);
    }

    /// Follows a channel on a new link: from where it stands, for its watchers; operators' subscribers are asked for one
    /// by one.
    pub(crate) fn follow_channel_again(&mut self, now: Timestamp, channel: Channel) {
        let Some(state) = self.channels.get_mut(&channel) else { return };
        if !self.link.is_up() || state.follow != Follow::No {
            return;
        }
        if !matches!(channel, Channel::Ops(_)) {
            return self.follow_first(channel);
        }
        let (watched, seq) = (!state.watchers.is_empty(), state.seq);
        let asking: Vec<(Key, u64)> =
            state.waiting.iter().filter(|one| !one.is_allowed).map(|one| (one.connection, one.id)).collect();
        if watched {
            state.follow = Follow::Asked;
            let by = self.speaker(channel);
            self.follow(channel, seq.unwrap_or_default(), by, None);
        }
        for (key, id) in asking {
            let account = self.connections.get(key).and_then(|connection| connection.account(now));
            self.follow(channel, 0, account.unwrap_or_default(), Some((key, id)));
        }
    }

    /// Sends a follow; its answer comes to `followed` or `not_followed`.
    fn follow(&mut self, channel: Channel, after: u64, by: AccountId, subscriber: Option<(Key, u64)>) {
        if !self.link.is_up() {
            return;
        }
        let waiting = self.channels.get(&channel).map(|state| state.waiting.iter());
        let min_position =
            waiting.into_iter().flatten().map(|waiting| waiting.min_position).max().unwrap_or_default();
        let request = self.insert_follow(channel, after, subscriber).to_u64();
        self.link.follows.push(FollowItem { request, by, min_position, channel, follow: true, after });
    }

    /// On whose behalf a channel is followed.
    fn speaker(&self, channel: Channel) -> AccountId {
        match channel {
            Channel::Account(account) => account,
            Channel::Ops(_) => {
                let state = self.channels.get(&channel);
                let watcher = state.and_then(|state| state.watchers.first());
                watcher
                    .and_then(|watcher| self.connections.get(watcher.connection)?.identity)
                    .map(|identity| identity.account)
                    .unwrap_or_default()
            }
            _ => AccountId::default(),
        }
    }

    /// The engine follows: with a snapshot, or with the missed events behind this answer.
    pub(crate) fn followed(
        &mut self,
        now: Timestamp,
        channel: Channel,
        after: u64,
        subscriber: Option<(Key, u64)>,
        seq: u64,
        snapshot: &[u8],
    ) {
        let Some(state) = self.channels.get_mut(&channel) else { return };
        state.is_refreshing = false;
        let was_live = std::mem::replace(&mut state.follow, Follow::Live) == Follow::Live;
        if let Some((key, id)) = subscriber {
            for waiting in state.waiting.iter_mut().filter(|one| one.connection == key && one.id == id) {
                waiting.is_allowed = true;
            }
        }
        let base = (!snapshot.is_empty()).then(|| Snapshot { seq, data: snapshot.to_vec() });
        let mut is_gap = false;
        match (state.seq, base) {
            // A fresh snapshot of what is heard all the time, or one that says nothing new.
            (Some(known), Some(base)) if was_live || known == base.seq => state.rebase(base),
            // Events between what was known and this are lost to the watchers.
            (Some(_), Some(base)) => {
                is_gap = true;
                state.restart(seq, Some(base));
            }
            (None, Some(base)) => state.restart(seq, Some(base)),
            // The missed events come behind this answer and reach at least `seq`.
            (known, None) => {
                if known.is_none() {
                    state.restart(after, None);
                }
                state.target = state.target.max(seq);
            }
        }
        if is_gap {
            self.resync(now, channel);
        }
        self.settle(now, channel);
    }

    /// The engine does not follow: whoever asked hears why.
    pub(crate) fn not_followed(
        &mut self,
        now: Timestamp,
        channel: Channel,
        subscriber: Option<(Key, u64)>,
        error: &WireError,
    ) {
        let Some(state) = self.channels.get_mut(&channel) else { return };
        let concerned =
            |one: &Waiting| subscriber.is_none_or(|(key, id)| one.connection == key && one.id == id);
        let refused: Vec<Waiting> = state.waiting.extract_if(.., |one| concerned(one)).collect();
        state.is_refreshing = false;
        let watchers: Vec<Key> = state.watchers.iter().map(|watcher| watcher.connection).collect();
        if subscriber.is_none() && state.follow == Follow::Asked {
            state.follow = Follow::No;
            if !error.temporary {
                for key in watchers {
                    self.end_subscription(now, key, channel, error.code);
                }
            }
        }
        for waiting in refused {
            self.refuse_subscriber(now, channel, &waiting, error);
        }
    }

    /// Watchers that were in the middle of the channel have missed events: they come back at once and subscribe anew.
    pub(crate) fn resync(&mut self, now: Timestamp, channel: Channel) {
        let Some(state) = self.channels.get_mut(&channel) else { return };
        let watchers: Vec<Key> = state.watchers.drain(..).map(|watcher| watcher.connection).collect();
        for key in watchers {
            self.close(now, key, Close::Resync);
        }
    }

    fn refuse_subscriber(&mut self, now: Timestamp, channel: Channel, waiting: &Waiting, error: &WireError) {
        if let Some(connection) = self.connections.get_mut(waiting.connection) {
            connection.subscriptions.remove(&channel);
        }
        self.refuse(now, &waiting.to(), error);
        self.forget_watcher(now, channel, waiting.connection);
    }

    fn answer_subscriber(&mut self, now: Timestamp, channel: Channel, waiting: &Waiting, answer: &Catchup) {
        let Some(state) = self.channels.get_mut(&channel) else { return };
        let epoch = self.link.epoch();
        let (mut seq, mut data) = (state.seq.unwrap_or_default(), Vec::with_capacity(256));
        let fields = 3 + u32::from(!matches!(answer, Catchup::Nothing));
        let resumed = matches!(answer, Catchup::Events(_));
        if let Catchup::Snapshot(snapshot, _) = answer {
            seq = snapshot.seq;
        }
        pack::write_map(&mut data, fields);
        pack::write_name(&mut data, "epoch");
        pack::write_str(&mut data, epoch);
        pack::write_name(&mut data, "seq");
        pack::write_uint(&mut data, seq);
        pack::write_name(&mut data, "resumed");
        pack::write_bool(&mut data, resumed);
        match answer {
            Catchup::Events(events) => {
                pack::write_name(&mut data, "events");
                pack::write_array(&mut data, events.len() as u32);
                for event in events {
                    // MessagePack passes the engine's bytes on as they are: this cannot fail.
                    let _ = event.write(&mut data, Encoding::MessagePack, (&state.name, epoch), None);
                }
            }
            Catchup::Snapshot(snapshot, _) => {
                pack::write_name(&mut data, "snapshot");
                data.extend_from_slice(&snapshot.data);
            }
            _ => {}
        }
        let watcher =
            Watcher { connection: waiting.connection, mode: waiting.mode, seq, held: None, held_until: 0 };
        state.watchers.push(watcher);
        self.reply(now, &waiting.to(), &Done::Data(&data));
        if let Catchup::Snapshot(_, events) = answer {
            for event in events {
                self.deliver_to(now, channel, waiting.connection, event);
            }
        }
    }

    /// Subscribers that have waited too long.
    pub(crate) fn expire_waiting(&mut self, now: Timestamp) {
        let mut over = Vec::new();
        for state in self.channels.values_mut().filter(|state| !state.waiting.is_empty()) {
            let seq = state.seq.unwrap_or_default();
            for waiting in state.waiting.extract_if(.., |waiting| now >= waiting.deadline) {
                let is_ahead = waiting.resume.as_ref().is_some_and(|resume| resume.seq > seq);
                let is_known = state.follow == Follow::Live && state.seq.is_some();
                let code =
                    if is_ahead && is_known { Code::UnrecoverablePosition } else { Code::DeadlineExceeded };
                over.push((state.channel, waiting, code));
            }
        }
        for (channel, waiting, code) in over {
            self.refuse_subscriber(now, channel, &waiting, &WireError::new(code));
        }
    }
}

/// The channel that a name means on this connection.
fn self_channel(name: &str, account: Option<AccountId>) -> Result<Channel, WireError> {
    match Channel::parse(name, account) {
        Some(channel) if channel.is_public() || account.is_some() => Ok(channel),
        Some(_) => Err(WireError::new(Code::Unauthenticated)),
        None if name == "account" => Err(WireError::new(Code::Unauthenticated)),
        None => {
            let mut error = WireError::new(Code::UnknownChannel);
            error.details = Details::Invalid(Box::new(Invalid {
                field: "channel".into(),
                expected: "lot:<id>, stock:<id>, book:<id>, market:<id>, account or ops:<market>".into(),
                got: Some(name.chars().take(QUOTED_CHARS).collect()),
                did_you_mean: None,
            }));
            Err(error)
        }
    }
}

/// Why a `subscribe` that waits is over: the client has changed its mind.
fn superseded() -> WireError {
    WireError::new(Code::NotAllowedInState).saying("a later request for this channel took its place")
}
