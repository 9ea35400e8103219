import type { VendueError } from "@vendue/client";
import { formatAmount } from "../../lib/money";
import { t } from "../../texts/ops";

/** "1,050.00 EUR", or a dash. */
export function money(amount: number | null | undefined, currency: string): string {
  return typeof amount === "number" ? `${formatAmount(amount, currency)} ${currency}` : "–";
}

/** "23 Nov 14:05:09", always with the day: a log is read on another day, too. */
export function instant(micros: number | null | undefined): string {
  if (typeof micros !== "number") return "–";
  const at = new Date(micros / 1000);
  const day = at.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  return `${day} ${at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" })}`;
}

/** "4:12", "2 h 05 min": a length of time in milliseconds. */
export function length(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (number: number): string => String(number).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** Milliseconds with as many digits as they deserve. */
export function milliseconds(ms: number | null): string {
  if (ms === null) return "–";
  if (!Number.isFinite(ms)) return t.vitals.beyond;
  return ms < 1 ? `${ms.toFixed(2)} ms` : ms < 100 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** A rate or count, short: "12.3", "4,210". */
export function count(value: number | null | undefined): string {
  if (typeof value !== "number") return "–";
  return value < 100 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value).toLocaleString("en");
}

/** "acc_6MH5…7H0G": enough to tell ids apart in a table. */
export function shortId(id: string): string {
  return id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id;
}

/** An error as an operator needs it: what, why, what to do, and what it means for what was sent. */
export function problemWords(error: VendueError): string {
  const words = t.errors[error.code] ?? t.errorOther(error.code, error.message);
  const details = Object.entries(error.details).filter(([, value]) => value !== null && typeof value !== "object");
  const said = details.length > 0 ? ` (${details.map(([name, value]) => `${name}: ${String(value)}`).join(", ")})` : "";
  return error.outcome === "unknown" ? `${words}${said} ${t.outcomeUnknown}` : `${words}${said}`;
}
