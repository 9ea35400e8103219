// The dashboard in a real browser on a real market: `npm run test:real`, with VENDUE_BIN.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open } from "../browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const { VENDUE_URL: url, VENDUE_DEMO: dir } = process.env;
const skip = url && dir && process.env.VENDUE_BIN ? false : "needs a demo: npm run test:real";
/** Milliseconds within which what broke is to be seen; a machine that also compiles gets some more. */
const SEEN_MS = 10_000;
let browser;

before(async () => (browser = skip ? null : await launch()));
after(() => browser?.close());

const demo = () => JSON.parse(readFileSync(join(dir, "demo.json"), "utf8"));
const seconds = (count) => new Date(Date.now() + count * 1000).toISOString();

/** Asks past the pages. */
async function call(method, params, token = demo().operator_token) {
  const response = await fetch(`${url}v1/${method}`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${token}`, "idempotency-key": `t${Math.random()}` }, body: JSON.stringify(params) });
  return { ...(await response.json()), http: response.status };
}

/** A lot of this test's own, where no bot bids: its start is above what any of them would pay. */
async function quietLot(title, more = {}) {
  const { lot } = await call("lot.create", { market: demo().market, title, format: "english", start_amount: 900_000_000, opens_at: seconds(-1), closes_at: seconds(3_600), ...more });
  assert.ok(lot, "the lot is there");
  return lot;
}

async function ops(hash = "#/overview", { token = demo().operator_token, ...look } = {}) {
  const page = await open(browser, `${url}ops${hash}?token=${token}`, look);
  await page.locator("main h1").waitFor();
  return page;
}

/** Does what a button of the page offers: the reason, the second question where there is one, and the verb. */
async function deed(page, button, { reason = "as the test asks", fill = {} } = {}) {
  await page.getByRole("button", { name: button, exact: true }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.waitFor();
  for (const [label, value] of Object.entries(fill)) await dialog.getByLabel(label).fill(value);
  if (reason !== null && (await dialog.locator("input[name=reason]").count()) > 0) await dialog.locator("input[name=reason]").fill(reason);
  const confirm = dialog.locator("input[type=checkbox]");
  if ((await confirm.count()) > 0) await confirm.check();
  const told = await dialog.locator(".preview").innerText().catch(() => "");
  await dialog.locator("form .end button").last().click();
  await dialog.waitFor({ state: "hidden", timeout: 20_000 });
  return told;
}

const healthy = (...pages) => pages.forEach((page) => assert.deepEqual(page.problems, []));
const close = (...pages) => Promise.all(pages.map((page) => page.context().close()));

test("the engine tells of itself: its disk, its queues, and that the invariants are kept", { skip }, async () => {
  const page = await ops();
  const signs = page.locator("[data-engine-signs]");
  await signs.waitFor({ timeout: SEEN_MS });
  await quietLot("A lot for the journal's sake");
  await page.waitForFunction(() => /≤ [0-9.]+ m?s/.test(document.querySelector("[data-engine-signs] dd")?.textContent ?? ""), null, { timeout: 20_000 });
  assert.equal(await page.locator("[data-invariants]").getAttribute("data-invariants"), "kept");
  healthy(page);
  await close(page);
});

test("two bidders see a lot paused, resumed, extended, cancelled and reopened", { skip }, async () => {
  const lot = await quietLot("Watched by two");
  const [desk, one, other] = [await ops(`#/lots/${lot}`), await open(browser, `${url}#/lot/${lot}`), await open(browser, `${url}#/lot/${lot}`, { width: 390, height: 844 })];
  const both = async (text) => Promise.all([one, other].map((page) => page.locator("article:visible").filter({ hasText: text }).first().waitFor({ timeout: SEEN_MS })));
  await both("Watched by two");

  // Without a reason nothing is done.
  await desk.getByRole("button", { name: "Pause", exact: true }).click();
  await desk.locator("dialog[open] form .end button").last().click();
  await desk.locator("dialog .wrong").filter({ hasText: "reason" }).waitFor();
  await desk.locator("dialog[open]").getByRole("button", { name: "Back" }).click();

  assert.match(await deed(desk, "Pause"), /are left are kept/);
  await desk.locator("[data-state=paused]").waitFor();
  await both("Paused");
  await desk.locator("li.deed").filter({ hasText: "lot paused" }).filter({ hasText: "as the test asks" }).waitFor();
  await deed(desk, "Resume");
  await desk.locator("[data-state=open]").waitFor();
  const before = Number(await desk.locator("[data-ends]").getAttribute("data-ends"));
  assert.match(await deed(desk, "Extend"), /5:0[01] later/);
  await desk.waitForFunction((old) => Number(document.querySelector("[data-ends]").dataset.ends) > old + 200e6, before);
  assert.match(await deed(desk, "Cancel lot"), /Nobody wins/);
  await both("Withdrawn");
  // The undo of a cancelled lot is to reopen it.
  await desk.getByRole("button", { name: "Undo" }).last().click();
  await desk.locator("dialog[open] h2").filter({ hasText: "Reopen" }).waitFor();
  await desk.locator("dialog[open]").getByRole("button", { name: "Back" }).click();
  await deed(desk, "Reopen");
  await desk.locator("[data-state=open]").waitFor();
  healthy(desk, one, other);
  await close(desk, one, other);
});

test("a bid is voided by its bidder's name, and the price falls for everybody", { skip }, async () => {
  const lot = await quietLot("Voided", { start_amount: 100, funding: "none", reserve: 5_000_000 });
  const placed = await call("lot.bid", { lot, amount: 200_000 }, demo().bidder_token);
  assert.equal(placed.http, 200, JSON.stringify(placed));
  const { bids } = await call("lot.bids", { lot });
  const desk = await ops(`#/lots/${lot}`);
  await desk.locator("li.bid").first().waitFor();
  await desk.getByRole("button", { name: "Void bid" }).click();
  await desk.locator("dialog[open] select").selectOption(bids.at(-1).alias);
  await desk.locator("dialog[open] input[name=reason]").fill("a typing error");
  await desk.locator("dialog[open] form .end button").last().click();
  await desk.locator("li.deed").filter({ hasText: "bid voided" }).filter({ hasText: "a typing error" }).waitFor({ timeout: SEEN_MS });
  healthy(desk);
  await close(desk);
});

test("the market is halted and resumed while two bidders watch", { skip }, async () => {
  const lot = await quietLot("Stands still");
  const [desk, one, other] = [await ops(), await open(browser, `${url}#/lot/${lot}`), await open(browser, url)];
  await one.locator("article:visible").first().waitFor();
  await other.locator("article:visible").first().waitFor();
  try {
    assert.match(await deed(desk, "Halt"), /Nothing is sold/);
    await desk.locator("[data-market=halted]").waitFor({ timeout: SEEN_MS });
    await one.locator("article:visible").filter({ hasText: /Paused|halted/i }).first().waitFor({ timeout: SEEN_MS });
    await other.getByText(/Paused|halted/i).and(other.locator(":visible")).first().waitFor({ timeout: SEEN_MS });
  } finally {
    await desk.getByRole("button", { name: "Resume", exact: true }).waitFor();
    await deed(desk, "Resume");
  }
  await desk.locator("[data-market=open]").waitFor({ timeout: SEEN_MS });
  await one.locator("article:visible").filter({ hasNotText: "Paused" }).first().waitFor({ timeout: SEEN_MS });
  healthy(desk, one, other);
  await close(desk, one, other);
});

test("a thousand lots from a file: every bad line is named, nothing is made before, nothing twice", { skip }, async () => {
  const page = await ops("#/import");
  const end = new Date(Date.now() + 30 * 86_400_000).toISOString();
  const lines = Array.from({ length: 1_000 }, (_, at) => `"Imported, no. ${at}",english,${100 + at}.50,,,${end},Imports,IMP-${at}`);
  lines[9] = `,english,10,,,${end},Imports,IMP-9`;
  lines[99] = `No price,english,ten,,,${end},Imports,IMP-99`;
  lines[499] = `Twice,english,10,,,${end},Imports,IMP-498`;
  lines[899] = `Of no kind,franconian,10,,,${end},Imports,IMP-899`;
  lines[998] = `Over,english,10,,,2001-01-01,Imports,IMP-998`;
  await page.locator("main textarea").fill(["title,format,start_amount,reserve,opens_at,closes_at,category,ref", ...lines].join("\n"));
  const listed = async () => (await call("lot.list", { market: demo().market, query: "Imported", limit: 500 })).lots.length;
  await page.getByRole("button", { name: "Check" }).click();
  await page.locator(".verdict").filter({ hasText: "995 lines are good" }).filter({ hasText: "5 lines are bad" }).waitFor();
  const bad = await page.locator("tbody tr").evaluateAll((rows) => rows.map((row) => [row.cells[0].textContent, row.cells[1].textContent]));
  // The first line has the names, so that the tenth lot stands in line 11.
  assert.deepEqual(bad, [["11", "title"], ["101", "start_amount"], ["501", "ref"], ["901", "format"], ["1000", "closes_at"]]);
  assert.equal(await listed(), 0, "a check makes nothing");
  for (const round of [1, 2]) {
    await page.getByRole("button", { name: /Create the 995 good lots/ }).click();
    await page.getByRole("status").filter({ hasText: "995 lots were created" }).last().waitFor({ timeout: 120_000 });
    if (round === 1) await page.getByRole("button", { name: "Check" }).click();
  }
  let count = 0;
  for (let cursor = null, more = true; more; ) {
    const found = await call("lot.list", { market: demo().market, query: "Imported", sort: "newest", limit: 500, ...(cursor ? { cursor } : {}) });
    [count, cursor, more] = [count + found.lots.length, found.cursor, found.cursor !== null];
  }
  assert.equal(count, 995);
  healthy(page);
  await close(page);
});

test("an auditor sees everything and changes nothing, on the pages and by the API", { skip }, async () => {
  const { market } = demo();
  const { account } = await call("account.create", { name: "Aurelia, who audits" });
  assert.equal((await call("account.grant", { account, market, role: "auditor" })).http, 200);
  const token = tokenFor(account);
  const lot = await quietLot("Audited");
  for (const [method, params] of [
    ["market.halt", { market, reason: "no" }],
    ["lot.pause", { lot, reason: "no" }],
    ["lot.cancel", { lot, reason: "no" }],
    ["lot.extend", { lot, ends_at: seconds(9_000), reason: "no" }],
    ["lot.void_bid", { lot, alias: "bidder-1", reason: "no" }],
    ["lot.create", { market, title: "No", format: "english", start_amount: 1 }],
    ["sale.create", { market, title: "No", opens_at: seconds(60) }],
    ["account.suspend", { account: demo().bidder, market, reason: "no" }],
    ["account.verify", { account: demo().bidder, market, reason: "no" }],
    ["account.grant", { account, market, role: "operator" }],
    ["account.deposit", { account, amount: 1, currency: "EUR", reason: "no" }],
  ]) {
    const answer = await call(method, params, token);
    assert.equal(answer.code, "forbidden", `${method}: ${JSON.stringify(answer)}`);
  }
  for (const [method, params] of [["audit.list", { market }], ["account.list", { market }], ["order.list", { market }], ["lot.list", { market }]]) assert.equal((await call(method, params, token)).http, 200, method);
  assert.equal((await call("account.list", {}, token)).code, "forbidden", "every account is the platform's to see");
  assert.equal((await call("account.list", { market }, demo().bidder_token)).code, "forbidden");

  const page = await ops(`#/lots/${lot}`, { token });
  await page.getByText("Read only").waitFor();
  await page.locator("[data-state=open]").waitFor();
  for (const button of await page.locator("main header button, .strip button").all()) assert.ok(await button.isDisabled(), await button.innerText());
  await page.evaluate(() => (location.hash = "#/accounts"));
  await page.locator("tbody tr").first().waitFor();
  for (const button of await page.locator("tbody button").all()) assert.ok(await button.isDisabled());
  healthy(page);
  await close(page);
});

/** A token of any account, minted with the demo's secret. */
function tokenFor(account) {
  return JSON.parse(execFileSync(process.env.VENDUE_BIN, ["token", account, "--data-dir", dir, "--json"], { encoding: "utf8" })).token;
}

test("an account is approved from the list, suspended with its bids, and found again", { skip }, async () => {
  const { market } = demo();
  const { account } = await call("account.create", { name: "Zenobia Unapproved" });
  await call("account.grant", { account, market, role: "bidder" });
  const page = await ops("#/accounts");
  await page.locator("main input[type=search]").fill("zenobia");
  const row = page.locator(`tr[data-id="${account}"]`);
  await row.waitFor();
  await row.getByRole("button", { name: "Approve" }).click();
  await page.locator("dialog[open] input[name=reason]").fill("passport seen");
  await page.locator("dialog[open] form .end button").last().click();
  await row.filter({ hasText: "Approved" }).waitFor();
  await row.locator("a").click();
  assert.match(await deed(page, "Suspend"), /neither bid nor order/);
  await page.locator("main header .tag.bad").waitFor();
  const { accounts } = await call("account.list", { market, state: "suspended" });
  assert.deepEqual(accounts.map((one) => [one.account, one.verified, one.suspended]), [[account, true, true]]);
  healthy(page);
  await close(page);
});

test("the keyboard goes everywhere", { skip }, async () => {
  const page = await ops();
  await page.keyboard.press("g");
  await page.keyboard.press("l");
  await page.locator("tbody tr").nth(2).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("j");
  assert.equal(await page.evaluate(() => [...document.querySelectorAll("main [data-row]")].indexOf(document.activeElement)), 1);
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.type), "search");
  await page.keyboard.press("Tab");
  await page.locator("tbody a").first().focus();
  await page.keyboard.press("Enter");
  await page.locator("[data-state]").waitFor();
  healthy(page);
  await close(page);
});

test("a list is exported whole, and formulas in it are harmless", { skip }, async () => {
  await quietLot('=HYPERLINK("http://x")');
  const page = await ops("#/lots");
  await page.locator("tbody tr").first().waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
  const text = readFileSync(await file.path(), "utf8");
  assert.match(text, /^id,title,number,state,/);
  assert.match(text, /"'=HYPERLINK/);
  healthy(page);
  await close(page);
});

test("axe finds nothing and nothing scrolls sideways, on every page, light and dark", { skip }, async () => {
  const { lots } = await call("lot.list", { market: demo().market, sort: "bids", limit: 1 });
  const { orders } = await call("order.list", { market: demo().market, limit: 1 });
  const places = ["overview", "lots", `lots/${lots[0].lot}`, "sales", "stock", "books", "orders", ...orders.map((one) => `orders/${one.order}`), "accounts", `accounts/${demo().bidder}`, "stuck", "signs", "audit", "create", "create/sale", "import"];
  for (const look of [{ width: 1440, scheme: "light" }, { width: 1440, scheme: "dark" }, { width: 390, height: 844 }]) {
    const page = await ops("#/overview", look);
    // Added as a script of the tests, not of the page: the policy of the page does not concern it.
    await page.evaluate(AXE);
    for (const place of places) {
      await page.evaluate((hash) => (location.hash = hash), `#/${place}`);
      await page.locator("main h1").waitFor();
      await page.waitForTimeout(700);
      const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
      assert.deepEqual(found.violations.map(({ id, nodes }) => [id, nodes[0].html]), [], `${place} at ${JSON.stringify(look)}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${place} at ${look.width} scrolls sideways`);
    }
    healthy(page);
    await close(page);
  }
});

test("an engine that is killed is seen, and its return", { skip }, async () => {
  const page = await ops();
  await page.locator("[data-engine=well]").waitFor();
  const states = await page.evaluateHandle(() => {
    const seen = [];
    const shown = document.querySelector("[data-engine]");
    new MutationObserver(() => seen.push(shown.dataset.engine)).observe(shown, { attributes: true });
    return seen;
  });
  const pid = demo().engine_pid;
  process.kill(pid, "SIGKILL");
  await page.waitForFunction((seen) => seen.includes("away") || seen.includes("back"), states, { timeout: SEEN_MS });
  await page.waitForFunction((seen) => ["back", "well"].includes(seen.at(-1)), states, { timeout: 60_000 });
  healthy({ problems: page.problems.filter((problem) => !/503|502|Failed to load/.test(problem)) });
  await close(page);
});
