//! An order's money: how a payment is split, how a refund is, and the entries of both. Every transfer nets to zero over all
//! accounts' clearing (I30), and what everybody has of the order sums to what was paid and not given back (I34).

use super::{Ask, AskCapture, Booking, EntryShare, Leg, Line, LineNow, Order, Source};
use crate::context::Context;
use crate::id::{AccountId, EntryId, OrderId};
use crate::money::{EntryKind, Line as EntryLine, SubAccount};

/// The id of a transfer: of the order and the decision, which makes one at most.
pub(super) fn entry_id(order: OrderId, context: &Context<'_>) -> EntryId {
    let mut cause = [0; 32];
    cause[..16].copy_from_slice(&order.0.0);
    cause[16..].copy_from_slice(&context.command_id.to_be_bytes());
    EntryId::from_u128(xxhash_rust::xxh3::xxh3_128(&cause))
}

/// By which the answer to a part of a payment is known. All other entries of a transfer are known by the transfer.
pub(super) fn leg_tag(entry: EntryId, nth: usize) -> u128 {
    let mut part = [0; 17];
    part[..16].copy_from_slice(&entry.0.0);
    // At most one part for each of an order's lines, and the rest.
    part[16] = nth as u8;
    xxhash_rust::xxh3::xxh3_128(&part)
}

/// What a line brings its seller and the market's owner.
pub(super) fn line_shares(now: &LineNow, owner: AccountId) -> [EntryShare; 2] {
    let (proceeds, fees) = (now.amount as i64 - now.commission as i64, (now.premium + now.commission) as i64);
    [
        EntryShare { account: now.seller, sub: SubAccount::Cash, amount: proceeds },
        EntryShare { account: owner, sub: SubAccount::Fees, amount: fees },
    ]
}

/// Adds shares up, one for each account and sub-account, in the order of their first appearance.
pub(super) fn add_shares(sum: &mut Vec<EntryShare>, more: &[EntryShare]) {
    for share in more {
        match sum.iter_mut().find(|one| (one.account, one.sub) == (share.account, share.sub)) {
            Some(one) => one.amount += share.amount,
            None => sum.push(*share),
        }
    }
}

/// The entries that give everybody its shares out of clearing (negative ones: back into it), one for each account.
fn postings(shares: &[EntryShare], entry: EntryId, reverses: Option<EntryId>) -> impl Iterator<Item = Ask> {
    let mut accounts: Vec<(AccountId, Vec<EntryLine>)> = Vec::new();
    for share in shares.iter().filter(|share| share.amount != 0) {
        let line = EntryLine { sub: share.sub, amount: share.amount };
        match accounts.iter_mut().find(|(account, _)| *account == share.account) {
            Some((_, lines)) => lines.push(line),
            None => accounts.push((share.account, vec![line])),
        }
    }
    accounts.into_iter().map(move |(account, mut lines)| {
        let sum: i64 = lines.iter().map(|line| line.amount).sum();
        let kind = match reverses {
            Some(_) => EntryKind::Reversal,
            None if lines.iter().any(|line| line.sub == SubAccount::Cash) => EntryKind::Proceeds,
            None => EntryKind::Fee,
        };
        lines.insert(0, EntryLine { sub: SubAccount::Clearing, amount: -sum });
        lines.retain(|line| line.amount != 0);
        // What a seller has withdrawn, it owes: a refund does not wait for it.
        let may_overdraw = reverses.is_some();
        let tag = entry.0.as_u128();
        Ask::Post(Booking { account, entry, kind, lines, reverses, may_overdraw, tag })
    })
}

/// What asks the buyer's account for a part of a payment.
pub(super) fn ask_leg(leg: &Leg, buyer: AccountId, entry: EntryId) -> Ask {
    let tag = leg.tag;
    let amount = leg.amount as i64;
    let from = match leg.source {
        Source::Hold(hold) => {
            return Ask::Capture(AskCapture { hold, amount: leg.amount, entry, tag });
        }
        Source::Balance => SubAccount::Cash,
        Source::Outside => SubAccount::Outside,
    };
    let lines =
        vec![EntryLine { sub: from, amount: -amount }, EntryLine { sub: SubAccount::Clearing, amount }];
    Ask::Post(Booking {
        account: buyer,
        entry,
        kind: EntryKind::Payment,
        lines,
        reverses: None,
        may_overdraw: false,
        tag,
    })
}

/// Gives the buyer an amount out of clearing, onto its balance.
pub(super) fn give_buyer(buyer: AccountId, amount: u64, entry: EntryId, reverses: Option<EntryId>) -> Ask {
    let lines = vec![
        EntryLine { sub: SubAccount::Clearing, amount: -(amount as i64) },
        EntryLine { sub: SubAccount::Cash, amount: amount as i64 },
    ];
    let (kind, tag) = (EntryKind::Refund, entry.0.as_u128());
    Ask::Post(Booking { account: buyer, entry, kind, lines, reverses, may_overdraw: true, tag })
}

impl Order {
    /// What is left of what was paid.
    pub(super) const fn remaining(&self) -> u64 {
        self.total.saturating_sub(self.refunded)
    }

    /// Who gets the fees: the market's owner; the platform's own account where the market is not known here.
    pub(super) fn fees_to(&self, context: &Context<'_>) -> AccountId {
        let booked = self.shares.iter().find(|share| share.sub == SubAccount::Fees);
        let owner = || context.facts.market(self.market).map_or(AccountId::HOUSE, |market| market.owner);
        booked.map_or_else(owner, |share| share.account)
    }

    /// What a payment brings everybody, and the entries that give it to them.
    pub(super) fn shares_of_payment(
        &self,
        entry: EntryId,
        context: &Context<'_>,
    ) -> (Vec<EntryShare>, Vec<Ask>) {
        let owner = self.fees_to(context);
        let mut shares = Vec::new();
        for line in &self.lines {
            add_shares(&mut shares, &line_shares(&line.now, owner));
        }
        let asks = postings(&shares, entry, None).collect();
        (shares, asks)
    }

    /// The entries of a refund: everybody gives its (negative) share back, the buyer gets the sum.
    pub(super) fn book_back(&self, shares: &[EntryShare], entry: EntryId) -> Vec<Ask> {
        let amount: i64 = shares.iter().map(|share| -share.amount).sum();
        let mut asks: Vec<Ask> = postings(shares, entry, self.entry).collect();
        if amount > 0 {
            asks.push(give_buyer(self.buyer, amount.unsigned_abs(), entry, self.entry));
        }
        asks
    }

    /// What everybody gives back of lines that became smaller. At most what is left: an operator may have given back a
    /// part of it before.
    pub(super) fn shares_of_cut(&self, lines: &[LineNow], context: &Context<'_>) -> Vec<EntryShare> {
        let owner = self.fees_to(context);
        let mut shares = Vec::new();
        for (line, now) in self.lines.iter().zip(lines) {
            let negative = |share: EntryShare| EntryShare { amount: -share.amount, ..share };
            add_shares(&mut shares, &line_shares(&line.now, owner).map(negative));
            add_shares(&mut shares, &line_shares(now, owner));
        }
        let amount: i64 = shares.iter().map(|share| -share.amount).sum();
        if amount > self.remaining() as i64 {
            return self.shares_of_refund(self.remaining());
        }
        only_giving(&mut shares);
        shares
    }

    /// What everybody gives back of an amount: in proportion to what it has; the whole is exactly what everybody has.
    pub(super) fn shares_of_refund(&self, amount: u64) -> Vec<EntryShare> {
        if amount >= self.remaining() {
            return self.shares.iter().map(|share| EntryShare { amount: -share.amount, ..*share }).collect();
        }
        let has = |share: &EntryShare| u128::from(share.amount.max(0).unsigned_abs());
        let sum: u128 = self.shares.iter().map(has).sum();
        let mut left = amount;
        let mut shares = self.shares.clone();
        for share in &mut shares {
            // At most what it has, since the amount is at most the sum.
            let part = (u128::from(amount) * has(share)).checked_div(sum).unwrap_or(0) as u64;
            left -= part;
            share.amount = -(part as i64);
        }
        // What rounding leaves, less than one unit for each party, from those that have more, in their order.
        for (share, had) in shares.iter_mut().zip(&self.shares) {
            if left > 0 && -share.amount < had.amount {
                share.amount -= 1;
                left -= 1;
            }
        }
        shares.retain(|share| share.amount != 0);
        shares
    }
}

/// Rounding may let a party gain a unit by a smaller line, where rates are near 100 %: it then gives nothing back, and
/// another so much less.
fn only_giving(shares: &mut [EntryShare]) {
    let mut gained = 0;
    for share in shares.iter_mut().filter(|share| share.amount > 0) {
        gained += std::mem::take(&mut share.amount);
    }
    for share in shares.iter_mut() {
        let less = gained.min(-share.amount).max(0);
        share.amount += less;
        gained -= less;
    }
}

/// The sum of what lines cost their buyer.
pub(super) fn total_of(lines: &[Line]) -> u128 {
    lines.iter().map(|line| u128::from(line.now.amount) + u128::from(line.now.premium)).sum()
}
