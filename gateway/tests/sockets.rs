//! The whole gateway over real sockets: clients of tokio-tungstenite, plain HTTP, and an engine on a Unix socket.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

mod house;
mod support;

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use house::{House, hear, http, options, post, send, token};
use serde_json::{Value, json};
use support::{bid, code, lot};
use tokio_tungstenite::tungstenite::{Error, Message};
use vendue_gateway::{Gateway, GatewayError, GatewayOptions};

#[tokio::test]
async fn bids_and_events_over_real_sockets() {
    let house = House::open(|_| {});
    for protocol in ["vendue.v1.json", "vendue.v1.msgpack"] {
        let (mut bidder, mut guest) = (house.bidder(protocol).await, house.guest().await);
        let subscribe =
            json!({"id": 1, "method": "subscribe", "params": {"channel": format!("lot:{}", lot(5))}});
        send(&mut guest, "json", &subscribe).await;
        let from = hear(&mut guest).await["result"]["seq"].as_u64().unwrap();
        for id in 1..=100 {
            send(&mut bidder, protocol, &bid(id, 5, 100, &format!("{protocol} {id}"))).await;
        }
        for id in 1..=100 {
            let reply = hear(&mut bidder).await;
            assert_eq!((&reply["id"], &reply["ok"]), (&json!(id), &json!(true)));
            assert!(reply["t_out"].as_i64().unwrap() > 1_800_000_000_000_000, "the engine's clock");
        }
        for seq in from + 1..=from + 100 {
            assert_eq!(hear(&mut guest).await["seq"], seq);
        }
    }
    let metrics = http(house.address(), "GET /metrics HTTP/1.1\r\n", "").1;
    for line in
        ["vendue_gateway_requests_total{method=\"lot.bid\",code=\"ok\"} 200", "vendue_gateway_link_up 1"]
    {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

/// What a proxy that is trusted says of where a request comes from counts, what anybody else says does not.
#[tokio::test]
async fn floods_of_one_address_are_refused_and_proxies_are_believed_only_by_name() {
    let flood = |house: &House, forwarded: &str| -> Vec<String> {
        let head = format!("GET /version HTTP/1.1\r\nX-Forwarded-For: {forwarded}\r\n");
        (0..3).map(|_| http(house.address(), &head, "").0).collect()
    };
    let limit = |options: &mut GatewayOptions| (options.address_rate, options.address_burst) = (1, 1);
    // The engine's clock is another one than the gateway's: it counts when it is there. Who names an account is not counted.
    let linked = |house: House| {
        let head = "GET /readyz HTTP/1.1\r\nAuthorization: Bearer x\r\n";
        while !http(house.address(), head, "").0.starts_with("HTTP/1.1 200") {
            std::thread::yield_now();
        }
        house
    };
    let house = linked(House::open_unready(limit));
    let refused = flood(&house, "192.0.2.1, 192.0.2.2");
    assert!(refused[0].contains("200") && refused[2].contains("429"), "{refused:?}");
    assert!(refused[2].to_lowercase().contains("retry-after:"), "{refused:?}");
    assert!(flood(&house, "192.0.2.9").iter().all(|head| head.contains("429")), "the header is not believed");

    let proxy = std::net::IpAddr::from([127, 0, 0, 1]);
    let house = linked(House::open_unready(|options| {
        limit(options);
        options.trusted_proxies = vec![proxy, std::net::IpAddr::from([192, 0, 2, 99])];
    }));
    for client in ["192.0.2.1", "192.0.2.2, 192.0.2.99", "10.9.8.7, 192.0.2.3"] {
        let answers = flood(&house, client);
        assert!(answers[0].contains("200") && answers[2].contains("429"), "{client}: {answers:?}");
    }
    assert!(
        flood(&house, "10.9.8.8, 192.0.2.3").iter().all(|head| head.contains("429")),
        "the nearest hop counts"
    );
}

#[tokio::test]
async fn a_link_that_breaks_is_made_again_and_nothing_is_lost() {
    let house = House::open(|_| {});
    let (mut bidder, mut guest) = (house.bidder("vendue.v1.json").await, house.guest().await);
    send(
        &mut guest,
        "json",
        &json!({"id": 1, "method": "subscribe", "params": {"channel": format!("lot:{}", lot(5))}}),
    )
    .await;
    hear(&mut guest).await;
    for id in 1..=20 {
        if id % 5 == 0 {
            house.engine_fails.store(true, Ordering::SeqCst);
        }
        send(&mut bidder, "json", &bid(id, 5, 100, &id.to_string())).await;
        let reply = hear(&mut bidder).await;
        assert_eq!((&reply["id"], &reply["ok"]), (&json!(id), &json!(true)), "{reply}");
        assert_eq!(hear(&mut guest).await["seq"], id);
    }
}

#[tokio::test]
async fn the_api_over_http() {
    let house = House::open(|_| {});
    let authorization = format!("authorization: Bearer {}\r\n", token(7));
    let params = json!({"lot": lot(5), "amount": 100});
    let (head, reply) =
        post(&house, "/v1/lot.bid", &format!("{authorization}idempotency-key: abc\r\n"), &params);
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: application/json"), "{head}");
    assert_eq!(reply["status"], "leading");
    assert_eq!(reply["ends_at"], "2023-11-14t22:14:20.000000z".to_uppercase());
    let keyed = json!({"lot": lot(5), "amount": 100, "key": "x"});
    for (path, headers, body, status, expected) in [
        ("/v1/lot/bid", authorization.as_str(), keyed.clone(), 200, ""),
        ("/v1/lot.bid", authorization.as_str(), params, 400, "invalid_request"),
        ("/v1/lot.bid", "", keyed.clone(), 401, "unauthenticated"),
        ("/v1/lot.bid", "authorization: Bearer nonsense\r\n", keyed, 401, "unauthenticated"),
        ("/v1/lot.bit", "", json!({}), 404, "unknown_method"),
        ("/v1/subscribe", "", json!({"channel": "account"}), 400, "invalid_request"),
        ("/v1/lot.stay", authorization.as_str(), json!({}), 400, "invalid_request"),
        (
            "/v1/lot.bid",
            authorization.as_str(),
            json!({"lot": lot(5), "amount": 0, "key": "x"}),
            422,
            "amount_out_of_range",
        ),
        ("/nowhere", "", json!({}), 404, "not_found"),
    ] {
        let (head, reply) = post(&house, path, headers, &body);
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{path} {head}");
        assert_eq!(reply["code"].as_str().unwrap_or_default(), expected, "{path} {reply}");
        if status != 200 {
            assert!(head.contains("content-type: application/problem+json"), "{head}");
            assert_eq!(reply["status"], status);
        }
    }
    let (head, body) = http(house.address(), &format!("GET /v1/lot.get?lot={} HTTP/1.1\r\n", lot(5)), "");
    let lot_read: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&lot_read["title"], &lot_read["opens_at"]),
        (&json!("Chair"), &json!("1970-01-01T00:00:00.000000Z")),
        "{head}"
    );
    assert!(http(house.address(), "GET /v1/lot.bid HTTP/1.1\r\n", "").0.starts_with("HTTP/1.1 400"));
    let large = json!("x".repeat(300 * 1024));
    assert!(post(&house, "/v1/lot.bid", &authorization, &large).0.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn probes_pages_and_headers() {
    let house = House::open(|_| {});
    let get = |path: &str| http(house.address(), &format!("GET {path} HTTP/1.1\r\n"), "");
    assert_eq!(get("/livez").1, "ok\n");
    assert!(get("/version").1.contains("version"));
    let currencies: Value = serde_json::from_str(&get("/v1/currencies").1).unwrap();
    assert!(
        currencies["currencies"]
            .as_array()
            .unwrap()
            .contains(&json!({"code": "JPY", "exponent": 0, "name": "Yen"}))
    );
    let (head, body) = get("/");
    assert!(body.contains("Vendue") || body.contains("<script"), "{body}");
    for header in [
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "cache-control: no-cache",
    ] {
        assert!(head.contains(header), "{header}\n{head}");
    }
    for path in ["/../Cargo.toml", "/assets/..%2f..%2fCargo.toml", "/%2e%2e/secret.txt"] {
        assert!(get(path).0.starts_with("HTTP/1.1 404"), "{path}");
    }
    assert!(get("/ws").0.starts_with("HTTP/1.1 426"));
    let nonsense = "GET /ws HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: other\r\n";
    assert!(http(house.address(), &nonsense.replace("\r\n        ", "\r\n"), "").0.starts_with("HTTP/1.1 4"));
}

#[tokio::test]
async fn a_frame_that_is_too_large_is_answered_before_the_close() {
    let house = House::open(|_| {});
    let mut guest = house.guest().await;
    guest.send(Message::text("x".repeat(300 * 1024))).await.unwrap();
    assert_eq!(code(&hear(&mut guest).await), "payload_too_large");
    assert_eq!(hear(&mut guest).await, json!({"closed": 4001}));
}

#[tokio::test]
async fn a_client_that_sends_without_reading_is_bounded() {
    let house = House::open(|_| {});
    let mut deaf = house.guest().await;
    let ping = Message::text(json!({"id": 1, "method": "ping", "params": {}}).to_string());
    // Until the system's buffers and ours are full: then sending stands still.
    let mut sent = 0_u64;
    while tokio::time::timeout(Duration::from_millis(300), deaf.feed(ping.clone())).await.is_ok() {
        sent += 1;
        assert!(sent < 3_000_000, "the gateway reads without end");
    }
    // Others are served, and when the client reads at last, everything is there.
    let mut other = house.guest().await;
    send(&mut other, "json", &json!({"id": 2, "method": "ping"})).await;
    assert_eq!(hear(&mut other).await["id"], 2);
    for _ in 0..sent / 2 {
        assert_eq!(hear(&mut deaf).await["ok"], true);
    }
}

#[tokio::test]
async fn shutting_down_tells_clients_and_answers_what_is_under_way() {
    let mut house = House::open(|_| {});
    let (mut guest, mut bidder) = (house.guest().await, house.bidder("vendue.v1.json").await);
    send(&mut bidder, "json", &bid(1, 5, 100, "last")).await;
    assert_eq!(hear(&mut bidder).await["id"], 1);
    let gateway = house.gateway.take().unwrap();
    let address = gateway.local_addr();
    let stopping: JoinHandle<()> = std::thread::spawn(move || gateway.shutdown());
    for socket in [&mut guest, &mut bidder] {
        assert_eq!(hear(socket).await["type"], "server_shutdown");
        assert_eq!(hear(socket).await, json!({"closed": 4201}));
        assert!(matches!(
            socket.next().await,
            None | Some(Err(Error::ConnectionClosed | Error::Protocol(_)))
        ));
    }
    stopping.join().unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn what_keeps_a_gateway_from_starting_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let check = |options: GatewayOptions, parts: &[&str]| {
        let error = Gateway::start(options).unwrap_err();
        for part in parts {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
        error
    };
    let first = Gateway::start(options(&directory)).unwrap();
    let taken = GatewayOptions { listen: first.local_addr(), ..options(&directory) };
    let error = check(taken, &[&first.local_addr().to_string(), "gateway.listen", "in use"]);
    assert!(matches!(error, GatewayError::PortInUse { .. }));
    let open = GatewayOptions { listen: SocketAddr::from(([0, 0, 0, 0], 0)), ..options(&directory) };
    check(open, &["gateway.listen", "allow_insecure_lan"]);
    let foreign = GatewayOptions { listen: SocketAddr::from(([127, 200, 0, 1], 0)), ..options(&directory) };
    drop(Gateway::start(foreign));
    let no_key = GatewayOptions {
        token_public_keys: vec![directory.path().join("token.secret")],
        ..options(&directory)
    };
    check(no_key, &["gateway.token_public_keys", "PEM"]);
    first.shutdown();
}

#[tokio::test]
async fn several_threads_share_a_port_and_their_counters() {
    let house = House::open(|options| options.threads = 2);
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(house.guest().await);
    }
    let metrics = http(house.address(), "GET /metrics HTTP/1.1\r\n", "").1;
    assert!(metrics.contains("vendue_gateway_connections_total 20"), "{metrics}");
    assert!(house.directory.path().exists());
}
