/** The other ways of selling, and money, as far as the pages need them: simple rules that move like the real ones. */

const EUR = 100;
/** What every account of the fake starts with, in cents. */
export const PURSE = 5_000_000;
/** In how many parts it was paid in: more than a page of the statement. */
const DEPOSITS = 40;
/** 20 % of the hammer price. */
const PREMIUM = { bands: [[0, 200_000]], fixed: 0, rounding: "half_up" };
const premiumOn = (hammer) => Math.round(hammer * 0.2);

const refuse = (code, details = null) => {
  throw { code, message: code, temporary: false, outcome: "rejected", retry_after_ms: null, details };
};

/** One lot of each format, after the english ones. */
export function addFormats(market) {
  const minutes = (count) => market.now() + count * 60e6;
  const base = (title, category, format, more) => {
    const lot = market.addLot(market.made, 3_600_000);
    const held = market.lots.get(lot);
    const empty = { price: null, leader: null, bids: 0, reserve_met: null, buy_now: null, state: "open", result: null, winners: [] };
    held.reserve = 0;
    held.snap = { ...held.snap, ...empty, title, category, format, proxy: false, opens_at: market.now() - 60e6, ends_at: minutes(90), sealed: false, bidders: null, remaining: null, pricing: null, clock: null, next_price: null, next_at: null, funding: "none", deposit: null, buyers_premium: PREMIUM, ...more };
    held.snap.min_next_amount = held.snap.start_amount;
    held.offers = new Map();
    return lot;
  };
  const clock = { start: 480 * EUR, step: 5 * EUR, interval_ms: 4_000, floor: 200 * EUR };
  return {
    dutch: base("Twelve cases of Meursault, one vineyard", "Wine", "dutch", { start_amount: clock.start, price: clock.start, quantity: 12, remaining: 12, clock, next_price: clock.start - clock.step, next_at: market.now() + clock.interval_ms * 1000, soft_close: null, estimate: null }),
    sealed: base("A sealed cabinet of curiosities", "Design", "sealed_first_price", { start_amount: 900 * EUR, sealed: true, bidders: 0, funding: "deposit", deposit: 150 * EUR, soft_close: null }),
    vickrey: base("A miniature on vellum, under sealed bids", "Prints", "vickrey", { start_amount: 300 * EUR, sealed: true, bidders: 0, soft_close: null }),
    multi: base("Forty prints of one edition", "Prints", "multi_unit", { start_amount: 60 * EUR, quantity: 40, remaining: 40, pricing: "uniform_lowest_winning", funding: "full" }),
    japanese: base("A violin from Mittenwald, by the rising clock", "Design", "japanese", { start_amount: 500 * EUR, price: 500 * EUR, bidders: 0, clock: { start: 500 * EUR, step: 25 * EUR, interval_ms: 12_000 }, next_price: 525 * EUR, next_at: market.now() + 12_000_000, soft_close: null }),
    candle: base("Six bottles of port, by the candle", "Wine", "candle", { start_amount: 80 * EUR, proxy: true, candle_ms: 20 * 60_000, seed_hash: "22".repeat(32), soft_close: null }),
    combinatorial: base("A Delft service in three parts", "Design", "combinatorial", { start_amount: 100 * EUR, sealed: true, bidders: 0, items: ["Twenty-four plates", "Five dishes", "Two tureens with covers"], soft_close: null, estimate: null }),
    reverse: base("Restoring a long-case clock: who does it for less?", "Clocks", "reverse", { start_amount: 2_000 * EUR, buyers_premium: null, estimate: null }),
  };
}

/** A bid in one of these formats. */
export function bidOther(market, account, lot, { amount, quantity = 1, package: items }) {
  const { snap, offers } = lot;
  if (snap.state !== "open") refuse("lot_closed");
  const known = lot.aliases.get(account) ?? `bidder-${lot.aliases.size + 1}`;
  const name = `lot:${snap.lot}`;
  let status = "placed";
  let type = "price_changed";
  let change;
  if (snap.format === "combinatorial" && !items) refuse("invalid_request", { field: "package" });
  if (snap.sealed || snap.format === "japanese") {
    const least = snap.start_amount * (items?.length ?? 1);
    if (amount < least) refuse("bid_too_low", { min_next_amount: least });
    const replaces = offers.has(account);
    offers.set(account, { amount, quantity });
    change = { bidders: offers.size, bids: offers.size, ends_at: snap.ends_at };
    type = replaces ? null : "bidders_changed";
  } else if (snap.format === "candle") {
    if (amount < snap.min_next_amount) refuse("bid_too_low", { min_next_amount: snap.min_next_amount });
    lot.leader = account;
    status = "leading";
    change = { price: snap.min_next_amount, leader: known, bidder: known, bids: snap.bids + 1, min_next_amount: snap.min_next_amount + 5 * EUR, reserve_met: null, buy_now: null, ends_at: snap.ends_at };
  } else if (snap.format === "reverse") {
    if (amount > snap.min_next_amount) refuse("bid_too_high", { max_next_amount: snap.min_next_amount });
    offers.set(account, { amount, quantity });
    lot.leader = account;
    status = "leading";
    change = { price: amount, leader: known, bidder: known, bids: snap.bids + 1, min_next_amount: amount - 25 * EUR, reserve_met: null, buy_now: null, ends_at: snap.ends_at };
  } else if (snap.format === "multi_unit") {
    if (amount < snap.start_amount) refuse("bid_too_low", { min_next_amount: snap.start_amount });
    offers.set(account, { amount, quantity });
    const { price, served, remaining } = serve(lot);
    status = served.get(account) ? "leading" : "outbid";
    change = { price, leader: null, bidder: known, bids: snap.bids + 1, min_next_amount: remaining > 0 ? snap.start_amount : price + 100, reserve_met: null, buy_now: null, ends_at: snap.ends_at, remaining, units: quantity };
  } else {
    refuse("not_allowed_in_format");
  }
  market.executed += 1;
  lot.aliases.set(account, known);
  lot.snap = { ...snap, ...change };
  delete lot.snap.bidder;
  delete lot.snap.units;
  if (type === "price_changed") lot.history.unshift({ seq: market.channel(name).seq + 1, alias: known, amount: change.price, ts: market.now(), ...(snap.format === "multi_unit" ? { quantity } : {}) });
  if (type) market.publish(name, type, change);
  market.publish("account", "bid_status", { lot: snap.lot, status, price: lot.snap.price }, account);
  market.note(lot);
  const hammer = amount * (snap.format === "multi_unit" ? quantity : 1);
  const costs = snap.buyers_premium ? { fees: premiumOn(hammer), total: hammer + premiumOn(hammer) } : {};
  const held = snap.funding === "full" ? { held: hammer + premiumOn(hammer) } : snap.funding === "deposit" ? { held: snap.deposit } : {};
  if (held.held) market.money.hold(account, snap.lot, held.held);
  return { bid: `bid_${account}${market.executed}`, status, price: status === "placed" ? null : lot.snap.price, min_next_amount: lot.snap.min_next_amount, ends_at: snap.ends_at, ...costs, ...held, seq: market.channel(name).seq, replayed: false };
}

/** Who gets how many, from the highest, and the lowest price that gets any. */
function serve(lot) {
  let left = lot.snap.quantity;
  let price = lot.snap.start_amount;
  const served = new Map();
  for (const [account, offer] of [...lot.offers].sort(([, a], [, b]) => b.amount - a.amount)) {
    const units = Math.min(left, offer.quantity);
    left -= units;
    served.set(account, units);
    if (units > 0) price = offer.amount;
  }
  return { price, served, remaining: left };
}

/** Units at the clock's price. */
export function take(market, account, id, { quantity = 1, amount }) {
  const lot = market.lots.get(id) ?? refuse("not_found");
  const { snap } = lot;
  if (snap.format !== "dutch") refuse("not_allowed_in_format");
  if (snap.state !== "open") refuse("lot_closed");
  if (quantity > snap.remaining) refuse("out_of_stock", { available: snap.remaining, asked: quantity });
  if (amount !== undefined && amount < snap.price) refuse("bid_too_low", { min_next_amount: snap.price });
  market.executed += 1;
  const alias = lot.aliases.get(account) ?? `bidder-${lot.aliases.size + 1}`;
  lot.aliases.set(account, alias);
  const hammer = quantity * snap.price;
  const known = lot.offers.get(account) ?? { amount: 0, quantity: 0 };
  lot.offers.set(account, { amount: known.amount + hammer, quantity: known.quantity + quantity });
  const change = { price: snap.price, leader: null, bidder: alias, bids: snap.bids + 1, min_next_amount: snap.price, reserve_met: null, buy_now: null, ends_at: snap.ends_at, remaining: snap.remaining - quantity, units: quantity };
  lot.snap = { ...snap, bids: change.bids, remaining: change.remaining };
  lot.history.unshift({ seq: market.channel(`lot:${id}`).seq + 1, alias, amount: snap.price, quantity, ts: market.now() });
  market.publish(`lot:${id}`, "price_changed", change);
  market.publish("account", "bid_status", { lot: id, status: "won", price: snap.price }, account);
  market.note(lot);
  const result = { bid: `bid_${account}${market.executed}`, status: "won", price: snap.price, min_next_amount: null, ends_at: snap.ends_at, fees: premiumOn(hammer), total: hammer + premiumOn(hammer), seq: market.channel(`lot:${id}`).seq, replayed: false };
  if (change.remaining === 0) closeOther(market, lot);
  return result;
}

/** Stays while the price rises; who comes after the first step is out. */
export function stay(market, account, id, { stay_until }) {
  const lot = market.lots.get(id) ?? refuse("not_found");
  const { snap } = lot;
  if (snap.format !== "japanese") refuse("not_allowed_in_format");
  if (!lot.offers.has(account) && snap.price !== snap.start_amount) refuse("not_qualified", { needs: "stay" });
  return bidOther(market, account, lot, { amount: stay_until ?? snap.next_price });
}

/** The price rises; whoever has not stayed is out. */
function rise(market, lot) {
  const { snap } = lot;
  const price = snap.next_price;
  for (const [account, { amount }] of lot.offers) {
    if (amount >= price) continue;
    lot.offers.delete(account);
    market.publish("account", "outbid", { lot: snap.lot, price, min_next_amount: price }, account);
  }
  const bidders = lot.offers.size;
  const change = { price, min_next_amount: price, next_price: price + snap.clock.step, next_at: snap.next_at + snap.clock.interval_ms * 1000, bidders, bids: bidders };
  lot.snap = { ...snap, ...change };
  market.publish(`lot:${snap.lot}`, "clock_ticked", change);
  market.note(lot);
}

/** The clocks fall, or rise. */
export function tick(market) {
  for (const lot of market.lots.values()) {
    const { snap } = lot;
    if (!snap.clock || snap.state !== "open" || snap.next_at === null || snap.next_at > market.now()) continue;
    if (snap.format === "japanese") {
      // Alone nobody is driven up: the test decides when it is over.
      if (lot.offers.size > 1) rise(market, lot);
      continue;
    }
    const price = Math.max(snap.clock.floor, snap.price - snap.clock.step);
    const rests = price === snap.clock.floor;
    const change = { price, min_next_amount: price, next_price: rests ? null : Math.max(snap.clock.floor, price - snap.clock.step), next_at: rests ? null : snap.next_at + snap.clock.interval_ms * 1000, remaining: snap.remaining };
    lot.snap = { ...snap, ...change };
    market.publish(`lot:${snap.lot}`, "clock_ticked", change);
    market.note(lot);
  }
}

/** Ends a lot of one of these formats: everybody who is served gets an order. */
export function closeOther(market, lot) {
  const { snap } = lot;
  const best = [...lot.offers].sort(([, a], [, b]) => (snap.format === "reverse" ? a.amount - b.amount : b.amount - a.amount));
  const { price, served } = serve(lot);
  const wins =
    snap.format === "dutch" ? best.map(([account, { amount, quantity }]) => ({ account, amount, quantity }))
    : snap.format === "multi_unit" ? best.map(([account]) => ({ account, quantity: served.get(account), amount: price * served.get(account) })).filter((win) => win.quantity > 0)
    : best.slice(0, 1).map(([account, { amount }]) => ({ account, amount: snap.format === "vickrey" ? (best[1]?.[1].amount ?? snap.start_amount) : amount, quantity: 1 }));
  const winners = wins.map(({ account, amount, quantity }) => ({ alias: lot.aliases.get(account), quantity, amount }));
  const data = { state: "closed", result: wins.length > 0 ? "sold" : "unsold", price: snap.format === "multi_unit" ? price : (wins[0] && snap.format !== "dutch" ? wins[0].amount : snap.price), winners };
  lot.snap = { ...snap, ...data, next_price: null, next_at: null };
  market.publish(`lot:${snap.lot}`, "lot_closed", data);
  market.publish(`market:${market.market}`, "lot_closed", { lot: snap.lot, ...data });
  for (const win of wins) market.money.won(win.account, snap, win.quantity, win.amount);
}

/** Balances, holds and orders of the fake's accounts. */
export class Money {
  constructor(market) {
    this.market = market;
    this.accounts = new Map();
    this.orders = [];
  }

  of(account) {
    if (!this.accounts.has(account)) {
      this.accounts.set(account, { balance: PURSE, holds: new Map(), entries: [] });
      for (let part = 1; part <= DEPOSITS; part += 1) this.enter(account, "deposit", PURSE / DEPOSITS, { balance: (PURSE / DEPOSITS) * part, reason: `bank transfer ${4700 + part}` });
    }
    return this.accounts.get(account);
  }

  view(account) {
    const { balance, holds } = this.of(account);
    const held = [...holds.values()].reduce((sum, amount) => sum + amount, 0);
    return { currency: "EUR", balance, held, available: balance - held };
  }

  snapshot(account) {
    const holds = [...this.of(account).holds].map(([lot, amount]) => ({ hold: `hld_${lot}`, currency: "EUR", amount, lot }));
    return { account, name: "You", grants: [], balances: [this.view(account)], holdings: [], holds, holds_count: holds.length, retractions: 0 };
  }

  /** As `account.get`: with where the bids stand. */
  account(account) {
    const bids = [];
    for (const { snap, leader, offers } of this.market.lots.values()) {
      if (snap.state === "closed" || !(leader === account || offers?.has(account))) continue;
      bids.push({ lot: snap.lot, title: snap.title, status: snap.sealed ? "placed" : leader === account || snap.format === "multi_unit" ? "leading" : "won", price: snap.price, currency: "EUR", ends_at: snap.ends_at });
    }
    return { ...this.snapshot(account), bids, reservations: [], seq: this.market.channel(`account/${account}`).seq };
  }

  /** As `account.statement`, newest first. */
  statement(account, { limit = 50, cursor }) {
    const { entries } = this.of(account);
    const from = Number(cursor ?? 0);
    const lines = entries.slice(from, from + limit);
    return { lines, cursor: from + lines.length < entries.length ? String(from + lines.length) : null, complete: true };
  }

  /** Notes a move of the balance that has happened. */
  enter(account, kind, amount, more = {}) {
    const { entries } = this.of(account);
    const { balance, held } = this.view(account);
    entries.unshift({ entry: `ent_${account}_${entries.length}`, at: this.market.now(), kind, currency: "EUR", amount, balance, held, ...more });
  }

  hold(account, lot, amount) {
    this.of(account).holds.set(lot, amount);
    this.market.publish("account", "hold_placed", { hold: `hld_${lot}`, lot, amount, ...this.view(account) }, account);
  }

  won(account, snap, quantity, amount) {
    const premium = snap.buyers_premium ? premiumOn(amount) : 0;
    const order = `ord_${String(this.orders.length + 1).padStart(26, "0")}`;
    const lines = [{ title: snap.title, lot: snap.lot, quantity, amount, premium }];
    this.orders.unshift({ order, market: snap.market, currency: "EUR", state: "awaiting_payment", total: amount + premium, buyer: account, seller: "acc_house", lines, placed_at: this.market.now() });
    this.of(account).holds.delete(snap.lot);
    this.market.publish("account", "won", { lot: snap.lot, quantity, amount, market: snap.market, order }, account);
    this.tell(order);
  }

  /** An order of reserved stock. */
  place(account, item, reservation) {
    const order = `ord_${String(this.orders.length + 1).padStart(26, "0")}`;
    const lines = [{ title: item.title, stock: item.stock, reservation, quantity: 1, amount: item.price, premium: 0 }];
    this.orders.unshift({ order, market: item.market, currency: "EUR", state: "awaiting_payment", total: item.price, buyer: account, lines, placed_at: this.market.now() });
    this.tell(order);
    return this.answer(order);
  }

  tell(id) {
    const { order, state, total, currency, buyer, lines } = this.orders.find((one) => one.order === id);
    this.market.publish("account", "order_changed", { order, state, total, currency, lines }, buyer);
  }

  answer(id) {
    const { order, state, total, currency } = this.orders.find((one) => one.order === id);
    return { order, state, total, currency, seq: 1, replayed: false };
  }

  act(account, id, next) {
    const order = this.orders.find((one) => one.order === id && one.buyer === account) ?? refuse("order_not_found");
    if (order.state !== "awaiting_payment") refuse("not_allowed_in_state", { state: order.state });
    if (next === "paid") {
      const { available } = this.view(account);
      if (available < order.total) refuse("insufficient_funds", { needed: order.total, available });
      this.of(account).balance -= order.total;
      this.enter(account, "payment", -order.total, { order: id });
      this.market.publish("account", "balance_changed", { ...this.view(account), kind: "payment", entry: `ent_${id}`, amount: -order.total }, account);
    }
    order.state = next;
    this.tell(id);
    return this.answer(id);
  }

  list(account, { limit = 50, cursor }) {
    const own = this.orders.filter((order) => order.buyer === account);
    const from = Number(cursor ?? 0);
    const orders = own.slice(from, from + limit);
    return { orders, cursor: from + orders.length < own.length ? String(from + orders.length) : null };
  }
}
