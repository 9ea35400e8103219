/** An order book, as far as the pages need one: price and time decide, money is not counted. */

const refuse = (code, details = null) => {
  throw { code, message: code, temporary: false, outcome: "rejected", retry_after_ms: null, details };
};

const TICK = 5;
const TRADES_KEPT = 200;
/** Levels of each side that the bots keep up. */
const DEPTH = 9;

export class FakeBook {
  constructor(market, book, title, middle) {
    this.market = market;
    this.middle = middle;
    this.orders = new Map();
    this.next = 1;
    this.history = [];
    this.snap = { book, market: market.market, currency: "EUR", title, description: "Washed arabica in jute, warehouse at the harbour.", ref: "COFFEE", tick: TICK, lot_size: 1, reference: middle, tick_significant_figures: null, self_trade: "cancel_newest", funding: "full", fees: { buyers_premium: { bands: [[0, 10_000]] } }, state: "continuous", ends_at: null, bids: [], asks: [], last_trade: null, indicative: null };
    for (let at = 1; at <= DEPTH; at += 1) {
      this.place("acc_maker", { side: "buy", type: "limit", quantity: 4 + ((at * 7) % 23), price: middle - at * TICK });
      this.place("acc_maker", { side: "sell", type: "limit", quantity: 4 + ((at * 11) % 19), price: middle + at * TICK });
    }
  }

  get name() {
    return `book:${this.snap.book}`;
  }

  levels(side) {
    const sums = new Map();
    for (const order of this.orders.values()) if (order.side === side && order.price !== null) sums.set(order.price, (sums.get(order.price) ?? 0) + order.remaining);
    return [...sums].sort(([one], [other]) => (side === "buy" ? other - one : one - other));
  }

  /** Tells what has changed between two pictures of both sides. */
  tell(trades, also = {}) {
    for (const trade of trades) {
      this.history.unshift({ ...trade, seq: this.market.channel(this.name).seq + 1, ts: this.market.now() });
      this.market.publish(this.name, "trade", trade);
      this.snap = { ...this.snap, last_trade: trade };
    }
    this.history.splice(TRADES_KEPT);
    const changed = {};
    for (const [name, side] of [["bids", "buy"], ["asks", "sell"]]) {
      const [before, after] = [new Map(this.snap[name]), new Map(this.levels(side))];
      changed[name] = [...new Set([...before.keys(), ...after.keys()])].filter((price) => before.get(price) !== after.get(price)).map((price) => [price, after.get(price) ?? 0]);
      this.snap = { ...this.snap, [name]: [...after] };
    }
    if (changed.bids.length + changed.asks.length > 0) this.market.publish(this.name, "book_changed", changed);
    for (const [type, data] of Object.entries(also)) this.market.publish(this.name, type, data);
  }

  notify(order, status, cause) {
    Object.assign(order, { status, cause, at: this.market.now() });
    const { account, placed_at, at, quantity, title, currency, ...told } = order;
    this.market.publish("account", "book_order_changed", told, account);
  }

  place(account, { side, type, quantity, price = null, time_in_force = "gtc", post_only = false }) {
    if (price !== null && price % TICK !== 0) refuse("price_off_tick", { below: price - (price % TICK), above: price - (price % TICK) + TICK });
    const crosses = (maker) => maker.side !== side && maker.account !== account && maker.price !== null && (price === null || (side === "buy" ? maker.price <= price : maker.price >= price));
    const best = (one, other) => (side === "buy" ? one.price - other.price : other.price - one.price) || one.n - other.n;
    const gathers = this.snap.state === "auction";
    const makers = gathers ? [] : [...this.orders.values()].filter(crosses).sort(best);
    if (post_only && makers.length > 0) refuse("would_cross", { best: makers[0].price });
    const there = makers.reduce((sum, maker) => sum + maker.remaining, 0);
    if ((type === "market" && there === 0 && !gathers) || (time_in_force === "fok" && there < quantity)) refuse("no_liquidity", { available: there });
    const { title, currency, book } = this.snap;
    const order = { book_order: `bko_${String(this.next).padStart(26, "0")}`, n: this.next, account, book, title, currency, side, type, price, quantity, filled: 0, remaining: quantity, placed_at: this.market.now() };
    this.next += 1;
    const trades = [];
    for (const maker of makers) {
      const units = Math.min(order.remaining, maker.remaining);
      if (units === 0) break;
      for (const one of [order, maker]) Object.assign(one, { filled: one.filled + units, remaining: one.remaining - units });
      trades.push({ price: maker.price, quantity: units, taker_side: side });
      if (maker.remaining === 0) this.end(maker);
      this.notify(maker, maker.remaining === 0 ? "filled" : "partly_filled", "traded");
    }
    const rests = order.remaining > 0 && (gathers || (type === "limit" && time_in_force === "gtc"));
    const status = order.remaining === 0 ? "filled" : !rests ? "cancelled" : order.filled > 0 ? "partly_filled" : "open";
    this.all().set(order.book_order, order);
    if (rests) this.orders.set(order.book_order, order);
    this.notify(order, status, rests ? "placed" : "traded");
    this.tell(trades);
    return { book_order: order.book_order, status, filled: order.filled, remaining: order.remaining, trades: trades.map(({ taker_side: _side, ...trade }) => trade), seq: this.market.channel(this.name).seq, replayed: false };
  }

  /** Every order ever, for lists of one's own. */
  all() {
    this.known ??= new Map();
    return this.known;
  }

  end(order) {
    this.orders.delete(order.book_order);
  }

  cancel(account, id) {
    const order = this.orders.get(id);
    if (!order || order.account !== account) refuse("order_not_found");
    this.end(order);
    this.notify(order, "cancelled", "cancelled");
    this.tell([]);
    return { book_order: id, status: "cancelled", filled: order.filled, remaining: order.remaining, trades: [], seq: 1, replayed: false };
  }

  list(account) {
    const own = [...this.all().values()].filter((order) => order.account === account);
    const live = (order) => this.orders.has(order.book_order);
    return { orders: own.sort((a, b) => live(b) - live(a) || b.n - a.n).map(({ account: _account, n: _n, ...order }) => order), cursor: null };
  }

  auction(state, indicative = null) {
    const ends_at = state === "auction" ? this.market.now() + 60e6 : null;
    this.snap = { ...this.snap, state, ends_at, indicative };
    this.market.publish(this.name, "book_state", { state, ends_at, indicative: null });
    if (indicative) this.market.publish(this.name, "auction_indicative", indicative);
  }

  /** Somebody takes a little, somebody fills up. */
  tick() {
    const { random } = this.market;
    if (this.snap.state !== "continuous") return;
    const side = random() < 0.5 ? "buy" : "sell";
    try {
      if (random() < 0.5) this.place("acc_taker", { side, type: "market", quantity: 1 + Math.floor(random() * 6) });
      else this.place("acc_maker", { side, type: "limit", quantity: 3 + Math.floor(random() * 15), price: this.middle + (side === "buy" ? -1 : 1) * TICK * (1 + Math.floor(random() * DEPTH)) });
    } catch (error) {
      if (!error.code) throw error;
    }
  }
}
