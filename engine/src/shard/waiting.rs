//! Answers that wait: commands that were taken and are answered by a later event of the same actor, because another
//! actor has to be asked first (a bid waits for its hold).

use hashbrown::HashMap;
use smallvec::SmallVec;
use vendue_domain::actor::Answer;
use vendue_domain::rejection::Rejection;
use vendue_protocol::link::{Reply, ReplyItem};
use vendue_storage::Position;

use super::Shard;
use crate::entry::Keyed;
use crate::keys::Known;
use crate::unit::LinkId;

/// Who waits for the outcome of one command.
struct Waiting {
    content: u64,
    /// Link, the gateway's number, and whether it is a repetition.
    askers: SmallVec<[(LinkId, u64, bool); 1]>,
}

/// What became of a repeated key whose first command is under way.
pub(super) enum Joined {
    /// It waits with the first one.
    Waits,
    /// The key was used with other content.
    OtherContent,
    /// As many wait as may.
    NoRoom,
}

/// The commands of a shard whose answers wait. After a restart nobody waits; a repetition is then told that its command
/// is in progress until the outcome is there.
#[derive(Default)]
pub(super) struct Waiters {
    by_key: HashMap<u128, Waiting>,
    count: u32,
}

impl Waiters {
    /// How many wait.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Whether a command with this key is under way: then what became of its repetition.
    pub(super) fn join(
        &mut self,
        hash: u128,
        content: u64,
        link: LinkId,
        request: u64,
        max: u32,
    ) -> Option<Joined> {
        if self.by_key.is_empty() {
            return None;
        }
        let waiting = self.by_key.get_mut(&hash)?;
        if waiting.content != content {
            return Some(Joined::OtherContent);
        }
        if self.count >= max {
            return Some(Joined::NoRoom);
        }
        self.count += 1;
        waiting.askers.push((link, request, true));
        Some(Joined::Waits)
    }

    fn add(&mut self, keyed: Keyed, link: LinkId, request: u64) {
        self.count += 1;
        let waiting =
            Waiting { content: keyed.content, askers: SmallVec::from_buf([(link, request, false)]) };
        self.by_key.insert(keyed.hash, waiting);
    }

    fn take(&mut self, hash: u128) -> SmallVec<[(LinkId, u64, bool); 1]> {
        let Some(waiting) = self.by_key.remove(&hash) else { return SmallVec::new() };
        self.count -= waiting.askers.len() as u32;
        waiting.askers
    }
}

impl Shard {
    /// The command has been taken; its answer comes with a later event.
    pub(super) fn wait(&mut self, keyed: Keyed, link: LinkId, request: u64) {
        self.waiters.add(keyed, link, request);
    }

    /// A record of the command with this key has been written because of something else: a later part of it, or its
    /// outcome, which those who wait are told. The key leads to this record from now on.
    pub(super) fn complete(
        &mut self,
        keyed: Keyed,
        position: Position,
        seq: u64,
        answer: Option<Result<Answer, Rejection>>,
    ) {
        self.keys.insert(keyed.hash, Known { content: keyed.content, position });
        if self.shards > 1 {
            self.round_hashes.push(keyed.hash);
        }
        let Some(answer) = answer else { return };
        match answer {
            Ok(_) => self.stats.accepted += 1,
            Err(_) => self.stats.rejected += 1,
        }
        for (link, request, replayed) in self.waiters.take(keyed.hash) {
            let reply = match &answer {
                Ok(answer) => Reply::Accepted { seq, position, replayed, answer: answer.clone() },
                Err(rejection) => Reply::Rejected { position, replayed, rejection: rejection.clone() },
            };
            self.unit.reply(link, &ReplyItem { request, reply });
        }
    }
}
