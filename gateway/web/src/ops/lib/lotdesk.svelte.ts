import { VendueError, type AuditRecord, type LotSnapshot, type PublicBid, type Subscription } from "@vendue/client";
import { line } from "../../lib/connection.svelte";
import { problemWords } from "./words";

/** Public bids that are read, the newest. */
const BIDS_MAX = 2_000;
const BIDS_PAGE = 500;
/** Lines of the market's audit log that are looked through for the lot's. */
const AUDIT_MAX = 500;
/** Milliseconds between two questions for what has happened; on a lot with many bids, whose story is long to draw. */
const AGAIN_MS = 1_000;
const AGAIN_BUSY_MS = 3_000;
/** Bids from which on a lot is busy. */
const BUSY = 300;

/** One line of a lot's story. */
export type Story = { at: number; kind: "bid"; bid: PublicBid; nth: number } | { at: number; kind: "deed"; record: AuditRecord };

/** One lot as its operator works on it: the live snapshot, all public bids, and what was done to it. */
export class LotBench {
  snap = $state.raw<LotSnapshot | null>(null);
  /** The oldest first. */
  bids = $state.raw<PublicBid[]>([]);
  deeds = $state.raw<AuditRecord[]>([]);
  cut = $state(false);
  problem = $state("");
  private readonly feed: Subscription<`lot:${string}`>;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking = false;
  private asked = false;
  private open = true;

  constructor(private readonly lot: string) {
    this.feed = line.client.subscribe(`lot:${lot}`);
    this.feed.on("state", (state) => {
      this.snap = state;
      this.askSoon();
    });
    this.feed.on("error", (error) => (this.problem = problemWords(error)));
    this.askSoon();
  }

  /** The newest first. */
  readonly story: Story[] = $derived.by(() => {
    const bids = this.bids.map((bid, at): Story => ({ at: bid.ts, kind: "bid", bid, nth: at + 1 }));
    const deeds = this.deeds.map((record): Story => ({ at: record.ts, kind: "deed", record }));
    return [...bids, ...deeds].sort((one, other) => other.at - one.at);
  });

  /** The names of those who have bid, in the order of their first bids. */
  readonly aliases: string[] = $derived([...new Set(this.bids.map((bid) => bid.alias).filter((alias): alias is string => alias !== null))]);

  close(): void {
    this.open = false;
    clearTimeout(this.timer);
    this.feed.close();
  }

  askSoon(): void {
    this.asked = true;
    if (this.timer !== undefined || this.asking) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.ask();
    }, this.bids.length === 0 && this.deeds.length === 0 ? 0 : this.bids.length < BUSY ? AGAIN_MS : AGAIN_BUSY_MS);
  }

  private async ask(): Promise<void> {
    this.asking = true;
    this.asked = false;
    try {
      await this.readBids();
      const market = this.snap?.market;
      if (market) {
        const { records } = (await line.client.request("audit.list", { market, limit: AUDIT_MAX })) as { records: AuditRecord[] };
        this.deeds = records.filter((record) => record.target === this.lot);
      }
    } catch (error) {
      // The live state is still shown; the next event asks again.
      if (!(error instanceof VendueError)) throw error;
      this.asked ||= error.temporary;
    }
    this.asking = false;
    if (this.asked && this.open) this.askSoon();
  }

  /** Reads back to what is known already. */
  private async readBids(): Promise<void> {
    const newest = this.bids.at(-1)?.seq ?? -1;
    const found: PublicBid[] = [];
    let cursor: string | null = null;
    do {
      const page: { bids: PublicBid[]; cursor: string | null } = await line.client.lot.bids({ lot: this.lot, limit: BIDS_PAGE, ...(cursor === null ? {} : { cursor }) });
      found.push(...page.bids.filter((bid) => bid.seq > newest));
      cursor = page.bids.some((bid) => bid.seq <= newest) ? null : page.cursor;
    } while (cursor !== null && found.length < BIDS_MAX);
    if (found.length === 0) return;
    this.cut ||= cursor !== null;
    this.bids = [...this.bids, ...found.reverse()].slice(-BIDS_MAX);
  }
}
