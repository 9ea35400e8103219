//! The command as it is typed: usage, configuration, errors and exit codes. No market is needed.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{complaint, run, vendue};

/// Arguments, environment, exit code, and what standard error says (a part of it).
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], i32, &'a str);

fn check(cases: &[Case<'_>]) {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, environment, code, says) in cases {
        let output = vendue()
            .args(*arguments)
            .envs(environment.iter().copied())
            .current_dir(dir.path())
            .output()
            .unwrap();
        let complaint = complaint(&output);
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}: {complaint}");
        assert!(complaint.contains(says), "{arguments:?} says: {complaint}");
    }
}

#[test]
fn wrong_usage_and_configuration_are_exit_code_2() {
    check(&[
        (&["bid", "1"], &[], 2, "<AMOUNT>"),
        (&["lott", "list"], &[], 2, "lot"),
        (&["token"], &[], 2, "<ACCOUNT>"),
        (&["token", "acc_1"], &[], 2, "26 characters"),
        (&["demo", "--echo"], &[], 2, "--bare"),
        (&["stock", "reserve", "A", "0"], &[], 2, "0 is not in 1.."),
        (
            &["engine", "--set", "engine.shard=2"],
            &[],
            2,
            "vendue: configuration: flag --set engine.shard=2: unknown key `engine.shard`; did you mean `engine.shards`?",
        ),
        (
            &["gateway"],
            &[("VENDUE_GATEWAY__LISSEN", "x")],
            2,
            "environment: unknown variable `VENDUE_GATEWAY__LISSEN`; did you mean `VENDUE_GATEWAY__LISTEN`?",
        ),
        (
            &["engine", "--config", "nowhere.toml"],
            &[],
            2,
            "cannot read nowhere.toml: No such file or directory",
        ),
        (&["gateway", "--listen", "0.0.0.0:0"], &[], 2, "gateway.allow_insecure_lan"),
        (&["config", "check"], &[("VENDUE_LOG__LEVEL", "loud")], 0, ""),
        (&["config", "check"], &[("VENDUE_LOG__LEVEL", "a=b=c")], 2, "[log] level"),
    ]);
}

#[test]
fn a_wrong_file_is_reported_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("my.toml");
    std::fs::write(&file, "[engine]\n# two\nshards = 1\ncheckpoint_byte = 3\n").unwrap();
    let output = run(&["config", "check", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let expected = format!(
        "vendue: configuration: {}:4: unknown key `engine.checkpoint_byte`; did you mean `engine.checkpoint_bytes`? -- \
         `vendue config show --defaults` lists every key",
        file.display()
    );
    assert_eq!(complaint(&output), expected);
}

#[test]
fn what_cannot_be_reached_is_exit_code_1_and_says_what_to_do() {
    // A port that nobody listens on: taken and given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("ws://127.0.0.1:{port}/ws");
    check(&[
        (&["lot", "list", "--url", &url], &[], 1, "is it running? `vendue demo` starts one"),
        (&["bid", "1", "1.00"], &[("VENDUE_URL", &url)], 1, "vendue: connect failed: cannot connect to"),
        (
            &["lot", "list", "--url", "ftp://127.0.0.1/"],
            &[],
            1,
            "an address looks like ws://127.0.0.1:7400/ws",
        ),
        (&["token", "--operator", "--data-dir", "nowhere"], &[], 1, "nowhere/token.secret is not there"),
    ]);
}

#[test]
fn the_configuration_shows_its_origins_and_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let show = |arguments: &[&str]| {
        let mut command = vendue();
        command.args(["config", "show"]).args(arguments).current_dir(dir.path());
        let output = command.env("VENDUE_DEMO__BIDDERS", "7").output().unwrap();
        assert!(output.status.success(), "{}", complaint(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = show(&["--set", "engine.data_dir=/srv/v"]);
    for line in [
        "bidders = 7  # environment VENDUE_DEMO__BIDDERS",
        "data_dir = \"/srv/v\"  # flag --set engine.data_dir=/srv/v",
        "engine_socket = \"/srv/v/engine.sock\"  # in engine.data_dir",
        "bids_per_minute = 75",
        "# token_issuer is not set",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in\n{shown}");
    }
    std::fs::write(dir.path().join("vendue.toml"), &shown).unwrap();
    let again = show(&[]);
    assert!(again.contains("data_dir = \"/srv/v\"  # vendue.toml:"), "{again}");
    assert_eq!(show(&["--defaults"]).trim_end(), include_str!("../config/vendue.toml").trim_end());
}

#[test]
fn nothing_is_coloured_where_nobody_sees_it() {
    let output = run(&["config", "show"]);
    assert!(!output.stdout.contains(&0x1b));
    let version = run(&["version", "--json"]);
    let version: serde_json::Value = serde_json::from_slice(&version.stdout).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}
