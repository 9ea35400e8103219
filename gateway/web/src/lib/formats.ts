import type { LotSnapshot } from "@vendue/client";

/** What a way of selling asks of the pages. */
export interface Manner {
  /** Nobody sees bids before the end. */
  sealed: boolean;
  /** The lowest offer wins. */
  lowest: boolean;
  /** Bids name a quantity and the price of one unit. */
  units: boolean;
  /** The price falls by the clock; one takes, one does not bid. */
  clock: boolean;
  /** What one names is a secret maximum. */
  proxy: boolean;
}

export function mannerOf(lot: LotSnapshot): Manner {
  const { format } = lot;
  return {
    sealed: lot.sealed === true || format === "sealed_first_price" || format === "vickrey",
    lowest: format === "reverse",
    units: format === "multi_unit",
    clock: format === "dutch",
    proxy: format === "english" && lot.proxy !== false,
  };
}

/** The price of one unit, or of the lot where it has one; null where nobody may see it. */
export function shownPrice(lot: LotSnapshot): number | null {
  return mannerOf(lot).sealed && lot.state !== "closed" ? null : lot.price;
}
