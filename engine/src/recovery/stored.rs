//! The checkpoint, read at a start: what actors looked like, and what the views keep.

use std::ops::ControlFlow;

use vendue_domain::actor::{ActorAddress, Entity};
use vendue_domain::facts::FactChange;
use vendue_domain::id::{Id, StockId};
use vendue_domain::record::{Field, RecordError};
use vendue_storage::{Key, StateStore};

use super::{ACTOR_KINDS, Recovery, VIEW_SPACES};
use crate::effects::Lane;
use crate::error::EngineError;
use crate::shard::{Shard, read_stored};
use crate::views::ViewSpace;

/// Runs a visitor that may fail over the values of one space.
fn scan(
    store: &dyn StateStore,
    space: u8,
    mut visit: impl FnMut(&Key, &[u8]) -> Result<(), RecordError>,
) -> Result<(), EngineError> {
    let mut failed = None;
    store.scan(space, &mut |key, value| match visit(key, value) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(EngineError::Record { position: 0, error });
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), Err)
}

impl Recovery<'_> {
    /// The views know every stored actor. The shards keep those for which they have room, so that the journal after the
    /// checkpoint finds them in memory; the others are loaded when they are needed.
    pub(super) fn load_stored(&mut self) -> Result<(), EngineError> {
        self.progress.begin_checkpoint();
        let store = self.store;
        for kind in ACTOR_KINDS {
            scan(store, kind as u8, |key, value| {
                let address = ActorAddress { kind, id: Id(key.id) };
                let (seq, entity) = read_stored(&address, value)?;
                self.take_stored(address, seq, entity, value.len());
                Ok(())
            })?;
        }
        scan(store, ViewSpace::Fact as u8, |_, value| {
            let change = FactChange::from_bytes(value)?;
            self.views.learn_stored(&change);
            for shard in &mut self.shards {
                shard.learn_stored(&change);
            }
            Ok(())
        })?;
        for space in VIEW_SPACES {
            scan(store, space as u8, |key, value| self.views.restore_value(space, Id(key.id), value))?;
        }
        scan(store, ViewSpace::Lane as u8, |key, value| {
            let lane = Lane::from_bytes(value)?;
            self.owner_of_slot(key.slot).restore_lane(key.slot, lane, false);
            Ok(())
        })?;
        if self.report.stored_actors > 0 {
            for shard in &mut self.shards {
                shard.store_may_hold();
            }
        }
        Ok(())
    }

    /// The views' snapshots of what the journal changed, each made once.
    pub(super) fn refresh_views(&mut self) {
        let shards = self.shards.len() as u16;
        for address in self.views.take_stale() {
            match self.shards[usize::from(Shard::owner(&address, shards))].entity(&address) {
                Some(entity) => self.views.refresh(address, entity),
                None => {
                    tracing::error!(actor = %address, "an actor that the journal changed is not in memory")
                }
            }
        }
    }

    fn take_stored(&mut self, address: ActorAddress, seq: u64, entity: Entity, bytes: usize) {
        if let Entity::Stock(stock) = &entity {
            for reservation in stock.live_reservations() {
                self.directory.insert(reservation, StockId(address.id));
            }
        }
        if let Some(request) = entity.outstanding() {
            self.outstanding.insert(address.id, request);
        }
        self.views.restore(address, seq, &entity);
        self.report.stored_actors += 1;
        self.progress.add_actor();
        let owner = usize::from(Shard::owner(&address, self.shards.len() as u16));
        if self.shards[owner].has_room() {
            self.shards[owner].restore(address, seq, entity, bytes);
        } else {
            self.all_resident = false;
        }
    }
}
