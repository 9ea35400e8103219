//! A client: one connection at a time, what it waits for, what it watches, and the commands whose outcome it must learn.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vendue_domain::id::AccountId;
use vendue_domain::time::Timestamp;
use vendue_gateway::core::Key;
use vendue_protocol::wire::Encoding;
use xxhash_rust::xxh3::Xxh3;

use crate::Broken;
use crate::ledger;
use crate::network::Stream;
use crate::socket::{self, Heard};
use crate::watch::Watch;
use crate::world::Shared;

/// How many commands without an outcome a client has at most: it then waits.
const OPEN_MAX: usize = 24;

/// A connection, as both its ends and the bytes between them.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) key: Key,
    pub(crate) up: Stream,
    pub(crate) down: Stream,
    unread: Vec<u8>,
}

/// What a request was.
#[derive(Debug)]
enum Waiting {
    Connect,
    /// An attempt of this command, and the link that the gateway had when it was sent.
    Command {
        issue: usize,
        link: u32,
    },
    /// The key of this command with other content.
    Reuse {
        issue: usize,
    },
    /// `command.result` of this command.
    Recall {
        issue: usize,
    },
    Subscribe {
        channel: String,
        resumed_from: Option<u64>,
    },
    Unsubscribe {
        channel: String,
    },
    /// `lot.get` or `stock.get`, and the number that the answer must have reached (I38).
    Get {
        channel: String,
        at_least: u64,
    },
}

/// A client.
pub(crate) struct Client {
    pub(crate) account: Option<AccountId>,
    pub(crate) encoding: Encoding,
    token: Option<String>,
    pub(crate) line: Option<Line>,
    pub(crate) returns_at: Timestamp,
    /// Whether `connect` has been answered.
    pub(crate) is_ready: bool,
    hangs_up: bool,
    next_id: u64,
    waiting: BTreeMap<u64, Waiting>,
    pub(crate) watches: BTreeMap<String, Watch>,
    /// Commands that were sent and have no definite outcome.
    pub(crate) open: Vec<usize>,
    /// The highest channel number that this connection was told of each target.
    reached: BTreeMap<String, u64>,
    /// Every byte it was sent.
    pub(crate) heard: Xxh3,
    outgoing: Vec<Value>,
}

impl Client {
    pub(crate) fn new(account: Option<AccountId>, encoding: Encoding, token: Option<String>) -> Self {
        Self {
            account,
            encoding,
            token,
            line: None,
            returns_at: Timestamp(0),
            is_ready: false,
            hangs_up: false,
            next_id: 1,
            waiting: BTreeMap::new(),
            watches: BTreeMap::new(),
            open: Vec::new(),
            reached: BTreeMap::new(),
            heard: Xxh3::new(),
            outgoing: Vec::new(),
        }
    }

    /// How many replies it waits for.
    pub(crate) fn awaited(&self) -> usize {
        self.waiting.len()
    }

    /// What it waits for, in words.
    pub(crate) fn awaits(&self) -> String {
        format!("{:?}", self.waiting)
    }

    /// Whether it takes on more commands.
    pub(crate) fn has_room(&self) -> bool {
        self.is_ready && self.open.len() < OPEN_MAX
    }

    /// The gateway has taken its connection.
    pub(crate) fn connected(&mut self, key: Key, shared: &mut Shared) {
        let (up, down) = (Stream::default(), Stream::default());
        self.line = Some(Line { key, up, down, unread: Vec::new() });
        let batch = shared.chance.per_mille(300);
        let mut params = json!({"client": {"name": "simulation", "version": "1"}, "batch": batch});
        if let Some(token) = &self.token {
            params["token"] = token.clone().into();
        }
        self.ask("connect", params, Waiting::Connect);
        self.flush(shared);
    }

    /// The connection is gone: what was awaited never comes.
    pub(crate) fn lost(&mut self, now: Timestamp, after_ms: u64) {
        self.line = None;
        self.is_ready = false;
        self.hangs_up = false;
        self.waiting.clear();
        self.outgoing.clear();
        self.reached.clear();
        self.watches.values_mut().for_each(Watch::lost);
        self.returns_at = now.plus_ms(after_ms);
    }

    fn ask(&mut self, method: &str, params: Value, waiting: Waiting) {
        let id = self.next_id;
        self.next_id += 1;
        self.waiting.insert(id, waiting);
        self.outgoing.push(json!({"id": id, "method": method, "params": params}));
    }

    /// Sends a command, for the first time or again.
    pub(crate) fn send(&mut self, issue: usize, shared: &mut Shared) {
        let id = self.next_id;
        self.next_id += 1;
        let link = shared.link;
        self.waiting.insert(id, Waiting::Command { issue, link });
        let Some(command) = shared.history.issues.get_mut(issue) else { return };
        command.attempts += 1;
        let mut request = command.request(id);
        if shared.chance.per_mille(150) && !shared.is_quiet {
            request["params"]["deadline_ms"] = shared.chance.between(20, 400).into();
        }
        self.outgoing.push(request);
        if !self.open.contains(&issue) {
            self.open.push(issue);
        }
    }

    /// Sends a settled command's key with other content.
    pub(crate) fn reuse(&mut self, issue: usize, method: &str, mut params: Value, shared: &Shared) {
        params["key"] = shared.history.issues[issue].key.clone().into();
        self.ask(method, params, Waiting::Reuse { issue });
    }

    /// Asks what became of a settled command.
    pub(crate) fn recall(&mut self, issue: usize, shared: &Shared) {
        let command = &shared.history.issues[issue];
        let params = json!({"target": command.target_name, "key": command.key});
        self.ask("command.result", params, Waiting::Recall { issue });
    }

    /// Reads a lot or stock item.
    pub(crate) fn get(&mut self, kind: &str, id: &str) {
        let at_least = self.reached.get(id).copied().unwrap_or_default();
        self.ask(
            &format!("{kind}.get"),
            json!({kind: id}),
            Waiting::Get { channel: format!("{kind}:{id}"), at_least },
        );
    }

    /// Subscribes, from where it stands if it has been there.
    pub(crate) fn subscribe(&mut self, channel: &str, shared: &mut Shared) {
        let is_latest = shared.chance.per_mille(250);
        let name = match self.account {
            Some(account) if channel == "account" => format!("account:{account}"),
            _ => channel.to_owned(),
        };
        let watch = self.watches.entry(channel.to_owned()).or_insert_with(|| Watch::new(name, is_latest));
        watch.is_wanted = true;
        let params = watch.ask(channel, shared.chance.per_mille(850));
        let resumed_from = params["resume"]["seq"].as_u64();
        self.ask("subscribe", params, Waiting::Subscribe { channel: channel.to_owned(), resumed_from });
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribe(&mut self, channel: &str) {
        if let Some(watch) = self.watches.get_mut(channel) {
            watch.is_wanted = false;
            self.ask(
                "unsubscribe",
                json!({"channel": channel}),
                Waiting::Unsubscribe { channel: channel.to_owned() },
            );
        }
    }

    /// Sends what it has to say: one by one, or as an array.
    pub(crate) fn flush(&mut self, shared: &mut Shared) {
        let Some(line) = &mut self.line else { return };
        let mut bytes = Vec::new();
        let messages = std::mem::take(&mut self.outgoing);
        if messages.len() > 1 && shared.chance.per_mille(500) {
            socket::write(&mut bytes, self.encoding, &Value::Array(messages), &mut shared.chance);
        } else {
            for message in &messages {
                socket::write(&mut bytes, self.encoding, message, &mut shared.chance);
            }
        }
        if !bytes.is_empty() {
            line.up.send(shared.now, &bytes, &mut shared.chance);
        }
    }

    /// Bytes have come in; says whether the connection is over.
    ///
    /// # Errors
    /// Whatever is wrong with what it was told.
    pub(crate) fn hear(&mut self, bytes: &[u8], shared: &mut Shared) -> Result<bool, Broken> {
        self.heard.update(bytes);
        let Some(line) = &mut self.line else { return Ok(false) };
        line.unread.extend_from_slice(bytes);
        let heard = socket::read(&mut line.unread, self.encoding)
            .map_err(|problem| Broken::new("PROTOCOL 1", problem))?;
        for heard in heard {
            match heard {
                Heard::Message(Value::Array(messages)) => {
                    messages.iter().try_for_each(|message| self.message(message, shared))?;
                }
                Heard::Message(message) => self.message(&message, shared)?,
                Heard::Close(code @ 4_000..=4_007) => {
                    return Err(Broken::new(
                        "PROTOCOL 3",
                        format!("a sound client is sent away with {code}"),
                    ));
                }
                Heard::Close(code) => {
                    let mut answer = Vec::new();
                    socket::write_close(&mut answer, code, &mut shared.chance);
                    if let Some(line) = &mut self.line {
                        line.up.send(shared.now, &answer, &mut shared.chance);
                    }
                    return Ok(true);
                }
            }
        }
        self.flush(shared);
        Ok(std::mem::take(&mut self.hangs_up))
    }

    fn message(&mut self, message: &Value, shared: &mut Shared) -> Result<(), Broken> {
        if message.get("ok").is_some() {
            return self.reply(message, shared);
        }
        if let Some(channel) = message["channel"].as_str().filter(|_| message.get("seq").is_some()) {
            let Some(watch) = self.watches.get_mut(channel) else {
                return Err(Broken::new("I39", format!("an event that nobody asked for: {message}")));
            };
            watch.event(message, &mut shared.ledger)?;
            shared.knowledge.heard(self.account, channel, &message["data"]);
            return Ok(());
        }
        match message["type"].as_str() {
            Some("heartbeat") => {
                for (channel, seq) in message["seqs"].as_object().into_iter().flatten() {
                    let known = self.watches.get(channel.as_str());
                    known.map_or(Ok(()), |watch| watch.heartbeat(seq.as_u64().unwrap_or_default()))?;
                }
                Ok(())
            }
            Some("server_shutdown") => Ok(()),
            Some(_) => {
                if let Some(watch) = message["channel"].as_str().and_then(|name| self.watches.get_mut(name)) {
                    watch.lost();
                }
                Ok(())
            }
            None => Err(Broken::new("PROTOCOL 2", format!("a message of no kind: {message}"))),
        }
    }

    fn reply(&mut self, reply: &Value, shared: &mut Shared) -> Result<(), Broken> {
        let id = reply["id"].as_u64().unwrap_or_default();
        let Some(waiting) = self.waiting.remove(&id) else {
            return Err(Broken::new("PROTOCOL 2", format!("a second reply, or one to nothing: {reply}")));
        };
        match waiting {
            Waiting::Connect if reply["ok"] == true => {
                self.is_ready = true;
                self.come_back(shared);
                Ok(())
            }
            Waiting::Connect => {
                // Its rights could not be learned in time: it hangs up and comes again.
                self.hangs_up = true;
                Ok(())
            }
            Waiting::Command { issue, link } => self.outcome(id, issue, link, reply, shared),
            Waiting::Reuse { issue } => shared.history.told_of_reuse(issue, reply),
            Waiting::Recall { issue } => shared.history.recalled(issue, reply),
            Waiting::Subscribe { channel, resumed_from } => {
                let Some(watch) = self.watches.get_mut(&channel) else { return Ok(()) };
                watch.subscribed(reply, resumed_from, &mut shared.ledger)?;
                shared.knowledge.heard(self.account, &channel, &reply["result"]["snapshot"]);
                Ok(())
            }
            Waiting::Unsubscribe { channel } => {
                if let Some(watch) = self.watches.get_mut(&channel).filter(|_| reply["ok"] == true) {
                    watch.is_live = false;
                }
                Ok(())
            }
            Waiting::Get { channel, at_least } => got(&channel, at_least, reply, shared),
        }
    }

    /// An attempt of a command has been answered.
    fn outcome(
        &mut self,
        id: u64,
        number: usize,
        link: u32,
        reply: &Value,
        shared: &mut Shared,
    ) -> Result<(), Broken> {
        shared.history.told(number, reply)?;
        let issue = &shared.history.issues[number];
        let is_first = reply["ok"] == true && reply["result"]["replayed"] != true;
        // A bid that waits for its hold, or an order for its lines, may be overtaken (PROTOCOL section 4).
        let in_order = issue.method.starts_with("lot.") && !shared.knowledge.may_wait(issue);
        if is_first && in_order && link == shared.link {
            self.check_order(id, link, &issue.target_name, shared)?;
        }
        if let Some(seq) = reply["result"]["seq"].as_u64() {
            let reached = self.reached.entry(issue.target_name.clone()).or_default();
            *reached = seq.max(*reached);
        }
        shared.knowledge.learn(issue, &reply["result"]);
        if issue.is_settled() || issue.is_trial {
            self.open.retain(|open| *open != number);
        }
        Ok(())
    }

    /// Replies of one actor keep the order of the requests (PROTOCOL section 2).
    fn check_order(&self, id: u64, link: u32, target: &str, shared: &Shared) -> Result<(), Broken> {
        for (&earlier, waiting) in self.waiting.range(..id) {
            if let Waiting::Command { issue, link: sent_on } = waiting
                && *sent_on == link
                && shared.history.issues[*issue].target_name == target
                && shared.history.issues[*issue].attempts == 1
            {
                let why = format!("request {id} to {target} is answered before request {earlier}");
                return Err(Broken::new("PROTOCOL 2", why));
            }
        }
        Ok(())
    }

    /// Back on a new connection: it watches again what it watched, and sends again what it knows no outcome of.
    fn come_back(&mut self, shared: &mut Shared) {
        let channels: Vec<String> =
            self.watches.iter().filter(|(_, watch)| watch.is_wanted).map(|(name, _)| name.clone()).collect();
        for channel in channels {
            self.subscribe(&channel, shared);
        }
        for issue in self.open.clone() {
            self.send(issue, shared);
        }
    }

    /// Sends again what has no outcome and is not awaited.
    pub(crate) fn retry(&mut self, shared: &mut Shared) {
        for issue in self.open.clone() {
            let is_awaited = self.waiting.values().any(
                |waiting| matches!(waiting, Waiting::Command { issue: awaited, .. } if *awaited == issue),
            );
            if !is_awaited {
                self.send(issue, shared);
            }
        }
        let missing: Vec<String> = self
            .watches
            .iter()
            .filter(|(_, watch)| watch.is_wanted && !watch.is_live && watch.asked == 0)
            .map(|(name, _)| name.clone())
            .collect();
        for channel in missing {
            self.subscribe(&channel, shared);
        }
    }
}

/// What the house says of a lot or stock item, against what watchers have folded of it.
fn got(channel: &str, at_least: u64, reply: &Value, shared: &mut Shared) -> Result<(), Broken> {
    let Some(seq) = reply["result"]["seq"].as_u64() else { return Ok(()) };
    if seq < at_least {
        return Err(Broken::new("I38", format!("read {seq} after being told {at_least}: {reply}")));
    }
    let mut state = ledger::state_of(&reply["result"]);
    state.remove("seq");
    shared.ledger.state(channel, seq, &state, "reading")
}
