//! The resting orders themselves, one cache line each, and their ids.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::ladder::Place;
use super::{Handle, NONE, Order, Side};
use crate::id::AccountId;

/// One order: 64 bytes, so that a match touches one cache line of each maker.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Node {
    pub(super) id: u128,
    pub(super) account: AccountId,
    pub(super) price: u64,
    /// Lots; 0 where the place is free.
    pub(super) remaining: u64,
    /// The level's number in its ladder.
    pub(super) level: u32,
    /// The order before it in its level.
    pub(super) previous: u32,
    /// The order after it in its level; the next free place where it is free.
    pub(super) next: u32,
    pub(super) side: Side,
}

const _: () = assert!(size_of::<Node>() == 64);

impl Node {
    pub(super) const fn order(&self) -> Order {
        let Self { id, account, side, price, remaining, .. } = *self;
        Order { id, account, side, price, quantity: remaining }
    }

    pub(super) const fn place(&self) -> Place {
        Place::from_number(self.level)
    }
}

/// Places of orders, reused; and where each id is.
#[derive(Debug, Clone)]
pub(super) struct Slab {
    nodes: Vec<Node>,
    /// The first free place, [`NONE`] where there is none.
    free: u32,
    /// Places by the hash of their ids: four bytes each, because the id stands in the node that is needed anyway.
    index: HashTable<u32>,
    /// Keyed at random: ids come from clients, and nothing depends on the table's order.
    hasher: DefaultHashBuilder,
}

impl Default for Slab {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: NONE, index: HashTable::new(), hasher: DefaultHashBuilder::default() }
    }
}

impl Slab {
    /// Live orders.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    #[inline]
    pub(super) fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    #[inline]
    pub(super) fn node_mut(&mut self, at: u32) -> &mut Node {
        &mut self.nodes[at as usize]
    }

    /// The node of a handle, if it is live.
    #[inline]
    pub(super) fn live(&self, handle: Handle) -> Option<&Node> {
        self.nodes.get(handle.0 as usize).filter(|node| node.remaining > 0)
    }

    /// The place of a live id.
    #[inline]
    pub(super) fn find(&self, id: u128) -> Option<u32> {
        self.index.find(self.hasher.hash_one(id), |&at| self.nodes[at as usize].id == id).copied()
    }

    /// Room for so many orders more, without allocating on the way.
    pub(super) fn reserve(&mut self, additional: usize) {
        self.nodes.reserve(additional);
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        self.index.reserve(additional, |&at| hasher.hash_one(nodes[at as usize].id));
    }

    /// Puts an order whose id is not live into a free place.
    #[inline]
    pub(super) fn insert(&mut self, node: Node) -> u32 {
        let hash = self.hasher.hash_one(node.id);
        let at = self.free;
        let at = if at == NONE {
            self.nodes.push(node);
            self.nodes.len() as u32 - 1
        } else {
            let place = &mut self.nodes[at as usize];
            self.free = place.next;
            *place = node;
            at
        };
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        self.index.insert_unique(hash, at, |&at| hasher.hash_one(nodes[at as usize].id));
        at
    }

    /// Frees a place.
    #[inline]
    pub(super) fn remove(&mut self, at: u32) {
        let free = self.free;
        let node = &mut self.nodes[at as usize];
        node.remaining = 0;
        node.next = free;
        self.free = at;
        let hash = self.hasher.hash_one(node.id);
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == at) {
            entry.remove();
        }
    }
}
