//! A gateway with a certificate: the terminal's commands through TLS, and SIGHUP with the next certificate.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::Instant;

use common::{Demo, PATIENCE, complaint, vendue, wait};
use serde_json::Value;

/// Writes `NAME.pem` (for localhost, of its own making) and its key.
fn certificate(dir: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(dir.join("certificate.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

/// A second gateway in front of a demo's engine, with TLS. It ends when its standard input is closed.
fn gateway(demo: &Demo, dir: &Path) -> (Child, u16) {
    let file = |name: &str| format!("gateway.{}={:?}", name, dir.join(format!("{}.pem", &name[4..])));
    let mut child = vendue()
        .args([
            "gateway",
            "--until-input-closes",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            &demo.text("data_dir"),
        ])
        .args(["--set", &file("tls_certificate"), "--set", &file("tls_key")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let port = ready["listening"].as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
    (child, port)
}

fn markets(port: u16, ca_file: Option<&Path>) -> Output {
    let mut command = vendue();
    command.args(["market", "list", "--json", "--url", &format!("wss://localhost:{port}/ws")]);
    if let Some(path) = ca_file {
        command.arg("--ca-file").arg(path);
    }
    command.output().unwrap()
}

#[test]
fn commands_through_tls_and_a_new_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(&dir.path().join("data"), &["--bare"]);
    certificate(dir.path());
    let (mut child, port) = gateway(&demo, dir.path());
    let first = dir.path().join("first.pem");
    std::fs::copy(dir.path().join("certificate.pem"), &first).unwrap();

    let output = markets(port, Some(&first));
    assert!(output.status.success(), "{}", complaint(&output));
    // Nobody has told this client whom to trust.
    let output = markets(port, None);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("certificate"), "{}", complaint(&output));

    certificate(dir.path());
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    let give_up = Instant::now() + PATIENCE;
    while !markets(port, Some(&dir.path().join("certificate.pem"))).status.success() {
        assert!(Instant::now() < give_up, "the new certificate is never shown");
    }
    assert!(!markets(port, Some(&first)).status.success(), "the old certificate is still trusted");

    drop(child.stdin.take());
    assert!(wait(&mut child).success());
    assert!(demo.end().success());
}
