//! The link's bytes: pinned, since two processes of different builds may speak with each other.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

use proptest::prelude::*;
use vendue_domain::actor::{Answer, BidAnswer, BidStatus, Command};
use vendue_domain::amount::Amount;
use vendue_domain::amount::Currency;
use vendue_domain::id::{AccountId, BidId, LotId};
use vendue_domain::lot::{LotCommand, PlaceBid};
use vendue_domain::record::Field;
use vendue_domain::rejection::{BidTooLow, Rejection};
use vendue_domain::time::Timestamp;
use vendue_protocol::channel::Channel;
use vendue_protocol::link::*;
use vendue_protocol::query::{GetLot, Query};
use vendue_protocol::signs::Vitals;

const TIME: Timestamp = Timestamp(1_700_000_000_123_456);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn record(kind: FrameKind, record: &impl Field) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_record_frame(&mut bytes, kind, record);
    bytes
}

fn item(kind: FrameKind, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut frame = FrameBuilder::new(Vec::new(), kind);
    frame.item(fill);
    frame.finish()
}

fn command() -> Command {
    let amount = Amount::new(10_500).unwrap();
    let bid = PlaceBid {
        lot: LotId::from_u128(5),
        amount,
        quantity: None,
        all_or_none: None,
        if_seq: Some(9),
        validate_only: None,
        stay_until: None,
        package: None,
    };
    Command::Lot(LotCommand::Bid(bid))
}

fn replies() -> Vec<ReplyItem<'static>> {
    let answer = Answer::Bid(BidAnswer {
        bid: BidId::from_u128(7),
        status: BidStatus::Leading,
        price: Some(Amount::ONE),
        min_next_amount: Amount::new(600),
        ends_at: Some(TIME),
        fees: None,
        total: None,
        held: None,
        commission: None,
        proceeds: None,
    });
    let rejection = Rejection::BidTooLow(BidTooLow { min_next_amount: Amount::ONE });
    [
        Reply::Accepted { seq: 1, position: 2, replayed: true, answer },
        Reply::Rejected { position: 3, replayed: false, rejection },
        Reply::NotExecuted { why: NotExecuted::Overloaded, retry_after_ms: 40, message: "later" },
        Reply::Data(&[0x80]),
        Reply::Followed { seq: 4, snapshot: &[0x80] },
    ]
    .into_iter()
    .enumerate()
    .map(|(request, reply)| ReplyItem { request: request as u64, reply })
    .collect()
}

/// Every kind of frame, by the name of its golden line.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let hello = Hello { link_version: LINK_VERSION, gateway: 0xabcd, version: "0.1.0".into() };
    let welcome = Welcome {
        link_version: LINK_VERSION,
        cell: 3,
        epoch: 0x9f2c,
        version: "0.1.0".into(),
        time: TIME,
        key_window_ms: 86_400_000,
        deadline_max_ms: 60_000,
    };
    let by = AccountId::from_u128(11);
    let bytes = command().to_bytes();
    let currency = Currency::new("EUR");
    let sent = CommandItem { request: 1, by, expires_at: TIME, key: b"key", currency, command: &bytes };
    let query = QueryItem {
        request: 2,
        by,
        min_position: 9,
        query: Query::LotGet(GetLot { lot: LotId::from_u128(5) }),
    };
    let channel = Channel::Lot(LotId::from_u128(5));
    let follow = FollowItem { request: 3, by, min_position: 9, channel, follow: true, after: 77 };
    let mut replied = FrameBuilder::new(Vec::new(), FrameKind::Replies);
    for reply in replies() {
        replied.item(|out| reply.encode(out));
    }
    let vitals = Vitals { values: vec![1, 300], appends: vec![0, 7], append_us: 5 };
    vec![
        ("hello", record(FrameKind::Hello, &hello)),
        ("welcome", record(FrameKind::Welcome, &welcome)),
        ("commands", item(FrameKind::Commands, |out| sent.encode(out))),
        ("queries", item(FrameKind::Queries, |out| query.encode(out))),
        ("follows", item(FrameKind::Follows, |out| follow.encode(out))),
        ("replies", replied.finish()),
        (
            "events",
            item(FrameKind::Events, |out| {
                EventItem::encode_head(out, channel, 78, TIME, "price_changed");
                out.push(0x80);
            }),
        ),
        (
            "pulse",
            record(FrameKind::Pulse, &Pulse { time: TIME, durable: 5, published: 4, signed_out: Vec::new() }),
        ),
        ("refused", record(FrameKind::Refused, &Refused { reason: "version".into() })),
        ("vitals", record(FrameKind::Vitals, &vitals)),
    ]
}

#[test]
fn golden_bytes() {
    let golden = include_str!("golden/link.txt");
    let written: String = frames().iter().map(|(name, bytes)| format!("{name} {}\n", hex(bytes))).collect();
    assert_eq!(written, golden, "the link's bytes have changed: raise LINK_VERSION, or undo");
}

#[test]
fn frames_come_back() {
    let mut stream = Vec::new();
    for (_, bytes) in frames() {
        stream.extend_from_slice(&bytes);
    }
    let mut rest = stream.as_slice();
    let mut kinds = 0;
    while let Some((kind, payload, length)) = split_frame(rest).unwrap() {
        kinds += 1;
        let items: Vec<&[u8]> = match kind {
            FrameKind::Hello
            | FrameKind::Welcome
            | FrameKind::Pulse
            | FrameKind::Refused
            | FrameKind::Vitals => Vec::new(),
            _ => Items::new(payload).map(Result::unwrap).collect(),
        };
        match kind {
            FrameKind::Commands => {
                let read = CommandItem::decode(items[0]).unwrap();
                assert_eq!((read.key, Command::from_bytes(read.command)), (b"key".as_slice(), Ok(command())));
            }
            FrameKind::Replies => {
                let read: Vec<_> = items.iter().map(|item| ReplyItem::decode(item).unwrap()).collect();
                assert_eq!(read, replies());
            }
            FrameKind::Follows => assert_eq!(FollowItem::decode(items[0]).unwrap().after, 77),
            FrameKind::Events => assert_eq!(EventItem::decode(items[0]).unwrap().name, "price_changed"),
            FrameKind::Queries => assert_eq!(QueryItem::decode(items[0]).unwrap().min_position, 9),
            _ => {}
        }
        rest = &rest[length..];
    }
    assert_eq!((kinds, rest.len()), (10, 0));
}

proptest! {
    /// Whatever comes over the link, reading it ends with a value or an error.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = split_frame(&bytes);
        for item in Items::new(&bytes).flatten().chain([bytes.as_slice()]) {
            let _ = (CommandItem::decode(item), QueryItem::decode(item), FollowItem::decode(item));
            let _ = (ReplyItem::decode(item), EventItem::decode(item), Welcome::from_bytes(item));
        }
    }

    /// A frame that is cut anywhere is waited for.
    #[test]
    fn cut_frames_are_waited_for(which in 0_usize..10, cut in any::<prop::sample::Index>()) {
        let (_, bytes) = frames().swap_remove(which);
        prop_assert_eq!(split_frame(&bytes[..cut.index(bytes.len())]), Ok(None));
    }
}
