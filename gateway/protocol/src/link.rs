//! What a gateway and an engine say to each other over one ordered stream of bytes.
//!
//! A frame is `u32 length | u8 kind | payload`, little-endian; the length counts kind and payload. The payload of
//! `Commands`, `Replies` and `Events` frames is a run of items, each `u32 length | item`: many items travel in one frame
//! and many frames in one write. Items have fixed heads, so that the hot path neither parses names nor allocates; what is
//! in them (commands, answers, rejections) are the records of the domain. Both ends speak one [`LINK_VERSION`]; `Hello`
//! and `Welcome` refuse another. The bytes are pinned by golden files.

use vendue_domain::actor::Answer;
use vendue_domain::amount::Currency;
use vendue_domain::id::{AccountId, Id};
use vendue_domain::record::{Field, RecordError};
use vendue_domain::rejection::Rejection;
use vendue_domain::time::Timestamp;

use crate::channel::Channel;
use crate::query::Query;

/// The version both ends must share.
pub const LINK_VERSION: u32 = 3;

/// The largest frame: larger ones are refused and end the link.
pub const LINK_FRAME_MAX: usize = 16 * 1024 * 1024;

/// The kinds of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// Gateway first: [`Hello`].
    Hello = 1,
    /// The engine's answer: [`Welcome`].
    Welcome = 2,
    /// Gateway: a run of [`CommandItem`]s.
    Commands = 3,
    /// Gateway: a run of [`QueryItem`]s.
    Queries = 4,
    /// Gateway: a run of [`FollowItem`]s.
    Follows = 5,
    /// Engine: a run of [`ReplyItem`]s.
    Replies = 6,
    /// Engine: a run of [`EventItem`]s, in journal order.
    Events = 7,
    /// Engine: [`Pulse`], at least once a second and after each `Events` frame.
    Pulse = 8,
    /// Engine: [`Refused`], then the link ends.
    Refused = 9,
    /// Engine: [`Vitals`](crate::signs::Vitals), about twice a second.
    Vitals = 10,
}

impl FrameKind {
    const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Hello,
            2 => Self::Welcome,
            3 => Self::Commands,
            4 => Self::Queries,
            5 => Self::Follows,
            6 => Self::Replies,
            7 => Self::Events,
            8 => Self::Pulse,
            9 => Self::Refused,
            10 => Self::Vitals,
            _ => return None,
        })
    }
}

/// What is wrong with a link's bytes; the link ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkError {
    /// A frame kind that this version does not know.
    UnknownKind(u8),
    /// A frame over [`LINK_FRAME_MAX`] bytes or empty.
    Length(usize),
    /// An item that ends early or has a field out of range.
    Malformed(&'static str),
    /// A record in an item cannot be read.
    Record(RecordError),
}

impl std::fmt::Display for LinkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownKind(kind) => write!(f, "unknown frame kind {kind}"),
            Self::Length(length) => write!(f, "a frame of {length} bytes; frames have 1 to {LINK_FRAME_MAX}"),
            Self::Malformed(what) => write!(f, "malformed item: {what}"),
            Self::Record(error) => write!(f, "unreadable record: {error}"),
        }
    }
}

impl std::error::Error for LinkError {}

impl From<RecordError> for LinkError {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

/// Takes one whole frame off the front of `bytes`: its kind, its payload and how many bytes it took; `None` where more
/// bytes are needed.
///
/// # Errors
/// A length or kind that no frame of this version has.
#[allow(clippy::type_complexity)]
pub fn split_frame(bytes: &[u8]) -> Result<Option<(FrameKind, &[u8], usize)>, LinkError> {
    let Some((head, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*head) as usize;
    if length == 0 || length > LINK_FRAME_MAX {
        return Err(LinkError::Length(length));
    }
    let Some(frame) = rest.get(..length) else { return Ok(None) };
    let kind = FrameKind::from_u8(frame[0]).ok_or(LinkError::UnknownKind(frame[0]))?;
    Ok(Some((kind, &frame[1..], 4 + length)))
}

/// Builds a frame of items in one reusable buffer.
#[derive(Debug)]
pub struct FrameBuilder {
    bytes: Vec<u8>,
    start: usize,
    items: u32,
}

impl FrameBuilder {
    /// A builder that appends one frame of `kind` to `bytes` (which may hold earlier frames).
    #[must_use]
    pub fn new(mut bytes: Vec<u8>, kind: FrameKind) -> Self {
        let start = bytes.len();
        bytes.extend_from_slice(&[0, 0, 0, 0, kind as u8]);
        Self { bytes, start, items: 0 }
    }

    /// Appends one item: `fill` writes its bytes behind the length.
    #[inline]
    pub fn item(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        fill(&mut self.bytes);
        let length = (self.bytes.len() - at - 4) as u32;
        self.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        self.items += 1;
    }

    /// Adds `delta` to the 64-bit number at byte `at`.
    pub fn shift_u64(&mut self, at: usize, delta: u64) {
        if let Some(place) = self.bytes.get_mut(at..at + 8) {
            let mut number = [0; 8];
            number.copy_from_slice(place);
            place.copy_from_slice(&u64::from_le_bytes(number).wrapping_add(delta).to_le_bytes());
        }
    }

    /// How many items the frame has.
    #[must_use]
    pub const fn items(&self) -> u32 {
        self.items
    }

    /// Bytes so far, earlier frames included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the frame has no item.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// The bytes with the frame's length filled in; a frame without items is taken back.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        if self.items == 0 {
            self.bytes.truncate(self.start);
        } else {
            let length = (self.bytes.len() - self.start - 4) as u32;
            self.bytes[self.start..self.start + 4].copy_from_slice(&length.to_le_bytes());
        }
        self.bytes
    }
}

/// Appends a frame that holds one record.
pub fn write_record_frame(bytes: &mut Vec<u8>, kind: FrameKind, record: &impl Field) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0, 0, 0, 0, kind as u8]);
    record.encode(bytes);
    let length = (bytes.len() - start - 4) as u32;
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// The items of a frame's payload.
#[derive(Clone)]
pub struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    /// The items of this payload.
    #[must_use]
    pub const fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<&'a [u8], LinkError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let whole = self
            .rest
            .split_first_chunk::<4>()
            .and_then(|(head, rest)| rest.split_at_checked(u32::from_le_bytes(*head) as usize));
        match whole {
            Some((item, rest)) => {
                self.rest = rest;
                Some(Ok(item))
            }
            None => {
                self.rest = &[];
                Some(Err(LinkError::Malformed("an item ends early")))
            }
        }
    }
}

/// Reads fixed-width fields off an item.
struct Head<'a>(&'a [u8]);

impl<'a> Head<'a> {
    #[inline]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], LinkError> {
        let (taken, rest) =
            self.0.split_first_chunk::<N>().ok_or(LinkError::Malformed("a head ends early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    #[inline]
    fn u64(&mut self) -> Result<u64, LinkError> {
        self.take().map(u64::from_le_bytes)
    }

    #[inline]
    fn i64(&mut self) -> Result<i64, LinkError> {
        self.take().map(i64::from_le_bytes)
    }

    #[inline]
    fn u8(&mut self) -> Result<u8, LinkError> {
        self.take::<1>().map(|[byte]| byte)
    }

    #[inline]
    fn short_bytes(&mut self) -> Result<&'a [u8], LinkError> {
        let length = self.u8()? as usize;
        let (bytes, rest) =
            self.0.split_at_checked(length).ok_or(LinkError::Malformed("a text ends early"))?;
        self.0 = rest;
        Ok(bytes)
    }

    #[inline]
    fn id(&mut self) -> Result<Id, LinkError> {
        self.take().map(Id)
    }

    #[inline]
    fn currency(&mut self) -> Result<Option<Currency>, LinkError> {
        match self.short_bytes()? {
            [] => Ok(None),
            code => {
                let known = std::str::from_utf8(code).ok().and_then(Currency::new);
                known.map(Some).ok_or(LinkError::Malformed("a currency that is none"))
            }
        }
    }
}

vendue_domain::record! {
    /// The gateway introduces itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Hello {
        /// [`LINK_VERSION`] of the gateway.
        1 => pub link_version: u32,
        /// Chosen at random when the gateway process starts.
        2 => pub gateway: u128,
        /// The build, for the logs.
        3 => pub version: String,
    }
}

vendue_domain::record! {
    /// The engine introduces itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Welcome {
        /// [`LINK_VERSION`] of the engine.
        1 => pub link_version: u32,
        /// The cell, chosen at random when its data directory was made.
        2 => pub cell: u128,
        /// Changes only when history was restored from a backup.
        3 => pub epoch: u64,
        /// The build, for the logs and the reply to `connect`.
        4 => pub version: String,
        /// The cell's clock now.
        5 => pub time: Timestamp,
        /// How long keys are kept (`limits.key_window_ms`).
        6 => pub key_window_ms: u64,
        /// The longest deadline (`limits.deadline_max_ms`).
        7 => pub deadline_max_ms: u64,
    }
}

vendue_domain::record! {
    /// An account has signed out everywhere.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SignedOut {
        /// Who.
        1 => pub account: AccountId,
        /// Tokens issued until then are void.
        2 => pub until: Timestamp,
    }
}

vendue_domain::record! {
    /// The engine's clock and how far it has come. Events up to `published` have been sent on this link.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Pulse {
        /// The cell's clock now.
        1 => pub time: Timestamp,
        /// The last durable position of the journal.
        2 => pub durable: u64,
        /// Events up to this position have been sent on this link.
        3 => pub published: u64,
        /// Who has signed out everywhere, and this link has not been told of yet; with the first pulses of a link, everybody who
        /// ever did.
        4 => pub signed_out: Vec<SignedOut>,
    }
}

vendue_domain::record! {
    /// Why the engine ends the link.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Refused {
        /// For people.
        1 => pub reason: String,
    }
}

/// One command on its way to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandItem<'a> {
    /// The gateway's number for it; comes back in the reply.
    pub request: u64,
    /// On whose behalf.
    pub by: AccountId,
    /// Not to be decided at or after this instant of the cell's clock.
    pub expires_at: Timestamp,
    /// The client's key, 1 to 64 bytes.
    pub key: &'a [u8],
    /// The currency that the caller takes its amounts to be in; not checked where absent.
    pub currency: Option<Currency>,
    /// The bytes of a domain `Command`: canonical, so that "same content" compares their hash.
    pub command: &'a [u8],
}

impl<'a> CommandItem<'a> {
    /// Appends this item's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        Self::encode_head(out, self.request, self.by, self.expires_at, self.key, self.currency);
        out.extend_from_slice(self.command);
    }

    /// Appends an item's bytes up to the command, which the caller encodes behind it.
    #[inline]
    pub fn encode_head(
        out: &mut Vec<u8>,
        request: u64,
        by: AccountId,
        expires_at: Timestamp,
        key: &[u8],
        currency: Option<Currency>,
    ) {
        out.extend_from_slice(&request.to_le_bytes());
        out.extend_from_slice(&by.0.0);
        out.extend_from_slice(&expires_at.0.to_le_bytes());
        let key = &key[..key.len().min(255)];
        out.push(key.len() as u8);
        out.extend_from_slice(key);
        let code = currency.as_ref().map_or("", |currency| currency.code());
        out.push(code.len() as u8);
        out.extend_from_slice(code.as_bytes());
    }

    /// Reads an item.
    ///
    /// # Errors
    /// A head that ends early, or a currency that is none.
    #[inline]
    pub fn decode(item: &'a [u8]) -> Result<Self, LinkError> {
        let mut head = Head(item);
        Ok(Self {
            request: head.u64()?,
            by: AccountId(head.id()?),
            expires_at: Timestamp(head.i64()?),
            key: head.short_bytes()?,
            currency: head.currency()?,
            command: head.0,
        })
    }
}

/// One question to the engine's views (or, for `command.result`, to a shard).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryItem {
    /// The gateway's number for it.
    pub request: u64,
    /// On whose behalf; `AccountId::default()` is a guest.
    pub by: AccountId,
    /// Answer only from a state that includes this journal position: the caller's own last outcome (I38).
    pub min_position: u64,
    /// The question.
    pub query: Query,
}

impl QueryItem {
    /// Appends this item's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.request.to_le_bytes());
        out.extend_from_slice(&self.by.0.0);
        out.extend_from_slice(&self.min_position.to_le_bytes());
        self.query.encode(out);
    }

    /// Reads an item.
    ///
    /// # Errors
    /// A head that ends early, an unreadable query.
    pub fn decode(item: &[u8]) -> Result<Self, LinkError> {
        let mut head = Head(item);
        Ok(Self {
            request: head.u64()?,
            by: AccountId(head.id()?),
            min_position: head.u64()?,
            query: Query::from_bytes(head.0)?,
        })
    }
}

/// Begin (or end) to send a channel's events on this link. The reply to a follow is a [`Reply::Followed`]; events with a
/// higher sequence number come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowItem {
    /// The gateway's number for it; the end of following (`follow` false) is not answered.
    pub request: u64,
    /// On whose behalf: private channels are checked.
    pub by: AccountId,
    /// As in [`QueryItem::min_position`].
    pub min_position: u64,
    /// Which channel.
    pub channel: Channel,
    /// Begin or end.
    pub follow: bool,
    /// The last sequence number that the gateway has; 0 asks for a snapshot. The engine sends the missed events where it
    /// still has all of them, else a snapshot.
    pub after: u64,
}

impl FollowItem {
    /// Appends this item's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.request.to_le_bytes());
        out.extend_from_slice(&self.by.0.0);
        out.extend_from_slice(&self.min_position.to_le_bytes());
        let (kind, id) = self.channel.to_link();
        out.push(kind);
        out.extend_from_slice(&id.0);
        out.push(u8::from(self.follow));
        out.extend_from_slice(&self.after.to_le_bytes());
    }

    /// Reads an item.
    ///
    /// # Errors
    /// A head that ends early, an unknown kind of channel.
    pub fn decode(item: &[u8]) -> Result<Self, LinkError> {
        let mut head = Head(item);
        Ok(Self {
            request: head.u64()?,
            by: AccountId(head.id()?),
            min_position: head.u64()?,
            channel: read_channel(&mut head)?,
            follow: head.u8()? != 0,
            after: head.u64()?,
        })
    }
}

fn read_channel(head: &mut Head<'_>) -> Result<Channel, LinkError> {
    let kind = head.u8()?;
    Channel::from_link(kind, head.id()?).ok_or(LinkError::Malformed("an unknown kind of channel"))
}

vendue_domain::variants! {
    /// Why a command or query did not reach the rules.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum NotExecuted {
        /// The engine has as many commands under way as it takes.
        1 => Overloaded,
        /// `expires_at` had passed before it was decided.
        2 => DeadlineExceeded,
        /// The key was used for this target with other content.
        3 => IdempotencyKeyReused,
        /// The rules of this actor failed; it was reloaded.
        4 => Internal,
        /// The engine cannot decide anything at the moment.
        5 => Unavailable,
        /// Nothing has this id.
        6 => NotFound,
        /// The account may not read this.
        7 => Forbidden,
        /// A command with this key is being decided; its outcome is not durable yet.
        8 => RequestInProgress,
        /// It cannot be decided as it stands.
        9 => InvalidRequest,
        /// There is no such channel.
        10 => UnknownChannel,
        /// There is no such order, or it is none of the asker's.
        11 => OrderNotFound,
    }
}

/// What a command, query or follow led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply<'a> {
    /// The rules said yes, durably.
    Accepted {
        /// The actor's channel stands at this sequence number.
        seq: u64,
        /// The outcome's place in the journal.
        position: u64,
        /// The outcome of an earlier command with the same key.
        replayed: bool,
        /// The answer.
        answer: Answer,
    },
    /// The rules said no, durably.
    Rejected {
        /// The outcome's place in the journal; 0 where it needed none.
        position: u64,
        /// As above.
        replayed: bool,
        /// The rule.
        rejection: Rejection,
    },
    /// It never reached the rules.
    NotExecuted {
        /// Why.
        why: NotExecuted,
        /// When to try again, 0 = no advice.
        retry_after_ms: u32,
        /// What a person should know, may be empty.
        message: &'a str,
    },
    /// A query's result: a MessagePack map with the protocol's names.
    Data(&'a [u8]),
    /// A follow's snapshot: a MessagePack map, and where the channel stands; `None`: nothing was missed that does not
    /// come as events behind this reply.
    Followed {
        /// Where the channel stands: the number of the snapshot, or of the last of the missed events.
        seq: u64,
        /// The snapshot; empty where the missed events follow instead.
        snapshot: &'a [u8],
    },
}

const ACCEPTED: u8 = 1;
const REJECTED: u8 = 2;
const NOT_EXECUTED: u8 = 3;
const DATA: u8 = 4;
const FOLLOWED: u8 = 5;
const REPLAYED: u8 = 0x80;

/// A reply with the request it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplyItem<'a> {
    /// The gateway's number.
    pub request: u64,
    /// The outcome.
    pub reply: Reply<'a>,
}

impl<'a> ReplyItem<'a> {
    /// Appends this item's bytes.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.request.to_le_bytes());
        match &self.reply {
            Reply::Accepted { seq, position, replayed, answer } => {
                out.push(ACCEPTED | if *replayed { REPLAYED } else { 0 });
                out.extend_from_slice(&seq.to_le_bytes());
                out.extend_from_slice(&position.to_le_bytes());
                answer.encode(out);
            }
            Reply::Rejected { position, replayed, rejection } => {
                out.push(REJECTED | if *replayed { REPLAYED } else { 0 });
                out.extend_from_slice(&position.to_le_bytes());
                rejection.encode(out);
            }
            Reply::NotExecuted { why, retry_after_ms, message } => {
                out.push(NOT_EXECUTED);
                out.extend_from_slice(&retry_after_ms.to_le_bytes());
                out.extend_from_slice(&(message.len() as u32).to_le_bytes());
                out.extend_from_slice(message.as_bytes());
                why.encode(out);
            }
            Reply::Data(data) => {
                out.push(DATA);
                out.extend_from_slice(data);
            }
            Reply::Followed { seq, snapshot } => {
                out.push(FOLLOWED);
                out.extend_from_slice(&seq.to_le_bytes());
                out.extend_from_slice(snapshot);
            }
        }
    }

    /// Reads an item.
    ///
    /// # Errors
    /// A head that ends early, an unknown kind of reply, an unreadable answer.
    #[inline]
    pub fn decode(item: &'a [u8]) -> Result<Self, LinkError> {
        let mut head = Head(item);
        let request = head.u64()?;
        let kind = head.u8()?;
        let replayed = kind & REPLAYED != 0;
        let reply = match kind & !REPLAYED {
            ACCEPTED => Reply::Accepted {
                seq: head.u64()?,
                position: head.u64()?,
                replayed,
                answer: Answer::from_bytes(head.0)?,
            },
            REJECTED => {
                Reply::Rejected { position: head.u64()?, replayed, rejection: Rejection::from_bytes(head.0)? }
            }
            NOT_EXECUTED => {
                let retry_after_ms = head.take().map(u32::from_le_bytes)?;
                let length = head.take().map(u32::from_le_bytes)? as usize;
                let (message, rest) =
                    head.0.split_at_checked(length).ok_or(LinkError::Malformed("a message ends early"))?;
                let message =
                    std::str::from_utf8(message).map_err(|_| LinkError::Malformed("a message is UTF-8"))?;
                Reply::NotExecuted { why: NotExecuted::from_bytes(rest)?, retry_after_ms, message }
            }
            DATA => Reply::Data(head.0),
            FOLLOWED => Reply::Followed { seq: head.u64()?, snapshot: head.0 },
            _ => return Err(LinkError::Malformed("an unknown kind of reply")),
        };
        Ok(Self { request, reply })
    }
}

/// One public or private event of a channel that this gateway follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventItem<'a> {
    /// Which channel.
    pub channel: Channel,
    /// Its number.
    pub seq: u64,
    /// The cell's time of the decision.
    pub time: Timestamp,
    /// The protocol's name of the event.
    pub name: &'a str,
    /// A MessagePack map with the protocol's names.
    pub data: &'a [u8],
}

impl<'a> EventItem<'a> {
    /// Appends this item's bytes up to its data, which the caller encodes behind it.
    pub fn encode_head(out: &mut Vec<u8>, channel: Channel, seq: u64, time: Timestamp, name: &str) {
        let (kind, id) = channel.to_link();
        out.push(kind);
        out.extend_from_slice(&id.0);
        out.extend_from_slice(&seq.to_le_bytes());
        out.extend_from_slice(&time.0.to_le_bytes());
        out.push(name.len() as u8);
        out.extend_from_slice(name.as_bytes());
    }

    /// Reads an item.
    ///
    /// # Errors
    /// A head that ends early, an unknown kind of channel.
    pub fn decode(item: &'a [u8]) -> Result<Self, LinkError> {
        let mut head = Head(item);
        Ok(Self {
            channel: read_channel(&mut head)?,
            seq: head.u64()?,
            time: Timestamp(head.i64()?),
            name: std::str::from_utf8(head.short_bytes()?)
                .map_err(|_| LinkError::Malformed("a name is UTF-8"))?,
            data: head.0,
        })
    }
}
