//! What all bids of a lot come to, worked out from the list of them.

use crate::amount::{Amount, Hidden};
use crate::id::{AccountId, BidId};
use crate::increments::Increments;
use crate::limits::BIDS_KEPT;
use crate::lot::{Format, Listing, Package, Pricing};
use crate::time::Timestamp;

/// A bid that stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bid {
    pub(super) account: AccountId,
    pub(super) alias: u32,
    pub(super) bid: BidId,
    pub(super) amount: Amount,
    pub(super) units: u64,
    pub(super) all_or_none: bool,
    pub(super) at: Timestamp,
    pub(super) package: Option<Package>,
}

/// All bids that stand, in the order of their times.
#[derive(Debug, Clone)]
pub(super) struct Bids {
    pub(super) list: Vec<Bid>,
    increments: Increments,
    tender: bool,
    /// Everybody who ever bid, in the order of first bids: a dutch lot names its winners in it.
    met: Vec<AccountId>,
}

impl Bids {
    pub(super) fn new(listing: &Listing) -> Self {
        let increments = Increments::new(listing.increments.clone(), listing.currency);
        Self { list: Vec::new(), increments, tender: listing.format.is_tender(), met: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// How many have a bid.
    pub(super) fn bidders(&self) -> usize {
        self.list.iter().map(|bid| bid.account).collect::<hashbrown::HashSet<_>>().len()
    }

    pub(super) fn units(&self) -> u64 {
        self.list.iter().map(|bid| bid.units).sum()
    }

    /// Whether an amount is at least, in a tender at most, another.
    pub(super) fn is_in_range(&self, amount: Amount, limit: Amount) -> bool {
        if self.tender { amount <= limit } else { amount >= limit }
    }

    /// A lot forgets the older half of a bidder's bids when there are too many.
    pub(super) fn push(&mut self, bid: Bid) {
        if !self.met.contains(&bid.account) {
            self.met.push(bid.account);
        }
        let own = self.list.iter().filter(|other| other.account == bid.account).count();
        if own >= 2 * BIDS_KEPT && bid.units == 1 && !bid.all_or_none {
            let mut older = BIDS_KEPT;
            self.list.retain(|other| {
                let goes = other.account == bid.account && older > 0;
                older -= usize::from(goes);
                !goes
            });
        }
        self.list.push(bid);
    }

    pub(super) fn remove(&mut self, account: AccountId, bid: Option<BidId>) {
        self.list.retain(|other| other.account != account || bid.is_some_and(|bid| bid != other.bid));
    }

    pub(super) fn last_of(&self, account: AccountId) -> Option<&Bid> {
        self.list.iter().rev().find(|bid| bid.account == account)
    }

    /// The last bid of each bidder, best first; of equal ones the earlier first.
    fn ranked(&self) -> Vec<&Bid> {
        let mut seen = hashbrown::HashSet::new();
        let mut ranked: Vec<&Bid> = self.list.iter().rev().filter(|bid| seen.insert(bid.account)).collect();
        ranked.reverse();
        // A stable sort keeps the order of time.
        ranked.sort_by(|one, other| {
            if self.tender { one.amount.cmp(&other.amount) } else { other.amount.cmp(&one.amount) }
        });
        ranked
    }

    pub(super) fn leader(&self) -> Option<Bid> {
        self.ranked().first().map(|&&bid| bid)
    }

    /// What the next bid must reach; `None` where none can follow.
    pub(super) fn next_amount(&self, listing: &Listing, price: Option<Amount>) -> Option<Amount> {
        let Some(price) = price else { return Some(listing.start_amount) };
        let step = self.increments.at(price);
        if self.tender { price.checked_sub(step) } else { price.checked_add(step) }
    }

    /// Who gets how many units of a lot that sells several.
    pub(super) fn served(&self, quantity: u64) -> Vec<(Bid, u64)> {
        let mut left = quantity;
        let mut served = Vec::new();
        for bid in self.ranked() {
            let units = bid.units.min(left);
            if units > 0 && (units == bid.units || !bid.all_or_none) {
                left -= units;
                served.push((*bid, units));
            }
        }
        served
    }

    /// The public price that the bids give by themselves.
    pub(super) fn price(&self, listing: &Listing) -> Option<Amount> {
        let ranked = self.ranked();
        let best = ranked.first()?.amount;
        match listing.format {
            Format::English | Format::Candle if listing.plain => Some(lifted(listing, best, best)),
            Format::English | Format::Candle => {
                let second = ranked.get(1).map(|bid| bid.amount);
                let between = |second: Amount| best.min(second.saturating_add(self.increments.at(second)));
                Some(lifted(listing, second.map_or(listing.start_amount, between), best))
            }
            Format::Reverse if !listing.sealed => Some(best),
            Format::MultiUnit => self.unit_price(listing),
            _ => None,
        }
    }

    fn unit_price(&self, listing: &Listing) -> Option<Amount> {
        let served = self.served(listing.quantity);
        let lowest = served.last()?.0.amount;
        if listing.pricing != Pricing::UniformHighestLosing {
            return Some(lowest);
        }
        let winners: hashbrown::HashSet<_> = served.iter().map(|(winner, _)| winner.account).collect();
        let loses = |bid: &&&Bid| !winners.contains(&bid.account);
        let losing = self.ranked().iter().find(loses).map_or(listing.start_amount, |bid| bid.amount);
        Some(losing.max(listing.start_amount).min(lowest))
    }

    /// RULES, "reserve": what hidden bids count when it is changed in the bidders' favour.
    pub(super) fn ease(&mut self, listing: &Listing, reserve: Option<Hidden>, price: Option<Amount>) {
        let (Some(Hidden(new)), Some(Hidden(old))) = (reserve, listing.reserve) else { return };
        let leader = self.leader().map(|leader| leader.account);
        let below = Amount::new(new.get() - 1);
        for bid in &mut self.list {
            let amount = bid.amount;
            bid.amount = match (listing.format, price) {
                (Format::English, Some(price)) if Some(bid.account) == leader => {
                    amount.min(below.map_or(price, |below| below.max(price)))
                }
                (Format::SealedFirstPrice | Format::Vickrey, _) if amount < old => {
                    amount.min(below.unwrap_or(Amount::ONE))
                }
                (Format::Reverse, _) if listing.sealed && amount > old => {
                    amount.max(new.saturating_add(Amount::ONE))
                }
                _ => amount,
            };
        }
    }

    /// (account, units, hammer price) in the order in which they are served.
    pub(super) fn winners(&self, listing: &Listing, price: Option<Amount>) -> Vec<(AccountId, u64, Amount)> {
        match listing.format {
            Format::Dutch => return self.takers(),
            Format::Japanese => return self.stayers(listing, price),
            Format::MultiUnit => return self.unit_winners(listing, price),
            _ => {}
        }
        let ranked = self.ranked();
        let reaches =
            |reserve: Hidden| ranked.first().is_some_and(|best| self.is_in_range(best.amount, reserve.0));
        let Some(best) = ranked.first().filter(|_| listing.reserve.is_none_or(reaches)) else {
            return Vec::new();
        };
        let hammer = match listing.format {
            Format::Vickrey => {
                let second = ranked.get(1).map_or(listing.start_amount, |bid| bid.amount);
                let floor = listing.reserve.map_or(listing.start_amount, |Hidden(reserve)| reserve);
                Some(second.max(floor).max(listing.start_amount))
            }
            Format::English => price,
            _ => Some(best.amount),
        };
        hammer.map(|hammer| (best.account, listing.quantity, hammer)).into_iter().collect()
    }

    /// Whoever is in, in the order of entry, as far as there are units.
    fn stayers(&self, listing: &Listing, price: Option<Amount>) -> Vec<(AccountId, u64, Amount)> {
        let price = price.unwrap_or(listing.start_amount);
        let units = usize::try_from(listing.quantity).unwrap_or(usize::MAX);
        self.list.iter().take(units).map(|bid| (bid.account, 1, price)).collect()
    }

    fn takers(&self) -> Vec<(AccountId, u64, Amount)> {
        let won = |&account: &AccountId| {
            let own = self.list.iter().filter(|take| take.account == account);
            let (units, amount) = own.fold((0, 0), |(units, amount), take| {
                (units + take.units, amount + take.units * take.amount.get())
            });
            Amount::new(amount).map(|amount| (account, units, amount))
        };
        self.met.iter().filter_map(won).collect()
    }

    fn unit_winners(&self, listing: &Listing, price: Option<Amount>) -> Vec<(AccountId, u64, Amount)> {
        let won = |(bid, units): (Bid, u64)| {
            let unit = if listing.pricing == Pricing::PayAsBid { Some(bid.amount) } else { price };
            unit?.checked_mul(units).map(|amount| (bid.account, units, amount))
        };
        self.served(listing.quantity).into_iter().filter_map(won).collect()
    }
}

/// A met reserve lifts the price to it.
fn lifted(listing: &Listing, price: Amount, top: Amount) -> Amount {
    match listing.reserve {
        Some(Hidden(reserve)) if top >= reserve => price.max(reserve),
        _ => price,
    }
}
