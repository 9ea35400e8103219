//! Checkpoints of a local cell, whole at a call.

use vendue_domain::record::Field;
use vendue_storage::Change;

use super::LocalCell;
use crate::error::EngineError;
use crate::recovery::{Marker, actor_key, captured_key, fact_key, lane_key};
use crate::shard::Shard;

impl LocalCell {
    /// A checkpoint of everything decided, which is made durable first (and told with the next commit), and passivation.
    ///
    /// # Errors
    /// The store's, or the journal's.
    pub fn checkpoint(&mut self) -> Result<(), EngineError> {
        self.committer.commit_now();
        if self.committer.has_failed() {
            let why = "what a checkpoint would hold is not durable".to_owned();
            return Err(EngineError::JournalFailed(why));
        }
        let next = self.committer.next();
        let mut changes = Vec::new();
        let mut view_keys = Vec::new();
        for value in self.views.capture(usize::MAX) {
            view_keys.push((value.space, value.owner));
            changes.push(Change { key: captured_key(&value), value: value.bytes, deadline: None });
        }
        let mut stored = Vec::new();
        let mut all_facts = Vec::new();
        let mut all_lanes = Vec::new();
        let oldest = self.shards.iter().filter_map(Shard::oldest_effect).min().unwrap_or(next);
        for shard in &mut self.shards {
            let captured = shard.capture(usize::MAX, next);
            for (slot, lane) in &captured.lanes {
                changes.push(Change { key: lane_key(*slot), value: Some(lane.to_bytes()), deadline: None });
            }
            all_lanes.push(captured.lanes);
            for change in &captured.facts {
                changes.push(Change {
                    key: fact_key(change),
                    value: Some(change.to_bytes()),
                    deadline: None,
                });
            }
            all_facts.push(captured.facts);
            stored.push(captured.values.iter().map(|value| (value.address, value.seq)).collect::<Vec<_>>());
            for value in captured.values {
                let deadline = value.deadline.map(|at| at.0);
                changes.push(Change { key: actor_key(&value.address), value: Some(value.bytes), deadline });
            }
        }
        let replay_from = next.min(self.views.position() + 1).min(oldest);
        let marker = Marker { cell: self.cell, replay_from, time: self.now };
        if let Err(error) = self.ground.store.checkpoint(&mut changes.into_iter(), &marker.to_bytes()) {
            let undone = stored.into_iter().zip(all_facts).zip(all_lanes);
            for (shard, ((stored, facts), lanes)) in self.shards.iter_mut().zip(undone) {
                let addresses = stored.into_iter().map(|(address, _)| address);
                shard.not_stored(addresses, facts, lanes.into_iter().map(|(slot, _)| slot));
            }
            self.views.not_stored(view_keys.into_iter());
            return Err(error.into());
        }
        for (shard, stored) in self.shards.iter_mut().zip(stored) {
            shard.stored(&stored);
            self.views.stored(&stored);
            shard.passivate();
        }
        Ok(())
    }
}
