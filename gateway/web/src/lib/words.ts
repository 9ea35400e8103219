import type { LotSnapshot, VendueError } from "@vendue/client";
import { locale, t } from "../texts";
import { mannerOf } from "./formats";
import { formatAmount } from "./money";

/** "bidder-7" is "Bidder 7" for a person; other aliases stay as they are. */
export function aliasWords(alias: string): string {
  const number = /^bidder-(.+)$/.exec(alias)?.[1];
  return number ? t.lot.bidder(number) : alias;
}

export function amountWords(amount: number, currency: string): string {
  return formatAmount(amount, currency);
}

/** How lively a lot is, in few words; empty where there is nothing to tell. */
export function bidsWords(lot: LotSnapshot): string {
  const { sealed, clock, rises } = mannerOf(lot);
  if (clock) return lot.quantity !== undefined && lot.quantity > 1 ? t.lot.remaining(lot.remaining ?? 0, lot.quantity) : "";
  if (sealed || rises) return "";
  return lot.bids > 0 ? t.lot.bids(lot.bids) : "";
}

/** How far the server's clock may be from the one shown: half of the fastest round trip. Empty before the first. */
export function clockErrorWords(rtt_us: number | null): string {
  return rtt_us === null ? "" : t.clockError(`±${(rtt_us / 2000).toFixed(1)} ms`);
}

/** How long ago, roughly, from milliseconds. */
export function ageWords(age_ms: number): string {
  const seconds = Math.max(0, Math.round(age_ms / 1000));
  if (seconds < 60) return t.ago.seconds(seconds);
  if (seconds < 3600) return t.ago.minutes(Math.floor(seconds / 60));
  return t.ago.hours(Math.floor(seconds / 3600));
}

export function durationWords(ms: number): string {
  return ageWords(ms);
}

/** The time of day of a server's instant, with the day if it is another one. */
export function instantWords(micros: number, now_us: number): string {
  const at = new Date(micros / 1000);
  const today = at.toDateString() === new Date(now_us / 1000).toDateString();
  const time: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return at.toLocaleString(locale, today ? time : { ...time, second: undefined, day: "numeric", month: "short" } as Intl.DateTimeFormatOptions);
}

/** An error in words for a person. */
export function errorWords(error: VendueError, currency: string): string {
  const late = error.details.late_by_us;
  if (typeof late === "number") return t.tooLate(late < 10_000 ? `${(late / 1000).toFixed(1)} ms` : `${(late / 1e6).toFixed(2)} s`);
  const words = t.errors[error.code] ?? t.errorOther(error.message);
  const { min_next_amount: least, max_next_amount: most, needed, available } = error.details;
  if (typeof least === "number") return `${words} ${t.bid.below(amountWords(least, currency))}`;
  if (typeof most === "number") return `${words} ${t.bid.above(amountWords(most, currency))}`;
  if (typeof needed === "number" && typeof available === "number") return `${words} ${t.bid.funds(amountWords(needed, currency), amountWords(available, currency))}`;
  return words;
}
