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
  amount: Minor;
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
  /** The seq of `lot:<id>` that this is the state at; not in a snapshot of the channel, whose reply says it. */
  seq?: number;
}

/** One line of a lot's public history; `seq` decides ties. */
export interface PublicBid {
  seq: number;
  alias: string;
  amount: Minor;
  ts: Micros;
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
}

export interface Market {
  market: string;
  name: string;
  currency: string;
  state: string;
}

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

export interface BidResult extends CommandResult {
  bid: string;
  status: "leading" | "outbid" | "placed" | "won";
  price: Minor;
  /** Null when the bid ended the lot. */
  min_next_amount: Minor | null;
  ends_at: Micros;
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
  clock_ticked: Partial<LotSnapshot>;
  lot_closed: { result: LotResult; price?: Minor | null; winners: Winner[] };
}

export interface StockEvents {
  stock_changed: { available: number; reserved: number; on_hand: number };
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
  hold_placed: Record<string, unknown>;
  hold_released: Record<string, unknown>;
  reservation_created: { reservation: string; stock: string; quantity: number; expires_at: Micros };
  reservation_released: { reservation: string; stock: string; quantity: number };
  reservation_expired: { reservation: string; stock: string; quantity: number };
  order_changed: { order: string; state: string };
}
