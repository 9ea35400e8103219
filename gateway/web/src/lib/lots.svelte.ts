import type { LotChange, LotQuery, LotSnapshot } from "@vendue/client";
import { SvelteMap } from "svelte/reactivity";
import { isRunning, LotCell } from "./cell.svelte";
import { line } from "./connection.svelte";

/** Lots asked for at once. */
const PAGE = 60;

/** Lots that "Ending soon" shows. */
const SOON = 4;

/** Below this many known running lots the soonest are asked for again. */
const SOON_ASKED = 12;

/** Milliseconds to gather reasons before asking the server again. */
const REFRESH_MS = 800;

/** Lookups of lots nobody has loaded yet (for the activity strip) under way at once; more are let go. */
const LOOKUPS_MAX = 4;

/** Cells kept; the oldest that no list shows are let go beyond it, so that a page left open for days stays small. */
const CELLS_MAX = 5_000;

export interface Filters {
  query: string;
  state: string;
  format: string;
  sort: "ending" | "price" | "newest";
}

export const NO_FILTERS: Filters = { query: "", state: "open", format: "", sort: "ending" };

/** The lots of one market: a list by filters, page by page, and the ones that end first. */
export class Lots {
  readonly cells = new SvelteMap<string, LotCell>();
  /** Ids in the order the server gave. An order that changes under the reader's eye would be worse than one slightly old. */
  list = $state.raw<string[]>([]);
  cursor = $state<string | null>(null);
  status = $state<"loading" | "ready" | "failed">("loading");
  loadingMore = $state(false);
  filters = $state.raw<Filters>(NO_FILTERS);
  /** Lots listed since, that the list does not show yet. */
  unseen = $state(0);
  private soonIds = $state.raw<string[]>([]);
  private round = 0;
  private lookups = 0;
  private soonTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly market: string) {}

  /** The lots that end first, soonest first. */
  get soon(): LotCell[] {
    const cells = this.soonIds.map((id) => this.cells.get(id)).filter((cell): cell is LotCell => cell !== undefined && isRunning(cell.snap));
    return cells.sort((a, b) => a.snap.ends_at - b.snap.ends_at || (a.snap.lot < b.snap.lot ? -1 : 1)).slice(0, SOON);
  }

  async load(filters: Filters = this.filters): Promise<void> {
    this.filters = filters;
    const round = ++this.round;
    if (this.list.length === 0) this.status = "loading";
    try {
      const page = await line.client.lot.list(this.query());
      if (round !== this.round) return;
      this.adopt(page.lots, false);
      this.list = page.lots.map((lot) => lot.lot);
      this.cursor = page.cursor;
      this.status = "ready";
      this.unseen = 0;
      this.trim();
    } catch {
      if (round === this.round) this.status = "failed";
    }
  }

  async more(): Promise<void> {
    if (this.cursor === null || this.loadingMore) return;
    const round = this.round;
    this.loadingMore = true;
    try {
      const page = await line.client.lot.list({ ...this.query(), cursor: this.cursor });
      if (round !== this.round) return;
      this.adopt(page.lots, false);
      const known = new Set(this.list);
      this.list = [...this.list, ...page.lots.map((lot) => lot.lot).filter((id) => !known.has(id))];
      this.cursor = page.cursor;
    } catch {
      // The button stays; a person or the next scroll asks again.
    } finally {
      this.loadingMore = false;
    }
  }

  /** Asks anew for everything that is shown, without touching order or place: after a gap that came as a snapshot. */
  async refresh(): Promise<void> {
    this.refreshSoon();
    const round = this.round;
    let cursor: string | null | undefined;
    try {
      for (let seen = 0; seen < this.list.length && cursor !== null; seen += PAGE) {
        const page: { lots: LotSnapshot[]; cursor: string | null } = await line.client.lot.list({ ...this.query(), ...(cursor ? { cursor } : {}) });
        if (round !== this.round) return;
        this.adopt(page.lots, true);
        cursor = page.cursor;
      }
    } catch {
      return;
    }
    if (this.list.length === 0) return this.load();
    // What is shown but no longer matches (it has closed meanwhile) is looked up one by one.
    for (const id of this.list) if (this.stale(id)) this.lookup(id);
  }

  refreshSoon(): void {
    clearTimeout(this.soonTimer);
    this.soonTimer = setTimeout(() => void this.askSoon(), this.soonIds.length === 0 ? 0 : REFRESH_MS);
  }

  /** Takes one line of `lots_changed`. Returns the cell if a bid was among it. */
  change(change: LotChange): LotCell | null {
    const cell = this.cells.get(change.lot);
    if (!cell) {
      this.lookup(change.lot);
      return null;
    }
    return cell.hear(change) ? cell : null;
  }

  closed(data: { lot: string } & Partial<LotSnapshot>): void {
    this.cells.get(data.lot)?.take({ state: "closed", ...data }, true);
    this.refreshSoon();
  }

  listed(lot: string): void {
    if (!this.cells.has(lot)) this.unseen += 1;
    this.refreshSoon();
  }

  /** Loads a lot that nobody has loaded. */
  need(lot: string): void {
    if (!this.cells.has(lot)) this.lookup(lot);
  }

  /** The lot's cell, where it is known. */
  cell(lot: string): LotCell | undefined {
    return this.cells.get(lot);
  }

  adopt(lots: readonly LotSnapshot[], loud: boolean): void {
    for (const lot of lots) {
      const cell = this.cells.get(lot.lot);
      if (cell?.followed) continue;
      if (cell) cell.take(lot, loud);
      else this.cells.set(lot.lot, new LotCell(lot));
    }
  }

  private query(): LotQuery {
    const { query, state, format, sort } = this.filters;
    return { market: this.market, sort, limit: PAGE, ...(state ? { state } : {}), ...(format ? { format } : {}), ...(query.trim() ? { query: query.trim() } : {}) };
  }

  private async askSoon(): Promise<void> {
    try {
      const { lots } = await line.client.lot.list({ market: this.market, state: "open", sort: "ending", limit: SOON_ASKED });
      this.adopt(lots, true);
      this.soonIds = lots.map((lot) => lot.lot);
    } catch {
      // The next event asks again.
    }
  }

  private stale(id: string): boolean {
    const cell = this.cells.get(id);
    return cell !== undefined && cell.snap.state === "open" && cell.snap.ends_at < line.client.now();
  }

  private lookup(lot: string): void {
    if (this.lookups >= LOOKUPS_MAX) return;
    this.lookups += 1;
    line.client.lot
      .get({ lot })
      .then((snapshot) => this.adopt([snapshot], true))
      .catch(() => undefined)
      .finally(() => (this.lookups -= 1));
  }

  private trim(): void {
    if (this.cells.size <= CELLS_MAX) return;
    const shown = new Set([...this.list, ...this.soonIds]);
    for (const id of this.cells.keys()) {
      if (this.cells.size <= CELLS_MAX) return;
      if (!shown.has(id)) this.cells.delete(id);
    }
  }
}
