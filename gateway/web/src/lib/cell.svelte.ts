import type { LotChange, LotSnapshot } from "@vendue/client";

/** How long a move is shown, milliseconds: long enough to be seen from the corner of an eye. */
export const HIGHLIGHT_MS = 1_400;
export const EXTENDED_MS = 5_000;

/** What a server may leave out of a snapshot because it is empty. */
const EMPTY = {
  description: "",
  category: "",
  estimate: null,
  price: null,
  leader: null,
  bids: 0,
  reserve_met: null,
  buy_now: null,
  images: [],
  result: null,
  winners: [],
  soft_close: null,
  bidders: null,
  remaining: null,
  clock: null,
  next_price: null,
  next_at: null,
  buyers_premium: null,
  deposit: null,
} satisfies Partial<LotSnapshot>;

/** One lot as the pages show it: its newest snapshot, and what just happened to it. */
export class LotCell {
  snap = $state.raw<LotSnapshot>() as LotSnapshot;
  highlighted = $state(false);
  extended = $state(false);
  /** The lot's own channel tells its story: the market's summaries, which come later, must not turn it back. */
  followed = false;
  /** Bids that the market's news have told of. */
  private told: number;
  private highlightTimer: ReturnType<typeof setTimeout> | undefined;
  private extendedTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(snapshot: LotSnapshot) {
    this.snap = { ...EMPTY, ...snapshot };
    this.told = this.snap.bids;
  }

  /** Takes what changed. `loud` shows it as a move; a quiet change only corrects what is shown. */
  take(change: Partial<LotSnapshot>, loud: boolean): void {
    const before = this.snap;
    const after = { ...before, ...change };
    this.snap = after;
    if (!loud) return;
    if (after.ends_at > before.ends_at && before.state === "open") this.showExtended();
    if (after.price !== before.price) this.highlight();
  }

  /** Takes a line of the market's news. Returns true if it tells of a new bid. */
  hear(change: LotChange): boolean {
    const bids = change.bids ?? this.told;
    const bid = bids > this.told;
    this.told = bids;
    if (!this.followed) this.take(change, true);
    return bid;
  }

  private highlight(): void {
    this.highlighted = true;
    clearTimeout(this.highlightTimer);
    this.highlightTimer = setTimeout(() => (this.highlighted = false), HIGHLIGHT_MS);
  }

  private showExtended(): void {
    this.extended = true;
    clearTimeout(this.extendedTimer);
    this.extendedTimer = setTimeout(() => (this.extended = false), EXTENDED_MS);
  }
}

/** The states in which an end is still ahead. */
export function isRunning(lot: LotSnapshot): boolean {
  return lot.state === "open" || lot.state === "paused" || lot.state === "closing";
}
