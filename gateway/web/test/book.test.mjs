// The page of an order book in a real browser, against the fake server.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, open, server } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const fakeOnly = process.env.VENDUE_URL ? "needs the fake server, whose book stands still on demand" : false;
/** Where pictures go, for a person to look at; none where absent. */
const pictures = process.env.VENDUE_PICTURES;
let browser;
let target;
let book;

before(async () => {
  if (fakeOnly) return;
  if (pictures) mkdirSync(pictures, { recursive: true });
  browser = await launch();
  target = await server({ seed: 5 });
  [book] = target.market.books.values();
  // What the tests count on must not move under them.
  book.tick = () => undefined;
});

after(async () => {
  await browser?.close();
  await target?.stop();
});

/** Opens the book's page as `who`, runs, and fails on anything the browser complained about. */
async function withBook(who, look, run) {
  const page = await open(browser, `${target.url}#/book/${book.snap.book}${who ? `?token=${who}` : ""}`, look);
  try {
    await page.locator("article table tbody tr.bid").first().waitFor();
    if (who) await page.locator("#trade-quantity").waitFor();
    await run(page);
    assert.deepEqual(page.problems, []);
  } finally {
    await page.context().close();
  }
}

const notice = (page, pattern) => page.locator("#trade-notice").filter({ hasText: pattern }).waitFor();

async function order(page, side, quantity, price) {
  await page.getByRole("button", { name: side, exact: true }).click();
  await page.locator("#trade-quantity").fill(String(quantity));
  if (price !== undefined) await page.locator("#trade-price").fill(price);
  await page.locator("form .big").click();
}

test("the market's list leads to the book, whose ladder moves with the trades", { skip: fakeOnly }, async () => {
  const page = await open(browser, target.url);
  book.place("acc_earlier", { side: "sell", type: "market", quantity: 1 });
  await page.locator(".books a").filter({ hasText: "Coffee" }).filter({ hasText: "8.40" }).filter({ hasText: "8.50" }).click();
  await page.locator("h1").filter({ hasText: "Coffee" }).waitFor();
  const best = page.locator("tr.ask").last();
  const before = Number(await best.locator(".bar").textContent());
  const price = await best.locator("button").textContent();
  book.place("acc_taker", { side: "buy", type: "market", quantity: 2 });
  await page.locator("tr.ask").last().locator(".bar").filter({ hasText: String(before - 2) }).waitFor();
  await page.locator("header .amount").filter({ hasText: price.trim() }).waitFor();
  await page.locator(".trades tbody tr").first().filter({ hasText: "bought" }).waitFor();
  assert.equal(await page.locator(".trades tbody tr").filter({ hasText: "sold" }).count(), 1, "what was traded before stands below, once");
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("an order rests, is shown as one's own, and is cancelled", { skip: fakeOnly }, () =>
  withBook("rester", {}, async (page) => {
    await order(page, "Buy", 7, "8.25");
    await notice(page, /7 in the book/);
    const own = page.locator(".orders li").filter({ hasText: "7 at 8.25" }).filter({ hasText: "In the book" });
    await own.waitFor();
    await page.locator("tr.bid").filter({ hasText: "8.25" }).locator(".mine").waitFor();
    // Part of it is taken by somebody: the person hears of it without asking.
    for (const [price, quantity] of book.levels("buy")) if (price > 825) book.place("acc_rival", { side: "sell", type: "limit", quantity, price });
    book.place("acc_rival", { side: "sell", type: "limit", quantity: book.levels("buy")[0][1] - 5, price: 825 });
    await page.locator(".orders li").filter({ hasText: /traded/ }).first().waitFor();
    await page.locator(".orders li").first().getByRole("button", { name: /^Cancel the order/ }).click();
    await notice(page, /Cancelled/);
    await page.locator(".orders li.ended").filter({ hasText: "Cancelled" }).waitFor();
  }));

test("an order trades at once; what is wrong with one is said before it is sent", { skip: fakeOnly }, () =>
  withBook("trader", {}, async (page) => {
    await page.locator("tr.ask button").last().click();
    assert.match(await page.locator("#trade-price").inputValue(), /^\d+\.\d\d$/, "a level fills the form");
    await order(page, "Buy", 2);
    await notice(page, /Bought 2 for/);
    await order(page, "Buy", 2, "8.33");
    await notice(page, /multiple of 0.05/);
    await page.locator("#trade-post").check();
    await order(page, "Buy", 1, "20");
    await notice(page, /you asked only to wait/);
    await page.getByRole("button", { name: "Market", exact: true }).click();
    await order(page, "Sell", 3);
    await notice(page, /Sold 3 for/);
    await order(page, "Sell", 100000);
    await notice(page, /does not hold that much/);
  }));

test("an auction says what it would come to, and when it ends", { skip: fakeOnly }, () =>
  withBook("bidder", {}, async (page) => {
    book.auction("auction", { price: 850, volume: 42, surplus: -3 });
    await page.locator("article .auction").filter({ hasText: "42 units would trade at 8.50 EUR" }).filter({ hasText: "3 more would sell" }).waitFor();
    await page.locator("article .auction").filter({ hasText: /Ends at/ }).waitFor();
    if (pictures) await page.screenshot({ path: `${pictures}/book-auction.png` });
    book.auction("continuous");
    await page.locator("article .auction").waitFor({ state: "detached" });
  }));

test("axe finds nothing, nothing scrolls sideways, and every target is large enough", { skip: fakeOnly }, async () => {
  for (const [name, look] of [["desktop-light", { width: 1280, height: 900 }], ["desktop-dark", { width: 1280, height: 900, scheme: "dark" }], ["phone-light", { width: 390, height: 844 }], ["small-dark", { width: 320, height: 640, scheme: "dark" }]]) {
    await withBook("looker", look, async (page) => {
      await order(page, "Buy", 3, "8.20");
      await page.locator(".orders li").first().waitFor();
      book.place("acc_taker", { side: "sell", type: "market", quantity: 1 });
      await page.locator(".trades tbody tr").first().waitFor();
      if (pictures) await page.screenshot({ path: `${pictures}/book-${name}.png`, fullPage: true });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `sideways at ${name}`);
      const small = await page.$$eval("main button, main input, main select", (all) => all.filter((node) => node.offsetParent && (node.offsetHeight < 24 || node.offsetWidth < 24)).map((node) => node.outerHTML));
      assert.deepEqual(small, [], `targets at ${name}`);
      await page.evaluate(AXE);
      for (const state of ["continuous", "auction"]) {
        book.auction(state, state === "auction" ? { price: 845, volume: 10, surplus: 2 } : null);
        await page.locator("article .auction").waitFor({ state: state === "auction" ? "visible" : "detached" });
        const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
        assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`), [], `${name}, ${state}`);
      }
      book.auction("continuous");
    });
  }
});
