//! `/openapi.json` and `/asyncapi.json` tell the truth: their examples are played against a real market from beginning to end, and
//! every answer and event is held against what they say.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;

use common::{Demo, PATIENCE};
use futures_util::{SinkExt, StreamExt};
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use vendue_protocol::schema::{EXAMPLES, Example, Who};

/// A document, and what its parts allow.
struct Document {
    whole: Value,
    validators: BTreeMap<String, Validator>,
}

impl Document {
    fn read(address: &str, path: &str) -> Self {
        let (status, whole) = http(address, "GET", path, "", "");
        assert_eq!(status, 200, "{whole}");
        Self { whole, validators: BTreeMap::new() }
    }

    /// What is wrong with a value by the schema at a pointer; nothing: it is as described.
    fn faults(&mut self, pointer: &str, value: &Value) -> Vec<String> {
        let validator = self.validators.entry(pointer.to_owned()).or_insert_with(|| {
            assert!(self.whole.pointer(pointer).is_some(), "nothing at {pointer}");
            let mut schema = self.whole.clone();
            schema["$ref"] = json!(format!("#{pointer}"));
            jsonschema::draft202012::new(&schema).unwrap()
        });
        let mut faults: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        let schema = self.whole.pointer(pointer).unwrap();
        let known = self.properties(schema);
        let unknown = value.as_object().into_iter().flat_map(Map::keys).filter(|name| !known.contains(*name));
        if !known.is_empty() {
            faults.extend(unknown.map(|name| format!("{name} is not described")));
        }
        faults
    }

    /// The names of all properties that a schema speaks of, through references and combinations.
    fn properties(&self, schema: &Value) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        if let Some(path) = schema["$ref"].as_str() {
            names.extend(self.properties(self.whole.pointer(&path[1..]).unwrap()));
        }
        names.extend(schema["properties"].as_object().into_iter().flat_map(Map::keys).cloned());
        for combination in ["allOf", "anyOf", "oneOf"] {
            for part in schema[combination].as_array().into_iter().flatten() {
                names.extend(self.properties(part));
            }
        }
        names
    }
}

fn http(address: &str, verb: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{verb} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer[9..12].parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|_| json!(body)))
}

/// The story's people and what they have been told.
struct Story {
    address: String,
    tokens: BTreeMap<&'static str, String>,
    saved: BTreeMap<String, Value>,
}

impl Story {
    fn token(&self, who: Who) -> Option<&str> {
        let name = match who {
            Who::Guest => return None,
            Who::House => "house",
            Who::Ada => "ada",
            Who::Bob => "bob",
        };
        Some(&self.tokens[name])
    }

    fn play(&mut self, example: &Example, document: &mut Document) -> Option<Value> {
        let mut params = example.params_http().clone();
        for (parameter, name) in &example.uses {
            params.insert(parameter.clone(), self.saved[name.as_str().unwrap()].clone());
        }
        let headers = self.token(example.who).map(|token| format!("authorization: Bearer {token}\r\n"));
        let path = format!("/v1/{}", example.method);
        let (status, body) = http(
            &self.address,
            "POST",
            &path,
            &headers.unwrap_or_default(),
            &Value::Object(params.clone()).to_string(),
        );
        let said = format!("{} ({}) {}: {status} {body}", example.method, example.says, json!(params));
        if status != 200 {
            let faults = document.faults("/components/schemas/Problem", &body);
            assert!(faults.is_empty(), "{said}\n{faults:#?}");
            let allowed = example.may_be.as_deref();
            assert!(allowed == Some("*") || allowed == body["code"].as_str(), "refused: {said}");
            return None;
        }
        let pointer =
            format!("/paths/{}/post/responses/200/content/application~1json/schema", path.replace('/', "~1"));
        let faults = document.faults(&pointer, &body);
        assert!(faults.is_empty(), "{said}\n{faults:#?}");
        for (name, place) in &example.saves {
            let place = place.as_str().unwrap();
            let value = match place.split_once("/-1/") {
                Some((list, rest)) => {
                    body.pointer(list).unwrap().as_array().unwrap().last().unwrap()[rest].clone()
                }
                None => body.pointer(place).unwrap_or_else(|| panic!("no {place}: {said}")).clone(),
            };
            self.saved.insert(name.clone(), value);
        }
        Some(body)
    }
}

/// Somebody on a WebSocket, whose replies and events are all held against the document.
struct Listener {
    socket: WebSocketStream<tokio::net::TcpStream>,
    next_id: u64,
    events: BTreeSet<String>,
}

impl Listener {
    async fn open(address: &str, document: &mut Document, token: &str) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (socket, _) =
            tokio_tungstenite::client_async(format!("ws://{address}/ws"), stream).await.unwrap();
        let mut listener = Self { socket, next_id: 1, events: BTreeSet::new() };
        let reply = listener.ask(document, "connect", json!({ "token": token })).await;
        assert_eq!(reply["ok"], true, "{reply}");
        listener
    }

    /// Asks, and hears events until the reply is there.
    async fn ask(&mut self, document: &mut Document, method: &str, params: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        let request = json!({ "id": id, "method": method, "params": params });
        let message = format!("/components/messages/{}_request/payload", method.replace('.', "_"));
        assert_eq!(document.faults(&message, &request), [""; 0], "{request}");
        self.socket.send(Message::text(request.to_string())).await.unwrap();
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("nothing comes");
            let Message::Text(text) = next.unwrap().unwrap() else { continue };
            let heard: Value = serde_json::from_str(&text).unwrap();
            if heard["id"] == id {
                let message = format!("/components/messages/{}_reply/payload", method.replace('.', "_"));
                assert_eq!(document.faults(&message, &heard), [""; 0], "{heard}");
                return heard;
            }
            self.heard(document, &heard);
        }
    }

    fn heard(&mut self, document: &mut Document, event: &Value) {
        let kind = event["type"].as_str().unwrap();
        let Some(channel) = event["channel"].as_str().filter(|_| event["seq"].is_number()) else {
            let pointer = format!("/components/messages/{kind}/payload");
            assert_eq!(document.faults(&pointer, event), [""; 0], "{event}");
            return;
        };
        let name = format!("{}.{kind}", channel.split(':').next().unwrap());
        let pointer = format!("/components/messages/{}_event/payload", name.replace('.', "_"));
        assert_eq!(document.faults(&pointer, event), [""; 0], "{event}");
        let data = format!("{pointer}/properties/data");
        assert_eq!(document.faults(&data, &event["data"]), [""; 0], "{event}");
        self.events.insert(name);
    }
}

/// The channel of what a creation made, if it has one.
fn channel_of(example: &Example) -> Option<String> {
    let kind = example.method.strip_suffix(".create")?;
    let id = example.params_http()[kind].as_str()?;
    matches!(kind, "market" | "lot" | "stock" | "book").then(|| format!("{kind}:{id}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_are_a_story_that_can_be_played() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path(), &["--bare"]);
    let address = demo.text("http").trim_start_matches("http://").trim_end_matches('/').to_owned();
    let id_of = |method: &str, nth: usize| {
        let made = EXAMPLES.iter().filter(|example| example.method == method).nth(nth).unwrap();
        made.params_http()["account"].as_str().unwrap().to_owned()
    };
    let tokens = BTreeMap::from([
        ("house", demo.text("operator_token")),
        ("ada", demo.token(&id_of("account.create", 0))),
        ("bob", demo.token(&id_of("account.create", 1))),
    ]);
    let mut openapi = Document::read(&address, "/openapi.json");
    let mut asyncapi = Document::read(&address, "/asyncapi.json");
    let mut house = Listener::open(&address, &mut asyncapi, &tokens["house"]).await;
    let mut ada = None;
    let mut story = Story { address: address.clone(), saved: BTreeMap::new(), tokens };
    for example in EXAMPLES.iter().filter(|example| !example.socket) {
        let done = story.play(example, &mut openapi);
        if let Some(channel) = channel_of(example).filter(|_| done.is_some()) {
            if let Some(market) = channel.strip_prefix("market:") {
                house.ask(&mut asyncapi, "subscribe", json!({ "channel": format!("ops:{market}") })).await;
            }
            let reply = house.ask(&mut asyncapi, "subscribe", json!({ "channel": channel })).await;
            assert_eq!(reply["ok"], true, "{reply}");
        }
        if example.method == "account.create" && ada.is_none() {
            let mut listener = Listener::open(&address, &mut asyncapi, &story.tokens["ada"]).await;
            listener.ask(&mut asyncapi, "subscribe", json!({ "channel": "account" })).await;
            ada = Some(listener);
        }
    }
    let mut ada = ada.unwrap();
    for example in EXAMPLES.iter().filter(|example| example.socket && example.method != "connect") {
        let mut params = example.params();
        if example.uses.contains_key("token") {
            params["token"] = json!(story.tokens["house"]);
        }
        let reply = house.ask(&mut asyncapi, &example.method, params).await;
        assert_eq!(reply["ok"], true, "{reply}");
    }
    for listener in [&mut house, &mut ada] {
        listener.ask(&mut asyncapi, "ping", json!({ "t0": 1 })).await;
    }
    // What the story is known to lead to: a document without these would be one that nothing was held against.
    for (listener, expected) in [
        (
            &house,
            &[
                "lot.price_changed",
                "lot.lot_closed",
                "lot.bid_retracted",
                "lot.time_extended",
                "stock.stock_changed",
            ][..],
        ),
        (
            &house,
            &[
                "book.trade",
                "book.book_changed",
                "book.book_state",
                "market.lot_listed",
                "ops.audited",
                "market.lots_changed",
            ],
        ),
        (
            &ada,
            &[
                "account.outbid",
                "account.won",
                "account.balance_changed",
                "account.order_changed",
                "account.reservation_created",
            ],
        ),
        (
            &ada,
            &[
                "account.book_order_changed",
                "account.reservation_released",
                "account.account_changed",
                "account.bid_status",
            ],
        ),
    ] {
        for name in expected {
            assert!(listener.events.contains(*name), "{name} was not heard: {:?}", listener.events);
        }
    }
    for (path, part) in [("/docs", "lot.bid"), ("/docs.css", "color-scheme"), ("/llms.txt", "`lot.bid`")] {
        let (status, body) = http(&address, "GET", path, "", "");
        assert!(status == 200 && body.as_str().unwrap().contains(part), "{path}: {status}");
    }
    assert!(demo.end().success());
}

/// The check itself can fail.
#[test]
fn what_is_not_described_is_found() {
    let whole = json!({
        "components": { "schemas": { "Bid": {
            "type": "object", "required": ["price"], "properties": { "price": { "type": "integer" } }
        } } },
        "a": { "allOf": [{ "$ref": "#/components/schemas/Bid" }], "properties": { "seq": { "type": "integer" } } }
    });
    let mut document = Document { whole, validators: BTreeMap::new() };
    assert_eq!(document.faults("/a", &json!({ "price": 1, "seq": 2 })), [""; 0]);
    for wrong in [json!({ "seq": 1 }), json!({ "price": "1" }), json!({ "price": 1, "maximum": 9 }), json!(7)]
    {
        assert!(!document.faults("/a", &wrong).is_empty(), "{wrong}");
    }
}
