"""The shapes of results and events: instants in microseconds of the server's clock, money in minor units.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

# A party: bidder, seller, operator, auditor.
AccountId: TypeAlias = str

# How an account stands in a market, for `account.list`.
AccountState: TypeAlias = Literal["verified", "unverified", "suspended", "linked"]

# What a bidder is called in one lot or sale; it names nobody.
Alias: TypeAlias = str

# Money or a price in minor units of the currency (cents, yen); never a fraction.
Amount: TypeAlias = int

# What is done to a book's call auction.
AuctionAction: TypeAlias = Literal["start", "uncross"]

# One accepted bid.
BidId: TypeAlias = str

# How a bid stands after its decision.
BidStatus: TypeAlias = Literal["leading", "outbid", "placed", "won"]

# How orders are backed by money and goods.
BookFunding: TypeAlias = Literal["none", "full"]

# An order book.
BookId: TypeAlias = str

# An order in a book.
BookOrderId: TypeAlias = str

# How a book trades.
BookState: TypeAlias = Literal["continuous", "auction", "uncrossing", "halted"]

# Why an order changed.
Cause: TypeAlias = Literal[
    "placed",
    "cancelled_by_operator",
    "modified",
    "traded",
    "cancelled",
    "expired",
    "self_trade",
    "time_in_force",
    "fills_limit",
    "max_amount",
    "amount_limit",
    "suspended",
    "auction_ended",
    "refused",
]

# An ISO 4217 code; `GET /v1/currencies` tells how many decimals each has.
Currency: TypeAlias = Literal[
    "AUD",
    "BHD",
    "BRL",
    "CAD",
    "CHF",
    "CLP",
    "CNY",
    "CZK",
    "DKK",
    "EUR",
    "GBP",
    "HKD",
    "HUF",
    "IDR",
    "ILS",
    "INR",
    "ISK",
    "JOD",
    "JPY",
    "KRW",
    "KWD",
    "MXN",
    "NOK",
    "NZD",
    "PLN",
    "SEK",
    "SGD",
    "THB",
    "TND",
    "TRY",
    "TWD",
    "USD",
    "VND",
    "ZAR",
]

# A SHA-256.
Digest: TypeAlias = str

# One entry of a ledger; the two entries of a transfer share it.
EntryId: TypeAlias = str

# Why an entry was made.
EntryKind: TypeAlias = Literal[
    "deposit",
    "withdrawal",
    "payment",
    "proceeds",
    "fee",
    "refund",
    "reversal",
    "delivery",
    "correction",
    "trade",
    "fees_collected",
]

# How a lot is sold. One file each.
Format: TypeAlias = Literal[
    "english", "dutch", "sealed_first_price", "vickrey", "reverse", "multi_unit", "japanese", "candle", "combinatorial"
]

# How bids are backed by money (RULES, "Funding").
Funding: TypeAlias = Literal["none", "deposit", "full"]

# Money or goods of an account set aside.
HoldId: TypeAlias = str

# What one auction sells.
LotId: TypeAlias = str

# The order of a list of lots.
LotSort: TypeAlias = Literal["catalogue", "ending", "newest", "price", "bids"]

# A venue with its own currency, rules, fees and operator.
MarketId: TypeAlias = str

# A purchase by an account.
OrderId: TypeAlias = str

# How far an order is (docs/processes.md has what moves it on).
OrderState: TypeAlias = Literal[
    "awaiting_payment",
    "paid",
    "delivered",
    "completed",
    "cancelled",
    "placing",
    "placed",
    "fulfilling",
    "refunded",
    "refunded_in_part",
    "returned",
]

# How an order stands.
OrderStatus: TypeAlias = Literal["open", "filled", "expired", "pending", "partly_filled", "cancelled"]

# What an order asks for.
OrderType: TypeAlias = Literal["limit", "market"]

# The numbers of a combinatorial lot's items, from 1.
Package: TypeAlias = list[int]

# What the winners of a multi-unit lot pay for each unit.
Pricing: TypeAlias = Literal["uniform_lowest_winning", "uniform_highest_losing", "pay_as_bid"]

# Who may bid.
Qualification: TypeAlias = Literal["none", "registered", "deposit", "verified"]

# Stock set aside for an account.
ReservationId: TypeAlias = str

# What a grant allows in its market.
Role: TypeAlias = Literal["seller", "bidder", "operator", "auditor"]

# What happens to fractions of a minor unit. Applied once, to the sum over all bands.
Rounding: TypeAlias = Literal["up", "down", "half_up", "half_even"]

# A catalogue of numbered lots sold together.
SaleId: TypeAlias = str

# What happens where an order would trade with one of the same account.
SelfTrade: TypeAlias = Literal["cancel_both", "cancel_newest", "cancel_oldest", "allow"]

Side: TypeAlias = Literal["buy", "sell"]

# A quantity for sale at a fixed price.
StockId: TypeAlias = str

# How units are chosen where there are several locations.
Strategy: TypeAlias = Literal["most_stock", "nearest", "fewest_parcels"]

# A sub-account of one account's own ledger.
SubAccount: TypeAlias = Literal["cash", "clearing", "fees", "outside"]

# What becomes of an order that is not filled at once.
TimeInForce: TypeAlias = Literal["gtc", "ioc", "fok", "gtd"]

# An instant in microseconds since the Unix epoch, by the server's clock.
Timestamp: TypeAlias = int


class AccountChanged(TypedDict):
    """`account_changed` (account)."""

    grants: list[GrantView]
    suspended_in: list[MarketId]
    verified_in: list[MarketId]


class AccountLine(TypedDict):
    """An account as the operators of a market see it."""

    account: AccountId
    # Null after an erasure.
    name: str | None
    # In the market; without a market, anywhere.
    roles: list[Role]
    verified: bool
    suspended: bool
    # The accounts that an operator has linked with it.
    linked: list[AccountId]


class AccountMadeResult(TypedDict):
    """A command's answer, and what stands beside each."""

    account: AccountId
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class AccountOrStateResult(TypedDict):
    """A command's answer, and what stands beside each."""

    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool
    account: NotRequired[AccountId]
    state: NotRequired[str]
    ends_at: NotRequired[Timestamp | None]


class AccountPage(TypedDict):
    accounts: list[AccountLine]
    cursor: str | None


class AccountView(TypedDict):
    """Money, bids and reservations only to the account itself and to operators and auditors of the platform."""

    account: AccountId
    grants: list[GrantView]
    suspended_in: list[MarketId]
    verified_in: list[MarketId]
    # Money, by currency.
    balances: list[BalanceView]
    # Goods, by id.
    holdings: list[BalanceView]
    holdings_count: int
    # The oldest first.
    holds: list[HoldView]
    holds_count: int
    # How often the account has taken bids back.
    retractions: int
    # Null when the person was erased.
    name: str | None
    bids: list[StandingBid]
    reservations: list[LiveReservation]
    seq: int


class AuctionIndicative(TypedDict):
    """
    `auction_indicative`, and `auction_uncrossed` for the price that the auction gave; `null`: nothing would
    trade.
    """

    price: int | None
    volume: int
    surplus: int


class AuctionPrice(TypedDict):
    """What a call auction would give now, or gave."""

    price: int
    volume: int
    # Units that would have traded at this price and found nobody: of buyers positive, of sellers negative.
    surplus: int


class AuctionResult(TypedDict):
    """A command's answer, and what stands beside each."""

    state: BookState
    price: int | None
    volume: int | None
    ends_at: NotRequired[Timestamp | None]
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class AuditPage(TypedDict):
    """Newest first."""

    records: list[AuditRecord]
    # For the next page; null on the last.
    cursor: str | None


class AuditRecord(TypedDict):
    seq: int
    ts: Timestamp
    # Null for the engine's own.
    by: AccountId | None
    action: str
    target: str
    reason: str | None
    position: int


class Audited(TypedDict):
    """`audited` (ops): an action as the audit log has it."""

    by: AccountId | None
    action: str
    target: str
    reason: str | None


class Authenticated(TypedDict):
    account: AccountId
    roles: list[Role]
    expires_at: Timestamp


class BalanceChanged(TypedDict):
    """
    `balance_changed` (account): an entry was made. Its fields overwrite the entry of `balances` with its
    `currency`, or of `holdings` with its `goods`, as those of the events of holds do.
    """

    currency: NotRequired[Currency | None]
    goods: NotRequired[str | None]
    balance: int
    held: int
    available: int
    clearing: int
    fees: int
    outside: int
    # How many kinds of goods the account has; where it is about goods.
    holdings_count: NotRequired[int | None]
    # By how much the balance changed.
    amount: int
    kind: EntryKind
    entry: EntryId
    reverses: NotRequired[EntryId | None]
    order: NotRequired[OrderId | None]
    book: NotRequired[BookId | None]
    reason: NotRequired[str | None]


class BalanceResult(TypedDict):
    """A command's answer, and what stands beside each."""

    currency: NotRequired[Currency | None]
    # The stock item or book whose goods these are, as text.
    goods: NotRequired[str | None]
    balance: int
    held: int
    # `balance - held`.
    available: int
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class BalanceView(TypedDict):
    """What an account has of a currency (`currency`) or of goods (`goods`), in minor units or units."""

    currency: NotRequired[Currency | None]
    goods: NotRequired[str | None]
    balance: int
    held: int
    # `balance - held`.
    available: int
    # What is on its way from or to other accounts, since ever; over all accounts it comes to 0.
    clearing: int
    # Fees earned.
    fees: int
    # What has gone out less what has come in. `balance + clearing + fees + outside = 0`.
    outside: int


class BidPage(TypedDict):
    """Newest first."""

    bids: list[HistoryBid]
    # For the next page; null on the last.
    cursor: str | None


class BidResult(TypedDict):
    """A command's answer, and what stands beside each."""

    bid: BidId
    status: BidStatus
    # The public price after it; absent where the format shows none.
    price: Amount | None
    min_next_amount: Amount | None
    ends_at: Timestamp | None
    # The buyer's premium if the bidder wins at the price shown; at what it bids itself, for all its units,
    # where no price is shown or each bid has its own. Absent where the lot has no fees, and in tenders.
    fees: NotRequired[int | None]
    # That amount and its fees.
    total: NotRequired[int | None]
    # What is held for it, fees included, where bids are funded.
    held: NotRequired[int | None]
    # A tender, whose bidders are paid: what is kept from the bidder's own amount if it wins; absent where the
    # lot has no commission.
    commission: NotRequired[int | None]
    # A tender: what the bidder gets if it wins, its amount less the commission.
    proceeds: NotRequired[int | None]
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class BidStatusChanged(TypedDict):
    """`bid_status` (account)."""

    lot: LotId
    status: BidStatus
    price: Amount | None


class BiddersChanged(TypedDict):
    """`bidders_changed`: somebody has made a sealed bid. That is all there is to see."""

    bidders: int
    bids: int
    ends_at: Timestamp | None


class BookChanged(TypedDict):
    """`book_changed`: the levels that changed, (price, quantity); quantity 0: gone."""

    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class BookLine(TypedDict):
    book: BookId
    currency: Currency
    title: str
    ref: str | None
    tick: int
    lot_size: int
    funding: BookFunding
    state: BookState
    ends_at: Timestamp | None
    # The best level: price and quantity.
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]
    last_trade: LastTrade | None
    indicative: AuctionPrice | None
    seq: int


class BookMadeResult(TypedDict):
    """A command's answer, and what stands beside each."""

    book: BookId
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class BookOrderChanged(TypedDict):
    """`book_order_changed` (account): an order of the account's."""

    book: BookId
    book_order: BookOrderId
    status: OrderStatus
    side: Side
    type: OrderType
    # Of a limit order.
    price: int | None
    filled: int
    remaining: int
    cause: Cause
    # Units that it traded by this.
    traded: NotRequired[int | None]
    # What it traded them for, in minor units, without fees.
    value: NotRequired[int | None]
    # The fee on it, in a funded book.
    fee: NotRequired[int | None]


class BookOrderLine(TypedDict):
    book_order: BookOrderId
    book: BookId
    title: str
    currency: Currency
    side: Side
    type: OrderType
    price: int | None
    status: OrderStatus
    quantity: int
    filled: int
    remaining: int
    cause: Cause
    placed_at: Timestamp
    at: Timestamp


class BookOrderPage(TypedDict):
    """Those that live, then the newest that ended."""

    orders: list[BookOrderLine]
    # For the next page; null on the last.
    cursor: str | None


class BookPage(TypedDict):
    books: list[BookLine]
    # For the next page; null on the last.
    cursor: str | None


class BookResult(TypedDict):
    """A command's answer, and what stands beside each."""

    book_order: BookOrderId
    status: OrderStatus
    # Units traded so far.
    filled: int
    # Units that are open; of an order that has ended: that were never traded.
    remaining: int
    # What it traded by this command.
    trades: list[BookTrade]
    # Why it has ended with something untraded.
    cause: NotRequired[Cause | None]
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class BookSnapshot(TypedDict):
    """An actor as its channel shows it, and where that stands."""

    book: BookId
    market: MarketId
    currency: Currency
    title: str
    description: str | None
    ref: str | None
    tick: int
    lot_size: int
    reference: int | None
    tick_significant_figures: int | None
    self_trade: SelfTrade
    funding: BookFunding
    # Of buyers and sellers; absent where there are none.
    fees: NotRequired[FeeSchedule | None]
    state: BookState
    # Of an auction: its announced end.
    ends_at: Timestamp | None
    # All levels, (price, quantity), the highest first.
    bids: list[tuple[int, int]]
    # All levels, the lowest first.
    asks: list[tuple[int, int]]
    last_trade: LastTrade | None
    # What the auction would give now.
    indicative: AuctionPrice | None
    # The last number of its channel that is in it.
    seq: int


class BookStateChanged(TypedDict):
    """`book_state`: how the book trades from now on. There is no indicative price (yet)."""

    state: BookState
    ends_at: Timestamp | None
    indicative: None


class BookTrade(TypedDict):
    """One trade: minor units for one unit, and units."""

    price: int
    quantity: int


class Booked(TypedDict):
    """One line of an account's statement. Amounts are minor units of `currency` or units of `goods`."""

    seq: int
    entry: EntryId
    at: Timestamp
    kind: EntryKind
    currency: NotRequired[Currency | None]
    # The id of a stock item or book as text.
    goods: NotRequired[str | None]
    # By how much the balance changed: 0 where only fees did.
    amount: int
    # By how much the fees earned changed.
    fees: int
    # After it.
    balance: int
    # After it.
    held: int
    order: NotRequired[OrderId | None]
    # The lot that the captured hold was for.
    lot: NotRequired[LotId | None]
    market: NotRequired[MarketId | None]
    # The entry that this one gives back or corrects.
    reverses: NotRequired[EntryId | None]
    reason: NotRequired[str | None]
    # The book that it was traded in.
    book: NotRequired[BookId | None]


class Clock(TypedDict):
    """
    A price that steps by the clock: from `start` by `step` every `interval_ms`; down to `floor` (dutch), or
    up, at most to `ceiling` (japanese).
    """

    start: Amount
    step: Amount
    interval_ms: int
    # The lowest price of a dutch clock, which must have one; a japanese clock has none.
    floor: NotRequired[Amount | None]
    # The highest price of a japanese clock; absent: the largest amount.
    ceiling: NotRequired[Amount | None]


class ClockTicked(TypedDict):
    """`clock_ticked`: the price of a unit now, and what comes next (`null` at the floor)."""

    price: Amount
    min_next_amount: Amount
    next_price: Amount | None
    next_at: Timestamp | None
    # Units that nobody has taken (dutch).
    remaining: NotRequired[int | None]
    # How many are in (japanese).
    bidders: NotRequired[int | None]
    bids: NotRequired[int | None]


class Connected(TypedDict):
    connection: str
    # Null for a guest.
    account: AccountId | None
    roles: list[Role]
    server: ServerInfo
    time: Timestamp
    heartbeat_ms: int
    # The limits in force, by name.
    limits: dict[str, int]


class DeclinedEffect(TypedDict):
    position: int
    index: int
    target: str
    time: Timestamp
    code: str


class DrawLine(TypedDict):
    seq: int
    type: str
    ts: Timestamp
    price: int | None
    leader: str | None
    bidder: str | None
    bids: int | None
    ends_at: Timestamp | None


class DrawPage(TypedDict):
    """Oldest first."""

    events: list[DrawLine]
    # Whether the first events are not kept any more.
    cut: bool
    # For the next page; null on the last.
    cursor: str | None


class Effects(TypedDict):
    # Caused and not yet decided.
    waiting: int
    oldest_at: Timestamp | None
    stuck: list[StuckEffect]
    # Since the engine's process began.
    declined_count: int
    declined: list[DeclinedEffect]


class FeeSchedule(TypedDict):
    """The fees of a market. A lot keeps those of the moment when it was created."""

    # Counts the schedules of a market; set by the rules, from 1.
    version: NotRequired[int]
    # What a buyer pays on top of the hammer price.
    buyers_premium: NotRequired[FeeTable | None]
    # What is kept from a seller's proceeds.
    sellers_commission: NotRequired[FeeTable | None]


class FeeTable(TypedDict):
    """A fee by marginal bands: each band's rate applies to the part of the amount that lies in it."""

    # (begins at, rate in parts per million); the first begins at 0, each later one higher. At most 64.
    bands: list[tuple[int, int]]
    # Beside the bands, per order line, in minor units.
    fixed: NotRequired[int]
    rounding: NotRequired[Rounding]


class GrantView(TypedDict):
    """A role in a market, as an account's owner sees it."""

    market: MarketId
    role: Role


class HistoryBid(TypedDict):
    """The price that a bid led to, never what it bid."""

    seq: int
    alias: Alias | None
    amount: Amount | None
    ts: Timestamp
    # Units, where the lot has several.
    quantity: NotRequired[int | None]


class HoldCaptured(TypedDict):
    """`hold_captured` (account): the hold has ended; `amount` was paid out of it, `released` is free again."""

    hold: HoldId
    currency: NotRequired[Currency | None]
    goods: NotRequired[str | None]
    amount: int
    released: int
    lot: NotRequired[LotId | None]
    order: NotRequired[OrderId | None]
    book: NotRequired[BookId | None]
    kind: EntryKind
    entry: EntryId
    balance: int
    held: int
    available: int
    clearing: int
    holds_count: int
    also_listed: NotRequired[HoldView | None]


class HoldPlaced(TypedDict):
    """`hold_placed` (account): a new hold, or another amount of one there is."""

    hold: HoldId
    currency: NotRequired[Currency | None]
    goods: NotRequired[str | None]
    # In all.
    amount: int
    lot: NotRequired[LotId | None]
    order: NotRequired[OrderId | None]
    book: NotRequired[BookId | None]
    market: MarketId
    balance: int
    held: int
    available: int
    holds_count: int


class HoldReleased(TypedDict):
    """`hold_released` (account)."""

    hold: HoldId
    currency: NotRequired[Currency | None]
    goods: NotRequired[str | None]
    # What is free again.
    amount: int
    lot: NotRequired[LotId | None]
    order: NotRequired[OrderId | None]
    book: NotRequired[BookId | None]
    balance: int
    held: int
    available: int
    holds_count: int
    # The hold that takes its place at the end of the list, where there are more than the snapshot lists.
    also_listed: NotRequired[HoldView | None]


class HoldView(TypedDict):
    """Money or goods of an account set aside, and for which lot or order."""

    hold: HoldId
    currency: NotRequired[Currency | None]
    goods: NotRequired[str | None]
    amount: int
    lot: NotRequired[LotId | None]
    order: NotRequired[OrderId | None]
    book: NotRequired[BookId | None]
    market: MarketId


class IncrementTable(TypedDict):
    """Bands by current price: the increment of the last band that begins at or below it."""

    # (begins at, increment) in minor units; the first begins at 0, each later one higher. At most 64 bands.
    bands: list[tuple[int, Amount]]


class LastTrade(TypedDict):
    """
    The last trade: minor units for one unit, units, and the side of the order that came to one that rested
    (`null` in a call auction).
    """

    price: int
    quantity: int
    taker_side: Side | None


class LineRequest(TypedDict):
    """A line as the buyer names it: exactly one of a reservation, a stock item with a quantity, a won lot."""

    reservation: NotRequired[ReservationId | None]
    stock: NotRequired[StockId | None]
    quantity: NotRequired[int | None]
    # Brings the lot's own order in, which ends as `merged`.
    lot: NotRequired[LotId | None]


class LiveReservation(TypedDict):
    reservation: ReservationId
    stock: StockId
    title: str
    quantity: int
    expires_at: Timestamp


class Location(TypedDict):
    """Where units lie."""

    name: str
    # (latitude, longitude) in millionths of a degree.
    at: tuple[int, int] | None


class LocationCount(TypedDict):
    """Units at one location of a stock item."""

    on_hand: int
    # Not promised to anybody.
    available: int


class LocationRequest(TypedDict):
    """Where units of a stock item lie."""

    # 1 to 100 characters, unlike the item's other locations.
    name: str
    # Units there at first.
    on_hand: int
    # (latitude, longitude) in millionths of a degree, for the strategy `nearest`.
    at: NotRequired[tuple[int, int] | None]


class LotClosed(TypedDict):
    """`lot_closed`."""

    state: str
    result: str
    price: Amount | None
    winners: list[Winner]
    buy_now: Amount | None
    ends_at: Timestamp | None
    remaining_ms: int | None
    reason: str | None
    # `null` where a clock has stopped; not there where there is none.
    next_price: NotRequired[None]
    next_at: NotRequired[None]
    # The seed of a candle, of which `seed_hash` is the SHA-256.
    seed: NotRequired[str | None]
    # The hash of the lot's public events before this one (docs/protocol.md).
    events_hash: NotRequired[Digest | None]
    # When the candle went out.
    ended_at: NotRequired[Timestamp | None]


class LotListed(TypedDict):
    """`lot_listed` (market)."""

    lot: LotId
    title: str


class LotMadeResult(TypedDict):
    """A command's answer, and what stands beside each."""

    lot: LotId
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class LotPage(TypedDict):
    lots: list[LotSnapshot]
    # For the next page; null on the last.
    cursor: str | None


class LotReopened(TypedDict):
    """`lot_reopened`: as a state, with the outcome taken back."""

    state: str
    result: str | None
    winners: list[Winner]
    price: Amount | None
    buy_now: Amount | None
    ends_at: Timestamp | None
    soft_close: SoftClose | None
    reason: str | None


class LotRevised(TypedDict):
    """`lot_revised`: the content after the change."""

    title: str
    description: str | None
    category: str | None
    estimate: tuple[Amount, Amount] | None
    images: list[str]
    state: str
    opens_at: Timestamp | None
    ends_at: Timestamp | None
    start_amount: Amount
    buy_now: Amount | None
    reserve_met: bool | None
    min_next_amount: Amount


class LotSnapshot(TypedDict):
    """An actor as its channel shows it, and where that stands."""

    lot: LotId
    market: MarketId
    currency: Currency
    ref: str | None
    # In the sale's catalogue.
    number: int | None
    sale: SaleId | None
    title: str
    description: str | None
    category: str | None
    # [low, high].
    estimate: tuple[Amount, Amount] | None
    images: list[str]
    format: Format
    proxy: bool
    quantity: int
    state: str
    start_amount: Amount
    price: Amount | None
    leader: Alias | None
    # Bids that count: a leader's own raises do not.
    bids: int
    # What the next bid must reach: at least this, in a tender at most.
    min_next_amount: Amount
    # `null`: the lot has no reserve, or its bids are sealed.
    reserve_met: bool | None
    # What it can still be bought for at once.
    buy_now: Amount | None
    opens_at: Timestamp | None
    # `null` while paused, or where it ends only when told to.
    ends_at: Timestamp | None
    # While paused.
    remaining_ms: int | None
    soft_close: SoftClose | None
    funding: Funding
    qualification: Qualification
    # What is held before the first bid; `null`: nothing.
    deposit: Amount | None
    # What a winner pays on top of the hammer price; `null`: nothing.
    buyers_premium: FeeTable | None
    # `sold`, `unsold` or `cancelled`.
    result: str | None
    winners: list[Winner]
    # The words for the present state.
    reason: str | None
    # `null`: the default table of the currency.
    increments: IncrementTable | None
    # Nobody sees bids before the end.
    sealed: bool
    # How many have a bid; `null` where bids are open.
    bidders: int | None
    # Units that nobody has as it stands; `null` where they are not sold one by one.
    remaining: int | None
    # What winners of several units pay; `null` in other formats.
    pricing: Pricing | None
    # The dutch clock.
    clock: Clock | None
    # What the clock shows next, and when; `null` at the floor and while it stands.
    next_price: Amount | None
    next_at: Timestamp | None
    # How long before the announced end a candle may go out; `null` in other formats.
    candle_ms: int | None
    # The SHA-256 of the seed that a candle's end will be drawn from.
    seed_hash: Digest | None
    # After a candle's end: its seed, the hash of the lot's public events, and when it went out.
    seed: str | None
    events_hash: Digest | None
    ended_at: Timestamp | None
    # The items of a combinatorial lot, numbered from 1.
    items: list[str]
    # The last number of its channel that is in it.
    seq: int


class LotState(TypedDict):
    """`lot_opened`, `lot_paused`, `lot_resumed`: a new state, and the times that go with it."""

    state: str
    opens_at: Timestamp | None
    ends_at: Timestamp | None
    remaining_ms: int | None
    soft_close: SoftClose | None
    reason: str | None
    # `null` where a clock stands; not there where there is none, or where it runs.
    next_price: NotRequired[None]
    next_at: NotRequired[None]
    # The SHA-256 of the seed that a candle's end will be drawn from.
    seed_hash: NotRequired[Digest | None]


class LotSummary(TypedDict):
    """A lot in its market's `lots_changed`."""

    lot: LotId
    state: str
    price: Amount | None
    leader: Alias | None
    bids: int
    min_next_amount: Amount
    reserve_met: bool | None
    ends_at: Timestamp | None
    # Only where bids are sealed.
    bidders: NotRequired[int | None]
    # Only where units are sold one by one.
    remaining: NotRequired[int | None]
    # Only where a clock runs: what it shows next, `null` at the floor.
    next_price: NotRequired[Amount | None]
    next_at: NotRequired[Timestamp | None]


class LotsChanged(TypedDict):
    lots: list[LotSummary]
    stock: list[StockSummary]


class MarketFees(TypedDict):
    """`market_fees`: for what is created from now on."""

    fees: FeeSchedule


class MarketLotClosed(TypedDict):
    """`lot_closed` (market)."""

    lot: LotId
    result: str
    price: Amount | None
    winners: list[Winner]


class MarketMadeResult(TypedDict):
    """A command's answer, and what stands beside each."""

    market: MarketId
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class MarketPage(TypedDict):
    markets: list[MarketSnapshot]
    # For the next page; null on the last.
    cursor: str | None


class MarketSnapshot(TypedDict):
    """An actor as its channel shows it, and where that stands."""

    market: MarketId
    name: str
    currency: Currency
    # `open` or `halted`.
    state: str
    # The operator's words for the present state.
    reason: str | None
    ref: str | None
    # `null`: the default table of the currency.
    increments: IncrementTable | None
    # Of lots and stock created from now on; `null`: none.
    fees: FeeSchedule | None
    # The last number of its channel that is in it.
    seq: int


class MarketState(TypedDict):
    """`market_state`."""

    state: str
    reason: str | None


class MoveView(TypedDict):
    """A move of an order."""

    state: OrderState
    cause: str
    at: Timestamp
    reason: NotRequired[str | None]


class OrderChanged(TypedDict):
    """`order_changed` (account): to the buyer the whole order, to a seller its own lines and what they come to."""

    order: OrderId
    market: MarketId
    state: str
    cause: str
    total: int
    currency: Currency | None
    # What was given back so far; to the buyer.
    refunded: NotRequired[int | None]
    lines: list[OrderLineChanged]


class OrderLineChanged(TypedDict):
    """A line of an order, as `order_changed` tells it. Amounts are for all its present units."""

    line: int
    stock: NotRequired[StockId | None]
    lot: NotRequired[LotId | None]
    quantity: int
    amount: int
    shipped: int
    returned: int
    # Units that were placed and are given up.
    short: int


class OrderLineView(TypedDict):
    """A line of an order. Amounts are for all its present units, in minor units."""

    line: int
    stock: NotRequired[StockId | None]
    lot: NotRequired[LotId | None]
    title: str
    seller: AccountId
    quantity: int
    # Units when it was placed.
    placed: int
    unit_price: Amount | None
    # The price, or hammer price.
    amount: int
    # What the buyer pays on top; not to a seller.
    premium: NotRequired[int | None]
    # What is kept from the seller's proceeds; not to the buyer.
    commission: NotRequired[int | None]
    shipped: int
    returned: int
    # Units that were placed and are given up.
    short: int
    # Until when its units are set aside for the order; they may be gone after it.
    expires_at: NotRequired[Timestamp | None]
    # The fee tables that it is sold by; to operators.
    fees: NotRequired[FeeSchedule | None]


class OrderPage(TypedDict):
    """Newest first."""

    orders: list[OrderView]
    # For the next page; null on the last.
    cursor: str | None


class OrderResult(TypedDict):
    """A command's answer, and what stands beside each."""

    order: OrderId
    state: str
    # What the buyer pays in all, fees included, in minor units.
    total: int
    currency: Currency
    # Units that were paid for and are not there, by line; none where nothing is short.
    stock_shortfall: NotRequired[list[tuple[int, int]]]
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class OrderView(TypedDict):
    """An order as one of its parties sees it."""

    order: OrderId
    market: MarketId
    buyer: AccountId
    state: OrderState
    # What it waits for where that is not a person: `paying`, `cancelling`, `merging`, `allocating`.
    waits_for: NotRequired[str | None]
    currency: Currency | None
    # What the buyer pays in all, as placed, in minor units; to a seller what its own lines come to.
    total: int
    # What was given back of it; not to a seller.
    refunded: NotRequired[int | None]
    # What deposits go towards the payment; not to a seller.
    deposits: NotRequired[int | None]
    # A tender: the lot's seller pays who won.
    tender: bool
    placed_at: Timestamp
    # When something happens by itself: it is cancelled unpaid, or completed.
    until: Timestamp | None
    merged_into: NotRequired[OrderId | None]
    lines: list[OrderLineView]
    # The first move and the latest ones.
    history: list[MoveView]
    # Entries that accounts refused; to operators.
    unbooked: NotRequired[list[UnbookedView]]


class Outbid(TypedDict):
    """`outbid` (account)."""

    lot: LotId
    price: Amount | None
    min_next_amount: Amount


class Policy(TypedDict):
    """What a market allows."""

    # Every account may bid and buy here without a grant.
    open_registration: NotRequired[bool]


class PriceChanged(TypedDict):
    """`price_changed`, and `bid_retracted`: what a bid, or its removal, changed for the public."""

    price: Amount | None
    leader: Alias | None
    # Whose bid it was; `null` where the price moved otherwise.
    bidder: Alias | None
    # Bids that count: a leader's own raises do not.
    bids: int
    min_next_amount: Amount
    # `null`: the lot has no reserve.
    reserve_met: bool | None
    # What the lot can still be bought for at once.
    buy_now: Amount | None
    ends_at: Timestamp | None
    # Several units: those that nobody has (as it stands).
    remaining: NotRequired[int | None]
    # Units that were taken by this (dutch).
    units: NotRequired[int | None]
    # How many have a bid, in formats that show nothing else.
    bidders: NotRequired[int | None]


class RegistrationResult(TypedDict):
    """A command's answer, and what stands beside each."""

    sale: SaleId
    # The paddle number: the bidder's alias in the sale's lots.
    alias: str
    terms_version: int
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class ReservationEnded(TypedDict):
    """`reservation_expired`, `reservation_released`, `reservation_committed` (account)."""

    reservation: ReservationId
    stock: StockId
    quantity: int


class ReservationOpen(TypedDict):
    """`reservation_created`, `reservation_extended` (account)."""

    reservation: ReservationId
    stock: StockId
    quantity: int
    expires_at: Timestamp


class RestatedResult(TypedDict):
    """A command's answer, and what stands beside each."""

    price: Amount | None
    min_next_amount: Amount | None
    # How many bids were removed.
    removed: int
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class RetractionCounted(TypedDict):
    """`retraction_counted` (account): bids on a lot were taken back; `retractions` counts them all."""

    lot: LotId
    bids: int
    retractions: int


class SaleMadeResult(TypedDict):
    """A command's answer, and what stands beside each."""

    sale: SaleId
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class SaleOrStateResult(TypedDict):
    """A command's answer, and what stands beside each."""

    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool
    sale: NotRequired[SaleId]
    state: NotRequired[str]
    ends_at: NotRequired[Timestamp | None]


class SalePage(TypedDict):
    sales: list[SaleSnapshot]
    # For the next page; null on the last.
    cursor: str | None


class SaleSnapshot(TypedDict):
    """An actor as its channel shows it, and where that stands."""

    sale: SaleId
    market: MarketId
    title: str
    terms: str | None
    terms_version: int
    opens_at: Timestamp
    closes_at: Timestamp | None
    stagger_ms: int
    # How many accounts are registered.
    registered: int
    ref: str | None
    # The last number of its channel that is in it.
    seq: int


class ServerInfo(TypedDict):
    """
    The server's version and the epoch of its history: it changes only when history was restored from a
    backup.
    """

    version: str
    epoch: str | None


class Shortfall(TypedDict):
    """`stock_shortfall` (account): paid, and not all of it is there; the missing part has been given back."""

    order: OrderId
    line: int
    missing: int
    quantity: int


class SoftClose(TypedDict):
    """
    A bid that changes price or leader within `window_ms` of the end moves the end to `max(end, now +
    extend_ms)`.
    """

    window_ms: int
    extend_ms: int
    # The end never passes this instant.
    hard_close_at: NotRequired[Timestamp | None]


class StandingBid(TypedDict):
    lot: LotId
    title: str
    status: BidStatus
    price: Amount | None
    currency: Currency
    ends_at: Timestamp | None


class StateResult(TypedDict):
    """A command's answer, and what stands beside each."""

    state: str
    ends_at: NotRequired[Timestamp | None]
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class StatementPage(TypedDict):
    """Newest first."""

    lines: list[Booked]
    account: AccountId
    # False where older lines of the period have been let go of.
    complete: bool
    # For the next page; null on the last.
    cursor: str | None


class StockChanged(TypedDict):
    """`stock_changed`."""

    available: int
    reserved: int
    on_hand: int
    # In the order of the item's locations; absent where it has one.
    location_counts: NotRequired[list[LocationCount]]


class StockMadeResult(TypedDict):
    """A command's answer, and what stands beside each."""

    stock: StockId
    reservation: NotRequired[ReservationId | None]
    expires_at: NotRequired[Timestamp | None]
    available: int
    reserved: int
    on_hand: int
    allocated: int
    state: NotRequired[str | None]
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class StockPage(TypedDict):
    stock: list[StockSnapshot]
    # For the next page; null on the last.
    cursor: str | None


class StockResult(TypedDict):
    """A command's answer, and what stands beside each."""

    reservation: NotRequired[ReservationId | None]
    expires_at: NotRequired[Timestamp | None]
    available: int
    reserved: int
    on_hand: int
    allocated: int
    state: NotRequired[str | None]
    # The number in the actor's channel that this led to.
    seq: int
    # Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool


class StockSnapshot(TypedDict):
    """An actor as its channel shows it, and where that stands."""

    stock: StockId
    market: MarketId
    currency: Currency
    title: str
    description: str | None
    category: str | None
    images: list[str]
    ref: str | None
    # For one unit.
    price: Amount
    limit_per_account: int | None
    available: int
    reserved: int
    on_hand: int
    # Absent where the item has one location.
    locations: NotRequired[list[Location]]
    # In the order of the locations.
    location_counts: NotRequired[list[LocationCount]]
    strategy: Strategy
    # What a buyer pays beside the price, and what is kept from the seller's proceeds; absent where there are
    # none.
    fees: NotRequired[FeeSchedule | None]
    # The last number of its channel that is in it.
    seq: int


class StockSummary(TypedDict):
    """A stock item in its market's `lots_changed`."""

    stock: StockId
    available: int


class StuckEffect(TypedDict):
    position: int
    index: int
    cause: str
    target: str
    command: str
    since_at: Timestamp
    why: str
    attempts: int
    retry_at: Timestamp
    behind: int


class Subscribed(TypedDict):
    """Either every missed event, or a snapshot, never a part."""

    epoch: str
    seq: int
    resumed: bool
    snapshot: NotRequired[dict[str, Any] | None]
    events: NotRequired[list[dict[str, Any]] | None]


class TimeExtended(TypedDict):
    """`time_extended`."""

    # `null` where the lot had no end.
    old_ends_at: Timestamp | None
    ends_at: Timestamp


class Trade(TypedDict):
    """
    `trade` (book): minor units for one unit, units; `taker_side` is that of the order that came to one that
    rested, `null` in a call auction.
    """

    price: int
    quantity: int
    taker_side: Side | None


class TradeLine(TypedDict):
    seq: int
    price: int
    quantity: int
    # Null in a call auction.
    taker_side: Side | None
    ts: Timestamp


class TradePage(TypedDict):
    """Newest first."""

    trades: list[TradeLine]
    # For the next page; null on the last.
    cursor: str | None


class UnbookedView(TypedDict):
    """An entry that an account refused."""

    account: AccountId
    code: str
    at: Timestamp


class Winner(TypedDict):
    """A winner of a lot."""

    alias: Alias
    quantity: int
    amount: Amount
    # The numbers of the items, where the lot has several.
    items: NotRequired[Package | None]


class Won(TypedDict):
    """`won` (account): the hammer price for all units, and the order that follows."""

    lot: LotId
    quantity: int
    amount: Amount
    market: MarketId
    order: OrderId


class LotEvents(TypedDict, total=False):
    """The data of the events of a `lot` channel, by their names."""

    lot_scheduled: LotState
    lot_opened: LotState
    lot_paused: LotState
    lot_resumed: LotState
    lot_closing: LotState
    price_changed: PriceChanged
    bid_retracted: PriceChanged
    bidders_changed: BiddersChanged
    clock_ticked: ClockTicked
    time_extended: TimeExtended
    lot_closed: LotClosed
    lot_reopened: LotReopened
    lot_revised: LotRevised


class StockEvents(TypedDict, total=False):
    """The data of the events of a `stock` channel, by their names."""

    stock_changed: StockChanged


class BookEvents(TypedDict, total=False):
    """The data of the events of a `book` channel, by their names."""

    book_changed: BookChanged
    trade: Trade
    book_state: BookStateChanged
    auction_indicative: AuctionIndicative
    auction_uncrossed: AuctionIndicative


class MarketEvents(TypedDict, total=False):
    """The data of the events of a `market` channel, by their names."""

    lot_listed: LotListed
    lot_closed: MarketLotClosed
    market_state: MarketState
    market_fees: MarketFees
    lots_changed: LotsChanged


class AccountEvents(TypedDict, total=False):
    """The data of the events of a `account` channel, by their names."""

    account_changed: AccountChanged
    balance_changed: BalanceChanged
    hold_placed: HoldPlaced
    hold_released: HoldReleased
    hold_captured: HoldCaptured
    retraction_counted: RetractionCounted
    bid_status: BidStatusChanged
    outbid: Outbid
    won: Won
    order_changed: OrderChanged
    stock_shortfall: Shortfall
    book_order_changed: BookOrderChanged
    reservation_created: ReservationOpen
    reservation_extended: ReservationOpen
    reservation_expired: ReservationEnded
    reservation_released: ReservationEnded
    reservation_committed: ReservationEnded


class OpsEvents(TypedDict, total=False):
    """The data of the events of a `ops` channel, by their names."""

    audited: Audited
