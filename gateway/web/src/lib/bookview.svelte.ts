import { VendueError, type BookOrder, type BookSnapshot, type PublicTrade, type Subscription } from "@vendue/client";
import { line } from "./connection.svelte";

/** Trades shown and kept. */
const TRADES_KEPT = 30;

/** Own orders asked for: those that live come first. */
const ORDERS_PAGE = 60;

/** Milliseconds to gather news of one's orders before they are asked for: one order may meet many. */
const ORDERS_WAIT_MS = 120;

export interface ShownTrade extends PublicTrade {
  /** Makes it unique where it is listed. */
  id: string;
  /** Of the event that told it, or told it last. */
  seq: number;
  ts: number;
}

/** One book followed live, with its trades and the person's own orders in it. Close it when its page goes. */
export class BookView {
  snap = $state.raw<BookSnapshot | null>(null);
  missing = $state(false);
  trades = $state.raw<ShownTrade[]>([]);
  orders = $state.raw<BookOrder[]>([]);
  private readonly subscription: Subscription<`book:${string}`>;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  /** `known` is what the list knows already: the page opens with it at once. */
  constructor(
    readonly book: string,
    known: BookSnapshot | undefined,
  ) {
    this.snap = known ?? null;
    // What a person can follow: steps between two paints may be merged.
    this.subscription = line.client.subscribe(`book:${book}`, { mode: "latest" });
    this.subscription.on("state", (state) => (this.snap = state));
    this.subscription.on("snapshot", () => void this.loadTrades());
    // Where the list follows the book already, no snapshot comes.
    void this.loadTrades();
    this.subscription.on("event", (event) => {
      const data = event.data as unknown as Record<string, unknown>;
      const told = event.type === "trade" ? [data as unknown as PublicTrade] : ((data.trades as PublicTrade[] | undefined) ?? []);
      if (told.length === 0) return;
      const fresh = told.map((trade, at) => ({ ...trade, id: `${event.seq}.${at}`, seq: event.seq, ts: event.ts })).reverse();
      this.trades = [...fresh, ...this.trades].slice(0, TRADES_KEPT);
    });
    this.subscription.on("error", (error) => (this.missing = error.code === "not_found" || error.code === "unknown_channel" || error.code === "invalid_request"));
  }

  /** Asks for the person's orders soon; forgets them where nobody is signed in. */
  refreshOrders(): void {
    if (line.account === null) {
      this.orders = [];
      return;
    }
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.loadOrders();
    }, ORDERS_WAIT_MS);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.subscription.close();
  }

  private async loadOrders(): Promise<void> {
    const account = line.account;
    try {
      const { orders } = await line.client.book.orders({ book: this.book, limit: ORDERS_PAGE });
      if (!this.closed && line.account === account) this.orders = orders;
    } catch (error) {
      // The next news ask again.
      if (!(error instanceof VendueError)) throw error;
    }
  }

  private async loadTrades(): Promise<void> {
    try {
      const { trades } = await line.client.book.trades({ book: this.book, limit: TRADES_KEPT });
      if (this.closed) return;
      const known = trades[0]?.seq ?? 0;
      const newer = this.trades.filter((trade) => trade.seq > known);
      this.trades = [...newer, ...trades.map((trade) => ({ ...trade, id: `h${trade.seq}` }))].slice(0, TRADES_KEPT);
    } catch (error) {
      if (!(error instanceof VendueError)) throw error;
    }
  }
}

/** True while an order can still trade. */
export function isLive(order: BookOrder): boolean {
  return order.status === "open" || order.status === "partly_filled" || order.status === "pending";
}
