//! Signing out everywhere, on real processes: older tokens are good for nothing any more, also after the engine was killed.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test in several files")]

mod common;

use common::{Demo, complaint, run};
use serde_json::json;
use vendue_client::{Client, Error, Key, Options};

/// Why a connection with a token is refused; empty where it is not.
async fn refusal(demo: &Demo, token: &str) -> String {
    match Client::connect(&demo.text("url"), Options::with_token(token)).await {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_tokens_are_void_everywhere_and_stay_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut demo = tokio::task::block_in_place(|| Demo::start(&dir.path().join("data"), &["--bare"]));
    let operator = demo.operator().await;
    let made = operator.command("account.create", json!({"name": "Ada"}), Key::random()).await.unwrap();
    let account = made["account"].as_str().unwrap().to_owned();
    let token = demo.token(&account);
    let bidder = demo.client(&token).await;
    let mut own = bidder.subscribe("account").await.unwrap();
    assert!(own.next().await.is_some(), "a snapshot");

    let said = run(&[
        "account",
        "sign-out",
        &account,
        "--data-dir",
        &demo.text("data_dir"),
        "--reason",
        "stolen phone",
    ]);
    assert!(said.status.success(), "{}", complaint(&said));
    // What is private ends; it is not asked how fast.
    while own.next().await.is_some() {}
    let deposit = json!({"account": account, "amount": 100, "currency": "EUR", "reason": "cash"});
    operator.command("account.deposit", deposit, Key::random()).await.unwrap();
    assert!(own.next().await.is_none());
    match bidder.request("account.get", json!({})).await {
        Err(Error::Server(refused)) => assert_eq!(refused.code, "token_expired"),
        other => panic!("{other:?}"),
    }
    assert!(refusal(&demo, &token).await.contains("token_expired"));

    demo.kill_engine();
    tokio::task::block_in_place(|| demo.wait_for_engine());
    assert!(refusal(&demo, &token).await.contains("token_expired"), "it is durable");
    // Tokens tell when they were issued in whole seconds.
    let mut fresh = demo.token(&account);
    while refusal(&demo, &fresh).await.contains("token_expired") {
        fresh = demo.token(&account);
    }
    let again = demo.client(&fresh).await;
    assert_eq!(again.request("account.get", json!({})).await.unwrap()["account"], account.as_str());
    drop((own, bidder, again, operator));
    assert!(tokio::task::block_in_place(|| demo.end()).success());
}
