use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::wire::Kind;

/// Every `$ref` of a document.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(path)) = map.get("$ref") {
                found.push(path);
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    for document in [openapi(), asyncapi()] {
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100, "{}", found.len());
        for path in found {
            let pointer = path.strip_prefix('#').unwrap_or_else(|| panic!("{path}"));
            assert!(document.pointer(pointer).is_some(), "{path}");
        }
    }
}

#[test]
fn every_method_is_described_with_an_answer_and_an_example() {
    let (openapi, asyncapi) = (openapi(), asyncapi());
    let mut shapes = Shapes::new();
    let shown: BTreeSet<&str> =
        EXAMPLES.iter().filter(|example| !example.hidden).map(|example| example.method.as_str()).collect();
    for method in METHODS {
        let name = method.name;
        assert!(answers::of(name, &mut shapes.answers).is_some(), "{name} has no answer");
        assert!(shown.contains(name), "{name} has no example");
        assert!(method.summary().ends_with('.'), "{name} has no summary");
        let path = &openapi["paths"][format!("/v1/{name}")];
        let is_http = method.kind != Kind::Session || name == "ping";
        assert_eq!(path["post"].is_object(), is_http, "{name}");
        assert_eq!(path["get"].is_object(), is_http && method.kind != Kind::Command, "{name}");
        assert!(asyncapi["operations"][name.replace('.', "_")].is_object(), "{name}");
        assert!(llms().contains(&format!("`{name}`")), "{name}");
    }
    let known: BTreeSet<&str> = METHODS.iter().map(|method| method.name).collect();
    assert_eq!(shown.difference(&known).collect::<Vec<_>>(), [""; 0].iter().collect::<Vec<_>>());
}

#[test]
fn names_of_parameters_are_those_that_are_read() {
    let mut shapes = Shapes::new();
    for method in METHODS {
        let schema = (method.schema)(&mut shapes.requests);
        let name = schema.get("$ref").and_then(Value::as_str).unwrap().rsplit('/').next().unwrap().to_owned();
        let properties = shapes.requests.definitions()[&name]["properties"].as_object().unwrap();
        let described: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        let read: BTreeSet<&str> = method.params.iter().copied().collect();
        assert_eq!(described, read, "{}", method.name);
    }
}

#[test]
fn examples_are_requests_that_can_be_read() {
    for example in EXAMPLES.iter() {
        let method = crate::wire::Method::find(&example.method).unwrap();
        let text = example.params().to_string();
        if let Err(error) = method.decode_json(&text) {
            panic!("{} {text}: {error:?}", example.method);
        }
    }
}
