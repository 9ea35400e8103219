import type {
  Account,
  AccountLine,
  AccountState,
  AuditRecord,
  BalanceResult,
  BidResult,
  AuctionResult,
  BookEvents,
  BookOrder,
  BookOrderResult,
  BookSide,
  BookSnapshot,
  Clock,
  CommandResult,
  NotaryKey,
  Receipt,
  Cursor,
  Effects,
  FeeSchedule,
  Format,
  Funding,
  LotSnapshot,
  LotState,
  Market,
  Micros,
  Minor,
  Order,
  OrderResult,
  Pricing,
  DrawLine,
  PublicBid,
  PublicTrade,
  Qualification,
  Role,
  Sale,
  SoftClose,
  StatementLine,
  StockSnapshot,
  LotEvents,
  StockEvents,
  MarketEvents,
  AccountEvents,
} from "./types.js";

/** What a lot is created with; amounts in minor units, instants in microseconds. */
export interface NewLot {
  /** The id, if the creator chooses it (`newId("lot")`). */
  lot?: string;
  market: string;
  title: string;
  format: Format;
  quantity?: number;
  /** Absent: it stays a draft until `lot.open`. */
  opens_at?: Micros;
  closes_at?: Micros;
  start_amount: Minor;
  reserve?: Minor;
  buy_now?: Minor;
  increments?: unknown;
  soft_close?: SoftClose;
  funding?: Funding;
  /** What is held before the first bid, where funding or qualification is `deposit`. */
  deposit?: Minor;
  qualification?: Qualification;
  clock?: Clock;
  pricing?: Pricing;
  sealed?: boolean;
  /** How long before the announced end the candle may go out (candle). */
  candle_ms?: number;
  /** What packages are made of (combinatorial). */
  items?: string[];
  /** Checked against the market's; another is `currency_mismatch`. */
  currency?: string;
  proxy?: boolean;
  sale?: string;
  number?: number;
  description?: string;
  category?: string;
  estimate?: [Minor, Minor];
  images?: string[];
  ref?: string;
  seller?: string;
}

interface LotReason {
  lot: string;
  reason: string;
}
type LotStateResult = CommandResult & { state: LotState };
type StockCounters = CommandResult & { stock?: string; available: number; reserved: number; on_hand: number };

/** Every method this client types: parameters without `key`, and the result. Others go through `client.request`. */
export interface Methods {
  /** The receipt of the account's earlier command with `key` to `target`; `unavailable` until it is notarized, some seconds. */
  "command.receipt": [{ target: string; key: string }, Receipt];
  "notary.keys": [Record<string, never>, { keys: NotaryKey[] }];
  "market.list": [Record<string, never>, { markets: Market[] }];
  "market.create": [{ market?: string; name: string; currency: string; increments?: unknown; fees?: FeeSchedule; policy?: unknown }, CommandResult & { market: string }];
  "market.get": [{ market: string }, Market];
  "market.set_fees": [{ market: string; fees: FeeSchedule; reason: string }, CommandResult & { state: string }];
  "market.halt": [{ market: string; reason: string }, CommandResult & { state: string }];
  "market.resume": [{ market: string; reason: string }, CommandResult & { state: string }];
  "sale.create": [{ market: string; title: string; terms?: string; opens_at: Micros; closes_at?: Micros; stagger_ms?: number; ref?: string }, CommandResult & { sale: string }];
  "sale.register": [{ sale: string; terms?: unknown }, CommandResult & { sale: string; alias?: string }];
  "sale.get": [{ sale: string }, Sale];
  "sale.list": [{ market: string; cursor?: string; limit?: number }, Cursor & { sales: Sale[] }];
  "account.create": [{ account?: string; name: string }, CommandResult & { account: string }];
  "account.update": [{ account: string; [field: string]: unknown }, CommandResult & { account: string }];
  "account.grant": [{ account: string; market: string; role: string; revoke?: boolean }, CommandResult & { account: string }];
  "account.suspend": [{ account: string; market: string; reason: string; lift?: boolean }, CommandResult & { state: string }];
  "account.verify": [{ account: string; market: string; reason: string; revoke?: boolean }, CommandResult & { state: string }];
  "account.link": [{ account: string; other: string; market: string; reason: string; unlink?: boolean }, CommandResult & { state: string }];
  "account.sign_out": [{ account?: string; reason?: string }, CommandResult & { state: string }];
  "account.deposit": [MoveOfMoney | MoveOfGoods, BalanceResult];
  "account.withdraw": [MoveOfMoney | MoveOfGoods, BalanceResult];
  "account.correct": [Correction, BalanceResult];
  "account.collect_fees": [MoveOfMoney, BalanceResult];
  "account.get": [{ account?: string }, Account];
  "account.list": [{ market?: string; query?: string; role?: Role; state?: AccountState; cursor?: string; limit?: number }, Cursor & { accounts: AccountLine[] }];
  "account.statement": [{ account?: string; currency?: string; from?: Micros; to?: Micros; cursor?: string; limit?: number }, Cursor & { lines: StatementLine[] }];
  "lot.create": [NewLot, CommandResult & { lot: string }];
  "lot.revise": [Partial<NewLot> & { lot: string }, CommandResult];
  "lot.open": [LotReason, LotStateResult];
  "lot.pause": [LotReason, LotStateResult];
  "lot.resume": [LotReason, LotStateResult];
  "lot.extend": [LotReason & { ends_at: Micros }, LotStateResult];
  "lot.cancel": [LotReason, LotStateResult];
  "lot.close": [LotReason, LotStateResult];
  "lot.reopen": [LotReason & { ends_at: Micros }, LotStateResult];
  "lot.void_bid": [LotReason & ({ bid: string } | { alias: string }), CommandResult & { price: Minor | null; min_next_amount: Minor | null; removed: number }];
  "lot.bid": [{ lot: string; amount: Minor; currency?: string; quantity?: number; all_or_none?: boolean; if_seq?: number; validate_only?: boolean; stay_until?: Minor; package?: number[] }, BidResult];
  "lot.buy_now": [{ lot: string; amount?: Minor; currency?: string }, BidResult];
  "lot.take": [{ lot: string; quantity?: number; amount?: Minor; currency?: string }, BidResult];
  "lot.stay": [{ lot: string; stay_until?: Minor; currency?: string }, BidResult];
  "lot.retract": [{ lot: string; bid?: string; reason?: string }, CommandResult & Record<string, unknown>];
  "lot.get": [{ lot: string }, LotSnapshot];
  "lot.list": [LotQuery, Cursor & { lots: LotSnapshot[] }];
  "lot.bids": [{ lot: string; cursor?: string; limit?: number }, Cursor & { bids: PublicBid[] }];
  "lot.events": [{ lot: string; cursor?: string; limit?: number }, Cursor & { cut: boolean; events: DrawLine[] }];
  "stock.list": [{ market: string; cursor?: string; limit?: number }, { stock: StockSnapshot[]; cursor?: string | null }];
  "stock.get": [{ stock: string }, StockSnapshot];
  "stock.create": [{ stock?: string; market: string; title: string; price: Minor; on_hand: number; ref?: string }, StockCounters];
  "stock.receive": [{ stock: string; quantity: number; reason: string }, StockCounters];
  "stock.adjust": [{ stock: string; quantity: number; reason: string }, StockCounters];
  "stock.reserve": [{ stock: string; quantity: number; ttl_ms?: number }, CommandResult & { reservation: string; expires_at: Micros; available: number }];
  "stock.release": [{ reservation: string }, StockCounters];
  "stock.extend": [{ reservation: string; ttl_ms?: number }, StockCounters];
  "stock.ship": [{ stock: string; order: string; line?: number; quantity?: number; location?: string; reason?: string }, StockCounters];
  "stock.return": [{ stock: string; order: string; line?: number; quantity?: number; location?: string; reason?: string }, StockCounters];
  "book.create": [NewBook, CommandResult & { book: string }];
  "book.place": [NewBookOrder, BookOrderResult];
  "book.cancel": [{ book: string; book_order: string; reason?: string }, BookOrderResult];
  "book.modify": [{ book: string; book_order: string; quantity?: number; price?: Minor; currency?: string }, BookOrderResult];
  "book.auction": [{ book: string; action: "start" | "uncross"; ends_at?: Micros; duration_ms?: number; random_end_ms?: number }, AuctionResult];
  "book.get": [{ book: string }, BookSnapshot];
  "book.list": [{ market: string; query?: string; cursor?: string; limit?: number }, Cursor & { books: BookSnapshot[] }];
  "book.orders": [{ book?: string; cursor?: string; limit?: number }, Cursor & { orders: BookOrder[] }];
  "book.trades": [{ book: string; cursor?: string; limit?: number }, Cursor & { trades: (PublicTrade & { seq: number; ts: Micros })[] }];
  "order.place": [{ order?: string; market?: string; lines: OrderLineRequest[]; near?: [number, number] }, OrderResult];
  "order.pay": [{ order: string; reason?: string }, OrderResult];
  "order.cancel": [{ order: string; reason?: string }, OrderResult];
  "order.mark_paid": [{ order: string; reason?: string; reference?: string }, OrderResult];
  "order.refund": [{ order: string; amount?: Minor; currency?: string; reason: string }, OrderResult];
  "order.mark_delivered": [{ order: string; reason?: string }, OrderResult];
  "order.complete": [{ order: string; reason?: string }, OrderResult];
  "order.get": [{ order: string }, Order];
  "effect.list": [{ limit?: number }, Effects];
  "audit.list": [{ market: string; cursor?: string; limit?: number }, Cursor & { records: AuditRecord[] }];
  "order.list": [{ market?: string; account?: string; state?: string; cursor?: string; limit?: number }, Cursor & { orders: Order[] }];
}

/** Money in or out of an account, by an operator. */
export interface MoveOfMoney {
  account: string;
  amount: Minor;
  currency: string;
  reason: string;
}

/** An entry that puts another right, by an operator. */
export interface Correction {
  account: string;
  /** The entry that was wrong; it stays as it is. */
  entry: string;
  /** What the balance changes by, signed: minor units of `currency` or units of `goods`. */
  amount: Minor;
  currency?: string;
  goods?: string;
  /** Where it comes from and goes to; absent: `outside`. */
  against?: "outside" | "fees";
  reason: string;
}

/** Goods in or out of an account, by an operator. */
export interface MoveOfGoods {
  account: string;
  /** A stock item's id. */
  goods: string;
  quantity: number;
  reason: string;
}

/** What a book is opened with. */
export interface NewBook {
  book?: string;
  market: string;
  title: string;
  /** The step of prices, minor units for one unit. */
  tick: Minor;
  lot_size?: number;
  reference?: Minor;
  tick_significant_figures?: number;
  self_trade?: "cancel_newest" | "cancel_oldest" | "cancel_both" | "allow";
  modify_keeps_place?: boolean;
  funding?: "none" | "full";
  currency?: string;
  ref?: string;
  description?: string;
}

/** An order: a limit order names its price for one unit, a market order that buys in a funded book what it may cost. */
export interface NewBookOrder {
  book: string;
  side: BookSide;
  type: "limit" | "market";
  quantity: number;
  price?: Minor;
  max_amount?: Minor;
  time_in_force?: "gtc" | "ioc" | "fok" | "gtd";
  post_only?: boolean;
  expires_at?: Micros;
  currency?: string;
}

/** What is ordered: a reservation, stock, or a lot that was won. */
export type OrderLineRequest = { reservation: string } | { stock: string; quantity: number } | { lot: string };

/** The order and the choice of `lot.list`. */
export interface LotQuery {
  market: string;
  state?: string;
  format?: string;
  query?: string;
  sort?: "ending" | "price" | "newest";
  cursor?: string;
  limit?: number;
}

export type MethodName = keyof Methods;
export type ParamsOf<M extends MethodName> = Methods[M][0];
export type ResultOf<M extends MethodName> = Methods[M][1];

/**
 * How a method is sent: a read needs no key; a command gets one, and `command.result` is asked at the actor whose id
 * stands in the named parameter (null: the parameters do not tell which actor decides).
 */
type Kind = "read" | { target: string | null };

const lot: Kind = { target: "lot" };
const stock: Kind = { target: "stock" };
const market: Kind = { target: "market" };
const account: Kind = { target: "account" };
const sale: Kind = { target: "sale" };
const order: Kind = { target: "order" };
const book: Kind = { target: "book" };
const elsewhere: Kind = { target: null };

export const METHODS: Readonly<Record<MethodName, Kind>> = {
  "command.receipt": "read",
  "notary.keys": "read",
  "market.list": "read",
  "market.create": market,
  "market.get": "read",
  "market.set_fees": market,
  "market.halt": market,
  "market.resume": market,
  "sale.create": sale,
  "sale.register": sale,
  "sale.get": "read",
  "sale.list": "read",
  "account.create": account,
  "account.update": account,
  "account.grant": account,
  "account.suspend": account,
  "account.verify": account,
  "account.link": account,
  "account.sign_out": account,
  "account.deposit": account,
  "account.withdraw": account,
  "account.correct": account,
  "account.collect_fees": account,
  "account.get": "read",
  "account.list": "read",
  "account.statement": "read",
  "lot.create": lot,
  "lot.revise": lot,
  "lot.open": lot,
  "lot.pause": lot,
  "lot.resume": lot,
  "lot.extend": lot,
  "lot.cancel": lot,
  "lot.close": lot,
  "lot.reopen": lot,
  "lot.void_bid": lot,
  "lot.bid": lot,
  "lot.buy_now": lot,
  "lot.take": lot,
  "lot.stay": lot,
  "lot.retract": lot,
  "lot.get": "read",
  "lot.list": "read",
  "lot.bids": "read",
  "lot.events": "read",
  "stock.list": "read",
  "stock.get": "read",
  "stock.create": stock,
  "stock.receive": stock,
  "stock.adjust": stock,
  "stock.reserve": stock,
  "stock.release": elsewhere,
  "stock.extend": elsewhere,
  "stock.ship": stock,
  "stock.return": stock,
  "book.create": book,
  "book.place": book,
  "book.cancel": book,
  "book.modify": book,
  "book.auction": book,
  "book.get": "read",
  "book.list": "read",
  "book.orders": "read",
  "book.trades": "read",
  "order.place": order,
  "order.pay": order,
  "order.cancel": order,
  "order.mark_paid": order,
  "order.refund": order,
  "order.mark_delivered": order,
  "order.complete": order,
  "order.get": "read",
  "order.list": "read",
  "effect.list": "read",
  "audit.list": "read",
};

/** The methods of one noun: `Group<"lot">` has `bid`, `get`, ... */
export type Group<Noun extends string, Options> = {
  [M in MethodName as M extends `${Noun}.${infer Verb}` ? Verb : never]: (params: ParamsOf<M>, options?: Options) => Promise<ResultOf<M>>;
};

/** Makes the functions of one noun out of the table above. */
export function groupOf<Noun extends string, Options>(
  noun: Noun,
  call: (method: MethodName, params: Record<string, unknown>, options?: Options) => Promise<unknown>,
): Group<Noun, Options> {
  const group: Record<string, unknown> = {};
  for (const method of Object.keys(METHODS) as MethodName[]) {
    const [head, verb] = method.split(".") as [string, string];
    if (head === noun) group[verb] = (params: Record<string, unknown>, options?: Options) => call(method, params, options);
  }
  return group as Group<Noun, Options>;
}

/** The state and the events behind a channel's name. */
export type StateOf<C extends string> = C extends `lot:${string}`
  ? LotSnapshot
  : C extends `stock:${string}`
    ? StockSnapshot
    : C extends `book:${string}`
      ? BookSnapshot
      : C extends `market:${string}`
        ? Market
        : Record<string, unknown>;

export type EventsOf<C extends string> = C extends `lot:${string}`
  ? LotEvents
  : C extends `stock:${string}`
    ? StockEvents
    : C extends `book:${string}`
      ? BookEvents
    : C extends `market:${string}`
      ? MarketEvents
      : C extends "account"
        ? AccountEvents
        : Record<string, Record<string, unknown>>;
