//! One followed channel: its last events, its snapshot, its watchers. An event is encoded once for each encoding, when
//! its first watcher needs it, and the same framed bytes go to every watcher.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::rc::Rc;
use vendue_protocol::domain::mutant;

use vendue_protocol::channel::Channel;
use vendue_protocol::domain::record::{Reader, RecordError};
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::wire::limits::{RESUME_BYTES, RESUME_EVENTS};
use vendue_protocol::wire::session::{Resume, WatchMode};
use vendue_protocol::wire::{Encoding, Method, event, pack};

use crate::core::book;
use crate::core::pipe::write_frame;
use crate::core::reply::To;
use crate::core::table::Key;

/// Events whose every field stands in the next one of the same name, so that the newest alone gives the state: a watcher
/// in `latest` mode may be spared the others. Closings, extensions and anything of one's own are never among them (I44).
const REPLACEABLE: &[&str] =
    &["price_changed", "stock_changed", "clock_ticked", "bidders_changed", "auction_indicative"];

/// How many events of a book a watcher may be behind before those are merged that it has not been given: they must not
/// leave the ring before (it keeps at least half of what a resume may ask).
const MERGE_FROM: u64 = 64;

/// An event as it is kept.
#[derive(Debug)]
pub(crate) struct ChannelEvent {
    pub(crate) seq: u64,
    pub(crate) time: Timestamp,
    pub(crate) name: Box<str>,
    /// A MessagePack map.
    pub(crate) data: Box<[u8]>,
    pub(crate) is_replaceable: bool,
    /// Of a book: several of its kind add up to one.
    pub(crate) is_mergeable: bool,
    framed: [OnceCell<Box<[u8]>>; 2],
}

impl ChannelEvent {
    pub(crate) fn new(seq: u64, time: Timestamp, name: &str, data: &[u8]) -> Self {
        let is_mergeable = book::is_mergeable(name);
        let is_replaceable = is_mergeable || REPLACEABLE.contains(&name);
        let (name, data) = (name.into(), data.into());
        Self { seq, time, name, data, is_replaceable, is_mergeable, framed: Default::default() }
    }

    /// This event's message.
    ///
    /// # Errors
    /// What is wrong with the engine's bytes.
    pub(crate) fn write(
        &self,
        out: &mut Vec<u8>,
        encoding: Encoding,
        (channel, epoch): (&str, &str),
        from: Option<u64>,
    ) -> Result<(), RecordError> {
        let event = event::Event {
            channel,
            epoch,
            seq: self.seq,
            from,
            ts: self.time,
            name: &self.name,
            data: &self.data,
        };
        event::write_event(out, encoding, &event)
    }

    /// The frame that every watcher with this encoding gets; empty where the engine's bytes cannot be read, which its
    /// first reader has reported.
    pub(crate) fn framed(&self, encoding: Encoding, names: (&str, &str)) -> &[u8] {
        self.framed[encoding.index()].get_or_init(|| {
            let (mut payload, mut frame) = (Vec::with_capacity(self.data.len() + 256), Vec::new());
            match self.write(&mut payload, encoding, names, None) {
                Ok(()) => write_frame(&mut frame, encoding, &payload),
                Err(error) => tracing::error!(channel = names.0, seq = self.seq, %error, "unreadable event"),
            }
            frame.into()
        })
    }
}

/// Who hears a channel's events.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) connection: Key,
    pub(crate) mode: WatchMode,
    /// The last number it was given.
    pub(crate) seq: u64,
    /// The newest of the events that it is spared, and the first of them. Of a book's: what they add up to, up to a few
    /// that the ring holds still ([`ChannelState::merged`]).
    pub(crate) held: Option<(u64, Rc<ChannelEvent>)>,
    /// The last of a book's events that it is spared.
    pub(crate) held_until: u64,
}

/// Somebody who has asked to watch and is not answered yet.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) connection: Key,
    pub(crate) id: u64,
    pub(crate) t_in: Timestamp,
    pub(crate) deadline: Timestamp,
    pub(crate) wants_snapshot: bool,
    pub(crate) resume: Option<Resume>,
    pub(crate) mode: WatchMode,
    pub(crate) min_position: u64,
    /// Whether the engine has allowed it; channels of operators are asked for each watcher.
    pub(crate) is_allowed: bool,
}

impl Waiting {
    /// Where its reply goes.
    pub(crate) fn to(&self) -> To {
        let method = Method::find("subscribe").map(|method| method.index);
        To { connection: self.connection, id: Some(self.id), t_in: self.t_in, method }
    }
}

/// How far the link's following of a channel has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Not asked on this link.
    No,
    /// Asked, not answered.
    Asked,
    /// Events come.
    Live,
}

/// A snapshot and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) seq: u64,
    /// A MessagePack map.
    pub(crate) data: Vec<u8>,
}

/// What is known of one channel.
#[derive(Debug)]
pub(crate) struct ChannelState {
    pub(crate) channel: Channel,
    /// As clients say it.
    pub(crate) name: String,
    pub(crate) follow: Follow,
    /// Whether another snapshot is on its way.
    pub(crate) is_refreshing: bool,
    /// The last number heard; `None` before anything is known.
    pub(crate) seq: Option<u64>,
    /// The number that the events on their way reach; nobody is answered before.
    pub(crate) target: u64,
    base: Option<Snapshot>,
    ring: VecDeque<Rc<ChannelEvent>>,
    ring_bytes: usize,
    pub(crate) watchers: Vec<Watcher>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) idle_since: Option<Timestamp>,
    /// The last merged event with the number of the first that it stands for: watchers who are as far share it.
    merged: Option<(u64, Rc<ChannelEvent>)>,
}

/// What a subscriber is answered with.
pub(crate) enum Catchup {
    /// Exactly what it missed.
    Events(Vec<Rc<ChannelEvent>>),
    /// A snapshot, and the events after it that are known already.
    Snapshot(Snapshot, Vec<Rc<ChannelEvent>>),
    /// It wants neither.
    Nothing,
    /// It cannot be answered from what is here: the engine must be asked for a snapshot.
    AskAgain,
    /// What it has is not here yet.
    Later,
}

impl ChannelState {
    pub(crate) fn new(channel: Channel) -> Self {
        Self {
            channel,
            name: channel.to_string(),
            follow: Follow::No,
            is_refreshing: false,
            seq: None,
            target: 0,
            base: None,
            ring: VecDeque::new(),
            ring_bytes: 0,
            watchers: Vec::new(),
            waiting: Vec::new(),
            idle_since: None,
            merged: None,
        }
    }

    /// Whether an event's fields overwrite the snapshot's of the same name, and that is all there is to it. Lists of
    /// things and one account's news are no such states: their snapshots come from the engine each time.
    const fn is_folded(&self) -> bool {
        matches!(self.channel, Channel::Lot(_) | Channel::Stock(_) | Channel::Book(_))
    }

    /// What a book's events from `from` until `until` add up to, where `held` is the sum of the first of them. `None`
    /// where one of them is not here any more.
    pub(crate) fn merged(
        &mut self,
        from: u64,
        held: &Rc<ChannelEvent>,
        until: u64,
    ) -> Option<Rc<ChannelEvent>> {
        if until <= held.seq {
            return Some(Rc::clone(held));
        }
        if let Some((first, merged)) = &self.merged
            && (*first, merged.seq) == (from, until)
        {
            return Some(Rc::clone(merged));
        }
        let mut later = self.events_after(held.seq)?;
        later.truncate(usize::try_from(until - held.seq).ok()?);
        let time = later.last()?.time;
        let all = std::iter::once(held).chain(&later);
        let (name, data) = book::merge(all.map(|event| (&*event.name, &*event.data)))
            .inspect_err(|error| tracing::error!(channel = self.name, %error, "unreadable event"))
            .ok()?;
        let merged = Rc::new(ChannelEvent::new(until, time, name, &data));
        self.merged = Some((from, Rc::clone(&merged)));
        Some(merged)
    }

    /// Whether a book's watcher is so far behind that what it is spared should be added up.
    pub(crate) const fn should_merge(held: &ChannelEvent, until: u64) -> bool {
        until >= held.seq + MERGE_FROM
    }

    /// Forgets all events; the next thing heard begins anew.
    pub(crate) fn restart(&mut self, seq: u64, base: Option<Snapshot>) {
        self.ring.clear();
        self.ring_bytes = 0;
        self.seq = Some(seq);
        self.target = seq;
        self.base = base;
    }

    /// A newer snapshot beside the events that are known.
    pub(crate) fn rebase(&mut self, base: Snapshot) {
        self.target = self.target.max(base.seq);
        self.base = Some(base);
    }

    /// Takes an event over. Twice as much as a resume may ask is kept at most, so that the oldest half can be folded into
    /// the snapshot in one go.
    pub(crate) fn push(&mut self, event: Rc<ChannelEvent>) {
        self.seq = Some(event.seq);
        self.ring_bytes += event.data.len();
        self.ring.push_back(event);
        if self.ring.len() >= 2 * RESUME_EVENTS || self.ring_bytes >= 2 * RESUME_BYTES {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let (mut keep, mut bytes) = (0, 0);
        for event in self.ring.iter().rev() {
            if keep == RESUME_EVENTS || bytes + event.data.len() > RESUME_BYTES {
                break;
            }
            keep += 1;
            bytes += event.data.len();
        }
        let oldest: Vec<_> = self.ring.drain(..self.ring.len() - keep).collect();
        self.ring_bytes = bytes;
        let Some(last) = oldest.last() else { return };
        self.base = match self.base.take() {
            // A snapshot that is newer than what is forgotten stands.
            Some(base) if base.seq >= last.seq => Some(base),
            Some(base) if self.is_folded() => fold(self.channel, &base, oldest.iter()).ok(),
            _ => None,
        };
    }

    /// The events after `seq`, where all of them are here.
    fn events_after(&self, seq: u64) -> Option<Vec<Rc<ChannelEvent>>> {
        let latest = self.seq?;
        if seq >= latest {
            return Some(Vec::new());
        }
        let first = self.ring.front()?.seq;
        let skip =
            usize::try_from((seq + 1).checked_sub(first)?).ok()? + usize::from(mutant("resume_in_part"));
        Some(self.ring.iter().skip(skip).cloned().collect())
    }

    /// What to answer somebody who asks to watch.
    pub(crate) fn catch_up(&mut self, epoch: &str, waiting: &Waiting) -> Catchup {
        let Some(seq) = self.seq.filter(|&seq| seq >= self.target) else { return Catchup::Later };
        let resume = waiting.resume.as_ref().filter(|resume| resume.epoch == epoch);
        if let Some(resume) = resume {
            if resume.seq > seq {
                return Catchup::Later;
            }
            let fits = |events: &Vec<Rc<ChannelEvent>>| {
                events.len() <= RESUME_EVENTS
                    && events.iter().map(|event| event.data.len()).sum::<usize>() <= RESUME_BYTES
            };
            if let Some(events) = self.events_after(resume.seq).filter(fits) {
                return Catchup::Events(events);
            }
        } else if !waiting.wants_snapshot && waiting.resume.is_none() {
            return Catchup::Nothing;
        }
        self.snapshot().map_or(Catchup::AskAgain, |(snapshot, events)| Catchup::Snapshot(snapshot, events))
    }

    /// A snapshot that together with the events beside it gives the state now.
    fn snapshot(&mut self) -> Option<(Snapshot, Vec<Rc<ChannelEvent>>)> {
        let events = self.events_after(self.base.as_ref()?.seq)?;
        let base = self.base.as_ref()?;
        if events.is_empty() {
            return Some((base.clone(), events));
        }
        if !self.is_folded() {
            // The engine's snapshot is behind: a fresh one says more than events that do not add up to it.
            return None;
        }
        let folded = fold(self.channel, base, events.iter()).ok()?;
        // Kept, so that a crowd that comes at once is answered from it. The ring keeps the events all the same.
        self.base = Some(folded.clone());
        Some((folded, Vec::new()))
    }
}

/// A snapshot with events laid over it: their fields overwrite its fields of the same name; a book's levels add up.
fn fold<'a>(
    channel: Channel,
    base: &'a Snapshot,
    events: impl Iterator<Item = &'a Rc<ChannelEvent>>,
) -> Result<Snapshot, RecordError> {
    if matches!(channel, Channel::Book(_)) {
        let mut seq = base.seq;
        let newer = events.filter(|event| event.seq > base.seq);
        let told = newer.inspect(|event| seq = event.seq).map(|event| (&*event.name, &*event.data));
        let data = book::fold(&base.data, told)?;
        return Ok(Snapshot { seq, data });
    }
    let mut fields: Vec<(&str, &[u8])> = Vec::with_capacity(64);
    lay_over(&mut fields, &base.data)?;
    let mut seq = base.seq;
    for event in events.filter(|event| event.seq > base.seq) {
        lay_over(&mut fields, &event.data)?;
        seq = event.seq;
    }
    let mut data = Vec::with_capacity(base.data.len() + 64);
    pack::write_map(&mut data, fields.len() as u32);
    for (name, value) in fields {
        pack::write_str(&mut data, name);
        data.extend_from_slice(value);
    }
    Ok(Snapshot { seq, data })
}

fn lay_over<'a>(fields: &mut Vec<(&'a str, &'a [u8])>, map: &'a [u8]) -> Result<(), RecordError> {
    for_each_field(map, |name, value| match fields.iter_mut().find(|(known, _)| *known == name) {
        Some(field) => field.1 = value,
        None => fields.push((name, value)),
    })
}

/// Hands each field of a MessagePack map to `visit`: its name and its value's bytes.
pub(crate) fn for_each_field<'a>(
    map: &'a [u8],
    mut visit: impl FnMut(&'a str, &'a [u8]),
) -> Result<(), RecordError> {
    let mut reader = Reader::new(map);
    for _ in 0..reader.map()? {
        let name = reader.str()?;
        let before = reader.rest();
        reader.skip()?;
        visit(name, &before[..before.len() - reader.rest().len()]);
    }
    Ok(())
}
