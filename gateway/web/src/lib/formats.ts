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
  /** The price rises by the clock; one stays, or is out for good. */
  rises: boolean;
  /** Bids are for packages of the lot's items. */
  packages: boolean;
  /** What one names is a secret maximum. */
  proxy: boolean;
}

export function mannerOf(lot: LotSnapshot): Manner {
  const { format } = lot;
  return {
    sealed: lot.sealed === true || format === "sealed_first_price" || format === "vickrey" || format === "combinatorial",
    lowest: format === "reverse",
    units: format === "multi_unit",
    clock: format === "dutch",
    rises: format === "japanese",
    packages: format === "combinatorial",
    proxy: (format === "english" || format === "candle") && lot.proxy !== false,
  };
}

/** The price of one unit, or of the lot where it has one; null where nobody may see it. */
export function shownPrice(lot: LotSnapshot): number | null {
  return mannerOf(lot).sealed && lot.state !== "closed" ? null : lot.price;
}
