/**
 * The nouns of the protocol. Instants are integer microseconds since the Unix epoch on the server's clock; durations
 * end in `_ms`; money is integer minor units of the market's currency. Fields that a newer server adds are ignored.
 */
export type Micros = number;
export type Minor = number;

export type LotState = "draft" | "scheduled" | "open" | "paused" | "closing" | "closed";
export type LotResult = "sold" | "unsold" | "cancelled";

/** A winner as everybody may see it: an alias of that lot, never an account. */
export interface Winner {
  alias: string;
  quantity: number;
  /** The hammer price for all units. */
  amount: Minor;
  /** The numbers of the items, where the lot has several. */
  items?: number[];
}

/** How a lot is sold. */
export type Format = "english" | "dutch" | "sealed_first_price" | "vickrey" | "multi_unit" | "reverse" | "japanese" | "candle" | "combinatorial";
export type Funding = "none" | "deposit" | "full";
export type Qualification = "none" | "registered" | "deposit" | "verified";
/** What the winners of a multi-unit lot pay for each unit. */
export type Pricing = "uniform_lowest_winning" | "uniform_highest_losing" | "pay_as_bid";

/** A clock: from `start` by `step` every `interval_ms`; down to `floor` (dutch, which must have one), or up, at most to `ceiling` (japanese). */
export interface Clock {
  start: Minor;
  step: Minor;
  interval_ms: number;
  floor?: Minor;
  ceiling?: Minor;
}

/** A fee by marginal bands `[begins at, parts per million]`. */
export interface FeeTable {
  bands: [Minor, number][];
  /** Beside the bands, for each order line. */
  fixed?: Minor;
  rounding?: "half_up" | "half_even" | "up" | "down";
}

/** The fees of a market, for what is offered from now on. */
export interface FeeSchedule {
  version?: number;
  buyers_premium?: FeeTable | null;
  sellers_commission?: FeeTable | null;
}

export interface SoftClose {
  window_ms: number;
  extend_ms: number;
  hard_close_at?: Micros | null;
}

/** A lot as anybody sees it: `lot.get`, `lot.list` and the snapshot of `lot:<id>`. */
export interface LotSnapshot {
  lot: string;
  market: string;
  currency: string;
  ref?: string | null;
  number?: number | null;
  title: string;
  description: string;
  category: string;
  estimate: [Minor, Minor] | null;
  format: string;
  state: LotState;
  start_amount: Minor;
  /** Null before the first bid. */
  price: Minor | null;
  /** The leader's alias on this lot, such as `bidder-7`. */
  leader: string | null;
  bids: number;
  min_next_amount: Minor;
  /** Null when the lot has no reserve. Its amount is never shown. */
  reserve_met: boolean | null;
  buy_now: Minor | null;
  opens_at: Micros;
  ends_at: Micros;
  seller_alias?: string | null;
  images: string[];
  result: LotResult | null;
  winners: Winner[];
  soft_close: SoftClose | null;
  /** True where an amount is the bidder's secret maximum. */
  proxy?: boolean;
  quantity?: number;
  funding?: Funding;
  qualification?: Qualification;
  /** What is held before the first bid, where funding or qualification is `deposit`. */
  deposit?: Minor | null;
  /** What a winner pays on top of the hammer price; null: nothing. */
  buyers_premium?: FeeTable | null;
  /** Nobody sees bids before the end. */
  sealed?: boolean;
  /** How many have a bid; null where bids are open. */
  bidders?: number | null;
  /** Units that nobody has as it stands; null where they are not sold one by one. */
  remaining?: number | null;
  pricing?: Pricing | null;
  clock?: Clock | null;
  /** What the clock shows next, and when; null at the floor and while it stands. */
  next_price?: Minor | null;
  next_at?: Micros | null;
  /** How long before the announced end a candle may go out. */
  candle_ms?: number | null;
  /** SHA-256 of the seed that a candle's end is drawn from; seed, hash of the public events and moment after the end. */
  seed_hash?: string | null;
  seed?: string | null;
  events_hash?: string | null;
  ended_at?: Micros | null;
  /** What packages are made of, numbered from 1. */
  items?: string[];
  /** The seq of `lot:<id>` that this is the state at; not in a snapshot of the channel, whose reply says it. */
  seq?: number;
}

/** One line of a lot's public history; `seq` decides ties. */
/** A public event of a candle lot, as the line says it that its end is drawn from. */
export interface DrawLine {
  seq: number;
  type: string;
  ts: Micros;
  price: Minor | null;
  leader: string | null;
  bidder: string | null;
  bids: number | null;
  ends_at: Micros | null;
}

export interface PublicBid {
  seq: number;
  alias: string;
  amount: Minor;
  ts: Micros;
  /** Units, where the lot has several. */
  quantity?: number;
}

/** A lot's line in `lots_changed`; only what changed has to be there. */
export interface LotChange {
  lot: string;
  price?: Minor | null;
  bids?: number;
  ends_at?: Micros;
  leader?: string | null;
  min_next_amount?: Minor;
  reserve_met?: boolean | null;
  state?: LotState;
  bidders?: number;
  remaining?: number;
  next_price?: Minor | null;
  next_at?: Micros | null;
}

export interface Market {
  market: string;
  name: string;
  currency: string;
  state: string;
  reason?: string | null;
  fees?: FeeSchedule | null;
}

/** What an account has of a currency, or (`goods`) of a stock item. */
export interface Balance {
  currency?: string;
  goods?: string;
  balance: Minor;
  held: Minor;
  /** `balance - held`. */
  available: Minor;
}

/** Money of an account that is set aside for a bid or order. */
export interface Hold {
  hold: string;
  currency?: string;
  goods?: string;
  amount: Minor;
  lot?: string | null;
  order?: string | null;
}

/** An account as its owner sees it. */
export interface Account {
  account: string;
  name: string | null;
  grants: { market: string; role: string }[];
  balances: Balance[];
  holdings: Balance[];
  /** The oldest first; `holds_count` says how many there are in all. */
  holds: Hold[];
  holds_count?: number;
  /** Where its bids stand, on lots that are not over; the newest first. */
  bids: { lot: string; title: string; status: BidStatus; price: Minor | null; currency: string; ends_at: Micros | null }[];
  reservations: { reservation: string; stock: string; title: string; quantity: number; expires_at: Micros }[];
  seq: number;
}

export type Role = "bidder" | "seller" | "operator" | "auditor";

/** How an account stands in a market: the filter of `account.list`. */
export type AccountState = "verified" | "unverified" | "suspended" | "linked";

/** An account as the operators of a market see it. */
export interface AccountLine {
  account: string;
  /** Null after an erasure. */
  name: string | null;
  /** In the market; without a market, anywhere. */
  roles: Role[];
  verified: boolean;
  suspended: boolean;
  /** The accounts that an operator has linked with it. */
  linked: string[];
}

/** Who did what in a market, and why; `by` is null for what the engine did itself. */
export interface AuditRecord {
  seq: number;
  ts: Micros;
  by: string | null;
  action: string;
  /** The id of what it was done to. */
  target: string;
  reason: string | null;
  /** Its place in the journal. */
  position: number;
}

/** Commands between actors: how many wait, since when, which cannot be given, and which were refused. */
export interface Effects {
  waiting: number;
  oldest_at: Micros | null;
  stuck: {
    position: number;
    index: number;
    cause: string;
    target: string;
    command: string;
    since_at: Micros;
    why: string;
    attempts: number;
    retry_at: Micros;
    /** How many wait behind it. */
    behind: number;
  }[];
  /** Since the engine's process began. */
  declined_count: number;
  declined: { position: number; index: number; target: string; time: Micros; code: string }[];
}

/** One entry of an account's ledger, as a statement shows it. */
export interface StatementLine {
  entry: string;
  at: Micros;
  kind: string;
  currency?: string;
  goods?: string;
  /** By how much the balance changed. */
  amount: Minor;
  balance: Minor;
  held: Minor;
  order?: string | null;
  lot?: string | null;
  reason?: string | null;
  reverses?: string | null;
}

export type OrderState =
  | "placing"
  | "placed"
  | "awaiting_payment"
  | "paid"
  | "fulfilling"
  | "delivered"
  | "completed"
  | "cancelled"
  | "refunded"
  | "refunded_in_part"
  | "returned";

/** A line of an order; prices are those of the moment when it was placed, for all its present units. */
export interface OrderLine {
  line: number;
  title: string;
  lot?: string;
  stock?: string;
  seller: string;
  quantity: number;
  unit_price: Minor | null;
  /** Without fees. */
  amount: Minor;
  /** What the buyer pays on top; not told to a seller. */
  premium?: Minor;
  /** What is kept from the seller's proceeds; not told to the buyer. */
  commission?: Minor;
  shipped: number;
  returned: number;
  /** Units that were placed and are given up. */
  short: number;
}

/** An order as its buyer and sellers see it. */
export interface Order {
  order: string;
  market: string;
  currency: string;
  state: OrderState;
  /** What the buyer pays in all, fees included; to a seller what its own lines come to. */
  total: Minor;
  /** What was given back of it; not told to a seller. */
  refunded?: Minor;
  buyer: string;
  /** A tender: `buyer` is who asked for offers, and pays. */
  tender: boolean;
  lines: OrderLine[];
  placed_at: Micros;
  /** When something happens by itself: it is cancelled unpaid, or completed. */
  until: Micros | null;
  history: { state: OrderState; cause: string; at: Micros; reason?: string }[];
}

export interface OrderResult extends CommandResult {
  order: string;
  state: OrderState;
  total: Minor;
  currency: string;
  /** Units that were paid for and are not there, by line. */
  stock_shortfall?: [number, number][];
}

export interface BalanceResult extends CommandResult, Balance {}

export interface StockSnapshot {
  stock: string;
  market: string;
  currency: string;
  ref?: string | null;
  title: string;
  description?: string | null;
  category?: string | null;
  price: Minor;
  available: number;
  reserved?: number;
  on_hand?: number;
}

export type BookState = "continuous" | "auction" | "uncrossing" | "halted";
export type BookSide = "buy" | "sell";
export type BookOrderStatus = "pending" | "open" | "partly_filled" | "filled" | "cancelled" | "expired";

/** What rests at a price: minor units for one unit, units in all. */
export type BookLevel = [price: Minor, quantity: number];

/** A trade as everybody sees it; `taker_side` is null in a call auction. */
export interface PublicTrade {
  price: Minor;
  quantity: number;
  taker_side: BookSide | null;
}

/** What a call auction would give now. `surplus`: units of buyers (positive) or sellers (negative) that found nobody. */
export interface AuctionPrice {
  price: Minor;
  volume: number;
  surplus: number;
}

/** An order book: `book.get` and the snapshot of `book:<id>`. In `book.list` each side has its best level only. */
export interface BookSnapshot {
  book: string;
  market: string;
  currency: string;
  title: string;
  description?: string | null;
  ref?: string | null;
  /** The step of prices, minor units for one unit. */
  tick: Minor;
  /** The step of quantities. */
  lot_size: number;
  reference?: Minor | null;
  tick_significant_figures?: number | null;
  funding: "none" | "full";
  fees?: FeeSchedule;
  state: BookState;
  /** Of an auction: its announced end. */
  ends_at: Micros | null;
  bids: BookLevel[];
  asks: BookLevel[];
  last_trade: PublicTrade | null;
  indicative: AuctionPrice | null;
  seq?: number;
}

/** One of the caller's own orders. */
export interface BookOrder {
  book_order: string;
  book: string;
  title: string;
  currency: string;
  side: BookSide;
  type: "limit" | "market";
  price: Minor | null;
  status: BookOrderStatus;
  quantity: number;
  filled: number;
  remaining: number;
  cause: string;
  placed_at: Micros;
  at: Micros;
}

export interface BookOrderResult extends CommandResult {
  book_order: string;
  status: BookOrderStatus;
  filled: number;
  /** Units that are open; of an order that has ended: that were never traded. */
  remaining: number;
  trades: { price: Minor; quantity: number }[];
  cause?: string;
}

export interface AuctionResult extends CommandResult {
  state: BookState;
  price: Minor | null;
  volume: number | null;
  ends_at?: Micros;
}

export interface Sale {
  sale: string;
  market: string;
  title: string;
  terms?: string | null;
  opens_at: Micros;
  stagger_ms?: number | null;
  [field: string]: unknown;
}

export interface Currency {
  code: string;
  /** Decimal digits of the minor unit: 2 for EUR, 0 for JPY. */
  exponent: number;
  name: string;
}

/** The reply to `connect`. */
export interface Hello {
  connection: string;
  account: string | null;
  roles: unknown[];
  server: { version: string; epoch: string };
  time: Micros;
  heartbeat_ms: number;
  limits: Record<string, number>;
}

/** What every command's result may carry besides its own fields. */
export interface CommandResult {
  /** The seq of the actor's channel that the command led to. */
  seq?: number;
  /** True when the key had been used before and this is the first outcome again. */
  replayed?: boolean;
}

/** A signed checkpoint of the market's history. Hashes, key and signature in hexadecimal. */
export interface NotaryCheckpoint {
  form: number;
  cell: string;
  number: number;
  first: number;
  last: number;
  /** When it was signed. */
  micros: Micros;
  root: string;
  previous: string;
  key: string;
  signature: string;
}

/** The proof of what a command was answered: keep it, `vendue verify receipt` checks it without the market. */
export interface Receipt {
  version: number;
  /** The outcome's place in the market's history. */
  position: number;
  statement: string;
  salt: string;
  record: string;
  path: string[];
  checkpoint: NotaryCheckpoint;
}

/** A public key of the notary: a JWK (OKP, Ed25519), and in hexadecimal. */
export interface NotaryKey {
  kty: "OKP";
  crv: "Ed25519";
  kid: string;
  x: string;
  hex: string;
}

/** How a bid stands for its bidder; sealed ones are only `placed`. */
export type BidStatus = "leading" | "outbid" | "placed" | "won";

export interface BidResult extends CommandResult {
  bid: string;
  status: BidStatus;
  /** Null where the format shows none before the end. */
  price: Minor | null;
  /** Null when the bid ended the lot. */
  min_next_amount: Minor | null;
  ends_at: Micros;
  /** The buyer's premium if it wins at the price (sealed: at its own amount); absent without fees. */
  fees?: Minor;
  /** Price and fees. */
  total?: Minor;
  /** What is held for it, where bids are funded. */
  held?: Minor;
}

/** A page of a list; `cursor` is null on the last. */
export interface Cursor {
  cursor: string | null;
}

/** The events of each kind of channel and their data (protocol, section 5). */
export interface LotEvents {
  lot_opened: Partial<LotSnapshot>;
  price_changed: Pick<LotSnapshot, "price" | "leader" | "bids" | "min_next_amount" | "reserve_met" | "ends_at">;
  time_extended: { old_ends_at: Micros; ends_at: Micros };
  lot_paused: Partial<LotSnapshot>;
  lot_resumed: Partial<LotSnapshot>;
  bid_retracted: Partial<LotSnapshot>;
  clock_ticked: Pick<LotSnapshot, "price" | "min_next_amount" | "next_price" | "next_at" | "remaining">;
  bidders_changed: Pick<LotSnapshot, "bidders" | "bids" | "ends_at">;
  lot_closing: Partial<LotSnapshot>;
  lot_closed: { result: LotResult; price?: Minor | null; winners: Winner[] };
}

export interface StockEvents {
  stock_changed: { available: number; reserved: number; on_hand: number };
}

export interface BookEvents {
  /** Levels that changed; quantity 0: gone. With `mode: "latest"` one event may stand for many: then `trades` are the newest of those it stands for. */
  book_changed: { bids: BookLevel[]; asks: BookLevel[]; trades?: PublicTrade[]; trades_left_out?: number };
  trade: PublicTrade;
  auction_indicative: { price: Minor | null; volume: number; surplus: number };
  auction_uncrossed: { price: Minor | null; volume: number; surplus: number };
  book_state: { state: BookState; ends_at: Micros | null; indicative: null };
}

export interface MarketEvents {
  lot_listed: Partial<LotSnapshot> & { lot: string };
  lot_closed: { lot: string; result?: LotResult; price?: Minor | null };
  market_state: { state: string };
  lots_changed: { lots: LotChange[] };
}

export interface AccountEvents {
  bid_status: { lot: string; status: string; price: Minor };
  outbid: { lot: string; price: Minor; min_next_amount: Minor };
  won: { lot: string; quantity: number; amount: Minor; order?: string };
  balance_changed: Balance & { kind: string; entry: string; amount: Minor; reason?: string | null };
  hold_placed: Balance & Hold;
  hold_released: Balance & Hold;
  hold_captured: Balance & Hold;
  stock_shortfall: { order: string; line: number; missing: number; quantity: number };
  reservation_created: { reservation: string; stock: string; quantity: number; expires_at: Micros };
  reservation_released: { reservation: string; stock: string; quantity: number };
  reservation_expired: { reservation: string; stock: string; quantity: number };
  book_order_changed: Omit<BookOrder, "title" | "currency" | "quantity" | "placed_at" | "at"> & { traded?: number; value?: Minor; fee?: Minor };
  order_changed: { order: string; state: OrderState; total: Minor; currency: string; cause: string; lines?: Partial<OrderLine>[] };
}
