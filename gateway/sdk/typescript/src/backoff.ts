/** When to come back, in milliseconds. */
export interface BackoffOptions {
  /** Upper bound of the first wait. */
  base_ms: number;
  /** Upper bound of every wait: a server that returns should not wait long for its clients. */
  cap_ms: number;
  /** Least wait after a close code 41xx: the server asked for relief. */
  relief_ms: number;
}

export const DEFAULT_BACKOFF: BackoffOptions = { base_ms: 250, cap_ms: 15_000, relief_ms: 1_000 };

/** What a close code asks of the client (protocol, section 3). */
export type CloseAdvice = "never" | "back_off" | "at_once" | "retry";

export function adviceOfCode(code: number): CloseAdvice {
  if (code >= 4000 && code <= 4099) return "never";
  if (code >= 4100 && code <= 4199) return "back_off";
  if (code >= 4200 && code <= 4299) return "at_once";
  return "retry";
}

/**
 * Milliseconds until the next attempt, or null for never. `failures` counts the connections since the last one that
 * stayed up. Full jitter: any moment between nothing and the bound, so that a crowd does not come back together.
 */
export function reconnectDelay(code: number, failures: number, options: BackoffOptions, random: () => number): number | null {
  const advice = adviceOfCode(code);
  if (advice === "never") return null;
  // "At once" holds for the first time only: a server that keeps saying it must not be hammered.
  if (advice === "at_once" && failures === 0) return 0;
  const bound = Math.min(options.cap_ms, options.base_ms * 2 ** Math.min(failures, 16));
  const jittered = random() * bound;
  return advice === "back_off" ? Math.min(options.cap_ms, options.relief_ms + jittered) : jittered;
}
