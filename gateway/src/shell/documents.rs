//! What describes the protocol to programs and people: made once, when first asked for.

use std::sync::LazyLock;

use bytes::Bytes;
use vendue_protocol::schema;

/// Where the style of `/docs` lies.
const STYLE: &str = "/docs.css";

static OPENAPI: LazyLock<Bytes> = LazyLock::new(|| schema::openapi().to_string().into());
static ASYNCAPI: LazyLock<Bytes> = LazyLock::new(|| schema::asyncapi().to_string().into());
static LLMS: LazyLock<Bytes> = LazyLock::new(|| schema::llms().into());
static PAGE: LazyLock<Bytes> = LazyLock::new(|| schema::page(STYLE).into());

/// The document at a path, and its type.
pub(super) fn find(path: &str) -> Option<(&'static str, Bytes)> {
    match path {
        "/openapi.json" => Some(("application/json", OPENAPI.clone())),
        "/asyncapi.json" => Some(("application/json", ASYNCAPI.clone())),
        "/llms.txt" => Some(("text/plain; charset=utf-8", LLMS.clone())),
        "/docs" | "/docs/" => Some(("text/html; charset=utf-8", PAGE.clone())),
        STYLE => Some(("text/css; charset=utf-8", Bytes::from_static(schema::STYLE.as_bytes()))),
        _ => None,
    }
}
