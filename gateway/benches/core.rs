//! What the core costs without sockets: a bid in and its reply out, by way of the engine's link or echoed, and an event
//! to many watchers. Client and engine are prebuilt bytes.
#![allow(clippy::unwrap_used)] // A bench that cannot go on says so by panicking.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use vendue_gateway::auth::{Claims, Keys, mint};
use vendue_gateway::core::{Core, Key};
use vendue_gateway::{GatewayOptions, Metrics};
use vendue_protocol::channel::Channel;
use vendue_protocol::domain::actor::{Answer, BidAnswer, BidStatus};
use vendue_protocol::domain::amount::Amount;
use vendue_protocol::domain::id::{AccountId, BidId, LotId};
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::link::{
    EventItem, FrameBuilder, FrameKind, Items, LINK_VERSION, Reply, ReplyItem, Welcome, split_frame,
    write_record_frame,
};
use vendue_protocol::wire::Encoding;

const SECRET: &[u8] = b"a secret for benches, long enough for HS256";
const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
/// Requests that come in one read: a deep pipeline.
const PIPELINE: u64 = 64;
const WATCHERS: usize = 1_000;

fn pack(value: &Value) -> Vec<u8> {
    rmp_serde::to_vec_named(value).unwrap()
}

/// A client's frame: masked with zeros, so that it can be written without work.
fn client_frame(encoding: Encoding, value: &Value) -> Vec<u8> {
    let (opcode, payload) = match encoding {
        Encoding::Json => (0x81, serde_json::to_vec(value).unwrap()),
        Encoding::MessagePack => (0x82, pack(value)),
    };
    let length = u16::try_from(payload.len()).unwrap();
    let mut frame = vec![opcode];
    if length < 126 {
        frame.push(0x80 | length as u8);
    } else {
        frame.push(0x80 | 126);
        frame.extend_from_slice(&length.to_be_bytes());
    }
    // A mask that is not zero: unmasking is part of the work.
    let mask = [1, 2, 3, 4];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn core(echo: bool) -> Core {
    let options = GatewayOptions { echo, account_rate: 0, address_rate: 0, ..GatewayOptions::default() };
    let mut core = Core::new(options, Arc::new(Keys::of_secret(SECRET)), Arc::new(Metrics::default()), 1);
    core.link_opened();
    let welcome = Welcome {
        link_version: LINK_VERSION,
        cell: 1,
        epoch: 1,
        version: String::new(),
        time: NOW,
        key_window_ms: 1,
        deadline_max_ms: 60_000,
    };
    let mut bytes = Vec::new();
    write_record_frame(&mut bytes, FrameKind::Welcome, &welcome);
    core.link_output().clear();
    core.link_receive(NOW, &bytes).unwrap();
    core
}

fn connect(core: &mut Core, encoding: Encoding) -> Key {
    let sub = AccountId::from_u128(7).to_string();
    let token = mint(SECRET, &Claims { sub, exp: 4_000_000_000, nbf: None, iat: None, iss: None, aud: None })
        .unwrap();
    let key = core.accept(NOW, encoding, Some(&token)).unwrap();
    core.receive(NOW, key, &client_frame(encoding, &json!({"id": 0, "method": "connect"})));
    let request = first_request(core.link_output());
    core.link_output().clear();
    if let Some(request) = request {
        let data = pack(&json!({"roles": []}));
        core.link_receive(NOW, &reply_frame([request].into_iter(), &Reply::Data(&data))).unwrap();
    }
    drain(core, key);
    key
}

fn first_request(link: &[u8]) -> Option<u64> {
    let (_, payload, _) = split_frame(link).unwrap()?;
    let item = Items::new(payload).next()?.unwrap();
    Some(u64::from_le_bytes(item[..8].try_into().unwrap()))
}

fn reply_frame(requests: impl Iterator<Item = u64>, reply: &Reply<'_>) -> Vec<u8> {
    let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Replies);
    for request in requests {
        frame.item(|out| ReplyItem { request, reply: reply.clone() }.encode(out));
    }
    frame.finish()
}

fn drain(core: &mut Core, key: Key) -> usize {
    let count = core.output(key).len();
    core.written(NOW, key, count);
    core.take_dirty(&mut Vec::new());
    count
}

fn bids(encoding: Encoding) -> Vec<u8> {
    let lot = LotId::from_u128(5).to_string();
    (0..PIPELINE)
        .flat_map(|id| {
            let params = json!({"lot": lot, "amount": 10_500, "key": format!("c0ffee-{id:09}")});
            client_frame(encoding, &json!({"id": 100_000 + id, "method": "lot.bid", "params": params}))
        })
        .collect()
}

fn answer() -> Reply<'static> {
    let answer = Answer::Bid(BidAnswer {
        bid: BidId::from_u128(u128::MAX / 3),
        status: BidStatus::Leading,
        price: Amount::new(10_500),
        min_next_amount: Amount::new(10_600),
        ends_at: Some(NOW),
        fees: None,
        total: None,
        held: None,
        commission: None,
        proceeds: None,
    });
    Reply::Accepted { seq: 1_042, position: 1, replayed: false, answer }
}

fn bid_paths(criterion: &mut Criterion) {
    for encoding in Encoding::ALL {
        let bytes = bids(encoding);
        let mut group = criterion.benchmark_group(format!("64 bids, {}", encoding.subprotocol()));
        group.throughput(Throughput::Elements(PIPELINE));
        group.bench_function("echoed", |bencher| {
            let mut core = core(true);
            let key = connect(&mut core, encoding);
            bencher.iter(|| {
                core.receive(NOW, key, &bytes);
                drain(&mut core, key)
            });
        });
        group.bench_function("to the link and back", |bencher| {
            let mut core = core(false);
            let key = connect(&mut core, encoding);
            let reply = answer();
            bencher.iter(|| {
                core.receive(NOW, key, &bytes);
                let (_, payload, _) = split_frame(core.link_output()).unwrap().unwrap();
                let requests: Vec<u64> = Items::new(payload)
                    .map(|item| u64::from_le_bytes(item.unwrap()[..8].try_into().unwrap()))
                    .collect();
                core.link_output().clear();
                core.link_receive(NOW, &reply_frame(requests.into_iter(), &reply)).unwrap();
                drain(&mut core, key)
            });
        });
        group.finish();
    }
}

fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("an event to 1,000 watchers");
    group.throughput(Throughput::Elements(WATCHERS as u64));
    group.bench_function("one event a frame", |bencher| {
        let mut core = core(false);
        let lot = LotId::from_u128(5);
        let keys: Vec<Key> = (0..WATCHERS).map(|_| watch(&mut core, lot)).collect();
        let mut seq = 0;
        let mut dirty = Vec::new();
        bencher.iter_batched(
            || {
                seq += 1;
                let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Events);
                frame.item(|out| {
                    EventItem::encode_head(out, Channel::Lot(lot), seq, NOW, "price_changed");
                    out.extend_from_slice(&pack(&json!({"price": 10_500, "leader": "bidder-7", "bids": seq,
                        "min_next_amount": 10_600, "reserve_met": true, "ends_at": NOW.0})));
                });
                frame.finish()
            },
            |frame| {
                core.link_receive(NOW, &frame).unwrap();
                core.take_dirty(&mut dirty);
                for &key in &keys {
                    let count = core.output(key).len();
                    core.written(NOW, key, count);
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn watch(core: &mut Core, lot: LotId) -> Key {
    let key = core.accept(NOW, Encoding::Json, None).unwrap();
    let subscribe = json!([{"id": 0, "method": "connect"},
        {"id": 1, "method": "subscribe", "params": {"channel": format!("lot:{lot}")}}]);
    core.receive(NOW, key, &client_frame(Encoding::Json, &subscribe));
    let request = first_request(core.link_output());
    core.link_output().clear();
    if let Some(request) = request {
        let followed = Reply::Followed { seq: 0, snapshot: &[0x80] };
        core.link_receive(NOW, &reply_frame([request].into_iter(), &followed)).unwrap();
    }
    drain(core, key);
    key
}

criterion_group!(core_benches, bid_paths, fan_out);
criterion_main!(core_benches);
