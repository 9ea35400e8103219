// `npm run screenshots`: the pages in every dress, into `screenshots/`, to be looked at by a person.
import { mkdirSync } from "node:fs";
import { launch, open, server } from "./browser.mjs";

const out = new URL("../screenshots/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const target = await server({ seed: 11 });
const browser = await launch();
/** Milliseconds for a market to move, so that the pictures show one that does. A real one moves more slowly. */
const SETTLE_MS = Number(process.env.SETTLE_MS ?? 3_000);
const shots = [
  ["desktop-light", { width: 1440, height: 960 }],
  ["desktop-dark", { width: 1440, height: 960, scheme: "dark" }],
  ["phone-light", { width: 390, height: 844 }],
  ["phone-dark", { width: 390, height: 844, scheme: "dark" }],
  ["chinese-light", { width: 1440, height: 960, locale: "zh-CN" }],
  ["small-light", { width: 320, height: 640 }],
];
const token = process.env.VENDUE_TOKEN ?? (target.real ? null : "you");
for (const [name, look] of shots) {
  const page = await open(browser, target.url, look);
  await page.locator("article").first().waitFor();
  await page.waitForTimeout(SETTLE_MS);
  await page.screenshot({ path: `${out}market-${name}.png` });
  await page.screenshot({ path: `${out}market-${name}-full.png`, fullPage: true });
  await page.locator("article a").first().click();
  await page.locator("table tr").nth(2).waitFor({ timeout: 15_000 }).catch(() => undefined);
  if (token) {
    await page.evaluate((text) => (location.hash += `?token=${text}`), token);
    await page.locator("#maximum").waitFor();
    await page.locator(".big").click();
    await page.locator(".notice:not(.busy)").filter({ hasText: /./ }).waitFor();
  }
  await page.waitForTimeout(300);
  await page.screenshot({ path: `${out}lot-${name}.png` });
  if (name.startsWith("phone")) await page.screenshot({ path: `${out}lot-${name}-full.png`, fullPage: true });
  if (token) {
    // Every other page, as the person who bids sees it.
    const others = target.real ? [] : Object.entries(target.market.others).map(([format, lot]) => [`format-${format}`, `#/lot/${lot}`]);
    const first = async (kind) => page.evaluate((at) => document.querySelector(`a[href^="#/${at}/"]`)?.hash ?? "#/", kind);
    await page.evaluate(() => (location.hash = "#/"));
    const views = [["mine", "#/"], ["stock", await first("stock")], ["book", await first("book")], ["orders", "#/orders"], ["account", "#/account"], ...others];
    for (const [view, hash] of views) {
      await page.evaluate((to) => (location.hash = to), hash);
      await page.waitForTimeout(700);
      await page.screenshot({ path: `${out}${view}-${name}.png`, fullPage: view !== "mine" });
    }
  }
  if (target.drop && name !== "small-light") {
    target.drop({ refuse: true });
    await page.waitForTimeout(1_500);
    await page.screenshot({ path: `${out}offline-${name}.png` });
    target.admit();
  }
  if (page.problems.length > 0) console.error(name, page.problems);
  await page.context().close();
}
await browser.close();
await target.stop();
console.log(out);
