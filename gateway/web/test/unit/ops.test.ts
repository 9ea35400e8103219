import assert from "node:assert/strict";
import { test } from "node:test";
import { engineSigns } from "../../src/ops/lib/engine.js";
import { readCsv, writeCsv } from "../../src/ops/lib/csv.js";
import { checkFile, keyOf } from "../../src/ops/lib/lotfile.js";
import { readLot } from "../../src/ops/lib/newlot.js";
import { percentile, rate, readMetrics } from "../../src/ops/lib/prometheus.js";
import { signsOf, type Seen } from "../../src/ops/lib/signs.js";

const NOW = Date.UTC(2026, 10, 23) * 1000;
const setting = { market: "mkt_1", currency: "EUR", sales: new Set(["sal_1"]), now: NOW };

/** Metrics of an engine whose appends took at most 1 ms or 1 s, so many of each. */
function engineAt(at: number, fast: number, slow: number, more: Record<string, number> = {}) {
  const values = { journal_position: 7, journal_records_total: fast + slow, ...more };
  const lines = Object.entries(values).map(([name, value]) => `vendue_engine_${name} ${value}`);
  const bucket = (le: string, count: number): string => `vendue_engine_journal_append_duration_seconds_bucket{le="${le}"} ${count}`;
  return readMetrics([...lines, bucket("0.001", fast), bucket("1", fast + slow), bucket("+Inf", fast + slow)].join("\n"), at);
}

test("an engine's signs are those of the time between, and what is broken is never overlooked", () => {
  const quiet = engineSigns(undefined, engineAt(0, 5, 5));
  assert.deepEqual([quiet?.broken, quiet?.stalled, quiet?.append_p99_ms, quiet?.records], [0, null, null, null]);
  const after = engineSigns(engineAt(0, 1000, 50), engineAt(2000, 1099, 51));
  assert.deepEqual([after?.append_p99_ms, after?.records], [1, 50]);
  assert.equal(engineSigns(engineAt(0, 0, 0), engineAt(1000, 90, 10))?.append_p99_ms, 1000);
  for (const name of ["invariant_violations_total", "effects_declined_total", "panics_total"]) assert.equal(engineSigns(undefined, engineAt(0, 1, 0, { [name]: 3 }))?.broken, 3, name);
  assert.equal(engineSigns(undefined, engineAt(0, 1, 0, { journal_stalled_seconds: 0.1 }))?.stalled, null);
  assert.equal(engineSigns(undefined, engineAt(0, 1, 0, { journal_stalled_seconds: 1.9 }))?.stalled, 1.9);
  assert.equal(engineSigns(undefined, readMetrics("vendue_gateway_connections 1", 0)), null, "it is away");
});

test("CSV is read as spreadsheets write it", () => {
  const cases: [string, string[][]][] = [
    ["a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]],
    ['a;b\n"x;y";"say ""hi"""\n', [["a", "b"], ["x;y", 'say "hi"']]],
    ['\uFEFFa\tb\n"two\nlines"\t2', [["a", "b"], ["two\nlines", "2"]]],
    ["a,b\n\n,\n1,", [["a", "b"], ["1", ""]]],
  ];
  for (const [text, expected] of cases) assert.deepEqual(readCsv(text).map(({ cells }) => cells), expected, JSON.stringify(text));
  assert.deepEqual(readCsv('a\n"x\ny"\nz').map(({ number }) => number), [1, 2, 4], "lines are those of the file");
});

test("what a stranger wrote is no formula in a spreadsheet", () => {
  assert.equal(writeCsv(["a"], [["=1+1"], ["-5"], [-5], ['x"y'], [null]]), "a\r\n'=1+1\r\n'-5\r\n-5\r\n\"x\"\"y\"\r\n\r\n");
});

test("each bad cell of a lot is named, and only those", () => {
  const good = { title: "Chair", format: "english", start_amount: "1,050.50", closes_at: "2026-12-01T18:00:00Z" };
  assert.deepEqual(readLot(good, setting), { lot: { market: "mkt_1", title: "Chair", format: "english", start_amount: 105_050, closes_at: Date.UTC(2026, 11, 1, 18) * 1000 }, problems: [] });
  const cases: [Record<string, string>, string[]][] = [
    [{ title: "" }, ["title"]],
    [{ title: "x".repeat(201) }, ["title"]],
    [{ start_amount: "ten" }, ["start_amount"]],
    [{ start_amount: "0" }, ["start_amount"]],
    [{ start_amount: "10.005" }, ["start_amount"]],
    [{ format: "franconian" }, ["format"]],
    [{ reserve: "10" }, ["reserve"]],
    [{ closes_at: "tomorrow" }, ["closes_at"]],
    [{ closes_at: "2001-01-01" }, ["closes_at"]],
    [{ opens_at: "2026-12-02T18:00:00Z" }, ["closes_at"]],
    [{ estimate_low: "20", estimate_high: "10" }, ["estimate_high"]],
    [{ estimate_low: "20" }, ["estimate_high"]],
    [{ quantity: "3" }, ["quantity"]],
    [{ quantity: "-1" }, ["quantity"]],
    [{ format: "dutch" }, ["step", "interval_s"]],
    [{ format: "candle" }, ["candle_min"]],
    [{ candle_min: "5" }, ["candle_min"]],
    [{ sale: "sal_2" }, ["sale"]],
    [{ number: "5" }, ["number"]],
    [{ soft_close_min: "x" }, ["soft_close_min"]],
    [{ sale: "sal_1", number: "5", format: "english" }, []],
  ];
  for (const [change, expected] of cases) {
    const { lot, problems } = readLot({ ...good, ...change }, setting);
    assert.deepEqual(problems.map(({ column }) => column), expected, JSON.stringify(change));
    assert.equal(lot === null, expected.length > 0, "a bad row makes no lot");
  }
});

test("a file is checked as a whole: its columns, its lines, and one against another", () => {
  const check = (text: string) => checkFile(text, setting).bad.map(({ line, column }) => [line, column]);
  assert.deepEqual(check(""), [[1, ""]]);
  assert.deepEqual(check("title,start_amount"), [[1, ""]]);
  assert.deepEqual(check("titel,start_amount\nA,5"), [[1, "titel"], [1, "title"]]);
  assert.match(checkFile("titel,start_amount\nA,5", setting).bad[0]?.text ?? "", /mean title/);
  assert.deepEqual(check("title,title,start_amount\nA,B,5"), [[1, "title"]]);
  assert.deepEqual(check("title,start_amount,ref\nA,5,X\n\nB,5,X\nC,5,Y,Z"), [[4, "ref"], [5, ""]]);
  const fine = checkFile("title,start_amount\nA,5\nB,6\n", setting);
  assert.deepEqual([fine.good.length, fine.bad.length, fine.badLines], [2, 0, 0]);
});

test("the same lot has the same key, another has another", async () => {
  const { lot } = readLot({ title: "Chair", start_amount: "5" }, setting);
  const { lot: other } = readLot({ title: "Chair", start_amount: "6" }, setting);
  assert.ok(lot && other);
  assert.equal(await keyOf(lot), await keyOf({ ...lot }));
  assert.notEqual(await keyOf(lot), await keyOf(other));
  assert.ok((await keyOf(lot)).length <= 64);
});

test("rates and percentiles are those of the time between two looks", () => {
  const text = (ok: number, fast: number, all: number) => `# HELP x
vendue_gateway_connections 7
vendue_gateway_requests_total{method="lot.bid",code="ok"} ${ok}
vendue_gateway_requests_total{method="lot.bid",code="bid_too_low"} 3
vendue_gateway_request_duration_seconds_bucket{le="0.001"} ${fast}
vendue_gateway_request_duration_seconds_bucket{le="1"} ${all}
vendue_gateway_request_duration_seconds_bucket{le="+Inf"} ${all}
`;
  const [before, after] = [readMetrics(text(10, 1_000, 2_000), 0), readMetrics(text(30, 1_098, 2_100), 2_000)];
  assert.equal(rate(before, after, (sample) => sample.requests.get("lot.bid") ?? 0), 10);
  assert.equal(rate(after, before, (sample) => sample.requests.get("lot.bid") ?? 0), null, "nothing runs backwards");
  assert.deepEqual([percentile(before, after, 0.5), percentile(before, after, 0.99)], [0.001, 1]);
  assert.equal(percentile(after, after, 0.5), null);
  assert.deepEqual([...after.codes], [["bid_too_low", 3]]);
  assert.equal(after.plain.get("connections"), 7);
});

test("signs of abuse need what they name, and say it", () => {
  const minute = 60e6;
  const bid = (alias: string, amount: number, ts: number) => ({ seq: ts, alias, amount, ts });
  const lot = (bids: ReturnType<typeof bid>[], more: Partial<Seen> = {}): Seen => ({ lot: "lot_1", title: "Chair", ends_at: 100 * minute, currency: "EUR", price: 500, bids, ...more });
  const retracted = (ts: number, by = "acc_1") => ({ seq: ts, ts, by, action: "bid_retracted", target: "lot_1", reason: null, position: 1 });
  const kinds = (records: ReturnType<typeof retracted>[], lots: Seen[]) => signsOf(records, lots).map(({ kind }) => kind);
  assert.deepEqual(kinds([], [lot([bid("bidder-1", 100, 1)])]), []);
  assert.deepEqual(kinds([retracted(90 * minute)], [lot([bid("bidder-1", 100, 1)])]), ["late"]);
  assert.deepEqual(kinds([retracted(30 * minute)], [lot([bid("bidder-1", 100, 1)])]), [], "early, and the price did not fall");
  assert.deepEqual(kinds([retracted(30 * minute)], [lot([bid("bidder-1", 900, 1), bid("bidder-2", 200, 31 * minute)])]), ["shield"]);
  assert.deepEqual(kinds([1, 2, 3].map((at) => retracted(at)), []), ["often"]);
  assert.deepEqual(kinds([retracted(1), retracted(2), retracted(3, "acc_2")], []), []);
  const turns = (count: number, names = 2) => Array.from({ length: count }, (_, at) => bid(`bidder-${at % names}`, at, at));
  assert.deepEqual(kinds([], [lot(turns(6))]), ["same"]);
  assert.deepEqual([kinds([], [lot(turns(5))]), kinds([], [lot(turns(9, 3))])], [[], []]);
});
