//! What keeps engine, gateway and demo from starting: each a message that says what, why and what to do, and nothing
//! changed by the attempt.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use common::{Demo, complaint, run, vendue};
use serde_json::json;
use vendue_client::Key;

/// Runs an engine that is expected to refuse, and gives what it says.
fn refused_engine(dir: &Path) -> String {
    let output = vendue().args(["engine", "--until-input-closes", "--data-dir"]).arg(dir).output().unwrap();
    let complaint = complaint(&output);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(output.stdout.is_empty(), "it said that it was ready");
    complaint
}

fn check_says(complaint: &str, parts: &[&str]) {
    for part in parts {
        assert!(complaint.contains(part), "`{part}` is missing in: {complaint}");
    }
}

/// A data directory with a journal of a few dozen records.
async fn with_history() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let demo = Demo::start(&data, &["--bare"]);
    let operator = demo.operator().await;
    for number in 0..40 {
        operator
            .command("account.create", json!({"name": format!("Party {number}")}), Key::random())
            .await
            .unwrap();
    }
    assert!(demo.end().success());
    (dir, data)
}

/// The first segment of a journal.
fn first_segment(data: &Path) -> PathBuf {
    let mut segments: Vec<PathBuf> =
        fs::read_dir(data.join("journal")).unwrap().map(|e| e.unwrap().path()).collect();
    segments.retain(|path| path.is_file());
    segments.sort();
    segments.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_data_directory_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path(), &["--bare"]);
    let complaint = refused_engine(dir.path());
    check_says(
        &complaint,
        &["vendue: the engine stopped", &dir.path().display().to_string(), &demo.engine_pid.to_string()],
    );
    // A second demo says the same, from its engine's log.
    let second =
        run(&["demo", "--bare", "--listen", "127.0.0.1:0", "--data-dir", dir.path().to_str().unwrap()]);
    assert_eq!(second.status.code(), Some(1));
    check_says(
        &common::complaint(&second),
        &["vendue: the engine does not run", &demo.engine_pid.to_string()],
    );
    // And the first one has not noticed anything.
    demo.operator().await.request("market.list", json!({})).await.unwrap();
    assert!(dir.path().join("demo.json").exists(), "the second demo has taken the first one's file away");
}

#[test]
fn a_port_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = dir.path().to_str().unwrap();
    let gateway = run(&["gateway", "--listen", &address, "--data-dir", data]);
    assert_eq!(gateway.status.code(), Some(1));
    check_says(
        &complaint(&gateway),
        &["vendue: the gateway cannot start", &address, "in use", "gateway.listen"],
    );
    let demo = run(&["demo", "--listen", &address, "--data-dir", data]);
    assert_eq!(demo.status.code(), Some(1));
    check_says(&complaint(&demo), &["vendue: the gateway does not run", &address, "in use"]);
}

#[tokio::test]
async fn a_broken_journal() {
    let (_dir, data) = with_history().await;
    let segment = first_segment(&data);
    let before = fs::read(&segment).unwrap();
    // One bit in the first frame: forty others follow, so that this is damage and no torn tail (I7).
    let mut file = fs::OpenOptions::new().read(true).write(true).open(&segment).unwrap();
    file.seek(SeekFrom::Start(4_096 + 80)).unwrap();
    let mut byte = [0];
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(4_096 + 80)).unwrap();
    file.write_all(&[byte[0] ^ 4]).unwrap();
    drop(file);
    let damaged = fs::read(&segment).unwrap();
    assert_ne!(before, damaged);
    let complaint = refused_engine(&data);
    check_says(&complaint, &[segment.file_name().unwrap().to_str().unwrap(), "4096", "backup"]);
    assert_eq!(
        fs::read(&segment).unwrap(),
        damaged,
        "an engine that refuses to start has changed the journal"
    );
    // Mended, everything is there.
    fs::write(&segment, before).unwrap();
    assert!(Demo::start(&data, &["--bare"]).end().success());
}

#[tokio::test]
async fn a_foreign_journal() {
    let (_dir, data) = with_history().await;
    let (_other_dir, other) = with_history().await;
    let segment = first_segment(&data);
    let own = fs::read(&segment).unwrap();
    // Another cell's segment in the middle of ours.
    let name = format!("{:020}", 1);
    let second = segment.with_file_name(
        segment.file_name().unwrap().to_str().unwrap().replace(&name, &format!("{:020}", 1_000)),
    );
    if second != segment {
        fs::copy(first_segment(&other), &second).unwrap();
        let complaint = refused_engine(&data);
        check_says(&complaint, &[second.file_name().unwrap().to_str().unwrap()]);
        fs::remove_file(&second).unwrap();
    }
    // No journal at all.
    fs::write(&segment, vec![b'x'; own.len()]).unwrap();
    let complaint = refused_engine(&data);
    check_says(&complaint, &[segment.file_name().unwrap().to_str().unwrap(), "not a"]);
}

#[test]
fn a_data_directory_that_cannot_be_made() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let complaint = refused_engine(&file.join("data"));
    check_says(&complaint, &["cannot make the data directory", "--data-dir"]);
}
