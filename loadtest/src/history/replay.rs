//! Plays auctions: each bid after the reply to the one before, many auctions at a time.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::time::timeout;
use vendue_client::{Client, Error, Outcome as Known, Subscription, Update};
use vendue_domain::id::{AccountId, LotId};

use super::file::{Bid, History};
use super::progress::Progress;
use crate::failure::Failure;
use crate::market::{Account, LotOptions, Market, Venue, together};
use crate::oracle::{EBAY, Oracle, Verdict};

/// How long the winner may wait to hear of it.
const WON_WITHIN: Duration = Duration::from_secs(20);
/// Public bids that are asked for at a time.
const PAGE: u32 = 500;

/// How the market decided a bid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It counts.
    Accepted {
        /// The bid's id.
        bid: String,
        /// `leading` or `outbid`.
        status: String,
        /// The public price after it.
        price: Option<u64>,
        /// Where it left the lot's channel.
        seq: u64,
    },
    /// The rules said no.
    Rejected {
        /// Which rule.
        code: String,
    },
}

impl Outcome {
    /// From the reply to `lot.bid` or `command.result`; `None` where it is neither accepted nor rejected.
    #[must_use]
    pub fn of(reply: &Result<Value, Error>) -> Option<Self> {
        match reply {
            Ok(result) => Some(Self::Accepted {
                bid: result["bid"].as_str()?.to_owned(),
                status: result["status"].as_str()?.to_owned(),
                price: result["price"].as_u64(),
                seq: result["seq"].as_u64()?,
            }),
            Err(Error::Server(error)) if error.outcome == Known::Rejected => {
                Some(Self::Rejected { code: error.code.clone() })
            }
            Err(_) => None,
        }
    }

    /// Whether it is what the rules demand.
    fn agrees(&self, verdict: Verdict, price: Option<u64>) -> bool {
        match (self, verdict) {
            (Self::Accepted { status, price: told, .. }, Verdict::Leading | Verdict::Raised) => {
                status == "leading" && *told == price
            }
            (Self::Accepted { status, price: told, .. }, Verdict::Outbid) => {
                status == "outbid" && *told == price
            }
            (Self::Rejected { code }, Verdict::TooLow { .. }) => code == "bid_too_low",
            (Self::Rejected { code }, Verdict::NotAboveOwn) => {
                matches!(code.as_str(), "self_outbid" | "bid_too_low")
            }
            _ => false,
        }
    }
}

/// A bid whose outcome was told: the tool's own record, which the market must never contradict.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// Who.
    pub account: Account,
    /// Under which key.
    pub key: String,
    /// What was told.
    pub outcome: Outcome,
}

/// An auction that was played to its end.
#[derive(Debug)]
pub struct Played {
    /// Its lot.
    pub lot: LotId,
    /// Every bid's outcome, in order.
    pub acknowledged: Vec<Acknowledged>,
    /// The sequence numbers of the bids that everybody has seen: all that count but own raises.
    pub public: Vec<u64>,
    /// Who heard that it won, and at what amount, by the history's names.
    pub won: Vec<(String, u64)>,
    /// The first winner's account and order.
    pub bought: Option<Bought>,
    /// The price at the end.
    pub price: Option<u64>,
    /// What is not as the rules demand, in words; the first one is usually the cause of the rest.
    pub problems: Vec<String>,
}

/// Who has to pay which order.
#[derive(Debug, Clone)]
pub struct Bought {
    /// Who.
    pub account: AccountId,
    /// The order's id; empty where the market named none.
    pub order: String,
}

struct Bidder {
    name: String,
    account: Account,
    client: Client,
    /// The bidder's private channel: it says who won.
    own: Subscription,
}

/// An account for everybody who bids, by the histories' names.
///
/// # Errors
/// Where the market cannot be used.
pub async fn bidders(
    venue: &Venue,
    market: &Market,
    histories: &[History],
) -> Result<HashMap<String, Account>, Failure> {
    let mut names: Vec<String> =
        histories.iter().flat_map(|history| &history.bids).map(|bid| bid.bidder.clone()).collect();
    names.sort_unstable();
    names.dedup();
    let accounts = venue.bidders(market, &names).await?;
    Ok(names.into_iter().zip(accounts).collect())
}

/// Plays every history; results in their order. With a `seller` every bid is fully funded.
///
/// # Errors
/// Where the market cannot be used; what it decides wrongly is in the results.
pub async fn play(
    venue: &Venue,
    accounts: &HashMap<String, Account>,
    seller: Option<AccountId>,
    histories: &[History],
    parallel: usize,
    progress: &Progress,
) -> Result<Vec<Played>, Failure> {
    together(histories, parallel, |history| one(venue, accounts, seller, history, progress)).await
}

async fn one(
    venue: &Venue,
    accounts: &HashMap<String, Account>,
    seller: Option<AccountId>,
    history: &History,
    progress: &Progress,
) -> Result<Played, Failure> {
    let title = format!("Auction {}", history.auction);
    let lot = venue.lot(&LotOptions { title, start_amount: history.open, funded_for: seller }).await?;
    let mut played = Played {
        lot,
        acknowledged: Vec::new(),
        public: Vec::new(),
        won: Vec::new(),
        bought: None,
        price: None,
        problems: Vec::new(),
    };
    let mut bidders: Vec<Bidder> = Vec::new();
    let mut oracle = Oracle::new(history.open, EBAY);
    for (step, bid) in history.bids.iter().enumerate() {
        let bidder = find(venue, accounts, &mut bidders, bid).await?;
        let outcome = place(bidder, lot, step, bid.amount).await?;
        let verdict = oracle.bid(bid.bidder.as_str(), bid.amount);
        if !outcome.agrees(verdict, oracle.price()) {
            let at = format!("bid {} ({} up to {})", step + 1, bid.bidder, bid.amount);
            played
                .problems
                .push(format!("{at}: {outcome:?}, but the rules say {verdict:?} at {:?}", oracle.price()));
        }
        if let (Outcome::Accepted { seq, .. }, Verdict::Leading | Verdict::Outbid) = (&outcome, verdict) {
            played.public.push(*seq);
        }
        let account = bidder.account.clone();
        played.acknowledged.push(Acknowledged { account, key: key(step), outcome });
        progress.acknowledged();
    }
    venue.command("lot.close", json!({"lot": lot.to_string(), "reason": "the history ends"})).await?;
    if oracle.leader().is_some() {
        let winners = winners(&mut bidders, lot).await;
        played.bought = winners.first().map(|(_, _, bought)| bought.clone());
        played.won = winners.into_iter().map(|(name, amount, _)| (name, amount)).collect();
    }
    end(venue, &mut played, &oracle).await?;
    for bidder in bidders {
        bidder.client.close().await;
    }
    progress.closed();
    Ok(played)
}

/// The bidder of this bid, connected when it first bids.
async fn find<'a>(
    venue: &Venue,
    accounts: &HashMap<String, Account>,
    bidders: &'a mut Vec<Bidder>,
    bid: &Bid,
) -> Result<&'a Bidder, Failure> {
    let at = match bidders.iter().position(|bidder| bidder.name == bid.bidder) {
        Some(at) => at,
        None => {
            let account = accounts[&bid.bidder].clone();
            let client = venue.connect(&account).await?;
            let own = client.subscribe("account").await.map_err(Failure::client("subscribe account"))?;
            bidders.push(Bidder { name: bid.bidder.clone(), account, client, own });
            bidders.len() - 1
        }
    };
    Ok(&bidders[at])
}

fn key(step: usize) -> String {
    format!("bid-{}", step + 1)
}

async fn place(bidder: &Bidder, lot: LotId, step: usize, amount: u64) -> Result<Outcome, Failure> {
    let params = json!({"lot": lot.to_string(), "amount": amount});
    let reply = bidder.client.command("lot.bid", params, key(step)).await;
    match (Outcome::of(&reply), reply) {
        (Some(outcome), _) => Ok(outcome),
        (None, Err(source)) => Err(Failure::Client { doing: "lot.bid", source }),
        (None, Ok(result)) => {
            Err(Failure::Market(format!("the reply to lot.bid is not as the protocol says: {result}")))
        }
    }
}

/// Who hears that it won this lot: waits for the first, and takes who else has heard by then.
async fn winners(bidders: &mut [Bidder], lot: LotId) -> Vec<(String, u64, Bought)> {
    let lot = lot.to_string();
    let mut waiting: FuturesUnordered<_> = bidders.iter_mut().map(|bidder| won(bidder, &lot)).collect();
    let mut winners = Vec::new();
    if let Ok(Some(Some(first))) = timeout(WON_WITHIN, waiting.next()).await {
        winners.push(first);
    }
    // Nobody else may have won: whoever has heard it too is a mismatch.
    while let Ok(Some(Some(other))) = timeout(Duration::ZERO, waiting.next()).await {
        winners.push(other);
    }
    winners
}

async fn won(bidder: &mut Bidder, lot: &str) -> Option<(String, u64, Bought)> {
    while let Some(update) = bidder.own.next().await {
        if let Update::Event(event) = update
            && event.kind == "won"
            && event.data["lot"] == lot
        {
            let order = event.data["order"].as_str().unwrap_or_default().to_owned();
            let bought = Bought { account: bidder.account.id, order };
            return Some((bidder.name.clone(), event.data["amount"].as_u64().unwrap_or_default(), bought));
        }
    }
    // A subscription that ended says nothing any more: this one did not win, as far as can be known.
    std::future::pending().await
}

/// What the closed lot says of itself.
async fn end(venue: &Venue, played: &mut Played, oracle: &Oracle<&str>) -> Result<(), Failure> {
    let lot = played.lot.to_string();
    let snapshot = venue.read("lot.get", json!({ "lot": lot })).await?;
    // Some servers say `{lot: {...}}`.
    let snapshot = if snapshot["lot"].is_object() { &snapshot["lot"] } else { &snapshot };
    played.price = snapshot["price"].as_u64();
    let mut expect = |what: &str, found: &Value, expected: Value| {
        if *found != expected {
            played.problems.push(format!("after the close {what} is {found}, but must be {expected}"));
        }
    };
    expect("state", &snapshot["state"], json!("closed"));
    expect("bids", &snapshot["bids"], json!(oracle.bids()));
    let sold = oracle.leader().is_some();
    expect("result", &snapshot["result"], json!(if sold { "sold" } else { "unsold" }));
    expect(
        "number of winners",
        &json!(snapshot["winners"].as_array().map_or(0, Vec::len)),
        json!(u8::from(sold)),
    );
    if sold {
        expect("amount", &snapshot["winners"][0]["amount"], json!(oracle.price()));
    }
    history(venue, played).await
}

/// The public history: every bid that counts, once.
async fn history(venue: &Venue, played: &mut Played) -> Result<(), Failure> {
    let mut seen: Vec<u64> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let mut params = json!({"lot": played.lot.to_string(), "limit": PAGE});
        if !cursor.is_null() {
            params["cursor"] = cursor;
        }
        let page = venue.read("lot.bids", params).await?;
        let bids = page["bids"].as_array().cloned().unwrap_or_default();
        seen.extend(bids.iter().map(|bid| bid["seq"].as_u64().unwrap_or_default()));
        cursor = page["cursor"].clone();
        if cursor.is_null() || bids.is_empty() {
            break;
        }
    }
    // The replies said at which sequence number each bid stands; a raise of one's own is told to nobody.
    let mut told = played.public.clone();
    told.sort_unstable();
    seen.sort_unstable();
    if seen != told {
        let what = "the public history must hold the bids at";
        played.problems.push(format!("{what} {told:?}, each once, but holds {seen:?}"));
    }
    Ok(())
}
