//! Who hears what of a book's events.

use smallvec::smallvec;

use super::{
    AuctionPrice, BookEvent, BookState, Cause, Entered, Gone, Level, Moved, OrderStatus, OrderView, Part,
    Purpose, Refused, Side,
};
use crate::actor::{Answer, AuctionAnswer, BookAnswer, BookTrade, PrivateEvents, PublicEvents, Publication};
use crate::context::Stamp;
use crate::effect::Asked;
use crate::facts::FactChange;
use crate::id::{BookId, Id};
use crate::publication::{AuctionIndicative, BookChanged, BookOrderChanged, BookStateChanged, Trade};
use crate::rejection::Rejection;

impl OrderView {
    /// How it stands: `ended` says that what remains is not open any more.
    const fn status(&self, ended: Option<Cause>) -> OrderStatus {
        match (ended, self.remaining, self.filled) {
            (_, 0, filled) if filled > 0 => OrderStatus::Filled,
            (Some(Cause::Expired), ..) => OrderStatus::Expired,
            (Some(_), ..) => OrderStatus::Cancelled,
            (None, _, 0) => OrderStatus::Open,
            (None, ..) => OrderStatus::PartlyFilled,
        }
    }

    fn changed(&self, book: BookId, status: OrderStatus, cause: Cause) -> BookOrderChanged {
        BookOrderChanged {
            book,
            book_order: self.order,
            status,
            side: self.side,
            r#type: self.r#type,
            price: self.price,
            filled: self.filled,
            remaining: self.remaining,
            cause,
            traded: None,
            value: None,
            fee: None,
        }
    }

    fn told(&self, book: BookId, status: OrderStatus, cause: Cause) -> (crate::id::AccountId, Publication) {
        let data = self.changed(book, status, cause).into();
        (self.account, Publication { name: "book_order_changed", data })
    }

    fn answer(&self, status: OrderStatus, cause: Option<Cause>) -> Answer {
        Answer::BookOrder(BookAnswer {
            book_order: self.order,
            status,
            filled: self.filled,
            remaining: self.remaining,
            trades: Vec::new(),
            cause,
        })
    }

    /// The answer about a live order that stays as it is.
    pub(super) fn answer_open(&self) -> Answer {
        self.answer(self.status(None), None)
    }
}

impl Part {
    fn told(&self, book: BookId) -> (crate::id::AccountId, Publication) {
        let changed = BookOrderChanged {
            traded: Some(self.quantity),
            value: Some(self.value),
            fee: self.moved.map(|moved| moved.fee),
            ..self.view.changed(book, self.view.status(None), Cause::Traded)
        };
        (self.view.account, Publication { name: "book_order_changed", data: changed.into() })
    }

    /// A trade's price; every part has a quantity, except in bytes that nobody wrote.
    pub(super) const fn price(&self) -> u64 {
        match self.value.checked_div(self.quantity) {
            Some(price) => price,
            None => 0,
        }
    }
}

impl Gone {
    fn told(&self, book: BookId) -> (crate::id::AccountId, Publication) {
        self.view.told(book, self.view.status(Some(self.cause)), self.cause)
    }
}

impl Entered {
    fn told(&self, book: BookId) -> (crate::id::AccountId, Publication) {
        let began = if self.modified { Cause::Modified } else { Cause::Placed };
        let mut changed = self.view.changed(book, self.view.status(self.ended), self.ended.unwrap_or(began));
        if !self.makers.is_empty() {
            let sum = |of: fn(&Part) -> u64| {
                self.makers.iter().fold(0, |sum: u64, one| sum.saturating_add(of(one)))
            };
            changed.traded = Some(sum(|part| part.quantity));
            changed.value = Some(sum(|part| part.value));
            changed.fee = self.moved.as_deref().map(|moved: &Moved| moved.fee);
        }
        (self.view.account, Publication { name: "book_order_changed", data: changed.into() })
    }

    fn answer(&self) -> Answer {
        let trade = |part: &Part| BookTrade { price: part.price(), quantity: part.quantity };
        Answer::BookOrder(BookAnswer {
            book_order: self.view.order,
            status: self.view.status(self.ended),
            filled: self.view.filled,
            remaining: self.view.remaining,
            trades: self.makers.iter().map(trade).collect(),
            cause: self.ended,
        })
    }
}

fn book_changed(levels: &[Level]) -> Option<Publication> {
    if levels.is_empty() {
        return None;
    }
    let of = |side: Side| {
        let levels = levels.iter().filter(|level| level.side == side);
        levels.map(|level| (level.price, level.quantity)).collect()
    };
    let data = BookChanged { bids: of(Side::Buy), asks: of(Side::Sell) }.into();
    Some(Publication { name: "book_changed", data })
}

fn trade(price: u64, quantity: u64, taker_side: Option<Side>) -> Publication {
    Publication { name: "trade", data: Trade { price, quantity, taker_side }.into() }
}

fn auction_price(name: &'static str, price: Option<AuctionPrice>) -> Publication {
    let data = AuctionIndicative {
        price: price.map(|price| price.price),
        volume: price.map_or(0, |price| price.volume),
        surplus: price.map_or(0, |price| price.surplus),
    };
    Publication { name, data: data.into() }
}

fn state_changed(state: BookState, ends_at: Option<crate::time::Timestamp>) -> Publication {
    let data = BookStateChanged { state, ends_at, indicative: None }.into();
    Publication { name: "book_state", data }
}

impl BookEvent {
    /// The levels that it changes, each once.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        match self {
            Self::Entered(entered) => &entered.levels,
            Self::Ended(ended) | Self::AuctionEnded(ended) => &ended.levels,
            Self::Reduced(reduced) => reduced.level.as_slice(),
            Self::Crossed(crossed) => &crossed.levels,
            Self::Created(_)
            | Self::HoldAsked(_)
            | Self::Refused(_)
            | Self::Dropped(_)
            | Self::StateChanged(_)
            | Self::Indicated(_)
            | Self::Uncrossed(_) => &[],
        }
    }

    /// See [`crate::actor::Event::public`].
    #[must_use]
    pub fn public(&self) -> PublicEvents {
        let mut public = match self {
            Self::Entered(entered) => {
                let side = Some(entered.view.side);
                entered.makers.iter().map(|part| trade(part.price(), part.quantity, side)).collect()
            }
            Self::Crossed(crossed) => smallvec![trade(crossed.price, crossed.volume, None)],
            Self::StateChanged(change) => smallvec![state_changed(change.state, change.ends_at)],
            Self::Indicated(indicated) if indicated.is_news => {
                smallvec![auction_price("auction_indicative", indicated.indicative)]
            }
            Self::Uncrossed(uncrossed) => smallvec![
                state_changed(BookState::Uncrossing, None),
                auction_price("auction_uncrossed", uncrossed.result)
            ],
            Self::AuctionEnded(_) => smallvec![state_changed(BookState::Continuous, None)],
            _ => PublicEvents::new(),
        };
        public.extend(book_changed(self.levels()));
        public
    }

    /// See [`crate::actor::Event::public_count`].
    #[must_use]
    #[inline]
    pub fn public_count(&self) -> u64 {
        let changed = u64::from(!self.levels().is_empty());
        changed
            + match self {
                Self::Entered(entered) => entered.makers.len() as u64,
                Self::Crossed(_) | Self::StateChanged(_) | Self::AuctionEnded(_) => 1,
                Self::Indicated(indicated) => u64::from(indicated.is_news),
                Self::Uncrossed(_) => 2,
                Self::Created(_)
                | Self::Ended(_)
                | Self::Reduced(_)
                | Self::HoldAsked(_)
                | Self::Refused(_)
                | Self::Dropped(_) => 0,
            }
    }

    /// See [`crate::actor::Event::private`].
    #[must_use]
    pub fn private(&self, id: Id, _stamp: &Stamp) -> PrivateEvents {
        let book = BookId(id);
        match self {
            Self::Entered(entered) => {
                let makers = entered.makers.iter().map(|part| part.told(book));
                let gone = entered.gone.iter().map(|gone| gone.told(book));
                std::iter::once(entered.told(book)).chain(makers).chain(gone).collect()
            }
            Self::Ended(ended) | Self::AuctionEnded(ended) => {
                ended.gone.iter().map(|gone| gone.told(book)).collect()
            }
            Self::Reduced(reduced) => {
                let view = &reduced.view;
                smallvec![view.told(book, view.status(None), Cause::Modified)]
            }
            Self::HoldAsked(asked) => match asked.purpose {
                Purpose::Place(_) => {
                    smallvec![asked.view.told(book, OrderStatus::Pending, Cause::Placed)]
                }
                Purpose::Modify(_) => PrivateEvents::new(),
            },
            Self::Refused(refused) if refused.is_new => {
                smallvec![refused.view.told(book, OrderStatus::Cancelled, Cause::Refused)]
            }
            Self::Crossed(crossed) => crossed.parts.iter().map(|part| part.told(book)).collect(),
            Self::Created(_)
            | Self::Refused(_)
            | Self::Dropped(_)
            | Self::StateChanged(_)
            | Self::Indicated(_)
            | Self::Uncrossed(_) => PrivateEvents::new(),
        }
    }

    /// See [`crate::actor::Event::answer`]. What comes by time answers nobody.
    #[must_use]
    pub fn answer(&self, id: Id, _stamp: &Stamp) -> Option<Answer> {
        Some(match self {
            Self::Created(_) => Answer::Book(BookId(id)),
            Self::Entered(entered) => entered.answer(),
            Self::Ended(ended) => match ended.gone.first() {
                Some(Gone {
                    view, cause: cause @ (Cause::Cancelled | Cause::CancelledByOperator), ..
                }) => view.answer(OrderStatus::Cancelled, Some(*cause)),
                _ => return None,
            },
            Self::Reduced(reduced) => reduced.view.answer_open(),
            Self::Dropped(dropped) => dropped.view.answer(OrderStatus::Cancelled, Some(Cause::Cancelled)),
            Self::StateChanged(change) if change.started => {
                let (state, ends_at) = (change.state, change.ends_at);
                Answer::BookAuction(AuctionAnswer { state, price: None, volume: None, ends_at })
            }
            Self::Uncrossed(uncrossed) => Answer::BookAuction(AuctionAnswer {
                state: BookState::Uncrossing,
                price: uncrossed.result.map(|result| result.price),
                volume: Some(uncrossed.result.map_or(0, |result| result.volume)),
                ends_at: None,
            }),
            Self::StateChanged(_)
            | Self::HoldAsked(_)
            | Self::Refused(_)
            | Self::Indicated(_)
            | Self::Crossed(_)
            | Self::AuctionEnded(_) => return None,
        })
    }

    /// See [`crate::actor::Event::asked`].
    #[must_use]
    #[inline]
    pub fn asked(&self) -> Option<Asked> {
        match self {
            Self::Entered(entered) => entered.asked,
            Self::Refused(refused) => Some(refused.asked),
            Self::Dropped(dropped) => Some(dropped.asked),
            _ => None,
        }
    }

    /// See [`crate::actor::Event::refusal`].
    #[must_use]
    #[inline]
    pub fn refusal(&self) -> Option<&Rejection> {
        match self {
            Self::Refused(refused) => {
                let Refused { rejection, .. } = &**refused;
                Some(rejection)
            }
            _ => None,
        }
    }

    /// See [`crate::actor::Event::fact`].
    #[must_use]
    pub const fn fact(&self, _id: Id) -> Option<FactChange> {
        None
    }
}
