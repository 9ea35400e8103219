//! The link to the engine: greeting, frames, clock, and what a new link has to be told again.

use vendue_protocol::domain::record::Field;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::link::{
    EventItem, FollowItem, FrameBuilder, FrameKind, Hello, Items, LINK_VERSION, LinkError, Pulse, Refused,
    ReplyItem, Welcome, split_frame, write_record_frame,
};
use vendue_protocol::signs::Vitals;

use crate::core::Core;
use crate::core::channel::Follow;
use crate::core::connection::Close;

/// The longest deadline before an engine has told its own, in milliseconds.
const DEADLINE_MAX_MS: u64 = 60_000;
/// How long keys are kept by default (PROTOCOL section 2), told before an engine has said its own, in milliseconds.
const KEY_WINDOW_MS: u64 = 24 * 3_600 * 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Down,
    /// `Hello` has gone out.
    Greeting,
    Up,
}

/// What is known of the link and of the engine at its other end.
#[derive(Debug)]
pub(crate) struct LinkState {
    gateway: u128,
    status: Status,
    output: Vec<u8>,
    /// Follows that wait to be sent; made anew for each link.
    pub(crate) follows: Vec<FollowItem>,
    epoch: String,
    has_been_up: bool,
    key_window_ms: u64,
    deadline_max_ms: u64,
    /// Events up to this journal position have come.
    published: u64,
}

impl LinkState {
    pub(crate) fn new(gateway: u128) -> Self {
        Self {
            gateway,
            status: Status::Down,
            output: Vec::new(),
            follows: Vec::new(),
            epoch: String::new(),
            has_been_up: false,
            key_window_ms: KEY_WINDOW_MS,
            deadline_max_ms: DEADLINE_MAX_MS,
            published: 0,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.status == Status::Up
    }

    pub(crate) const fn gateway(&self) -> u128 {
        self.gateway
    }

    /// The history's name as clients hear it; empty before the first engine was heard.
    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    pub(crate) const fn key_window_ms(&self) -> u64 {
        self.key_window_ms
    }

    pub(crate) const fn deadline_max_ms(&self) -> u64 {
        self.deadline_max_ms
    }

    pub(crate) const fn published(&self) -> u64 {
        self.published
    }
}

impl Core {
    /// The link's stream is open: the greeting waits in [`Core::link_output`].
    pub fn link_opened(&mut self) {
        self.link.status = Status::Greeting;
        self.link.output.clear();
        let hello = Hello {
            link_version: LINK_VERSION,
            gateway: self.link.gateway,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        write_record_frame(&mut self.link.output, FrameKind::Hello, &hello);
    }

    /// The link's stream has ended. What waits, waits for the next one until its deadline.
    pub fn link_closed(&mut self) {
        self.link.status = Status::Down;
        self.link.output.clear();
        self.link.follows.clear();
        self.metrics.link_up.set(0);
        self.metrics.engine_away();
        self.link_lost();
        for state in self.channels.values_mut() {
            state.follow = Follow::No;
            state.is_refreshing = false;
        }
    }

    /// Takes the whole frames at the front of the link's bytes; says how many bytes they were.
    ///
    /// # Errors
    /// Bytes that are no frames of this version; the link is to be closed then.
    pub fn link_receive(&mut self, own: Timestamp, bytes: &[u8]) -> Result<usize, LinkError> {
        let mut taken = 0;
        while let Some((kind, payload, length)) = split_frame(&bytes[taken..])? {
            taken += length;
            self.on_link_frame(own, kind, payload)?;
        }
        if taken > 0 {
            let now = self.clock.now(own);
            self.settle_channels(now);
            self.release_all_held(now);
        }
        Ok(taken)
    }

    /// What is to be written to the link, gathered since the last call into one run of bytes. The caller takes away
    /// what it has written.
    pub fn link_output(&mut self) -> &mut Vec<u8> {
        if self.link.is_up() {
            // Follows first: on a new link the events of commands that are sent again are heard by those who watch.
            if !self.link.follows.is_empty() {
                let mut frame = FrameBuilder::new(std::mem::take(&mut self.link.output), FrameKind::Follows);
                for item in self.link.follows.drain(..) {
                    frame.item(|out| item.encode(out));
                }
                self.link.output = frame.finish();
            }
            if self.commands.has_unsent() {
                self.commands.flush(&mut self.link.output);
            }
            if self.queries.has_unsent() {
                self.queries.flush(&mut self.link.output);
            }
        }
        &mut self.link.output
    }

    /// Whether [`Core::link_output`] has something new.
    #[must_use]
    pub fn has_link_output(&self) -> bool {
        !self.link.output.is_empty()
            || (self.link.is_up()
                && (self.commands.has_unsent() || self.queries.has_unsent() || !self.link.follows.is_empty()))
    }

    fn on_link_frame(&mut self, own: Timestamp, kind: FrameKind, payload: &[u8]) -> Result<(), LinkError> {
        let is_greeting = self.link.status == Status::Greeting;
        match kind {
            FrameKind::Welcome if is_greeting => self.welcomed(own, &Welcome::from_bytes(payload)?),
            FrameKind::Refused => {
                let refused = Refused::from_bytes(payload)?;
                tracing::error!(reason = refused.reason, "the engine refuses this gateway");
                Err(LinkError::Malformed("the engine refused"))
            }
            _ if is_greeting => Err(LinkError::Malformed("the engine speaks before its welcome")),
            FrameKind::Replies => {
                let now = self.clock.now(own);
                for item in Items::new(payload) {
                    let item = ReplyItem::decode(item?)?;
                    self.complete(now, item.request, item.reply);
                }
                Ok(())
            }
            FrameKind::Events => {
                let now = self.clock.now(own);
                for item in Items::new(payload) {
                    self.on_event(now, &EventItem::decode(item?)?);
                }
                Ok(())
            }
            FrameKind::Pulse => {
                let pulse = Pulse::from_bytes(payload)?;
                self.clock.learn(own, pulse.time);
                if !pulse.signed_out.is_empty() {
                    let now = self.clock.now(own);
                    self.sign_out(now, &pulse.signed_out);
                }
                if pulse.published > self.link.published {
                    self.link.published = pulse.published;
                    self.positions_advanced();
                }
                Ok(())
            }
            FrameKind::Vitals => {
                self.metrics.engine_told(Vitals::from_bytes(payload)?);
                Ok(())
            }
            FrameKind::Hello
            | FrameKind::Welcome
            | FrameKind::Commands
            | FrameKind::Queries
            | FrameKind::Follows => {
                Err(LinkError::Malformed("a frame that only gateways send, or a second welcome"))
            }
        }
    }

    fn welcomed(&mut self, own: Timestamp, welcome: &Welcome) -> Result<(), LinkError> {
        if welcome.link_version != LINK_VERSION {
            return Err(LinkError::Malformed("the engine speaks another version of the link"));
        }
        self.link.status = Status::Up;
        self.link.key_window_ms = welcome.key_window_ms;
        self.link.deadline_max_ms = welcome.deadline_max_ms.max(1);
        self.link.published = 0;
        self.clock.learn(own, welcome.time);
        let now = self.clock.now(own);
        let epoch = format!("{:x}", welcome.epoch);
        if self.link.epoch != epoch {
            if !self.link.epoch.is_empty() {
                self.history_changed(now);
            }
            self.link.epoch = epoch;
        }
        if self.link.has_been_up {
            self.metrics.link_reconnects.add(1);
        }
        self.link.has_been_up = true;
        self.metrics.link_up.set(1);
        self.rewrite_outboxes();
        self.follow_again(now);
        tracing::info!(engine = welcome.version, epoch = self.link.epoch, "the link is up");
        Ok(())
    }

    /// History was restored from a backup: nothing that was told continues (4203 for everybody who watches), and
    /// positions of the old history mean nothing.
    fn history_changed(&mut self, now: Timestamp) {
        self.channels.clear();
        for key in self.connections.keys() {
            let Some(connection) = self.connections.get_mut(key) else { continue };
            connection.min_position = 0;
            if !connection.subscriptions.is_empty() {
                self.close(now, key, Close::Resync);
            }
        }
    }
}
