//! The table of methods: the one place where a method is added.

use vendue_domain::account::*;
use vendue_domain::actor::Command;
use vendue_domain::book::*;
use vendue_domain::command::{Common, Params};
use vendue_domain::id::{AccountId, BookId, Id, LotId, MarketId, OrderId, SaleId, StockId};
use vendue_domain::lot::*;
use vendue_domain::market::*;
use vendue_domain::order::*;
use vendue_domain::sale::*;
use vendue_domain::stock::*;

use crate::query::*;
use crate::wire::error::WireError;
use crate::wire::params;
use crate::wire::session::*;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Call<'a> {
    /// It goes to the rules; needs a key.
    Command(Command),
    /// It goes to the views.
    Query(Query),
    /// The gateway answers it.
    Session(SessionCall<'a>),
    /// Promised by the protocol, offered by a later version.
    NotImplemented,
}

/// What a method does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Changes something.
    Command,
    /// Reads; also `GET /v1/...`.
    Read,
    /// Concerns the connection; on WebSockets only, save `ping`.
    Session,
}

/// Who may call a method at all. What an account may do where is decided by the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Anybody.
    Guest,
    /// Who has authenticated.
    Account,
}

type Decoded<'a> = Result<(Common<'a>, Call<'a>), WireError>;

/// One method of the protocol.
#[derive(Clone, Copy)]
pub struct Method {
    /// Its name, `lot.bid`.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// Who may call it.
    pub rights: Rights,
    /// The names of its parameters.
    pub params: &'static [&'static str],
    /// Whether this version offers it.
    pub is_offered: bool,
    /// Its place in [`METHODS`], for tables of counters.
    pub index: u8,
    summary: &'static str,
    pub(crate) schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    json: for<'a> fn(&'a str) -> Decoded<'a>,
    pack: for<'a> fn(&'a [u8]) -> Decoded<'a>,
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Method {
    /// The method with this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        METHODS.binary_search_by(|method| method.name.cmp(name)).ok().map(|index| &METHODS[index])
    }

    /// What it does, in a sentence.
    #[must_use]
    pub const fn summary(&self) -> &'static str {
        self.summary
    }

    /// The method whose name is nearest to an unknown one, if any is near.
    #[must_use]
    pub fn nearest(name: &str) -> Option<&'static str> {
        params::nearest(name, METHODS.iter().map(|method| method.name))
    }

    /// Reads JSON parameters, an object.
    ///
    /// # Errors
    /// `invalid_request`, `amount_out_of_range` with the parameter in the details; `not_implemented`.
    pub fn decode_json<'a>(&self, text: &'a str) -> Decoded<'a> {
        (self.json)(text)
    }

    /// Reads MessagePack parameters, a map.
    ///
    /// # Errors
    /// As [`Method::decode_json`].
    pub fn decode_pack<'a>(&self, bytes: &'a [u8]) -> Decoded<'a> {
        (self.pack)(bytes)
    }
}

/// `kind rights "name" "what it does" Params => what becomes of it`; `later` names what is promised.
macro_rules! methods {
    (later: [$($later:literal)*] $($kind:ident $rights:ident $name:literal $summary:literal $params:ident => $make:expr;)+) => {
        const ROWS: &[Method] = &[
            $( Method {
                name: $name,
                summary: $summary,
                schema: |generator| generator.subschema_for::<$params<'static>>(),
                kind: Kind::$kind,
                rights: Rights::$rights,
                params: <$params<'static> as Params<'static>>::NAMES,
                is_offered: true,
                index: 0,
                json: |text| params::from_json::<$params<'_>>(text).map(|params| {
                    let (common, own) = params.split();
                    (common, $make(own))
                }),
                pack: |bytes| params::from_pack::<$params<'_>>(bytes).map(|params| {
                    let (common, own) = params.split();
                    (common, $make(own))
                }),
            }, )+
            $( Method {
                name: $later,
                summary: "",
                schema: |generator| generator.subschema_for::<()>(),
                kind: Kind::Command,
                rights: Rights::Account,
                params: &[],
                is_offered: false,
                index: 0,
                json: |_| Ok((Common::default(), Call::NotImplemented)),
                pack: |_| Ok((Common::default(), Call::NotImplemented)),
            }, )*
        ];
    };
}

/// Sorts and numbers the table when it is compiled, so that its rows can stand in the order in which people read them.
const fn sorted<const N: usize>(rows: &[Method]) -> [Method; N] {
    let mut table = [rows[0]; N];
    let mut filled = 0;
    while filled < N {
        let mut place = filled;
        while place > 0 && is_before(rows[filled].name, table[place - 1].name) {
            table[place] = table[place - 1];
            place -= 1;
        }
        table[place] = rows[filled];
        filled += 1;
    }
    let mut index = 0;
    while index < N {
        table[index].index = index as u8;
        index += 1;
    }
    table
}

const fn is_before(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() {
        if one[at] != other[at] {
            return one[at] < other[at];
        }
        at += 1;
    }
    one.len() < other.len()
}

/// A command to a kind of actor; large ones are boxed.
macro_rules! to {
    ($kind:ident $commands:ident $variant:ident) => {
        |own| Call::Command(Command::$kind($commands::$variant(own)))
    };
    (boxed $kind:ident $commands:ident $variant:ident) => {
        |own| Call::Command(Command::$kind($commands::$variant(Box::new(own))))
    };
}

macro_rules! ask {
    ($variant:ident) => {
        |own| Call::Query(Query::$variant(own))
    };
}

macro_rules! session {
    ($variant:ident) => {
        |own| Call::Session(SessionCall::$variant(own))
    };
}

methods! {
    later: []
    Session Guest "connect" "Begins a connection: who the client is, and what this server is." ConnectParams => session!(Connect);
    Session Guest "authenticate" "Says who is there, or refreshes a token, on a live connection." AuthenticateParams => session!(Authenticate);
    Session Guest "ping" "Answers at once: for the distance and the server's clock." PingParams => session!(Ping);
    Session Guest "subscribe" "Watches a channel: a snapshot, or what was missed, and then every event." SubscribeParams => session!(Subscribe);
    Session Guest "unsubscribe" "Watches a channel no longer." UnsubscribeParams => session!(Unsubscribe);
    Session Guest "subscriptions" "What this connection watches, and where each channel stands." SubscriptionsParams => |_own| Call::Session(SessionCall::Subscriptions);
    // The key of `command.result` is the earlier command's: it is put beside the question when the key is checked.
    Read Account "command.result" "What became of an earlier command, by its key and target." CommandResultParams => |own| Call::Query(Query::CommandResult((own, String::new())));
    Read Account "command.receipt" "The signed proof of what an earlier command was answered." CommandReceiptParams => |own| Call::Query(Query::CommandReceipt((own, String::new())));
    Read Guest "notary.keys" "The public keys that sign the market's history." GetNotaryKeysParams => ask!(NotaryKeys);
    Command Account "market.create" "Makes a market: a venue with its own currency, increments and fees." CreateMarketParams => to!(boxed Market MarketCommand Create);
    Command Account "market.halt" "Stops everything in a market; answered when it holds everywhere." HaltMarketParams => to!(Market MarketCommand Halt);
    Command Account "market.resume" "Lets a halted market go on." ResumeMarketParams => to!(Market MarketCommand Resume);
    Command Account "market.set_fees" "Sets the buyer's premium and the seller's commission for what is created from now on." SetFeesParams => to!(boxed Market MarketCommand SetFees);
    Read Guest "market.get" "One market." GetMarketParams => ask!(MarketGet);
    Read Guest "market.list" "All markets." ListMarketsParams => ask!(MarketList);
    Command Account "sale.create" "Makes a sale: numbered lots sold together, with terms and staggered closing." CreateSaleParams => to!(boxed Sale SaleCommand Create);
    Command Account "sale.register" "Registers the caller as a bidder of a sale: accepts its terms and gets a paddle number." RegisterForSaleParams => to!(Sale SaleCommand Register);
    Command Account "sale.revise" "Changes a sale's title or terms." ReviseSaleParams => to!(Sale SaleCommand Revise);
    Read Guest "sale.get" "One sale." GetSaleParams => ask!(SaleGet);
    Read Guest "sale.list" "The sales of a market." ListSalesParams => ask!(SaleList);
    Command Account "account.create" "Makes an account." CreateAccountParams => to!(Account AccountCommand Create);
    Command Account "account.grant" "Gives an account a role in a market, or takes it away." GrantParams => to!(Account AccountCommand Grant);
    Command Account "account.update" "Changes an account's name." UpdateAccountParams => to!(Account AccountCommand Update);
    Command Account "account.suspend" "Keeps an account from bidding in a market, or lets it again." SuspendParams => to!(Account AccountCommand Suspend);
    Command Account "account.verify" "Marks an account's identity as checked, or takes that back." VerifyParams => to!(Account AccountCommand Verify);
    Command Account "account.link" "Marks two accounts as belonging together: neither bids on the other's lots." LinkParams => to!(Account AccountCommand Link);
    Command Account "account.sign_out" "Makes every token of an account void that was issued until now; one's own without `account`." SignOutParams => to!(Account AccountCommand SignOut);
    Command Account "account.deposit" "Books money or goods that have arrived." DepositParams => to!(Account AccountCommand Deposit);
    Command Account "account.withdraw" "Books money or goods that have left." WithdrawParams => to!(Account AccountCommand Withdraw);
    Command Account "account.correct" "Corrects a booking by a new entry that names it." CorrectParams => to!(boxed Account AccountCommand Correct);
    Command Account "account.collect_fees" "Turns fees that were earned into balance." CollectFeesParams => to!(Account AccountCommand CollectFees);
    Read Account "account.get" "An account: balances, holds, holdings, bids, reservations." GetAccountParams => ask!(AccountGet);
    Read Account "account.list" "The accounts of a market, with their roles and how they stand: for operators and auditors." ListAccountsParams => ask!(AccountList);
    Read Account "account.statement" "What was booked on an account, newest first." GetStatementParams => ask!(Statement);
    Command Account "lot.create" "Puts up a lot, in any format." CreateLotParams => to!(boxed Lot LotCommand Create);
    Command Account "lot.revise" "Changes a lot's content; after the first bid a public event." ReviseLotParams => to!(boxed Lot LotCommand Revise);
    Command Account "lot.open" "Opens a scheduled lot now." OpenLotParams => to!(Lot LotCommand Open);
    Command Account "lot.pause" "Stops a lot; its clock stands." PauseLotParams => to!(Lot LotCommand Pause);
    Command Account "lot.resume" "Lets a paused lot go on with the time it had left." ResumeLotParams => to!(Lot LotCommand Resume);
    Command Account "lot.extend" "Moves a lot's end to a later moment." ExtendLotParams => to!(Lot LotCommand Extend);
    Command Account "lot.cancel" "Withdraws a lot: nobody wins." CancelLotParams => to!(Lot LotCommand Cancel);
    Command Account "lot.close" "Ends a lot now." CloseLotParams => to!(Lot LotCommand Close);
    Command Account "lot.reopen" "Offers a closed lot again, before an order exists." ReopenLotParams => to!(Lot LotCommand Reopen);
    Command Account "lot.void_bid" "Removes a bid; price and leader are worked out anew." VoidBidParams => to!(Lot LotCommand VoidBid);
    Command Account "lot.bid" "Bids on a lot: a maximum where the engine bids for the bidder, else the amount itself." PlaceBidParams => to!(Lot LotCommand Bid);
    Command Account "lot.buy_now" "Buys a lot at its fixed price." BuyNowParams => to!(Lot LotCommand BuyNow);
    Command Account "lot.take" "Takes units at the price that a falling clock shows." TakeLotParams => to!(Lot LotCommand Take);
    Command Account "lot.stay" "Stays in while a rising clock's price goes up." StayLotParams => to!(Lot LotCommand Stay);
    Command Account "lot.retract" "Takes back one's own bid, as the rules allow." RetractBidParams => to!(Lot LotCommand Retract);
    Read Guest "lot.get" "One lot." GetLotParams => ask!(LotGet);
    Read Guest "lot.list" "The lots of a market: searched, filtered, sorted." ListLotsParams => ask!(LotList);
    Read Guest "lot.bids" "The public history of a lot's bids, newest first." ListBidsParams => ask!(LotBids);
    Read Guest "lot.events" "The events that the end of a candle auction is drawn from." ListLotEventsParams => ask!(LotEvents);
    Command Account "stock.create" "Puts up a stock item at a fixed price." CreateStockParams => to!(boxed Stock StockCommand Create);
    Command Account "stock.receive" "Books units that have arrived." ReceiveStockParams => to!(Stock StockCommand Receive);
    Command Account "stock.adjust" "Corrects the count." AdjustStockParams => to!(Stock StockCommand Adjust);
    Command Account "stock.reserve" "Sets units aside for the caller for a while." ReserveStockParams => to!(Stock StockCommand Reserve);
    Command Account "stock.release" "Gives a reservation back." ReleaseStockParams => to!(Stock StockCommand Release);
    Command Account "stock.extend" "Keeps a reservation for longer." ExtendReservationParams => to!(Stock StockCommand Extend);
    Command Account "stock.ship" "Books units of an order that have left." ShipStockParams => to!(boxed Stock StockCommand Ship);
    Command Account "stock.return" "Books units of an order that came back." ReturnStockParams => to!(boxed Stock StockCommand Return);
    Read Guest "stock.get" "One stock item." GetStockParams => ask!(StockGet);
    Read Guest "stock.list" "The stock of a market." ListStockParams => ask!(StockList);
    Command Account "book.create" "Makes an order book." CreateBookParams => to!(boxed Book BookCommand Create);
    Command Account "book.place" "Places a limit or market order." PlaceBookOrderParams => to!(Book BookCommand Place);
    Command Account "book.cancel" "Takes an order out of its book." CancelBookOrderParams => to!(Book BookCommand Cancel);
    Command Account "book.modify" "Changes an order's quantity or price." ModifyBookOrderParams => to!(Book BookCommand Modify);
    Command Account "book.auction" "Begins a call auction in a book, or gives its price." BookAuctionParams => to!(Book BookCommand Auction);
    Read Guest "book.get" "One book with all its levels." GetBookParams => ask!(BookGet);
    Read Guest "book.list" "The books of a market, the best level of each side." ListBooksParams => ask!(BookList);
    Read Account "book.orders" "The caller's own orders in books." ListBookOrdersParams => ask!(BookOrders);
    Read Guest "book.trades" "The public trades of a book, newest first." ListTradesParams => ask!(BookTrades);
    Command Account "order.place" "Orders: stock, reservations, and lots that were won." PlaceOrderParams => to!(boxed Order OrderCommand Place);
    Command Account "order.cancel" "Cancels an order." CancelOrderParams => to!(Order OrderCommand Cancel);
    Command Account "order.pay" "Pays an order from the buyer's balance." PayOrderParams => to!(Order OrderCommand Pay);
    Command Account "order.mark_paid" "Books an order's payment that was made elsewhere." MarkPaidParams => to!(Order OrderCommand MarkPaid);
    Command Account "order.refund" "Gives back all or a part of what was paid." RefundOrderParams => to!(Order OrderCommand Refund);
    Command Account "order.mark_delivered" "Says that an order has arrived." MarkDeliveredParams => to!(Order OrderCommand MarkDelivered);
    Command Account "order.complete" "Ends an order: everything is in order." CompleteOrderParams => to!(Order OrderCommand Complete);
    Read Account "order.get" "One order, as the asker may see it." GetOrderParams => ask!(OrderGet);
    Read Account "order.list" "Orders, newest first." ListOrdersParams => ask!(OrderList);
    Read Account "effect.list" "Commands between actors that wait or were declined: for operators." ListEffectsParams => ask!(EffectList);
    Read Account "audit.list" "Who did what, and why." ListAuditParams => ask!(AuditList);
}

/// The table as a constant, for places found when compiling.
pub(crate) const METHODS_TABLE: [Method; ROWS.len()] = sorted(ROWS);

/// All methods, sorted by name.
pub static METHODS: &[Method] = &METHODS_TABLE;

/// The id of what a creation makes where the caller chose none: the XXH3-128 of (account, method, key), so that a retry
/// finds the same (PROTOCOL section 2).
#[must_use]
pub fn derived_id(account: AccountId, method: &str, key: &str) -> Id {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(&account.0.0);
    hash.update(method.as_bytes());
    // A separator that no method's name holds: ("lot.create", "x") is not ("lot.creat", "ex").
    hash.update(&[0]);
    hash.update(key.as_bytes());
    Id::from_u128(hash.digest128())
}

/// Gives a creation without an id its [`derived_id`], and what is about the caller itself the caller's; leaves any other command
/// alone.
pub fn fill_creation_id(command: &mut Command, account: AccountId, method: &Method, key: &str) {
    let id = || derived_id(account, method.name, key);
    match command {
        Command::Market(MarketCommand::Create(create)) => {
            _ = create.market.get_or_insert_with(|| MarketId(id()))
        }
        Command::Account(AccountCommand::Create(create)) => {
            _ = create.account.get_or_insert_with(|| AccountId(id()));
        }
        Command::Account(AccountCommand::SignOut(own)) => _ = own.account.get_or_insert(account),
        Command::Sale(SaleCommand::Create(create)) => _ = create.sale.get_or_insert_with(|| SaleId(id())),
        Command::Lot(LotCommand::Create(create)) => _ = create.lot.get_or_insert_with(|| LotId(id())),
        Command::Stock(StockCommand::Create(create)) => _ = create.stock.get_or_insert_with(|| StockId(id())),
        Command::Book(BookCommand::Create(create)) => _ = create.book.get_or_insert_with(|| BookId(id())),
        Command::Order(OrderCommand::Place(place)) => _ = place.order.get_or_insert_with(|| OrderId(id())),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_numbered() {
        for (index, pair) in METHODS.windows(2).enumerate() {
            assert!(pair[0].name < pair[1].name, "{} {}", pair[0].name, pair[1].name);
            assert_eq!(usize::from(pair[0].index), index);
        }
        for method in METHODS {
            assert_eq!(Method::find(method.name).map(|found| found.index), Some(method.index));
        }
        assert!(Method::find("lot.bidd").is_none());
        assert_eq!(Method::nearest("lot.bidd"), Some("lot.bid"));
        assert_eq!(Method::nearest("zzzzzzzz"), None);
    }

    #[test]
    fn derived_ids_depend_on_all_three() {
        let base = derived_id(AccountId::from_u128(1), "lot.create", "k");
        assert_eq!(base, derived_id(AccountId::from_u128(1), "lot.create", "k"));
        for other in [
            derived_id(AccountId::from_u128(2), "lot.create", "k"),
            derived_id(AccountId::from_u128(1), "sale.create", "k"),
            derived_id(AccountId::from_u128(1), "lot.create", "l"),
        ] {
            assert_ne!(base, other);
        }
        // Pinned: a build that derives another id would make a retry create a second thing.
        assert_eq!(format!("{base:?}"), "08WNPFB0KP9N92QPHS9T3VXYV1");
    }
}
