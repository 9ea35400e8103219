import type { FeeTable } from "@vendue/client";

const WHOLE_PPM = 1_000_000n;

/**
 * The fee on an amount, minor units: each band's rate applies to the part of the amount that lies in it; fractions are
 * rounded once, over all bands. The same sum as the server's, so that what is shown is what will be charged.
 */
export function feeOn(table: FeeTable | null | undefined, amount: number): number {
  if (!table) return 0;
  const whole = BigInt(amount);
  let millionths = 0n;
  table.bands.forEach(([begins, ppm], place) => {
    const next = table.bands[place + 1]?.[0];
    const end = next === undefined || BigInt(next) > whole ? whole : BigInt(next);
    const part = end - BigInt(begins);
    if (part > 0n) millionths += part * BigInt(ppm);
  });
  const units = millionths / WHOLE_PPM;
  const rest = millionths % WHOLE_PPM;
  const up = {
    half_up: rest * 2n >= WHOLE_PPM,
    half_even: rest * 2n > WHOLE_PPM || (rest * 2n === WHOLE_PPM && units % 2n === 1n),
    up: rest > 0n,
    down: false,
  }[table.rounding ?? "half_up"];
  return Number(units + (up ? 1n : 0n)) + (table.fixed ?? 0);
}
