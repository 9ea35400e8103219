//! The notary's thread: follows what is durable, has its checkpoints journaled, and proves outcomes to those who ask.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use vendue_domain::record::Field;
use vendue_protocol::link::{FrameBuilder, FrameKind, NotExecuted, Reply, ReplyItem};
use vendue_storage::{JournalReader, Position};

use super::Shared;
use super::host::ShardMessage;
use crate::entry::Entry;
use crate::notary::{
    Due, IndexEntry, NOTARY_DIR, Notarized, Notary, NotaryIndex, NotaryKey, Receipt, Statement,
    leaf_of_record, off, path, read_witness, write_witness,
};
use crate::unit::LinkId;

/// How many questions for receipts may wait; past it the answer is `overloaded`. Each reads an interval.
const QUEUE_MAX: usize = 256;

/// How often it looks for new records.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How many records are hashed before it rests as long as that took: at most half a core while it catches up.
const SLICE_RECORDS: u64 = 4_096;

/// How long a shard may take to write a checkpoint.
const WRITE_WAIT: Duration = Duration::from_secs(30);

/// After a failure: how long until it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// When somebody who asked too much at once should ask again, in milliseconds.
const RETRY_OVERLOADED_MS: u32 = 1_000;

/// What reaches the notary.
pub(super) enum NotaryMessage {
    /// Prove this outcome.
    Receipt { link: LinkId, request: u64, position: Position },
    /// The end.
    Stop,
}

pub(super) fn channel() -> (Sender<NotaryMessage>, Receiver<NotaryMessage>) {
    bounded(QUEUE_MAX)
}

/// Hands a question to the notary, or answers that it cannot.
pub(super) fn ask(shared: &Shared, link: LinkId, request: u64, position: Position) {
    let Some(notary) = &shared.notary else { return answer(shared, link, request, off()) };
    match notary.try_send(NotaryMessage::Receipt { link, request, position }) {
        Ok(()) => {}
        Err(TrySendError::Full(_)) => {
            let (why, message) = (NotExecuted::Overloaded, "too many receipts are asked for at once");
            answer(
                shared,
                link,
                request,
                Reply::NotExecuted { why, retry_after_ms: RETRY_OVERLOADED_MS, message },
            );
        }
        Err(TrySendError::Disconnected(_)) => {
            answer(shared, link, request, refused(NotExecuted::Unavailable, ""))
        }
    }
}

fn answer(shared: &Shared, link: LinkId, request: u64, reply: Reply<'_>) {
    let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Replies);
    frame.item(|out| ReplyItem { request, reply }.encode(out));
    shared.links.write(link, &frame.finish());
}

const fn refused(why: NotExecuted, message: &'static str) -> Reply<'static> {
    Reply::NotExecuted { why, retry_after_ms: 0, message }
}

/// Runs until [`NotaryMessage::Stop`].
pub(super) fn run(
    shared: &Shared,
    reader: &dyn JournalReader,
    key: NotaryKey,
    receiver: &Receiver<NotaryMessage>,
) {
    let mut office = match Office::open(shared, reader, key) {
        Ok(office) => office,
        Err(error) => {
            tracing::error!(error, "the notary cannot begin: nothing is signed until the next start");
            while let Ok(NotaryMessage::Receipt { link, request, .. }) = receiver.recv() {
                answer(
                    shared,
                    link,
                    request,
                    refused(NotExecuted::Unavailable, "the notary cannot work, see the engine's log"),
                );
            }
            return;
        }
    };
    let mut wait = LOOK_EVERY;
    loop {
        match receiver.recv_timeout(wait) {
            Ok(NotaryMessage::Receipt { link, request, position }) => office.receipt(link, request, position),
            Ok(NotaryMessage::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if shared.failed.load(Ordering::Acquire) {
            continue;
        }
        let began = Instant::now();
        let followed = office.follow();
        shared.notary_needs.store(office.needs(), Ordering::Release);
        wait = match followed {
            Ok(true) => began.elapsed(),
            Ok(false) => LOOK_EVERY,
            Err(error) if shared.failed.load(Ordering::Acquire) => {
                tracing::debug!(error, "the notary stops with its cell");
                LOOK_EVERY
            }
            Err(error) => {
                tracing::error!(error, "the notary cannot go on for now");
                RETRY_AFTER
            }
        };
    }
}

/// Why there is no receipt.
struct NoReceipt {
    why: NotExecuted,
    retry_after_ms: u32,
    message: &'static str,
}

impl NoReceipt {
    const fn because(why: NotExecuted, message: &'static str) -> Self {
        Self { why, retry_after_ms: 0, message }
    }

    const fn reply(self) -> Reply<'static> {
        let Self { why, retry_after_ms, message } = self;
        Reply::NotExecuted { why, retry_after_ms, message }
    }
}

struct Office<'a> {
    shared: &'a Shared,
    reader: &'a dyn JournalReader,
    notary: Notary,
    index: NotaryIndex,
    /// A checkpoint that was signed and is not known to be durable.
    pending: Option<Notarized>,
    /// The next entry of the index that the witness file lacks.
    unwitnessed: u64,
}

impl<'a> Office<'a> {
    fn open(shared: &'a Shared, reader: &'a dyn JournalReader, key: NotaryKey) -> Result<Self, String> {
        let path = shared.options.data_dir.join(NOTARY_DIR).join("index");
        let mut index = NotaryIndex::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let last = newest(reader, &mut index)?;
        let options = &shared.options;
        let due = Due { records: options.notary_records_max, micros: options.notary_interval_ms * 1_000 };
        if let Some(other) = last.as_ref().filter(|last| last.key != key.public()) {
            tracing::warn!(before = %other.key, now = %key.public(), "the notary signs with another key from here on");
        }
        let base = last.as_ref().map_or(0, |last| last.number).saturating_sub(index.len());
        let notary = Notary::new(key, shared.genesis.cell, due, last.as_ref(), reader.first());
        if notary.next() < reader.first() {
            let (next, first) = (notary.next(), reader.first());
            return Err(format!(
                "the records from {next} were removed before they were signed; the journal begins with {first}"
            ));
        }
        if notary.next() > reader.last() + 1 {
            return Err("it has signed more than the journal holds".to_owned());
        }
        let unwitnessed = match options.witness_path() {
            Some(path) if path.exists() => {
                let seen = read_witness(&path)?.last().map_or(0, |last| last.number);
                let signed = base + index.len();
                if seen > signed {
                    tracing::error!(
                        seen,
                        signed,
                        "the witness file has more checkpoints than the journal: history was cut off"
                    );
                }
                seen.saturating_sub(base)
            }
            _ => 0,
        };
        Ok(Self { shared, reader, notary, index, pending: None, unwitnessed })
    }

    /// From which record on the journal must stay: what is not signed, and the newest checkpoint, from which a start goes on.
    fn needs(&self) -> Position {
        let newest = self.index.last().ok().flatten().map_or(self.reader.first(), |entry| entry.at);
        newest.min(self.notary.covered() + 1)
    }

    /// Takes what is new and signs what is due; whether there is more to take.
    fn follow(&mut self) -> Result<bool, String> {
        if let Some(signed) = self.pending.clone() {
            self.keep(&signed, self.notary.covered() + 1)?;
        }
        let now = self.shared.clock.now();
        let last = self.reader.last();
        let until = last.min(self.notary.next() + SLICE_RECORDS - 1);
        let (notary, mut failed) = (&mut self.notary, None);
        if notary.next() <= until {
            let read = self.reader.read(notary.next(), &mut |position, record| {
                if position > until || notary.is_full() {
                    return ControlFlow::Break(());
                }
                match notary.take(position, record, now) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(format!("record {position}: {error}"));
                        ControlFlow::Break(())
                    }
                }
            });
            read.map_err(|error| error.to_string())?;
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if self.notary.is_due(now)
            && let Some(signed) = self.notary.sign(now)
        {
            self.write(signed)?;
        }
        self.witness()?;
        Ok(self.notary.next() <= last)
    }

    /// Has a checkpoint journaled, and waits until it is durable.
    fn write(&mut self, signed: Notarized) -> Result<(), String> {
        let record = Entry::Notarized(signed.clone()).to_bytes();
        self.pending = Some(signed.clone());
        let (sender, receiver) = bounded(1);
        let shard = self.shared.shard(0).ok_or("no shard runs")?;
        shard.do_send(ShardMessage::Notarize(record, sender));
        let (from, until) = receiver.recv_timeout(WRITE_WAIT).map_err(|error| error.to_string())?;
        while self.shared.committer.durable() + 1 < until {
            if self.shared.committer.has_failed() || self.shared.failed.load(Ordering::Acquire) {
                return Err("the journal has failed".to_owned());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.keep(&signed, from)
    }

    /// Finds a written checkpoint from `from` on, and notes where it stands.
    fn keep(&mut self, signed: &Notarized, from: Position) -> Result<(), String> {
        let mut at = None;
        let found = self.reader.read(from, &mut |position, record| match notarized(record) {
            Some(found) if found == *signed => {
                at = Some(position);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        });
        found.map_err(|error| error.to_string())?;
        let at = at.ok_or("a checkpoint is not durable yet")?;
        let entry = IndexEntry { first: signed.first, last: signed.last, at };
        self.index.push(entry).map_err(|error| error.to_string())?;
        self.pending = None;
        self.shared.signs.signed.store(signed.last, Ordering::Relaxed);
        Ok(())
    }

    /// Brings the witness file up to date; a failure is told, and tried again.
    fn witness(&mut self) -> Result<(), String> {
        let Some(path) = self.shared.options.witness_path() else { return Ok(()) };
        while let Some(entry) = self.index.get(self.unwitnessed).map_err(|error| error.to_string())? {
            if entry.at >= self.reader.first() {
                let record = self.reader.record(entry.at).map_err(|error| error.to_string())?;
                let signed =
                    record.as_deref().and_then(notarized).ok_or("a checkpoint is not where it was")?;
                write_witness(&path, &signed).map_err(|error| format!("{}: {error}", path.display()))?;
            }
            self.unwitnessed += 1;
        }
        Ok(())
    }

    fn receipt(&self, link: LinkId, request: u64, position: Position) {
        let made = self.made(position).and_then(|receipt| {
            rmp_serde::to_vec_named(&receipt).map_err(|error| {
                tracing::error!(%error, "a receipt cannot be written");
                NoReceipt::because(NotExecuted::Internal, "")
            })
        });
        match made {
            Ok(bytes) => answer(self.shared, link, request, Reply::Data(&bytes)),
            Err(why) => answer(self.shared, link, request, why.reply()),
        }
    }

    fn made(&self, position: Position) -> Result<Receipt, NoReceipt> {
        const NOT_YET: &str = "not yet notarized: ask again after the notary's next checkpoint";
        let wait =
            u32::try_from(self.shared.options.notary_interval_ms).unwrap_or(u32::MAX).saturating_add(100);
        let internal = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, position, "a receipt cannot be made");
            NoReceipt::because(NotExecuted::Internal, "")
        };
        let found = self.index.find(position).map_err(|error| internal(&error))?;
        let Some(entry) = found else {
            let why = NotExecuted::Unavailable;
            return Err(NoReceipt { why, retry_after_ms: wait, message: NOT_YET });
        };
        if entry.first < self.reader.first() {
            return Err(NoReceipt::because(
                NotExecuted::NotFound,
                "its records are no longer in the journal: receipts are for younger commands",
            ));
        }
        let signed = self.reader.record(entry.at).map_err(|error| internal(&error))?;
        let signed = signed
            .as_deref()
            .and_then(notarized)
            .ok_or_else(|| internal(&"a checkpoint is not where it was"))?;
        if signed.key != self.notary.key().public() {
            return Err(NoReceipt::because(
                NotExecuted::NotFound,
                "it was signed with an earlier key, which is not here any more",
            ));
        }
        let (mut leaves, mut own) = (Vec::new(), None);
        let read = self.reader.read(entry.first, &mut |at, record| {
            if at > entry.last {
                return ControlFlow::Break(());
            }
            let Ok(decoded) = Entry::from_bytes(record) else { return ControlFlow::Break(()) };
            let leaf = leaf_of_record(&self.notary.key().salts(at), at, record, &decoded);
            if at == position {
                own = Statement::of(at, &decoded).map(|statement| (leaf, statement));
            }
            leaves.push(leaf.hash());
            ControlFlow::Continue(())
        });
        read.map_err(|error| internal(&error))?;
        let Some((leaf, statement)) = own else {
            return Err(NoReceipt::because(NotExecuted::NotFound, "no command's outcome stands there"));
        };
        if statement.answer.is_none() && statement.rejection.is_none() {
            return Err(NoReceipt::because(
                NotExecuted::RequestInProgress,
                "its answer waits for another actor",
            ));
        }
        let path = path(&leaves, (position - entry.first) as usize);
        let receipt = Receipt::new(&leaf, &statement, &path, &signed);
        // Nobody is given a proof that does not hold.
        receipt.check(&signed.key).map_err(|error| internal(&error))?;
        Ok(receipt)
    }
}

fn notarized(record: &[u8]) -> Option<Notarized> {
    match Entry::from_bytes(record) {
        Ok(Entry::Notarized(signed)) => Some(signed),
        _ => None,
    }
}

/// The newest checkpoint; brings the index to what the journal says.
fn newest(reader: &dyn JournalReader, index: &mut NotaryIndex) -> Result<Option<Notarized>, String> {
    let mut last = None;
    if let Some(entry) = index.last().map_err(|error| error.to_string())? {
        let there = (reader.first()..=reader.last()).contains(&entry.at);
        let record = if there { reader.record(entry.at).map_err(|error| error.to_string())? } else { None };
        last = record
            .as_deref()
            .and_then(notarized)
            .filter(|signed| (signed.first, signed.last) == (entry.first, entry.last));
        if last.is_none() {
            tracing::warn!("the notary's index does not fit the journal; it is made again");
            index.clear().map_err(|error| error.to_string())?;
        }
    }
    let from = match index.last().map_err(|error| error.to_string())? {
        Some(entry) => entry.at + 1,
        None => reader.first(),
    };
    let mut failed = None;
    let read = reader.read(from, &mut |at, record| {
        // A map of one entry with the number of `Entry::Notarized`.
        if record.starts_with(&[0x81, 9])
            && let Some(signed) = notarized(record)
        {
            if let Err(error) = index.push(IndexEntry { first: signed.first, last: signed.last, at }) {
                failed = Some(error.to_string());
                return ControlFlow::Break(());
            }
            last = Some(signed);
        }
        ControlFlow::Continue(())
    });
    read.map_err(|error| error.to_string())?;
    failed.map_or(Ok(last), Err)
}
