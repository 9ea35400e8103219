//! What watchers and askers may rely on, whoever carries it: questions wait for what their asker has been told (I38), and two links hear
//! the same (I40). And the audit log has whatever an operator did (I48).
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

mod support;

use support::{LINK, Told, World, bidder, lot};
use vendue_domain::actor::Command;
use vendue_domain::id::AccountId;
use vendue_domain::lot::{CancelLot, CloseLot, ExtendLot, LotCommand, PauseLot, ResumeLot};
use vendue_engine::EngineOptions;
use vendue_protocol::channel::Channel;
use vendue_protocol::link::{FollowItem, FrameBuilder, FrameKind, Items, QueryItem, split_frame};
use vendue_protocol::query::{GetLot, ListAudit, Query};
use vendue_storage::JournalReader;

/// Another gateway's link.
const OTHER_LINK: u32 = 2;

fn world() -> World {
    World::with_market(EngineOptions { shards: 1, ..EngineOptions::default() }, 1, 2)
}

fn ask(world: &mut World, min_position: u64) -> u64 {
    world.next += 1;
    let query = Query::LotGet(GetLot { lot: lot(0) });
    let item = QueryItem { request: world.next, by: bidder(0), min_position, query };
    let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Queries);
    frame.item(|out| item.encode(out));
    world.frame(&frame.finish());
    world.next
}

#[test]
fn a_question_waits_for_what_its_asker_was_told() {
    let mut world = world();
    let last = world.log.last();
    let now = ask(&mut world, last);
    assert!(world.commit().contains_key(&now), "what is there is told at once");
    // The asker was told an outcome that the views have not taken in: here one that is still to come.
    let early = ask(&mut world, last + 1);
    assert!(!world.commit().contains_key(&early), "told before it was there");
    let bid =
        world.deliver(bidder(0), "the outcome", &support::place_bid(0, 2_000), world.now.plus_ms(5_000));
    let told = world.commit();
    assert!(told[&bid].is_ok());
    let Told::Data(data) = &told[&early] else { panic!("{:?}", told[&early]) };
    assert!(String::from_utf8_lossy(data).contains("bidder-1"), "the snapshot is older than the outcome");
}

/// The items of all event frames.
fn events(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut items = Vec::new();
    while let Some((kind, payload, taken)) = split_frame(bytes).unwrap() {
        if kind == FrameKind::Events {
            items.extend(Items::new(payload).map(|item| item.unwrap().to_vec()));
        }
        bytes = &bytes[taken..];
    }
    items
}

#[test]
fn two_links_hear_the_same() {
    let mut world = world();
    world.cell.link_up(OTHER_LINK);
    for link in [LINK, OTHER_LINK] {
        world.next += 1;
        let (request, channel) = (world.next, Channel::Lot(lot(0)));
        let item = FollowItem {
            request,
            by: AccountId::default(),
            min_position: 0,
            channel,
            follow: true,
            after: 0,
        };
        let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Follows);
        frame.item(|out| item.encode(out));
        let bytes = frame.finish();
        let (kind, payload, _) = split_frame(&bytes).unwrap().unwrap();
        world.cell.frame(link, kind, payload, world.now);
    }
    world.cell.commit().unwrap();
    let mut heard = [Vec::new(), Vec::new()];
    for (nth, minor) in [2_000, 3_000, 4_500, 9_000].into_iter().enumerate() {
        let by = bidder(nth as u64 % 2);
        world.deliver(by, &format!("bid {nth}"), &support::place_bid(0, minor), world.now.plus_ms(5_000));
        let out = world.cell.commit().unwrap();
        for (link, heard) in [LINK, OTHER_LINK].into_iter().zip(&mut heard) {
            heard.extend(out.get(&link).map(|bytes| events(bytes)).unwrap_or_default());
        }
    }
    let [one, other] = heard;
    assert_eq!(one.len(), 4);
    assert_eq!(one, other);
}

#[test]
fn whatever_an_operator_does_is_audited() {
    let mut world = world();
    let (lot, reason) = (lot(0), Some("a test".to_owned()));
    let later = world.now.plus_ms(90 * 24 * 3_600_000);
    let commands = [
        LotCommand::Pause(PauseLot { lot, reason: reason.clone() }),
        LotCommand::Resume(ResumeLot { lot, reason: reason.clone() }),
        LotCommand::Extend(ExtendLot { lot, ends_at: later, reason: reason.clone() }),
        LotCommand::Close(CloseLot { lot, reason: reason.clone() }),
        LotCommand::Cancel(CancelLot { lot, reason }),
    ];
    let before = audited(&mut world).len();
    for (nth, command) in commands.into_iter().enumerate() {
        let told = world.send(AccountId::HOUSE, Command::Lot(command));
        let expected = nth + 1;
        if told.is_ok() {
            assert_eq!(audited(&mut world).len() - before, expected, "{told:?}");
        } else {
            // A closed lot is not cancelled: it was the last.
            assert_eq!(expected, 5, "{told:?}");
        }
    }
}

/// The numbers of all audit records of the market.
fn audited(world: &mut World) -> Vec<u64> {
    world.next += 1;
    let query = Query::AuditList(ListAudit { market: support::MARKET, cursor: None, limit: Some(500) });
    let item = QueryItem { request: world.next, by: AccountId::HOUSE, min_position: 0, query };
    let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Queries);
    frame.item(|out| item.encode(out));
    world.frame(&frame.finish());
    let request = world.next;
    let Some(Told::Data(data)) = world.commit().remove(&request) else { panic!("no answer") };
    let page: serde_json::Value = rmp_serde::from_slice(&data).unwrap();
    page["records"].as_array().unwrap().iter().map(|record| record["seq"].as_u64().unwrap()).collect()
}
