// Every page of the dashboard in every dress, into `screenshots/ops/`, to be looked at by a person:
// `VENDUE_BIN=.../vendue node test/real/run.mjs test/ops/shots.mjs`
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { launch, open } from "../browser.mjs";

const { VENDUE_URL: url, VENDUE_DEMO: dir } = process.env;
const demo = JSON.parse(readFileSync(join(dir, "demo.json"), "utf8"));
const out = new URL("../../screenshots/ops/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });
/** Milliseconds for charts to have something to show. */
const SETTLE_MS = Number(process.env.SETTLE_MS ?? 12_000);
const PAGES = (process.env.PAGES ?? "overview lots lot sales stock books orders order accounts account stuck signs audit create import").split(" ");
const LOOKS = { "desktop-light": { width: 1440, height: 960 }, "desktop-dark": { width: 1440, height: 960, scheme: "dark" }, "phone-light": { width: 390, height: 844 }, "phone-dark": { width: 390, height: 844, scheme: "dark" } };
const browser = await launch();
for (const [name, look] of Object.entries(LOOKS)) {
  const page = await open(browser, `${url}ops#token=${demo.operator_token}`, look);
  await page.locator("h1").first().waitFor();
  await page.waitForTimeout(name === "desktop-light" ? SETTLE_MS : 3_000);
  for (const what of PAGES) {
    const [list, isOne] = { lot: ["lots", true], order: ["orders", true], account: ["accounts", true] }[what] ?? [what, false];
    await page.evaluate((hash) => (location.hash = hash), `#/${list}`);
    await page.waitForTimeout(700);
    if (isOne) {
      if (what === "lot") await page.selectOption("select >> nth=2", "bids").catch(() => undefined);
      await page.waitForTimeout(500);
      await page.locator("a[data-row]").first().click({ timeout: 5_000 }).catch((error) => console.error(what, String(error).slice(0, 200)));
      await page.waitForTimeout(1_200);
    }
    await page.screenshot({ path: `${out}${what}-${name}.png`, fullPage: name.startsWith("phone") });
  }
  if (page.problems.length > 0) console.error(name, page.problems);
  await page.context().close();
}
await browser.close();
console.log(out);
