import assert from "node:assert/strict";
import { test } from "node:test";
import { remaining } from "../../src/lib/countdown.js";
import { depthOf } from "../../src/lib/depth.js";
import { drawing } from "../../src/lib/drawing/index.js";
import { feeOn } from "../../src/lib/fees.js";
import { quickSteps, quickStepsDown } from "../../src/lib/increments.js";
import { formatAmount, learnCurrencies, parseAmount } from "../../src/lib/money.js";
import { en } from "../../src/texts/en.js";
import { zh } from "../../src/texts/zh.js";
import { hrefOf, parseFragment } from "../../src/lib/route.js";

test("money is written from its digits", () => {
  const table: [number, string, string][] = [
    [0, "EUR", "0.00"],
    [5, "EUR", "0.05"],
    [10_500, "EUR", "105.00"],
    [123_456_789, "EUR", "1,234,567.89"],
    [Number.MAX_SAFE_INTEGER, "EUR", "90,071,992,547,409.91"],
    [1_500, "JPY", "1,500"],
    [1_500, "KWD", "1.500"],
    [-250, "EUR", "−2.50"],
  ];
  for (const [amount, currency, text] of table) assert.equal(formatAmount(amount, currency), text);
  learnCurrencies([{ code: "XPT", exponent: 4 }]);
  assert.equal(formatAmount(12_345, "XPT"), "1.2345");
});

test("money is read as people type it, or not at all", () => {
  const table: [string, string, number | null][] = [
    ["105", "EUR", 10_500],
    ["105.5", "EUR", 10_550],
    [" 1,050.00 ", "EUR", 105_000],
    ["1 050", "EUR", 105_000],
    ["1'050.25", "EUR", 105_025],
    ["1050,25", "EUR", 105_025],
    ["1.050,25", "EUR", 105_025],
    ["1,050", "EUR", 105_000],
    ["105.", "EUR", 10_500],
    ["105.001", "EUR", null],
    ["105.5", "JPY", null],
    ["1,5", "JPY", null],
    ["-5", "EUR", null],
    ["", "EUR", null],
    ["1e5", "EUR", null],
    ["12,34,5", "EUR", null],
    ["90071992547409.91", "EUR", Number.MAX_SAFE_INTEGER],
    ["90071992547409.92", "EUR", null],
  ];
  for (const [text, currency, amount] of table) assert.equal(parseAmount(text, currency), amount, `"${text}"`);
});

test("a premium is what the server will charge", () => {
  const bands = { bands: [[0, 250_000], [5_000_000, 200_000], [100_000_000, 120_000]] as [number, number][] };
  const table: [Parameters<typeof feeOn>[0], number, number][] = [
    [null, 12_000, 0],
    [bands, 0, 0],
    [bands, 12_000, 3_000],
    [bands, 5_000_000, 1_250_000],
    [bands, 6_000_000, 1_450_000],
    [bands, 200_000_000, 1_250_000 + 19_000_000 + 12_000_000],
    [{ bands: [[0, 100_000]], fixed: 50 }, 1_000, 150],
    // A half, by each rounding.
    [{ bands: [[0, 100_000]] }, 25, 3],
    [{ bands: [[0, 100_000]], rounding: "half_even" }, 25, 2],
    [{ bands: [[0, 100_000]], rounding: "half_even" }, 35, 4],
    [{ bands: [[0, 100_000]], rounding: "up" }, 21, 3],
    [{ bands: [[0, 100_000]], rounding: "down" }, 29, 2],
    [{ bands: [[0, 1_000_000]] }, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ];
  for (const [fees, hammer, fee] of table) assert.equal(feeOn(fees, hammer), fee, `${JSON.stringify(fees)} on ${hammer}`);
});

test("steps go down in a tender", () => {
  assert.deepEqual(quickStepsDown(200_000, "EUR"), [200_000, 195_000, 187_500, 175_000]);
  assert.deepEqual(quickStepsDown(5, "EUR"), [5]);
});

test("what is written can be read back", () => {
  const seed = Number(process.env.VENDUE_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`VENDUE_SEED=${seed}`);
  let state = seed;
  for (let round = 0; round < 2_000; round += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const amount = Math.floor((state / 2 ** 32) * 10 ** (round % 16));
    for (const currency of ["EUR", "JPY", "KWD"]) assert.equal(parseAmount(formatAmount(amount, currency), currency), amount, `seed ${seed}`);
  }
});

test("countdowns", () => {
  const second = 1_000_000;
  const table: [number, string, string][] = [
    [0, "0.0", "over"],
    [1, "0.0", "last"],
    [9.99 * second, "9.9", "last"],
    [10 * second, "0:10", "soon"],
    [59.2 * second, "1:00", "soon"],
    [61 * second, "1:01", "calm"],
    [3_599 * second, "59:59", "calm"],
    [3_600 * second, "1 h 00 min", "calm"],
    [90_061 * second, "1 d 1 h", "calm"],
  ];
  for (const [left, text, urgency] of table) assert.deepEqual(remaining(left, en.span), { text, urgency });
});

test("long times in Chinese", () => {
  assert.equal(remaining(3_661e6, zh.span).text, "1 小时 01 分");
  assert.equal(remaining(90_061e6, zh.span).text, "1 天 1 小时");
});

test("quick steps ascend from the least amount that counts", () => {
  assert.deepEqual(quickSteps(10_500, "EUR"), [10_500, 11_000, 11_750, 13_000]);
  assert.deepEqual(quickSteps(300, "JPY"), [300, 310, 325, 350]);
});

test("addresses", () => {
  const table: [string, string, string | null][] = [
    ["", "#/", null],
    ["#/", "#/", null],
    ["#token=a.b.c", "#/", "a.b.c"],
    ["#/?token=a.b.c", "#/", "a.b.c"],
    ["#/lot/lot_01?token=x", "#/lot/lot_01", "x"],
    ["#/lot/lot_01", "#/lot/lot_01", null],
    ["#/lot/<script>", "#/", null],
    ["#/orders?token=x", "#/orders", "x"],
    ["#/orders/", "#/", null],
    ["#/account", "#/account", null],
    ["#/stock/stk_01?token=y", "#/stock/stk_01", "y"],
    ["#/stock/../x", "#/", null],
  ];
  for (const [hash, href, token] of table) {
    const fragment = parseFragment(hash);
    assert.equal(hrefOf(fragment.route), href, hash);
    assert.equal(fragment.token, token, hash);
  }
});

test("drawings: the same for the same lot, of the kind of the category, and sound paths", () => {
  const categories = ["watches", "ceramics", "paintings", "instruments", "books", "wine", "furniture", "cameras", "jewellery", "coins", "lighting", "nothing known"];
  const kinds = new Set<string>();
  for (const category of categories) {
    for (let lot = 0; lot < 40; lot += 1) {
      const shapes = drawing(`lot_${lot}`, category);
      assert.deepEqual(shapes, drawing(`lot_${lot}`, category));
      for (const { d } of shapes) assert.match(d, /^M[-\d. a-zA-Z]+$/, `${category} ${lot}`);
      for (const { d } of shapes) assert.doesNotMatch(d, /NaN|undefined|Infinity/, `${category} ${lot}`);
      if (lot === 0) kinds.add(JSON.stringify(shapes));
    }
  }
  assert.equal(kinds.size, categories.length);
  assert.deepEqual(drawing("a", "", "A violin"), drawing("a", "instruments"));
});

test("depth: both sides to one scale, the best prices in the middle", () => {
  assert.equal(depthOf([], [], 400, 100), null);
  const depth = depthOf([[90, 5], [80, 15]], [[110, 10]], 400, 100);
  assert.deepEqual(depth, {
    bids: "M100.0 100H100.0V75.0H0.0V0.0H0V100Z",
    asks: "M300.0 100H300.0V50.0H400V100Z",
    from: 80,
    to: 120,
    bidUnits: 20,
    askUnits: 10,
  });
  assert.equal(depthOf([[90, 5]], [], 400, 100)?.asks, "");
});

/** Where two catalogues differ in shape: by key, by kind, by how many values a sentence takes, by words that are missing. */
function differences(one: unknown, other: unknown, path = ""): string[] {
  if (typeof one !== typeof other || Array.isArray(one) !== Array.isArray(other)) return [`${path}: ${typeof one} and ${typeof other}`];
  if (typeof one === "function" && typeof other === "function") return one.length === other.length ? [] : [`${path}: takes ${one.length} and ${other.length}`];
  if (typeof one === "string" && typeof other === "string") return (one.trim() === "") === (other.trim() === "") ? [] : [`${path}: one is empty`];
  if (typeof one !== "object" || one === null || other === null) return [];
  const [left, right] = [one, other] as [Record<string, unknown>, Record<string, unknown>];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) => (key in left && key in right ? differences(left[key], right[key], `${path}/${key}`) : [`${path}/${key}: only in one`]));
}

test("both catalogues have the same shape", () => {
  assert.deepEqual(differences(en, zh), []);
  // The comparison sees what it is for.
  assert.deepEqual(differences(en, { ...zh, footer: " " }), ["/footer: one is empty"]);
  assert.deepEqual(differences(en, { ...zh, errors: { ...zh.errors, own_lot: undefined } }), ["/errors/own_lot: string and undefined"]);
  const { ago: _ago, ...rest } = zh;
  assert.deepEqual(differences(en, rest), ["/ago: only in one"]);
  assert.deepEqual(differences(en, { ...zh, tooLate: () => "" }), ["/tooLate: takes 1 and 0"]);
});

test("no Chinese sentence loses a number that the English one tells", () => {
  const told = (catalogue: unknown, path = ""): Map<string, (...values: never[]) => string> =>
    typeof catalogue === "function" ? new Map([[path, catalogue as never]]) : typeof catalogue === "object" && catalogue !== null ? new Map(Object.entries(catalogue).flatMap(([key, value]) => [...told(value, `${path}/${key}`)])) : new Map();
  const chinese = told(zh);
  for (const [path, sentence] of told(en)) {
    const values = Array.from({ length: sentence.length }, (_, at) => 7_001 + at) as never[];
    const digits = (text: string): string[] => [...new Set(text.match(/700\d/g) ?? [])].sort();
    assert.deepEqual(digits(String(chinese.get(path)?.(...values))), digits(String(sentence(...values))), path);
  }
});
