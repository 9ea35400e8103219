import { ServerClock } from "./clock.js";
import type { ChannelEvent } from "./channel.js";
import { Connection, type ConnectionOptions, type ConnectionState, type TokenSource } from "./connection.js";
import { Emitter, type Unsubscribe } from "./emitter.js";
import { VendueError } from "./errors.js";
import { newKey } from "./ids.js";
import { groupOf, METHODS, type Group, type MethodName, type ParamsOf, type ResultOf } from "./methods.js";
import { DEFAULT_REQUEST_TIMES, RequestTable, type RequestOptions, type RequestTimes } from "./requests.js";
import type { Message } from "./socket.js";
import { emptyStats, type Stats } from "./stats.js";
import { SubscriptionTable, type SubscribeOptions, type Subscription } from "./subscriptions.js";
import type { Hello } from "./types.js";

export interface ClientOptions extends ConnectionOptions {
  requests?: Partial<RequestTimes>;
}

type Signals = {
  connection: ConnectionState;
  /** A message of no channel: `server_shutdown`, or one of a newer server's. */
  notice: Message;
};

/**
 * One party's line to a market. It connects by itself, comes back by itself and continues every subscription without a
 * gap; a command sent through it happens at most once, however often the connection breaks.
 */
export class Client {
  readonly lot: Group<"lot", RequestOptions>;
  readonly sale: Group<"sale", RequestOptions>;
  readonly stock: Group<"stock", RequestOptions>;
  readonly book: Group<"book", RequestOptions>;
  readonly account: Group<"account", RequestOptions>;
  readonly market: Group<"market", RequestOptions>;
  readonly order: Group<"order", RequestOptions>;
  readonly clock = new ServerClock();

  private readonly signals = new Emitter<Signals>();
  private readonly counted: Stats = emptyStats();
  private readonly connection: Connection;
  private readonly requests: RequestTable;
  private readonly subscriptions: SubscriptionTable;

  constructor(url: string, options: ClientOptions = {}) {
    const random = options.random ?? Math.random;
    this.requests = new RequestTable({ ...DEFAULT_REQUEST_TIMES, ...options.requests }, this.counted, random);
    this.subscriptions = new SubscriptionTable(this.counted, random);
    this.connection = new Connection(url, options, this.clock, this.counted, () => this.requests.takeId());
    const call = (method: MethodName, params: Message, how?: RequestOptions) => this.callUntyped(method, params, how);
    this.lot = groupOf("lot", call);
    this.sale = groupOf("sale", call);
    this.stock = groupOf("stock", call);
    this.book = groupOf("book", call);
    this.account = groupOf("account", call);
    this.market = groupOf("market", call);
    this.order = groupOf("order", call);
    this.listen();
    this.connection.start();
  }

  /** Where the connection is now. */
  get state(): ConnectionState {
    return this.connection.state;
  }

  /** What the server said at the last connection: account, limits, version. Null before the first. */
  get hello(): Hello | null {
    return this.connection.hello;
  }

  /** Resolves when the connection is live; rejects if it never will be. */
  ready(): Promise<Hello> {
    return new Promise((resolve, reject) => {
      const settle = (state: ConnectionState): boolean => {
        if (state.phase === "live" && this.hello) resolve(this.hello);
        else if (state.phase === "closed") reject(state.reason);
        else return false;
        return true;
      };
      if (settle(this.state)) return;
      const off = this.on("connection", (state) => settle(state) && off());
    });
  }

  on<S extends keyof Signals>(signal: S, listener: (value: Signals[S]) => void): Unsubscribe {
    return this.signals.on(signal, listener);
  }

  /** Calls a method of the table, typed. A command gets a key unless `options` brings one. */
  call<M extends MethodName>(method: M, params: ParamsOf<M>, options?: RequestOptions): Promise<ResultOf<M>> {
    return this.callUntyped(method, params as Message, options) as Promise<ResultOf<M>>;
  }

  /** Calls any method, also one this client does not know; it is sent as a read unless `options.key` makes it a command. */
  request(method: string, params: Message = {}, options: RequestOptions = {}): Promise<unknown> {
    return this.requests.request(method, params, options);
  }

  /** Subscribes to a channel: `lot:<id>`, `stock:<id>`, `book:<id>`, `market:<id>`, `account`. */
  subscribe<C extends string>(channel: C, options?: SubscribeOptions): Subscription<C> {
    return this.subscriptions.subscribe(channel, options);
  }

  /**
   * From now on speaks as the token's account, or as a guest for null. A live connection is renewed: rights are never
   * mixed. Subscriptions to public channels continue without a gap.
   */
  signIn(token: TokenSource | null): void {
    this.connection.token = token;
    this.subscriptions.forgetAccount();
    this.connection.restart("signing in");
  }

  /** Gives the live connection a fresh token of the same account without interrupting it. */
  async authenticate(token: string): Promise<void> {
    await this.requests.request("authenticate", { token });
    this.connection.token = token;
  }

  /** Does not wait for the agreed moment: the person asked, or the machine came back online. */
  reconnectNow(): void {
    this.connection.openNow();
  }

  /** Checks a connection that may have died unnoticed, after sleep say, and measures the clock again. */
  probe(): void {
    this.connection.probe();
  }

  /** The server's time, integer microseconds since the Unix epoch. */
  now(): number {
    return this.clock.now();
  }

  stats(): Stats & { rtt_us: number | null; offset_us: number; subscriptions: number; pending: number } {
    return { ...this.counted, pending: this.requests.pending, rtt_us: this.clock.rttUs, offset_us: Math.round(this.clock.offsetUs), subscriptions: this.subscriptions.names().length };
  }

  /** Ends the connection for good; what still waits is rejected. */
  close(): void {
    this.connection.close(VendueError.local("unavailable", "The client was closed.", "not_executed", false));
  }

  private callUntyped(method: MethodName, params: Message, options: RequestOptions = {}): Promise<unknown> {
    const kind = METHODS[method];
    if (kind === "read") return this.requests.request(method, params, options);
    const named = kind.target === null ? undefined : params[kind.target];
    const target = options.target ?? (typeof named === "string" ? named : undefined);
    return this.requests.request(method, params, { ...options, key: options.key ?? newKey(), ...(target ? { target } : {}) });
  }

  private listen(): void {
    const { signals } = this.connection;
    signals.on("state", (state) => this.signals.emit("connection", state));
    signals.on("up", () => {
      this.requests.up((message) => this.connection.send(message));
      this.subscriptions.up((method, params) => this.requests.request(method, params, { transient: true }));
    });
    signals.on("down", () => {
      // Subscriptions first: the answers that they miss must not be taken for refusals.
      this.subscriptions.down();
      this.requests.down();
    });
    signals.on("ended", (error) => {
      this.subscriptions.down();
      this.requests.end(error);
    });
    signals.on("reply", (reply) => void this.requests.reply(reply));
    signals.on("message", (message) => this.receive(message));
  }

  private receive(message: Message): void {
    if (typeof message.channel === "string" && typeof message.seq === "number") {
      return this.subscriptions.event(message as unknown as ChannelEvent);
    }
    if (message.type === "heartbeat") {
      const data = (message.data ?? message) as { seqs?: Record<string, number> };
      return this.subscriptions.heartbeat(data.seqs ?? {});
    }
    this.signals.emit("notice", message);
  }
}

/** Connects to a Vendue server, `ws://127.0.0.1:7400/ws` say. Returns at once; `await client.ready()` waits. */
export function connect(url: string, options: ClientOptions = {}): Client {
  return new Client(url, options);
}
