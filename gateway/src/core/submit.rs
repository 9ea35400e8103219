//! Requests under way to the engine, from their sending to their outcome.

use vendue_protocol::channel::Channel;
use vendue_protocol::domain::actor::{Answer, BidAnswer, BidStatus, BookAnswer, BookTrade, Command};
use vendue_protocol::domain::amount::Amount;
use vendue_protocol::domain::book::{BookCommand, OrderStatus, TimeInForce};
use vendue_protocol::domain::command::Common;
use vendue_protocol::domain::id::{AccountId, BidId, BookOrderId};
use vendue_protocol::domain::lot::LotCommand;
use vendue_protocol::domain::record::Field;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::link::{CommandItem, QueryItem, Reply};
use vendue_protocol::query::Query;
use vendue_protocol::wire::method::fill_creation_id;
use vendue_protocol::wire::{Code, Method, Outcome, WireError};

use crate::auth::Identity;
use crate::core::outbox::{FrameSerial, Outbox};
use crate::core::reply::{Done, To};
use crate::core::{Core, Key};

/// How much longer than its deadline a request that has been sent waits for the engine's own word while the link is up,
/// in microseconds: the engine knows whether it was executed, the gateway would have to say `unknown`.
const GRACE_US: i64 = 1_000_000;

/// Who waits for an outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner {
    /// A client's request.
    Socket { connection: Key, id: u64 },
    /// A `connect` or `authenticate` that needs the account's roles.
    Identify { connection: Key, id: u64, identity: Identity, is_connect: bool },
    /// An HTTP request.
    Http { request: Key },
    /// A channel that is to be followed; for operators' channels, on behalf of one subscriber.
    Follow { channel: Channel, after: u64, subscriber: Option<(Key, u64)> },
}

/// What is known of a request when it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Submission {
    pub(crate) owner: Owner,
    pub(crate) account: Option<AccountId>,
    pub(crate) t_in: Timestamp,
    pub(crate) deadline: Timestamp,
    pub(crate) method: &'static Method,
    pub(crate) min_position: u64,
}

/// In which outbox a request lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Command,
    Query,
    /// Asked anew on each link, not kept.
    Follow,
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) owner: Owner,
    t_in: Timestamp,
    deadline: Timestamp,
    method: u8,
    pub(crate) lane: Lane,
    pub(crate) frame: FrameSerial,
    /// Whether an earlier link has carried it: the engine may have executed it.
    pub(crate) was_sent: bool,
}

impl Core {
    /// Sends a command; an error is its reply.
    #[inline]
    pub(crate) fn submit_command(
        &mut self,
        now: Timestamp,
        submission: &Submission,
        common: &Common<'_>,
        mut command: Command,
    ) -> Result<(), WireError> {
        let account = submission.account.ok_or_else(|| WireError::new(Code::Unauthenticated))?;
        let key = common.key.as_deref().unwrap_or_default();
        fill_creation_id(&mut command, account, submission.method, key);
        if self.options.echo
            && let Some(answer) = echo(now, &command)
        {
            self.echo(now, submission, &answer);
            return Ok(());
        }
        let (request, expires_at) = (self.insert_pending(submission, Lane::Command)?, submission.deadline);
        let frame = self.commands.push(|out| {
            let request = request.to_u64();
            CommandItem::encode_head(out, request, account, expires_at, key.as_bytes(), common.currency);
            command.encode(out);
        });
        if let Some(pending) = self.pending.get_mut(request) {
            pending.frame = frame;
        }
        Ok(())
    }

    /// Sends a question; an error is its reply.
    pub(crate) fn submit_query(&mut self, submission: &Submission, query: Query) -> Result<(), WireError> {
        let request = self.insert_pending(submission, Lane::Query)?;
        let by = submission.account.unwrap_or_default();
        let item = QueryItem { request: request.to_u64(), by, min_position: submission.min_position, query };
        let frame = self.queries.push(|out| item.encode(out));
        if let Some(pending) = self.pending.get_mut(request) {
            pending.frame = frame;
        }
        Ok(())
    }

    fn insert_pending(&mut self, submission: &Submission, lane: Lane) -> Result<Key, WireError> {
        if self.pending.len() >= self.options.pending_max {
            return Err(WireError::new(Code::Overloaded).retry_after(100));
        }
        if let Owner::Socket { connection, .. } | Owner::Identify { connection, .. } = submission.owner
            && let Some(connection) = self.connections.get_mut(connection)
        {
            connection.in_flight += 1;
        }
        self.earliest_deadline = self.earliest_deadline.min(submission.deadline);
        Ok(self.pending.insert(Pending {
            owner: submission.owner,
            t_in: submission.t_in,
            deadline: submission.deadline,
            method: submission.method.index,
            lane,
            frame: 0,
            was_sent: false,
        }))
    }

    /// Remembers that a channel's following has been asked for.
    pub(crate) fn insert_follow(
        &mut self,
        channel: Channel,
        after: u64,
        subscriber: Option<(Key, u64)>,
    ) -> Key {
        self.pending.insert(Pending {
            owner: Owner::Follow { channel, after, subscriber },
            t_in: Timestamp::default(),
            // Its subscribers have deadlines of their own.
            deadline: Timestamp::MAX,
            method: 0,
            lane: Lane::Follow,
            frame: 0,
            was_sent: false,
        })
    }

    fn take_pending(&mut self, request: Key) -> Option<Pending> {
        let pending = self.pending.remove(request)?;
        match pending.lane {
            Lane::Command => self.commands.answered(pending.frame),
            Lane::Query => self.queries.answered(pending.frame),
            Lane::Follow => {}
        }
        if let Owner::Socket { connection, .. } | Owner::Identify { connection, .. } = pending.owner
            && let Some(connection) = self.connections.get_mut(connection)
        {
            connection.in_flight = connection.in_flight.saturating_sub(1);
        }
        Some(pending)
    }

    /// The engine has answered. What nobody waits for any more is dropped.
    #[inline]
    pub(crate) fn complete(&mut self, now: Timestamp, request: u64, reply: Reply<'_>) {
        let Some(pending) = self.take_pending(Key::from_u64(request)) else { return };
        match reply {
            Reply::Accepted { seq, position, replayed, answer } => {
                self.told(&pending, position);
                self.finish(now, &pending, &Done::Accepted { seq, replayed, answer: &answer });
            }
            Reply::Rejected { position, replayed, rejection } => {
                self.told(&pending, position);
                self.finish(now, &pending, &Done::Error(&WireError::rejected(rejection, replayed)));
            }
            Reply::NotExecuted { why, retry_after_ms, message } => {
                self.finish(
                    now,
                    &pending,
                    &Done::Error(&WireError::not_executed(why, retry_after_ms, message)),
                );
            }
            Reply::Data(data) => self.finish(now, &pending, &Done::Data(data)),
            Reply::Followed { seq, snapshot } => {
                if let Owner::Follow { channel, after, subscriber } = pending.owner {
                    self.followed(now, channel, after, subscriber, seq, snapshot);
                }
            }
        }
    }

    /// The connection knows of this position from now on (I38).
    #[inline]
    fn told(&mut self, pending: &Pending, position: u64) {
        if let Owner::Socket { connection, .. } = pending.owner
            && let Some(connection) = self.connections.get_mut(connection)
        {
            connection.min_position = connection.min_position.max(position);
        }
    }

    fn finish(&mut self, now: Timestamp, pending: &Pending, done: &Done<'_>) {
        let to = |connection, id| To {
            connection,
            id: Some(id),
            t_in: pending.t_in,
            method: Some(pending.method),
        };
        match (pending.owner, done) {
            (Owner::Socket { connection, id }, _) => self.reply(now, &to(connection, id), done),
            (Owner::Identify { connection, id, identity, is_connect }, Done::Data(data)) => {
                self.identified(now, &to(connection, id), identity, is_connect, data);
            }
            (Owner::Identify { connection, id, is_connect, .. }, _) => {
                self.reply(now, &to(connection, id), done);
                self.not_identified(now, connection, is_connect);
            }
            (Owner::Http { request }, _) => {
                self.http_finished(now, request, pending.t_in, pending.method, done)
            }
            (Owner::Follow { channel, subscriber, .. }, Done::Error(error)) => {
                self.not_followed(now, channel, subscriber, error);
            }
            (Owner::Follow { channel, .. }, _) => {
                tracing::error!(%channel, "the engine answered a follow with something else");
            }
        }
    }

    /// Gives up what has passed its deadline: never sent, then it was certainly not executed; else nobody here can know.
    pub(crate) fn expire_requests(&mut self, now: Timestamp) {
        self.metrics.pending.set(self.pending.len() as u64);
        if now < self.earliest_deadline {
            return;
        }
        let is_up = self.link.is_up();
        let (mut over, mut earliest) = (Vec::new(), Timestamp::MAX);
        for (key, pending) in self.pending.iter() {
            let is_sent = pending.was_sent
                || match pending.lane {
                    Lane::Command => self.commands.is_sent(pending.frame),
                    Lane::Query => self.queries.is_sent(pending.frame),
                    Lane::Follow => false,
                };
            let waits_until = if is_sent && is_up {
                Timestamp(pending.deadline.0.saturating_add(GRACE_US))
            } else {
                pending.deadline
            };
            if now >= waits_until {
                over.push((key, is_sent && pending.lane == Lane::Command));
            } else {
                earliest = earliest.min(waits_until);
            }
        }
        self.earliest_deadline = earliest;
        for (key, may_be_executed) in over {
            let Some(pending) = self.take_pending(key) else { continue };
            let mut error = WireError::new(Code::DeadlineExceeded);
            if may_be_executed {
                error.outcome = Outcome::Unknown;
                error = error.saying(
                    "its outcome is not known; `command.result` tells, or the same command with the same key",
                );
            }
            self.finish(now, &pending, &Done::Error(&error));
        }
    }

    /// Writes kept frames anew when they hold much that is answered.
    pub(crate) fn compact(&mut self) {
        self.move_items(|outbox, is_wanted, moved| outbox.compact(is_wanted, moved));
    }

    /// Everything unanswered is to be sent again, and nothing else.
    pub(crate) fn rewrite_outboxes(&mut self) {
        self.move_items(|outbox, is_wanted, moved| outbox.rewrite(is_wanted, moved));
    }

    fn move_items(
        &mut self,
        mut change: impl FnMut(&mut Outbox, &dyn Fn(u64) -> bool, &mut dyn FnMut(u64, FrameSerial)),
    ) {
        let mut places = Vec::new();
        let pending = &self.pending;
        let is_wanted = |number| pending.get(Key::from_u64(number)).is_some();
        for outbox in [&mut self.commands, &mut self.queries] {
            change(outbox, &is_wanted, &mut |number, frame| places.push((Key::from_u64(number), frame)));
        }
        for (key, frame) in places {
            if let Some(pending) = self.pending.get_mut(key) {
                pending.frame = frame;
            }
        }
    }

    /// The link has gone: what it carried may have been executed; what it was asked to follow is not followed.
    pub(crate) fn link_lost(&mut self) {
        let (commands, queries) = (&self.commands, &self.queries);
        let mut follows = Vec::new();
        for (key, pending) in self.pending.iter_mut() {
            match pending.lane {
                Lane::Command => pending.was_sent |= commands.is_sent(pending.frame),
                Lane::Query => pending.was_sent |= queries.is_sent(pending.frame),
                Lane::Follow => follows.push(key),
            }
        }
        for key in follows {
            self.pending.remove(key);
        }
        // Deadlines without the grace that a link gives.
        self.earliest_deadline = Timestamp::default();
    }

    /// For benches: the reply that an engine would give, at once.
    fn echo(&mut self, now: Timestamp, submission: &Submission, answer: &Answer) {
        let done = Done::Accepted { seq: 1_000, replayed: false, answer };
        match submission.owner {
            Owner::Socket { connection, id } => {
                let to = To {
                    connection,
                    id: Some(id),
                    t_in: submission.t_in,
                    method: Some(submission.method.index),
                };
                self.reply(now, &to, &done);
            }
            Owner::Http { request } => {
                self.http_finished(now, request, submission.t_in, submission.method.index, &done);
            }
            Owner::Identify { .. } | Owner::Follow { .. } => {}
        }
    }
}

/// What a gateway in echo mode answers itself: bids as leading; orders as an engine would on average, those that rest open, the
/// others filled by one trade.
fn echo(now: Timestamp, command: &Command) -> Option<Answer> {
    match command {
        Command::Lot(LotCommand::Bid(bid)) => Some(Answer::Bid(BidAnswer {
            bid: BidId::from_u128(now.0 as u128),
            status: BidStatus::Leading,
            price: Some(bid.amount),
            min_next_amount: Some(bid.amount.saturating_add(Amount::ONE)),
            ends_at: Some(now.plus_ms(3_600_000)),
            fees: None,
            total: None,
            held: None,
            commission: None,
            proceeds: None,
        })),
        Command::Book(BookCommand::Place(order)) => {
            let takes = matches!(order.time_in_force, Some(TimeInForce::Ioc | TimeInForce::Fok));
            let filled = if takes { order.quantity } else { 0 };
            let price = order.price.map_or(1, Amount::get);
            let trade = takes.then_some(BookTrade { price, quantity: filled });
            Some(Answer::BookOrder(BookAnswer {
                book_order: BookOrderId::from_u128(now.0 as u128),
                status: if takes { OrderStatus::Filled } else { OrderStatus::Open },
                filled,
                remaining: order.quantity - filled,
                trades: trade.into_iter().collect(),
                cause: None,
            }))
        }
        _ => None,
    }
}
