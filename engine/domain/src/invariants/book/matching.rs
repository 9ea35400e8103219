//! Who trades with whom: price, then time.

use super::super::auction::{Checked, holds};
use super::{Book, Rest};
use crate::book::{BookState, Cause, Entered, SelfTrade};
use crate::limits::BOOK_FILLS_MAX;

impl Book {
    /// An order that comes has traded with the best of the other side, each in its turn, as far as it could.
    pub(super) fn matched(&self, entered: &Entered, wanted: u64) -> Checked {
        let Entered { view, ended, makers, gone, .. } = entered;
        if self.state == BookState::Auction {
            let gathers = makers.is_empty() && gone.is_empty() && ended.is_none();
            return holds("I11", gathers, || format!("{entered:?} in an auction"));
        }
        let (mut left, mut met, mut stopped) = (wanted, 0, None);
        let (mut parts, mut away) = (makers.iter(), gone.iter());
        for rest in self.priority(view.side.opposite()) {
            if left == 0 || !self.meets(entered, rest) {
                break;
            }
            if met == BOOK_FILLS_MAX {
                stopped = Some(Cause::FillsLimit);
                break;
            }
            let mode = self.listing.self_trade;
            if rest.view.account == view.account && mode != SelfTrade::Allow {
                if mode != SelfTrade::CancelNewest {
                    let next = away.next().filter(|gone| gone.view == rest.view);
                    let gives_way = next.is_some_and(|gone| gone.cause == Cause::SelfTrade);
                    holds("I11", gives_way, || format!("{rest:?} stands in the way of {entered:?}"))?;
                    met += 1;
                }
                if mode != SelfTrade::CancelOldest {
                    stopped = Some(Cause::SelfTrade);
                    break;
                }
                continue;
            }
            let whole = left.min(rest.view.remaining);
            let Some(part) = parts.next() else {
                stopped = Some(Cause::AmountLimit);
                break;
            };
            let is_next = part.view.order == rest.view.order;
            holds("I11", is_next, || format!("{} is passed over by {part:?}", rest.view.order))?;
            let at_its_price = part.quantity <= whole
                && rest.at().is_some_and(|price| part.quantity.checked_mul(price) == Some(part.value));
            holds("I11", at_its_price, || format!("{part:?} of {rest:?}"))?;
            (left, met) = (left - part.quantity, met + 1);
            if part.quantity < whole {
                stopped = Some(Cause::AmountLimit);
                break;
            }
        }
        let nobody_else = parts.next().is_none() && away.next().is_none();
        holds("I11", nobody_else, || format!("more trade than there are: {entered:?}"))?;
        holds("I11", left == view.remaining, || format!("{left} are left of {entered:?}"))?;
        let why = match (stopped, *ended) {
            _ if left == 0 => ended.is_none(),
            (None, ended) => matches!(ended, None | Some(Cause::TimeInForce)),
            // Which of the two, only who knows its budget can say.
            (Some(Cause::AmountLimit), ended) => {
                matches!(ended, Some(Cause::AmountLimit | Cause::MaxAmount))
            }
            (stopped, ended) => stopped == ended,
        };
        holds("I11", why, || format!("stopped by {stopped:?}: {entered:?}"))
    }

    /// Whether a resting order's price will do.
    fn meets(&self, entered: &Entered, rest: &Rest) -> bool {
        entered.view.price.is_none_or(|limit| rest.takes(limit))
    }
}
