//! What events make of a book.

use super::matching::Order;
use super::state::{Ask, Auction, Live, number};
use super::{
    Book, BookEvent, BookState, Crossed, Ended, Entered, Gone, HoldAsked, LastTrade, Level, OrderView, Part,
    Purpose, Reduced, Refused, Side, StateChanged,
};
use crate::context::Stamp;
use crate::id::AccountId;
use crate::limits::INDICATIVE_MS;
use crate::time::Timestamp;

impl Book {
    pub(super) fn take_over(&mut self, event: &BookEvent, stamp: &Stamp) {
        self.channel_seq += event.public_count();
        self.transfers += u64::from(event.is_transfer());
        self.count_levels(event.levels());
        match event {
            BookEvent::Created(_) => {}
            BookEvent::Entered(entered) => self.take_entered(entered),
            BookEvent::Ended(ended) => self.take_ended(ended),
            BookEvent::Reduced(reduced) => self.take_reduced(reduced),
            BookEvent::HoldAsked(asked) => self.take_ask(asked),
            BookEvent::Refused(refused) => self.take_refused(refused),
            BookEvent::Dropped(dropped) => {
                self.asks.remove(&dropped.asked.command_id);
            }
            BookEvent::StateChanged(change) => self.take_state(change, stamp),
            BookEvent::Indicated(indicated) => {
                if let Some(auction) = &mut self.auction {
                    auction.indicative = indicated.indicative;
                    (auction.indicated_at, auction.indicate_at) = (Some(stamp.time), None);
                }
            }
            BookEvent::Uncrossed(uncrossed) => {
                self.state = BookState::Uncrossing;
                let left = uncrossed.result.map_or(0, |result| self.lots(result.volume));
                let uncrossed_at = Some(stamp.time);
                let price = uncrossed.result;
                self.auction = Some(Box::new(Auction { price, left, uncrossed_at, ..Auction::default() }));
            }
            BookEvent::Crossed(crossed) => self.take_crossed(crossed),
            BookEvent::AuctionEnded(ended) => {
                self.take_ended(ended);
                (self.state, self.auction) = (BookState::Continuous, None);
            }
        }
        if changes_orders(event) {
            self.note_change(stamp.time);
        }
    }

    /// In an auction the indicative price is worked out again, soon.
    fn note_change(&mut self, now: Timestamp) {
        let Some(auction) = self.auction.as_deref_mut() else { return };
        if auction.indicate_at.is_none() {
            let earliest = auction.indicated_at.map_or(now, |last| last.plus_ms(INDICATIVE_MS));
            auction.indicate_at = Some(earliest.max(now));
        }
    }

    /// Counts the levels that come and go. Every level stands once in an event, so what it was is what is there now.
    fn count_levels(&mut self, levels: &[Level]) {
        for level in levels {
            let was = self.core.level(level.side, level.price / self.listing.tick).is_some();
            let count = &mut self.levels[usize::from(level.side == Side::Sell)];
            match (was, level.quantity > 0) {
                (false, true) => *count += 1,
                (true, false) => *count -= 1,
                _ => {}
            }
        }
    }

    fn take_entered(&mut self, entered: &Entered) {
        let Entered { view, asked, moved, .. } = entered;
        let id = number(view.order);
        if let Some(ask) = asked.and_then(|asked| self.asks.remove(&asked.command_id)) {
            self.uncount(ask.new_order());
        }
        let before = if entered.modified { self.forget(id) } else { None };
        entered.makers.iter().for_each(|part| self.take_part(part));
        entered.gone.iter().for_each(|gone| self.take_gone(gone));
        if let Some(maker) = entered.makers.last() {
            let (price, quantity) = (maker.price(), maker.quantity);
            self.last_trade = Some(LastTrade { price, quantity, taker_side: Some(view.side) });
        }
        if entered.ended.is_some() || view.remaining == 0 {
            return;
        }
        let value: u64 = entered.makers.iter().fold(0, |sum: u64, part| sum.saturating_add(part.value));
        let live = Live {
            r#type: view.r#type,
            price: view.price,
            filled: view.filled,
            value: before.map_or(0, |before| before.value).saturating_add(value),
            held: moved.as_deref().map_or(0, |moved| moved.held),
            expires_at: entered.expires_at,
            raising: false,
        };
        let order = Order {
            id,
            account: view.account,
            side: view.side,
            price: self.ticks(view.side, view.price.or(entered.pays_to)),
            quantity: self.lots(view.remaining),
        };
        // Its rules have asked `admits`.
        if self.core.add(&order).is_ok() {
            self.orders.insert(id, live);
            *self.counts.entry(view.account).or_insert(0) += 1;
            self.expiries.extend(live.expires_at.map(|expires_at| (expires_at, id)));
        }
    }

    /// A resting order's part in trades.
    fn take_part(&mut self, part: &Part) {
        let id = number(part.view.order);
        if part.view.remaining == 0 {
            self.forget(id);
            return;
        }
        let lots = self.lots(part.quantity);
        if let Some(handle) = self.core.find(id) {
            // The rules have looked at what it has.
            let _ = self.core.consume(handle, lots);
        }
        if let Some(live) = self.orders.get_mut(&id) {
            live.filled = part.view.filled;
            live.value = live.value.saturating_add(part.value);
            live.held = part.moved.map_or(0, |moved| moved.held);
        }
    }

    fn take_gone(&mut self, gone: &Gone) {
        let id = number(gone.view.order);
        if self.forget(id).is_some() {
            return;
        }
        let waiting = self.asks.get_mut(&id).filter(|ask| !ask.dropped);
        if let Some(ask) = waiting {
            ask.dropped = true;
            let account = ask.new_order();
            self.uncount(account);
        }
    }

    /// Takes an order out of the book.
    fn forget(&mut self, id: u128) -> Option<Live> {
        let live = self.orders.remove(&id)?;
        if let Some(order) = self.core.find(id).and_then(|handle| self.core.cancel(handle)) {
            self.uncount(Some(order.account));
        }
        if let Some(expires_at) = live.expires_at {
            self.expiries.remove(&(expires_at, id));
        }
        Some(live)
    }

    fn uncount(&mut self, account: Option<AccountId>) {
        let Some(account) = account else { return };
        match self.counts.get_mut(&account) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.counts.remove(&account)),
        }
    }

    fn take_ended(&mut self, ended: &Ended) {
        ended.gone.iter().for_each(|gone| self.take_gone(gone));
    }

    fn take_reduced(&mut self, reduced: &Reduced) {
        let OrderView { order, remaining, .. } = reduced.view;
        let (id, lots) = (number(order), self.lots(remaining));
        if let Some(handle) = self.core.find(id) {
            // The rules have looked at what it has.
            let _ = self.core.reduce(handle, lots);
        }
        if let (Some(live), Some(held)) = (self.orders.get_mut(&id), reduced.held) {
            live.held = held;
        }
    }

    fn take_ask(&mut self, event: &HoldAsked) {
        let HoldAsked { view, purpose, total, more, asked, .. } = *event;
        match purpose {
            Purpose::Place(_) => *self.counts.entry(view.account).or_insert(0) += 1,
            Purpose::Modify(_) => {
                if let Some(live) = self.orders.get_mut(&number(view.order)) {
                    live.raising = true;
                }
            }
        }
        let ask = Ask { asked, view, purpose, total, more, dropped: false };
        self.asks.insert(asked.command_id, ask);
    }

    fn take_refused(&mut self, refused: &Refused) {
        let Some(ask) = self.asks.remove(&refused.asked.command_id) else { return };
        self.uncount(ask.new_order());
        if let (false, Some(live)) = (refused.is_new, self.orders.get_mut(&number(refused.view.order))) {
            live.raising = false;
        }
    }

    fn take_state(&mut self, change: &StateChanged, stamp: &Stamp) {
        let halted = self.state == BookState::Halted;
        self.state = change.state;
        match (change.state, self.auction.as_deref_mut()) {
            (BookState::Halted, Some(auction)) => {
                auction.halted_at = Some(stamp.time);
                (auction.indicative, auction.indicate_at) = (None, None);
            }
            (BookState::Auction, Some(auction)) if halted => {
                auction.ends_at = change.ends_at;
                auction.end = auction.end.map(|end| end.plus_micros(change.later_us));
                auction.halted_at = None;
                auction.indicate_at = Some(stamp.time);
            }
            (BookState::Auction, _) => {
                let end = super::auction::end_of(change, stamp);
                let ends_at = change.ends_at;
                let indicate_at = Some(stamp.time);
                self.auction = Some(Box::new(Auction { ends_at, end, indicate_at, ..Auction::default() }));
            }
            _ => {}
        }
    }

    fn take_crossed(&mut self, crossed: &Crossed) {
        crossed.parts.iter().for_each(|part| self.take_part(part));
        let lots = self.lots(crossed.volume);
        self.last_trade =
            Some(LastTrade { price: crossed.price, quantity: crossed.volume, taker_side: None });
        if let Some(auction) = &mut self.auction {
            auction.left = auction.left.saturating_sub(lots);
        }
    }
}

/// Whether what rests is another after it.
const fn changes_orders(event: &BookEvent) -> bool {
    matches!(event, BookEvent::Entered(_) | BookEvent::Ended(_) | BookEvent::Reduced(_))
}
