import { VendueError, type Order, type OrderResult, type RequestOptions } from "@vendue/client";
import { line } from "./connection.svelte";
import { errorWords } from "./words";

/** Orders asked for at once. */
const PAGE = 30;

/** Milliseconds to gather news before the list is asked for again. */
const REFRESH_MS = 400;

/** The orders of the person who is signed in, the newest first. */
export class Orders {
  list = $state.raw<Order[]>([]);
  cursor = $state<string | null>(null);
  status = $state<"idle" | "loading" | "ready" | "failed">("idle");
  /** The order that is being paid or cancelled. */
  busy = $state<string | null>(null);
  /** What went wrong, by order. */
  problems = $state.raw<Readonly<Record<string, string>>>({});
  private timer: ReturnType<typeof setTimeout> | undefined;
  private round = 0;

  /** How many wait for the person's payment. */
  get unpaid(): number {
    return this.list.filter((order) => order.state === "awaiting_payment" && order.buyer === line.account).length;
  }

  clear(): void {
    this.round += 1;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.list = [];
    this.cursor = null;
    this.problems = {};
    this.status = "idle";
  }

  /** Something happened to an order: asked for soon, once for many. */
  changed(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.load();
    }, REFRESH_MS);
  }

  async load(): Promise<void> {
    const round = ++this.round;
    if (this.list.length === 0) this.status = "loading";
    try {
      const page = await line.client.order.list({ limit: Math.max(PAGE, this.list.length) });
      if (round !== this.round) return;
      this.list = page.orders;
      this.cursor = page.cursor;
      this.status = "ready";
    } catch (error) {
      if (!(error instanceof VendueError)) throw error;
      if (round === this.round && this.list.length === 0) this.status = "failed";
    }
  }

  async more(): Promise<void> {
    if (this.cursor === null) return;
    const round = this.round;
    try {
      const page = await line.client.order.list({ limit: PAGE, cursor: this.cursor });
      if (round !== this.round) return;
      const known = new Set(this.list.map((order) => order.order));
      this.list = [...this.list, ...page.orders.filter((order) => !known.has(order.order))];
      this.cursor = page.cursor;
    } catch (error) {
      // The button stays.
      if (!(error instanceof VendueError)) throw error;
    }
  }

  pay(order: Order): Promise<void> {
    return this.act(order, (options) => line.client.order.pay({ order: order.order }, options));
  }

  cancel(order: Order): Promise<void> {
    return this.act(order, (options) => line.client.order.cancel({ order: order.order }, options));
  }

  private async act(order: Order, send: (options: RequestOptions) => Promise<OrderResult>): Promise<void> {
    if (this.busy !== null) return;
    this.busy = order.order;
    this.problems = { ...this.problems, [order.order]: "" };
    try {
      const { state, total } = await send({});
      this.list = this.list.map((known) => (known.order === order.order ? { ...known, state, total } : known));
      this.changed();
    } catch (error) {
      if (!(error instanceof VendueError)) throw error;
      this.problems = { ...this.problems, [order.order]: errorWords(error, order.currency) };
    } finally {
      this.busy = null;
    }
  }
}
