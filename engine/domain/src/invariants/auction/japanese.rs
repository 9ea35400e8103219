//! Steps of a japanese clock: when the last competitor leaves, and who is left then, from all amounts at once.

use super::{Auction, Bid, Checked, holds};
use crate::amount::Amount;
use crate::id::AccountId;
use crate::lot::{Clock, Stepped};

/// The prices of a rising clock, from its start.
fn prices(clock: Clock) -> impl Iterator<Item = Amount> {
    let ceiling = clock.ceiling.unwrap_or(Amount::MAX);
    let next = move |price: &Amount| {
        let higher = price.saturating_add(clock.step).min(ceiling);
        (higher > *price).then_some(higher)
    };
    std::iter::successors(Some(clock.start), next)
}

impl Auction {
    /// Somebody is in up to an amount, or moves it.
    pub(super) fn stays(&mut self, bid: Bid) -> Checked {
        let price = self.price.unwrap_or(self.listing.start_amount);
        holds("I12", bid.amount >= price, || format!("nobody is in below {price:?}"))?;
        match self.bids.list.iter_mut().find(|own| own.account == bid.account) {
            // Whoever is in keeps its place.
            Some(own) => *own = bid,
            None => {
                let enters = price == self.listing.start_amount;
                self.bids.push(bid);
                holds("I15", enters, || "nobody enters after the first step".to_owned())?;
            }
        }
        Ok(())
    }

    /// Who is left, and at which price, when the clock has shown `price` or has made its last step.
    pub(super) fn stepped(&mut self, event: &Stepped) -> Checked {
        let Some(clock) = self.listing.clock else {
            return holds("I14", false, || "only a clock steps".to_owned());
        };
        let before = self.price.unwrap_or(self.listing.start_amount);
        let units = usize::try_from(self.listing.quantity).unwrap_or(usize::MAX);
        let (price, stay) = if event.last {
            self.left_at_the_end(clock, before, units)
        } else {
            let stay = self.bids.list.iter().filter(|bid| bid.amount >= event.price);
            let stay: Vec<_> = stay.map(|bid| bid.account).collect();
            let goes_on = event.price == before || stay.len() > units;
            holds("I11", goes_on, || "a step that leaves as many as there are units is the last".to_owned())?;
            let shown = prices(clock).take_while(|&price| price <= event.price).last();
            (shown.unwrap_or(event.price), stay)
        };
        holds("I14", event.price == price && price >= before, || format!("the clock shows {price:?}"))?;
        let fallen = self.bids.list.iter().map(|bid| bid.account).filter(|account| !stay.contains(account));
        let mut fallen: Vec<_> = fallen.collect();
        let mut told = event.fallen.clone();
        fallen.sort_unstable();
        told.sort_unstable();
        holds("I11", told == fallen, || format!("{fallen:?} are out"))?;
        self.bids.list.retain(|bid| stay.contains(&bid.account));
        (self.price, self.last) = (Some(price), event.last);
        holds("I14", event.bidders as usize == stay.len(), || format!("{} are in", stay.len()))
    }

    fn left_at_the_end(&self, clock: Clock, before: Amount, units: usize) -> (Amount, Vec<AccountId>) {
        let all: Vec<_> = self.bids.list.iter().map(|bid| (bid.amount, bid.account)).collect();
        let mut amounts: Vec<_> = all.iter().map(|(amount, _)| *amount).collect();
        amounts.sort_unstable_by_key(|&amount| std::cmp::Reverse(amount));
        // The one that is in longest of those who do not win.
        let Some(&competitor) = amounts.get(units) else {
            return (before, all.into_iter().map(|(_, account)| account).collect());
        };
        let refused = prices(clock).find(|&price| price > competitor && price > before);
        let accepted = prices(clock).take_while(|&price| price <= competitor).last().unwrap_or(before);
        let stays = |amount: Amount| refused.is_some_and(|refused| amount >= refused);
        let (stay, leave): (Vec<_>, Vec<_>) = all.into_iter().partition(|(amount, _)| stays(*amount));
        let price = refused.filter(|_| stay.len() == units).unwrap_or(accepted.max(before));
        // Those who leave must have been in until the last step.
        let leave = leave.into_iter().filter(|(amount, _)| *amount >= price);
        (price, stay.into_iter().chain(leave).map(|(_, account)| account).take(units).collect())
    }
}
