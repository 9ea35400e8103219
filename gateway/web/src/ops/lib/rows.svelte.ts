import { VendueError } from "@vendue/client";
import { t } from "../../texts/ops";
import { problemWords } from "./words";

/** One page of a list, as the server gives it. */
export interface Page<T> {
  rows: T[];
  cursor: string | null;
}

export type Fetch<T> = (cursor: string | null, limit: number) => Promise<Page<T>>;

/** Rows of one page. */
export const PAGE = 100;
/** The most rows that an export asks for. */
export const EXPORT_MAX = 20_000;
/** The most rows that are asked for anew when something has changed: the server's largest page. */
const REFRESH_MAX = 500;
/** Milliseconds between two quiet refreshes. */
const REFRESH_MS = 1_000;

/** A list that is read page by page, and refreshed without a flicker while it is looked at. */
export class Rows<T> {
  items = $state.raw<T[]>([]);
  state = $state<"loading" | "ready" | "failed">("loading");
  problem = $state("");
  cursor = $state<string | null>(null);
  busy = $state(false);
  private round = 0;
  private refreshedAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private fetch: Fetch<T>) {}

  /** Begins anew, with another filter say. */
  async load(fetch: Fetch<T> = this.fetch): Promise<void> {
    this.fetch = fetch;
    await this.read(PAGE, true);
  }

  /** The next page. */
  async more(): Promise<void> {
    if (this.cursor === null || this.busy) return;
    this.busy = true;
    const round = this.round;
    try {
      const { rows, cursor } = await this.fetch(this.cursor, PAGE);
      if (round === this.round) [this.items, this.cursor] = [[...this.items, ...rows], cursor];
    } catch (error) {
      if (round === this.round) this.fail(error);
    }
    this.busy = false;
  }

  /** Asks again for what is shown, soon: many changes at once are one question. */
  refreshSoon(): void {
    if (this.timer !== undefined || this.state === "loading") return;
    const wait = Math.max(50, this.refreshedAt + REFRESH_MS - Date.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.items.length <= REFRESH_MAX && document.visibilityState === "visible") void this.read(Math.max(PAGE, this.items.length), false);
    }, wait);
  }

  close(): void {
    this.round += 1;
    clearTimeout(this.timer);
  }

  /** Everything that the list has, for an export. */
  async all(most = EXPORT_MAX): Promise<T[]> {
    const found: T[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<T> = await this.fetch(cursor, REFRESH_MAX);
      found.push(...page.rows);
      cursor = page.cursor;
    } while (cursor !== null && found.length < most);
    return found.slice(0, most);
  }

  private async read(limit: number, loud: boolean): Promise<void> {
    const round = ++this.round;
    this.refreshedAt = Date.now();
    if (loud) [this.state, this.items, this.cursor] = ["loading", [], null];
    try {
      const { rows, cursor } = await this.fetch(null, limit);
      if (round !== this.round) return;
      [this.items, this.cursor, this.state] = [rows, cursor, "ready"];
    } catch (error) {
      // What is shown stays: it was right a moment ago.
      if (round === this.round && (loud || this.items.length === 0)) this.fail(error);
    }
  }

  private fail(error: unknown): void {
    this.state = "failed";
    this.problem = error instanceof VendueError ? problemWords(error) : t.broken;
  }
}
