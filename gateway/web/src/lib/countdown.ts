/** What is left of a time, in words short enough for a list. */
export interface Remaining {
  text: string;
  /** How pressing it is: `last` under ten seconds, `soon` under a minute, `calm` before. */
  urgency: "calm" | "soon" | "last" | "over";
}

const SECOND_US = 1_000_000;
const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;

/** Microseconds below which tenths are shown. */
export const TENTHS_BELOW_US = 10 * SECOND_US;

/** How long times are written, in the language of the pages; the hours' minutes come with two digits. */
export interface SpanWords {
  hours: (hours: number, minutes: string) => string;
  days: (days: number, hours: number) => string;
}

/** Rounds up to whole seconds, so that "0:01" still is a second in which a bid counts; tenths are cut, never rounded up. */
export function remaining(left_us: number, words: SpanWords): Remaining {
  if (left_us <= 0) return { text: "0.0", urgency: "over" };
  if (left_us < TENTHS_BELOW_US) return { text: (Math.floor(left_us / 100_000) / 10).toFixed(1), urgency: "last" };
  const seconds = Math.ceil(left_us / SECOND_US);
  if (seconds < HOUR_S) return { text: `${Math.floor(seconds / MINUTE_S)}:${String(seconds % MINUTE_S).padStart(2, "0")}`, urgency: seconds <= MINUTE_S ? "soon" : "calm" };
  const minutes = Math.floor(seconds / MINUTE_S);
  if (seconds < DAY_S) return { text: words.hours(Math.floor(minutes / 60), String(minutes % 60).padStart(2, "0")), urgency: "calm" };
  return { text: words.days(Math.floor(seconds / DAY_S), Math.floor((seconds % DAY_S) / HOUR_S)), urgency: "calm" };
}
