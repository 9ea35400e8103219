//! Auctions with money behind every bid (`--funding full`): who gets how much beforehand, and where it must be afterwards.
//!
//! Afterwards nothing may be held, every winner has paid its price and the premium, once, the sellers have what is left
//! of it after their commission, the market its fees, and nothing came or went otherwise (I30 to I34).

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use vendue_domain::amount::Amount;
use vendue_domain::fees::{FeeSchedule, FeeTable, Rounding};
use vendue_domain::id::AccountId;

use super::file::History;
use super::replay::Played;
use crate::failure::Failure;
use crate::market::{Account, CURRENCY, Market, Venue, together};

/// How many requests are under way at once.
const AT_ONCE: usize = 32;
/// How long after the last close everything must have been paid and given back.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);
/// How often an account that is not as it must be is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What everybody has.
#[derive(Debug)]
pub(super) struct Money {
    fees: FeeSchedule,
    /// Who sells every lot.
    pub(super) seller: Account,
    deposited: HashMap<AccountId, u64>,
    /// The market's fees before the first lot: the operator may have earned some elsewhere.
    earned_before: i64,
}

/// What is not as it must be with the money, in words; and how much there was.
#[derive(Debug, Clone, serde::Serialize)]
pub struct MoneyReport {
    /// What all bidders were given, in cents.
    pub deposited: u64,
    /// What winners paid, premium included.
    pub paid: u64,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// The fees of the replay: rates that leave fractions of a cent, so that rounding is tried too.
fn fees() -> FeeSchedule {
    let table =
        |bands: &[(u64, u32)]| FeeTable { bands: bands.to_vec(), fixed: 0, rounding: Rounding::HalfUp };
    FeeSchedule {
        version: 0,
        buyers_premium: Some(table(&[(0, 125_000), (50_000, 87_500)])),
        sellers_commission: Some(table(&[(0, 33_300)])),
    }
}

impl Money {
    /// Sets the market's fees, makes a seller, and gives every bidder what its highest bids can cost it.
    pub(super) async fn prepare(
        venue: &Venue,
        market: &Market,
        histories: &[History],
        accounts: &HashMap<String, Account>,
    ) -> Result<Self, Failure> {
        let fees = fees();
        let mut schedule = serde_json::to_value(&fees).unwrap_or_default();
        if let Some(schedule) = schedule.as_object_mut() {
            schedule.remove("version");
        }
        let params = json!({"market": venue.market.to_string(), "fees": schedule, "reason": "histories"});
        venue.command("market.set_fees", params).await?;
        let seller = venue.account(market, "Seller", "seller").await?;
        let needs = needs(histories, &fees);
        let deposits: Vec<_> = needs.iter().map(|(name, amount)| (accounts[name].id, *amount)).collect();
        together(
            &deposits,
            AT_ONCE,
            |&(account, amount)| async move { venue.deposit(account, amount).await },
        )
        .await?;
        let earned_before = Purse::read(venue, AccountId::HOUSE).await?.fees;
        Ok(Self { fees, seller, deposited: deposits.into_iter().collect(), earned_before })
    }

    /// Looks where the money is; waits until everything has been settled.
    pub(super) async fn check(&self, venue: &Venue, played: &[Played]) -> Result<MoneyReport, Failure> {
        let until = Instant::now() + SETTLED_WITHIN;
        let mut expected: HashMap<AccountId, i64> =
            self.deposited.iter().map(|(&account, &amount)| (account, amount as i64)).collect();
        let (mut paid, mut proceeds, mut earned) = (0_u64, 0_i64, 0_i64);
        let mut problems = Vec::new();
        for auction in played {
            let (Some(win), Some(price)) = (&auction.bought, auction.price.and_then(Amount::new)) else {
                continue;
            };
            let (premium, commission) = (self.fees.premium(price), self.fees.commission(price));
            let total = price.get() + premium;
            *expected.entry(win.account).or_default() -= total as i64;
            paid += total;
            proceeds += (price.get() - commission) as i64;
            earned += (premium + commission) as i64;
            problems.extend(order(venue, &win.order, total, until).await?);
        }
        for (&account, &balance) in &expected {
            problems.extend(Purse { balance, ..Purse::default() }.compare(venue, account, until).await?);
        }
        problems.extend(
            Purse { balance: proceeds, ..Purse::default() }.compare(venue, self.seller.id, until).await?,
        );
        let house = Purse::read(venue, AccountId::HOUSE).await?;
        if house.fees - self.earned_before != earned {
            let found = house.fees - self.earned_before;
            problems.push(format!("the market has earned {found} in fees, but must have earned {earned}"));
        }
        Ok(MoneyReport { deposited: self.deposited.values().sum(), paid, problems })
    }
}

/// What each bidder's highest bid in every auction can cost it, fees included.
fn needs(histories: &[History], fees: &FeeSchedule) -> HashMap<String, u64> {
    let mut needs: HashMap<String, u64> = HashMap::new();
    for history in histories {
        let mut highest: HashMap<&str, u64> = HashMap::new();
        for bid in &history.bids {
            let most = highest.entry(&bid.bidder).or_default();
            *most = bid.amount.max(*most);
        }
        for (bidder, amount) in highest {
            let premium = Amount::new(amount).map_or(0, |amount| fees.premium(amount));
            *needs.entry(bidder.to_owned()).or_default() += amount + premium;
        }
    }
    needs
}

/// What an account has of the tool's currency.
#[derive(Debug, Default, PartialEq, Eq)]
struct Purse {
    balance: i64,
    held: i64,
    clearing: i64,
    fees: i64,
}

impl Purse {
    async fn read(venue: &Venue, account: AccountId) -> Result<Self, Failure> {
        let params = json!({"account": account.to_string()});
        let account = match venue.read("account.get", params).await {
            Ok(account) => account,
            // The operator of the platform has an account only once it has money.
            Err(Failure::Client { source: vendue_client::Error::Server(error), .. })
                if error.code == "not_found" =>
            {
                return Ok(Self::default());
            }
            Err(failure) => return Err(failure),
        };
        let balances = account["balances"].as_array().cloned().unwrap_or_default();
        let of =
            balances.iter().find(|balance| balance["currency"] == CURRENCY).cloned().unwrap_or(Value::Null);
        let units = |name: &str| of[name].as_i64().unwrap_or_default();
        Ok(Self {
            balance: units("balance"),
            held: units("held"),
            clearing: units("clearing"),
            fees: units("fees"),
        })
    }

    /// What is otherwise with an account, if it stays so.
    async fn compare(
        &self,
        venue: &Venue,
        account: AccountId,
        until: Instant,
    ) -> Result<Option<String>, Failure> {
        loop {
            let found = Self::read(venue, account).await?;
            // What it paid, or was paid, is on its way no more only in the sum over all accounts.
            let same = found.balance == self.balance && found.held == self.held;
            if same {
                return Ok(None);
            }
            if Instant::now() > until {
                let expected = self.balance;
                return Ok(Some(format!(
                    "{account} has {found:?}, but must have a balance of {expected} and no hold"
                )));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// The order of a won lot must be paid, with exactly this total.
async fn order(venue: &Venue, order: &str, total: u64, until: Instant) -> Result<Option<String>, Failure> {
    loop {
        let found = venue.read("order.get", json!({"order": order})).await?;
        if found["state"] == "paid" && found["total"] == total {
            return Ok(None);
        }
        if Instant::now() > until {
            let (state, sum) = (&found["state"], &found["total"]);
            return Ok(Some(format!(
                "{order} is {state} with a total of {sum}, but must be paid with {total}"
            )));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
