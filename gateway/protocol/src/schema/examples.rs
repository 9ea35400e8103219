//! Requests as they are made: a story from an empty server to a sold lot and a paid order, that the documents quote and a test
//! plays from beginning to end.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Nobody who has said a name.
    Guest,
    /// An operator of the platform.
    House,
    /// A bidder.
    Ada,
    /// Another, who also sells.
    Bob,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Its method.
    pub method: String,
    /// Who asks.
    pub who: Who,
    /// What it does, in a few words.
    pub says: String,
    /// Its parameters as HTTP has them: instants in RFC 3339.
    params: Map<String, Value>,
    /// Parameters whose values are known only when the story is played: by the name under which an earlier answer was saved.
    #[serde(default)]
    pub uses: Map<String, Value>,
    /// What of the answer is needed later: a name, and where it stands (a JSON pointer; `-1` for the last of a list).
    #[serde(default)]
    pub saves: Map<String, Value>,
    /// A part of the story that no document needs to quote.
    #[serde(default)]
    pub hidden: bool,
    /// Only on a WebSocket.
    #[serde(default)]
    pub socket: bool,
    /// The code that it may be refused with, by the moment at which it is played; `*`: any.
    #[serde(default)]
    pub may_be: Option<String>,
}

/// All of them, in the order in which they can be played.
pub static EXAMPLES: LazyLock<Vec<Example>> = LazyLock::new(|| {
    // A test reads it before anybody else does.
    serde_json::from_str(include_str!("examples.json")).unwrap_or_default()
});

impl Example {
    /// The parameters over HTTP.
    #[must_use]
    pub const fn params_http(&self) -> &Map<String, Value> {
        &self.params
    }

    /// The parameters on a WebSocket: instants in microseconds.
    #[must_use]
    pub fn params(&self) -> Value {
        let mut params = self.params.clone();
        for (name, value) in &mut params {
            let instant = value.as_str().filter(|_| name.ends_with("_at"));
            if let Some(at) = instant.and_then(crate::wire::time::parse_rfc3339) {
                *value = at.0.into();
            }
        }
        Value::Object(params)
    }
}
