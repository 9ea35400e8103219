//! Checkpoints, the shard's part: the state of changed actors, a slice at a time.

use vendue_domain::actor::ActorAddress;
use vendue_domain::facts::FactChange;
use vendue_domain::mutant;
use vendue_domain::time::Timestamp;
use vendue_storage::Position;

use super::passivation::weight_of;
use super::{Shard, stored_bytes};
use crate::effects::Lane;

/// How many actors a checkpoint captures in one round: at about 0.3 us each a bid waits for some tens of microseconds.
pub const CAPTURE_SLICE: usize = 256;

/// How long before its deadline an actor is brought into memory, in microseconds; one that has a deadline sooner stays.
pub const DEADLINE_HORIZON_US: i64 = 60_000_000;

/// An actor's state as the state store will hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredValue {
    /// Which actor.
    pub address: ActorAddress,
    /// Its sequence number in this state.
    pub seq: u64,
    /// Sequence number and state.
    pub bytes: Vec<u8>,
    /// When it next has something to decide by itself.
    pub deadline: Option<Timestamp>,
}

/// One slice of a checkpoint. It may be stored when the journal is durable up to `position`.
#[derive(Debug, Default)]
pub struct Captured {
    /// The actors.
    pub values: Vec<StoredValue>,
    /// Facts learned since the last capture.
    pub facts: Vec<FactChange>,
    /// Up to where effects have been done, of the slots where that has changed.
    pub lanes: Vec<(u16, Lane)>,
    /// The position of the last record that any of them rests on.
    pub position: Position,
    /// How many changed actors remain.
    pub remaining: usize,
}

impl Shard {
    /// How many actors have changed since they were captured.
    #[must_use]
    pub fn changed(&self) -> usize {
        self.dirty.len()
    }

    /// Captures up to `limit` of the longest changed actors. Call it between rounds: everything captured rests on
    /// records before `next`, the position of the next record.
    pub fn capture(&mut self, limit: usize, next: Position) -> Captured {
        let mut captured = Captured {
            values: Vec::with_capacity(limit.min(self.dirty.len())),
            facts: std::mem::take(&mut self.changed_facts),
            lanes: self.changed_lanes(),
            position: next.saturating_sub(1),
            remaining: 0,
        };
        while captured.values.len() < limit {
            let Some(index) = self.dirty.pop_front() else { break };
            let Some(cell) = self.cells[index as usize].as_mut() else { continue };
            if !std::mem::take(&mut cell.dirty) {
                continue;
            }
            let bytes = stored_bytes(cell.seq + u64::from(mutant("capture_behind")), &cell.entity);
            let weight = weight_of(bytes.len());
            captured.values.push(StoredValue {
                address: cell.address,
                seq: cell.seq,
                bytes,
                deadline: cell.entity.next_deadline(),
            });
            self.weigh(index, weight);
        }
        captured.remaining = self.dirty.len();
        captured
    }

    /// The state store holds these actors at these sequence numbers.
    pub fn stored(&mut self, stored: &[(ActorAddress, u64)]) {
        self.store_may_hold |= !stored.is_empty();
        self.sweep.wake();
        for (address, seq) in stored {
            if let Some(&index) = self.index.get(address)
                && let Some(cell) = self.cells[index as usize].as_mut()
            {
                cell.stored_seq = cell.stored_seq.max(*seq);
            }
        }
    }

    /// The state store did not take these after all: they count as changed again.
    pub fn not_stored(
        &mut self,
        addresses: impl Iterator<Item = ActorAddress>,
        mut facts: Vec<FactChange>,
        lanes: impl Iterator<Item = u16>,
    ) {
        self.lanes_not_stored(lanes);
        // Before those learned meanwhile, so that of two versions the newer is written last.
        facts.append(&mut self.changed_facts);
        self.changed_facts = facts;
        for address in addresses {
            if let Some(&index) = self.index.get(&address)
                && let Some(cell) = self.cells[index as usize].as_mut().filter(|cell| !cell.dirty)
            {
                cell.dirty = true;
                self.dirty.push_back(index);
            }
        }
    }
}
