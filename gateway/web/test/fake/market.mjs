import { FakeBook } from "./books.mjs";
import { CATALOGUE, STOCK } from "./catalogue.mjs";
import { addFormats, bidOther, closeOther, Money, tick } from "./formats.mjs";

/** Mulberry32: the same seed gives the same market. */
export function randomOf(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const TABLE = [[1, 5], [5, 25], [25, 50], [100, 100], [250, 250], [500, 500], [1000, 1000], [2500, 2500], [5000, 5000], [Infinity, 10000]];
const stepAt = (price) => TABLE.find(([below]) => price < below * 100)[1];
const RING = 1024;
const CONFLATE_MS = 250;
const BOOK_EVERY_MS = 400;

export const nowUs = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

/** A market in memory: proxy bidding, soft close, channels with sequences. Enough of the rules to move like the real one. */
export class FakeMarket {
  constructor({ seed = 7, lots = 40, clockSkewUs = 0 } = {}) {
    this.random = randomOf(seed);
    this.skew = clockSkewUs;
    this.market = "mkt_0000000000000000000000TEST";
    this.lots = new Map();
    this.stock = new Map();
    this.channels = new Map();
    this.listeners = new Set();
    this.changed = new Map();
    this.outcomes = new Map();
    this.executed = 0;
    this.made = 0;
    this.money = new Money(this);
    for (let index = 0; index < lots; index += 1) this.addLot(index);
    /** The lots of the other formats, by name. */
    this.others = addFormats(this);
    STOCK.forEach(([category, title, price, count], index) => {
      const stock = `stk_${String(index).padStart(26, "0")}`;
      this.stock.set(stock, { stock, market: this.market, currency: "EUR", title, category, price, available: count, reserved: 0, on_hand: count });
    });
    /** Order books, by id. */
    this.books = new Map();
    const book = "bok_0000000000000000000000C0FF";
    this.books.set(book, new FakeBook(this, book, "Coffee, green, 1 kg", 845));
  }

  now() {
    return nowUs() + this.skew;
  }

  /** Milliseconds of life for the lot of an index: some end within the minute, some in hours, some in days. */
  addLot(index = this.made, lifeMs = [25_000, 48_000, 75_000, 130_000, 400_000, 3_000_000, 20_000_000, 200_000_000][index % 8] * (0.8 + this.random() * 0.4)) {
    const [category, title, description, estimate] = CATALOGUE[index % CATALOGUE.length];
    const lot = `lot_${String(this.made).padStart(26, "0")}`;
    this.made += 1;
    const start = Math.round((estimate * 0.3) / 100) * 100;
    const closed = index % 19 === 18;
    const scheduled = index % 13 === 12;
    const now = this.now();
    const snap = {
      lot, market: this.market, currency: "EUR", ref: `CAT-${100 + this.made}`, number: this.made, title, description, category,
      estimate: index % 5 === 4 ? null : [Math.round(estimate * 0.8), Math.round(estimate * 1.2)], format: "english",
      state: closed ? "closed" : scheduled ? "scheduled" : "open", start_amount: start, price: null, leader: null, bids: 0, min_next_amount: start,
      reserve_met: index % 3 === 1 ? false : null, buy_now: index % 4 === 3 ? Math.round(estimate * 1.5) : null, proxy: true, quantity: 1, opens_at: scheduled ? now + 3.6e9 : now - 3.6e9, ends_at: closed ? now - 6e7 : Math.round(now + lifeMs * 1000) + (scheduled ? 3.6e9 : 0),
      seller_alias: "Old Town Rooms", images: [], result: closed ? "unsold" : null, winners: [], soft_close: { window_ms: 20_000, extend_ms: 20_000 },
    };
    this.lots.set(lot, { snap, maxima: new Map(), aliases: new Map(), history: [], reserve: snap.reserve_met === false ? Math.round(estimate * 0.7) : 0 });
    if (this.listeners.size > 0) this.publish(`market:${this.market}`, "lot_listed", { lot });
    return lot;
  }

  channel(name) {
    let channel = this.channels.get(name);
    if (!channel) {
      channel = { epoch: "9f2c", seq: 0, ring: [] };
      this.channels.set(name, channel);
    }
    return channel;
  }

  snapshot(name, account) {
    const [kind, id] = name.split(":");
    if (kind === "lot") return this.lots.get(id)?.snap;
    if (kind === "stock") return this.stock.get(id);
    if (kind === "book") return this.books.get(id)?.snap;
    if (kind === "market" && id === this.market) return this.info();
    if (kind === "account" && account) return this.money.snapshot(account);
    return undefined;
  }

  info() {
    return { market: this.market, name: "The Harbour Rooms", currency: "EUR", state: "open" };
  }

  /** `private_` names the account whose feed it is. */
  publish(name, type, data, private_ = null) {
    const key = private_ ? `${name}/${private_}` : name;
    const channel = this.channel(key);
    channel.seq += 1;
    const event = { channel: name, epoch: channel.epoch, seq: channel.seq, ts: this.now(), type, data };
    channel.ring.push(event);
    if (channel.ring.length > RING) channel.ring.shift();
    for (const listener of this.listeners) listener(key, event);
  }

  /** Throws a protocol error, or returns the result of the bid. */
  bid(account, id, amount, more = {}) {
    const lot = this.lots.get(id);
    if (lot && lot.snap.format !== "english") return bidOther(this, account, lot, { amount, ...more });
    const refuse = (code, details = {}) => {
      throw { code, message: code, temporary: false, outcome: "rejected", retry_after_ms: null, details };
    };
    if (!lot) refuse("not_found");
    const { snap, maxima } = lot;
    if (snap.state !== "open") refuse("lot_closed");
    const leader = lot.leader;
    const own = leader === account ? maxima.get(account) : 0;
    if (own ? amount <= own : amount < snap.min_next_amount) refuse(own ? "self_outbid" : "bid_too_low", { min_next_amount: snap.min_next_amount });
    this.executed += 1;
    maxima.set(account, amount);
    if (!lot.aliases.has(account)) lot.aliases.set(account, `bidder-${lot.aliases.size + 1}`);
    const before = { price: snap.price, leader };
    this.settle(lot, account, amount);
    const change = { price: lot.snap.price, leader: lot.snap.leader, bids: snap.bids + 1, min_next_amount: lot.snap.min_next_amount, reserve_met: lot.snap.reserve_met, ends_at: snap.ends_at };
    // A leader who raises the own maximum makes no public news.
    const moves = change.price !== before.price || lot.leader !== before.leader;
    if (!moves) change.bids = snap.bids;
    lot.snap = { ...lot.snap, ...change, buy_now: null };
    const alias = lot.aliases.get(account);
    if (moves) lot.history.unshift({ seq: this.channel(`lot:${id}`).seq + 1, alias, amount: lot.leader === account ? lot.snap.price : amount, ts: this.now() });
    if (moves) this.announce(lot, { ...change, buy_now: null, bidder: alias }, before);
    return { seq: this.channel(`lot:${id}`).seq, replayed: false, bid: `bid_${account}${this.executed}`, status: lot.leader === account ? "leading" : "outbid", price: lot.snap.price, min_next_amount: lot.snap.min_next_amount, ends_at: lot.snap.ends_at };
  }

  settle(lot, account, amount) {
    const { snap } = lot;
    const others = [...lot.maxima].filter(([who]) => who !== account);
    const rival = others.reduce((best, [who, max]) => (max > best.max ? { who, max } : best), { who: null, max: 0 });
    const leads = rival.who === null || amount > rival.max;
    const top = leads ? amount : rival.max;
    const second = leads ? rival.max : amount;
    let price = second === 0 ? snap.start_amount : Math.min(top, second + stepAt(second));
    if (lot.leader === account && leads) price = snap.price;
    price = Math.max(price, snap.price ?? 0);
    if (lot.reserve && top >= lot.reserve) price = Math.max(price, lot.reserve);
    lot.leader = leads ? account : rival.who;
    lot.snap = { ...snap, price, leader: lot.aliases.get(lot.leader), min_next_amount: price + stepAt(price), reserve_met: lot.reserve ? top >= lot.reserve : null };
  }

  announce(lot, change, before) {
    const id = lot.snap.lot;
    const soft = lot.snap.soft_close;
    const end = this.now() + soft.extend_ms * 1000;
    this.publish(`lot:${id}`, "price_changed", change);
    if (lot.snap.ends_at - this.now() < soft.window_ms * 1000 && end > lot.snap.ends_at) {
      this.publish(`lot:${id}`, "time_extended", { old_ends_at: lot.snap.ends_at, ends_at: end });
      lot.snap = { ...lot.snap, ends_at: end };
    }
    if (before.leader && before.leader !== lot.leader) this.publish("account", "outbid", { lot: id, price: lot.snap.price, min_next_amount: lot.snap.min_next_amount }, before.leader);
    this.publish("account", "bid_status", { lot: id, status: "leading", price: lot.snap.price }, lot.leader);
    this.note(lot);
  }

  note(lot) {
    const { lot: id, price, bids, ends_at, leader, state, min_next_amount, reserve_met, bidders, remaining, clock, next_price, next_at } = lot.snap;
    const more = { ...(bidders == null ? {} : { bidders }), ...(remaining == null ? {} : { remaining }), ...(clock ? { next_price, next_at } : {}) };
    this.changed.set(id, { lot: id, state, price, leader, bids, min_next_amount, reserve_met, ends_at, ...more });
  }

  flush() {
    if (this.changed.size === 0) return;
    this.publish(`market:${this.market}`, "lots_changed", { lots: [...this.changed.values()] });
    this.changed.clear();
  }

  close(lot) {
    const { snap } = lot;
    if (snap.format !== "english") return closeOther(this, lot);
    const sold = lot.leader !== undefined && snap.reserve_met !== false;
    const data = { result: sold ? "sold" : "unsold", price: snap.price, winners: sold ? [{ alias: snap.leader, quantity: 1, amount: snap.price }] : [] };
    lot.snap = { ...snap, ...data, state: "closed" };
    this.publish(`lot:${snap.lot}`, "lot_closed", data);
    this.publish(`market:${this.market}`, "lot_closed", { lot: snap.lot, ...data });
    if (sold) this.money.won(lot.leader, lot.snap, 1, snap.price);
  }

  /** The lot's fixed price is taken; it is over with the first bid. */
  buyNow(account, id) {
    const lot = this.lots.get(id);
    if (!lot?.snap.buy_now) throw { code: "buy_now_unavailable", message: "no fixed price", temporary: false, outcome: "rejected", retry_after_ms: null, details: {} };
    this.executed += 1;
    lot.aliases.set(account, `bidder-${lot.aliases.size + 1}`);
    lot.leader = account;
    lot.snap = { ...lot.snap, price: lot.snap.buy_now, leader: lot.aliases.get(account), bids: lot.snap.bids + 1, buy_now: null, reserve_met: lot.reserve ? true : null, ends_at: this.now() };
    this.close(lot);
    return { bid: `bid_${account}${this.executed}`, status: "won", price: lot.snap.price, min_next_amount: null, ends_at: lot.snap.ends_at, seq: this.channel(`lot:${id}`).seq, replayed: false };
  }

  /** Moves one piece between the shelf and the person; `quantity` is negative to give it back. */
  keep(account, stock, quantity, reservation, type) {
    const item = this.stock.get(stock);
    if (!item || item.available < quantity) throw { code: "out_of_stock", message: "out of stock", temporary: false, outcome: "rejected", retry_after_ms: null, details: {} };
    const counters = { available: item.available - quantity, reserved: item.reserved + quantity, on_hand: item.on_hand };
    this.stock.set(stock, { ...item, ...counters });
    this.publish(`stock:${stock}`, "stock_changed", counters);
    const expires_at = this.now() + 600e6;
    this.publish("account", type, { reservation, stock, quantity: Math.abs(quantity), expires_at }, account);
    return { reservation, expires_at, ...counters };
  }

  /** Bots bid, lots end, stock sells. */
  start({ bidEveryMs = 350 } = {}) {
    this.timers = [setInterval(() => this.botBids(), bidEveryMs), setInterval(() => this.flush(), CONFLATE_MS), setInterval(() => this.endLots(), 20), setInterval(() => tick(this), 100), setInterval(() => this.sellStock(), 2_000), setInterval(() => this.books.forEach((book) => book.tick()), BOOK_EVERY_MS)];
  }

  stop() {
    for (const timer of this.timers ?? []) clearInterval(timer);
  }

  botBids() {
    const open = [...this.lots.values()].filter((lot) => lot.snap.state === "open" && lot.snap.format === "english").sort((a, b) => a.snap.ends_at - b.snap.ends_at);
    const lot = open[Math.floor(this.random() ** 2 * open.length)];
    const next = lot?.snap.min_next_amount ?? 0;
    if (!lot || next > (lot.snap.estimate?.[1] ?? lot.snap.start_amount * 5) * 1.3) return;
    const bot = `acc_bot${Math.floor(this.random() * 9)}`;
    if (lot.leader === bot) return;
    this.bid(bot, lot.snap.lot, next + Math.floor(this.random() * 4) * stepAt(next));
  }

  endLots() {
    for (const lot of this.lots.values()) {
      if (lot.snap.state !== "open" || lot.snap.ends_at > this.now()) continue;
      this.close(lot);
      // Something always ends soon: the market never falls asleep.
      this.addLot(this.made, 60_000 + this.random() * 120_000);
    }
  }

  sellStock() {
    const items = [...this.stock.values()].filter((item) => item.available > 0);
    const item = items[Math.floor(this.random() * items.length)];
    if (!item) return;
    const next = { ...item, available: item.available - 1, on_hand: item.on_hand - 1 };
    this.stock.set(item.stock, next);
    this.publish(`stock:${item.stock}`, "stock_changed", { available: next.available, reserved: next.reserved, on_hand: next.on_hand });
  }

  list({ state, format, query, sort = "ending", cursor, limit = 50 }) {
    const words = (query ?? "").toLowerCase();
    const found = [...this.lots.values()].map((lot) => lot.snap).filter((lot) => (!state || lot.state === state) && (!format || lot.format === format) && (!words || `${lot.title} ${lot.category} ${lot.description}`.toLowerCase().includes(words)));
    const key = { ending: (lot) => lot.ends_at, price: (lot) => lot.price ?? lot.start_amount, newest: (lot) => -lot.number }[sort];
    found.sort((a, b) => key(a) - key(b) || a.number - b.number);
    const from = Number(cursor ?? 0);
    const lots = found.slice(from, from + limit);
    return { lots, cursor: from + lots.length < found.length ? String(from + lots.length) : null };
  }

  history({ lot, limit = 50, cursor }) {
    const all = this.lots.get(lot)?.history ?? [];
    const from = cursor ? all.findIndex((bid) => bid.seq < Number(cursor)) : 0;
    const bids = from < 0 ? [] : all.slice(from, from + limit);
    const last = bids.at(-1)?.seq ?? 0;
    return { bids, cursor: last > 1 ? String(last) : null };
  }
}
