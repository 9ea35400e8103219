import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { startFake } from "./fake/server.mjs";

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"];

/** Where the browser is, whether it is there or not. */
export const chromiumPath = () => process.env.VENDUE_CHROMIUM ?? "/usr/bin/chromium";

export async function launch() {
  const executablePath = chromiumPath();
  if (!existsSync(executablePath)) throw new Error(`There is no browser at ${executablePath}: apt-get install chromium, or set VENDUE_CHROMIUM.`);
  return chromium.launch({ executablePath, args: ARGS });
}

/** The server under test: the one of VENDUE_URL, or the fake (which tests that break things need). */
export async function server(options) {
  const url = process.env.VENDUE_URL;
  if (!url) return startFake(options);
  return { url: url.endsWith("/") ? url : `${url}/`, real: true, stop: async () => undefined };
}

/** Opens a page that fails the test on any error of script, policy or console. */
export async function open(browser, url, { width = 1280, height = 900, scheme = "light", reducedMotion = "no-preference", locale = "en-US" } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion, locale, deviceScaleFactor: width < 500 ? 2 : 1 });
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => {
    // A refused socket is what some tests are about.
    if (message.type() === "error" && !/WebSocket connection|ERR_CONNECTION|ERR_EMPTY/.test(message.text())) page.problems.push(message.text());
  });
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.host !== new URL(url).host) page.problems.push(`asked elsewhere: ${asked}`);
  });
  await page.goto(url);
  return page;
}
