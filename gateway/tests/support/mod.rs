//! A core with clients and an engine made of memory: tests say what each does, and look at what the others hear.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.
#![allow(dead_code, unreachable_pub)] // Shared by several tests; none uses all of it.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};
use vendue_gateway::auth::{Claims, Keys, mint};
use vendue_gateway::core::{Core, Key};
use vendue_gateway::{GatewayOptions, Metrics};
use vendue_protocol::channel::Channel;
use vendue_protocol::domain::actor::{Answer, BidAnswer, BidStatus, Command};
use vendue_protocol::domain::amount::Amount;
use vendue_protocol::domain::id::{AccountId, BidId, LotId};
use vendue_protocol::domain::record::Field;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::link::{
    CommandItem, EventItem, FollowItem, FrameBuilder, FrameKind, Items, LINK_VERSION, Pulse, QueryItem,
    Reply, ReplyItem, SignedOut, Welcome, split_frame, write_record_frame,
};
use vendue_protocol::query::Query;
use vendue_protocol::wire::Encoding;

pub const SECRET: &[u8] = b"a secret for tests, long enough for HS256";
pub const EPOCH: u64 = 0x9f2c;
/// Where the tests' clock begins.
pub const BEGIN: Timestamp = Timestamp(1_700_000_000_000_000);

/// A token for an account that is valid for so many seconds from [`BEGIN`].
pub fn token(account: u128, seconds: i64) -> String {
    let sub = AccountId::from_u128(account).to_string();
    let exp = BEGIN.0 / 1_000_000 + seconds;
    mint(SECRET, &Claims { sub, exp, nbf: None, iat: None, iss: None, aud: None }).unwrap()
}

/// A token that says when it was issued, so many seconds after the beginning.
pub fn token_issued(account: u128, at: i64) -> String {
    let sub = AccountId::from_u128(account).to_string();
    let begin = BEGIN.0 / 1_000_000;
    mint(SECRET, &Claims { sub, exp: begin + 3_600, nbf: None, iat: Some(begin + at), iss: None, aud: None })
        .unwrap()
}

pub fn lot(number: u128) -> String {
    LotId::from_u128(number).to_string()
}

pub fn lot_channel(number: u128) -> Channel {
    Channel::Lot(LotId::from_u128(number))
}

pub fn bid(id: u64, lot_number: u128, amount: u64, key: &str) -> Value {
    json!({"id": id, "method": "lot.bid", "params": {"lot": lot(lot_number), "amount": amount, "key": key}})
}

pub fn subscribe(id: u64, channel: &str) -> Value {
    json!({"id": id, "method": "subscribe", "params": {"channel": channel}})
}

pub fn pack(value: &Value) -> Vec<u8> {
    rmp_serde::to_vec_named(value).unwrap()
}

pub fn accepted(seq: u64, position: u64, amount: u64) -> Reply<'static> {
    let answer = Answer::Bid(BidAnswer {
        bid: BidId::from_u128(77),
        status: BidStatus::Leading,
        price: Amount::new(amount),
        min_next_amount: Amount::new(amount + 100),
        ends_at: Some(BEGIN.plus_ms(60_000)),
        fees: None,
        total: None,
        held: None,
        commission: None,
        proceeds: None,
    });
    Reply::Accepted { seq, position, replayed: false, answer }
}

/// Both ends of a client's stream, in memory.
#[derive(Default)]
struct Memory {
    input: VecDeque<u8>,
    output: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.input.read(out)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub struct Client {
    pub key: Key,
    socket: WebSocket<Memory>,
    encoding: Encoding,
    /// Whether it takes what is written to it.
    pub reads: bool,
    /// Every byte it was sent.
    pub heard: Vec<u8>,
    pub closed: Option<u16>,
}

/// A command as the engine sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenCommand {
    pub request: u64,
    pub by: AccountId,
    pub expires_at: Timestamp,
    pub key: String,
    pub command: Command,
}

pub struct World {
    pub core: Core,
    pub now: Timestamp,
    pub clients: Vec<Client>,
    pub commands: Vec<SeenCommand>,
    pub queries: Vec<QueryItem>,
    pub follows: Vec<FollowItem>,
    pub hellos: usize,
}

impl World {
    pub fn new(change: impl FnOnce(&mut GatewayOptions)) -> Self {
        let mut options = GatewayOptions::default();
        change(&mut options);
        let core = Core::new(options, Arc::new(Keys::of_secret(SECRET)), Arc::new(Metrics::default()), 42);
        let (clients, commands, queries, follows) = Default::default();
        Self { core, now: BEGIN, clients, commands, queries, follows, hellos: 0 }
    }

    /// With the link up.
    pub fn linked(change: impl FnOnce(&mut GatewayOptions)) -> Self {
        let mut world = Self::new(change);
        world.link_up(EPOCH);
        world
    }

    pub fn link_up(&mut self, epoch: u64) {
        self.core.link_opened();
        self.pump();
        let welcome = Welcome {
            link_version: LINK_VERSION,
            cell: 1,
            epoch,
            version: "test".into(),
            time: self.now,
            key_window_ms: 86_400_000,
            deadline_max_ms: 60_000,
        };
        let mut bytes = Vec::new();
        write_record_frame(&mut bytes, FrameKind::Welcome, &welcome);
        self.link_bytes(&bytes);
    }

    pub fn link_bytes(&mut self, bytes: &[u8]) {
        assert_eq!(self.core.link_receive(self.now, bytes).unwrap(), bytes.len());
        self.pump();
    }

    pub fn reply(&mut self, request: u64, reply: Reply<'_>) {
        let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Replies);
        frame.item(|out| ReplyItem { request, reply }.encode(out));
        self.link_bytes(&frame.finish());
    }

    /// Events of one channel in one frame.
    pub fn events(&mut self, channel: Channel, events: &[(u64, &str, Value)]) {
        let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Events);
        for (seq, name, data) in events {
            frame.item(|out| {
                EventItem::encode_head(out, channel, *seq, self.now, name);
                out.extend_from_slice(&pack(data));
            });
        }
        self.link_bytes(&frame.finish());
    }

    pub fn price(&mut self, channel: Channel, seq: u64, price: u64) {
        self.events(channel, &[(seq, "price_changed", json!({"price": price, "bids": seq}))]);
    }

    pub fn pulse(&mut self, published: u64) {
        let mut bytes = Vec::new();
        write_record_frame(
            &mut bytes,
            FrameKind::Pulse,
            &Pulse { time: self.now, durable: published, published, signed_out: Vec::new() },
        );
        self.link_bytes(&bytes);
    }

    /// The engine tells that an account has signed out everywhere.
    pub fn signed_out(&mut self, account: u128, until: Timestamp) {
        let signed_out = vec![SignedOut { account: AccountId::from_u128(account), until }];
        let mut bytes = Vec::new();
        let pulse = Pulse { time: self.now, durable: 0, published: 0, signed_out };
        write_record_frame(&mut bytes, FrameKind::Pulse, &pulse);
        self.link_bytes(&bytes);
    }

    /// Answers the oldest follow that waits, with a snapshot.
    pub fn followed(&mut self, seq: u64, snapshot: Option<Value>) -> FollowItem {
        let follow = self.follows.remove(0);
        let snapshot = snapshot.map(|snapshot| pack(&snapshot)).unwrap_or_default();
        self.reply(follow.request, Reply::Followed { seq, snapshot: &snapshot });
        follow
    }

    pub fn advance(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
        self.core.tick(self.now);
        self.pump();
    }

    pub fn open(&mut self, encoding: Encoding) -> usize {
        let key = self.core.accept(self.now, encoding, None).unwrap();
        self.client(key, encoding)
    }

    pub fn client(&mut self, key: Key, encoding: Encoding) -> usize {
        let config = WebSocketConfig::default().max_frame_size(None).max_message_size(None);
        let socket = WebSocket::from_raw_socket(Memory::default(), Role::Client, Some(config));
        self.clients.push(Client { key, socket, encoding, reads: true, heard: Vec::new(), closed: None });
        self.clients.len() - 1
    }

    /// A guest that has said `connect`.
    pub fn guest(&mut self, encoding: Encoding) -> usize {
        let client = self.open(encoding);
        let reply = self.ask(client, json!({"id": 0, "method": "connect"}));
        assert_eq!(reply["ok"], true, "{reply}");
        client
    }

    /// An account that has said `connect` with a token; the engine has named its role.
    pub fn bidder(&mut self, account: u128, encoding: Encoding) -> usize {
        let client = self.open(encoding);
        self.send(client, json!({"id": 0, "method": "connect", "params": {"token": token(account, 3_600)}}));
        self.answer_who_am_i();
        let reply = self.heard(client).remove(0);
        assert_eq!(reply["ok"], true, "{reply}");
        client
    }

    pub fn answer_who_am_i(&mut self) {
        let query = self.queries.pop().unwrap();
        assert!(matches!(query.query, Query::WhoAmI(_)));
        let data = pack(&json!({"known": true, "roles": ["bidder"]}));
        self.reply(query.request, Reply::Data(&data));
    }

    pub fn send(&mut self, client: usize, value: Value) {
        let message = match self.clients[client].encoding {
            Encoding::Json => Message::text(value.to_string()),
            Encoding::MessagePack => Message::binary(pack(&value)),
        };
        self.send_message(client, message);
    }

    pub fn send_message(&mut self, client: usize, message: Message) {
        let _ = self.clients[client].socket.send(message);
        self.send_pending(client);
    }

    fn send_pending(&mut self, client: usize) {
        let bytes = std::mem::take(&mut self.clients[client].socket.get_mut().output);
        self.raw(client, &bytes);
    }

    pub fn raw(&mut self, client: usize, bytes: &[u8]) {
        self.core.receive(self.now, self.clients[client].key, bytes);
        self.pump();
    }

    /// Sends one request and gives the one message that comes back.
    pub fn ask(&mut self, client: usize, value: Value) -> Value {
        self.send(client, value);
        let mut heard = self.heard(client);
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0)
    }

    /// Moves bytes until nothing moves any more.
    pub fn pump(&mut self) {
        let mut dirty = Vec::new();
        self.core.take_dirty(&mut dirty);
        for index in 0..self.clients.len() {
            let (key, reads) = (self.clients[index].key, self.clients[index].reads);
            while reads && !self.core.output(key).is_empty() {
                let bytes = self.core.output(key).to_vec();
                self.clients[index].heard.extend_from_slice(&bytes);
                self.clients[index].socket.get_mut().input.extend(bytes.iter());
                self.core.written(self.now, key, bytes.len());
                self.core.take_dirty(&mut dirty);
            }
        }
        let bytes = std::mem::take(self.core.link_output());
        self.engine_reads(&bytes);
    }

    fn engine_reads(&mut self, mut bytes: &[u8]) {
        while let Some((kind, payload, length)) = split_frame(bytes).unwrap() {
            for item in Items::new(payload).filter(|_| kind != FrameKind::Hello) {
                let item = item.unwrap();
                match kind {
                    FrameKind::Commands => {
                        let seen = CommandItem::decode(item).unwrap();
                        self.commands.push(SeenCommand {
                            request: seen.request,
                            by: seen.by,
                            expires_at: seen.expires_at,
                            key: String::from_utf8(seen.key.to_vec()).unwrap(),
                            command: Command::from_bytes(seen.command).unwrap(),
                        });
                    }
                    FrameKind::Queries => self.queries.push(QueryItem::decode(item).unwrap()),
                    FrameKind::Follows => self.follows.push(FollowItem::decode(item).unwrap()),
                    other => panic!("{other:?}"),
                }
            }
            self.hellos += usize::from(kind == FrameKind::Hello);
            bytes = &bytes[length..];
        }
        assert!(bytes.is_empty());
    }

    /// The messages that a client has heard since it was last asked.
    pub fn heard(&mut self, client: usize) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            match self.clients[client].socket.read() {
                Ok(Message::Text(text)) => messages.push(serde_json::from_str(&text).unwrap()),
                Ok(Message::Binary(bytes)) => messages.push(rmp_serde::from_slice(&bytes).unwrap()),
                Ok(Message::Close(frame)) => {
                    self.clients[client].closed = frame.map(|frame| frame.code.into())
                }
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => break,
                Err(error) => panic!("{error}"),
            }
        }
        // Pongs, and answers to a close.
        self.send_pending(client);
        messages
    }

    /// The code that a client was closed with.
    pub fn closed(&mut self, client: usize) -> Option<u16> {
        self.heard(client);
        self.clients[client].closed
    }
}

pub fn code(reply: &Value) -> &str {
    reply["error"]["code"].as_str().unwrap_or("ok")
}
