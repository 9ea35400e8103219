//! Accounts that signed out everywhere: every gateway must know, for tokens that were issued before are good no more (I46).
//! It travels with the pulses; a link that is new is told all of it.

use std::collections::{BTreeMap, HashMap};

use vendue_domain::facts::FactChange;
use vendue_domain::id::AccountId;
use vendue_protocol::link::SignedOut;

use crate::unit::LinkId;

/// The most that one pulse carries; the rest comes with the next: a few dozen kilobytes.
const PER_PULSE: usize = 2_048;

/// Who signed out when, in the order in which it was heard of, and how far each link has been told.
#[derive(Debug, Default)]
pub(super) struct SignOuts {
    count: u64,
    by_number: BTreeMap<u64, SignedOut>,
    numbers: HashMap<AccountId, u64>,
    told: HashMap<LinkId, u64>,
}

impl SignOuts {
    /// Takes an account's facts in.
    pub(super) fn learn(&mut self, change: &FactChange) {
        let FactChange::Account((account, facts)) = change else { return };
        let Some(until) = facts.tokens_from else { return };
        let known = self.numbers.get(account).and_then(|number| self.by_number.get(number));
        if known.is_some_and(|known| known.until >= until) {
            return;
        }
        self.count += 1;
        if let Some(before) = self.numbers.insert(*account, self.count) {
            self.by_number.remove(&before);
        }
        self.by_number.insert(self.count, SignedOut { account: *account, until });
    }

    /// Whether some link has not been told everything.
    pub(super) fn is_news(&self, link: LinkId) -> bool {
        self.told.get(&link).copied().unwrap_or(0) < self.count
    }

    /// What a link has not been told yet; it counts as told.
    pub(super) fn take(&mut self, link: LinkId) -> Vec<SignedOut> {
        let told = self.told.entry(link).or_default();
        if *told >= self.count {
            return Vec::new();
        }
        let news: Vec<_> =
            self.by_number.range(*told + 1..).take(PER_PULSE).map(|(n, out)| (*n, *out)).collect();
        *told = if news.len() < PER_PULSE { self.count } else { news.last().map_or(self.count, |(n, _)| *n) };
        news.into_iter().map(|(_, out)| out).collect()
    }

    pub(super) fn forget(&mut self, link: LinkId) {
        self.told.remove(&link);
    }
}

#[cfg(test)]
mod tests {
    use vendue_domain::facts::AccountFacts;
    use vendue_domain::time::Timestamp;

    use super::*;

    fn change(account: u128, until: i64) -> FactChange {
        let facts = AccountFacts { tokens_from: Some(Timestamp(until)), ..AccountFacts::default() };
        FactChange::Account((AccountId::from_u128(account), facts))
    }

    fn taken(outs: &mut SignOuts, link: LinkId) -> Vec<(u128, i64)> {
        let out = outs.take(link);
        out.iter().map(|out| (u128::from_be_bytes(out.account.0.0), out.until.0)).collect()
    }

    #[test]
    fn each_link_is_told_each_account_once_and_a_new_one_all() {
        let mut outs = SignOuts::default();
        outs.learn(&FactChange::Account((AccountId::from_u128(9), AccountFacts::default())));
        assert!(!outs.is_news(1), "nobody signed out");
        outs.learn(&change(1, 10));
        outs.learn(&change(2, 11));
        assert_eq!(taken(&mut outs, 1), [(1, 10), (2, 11)]);
        assert_eq!(taken(&mut outs, 1), []);
        outs.learn(&change(1, 10));
        assert!(!outs.is_news(1), "known");
        outs.learn(&change(1, 12));
        assert_eq!(taken(&mut outs, 1), [(1, 12)]);
        assert_eq!(taken(&mut outs, 2), [(2, 11), (1, 12)], "once for each account");
        outs.forget(1);
        assert!(outs.is_news(1));
    }

    #[test]
    fn many_come_in_several_pulses() {
        let mut outs = SignOuts::default();
        let all = PER_PULSE as u128 * 2 + 7;
        for account in 1..=all {
            outs.learn(&change(account, 5));
        }
        let counts: Vec<usize> = (0..4).map(|_| outs.take(3).len()).collect();
        assert_eq!(counts, [PER_PULSE, PER_PULSE, 7, 0]);
    }
}
