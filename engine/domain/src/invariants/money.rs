//! I30 to I35: money and goods.
//!
//! [`account`] looks at one state, [`event`] at one event. [`Books`] follows the events of any number of accounts, in the
//! order of each, and knows at any time what every ledger, hold and entry should be; it shares no code with the rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::account::{Account, AccountEvent, EntryPosted, HoldCaptured, PartCaptured};
use crate::amount::AMOUNT_MAX;
use crate::id::{AccountId, EntryId, HoldId, OrderId};
use crate::money::{Asset, EntryKind, Line, SubAccount};

/// What a check comes to: what is broken, beginning with the invariant's number.
pub type Check = Result<(), String>;

fn broken_unless(holds: bool, invariant: &str, what: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(format!("{invariant}: {}", what())) }
}

/// I30, I32, I33 of one state: each asset's sub-accounts sum to 0 and are in range, and what is held is the sum of the
/// live holds, each from 1 to 2^53 - 1.
///
/// # Errors
/// What is broken.
pub fn account(account: &Account) -> Check {
    let mut held: BTreeMap<Asset, u128> = BTreeMap::new();
    for hold in account.holds() {
        broken_unless((1..=AMOUNT_MAX).contains(&hold.amount), "I33", || format!("hold {hold:?}"))?;
        *held.entry(hold.asset).or_default() += u128::from(hold.amount);
    }
    for balances in account.balances() {
        let all = [balances.cash, balances.clearing, balances.fees, balances.outside];
        let sum: i128 = all.iter().map(|&balance| i128::from(balance)).sum();
        broken_unless(sum == 0, "I30", || format!("{} sums to {sum}: {balances:?}", account.id))?;
        let in_range = all.iter().all(|balance| balance.unsigned_abs() <= AMOUNT_MAX);
        broken_unless(in_range, "I33", || format!("{} out of range: {balances:?}", account.id))?;
        let holds = held.remove(&balances.asset).unwrap_or(0);
        broken_unless(holds == u128::from(balances.held), "I32", || {
            format!("{} holds {holds}, says {balances:?}", account.id)
        })?;
    }
    broken_unless(held.is_empty(), "I32", || format!("{} holds what it never had: {held:?}", account.id))
}

/// I31 of one state: nothing is available below 0. Not for an account that has had to give back what it had withdrawn.
///
/// # Errors
/// The asset that is overdrawn.
pub fn not_overdrawn(account: &Account) -> Check {
    let overdrawn =
        account.balances().iter().find(|balances| i128::from(balances.cash) < i128::from(balances.held));
    broken_unless(overdrawn.is_none(), "I31", || format!("{}: {overdrawn:?}", account.id))
}

/// I30, I32, I33 of one event: lines that sum to 0, no more captured than held, amounts in range.
///
/// # Errors
/// What is broken.
pub fn event(event: &AccountEvent) -> Check {
    if let Some((entry, _, lines)) = event.entry() {
        let sum: i128 = lines.iter().map(|line| i128::from(line.amount)).sum();
        broken_unless(!lines.is_empty() && sum == 0, "I30", || format!("{entry}: lines {lines:?}"))?;
        let in_range = lines.iter().all(|line| line.amount.unsigned_abs() <= AMOUNT_MAX);
        broken_unless(in_range, "I33", || format!("{entry}: lines {lines:?}"))?;
    }
    match event {
        AccountEvent::HoldSet(set) => {
            broken_unless((1..=AMOUNT_MAX).contains(&set.hold.amount), "I33", || format!("{set:?}"))
        }
        AccountEvent::HoldCaptured(captured) => {
            broken_unless(captured.amount <= captured.hold.amount, "I32", || format!("{captured:?}"))
        }
        // Captured parts and what was given back are what was held.
        AccountEvent::PartCaptured(captured) => {
            let PartCaptured { hold, amount, keep, .. } = &**captured;
            let fits = amount.checked_add(*keep).is_some_and(|sum| sum <= hold.amount);
            broken_unless(fits && *amount > 0, "I32", || format!("{captured:?}"))
        }
        _ => Ok(()),
    }
}

/// An entry as it was made.
#[derive(Debug, Clone)]
struct Entry {
    kind: EntryKind,
    asset: Asset,
    lines: Vec<Line>,
    order: Option<OrderId>,
    reverses: Option<EntryId>,
}

impl Entry {
    fn moved(&self, sub: SubAccount) -> i128 {
        self.lines.iter().filter(|line| line.sub == sub).map(|line| i128::from(line.amount)).sum()
    }
}

/// One account's books: every entry since ever, and the holds.
#[derive(Debug, Clone, Default)]
struct Book {
    entries: Vec<Entry>,
    by_id: BTreeMap<EntryId, Vec<usize>>,
    sums: BTreeMap<(Asset, SubAccount), i128>,
    held: BTreeMap<Asset, i128>,
    holds: BTreeMap<HoldId, (Asset, u64)>,
    /// Where an entry was allowed to overdraw, until the account has come back.
    overdrawn: BTreeSet<Asset>,
}

/// What all accounts' events come to.
#[derive(Debug, Clone, Default)]
pub struct Books {
    accounts: BTreeMap<AccountId, Book>,
}

impl Books {
    /// Takes an account's event over.
    ///
    /// # Errors
    /// I30 to I33 and I35 where the event breaks them, or says other balances than the account's entries come to.
    pub fn take(&mut self, account: AccountId, happened: &AccountEvent) -> Check {
        event(happened)?;
        let book = self.accounts.entry(account).or_default();
        match happened {
            AccountEvent::Posted(posted) => book.post(posted),
            AccountEvent::HoldSet(set) => {
                let (asset, amount) = (set.hold.asset, set.hold.amount);
                let before = book.holds.insert(set.hold.id, (asset, amount));
                let same_asset = before.is_none_or(|(before, _)| before == asset);
                broken_unless(same_asset, "I32", || format!("{account}: another asset: {set:?}"))?;
                let before = before.map_or(0, |(_, before)| before);
                *book.held.entry(asset).or_default() += i128::from(amount) - i128::from(before);
                let available = book.available(asset);
                broken_unless(amount <= before || available >= 0, "I31", || {
                    format!("{account}: {available} available after {set:?}")
                })?;
                book.agrees(asset, set.balance, set.held)
            }
            AccountEvent::HoldReleased(released) => {
                book.end_hold(released.hold.id, released.hold.amount)?;
                book.agrees(released.hold.asset, released.balance, released.held)
            }
            AccountEvent::HoldCaptured(captured) => book.capture(captured),
            AccountEvent::PartCaptured(captured) => book.capture_part(captured),
            _ => Ok(()),
        }
    }

    /// The books and an account's own state agree.
    ///
    /// # Errors
    /// I30, I32 where they do not, and what [`account`] says.
    pub fn agree_with(&self, state: &Account) -> Check {
        account(state)?;
        let nothing = Book::default();
        let book = self.accounts.get(&state.id).unwrap_or(&nothing);
        for balances in state.balances() {
            for sub in [SubAccount::Cash, SubAccount::Clearing, SubAccount::Fees, SubAccount::Outside] {
                let (found, expected) = (i128::from(balances.of(sub)), book.sum(balances.asset, sub));
                broken_unless(found == expected, "I30", || {
                    format!("{} {sub:?}: {found}, entries come to {expected}", state.id)
                })?;
            }
        }
        let live: BTreeMap<_, _> =
            state.holds().into_iter().map(|hold| (hold.id, (hold.asset, hold.amount))).collect();
        broken_unless(live == book.holds, "I32", || {
            format!("{}: holds {live:?}, events come to {:?}", state.id, book.holds)
        })
    }

    /// I30: where no transfer is under way, clearing nets to 0 over all accounts, for each asset and each transfer.
    ///
    /// # Errors
    /// The asset or the transfer that is not through.
    pub fn nothing_under_way(&self) -> Check {
        let mut assets: BTreeMap<Asset, i128> = BTreeMap::new();
        for book in self.accounts.values() {
            for entry in &book.entries {
                *assets.entry(entry.asset).or_default() += entry.moved(SubAccount::Clearing);
            }
        }
        let open: Vec<_> = assets.iter().filter(|(_, sum)| **sum != 0).collect();
        broken_unless(open.is_empty(), "I30", || format!("clearing does not net to 0: {open:?}"))
    }

    /// I34: no money is held any more.
    ///
    /// # Errors
    /// Whose, and which holds.
    pub fn nothing_held(&self) -> Check {
        let held: Vec<_> = self.accounts.iter().filter(|(_, book)| !book.holds.is_empty()).collect();
        broken_unless(held.is_empty(), "I34", || {
            let holds: Vec<_> = held
                .iter()
                .map(|(account, book)| (**account, book.holds.keys().collect::<Vec<_>>()))
                .collect();
            format!("still held: {holds:?}")
        })
    }

    /// I34: for this order exactly `buyer` was charged, and exactly `total` in all, less what was given back.
    ///
    /// # Errors
    /// Who was charged what.
    pub fn charged(&self, order: OrderId, buyer: AccountId, total: u64) -> Check {
        let mut charged: BTreeMap<AccountId, i128> = BTreeMap::new();
        for (&account, book) in &self.accounts {
            for entry in book.entries.iter().filter(|entry| entry.order == Some(order)) {
                if matches!(entry.kind, EntryKind::Payment | EntryKind::Refund) {
                    *charged.entry(account).or_default() += entry.moved(SubAccount::Clearing);
                }
            }
        }
        charged.retain(|_, amount| *amount != 0);
        let expected: BTreeMap<_, _> =
            Some((buyer, i128::from(total))).filter(|(_, total)| *total != 0).into_iter().collect();
        broken_unless(charged == expected, "I34", || {
            format!("{order}: charged {charged:?}, expected {expected:?}")
        })
    }

    /// What has come in from outside, less what has gone out: over all accounts, whatever happens between them, that is
    /// what they have together.
    #[must_use]
    pub fn in_the_world(&self, asset: Asset) -> i128 {
        -self.accounts.values().map(|book| book.sum(asset, SubAccount::Outside)).sum::<i128>()
    }

    /// What all accounts have together: cash, fees and what is under way.
    #[must_use]
    pub fn in_accounts(&self, asset: Asset) -> i128 {
        let subs = [SubAccount::Cash, SubAccount::Clearing, SubAccount::Fees];
        let all = self.accounts.values().flat_map(|book| subs.map(|sub| book.sum(asset, sub)));
        all.sum()
    }
}

impl Book {
    fn sum(&self, asset: Asset, sub: SubAccount) -> i128 {
        self.sums.get(&(asset, sub)).copied().unwrap_or(0)
    }

    fn available(&self, asset: Asset) -> i128 {
        self.sum(asset, SubAccount::Cash) - self.held.get(&asset).copied().unwrap_or(0)
    }

    fn post(&mut self, posted: &EntryPosted) -> Check {
        let asset = posted.after.asset;
        self.may_reverse(posted)?;
        let before = self.available(asset);
        self.add(
            posted.entry,
            Entry {
                kind: posted.kind,
                asset,
                lines: posted.lines.clone(),
                order: posted.order.or_else(|| posted.asked.and_then(|asked| asked.asker.order())),
                reverses: posted.reverses,
            },
        );
        let available = self.available(asset);
        if posted.overdraws {
            self.overdrawn.insert(asset);
        }
        broken_unless(available >= 0 || available >= before || posted.overdraws, "I31", || {
            format!("{available} available after {posted:?}")
        })?;
        self.agrees(asset, posted.after.cash, posted.after.held)
    }

    /// I35: who corrects names an entry that there is, and gives back no more than it booked.
    fn may_reverse(&self, posted: &EntryPosted) -> Check {
        let Some(reversed) = posted.reverses else { return Ok(()) };
        let Some(known) = self.by_id.get(&reversed) else {
            return Err(format!("I35: {} reverses an entry that there is not: {reversed}", posted.entry));
        };
        // What the entries moved through clearing each way, and what later ones have moved back by now.
        let clearing = |entries: &mut dyn Iterator<Item = &Entry>, sign: i128| -> i128 {
            entries
                .filter(|entry| entry.asset == posted.after.asset)
                .flat_map(|entry| entry.lines.iter())
                .filter(|line| line.sub == SubAccount::Clearing)
                .map(|line| (i128::from(line.amount) * sign).max(0))
                .sum()
        };
        let own = i128::from(posted.moved(SubAccount::Clearing));
        for sign in [1, -1] {
            let mut originals = known.iter().map(|&place| &self.entries[place]);
            let booked = clearing(&mut originals.by_ref().filter(|entry| entry.reverses.is_none()), sign);
            let mut reversals = self.entries.iter().filter(|entry| entry.reverses == Some(reversed));
            let given_back = clearing(&mut reversals, -sign) + (own * -sign).max(0);
            broken_unless(given_back <= booked, "I35", || {
                format!("{reversed} booked {booked}, {given_back} given back by {posted:?}")
            })?;
        }
        Ok(())
    }

    fn capture(&mut self, captured: &HoldCaptured) -> Check {
        self.end_hold(captured.hold.id, captured.hold.amount)?;
        let asset = captured.hold.asset;
        let amount = i64::try_from(captured.amount).map_err(|_| format!("I33: {captured:?}"))?;
        if amount > 0 {
            self.add(
                captured.entry,
                Entry {
                    kind: captured.kind,
                    asset,
                    lines: vec![
                        Line { sub: SubAccount::Cash, amount: -amount },
                        Line { sub: SubAccount::Clearing, amount },
                    ],
                    order: captured.asked.asker.order().or_else(|| captured.hold.asker.order()),
                    reverses: None,
                },
            );
        }
        self.agrees(asset, captured.after.cash, captured.after.held)
    }

    fn capture_part(&mut self, captured: &PartCaptured) -> Check {
        let PartCaptured { hold, amount, keep, entry, kind, after, .. } = captured;
        self.end_hold(hold.id, hold.amount)?;
        if *keep > 0 {
            self.holds.insert(hold.id, (hold.asset, *keep));
            *self.held.entry(hold.asset).or_default() += i128::from(*keep);
        }
        let amount = i64::try_from(*amount).map_err(|_| format!("I33: {captured:?}"))?;
        let line = |sub, amount| Line { sub, amount };
        let lines = vec![line(SubAccount::Cash, -amount), line(SubAccount::Clearing, amount)];
        self.add(*entry, Entry { kind: *kind, asset: hold.asset, lines, order: None, reverses: None });
        self.agrees(hold.asset, after.cash, after.held)
    }

    fn add(&mut self, id: EntryId, entry: Entry) {
        for line in &entry.lines {
            *self.sums.entry((entry.asset, line.sub)).or_default() += i128::from(line.amount);
        }
        self.by_id.entry(id).or_default().push(self.entries.len());
        self.entries.push(entry);
    }

    /// I32: only what lives can end, and it ends as what it was.
    fn end_hold(&mut self, id: HoldId, amount: u64) -> Check {
        let live = self.holds.remove(&id);
        let Some((asset, held)) = live.filter(|&(_, held)| held == amount) else {
            return Err(format!("I32: {id} of {amount} ends, there was {live:?}"));
        };
        *self.held.entry(asset).or_default() -= i128::from(held);
        Ok(())
    }

    /// The balances that an event says are those that the entries and holds come to.
    fn agrees(&mut self, asset: Asset, cash: i64, held: u64) -> Check {
        let (entries, holds) =
            (self.sum(asset, SubAccount::Cash), self.held.get(&asset).copied().unwrap_or(0));
        broken_unless(i128::from(cash) == entries, "I30", || {
            format!("says {cash} of {asset:?}, entries come to {entries}")
        })?;
        broken_unless(i128::from(held) == holds, "I32", || {
            format!("says {held} of {asset:?} held, holds come to {holds}")
        })?;
        if self.available(asset) >= 0 {
            self.overdrawn.remove(&asset);
            return Ok(());
        }
        broken_unless(self.overdrawn.contains(&asset), "I31", || format!("{asset:?} overdrawn"))
    }
}
