//! The inspector finds nothing in a right history, and each forgery.

mod support;

use std::ops::ControlFlow;

use support::World;
use vendue_domain::account::AccountEvent;
use vendue_domain::actor::Event;
use vendue_domain::lot::LotEvent;
use vendue_domain::record::Field;
use vendue_engine::EngineOptions;
use vendue_engine::entry::{Decided, Entry};
use vendue_engine::inspector::Inspector;

/// The records of some auctions, up to their end.
fn lived() -> Vec<Vec<u8>> {
    let mut world = World::with_market(EngineOptions { shards: 1, ..EngineOptions::default() }, 3, 4);
    for round in 1..20_u64 {
        for n in 0..4 {
            world.bid(n, (n + round) % 3, 1_000 + round * 500 + n * 300);
        }
        world.wait_ms(1_000);
    }
    world.wait_ms(3_700_000);
    let mut records = Vec::new();
    let taken = &mut |_, record: &[u8]| {
        records.push(record.to_vec());
        ControlFlow::Continue(())
    };
    world.cell.reader().read(1, taken).expect("it reads");
    records
}

fn inspect(records: &[Vec<u8>]) -> Vec<String> {
    let mut inspector = Inspector::default();
    (1..).zip(records).filter_map(|(position, record)| inspector.take(position, record).err()).collect()
}

/// Changes the `nth` decision that `forge` wants to change; where it stands.
fn forge(records: &mut [Vec<u8>], nth: usize, forge: impl Fn(&mut Decided) -> bool) -> usize {
    let mut met = 0;
    for (at, record) in records.iter_mut().enumerate() {
        if let Ok(Entry::Decided(mut decided)) = Entry::from_bytes(record)
            && forge(&mut decided)
        {
            met += 1;
            if met == nth {
                *record = Entry::Decided(decided).to_bytes();
                return at;
            }
        }
    }
    panic!("there are only {met} of them");
}

fn bid(decided: &mut Decided) -> Option<&mut vendue_domain::lot::BidPlaced> {
    decided.events.0.iter_mut().find_map(|event| match event {
        Event::Lot(LotEvent::BidPlaced(bid)) => Some(bid),
        _ => None,
    })
}

#[test]
fn a_right_history_is_right() {
    let records = lived();
    assert!(records.len() > 80, "{} records", records.len());
    assert_eq!(inspect(&records), Vec::<String>::new());
}

#[test]
fn every_forgery_is_found() {
    let check = |what: &str, invariant: &str, change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut records = lived();
        change(&mut records);
        let found = inspect(&records);
        assert!(found.first().is_some_and(|found| found.starts_with(invariant)), "{what}: {found:?}");
    };
    check("bytes that are no record", "I1:", &|records| records[40] = vec![0xC1]);
    check("a decision that is gone", "I5:", &|records| {
        let at = forge(records, 20, |decided| bid(decided).is_some());
        records.remove(at);
    });
    check("a decision that stands twice", "I5:", &|records| {
        let at = forge(records, 20, |decided| bid(decided).is_some());
        records.insert(at, records[at].clone());
    });
    check("a clock that goes back", "I22:", &|records| {
        forge(records, 20, |decided| {
            decided.time.0 -= 3_600_000_000;
            bid(decided).is_some()
        });
    });
    check("a price that falls", "I14:", &|records| {
        forge(records, 20, |decided| {
            bid(decided).is_some_and(|bid| {
                bid.price = support::amount(1);
                true
            })
        });
    });
    check("a decision without events", "I5:", &|records| {
        forge(records, 1, |decided| {
            matches!(decided.events.0.first(), Some(Event::Account(AccountEvent::Created(_)))) && {
                decided.events.0.clear();
                true
            }
        });
    });
}
