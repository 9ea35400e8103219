//! A server small enough to be understood: it executes a command once for each key, loses answers, skips and repeats events,
//! forgets history, drops its connections.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::scenario::{Random, Scenario};

/// What its owner does to a connection.
enum Line {
    Message(Value),
    Close(u16),
    Abort,
}

struct Peer {
    out: UnboundedSender<Line>,
    channels: HashSet<String>,
}

struct Channel {
    seq: u64,
    state: Map<String, Value>,
    ring: VecDeque<Value>,
}

#[derive(Default)]
struct World {
    channels: BTreeMap<String, Channel>,
    outcomes: HashMap<String, Value>,
    executions: HashMap<String, u32>,
    peers: HashMap<u64, Peer>,
    next_peer: u64,
}

#[derive(Clone)]
pub(crate) struct Server {
    world: Arc<Mutex<World>>,
    scenario: Arc<Scenario>,
    random: Random,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) async fn start(scenario: Arc<Scenario>, random: Random) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { world: Arc::default(), scenario, random, port };
        for name in &server.scenario.channels {
            let Value::Object(state) = json!({"price": 0, "state": "open"}) else { unreachable!() };
            server.lock().channels.insert(name.clone(), Channel { seq: 0, state, ring: VecDeque::new() });
        }
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(stream));
            }
        });
        server
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/ws", self.port)
    }

    /// Where a channel stands.
    pub(crate) fn seq(&self, channel: &str) -> u64 {
        self.lock().channels[channel].seq
    }

    /// How often the rules ran for each key.
    pub(crate) fn executions(&self) -> HashMap<String, u32> {
        self.lock().executions.clone()
    }

    /// Something happened: every subscriber hears it, more or less.
    pub(crate) fn publish(&self, name: &str, kind: &str, data: Value) {
        let faults = &self.scenario.server;
        let world = &mut *self.lock();
        let channel = world.channels.get_mut(name).unwrap();
        channel.seq += 1;
        channel.state.extend(data.as_object().unwrap().clone());
        let event =
            json!({"channel": name, "epoch": "e1", "seq": channel.seq, "ts": 7, "type": kind, "data": data});
        channel.ring.push_back(event.clone());
        if channel.ring.len() > faults.ring_events {
            channel.ring.pop_front();
        }
        for peer in world.peers.values().filter(|peer| peer.channels.contains(name)) {
            let drawn = self.random.fraction();
            let times = match drawn {
                skip if skip < faults.skip_event => 0,
                twice if twice < faults.skip_event + faults.repeat_event => 2,
                _ => 1,
            };
            for _ in 0..times {
                let _ = peer.out.send(Line::Message(event.clone()));
            }
        }
    }

    pub(crate) fn heartbeat(&self) {
        let world = &*self.lock();
        for peer in world.peers.values() {
            let seqs: Map<_, _> =
                peer.channels.iter().map(|name| (name.clone(), json!(world.channels[name].seq))).collect();
            let _ = peer.out.send(Line::Message(json!({"type": "heartbeat", "time": 7, "seqs": seqs})));
        }
    }

    /// Every connection ends: with a close code, or as if the network was cut.
    pub(crate) fn drop_all(&self, code: Option<u16>) {
        for (_, peer) in self.lock().peers.drain() {
            let _ = peer.out.send(code.map_or(Line::Abort, Line::Close));
        }
    }

    async fn serve(self, stream: TcpStream) {
        #[allow(clippy::result_large_err)]
        let echo = |request: &Request, mut response: Response| {
            let protocol = request.headers()["Sec-WebSocket-Protocol"].clone();
            response.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
            Ok(response)
        };
        // A proxy may have torn the upgrade.
        let Ok(socket) = tokio_tungstenite::accept_hdr_async(stream, echo).await else { return };
        let (sink, mut frames) = socket.split();
        let (out, lines) = unbounded_channel();
        let mut me = None;
        let read = async {
            while let Some(Ok(frame)) = frames.next().await {
                let Message::Text(text) = frame else { continue };
                let messages = match serde_json::from_str(&text).unwrap() {
                    Value::Array(messages) => messages,
                    one => vec![one],
                };
                for message in messages {
                    self.hear(&message, &mut me, &out);
                }
            }
        };
        tokio::select! {
            () = write(sink, lines) => {}
            () = read => {}
        }
        if let Some(id) = me {
            self.lock().peers.remove(&id);
        }
    }

    fn hear(&self, message: &Value, me: &mut Option<u64>, out: &UnboundedSender<Line>) {
        let params = &message["params"];
        let answer = match message["method"].as_str().unwrap() {
            "connect" => {
                let world = &mut *self.lock();
                world.next_peer += 1;
                *me = Some(world.next_peer);
                world.peers.insert(world.next_peer, Peer { out: out.clone(), channels: HashSet::new() });
                Some(Ok(
                    json!({"connection": "c1", "account": null, "roles": [], "time": 7, "heartbeat_ms": 15_000,
                    "server": {"version": "0", "epoch": "e1"}, "limits": {}}),
                ))
            }
            "subscribe" => Some(Ok(self.subscribe(params, *me))),
            "unsubscribe" => {
                let world = &mut *self.lock();
                let peer = me.and_then(|id| world.peers.get_mut(&id));
                peer.map(|peer| peer.channels.remove(params["channel"].as_str().unwrap()));
                Some(Ok(json!({})))
            }
            "lot.bid" => self.bid(params).map(Ok),
            "command.result" => {
                let known = self.lock().outcomes.get(params["key"].as_str().unwrap()).cloned();
                Some(known.ok_or("not_found"))
            }
            "ping" => Some(Ok(json!({"t0": params["t0"]}))),
            _ => Some(Err("unknown_method")),
        };
        let reply = match answer {
            None => return,
            Some(Ok(result)) => {
                json!({"id": message["id"], "ok": true, "result": result, "t_in": 5, "t_out": 6})
            }
            Some(Err(code)) => {
                json!({"id": message["id"], "ok": false, "t_in": 5, "t_out": 6, "error": {"code": code,
                "message": "m", "temporary": false, "outcome": "not_executed", "retry_after_ms": null, "details": null}})
            }
        };
        let _ = out.send(Line::Message(reply));
    }

    /// The rules run once for each key; some commands are lost before that, some answers after.
    fn bid(&self, params: &Value) -> Option<Value> {
        let faults = &self.scenario.server;
        let fate = self.random.fraction();
        if fate < faults.lose_command {
            return None;
        }
        let key = params["key"].as_str().unwrap().to_owned();
        let world = &mut *self.lock();
        if !world.outcomes.contains_key(&key) {
            *world.executions.entry(key.clone()).or_default() += 1;
            world.outcomes.insert(key.clone(), json!({"status": "leading", "price": params["amount"]}));
        }
        (fate >= faults.lose_command + faults.lose_answer).then(|| world.outcomes[&key].clone())
    }

    fn subscribe(&self, params: &Value, me: Option<u64>) -> Value {
        let name = params["channel"].as_str().unwrap();
        let world = &mut *self.lock();
        // A connection that has just been dropped may still be heard.
        if let Some(peer) = me.and_then(|id| world.peers.get_mut(&id)) {
            peer.channels.insert(name.to_owned());
        }
        let channel = &world.channels[name];
        if let Some(from) = params["resume"]["seq"].as_u64() {
            let missed: Vec<_> =
                channel.ring.iter().filter(|event| event["seq"].as_u64() > Some(from)).cloned().collect();
            if missed.len() as u64 == channel.seq - from {
                return json!({"epoch": "e1", "seq": channel.seq, "resumed": true, "events": missed});
            }
        }
        json!({"epoch": "e1", "seq": channel.seq, "resumed": false, "snapshot": channel.state})
    }
}

async fn write(
    mut sink: impl SinkExt<Message, Error = tokio_tungstenite::tungstenite::Error> + Unpin,
    mut lines: UnboundedReceiver<Line>,
) {
    while let Some(line) = lines.recv().await {
        let frame = match line {
            Line::Message(message) => Message::text(message.to_string()),
            Line::Close(code) => {
                Message::Close(Some(CloseFrame { code: code.into(), reason: "because".into() }))
            }
            Line::Abort => return,
        };
        if sink.send(frame).await.is_err() {
            return;
        }
    }
}
