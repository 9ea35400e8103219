//! The same with real threads, sockets and files: several shards, a stop in the middle, another number of shards.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use vendue_domain::actor::Command;
use vendue_domain::id::AccountId;
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_protocol::link::{
    CommandItem, FrameBuilder, FrameKind, Hello, Items, LINK_VERSION, NotExecuted, Reply, ReplyItem,
    split_frame, write_record_frame,
};
use vendue_storage::{FileJournal, Journal, JournalOptions};

use super::{Ask, ask, command, create_item};
use crate::effects::LaneAudit;
use crate::entry::Entry;
use crate::{DirectIo, Engine, EngineOptions};

/// How long a reply may take before the test gives up: nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

struct Client {
    stream: UnixStream,
    bytes: Vec<u8>,
    next: u64,
}

impl Client {
    fn connect(path: &Path) -> Self {
        let mut stream = UnixStream::connect(path).expect("the engine listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let mut hello = Vec::new();
        let version = "test".to_owned();
        write_record_frame(
            &mut hello,
            FrameKind::Hello,
            &Hello { link_version: LINK_VERSION, gateway: 1, version },
        );
        stream.write_all(&hello).expect("it reads");
        Self { stream, bytes: Vec::new(), next: 0 }
    }

    /// Sends commands in one frame; their request numbers.
    fn send(&mut self, commands: &[(String, Command)]) -> Vec<u64> {
        let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Commands);
        let mut requests = Vec::new();
        for (key, command) in commands {
            self.next += 1;
            requests.push(self.next);
            let (by, expires_at) = (AccountId::HOUSE, Timestamp(i64::MAX));
            let bytes = command.to_bytes();
            let item = CommandItem {
                request: self.next,
                by,
                expires_at,
                key: key.as_bytes(),
                currency: None,
                command: &bytes,
            };
            frame.item(|out| item.encode(out));
        }
        self.stream.write_all(&frame.finish()).expect("it reads");
        requests
    }

    /// Reads until these requests are answered: whether each was accepted; `None`: not executed for now.
    fn answers(&mut self, requests: &[u64]) -> BTreeMap<u64, Option<bool>> {
        let mut answers = BTreeMap::new();
        while !requests.iter().all(|request| answers.contains_key(request)) {
            let mut read = [0; 65_536];
            let count = self.stream.read(&mut read).expect("it answers");
            assert!(count > 0, "the engine has closed the link");
            self.bytes.extend_from_slice(&read[..count]);
            let mut taken = 0;
            while let Some((kind, payload, length)) = split_frame(&self.bytes[taken..]).expect("well formed")
            {
                if kind == FrameKind::Replies {
                    for item in Items::new(payload) {
                        let item = ReplyItem::decode(item.expect("an item")).expect("readable");
                        answers.insert(item.request, outcome(&item.reply));
                    }
                }
                taken += length;
            }
            self.bytes.drain(..taken);
        }
        answers
    }
}

fn outcome(reply: &Reply<'_>) -> Option<bool> {
    match reply {
        Reply::Accepted { .. } => Some(true),
        Reply::Rejected { .. } => Some(false),
        Reply::NotExecuted { why: NotExecuted::RequestInProgress, .. } => None,
        other => panic!("{other:?}"),
    }
}

/// Runs an engine around `work`.
fn with_engine(dir: &Path, shards: u16, work: impl FnOnce(&mut Client)) {
    let options = EngineOptions {
        data_dir: dir.to_owned(),
        shards,
        resident_max: 1_000,
        segment_bytes: 2 * 1024 * 1024,
        direct_io: DirectIo::Off,
        checkpoint_interval_ms: 100,
        ..EngineOptions::default()
    };
    let path = options.link_path();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (ready, is_ready) = crossbeam::channel::bounded(1);
    let engine = std::thread::spawn(move || {
        let shutdown = async {
            let _ = stopped.await;
        };
        Engine::run(options, move || ready.send(()).expect("the test waits"), shutdown)
    });
    is_ready.recv_timeout(PATIENCE).expect("it starts");
    work(&mut Client::connect(&path));
    stop.send(()).expect("it runs");
    engine.join().expect("no panic").expect("no error");
}

fn asks() -> Vec<Ask> {
    (0..200)
        .map(|n| match n % 4 {
            0 => ask(n % 9, 1, "1+1{2+1{3+1{4+1{}}}} 5+1{6+1{}}"),
            1 => ask(7, 1, "ask8+1{0+1{7+1{$}}}"),
            2 => ask(8, 1, "ask3+1{8+1{!}} 4+1{5+1{}}"),
            _ => ask(n % 9, 2, ""),
        })
        .collect()
}

fn keyed(asks: &[Ask]) -> Vec<(String, Command)> {
    asks.iter().enumerate().map(|(number, ask)| (format!("ask-{number}"), command(ask))).collect()
}

#[test]
fn a_real_cell_does_every_effect_once_through_stops_and_changes_of_shards() {
    let dir = tempfile::tempdir().expect("a directory");
    let asks = asks();
    with_engine(dir.path(), 3, |client| {
        let mut setup = vec![("market".to_owned(), crate::support::create_market())];
        setup.extend((0..super::ITEMS).map(|n| (format!("item-{n}"), create_item(n))));
        for command in setup {
            let requests = client.send(&[command]);
            assert_eq!(client.answers(&requests)[&requests[0]], Some(true));
        }
        let commands = keyed(&asks);
        let requests = client.send(&commands[..120]);
        client.answers(&requests[..60]);
        // These are under way when the cell stops.
        client.send(&commands[120..]);
    });
    for shards in [1, 2] {
        with_engine(dir.path(), shards, |client| {
            let mut waiting: Vec<usize> = (0..asks.len()).collect();
            while !waiting.is_empty() {
                let commands: Vec<_> = waiting.iter().map(|number| keyed(&asks)[*number].clone()).collect();
                let requests = client.send(&commands);
                let answers = client.answers(&requests);
                let mut unanswered = Vec::new();
                for (number, request) in waiting.iter().zip(&requests) {
                    match answers[request] {
                        Some(accepted) => assert_eq!(accepted, number % 4 != 2, "command {number}"),
                        None => unanswered.push(*number),
                    }
                }
                waiting = unanswered;
            }
        });
    }
    let journal =
        FileJournal::open(&dir.path().join("journal"), JournalOptions::default()).expect("it opens");
    check(&*journal.reader(), &asks);
}

fn check(journal: &dyn vendue_storage::JournalReader, asks: &[Ask]) {
    let (mut audit, mut on_hand) = (LaneAudit::default(), super::expected(&[]));
    journal
        .read(1, &mut |position, record| {
            let entry = Entry::from_bytes(record).expect("readable");
            audit.take(position, &entry).expect("effects in order");
            super::note_on_hand(&entry, &mut on_hand);
            ControlFlow::Continue(())
        })
        .expect("readable");
    assert_eq!(audit.undone(), None);
    assert!(audit.count() > 0);
    assert_eq!(on_hand, super::expected(asks));
}
