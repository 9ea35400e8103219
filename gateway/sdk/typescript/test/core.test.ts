import assert from "node:assert/strict";
import { test } from "node:test";
import { ChannelCore, foldFor, type ChannelEvent, type SubscribeReply } from "../src/channel.js";
import { adviceOfCode, DEFAULT_BACKOFF, reconnectDelay } from "../src/backoff.js";
import { ServerClock } from "../src/clock.js";
import { newId, newKey } from "../src/ids.js";

type Step =
  | { reply: Partial<SubscribeReply>; whole?: boolean }
  | { sync: true }
  | { seq: number; from?: number; epoch?: string; type?: string; data?: Record<string, unknown>; verdict: string };

interface Case {
  name: string;
  channel?: string;
  steps: Step[];
  state: Record<string, unknown> | null;
  position: number | null;
}

function event(step: { seq: number; from?: number; epoch?: string; type?: string; data?: Record<string, unknown> }): ChannelEvent {
  return { channel: "c", epoch: step.epoch ?? "e", seq: step.seq, ts: 0, type: step.type ?? "x", data: step.data ?? { n: step.seq }, ...(step.from ? { from: step.from } : {}) };
}

function check(cases: Case[]): void {
  for (const { name, channel, steps, state, position } of cases) {
    const core = new ChannelCore(foldFor(channel ?? "stock:1"));
    for (const [index, step] of steps.entries()) {
      const where = `${name}, step ${index}`;
      if ("sync" in step) core.beginSync();
      else if ("reply" in step) assert.equal(core.settle({ epoch: "e", seq: 0, resumed: false, ...step.reply }, () => undefined), step.whole ?? true, where);
      else assert.equal(core.take(event(step)), step.verdict, where);
    }
    assert.deepEqual(core.state, state, name);
    assert.equal(core.position?.seq ?? null, position, name);
  }
}

const start = { reply: { seq: 5, snapshot: { n: 5, kept: true } } };

test("a channel is folded and its sequence checked", () => {
  check([
    { name: "snapshot and events", steps: [start, { seq: 6, verdict: "applied" }, { seq: 7, verdict: "applied" }], state: { n: 7, kept: true }, position: 7 },
    { name: "an event twice", steps: [start, { seq: 6, verdict: "applied" }, { seq: 6, data: { n: -1 }, verdict: "duplicate" }], state: { n: 6, kept: true }, position: 6 },
    { name: "a hole", steps: [start, { seq: 7, verdict: "gap" }], state: { n: 5, kept: true }, position: 5 },
    { name: "a conflated range is no hole", steps: [start, { seq: 9, from: 6, verdict: "applied" }], state: { n: 9, kept: true }, position: 9 },
    { name: "a conflated range that overlaps", steps: [start, { seq: 9, from: 3, verdict: "applied" }], state: { n: 9, kept: true }, position: 9 },
    { name: "a conflated range after a hole", steps: [start, { seq: 9, from: 7, verdict: "gap" }], state: { n: 5, kept: true }, position: 5 },
    { name: "another history", steps: [start, { seq: 6, epoch: "f", verdict: "gap" }], state: { n: 5, kept: true }, position: 5 },
    { name: "events before the reply wait for it", steps: [{ seq: 6, verdict: "held" }, { seq: 4, verdict: "held" }, start], state: { n: 6, kept: true }, position: 6 },
    { name: "a resume with the missed events", steps: [start, { sync: true }, { reply: { seq: 7, resumed: true, events: [event({ seq: 6 }), event({ seq: 7 })] } }], state: { n: 7, kept: true }, position: 7 },
    { name: "a resume with nothing missed", steps: [start, { sync: true }, { reply: { seq: 5, resumed: true } }], state: { n: 5, kept: true }, position: 5 },
    { name: "a resume that lacks events starts over", steps: [start, { sync: true }, { reply: { seq: 8, resumed: true, events: [event({ seq: 6 })] }, whole: false }], state: { n: 6, kept: true }, position: null },
    { name: "a snapshot of a restored history", steps: [start, { sync: true }, { reply: { epoch: "f", seq: 2, snapshot: { n: 2 } } }], state: { n: 2 }, position: 2 },
    { name: "a lot's state by the event's name", channel: "lot:1", steps: [{ reply: { seq: 1, snapshot: { state: "open", price: 5 } } }, { seq: 2, type: "lot_closed", data: { result: "sold", winners: [] }, verdict: "applied" }], state: { state: "closed", price: 5, result: "sold", winners: [] }, position: 2 },
    { name: "an old end is no field", channel: "lot:1", steps: [{ reply: { seq: 1, snapshot: { ends_at: 5 } } }, { seq: 2, type: "time_extended", data: { old_ends_at: 5, ends_at: 9 }, verdict: "applied" }], state: { ends_at: 9 }, position: 2 },
  ]);
});

test("a book's levels add up", () => {
  const reply = { reply: { seq: 1, snapshot: { title: "Coffee", state: "continuous", bids: [[100, 5], [90, 1]], asks: [[110, 4]], last_trade: null, indicative: null } } };
  const trade = { price: 105, quantity: 1, taker_side: "buy" };
  const steps: Step[] = [
    reply,
    { seq: 2, type: "book_changed", data: { bids: [[95, 2], [100, 0]], asks: [[105, 1], [110, 3], [120, 0]] }, verdict: "applied" },
    { seq: 3, type: "trade", data: { price: 7, quantity: 1, taker_side: "sell" }, verdict: "applied" },
    // One that stands for several: what was not told is in it.
    { seq: 9, from: 4, type: "book_changed", data: { bids: [[101, 7]], asks: [], trades: [{ price: 1 }, trade], trades_left_out: 4 }, verdict: "applied" },
    { seq: 10, type: "book_state", data: { state: "auction", ends_at: 5, indicative: null }, verdict: "applied" },
    { seq: 11, type: "auction_indicative", data: { price: 100, volume: 9, surplus: 0 }, verdict: "applied" },
  ];
  const folded = { title: "Coffee", state: "auction", ends_at: 5, bids: [[101, 7], [95, 2], [90, 1]], asks: [[105, 1], [110, 3]], last_trade: trade, indicative: { price: 100, volume: 9, surplus: 0 } };
  check([
    { name: "levels, trades and an auction", channel: "book:1", steps, state: folded, position: 11 },
    { name: "nothing would trade", channel: "book:1", steps: [...steps, { seq: 12, type: "auction_uncrossed", data: { price: null, volume: 0, surplus: 0 }, verdict: "applied" }], state: { ...folded, indicative: null }, position: 12 },
  ]);
});

test("close codes say when to come back", () => {
  const table: [code: number, failures: number, random: number, delay: number | null][] = [
    [4001, 0, 0.5, null],
    [4009, 3, 0.5, null],
    [4101, 0, 0, DEFAULT_BACKOFF.relief_ms],
    [4103, 0, 1, DEFAULT_BACKOFF.relief_ms + DEFAULT_BACKOFF.base_ms],
    [4201, 0, 1, 0],
    [4201, 1, 1, 2 * DEFAULT_BACKOFF.base_ms],
    [1006, 0, 0, 0],
    [1006, 0, 1, DEFAULT_BACKOFF.base_ms],
    [1006, 40, 1, DEFAULT_BACKOFF.cap_ms],
    [4101, 40, 1, DEFAULT_BACKOFF.cap_ms],
  ];
  for (const [code, failures, random, delay] of table) {
    assert.equal(reconnectDelay(code, failures, DEFAULT_BACKOFF, () => random), delay, `${code} after ${failures}`);
  }
  assert.equal(adviceOfCode(1000), "retry");
});

test("the clock believes the fastest exchange and notices a step", () => {
  let local = 1_000_000;
  const clock = new ServerClock(() => local);
  assert.equal(clock.known, false);
  const exchange = (offset: number, out: number, back: number): void => {
    const t0 = clock.mark();
    const server = t0 + out + offset;
    local += out + back;
    clock.sample(t0, server, server);
  };
  exchange(5_000, 90_000, 10_000);
  exchange(5_000, 1_000, 1_000);
  exchange(5_000, 10_000, 60_000);
  assert.equal(clock.offsetUs, 5_000);
  assert.equal(clock.rttUs, 2_000);
  exchange(60_005_000, 5_000, 5_000);
  assert.equal(clock.offsetUs, 60_005_000, "after a step only the new samples count");
  clock.sample(local + 5, local, local);
  assert.equal(clock.offsetUs, 60_005_000, "an impossible exchange is ignored");
});

test("ids and keys have the protocol's form", () => {
  for (let round = 0; round < 200; round += 1) {
    assert.match(newId("lot"), /^lot_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
    assert.match(newKey(), /^[0-9A-HJKMNP-TV-Z]{24}$/);
  }
  assert.notEqual(newKey(), newKey());
});
