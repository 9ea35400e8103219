import { VendueError, type WireError } from "./errors.js";
import type { Message } from "./socket.js";
import type { Stats } from "./stats.js";

/** Where a request is, for whoever waits and must not see a silent spinner. */
export type Phase = "queued" | "sent" | "retrying" | "checking";

/** How a request is carried out. */
export interface RequestOptions {
  /** Milliseconds until the outcome must be decided; what is not decided by then is never executed. */
  deadline_ms?: number;
  /** The command's key; made for each command if absent. Use one to repeat a command of an earlier session. */
  key?: string;
  /** The id of the actor that decides, where the parameters do not tell it. */
  target?: string;
  onPhase?: (phase: Phase) => void;
}

export interface RequestTimes {
  deadline_ms: number;
  /** Beyond the deadline, for the answer's way back, before the outcome is asked for. */
  grace_ms: number;
  /** How long an outcome is looked for before it is called unknown. */
  resolve_ms: number;
  /** Between two questions for an outcome, and the bound of the wait before a repeat. */
  ask_again_ms: number;
}

export const DEFAULT_REQUEST_TIMES: RequestTimes = { deadline_ms: 5_000, grace_ms: 1_000, resolve_ms: 60_000, ask_again_ms: 1_000 };

/** Requests that may wait at once, so that a page without a connection does not gather them without end. */
const PENDING_MAX = 4_096;

/** A reply as it travels on the wire. */
export interface Reply {
  id: number;
  ok: boolean;
  result?: unknown;
  error?: WireError;
  t_in?: number;
  t_out?: number;
}

interface Pending {
  method: string;
  params: Message;
  /** Null for a read. */
  key: string | null;
  target: string | null;
  /** Belongs to one connection and dies with it. */
  transient: boolean;
  deadlineAt: number;
  resolveUntil: number;
  sent: boolean;
  checking: boolean;
  /** The id under which an answer is awaited. */
  id: number | null;
  timer: ReturnType<typeof setTimeout> | undefined;
  onPhase: ((phase: Phase) => void) | undefined;
  resolve: (result: unknown) => void;
  reject: (error: VendueError) => void;
}

/**
 * Requests under way. A command keeps its key through every repeat, so repeating it after a lost connection is safe;
 * one whose deadline has passed without an answer is looked up with `command.result` and never sent again.
 */
export class RequestTable {
  private readonly waiting = new Set<Pending>();
  private readonly byId = new Map<number, Pending>();
  private nextId = 1;
  private send: ((message: Message) => void) | null = null;

  constructor(
    private readonly times: RequestTimes,
    private readonly stats: Stats,
    private readonly random: () => number,
  ) {}

  /** Requests without an answer. */
  get pending(): number {
    return this.waiting.size;
  }

  /** A number for a message that its sender answers for itself (`connect`, `ping`). */
  takeId(): number {
    return this.nextId++;
  }

  request(method: string, params: Message, options: RequestOptions & { transient?: boolean } = {}): Promise<unknown> {
    if (this.waiting.size >= PENDING_MAX) {
      return Promise.reject(VendueError.local("overloaded", `More than ${PENDING_MAX} requests are waiting.`, "not_executed"));
    }
    return new Promise((resolve, reject) => {
      const wait = options.deadline_ms ?? this.times.deadline_ms;
      const pending: Pending = {
        method,
        params,
        key: options.key ?? null,
        target: options.target ?? null,
        transient: options.transient ?? false,
        deadlineAt: performance.now() + wait,
        resolveUntil: performance.now() + wait + this.times.resolve_ms,
        sent: false,
        checking: false,
        id: null,
        timer: undefined,
        onPhase: options.onPhase,
        resolve,
        reject,
      };
      this.stats.requests += 1;
      this.waiting.add(pending);
      if (this.send) this.dispatch(pending);
      else pending.onPhase?.("queued");
      if (!pending.timer) this.armDeadline(pending);
    });
  }

  /** A connection is there: everything that waits goes out, with the keys it had. */
  up(send: (message: Message) => void): void {
    this.send = send;
    for (const pending of [...this.waiting]) {
      if (pending.checking) this.ask(pending);
      else this.dispatch(pending);
    }
  }

  down(): void {
    this.send = null;
    this.byId.clear();
    for (const pending of [...this.waiting]) {
      pending.id = null;
      if (pending.transient) this.fail(pending, VendueError.local("unavailable", "The connection was lost.", "not_executed"));
    }
  }

  /** No connection will ever come again. */
  end(error: VendueError): void {
    this.down();
    for (const pending of [...this.waiting]) {
      const outcome = pending.key !== null && pending.sent ? "unknown" : "not_executed";
      this.fail(pending, VendueError.local(error.code, error.message, outcome, false));
    }
  }

  /** Returns false if nobody waits for this reply. */
  reply(reply: Reply): boolean {
    const pending = this.byId.get(reply.id);
    if (!pending) return false;
    this.byId.delete(reply.id);
    pending.id = null;
    this.stats.replies += 1;
    if (pending.checking) this.looked(pending, reply);
    else if (reply.ok) this.succeed(pending, reply.result);
    else this.refused(pending, new VendueError(reply.error ?? { code: "internal", message: "The server gave no reason." }));
    return true;
  }

  private dispatch(pending: Pending): void {
    const left = Math.ceil(pending.deadlineAt - performance.now());
    // Too late to be executed; its timer decides what is said.
    if (left <= 0 || !this.send) return;
    if (pending.sent) this.stats.retries += 1;
    const params = pending.key === null ? pending.params : { ...pending.params, key: pending.key, deadline_ms: left };
    this.transmit(pending, pending.method, params);
    pending.onPhase?.(pending.sent ? "retrying" : "sent");
    pending.sent = true;
    this.armDeadline(pending);
  }

  private transmit(pending: Pending, method: string, params: Message): void {
    if (pending.id !== null) this.byId.delete(pending.id);
    pending.id = this.takeId();
    this.byId.set(pending.id, pending);
    this.send?.({ id: pending.id, method, params });
  }

  private armDeadline(pending: Pending): void {
    const left = Math.max(0, pending.deadlineAt - performance.now());
    this.arm(pending, pending.sent ? left + this.times.grace_ms : left, () => this.expire(pending));
  }

  private arm(pending: Pending, wait_ms: number, then: () => void): void {
    clearTimeout(pending.timer);
    pending.timer = setTimeout(then, wait_ms);
  }

  private expire(pending: Pending): void {
    if (pending.sent && pending.key !== null) return this.beginCheck(pending);
    const reason = pending.sent ? "No answer came in time." : "There was no connection before the deadline.";
    this.fail(pending, VendueError.local("deadline_exceeded", reason, "not_executed"));
  }

  private refused(pending: Pending, error: VendueError): void {
    if (error.outcome === "unknown" && pending.key !== null) return this.beginCheck(pending);
    const repeatable = error.code === "request_in_progress" || (error.temporary && error.outcome === "not_executed");
    const wait = error.retryAfterMs ?? this.random() * this.times.ask_again_ms;
    const fits = performance.now() + wait < pending.deadlineAt;
    if (repeatable && fits && !pending.transient) return this.arm(pending, wait, () => this.repeat(pending));
    // The first sending is still being decided: what it came to has to be asked for.
    if (error.code === "request_in_progress" && pending.key !== null) return this.beginCheck(pending);
    this.fail(pending, error);
  }

  private repeat(pending: Pending): void {
    if (this.send) this.dispatch(pending);
    if (pending.id === null) this.armDeadline(pending);
  }

  private beginCheck(pending: Pending): void {
    if (pending.target === null) {
      return this.fail(pending, VendueError.local("deadline_exceeded", "No answer came, and nobody can be asked for the outcome.", "unknown"));
    }
    if (!pending.checking) this.stats.outcomes_asked += 1;
    pending.checking = true;
    pending.onPhase?.("checking");
    this.ask(pending);
  }

  private ask(pending: Pending): void {
    if (performance.now() >= pending.resolveUntil) {
      return this.fail(pending, VendueError.local("deadline_exceeded", "The outcome could not be learnt.", "unknown"));
    }
    if (this.send) this.transmit(pending, "command.result", { target: pending.target, key: pending.key });
    this.arm(pending, this.times.ask_again_ms, () => this.ask(pending));
  }

  /** Takes the answer to `command.result`: the earlier reply, as the result or as if it were given now. */
  private looked(pending: Pending, reply: Reply): void {
    if (reply.ok) {
      const earlier = reply.result as { ok?: boolean; result?: unknown; error?: WireError } | null;
      if (typeof earlier?.ok !== "boolean") return this.succeed(pending, reply.result);
      if (earlier.ok) return this.succeed(pending, earlier.result);
      return this.fail(pending, new VendueError(earlier.error ?? { code: "internal", message: "" }));
    }
    const error = new VendueError(reply.error ?? { code: "internal", message: "" });
    // The rules said no, then: what was asked for is told as it was.
    if (reply.error?.outcome === "rejected") return this.fail(pending, error);
    if (error.code === "not_found") {
      // The actor knows no such command, and its deadline is over: it was not and will not be executed.
      return this.fail(pending, VendueError.local("deadline_exceeded", "The command did not arrive in time and was not executed.", "not_executed"));
    }
    if (error.temporary || error.code === "request_in_progress" || error.outcome === "unknown") {
      return this.arm(pending, error.retryAfterMs ?? this.times.ask_again_ms, () => this.ask(pending));
    }
    // The question was refused: that says nothing of the command.
    this.fail(pending, VendueError.local(error.code, `The outcome could not be learnt: ${error.message}`, "unknown", false));
  }

  private succeed(pending: Pending, result: unknown): void {
    this.forget(pending);
    pending.resolve(result);
  }

  private fail(pending: Pending, error: VendueError): void {
    this.forget(pending);
    pending.reject(error);
  }

  private forget(pending: Pending): void {
    clearTimeout(pending.timer);
    this.waiting.delete(pending);
    if (pending.id !== null) this.byId.delete(pending.id);
  }
}
