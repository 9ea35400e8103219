// The pages while the market's processes are killed under them. Run by `npm run test:real`, on a real `vendue demo`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open } from "../browser.mjs";

const { VENDUE_URL: url, VENDUE_TOKEN: token, VENDUE_DEMO: dir } = process.env;
const skip = url && token && dir ? false : "needs a demo: npm run test:real";
let browser;

before(async () => (browser = skip ? null : await launch()));
after(() => browser?.close());

const demo = () => JSON.parse(readFileSync(join(dir, "demo.json"), "utf8"));

/** What the server says of the market's lots, read past the page. */
async function lotsOf() {
  const response = await fetch(`${url}v1/lot.list`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ market: demo().market, limit: 100 }) });
  if (!response.ok) throw new Error(`lot.list: ${response.status}`);
  return (await response.json()).lots;
}

/** Until it is true; the question is asked again while the server is away. */
async function eventually(what, holds, within_ms = 30_000) {
  const until = Date.now() + within_ms;
  for (;;) {
    const held = await Promise.resolve()
      .then(holds)
      .catch((error) => ({ error }));
    if (held === true) return;
    if (Date.now() > until) assert.fail(`${what}: ${held?.error ?? JSON.stringify(held)}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

/** Every price on the page is the one that the server has now. */
async function nothingMissing(page) {
  await eventually("the page shows what the server has", async () => {
    const lots = new Map((await lotsOf()).map((lot) => [lot.lot, lot]));
    const shown = await page.$$eval(".rows li", (rows) => rows.map((row) => ({ lot: row.querySelector("a").hash.slice(6), price: row.querySelector(".amount").firstChild.textContent.trim() })));
    assert.ok(shown.length > 10, `${shown.length} rows`);
    const wrong = shown.filter(({ lot, price }) => lots.has(lot) && price !== words(lots.get(lot)));
    return wrong.length === 0 ? true : wrong.map((row) => ({ ...row, server: words(lots.get(row.lot)) }));
  });
}

const words = (lot) => ((lot.price ?? lot.start_amount) / 100).toLocaleString("en", { minimumFractionDigits: 2 });

/** A signed-in page on a lot where nobody has bid: no maximum of anybody's, nor of an earlier test's, is in the way. */
async function quietLot(look) {
  const page = await open(browser, `${url}#token=${token}`, look);
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await page.locator(".rows li").filter({ hasText: "English auction" }).filter({ hasText: "No bids yet" }).last().locator("a").click();
  await page.locator("#maximum").waitFor();
  return page;
}

async function bid(page, step = 0) {
  await page.locator(".steps button").nth(step).click();
  await page.locator(".big").click();
  // What it says is the test's message when it says something else.
  await page.locator(".notice:not(.busy)").filter({ hasText: /./ }).waitFor({ timeout: 15_000 });
  assert.match(await page.locator(".notice").textContent(), /You lead|Outbid/);
}

for (const victim of ["engine", "gateway"]) {
  test(`the ${victim} is killed while the market is looked at`, { skip }, async () => {
    const page = await open(browser, url);
    try {
      await page.locator(".rows li").first().waitFor();
      await page.locator('[data-phase="live"]').waitFor();
      const phases = await page.evaluateHandle(() => {
        const chip = document.querySelector("[data-phase]");
        const seen = [];
        new MutationObserver(() => seen.push(chip.dataset.phase)).observe(chip, { attributes: true });
        return seen;
      });
      const pid = demo()[`${victim}_pid`];
      process.kill(pid, "SIGKILL");
      await eventually(`another ${victim} runs`, () => demo()[`${victim}_pid`] !== pid);
      // The gateway takes the connections with it, and the chip says so; the engine does not: the gateway bridges its absence.
      if (victim === "gateway") await page.waitForFunction((seen) => seen.includes("waiting") && seen.at(-1) === "live", phases, { timeout: 30_000 });
      await page.locator('[data-phase="live"]').waitFor({ timeout: 30_000 });
      await nothingMissing(page);
      assert.deepEqual(page.problems, []);
    } finally {
      await page.context().close();
    }
  });

  test(`a bid counts once, before and after the ${victim} is killed`, { skip }, async () => {
    const page = await quietLot({ width: 390, height: 844 });
    try {
      await bid(page);
      const pid = demo()[`${victim}_pid`];
      process.kill(pid, "SIGKILL");
      // Pressed at once: it waits, is repeated or is looked up, but it is told what became of it.
      await bid(page, 1);
      await page.locator('[data-phase="live"]').waitFor({ timeout: 30_000 });
      await page.locator("tbody tr").first().waitFor();
      await eventually(`another ${victim} runs`, () => demo()[`${victim}_pid`] !== pid);
      await page.reload();
      // A bot may have bid more meanwhile; that one stands there at all is what a reload must not forget.
      await page.locator("article .panel").locator(".standing.leads, .standing.out").waitFor();
    } finally {
      await page.context().close();
    }
  });
}

test("prices still move after everything was killed", { skip }, async () => {
  const page = await open(browser, url);
  try {
    await page.locator(".rows li").first().waitFor();
    const shown = () => page.$$eval(".rows .amount", (all) => all.map((node) => node.firstChild.textContent).join());
    const before = await shown();
    await eventually("a price moves", async () => (await shown()) !== before, 60_000);
  } finally {
    await page.context().close();
  }
});
