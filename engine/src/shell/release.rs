//! What happens to units once they are durable: replies go to the links, effects and facts to the
//! shards, requests to the connector, decisions to the views.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crossbeam::channel::Sender;
use vendue_storage::AppendError;

use super::host::{ShardAddr, ShardMessage};
use super::links::Links;
use super::views_thread::ViewsMessage;
use crate::commit::Release;
use crate::connector::Requests;
use crate::effects::Arrival;
use crate::shard::Shard;
use crate::unit::Unit;

/// Tells what is durable.
pub(super) struct Told {
    pub(super) links: Arc<Links>,
    pub(super) views: Sender<ViewsMessage>,
    pub(super) shards: Arc<OnceLock<Vec<ShardAddr>>>,
    pub(super) requests: Requests,
    pub(super) failed: Arc<AtomicBool>,
    pub(super) failure: Mutex<Option<tokio::sync::oneshot::Sender<String>>>,
}

impl Told {
    /// Effects go to the shards of their targets, one message each, in journal order; before the views have the units, so
    /// that a checkpoint that goes by the views' position finds them with their shards.
    fn deliver(&self, units: &mut [Box<Unit>]) {
        if let Some(shards) = self.shards.get() {
            let mut arrivals: Vec<Vec<Arrival>> = Vec::new();
            for unit in units.iter_mut().filter(|unit| !unit.effects.is_empty()) {
                arrivals.resize_with(shards.len(), Vec::new);
                for arrival in unit.departures() {
                    let owner = Shard::owner(&arrival.effect.target, shards.len() as u16);
                    arrivals[usize::from(owner)].push(arrival);
                }
            }
            for (shard, arrivals) in shards.iter().zip(arrivals).filter(|(_, arrivals)| !arrivals.is_empty())
            {
                shard.do_send(ShardMessage::Effects(arrivals));
            }
        }
        for unit in units.iter_mut() {
            let first = unit.first;
            for (record, request) in unit.outside.drain(..) {
                self.requests.hand_over(first + u64::from(record), request);
            }
        }
    }
}

impl Release for Told {
    fn release(&self, units: &mut Vec<Box<Unit>>) {
        // Replies first: they are what somebody waits for.
        for unit in units.iter_mut() {
            for replies in unit.replies.drain(..) {
                self.links.write(replies.link, &replies.frame.finish());
            }
        }
        for unit in units.iter_mut() {
            for broadcast in unit.facts.drain(..) {
                for (number, shard) in self.shards.get().into_iter().flatten().enumerate() {
                    if number != usize::from(broadcast.origin) {
                        shard.do_send(ShardMessage::Learn(broadcast.clone()));
                    }
                }
            }
            for broadcast in unit.learned.drain(..) {
                if broadcast.remaining.fetch_sub(1, Ordering::AcqRel) == 1
                    && let Some((link, reply)) = &broadcast.reply
                {
                    self.links.write(*link, reply);
                }
            }
        }
        self.deliver(units);
        for unit in units.drain(..) {
            // Bounded: views that cannot keep up slow the journal down, and with it everybody; nothing is lost.
            if self.views.send(ViewsMessage::Unit(unit)).is_err() {
                return;
            }
        }
    }

    fn failed(&self, error: &AppendError) {
        tracing::error!(%error, "the journal failed: nothing more is acknowledged");
        self.failed.store(true, Ordering::Release);
        self.links.close_all();
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(failure) = failure {
            let _ = failure.send(error.to_string());
        }
    }
}
