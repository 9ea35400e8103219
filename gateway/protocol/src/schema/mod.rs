//! The documents for programs and people who meet this protocol for the first time: OpenAPI 3.1 for HTTP, AsyncAPI 3.0 for
//! WebSockets, and a page of text for language models. They are made of the very types that requests are read into and
//! answers are written from.

mod answers;
mod asyncapi;
mod events;
mod examples;
mod llms;
mod openapi;
mod page;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

pub use asyncapi::asyncapi;
pub use examples::{EXAMPLES, Example, Who};
pub use llms::llms;
pub use openapi::openapi;
pub use page::{STYLE, page};

use crate::wire::{Code, METHODS};

/// Where definitions stand in both kinds of document.
const DEFINITIONS: &str = "/components/schemas";

/// Gathers the shapes of what is sent (answers, events) and of what is read (requests): the same type may have to be given
/// whole in the one, and in part in the other.
struct Shapes {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Shapes {
    fn new() -> Self {
        let settings =
            || SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = DEFINITIONS.into());
        Self { requests: settings().into_generator(), answers: settings().for_serialize().into_generator() }
    }

    /// The definitions that were gathered, with more beside them. Where both sides have one of a name the request's stands: it
    /// allows more.
    fn definitions(&mut self, more: &[(&str, Value)]) -> Value {
        let mut all: Map<String, Value> = self.answers.take_definitions(true);
        all.extend(self.requests.take_definitions(true));
        all.extend(more.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())));
        Value::Object(all)
    }
}

/// What every document says of errors.
fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["code", "message", "temporary", "outcome", "retry_after_ms", "details"],
        "properties": {
            "code": { "type": "string", "enum": Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>() },
            "message": { "type": "string", "description": "For a person." },
            "temporary": { "type": "boolean", "description": "Whether the same may succeed later." },
            "outcome": {
                "type": "string",
                "enum": ["rejected", "not_executed", "unknown"],
                "description": "rejected: the rules said no, durably. not_executed: it never reached the rules; try again. \
                                unknown: ask command.result, or send the same again under the same key."
            },
            "retry_after_ms": { "type": ["integer", "null"] },
            "details": { "type": ["object", "null"], "description": "Figures that belong to the code: min_next_amount, late_by_us ..." },
            "replayed": { "type": "boolean" }
        }
    })
}

/// A schema without the words that only its reader here needs.
fn bare(schema: Schema) -> Value {
    let mut value = schema.to_value();
    if let Some(object) = value.as_object_mut() {
        object.remove("$schema");
    }
    value
}

/// The words before a dot: what a method is about.
fn subject(method: &str) -> &str {
    method.split_once('.').map_or("connection", |(subject, _)| subject)
}

/// The subjects, each once, in the order of the methods.
fn subjects() -> Vec<&'static str> {
    let mut subjects: Vec<&str> = METHODS.iter().map(|method| subject(method.name)).collect();
    subjects.dedup();
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}

#[cfg(test)]
mod tests;
