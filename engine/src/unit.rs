//! What a shard hands to the journal: decisions, and what may be told of them once they are durable.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use vendue_domain::actor::{ActorAddress, Event, Events};
use vendue_domain::context::Stamp;
use vendue_domain::effect::OutsideRequest;
use vendue_domain::facts::FactChange;
use vendue_protocol::link::{FrameBuilder, FrameKind, Reply, ReplyItem};
use vendue_storage::{Batch, Position};

use crate::effects::{Arrival, Departure};

/// One gateway's link, by number; never reused while the process runs.
pub type LinkId = u32;

/// The decisions that one shard makes in one round, on their way to the journal.
///
/// A reply waits here with the outcome it tells, a rejection too: it may rest on a fact that is not durable yet.
#[derive(Default)]
pub struct Unit {
    /// The records.
    pub batch: Batch,
    /// The position of the first record: expected while the unit is filled, certain once it is submitted.
    pub first: Position,
    /// Which shard decided.
    pub shard: u16,
    /// The replies, by link, as bytes ready for the link.
    pub replies: Vec<LinkReplies>,
    /// The decisions for the views, in order.
    pub published: Vec<Published>,
    /// Facts that other shards must learn before the command that changed them is answered.
    pub facts: Vec<Arc<FactBroadcast>>,
    /// Other shards' facts that this unit's records acknowledge.
    pub learned: Vec<Arc<FactBroadcast>>,
    /// Effects for the shards that own their targets, where there are several shards.
    pub effects: Vec<Departure>,
    /// What is asked of the world outside, by the number of the causing record.
    pub outside: Vec<(u32, OutsideRequest)>,
    /// How large a link's replies became when the unit was last used: as much room is made for the next ones at once.
    reply_bytes: usize,
}

/// One link's replies in a unit.
pub struct LinkReplies {
    /// Which link.
    pub link: LinkId,
    /// The frame.
    pub frame: FrameBuilder,
    /// Where in the bytes positions stand that shift if another shard's unit gets in between.
    pub positions: Vec<u32>,
}

/// One decision as the views take it.
#[derive(Debug, Clone)]
pub struct Published {
    /// The record's number within its unit.
    pub index: u32,
    /// Who decided.
    pub address: ActorAddress,
    /// The actor's sequence number after the events.
    pub seq: u64,
    /// The actor's channel after the events.
    pub channel_seq: u64,
    /// How it came about.
    pub stamp: Stamp,
    /// What happened.
    pub events: Events<Event>,
}

/// A fact on its way to every other shard; the command that changed it is answered when all have it.
pub struct FactBroadcast {
    /// The fact.
    pub change: FactChange,
    /// Who changed it.
    pub address: ActorAddress,
    /// The shard that decided it, which knows it already.
    pub origin: u16,
    /// How many shards still have to make its arrival durable.
    pub remaining: AtomicU32,
    /// The reply that waits: link and ready frame.
    pub reply: Option<(LinkId, Vec<u8>)>,
}

/// Offset of the position in an accepted reply's item, from the item's length on: length, request, kind, seq.
const ACCEPTED_POSITION_AT: usize = 4 + 8 + 1 + 8;
/// The same in a rejected one: length, request, kind.
const REJECTED_POSITION_AT: usize = 4 + 8 + 1;

impl Unit {
    /// Whether there is nothing in it: no record, no reply.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.replies.is_empty() && self.learned.is_empty()
    }

    /// Makes the unit empty again; its buffers stay.
    pub fn clear(&mut self) {
        self.batch.clear();
        self.first = 0;
        self.replies.clear();
        self.published.clear();
        self.facts.clear();
        self.learned.clear();
        self.effects.clear();
        self.outside.clear();
    }

    /// Takes the effects of a unit whose place is certain, with their lanes' positions.
    pub fn departures(&mut self) -> impl Iterator<Item = Arrival> + '_ {
        let first = self.first;
        self.effects.drain(..).map(move |Departure { record, mut arrival }| {
            arrival.lane.position = first + u64::from(record);
            arrival
        })
    }

    /// Adds a reply.
    #[inline]
    pub fn reply(&mut self, link: LinkId, item: &ReplyItem<'_>) {
        let replies = match self.replies.iter_mut().position(|replies| replies.link == link) {
            Some(at) => &mut self.replies[at],
            None => {
                let frame =
                    FrameBuilder::new(Vec::with_capacity(self.reply_bytes.max(4_096)), FrameKind::Replies);
                self.replies.push(LinkReplies { link, frame, positions: Vec::new() });
                let last = self.replies.len() - 1;
                &mut self.replies[last]
            }
        };
        let at = replies.frame.len();
        // Also of repetitions that waited with the first: they tell of this unit's records.
        match &item.reply {
            Reply::Accepted { .. } => replies.positions.push((at + ACCEPTED_POSITION_AT) as u32),
            Reply::Rejected { .. } => replies.positions.push((at + REJECTED_POSITION_AT) as u32),
            _ => {}
        }
        replies.frame.item(|out| item.encode(out));
        self.reply_bytes = replies.frame.len();
    }

    /// The unit's place in the journal is certain now: corrects the replies where another shard's unit got in between.
    pub fn place(&mut self, first: Position) {
        let delta = first.wrapping_sub(self.first);
        if delta != 0 {
            for replies in &mut self.replies {
                for &at in &replies.positions {
                    replies.frame.shift_u64(at as usize, delta);
                }
            }
        }
        self.first = first;
    }
}
