//! Statements: what was booked in each account, newest last, for a period.

use serde::Serialize;
use vendue_domain::account::StatementLine;
use vendue_domain::facts::Standing;
use vendue_domain::id::{AccountId, MarketId};
use vendue_protocol::query::GetStatement;

use super::answer::{BAD_CURSOR, FORBIDDEN, Refusal, bytes, page_limit};
use super::log::{Log, Numbered};
use super::{Views, stored::ViewSpace};
use crate::unit::Published;

/// Records of one decision that a line's number tells apart: a decision books at most a few entries in one account.
const LINES_A_RECORD: u64 = 256;

vendue_domain::record! {
    /// A line with its number: the journal position of its record, and its place there.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    pub(super) struct Booked {
        1 => seq: u64,
        #[serde(flatten)]
        2 => line: StatementLine,
    }
}

impl Numbered for Booked {
    /// About 150 bytes each.
    const CHUNK: u64 = 32;

    fn seq(&self) -> u64 {
        self.seq
    }
}

/// The newest lines of one account.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) lines: Log<Booked>,
    /// Whether it waits in the list of what has changed.
    pub(super) noted: bool,
}

#[derive(Serialize)]
struct StatementPage<'a> {
    account: AccountId,
    lines: Vec<&'a Booked>,
    cursor: Option<String>,
    /// `false`: older lines than these have been let go of, and the period asked for may have had more.
    complete: bool,
}

impl Views {
    /// Takes note of what a decision booked.
    pub(super) fn book(&mut self, published: &Published, position: u64) {
        let (id, most) = (published.address.id, self.options.statement_per_account as usize);
        let lines = published.events.iter().filter_map(|event| event.statement(id, &published.stamp));
        for (place, line) in lines.enumerate() {
            let statement = self.statements.entry(AccountId(id)).or_default();
            let seq = position * LINES_A_RECORD + place as u64;
            if statement.lines.push(Booked { seq, line }, most)
                && !std::mem::replace(&mut statement.noted, true)
            {
                self.changed.push(ViewSpace::Statement, id);
            }
        }
    }

    /// Whether this account may see what another has: it is its own, or it runs or audits the platform.
    pub(super) fn may_see_money(&self, by: AccountId, account: AccountId) -> bool {
        let platform = self.facts.standing(by, MarketId::PLATFORM);
        by == account || platform.any(Standing::OPERATOR.with(Standing::AUDITOR))
    }

    /// A page of an account's statement, newest first.
    pub(super) fn statement(&self, by: AccountId, get: &GetStatement) -> Result<Vec<u8>, Refusal> {
        let account = get.account.unwrap_or(by);
        if !self.may_see_money(by, account) {
            return Err(FORBIDDEN);
        }
        let before: u64 =
            get.cursor.as_deref().map(str::parse).transpose().map_err(|_| BAD_CURSOR)?.unwrap_or(u64::MAX);
        let wanted = |booked: &&Booked| {
            let line = &booked.line;
            booked.seq < before
                && get.currency.is_none_or(|currency| line.currency == Some(currency))
                && get.to.is_none_or(|to| line.at < to)
                && get.from.is_none_or(|from| line.at >= from)
        };
        let limit = page_limit(get.limit);
        let log = self.statements.get(&account).map(|statement| &statement.lines);
        let mut lines: Vec<&Booked> =
            log.into_iter().flat_map(|log| log.items().rev().filter(wanted)).take(limit + 1).collect();
        let more = lines.len() > limit;
        lines.truncate(limit);
        let cursor = lines.last().filter(|_| more).map(|booked| booked.seq.to_string());
        let reaches = |log: &Log<Booked>| {
            let oldest = log.items().next().map(|booked| booked.line.at);
            !log.is_cut() || get.from.zip(oldest).is_some_and(|(from, oldest)| oldest < from)
        };
        let complete = log.is_none_or(reaches);
        bytes(&StatementPage { account, lines, cursor, complete })
    }
}
