import type { NewLot } from "@vendue/client";
import { t } from "../../texts/ops.js";
import { readCsv } from "./csv.js";
import { COLUMNS, readLot, REQUIRED, type Column, type Problem, type Row, type Setting } from "./newlot.js";

/** The most lots of one file. */
export const LINES_MAX = 20_000;

export interface Checked {
  good: { line: number; lot: NewLot }[];
  bad: (Problem & { line: number })[];
  /** Lines with at least one problem. */
  badLines: number;
}

/** Checks a whole file without sending anything: every problem of every line, by name. */
export function checkFile(text: string, setting: Setting): Checked {
  const words = t.import.problems;
  const [head, ...lines] = readCsv(text);
  const found: Checked = { good: [], bad: [], badLines: 0 };
  if (!head || lines.length === 0) return { ...found, bad: [{ line: 1, column: "", value: "", text: t.import.empty }], badLines: 1 };
  if (lines.length > LINES_MAX) return { ...found, bad: [{ line: 1, column: "", value: "", text: t.import.tooLarge(LINES_MAX) }], badLines: 1 };
  const names = head.cells.map((name) => name.toLowerCase().replace(/[\s-]+/g, "_"));
  names.forEach((name, at) => {
    if (!COLUMNS.includes(name as Column)) found.bad.push({ line: head.number, column: name, value: name, text: words.unknownColumn(nearest(name)) });
    else if (names.indexOf(name) !== at) found.bad.push({ line: head.number, column: name, value: name, text: words.twiceColumn });
  });
  for (const name of REQUIRED) if (!names.includes(name)) found.bad.push({ line: head.number, column: name, value: "", text: words.missingColumn });
  // Without right columns every line would be wrong for the same reason.
  if (found.bad.length > 0) return { ...found, badLines: 1 };
  const places = new Map<string, number>();
  for (const { number, cells } of lines) {
    const problems: Problem[] = [];
    if (cells.length > names.length) problems.push({ column: "", value: cells.slice(names.length).join(","), text: words.cells(cells.length, names.length) });
    const row: Row = Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ""]));
    const read = readLot(row, setting);
    problems.push(...read.problems);
    for (const [column, key] of [["ref", row.ref ?? ""], ["number", row.number ? `${row.sale} ${row.number}` : ""]] as const) {
      if (key === "") continue;
      const other = places.get(`${column} ${key}`);
      if (other === undefined) places.set(`${column} ${key}`, number);
      else problems.push({ column, value: row[column] ?? "", text: words.twice(other) });
    }
    if (problems.length > 0) {
      found.badLines += 1;
      found.bad.push(...problems.map((problem) => ({ ...problem, line: number })));
    } else if (read.lot) found.good.push({ line: number, lot: read.lot });
  }
  return found;
}

/** The column that a mistyped name is nearest to: at most two letters away. */
function nearest(name: string): string | null {
  const away = COLUMNS.map((known) => [known, distance(name, known)] as const).sort(([, one], [, other]) => one - other)[0];
  return away && away[1] <= 2 ? away[0] : null;
}

function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let at = 1; at <= one.length; at += 1) {
    const next = [at];
    for (let to = 1; to <= other.length; to += 1) next.push(Math.min((row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1, (row[to - 1] ?? 0) + (one[at - 1] === other[to - 1] ? 0 : 1)));
    row = next;
  }
  return row[other.length] ?? 0;
}

/** The key of a lot's creation: the same line of the same content is the same lot, however often it is imported. */
export async function keyOf(lot: NewLot): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(lot));
  const hash = crypto.subtle ? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)) : fallback(bytes);
  return `import-${[...hash.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Where a page is served without TLS from another machine the browser has no SHA-256: FNV-1a, four times with another start. */
function fallback(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(16);
  for (let lane = 0; lane < 4; lane += 1) {
    let hash = 0x811c9dc5 ^ (lane * 0x9e3779b1);
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    new DataView(out.buffer).setUint32(lane * 4, hash);
  }
  return out;
}

export const EXAMPLE = [
  "title,format,start_amount,reserve,opens_at,closes_at,category,ref,soft_close_min",
  '"Omega Seamaster 300, 1967",english,2200.00,4800.00,2027-01-15 10:00,2027-01-22 19:00,Watches,CAT-1,5',
  '"Oak chair, Danish",english,120.00,,2027-01-15 10:00,2027-01-22 19:05,Furniture,CAT-2,5',
].join("\r\n");
