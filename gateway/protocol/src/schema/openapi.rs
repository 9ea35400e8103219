//! OpenAPI 3.1: every method over HTTP.

use serde_json::{Map, Value, json};

use super::{EXAMPLES, Shapes, answers, bare, error_schema, subject, subjects};
use crate::wire::{Kind, METHODS, Method, Rights};

/// What is said before anything else.
const ABOUT: &str = "Auctions, stock at a fixed price and order books. Every method is `POST /v1/<method>`; what can be read is also \
    `GET`. Money is integers in minor units (cents). Instants are RFC 3339, UTC. A command is told only when it is durable; the same \
    `Idempotency-Key` from the same account for the same target never does it twice. Errors are `application/problem+json`. \
    Live events: the WebSocket at `/ws`, described at `/asyncapi.json`.";

/// The document that `/openapi.json` serves.
#[must_use]
pub fn openapi() -> Value {
    let mut shapes = Shapes::new();
    let mut paths = Map::new();
    for method in METHODS.iter().filter(|method| method.is_offered && is_http(method)) {
        paths.insert(format!("/v1/{}", method.name), path(method, &mut shapes));
    }
    for (path, summary, content) in BESIDE {
        let response = json!({ "description": summary, "content": { *content: {} } });
        let operation = json!({ "summary": summary, "tags": ["server"], "security": [], "responses": { "200": response } });
        paths.insert((*path).to_owned(), json!({ "get": operation }));
    }
    // Over HTTP instants are written for people.
    let instant = json!({
        "type": ["string", "integer"], "format": "date-time",
        "description": "An instant, RFC 3339 in UTC. Requests may also give microseconds since the Unix epoch."
    });
    let problem = json!({
        "allOf": [{ "$ref": "#/components/schemas/Error" }],
        "type": "object",
        "properties": { "type": { "type": "string" }, "title": { "type": "string" }, "status": { "type": "integer" } }
    });
    let schemas =
        shapes.definitions(&[("Timestamp", instant), ("Error", error_schema()), ("Problem", problem)]);
    let tags: Vec<Value> =
        subjects().into_iter().chain(["server"]).map(|name| json!({ "name": name })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Vendue", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" }
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "responses": {
                "Problem": {
                    "description": "No: the code says why, outcome what happened.",
                    "headers": { "Retry-After": { "schema": { "type": "integer" }, "description": "In seconds." } },
                    "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
                }
            }
        }
    })
}

/// What the port serves beside the methods.
const BESIDE: &[(&str, &str, &str)] = &[
    ("/v1/currencies", "The currencies, and how many decimals each has", "application/json"),
    ("/livez", "The process runs", "text/plain"),
    ("/readyz", "It has an engine; 503 where not", "text/plain"),
    ("/version", "Which build", "application/json"),
    ("/metrics", "Prometheus", "text/plain"),
];

/// Whether a method can be called over HTTP: those of a connection cannot, save `ping`.
fn is_http(method: &Method) -> bool {
    method.kind != Kind::Session || method.name == "ping"
}

fn path(method: &Method, shapes: &mut Shapes) -> Value {
    let params = (method.schema)(&mut shapes.requests);
    let result = answers::of(method.name, &mut shapes.answers).map_or_else(|| json!({}), bare);
    let examples = examples(method);
    let mut post = operation(method, &result);
    post["operationId"] = json!(method.name);
    let mut content = json!({ "schema": bare(params) });
    if !examples.is_empty() {
        content["examples"] = Value::Object(examples);
    }
    post["requestBody"] =
        json!({ "required": method.kind == Kind::Command, "content": { "application/json": content } });
    if method.kind == Kind::Command {
        post["parameters"] = json!([{
            "name": "Idempotency-Key", "in": "header",
            "required": false, "schema": { "type": "string", "minLength": 1, "maxLength": 64 },
            "description": "The command's key; or `key` in the body. One of the two is needed."
        }]);
    }
    let mut path = json!({ "post": post });
    if method.kind != Kind::Command {
        let mut get = operation(method, &result);
        get["operationId"] = json!(format!("{}.get", method.name));
        get["parameters"] = query(method, shapes);
        path["get"] = get;
    }
    path
}

fn operation(method: &Method, result: &Value) -> Value {
    json!({
        "tags": [subject(method.name)],
        "summary": method.summary(),
        "security": if method.rights == Rights::Guest { json!([{}, { "token": [] }]) } else { json!([{ "token": [] }]) },
        "responses": {
            "200": { "description": "Done.", "content": { "application/json": { "schema": result } } },
            "default": { "$ref": "#/components/responses/Problem" }
        }
    })
}

/// The parameters of a question as those of a query string.
fn query(method: &Method, shapes: &mut Shapes) -> Value {
    let name = (method.schema)(&mut shapes.requests);
    let name = name.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let definition =
        name.and_then(|name| shapes.requests.definitions().get(name)).cloned().unwrap_or_default();
    let required = definition["required"].as_array().cloned().unwrap_or_default();
    let properties = definition["properties"].as_object().cloned().unwrap_or_default();
    let parameter = |(name, schema): (String, Value)| {
        let is_required = required.iter().any(|one| *one == json!(name));
        json!({ "name": name, "in": "query", "required": is_required, "schema": schema })
    };
    properties.into_iter().map(parameter).collect()
}

fn examples(method: &Method) -> Map<String, Value> {
    let own = EXAMPLES.iter().filter(|example| example.method == method.name && !example.hidden);
    own.enumerate()
        .map(|(nth, example)| {
            let name = if nth == 0 { "usual".to_owned() } else { format!("other{nth}") };
            (name, json!({ "summary": example.says, "value": example.params_http() }))
        })
        .collect()
}
