//! The dashboard and the alert rules name metrics that a running market has.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test in several files")]

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::Demo;
use serde_json::{Value, json};

/// How long the engine may take to tell of itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// All words of a text that are names of our metrics, without what Prometheus adds to a histogram's.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("vendue_")).collect()
}

fn metrics(demo: &Demo) -> String {
    let address = demo.text("http").trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_that_is_watched_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let demo = tokio::task::block_in_place(|| Demo::start(&dir.path().join("data"), &["--bare"]));
    let operator = demo.operator().await;
    operator.request("market.list", json!({})).await.unwrap();
    // The engine tells of itself twice a second.
    let give_up = Instant::now() + PATIENCE;
    let text = loop {
        let text = metrics(&demo);
        if text.contains("vendue_engine_") || Instant::now() > give_up {
            break text;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let there = named(&text);
    assert!(there.len() > 10, "{text}");

    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/config/monitoring");
    let alerts = std::fs::read_to_string(format!("{root}/alerts.yaml")).unwrap();
    let grafana = std::fs::read_to_string(format!("{root}/grafana.json")).unwrap();
    let panels: Value = serde_json::from_str(&grafana).unwrap();
    assert!(panels["panels"].as_array().unwrap().len() > 5);
    for (file, text) in [("alerts.yaml", &alerts), ("grafana.json", &grafana)] {
        let asked = named(text);
        assert!(asked.len() > 4, "{file}");
        let missing: Vec<_> = asked.difference(&there).collect();
        assert!(missing.is_empty(), "{file} asks for {missing:?}, which nobody counts");
    }
    // What is not there is found.
    assert_eq!(named("rate(vendue_gateway_nothing[1m])").difference(&there).count(), 1);
    drop(operator);
    assert!(tokio::task::block_in_place(|| demo.end()).success());
}
