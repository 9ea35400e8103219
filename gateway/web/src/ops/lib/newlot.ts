import type { NewLot } from "@vendue/client";
import { parseAmount } from "../../lib/money.js";
import { t } from "../../texts/ops.js";

/** A lot as a person or a spreadsheet writes it: text by column. The same rules for the form and for a file. */

/** Formats, and what each needs or does not have. */
export const FORMATS = ["english", "dutch", "sealed_first_price", "vickrey", "multi_unit", "reverse", "japanese", "candle", "combinatorial"] as const;
export type FormatName = (typeof FORMATS)[number];

export const COLUMNS = ["title", "format", "start_amount", "reserve", "buy_now", "quantity", "opens_at", "closes_at", "category", "description", "ref", "sale", "number", "estimate_low", "estimate_high", "deposit", "soft_close_min", "step", "floor", "interval_s", "candle_min", "seller"] as const;
export type Column = (typeof COLUMNS)[number];
export const REQUIRED: readonly Column[] = ["title", "start_amount"];

/** The most characters of texts (docs/rules.md). */
const LENGTHS: Partial<Record<Column, number>> = { title: 200, description: 10_000, category: 100, ref: 100 };
const AMOUNTS: readonly Column[] = ["start_amount", "reserve", "buy_now", "estimate_low", "estimate_high", "deposit", "step", "floor"];
const NUMBERS: readonly Column[] = ["quantity", "number", "interval_s", "candle_min"];
const INSTANTS: readonly Column[] = ["opens_at", "closes_at"];
const SEVERAL: readonly FormatName[] = ["dutch", "multi_unit", "japanese"];

export interface Problem {
  column: Column | string;
  value: string;
  text: string;
}

/** What a row has to fit: the market's currency, the sales that there are, and now in microseconds. */
export interface Setting {
  market: string;
  currency: string;
  sales: ReadonlySet<string>;
  now: number;
}

export type Row = Partial<Record<Column, string>>;

/** Reads an instant: with a zone as it stands, without one in the browser's. Microseconds, or null. */
export function readInstant(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)) return null;
  const at = new Date(text.length === 10 ? `${text}T00:00` : text.replace(" ", "T")).getTime();
  return Number.isFinite(at) ? at * 1000 : null;
}

/** Checks a row and makes the lot of it. With any problem there is no lot. */
export function readLot(row: Row, setting: Setting): { lot: NewLot | null; problems: Problem[] } {
  const problems: Problem[] = [];
  const words = t.import.problems;
  const text = (column: Column): string => (row[column] ?? "").trim();
  const wrong = (column: Column, why: string): undefined => void problems.push({ column, value: text(column), text: why });
  for (const column of REQUIRED) if (text(column) === "") wrong(column, words.empty);
  for (const [column, most] of Object.entries(LENGTHS) as [Column, number][]) if ([...text(column)].length > most) wrong(column, words.tooLong(most));
  const format = (text("format") || "english") as FormatName;
  if (!FORMATS.includes(format)) wrong("format", words.format(FORMATS.join(", ")));

  const amounts = new Map<Column, number>();
  for (const column of AMOUNTS) {
    if (text(column) === "") continue;
    const amount = parseAmount(text(column), setting.currency);
    if (amount === null) wrong(column, words.amount(setting.currency));
    else if (amount === 0 && column !== "floor") wrong(column, words.zero);
    else amounts.set(column, amount);
  }
  const numbers = new Map<Column, number>();
  for (const column of NUMBERS) {
    if (text(column) === "") continue;
    if (/^[1-9]\d{0,11}$/.test(text(column))) numbers.set(column, Number(text(column)));
    else wrong(column, words.integer);
  }
  const instants = new Map<Column, number>();
  for (const column of INSTANTS) {
    if (text(column) === "") continue;
    const at = readInstant(text(column));
    if (at === null) wrong(column, words.instant);
    else if (at < setting.now && column === "closes_at") wrong(column, words.past);
    else instants.set(column, at);
  }
  const soft = text("soft_close_min");
  if (soft !== "" && !/^\d{1,4}$/.test(soft)) wrong("soft_close_min", words.integer);
  together({ text, wrong, format, amounts, numbers, instants, setting });
  return { lot: problems.length > 0 ? null : build(text, format, amounts, numbers, instants, setting), problems };
}

interface Parts {
  text: (column: Column) => string;
  wrong: (column: Column, why: string) => undefined;
  format: FormatName;
  amounts: ReadonlyMap<Column, number>;
  numbers: ReadonlyMap<Column, number>;
  instants: ReadonlyMap<Column, number>;
  setting: Setting;
}

/** What only several columns together show. */
function together({ text, wrong, format, amounts, numbers, instants, setting }: Parts): void {
  const words = t.import.problems;
  const [start, opens, closes] = [amounts.get("start_amount"), instants.get("opens_at"), instants.get("closes_at")];
  if (opens !== undefined && closes !== undefined && closes <= opens) wrong("closes_at", words.order);
  const [low, high] = [amounts.get("estimate_low"), amounts.get("estimate_high")];
  if (low !== undefined && high !== undefined && high < low) wrong("estimate_high", words.estimate);
  if ((low === undefined) !== (high === undefined)) wrong(low === undefined ? "estimate_low" : "estimate_high", words.empty);
  if (format === "english" && start !== undefined) {
    for (const column of ["reserve", "buy_now"] as const) if ((amounts.get(column) ?? start) < start) wrong(column, words.below);
  }
  if ((numbers.get("quantity") ?? 1) > 1 && !SEVERAL.includes(format)) wrong("quantity", words.notFor(format));
  if (format === "dutch") {
    for (const column of ["step", "interval_s"] as const) if (text(column) === "") wrong(column, words.needs(format));
  } else if (text("step") !== "" && format !== "japanese") wrong("step", words.notFor(format));
  if (format === "japanese") for (const column of ["step", "interval_s"] as const) if (text(column) === "") wrong(column, words.needs(format));
  if (format === "candle" && text("candle_min") === "") wrong("candle_min", words.needs(format));
  if (format !== "candle" && text("candle_min") !== "") wrong("candle_min", words.notFor(format));
  if (!["dutch", "japanese"].includes(format) && text("sale") === "" && opens !== undefined && closes === undefined) wrong("closes_at", words.needs(format));
  if (text("sale") !== "" && !setting.sales.has(text("sale"))) wrong("sale", words.sale);
  if (text("number") !== "" && text("sale") === "") wrong("number", words.numberNeedsSale);
}

function build(text: (column: Column) => string, format: FormatName, amounts: ReadonlyMap<Column, number>, numbers: ReadonlyMap<Column, number>, instants: ReadonlyMap<Column, number>, setting: Setting): NewLot {
  const start = amounts.get("start_amount") ?? 0;
  const lot: NewLot = { market: setting.market, title: text("title"), format: format as NewLot["format"], start_amount: start };
  for (const column of ["category", "description", "ref", "sale", "seller"] as const) if (text(column) !== "") lot[column] = text(column);
  const take = (from: ReadonlyMap<Column, number>, ...columns: Column[]): void => columns.forEach((column) => from.has(column) && Object.assign(lot, { [column]: from.get(column) }));
  take(amounts, "reserve", "buy_now", "deposit");
  take(numbers, "quantity", "number");
  take(instants, ...INSTANTS);
  if (amounts.has("deposit")) lot.funding = "deposit";
  const [low, high] = [amounts.get("estimate_low"), amounts.get("estimate_high")];
  if (low !== undefined && high !== undefined) lot.estimate = [low, high];
  const soft = Number(text("soft_close_min") || 0) * 60_000;
  if (soft > 0) lot.soft_close = { window_ms: soft, extend_ms: soft };
  if (numbers.has("candle_min")) lot.candle_ms = (numbers.get("candle_min") ?? 0) * 60_000;
  const [step, interval] = [amounts.get("step"), numbers.get("interval_s")];
  if (step !== undefined && interval !== undefined) {
    lot.clock = { start, step, interval_ms: interval * 1000, ...(amounts.has("floor") ? { floor: amounts.get("floor") } : {}) } as NonNullable<NewLot["clock"]>;
  }
  return lot;
}
