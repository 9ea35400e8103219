import { exponentOf } from "./money.js";

/**
 * The default increment table (RULES, Lots: eBay's), in major units: below the first number, the second. It is only used
 * to propose round steps; what the lot accepts is its own `min_next_amount`.
 */
const TABLE: readonly [below: number, step: number][] = [
  [1, 0.05],
  [5, 0.25],
  [25, 0.5],
  [100, 1],
  [250, 2.5],
  [500, 5],
  [1_000, 10],
  [2_500, 25],
  [5_000, 50],
  [Infinity, 100],
];

/** The usual step at a price, minor units. */
export function stepAt(price: number, currency: string): number {
  const unit = 10 ** exponentOf(currency);
  const major = price / unit;
  const step = TABLE.find(([below]) => major < below)?.[1] ?? 100;
  return Math.max(1, Math.round(step * unit));
}

/** The same for a tender: the most that counts, then steps below it. Descending, minor units. */
export function quickStepsDown(maximum: number, currency: string): number[] {
  const step = stepAt(maximum, currency);
  const steps = [maximum, maximum - 2 * step, maximum - 5 * step, maximum - 10 * step];
  return [...new Set(steps)].filter((amount) => amount > 0);
}

/** Amounts to offer as one tap: the least that counts, then two, five and ten steps above. Ascending, minor units. */
export function quickSteps(minimum: number, currency: string): number[] {
  const step = stepAt(minimum, currency);
  const steps = [minimum, minimum + 2 * step, minimum + 5 * step, minimum + 10 * step];
  return [...new Set(steps)].filter((amount) => amount <= Number.MAX_SAFE_INTEGER);
}
