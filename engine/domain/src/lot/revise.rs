//! New content and terms of a lot.

use super::{Lot, LotEvent, Phase, ReviseLot, Revised};
use crate::actor::Decision;
use crate::amount::{Amount, Hidden};
use crate::context::Context;
use crate::rejection::Rejection;
use crate::time::Timestamp;

impl Lot {
    /// Before it opens everything may change; once it is open neither start nor end (`lot.extend` has those); after the
    /// first bid only what people read, and the reserve downwards. The reserve is the seller's alone.
    pub(super) fn revise(
        &self,
        command: &ReviseLot,
        context: &Context<'_>,
    ) -> Result<Decision<LotEvent>, Rejection> {
        self.authorize_seller(context)?;
        if command.reserve.is_some() && context.by != self.listing.seller {
            return Err(Rejection::Forbidden);
        }
        if matches!(self.phase, Phase::Closing | Phase::Closed) {
            return Err(self.wrong_state());
        }
        if self.phase == Phase::Open {
            self.check_not_ended(context.now)?;
        }
        let opened = matches!(self.phase, Phase::Open | Phase::Paused);
        let times = command.opens_at.is_some() || command.closes_at.is_some();
        let amounts = command.start_amount.is_some() || command.buy_now.is_some();
        let begun = self.bidding.rules().has_begun();
        if (opened && times) || (begun && amounts) {
            return Err(self.wrong_state());
        }
        if let (true, Some(reserve)) = (begun, command.reserve) {
            self.check_lowered(reserve)?;
        }
        self.revised(command, context.now)
    }

    /// After the first bid a reserve may only be moved in the bidders' favour, and only while it is not met. In a sealed lot
    /// nobody may learn whether it is, also not by a refusal: there it may always be.
    fn check_lowered(&self, reserve: Amount) -> Result<(), Rejection> {
        let standing = self.bidding.rules().standing(&self.listing);
        let unmet = self.listing.sealed || standing.reserve_met == Some(false);
        let tender = self.listing.format.is_tender();
        let eased = |present: Amount| if tender { reserve >= present } else { reserve <= present };
        if !unmet || !self.listing.reserve.is_some_and(|Hidden(present)| eased(present)) {
            let expected = if tender { "above" } else { "below" };
            let expected = format!("{expected} the present one, which no bid has met yet");
            return Err(Rejection::invalid("reserve", expected));
        }
        Ok(())
    }

    fn revised(&self, command: &ReviseLot, now: Timestamp) -> Result<Decision<LotEvent>, Rejection> {
        let mut listing = self.listing.clone();
        let content = &mut listing.content;
        replace(&mut content.title, command.title.as_ref());
        replace(&mut content.images, command.images.as_ref());
        content.description = command.description.clone().or_else(|| content.description.take());
        content.category = command.category.clone().or_else(|| content.category.take());
        content.estimate = command.estimate.or(content.estimate);
        replace(&mut listing.start_amount, command.start_amount.as_ref());
        listing.reserve = command.reserve.map(Hidden).or(listing.reserve);
        listing.buy_now = command.buy_now.or(listing.buy_now);
        listing.opens_at = command.opens_at.or(listing.opens_at);
        listing.validate()?;
        let ends_at = command.closes_at.or(self.ends_at);
        if command.opens_at.is_some() || command.closes_at.is_some() {
            listing.validate_times(ends_at, now)?;
        }
        let phase = match self.phase {
            Phase::Draft if listing.opens_at.is_some() => Phase::Scheduled,
            phase => phase,
        };
        let mut bidding = self.bidding.clone();
        if let Some(reserve) = command.reserve {
            bidding.rules_mut().lower_reserve(&self.listing, reserve);
        }
        let standing = bidding.rules().standing(&listing);
        let revised = LotEvent::Revised(Box::new(Revised {
            content: listing.content,
            phase,
            opens_at: listing.opens_at,
            ends_at,
            start_amount: listing.start_amount,
            buy_now: listing.buy_now,
            buy_now_left: standing.buy_now,
            reserve: command.reserve.map(Hidden),
            reserve_met: standing.reserve_met,
            min_next_amount: standing.min_next_amount,
        }));
        // A maximum that counts for less by a lowered reserve needs less money.
        let freed = self.freed_by(&bidding);
        Ok(Decision::events(std::iter::once(revised).chain(freed).collect()))
    }
}

fn replace<T: Clone>(place: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        place.clone_from(new);
    }
}
