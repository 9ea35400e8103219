//! The views' thread: durable units, queries and follows in; bytes to the links out, once a round.

use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use vendue_domain::actor::Command;
use vendue_domain::market::{MarkMarket, MarketCommand};
use vendue_protocol::link::{FollowItem, QueryItem};

use super::Shared;
use super::host::ShardMessage;
use super::vitals::{self, Queues};
use crate::shard::Shard;
use crate::unit::{LinkId, Unit};
use crate::views::{ViewSpace, ViewValue, Views};

/// How many messages may wait for the views; past it commits and links wait.
pub(super) const QUEUE_MAX: usize = 4_096;

/// How many messages are taken before what they led to is sent.
const ROUND_MAX: usize = 256;

/// How often every link hears the cell's time, whatever the traffic.
const PULSE: Duration = Duration::from_millis(500);

/// What reaches the views.
pub(super) enum ViewsMessage {
    /// Durable decisions, in journal order.
    Unit(Box<Unit>),
    /// A question.
    Query(LinkId, QueryItem),
    /// The beginning or end of following a channel.
    Follow(LinkId, FollowItem),
    /// A gateway has come.
    LinkUp(LinkId),
    /// A gateway has gone.
    LinkDown(LinkId),
    /// A slice for a checkpoint: values, position, how many remain.
    Capture(usize, Sender<(Vec<ViewValue>, u64, usize)>),
    /// The state store did not take these.
    NotStored(Vec<(ViewSpace, vendue_domain::id::Id)>),
    /// The state store holds these actors at these sequence numbers.
    Stored(Vec<(vendue_domain::actor::ActorAddress, u64)>),
    /// The end.
    Stop,
}

pub(super) fn run(shared: &Shared, mut views: Views, receiver: &Receiver<ViewsMessage>) {
    let conflation = Duration::from_millis(shared.options.market_conflation_ms);
    let mut pulse_at = Instant::now() + PULSE;
    let mut mark_at = Instant::now() + conflation;
    loop {
        let wait = pulse_at.min(mark_at).saturating_duration_since(Instant::now());
        match receiver.recv_timeout(wait) {
            Ok(message) => {
                if !take(shared, &mut views, message) {
                    return;
                }
                for message in receiver.try_iter().take(ROUND_MAX) {
                    if !take(shared, &mut views, message) {
                        return;
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        let pulse = now >= pulse_at;
        if pulse {
            pulse_at = now + PULSE;
        }
        if now >= mark_at {
            mark_at = now + conflation;
            mark(shared, &views);
        }
        let durable = shared.committer.durable();
        views.finish(shared.clock.now(), durable, pulse, |link, bytes| shared.links.write(link, &bytes));
        if pulse {
            let queues =
                Queues { views: receiver.len(), shown: views.position(), links: views.links().len() };
            let frame = vitals::frame(&vitals::vitals(shared, &queues));
            views.links().iter().for_each(|&link| shared.links.write(link, &frame));
        }
    }
}

/// Takes a message; `false` at the end.
fn take(shared: &Shared, views: &mut Views, message: ViewsMessage) -> bool {
    match message {
        ViewsMessage::Unit(unit) => {
            views.unit(&unit);
            shared.committer.recycle(unit);
        }
        ViewsMessage::Query(link, item) => views.query(link, item),
        ViewsMessage::Follow(link, item) => views.follow(link, item),
        ViewsMessage::LinkUp(link) => views.link_up(link),
        ViewsMessage::LinkDown(link) => views.link_down(link),
        ViewsMessage::Capture(limit, reply) => {
            let values = views.capture(limit);
            let _ = reply.try_send((values, views.position(), views.changed()));
        }
        ViewsMessage::NotStored(values) => views.not_stored(values.into_iter()),
        ViewsMessage::Stored(stored) => views.stored(&stored),
        ViewsMessage::Stop => return false,
    }
    true
}

/// Asks the markets that have something to tell for their marks.
fn mark(shared: &Shared, views: &Views) {
    for market in views.markets_to_mark() {
        let target = market.into();
        let command = Box::new(Command::Market(MarketCommand::Mark(MarkMarket { market })));
        let owner = Shard::owner(&target, shared.options.shard_count());
        if let Some(shard) = shared.shard(owner) {
            shard.do_send(ShardMessage::Internal(target, command));
        }
    }
}
