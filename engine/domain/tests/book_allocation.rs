//! A book that has grown does not allocate: not to rest, match, cancel, reduce or modify. A test binary of its own, because
//! the allocator it counts with is the whole program's.

use vendue_domain::book::matching::{Core, Order, Remainder, Side};
use vendue_domain::id::AccountId;

/// Orders in a market of a few hundred ticks; `steps` of them, going on from `state`.
fn trade(core: &mut Core, steps: u64, state: &mut u64) -> u64 {
    let mut traded = 0;
    for _ in 0..steps {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = *state >> 24;
        let side = if random & 1 == 0 { Side::Buy } else { Side::Sell };
        let away = (random >> 8) % 300;
        let price = if side == Side::Buy { 10_000 - away } else { 10_001 + away };
        let (id, quantity) = (u128::from((random >> 20) % 4_096), 1 + (random >> 32) % 9);
        let found = core.find(id);
        match (found, random >> 1 & 7) {
            (Some(handle), 0) => drop(core.reduce(handle, 1)),
            (Some(handle), _) => drop(core.cancel(handle)),
            (None, kind) => {
                let (price, remainder) = match kind {
                    0 => (if side == Side::Buy { u64::MAX } else { 0 }, Remainder::Lapses),
                    1 => (if side == Side::Buy { 10_020 } else { 9_980 }, Remainder::Forbidden),
                    _ => (price, Remainder::Rests),
                };
                let order = Order { id, account: AccountId::from_u128(id), side, price, quantity };
                let executed = core.execute(&order, remainder, |fill| traded += fill.quantity);
                assert!(executed.is_ok());
            }
        }
    }
    traded
}

#[test]
fn a_grown_book_does_not_allocate() {
    let (mut core, mut state) = (Core::default(), 3);
    core.reserve(4_096);
    trade(&mut core, 200_000, &mut state);
    let mut traded = 0;
    let counted = allocation_counter::measure(|| traded = trade(&mut core, 200_000, &mut state));
    assert!(traded > 10_000 && core.len() > 500, "it is a busy book: {traded} lots, {} orders", core.len());
    assert_eq!(counted.count_total, 0, "allocations");
}
