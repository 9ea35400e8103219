//! `/docs`: the methods for people, as one page of plain HTML without scripts.

use std::fmt::Write;

use serde_json::Value;

use super::{EXAMPLES, Shapes, bare, subject, subjects};
use crate::wire::{Kind, METHODS, Method, Rights};

/// The style of the page, served beside it: the pages' policy allows no styles within.
pub const STYLE: &str = include_str!("page.css");

/// The page that `/docs` serves. `style` is the path of [`STYLE`].
#[must_use]
pub fn page(style: &str) -> String {
    let mut html = String::with_capacity(256 * 1024);
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Vendue: the API</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><link rel=\"stylesheet\" href=\"{style}\"></head><body>\
         <header><h1>Vendue: the API</h1><p>Every method is <code>POST /v1/&lt;method&gt;</code> and a request on the WebSocket at <code>/ws</code>; \
         what can be read is also <code>GET</code>. Money is integers in minor units. A command bears a key (<code>Idempotency-Key</code>): \
         the same key never does it twice. For programs: <a href=\"/openapi.json\">openapi.json</a>, <a href=\"/asyncapi.json\">asyncapi.json</a>, \
         <a href=\"/llms.txt\">llms.txt</a>.</p></header><nav aria-label=\"Methods\"><ul>"
    );
    for about in subjects() {
        let _ = write!(html, "<li><a href=\"#{about}\">{about}</a></li>");
    }
    html.push_str("</ul></nav><main>");
    let mut shapes = Shapes::new();
    for about in subjects() {
        let _ = write!(html, "<section><h2 id=\"{about}\">{about}</h2>");
        for method in METHODS.iter().filter(|method| method.is_offered && subject(method.name) == about) {
            let reference = bare((method.schema)(&mut shapes.requests));
            let name =
                reference["$ref"].as_str().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
            let definition = shapes.requests.definitions().get(name).cloned().unwrap_or_default();
            write_method(&mut html, method, &definition);
        }
        html.push_str("</section>");
    }
    html.push_str("</main></body></html>");
    html
}

fn write_method(html: &mut String, method: &Method, definition: &Value) {
    let verbs = match method.kind {
        Kind::Command => "POST",
        Kind::Read => "GET POST",
        Kind::Session if method.name == "ping" => "GET POST",
        Kind::Session => "WebSocket",
    };
    let rights = if method.rights == Rights::Account { "needs a token" } else { "open to anybody" };
    let _ = write!(
        html,
        "<article id=\"{0}\"><h3><a href=\"#{0}\">{0}</a> <small>{verbs}, {rights}</small></h3><p>{1}</p>",
        method.name,
        escaped(method.summary())
    );
    write_parameters(html, definition);
    for example in EXAMPLES.iter().filter(|example| example.method == method.name && !example.hidden) {
        // A map of values is always written.
        let params = serde_json::to_string_pretty(example.params_http()).unwrap_or_default();
        let _ = write!(
            html,
            "<details><summary>{}</summary><pre tabindex=\"0\">{}</pre></details>",
            escaped(&example.says),
            escaped(&params)
        );
    }
    html.push_str("</article>");
}

fn write_parameters(html: &mut String, definition: &Value) {
    let Some(properties) = definition["properties"].as_object() else { return };
    let required = definition["required"].as_array().cloned().unwrap_or_default();
    html.push_str("<table><thead><tr><th scope=\"col\">parameter</th><th scope=\"col\">type</th><th scope=\"col\">meaning</th></tr></thead><tbody>");
    for (name, schema) in properties {
        let needed = if required.iter().any(|one| one == name) { "" } else { " <small>optional</small>" };
        let meaning = match (name.as_str(), schema["description"].as_str()) {
            ("key", _) => "the command's key; over HTTP also the Idempotency-Key header",
            ("deadline_ms", _) => "what is not decided by then is not executed; 5,000 where absent",
            (_, Some(text)) => text,
            (_, None) => "",
        };
        let _ = write!(
            html,
            "<tr><td><code>{name}</code>{needed}</td><td>{}</td><td>{}</td></tr>",
            escaped(&type_name(schema)),
            marked(meaning)
        );
    }
    html.push_str("</tbody></table>");
}

/// A schema in a word or two.
fn type_name(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return name.to_owned();
    }
    if let Some(options) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let names: Vec<String> = options.iter().map(type_name).filter(|name| name != "null").collect();
        return names.join(" or ");
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => {
            let items = type_name(&schema["items"]);
            if items.is_empty() { "array".into() } else { format!("array of {items}") }
        }
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            let kinds: Vec<&str> =
                kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect();
            kinds.join(" or ")
        }
        _ => String::new(),
    }
}

/// Text with what stands between backticks set as code.
fn marked(text: &str) -> String {
    let parts = escaped(text);
    let mut html = String::with_capacity(parts.len());
    for (nth, part) in parts.split('`').enumerate() {
        if nth % 2 == 1 {
            let _ = write!(html, "<code>{part}</code>");
        } else {
            html.push_str(part);
        }
    }
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
