//! AsyncAPI 3.0: the WebSocket.

use serde_json::{Map, Value, json};

use super::{EXAMPLES, Shapes, answers, bare, error_schema, events};
use crate::wire::METHODS;

const ABOUT: &str = "One WebSocket for commands, questions and live events. Subprotocols: `vendue.v1.json` (text) and \
    `vendue.v1.msgpack` (binary, the same fields). The first message is `connect`. A frame holds one message or an array of at most \
    1,024. Each request has an `id` and gets exactly one reply with it. A channel's events bear dense numbers: `seq` is one more than the \
    one before; `subscribe` with `resume` gives every missed event or a snapshot, never a part. Instants are microseconds since the Unix \
    epoch.";

/// The document that `/asyncapi.json` serves.
#[must_use]
pub fn asyncapi() -> Value {
    let mut shapes = Shapes::new();
    let mut messages = Map::new();
    let (mut sent, mut told) = (Vec::new(), Vec::new());
    for method in METHODS.iter().filter(|method| method.is_offered) {
        let params = bare((method.schema)(&mut shapes.requests));
        let result = answers::of(method.name, &mut shapes.answers).map_or_else(|| json!({}), bare);
        messages.insert(name(method.name, "request"), request(method.name, method.summary(), &params));
        messages.insert(name(method.name, "reply"), reply(method.name, &result));
        sent.push(method.name);
    }
    for kind in events::CHANNELS {
        for (event, data) in kind.events {
            let data = bare(data(&mut shapes.answers));
            let message = name(&format!("{}.{event}", kind.name), "event");
            messages.insert(message.clone(), event_message(kind.name, event, &data));
            told.push((message, kind.summary));
        }
    }
    messages.insert("heartbeat".into(), heartbeat());
    messages.insert("server_shutdown".into(), shutdown());
    messages.insert("subscription_ended".into(), ended());
    let reference = |name: &str| json!({ "$ref": format!("#/channels/ws/messages/{name}") });
    let mut operations = Map::new();
    for method in sent {
        operations.insert(
            method.replace('.', "_"),
            json!({
                "action": "receive", "channel": { "$ref": "#/channels/ws" },
                "messages": [reference(&name(method, "request"))],
                "reply": { "channel": { "$ref": "#/channels/ws" }, "messages": [reference(&name(method, "reply"))] }
            }),
        );
    }
    let mut heard: Vec<Value> = told.iter().map(|(message, _)| reference(message)).collect();
    heard.extend(["heartbeat", "server_shutdown", "subscription_ended"].map(reference));
    operations.insert(
        "events".into(),
        json!({ "action": "send", "channel": { "$ref": "#/channels/ws" }, "messages": heard }),
    );
    let in_channel: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    let schemas = shapes.definitions(&[("Error", error_schema())]);
    json!({
        "asyncapi": "3.0.0",
        "info": { "title": "Vendue", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "defaultContentType": "application/json",
        "channels": { "ws": { "address": "/ws", "messages": in_channel } },
        "operations": operations,
        "components": { "schemas": schemas, "messages": messages }
    })
}

fn name(of: &str, what: &str) -> String {
    format!("{}_{what}", of.replace('.', "_"))
}

fn request(method: &str, summary: &str, params: &Value) -> Value {
    let mut message = json!({
        "name": method, "title": method, "summary": summary,
        "payload": {
            "type": "object", "required": ["id", "method"],
            "properties": { "id": { "type": "integer", "minimum": 0 }, "method": { "const": method }, "params": params }
        }
    });
    let examples: Vec<Value> = EXAMPLES
        .iter()
        .filter(|example| example.method == method && !example.hidden)
        .zip(1..)
        .map(|(example, id)| {
            json!({ "summary": example.says, "payload": { "id": id, "method": method, "params": example.params() } })
        })
        .collect();
    if !examples.is_empty() {
        message["examples"] = Value::Array(examples);
    }
    message
}

fn reply(method: &str, result: &Value) -> Value {
    let times = json!({ "t_in": { "type": "integer" }, "t_out": { "type": "integer" } });
    let with = |more: Value| {
        let mut properties = more.as_object().cloned().unwrap_or_default();
        properties.extend(times.as_object().cloned().unwrap_or_default());
        properties.insert("id".into(), json!({ "type": ["integer", "null"] }));
        Value::Object(properties)
    };
    json!({
        "name": format!("{method} (reply)"), "title": format!("Reply to {method}"),
        "payload": { "oneOf": [
            { "type": "object", "required": ["id", "ok", "result"], "properties": with(json!({ "ok": { "const": true }, "result": result })) },
            { "type": "object", "required": ["id", "ok", "error"],
              "properties": with(json!({ "ok": { "const": false }, "error": { "$ref": "#/components/schemas/Error" } })) }
        ] }
    })
}

fn event_message(kind: &str, event: &str, data: &Value) -> Value {
    let channel = match kind {
        "account" => json!({ "const": "account" }),
        _ => json!({ "type": "string", "pattern": format!("^{kind}:") }),
    };
    json!({
        "name": event, "title": format!("{kind}: {event}"),
        "payload": {
            "type": "object", "required": ["channel", "epoch", "seq", "ts", "type", "data"],
            "properties": {
                "channel": channel, "epoch": { "type": "string" }, "type": { "const": event }, "data": data,
                "seq": { "type": "integer", "minimum": 1 }, "ts": { "type": "integer" },
                "from": { "type": "integer", "description": "In mode latest: the first of the numbers that this event stands for." }
            }
        }
    })
}

fn notice(kind: &str, summary: &str, fields: Value) -> Value {
    let mut properties = fields.as_object().cloned().unwrap_or_default();
    let mut required: Vec<String> = properties.keys().cloned().collect();
    required.push("type".into());
    properties.insert("type".into(), json!({ "const": kind }));
    json!({ "name": kind, "title": kind, "summary": summary,
            "payload": { "type": "object", "required": required, "properties": properties } })
}

fn heartbeat() -> Value {
    notice(
        "heartbeat",
        "The server's time and where each watched channel stands, so that a silent gap is seen.",
        json!({ "time": { "type": "integer" }, "seqs": { "type": "object", "additionalProperties": { "type": "integer" } } }),
    )
}

fn shutdown() -> Value {
    notice(
        "server_shutdown",
        "The server is about to end; another moment for each client to come back.",
        json!({ "reconnect_after_ms": { "type": "integer" } }),
    )
}

fn ended() -> Value {
    notice(
        "subscription_ended",
        "A channel is not delivered any more: token_expired, forbidden.",
        json!({ "channel": { "type": "string" }, "code": { "type": "string" } }),
    )
}
