import type { AuditRecord, PublicBid } from "@vendue/client";

/** Signs of abuse, worked out from what the market tells its operators. Pure: the page gathers, this judges. */

/** A bid taken back so long before the end, or later, is late (docs/rules.md, "Retraction"): milliseconds. */
const LATE_MS = 60 * 60 * 1000;
/** Bids taken back by one account from which on it is often. */
const OFTEN = 3;
/** Bids in turn of the same two from which on they are told. */
const IN_TURN = 6;

/** What is known of a lot. Instants in microseconds; bids the oldest first. */
export interface Seen {
  lot: string;
  title: string;
  ends_at: number | null;
  currency: string;
  price: number | null;
  bids: readonly PublicBid[];
}

export interface Sign {
  kind: "late" | "often" | "shield" | "same";
  /** Who: accounts, or names in the lot. */
  who: string[];
  lot: string | null;
  title: string;
  /** `late`: milliseconds before the end; `often`, `same`: how often. */
  count: number;
  /** `shield`: what the price fell from and to, minor units. */
  from: number | null;
  to: number | null;
  currency: string;
  at: number;
}

const RETRACTED = "bid_retracted";

export function signsOf(records: readonly AuditRecord[], lots: readonly Seen[]): Sign[] {
  const seen = new Map(lots.map((lot) => [lot.lot, lot]));
  const retracted = records.filter((record) => record.action === RETRACTED && record.by !== null);
  return [...retracted.flatMap((record) => ofRetraction(record, seen.get(record.target))), ...often(retracted), ...lots.flatMap(inTurn)];
}

function ofRetraction(record: AuditRecord, lot: Seen | undefined): Sign[] {
  if (!lot || record.by === null) return [];
  const base = { who: [record.by], lot: lot.lot, title: lot.title, currency: lot.currency, at: record.ts };
  const found: Sign[] = [];
  const before_ms = lot.ends_at === null ? Number.POSITIVE_INFINITY : (lot.ends_at - record.ts) / 1000;
  if (before_ms >= 0 && before_ms <= LATE_MS) found.push({ ...base, kind: "late", count: before_ms, from: null, to: null });
  const from = lot.bids.filter((bid) => bid.ts <= record.ts).at(-1)?.amount ?? null;
  const after = lot.bids.find((bid) => bid.ts > record.ts);
  const to = after ? (after.amount ?? null) : lot.price;
  if (from !== null && to !== null && to < from) found.push({ ...base, kind: "shield", count: 1, from, to });
  return found;
}

function often(retracted: readonly AuditRecord[]): Sign[] {
  const by = new Map<string, AuditRecord[]>();
  for (const record of retracted) if (record.by !== null) by.set(record.by, [...(by.get(record.by) ?? []), record]);
  return [...by].filter(([, all]) => all.length >= OFTEN).map(([who, all]): Sign => ({ kind: "often", who: [who], lot: null, title: "", count: all.length, from: null, to: null, currency: "", at: Math.max(...all.map((one) => one.ts)) }));
}

function inTurn(lot: Seen): Sign[] {
  const names = [...new Set(lot.bids.map((bid) => bid.alias))];
  const turns = lot.bids.filter((bid, at) => at === 0 || bid.alias !== lot.bids[at - 1]?.alias).length;
  if (names.length !== 2 || turns < IN_TURN || names.some((name) => name === null)) return [];
  return [{ kind: "same", who: names as string[], lot: lot.lot, title: lot.title, count: turns, from: null, to: null, currency: lot.currency, at: lot.bids.at(-1)?.ts ?? 0 }];
}
