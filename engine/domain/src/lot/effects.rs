//! What a lot's events cause others to receive, and which earlier commands they complete. From the event, its lot's id and
//! its stamp alone.

use super::{LotEvent, Restated, RestatementCause, Sold, Win};
use crate::account::{AccountCommand, CountRetraction};
use crate::actor::Command;
use crate::context::Stamp;
use crate::effect::{Asked, Effect, Effects};
use crate::id::{Id, LotId, MarketId};
use crate::order::{OpenWonOrder, OrderCommand};
use crate::rejection::Rejection;
use crate::time::Timestamp;

impl LotEvent {
    /// See [`crate::actor::Event::effects`].
    #[inline]
    pub fn effects(&self, id: Id, stamp: &Stamp, out: &mut Effects) {
        if let Self::BidPlaced(_) | Self::MaximumRaised(_) = self {
            return;
        }
        self.effects_on_holds(id, stamp, out);
        match self.inner() {
            Self::Restated(event) => out.extend(event.counted(LotId(id))),
            Self::Closed(_) if crate::mutant("order_missing") => {}
            Self::Closed(event) => {
                let orders = event.winners.iter().zip(std::iter::repeat(&event.sold));
                out.extend(orders.filter_map(|(win, sold)| {
                    Some(sold.as_ref()?.order(LotId(id), event.market, win, stamp.time))
                }));
            }
            Self::Bought(event) => {
                let order = |sold: &Sold| sold.order(LotId(id), event.market, &event.win, stamp.time);
                out.extend(event.sold.as_deref().map(order));
            }
            _ => {}
        }
    }

    /// See [`crate::actor::Event::asked`].
    #[must_use]
    #[inline]
    pub fn asked(&self) -> Option<Asked> {
        match self {
            Self::Backed(event) => event.asked,
            Self::Refused(event) => event.asked,
            _ => None,
        }
    }

    /// See [`crate::actor::Event::refusal`].
    #[must_use]
    #[inline]
    pub fn refusal(&self) -> Option<&Rejection> {
        match self {
            Self::Refused(event) if event.asked.is_some() => Some(&event.rejection),
            _ => None,
        }
    }
}

impl Restated {
    /// A retraction is counted on its account (RULES, "Retraction").
    fn counted(&self, lot: LotId) -> Option<Effect> {
        let (account, bids) = (self.account, self.removed);
        let count = AccountCommand::CountRetraction(CountRetraction { account, lot, bids });
        (self.cause == RestatementCause::Retracted).then(|| Effect::new(account, Command::Account(count)))
    }
}

impl Sold {
    /// The order of a winner (I21): exactly one, since a lot is sold once.
    fn order(&self, lot: LotId, market: MarketId, win: &Win, closed_at: Timestamp) -> Effect {
        let Win { account, quantity, amount, order, premium, commission, hold, deposit, items, .. } = *win;
        // In a tender the lot's seller pays and the winner delivers.
        let (buyer, seller) = if self.tender { (self.seller, account) } else { (account, self.seller) };
        let command = OrderCommand::OpenWon(Box::new(OpenWonOrder {
            order,
            lot,
            market,
            currency: self.currency,
            buyer,
            seller,
            title: items.map_or_else(|| self.title.clone(), |items| items.added_to(&self.title)),
            quantity,
            hammer: amount,
            premium,
            commission,
            hold,
            deposit,
            tender: self.tender,
            fees: self.fees.clone(),
            closed_at,
            deposit_amount: deposit.and(self.deposit),
        }));
        Effect::new(order, Command::Order(command))
    }
}
