import { ChannelCore, foldFor, type ChannelEvent, type Position, type SubscribeReply } from "./channel.js";
import { Emitter, type Unsubscribe } from "./emitter.js";
import { VendueError } from "./errors.js";
import type { EventsOf, StateOf } from "./methods.js";
import type { Stats } from "./stats.js";

/** `syncing`: the state shown is the last one known; `live`: it is the newest; `failed`: the server refused for good. */
export type SubscriptionStatus = "syncing" | "live" | "failed";

export interface SubscribeOptions {
  /** `latest` may skip steps between two states; what was skipped is said by the event and is no gap. */
  mode?: "all" | "latest";
}

type Signals = {
  /** The state changed, by an event or a snapshot. */
  state: Record<string, unknown>;
  /** The state was replaced: what happened before is not told event by event. */
  snapshot: Record<string, unknown>;
  event: ChannelEvent;
  status: SubscriptionStatus;
  error: VendueError;
};

/** Milliseconds for events that are on their way when a heartbeat reports a later seq (`market:` conflates to 250 ms). */
const HEARTBEAT_GRACE_MS = 1_000;

/** Upper bound of the wait before a refused subscription is tried again, milliseconds. */
const RETRY_MAX_MS = 5_000;

/** Sends `subscribe` or `unsubscribe` on the present connection. */
export type Requester = (method: string, params: Record<string, unknown>) => Promise<unknown>;

/** One channel of this client, shared by everybody who subscribed to it. */
class Channel {
  readonly signals = new Emitter<Signals>();
  readonly core: ChannelCore;
  status: SubscriptionStatus = "syncing";
  users = 0;
  /** Counts subscriptions sent, so that the reply to an older one is not taken for the newest. */
  round = 0;
  refusals = 0;
  timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly name: string,
    readonly mode: "all" | "latest",
  ) {
    this.core = new ChannelCore(foldFor(name));
  }

  setStatus(status: SubscriptionStatus): void {
    if (this.status === status) return;
    this.status = status;
    this.signals.emit("status", status);
  }
}

/** A hold on a channel. Close it when it is no longer shown; the last one to close unsubscribes. */
export class Subscription<C extends string = string> {
  private readonly offs: Unsubscribe[] = [];
  private open = true;

  constructor(
    private readonly shared: Channel,
    private readonly release: () => void,
  ) {}

  get channel(): C {
    return this.shared.name as C;
  }

  /** The state at `position`; null until the first reply. A new object after each change. */
  get state(): StateOf<C> | null {
    return this.shared.core.state as StateOf<C> | null;
  }

  get position(): Position | null {
    return this.shared.core.position;
  }

  get status(): SubscriptionStatus {
    return this.shared.status;
  }

  /** Listens to a signal of the channel itself: `state`, `snapshot`, `event`, `status` or `error`. */
  on<S extends keyof Signals>(signal: S, listener: (value: S extends "state" | "snapshot" ? StateOf<C> : Signals[S]) => void): Unsubscribe {
    const off = this.shared.signals.on(signal, listener as (value: Signals[S]) => void);
    this.offs.push(off);
    return off;
  }

  /** Listens to one type of event. */
  onEvent<T extends keyof EventsOf<C> & string>(type: T, listener: (data: EventsOf<C>[T], event: ChannelEvent) => void): Unsubscribe {
    return this.on("event", ((event: ChannelEvent) => {
      if (event.type === type) listener(event.data as EventsOf<C>[T], event);
    }) as never);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    for (const off of this.offs) off();
    this.release();
  }
}

/** Every channel of a client: subscribes, checks the sequences, and subscribes again where something is missing. */
export class SubscriptionTable {
  private readonly channels = new Map<string, Channel>();
  private request: Requester | null = null;

  constructor(
    private readonly stats: Stats,
    private readonly random: () => number,
  ) {}

  subscribe<C extends string>(name: C, options: SubscribeOptions = {}): Subscription<C> {
    let channel = this.channels.get(name);
    if (!channel) {
      channel = new Channel(name, options.mode ?? "all");
      this.channels.set(name, channel);
      this.sync(channel);
    }
    channel.users += 1;
    const shared = channel;
    return new Subscription<C>(shared, () => this.release(shared));
  }

  up(request: Requester): void {
    this.request = request;
    for (const channel of this.channels.values()) if (channel.status !== "failed") this.sync(channel);
  }

  down(): void {
    this.request = null;
    for (const channel of this.channels.values()) {
      clearTimeout(channel.timer);
      channel.round += 1;
      if (channel.status !== "failed") channel.setStatus("syncing");
    }
  }

  /** Another account speaks from now on: positions in the private channel mean nothing to it. */
  forgetAccount(): void {
    const channel = this.channels.get("account");
    if (!channel) return;
    channel.core.position = null;
    if (channel.status === "failed") channel.setStatus("syncing");
    this.sync(channel);
  }

  event(event: ChannelEvent): void {
    const channel = this.channels.get(event.channel);
    if (!channel) return;
    const verdict = channel.core.take(event);
    if (verdict === "applied") this.announce(channel, event);
    else if (verdict === "duplicate") this.stats.duplicates += 1;
    else if (verdict === "gap") this.gap(channel);
  }

  /** The latest seqs that the server knows: whoever is behind and stays behind has a silent gap. */
  heartbeat(seqs: Record<string, number>): void {
    for (const [name, latest] of Object.entries(seqs)) {
      const channel = this.channels.get(name);
      if (!channel?.core.isBehind(latest)) continue;
      const round = channel.round;
      setTimeout(() => {
        if (channel.round === round && channel.core.isBehind(latest)) this.gap(channel);
      }, HEARTBEAT_GRACE_MS);
    }
  }

  /** The channels that are subscribed to. */
  names(): string[] {
    return [...this.channels.keys()];
  }

  private gap(channel: Channel): void {
    this.stats.gaps += 1;
    this.sync(channel);
  }

  private sync(channel: Channel): void {
    const request = this.request;
    channel.setStatus("syncing");
    channel.core.beginSync();
    channel.round += 1;
    if (!request) return;
    const round = channel.round;
    const resume = channel.core.position;
    const params = { channel: channel.name, snapshot: true, mode: channel.mode, ...(resume ? { resume } : {}) };
    request("subscribe", params).then(
      (reply) => channel.round === round && this.settle(channel, reply as SubscribeReply),
      (error) => channel.round === round && this.refused(channel, error as VendueError),
    );
  }

  private settle(channel: Channel, reply: SubscribeReply): void {
    channel.refusals = 0;
    this.stats[reply.resumed ? "resumed" : "snapshots"] += 1;
    const whole = channel.core.settle(reply, (event) => {
      if (event === null) return channel.signals.emit("snapshot", channel.core.state ?? {});
      this.stats.events += 1;
      channel.signals.emit("event", event);
    });
    channel.signals.emit("state", channel.core.state ?? {});
    if (whole) channel.setStatus("live");
    else this.later(channel, () => this.gap(channel));
  }

  private refused(channel: Channel, error: VendueError): void {
    const again = error.temporary || error.outcome === "not_executed";
    if (error.code === "unrecoverable_position") {
      channel.core.position = null;
      return this.sync(channel);
    }
    if (again) return this.later(channel, () => this.sync(channel));
    channel.setStatus("failed");
    channel.signals.emit("error", error);
  }

  private later(channel: Channel, then: () => void): void {
    const bound = Math.min(RETRY_MAX_MS, 100 * 2 ** Math.min(channel.refusals++, 10));
    const round = channel.round;
    clearTimeout(channel.timer);
    channel.timer = setTimeout(() => channel.round === round && then(), this.random() * bound);
  }

  private announce(channel: Channel, event: ChannelEvent): void {
    this.stats.events += 1;
    channel.signals.emit("event", event);
    channel.signals.emit("state", channel.core.state ?? {});
  }

  private release(channel: Channel): void {
    channel.users -= 1;
    if (channel.users > 0) return;
    clearTimeout(channel.timer);
    channel.round += 1;
    this.channels.delete(channel.name);
    channel.signals.clear();
    // Whether this arrives does not matter: events of a channel that nobody holds are dropped here.
    this.request?.("unsubscribe", { channel: channel.name }).catch(() => undefined);
  }
}
