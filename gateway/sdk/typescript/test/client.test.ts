import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { connect, VendueError, type Client, type ClientOptions, type ConnectionState, type SocketConstructor } from "../src/index.js";
import { FakeServer, until, type Answer } from "./fake.js";

const FAST: ClientOptions = { webSocket: WebSocket as unknown as SocketConstructor, backoff: { base_ms: 5, cap_ms: 20, relief_ms: 5 }, requests: { grace_ms: 20, ask_again_ms: 20 } };

async function withServer(run: (server: FakeServer, client: (options?: ClientOptions) => Client) => Promise<void>): Promise<void> {
  const server = await FakeServer.start();
  const clients: Client[] = [];
  try {
    await run(server, (options) => {
      const client = connect(server.url, { ...FAST, ...options });
      clients.push(client);
      return client;
    });
  } finally {
    for (const client of clients) client.close();
    await server.stop();
  }
}

async function refusal(promise: Promise<unknown>): Promise<VendueError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof VendueError, String(error));
    return error;
  }
  throw new Error("it succeeded");
}

test("requests, typed results and errors", () =>
  withServer(async (server, make) => {
    server.command("lot.bid", (params) => ({ bid: "bid_1", status: "leading", price: params.amount }));
    server.handlers.set("lot.get", () => ({ error: { code: "not_found", message: "There is no such lot.", temporary: false, outcome: "rejected" } }));
    const client = make({ token: "t" });
    const hello = await client.ready();
    assert.equal(hello.connection, "c1");
    assert.deepEqual((server.seen[0] as { params: { token: string } }).params.token, "t");
    const bid = await client.lot.bid({ lot: "lot_1", amount: 100 });
    assert.equal(bid.status, "leading");
    assert.equal((await refusal(client.lot.get({ lot: "lot_2" }))).code, "not_found");
    assert.equal((await refusal(client.request("no.such"))).code, "unknown_method");
    await until("the clock is known", () => client.stats().rtt_us !== null);
    assert.ok(Math.abs(client.stats().offset_us) < 1_000_000);
  }));

test("money and orders: the table's methods are there, with keys where something changes", () =>
  withServer(async (server, make) => {
    server.command("order.pay", (params) => ({ order: params.order, state: "paid", total: 14_400, currency: "EUR" }));
    server.command("lot.take", () => ({ bid: "bid_1", status: "won", price: 42_000, min_next_amount: null, fees: 8_400, total: 50_400 }));
    server.command("account.deposit", (params) => ({ currency: params.currency, balance: params.amount, held: 0, available: params.amount }));
    server.handlers.set("order.list", () => ({ result: { orders: [{ order: "ord_1", state: "awaiting_payment" }], cursor: null } }));
    const client = make({ token: "t" });
    assert.equal((await client.order.pay({ order: "ord_1" })).state, "paid");
    assert.equal((await client.lot.take({ lot: "lot_1", amount: 42_000 })).total, 50_400);
    assert.equal((await client.account.deposit({ account: "acc_1", amount: 5, currency: "EUR", reason: "cash" })).available, 5);
    assert.equal((await client.order.list({})).orders[0]?.order, "ord_1");
    for (const { method, params } of server.seen as { method: string; params: { key?: string } }[]) {
      if (method === "order.list") assert.equal(params.key, undefined);
      else if (method !== "connect" && method !== "ping") assert.ok(params.key, method);
    }
  }));

test("an account's balances follow its feed", () =>
  withServer(async (server, make) => {
    server.channel("account", { account: "acc_1", balances: [{ currency: "EUR", balance: 100, held: 0, available: 100 }] });
    const client = make({ token: "t" });
    const feed = client.subscribe("account");
    await until("live", () => feed.status === "live");
    server.publish("account", "hold_placed", { hold: "hld_1", currency: "EUR", amount: 40, balance: 100, held: 40, available: 60 });
    server.publish("account", "outbid", { lot: "lot_1", price: 5 });
    server.publish("account", "balance_changed", { currency: "JPY", balance: 7, held: 0, available: 7 });
    await until("both are known", () => feed.position?.seq === 3);
    assert.deepEqual(feed.state?.balances, [
      { currency: "EUR", balance: 100, held: 40, available: 60 },
      { currency: "JPY", balance: 7, held: 0, available: 7 },
    ]);
  }));

test("a subscription that refuses to exist fails, once, and says so", () =>
  withServer(async (_server, make) => {
    const subscription = make().subscribe("lot:none");
    const errors: string[] = [];
    subscription.on("error", (error) => errors.push(error.code));
    await until("it failed", () => subscription.status === "failed");
    assert.deepEqual(errors, ["unknown_channel"]);
  }));

test("gaps are found, by an event or by a heartbeat, and healed", () =>
  withServer(async (server, make) => {
    server.channel("lot:1", { price: 0 });
    const client = make();
    const subscription = client.subscribe("lot:1");
    const prices: unknown[] = [];
    subscription.onEvent("price_changed", (data) => prices.push(data.price));
    await until("live", () => subscription.status === "live");
    server.publish("lot:1", "price_changed", { price: 1 });
    server.publish("lot:1", "price_changed", { price: 2 }, () => "skip");
    server.publish("lot:1", "price_changed", { price: 3 }, () => "twice");
    await until("the hole is filled", () => subscription.state?.price === 3);
    server.publish("lot:1", "price_changed", { price: 4 }, () => "skip");
    server.heartbeat();
    await until("the silent hole is filled", () => subscription.state?.price === 4);
    assert.deepEqual(prices, [1, 2, 3, 4]);
    const stats = client.stats();
    assert.equal(stats.gaps, 2);
    assert.equal(stats.resumed, 2);
  }));

test("two holders share a channel; the last one to close unsubscribes", () =>
  withServer(async (server, make) => {
    server.channel("stock:1", { available: 3 });
    const client = make();
    const one = client.subscribe("stock:1");
    const two = client.subscribe("stock:1");
    await until("live", () => one.status === "live");
    assert.equal(two.state?.available, 3);
    one.close();
    one.close();
    server.publish("stock:1", "stock_changed", { available: 2 });
    await until("the other still hears", () => two.state?.available === 2);
    two.close();
    await until("unsubscribed", () => server.seen.some((message) => message.method === "unsubscribe"));
    assert.equal(client.stats().subscriptions, 0);
  }));

test("a command keeps its key through a lost connection and happens once", () =>
  withServer(async (server, make) => {
    server.command("lot.bid", () => ({ bid: "bid_1", status: "leading" }));
    const execute = server.handlers.get("lot.bid") as (params: Record<string, unknown>, peer: never) => Answer;
    let times = 0;
    server.handlers.set("lot.bid", (params, peer) => {
      const answer = execute(params, peer as never);
      times += 1;
      if (times > 1) return answer;
      setImmediate(() => server.drop());
      return "silence";
    });
    const client = make();
    const phases: string[] = [];
    const bid = await client.lot.bid({ lot: "lot_1", amount: 5 }, { onPhase: (phase) => phases.push(phase) });
    assert.equal(bid.status, "leading");
    assert.deepEqual([...server.executions.values()], [1]);
    assert.deepEqual(phases, ["queued", "sent", "retrying"]);
    assert.equal(client.stats().retries, 1);
  }));

test("an answer that never comes is asked for, and the deadline stands", () =>
  withServer(async (server, make) => {
    const client = make();
    await client.ready();
    const table: { name: string; earlier: Record<string, unknown> | null; expect: string }[] = [
      { name: "it was executed", earlier: { ok: true, result: { status: "leading" } }, expect: "leading" },
      { name: "it was rejected", earlier: { ok: false, error: { code: "bid_too_low", message: "", outcome: "rejected" } }, expect: "bid_too_low rejected" },
      { name: "it never arrived", earlier: null, expect: "deadline_exceeded not_executed" },
    ];
    for (const { name, earlier, expect } of table) {
      server.handlers.set("lot.bid", (params) => {
        if (earlier) server.outcomes.set(String(params.key), earlier);
        return "silence";
      });
      const phases: string[] = [];
      const promise = client.lot.bid({ lot: "lot_1", amount: 5 }, { deadline_ms: 30, onPhase: (phase) => phases.push(phase) });
      const got = await promise.then((bid) => bid.status, (error: VendueError) => `${error.code} ${error.outcome}`);
      assert.equal(got, expect, name);
      assert.deepEqual(phases, ["sent", "checking"], name);
    }
    assert.equal(server.seen.filter((message) => message.method === "lot.bid").length, 3, "never sent twice");
  }));

test("an earlier refusal is told as it was; a refused question says nothing of the command", () =>
  withServer(async (server, make) => {
    const client = make();
    await client.ready();
    const table: [Answer, string][] = [
      [{ error: { code: "not_found", message: "There is no such lot.", outcome: "rejected", replayed: true } }, "not_found rejected"],
      [{ error: { code: "not_found", message: "", outcome: "not_executed" } }, "deadline_exceeded not_executed"],
      [{ error: { code: "forbidden", message: "", outcome: "not_executed" } }, "forbidden unknown"],
    ];
    server.handlers.set("lot.bid", () => "silence");
    for (const [answer, expected] of table) {
      server.handlers.set("command.result", () => answer);
      const error = await refusal(client.lot.bid({ lot: "lot_1", amount: 5 }, { deadline_ms: 20 }));
      assert.equal(`${error.code} ${error.outcome}`, expected);
    }
  }));

test("an outcome that cannot be learnt is unknown; what was never sent is not executed", () =>
  withServer(async (server, make) => {
    server.handlers.set("lot.bid", () => "silence");
    server.handlers.set("command.result", () => "silence");
    const client = make({ requests: { grace_ms: 5, ask_again_ms: 5, resolve_ms: 60 } });
    await client.ready();
    assert.equal((await refusal(client.lot.bid({ lot: "lot_1", amount: 5 }, { deadline_ms: 10 }))).outcome, "unknown");
    const nobody = connect("ws://127.0.0.1:1/ws", FAST);
    const error = await refusal(nobody.lot.bid({ lot: "lot_1", amount: 5 }, { deadline_ms: 10 }));
    assert.equal(error.outcome, "not_executed");
    nobody.close();
  }));

test("what the server could not take is sent again within the deadline", () =>
  withServer(async (server, make) => {
    let refusals = 2;
    server.handlers.set("lot.bid", () => (refusals-- > 0 ? { error: { code: "overloaded", message: "", temporary: true, outcome: "not_executed", retry_after_ms: 1 } } : { result: { status: "leading" } }));
    const bid = await make().lot.bid({ lot: "lot_1", amount: 5 });
    assert.equal(bid.status, "leading");
    const keys = server.seen.filter((message) => message.method === "lot.bid").map((message) => (message.params as { key: string }).key);
    assert.equal(keys.length, 3);
    assert.equal(new Set(keys).size, 1);
  }));

test("close codes are obeyed", () =>
  withServer(async (server, make) => {
    const client = make();
    await client.ready();
    server.drop(4201);
    await until("it came back", () => server.connects === 2 && client.state.phase === "live");
    server.drop(4003);
    await until("it stays away", () => client.state.phase === "closed");
    assert.equal((await refusal(client.ready())).code, "forbidden");
    assert.equal((await refusal(client.lot.get({ lot: "lot_1" }, { deadline_ms: 10 }))).outcome, "not_executed");
  }));

test("a drain is waited for as the server said", () =>
  withServer(async (server, make) => {
    const client = make();
    await client.ready();
    const states: ConnectionState[] = [];
    client.on("connection", (state) => states.push(state));
    const notices: unknown[] = [];
    client.on("notice", (message) => notices.push(message.type));
    const before = Date.now();
    server.broadcast({ type: "server_shutdown", data: { reconnect_after_ms: 60_000 } });
    await until("the notice arrived", () => notices.length === 1);
    server.drop(4201);
    await until("it waits", () => states.at(-1)?.phase === "waiting");
    const waiting = states.at(-1) as Extract<ConnectionState, { phase: "waiting" }>;
    assert.ok(waiting.retryAt >= before + 60_000, "not before its own moment");
    client.reconnectNow();
    await until("a person may insist", () => client.state.phase === "live");
  }));

test("a refused token ends the client until another is given", () =>
  withServer(async (server, make) => {
    server.admit = (params) => (params.token === "bad" ? { error: { code: "unauthenticated", message: "No such token.", temporary: false, outcome: "rejected" } } : { result: server.hello() });
    const client = make({ token: "bad" });
    assert.equal((await refusal(client.ready())).code, "unauthenticated");
    client.signIn(null);
    await client.ready();
    let asked = 0;
    const renewing = make({ token: () => (asked++ === 0 ? "bad" : "good") });
    await renewing.ready();
    assert.equal(asked, 2);
  }));

test("a silent connection is given up", () =>
  withServer(async (server, make) => {
    server.heartbeat_ms = 1;
    const client = make();
    await client.ready();
    server.handlers.set("ping", () => "silence");
    await until("it was replaced", () => server.connects >= 2);
    assert.ok(client.stats().connections >= 1);
  }));
