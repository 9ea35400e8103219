//! What a bid costs on the wire: reading a request, writing its reply, in both encodings.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use vendue_domain::actor::{Answer, BidAnswer, BidStatus};
use vendue_domain::amount::Amount;
use vendue_domain::id::BidId;
use vendue_domain::rejection::{BidTooLow, Rejection};
use vendue_domain::time::Timestamp;
use vendue_protocol::wire::reply::{Head, write_accepted, write_error};
use vendue_protocol::wire::{Encoding, WireError, frame};

fn request(encoding: Encoding, odd: bool) -> Vec<u8> {
    let mut value = serde_json::json!({"id": 123_456, "method": "lot.bid",
        "params": {"lot": "lot_01J9ZZZZZZZZZZZZZZZZZZZZZZ", "amount": 10_500, "key": "c0ffee-000123456"}});
    if odd {
        // An unknown field is ignored, but sends the request to the general reader.
        value["odd"] = true.into();
    }
    match encoding {
        Encoding::Json => serde_json::to_vec(&value).unwrap_or_default(),
        Encoding::MessagePack => rmp_serde::to_vec_named(&value).unwrap_or_default(),
    }
}

fn benches(criterion: &mut Criterion) {
    let answer = Answer::Bid(BidAnswer {
        bid: BidId::from_u128(u128::MAX / 3),
        status: BidStatus::Leading,
        price: Some(Amount::MAX),
        min_next_amount: Some(Amount::MAX),
        ends_at: Some(Timestamp(1_700_000_000_000_000)),
        fees: None,
        total: None,
        held: None,
        commission: None,
        proceeds: None,
    });
    let error = WireError::rejected(Rejection::BidTooLow(BidTooLow { min_next_amount: Amount::MAX }), false);
    let head = Head {
        id: Some(123_456),
        t_in: Timestamp(1_700_000_000_000_000),
        t_out: Timestamp(1_700_000_000_000_900),
    };
    for encoding in Encoding::ALL {
        let name = |what: &str| format!("{what} {}", encoding.subprotocol());
        for (what, odd) in [("read lot.bid", false), ("read lot.bid, general reader", true)] {
            let bytes = request(encoding, odd);
            criterion.bench_function(&name(what), |bencher| {
                bencher.iter(|| frame(encoding, black_box(&bytes)).for_each(|read| drop(black_box(read))));
            });
        }
        let mut out = Vec::with_capacity(1_024);
        criterion.bench_function(&name("write its reply"), |bencher| {
            bencher.iter(|| {
                out.clear();
                write_accepted(&mut out, encoding, black_box(&head), 1_042, false, black_box(&answer));
                black_box(out.len())
            });
        });
        criterion.bench_function(&name("write a rejection"), |bencher| {
            bencher.iter(|| {
                out.clear();
                write_error(&mut out, encoding, black_box(&head), black_box(&error));
                black_box(out.len())
            });
        });
    }
}

criterion_group!(wire, benches);
criterion_main!(wire);
