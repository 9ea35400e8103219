//! Proof on the real processes: a living market, a receipt from it, its engine killed, and the whole store verified.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;

use common::{Demo, complaint, run, vendue};
use serde_json::Value;

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", complaint(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A command of the market's with this token.
fn said(demo: &Demo, token: &str, arguments: &[&str]) -> Output {
    let mut command = vendue();
    command.args(arguments).env("VENDUE_URL", demo.text("url")).env("VENDUE_TOKEN", token);
    command.env("VENDUE_MARKET", demo.text("market")).output().unwrap()
}

/// The market's public key, as anybody gets it.
fn public_key(demo: &Demo) -> String {
    let http = demo.text("http");
    let address = http.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /v1/keys HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let keys: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(keys["keys"][0]["kty"], "OKP");
    keys["keys"][0]["hex"].as_str().unwrap().to_owned()
}

fn verified(dir: &Path) -> Value {
    let output = run(&["verify", dir.to_str().unwrap(), "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", complaint(&output)));
    assert_eq!(output.status.code(), Some(if report["sound"] == true { 0 } else { 3 }), "{report:#}");
    report
}

#[test]
fn a_living_market_proves_what_it_told_and_its_store_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut demo = Demo::start(&data, &[]);
    let (operator, bidder) = (demo.text("operator_token"), demo.text("bidder_token"));
    let key = public_key(&demo);
    let lot =
        json(&said(&demo, &operator, &["lot", "create", "Chair", "--start", "50", "--ends", "2h", "--json"]));
    let lot = lot["lot"].as_str().unwrap().to_owned();
    said(&demo, &operator, &["lot", "open", &lot, "--reason", "test"]);
    let mut receipts = Vec::new();
    for (number, amount) in ["105.00", "215.00"].iter().enumerate() {
        let file = dir.path().join(format!("{number}.receipt"));
        let file = file.to_str().unwrap().to_owned();
        let output = said(&demo, &bidder, &["bid", &lot, amount, "--receipt", &file]);
        assert!(output.status.success(), "{}", complaint(&output));
        receipts.push(file);
        if number == 0 {
            demo.kill_engine();
            demo.wait_for_engine();
        }
    }
    assert_eq!(public_key(&demo), key, "the key stays");
    for file in &receipts {
        let proved = json(&run(&["verify", "receipt", file, "--key", &key, "--json"]));
        assert_eq!(proved["outcome"], "accepted");
        assert_eq!(proved["target"], lot.as_str());
        let other = "ab".repeat(32);
        let refused = run(&["verify", "receipt", file, "--key", &other]);
        assert_eq!(refused.status.code(), Some(3), "{}", complaint(&refused));
    }
    // While the engine runs: the journal, without states.
    let running = verified(&data);
    assert_eq!(running["sound"], true, "{running:#}");
    demo.end();

    let report = verified(&data);
    assert_eq!(report["sound"], true, "{report:#}");
    assert!(report["checkpoints"].as_u64().unwrap() > 1, "{report:#}");
    let directory = data.to_str().unwrap();
    let replayed = json(&run(&["replay", directory, "--lot", &lot, "--json"]));
    assert_eq!(replayed["state"]["title"], "Chair");
    assert!(!replayed.to_string().contains("21500"), "a maximum of an open lot is told: {replayed:#}");
    let market = json(&run(&["replay", directory, "--to", "5", "--json"]));
    assert_eq!(market["record"], 5);

    // A bit of the journal turned: named by its segment and offset.
    let journal = data.join("journal");
    let segment = std::fs::read_dir(journal).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.filter(|path| path.extension().is_some_and(|end| end == "segment")).min().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[4_096 * 3 + 60] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let broken = run(&["verify", directory]);
    assert_eq!(broken.status.code(), Some(3));
    assert!(complaint(&broken).contains(".segment"), "{}", complaint(&broken));
}

#[test]
fn what_cannot_be_verified_is_no_broken_store() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, code) in [
        (&["verify", "nowhere"][..], 1),
        (&["verify"], 2),
        (&["replay", "nowhere"], 1),
        (&["replay", "nowhere", "--to", "yesterday"], 2),
        (&["verify", "receipt", "nowhere", "--key", "abc"], 2),
    ] {
        let output = vendue().args(arguments).current_dir(dir.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", complaint(&output));
    }
}
