import { VendueError, type PublicBid, type Subscription } from "@vendue/client";
import { LotCell } from "./cell.svelte";
import { line } from "./connection.svelte";

/** Bids of the history loaded at once. */
const HISTORY_PAGE = 25;

/** Milliseconds to gather bids before the history is asked for: a fight for a lot makes many events. */
const HISTORY_WAIT_MS = 250;

/** One lot followed step by step, with its bids. Close it when its page goes. */
export class LotView {
  cell = $state.raw<LotCell | null>(null);
  missing = $state(false);
  bids = $state.raw<PublicBid[]>([]);
  cursor = $state<string | null>(null);
  private readonly subscription: Subscription<`lot:${string}`>;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  /** `known` is what the list knows already: the page opens with it at once. */
  constructor(
    readonly lot: string,
    known: LotCell | undefined,
  ) {
    if (known) this.follow(known);
    this.subscription = line.client.subscribe(`lot:${lot}`);
    this.subscription.on("snapshot", (state) => {
      if (this.cell) this.cell.take(state, true);
      else this.follow(new LotCell(state));
      this.refreshBids(0);
    });
    this.subscription.on("event", () => {
      const state = this.subscription.state;
      if (state && this.cell) this.cell.take(state, true);
      this.refreshBids(HISTORY_WAIT_MS);
    });
    this.subscription.on("error", (error) => (this.missing = error.code === "not_found" || error.code === "unknown_channel" || error.code === "invalid_request"));
  }

  async earlier(): Promise<void> {
    if (this.cursor === null) return;
    try {
      const page = await line.client.lot.bids({ lot: this.lot, limit: HISTORY_PAGE, cursor: this.cursor });
      this.bids = merge(this.bids, page.bids);
      this.cursor = page.cursor;
    } catch (error) {
      if (!(error instanceof VendueError)) throw error;
    }
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.subscription.close();
    if (this.cell) this.cell.followed = false;
  }

  private follow(cell: LotCell): void {
    cell.followed = true;
    this.cell = cell;
  }

  private refreshBids(wait_ms: number): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.loadBids();
    }, wait_ms);
  }

  private async loadBids(): Promise<void> {
    try {
      const page = await line.client.lot.bids({ lot: this.lot, limit: HISTORY_PAGE });
      if (this.closed) return;
      const joined = page.bids.length > 0 && this.bids.some((bid) => page.bids.some((fresh) => fresh.seq === bid.seq));
      // More bids than a page were missed: what lies between is loaded from the button, in order.
      const keep = joined ? this.bids : [];
      if (keep.length <= page.bids.length) this.cursor = page.cursor;
      this.bids = merge(keep, page.bids);
    } catch (error) {
      if (!(error instanceof VendueError)) throw error;
    }
  }
}

/** Both lists without repetition, newest first. */
function merge(some: readonly PublicBid[], others: readonly PublicBid[]): PublicBid[] {
  const bySeq = new Map<number, PublicBid>();
  for (const bid of [...some, ...others]) bySeq.set(bid.seq, bid);
  return [...bySeq.values()].sort((a, b) => b.seq - a.seq);
}
