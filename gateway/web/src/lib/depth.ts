import type { BookLevel } from "@vendue/client";

/** A depth chart's two areas as paths of a 0..width by 0..height drawing, and the scales beside them. */
export interface Depth {
  bids: string;
  asks: string;
  /** Prices at the left and right edge, minor units. */
  from: number;
  to: number;
  /** Units on each side at the prices shown. */
  bidUnits: number;
  askUnits: number;
}

/**
 * Cumulative units by price, the best price of each side in the middle. Both sides reach equally far from it, so that
 * one sees which side is deeper. Null where nobody bids or asks. Levels come best first, as in a snapshot.
 */
export function depthOf(bids: readonly BookLevel[], asks: readonly BookLevel[], width: number, height: number): Depth | null {
  const bestBid = bids[0]?.[0];
  const bestAsk = asks[0]?.[0];
  if (bestBid === undefined && bestAsk === undefined) return null;
  const middle = ((bestBid ?? bestAsk ?? 0) + (bestAsk ?? bestBid ?? 0)) / 2;
  const reach = Math.max(1, ...[...bids, ...asks].map(([price]) => Math.abs(price - middle)));
  const units = (levels: readonly BookLevel[]): number => levels.reduce((sum, [, quantity]) => sum + quantity, 0);
  const most = Math.max(1, units(bids), units(asks));
  const x = (price: number): string => (((price - middle + reach) / (2 * reach)) * width).toFixed(1);
  const y = (sum: number): string => (height - (sum / most) * height).toFixed(1);
  const area = (levels: readonly BookLevel[], edge: number): string => {
    const [first] = levels;
    if (!first) return "";
    let sum = 0;
    let path = `M${x(first[0])} ${height}`;
    for (const [price, quantity] of levels) {
      path += `H${x(price)}`;
      sum += quantity;
      path += `V${y(sum)}`;
    }
    return `${path}H${edge}V${height}Z`;
  };
  return { bids: area(bids, 0), asks: area(asks, width), from: middle - reach, to: middle + reach, bidUnits: units(bids), askUnits: units(asks) };
}
