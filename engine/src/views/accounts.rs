//! The accounts of a market, as its operators and auditors see them (`account.list`).

use serde::Serialize;
use vendue_domain::facts::{AccountFacts, Role};
use vendue_domain::id::{AccountId, MarketId};
use vendue_protocol::query::{AccountState, ListAccounts};

use super::Views;
use super::answer::{BAD_CURSOR, FORBIDDEN, Refusal, bytes, contains_all, page_limit, words_of};

#[derive(Serialize)]
struct AccountPage<'a> {
    accounts: Vec<Line<'a>>,
    cursor: Option<String>,
}

/// One account.
#[derive(Serialize)]
struct Line<'a> {
    account: AccountId,
    /// Null after an erasure.
    name: Option<String>,
    roles: Vec<Role>,
    verified: bool,
    suspended: bool,
    linked: &'a [AccountId],
}

/// A market's own marks, and those that hold in every market.
fn holds_in(market: MarketId) -> impl Fn(&MarketId) -> bool {
    move |of: &MarketId| *of == market || *of == MarketId::PLATFORM || market == MarketId::PLATFORM
}

/// Whether an account has to do with the market, and is one of those asked for.
fn is_wanted(facts: &AccountFacts, market: MarketId, list: &ListAccounts) -> bool {
    let here = holds_in(market);
    let has_role = |role: Role| facts.grants.iter().any(|(of, granted)| here(of) && *granted == role);
    let suspended = facts.suspended_in.iter().any(&here);
    let verified = facts.verified_in.iter().any(&here);
    let belongs =
        market == MarketId::PLATFORM || facts.grants.iter().any(|(of, _)| here(of)) || suspended || verified;
    belongs
        && list.role.is_none_or(has_role)
        && list.state.is_none_or(|state| match state {
            AccountState::Verified => verified && !suspended,
            AccountState::Unverified => !verified && !suspended,
            AccountState::Suspended => suspended,
            AccountState::Linked => !facts.linked.is_empty(),
        })
}

impl Views {
    /// Answers `account.list`: a page by id. Names are opened only for those that are looked through or shown.
    pub(super) fn accounts(&self, by: AccountId, list: &ListAccounts) -> Result<Vec<u8>, Refusal> {
        let market = list.market.unwrap_or(MarketId::PLATFORM);
        if !self.may_read_as_operator(by, market) {
            return Err(FORBIDDEN);
        }
        let after: Option<AccountId> =
            list.cursor.as_deref().map(str::parse).transpose().map_err(|_| BAD_CURSOR)?;
        let words = words_of(list.query.as_deref());
        let mut found: Vec<(AccountId, &AccountFacts)> = self
            .facts
            .accounts()
            .filter(|(account, facts)| {
                after.is_none_or(|after| *account > after) && is_wanted(facts, market, list)
            })
            .collect();
        found.sort_unstable_by_key(|(account, _)| *account);
        let limit = page_limit(list.limit);
        let mut accounts: Vec<Line<'_>> = Vec::with_capacity(limit.min(found.len()));
        for (account, facts) in found {
            let name = self.names.get(&account).and_then(|sealed| self.vault.open(account, sealed));
            let id = account.to_string();
            if !contains_all(&words, &[name.as_deref(), Some(&id)]) {
                continue;
            }
            if accounts.len() == limit {
                let cursor = accounts.last().map(|line| line.account.to_string());
                return bytes(&AccountPage { accounts, cursor });
            }
            accounts.push(line(account, name, facts, market));
        }
        bytes(&AccountPage { accounts, cursor: None })
    }
}

fn line(account: AccountId, name: Option<String>, facts: &AccountFacts, market: MarketId) -> Line<'_> {
    let here = holds_in(market);
    let mut roles: Vec<Role> =
        facts.grants.iter().filter(|(of, _)| here(of)).map(|(_, role)| *role).collect();
    roles.sort_unstable();
    roles.dedup();
    Line {
        account,
        name,
        roles,
        verified: facts.verified_in.iter().any(&here),
        suspended: facts.suspended_in.iter().any(&here),
        linked: &facts.linked,
    }
}
