/**
 * One channel's stream, checked and folded: the sequence has to be dense, and snapshot + events is the state. This
 * file knows no sockets and no timers; it says what to do and its owner does it.
 */

/** An event as it travels on the wire (protocol, section 2). */
export interface ChannelEvent<Data = Record<string, unknown>> {
  channel: string;
  epoch: string;
  seq: number;
  /** First seq of a range that was conflated into this event; absent when the event stands for itself. */
  from?: number;
  /** Server's time, microseconds since the Unix epoch. */
  ts: number;
  type: string;
  data: Data;
}

/** The reply to `subscribe`. */
export interface SubscribeReply {
  epoch: string;
  seq: number;
  resumed: boolean;
  snapshot?: Record<string, unknown>;
  events?: ChannelEvent[];
}

/** A place in a channel's history. */
export interface Position {
  epoch: string;
  seq: number;
}

/** Makes the next state from an event. It must not change `state` in place: pages compare by identity. */
export type Fold = (state: Record<string, unknown>, event: ChannelEvent) => Record<string, unknown>;

/** What `take` did with an event. */
export type Verdict = "applied" | "duplicate" | "held" | "gap";

/** Events held while a subscription is renewed; beyond it the channel starts from a snapshot. The protocol's own bound for a resume. */
const HELD_MAX = 1_024;

export class ChannelCore {
  position: Position | null = null;
  state: Record<string, unknown> | null = null;
  private syncing = true;
  private held: ChannelEvent[] = [];

  constructor(private readonly fold: Fold = overwrite) {}

  /** True between a (re)subscription and its reply: `state` is the last one known. */
  get stale(): boolean {
    return this.syncing;
  }

  /** A subscription is about to be sent: events wait until its reply says where it starts. */
  beginSync(): void {
    this.syncing = true;
    this.held = [];
  }

  /**
   * Takes the reply to `subscribe`. Calls `heard` with null when a snapshot replaced the state and with each event that
   * is new, in order, each at the moment when `state` and `position` are what it made of them. Returns false if the reply
   * does not join up with what is known: the position is then forgotten, so that the next subscription gets a snapshot.
   */
  settle(reply: SubscribeReply, heard: (event: ChannelEvent | null) => void): boolean {
    if (!reply.resumed) {
      this.state = { ...(reply.snapshot ?? {}) };
      this.position = { epoch: reply.epoch, seq: reply.seq };
      heard(null);
    }
    this.syncing = false;
    const held = this.held;
    this.held = [];
    for (const event of [...(reply.events ?? []), ...held]) {
      const verdict = this.take(event);
      if (verdict === "applied") heard(event);
      if (verdict === "gap") return this.forget();
    }
    // A resume without events is only right if nothing was missed.
    if (this.position && this.position.seq < reply.seq) return this.forget();
    return true;
  }

  /** Takes an event of the stream. On `gap` nothing was applied and the owner has to subscribe again. */
  take(event: ChannelEvent): Verdict {
    if (this.syncing || !this.position) {
      if (this.held.length < HELD_MAX) this.held.push(event);
      return "held";
    }
    if (event.epoch !== this.position.epoch) return "gap";
    if (event.seq <= this.position.seq) return "duplicate";
    if ((event.from ?? event.seq) > this.position.seq + 1) return "gap";
    this.state = this.fold(this.state ?? {}, event);
    this.position = { epoch: event.epoch, seq: event.seq };
    return "applied";
  }

  /** True if a heartbeat's latest seq shows that events are missing here. */
  isBehind(latest: number): boolean {
    return !this.syncing && this.position !== null && latest > this.position.seq;
  }

  private forget(): false {
    this.position = null;
    this.syncing = true;
    return false;
  }
}

/** The protocol's rule: the fields of an event overwrite the fields of the snapshot that bear their names. */
export const overwrite: Fold = (state, event) => ({ ...state, ...event.data });

/** States a lot enters by an event that does not spell its state out. */
const LOT_STATES: Readonly<Record<string, string>> = {
  lot_opened: "open",
  lot_paused: "paused",
  lot_resumed: "open",
  lot_closed: "closed",
};

/** A lot: as `overwrite`, and the state that the event's name says; what tells of the event alone is no field of a lot. */
export const foldLot: Fold = (state, event) => {
  const { old_ends_at: _past, bidder: _who, units: _taken, ...fields } = event.data;
  const implied = LOT_STATES[event.type];
  return implied ? { ...state, state: implied, ...fields } : { ...state, ...fields };
};

/** A market: its own fields. What happens to its lots is for listeners: thousands of lots are not kept here. */
export const foldMarket: Fold = (state, event) => (event.type === "market_state" ? { ...state, ...event.data } : state);

/** An account: its grants and marks, and its balances, which every event about money carries. The rest of its feed is news, not state. */
export const foldAccount: Fold = (state, event) => {
  if (event.type === "account_changed") return { ...state, ...event.data };
  const { currency, balance, held, available } = event.data;
  if (typeof currency !== "string" || typeof balance !== "number") return state;
  const others = Array.isArray(state.balances) ? (state.balances as { currency: string }[]).filter((one) => one.currency !== currency) : [];
  return { ...state, balances: [...others, { currency, balance, held, available }] };
};

type Levels = readonly (readonly [number, number])[];

/** A side with some of its levels changed: each is named by its price, and quantity 0 takes it away. The best stands first. */
export function changeLevels(levels: Levels, changes: Levels, best: "highest" | "lowest"): [number, number][] {
  const changed = new Map(changes.map(([price, quantity]) => [price, quantity]));
  const kept = levels.filter(([price]) => !changed.has(price));
  const fresh = [...changed].filter(([, quantity]) => quantity > 0);
  return [...kept, ...fresh].map(([price, quantity]): [number, number] => [price, quantity]).sort(([one], [other]) => (best === "highest" ? other - one : one - other));
}

/** A book: its levels add up, a trade is the last one, an auction's price is `indicative`; all else as `overwrite`. */
export const foldBook: Fold = (state, event) => {
  if (event.type === "trade") return { ...state, last_trade: event.data };
  if (event.type === "auction_indicative" || event.type === "auction_uncrossed") return { ...state, indicative: event.data.price === null ? null : event.data };
  const { bids, asks, trades, trades_left_out: _count, ...fields } = event.data as { bids?: Levels; asks?: Levels; trades?: unknown[]; trades_left_out?: number };
  const last = trades?.at(-1);
  return {
    ...state,
    ...fields,
    ...(bids ? { bids: changeLevels((state.bids ?? []) as Levels, bids, "highest") } : {}),
    ...(asks ? { asks: changeLevels((state.asks ?? []) as Levels, asks, "lowest") } : {}),
    ...(last ? { last_trade: last } : {}),
  };
};

export function foldFor(channel: string): Fold {
  if (channel.startsWith("book:")) return foldBook;
  if (channel.startsWith("lot:")) return foldLot;
  if (channel.startsWith("market:")) return foldMarket;
  if (channel === "account") return foldAccount;
  return overwrite;
}
