//! The demo as a person meets it: everything that it prints works, it goes on after a restart, and leaves nothing behind.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::process::Command;

use common::{Demo, complaint, is_running, vendue};
use rustix::process::Signal;
use serde_json::{Value, json};

/// A market that is small and quick enough for a test.
const SMALL: [&str; 8] = [
    "--set",
    "demo.lots=6",
    "--set",
    "demo.bidders=5",
    "--set",
    "demo.bids_per_minute=240",
    "--set",
    "demo.first_end_s=600",
];

/// Runs a command with the demo's directory and gives its lines.
fn lines(demo: &Demo, arguments: &[&str]) -> Vec<String> {
    let output = vendue().args(arguments).args(["--data-dir", &demo.text("data_dir")]).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", complaint(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn objects(demo: &Demo, arguments: &[&str]) -> Vec<Value> {
    lines(demo, arguments).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn everything_that_can_be_typed_works() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path(), &SMALL);
    for field in ["url", "http", "operator", "operator_token", "token_secret_file", "market", "bidder_token"]
    {
        assert!(!demo.text(field).is_empty());
    }
    wait_for_bids(&demo).await;
    let table = lines(&demo, &["lot", "list"]);
    assert_eq!(table.len(), 7, "a heading and six lots: {table:#?}");
    assert!(table[1..].iter().all(|line| line.contains("lot_") && line.contains(" EUR")), "{table:#?}");
    let lots = objects(&demo, &["lot", "list", "--json", "--sort", "catalogue"]);
    let lot = lots.last().unwrap();
    let (id, number) = (lot["lot"].as_str().unwrap(), lot["number"].to_string());
    // A maximum far above what anybody else gives, by number; seen by everybody else only as a step.
    let bid = &objects(&demo, &["bid", &number, "90000.00", "--json", "--key", "mine"])[0];
    assert_eq!(bid["status"], "leading", "{bid}");
    let again = &objects(&demo, &["bid", &id[..14], "90000.00", "--json", "--key", "mine"])[0];
    assert_eq!((&again["bid"], &again["replayed"]), (&bid["bid"], &json!(true)));
    let said = lines(&demo, &["bid", &number, "95000.00"]);
    assert!(said[0].starts_with("You lead: lot "), "{said:?}");
    assert!(said.iter().any(|line| line.starts_with("  next minimum")), "{said:?}");
    assert!(lines(&demo, &["lot", "show", &number]).iter().any(|line| line.contains("estimate")));
    assert!(lines(&demo, &["lot", "bids", id]).len() > 1);
    assert!(lines(&demo, &["stock", "list"]).len() > 8);
    let reserved = lines(&demo, &["stock", "reserve", "SHOP-1", "2"]);
    assert!(reserved[0].starts_with("Reserved: 2 set aside as rsv_"), "{reserved:?}");
    let account = &objects(&demo, &["account", "create", "A newcomer", "--grant", "bidder", "--json"])[0];
    let token = demo.token(account["account"].as_str().unwrap());
    let low = vendue()
        .args(["bid", &number, "10.00", "--token", &token, "--data-dir", &demo.text("data_dir")])
        .output()
        .unwrap();
    assert_eq!(low.status.code(), Some(3), "the rules said no");
    assert!(complaint(&low).contains(" EUR is needed (bid_too_low) -- bid "), "{}", complaint(&low));
}

/// Every way of selling, and the money behind it, as a newcomer types it.
#[tokio::test]
async fn every_format_can_be_bought_in_and_paid() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path(), &["--set", "demo.lots=8", "--set", "demo.bids_per_minute=0"]);
    let one = |arguments: &[&str]| objects(&demo, &[arguments, &["--json"]].concat()).remove(0);
    let lots = objects(&demo, &["lot", "list", "--json", "--sort", "catalogue"]);
    let number = |format: &str| {
        let found = lots.iter().find(|lot| lot["format"] == format).unwrap_or_else(|| panic!("no {format}"));
        found["number"].to_string()
    };
    let available = || one(&["account", "show"])["balances"][0]["available"].as_i64().unwrap();
    let begin = available();
    assert!(begin > 10_000_000, "the visitor has money");
    let taken = one(&["take", &number("dutch"), "2"]);
    assert_eq!((&taken["status"], &taken["held"]), (&json!("won"), &Value::Null), "{taken}");
    assert!(
        taken["total"].as_u64() > taken["price"].as_u64().map(|price| 2 * price),
        "with the premium: {taken}"
    );
    for sealed in ["sealed_first_price", "vickrey"] {
        let bid = one(&["bid", &number(sealed), "5000.00"]);
        assert_eq!((&bid["status"], &bid["price"]), (&json!("placed"), &Value::Null), "{bid}");
    }
    let units = one(&["bid", &number("multi_unit"), "70.00", "--quantity", "5"]);
    // Five at 70.00 and 25 per cent.
    assert_eq!((&units["status"], &units["held"]), (&json!("leading"), &json!(43_750)), "{units}");
    let offer = one(&["bid", &number("reverse"), "5000.00"]);
    assert_eq!((&offer["status"], &offer["price"]), (&json!("leading"), &json!(500_000)), "{offer}");
    let shown = one(&["account", "show"]);
    assert!(shown["balances"][0]["held"].as_u64().unwrap() >= 43_750, "{shown}");
    assert!(shown["bids"].as_array().unwrap().len() >= 4, "{shown}");
    // The end of the dutch lot is an order, paid from the balance.
    let clock = number("dutch");
    lines(&demo, &["lot", "close", &clock, "--reason", "the end of a test"]);
    let order = loop {
        let orders = objects(&demo, &["order", "list", "--json"]);
        if let Some(order) = orders.into_iter().find(|order| order["state"] == "awaiting_payment") {
            break order;
        }
    };
    assert_eq!(order["total"], taken["total"], "{order}");
    let id = order["order"].as_str().unwrap();
    let before = available();
    let paid = one(&["order", "pay", &id[..12]]);
    assert_eq!((&paid["state"], &paid["total"]), (&json!("paid"), &order["total"]), "{paid}");
    assert_eq!(available(), before - order["total"].as_i64().unwrap());
    let again = one(&["account", "statement"]);
    assert_eq!((&again["kind"], &again["order"]), (&json!("payment"), &json!(id)), "{again}");
    // From the shelf.
    let bought = one(&["order", "place", "--stock", "SHOP-1:2"]);
    assert_eq!(bought["state"], "awaiting_payment", "{bought}");
    assert!(
        lines(&demo, &["order", "show", bought["order"].as_str().unwrap()])[0].ends_with("awaiting payment")
    );
    assert_eq!(one(&["order", "cancel", bought["order"].as_str().unwrap()])["state"], "cancelled");
}

#[tokio::test]
async fn an_operator_runs_a_market_from_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path(), &["--bare"]);
    let one = |arguments: &[&str]| objects(&demo, &[arguments, &["--json"]].concat()).remove(0);
    let made =
        one(&["market", "create", "Harbour Rooms", "EUR", "--premium", "0:25%", "--open-registration"]);
    assert!(made["market"].as_str().unwrap().starts_with("mkt_"));
    assert_eq!(one(&["market", "show"])["fees"]["buyers_premium"]["bands"], json!([[0, 250_000]]));
    assert_eq!(one(&["market", "halt", "--reason", "a pause"])["state"], "halted");
    assert_eq!(one(&["market", "resume", "--reason", "on we go"])["state"], "open");
    lines(
        &demo,
        &["market", "fees", "--premium", "0:20%", "--commission", "0:10%", "--reason", "spring terms"],
    );
    for format in [
        &["lot", "create", "Chair", "--start", "50", "--ends", "2h", "--funding", "full"][..],
        &[
            "lot",
            "create",
            "Bulbs",
            "--format",
            "dutch",
            "--clock",
            "40.00:0.50:15s:10.00",
            "--quantity",
            "20",
            "--ends",
            "1h",
        ],
        &[
            "lot",
            "create",
            "Cabinet",
            "--format",
            "sealed-first-price",
            "--start",
            "100",
            "--ends",
            "1d",
            "--funding",
            "deposit",
            "--deposit",
            "20",
        ],
        &["lot", "create", "Miniature", "--format", "vickrey", "--start", "100", "--ends", "1d"],
        &[
            "lot",
            "create",
            "Prints",
            "--format",
            "multi-unit",
            "--quantity",
            "9",
            "--start",
            "5",
            "--pricing",
            "pay-as-bid",
            "--ends",
            "1h",
        ],
        &["lot", "create", "Roof", "--format", "reverse", "--start", "8000", "--sealed", "--ends", "2d"],
    ] {
        assert!(one(format)["lot"].as_str().unwrap().starts_with("lot_"), "{format:?}");
    }
    assert_eq!(lines(&demo, &["lot", "list"]).len(), 7);
}

/// Nobody leads with money that is not there, and nobody takes out what is held.
#[tokio::test]
async fn a_bid_is_backed_by_money() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path(), &["--bare"]);
    let one = |arguments: &[&str]| objects(&demo, &[arguments, &["--json"]].concat()).remove(0);
    one(&["market", "create", "Harbour Rooms", "EUR", "--premium", "0:20%", "--open-registration"]);
    one(&["lot", "create", "Chair", "--start", "50", "--ends", "2h", "--funding", "full"]);
    let account =
        one(&["account", "create", "Jane", "--grant", "bidder"])["account"].as_str().unwrap().to_owned();
    let deposit = one(&["account", "deposit", &account, "100.00", "--reason", "cash"]);
    assert_eq!((&deposit["balance"], &deposit["available"]), (&json!(10_000), &json!(10_000)));
    let token = demo.token(&account);
    let id =
        objects(&demo, &["lot", "list", "--json"]).into_iter().find(|lot| lot["title"] == "Chair").unwrap();
    let id = id["lot"].as_str().unwrap();
    let bid = |amount: &str| {
        vendue()
            .args(["bid", id, amount, "--token", &token, "--data-dir", &demo.text("data_dir")])
            .output()
            .unwrap()
    };
    let dear = bid("100.00");
    assert_eq!(dear.status.code(), Some(3), "the rules said no");
    assert!(
        complaint(&dear).contains("120.00 EUR is needed, 100.00 EUR is available"),
        "{}",
        complaint(&dear)
    );
    assert!(bid("80.00").status.success());
    let shown = one(&["account", "show", &account]);
    assert_eq!(
        (&shown["balances"][0]["held"], &shown["bids"][0]["status"]),
        (&json!(9_600), &json!("leading"))
    );
    let refused = vendue()
        .args([
            "account",
            "withdraw",
            &account,
            "50.00",
            "--reason",
            "too much",
            "--data-dir",
            &demo.text("data_dir"),
        ])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(3), "what is held stays");
}

/// Several, one after the other: bots that only begin are not a market.
async fn wait_for_bids(demo: &Demo) {
    let client = demo.operator().await;
    let mut market = client.subscribe(&format!("market:{}", demo.text("market"))).await.unwrap();
    for _ in 0..8 {
        loop {
            let update = market.next().await.expect("the market's channel has ended");
            if matches!(update, vendue_client::Update::Event(event) if event.kind == "lots_changed") {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_later_start_goes_on_with_the_same_market() {
    let dir = tempfile::tempdir().unwrap();
    let quiet = ["--set", "demo.lots=4", "--set", "demo.bidders=2", "--set", "demo.bids_per_minute=0"];
    let demo = Demo::start(dir.path(), &quiet);
    let market = demo.text("market");
    let before = objects(&demo, &["lot", "list", "--json"]);
    let bid = &objects(&demo, &["bid", "1", "5000.00", "--json", "--key", "k"])[0];
    let pids = [demo.engine_pid, demo.ready["gateway_pid"].as_i64().unwrap() as i32];
    assert!(demo.signal(Signal::TERM).success());
    assert!(!pids.into_iter().any(is_running), "a child is left");
    assert!(!dir.path().join("demo.json").exists());
    let demo = Demo::start(dir.path(), &quiet);
    assert_eq!(demo.text("market"), market);
    let after = objects(&demo, &["lot", "list", "--json"]);
    let ids = |lots: &[Value]| lots.iter().map(|lot| lot["lot"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&before), ids(&after));
    let again = &objects(&demo, &["bid", "1", "5000.00", "--json", "--key", "k"])[0];
    assert_eq!((&again["bid"], &again["seq"], &again["replayed"]), (&bid["bid"], &bid["seq"], &json!(true)));
}

#[tokio::test]
async fn a_killed_demo_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path(), &["--bare"]);
    let pids = [demo.engine_pid, demo.ready["gateway_pid"].as_i64().unwrap() as i32];
    assert!(pids.into_iter().all(is_running));
    demo.signal(Signal::KILL);
    let give_up = std::time::Instant::now() + common::PATIENCE;
    while pids.into_iter().any(is_running) {
        assert!(std::time::Instant::now() < give_up, "a child is left: {pids:?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// `vendue top` says how a gateway fares, and what to do where there is none.
#[tokio::test]
async fn the_vital_signs_are_shown_in_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path(), &["--set", "demo.lots=2"]);
    let looks = objects(&demo, &["top", "--json", "--looks", "2", "--every", "1s"]);
    assert_eq!(looks.len(), 2);
    for look in &looks {
        assert_eq!((&look["gateway"], &look["engine"]), (&json!("well"), &json!("well")), "{look}");
    }
    assert_eq!(looks[0]["requests_per_second"], Value::Null, "there is no rate before a second look");
    assert!(looks[1]["requests_per_second"].is_number() && looks[1]["connections"].as_f64() > Some(0.0));
    let shown = lines(&demo, &["top", "--looks", "1"]).join("\n");
    assert!(shown.contains("engine well") && shown.contains("connections"), "{shown}");
    let away = vendue().args(["top", "--url", "ws://127.0.0.1:1/ws"]).output().unwrap();
    assert_eq!(away.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&away.stderr).contains("--url"), "{away:?}");
    let wrong = vendue().args(["top", "--url", "wss://127.0.0.1:1/ws"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

/// `vendue watch` sees the whole life of a lot, through a kill of the engine.
#[tokio::test]
async fn a_watch_survives_a_killed_engine() {
    let dir = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(dir.path(), &["--set", "demo.lots=1", "--set", "demo.bids_per_minute=0"]);
    let mut watch: Command = vendue();
    watch.args(["watch", "1", "--json", "--data-dir", &demo.text("data_dir")]);
    let watch = watch.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let operator = demo.operator().await;
    let lots = objects(&demo, &["lot", "list", "--json"]);
    let lot = lots[0]["lot"].as_str().unwrap();
    objects(&demo, &["bid", "1", "3000.00", "--json"]);
    demo.kill_engine();
    demo.wait_for_engine();
    objects(&demo, &["bid", "1", "3100.00", "--json"]);
    let close = json!({"lot": lot, "reason": "the end of a test"});
    operator.command("lot.close", close, vendue_client::Key::random()).await.unwrap();
    let output = watch.wait_with_output().unwrap();
    assert!(output.status.success());
    let said: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(said[0]["update"], "snapshot");
    let mut seq = said[0]["seq"].as_u64().unwrap();
    for update in said[1..].iter().filter(|update| update["update"] == "event") {
        seq += 1;
        assert_eq!(update["seq"], seq, "dense: {said:#?}");
    }
    assert_eq!(said.last().unwrap()["type"], "lot_closed");
}

/// An order book, funded: an auction, then trades; money and goods change hands.
#[tokio::test]
async fn a_book_is_traded_in_from_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path(), &["--bare"]);
    let one = |arguments: &[&str]| objects(&demo, &[arguments, &["--json"]].concat()).remove(0);
    one(&["market", "create", "Harbour Rooms", "EUR", "--premium", "0:1%", "--open-registration"]);
    let made = one(&["book", "create", "Cocoa, 1 kg", "0.05", "--funding", "full", "--reference", "COCOA"]);
    let book = made["book"].as_str().unwrap().to_owned();
    let account = |name: &str, amount: &str, goods: Option<&str>| {
        let made = one(&["account", "create", name, "--grant", "bidder"]);
        let id = made["account"].as_str().unwrap().to_owned();
        let deposit = ["account", "deposit", &id, amount, "--reason", "brought in"];
        let of_goods = goods.map_or_else(Vec::new, |goods| vec!["--goods", goods]);
        one(&[&deposit[..], &of_goods].concat());
        let token = demo.token(&id);
        (id, token)
    };
    let (buyer, buyer_token) = account("Jane", "1000.00", None);
    let (seller, seller_token) = account("John", "100", Some(&book));
    one(&["book", "auction", "COCOA", "start"]);
    let sell = one(&["book", "sell", "COCOA", "10", "8.00", "--token", &seller_token]);
    let buy = one(&["book", "buy", "COCOA", "6", "8.20", "--token", &buyer_token]);
    assert_eq!((&sell["status"], &buy["status"]), (&json!("open"), &json!("open")), "{sell} {buy}");
    let ended = one(&["book", "auction", "COCOA", "uncross"]);
    assert_eq!(ended["volume"], 6, "{ended}");
    let rest = one(&["book", "buy", "COCOA", "4", "9.00", "--token", &buyer_token]);
    assert_eq!(
        (&rest["status"], &rest["trades"][0]["price"]),
        (&json!("filled"), &json!(800)),
        "at the resting order's price: {rest}"
    );
    let balance = |id: &str, of: &str| {
        let shown = one(&["account", "show", id]);
        let all = [&shown["balances"], &shown["holdings"]];
        let found = all.iter().filter_map(|list| list.as_array()).flatten();
        let found = found.filter(|one| one["currency"] == of || one["goods"] == of).cloned();
        found.map(|one| (one["balance"].as_i64().unwrap(), one["held"].as_u64().unwrap())).next()
    };
    assert_eq!(balance(&buyer, &book), Some((10, 0)), "ten units, nothing held");
    assert_eq!(balance(&seller, &book), Some((90, 0)));
    let price = ended["price"].as_i64().unwrap();
    let value = 6 * price + 4 * 800;
    let paid = 100_000 - balance(&buyer, "EUR").unwrap().0;
    assert!((value..=value + value / 100 + 2).contains(&paid), "{paid} for {value}, with a premium of 1 %");
    assert_eq!(balance(&seller, "EUR"), Some((value, 0)));
    assert_eq!(lines(&demo, &["book", "trades", "COCOA"]).len(), 3, "a heading and two trades");
    let off = vendue()
        .args(["book", "buy", "COCOA", "1", "8.03", "--token", &buyer_token])
        .args(["--data-dir", &demo.text("data_dir")])
        .output()
        .unwrap();
    assert_eq!(off.status.code(), Some(3), "the rules said no");
    assert!(complaint(&off).contains("8.00") && complaint(&off).contains("8.05"), "{}", complaint(&off));
}

/// The rarer formats: who stays, whose package wins, and a candle that anybody can draw again.
#[tokio::test]
async fn the_rarer_formats_end_as_they_must() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path(), &["--bare"]);
    let one = |arguments: &[&str]| objects(&demo, &[arguments, &["--json"]].concat()).remove(0);
    one(&["market", "create", "Harbour Rooms", "EUR", "--open-registration"]);
    let tokens: Vec<String> = ["Jane", "John"]
        .map(|name| {
            let made = one(&["account", "create", name, "--grant", "bidder"]);
            demo.token(made["account"].as_str().unwrap())
        })
        .into();
    let lot = |arguments: &[&str]| {
        one(&[&["lot", "create"], arguments].concat())["lot"].as_str().unwrap().to_owned()
    };
    let candle = lot(&["Port", "--format", "candle", "--start", "10", "--ends", "10m", "--candle", "9m"]);
    one(&["bid", &candle, "20.00", "--token", &tokens[0]]);
    one(&["bid", &candle, "30.00", "--token", &tokens[1]]);
    one(&["lot", "close", &candle, "--reason", "the end of a test"]);
    let found = one(&["verify", "candle", &candle]);
    assert_eq!((&found["right"], found["ended_at"].is_null()), (&json!(true), false), "{found}");
    let table = lot(&[
        "Tea service",
        "--format",
        "combinatorial",
        "--start",
        "10",
        "--item",
        "pot",
        "--item",
        "cups",
        "--ends",
        "10m",
    ]);
    one(&["bid", &table, "90.00", "--package", "1,2", "--token", &tokens[0]]);
    let sealed = one(&["bid", &table, "50.00", "--package", "2", "--token", &tokens[1]]);
    assert_eq!(sealed["status"], "placed", "{sealed}");
    one(&["lot", "close", &table, "--reason", "the end of a test"]);
    let closed = one(&["lot", "show", &table]);
    assert_eq!(closed["winners"][0]["amount"], 6_000, "the second's 50.00 and 10.00 for the pot: {closed}");
    let violin = lot(&["Violin", "--format", "japanese", "--clock", "100:50:1h", "--ends", "1d"]);
    for token in &tokens {
        one(&["stay", &violin, "--token", token]);
    }
    assert_eq!(one(&["lot", "show", &violin])["bidders"], 2);
}
