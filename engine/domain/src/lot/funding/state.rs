//! What a lot knows of the money behind its bids.

use std::collections::{BTreeSet, VecDeque};

use super::event::{Change, Purpose, Wish};
use crate::effect::Asked;
use crate::id::{AccountId, HoldId};
use crate::lot::{Phase, RestatementCause};
use crate::record::{Field, Reader, RecordError};
use crate::time::Timestamp;

crate::record! {
    /// A bid that waits.
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Waiting {
        1 => pub(super) asked: Asked,
        2 => pub(super) arrived_at: Timestamp,
        3 => pub(super) wish: Wish,
    }
}

crate::record! {
    /// A change of a hold that is under way.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(super) struct InFlight {
        1 => pub(super) tag: u128,
        2 => pub(super) purpose: Purpose,
    }
}

/// The money behind one account's bids.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Backing {
    pub(super) hold: HoldId,
    /// What the account has confirmed, less what has been given back; 0 until the first hold is there.
    pub(super) held: u64,
    pub(super) in_flight: Option<InFlight>,
    /// Its bids that wait, in the order of their arrival.
    pub(super) waiting: Vec<Waiting>,
    /// Whether a bid of its was accepted by this hold.
    pub(super) used: bool,
}

/// The backings of a lot, sorted by account. Of one with open bids few live at a time, one after the other: a list that
/// stays is quicker than a tree whose nodes come and go.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Backings(Vec<(AccountId, Backing)>);

impl Backings {
    fn place(&self, account: AccountId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&account, |(account, _)| *account)
    }

    /// The backing of an account.
    pub(super) fn get(&self, account: &AccountId) -> Option<&Backing> {
        self.place(*account).ok().map(|place| &self.0[place].1)
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, by account.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, (AccountId, Backing)> {
        self.0.iter()
    }

    /// The accounts, sorted.
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.0.iter().map(|(account, _)| *account)
    }

    /// All, by account, to be changed.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Backing> + '_ {
        self.0.iter_mut().map(|(_, backing)| backing)
    }
}

crate::record! {
    struct KeptBacking {
        1 => account: AccountId,
        2 => hold: HoldId,
        3 => held: u64,
        4 => in_flight: Option<InFlight>,
        5 => waiting: Vec<Waiting>,
        6 => used: bool,
    }
}

/// The money behind the bids of a lot.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::lot) struct Funds {
    pub(super) backings: Backings,
    /// Changes of the standing that wait for holds: only the first is under way. Those who turned out to have no money
    /// stand before the change that they were asked for.
    pub(super) changes: VecDeque<Change>,
    /// The account whose hold the first change waits for.
    pub(super) blocked_on: Option<AccountId>,
    /// How many holds were asked for: each gets an id of its own.
    pub(super) holds: u64,
    /// Until when the holds of a lot that is closing may settle.
    pub(super) until: Option<Timestamp>,
    /// How many bids wait, how many holds are being changed, and the accounts whose first waiting bid has no hold under
    /// way: all as the backings say.
    waiting: usize,
    in_flight: usize,
    ready: BTreeSet<AccountId>,
}

crate::record! {
    struct Kept {
        1 => backings: Vec<KeptBacking>,
        2 => changes: Vec<Change>,
        3 => blocked_on: Option<AccountId>,
        4 => holds: u64,
        5 => until: Option<Timestamp>,
    }
}

impl Field for Funds {
    fn encode(&self, out: &mut Vec<u8>) {
        let kept = |&(account, ref backing): &(AccountId, Backing)| KeptBacking {
            account,
            hold: backing.hold,
            held: backing.held,
            in_flight: backing.in_flight,
            waiting: backing.waiting.clone(),
            used: backing.used,
        };
        Kept {
            backings: self.backings.iter().map(kept).collect(),
            changes: self.changes.iter().cloned().collect(),
            blocked_on: self.blocked_on,
            holds: self.holds,
            until: self.until,
        }
        .encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let Kept { backings, changes, blocked_on, holds, until } = Kept::decode(input)?;
        let mut funds = Self { changes: changes.into(), blocked_on, holds, until, ..Self::default() };
        for KeptBacking { account, hold, held, in_flight, waiting, used } in backings {
            let backing = Backing { hold, held, in_flight, waiting, used };
            funds.count(account, (0, false), backing.figures());
            funds.backings.0.push((account, backing));
        }
        if !funds.backings.0.is_sorted_by_key(|(account, _)| *account) {
            return Err(RecordError::Invalid("backings are sorted by account"));
        }
        Ok(funds)
    }
}

impl Backing {
    /// One that begins: nothing is held yet.
    pub(super) const fn new(hold: HoldId) -> Self {
        Self { hold, held: 0, in_flight: None, waiting: Vec::new(), used: false }
    }

    /// How many bids wait and whether a change of the hold is under way.
    fn figures(&self) -> (usize, bool) {
        (self.waiting.len(), self.in_flight.is_some())
    }

    /// Nothing of it is left to be known.
    fn is_over(&self) -> bool {
        self.held == 0 && self.in_flight.is_none() && self.waiting.is_empty()
    }
}

impl Funds {
    /// How many bids wait.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether nothing is under way: no bid waits, no hold is being changed, no change of the standing waits.
    pub(super) fn is_settled(&self) -> bool {
        self.waiting == 0 && self.in_flight == 0 && self.changes.is_empty()
    }

    /// An account whose first waiting bid has no hold under way.
    pub(super) fn first_ready(&self) -> Option<(AccountId, &Backing)> {
        let account = *self.ready.first()?;
        self.backings.get(&account).map(|backing| (account, backing))
    }

    /// Whether the lot has something to do for the money at once.
    pub(in crate::lot) fn is_due(&self, phase: Phase) -> bool {
        match phase {
            Phase::Draft | Phase::Scheduled => false,
            Phase::Open | Phase::Paused => self.has_step(),
            Phase::Closing => self.has_step() || self.is_settled(),
            Phase::Closed => {
                self.waiting > 0 || self.has_step() || (self.changes.is_empty() && !self.backings.is_empty())
            }
        }
    }

    fn has_step(&self) -> bool {
        !self.ready.is_empty() || (!self.changes.is_empty() && self.blocked_on.is_none())
    }

    /// What is confirmed of an account's money.
    pub(super) fn held(&self, account: AccountId) -> u64 {
        self.backings.get(&account).map_or(0, |backing| backing.held)
    }

    /// Whether all bids of the account are about to go.
    pub(in crate::lot) fn removes_all_of(&self, account: AccountId) -> bool {
        self.changes.iter().any(|change| {
            matches!(change, Change::Removal(removal) if removal.account == account && removal.bid.is_none())
        })
    }

    /// How many changes at the front remove accounts that turned out to have no money.
    pub(super) fn unfunded(&self) -> usize {
        let unfunded = |change: &&Change| matches!(change, Change::Removal(removal) if removal.cause == RestatementCause::Unfunded);
        self.changes.iter().take_while(unfunded).count()
    }

    /// Whether a closed lot is about to open again.
    pub(super) fn reopens(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Reopening(_)))
    }

    /// Changes an account's backing, which begins with `hold` where there is none, and ends where nothing of it is left.
    pub(super) fn change(
        &mut self,
        account: AccountId,
        hold: Option<HoldId>,
        change: impl FnOnce(&mut Backing),
    ) {
        let place = match (self.backings.place(account), hold) {
            (Ok(place), _) => place,
            (Err(_), None) => return,
            (Err(place), Some(hold)) => {
                self.backings.0.insert(place, (account, Backing::new(hold)));
                place
            }
        };
        let backing = &mut self.backings.0[place].1;
        let before = backing.figures();
        change(backing);
        let (after, over) = (backing.figures(), backing.is_over());
        self.count(account, before, after);
        if over {
            self.backings.0.remove(place);
        }
    }

    /// Takes what an account's backing has become into the figures.
    fn count(
        &mut self,
        account: AccountId,
        (waited, was_in_flight): (usize, bool),
        (waiting, in_flight): (usize, bool),
    ) {
        self.waiting = self.waiting + waiting - waited;
        self.in_flight = self.in_flight + usize::from(in_flight) - usize::from(was_in_flight);
        if waiting > 0 && !in_flight {
            self.ready.insert(account);
        } else if !self.ready.is_empty() {
            self.ready.remove(&account);
        }
        if was_in_flight && !in_flight && self.blocked_on == Some(account) {
            self.blocked_on = None;
        }
    }

    /// The account's hold is somebody else's now: given back, or the winner's order's.
    pub(super) fn drop_hold(&mut self, account: AccountId) {
        self.change(account, None, |backing| {
            backing.held = 0;
            backing.in_flight = None;
        });
    }
}
