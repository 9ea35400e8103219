import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { stay, take } from "./formats.mjs";
import { FakeMarket } from "./market.mjs";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** The policy that the pages must live with: nothing from elsewhere, nothing inline, no eval. */
export const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Starts the pages with a simulated market on a free port of 127.0.0.1. Tokens: any text names an account; `bad` is refused.
 * With `provider` people sign in at one: it knows everybody as `ada`, and says no at its place `/deny`. */
export async function startFake({ port = 0, bots = true, provider = false, ...options } = {}) {
  const market = new FakeMarket(options);
  const peers = new Set();
  const control = { refusing: false, swallowReplies: false, heartbeatMs: 15_000, connects: 0 };
  const desk = provider ? new ProviderDesk() : null;
  const http = createServer((request, response) => serve(request, response, desk));
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => (offered.has("vendue.v1.json") ? "vendue.v1.json" : false) });
  http.on("upgrade", (request, socket, head) => {
    if (control.refusing || request.url !== "/ws") return socket.destroy();
    sockets.handleUpgrade(request, socket, head, (ws) => accept(ws, { market, peers, control }));
  });
  market.listeners.add((key, event) => {
    for (const peer of peers) if (peer.channels.has(key)) peer.send(event);
  });
  await new Promise((resolve) => http.listen(port, "127.0.0.1", resolve));
  if (bots) market.start();
  const heart = setInterval(() => {
    for (const peer of peers) peer.send({ type: "heartbeat", time: market.now(), seqs: Object.fromEntries([...peer.channels].map((key) => [key.split("/")[0], market.channel(key).seq])) });
  }, control.heartbeatMs);
  return {
    market,
    control,
    url: `http://127.0.0.1:${http.address().port}/`,
    /** Cuts every connection as a lost network would; with `refuse`, none comes back until `admit()`. */
    drop({ refuse = false, code } = {}) {
      control.refusing = refuse;
      for (const peer of [...peers]) code ? peer.socket.close(code) : peer.socket.terminate();
    },
    admit: () => void (control.refusing = false),
    async stop() {
      clearInterval(heart);
      market.stop();
      for (const peer of peers) peer.socket.terminate();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** Signing in at a provider, as the real gateway does it: a cookie for the session, the account's token in its answer. */
class ProviderDesk {
  session = "";

  answer(path, request, response) {
    const isSignedIn = this.session !== "" && (request.headers.cookie ?? "").includes(`vendue_session=${this.session}`);
    if (path === "/auth/login" || path === "/auth/deny") {
      const denied = path === "/auth/deny";
      if (!denied) this.session = String(Math.random());
      response.statusCode = 303;
      response.setHeader("location", denied ? "/?sign_in=denied" : "/");
      if (!denied) response.setHeader("set-cookie", `vendue_session=${this.session}; HttpOnly; SameSite=Lax; Path=/`);
      return response.end();
    }
    if (path === "/auth/logout") this.session = "";
    response.setHeader("content-type", "application/json");
    const session = isSignedIn && this.session ? { account: "acc_ada", token: "ada", expires_at: (Date.now() + 3_600_000) * 1000 } : { account: null };
    return response.end(JSON.stringify({ sign_in: "/auth/login", ...session }));
  }
}

function serve(request, response, desk) {
  const path = normalize(new URL(request.url, "http://x").pathname);
  response.setHeader("content-security-policy", CSP);
  if (desk && path.startsWith("/auth/")) return desk.answer(path, request, response);
  if (path === "/auth/session") {
    response.setHeader("content-type", "application/json");
    return response.end(JSON.stringify({ sign_in: null, account: null }));
  }
  if (path === "/v1/currencies") {
    response.setHeader("content-type", "application/json");
    return response.end(JSON.stringify({ currencies: [{ code: "EUR", exponent: 2, name: "Euro" }] }));
  }
  const file = join(DIST, path === "/" ? "index.html" : path);
  if (!file.startsWith(DIST) || !existsSync(file) || !statSync(file).isFile()) {
    response.statusCode = 404;
    return response.end("not found");
  }
  response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
  createReadStream(file).pipe(response);
}

function accept(socket, world) {
  const peer = { socket, channels: new Set(), account: null, send: (message) => socket.readyState === 1 && socket.send(JSON.stringify(message)) };
  socket.on("error", () => undefined);
  socket.on("close", () => world.peers.delete(peer));
  socket.on("message", (data) => {
    const parsed = JSON.parse(String(data));
    const replies = (Array.isArray(parsed) ? parsed : [parsed]).map((message) => answer(peer, message, world)).filter(Boolean);
    if (replies.length > 0) peer.send(replies.length === 1 ? replies[0] : replies);
  });
}

function answer(peer, { id, method, params = {} }, world) {
  const t_in = world.market.now();
  try {
    const handler = METHODS[method];
    if (!handler) throw { code: "unknown_method", message: method, outcome: "rejected" };
    const result = handler(params, peer, world);
    if (result === undefined) return null;
    return { id, ok: true, result, t_in, t_out: world.market.now() };
  } catch (error) {
    if (!error.code) throw error;
    return { id, ok: false, error, t_in, t_out: world.market.now() };
  }
}

const METHODS = {
  connect({ token }, peer, { market, peers, control }) {
    control.connects += 1;
    if (token === "bad") throw { code: "unauthenticated", message: "not a token", temporary: false, outcome: "rejected" };
    peer.account = token ? `acc_${token}` : null;
    peers.add(peer);
    return { connection: `c${control.connects}`, account: peer.account, roles: [], server: { version: "fake", epoch: "9f2c" }, time: market.now(), heartbeat_ms: control.heartbeatMs, limits: {} };
  },
  ping: ({ t0 }) => ({ t0 }),
  "market.list": (_params, _peer, { market }) => ({ markets: [market.info()], cursor: null }),
  "lot.list": (params, _peer, { market }) => market.list(params),
  "lot.get": ({ lot }, _peer, { market }) => (market.lots.has(lot) ? { ...market.lots.get(lot).snap, seq: market.channel(`lot:${lot}`).seq } : missing()),
  "lot.bids": (params, _peer, { market }) => market.history(params),
  "book.list": (_params, _peer, { market }) => ({ books: [...market.books.values()].map(({ snap }) => ({ ...snap, bids: snap.bids.slice(0, 1), asks: snap.asks.slice(0, 1) })), cursor: null }),
  "book.get": ({ book }, _peer, { market }) => market.books.get(book)?.snap ?? missing(),
  "book.trades": ({ book, limit = 50 }, _peer, { market }) => ({ trades: (market.books.get(book) ?? missing()).history.slice(0, limit), cursor: null }),
  "book.orders": ({ book }, peer, { market }) => (market.books.get(book) ?? missing()).list(peer.account),
  "book.place"({ book, key, ...order }, peer, { market }) {
    return told(once(market, `${peer.account}/${book}/${key}`, () => (market.books.get(book) ?? missing()).place(peer.account, order)));
  },
  "book.cancel"({ book, book_order, key }, peer, { market }) {
    return told(once(market, `${peer.account}/${book}/${key}`, () => (market.books.get(book) ?? missing()).cancel(peer.account, book_order)));
  },
  "stock.list": (_params, _peer, { market }) => ({ stock: [...market.stock.values()] }),
  subscribe({ channel: name, resume }, peer, { market }) {
    const snapshot = market.snapshot(name, peer.account);
    if (!snapshot) throw { code: name === "account" ? "forbidden" : "unknown_channel", message: name, outcome: "rejected" };
    const key = name === "account" ? `account/${peer.account}` : name;
    const channel = market.channel(key);
    peer.channels.add(key);
    const at = { epoch: channel.epoch, seq: channel.seq };
    const missed = resume && resume.epoch === channel.epoch ? channel.ring.filter((event) => event.seq > resume.seq) : null;
    if (missed && missed.length === channel.seq - resume.seq) return { ...at, resumed: true, events: missed };
    return { ...at, resumed: false, snapshot };
  },
  unsubscribe: ({ channel }, peer) => ({ removed: peer.channels.delete(channel) }),
  "lot.bid"({ lot, amount, key, ...more }, peer, { market, control }) {
    if (!peer.account) throw { code: "unauthenticated", message: "sign in", outcome: "rejected" };
    const outcome = once(market, `${peer.account}/${lot}/${key}`, () => market.bid(peer.account, lot, amount, more));
    return control.swallowReplies ? undefined : told(outcome);
  },
  "lot.buy_now"({ lot, key }, peer, { market }) {
    return told(once(market, `${peer.account}/${lot}/${key}`, () => market.buyNow(peer.account, lot)));
  },
  "lot.stay"({ lot, key, ...what }, peer, { market }) {
    return told(once(market, `${peer.account}/${lot}/${key}`, () => stay(market, peer.account, lot, what)));
  },
  "lot.take"({ lot, key, ...what }, peer, { market }) {
    return told(once(market, `${peer.account}/${lot}/${key}`, () => take(market, peer.account, lot, what)));
  },
  "account.get": (_params, peer, { market }) => (peer.account ? market.money.account(peer.account) : missing()),
  "account.sign_out"(_params, peer, { control }) {
    if (!peer.account) missing();
    control.signedOut = peer.account;
    return { state: "signed_out", seq: 1, replayed: false };
  },
  "account.statement": (params, peer, { market }) => (peer.account ? market.money.statement(peer.account, params) : missing()),
  /** Of a command that counted; its signature proves nothing. */
  "command.receipt"({ target, key }, peer, { market }) {
    if (!market.outcomes.get(`${peer.account}/${target}/${key}`)?.ok) missing();
    return { version: 1, position: market.executed, statement: "00", salt: "00", record: "00", path: [], checkpoint: {} };
  },
  "order.list": (params, peer, { market }) => market.money.list(peer.account, params),
  "order.pay": ({ order, key }, peer, { market }) => told(once(market, `${peer.account}/${order}/${key}`, () => market.money.act(peer.account, order, "paid"))),
  "order.cancel": ({ order, key }, peer, { market }) => told(once(market, `${peer.account}/${order}/${key}`, () => market.money.act(peer.account, order, "cancelled"))),
  "order.place"({ lines, key }, peer, { market }) {
    const { reservation } = lines[0];
    const item = market.stock.get(reservation.slice(4).split("/")[0]);
    return told(once(market, `${peer.account}/order/${key}`, () => market.money.place(peer.account, item, reservation)));
  },
  "stock.reserve"({ stock, quantity, key }, peer, { market }) {
    return told(once(market, `${peer.account}/${stock}/${key}`, () => market.keep(peer.account, stock, quantity, `rsv_${stock}/${key}`, "reservation_created")));
  },
  "stock.release"({ reservation, key }, peer, { market }) {
    const stock = reservation.slice(4).split("/")[0];
    return told(once(market, `${peer.account}/${stock}/${key}`, () => market.keep(peer.account, stock, -1, reservation, "reservation_released")));
  },
  /** As the server does: the earlier reply itself, marked as replayed. */
  "command.result"({ target, key }, peer, { market }) {
    const outcome = market.outcomes.get(`${peer.account}/${target}/${key}`);
    if (!outcome) throw { code: "not_found", message: "no outcome is kept for this key and target", temporary: false, outcome: "not_executed", retry_after_ms: null, details: null };
    if (!outcome.ok) throw { ...outcome.error, replayed: true };
    return { ...outcome.result, replayed: true };
  },
};

function once(market, key, act) {
  let outcome = market.outcomes.get(key);
  if (outcome) return outcome;
  try {
    outcome = { ok: true, result: act() };
  } catch (error) {
    outcome = { ok: false, error };
  }
  market.outcomes.set(key, outcome);
  return outcome;
}

function told(outcome) {
  if (!outcome.ok) throw outcome.error;
  return outcome.result;
}

function missing() {
  throw { code: "not_found", message: "not found", temporary: false, outcome: "rejected" };
}
