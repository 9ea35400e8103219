//! How many units there are, in all and at each location; and from which locations a line is served.

use std::cmp::Reverse;

use super::{Counters, Location, LocationCounters, Part, Place, Split, Strategy};

/// The quantities of a stock item. Cloned by a rule that asks "what if": without locations that allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Levels {
    pub(super) on_hand: u64,
    pub(super) allocated: u64,
    /// The sum of the live reservations (I26).
    pub(super) reserved: u64,
    pub(super) threshold: i64,
    /// None where the item has one location: the sums are its own then.
    pub(super) locations: Vec<LocationCounters>,
}

/// `on_hand - allocated - reserved - threshold`, which may be below 0 where a rule asks "what if".
#[must_use]
pub(super) fn available(on_hand: u64, allocated: u64, reserved: u64, threshold: i64) -> i128 {
    i128::from(on_hand) - i128::from(allocated) - i128::from(reserved) - i128::from(threshold)
}

impl Counters {
    /// The counters of these quantities; `available` is 0 where the formula gives less.
    #[must_use]
    pub fn new(on_hand: u64, allocated: u64, reserved: u64, threshold: i64) -> Self {
        let available = available(on_hand, allocated, reserved, threshold);
        Self { on_hand, allocated, reserved, available: u64::try_from(available).unwrap_or(0) }
    }
}

impl LocationCounters {
    /// Units there that nobody has been promised.
    #[must_use]
    pub const fn free(&self) -> u64 {
        self.on_hand.saturating_sub(self.allocated).saturating_sub(self.reserved)
    }
}

/// Which quantities a line's units are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Reserved,
    Allocated,
}

impl Levels {
    /// As [`available`], now.
    pub(super) fn available(&self) -> i128 {
        available(self.on_hand, self.allocated, self.reserved, self.threshold)
    }

    pub(super) fn counters(&self) -> Counters {
        Counters::new(self.on_hand, self.allocated, self.reserved, self.threshold)
    }

    /// Takes an event's quantities over.
    pub(super) fn set(&mut self, counters: Counters, split: Option<&Split>) {
        self.on_hand = counters.on_hand;
        self.allocated = counters.allocated;
        self.reserved = counters.reserved;
        if let Some(split) = split {
            self.locations.clone_from(&split.locations);
        }
        debug_assert_eq!(counters, self.counters(), "I23");
    }

    /// The locations' quantities for an event, with the parts of what the event is about; none where there is one location.
    pub(super) fn split(&self, parts: &[Part]) -> Option<Box<Split>> {
        let locations = &self.locations;
        (!locations.is_empty())
            .then(|| Box::new(Split { parts: parts.to_vec(), locations: locations.clone() }))
    }

    fn total(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Reserved => &mut self.reserved,
            Kind::Allocated => &mut self.allocated,
        }
    }

    fn at(&mut self, kind: Kind, location: u32) -> Option<&mut u64> {
        let location = self.locations.get_mut(location as usize)?;
        Some(match kind {
            Kind::Reserved => &mut location.reserved,
            Kind::Allocated => &mut location.allocated,
        })
    }

    /// Counts a line's units.
    pub(super) fn put(&mut self, kind: Kind, quantity: u64, parts: &[Part]) {
        *self.total(kind) += quantity;
        for part in parts {
            if let Some(at) = self.at(kind, part.location) {
                *at += part.quantity;
            }
        }
    }

    /// Counts a line's units no more.
    pub(super) fn take(&mut self, kind: Kind, quantity: u64, parts: &[Part]) {
        *self.total(kind) -= quantity;
        for part in parts {
            if let Some(at) = self.at(kind, part.location) {
                *at -= part.quantity;
            }
        }
    }

    /// Units come to a location (or to the only one) or go.
    pub(super) fn move_on_hand(&mut self, location: u32, quantity: i64) {
        self.on_hand = self.on_hand.saturating_add_signed(quantity);
        if let Some(location) = self.locations.get_mut(location as usize) {
            location.on_hand = location.on_hand.saturating_add_signed(quantity);
        }
    }

    /// What is at hand at one location.
    pub(super) fn on_hand_at(&self, location: u32) -> u64 {
        self.locations.get(location as usize).map_or(self.on_hand, |location| location.on_hand)
    }

    /// Units at one location that nobody there has been promised.
    pub(super) fn free_at(&self, location: u32) -> u64 {
        let all =
            LocationCounters { on_hand: self.on_hand, allocated: self.allocated, reserved: self.reserved };
        self.locations.get(location as usize).unwrap_or(&all).free()
    }

    /// How many units a count may lower a location by: never below none, nor below what is promised there; back-orders
    /// may be promised without being there, to their depth.
    pub(super) fn removable_at(&self, location: u32) -> u64 {
        let depth = self.threshold.min(0).unsigned_abs();
        let available = u64::try_from(self.available()).unwrap_or(0);
        available.min(self.on_hand_at(location)).min(self.free_at(location).saturating_add(depth))
    }

    /// From which locations `quantity` available units are taken; nothing to say where there is only one. What is not
    /// there (a back-order) is promised at the location that the strategy prefers.
    pub(super) fn choose(
        &self,
        quantity: u64,
        strategy: Strategy,
        places: &[Location],
        near: Option<Place>,
    ) -> Vec<Part> {
        if self.locations.is_empty() {
            return Vec::new();
        }
        let order = self.preference(strategy, places, near);
        let mut parts = Vec::new();
        let mut left = quantity;
        for &location in &order {
            if strategy == Strategy::FewestParcels
                && let Some(last) = self.best_last(left, &order, &parts, places, near)
            {
                parts.push(Part { location: last, quantity: left });
                left = 0;
            }
            let quantity = left.min(self.locations[location as usize].free());
            if quantity > 0 {
                parts.push(Part { location, quantity });
                left -= quantity;
            }
            if left == 0 {
                return parts;
            }
        }
        match parts.iter_mut().find(|part| part.location == order[0]) {
            Some(part) => part.quantity += left,
            None => parts.insert(0, Part { location: order[0], quantity: left }),
        }
        parts
    }

    /// The locations, the preferred one first; equal ones in the order of the item's list.
    fn preference(&self, strategy: Strategy, places: &[Location], near: Option<Place>) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.locations.len() as u32).collect();
        match strategy {
            Strategy::Nearest => order.sort_by_key(|&location| distance_of(location, places, near)),
            Strategy::MostStock | Strategy::FewestParcels => {
                order.sort_by_key(|&location| Reverse(self.locations[location as usize].free()));
            }
        }
        order
    }

    /// The location that has the whole rest: the nearest such one, then the one with the least to spare, so that large
    /// orders find a full one.
    fn best_last(
        &self,
        left: u64,
        order: &[u32],
        used: &[Part],
        places: &[Location],
        near: Option<Place>,
    ) -> Option<u32> {
        let unused = order.iter().filter(|&&location| used.iter().all(|part| part.location != location));
        let enough = unused.filter(|&&location| self.locations[location as usize].free() >= left);
        enough
            .min_by_key(|&&location| {
                let distance = near.map(|_| distance_of(location, places, near));
                (distance, self.locations[location as usize].free(), location)
            })
            .copied()
    }
}

/// Locations without a place come last.
fn distance_of(location: u32, places: &[Location], near: Option<Place>) -> u128 {
    match (places.get(location as usize).and_then(|place| place.at), near) {
        (Some(place), Some(near)) => distance_squared(place, near),
        _ => u128::MAX,
    }
}

/// Millionths of a degree in a whole circle.
const CIRCLE: i64 = 360_000_000;

/// The square of the distance of two places, in millionths of a degree of a great circle: on a plane that touches the
/// earth between them, which orders warehouses rightly except near the poles. In integers, so that every machine decides alike.
#[must_use]
pub(super) fn distance_squared(one: Place, other: Place) -> u128 {
    let north = i128::from(one.0 - other.0);
    let mut east = (one.1 - other.1).abs() % CIRCLE;
    east = east.min(CIRCLE - east);
    let east = i128::from(east) * cosine_millionths((one.0 + other.0) / 2) / 1_000_000;
    (north * north + east * east).unsigned_abs()
}

/// The cosine of an angle of at most 90 degrees in millionths, by Bhaskara's formula (7th century), which errs by at most 0.2 %:
/// `(32400 - 4 x^2) / (32400 + x^2)` for x in degrees.
fn cosine_millionths(angle: i64) -> i128 {
    let square = i128::from(angle) * i128::from(angle);
    let whole = 32_400 * 1_000_000_i128 * 1_000_000;
    (whole - 4 * square) * 1_000_000 / (whole + square)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let (paris, london, berlin) =
            ((48_856_600, 2_352_200), (51_507_400, -127_800), (52_520_000, 13_405_000));
        assert!(distance_squared(paris, london) < distance_squared(paris, berlin));
        // Over the date line: Fiji is nearer to Samoa than to Australia.
        let (fiji, samoa, brisbane) =
            ((-18_000_000, 178_000_000), (-13_800_000, -172_000_000), (-27_500_000, 153_000_000));
        assert!(distance_squared(fiji, samoa) < distance_squared(fiji, brisbane));
        assert_eq!((cosine_millionths(0), cosine_millionths(60_000_000)), (1_000_000, 500_000));
        assert_eq!(cosine_millionths(-90_000_000), 0);
    }
}
