//! Who hears of what happens to an account, and what it causes.

use super::{
    AccountEvent, AccountSnapshot, EntryPosted, HoldCaptured, HoldReleased, HoldSet, PartCaptured,
    RetractionCounted,
};
use crate::actor::{Answer, PrivateEvents, PublicEvents, Publication, StateAnswer};
use crate::context::Stamp;
use crate::effect::{Asked, Effect, Effects};
use crate::facts::{AccountFacts, FactChange};
use crate::id::{AccountId, Id};
use crate::money::{ASSURED_TAG, EntryKind, Settled, SubAccount};
use crate::publication::{self, AccountChanged, BalanceChanged, Data, HoldPlaced};
use crate::rejection::Rejection;

impl AccountEvent {
    /// See [`crate::actor::Event::public`]: nothing about an account is public.
    #[must_use]
    pub fn public(&self) -> PublicEvents {
        PublicEvents::new()
    }

    /// See [`crate::actor::Event::public_count`].
    #[must_use]
    pub const fn public_count(&self) -> u64 {
        0
    }

    /// See [`crate::actor::Event::private`]. A refusal is told by who asked: the lot or order.
    #[must_use]
    pub fn private(&self, id: Id, _stamp: &Stamp) -> PrivateEvents {
        let (name, data): (_, Data) = match self {
            Self::Created(_) | Self::Updated(_) | Self::Refused(_) => return PrivateEvents::new(),
            Self::Marked(marked) => {
                let AccountSnapshot { grants, suspended_in, verified_in, .. } =
                    AccountSnapshot::new(AccountId(id), &marked.facts);
                ("account_changed", AccountChanged { grants, suspended_in, verified_in }.into())
            }
            Self::Posted(posted) => ("balance_changed", balance_changed(posted).into()),
            Self::HoldSet(set) => ("hold_placed", hold_placed(set).into()),
            Self::HoldReleased(released) => ("hold_released", hold_released(released).into()),
            Self::HoldCaptured(captured) => ("hold_captured", hold_captured(captured).into()),
            Self::PartCaptured(captured) => return part_captured(AccountId(id), captured),
            Self::RetractionCounted(counted) => {
                let RetractionCounted { lot, bids, retractions } = *counted;
                let data = publication::RetractionCounted { lot, bids, retractions };
                ("retraction_counted", data.into())
            }
        };
        smallvec::smallvec![(AccountId(id), Publication { name, data })]
    }

    /// See [`crate::actor::Event::answer`].
    #[must_use]
    pub fn answer(&self, id: Id, _stamp: &Stamp) -> Option<Answer> {
        Some(match self {
            // The house's creation goes before what brought it into being, which has an answer of its own.
            Self::Created(created) if created.account == AccountId::HOUSE => return None,
            Self::Created(_) | Self::Updated(_) => Answer::Account(AccountId(id)),
            Self::Marked(marked) => {
                Answer::State(StateAnswer { state: marked.state().to_owned(), ends_at: None })
            }
            Self::Posted(posted) if posted.asked.is_none() && posted.kind != EntryKind::Trade => {
                Answer::Balance(posted.after.answer())
            }
            Self::Posted(_)
            | Self::HoldSet(_)
            | Self::HoldReleased(_)
            | Self::HoldCaptured(_)
            | Self::PartCaptured(_)
            | Self::Refused(_)
            | Self::RetractionCounted(_) => return None,
        })
    }

    /// See [`crate::actor::Event::effects`]: whoever asked hears what came of it.
    #[inline]
    pub fn effects(&self, id: Id, _stamp: &Stamp, out: &mut Effects) {
        let account = AccountId(id);
        let (asker, settled) = match self {
            // It was assured beforehand: nobody waits to hear of it.
            Self::HoldSet(set) if set.tag == ASSURED_TAG => return,
            Self::HoldSet(set) => {
                let HoldSet { hold, tag, .. } = &**set;
                let settled =
                    Settled { account, tag: *tag, hold: Some(hold.id), amount: hold.amount, refused: None };
                (hold.asker, settled)
            }
            Self::HoldCaptured(captured) => {
                let HoldCaptured { hold, asked, amount, .. } = &**captured;
                let (hold, amount) = (Some(hold.id), *amount);
                (asked.asker, Settled { account, tag: asked.tag, hold, amount, refused: None })
            }
            Self::Posted(posted) => {
                let Some(asked) = posted.asked else { return };
                let amount = posted.moved(SubAccount::Cash).unsigned_abs();
                (asked.asker, Settled { account, tag: asked.tag, hold: None, amount, refused: None })
            }
            Self::Refused(refused) => {
                let settled = Settled {
                    account,
                    tag: refused.asked.tag,
                    hold: refused.hold,
                    amount: refused.held,
                    refused: Some(refused.rejection.clone()),
                };
                (refused.asked.asker, settled)
            }
            Self::Created(_)
            | Self::Updated(_)
            | Self::Marked(_)
            | Self::HoldReleased(_)
            | Self::PartCaptured(_)
            | Self::RetractionCounted(_) => return,
        };
        out.push(Effect::new(asker.address(), asker.told(settled)));
    }

    /// See [`crate::actor::Event::asked`].
    #[must_use]
    #[inline]
    pub const fn asked(&self) -> Option<Asked> {
        None
    }

    /// See [`crate::actor::Event::refusal`].
    #[must_use]
    #[inline]
    pub const fn refusal(&self) -> Option<&Rejection> {
        None
    }

    /// See [`crate::actor::Event::fact`].
    #[must_use]
    pub fn fact(&self, id: Id) -> Option<FactChange> {
        let facts = match self {
            Self::Created(_) => AccountFacts { version: 1, ..AccountFacts::default() },
            Self::Marked(marked) => marked.facts.clone(),
            _ => return None,
        };
        Some(FactChange::Account((AccountId(id), facts)))
    }
}

impl EntryPosted {
    /// By how much it changed a sub-account.
    #[must_use]
    pub fn moved(&self, sub: SubAccount) -> i64 {
        self.lines.iter().filter(|line| line.sub == sub).map(|line| line.amount).sum()
    }
}

fn balance_changed(posted: &EntryPosted) -> BalanceChanged {
    let after = posted.after.view();
    BalanceChanged {
        currency: after.currency,
        goods: after.goods,
        balance: after.balance,
        held: after.held,
        available: after.available,
        clearing: after.clearing,
        fees: after.fees,
        outside: after.outside,
        holdings_count: posted.holdings_count,
        amount: posted.moved(SubAccount::Cash),
        kind: posted.kind,
        entry: posted.entry,
        reverses: posted.reverses,
        order: posted.order,
        book: posted.book.or_else(|| posted.asked.and_then(|asked| asked.asker.book())),
        reason: posted.reason.clone(),
    }
}

fn hold_placed(set: &HoldSet) -> HoldPlaced {
    let hold = set.hold.view();
    HoldPlaced {
        hold: hold.hold,
        currency: hold.currency,
        goods: hold.goods,
        amount: hold.amount,
        lot: hold.lot,
        order: hold.order,
        book: hold.book,
        market: hold.market,
        balance: set.balance,
        held: set.held,
        available: set.balance.saturating_sub_unsigned(set.held),
        holds_count: set.holds_count,
    }
}

fn hold_released(released: &HoldReleased) -> publication::HoldReleased {
    let hold = released.hold.view();
    publication::HoldReleased {
        hold: hold.hold,
        currency: hold.currency,
        goods: hold.goods,
        amount: hold.amount,
        lot: hold.lot,
        order: hold.order,
        book: hold.book,
        balance: released.balance,
        held: released.held,
        available: released.balance.saturating_sub_unsigned(released.held),
        holds_count: released.holds_count,
        also_listed: released.also_listed.as_deref().map(super::Hold::view),
    }
}

fn hold_captured(captured: &HoldCaptured) -> publication::HoldCaptured {
    let (hold, after) = (captured.hold.view(), &captured.after);
    publication::HoldCaptured {
        hold: hold.hold,
        currency: hold.currency,
        goods: hold.goods,
        amount: captured.amount,
        released: captured.hold.amount.saturating_sub(captured.amount),
        lot: hold.lot,
        order: captured.asked.asker.order().or(hold.order),
        book: hold.book,
        kind: captured.kind,
        entry: captured.entry,
        balance: after.cash,
        held: after.held,
        available: after.available(),
        clearing: after.clearing,
        holds_count: captured.holds_count,
        also_listed: captured.also_listed.as_deref().map(super::Hold::view),
    }
}

/// A hold that goes on has another amount and the balance changes; one that has ended was captured.
fn part_captured(account: AccountId, captured: &PartCaptured) -> PrivateEvents {
    let PartCaptured { hold, amount, keep, entry, kind, after, holds_count, also_listed } = captured;
    let view = hold.view();
    if *keep == 0 {
        let data = publication::HoldCaptured {
            hold: view.hold,
            currency: view.currency,
            goods: view.goods,
            amount: *amount,
            released: hold.amount.saturating_sub(*amount),
            lot: view.lot,
            order: view.order,
            book: view.book,
            kind: *kind,
            entry: *entry,
            balance: after.cash,
            held: after.held,
            available: after.available(),
            clearing: after.clearing,
            holds_count: *holds_count,
            also_listed: also_listed.as_ref().map(super::Hold::view),
        };
        return smallvec::smallvec![(account, Publication { name: "hold_captured", data: data.into() })];
    }
    let balances = after.view();
    let placed = HoldPlaced {
        hold: view.hold,
        currency: view.currency,
        goods: view.goods,
        amount: *keep,
        lot: view.lot,
        order: view.order,
        book: view.book,
        market: view.market,
        balance: after.cash,
        held: after.held,
        available: after.available(),
        holds_count: *holds_count,
    };
    let changed = BalanceChanged {
        currency: balances.currency,
        goods: balances.goods,
        balance: balances.balance,
        held: balances.held,
        available: balances.available,
        clearing: balances.clearing,
        fees: balances.fees,
        outside: balances.outside,
        holdings_count: None,
        amount: -amount.cast_signed(),
        kind: *kind,
        entry: *entry,
        reverses: None,
        order: None,
        book: hold.asker.book(),
        reason: None,
    };
    smallvec::smallvec![
        (account, Publication { name: "hold_placed", data: placed.into() }),
        (account, Publication { name: "balance_changed", data: changed.into() }),
    ]
}
