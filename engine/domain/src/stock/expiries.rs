//! When reservations end by themselves, earliest first.
//!
//! A heap whose entries are not taken out when their reservation ends otherwise: that costs nothing where most reservations
//! end by payment. Entries that mean nothing any more are dropped when they come to the top, so that the top is always a live
//! reservation's, and all of them when they are most of the heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::id::ReservationId;
use crate::time::Timestamp;

type Entry = (Timestamp, ReservationId);

/// How many entries a heap may have before it is worth looking how many of them are live.
const SWEEP_FROM: usize = 64;

#[derive(Debug, Clone, Default)]
pub(super) struct Expiries {
    heap: BinaryHeap<Reverse<Entry>>,
}

impl Expiries {
    /// The earliest end.
    #[inline]
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// A reservation ends then. Where it ended at another moment before, that entry means nothing any more.
    #[inline]
    pub(super) fn insert(&mut self, at: Timestamp, id: ReservationId) {
        self.heap.push(Reverse((at, id)));
    }

    /// After a reservation has ended, or ends later: `is_live` says whether an entry is that of a reservation as it is now,
    /// `live` how many there are.
    #[inline]
    pub(super) fn clean(&mut self, live: usize, is_live: impl Fn(Timestamp, ReservationId) -> bool) {
        while let Some(Reverse((at, id))) = self.heap.peek()
            && !is_live(*at, *id)
        {
            self.heap.pop();
        }
        if self.heap.len() > SWEEP_FROM && self.heap.len() / 2 > live {
            self.heap.retain(|Reverse((at, id))| is_live(*at, *id));
        }
    }

    /// The entries that are due at `now`, in order; some may mean nothing any more. Takes time only for those it gives.
    pub(super) fn due(&self, now: Timestamp) -> impl Iterator<Item = Entry> + '_ {
        // A walk down the heap's tree, always to the earliest entry that has been seen.
        let entries = self.heap.as_slice();
        let mut seen = BinaryHeap::new();
        let see = move |seen: &mut BinaryHeap<Reverse<(Entry, usize)>>, place: usize| {
            if let Some(Reverse(entry)) = entries.get(place)
                && entry.0 <= now
            {
                seen.push(Reverse((*entry, place)));
            }
        };
        see(&mut seen, 0);
        std::iter::from_fn(move || {
            let Reverse((entry, place)) = seen.pop()?;
            see(&mut seen, 2 * place + 1);
            see(&mut seen, 2 * place + 2);
            Some(entry)
        })
    }
}

impl FromIterator<Entry> for Expiries {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self { heap: entries.into_iter().map(Reverse).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_order_and_only_that() {
        let id = |nth: i64| ReservationId::from_u128(nth.unsigned_abs().into());
        let mut expiries = Expiries::default();
        // 7 is prime to 101: every moment once, in no order.
        (0..101).for_each(|nth| expiries.insert(Timestamp(nth * 7 % 101), id(nth * 7 % 101)));
        for now in [-1, 0, 50, 100, 200] {
            let due: Vec<i64> = expiries.due(Timestamp(now)).map(|(at, _)| at.0).collect();
            assert_eq!(due, (0..=now.min(100)).collect::<Vec<_>>());
        }
        expiries.clean(49, |at, _| at.0 % 2 == 1);
        assert_eq!((expiries.first(), expiries.heap.len()), (Some(Timestamp(1)), 50), "swept");
        expiries.clean(0, |_, _| false);
        assert_eq!(expiries.first(), None);
    }
}
