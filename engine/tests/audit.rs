//! The notary, its receipts, and the verification of a whole store: what is right is found right, every forgery is found.

mod support;

use std::ops::ControlFlow;
use std::path::Path;

use support::{World, bidder};
use vendue_domain::actor::{ActorKind, Event};
use vendue_domain::lot::{Digest, LotEvent};
use vendue_domain::record::{Bytes, Field};
use vendue_engine::EngineOptions;
use vendue_engine::entry::{Decided, Entry};
use vendue_engine::notary::{
    Due, Notarized, Notary, NotaryKey, Receipt, Statement, leaf_of_record, path, root, write_witness,
};
use vendue_engine::offline::{Offline, Outcome, Past, Until, VerifyOptions, VerifyReport, verify};
use vendue_engine::recovery::Marker;
use vendue_storage::{
    BaseFacts, BaseName, Bases, Batch, Change, FileJournal, Journal, JournalOptions, Key, MemoryStore,
    SledStore, StateStore,
};

/// The cell of the worlds in `support`.
const CELL: u128 = 0xCE11;

/// A history with rejections, effects, money, a closed lot and its order; everything is at rest.
fn lived() -> (World, (MemoryStore, u64)) {
    let mut world = World::with_market(EngineOptions { shards: 1, ..EngineOptions::default() }, 3, 4);
    let mut half_way = None;
    for round in 1..40_u64 {
        if round == 20 {
            world.cell.checkpoint().expect("a checkpoint");
            world.commit();
            half_way = Some((world.store.duplicate(), world.cell.reader().last()));
        }
        for n in 0..4 {
            world.bid(n, (n + round) % 3, 1_000 + round * 500 + n * 300);
        }
        world.wait_ms(1_000);
    }
    world.wait_ms(3_700_000);
    world.cell.checkpoint().expect("a checkpoint");
    world.commit();
    (world, half_way.expect("it came there"))
}

fn write_base(dir: &Path, store: &MemoryStore, highest: u64, genesis: &[u8]) -> BaseName {
    let bytes = store.marker().expect("readable").expect("there is a checkpoint");
    let marker = Marker::from_bytes(&bytes).expect("readable");
    let cell = CELL.to_be_bytes();
    let replay_from = marker.replay_from;
    let facts = BaseFacts { cell, replay_from, highest, marker: bytes, genesis: genesis.to_vec() };
    let bases = Bases::open(&dir.join("bases")).expect("bases");
    bases.write(&facts, store, &mut |_| ControlFlow::Continue(())).expect("it writes");
    BaseName { replay_from, highest }
}

fn records(world: &World) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let reader = world.cell.reader().clone();
    reader
        .read(1, &mut |_, record| {
            records.push(record.to_vec());
            ControlFlow::Continue(())
        })
        .expect("it reads");
    records
}

/// Signs intervals of `size` records, each right behind all records: what a notary that was switched on late does.
fn notarize(records: &mut Vec<Vec<u8>>, key: NotaryKey, size: u32, world: &World) -> Vec<Notarized> {
    let mut notary = Notary::new(key, CELL, Due { records: size, micros: 0 }, None, 1);
    let mut signed = Vec::new();
    for (position, record) in (1..).zip(records.iter()) {
        notary.take(position, record, world.now).expect("it reads");
        if notary.is_full() {
            signed.extend(notary.sign(world.now));
        }
    }
    signed.extend(notary.sign(world.now));
    records.extend(signed.iter().map(|signed| Entry::Notarized(signed.clone()).to_bytes()));
    signed
}

fn write_journal(dir: &Path, records: &[Vec<u8>]) {
    write_journal_from(dir, 1, records);
}

/// Of all records, those from `first` on.
fn write_journal_from(dir: &Path, first: u64, records: &[Vec<u8>]) {
    let journal = dir.join("journal");
    if journal.exists() {
        std::fs::remove_dir_all(&journal).expect("it goes");
    }
    let options = JournalOptions { segment_bytes: 4 << 20, first, ..JournalOptions::default() };
    let mut journal = FileJournal::open(&journal, options).expect("a journal");
    for (last, record) in (0..).zip(records).skip(first as usize - 1) {
        let mut batch = Batch::new();
        batch.push(record);
        journal.append(&[&batch], last).expect("it takes it");
    }
}

fn write_state(dir: &Path, world: &World, forge: impl Fn(&Key, &mut Vec<u8>) -> bool) {
    let store = SledStore::open(&dir.join("state"), 1 << 20).expect("a store");
    let mut changes = Vec::new();
    for space in 0..=u8::MAX {
        let kept = world.store.scan(space, &mut |key, value| {
            let mut value = value.to_vec();
            if forge(key, &mut value) {
                changes.push(Change { key: *key, value: Some(value), deadline: None });
            }
            ControlFlow::Continue(())
        });
        kept.expect("it scans");
    }
    let marker = world.store.marker().expect("readable").expect("there is a checkpoint");
    store.checkpoint(&mut changes.into_iter(), &marker).expect("it takes it");
}

/// A data directory with this history, notarized, with its checkpoint.
struct Store {
    dir: tempfile::TempDir,
    world: World,
    records: Vec<Vec<u8>>,
    signed: Vec<Notarized>,
    /// A base of the checkpoint half way, and what it is made of.
    base: BaseName,
    half_way: MemoryStore,
    key: Digest,
}

impl Store {
    fn new() -> Self {
        let (dir, (world, (half_way, highest))) = (tempfile::tempdir().expect("a directory"), lived());
        let key = NotaryKey::read_or_make(dir.path()).expect("a key");
        let public = key.public();
        let mut records = records(&world);
        let signed = notarize(&mut records, key, 20, &world);
        write_journal(dir.path(), &records);
        write_state(dir.path(), &world, |_, _| true);
        let base = write_base(dir.path(), &half_way, highest, &records[0]);
        for signed in &signed {
            write_witness(&dir.path().join("witness"), signed).expect("it writes");
        }
        Self { dir, world, records, signed, base, half_way, key: public }
    }

    fn options(&self) -> VerifyOptions {
        let witness = Some(self.dir.path().join("witness"));
        VerifyOptions { events_only: false, witness, key: Some(self.key) }
    }

    fn verify(&self) -> VerifyReport {
        verify(self.dir.path(), &self.options(), &mut |_, _| {}).expect("it can be judged")
    }

    fn place(&self, find: impl Fn(&Entry) -> bool) -> usize {
        let found =
            self.records.iter().position(|record| find(&Entry::from_bytes(record).expect("readable")));
        found.expect("such a record")
    }
}

#[test]
fn a_sound_store_is_found_sound_and_nothing_in_it_changes() {
    let store = Store::new();
    let before = fingerprint(store.dir.path());
    let report = store.verify();
    assert!(report.is_sound(), "{:#?}", report.findings);
    for check in &report.checks {
        let expected =
            if check.name == "vault" { Outcome::Skipped("there is none".into()) } else { Outcome::Sound };
        assert_eq!(check.outcome, expected, "{}", check.name);
    }
    assert_eq!(report.notarized.0, store.signed.len() as u64);
    assert_eq!(fingerprint(store.dir.path()), before);
}

fn fingerprint(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).expect("readable").map(|entry| entry.expect("readable")) {
        if entry.path().is_dir() {
            files.extend(fingerprint(&entry.path()));
        } else {
            files.push((entry.path().display().to_string(), std::fs::read(entry.path()).expect("readable")));
        }
    }
    files.sort();
    files
}

fn changed(record: &[u8], change: impl Fn(&mut Decided)) -> Vec<u8> {
    match Entry::from_bytes(record) {
        Ok(Entry::Decided(mut decided)) => {
            change(&mut decided);
            Entry::Decided(decided).to_bytes()
        }
        other => panic!("{other:?} is no decision"),
    }
}

fn is_closing(entry: &Entry) -> bool {
    matches!(entry, Entry::Decided(decided) if decided.events.0.iter().any(|event| matches!(event, Event::Lot(event) if matches!(event.inner(), LotEvent::Closed(_)))))
}

/// A forgery of the records, whose frames' checks are all recomputed.
type Forgery = fn(&Store, &mut Vec<Vec<u8>>);

#[test]
fn every_forged_journal_is_found() {
    let forgeries: [(&str, &str, Forgery); 10] = [
        ("a command's content, which no rule looks at", "notary", |store, records| {
            let at =
                store.place(|entry| matches!(entry, Entry::Decided(decided) if decided.content.is_some()));
            records[at] = changed(&records[at], |decided| decided.content = Some(1));
        }),
        ("a refusal's time", "notary", |store, records| {
            let at = store.place(|entry| matches!(entry, Entry::Refused(_)));
            let Ok(Entry::Refused(mut refused)) = Entry::from_bytes(&records[at]) else { panic!() };
            refused.time = refused.time.plus_ms(1);
            records[at] = Entry::Refused(refused).to_bytes();
        }),
        ("cut off behind the witness", "notary", |store, records| {
            let count = store.signed.len();
            records.truncate(records.len() - count);
        }),
        ("the last checkpoint taken away", "notary", |_, records| drop(records.pop())),
        ("a checkpoint left out", "notary", |store, records| {
            let at = records.len() - store.signed.len() + 1;
            records.remove(at);
        }),
        ("a decision left out", "actors", |store, records| {
            let at = store.place(|entry| matches!(entry, Entry::Decided(decided) if decided.seq > 2));
            records.remove(at);
        }),
        ("a winner left out", "money", |store, records| {
            let at = store.place(is_closing);
            records[at] = changed(&records[at], |decided| {
                for event in &mut decided.events.0 {
                    if let Event::Lot(LotEvent::Closed(closed)) = event {
                        closed.winners.clear();
                    }
                }
            });
        }),
        ("another price of the winner", "auctions", |store, records| {
            let at = store.place(is_closing);
            records[at] = changed(&records[at], |decided| {
                for event in &mut decided.events.0 {
                    if let Event::Lot(LotEvent::Closed(closed)) = event {
                        closed.winners[0].amount = support::amount(7);
                    }
                }
            });
        }),
        ("an effect done twice", "effects", |store, records| {
            let at = store.place(|entry| entry.lane().is_some());
            let again = records[at].clone();
            records.insert(at + 2, again);
        }),
        ("no record at all", "records", |_, records| records[30] = vec![0xC1, 0xFF]),
    ];
    let store = Store::new();
    for (what, check, forge) in forgeries {
        let mut records = store.records.clone();
        forge(&store, &mut records);
        write_journal(store.dir.path(), &records);
        let report = store.verify();
        let found = report.findings.iter().any(|finding| finding.check == check);
        assert!(found, "{what}: {:#?}", report.findings);
        let line = report.checks.iter().find(|line| line.name == check).expect("a line");
        assert_eq!(line.outcome, Outcome::Broken, "{what}");
    }
}

#[test]
fn without_the_witness_a_history_that_ends_early_looks_right_and_with_it_not() {
    let store = Store::new();
    let cut = store.records.len() - 1;
    write_journal(store.dir.path(), &store.records[..cut]);
    let alone =
        verify(store.dir.path(), &VerifyOptions::default(), &mut |_, _| {}).expect("it can be judged");
    assert!(alone.is_sound(), "{:#?}", alone.findings);
    let report = store.verify();
    assert!(report.findings.iter().any(|finding| finding.what.contains("cut off")), "{:#?}", report.findings);
}

#[test]
fn every_forged_checkpoint_is_found() {
    type Forge = fn(&mut Notarized);
    let forgeries: [(&str, Forge); 7] = [
        ("its root", |signed| signed.root.0[0] ^= 1),
        ("its signature", |signed| signed.signature.0[0] ^= 1),
        ("its time", |signed| signed.time = signed.time.plus_ms(1)),
        ("its number", |signed| signed.number += 1),
        ("its interval", |signed| signed.last -= 1),
        ("its predecessor", |signed| signed.previous.0[5] ^= 1),
        ("its key", |signed| signed.key = NotaryKey::new(&[1; 32], &[2; 32]).public()),
    ];
    let store = Store::new();
    let at = store.records.len() - store.signed.len() + 1;
    for (what, forge) in forgeries {
        let mut signed = store.signed[1].clone();
        forge(&mut signed);
        let mut records = store.records.clone();
        records[at] = Entry::Notarized(signed).to_bytes();
        write_journal(store.dir.path(), &records);
        let alone = verify(store.dir.path(), &VerifyOptions::default(), &mut |_, _| {}).expect("judged");
        assert!(
            alone.findings.iter().any(|finding| finding.check == "notary"),
            "{what}: {:#?}",
            alone.findings
        );
    }
    // Everything signed anew with another key: only who knows the right key, or has a witness, can tell.
    let mut records = store.records[..store.records.len() - store.signed.len()].to_vec();
    records.remove(60);
    let forged = NotaryKey::new(&[1; 32], &[2; 32]);
    std::fs::write(store.dir.path().join("notary/key"), &*forged.encode()).expect("it writes");
    notarize(&mut records, forged, 20, &store.world);
    write_journal(store.dir.path(), &records);
    for options in [
        VerifyOptions { key: Some(store.key), ..VerifyOptions::default() },
        VerifyOptions { witness: store.options().witness, ..VerifyOptions::default() },
    ] {
        let report = verify(store.dir.path(), &options, &mut |_, _| {}).expect("judged");
        assert!(report.findings.iter().any(|finding| finding.check == "notary"), "{options:?}");
    }
}

#[test]
fn every_forged_checkpointed_state_is_found() {
    type Forge = fn(&Key, &mut Vec<u8>) -> bool;
    let forgeries: [(&str, Forge); 3] = [
        ("another state", |key, value| {
            if key.space == ActorKind::Account as u8
                && let Some(at) = value.windows(4).position(|bytes| bytes == b"ddiB")
            {
                value[at] = b'D';
            }
            true
        }),
        ("a lot that is not stored", |key, _| key.space != ActorKind::Lot as u8),
        ("a number that no record leads to", |key, value| {
            if key.space == ActorKind::Lot as u8 {
                value[0] = 0x7F;
            }
            true
        }),
    ];
    let store = Store::new();
    for (what, forge) in forgeries {
        std::fs::remove_dir_all(store.dir.path().join("state")).expect("it goes");
        write_state(store.dir.path(), &store.world, forge);
        let report = store.verify();
        let found = report.findings.iter().filter(|finding| finding.check == "state").count();
        assert!(found > 0, "{what}: {:#?}", report.checks);
        assert_eq!(found, report.findings.len(), "{what}: {:#?}", report.findings);
    }
}

#[test]
fn a_flipped_bit_is_named_by_segment_and_offset() {
    let store = Store::new();
    let journal = store.dir.path().join("journal");
    let mut names: Vec<_> =
        std::fs::read_dir(&journal).expect("readable").map(|entry| entry.expect("entry").path()).collect();
    names.retain(|name| name.extension().is_some_and(|end| end == "segment"));
    names.sort();
    let mut bytes = std::fs::read(&names[0]).expect("readable");
    bytes[4_096 * 12 + 60] ^= 4;
    std::fs::write(&names[0], bytes).expect("it writes");
    let report = store.verify();
    let finding = report.findings.iter().find(|finding| finding.check == "journal").expect("it is found");
    assert!(finding.what.contains(".segment") && finding.what.contains("offset"), "{}", finding.what);
}

/// The receipt of a record, as the notary makes it.
fn receipt(key: &NotaryKey, records: &[Vec<u8>], signed: &Notarized, position: u64) -> Option<Receipt> {
    let leaf = |at: u64| {
        let record = &records[at as usize - 1];
        leaf_of_record(&key.salts(at), at, record, &Entry::from_bytes(record).expect("readable"))
    };
    let leaves: Vec<Digest> = (signed.first..=signed.last).map(|at| leaf(at).hash()).collect();
    assert_eq!(root(&leaves), signed.root);
    let entry = Entry::from_bytes(&records[position as usize - 1]).expect("readable");
    let path = path(&leaves, (position - signed.first) as usize);
    Statement::of(position, &entry).map(|told| Receipt::new(&leaf(position), &told, &path, signed))
}

#[test]
fn every_command_of_every_interval_size_has_its_receipt() {
    let (world, _) = lived();
    for size in [1, 2, 3, 7, 16, 33, 100_000] {
        let mut records = records(&world);
        let plain = records.len() as u64;
        let key = || NotaryKey::new(&[7; 32], &[8; 32]);
        let signed = notarize(&mut records, key(), size, &world);
        let covered: u64 = signed.iter().map(Notarized::count).sum();
        assert_eq!(covered, plain, "every record is in exactly one interval of at most {size}");
        let mut proved = 0;
        for signed in &signed {
            for position in signed.first..=signed.last {
                let Some(receipt) = receipt(&key(), &records, signed, position) else { continue };
                let told = receipt.check(&key().public()).expect("it holds");
                assert_eq!(told.statement.position, position);
                proved += 1;
            }
        }
        assert!(proved > 50, "{proved} commands in intervals of {size}");
    }
}

#[test]
fn a_receipt_says_nothing_of_others() {
    let (world, _) = lived();
    let mut records = records(&world);
    let key = NotaryKey::new(&[7; 32], &[8; 32]);
    let signed = notarize(&mut records, NotaryKey::new(&[7; 32], &[8; 32]), 50, &world);
    let (mut named, mut seen) = (0, 0);
    for signed in &signed {
        for position in signed.first..=signed.last {
            let Ok(Entry::Decided(decided)) = Entry::from_bytes(&records[position as usize - 1]) else {
                continue;
            };
            let (Some(by), Some(ActorKind::Lot)) =
                (decided.by, decided.address().map(|address| address.kind))
            else {
                continue;
            };
            let Some(receipt) = receipt(&key, &records, signed, position) else { continue };
            let bytes = serde_json::to_string(&receipt).expect("JSON");
            let record = &records[position as usize - 1];
            for other in (0..4).map(bidder).filter(|other| *other != by) {
                let hex: String = other.0.0.iter().map(|byte| format!("{byte:02x}")).collect();
                assert!(!bytes.contains(&hex), "{by}'s receipt names {other}");
                named += usize::from(record.windows(16).any(|bytes| bytes == other.0.0));
            }
            let beside: String = record.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!bytes.contains(&beside), "the record itself is in the receipt");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} bids");
    // The test means something: some of those records do name others.
    assert!(named > 0, "no record names anybody else");
}

#[test]
fn every_forged_receipt_is_refused_with_its_reason() {
    type Forge = fn(&mut Receipt);
    let forgeries: [(&str, &str, Forge); 17] = [
        ("version", "version", |receipt| receipt.version = 2),
        ("position", "about record", |receipt| receipt.position += 1),
        ("statement", "lead to the root", |receipt| {
            let bytes: Vec<u8> = (0..receipt.statement.len() / 2)
                .map(|at| u8::from_str_radix(&receipt.statement[2 * at..2 * at + 2], 16).expect("hex"))
                .collect();
            let mut told = Statement::from_bytes(&bytes).expect("readable");
            told.seq += 1;
            receipt.statement = told.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        }),
        ("statement's end", "cannot be read", |receipt| {
            drop(receipt.statement.drain(receipt.statement.len() - 2..))
        }),
        ("statement's letters", "`statement`", |receipt| receipt.statement.push('x')),
        ("salt", "lead to the root", |receipt| receipt.salt.replace_range(..4, "abcd")),
        ("salt's length", "`salt`", |receipt| receipt.salt.push('0')),
        ("record", "lead to the root", |receipt| receipt.record = receipt.checkpoint.root.clone()),
        ("path", "lead to the root", |receipt| receipt.path[0] = receipt.record.clone()),
        ("path's length", "lead to the root", |receipt| drop(receipt.path.pop())),
        ("cell", "signature", |receipt| receipt.checkpoint.cell.replace_range(..1, "7")),
        ("number", "signature", |receipt| receipt.checkpoint.number += 1),
        ("interval", "signature", |receipt| receipt.checkpoint.first -= 1),
        ("moment", "signature", |receipt| receipt.checkpoint.micros += 1),
        ("root", "signature", |receipt| receipt.checkpoint.root = receipt.record.clone()),
        ("form", "form 2", |receipt| receipt.checkpoint.form = 2),
        ("key", "not by", |receipt| {
            receipt.checkpoint.key = NotaryKey::new(&[1; 32], &[2; 32]).public().to_string()
        }),
    ];
    let (world, _) = lived();
    let mut records = records(&world);
    let key = NotaryKey::new(&[7; 32], &[8; 32]);
    let signed = notarize(&mut records, NotaryKey::new(&[7; 32], &[8; 32]), 20, &world);
    let right = (signed[2].first..signed[2].last)
        .find_map(|position| receipt(&key, &records, &signed[2], position))
        .expect("a command");
    assert!(right.check(&key.public()).is_ok());
    for (what, reason, forge) in forgeries {
        let mut forged = right.clone();
        forge(&mut forged);
        let why = forged.check(&key.public()).expect_err(what).to_string();
        assert!(why.contains(reason), "{what}: {why}");
    }
    // With the forger's own key everything can be signed; it is not the market's.
    let mut resigned = right;
    let mut own = resigned.checkpoint.checkpoint().expect("readable");
    own.signature = Bytes(vec![0; 64]);
    resigned.checkpoint = (&own).into();
    assert!(resigned.check(&key.public()).is_err());
}

/// With the first records gone the base stands for them: the states that follow from it are still the checkpoint's, hash by hash.
#[test]
fn a_store_whose_first_records_are_gone_is_judged_from_its_base() {
    let store = Store::new();
    let (first, last) = (store.base.replay_from, store.records.len() as u64);
    assert!(first > 50 && last > first + 50, "{first} to {last}");
    write_journal_from(store.dir.path(), first - 3, &store.records);
    let report = store.verify();
    assert!(report.is_sound(), "{:#?}", report.findings);
    let line = |name: &str| report.checks.iter().find(|line| line.name == name).expect("a line");
    for name in ["journal", "records", "actors", "effects", "bases", "state"] {
        assert_eq!(line(name).outcome, Outcome::Sound, "{name}");
    }
    assert_eq!(report.records, (first - 3, last));

    let offline = Offline::open(store.dir.path()).expect("it opens");
    let all = Past::replay(&offline, Until::End, None, &mut |_| {}).expect("it replays");
    assert_eq!((all.position, all.unknown), (last, 0));
    let early = Past::replay(&offline, Until::Position(first - 2), None, &mut |_| {});
    let told = early.map(drop).expect_err("the base knows more").to_string();
    assert!(told.contains("restore"), "{told}");

    // A decision left out is found, also where its actor began before.
    let behind = store.base.highest as usize;
    let is_decision = |record: &&Vec<u8>| matches!(Entry::from_bytes(record), Ok(Entry::Decided(_)));
    let at =
        behind + store.records[behind..].iter().position(|record| is_decision(&record)).expect("a decision");
    let mut records = store.records.clone();
    records.remove(at);
    write_journal_from(store.dir.path(), first - 3, &records);
    let found: Vec<_> = store.verify().findings.iter().map(|finding| finding.check).collect();
    assert!(found.contains(&"actors"), "{found:?}");

    // Without the base nothing is known of what came before: it is said, and no check is called sound that was not made.
    write_journal_from(store.dir.path(), first - 3, &store.records);
    std::fs::remove_dir_all(store.dir.path().join("bases")).expect("it goes");
    let report = store.verify();
    assert!(report.is_sound(), "{:#?}", report.findings);
    for name in ["actors", "effects", "bases", "state"] {
        let line = report.checks.iter().find(|line| line.name == name).expect("a line");
        assert!(matches!(line.outcome, Outcome::Skipped(_)), "{name}");
    }
}

#[test]
fn every_forged_base_is_found() {
    let store = Store::new();
    let bases = store.dir.path().join("bases");
    let check = |what: &str| {
        let report = store.verify();
        let found = report.findings.iter().filter(|finding| finding.check == "bases").count();
        assert!(found > 0 && found == report.findings.len(), "{what}: {:#?}", report.findings);
    };
    let file = bases.join(store.base.file());
    let good = std::fs::read(&file).expect("readable");
    let mut bytes = good.clone();
    bytes[good.len() / 2] ^= 4;
    std::fs::write(&file, bytes).expect("it writes");
    check("a bit turned");
    std::fs::remove_file(&file).expect("it goes");
    write_base(store.dir.path(), &store.half_way, store.records.len() as u64 + 1, &store.records[0]);
    check("more than the journal has");
    std::fs::remove_dir_all(&bases).expect("it goes");

    // Its checks are right, and its values are not what the journal leads to.
    let forged = store.half_way.duplicate();
    let mut lot = None;
    forged
        .export(&mut |item| {
            if item.key.space == ActorKind::Lot as u8 {
                lot = Some((item.key, item.value.to_vec()));
            }
            ControlFlow::Continue(())
        })
        .expect("it exports");
    let (key, mut value) = lot.expect("a lot");
    let at = value.len() - 1;
    value[at] ^= 1;
    let marker = forged.marker().expect("readable").expect("a marker");
    let change = Change { key, value: Some(value), deadline: None };
    forged.checkpoint(&mut [change].into_iter(), &marker).expect("it takes it");
    write_base(store.dir.path(), &forged, store.base.highest, &store.records[0]);
    check("another state");
}

#[test]
fn a_replay_ends_where_it_is_told_to() {
    let store = Store::new();
    let offline = Offline::open(store.dir.path()).expect("it opens");
    let all = Past::replay(&offline, Until::End, None, &mut |_| {}).expect("it replays");
    assert_eq!(all.position, store.records.len() as u64);
    let mut before = 0;
    for position in [1, 2, 30, 55, all.position] {
        let past = Past::replay(&offline, Until::Position(position), None, &mut |_| {}).expect("it replays");
        assert_eq!(past.position, position);
        assert!(past.actors.len() >= before);
        before = past.actors.len();
        let at = Past::replay(&offline, Until::Time(past.time), None, &mut |_| {}).expect("it replays");
        assert!(at.position >= position && at.time == past.time);
    }
    let early = Past::replay(&offline, Until::Time(support::START), None, &mut |_| {}).expect("it replays");
    assert!(early.position < all.position && early.time <= support::START);
}

/// The bytes of a checkpoint and of the key's file are what they always were.
#[test]
fn golden_bytes() {
    let key = NotaryKey::new(&[7; 32], &[8; 32]);
    let mut notary =
        Notary::new(NotaryKey::new(&[7; 32], &[8; 32]), CELL, Due { records: 9, micros: 0 }, None, 1);
    let genesis = vendue_engine::entry::Genesis { cell: CELL, time: support::START, key_secret: 99 };
    notary.take(1, &Entry::Genesis(genesis).to_bytes(), support::START).expect("readable");
    let signed = notary.sign(support::START).expect("a checkpoint");
    let bytes = Entry::Notarized(signed).to_bytes();
    let hex: String = bytes.iter().chain(&*key.encode()).map(|byte| format!("{byte:02x}")).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/notary.hex");
    if std::env::var_os("VENDUE_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("it makes it");
        std::fs::write(&path, format!("{hex}\n")).expect("it writes");
    }
    assert_eq!(std::fs::read_to_string(&path).expect("readable").trim(), hex, "VENDUE_BLESS=1 rewrites it");
}

#[test]
fn erasing_a_person_leaves_the_store_sound_and_a_name_that_does_not_open_is_found() {
    use vendue_storage::{Entropy, FileVault, Vault};
    let store = Store::new();
    let person = bidder(0).0.0;
    let vault = || FileVault::open(&store.dir.path().join("vault"), Entropy::system()).expect("a vault");
    // The worlds of the tests seal in a way of their own: this key never sealed what is in the journal.
    vault().seal(person, b"somebody else").expect("it seals");
    let report = store.verify();
    let found: Vec<_> = report.findings.iter().map(|finding| finding.check).collect();
    assert_eq!(found, ["vault"], "{:#?}", report.findings);
    vault().erase(person).expect("it erases");
    let report = store.verify();
    assert!(report.is_sound(), "{:#?}", report.findings);
    let line = report.checks.iter().find(|line| line.name == "vault").expect("a line");
    assert_eq!(line.outcome, Outcome::Sound);
    assert!(line.looked_at.contains("of people erased"), "{}", line.looked_at);
}
