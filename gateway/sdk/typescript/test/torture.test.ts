import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { connect, type SocketConstructor } from "../src/index.js";
import { FakeServer, until, type Answer } from "./fake.js";

/** Mulberry32: small, seeded, good enough to choose faults. */
function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const ROUNDS = 400;
const CHANNELS = ["lot:1", "lot:2", "stock:1", "market:1"];

test("through drops, losses, repeats and forgotten history nothing is missing and nothing happens twice", async (t) => {
  const seed = Number(process.env.VENDUE_SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`VENDUE_SEED=${seed}`);
  const random = randomOf(seed);
  const server = await FakeServer.start();
  server.ringMax = 12;
  for (const name of CHANNELS) server.channel(name, { price: 0, state: "open" });
  server.command("lot.bid", (params) => ({ status: "leading", price: params.amount }));
  const execute = server.handlers.get("lot.bid") as (params: Record<string, unknown>, peer: never) => Answer;
  // A third of the answers is lost, after the command was executed; sometimes the command itself is.
  server.handlers.set("lot.bid", (params, peer) => {
    const fate = random();
    if (fate < 0.1) return "silence";
    const answer = execute(params, peer as never);
    return fate < 0.33 ? "silence" : answer;
  });

  const client = connect(server.url, {
    webSocket: WebSocket as unknown as SocketConstructor,
    backoff: { base_ms: 2, cap_ms: 8, relief_ms: 2 },
    requests: { deadline_ms: 300, grace_ms: 20, ask_again_ms: 10 },
    random,
  });
  try {
    const seen = new Map<string, number[]>();
    const held = CHANNELS.map((name) => {
      const subscription = client.subscribe(name);
      const steps: number[] = [];
      seen.set(name, steps);
      subscription.on("snapshot", () => steps.push(-(subscription.position?.seq ?? 0)));
      subscription.on("event", (event) => steps.push(event.seq));
      return subscription;
    });
    const bids: Promise<string>[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const name = CHANNELS[Math.floor(random() * CHANNELS.length)] as string;
      const lose = () => (random() < 0.05 ? "skip" : random() < 0.1 ? "twice" : "deliver") as "skip" | "twice" | "deliver";
      server.publish(name, name.startsWith("market:") ? "market_state" : "price_changed", { price: round, state: "open" }, lose);
      if (random() < 0.2) bids.push(client.lot.bid({ lot: "lot_1", amount: round }).then((bid) => `${bid.price}`, (error) => `${error.code} ${error.outcome}`));
      if (random() < 0.03) server.drop(random() < 0.5 ? undefined : 4203);
      if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, random() * 6));
    }
    const outcomes = await Promise.all(bids);
    server.heartbeat();
    for (const [index, name] of CHANNELS.entries()) {
      const truth = server.channel(name);
      await until(`${name} caught up`, () => held[index]?.status === "live" && held[index]?.position?.seq === truth.seq);
      assert.deepEqual(held[index]?.state, truth.state, `${name}, seed ${seed}`);
      // Each step follows the one before, or is a snapshot that is not older than it.
      let last = 0;
      for (const step of seen.get(name) ?? []) {
        if (step <= 0) assert.ok(-step >= last, `${name}: snapshot ${-step} after ${last}, seed ${seed}`);
        else assert.equal(step, last + 1, `${name}, seed ${seed}`);
        last = Math.abs(step);
      }
    }
    for (const [key, times] of server.executions) assert.equal(times, 1, `key ${key} was executed ${times} times, seed ${seed}`);
    const refused = outcomes.filter((outcome) => outcome.includes(" "));
    assert.ok(refused.every((outcome) => outcome === "deadline_exceeded not_executed"), `${refused.join()}, seed ${seed}`);
    assert.equal(outcomes.length - refused.length, server.executions.size, `known successes are the executions, seed ${seed}`);
    t.diagnostic(JSON.stringify(client.stats()));
  } finally {
    client.close();
    await server.stop();
  }
});
