//! `/llms.txt`: the protocol on one page, for language models that write clients.

use std::fmt::Write;

use super::{EXAMPLES, subject, subjects};
use crate::wire::{Code, Kind, METHODS, Rights};

const HEAD: &str = "# Vendue

> Auctions, stock at a fixed price and order books over one port: HTTP (`POST /v1/<method>`) and WebSocket (`/ws`).

Full documents: `/openapi.json` (OpenAPI 3.1), `/asyncapi.json` (AsyncAPI 3.0). For people: `/docs`.

- Money is an integer in minor units of the market's currency (10500 is 105.00 EUR). Never a fraction.
- Instants: RFC 3339 in UTC over HTTP, microseconds since the Unix epoch on WebSockets. Durations end in `_ms`.
- Authorization: `Authorization: Bearer <JWT>`. Without it: only what anybody may read.
- Every command bears a key (`Idempotency-Key` header, or `key` among the parameters), 1 to 64 characters. The same key from the same
  account for the same target never does it twice: after a timeout send the same again, with the same key.
- Errors: `application/problem+json` with `code`, `outcome` (`rejected`: the rules said no; `not_executed`: try again; `unknown`: ask
  `command.result`) and `details`. `retry_after_ms` says when to try again.
- WebSocket: subprotocol `vendue.v1.json`. First `{\"id\":1,\"method\":\"connect\",\"params\":{\"token\":\"...\"}}`, then
  `{\"id\":2,\"method\":\"subscribe\",\"params\":{\"channel\":\"lot:lot_...\"}}`. Events: `{channel, epoch, seq, ts, type, data}`; each channel's
  `seq` is dense. After an interruption: `subscribe` with `resume:{epoch, seq}`.
- Lists: `limit` (50, at most 500) and `cursor`; the next page is asked for with the `cursor` of this one; null: the last.
";

/// The text that `/llms.txt` serves.
#[must_use]
pub fn llms() -> String {
    let mut text = HEAD.to_owned();
    for about in subjects() {
        let _ = write!(text, "\n## {about}\n\n");
        for method in METHODS.iter().filter(|method| method.is_offered && subject(method.name) == about) {
            let params: Vec<&str> = method
                .params
                .iter()
                .copied()
                .filter(|name| !matches!(*name, "key" | "deadline_ms"))
                .collect();
            let verb = match method.kind {
                Kind::Command => "command",
                Kind::Read => "question",
                Kind::Session => "connection",
            };
            let token = if method.rights == Rights::Account { ", token" } else { "" };
            let _ = writeln!(
                text,
                "- `{}` ({verb}{token}): {} Parameters: {}.",
                method.name,
                method.summary(),
                if params.is_empty() { "none".to_owned() } else { params.join(", ") }
            );
            if let Some(example) =
                EXAMPLES.iter().find(|example| example.method == method.name && !example.hidden)
            {
                // A map of values is always written.
                let params = serde_json::to_string(example.params_http()).unwrap_or_default();
                let _ = writeln!(text, "  - {}: `{params}`", example.says);
            }
        }
    }
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let _ = write!(text, "\n## Codes of errors\n\n{}\n", codes.join(", "));
    text
}
