//! Messages from clients: each gets exactly one reply, now or later.

use tokio_tungstenite::tungstenite::{Error, Message, error::CapacityError};
use vendue_protocol::channel::Channel;
use vendue_protocol::domain::id::{AccountId, Id};
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::query::{Query, WhoAmI};
use vendue_protocol::wire::event::Notice;
use vendue_protocol::wire::limits::{self, DEADLINE_DEFAULT_MS, UNREADABLE_FRAMES};
use vendue_protocol::wire::session::{Authenticate, Connect, Ping};
use vendue_protocol::wire::{
    Call, Code, Encoding, Failed, Request, Rights, SessionCall, WireError, frame, is_array, pack,
};

use crate::auth::Identity;
use crate::core::channel::for_each_field;
use crate::core::connection::{Close, Stage};
use crate::core::pipe::write_frame;
use crate::core::reply::{Done, To};
use crate::core::submit::{Owner, Submission};
use crate::core::{Core, Key};

impl Core {
    /// Takes every whole message that has come in.
    pub(crate) fn read_messages(&mut self, now: Timestamp, key: Key) {
        // What ended once (a frame that is too large, say) is not read again.
        while let Some(connection) =
            self.connections.get_mut(key).filter(|connection| !connection.is_finished)
        {
            let encoding = connection.encoding;
            match connection.socket.read() {
                Ok(Message::Text(text)) if encoding == Encoding::Json => {
                    self.on_frame(now, key, text.as_bytes())
                }
                Ok(Message::Binary(bytes)) if encoding == Encoding::MessagePack => {
                    self.on_frame(now, key, &bytes)
                }
                Ok(Message::Text(_)) => {
                    self.wrong_frame(now, key, "binary frames of MessagePack", "a text frame")
                }
                Ok(Message::Binary(_)) => self.wrong_frame(now, key, "text frames of JSON", "a binary frame"),
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) => return self.end_of_messages(now, key, &error),
            }
        }
    }

    /// Sends every message back as it came, for suites that test a WebSocket's frames
    /// ([`GatewayOptions::echo_frames`](crate::GatewayOptions::echo_frames)).
    pub(crate) fn echo_messages(&mut self, now: Timestamp, key: Key) {
        while let Some(connection) =
            self.connections.get_mut(key).filter(|connection| !connection.is_finished)
        {
            match connection.socket.read() {
                Ok(Message::Text(text)) => {
                    write_frame(connection.output_mut(), Encoding::Json, text.as_bytes());
                }
                Ok(Message::Binary(bytes)) => {
                    write_frame(connection.output_mut(), Encoding::MessagePack, &bytes);
                }
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) => return self.end_of_messages(now, key, &error),
            }
        }
    }

    /// The stream of messages is over: closed in order, or by something that is no WebSocket.
    fn end_of_messages(&mut self, now: Timestamp, key: Key, error: &Error) {
        if matches!(error, Error::Capacity(CapacityError::MessageTooLong { .. })) {
            let to = To { connection: key, id: None, t_in: now, method: None };
            self.refuse(now, &to, &WireError::new(Code::PayloadTooLarge));
        }
        if !matches!(error, Error::ConnectionClosed | Error::AlreadyClosed) {
            self.metrics.unreadable.add(1);
            let why = match error {
                Error::Protocol(_) => Close::Protocol,
                Error::Utf8(_) => Close::NotText,
                _ => Close::BadRequest,
            };
            self.close(now, key, why);
        }
        if let Some(connection) = self.connections.get_mut(key) {
            connection.is_finished = true;
        }
    }

    fn wrong_frame(&mut self, now: Timestamp, key: Key, expected: &'static str, got: &str) {
        let error = WireError::invalid("message", expected, Some(got.to_owned()));
        self.on_failed(now, key, Failed { id: None, method: None, error, was_readable: false });
    }

    fn on_frame(&mut self, now: Timestamp, key: Key, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(key).filter(|connection| connection.is_open()) else {
            return;
        };
        let encoding = connection.encoding;
        connection.takes_arrays |= is_array(encoding, bytes);
        for message in frame(encoding, bytes) {
            match message {
                Ok(request) => self.on_request(now, key, request),
                Err(failed) => self.on_failed(now, key, failed),
            }
        }
    }

    fn on_failed(&mut self, now: Timestamp, key: Key, failed: Failed) {
        let method = failed.method.map(|method| method.index);
        self.metrics.unreadable.add(1);
        self.refuse(now, &To { connection: key, id: failed.id, t_in: now, method }, &failed.error);
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.unreadable = if failed.was_readable { 0 } else { connection.unreadable + 1 };
        if connection.unreadable >= UNREADABLE_FRAMES || failed.error.code == Code::PayloadTooLarge {
            self.close(now, key, Close::BadRequest);
        }
    }

    fn on_request(&mut self, now: Timestamp, key: Key, request: Request<'_>) {
        let to = To { connection: key, id: Some(request.id), t_in: now, method: Some(request.method.index) };
        if let Err(error) = self.carry_out(now, &to, request) {
            self.refuse(now, &to, &error);
        }
    }

    /// Checks what the gateway can check, and passes the request on; an error is its reply.
    fn carry_out(&mut self, now: Timestamp, to: &To, request: Request<'_>) -> Result<(), WireError> {
        let Some(connection) = self.connections.get_mut(to.connection) else { return Ok(()) };
        connection.unreadable = 0;
        let is_connect = matches!(request.call, Call::Session(SessionCall::Connect(_)));
        match (connection.stage, is_connect) {
            (Stage::Fresh { .. }, false) => {
                return Err(WireError::new(Code::Unauthenticated).saying("the first message is `connect`"));
            }
            (Stage::Connected, true) => {
                return Err(WireError::invalid(
                    "method",
                    "`connect` once; `authenticate` takes a new token",
                    None,
                ));
            }
            _ => {}
        }
        let account = match (request.method.rights, connection.identity) {
            (Rights::Guest, _) => connection.account(now),
            (Rights::Account, Some(identity)) if now < identity.expires_at => Some(identity.account),
            (Rights::Account, Some(_)) => return Err(WireError::new(Code::TokenExpired)),
            (Rights::Account, None) => return Err(WireError::new(Code::Unauthenticated)),
        };
        match connection.identity {
            Some(_) => self.admission.take_account(connection.level.as_ref(), now)?,
            None => self.admission.take_address(connection.level.as_ref(), now)?,
        }
        if connection.in_flight >= self.options.in_flight_max {
            return Err(WireError::new(Code::RateLimited).retry_after(1));
        }
        let min_position = connection.min_position;
        let deadline = self.deadline(now, request.common.deadline_ms)?;
        let owner = Owner::Socket { connection: to.connection, id: request.id };
        let method = request.method;
        let submission = Submission { owner, account, t_in: now, deadline, method, min_position };
        match request.call {
            Call::Command(command) => self.submit_command(now, &submission, &request.common, command),
            Call::Query(query) => self.submit_query(&submission, query),
            Call::Session(call) => self.session_call(now, to, &submission, call),
            Call::NotImplemented => Err(WireError::new(Code::NotImplemented)),
        }
    }

    /// When a request has to be decided.
    pub(crate) fn deadline(&self, now: Timestamp, asked_ms: Option<u64>) -> Result<Timestamp, WireError> {
        let most = self.link.deadline_max_ms();
        match asked_ms {
            None => Ok(now.plus_ms(DEADLINE_DEFAULT_MS.min(most))),
            Some(ms) if (1..=most).contains(&ms) => Ok(now.plus_ms(ms)),
            Some(ms) => {
                let expected = format!("1 to {most} milliseconds (limits.deadline_max_ms)");
                Err(WireError::invalid("deadline_ms", expected, Some(ms.to_string())))
            }
        }
    }

    fn session_call(
        &mut self,
        now: Timestamp,
        to: &To,
        submission: &Submission,
        call: SessionCall<'_>,
    ) -> Result<(), WireError> {
        match call {
            SessionCall::Connect(connect) => self.connect(now, to, submission, &connect),
            SessionCall::Authenticate(authenticate) => self.authenticate(now, to, submission, &authenticate),
            SessionCall::Ping(ping) => {
                self.pong(now, to, ping);
                Ok(())
            }
            SessionCall::Subscribe(subscribe) => self.subscribe(now, submission, to, subscribe),
            SessionCall::Unsubscribe(unsubscribe) => self.unsubscribe(now, to, &unsubscribe.channel),
            SessionCall::Subscriptions => {
                self.list_subscriptions(now, to);
                Ok(())
            }
        }
    }

    fn pong(&mut self, now: Timestamp, to: &To, ping: Ping<'_>) {
        let mut data = Vec::with_capacity(32);
        pack::write_map(&mut data, 1);
        pack::write_name(&mut data, "t0");
        pack::write_value(&mut data, &ping.t0);
        self.reply(now, to, &Done::Data(&data));
    }

    fn connect(
        &mut self,
        now: Timestamp,
        to: &To,
        submission: &Submission,
        connect: &Connect<'_>,
    ) -> Result<(), WireError> {
        let identity = connect.token.as_deref().map(|token| self.verify(token, now)).transpose()?;
        let Some(connection) = self.connections.get_mut(to.connection) else { return Ok(()) };
        connection.identity = identity.or(connection.bearer.take());
        if let Some(identity) = connection.identity {
            connection.level = self.admission.account(identity.account);
        }
        connection.stage = Stage::Connected;
        connection.takes_arrays |= connect.batch.unwrap_or(false);
        let identity = connection.identity;
        if let Some(client) = &connect.client {
            tracing::debug!(client = client.name, version = client.version, "connected");
        }
        self.schedule(now, to.connection);
        match identity {
            Some(identity) if !self.options.echo => self.identify(submission, identity, true),
            identity => {
                let data = self.welcome(now, to.connection, identity, None);
                self.reply(now, to, &Done::Data(&data));
                Ok(())
            }
        }
    }

    fn authenticate(
        &mut self,
        now: Timestamp,
        to: &To,
        submission: &Submission,
        authenticate: &Authenticate<'_>,
    ) -> Result<(), WireError> {
        let token = authenticate
            .token
            .as_deref()
            .ok_or_else(|| WireError::invalid("token", "a JWT", Some("missing".into())))?;
        let identity = self.verify(token, now)?;
        let Some(connection) = self.connections.get_mut(to.connection) else { return Ok(()) };
        let before = connection.identity.replace(identity);
        connection.level = self.admission.account(identity.account);
        if before.is_some_and(|before| before.account != identity.account) {
            // What the former account was told is not the new one's.
            self.end_private_channels(now, to.connection);
        }
        self.schedule(now, to.connection);
        self.identify(submission, identity, false)
    }

    /// Asks the engine for the account's roles; the reply follows from them.
    fn identify(
        &mut self,
        submission: &Submission,
        identity: Identity,
        is_connect: bool,
    ) -> Result<(), WireError> {
        let Owner::Socket { connection, id } = submission.owner else { return Ok(()) };
        let owner = Owner::Identify { connection, id, identity, is_connect };
        let submission = Submission { owner, account: Some(identity.account), ..*submission };
        self.submit_query(&submission, Query::WhoAmI(WhoAmI { account: identity.account }))
    }

    /// The engine has said (or not) what an account's roles are.
    pub(crate) fn identified(
        &mut self,
        now: Timestamp,
        to: &To,
        identity: Identity,
        is_connect: bool,
        data: &[u8],
    ) {
        let mut roles = None;
        let read = for_each_field(data, |name, value| {
            if name == "roles" {
                roles = Some(value);
            }
        });
        if let Err(error) = read {
            tracing::error!(%error, "the engine's answer to who-am-i cannot be read");
        }
        let reply = if is_connect {
            self.welcome(now, to.connection, Some(identity), roles)
        } else {
            let mut out = Vec::with_capacity(96);
            pack::write_map(&mut out, 3);
            write_account(&mut out, Some(identity.account), roles);
            pack::write_name(&mut out, "expires_at");
            pack::write_int(&mut out, identity.expires_at.0);
            out
        };
        self.reply(now, to, &Done::Data(&reply));
    }

    /// A `connect` that could not be answered can be tried again, for as long as a new connection may take.
    pub(crate) fn not_identified(&mut self, now: Timestamp, key: Key, is_connect: bool) {
        let until = now.plus_ms(self.options.connect_within_ms);
        if let Some(connection) = self.connections.get_mut(key)
            && is_connect
            && connection.stage == Stage::Connected
            && connection.subscriptions.is_empty()
        {
            connection.bearer = connection.identity.take();
            connection.stage = Stage::Fresh { until };
            self.schedule(now, key);
        }
    }

    /// The reply to `connect`.
    fn welcome(
        &mut self,
        now: Timestamp,
        key: Key,
        identity: Option<Identity>,
        roles: Option<&[u8]>,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        pack::write_map(&mut out, 7);
        pack::write_name(&mut out, "connection");
        pack::write_id(&mut out, "con", Id::from_u128(u128::from(key.to_u64()) | self.link.gateway() << 64));
        write_account(&mut out, identity.map(|identity| identity.account), roles);
        pack::write_name(&mut out, "server");
        pack::write_map(&mut out, 2);
        pack::write_name(&mut out, "version");
        pack::write_str(&mut out, env!("CARGO_PKG_VERSION"));
        pack::write_name(&mut out, "epoch");
        pack::write_str(&mut out, self.link.epoch());
        pack::write_name(&mut out, "time");
        pack::write_int(&mut out, now.0);
        pack::write_name(&mut out, "heartbeat_ms");
        pack::write_uint(&mut out, self.options.heartbeat_ms);
        pack::write_name(&mut out, "limits");
        let limits = [
            ("frame_bytes", limits::FRAME_BYTES as u64),
            ("frame_messages", limits::FRAME_MESSAGES as u64),
            ("in_flight", self.options.in_flight_max as u64),
            ("subscriptions", self.options.subscriptions_max as u64),
            ("watcher_bytes", self.options.watcher_bytes as u64),
            ("resume_events", limits::RESUME_EVENTS as u64),
            ("resume_bytes", limits::RESUME_BYTES as u64),
            ("key_chars", limits::KEY_CHARS as u64),
            ("key_window_ms", self.link.key_window_ms()),
            ("deadline_max_ms", self.link.deadline_max_ms()),
        ];
        pack::write_map(&mut out, limits.len() as u32);
        for (name, value) in limits {
            pack::write_name(&mut out, name);
            pack::write_uint(&mut out, value);
        }
        out
    }

    /// The token is over, or another account has taken the connection: nothing private is delivered from now on (I46).
    pub(crate) fn end_private_channels(&mut self, now: Timestamp, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let private: Vec<Channel> =
            connection.subscriptions.iter().copied().filter(|channel| !channel.is_public()).collect();
        for channel in private {
            self.end_subscription(now, key, channel, Code::TokenExpired);
        }
    }

    /// Ends one subscription and says so.
    pub(crate) fn end_subscription(&mut self, now: Timestamp, key: Key, channel: Channel, code: Code) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.subscriptions.remove(&channel);
        }
        self.withdraw_watcher(now, channel, key, &WireError::new(code));
        self.notify(key, &Notice::SubscriptionEnded { channel: &channel.to_string(), code: code.as_str() });
    }
}

/// `account` and `roles`.
fn write_account(out: &mut Vec<u8>, account: Option<AccountId>, roles: Option<&[u8]>) {
    pack::write_name(out, "account");
    match account {
        Some(account) => pack::write_id(out, AccountId::PREFIX, account.0),
        None => pack::write_nil(out),
    }
    pack::write_name(out, "roles");
    match roles {
        Some(roles) => out.extend_from_slice(roles),
        None => pack::write_array(out, 0),
    }
}
