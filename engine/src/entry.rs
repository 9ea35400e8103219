//! The records of the journal. One table each; keys are never reused; golden files pin the bytes.
//!
//! Events are journaled, not commands, so that a rule can change without changing history. What is needed to tell a
//! command's outcome again (its key, its content's hash, the channel's sequence number) stands in the same record, so a
//! repeated key is answered from one read.

use vendue_domain::actor::{ActorAddress, ActorKind, Answer, Event};
use vendue_domain::context::Stamp;
use vendue_domain::id::{AccountId, Id};
use vendue_domain::record::{Field, Reader, RecordError, write_array, write_map, write_uint};
use vendue_domain::rejection::Rejection;
use vendue_domain::time::Timestamp;
use vendue_protocol::link::{NotExecuted, Reply};

use crate::effects::Lane;
use crate::hook;
use crate::notary::Notarized;

/// When a command whose answer waits for another actor's may be asked for again, in milliseconds: some commits.
const RETRY_IN_PROGRESS_MS: u32 = 100;

vendue_domain::record! {
    /// What ties an outcome to the command that led to it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Keyed {
        /// The keyed hash of (account, target, key).
        1 => pub hash: u128,
        /// XXH3-64 of the command's bytes.
        2 => pub content: u64,
    }
}

/// The events of one decision: usually one, held inline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventList(pub smallvec::SmallVec<[Event; 1]>);

impl Field for EventList {
    fn encode(&self, out: &mut Vec<u8>) {
        write_array(out, self.0.len() as u32);
        for event in &self.0 {
            event.encode(out);
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let mut events = smallvec::SmallVec::new();
        for _ in 0..input.array()? {
            events.push(Event::decode(input)?);
        }
        Ok(Self(events))
    }
}

vendue_domain::record! {
    /// What an actor decided: a command's outcome, or a timer's, or an effect's, or what changed facts led to. The records
    /// of one decision (several where its events complete commands of several askers) stand in one unit, which the
    /// journal takes whole or not at all.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Decided {
        /// The actor; its kind is its events'.
        1 => pub id: Id,
        /// The actor's own sequence number after the last event.
        2 => pub seq: u64,
        3 => pub time: Timestamp,
        /// Who asked; absent for the engine's own.
        4 => pub by: Option<AccountId>,
        /// Absent for the engine's own.
        5 => pub hash: Option<u128>,
        6 => pub content: Option<u64>,
        /// The actor's channel after the events.
        7 => pub channel_seq: u64,
        8 => pub events: EventList,
        /// The effect whose outcome this is.
        9 => pub lane: Option<Lane>,
    }
}

/// A [`Decided`] about to be written: its events stay where they are. The bytes are those of [`Entry::Decided`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deciding<'a> {
    pub(crate) id: Id,
    pub(crate) seq: u64,
    pub(crate) time: Timestamp,
    pub(crate) by: Option<AccountId>,
    pub(crate) keyed: Option<Keyed>,
    pub(crate) channel_seq: u64,
    pub(crate) events: &'a [Event],
    pub(crate) lane: Option<Lane>,
}

impl Deciding<'_> {
    /// Appends the record.
    #[inline]
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let fields = 5 + u32::from(self.by.is_some()) + 2 * u32::from(self.keyed.is_some());
        write_map(out, 1);
        write_uint(out, DECIDED);
        write_map(out, fields + u32::from(self.lane.is_some()));
        field(out, 1, &self.id);
        field(out, 2, &self.seq);
        field(out, 3, &self.time);
        if let Some(by) = &self.by {
            field(out, 4, by);
        }
        if let Some(keyed) = &self.keyed {
            field(out, 5, &keyed.hash);
            field(out, 6, &keyed.content);
        }
        field(out, 7, &self.channel_seq);
        write_uint(out, 8);
        write_array(out, self.events.len() as u32);
        for event in self.events {
            event.encode(out);
        }
        if let Some(lane) = &self.lane {
            field(out, 9, lane);
        }
    }

    /// How its events come about.
    pub(crate) fn stamp(&self) -> Stamp {
        stamp(self.time, self.by, self.keyed.map(|keyed| keyed.hash), self.lane)
    }
}

#[inline]
fn field(out: &mut Vec<u8>, key: u64, value: &impl Field) {
    write_uint(out, key);
    value.encode(out);
}

/// The number of [`Entry::Decided`].
const DECIDED: u64 = 1;

fn stamp(time: Timestamp, by: Option<AccountId>, hash: Option<u128>, lane: Option<Lane>) -> Stamp {
    let command_id = match (hash, lane) {
        (Some(hash), _) => hash,
        (None, Some(lane)) => lane.identity(),
        (None, None) => 0,
    };
    Stamp { time, by: by.unwrap_or_default(), command_id }
}

impl Decided {
    /// The actor that decided; `None` in a record without events, which is never written.
    #[must_use]
    pub fn address(&self) -> Option<ActorAddress> {
        self.events.0.first().map(|event| ActorAddress { kind: event.kind(), id: self.id })
    }

    /// How its events came about.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        stamp(self.time, self.by, self.hash, self.lane)
    }

    /// The key it is remembered under.
    #[must_use]
    pub fn keyed(&self) -> Option<Keyed> {
        Some(Keyed { hash: self.hash?, content: self.content? })
    }
}

vendue_domain::record! {
    /// A rule said no. Compact: what the reply needs, and the key.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Refused {
        1 => pub hash: u128,
        2 => pub content: u64,
        3 => pub time: Timestamp,
        4 => pub rejection: Rejection,
    }
}

vendue_domain::record! {
    /// A command that was accepted without anything having to happen (the same thing created twice).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Noted {
        1 => pub hash: u128,
        2 => pub content: u64,
        3 => pub time: Timestamp,
        4 => pub channel_seq: u64,
        5 => pub answer: Answer,
    }
}

vendue_domain::record! {
    /// An effect that called for nothing (a hold released that had ended already): it has been done.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Passed {
        1 => pub lane: Lane,
        /// The target's slot.
        2 => pub slot: u16,
        3 => pub time: Timestamp,
    }
}

vendue_domain::record! {
    /// An effect that its receiver refused although nobody listens: what cannot happen in a right history. It has been
    /// done, and operators are shown it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Declined {
        1 => pub lane: Lane,
        2 => pub target: ActorAddress,
        3 => pub time: Timestamp,
        4 => pub rejection: Rejection,
    }
}

vendue_domain::record! {
    /// Another shard's fact has arrived in a shard: decisions of this shard after it know it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Learned {
        1 => pub shard: u16,
        2 => pub time: Timestamp,
        /// Whose fact.
        3 => pub kind: ActorKind,
        4 => pub id: Id,
        5 => pub version: u64,
    }
}

vendue_domain::record! {
    /// The first record of a journal: what the whole history rests on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Genesis {
        1 => pub cell: u128,
        2 => pub time: Timestamp,
        /// The secret of the keys' hash. It travels with the journal: without it no key could be recognised.
        3 => pub key_secret: u128,
    }
}

vendue_domain::record! {
    /// A process has taken the cell over.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Started {
        1 => pub time: Timestamp,
        /// Which slots a shard owns follows from it: slot mod shards.
        2 => pub shards: u16,
        3 => pub version: String,
    }
}

vendue_domain::variants! {
    /// One record of the journal.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Entry {
        1 => Decided(Decided),
        2 => Refused(Refused),
        3 => Noted(Noted),
        4 => Learned(Learned),
        5 => Genesis(Genesis),
        6 => Started(Started),
        7 => Passed(Passed),
        8 => Declined(Declined),
        9 => Notarized(Notarized),
    }
}

impl Entry {
    /// When it was decided.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        match self {
            Self::Decided(entry) => entry.time,
            Self::Refused(entry) => entry.time,
            Self::Noted(entry) => entry.time,
            Self::Learned(entry) => entry.time,
            Self::Genesis(entry) => entry.time,
            Self::Started(entry) => entry.time,
            Self::Passed(entry) => entry.time,
            Self::Declined(entry) => entry.time,
            Self::Notarized(entry) => entry.time,
        }
    }

    /// The key its outcome is remembered under.
    #[must_use]
    pub fn keyed(&self) -> Option<Keyed> {
        match self {
            Self::Decided(entry) => entry.keyed(),
            Self::Refused(entry) => Some(Keyed { hash: entry.hash, content: entry.content }),
            Self::Noted(entry) => Some(Keyed { hash: entry.hash, content: entry.content }),
            Self::Learned(_)
            | Self::Genesis(_)
            | Self::Started(_)
            | Self::Passed(_)
            | Self::Declined(_)
            | Self::Notarized(_) => None,
        }
    }

    /// The effect whose outcome this is: its target's slot and its place.
    #[must_use]
    pub fn lane(&self) -> Option<(u16, Lane)> {
        match self {
            Self::Decided(entry) => entry.lane.map(|lane| (entry.id.slot(), lane)),
            Self::Passed(entry) => Some((entry.slot, entry.lane)),
            Self::Declined(entry) => Some((entry.target.slot(), entry.lane)),
            Self::Refused(_)
            | Self::Noted(_)
            | Self::Learned(_)
            | Self::Genesis(_)
            | Self::Started(_)
            | Self::Notarized(_) => None,
        }
    }

    /// Time and key of a record without reading what happened: all that a key list needs.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn time_and_key(record: &[u8]) -> Result<(Timestamp, Option<Keyed>), RecordError> {
        let mut input = Reader::new(record);
        if input.map()? != 1 {
            return Err(RecordError::Type);
        }
        // The keys of time, hash and content in the tables of `Decided`, and of `Refused` and `Noted`.
        let (time_key, hash_key, content_key) = match input.uint()? {
            1 => (3, 5, 6),
            2 | 3 => (3, 1, 2),
            _ => return Self::from_bytes(record).map(|entry| (entry.time(), entry.keyed())),
        };
        let (mut time, mut hash, mut content) = (None, None, None);
        for _ in 0..input.map()? {
            match input.uint()? {
                key if key == time_key => time = Some(Timestamp::decode(&mut input)?),
                key if key == hash_key => hash = Some(u128::decode(&mut input)?),
                key if key == content_key => content = Some(u64::decode(&mut input)?),
                _ => input.skip()?,
            }
        }
        let keyed = hash.zip(content).map(|(hash, content)| Keyed { hash, content });
        Ok((time.ok_or(RecordError::Missing(time_key as u32))?, keyed))
    }

    /// The reply to the command that led to this outcome, as it is told again; `None` where the outcome is not known yet
    /// (the answer waits for another actor's), and for records that are no command's.
    #[must_use]
    pub fn reply(&self, position: u64) -> Option<Reply<'static>> {
        match self {
            Self::Decided(entry) => {
                let stamp = entry.stamp();
                Some(match answer_of(&entry.events.0, entry.id, &stamp)? {
                    Ok(answer) => {
                        Reply::Accepted { seq: entry.channel_seq, position, replayed: true, answer }
                    }
                    Err(rejection) => Reply::Rejected { position, replayed: true, rejection },
                })
            }
            Self::Refused(entry) => {
                Some(Reply::Rejected { position, replayed: true, rejection: entry.rejection.clone() })
            }
            Self::Noted(entry) => Some(Reply::Accepted {
                seq: entry.channel_seq,
                position,
                replayed: true,
                answer: entry.answer.clone(),
            }),
            Self::Learned(_)
            | Self::Genesis(_)
            | Self::Started(_)
            | Self::Passed(_)
            | Self::Declined(_)
            | Self::Notarized(_) => None,
        }
    }

    /// The reply to a repeated command, also where the first is still under way.
    #[must_use]
    pub fn reply_or_pending(&self, position: u64) -> Option<Reply<'static>> {
        self.reply(position).or_else(|| {
            self.keyed().map(|_| Reply::NotExecuted {
                why: NotExecuted::RequestInProgress,
                retry_after_ms: RETRY_IN_PROGRESS_MS,
                message: "",
            })
        })
    }
}

/// What these events of one asker tell it: the answer, or the rule that refused it after all; `None` where neither is
/// known yet.
#[inline]
pub(crate) fn answer_of(events: &[Event], id: Id, stamp: &Stamp) -> Option<Result<Answer, Rejection>> {
    for event in events {
        if let Some(rejection) = hook::refusal(event) {
            return Some(Err(rejection.clone()));
        }
        if let Some(answer) = hook::answer(event, id, stamp) {
            return Some(Ok(answer));
        }
    }
    None
}
