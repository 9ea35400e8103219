import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { WebSocket } from "ws";
import { connect, newKey, type Client, type SocketConstructor, type Subscription } from "../src/index.js";
import { FakeServer, until, type Answer } from "./fake.js";
import { FaultyProxy, type Faults } from "./proxy.js";

/** What every client has to live through; the file says what its numbers mean. */
interface Scenario {
  seeds: number[];
  rounds: number;
  channels: string[];
  round: { bid: number; same_key_twice: number; close: number; close_code: number; drop: number; pause: number; pause_ms: [number, number] };
  server: { ring_events: number; lose_command: number; lose_answer: number; skip_event: number; repeat_event: number };
  proxy: Faults;
  client: { backoff_base_ms: number; backoff_cap_ms: number; backoff_relief_ms: number; deadline_ms: number; grace_ms: number; ask_again_ms: number; resolve_ms: number };
  hold: string[];
}

const SCENARIO = JSON.parse(readFileSync(new URL("../../../torture.json", import.meta.url), "utf8")) as Scenario;

/** Mulberry32: small, seeded, good enough to choose faults. */
function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function clientOf(url: string, random: () => number): Client {
  const { backoff_base_ms, backoff_cap_ms, backoff_relief_ms, ...requests } = SCENARIO.client;
  return connect(url, {
    webSocket: WebSocket as unknown as SocketConstructor,
    backoff: { base_ms: backoff_base_ms, cap_ms: backoff_cap_ms, relief_ms: backoff_relief_ms },
    requests,
    random,
  });
}

/** A channel as it was heard: the number of an event, minus that of a snapshot. */
class Watcher {
  readonly steps: number[] = [];
  readonly held: Subscription;

  constructor(client: Client, readonly name: string) {
    this.held = client.subscribe(name);
    this.held.on("snapshot", () => this.steps.push(-(this.held.position?.seq ?? 0)));
    this.held.on("event", (event) => this.steps.push(event.seq));
  }

  /** Each step follows the one before, or is a snapshot that is not older than it. */
  check(seed: number): void {
    let last = 0;
    for (const step of this.steps) {
      if (step <= 0) assert.ok(-step >= last, `${this.name}: snapshot ${-step} after ${last}, seed ${seed}`);
      else assert.equal(step, last + 1, `${this.name}, seed ${seed}`);
      last = Math.abs(step);
    }
  }
}

/** Some commands are lost before they are executed, some answers after. */
function makeForgetful(server: FakeServer, random: () => number): void {
  const { ring_events, lose_command, lose_answer } = SCENARIO.server;
  server.ringMax = ring_events;
  for (const name of SCENARIO.channels) server.channel(name, { price: 0, state: "open" });
  server.command("lot.bid", (params) => ({ status: "leading", price: params.amount }));
  const execute = server.handlers.get("lot.bid") as (params: Record<string, unknown>, peer: never) => Answer;
  server.handlers.set("lot.bid", (params, peer) => {
    const fate = random();
    if (fate < lose_command) return "silence";
    const answer = execute(params, peer as never);
    return fate < lose_command + lose_answer ? "silence" : answer;
  });
}

/** Everything that happens; what each key was told. */
async function rounds(server: FakeServer, client: Client, random: () => number): Promise<Map<string, string[]>> {
  const { round, channels } = SCENARIO;
  const { skip_event, repeat_event } = SCENARIO.server;
  const bids: Promise<[string, string]>[] = [];
  const fate = () => {
    const drawn = random();
    if (drawn < skip_event) return "skip";
    return drawn < skip_event + repeat_event ? "twice" : "deliver";
  };
  for (let number = 1; number <= SCENARIO.rounds; number += 1) {
    const name = channels[Math.floor(random() * channels.length)] as string;
    server.publish(name, name.startsWith("market:") ? "market_state" : "price_changed", { price: number, state: "open" }, fate);
    if (random() < round.bid) {
      const key = newKey();
      for (let times = random() < round.same_key_twice ? 2 : 1; times > 0; times -= 1) {
        const bid = client.lot.bid({ lot: "lot_1", amount: number }, { key });
        bids.push(bid.then(() => [key, "ok"], (error) => [key, `${error.code} ${error.outcome}`]));
      }
    }
    if (random() < round.close) server.drop(round.close_code);
    if (random() < round.drop) server.drop();
    const [least, most] = round.pause_ms;
    if (random() < round.pause) await new Promise((resolve) => setTimeout(resolve, least + random() * (most - least)));
  }
  const told = new Map<string, string[]>();
  for (const [key, outcome] of await Promise.all(bids)) told.set(key, [...(told.get(key) ?? []), outcome]);
  return told;
}

function checkCommands(server: FakeServer, told: Map<string, string[]>, seed: number): string[] {
  for (const [key, times] of server.executions) assert.equal(times, 1, `key ${key} was executed ${times} times, seed ${seed}`);
  const succeeded = [...told].filter(([, outcomes]) => outcomes.includes("ok")).map(([key]) => key);
  assert.deepEqual(succeeded.sort(), [...server.executions.keys()].sort(), `known successes are the executions, seed ${seed}`);
  for (const outcome of [...told.values()].flat()) assert.ok(["ok", "deadline_exceeded not_executed"].includes(outcome), `${outcome}, seed ${seed}`);
  return ["each_command_once", "known_successes_are_the_executions", "failures_were_not_executed"];
}

async function checkStreams(server: FakeServer, watchers: Watcher[], random: () => number, seed: number): Promise<string[]> {
  const fresh = clientOf(server.url, random);
  for (const watcher of watchers) {
    const truth = server.channel(watcher.name);
    // The last events may have been lost on their way: a heartbeat tells.
    server.heartbeat();
    await until(`${watcher.name} caught up, seed ${seed}`, () => watcher.held.status === "live" && watcher.held.position?.seq === truth.seq, 60_000);
    const newest = fresh.subscribe(watcher.name);
    await until(`${watcher.name} is seen afresh`, () => newest.status === "live");
    assert.deepEqual(watcher.held.state, newest.state, `${watcher.name}, seed ${seed}`);
    watcher.check(seed);
  }
  fresh.close();
  return ["streams_are_dense", "state_is_a_fresh_snapshot"];
}

async function torture(t: TestContext, seed: number): Promise<void> {
  t.diagnostic(`VENDUE_SEED=${seed}`);
  const random = randomOf(seed);
  const server = await FakeServer.start();
  const proxy = await FaultyProxy.start(Number(new URL(server.url).port), SCENARIO.proxy, random);
  const client = clientOf(proxy.url, random);
  try {
    makeForgetful(server, random);
    const watchers = SCENARIO.channels.map((name) => new Watcher(client, name));
    const told = await rounds(server, client, random);
    proxy.calm();
    await client.ready();
    const held = [...(await checkStreams(server, watchers, random, seed)), ...checkCommands(server, told, seed)];
    const stats = client.stats();
    t.diagnostic(`${JSON.stringify(stats)} ${JSON.stringify(proxy.counts)}`);
    assert.ok(stats.connections > 1, "nothing was survived");
    // Every promise has been awaited by then; what else waited has been answered or ended.
    await until("nothing is left open", () => client.stats().pending === 0);
    held.push("nothing_is_left_open");
    // A name in the file that nothing here has asserted is a promise that nobody keeps.
    assert.deepEqual(held.sort(), [...SCENARIO.hold].sort());
  } finally {
    client.close();
    await proxy.stop();
    await server.stop();
  }
}

for (const seed of [...SCENARIO.seeds, Number(process.env.VENDUE_SEED ?? Math.floor(Math.random() * 2 ** 31))]) {
  test(`through faults of every kind nothing is missing and nothing happens twice (seed ${seed})`, (t) => torture(t, seed));
}
