//! A small market over real sockets, by the oracle's rules; and the ways in which it can be broken on purpose.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use jsonwebtoken::{DecodingKey, Validation, decode};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use vendue_loadtest::oracle::{EBAY, Oracle, Verdict};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const UNIT: &[(u64, u64)] = &[(0, 1)];

/// What is wrong with the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// A cent too much at the close.
    PriceOff,
    /// The first bidder wins, whoever leads.
    WrongWinner,
    /// Takes what is below the minimum.
    TakesLow,
    /// Every tenth bid is acknowledged and forgotten.
    Forgets,
    /// A repeated key is decided once more.
    Twice,
    /// Every tenth accepted bid is told a number that was another's before.
    OldNumber,
    /// Every twentieth event of a lot reaches nobody.
    Gap,
    /// Some reservations are acknowledged and forgotten.
    Oversells,
    /// One in two watchers hears another price.
    TwoTruths,
    /// A watcher that comes back misses an event.
    HoleInResume,
    /// Everything stands still for 200 ms, once.
    Stall,
}

#[derive(Default)]
struct World {
    lots: HashMap<String, Lot>,
    books: HashMap<String, Book>,
    /// On hand, reserved.
    stock: HashMap<String, (u64, u64)>,
    orders: u64,
    increments: HashMap<String, &'static [(u64, u64)]>,
    watchers: HashMap<String, Vec<mpsc::Sender<Value>>>,
    /// Where each account's channel stands.
    seqs: HashMap<String, u64>,
    bids: u64,
}

struct Lot {
    oracle: Oracle<String>,
    closed: bool,
    first: Option<String>,
    seq: u64,
    events: Vec<Value>,
    followers: Vec<mpsc::Sender<Value>>,
    history: Vec<u64>,
    keys: HashMap<(String, String), Value>,
}

/// A running one.
pub(crate) struct Fake {
    pub(crate) url: String,
    secret: NamedTempFile,
}

impl Fake {
    pub(crate) fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("ws://{}/ws", listener.local_addr().unwrap());
        let mut secret = NamedTempFile::new().unwrap();
        writeln!(secret, "{SECRET}").unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let world = Arc::new(Mutex::new(World::default()));
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    tokio::spawn(serve(stream, Arc::clone(&world), fault));
                }
            });
        });
        Self { url, secret }
    }

    pub(crate) fn secret_file(&self) -> &Path {
        self.secret.path()
    }
}

async fn serve(stream: tokio::net::TcpStream, world: Arc<Mutex<World>>, fault: Fault) {
    let mut binary = false;
    #[allow(clippy::result_large_err)]
    let echo = |request: &Request, mut response: Response| {
        let protocol = request.headers()["Sec-WebSocket-Protocol"].clone();
        binary = protocol == "vendue.v1.msgpack";
        response.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        Ok(response)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, echo).await else { return };
    let frame = |message: &Value| {
        if binary {
            Message::binary(rmp_serde::to_vec_named(message).unwrap())
        } else {
            Message::text(message.to_string())
        }
    };
    let (sender, mut events) = mpsc::channel(65_536);
    let mut account = String::new();
    loop {
        tokio::select! {
            event = events.recv() => {
                if socket.send(frame(&event.unwrap())).await.is_err() {
                    return;
                }
            }
            message = socket.next() => {
                let request: Value = match message {
                    Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
                    Some(Ok(Message::Binary(bytes))) => rmp_serde::from_slice(&bytes).unwrap(),
                    Some(Ok(_)) => continue,
                    _ => return,
                };
                let reply = match &request {
                    Value::Array(requests) => requests.iter().map(|request| answer(request, &world, &mut account, &sender, fault)).collect(),
                    one => answer(one, &world, &mut account, &sender, fault),
                };
                if socket.send(frame(&reply)).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn answer(
    request: &Value,
    world: &Mutex<World>,
    account: &mut String,
    sender: &mpsc::Sender<Value>,
    fault: Fault,
) -> Value {
    let params = &request["params"];
    let mut world = world.lock().unwrap();
    let result = match request["method"].as_str().unwrap() {
        "connect" => {
            *account = params["token"].as_str().map(account_of).unwrap_or_default();
            Ok(json!({"connection": "c", "account": account, "limits": {"in_flight": 1_024}, "time": 1}))
        }
        "market.create" => {
            let table = if params["increments"].is_null() { EBAY } else { UNIT };
            world.increments.insert(text(params, "market"), table);
            Ok(json!({}))
        }
        "account.create" | "account.grant" | "lot.open" => Ok(json!({})),
        "lot.create" => {
            let table = world.increments[&text(params, "market")];
            let oracle = Oracle::new(params["start_amount"].as_u64().unwrap(), table);
            let lot = Lot {
                oracle,
                closed: false,
                first: None,
                seq: 1,
                events: Vec::new(),
                followers: Vec::new(),
                history: Vec::new(),
                keys: HashMap::new(),
            };
            world.lots.insert(text(params, "lot"), lot);
            Ok(json!({}))
        }
        "account.deposit" => Ok(json!({})),
        "book.create" => {
            world.books.insert(text(params, "book"), Book::default());
            Ok(json!({}))
        }
        "stock.create" => {
            world.stock.insert(text(params, "stock"), (params["on_hand"].as_u64().unwrap(), 0));
            Ok(json!({}))
        }
        "stock.reserve" => {
            world.orders += 1;
            let forgotten = fault == Fault::Oversells && world.orders.is_multiple_of(7);
            let (on_hand, reserved) = world.stock.get_mut(&text(params, "stock")).unwrap();
            if reserved >= on_hand {
                Err(
                    json!({"code": "insufficient_stock", "message": "no", "outcome": "rejected", "details": {}}),
                )
            } else {
                *reserved += u64::from(!forgotten);
                Ok(json!({"reservation": "rsv_1", "seq": *reserved}))
            }
        }
        "stock.get" => {
            let (on_hand, reserved) = world.stock[&text(params, "stock")];
            Ok(json!({"on_hand": on_hand, "reserved": reserved, "available": on_hand - reserved}))
        }
        "book.place" => Ok(place(&mut world, account, params, fault)),
        "book.get" => {
            let [bids, asks] = &world.books[&text(params, "book")].levels;
            let shown = |(price, units): (&u64, &u64)| json!([price, units]);
            Ok(
                json!({"bids": bids.iter().rev().map(shown).collect::<Vec<_>>(), "asks": asks.iter().map(shown).collect::<Vec<_>>()}),
            )
        }
        "lot.bid" => bid(&mut world, account, params, fault),
        "lot.close" => {
            close(&mut world, &text(params, "lot"), fault);
            Ok(json!({"state": "closed"}))
        }
        "lot.get" => Ok(snapshot(&world.lots[&text(params, "lot")], fault)),
        "lot.bids" => {
            let bids: Vec<_> =
                world.lots[&text(params, "lot")].history.iter().map(|seq| json!({"seq": seq})).collect();
            Ok(json!({"bids": bids, "cursor": null}))
        }
        "subscribe" if params["channel"] != "account" => {
            let channel = text(params, "channel");
            let lot = world.lots.get_mut(channel.strip_prefix("lot:").unwrap()).unwrap();
            lot.followers.push(sender.clone());
            let from = params["resume"]["seq"].as_u64();
            let missed = lot.events.iter().filter(|event| event["seq"].as_u64() > from);
            let hole = usize::from(fault == Fault::HoleInResume);
            let missed: Vec<_> = missed.skip(hole).collect();
            match from {
                Some(_) => Ok(json!({"epoch": "e", "seq": lot.seq, "resumed": true, "events": missed})),
                None => Ok(json!({"epoch": "e", "seq": lot.seq, "resumed": false})),
            }
        }
        "subscribe" => {
            world.watchers.entry(account.clone()).or_default().push(sender.clone());
            let seq = world.seqs.get(account.as_str()).copied().unwrap_or_default();
            Ok(json!({"epoch": "e", "seq": seq, "resumed": false, "snapshot": {}}))
        }
        "unsubscribe" => Ok(json!({})),
        "command.result" => {
            let key = (account.clone(), text(params, "key"));
            world.lots[&text(params, "target")].keys[&key].clone().try_into_result()
        }
        other => panic!("{other}"),
    };
    match result {
        Ok(result) => json!({"id": request["id"], "ok": true, "result": result, "t_in": 1, "t_out": 2}),
        Err(error) => json!({"id": request["id"], "ok": false, "error": error, "t_in": 1, "t_out": 2}),
    }
}

fn bid(world: &mut World, account: &str, params: &Value, fault: Fault) -> Result<Value, Value> {
    let repeated = world.lots[&text(params, "lot")].keys.get(&(account.to_owned(), text(params, "key")));
    if let Some(first) = repeated.filter(|_| fault != Fault::Twice) {
        return first.clone().try_into_result();
    }
    world.bids += 1;
    let number = world.bids;
    if fault == Fault::Stall && number == 200 {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let lot = world.lots.get_mut(&text(params, "lot")).unwrap();
    let rejected = |code: &str| json!({"code": code, "message": "no", "outcome": "rejected", "details": {"min_next_amount": 1}});
    lot.first.get_or_insert_with(|| account.to_owned());
    let forgotten = fault == Fault::Forgets && number.is_multiple_of(10);
    let verdict = if forgotten {
        Verdict::Outbid
    } else {
        lot.oracle.bid(account.to_owned(), params["amount"].as_u64().unwrap())
    };
    if matches!(verdict, Verdict::Leading | Verdict::Outbid) && !forgotten {
        tell_followers(lot, &text(params, "lot"), number, fault);
    }
    let seq = if fault == Fault::OldNumber && number.is_multiple_of(10) { 2 } else { lot.seq };
    let accepted = |status| {
        Ok(json!({"bid": format!("bid_{number}"), "status": status, "price": lot.oracle.price(), "seq": seq}))
    };
    let result = match verdict {
        Verdict::Leading | Verdict::Raised => accepted("leading"),
        Verdict::Outbid => accepted("outbid"),
        _ if fault == Fault::TakesLow => accepted("outbid"),
        Verdict::TooLow { .. } => Err(rejected("bid_too_low")),
        Verdict::NotAboveOwn => Err(rejected("self_outbid")),
    };
    if matches!(verdict, Verdict::Leading | Verdict::Outbid) && !forgotten {
        lot.history.push(lot.seq);
    }
    let kept = match &result {
        Ok(result) => json!({ "ok": result }),
        Err(error) => json!({ "error": error }),
    };
    lot.keys.insert((account.to_owned(), text(params, "key")), kept);
    result
}

/// The next event of a lot, to everybody who follows it.
fn tell_followers(lot: &mut Lot, id: &str, number: u64, fault: Fault) {
    lot.seq += 1;
    let ts = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
    let data = json!({"price": lot.oracle.price()});
    let event = json!({"channel": format!("lot:{id}"), "epoch": "e", "seq": lot.seq, "ts": ts, "type": "price_changed", "data": data});
    lot.events.push(event.clone());
    if fault == Fault::Gap && number.is_multiple_of(20) {
        return;
    }
    for (nth, follower) in lot.followers.iter().enumerate() {
        let mut event = event.clone();
        if fault == Fault::TwoTruths && nth % 2 == 1 {
            event["data"]["price"] = json!(1);
        }
        let _ = follower.try_send(event);
    }
}

/// Units by price: bids, asks.
#[derive(Default)]
struct Book {
    levels: [BTreeMap<u64, u64>; 2],
    keys: HashMap<(String, String), Value>,
}

/// Matches level by level.
fn place(world: &mut World, account: &str, params: &Value, fault: Fault) -> Value {
    let key = (account.to_owned(), text(params, "key"));
    if let Some(first) = world.books[&text(params, "book")].keys.get(&key) {
        return first.clone();
    }
    world.orders += 1;
    let forgotten = fault == Fault::Forgets && world.orders.is_multiple_of(7);
    let book = world.books.get_mut(&text(params, "book")).unwrap();
    let (price, quantity) = (params["price"].as_u64().unwrap(), params["quantity"].as_u64().unwrap());
    let sell = params["side"] == "sell";
    let (mut left, mut trades) = (quantity, Vec::new());
    let other = &mut book.levels[usize::from(!sell)];
    while left > 0 {
        let best = if sell { other.last_entry() } else { other.first_entry() };
        let reached = |at: u64| if sell { at >= price } else { at <= price };
        let Some(mut level) = best.filter(|level| reached(*level.key())) else { break };
        let taken = left.min(*level.get());
        left -= taken;
        *level.get_mut() -= taken;
        trades.push(json!({"price": level.key(), "quantity": taken}));
        if *level.get() == 0 {
            level.remove();
        }
    }
    if params["time_in_force"] == "gtc" && !forgotten {
        *book.levels[usize::from(sell)].entry(price).or_default() += left;
    }
    let placed = json!({"book_order": "bko_1", "status": "open", "filled": quantity - left, "remaining": left, "trades": trades, "seq": 1});
    book.keys.insert(key, placed.clone());
    placed
}

fn close(world: &mut World, id: &str, fault: Fault) {
    let lot = world.lots.get_mut(id).unwrap();
    lot.closed = true;
    let leader = if fault == Fault::WrongWinner { lot.first.clone() } else { lot.oracle.leader().cloned() };
    let Some(winner) = leader.filter(|_| lot.oracle.price().is_some()) else { return };
    let data = json!({"lot": id, "quantity": 1, "amount": lot.oracle.price()});
    let seq = world.seqs.entry(winner.clone()).or_default();
    *seq += 1;
    let event =
        json!({"channel": "account", "epoch": "e", "seq": *seq, "ts": 1, "type": "won", "data": data});
    for watcher in world.watchers.get(&winner).into_iter().flatten() {
        let _ = watcher.try_send(event.clone());
    }
}

fn snapshot(lot: &Lot, fault: Fault) -> Value {
    let off = u64::from(lot.closed && fault == Fault::PriceOff);
    let price = lot.oracle.price().map(|price| price + off);
    let winner =
        price.filter(|_| lot.closed).map(|amount| json!({"alias": "A", "quantity": 1, "amount": amount}));
    json!({
        "state": if lot.closed { "closed" } else { "open" }, "price": price, "bids": lot.oracle.bids(),
        "seq": lot.seq, "result": if winner.is_some() { "sold" } else { "unsold" }, "winners": winner.into_iter().collect::<Vec<_>>(),
    })
}

fn text(params: &Value, name: &str) -> String {
    params[name].as_str().unwrap().to_owned()
}

fn account_of(token: &str) -> String {
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    let claims = decode::<Value>(token, &key, &Validation::default()).unwrap().claims;
    text(&claims, "sub")
}

trait TryIntoResult {
    fn try_into_result(self) -> Result<Value, Value>;
}

impl TryIntoResult for Value {
    fn try_into_result(self) -> Result<Value, Value> {
        if self["ok"].is_null() { Err(self["error"].clone()) } else { Ok(self["ok"].clone()) }
    }
}
