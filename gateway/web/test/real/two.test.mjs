// Two people in two browsers, on a real market: they outbid each other, and late bids move the end.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open } from "../browser.mjs";

const { VENDUE_URL: url, VENDUE_DEMO: dir, VENDUE_BIN: bin } = process.env;
const skip = url && dir && bin ? false : "needs a demo: npm run test:real";
/** Milliseconds within which everybody has heard of a bid. */
const HEARD_MS = 15_000;
let browser;

before(async () => (browser = skip ? null : await launch()));
after(() => browser?.close());

const demo = () => JSON.parse(readFileSync(join(dir, "demo.json"), "utf8"));

/** A command of the house, past the pages. */
async function house(method, params) {
  const response = await fetch(`${url}v1/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${demo().operator_token}`, "idempotency-key": randomUUID() },
    body: JSON.stringify(params),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method}: ${response.status} ${text}`);
  return JSON.parse(text);
}

/** Somebody new with money, signed in on a page of their own. */
async function person(name, look) {
  const { market } = demo();
  const { account } = await house("account.create", { name });
  await house("account.grant", { account, market, role: "bidder" });
  await house("account.deposit", { account, amount: 10_000_000, currency: "EUR", reason: "for a test" });
  const token = JSON.parse(execFileSync(bin, ["token", account, "--data-dir", demo().data_dir, "--json"], { encoding: "utf8" })).token;
  const page = await open(browser, `${url}#token=${token}`, look);
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  return page;
}

/** A lot of this test's own, open for so many milliseconds. */
async function lotFor(life_ms, more = {}) {
  const now = Date.now() * 1000;
  const { lot } = await house("lot.create", { market: demo().market, title: `A test's own lot ${randomUUID().slice(0, 8)}`, format: "english", start_amount: 10_000, opens_at: now - 1_000_000, closes_at: now + life_ms * 1000, ...more });
  return lot;
}

const goTo = async (page, lot) => {
  await page.evaluate((id) => (location.hash = `#/lot/${id}`), lot);
  await page.locator("#maximum").waitFor();
};

async function bid(page, amount, outcome) {
  await page.locator("#maximum").fill(String(amount));
  await page.locator(".big:not(:disabled)").click();
  await page.locator(".notice:not(.busy)").filter({ hasText: outcome }).waitFor({ timeout: HEARD_MS });
}

test("two bidders in two browsers outbid each other; a late bid moves the end for both; both see the same winner", { skip }, async () => {
  const [anna, ben] = [await person("Anna", { width: 1280, height: 900 }), await person("Ben", { width: 390, height: 844 })];
  try {
    const lot = await lotFor(25_000, { soft_close: { window_ms: 20_000, extend_ms: 20_000 } });
    await goTo(anna, lot);
    await goTo(ben, lot);
    await bid(anna, 150, /You lead/);
    await ben.locator("article .panel .standing").filter({ hasText: /leads/ }).waitFor({ timeout: HEARD_MS });
    // Below Anna's maximum: overtaken in the same moment, and told.
    await bid(ben, 120, /Outbid at once/);
    await bid(ben, 300, /You lead/);
    // She hears of it, with the next amount on a button.
    const higher = anna.locator("[aria-live] .outbid .higher");
    await higher.waitFor({ timeout: HEARD_MS });
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    await bid(ben, 400, /You lead/);
    // In the last 20 seconds, above his maximum: the end moves, and both pages show the same.
    await anna.locator(".big").filter({ hasText: /^\s*Bid [\d,.]+\s*$/ }).waitFor();
    await bid(anna, 500, /You lead/);
    await ben.locator("[aria-live] .outbid").waitFor({ timeout: HEARD_MS });
    await ben.locator("article .panel .countdown.extended").waitFor({ timeout: HEARD_MS });
    const price = (page) => page.locator("article .panel .amount").first().evaluate((node) => node.firstChild.textContent.trim());
    assert.equal(await price(anna), await price(ben));
    // Ben taps once, without typing: the least that leads.
    await ben.waitForTimeout(800);
    await ben.locator(".big").click();
    await ben.locator(".notice:not(.busy)").filter({ hasText: /You lead|Outbid at once/ }).waitFor({ timeout: HEARD_MS });
    // It ends, for both, with the same winner.
    for (const page of [anna, ben]) await page.locator("article .panel .countdown .left").filter({ hasText: "Sold" }).waitFor({ timeout: 60_000 });
    await anna.locator("article .panel .standing").filter({ hasText: "You won" }).waitFor({ timeout: HEARD_MS });
    assert.equal(await price(anna), await price(ben));
    assert.deepEqual([...anna.problems, ...ben.problems], []);
  } finally {
    await anna.context().close();
    await ben.context().close();
  }
});

test("money that is held is said for what, and a bid above it is refused with the reason", { skip }, async () => {
  const page = await person("Clara", {});
  try {
    const lot = await lotFor(600_000, { funding: "full" });
    await goTo(page, lot);
    await bid(page, 999_999, /balance does not cover/);
    await bid(page, 250, /You lead/);
    await page.locator(".wallet").click();
    await page.getByRole("link", { name: "My account" }).click();
    await page.locator(".holds li").filter({ hasText: /for your bid on A test's own lot/ }).waitFor({ timeout: HEARD_MS });
    await page.locator("tbody tr").filter({ hasText: "Paid in" }).filter({ hasText: "for a test" }).waitFor();
    assert.deepEqual(page.problems, []);
  } finally {
    await page.context().close();
  }
});

test("a receipt of a bid can be kept, and the program finds it true", { skip }, async () => {
  const page = await person("Dora", {});
  try {
    await goTo(page, await lotFor(600_000));
    await bid(page, 150, /You lead/);
    const download = page.waitForEvent("download", { timeout: 30_000 });
    await page.getByRole("button", { name: "Keep the receipt" }).click();
    const file = await (await download).path();
    const { keys } = await (await fetch(`${url}v1/keys`)).json();
    const verify = (path) => execFileSync(bin, ["verify", "receipt", path, "--key", keys[0].hex], { encoding: "utf8", stdio: "pipe" });
    verify(file);
    // A receipt that was changed is none.
    const forged = join(mkdtempSync(join(tmpdir(), "vendue-receipt-")), "forged.json");
    const receipt = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(forged, JSON.stringify({ ...receipt, position: receipt.position + 1 }));
    assert.throws(() => verify(forged));
    rmSync(join(forged, ".."), { recursive: true });
    assert.deepEqual(page.problems, []);
  } finally {
    await page.context().close();
  }
});
