//! The kinds of actors as one: what the shell hosts without knowing any market's rules.

use serde::Serialize;
use smallvec::SmallVec;

use crate::account::{Account, AccountCommand, AccountEvent, AccountSnapshot};
use crate::book::{Book, BookCommand, BookEvent, BookSnapshot};
use crate::command::Targeted;
use crate::context::{Context, Stamp};
use crate::effect::{Asked, Effects, OutsideRequest};
use crate::facts::FactChange;
use crate::id::{
    AccountId, BookId, BookOrderId, Id, LotId, MarketId, OrderId, ReservationId, SaleId, StockId,
};
use crate::lot::{Lot, LotCommand, LotEvent, LotSnapshot};
use crate::market::{Market, MarketCommand, MarketEvent, MarketSnapshot};
use crate::order::{Order, OrderCommand, OrderEvent, OrderSnapshot};
use crate::record::{Field, Reader, RecordError};
use crate::rejection::Rejection;
use crate::sale::{Sale, SaleCommand, SaleEvent, SaleSnapshot};
use crate::stock::{Stock, StockCommand, StockEvent, StockSnapshot};
use crate::time::Timestamp;

/// What kind of thing an address names. The numbers are on disk: never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ActorKind {
    /// A venue.
    Market = 1,
    /// A party.
    Account = 2,
    /// A catalogue.
    Sale = 3,
    /// What one auction sells.
    Lot = 4,
    /// A quantity at a fixed price.
    Stock = 5,
    /// A purchase.
    Order = 6,
    /// An order book.
    Book = 7,
}

impl ActorKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Market,
            2 => Self::Account,
            3 => Self::Sale,
            4 => Self::Lot,
            5 => Self::Stock,
            6 => Self::Order,
            7 => Self::Book,
            _ => return None,
        })
    }
}

impl Field for ActorKind {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let number = u8::decode(input)?;
        Self::from_u8(number).ok_or(RecordError::UnknownVariant(u32::from(number)))
    }
}

/// Who decides: a kind and an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorAddress {
    /// What it is.
    pub kind: ActorKind,
    /// Which one.
    pub id: Id,
}

impl ActorAddress {
    /// The partition that owns this actor.
    #[must_use]
    pub fn slot(&self) -> u16 {
        self.id.slot()
    }
}

impl Field for ActorAddress {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.kind, self.id).encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let (kind, id) = Field::decode(input)?;
        Ok(Self { kind, id })
    }
}

macro_rules! addresses {
    ($($id:ty => $kind:ident),+) => {$(
        impl From<$id> for ActorAddress {
            fn from(id: $id) -> Self {
                Self { kind: ActorKind::$kind, id: id.0 }
            }
        }
    )+};
}

addresses!(MarketId => Market, AccountId => Account, SaleId => Sale, LotId => Lot, StockId => Stock, OrderId => Order, BookId => Book);

/// The rules of one kind of actor: pure. `decide` holds all rules, `apply` all assignments.
pub trait Actor: Sized + Field {
    /// What can be asked of it.
    type Command;
    /// What happened to it.
    type Event;

    /// Decides the command that brings an actor into being; any other command is `NotFound`.
    ///
    /// # Errors
    /// The rule that says no.
    fn create(command: &Self::Command, context: &Context<'_>) -> Result<Decision<Self::Event>, Rejection>;

    /// The actor that a creating event makes; `None` where the event is not one.
    fn born(event: &Self::Event, stamp: &Stamp) -> Option<Self>;

    /// Decides a command.
    ///
    /// # Errors
    /// The rule that says no.
    fn decide(
        &self,
        command: &Self::Command,
        context: &Context<'_>,
    ) -> Result<Decision<Self::Event>, Rejection>;

    /// Takes an event over. Cannot fail.
    fn apply(&mut self, event: &Self::Event, stamp: &Stamp);

    /// When this actor next has something to decide by itself.
    fn next_deadline(&self) -> Option<Timestamp>;

    /// What happens because `context.now` has reached the deadline; nothing where it has not. One step at a time: the
    /// shell asks again while the next deadline is due.
    fn due(&self, context: &Context<'_>) -> Events<Self::Event>;

    /// What happens because facts have changed that this actor has not taken into account (a halt, a suspension).
    /// Asked when facts change and when the actor is activated; nothing where there is nothing new.
    fn facts_changed(&self, context: &Context<'_>) -> Events<Self::Event>;

    /// The market whose rights and facts its decisions rest on.
    fn market(&self) -> MarketId;

    /// The sequence number of the last public event on this actor's channel.
    fn channel_seq(&self) -> u64;
}

/// What a decision made happen: usually one event.
pub type Events<E> = SmallVec<[E; 1]>;

/// What a command led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<E> {
    /// What happened; empty where nothing had to.
    pub events: Events<E>,
    /// The answer where it cannot be told from the events: nothing happened (the same thing created twice), or the
    /// command was only validated. Boxed: nearly no decision has one, and every decision is moved.
    pub answer: Option<Box<Answer>>,
}

impl<E> Decision<E> {
    /// One event.
    #[must_use]
    #[inline]
    pub fn event(event: E) -> Self {
        Self { events: SmallVec::from_buf([event]), answer: None }
    }

    /// Several events.
    #[must_use]
    pub fn events(events: Events<E>) -> Self {
        Self { events, answer: None }
    }

    /// Nothing happened; this is the answer.
    #[must_use]
    pub fn unchanged(answer: Answer) -> Self {
        Self { events: SmallVec::new(), answer: Some(Box::new(answer)) }
    }
}

crate::variants! {
    /// How a bid stands after its decision.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum BidStatus { 1 => Leading, 2 => Outbid, 3 => Placed, 4 => Won }
}

crate::record! {
    /// The answer to a bid.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct BidAnswer {
        1 => pub bid: crate::id::BidId,
        2 => pub status: BidStatus,
        /// The public price after it; absent where the format shows none.
        3 => pub price: Option<crate::amount::Amount>,
        4 => pub min_next_amount: Option<crate::amount::Amount>,
        5 => pub ends_at: Option<Timestamp>,
        /// The buyer's premium if the bidder wins at the price shown; at what it bids itself, for all its units, where no
        /// price is shown or each bid has its own. Absent where the lot has no fees, and in tenders.
        #[serde(skip_serializing_if = "Option::is_none")]
        6 => pub fees: Option<u64>,
        /// That amount and its fees.
        #[serde(skip_serializing_if = "Option::is_none")]
        7 => pub total: Option<u64>,
        /// What is held for it, fees included, where bids are funded.
        #[serde(skip_serializing_if = "Option::is_none")]
        8 => pub held: Option<u64>,
        /// A tender, whose bidders are paid: what is kept from the bidder's own amount if it wins; absent where the lot
        /// has no commission.
        #[serde(skip_serializing_if = "Option::is_none")]
        9 => pub commission: Option<u64>,
        /// A tender: what the bidder gets if it wins, its amount less the commission.
        #[serde(skip_serializing_if = "Option::is_none")]
        10 => pub proceeds: Option<u64>,
    }
}

crate::record! {
    /// The answer where a state is all there is to say.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct StateAnswer {
        1 => pub state: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        2 => pub ends_at: Option<Timestamp>,
    }
}

crate::record! {
    /// The answer of a stock item to a change of its counters.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct StockAnswer {
        #[serde(skip_serializing_if = "Option::is_none")]
        1 => pub reservation: Option<ReservationId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        2 => pub expires_at: Option<Timestamp>,
        3 => pub available: u64,
        4 => pub reserved: u64,
        5 => pub on_hand: u64,
        6 => pub allocated: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        7 => pub state: Option<String>,
    }
}

crate::record! {
    /// The answer to a registration for a sale.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct RegistrationAnswer {
        1 => pub sale: SaleId,
        /// The paddle number: the bidder's alias in the sale's lots.
        2 => pub alias: String,
        3 => pub terms_version: u32,
    }
}

crate::record! {
    /// The answer to a retraction or a voided bid.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct RestatedAnswer {
        1 => pub price: Option<crate::amount::Amount>,
        2 => pub min_next_amount: Option<crate::amount::Amount>,
        /// How many bids were removed.
        3 => pub removed: u32,
    }
}

crate::record! {
    /// The answer of an order.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct OrderAnswer {
        1 => pub order: OrderId,
        2 => pub state: String,
        /// What the buyer pays in all, fees included, in minor units.
        3 => pub total: u64,
        4 => pub currency: crate::amount::Currency,
        /// Units that were paid for and are not there, by line; none where nothing is short.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        5 => pub stock_shortfall: Vec<(u32, u64)>,
    }
}

crate::record! {
    /// The answer to a deposit or withdrawal: of money (`currency`) or goods (`goods`).
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct BalanceAnswer {
        #[serde(skip_serializing_if = "Option::is_none")]
        1 => pub currency: Option<crate::amount::Currency>,
        /// The stock item or book whose goods these are, as text.
        #[serde(skip_serializing_if = "Option::is_none")]
        2 => pub goods: Option<String>,
        3 => pub balance: i64,
        4 => pub held: u64,
        /// `balance - held`.
        5 => pub available: i64,
    }
}

crate::record! {
    /// One trade: minor units for one unit, and units.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct BookTrade { 1 => pub price: u64, 2 => pub quantity: u64 }
}

crate::record! {
    /// The answer about an order in a book.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct BookAnswer {
        1 => pub book_order: BookOrderId,
        2 => pub status: crate::book::OrderStatus,
        /// Units traded so far.
        3 => pub filled: u64,
        /// Units that are open; of an order that has ended: that were never traded.
        4 => pub remaining: u64,
        /// What it traded by this command.
        5 => pub trades: Vec<BookTrade>,
        /// Why it has ended with something untraded.
        #[serde(skip_serializing_if = "Option::is_none")]
        6 => pub cause: Option<crate::book::Cause>,
    }
}

crate::record! {
    /// The answer about a book's call auction: its price and volume, where it has one.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct AuctionAnswer {
        1 => pub state: crate::book::BookState,
        2 => pub price: Option<u64>,
        3 => pub volume: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        4 => pub ends_at: Option<Timestamp>,
    }
}

crate::variants! {
    /// What an accepted command is answered with; `seq` and `replayed` stand beside it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Answer {
        1 => Bid(BidAnswer),
        2 => Market(MarketId),
        3 => Account(AccountId),
        4 => Sale(SaleId),
        5 => Lot(LotId),
        6 => Stock((StockId, StockAnswer)),
        7 => State(StateAnswer),
        8 => Counters(StockAnswer),
        9 => Registration(RegistrationAnswer),
        10 => Restated(RestatedAnswer),
        11 => Order(OrderAnswer),
        12 => Balance(BalanceAnswer),
        20 => Book(BookId),
        21 => BookOrder(BookAnswer),
        22 => BookAuction(AuctionAnswer),
    }
}

/// The private events that one event tells accounts: who hears what.
pub type PrivateEvents = SmallVec<[(AccountId, Publication); 2]>;

/// The public events that one event leads to, in order; each takes one sequence number of the actor's channel.
pub type PublicEvents = SmallVec<[Publication; 2]>;

/// An event as watchers hear it: its protocol name and its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// The protocol's name, `price_changed` say.
    pub name: &'static str,
    /// The fields, by the names that the protocol gives them.
    pub data: crate::publication::Data,
}

macro_rules! kinds {
    ($($kind:ident $actor:ident $command:ident $event:ident $snapshot:ident $number:literal),+ $(,)?) => {
        crate::variants! {
            /// A command to any actor.
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub enum Command { $(
                #[doc = concat!("To a ", stringify!($kind), ".")]
                $number => $kind($command),
            )+ }
        }

        crate::variants! {
            /// What happened to any actor.
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub enum Event { $(
                #[doc = concat!("To a ", stringify!($kind), ".")]
                $number => $kind($event),
            )+ }
        }

        /// The state of any actor.
        #[derive(Debug, Clone)]
        pub enum Entity { $(
            #[doc = concat!("A ", stringify!($kind), ".")]
            $kind(Box<$actor>),
        )+ }

        /// What anybody may know of an actor: its state as the protocol shows it (`lot.get`, the snapshot of a channel).
        #[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
        #[serde(untagged)]
        pub enum Snapshot { $(
            #[doc = concat!("Of a ", stringify!($kind), ".")]
            $kind(Box<$snapshot>),
        )+ }

        impl Snapshot {
            /// The snapshot after a creating event; `None` where the event is not one.
            #[must_use]
            pub fn born(event: &Event, stamp: &Stamp) -> Option<Self> {
                match event { $( Event::$kind(event) => $snapshot::born(event, stamp).map(|born| Self::$kind(Box::new(born))), )+ }
            }

            /// Takes an event over, so that snapshot and events always tell the same state (I43).
            pub fn apply(&mut self, event: &Event, stamp: &Stamp) {
                match (self, event) {
                    $( (Self::$kind(snapshot), Event::$kind(event)) => snapshot.apply(event, stamp), )+
                    _ => debug_assert!(false, "an event of another kind of actor"),
                }
            }
        }

        impl Targeted for Command {
            fn target(&self) -> Option<ActorAddress> {
                match self { $( Self::$kind(command) => command.target(), )+ }
            }
        }

        impl Entity {
            /// Decides the command that brings an actor into being.
            ///
            /// # Errors
            /// The rule that says no; `NotFound` where the command creates nothing.
            pub fn create(command: &Command, context: &Context<'_>) -> Result<Decision<Event>, Rejection> {
                match command { $(
                    Command::$kind(command) => $actor::create(command, context).map(|decision| decision.map(Event::$kind)),
                )+ }
            }

            /// The actor that a creating event makes; `None` where the event is not one.
            #[must_use]
            pub fn born(event: &Event, stamp: &Stamp) -> Option<Self> {
                match event { $(
                    Event::$kind(event) => $actor::born(event, stamp).map(|actor| Self::$kind(Box::new(actor))),
                )+ }
            }

            /// Decides a command.
            ///
            /// # Errors
            /// The rule that says no.
            #[inline]
            pub fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Decision<Event>, Rejection> {
                match (self, command) {
                    $( (Self::$kind(actor), Command::$kind(command)) => {
                        actor.decide(command, context).map(|decision| decision.map(Event::$kind))
                    } )+
                    // An address has one kind, and a command's target is of the command's kind.
                    _ => Err(Rejection::NotFound),
                }
            }

            /// Takes an event over; an event of another kind is none of this actor's.
            #[inline]
            pub fn apply(&mut self, event: &Event, stamp: &Stamp) {
                match (self, event) {
                    $( (Self::$kind(actor), Event::$kind(event)) => actor.apply(event, stamp), )+
                    _ => debug_assert!(false, "an event of another kind of actor"),
                }
            }

            /// See [`Actor::next_deadline`].
            #[must_use]
            #[inline]
            pub fn next_deadline(&self) -> Option<Timestamp> {
                match self { $( Self::$kind(actor) => actor.next_deadline(), )+ }
            }

            /// See [`Actor::due`].
            #[must_use]
            pub fn due(&self, context: &Context<'_>) -> Events<Event> {
                match self { $( Self::$kind(actor) => actor.due(context).into_iter().map(Event::$kind).collect(), )+ }
            }

            /// See [`Actor::facts_changed`].
            #[must_use]
            pub fn facts_changed(&self, context: &Context<'_>) -> Events<Event> {
                match self { $( Self::$kind(actor) => actor.facts_changed(context).into_iter().map(Event::$kind).collect(), )+ }
            }

            /// See [`Actor::market`].
            #[must_use]
            #[inline]
            pub fn market(&self) -> MarketId {
                match self { $( Self::$kind(actor) => actor.market(), )+ }
            }

            /// See [`Actor::channel_seq`].
            #[must_use]
            #[inline]
            pub fn channel_seq(&self) -> u64 {
                match self { $( Self::$kind(actor) => actor.channel_seq(), )+ }
            }

            /// What anybody may know of this actor.
            #[must_use]
            pub fn snapshot(&self) -> Snapshot {
                match self { $( Self::$kind(actor) => Snapshot::$kind(Box::new(actor.snapshot())), )+ }
            }

            /// Appends this actor's state.
            pub fn encode(&self, out: &mut Vec<u8>) {
                match self { $( Self::$kind(actor) => actor.encode(out), )+ }
            }

            /// Reads an actor's state.
            ///
            /// # Errors
            /// What is wrong with the bytes.
            pub fn decode(kind: ActorKind, input: &mut Reader<'_>) -> Result<Self, RecordError> {
                Ok(match kind { $( ActorKind::$kind => Self::$kind(Box::new($actor::decode(input)?)), )+ })
            }
        }

        impl Event {
            /// The kind of actor it happened to.
            #[must_use]
            pub const fn kind(&self) -> ActorKind {
                match self { $( Self::$kind(_) => ActorKind::$kind, )+ }
            }

            /// What everybody may hear of it. From the event alone, so that it can be told again from the journal.
            #[must_use]
            pub fn public(&self) -> PublicEvents {
                match self { $( Self::$kind(event) => event.public(), )+ }
            }

            /// How many public events it leads to: `public().len()`, without making them.
            #[must_use]
            #[inline]
            pub fn public_count(&self) -> u64 {
                match self { $( Self::$kind(event) => event.public_count(), )+ }
            }

            /// What single accounts hear of it. From the event, its actor's id and its stamp alone.
            #[must_use]
            pub fn private(&self, id: Id, stamp: &Stamp) -> PrivateEvents {
                match self { $( Self::$kind(event) => event.private(id, stamp), )+ }
            }

            /// The answer to the command that led to it; a command's answer is that of its first event that has one.
            #[must_use]
            #[inline]
            pub fn answer(&self, id: Id, stamp: &Stamp) -> Option<Answer> {
                match self { $( Self::$kind(event) => event.answer(id, stamp), )+ }
            }

            /// What it causes other actors to receive. From the event, its actor's id and its stamp alone, so that it can
            /// be derived again from the journal.
            #[inline]
            pub fn effects(&self, id: Id, stamp: &Stamp, out: &mut Effects) {
                match self { $( Self::$kind(event) => event.effects(id, stamp, out), )+ }
            }

            /// The earlier command that this event completes, or takes part in completing, where it was decided because of
            /// something else (an account's answer, a deadline): its record carries that command's key.
            #[must_use]
            #[inline]
            pub fn asked(&self) -> Option<Asked> {
                match self { $( Self::$kind(event) => event.asked(), )+ }
            }

            /// The rule by which the command that it completes is refused after all.
            #[must_use]
            #[inline]
            pub fn refusal(&self) -> Option<&Rejection> {
                match self { $( Self::$kind(event) => event.refusal(), )+ }
            }

            /// The facts that it changes for others.
            #[must_use]
            #[inline]
            pub fn fact(&self, id: Id) -> Option<FactChange> {
                match self { $( Self::$kind(event) => event.fact(id), )+ }
            }
        }
    };
}

kinds! {
    Market Market MarketCommand MarketEvent MarketSnapshot 1,
    Account Account AccountCommand AccountEvent AccountSnapshot 2,
    Sale Sale SaleCommand SaleEvent SaleSnapshot 3,
    Lot Lot LotCommand LotEvent LotSnapshot 4,
    Stock Stock StockCommand StockEvent StockSnapshot 5,
    Order Order OrderCommand OrderEvent OrderSnapshot 6,
    Book Book BookCommand BookEvent BookSnapshot 7,
}

impl Event {
    /// What it asks of the world outside. From the event, its actor's id and its stamp alone.
    #[must_use]
    #[inline]
    pub fn outside(&self, id: Id, stamp: &Stamp) -> Option<OutsideRequest> {
        match self {
            Self::Order(event) => event.outside(id, stamp),
            _ => None,
        }
    }
}

impl Entity {
    /// What this actor waits for from the world outside: asked again after a restart.
    #[must_use]
    pub fn outstanding(&self) -> Option<OutsideRequest> {
        match self {
            Self::Order(order) => order.outstanding(),
            _ => None,
        }
    }
}

impl<E> Decision<E> {
    /// The same decision with its events made into something else.
    #[must_use]
    #[inline]
    pub fn map<F>(self, mut make: impl FnMut(E) -> F) -> Decision<F> {
        let Self { events, answer } = self;
        // Nearly every decision is one event: it is moved, not collected.
        let events = match events.into_inner() {
            Ok([only]) => SmallVec::from_buf([make(only)]),
            Err(events) => events.into_iter().map(make).collect(),
        };
        Decision { events, answer }
    }
}
