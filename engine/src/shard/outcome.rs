//! What a client hears of its command, and what is kept of it for a repetition.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use vendue_domain::actor::{ActorAddress, Answer, Decision, Event};
use vendue_domain::context::Stamp;
use vendue_domain::record::Field;
use vendue_domain::rejection::Rejection;
use vendue_protocol::link::{NotExecuted, Reply, ReplyItem};

use super::Shard;
use super::decide::Asker;
use super::record::{Origin, own_answer};
use crate::entry::{Entry, Keyed, Noted, Refused};
use crate::unit::{FactBroadcast, LinkId};

impl Shard {
    /// Records what the rules decided and answers.
    #[inline]
    pub(super) fn accept(&mut self, index: u32, asker: Asker, decision: Decision<Event>, trial: bool) {
        let Some(cell) = self.cells[index as usize].as_ref() else { return };
        let stamp = Stamp { time: self.now, by: asker.by, command_id: asker.keyed.hash };
        let address = cell.address;
        let Decision { events, answer } = decision;
        let origin = Origin::command(asker.by, asker.keyed);
        let answer =
            answer.map(|answer| Ok(*answer)).or_else(|| own_answer(&events, origin, address.id, &stamp));
        if events.is_empty() {
            let seq = cell.entity.channel_seq();
            return self.accept_unchanged(asker, seq, answer, trial);
        }
        let facts: Vec<_> = events.iter().filter_map(|event| event.fact(address.id)).collect();
        let Some(recorded) = self.record(index, events, origin) else {
            return self.refuse(asker.link, asker.request, NotExecuted::Internal, 0, "");
        };
        let (mut position, seq) = (recorded.position, recorded.channel_seq);
        if recorded.is_own {
            self.remember_outcome(asker.keyed.hash, asker.keyed.content, position);
        } else if let Some(Ok(answer)) = &answer {
            position = self.note(asker, seq, answer.clone());
        }
        self.schedule(index);
        let reply = match answer {
            Some(Ok(answer)) => {
                self.stats.accepted += 1;
                Reply::Accepted { seq, position, replayed: false, answer }
            }
            Some(Err(rejection)) => {
                self.stats.rejected += 1;
                Reply::Rejected { position, replayed: false, rejection }
            }
            // A later event of this actor answers it.
            None => {
                self.wait(asker.keyed, asker.link, asker.request);
                return self.publish_facts(facts, address, None);
            }
        };
        let item = ReplyItem { request: asker.request, reply };
        if facts.is_empty() {
            return self.unit.reply(asker.link, &item);
        }
        self.publish_facts(facts, address, Some((asker.link, item)));
    }

    /// Answers a command that changed nothing.
    fn accept_unchanged(
        &mut self,
        asker: Asker,
        seq: u64,
        answer: Option<Result<Answer, Rejection>>,
        trial: bool,
    ) {
        let Some(Ok(answer)) = answer else {
            self.stats.panics += 1;
            tracing::error!(by = %asker.by, "a decision has neither an event nor an answer");
            return self.refuse(asker.link, asker.request, NotExecuted::Internal, 0, "");
        };
        // Of a trial nothing is recorded: the state judged is that of the last record.
        let position = if trial { self.next_position() - 1 } else { self.note(asker, seq, answer.clone()) };
        let reply = Reply::Accepted { seq, position, replayed: false, answer };
        self.unit.reply(asker.link, &ReplyItem { request: asker.request, reply });
    }

    /// Facts changed: this shard knows them at once, the others before the command is answered.
    pub(super) fn publish_facts(
        &mut self,
        facts: Vec<vendue_domain::facts::FactChange>,
        address: ActorAddress,
        reply: Option<(LinkId, ReplyItem<'_>)>,
    ) {
        let others = u32::from(self.shards - 1);
        let count = facts.len();
        for (number, change) in facts.into_iter().enumerate() {
            if others > 0 {
                let waits = reply.as_ref().filter(|_| number + 1 == count);
                let reply = waits.map(|(link, item)| {
                    let mut frame = vendue_protocol::link::FrameBuilder::new(
                        Vec::new(),
                        vendue_protocol::link::FrameKind::Replies,
                    );
                    frame.item(|out| item.encode(out));
                    (*link, frame.finish())
                });
                self.unit.facts.push(Arc::new(FactBroadcast {
                    change: change.clone(),
                    address,
                    origin: self.number,
                    remaining: AtomicU32::new(others),
                    reply,
                }));
            }
            self.know(change);
        }
        if others == 0
            && let Some((link, item)) = reply
        {
            self.unit.reply(link, &item);
        }
    }

    /// Records a rejection and answers it.
    #[inline]
    pub(super) fn reject(&mut self, asker: Asker, rejection: Rejection, trial: bool) {
        self.stats.rejected += 1;
        let position = self.next_position();
        if trial {
            let reply = Reply::Rejected { position: position - 1, replayed: false, rejection };
            return self.unit.reply(asker.link, &ReplyItem { request: asker.request, reply });
        }
        let Keyed { hash, content } = asker.keyed;
        let entry = Entry::Refused(Refused { hash, content, time: self.now, rejection });
        self.unit.batch.push_with(|out| entry.encode(out));
        self.remember_outcome(hash, content, position);
        let Entry::Refused(Refused { rejection, .. }) = entry else { return };
        let reply = Reply::Rejected { position, replayed: false, rejection };
        self.unit.reply(asker.link, &ReplyItem { request: asker.request, reply });
    }

    /// Records that a command was accepted without a change; where.
    fn note(&mut self, asker: Asker, channel_seq: u64, answer: Answer) -> u64 {
        let position = self.next_position();
        let Keyed { hash, content } = asker.keyed;
        let entry = Entry::Noted(Noted { hash, content, time: self.now, channel_seq, answer });
        self.unit.batch.push_with(|out| entry.encode(out));
        self.remember_outcome(hash, content, position);
        position
    }
}
