//! An account's own ledger: what it has of each asset, by sub-account (RULES, "Accounts and the ledger").
//!
//! Entries are events and stay in the journal; what is kept is what they come to, and the latest entries as far as a
//! refusal needs them.

use std::collections::VecDeque;

use crate::actor::BalanceAnswer;
use crate::amount::AMOUNT_MAX;
use crate::id::EntryId;
use crate::limits;
use crate::money::{Asset, Line, SubAccount};
use crate::publication::BalanceView;
use crate::rejection::{InsufficientFunds, Rejection, WrongState};

crate::record! {
    /// What an account has of one asset, in minor units or units: the four sub-accounts, which sum to 0 (I30), each from
    /// -[`AMOUNT_MAX`] to [`AMOUNT_MAX`], and what is held of the cash.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Balances {
        1 => pub asset: Asset,
        2 => pub cash: i64,
        3 => pub clearing: i64,
        4 => pub fees: i64,
        5 => pub outside: i64,
        /// The sum of the live holds.
        6 => pub held: u64,
    }
}

impl Balances {
    /// Nothing yet.
    #[must_use]
    pub const fn none(asset: Asset) -> Self {
        Self { asset, cash: 0, clearing: 0, fees: 0, outside: 0, held: 0 }
    }

    /// `balance - held`. Below 0 only where an entry had to be made that may overdraw.
    #[must_use]
    pub const fn available(&self) -> i64 {
        self.cash.saturating_sub_unsigned(self.held)
    }

    /// A sub-account's balance.
    #[must_use]
    pub const fn of(&self, sub: SubAccount) -> i64 {
        match sub {
            SubAccount::Cash => self.cash,
            SubAccount::Clearing => self.clearing,
            SubAccount::Fees => self.fees,
            SubAccount::Outside => self.outside,
        }
    }

    /// The sum of the sub-accounts: 0 (I30).
    #[must_use]
    pub fn sum(&self) -> i128 {
        [self.cash, self.clearing, self.fees, self.outside].into_iter().map(i128::from).sum()
    }

    /// The balances after an entry; `None` where one would pass [`AMOUNT_MAX`] (I33).
    #[must_use]
    pub fn after(mut self, lines: &[Line]) -> Option<Self> {
        for line in lines {
            let balance = match line.sub {
                SubAccount::Cash => &mut self.cash,
                SubAccount::Clearing => &mut self.clearing,
                SubAccount::Fees => &mut self.fees,
                SubAccount::Outside => &mut self.outside,
            };
            *balance = balance.checked_add(line.amount)?;
        }
        self.is_in_range().then_some(self)
    }

    /// Whether every sub-account is within the range of amounts.
    #[must_use]
    pub fn is_in_range(&self) -> bool {
        let all = [self.cash, self.clearing, self.fees, self.outside];
        crate::mutant("amount_unbounded") || all.iter().all(|balance| balance.unsigned_abs() <= AMOUNT_MAX)
    }

    /// As the account's owner sees them.
    #[must_use]
    pub fn view(&self) -> BalanceView {
        BalanceView {
            currency: self.asset.currency(),
            goods: self.asset.goods(),
            balance: self.cash,
            held: self.held,
            available: self.available(),
            clearing: self.clearing,
            fees: self.fees,
            outside: self.outside,
        }
    }

    /// The answer to a deposit or withdrawal.
    #[must_use]
    pub fn answer(&self) -> BalanceAnswer {
        BalanceAnswer {
            currency: self.asset.currency(),
            goods: self.asset.goods(),
            balance: self.cash,
            held: self.held,
            available: self.available(),
        }
    }
}

/// What was needed and what is available: nothing where the account is overdrawn.
pub(super) fn insufficient(needed: u64, available: i64) -> Rejection {
    let available = u64::try_from(available).unwrap_or(0);
    Rejection::InsufficientFunds(InsufficientFunds { needed, available })
}

crate::record! {
    /// What the entries of one id moved into clearing and out of it, and how much of that later entries have given back.
    /// One account may have several entries of a transfer: who sells and runs the market, say.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Booked {
        1 => entry: EntryId,
        2 => asset: Asset,
        3 => into_clearing: u64,
        4 => out_of_clearing: u64,
        5 => taken_back: u64,
        6 => put_back: u64,
    }
}

impl Booked {
    fn is(&self, entry: EntryId, asset: Asset) -> bool {
        self.entry == entry && self.asset == asset
    }
}

/// What lines move into clearing and out of it.
fn through_clearing(lines: &[Line]) -> (u64, u64) {
    let clearing = lines.iter().filter(|line| line.sub == SubAccount::Clearing);
    clearing.fold((0, 0), |(into, out_of), line| {
        let size = line.amount.unsigned_abs();
        if line.amount > 0 { (into + size, out_of) } else { (into, out_of + size) }
    })
}

/// An account's ledger.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    /// One for each asset that there ever was an entry of, sorted.
    pub(super) balances: Vec<Balances>,
    /// What the latest transfers booked, oldest first: at most [`limits::ENTRIES_KEPT`].
    pub(super) booked: VecDeque<Booked>,
    /// The latest entries of any kind, oldest first, as many: what a correction may name.
    pub(super) latest: VecDeque<(EntryId, Asset)>,
}

impl Ledger {
    fn place(&self, asset: Asset) -> Result<usize, usize> {
        self.balances.binary_search_by_key(&asset, |balances| balances.asset)
    }

    /// What the account has of an asset.
    pub(super) fn of(&self, asset: Asset) -> Balances {
        self.place(asset).map_or(Balances::none(asset), |place| self.balances[place])
    }

    /// The balances after an entry.
    ///
    /// # Errors
    /// `invalid_request` for `lines` that do not sum to 0 (I30) or are none or too many, `amount_out_of_range` (I33),
    /// `limit_exceeded` for `assets`, `insufficient_funds` where the cash shrinks below what is held and it may not (I31).
    pub(super) fn after(
        &self,
        asset: Asset,
        lines: &[Line],
        may_overdraw: bool,
    ) -> Result<Balances, Rejection> {
        if !crate::mutant("entry_unbalanced") {
            check_lines(lines)?;
        }
        if self.place(asset).is_err() && self.balances.len() >= limits::ASSETS_MAX {
            return Err(limits::exceeded(
                "assets",
                limits::ASSETS_MAX as u64,
                self.balances.len() as u64 + 1,
            ));
        }
        let before = self.of(asset);
        let after = before.after(lines).ok_or(Rejection::AmountOutOfRange)?;
        if after.cash < before.cash && after.available() < 0 && !may_overdraw {
            return Err(insufficient(before.cash.abs_diff(after.cash), before.available()));
        }
        Ok(after)
    }

    /// Whether an entry may give back what an earlier one booked.
    ///
    /// # Errors
    /// `not_allowed_in_state` with `reversed` where it would give back more than was booked (I35), or something else.
    pub(super) fn check_reversal(
        &self,
        reversed: EntryId,
        asset: Asset,
        lines: &[Line],
    ) -> Result<(), Rejection> {
        let Some(booked) = self.booked.iter().rev().find(|booked| booked.is(reversed, asset)) else {
            return Ok(());
        };
        let (into, out_of) = through_clearing(lines);
        let fits = out_of <= booked.into_clearing - booked.taken_back
            && into <= booked.out_of_clearing - booked.put_back;
        if fits {
            return Ok(());
        }
        Err(Rejection::NotAllowedInState(WrongState { state: "reversed".to_owned() }))
    }

    /// Whether an entry of an asset is among the latest ones.
    pub(super) fn knows(&self, entry: EntryId, asset: Asset) -> bool {
        self.latest.contains(&(entry, asset))
    }

    /// Takes an entry over: the balances after it.
    pub(super) fn set(&mut self, after: Balances) {
        match self.place(after.asset) {
            Ok(place) => self.balances[place] = after,
            Err(place) => self.balances.insert(place, after),
        }
    }

    /// What is held of an asset from now on.
    pub(super) fn set_held(&mut self, asset: Asset, held: u64) {
        if let Ok(place) = self.place(asset) {
            self.balances[place].held = held;
        }
    }

    /// Remembers what an entry moved through clearing, so that more than that cannot be given back.
    pub(super) fn remember(
        &mut self,
        entry: EntryId,
        reverses: Option<EntryId>,
        asset: Asset,
        lines: &[Line],
    ) {
        if lines.iter().any(|line| line.amount != 0) {
            if self.latest.len() >= limits::ENTRIES_KEPT {
                self.latest.pop_front();
            }
            self.latest.push_back((entry, asset));
        }
        let (into, out_of) = through_clearing(lines);
        if into == 0 && out_of == 0 {
            return;
        }
        let known = self.booked.iter_mut().rev().find(|booked| booked.is(reverses.unwrap_or(entry), asset));
        match (known, reverses) {
            (Some(booked), Some(_)) => {
                booked.taken_back = booked.taken_back.saturating_add(out_of);
                booked.put_back = booked.put_back.saturating_add(into);
                return;
            }
            (Some(booked), None) => {
                booked.into_clearing = booked.into_clearing.saturating_add(into);
                booked.out_of_clearing = booked.out_of_clearing.saturating_add(out_of);
                return;
            }
            (None, Some(_)) => return,
            (None, None) => {}
        }
        if self.booked.len() >= limits::ENTRIES_KEPT {
            self.booked.pop_front();
        }
        self.booked.push_back(Booked {
            entry,
            asset,
            into_clearing: into,
            out_of_clearing: out_of,
            taken_back: 0,
            put_back: 0,
        });
    }

    /// How many kinds of goods there are.
    pub(super) fn holdings(&self) -> usize {
        self.balances.len() - self.balances.partition_point(|balances| balances.asset.currency().is_some())
    }

    /// Whether the bytes of a state may say this.
    pub(super) fn is_sound(&self) -> bool {
        let sorted = self.balances.windows(2).all(|pair| pair[0].asset < pair[1].asset);
        let balanced = self.balances.iter().all(|balances| balances.sum() == 0 && balances.is_in_range());
        let booked = self.booked.iter().all(|booked| {
            booked.taken_back <= booked.into_clearing && booked.put_back <= booked.out_of_clearing
        });
        sorted && balanced && booked && self.latest.len() <= limits::ENTRIES_KEPT
    }
}

/// Lines that make an entry: there are some, each within range, and they sum to 0.
fn check_lines(lines: &[Line]) -> Result<(), Rejection> {
    if !(1..=limits::ENTRY_LINES_MAX).contains(&lines.len()) {
        return Err(Rejection::invalid("lines", format!("1 to {} lines", limits::ENTRY_LINES_MAX)));
    }
    if lines.iter().any(|line| line.amount.unsigned_abs() > AMOUNT_MAX) {
        return Err(Rejection::AmountOutOfRange);
    }
    // At most 8 lines of at most 2^53: the sum fits.
    if lines.iter().map(|line| line.amount).sum::<i64>() != 0 {
        return Err(Rejection::invalid("lines", "lines that sum to 0"));
    }
    Ok(())
}
