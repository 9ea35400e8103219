import { DEFAULT_BACKOFF, reconnectDelay, type BackoffOptions } from "./backoff.js";
import type { ServerClock } from "./clock.js";
import { Emitter } from "./emitter.js";
import { VendueError } from "./errors.js";
import type { Reply } from "./requests.js";
import { Socket, type Message, type SocketConstructor } from "./socket.js";
import type { Stats } from "./stats.js";
import type { Hello } from "./types.js";

/** Where the connection is. Local instants as `Date.now()` gives them: `since` is when it came up, or was lost. */
export type ConnectionState =
  | { phase: "connecting"; attempt: number; since: number }
  | { phase: "live"; since: number }
  | { phase: "waiting"; retryAt: number; attempt: number; since: number; reason: string }
  | { phase: "closed"; reason: VendueError };

/** A token, or how to get one: called again when the server says that it has expired. */
export type TokenSource = string | (() => string | Promise<string>);

export interface ConnectionOptions {
  token?: TokenSource | null;
  /** How this client names itself to the server. */
  client?: { name: string; version: string };
  /** The WebSocket to use; needed on Node before 22 (`import { WebSocket } from "ws"`). */
  webSocket?: SocketConstructor;
  backoff?: Partial<BackoffOptions>;
  /** Milliseconds for socket and `connect` together. */
  connect_timeout_ms?: number;
  /** Milliseconds a connection must last before the next failure counts as the first one. */
  stable_ms?: number;
  /** For tests: a source of jitter, 0 (included) to 1. */
  random?: () => number;
}

const CONNECT_TIMEOUT_MS = 10_000;
const STABLE_MS = 5_000;

/** Pings right after connecting: several, because the first on a fresh connection is rarely the fastest. */
const BURST_PINGS = 5;
const BURST_INTERVAL_MS = 200;

/** Afterwards: often enough to follow a drifting clock and to keep middle boxes from closing the connection. */
const PING_INTERVAL_MS = 30_000;

/** A connection is dead when it was silent for this many heartbeats, and a second for the network. */
const SILENT_HEARTBEATS = 2;
const SILENCE_SLACK_MS = 1_000;
const DEFAULT_HEARTBEAT_MS = 15_000;

/** What a waking machine gives a connection to show that it lives. */
const PROBE_TIMEOUT_MS = 4_000;

/** Used when a connection ends without a close code of the server's. */
const ABNORMAL = 1006;

type Signals = {
  state: ConnectionState;
  up: Hello;
  down: string;
  /** Replies that `connect` and `ping` did not take, events and notices. */
  reply: Reply;
  message: Message;
  ended: VendueError;
};

/** Keeps one connection alive: connects, watches for silence, measures the clock, comes back. */
export class Connection {
  readonly signals = new Emitter<Signals>();
  state: ConnectionState = { phase: "connecting", attempt: 0, since: Date.now() };
  hello: Hello | null = null;
  token: TokenSource | null;

  private socket: Socket | null = null;
  private failures = 0;
  private downSince = Date.now();
  private shutdownUntil = 0;
  private tokenRefused = false;
  private connectId = 0;
  private connectSentAt = 0;
  private lastHeardAt = 0;
  private readonly pings = new Map<number, number>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  private readonly backoff: BackoffOptions;
  private readonly random: () => number;

  constructor(
    private readonly url: string,
    private readonly options: ConnectionOptions,
    private readonly clock: ServerClock,
    private readonly stats: Stats,
    private readonly takeId: () => number,
  ) {
    this.token = options.token ?? null;
    this.backoff = { ...DEFAULT_BACKOFF, ...options.backoff };
    this.random = options.random ?? Math.random;
  }

  get live(): boolean {
    return this.state.phase === "live";
  }

  send(message: Message): void {
    this.socket?.send(message);
  }

  /** Connects now, whatever wait was agreed on: a person asked, or the machine came back online. */
  openNow(): void {
    if (this.state.phase === "live" || this.socket) return;
    this.open();
  }

  /** Ends this connection and makes a new one at once, as another party perhaps. */
  restart(reason: string): void {
    this.tokenRefused = false;
    if (this.socket) this.socket.abandon(4200, reason);
    else this.open();
  }

  /** Ends for good. */
  close(error: VendueError): void {
    const socket = this.socket;
    this.finish(error);
    socket?.abandon(1000, error.message);
  }

  /** Pings, and gives the connection up if nothing at all is heard soon: it may have died while the machine slept. */
  probe(): void {
    if (!this.live) return;
    const asked = performance.now();
    this.ping();
    this.after("probe", PROBE_TIMEOUT_MS, () => {
      if (this.lastHeardAt < asked) this.socket?.abandon(ABNORMAL, "the connection went silent");
    });
  }

  /** Asks the server for its time; also shows that the connection lives. */
  private ping(): void {
    if (!this.live) return;
    const id = this.takeId();
    const t0 = this.clock.mark();
    this.pings.set(id, t0);
    this.send({ id, method: "ping", params: { t0: Math.round(t0) } });
  }

  private open(): void {
    this.clear("retry");
    const constructor = this.options.webSocket ?? (globalThis.WebSocket as unknown as SocketConstructor | undefined);
    if (!constructor) {
      return this.finish(VendueError.local("unavailable", "There is no WebSocket here: pass one, `connect(url, { webSocket: WebSocket })` with that of the package `ws`.", "not_executed", false));
    }
    this.setState({ phase: "connecting", attempt: this.failures, since: this.downSince });
    let socket: Socket;
    try {
      socket = new Socket(
        this.url,
        constructor,
        {
          opened: () => void this.introduce(socket),
          message: (message) => this.receive(message),
          closed: (code, reason) => this.ended(code, reason),
        },
        this.stats,
      );
    } catch (error) {
      return this.finish(VendueError.local("invalid_request", `${this.url} cannot be connected to: ${String(error)}`, "not_executed", false));
    }
    this.socket = socket;
    this.after("connect", this.options.connect_timeout_ms ?? CONNECT_TIMEOUT_MS, () => socket.abandon(ABNORMAL, "no answer in time"));
  }

  private async introduce(socket: Socket): Promise<void> {
    let token: string | null;
    try {
      token = typeof this.token === "function" ? await this.token() : this.token;
    } catch (error) {
      return socket.abandon(ABNORMAL, `no token: ${String(error)}`);
    }
    if (this.socket !== socket) return;
    this.connectId = this.takeId();
    this.connectSentAt = this.clock.mark();
    const client = this.options.client ?? { name: "@vendue/client", version: "0.1.0" };
    socket.sendNow({ id: this.connectId, method: "connect", params: { ...(token ? { token } : {}), client, batch: true } });
  }

  private receive(message: Message): void {
    this.lastHeardAt = performance.now();
    if (typeof message.id === "number" && typeof message.ok === "boolean") return this.reply(message as unknown as Reply);
    if (message.type === "server_shutdown") this.shutdown(message);
    this.signals.emit("message", message);
  }

  private reply(reply: Reply): void {
    if (reply.id === this.connectId) return this.introduced(reply);
    const t0 = this.pings.get(reply.id);
    if (t0 === undefined) return this.signals.emit("reply", reply);
    this.pings.delete(reply.id);
    if (reply.ok && reply.t_in !== undefined && reply.t_out !== undefined) this.clock.sample(t0, reply.t_in, reply.t_out);
  }

  private introduced(reply: Reply): void {
    this.clear("connect");
    if (!reply.ok) return this.refused(new VendueError(reply.error ?? { code: "internal", message: "The server refused the connection." }));
    const hello = reply.result as Hello;
    const seen = reply.t_in ?? hello.time;
    this.clock.sample(this.connectSentAt, seen, reply.t_out ?? seen);
    this.hello = hello;
    this.tokenRefused = false;
    this.stats.connections += 1;
    this.after("stable", this.options.stable_ms ?? STABLE_MS, () => (this.failures = 0));
    this.setState({ phase: "live", since: Date.now() });
    this.watch(hello.heartbeat_ms || DEFAULT_HEARTBEAT_MS);
    this.pingOften(BURST_PINGS);
    this.signals.emit("up", hello);
  }

  private refused(error: VendueError): void {
    const stale = error.code === "token_expired" || error.code === "unauthenticated";
    // A token that can be fetched anew gets one more chance at once.
    const again = error.temporary || error.outcome === "not_executed" || (stale && typeof this.token === "function" && !this.tokenRefused);
    this.tokenRefused = stale;
    const socket = this.socket;
    if (!again) this.finish(error);
    socket?.abandon(error.temporary ? 4101 : 4200, error.message);
  }

  private shutdown(message: Message): void {
    const data = (message.data ?? message) as { reconnect_after_ms?: number };
    const wait = Math.max(0, data.reconnect_after_ms ?? 0);
    this.shutdownUntil = Date.now() + wait;
    // The server closes when it has drained; if it has not by our moment, we go.
    this.after("shutdown", wait, () => this.socket?.abandon(4201, "the server shuts down"));
  }

  private ended(code: number, reason: string): void {
    this.socket = null;
    const wasLive = this.live;
    for (const name of [...this.timers.keys()]) this.clear(name);
    this.pings.clear();
    if (this.state.phase === "closed") return;
    if (!wasLive) this.stats.failed_attempts += 1;
    const agreed = this.shutdownUntil - Date.now();
    const delay = wasLive && agreed > 0 ? agreed : reconnectDelay(code, this.failures, this.backoff, this.random);
    this.failures += 1;
    const words = reason || CLOSE_WORDS[code] || `closed (${code})`;
    if (delay === null) return this.finish(VendueError.local(code === 4003 ? "forbidden" : "unavailable", `The server closed the connection: ${words}.`, "not_executed", false));
    const now = Date.now();
    if (wasLive) this.downSince = now;
    this.setState({ phase: "waiting", retryAt: now + delay, attempt: this.failures, since: this.downSince, reason: words });
    if (wasLive) this.signals.emit("down", words);
    this.after("retry", delay, () => this.open());
  }

  private finish(error: VendueError): void {
    if (this.state.phase === "closed") return;
    const wasLive = this.live;
    for (const name of [...this.timers.keys()]) this.clear(name);
    this.setState({ phase: "closed", reason: error });
    if (wasLive) this.signals.emit("down", error.message);
    this.signals.emit("ended", error);
  }

  /** A connection that says nothing is dead even if nobody closed it: a train went into a tunnel. */
  private watch(heartbeat_ms: number): void {
    const limit = heartbeat_ms * SILENT_HEARTBEATS + SILENCE_SLACK_MS;
    this.after("silence", limit / 4, () => {
      if (performance.now() - this.lastHeardAt > limit) this.socket?.abandon(ABNORMAL, "the connection went silent");
      else this.watch(heartbeat_ms);
    });
  }

  private pingOften(left: number): void {
    this.ping();
    this.after("ping", left > 1 ? BURST_INTERVAL_MS : PING_INTERVAL_MS, () => this.pingOften(Math.max(1, left - 1)));
  }

  private setState(state: ConnectionState): void {
    this.state = state;
    this.signals.emit("state", state);
  }

  private after(name: string, wait_ms: number, then: () => void): void {
    this.clear(name);
    this.timers.set(name, setTimeout(then, wait_ms));
  }

  private clear(name: string): void {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }

  /** Begins; called once by the owner after it listens. */
  start(): void {
    this.open();
  }
}

/** Close codes in words for a person. */
const CLOSE_WORDS: Readonly<Record<number, string>> = {
  1000: "closed",
  1001: "the server went away",
  1006: "the connection was lost",
  4001: "bad request",
  4003: "forbidden",
  4008: "too slow to introduce itself",
  4009: "replaced by another connection",
  4101: "the server is overloaded",
  4102: "too slow to read",
  4103: "too many requests",
  4201: "the server restarts",
  4203: "the server asked to start again",
};
