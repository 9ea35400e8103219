//! Winners of packages: every allocation, one after the other, where they are few; else what every outcome must be.

use super::{Auction, Bid, Checked, holds};
use crate::lot::Closed;

/// Up to so many items and bids all allocations are gone through.
const ITEMS_ENUMERATED: usize = 6;
const BIDS_ENUMERATED: usize = 20;

/// The sum of an allocation, the seller's items at their start, and which bids are in it, in the order of bids.
type Allocation = (u64, Vec<bool>);

struct Search<'a> {
    bids: Vec<&'a Bid>,
    items: usize,
    start: u64,
}

impl Search<'_> {
    fn items_of(bid: &Bid) -> u16 {
        bid.package.map_or(0, crate::lot::Package::bits)
    }

    /// The best of all allocations of the items from `item` on.
    fn best(&self, item: usize, taken: u16, sum: u64, chosen: &mut Vec<bool>) -> Allocation {
        if item == self.items {
            return (sum, chosen.clone());
        }
        if taken & (1 << item) != 0 {
            return self.best(item + 1, taken, sum, chosen);
        }
        let mut best = self.best(item + 1, taken | 1 << item, sum + self.start, chosen);
        for (nth, bid) in self.bids.iter().enumerate() {
            let items = Self::items_of(bid);
            let account = bid.account;
            let has_one = self.bids.iter().zip(&*chosen).any(|(other, &won)| won && other.account == account);
            if items & (1 << item) == 0 || items & taken != 0 || has_one {
                continue;
            }
            chosen[nth] = true;
            let found = self.best(item + 1, taken | items, sum + bid.amount.get(), chosen);
            chosen[nth] = false;
            best = best.max(found);
        }
        best
    }

    fn all(&self) -> Allocation {
        self.best(0, 0, 0, &mut vec![false; self.bids.len()])
    }
}

impl Auction {
    /// A bid on a package; an earlier one of the bidder for the same is replaced.
    pub(super) fn packs(&mut self, bid: Bid) -> Checked {
        let Some(package) = bid.package else {
            return holds("I12", false, || "a bid is for a package".to_owned());
        };
        let least = self.listing.start_amount.checked_mul(package.count());
        holds("I12", least.is_some_and(|least| bid.amount >= least), || format!("at least {least:?}"))?;
        self.bids.list.retain(|own| own.account != bid.account || own.package != bid.package);
        self.bids.push(Bid { all_or_none: true, ..bid });
        Ok(())
    }

    pub(super) fn packages_won(&self, event: &Closed) -> Checked {
        let start = self.listing.start_amount.get();
        let mut taken = 0_u16;
        for win in &event.winners {
            let items = win.items.map_or(0, crate::lot::Package::bits);
            let own =
                self.bids.list.iter().find(|bid| bid.account == win.account && bid.package == win.items);
            let least = start.saturating_mul(u64::from(items.count_ones()));
            let right = own.is_some_and(|own| win.amount <= own.amount && win.amount.get() >= least);
            holds("I11", right, || format!("nobody pays more than it bid, nor less than {least}"))?;
            holds("I11", items & taken == 0 && items != 0, || "an item is won once".to_owned())?;
            taken |= items;
        }
        let (items, bids) = (self.listing.items.len(), &self.bids.list);
        if items > ITEMS_ENUMERATED || bids.len() > BIDS_ENUMERATED {
            return Ok(());
        }
        let search = |without| {
            let bids = bids.iter().filter(|bid| Some(bid.account) != without).collect();
            Search { bids, items, start }
        };
        let all = search(None);
        let (sum, chosen) = all.all();
        let winning = all.bids.iter().zip(&chosen).filter(|&(_, &won)| won).map(|(bid, _)| bid);
        let expected: Vec<_> = winning
            .map(|bid| {
                let others = search(Some(bid.account)).all().0;
                (bid.account, bid.package, bid.amount.get() - (sum - others))
            })
            .collect();
        let told: Vec<_> =
            event.winners.iter().map(|win| (win.account, win.items, win.amount.get())).collect();
        holds("I11", told == expected, || format!("{expected:?} win, not {told:?}"))
    }
}
