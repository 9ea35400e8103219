// The pages in a real browser. Against the fake server, or with VENDUE_URL (and VENDUE_TOKEN for bids) against a real one.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, open, server } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const token = process.env.VENDUE_TOKEN ?? (process.env.VENDUE_URL ? null : "you");
const fakeOnly = process.env.VENDUE_URL ? "needs the fake server, which can be broken at will" : false;
const needsToken = token ? false : "needs VENDUE_TOKEN, a bidder's";
let browser;
let target;

before(async () => {
  browser = await launch();
  target = await server({ seed: 3 });
});

after(async () => {
  await browser?.close();
  await target?.stop();
});

/** Opens the market, runs, and fails on anything the browser complained about. */
async function withPage(look, run, url = target.url) {
  const page = await open(browser, url, look);
  try {
    await page.locator("article").first().waitFor();
    await run(page);
    assert.deepEqual(page.problems, []);
  } finally {
    await page.context().close();
  }
}

const goTo = (page, hash) => page.evaluate((to) => (location.hash = to), hash);

/** With the token in the address, as the demo's link does it. */
async function signIn(page, who) {
  await page.evaluate((name) => (location.hash = `#/?token=${name}`), who);
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}

const rowsOf = (page) => page.$$eval(".rows li", (rows) => rows.map((row) => ({ lot: row.querySelector("a").hash.slice(6), price: row.querySelector(".amount").firstChild.textContent.trim() })));

test("prices move and the countdown counts, by themselves", () =>
  withPage({}, async (page) => {
    const before = JSON.stringify(await rowsOf(page));
    await page.waitForFunction((old) => JSON.stringify([...document.querySelectorAll(".rows li")].map((row) => ({ lot: row.querySelector("a").hash.slice(6), price: row.querySelector(".amount").firstChild.textContent.trim() }))) !== old, before, { timeout: 60_000 });
    const counter = page.locator("article .left").first();
    const first = await counter.textContent();
    await page.waitForFunction(([old]) => document.querySelector("article .left").textContent !== old, [first]);
    await page.locator("section a .amount").first().waitFor();
  }));

const widest = (page) => page.$$eval("body *", (all) => all.filter((node) => node.getBoundingClientRect().right > innerWidth && !node.closest("ul")).map((node) => node.outerHTML.slice(0, 80)).join(" | "));

test("nothing scrolls sideways, down to 320 px, and every target is large enough for a thumb", async () => {
  for (const width of [1280, 768, 390, 320]) {
    await withPage({ width, height: 800 }, async (page) => {
      const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
      assert.ok(await fits(), `market at ${width}: ${await widest(page)}`);
      await page.locator(".rows a").first().click();
      await page.locator("article .panel").waitFor();
      assert.ok(await fits(), `lot at ${width}: ${await widest(page)}`);
      const small = await page.$$eval("button, input, select", (all) => all.filter((node) => node.offsetParent && (node.offsetHeight < 24 || node.offsetWidth < 24)).map((node) => node.outerHTML));
      assert.deepEqual(small, [], `targets at ${width}`);
      if (fakeOnly) return;
      await signIn(page, "narrow");
      for (const hash of [...Object.values(target.market.others).map((lot) => `#/lot/${lot}`), `#/stock/${[...target.market.stock.keys()][0]}`, "#/orders", "#/account"]) {
        await goTo(page, hash);
        await page.locator(/orders|account/.test(hash) ? "main dl dd" : "article .panel .big").first().waitFor();
        assert.ok(await fits(), `${hash} at ${width}: ${await widest(page)}`);
      }
    });
  }
});

test("axe finds nothing, light and dark, market, lot and dialog", async () => {
  for (const scheme of ["light", "dark"]) {
    // Highlights fade through every colour between: with reduced motion the two ends are what is measured.
    await withPage({ scheme, width: 1100, reducedMotion: "reduce" }, async (page) => {
      await page.evaluate(AXE);
      const check = async (where) => {
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
        assert.deepEqual(violations.map((found) => `${where} ${scheme}: ${found.id}: ${found.nodes[0]?.html} ${found.nodes[0]?.failureSummary}`), []);
      };
      await check("market");
      await page.locator("header .account").click();
      await page.locator("dialog[open]").waitFor();
      await check("sign-in");
      await page.keyboard.press("Escape");
      await page.locator(".rows a").first().click();
      await page.locator("article .panel").waitFor();
      await check("lot");
      if (!fakeOnly) {
        await signIn(page, "looker");
        for (const [name, lot] of Object.entries(target.market.others)) {
          await goTo(page, `#/lot/${lot}`);
          await page.locator("article .panel .big").waitFor();
          await check(name);
        }
      }
      await goTo(page, "#/orders");
      await page.locator("h1").filter({ hasText: "My orders" }).waitFor();
      await check("orders");
      await goTo(page, "#/account");
      await page.locator("h1").filter({ hasText: "My account" }).waitFor();
      if (!fakeOnly) await page.locator("tbody tr").first().waitFor();
      await check("account");
      await page.keyboard.press("?");
      await page.locator("dialog[open] kbd").first().waitFor();
      await check("keys");
      await page.keyboard.press("Escape");
      if (fakeOnly) return;
      await goTo(page, `#/stock/${[...target.market.stock.keys()][0]}`);
      await page.locator("article .big").waitFor();
      await check("stock");
    });
  }
});

test("the keyboard reaches lots, and the way back leads to the same place", () =>
  withPage({}, async (page) => {
    await page.locator(".rows a").nth(6).focus();
    const scrolled = await page.evaluate(() => scrollY);
    await page.keyboard.press("Enter");
    await page.locator("article .panel").waitFor();
    await page.goBack();
    await page.locator(".rows").waitFor();
    await page.waitForFunction((y) => Math.abs(scrollY - y) < 4, scrolled);
  }));

test("search and filters ask the server", () =>
  withPage({}, async (page) => {
    const word = (await page.locator(".rows h3 a").first().textContent()).split(/[\s,]/)[0];
    await page.getByRole("searchbox").fill(word);
    await page.waitForFunction((text) => [...document.querySelectorAll(".rows h3")].length > 0 && [...document.querySelectorAll(".rows h3")].some((node) => node.textContent.includes(text)), word);
    await page.getByRole("searchbox").fill("zzz-no-such-thing");
    await page.getByText("No lot matches.").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.locator(".rows li").first().waitFor();
  }));

test("a lost connection is said, and comes back with nothing missing", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    await page.locator('[data-phase="live"]').waitFor();
    const ids = (await rowsOf(page)).map((row) => row.lot);
    target.drop({ refuse: true });
    await page.locator('[data-phase="waiting"]').waitFor();
    await page.getByText(/Reconnecting/).waitFor();
    await page.getByText(/Shown: \d+ s ago/).waitFor();
    // Life goes on while nobody here hears it.
    const busy = [...target.market.lots.values()].filter((lot) => lot.snap.state === "open" && lot.snap.format === "english" && ids.includes(lot.snap.lot)).slice(-6);
    for (const lot of busy) target.market.bid("acc_elsewhere", lot.snap.lot, lot.snap.min_next_amount + 50_000);
    target.market.flush();
    target.admit();
    await page.locator('[data-phase="live"]').waitFor();
    for (const lot of busy) {
      const words = (lot.snap.price / 100).toLocaleString("en", { minimumFractionDigits: 2 });
      await page.waitForFunction(([id, text]) => document.querySelector(`.rows a[href="#/lot/${id}"]`).closest("li").querySelector(".amount").textContent.includes(text), [lot.snap.lot, words], { timeout: 10_000 });
    }
    assert.deepEqual((await rowsOf(page)).map((row) => row.lot), ids, "rows stay where they were");
  }));

test("a connection cut by the network comes back by itself", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  let cut = null;
  await page.routeWebSocket(/\/ws$/, (socket) => {
    const upstream = socket.connectToServer();
    cut = () => {
      upstream.close();
      socket.close({ code: 1011 });
    };
  });
  await page.goto(target.url);
  await page.locator('[data-phase="live"]').waitFor();
  const phases = await page.evaluateHandle(() => {
    const seen = [];
    const chip = document.querySelector("[data-phase]");
    new MutationObserver(() => seen.push(chip.dataset.phase)).observe(chip, { attributes: true });
    return seen;
  });
  cut();
  await page.waitForFunction((seen) => seen.includes("waiting") && seen.at(-1) === "live", phases, { timeout: 30_000 });
  await context.close();
});

test("a token in the address signs in and leaves the address", { skip: needsToken }, () =>
  withPage({}, async (page) => {
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    assert.equal(new URL(page.url()).hash, "#/");
  }, `${target.url}#token=${token}`));

test("a bid, from sign-in to its outcome", { skip: needsToken }, () =>
  withPage({ width: 390, height: 844 }, async (page) => {
    const last = page.locator(".rows li").filter({ hasText: "English auction" }).locator("a");
    await last.nth((await last.count()) - 1).click();
    await page.getByRole("button", { name: "Sign in to bid" }).click();
    await page.getByRole("textbox", { name: "Token" }).fill(token);
    await page.locator("dialog").getByRole("button", { name: "Sign in" }).click();
    await page.locator("#maximum").waitFor();
    await page.locator("#maximum").fill("0.01");
    await page.locator(".big").click();
    await page.getByText(/has to be at least/).waitFor();
    await page.locator(".steps button").nth(1).click();
    const words = await page.locator(".big").textContent();
    assert.match(words, /^\s*Bid [\d,.]+\s*$/);
    await page.locator(".big").click();
    await page.locator(".notice").filter({ hasText: /You lead|Outbid/ }).waitFor();
    await page.locator("tbody tr").first().waitFor();
  }));

test("where one leads, and with which maximum, is known after a reload", { skip: needsToken }, () =>
  withPage({}, async (page) => {
    // Where nobody has bid, nobody's hidden maximum can be in the way.
    await page.locator(".rows li").filter({ hasText: "English auction" }).filter({ hasText: "No bids yet" }).last().locator("a").click();
    await page.locator("#maximum").waitFor();
    await page.locator(".steps button").nth(3).click();
    await page.locator(".big").click();
    await page.locator(".notice:not(.busy)").filter({ hasText: /./ }).waitFor();
    assert.match(await page.locator(".notice").textContent(), /You lead/);
    const own = await page.locator(".next").filter({ hasText: /So far/ }).textContent();
    // The alias is learnt by a question after the answer.
    await page.waitForFunction(() => JSON.parse(sessionStorage.getItem("vendue.mine") ?? "{}").lots?.some(([, , alias]) => alias !== null));
    await page.reload();
    await page.locator("article .panel .standing.leads").waitFor();
    await page.locator(".next").filter({ hasText: own }).waitFor();
  }, `${target.url}#token=${token}`));

test("a piece from stock is kept, also over a reload, and given back", { skip: needsToken }, () =>
  withPage({ width: 390, height: 844 }, async (page) => {
    const shelf = page.locator(".shelf");
    await shelf.getByRole("button", { name: /^Reserve one/ }).first().click();
    await shelf.getByText(/Kept for you until/).waitFor();
    await page.reload();
    await shelf.getByText(/Kept for you until/).waitFor();
    await shelf.getByRole("button", { name: /^Release/ }).click();
    await shelf.getByText(/Kept for you until/).waitFor({ state: "detached" });
  }, `${target.url}#token=${token}`));

test("a lot with a fixed price is bought by two presses", { skip: needsToken }, () =>
  withPage({}, async (page) => {
    const rows = await page.$$eval(".rows li", (all) => all.filter((row) => row.textContent.includes("English auction")).map((row) => row.querySelector("a").hash));
    for (const hash of rows.reverse()) {
      await page.evaluate((to) => (location.hash = to), hash);
      await page.locator("article .panel .amount").waitFor();
      await page.waitForFunction((to) => document.querySelector("#maximum") && location.hash === to, hash);
      if ((await page.locator(".buy").count()) === 0) continue;
      await page.locator(".buy").click();
      await page.locator(".notice").filter({ hasText: /Press once more/ }).waitFor();
      await page.locator(".buy").click();
      await page.locator(".notice").filter({ hasText: /You won/ }).waitFor();
      await page.locator("article .panel .standing").filter({ hasText: "You won" }).waitFor();
      return;
    }
    // Others may have bid on every such lot, which ends the offer.
  }, `${target.url}#token=${token}`));

test("an answer that is lost is looked up, and said so meanwhile", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    const quiet = [...target.market.lots.values()].filter((lot) => lot.snap.state === "open" && lot.snap.format === "english").sort((a, b) => b.snap.ends_at - a.snap.ends_at)[0];
    await page.evaluate((lot) => (location.hash = `#/lot/${lot}`), quiet.snap.lot);
    await page.locator("#maximum").waitFor();
    target.control.swallowReplies = true;
    try {
      await page.locator("#maximum").fill(String(quiet.snap.min_next_amount / 100 + 5000));
      await page.locator(".big").click();
      await page.locator(".notice").filter({ hasText: /Sending/ }).waitFor();
      await page.locator(".notice").filter({ hasText: /You lead/ }).waitFor({ timeout: 20_000 });
    } finally {
      target.control.swallowReplies = false;
    }
  }, `${target.url}#token=lost`));

test("being outbid is announced; a press at the moment of a move sends nothing", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    const lot = [...target.market.lots.values()].filter((one) => one.snap.state === "open" && one.snap.format === "english").sort((a, b) => b.snap.ends_at - a.snap.ends_at)[2];
    await page.evaluate((id) => (location.hash = `#/lot/${id}`), lot.snap.lot);
    await page.locator("#maximum").waitFor();
    target.market.stop();
    await page.locator("#maximum").fill(String((lot.snap.min_next_amount + 500_000) / 100));
    await page.locator(".big").click();
    await page.locator(".notice").filter({ hasText: /You lead/ }).waitFor();
    // The press comes in the very moment in which the button gets another amount.
    await page.evaluate(() => {
      const button = document.querySelector(".big");
      const observer = new MutationObserver(() => {
        if (!/^\s*Bid/.test(button.textContent)) return;
        observer.disconnect();
        button.click();
      });
      observer.observe(button, { childList: true, characterData: true, subtree: true });
    });
    const executed = target.market.executed;
    target.market.bid("acc_rival", lot.snap.lot, lot.snap.min_next_amount + 1_000_000);
    await page.locator("[aria-live] .outbid").waitFor();
    await page.locator(".notice").filter({ hasText: /The price moved while you pressed|You were outbid/ }).waitFor();
    assert.equal(target.market.executed, executed + 1, "only the rival's bid");
    target.market.start();
  }, `${target.url}#token=careful`));

test("a refused token is told, and one goes on as a guest", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    await page.getByText(/This token was not accepted/).waitFor();
    await page.locator('[data-phase="live"]').waitFor();
    await page.locator("dialog").getByRole("button", { name: "Cancel" }).click();
    await page.locator(".rows li").first().waitFor();
  }, `${target.url}#token=bad`));

test("three thousand lots: more when asked, but only rows near the window are in the page", { skip: fakeOnly }, async () => {
  const crowded = await server({ seed: 5, lots: 3_000 });
  try {
    await withPage({}, async (page) => {
      const rows = page.locator(".rows li");
      const first = await rows.count();
      assert.ok(first > 20 && first < 200, `${first} rows`);
      await page.getByRole("button", { name: "Show more lots" }).click();
      await page.waitForFunction((before) => document.querySelectorAll(".rows li").length > before, first);
      for (let shown = 180; shown <= 420; shown += 60) {
        await page.getByRole("button", { name: "Show more lots" }).click();
        await page.locator(".count").filter({ hasText: `${shown} lots` }).waitFor();
      }
      await page.waitForFunction(() => document.querySelectorAll(".rows li").length < 120);
      // What left keeps its place, and comes back when it is scrolled to.
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      await page.evaluate(() => scrollTo(0, 0));
      await page.locator(".rows li").first().waitFor();
      await page.waitForFunction((was) => Math.abs(document.documentElement.scrollHeight - was) < 120, height);
    }, crowded.url);
  } finally {
    await crowded.stop();
  }
});

const noticed = (page, words) => page.locator(".notice").filter({ hasText: words }).waitFor();
const lotOf = (name) => target.market.lots.get(target.market.others[name]);

test("a dutch clock falls, and one press takes at what it shows", { skip: fakeOnly }, () =>
  withPage({ width: 390, height: 844 }, async (page) => {
    await goTo(page, `#/lot/${target.market.others.dutch}`);
    const big = page.locator(".big");
    await big.filter({ hasText: /^\s*Take one at [\d,.]+\s*$/ }).waitFor();
    const before = await big.textContent();
    await page.waitForFunction((old) => document.querySelector(".big").textContent !== old, before, { timeout: 10_000 });
    await page.getByRole("button", { name: "One more" }).click();
    await big.filter({ hasText: /Take 2 at .* each/ }).waitFor();
    await page.getByText(/Hammer [\d,.]+ \+ premium [\d,.]+ = [\d,.]+/).waitFor();
    const left = lotOf("dutch").snap.remaining;
    await big.click();
    await noticed(page, /Yours: 2 at .* each/);
    assert.equal(lotOf("dutch").snap.remaining, left - 2);
    await page.locator(".state").filter({ hasText: `${left - 2} of 12 left` }).waitFor();
    await page.locator("article .panel .standing.leads").waitFor();
  }, `${target.url}#token=taker`));

test("a rising clock: one comes in, stays, and whoever came too late cannot", { skip: fakeOnly }, () =>
  withPage({ width: 390, height: 844 }, async (page) => {
    await goTo(page, `#/lot/${target.market.others.japanese}`);
    const big = page.locator(".big");
    await big.filter({ hasText: /Come in, and stay at 525/ }).waitFor();
    await page.locator("#until").fill("900");
    await big.filter({ hasText: /Stay up to 900/ }).click();
    await noticed(page, /You are in up to 900/);
    assert.equal(lotOf("japanese").offers.get("acc_stayer").amount, 90_000);
    await page.locator("article .panel").getByText("one bidder is in").waitFor();
    assert.equal(await page.locator("article table").count(), 0, "no list of bids");
  }, `${target.url}#token=stayer`));

test("a candle lot says when it may go out", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    await goTo(page, `#/lot/${target.market.others.candle}`);
    await page.getByText(/The candle burns for .* at least/).waitFor();
    await page.locator("#maximum").fill("200");
    await page.locator(".big").click();
    await page.locator("article .panel .standing.leads").waitFor();
  }, `${target.url}#token=stayer`));

test("packages: what one bids for is chosen, and the least follows it", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    await goTo(page, `#/lot/${target.market.others.combinatorial}`);
    await page.locator(".big").filter({ hasText: "Choose items" }).waitFor();
    await page.getByLabel("Twenty-four plates").check();
    await page.getByLabel("Two tureens with covers").check();
    await page.locator(".big").filter({ hasText: /Bid 200.* for 2 items/ }).click();
    await noticed(page, /Your bid of 200/);
    await page.locator("article .panel .standing").filter({ hasText: /Your bid is in/ }).waitFor();
  }, `${target.url}#token=stayer`));

test("a sealed lot shows how many bid, and nothing else", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    target.market.bid("acc_rival", target.market.others.sealed, 1_234_500);
    await goTo(page, `#/lot/${target.market.others.sealed}`);
    await page.getByText(/Sealed until the end/).waitFor();
    await page.locator("article .panel .standing").filter({ hasText: /1 bidder/ }).waitFor();
    await page.getByText("A deposit of 150.00 is held before your first bid.").waitFor();
    assert.equal(await page.locator("article table").count(), 0, "no list of bids");
    await page.locator("#maximum").fill("1000");
    await page.locator(".big").click();
    await noticed(page, /Your bid of 1,000.00 is in/);
    await page.locator("article .panel .standing").filter({ hasText: "Your bid is in, 2 bidders" }).waitFor();
    await page.locator("#maximum").fill("1100");
    await page.locator(".big").filter({ hasText: "Replace with 1,100.00" }).click();
    await noticed(page, /Your bid of 1,100.00 is in/);
    assert.ok(!(await page.locator("article:has(.panel)").innerText()).includes("12,345"), "nobody's amount is shown");
    // After a reload the account itself says that a bid is in.
    await page.reload();
    await page.locator("article .panel .standing").filter({ hasText: /Your bid is in/ }).waitFor();
  }, `${target.url}#token=sealed`));

test("several units: a quantity, a unit price, and what is held for them", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    await goTo(page, `#/lot/${target.market.others.multi}`);
    await page.locator("#quantity").fill("5");
    await page.locator("#maximum").fill("80");
    await page.getByText("Hammer 400.00 + premium 80.00 = 480.00").waitFor();
    await page.getByText("480.00 is held while your bid stands.").waitFor();
    await page.locator(".big").filter({ hasText: "Bid 80.00 each for 5" }).click();
    await noticed(page, /As it stands you get units at 80.00 each.*480.00 is held/);
    await page.locator(".wallet").filter({ hasText: "480.00 held" }).waitFor();
    await page.locator("tbody tr").filter({ hasText: "80.00" }).filter({ hasText: "5" }).waitFor();
  }, `${target.url}#token=units`));

test("in a tender the lowest offer leads", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    await goTo(page, `#/lot/${target.market.others.reverse}`);
    await page.locator("#maximum").fill("2500");
    await page.locator(".big").click();
    await noticed(page, /has to be at most 2,000.00/);
    await page.locator(".steps button").nth(1).click();
    await page.locator(".big").filter({ hasText: /^\s*Offer [\d,.]+\s*$/ }).click();
    await noticed(page, /is the lowest/);
    await page.locator("article .panel .standing.leads").filter({ hasText: "Your offer is the lowest" }).waitFor();
    assert.equal(await page.getByText(/premium/).count(), 0, "who is paid pays no premium");
  }, `${target.url}#token=tender`));

test("what was won is paid from the balance, by way of the toast", { skip: fakeOnly }, () =>
  withPage({ width: 390, height: 844 }, async (page) => {
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    const { vickrey } = target.market.others;
    target.market.bid("acc_winner", vickrey, 90_000);
    target.market.bid("acc_rival", vickrey, 70_000);
    target.market.close(lotOf("vickrey"));
    await page.locator("[aria-live] .won").getByRole("link", { name: "View order" }).click();
    const order = page.locator("li.awaiting_payment");
    // 700.00 of hammer, 140.00 of premium.
    await order.filter({ hasText: "840.00" }).getByRole("button", { name: "Pay 840.00" }).click();
    await page.locator("li.paid").filter({ hasText: "Paid" }).waitFor();
    await page.locator("dl").filter({ hasText: "49,160.00" }).waitFor();
    await page.locator(".wallet").filter({ hasText: "49,160.00" }).waitFor();
    await page.reload();
    await page.locator("li.paid").waitFor();
  }, `${target.url}#token=winner`));

test("a piece that is kept becomes an order", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    const shelf = page.locator(".shelf");
    await shelf.getByRole("button", { name: /^Reserve one/ }).first().click();
    await shelf.getByRole("button", { name: /^Order:/ }).click();
    await page.locator("li.awaiting_payment").getByRole("button", { name: "Cancel" }).click();
    await page.locator("li.cancelled").waitFor();
  }, `${target.url}#token=shopper`));

test("every format as it is offered: a bid in each, and the money behind it", { skip: needsToken }, () =>
  withPage({}, async (page) => {
    await page.locator(".wallet .amount").filter({ hasText: /[\d,.]+ EUR/ }).waitFor();
    const bid = async (format, act, outcome) => {
      await goTo(page, "#/");
      await page.locator(".rows li").filter({ hasText: format }).filter({ hasText: /Ends in/ }).first().locator("a").click();
      await page.locator("article .panel .big").waitFor();
      await act();
      await page.locator(".big").click();
      await page.locator(".notice:not(.busy)").filter({ hasText: /./ }).waitFor();
      assert.match(await page.locator(".notice").textContent(), outcome, format);
    };
    await bid("Dutch auction", () => page.getByText(/Hammer .* premium/).waitFor(), /Yours/);
    await bid("Sealed bid", () => page.getByText(/Sealed until the end/).waitFor(), /Your bid of .* is in/);
    await bid("Several units", () => page.locator("#quantity").fill("2"), /As it stands|others bid more/);
    await bid("Tender", () => page.locator(".steps button").nth(1).click(), /is the lowest|as low or lower|is in/);
    await page.locator(".wallet").click();
    await page.locator("h1").filter({ hasText: "My orders" }).waitFor();
    await page.locator("dl dd").first().waitFor();
  }, `${target.url}#token=${token}`));

test("an account's page: money, what is held for what, and the statement page by page", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    await goTo(page, `#/lot/${target.market.others.multi}`);
    await page.locator("#maximum").fill("95");
    await page.locator(".big").click();
    await noticed(page, /is held/);
    await page.locator(".wallet").click();
    await page.getByRole("link", { name: "My account" }).click();
    await page.locator(".holds li").filter({ hasText: "for your bid on" }).waitFor();
    await page.locator("tbody tr").first().waitFor();
    assert.equal(await page.locator("tbody tr").count(), 25);
    await page.getByRole("button", { name: "Earlier lines" }).click();
    await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 40);
    await page.getByText("bank transfer 4701").waitFor();
    await page.locator(".holds a").click();
    await page.locator("article .panel .big").waitFor();
    await goTo(page, "#/account");
    const everywhere = page.getByRole("button", { name: "Sign out everywhere" });
    await everywhere.click();
    await page.getByText(/Press once more: every device/).waitFor();
    assert.equal(target.control.signedOut, undefined, "one press signs nobody out");
    await everywhere.click();
    await page.getByText("Sign in to see your money").waitFor();
    assert.equal(target.control.signedOut, "acc_holder");
  }, `${target.url}#token=holder`));

test("an article's page: how many, a timer while they are kept, and a refusal that says why", { skip: fakeOnly }, () =>
  withPage({ width: 390, height: 844 }, async (page) => {
    const item = [...target.market.stock.values()].find((one) => one.available > 6);
    await page.locator(`.shelf a[href="#/stock/${item.stock}"]`).click();
    await page.locator("#quantity").fill("2");
    await page.getByRole("button", { name: "Reserve 2" }).click();
    await page.locator("article .kept").filter({ hasText: /Kept for you until/ }).waitFor();
    await page.locator(".timer").filter({ hasText: /\d+:\d\d left/ }).waitFor();
    await page.getByRole("button", { name: "Release" }).click();
    await page.locator("#quantity").waitFor();
    target.market.stop();
    target.market.stock.set(item.stock, { ...target.market.stock.get(item.stock), available: 0 });
    await page.getByRole("button", { name: /^Reserve/ }).click();
    await page.getByText("Sold out a moment ago.").waitFor();
    target.market.start();
  }, `${target.url}#token=shelf`));

test("by keyboard alone: help, a maximum, a bid, and its receipt", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    const lot = [...target.market.lots.values()].filter((one) => one.snap.state === "open" && one.snap.format === "english").sort((a, b) => b.snap.ends_at - a.snap.ends_at)[1];
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.type), "search");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await page.locator("dialog[open] kbd").first().waitFor();
    await page.keyboard.press("Escape");
    await goTo(page, `#/lot/${lot.snap.lot}`);
    await page.locator("#maximum").waitFor();
    await page.keyboard.press("m");
    await page.keyboard.type(String((lot.snap.min_next_amount + 700_000) / 100));
    await page.keyboard.press("Escape");
    await page.keyboard.press("b");
    const executed = target.market.executed;
    assert.equal(await page.evaluate(() => document.activeElement.className.includes("big")), true, "the key goes to the button and presses nothing");
    await page.keyboard.press("Enter");
    await noticed(page, /You lead/);
    assert.ok(target.market.executed > executed);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Keep the receipt" }).press("Enter");
    assert.match((await download).suggestedFilename(), /^receipt-lot_.*\.json$/);
    await page.getByText(/Receipt saved/).waitFor();
  }, `${target.url}#token=keys`));

test("lots of one's own stand first, the ones that were lost before the others", { skip: fakeOnly }, () =>
  withPage({}, async (page) => {
    const [led, lost] = [...target.market.lots.values()].filter((one) => one.snap.state === "open" && one.snap.format === "english").sort((a, b) => b.snap.ends_at - a.snap.ends_at).slice(3, 5);
    for (const { snap } of [led, lost]) {
      await goTo(page, `#/lot/${snap.lot}`);
      await page.waitForFunction((lot) => location.hash.endsWith(lot) && document.querySelector("#maximum"), snap.lot);
      await page.locator("#maximum").fill(String((snap.min_next_amount + 900_000) / 100));
      await page.locator(".big").click();
      await noticed(page, /You lead/);
    }
    target.market.bid("acc_rival", lost.snap.lot, target.market.lots.get(lost.snap.lot).snap.min_next_amount + 9_000_000);
    await goTo(page, "#/");
    await page.locator(".own li").nth(1).waitFor();
    await page.locator(".own li").first().filter({ hasText: "You were outbid" }).waitFor();
    assert.equal(await page.locator(".own li").first().locator("a").first().evaluate((node) => node.hash), `#/lot/${lost.snap.lot}`);
  }, `${target.url}#token=owner`));

test("outbid: one tap on the message goes higher, from any page", { skip: fakeOnly }, () =>
  withPage({ width: 390, height: 844 }, async (page) => {
    const lot = [...target.market.lots.values()].filter((one) => one.snap.state === "open" && one.snap.format === "english").sort((a, b) => b.snap.ends_at - a.snap.ends_at)[6];
    await goTo(page, `#/lot/${lot.snap.lot}`);
    await page.locator("#maximum").fill(String((lot.snap.min_next_amount + 900_000) / 100));
    await page.locator(".big").click();
    await noticed(page, /You lead/);
    await goTo(page, "#/orders");
    target.market.bid("acc_rival", lot.snap.lot, target.market.lots.get(lot.snap.lot).snap.min_next_amount + 950_000);
    const higher = page.locator("[aria-live] .outbid .higher");
    await higher.waitFor();
    const rows = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    assert.ok(rows, "the message fits");
    // The rival's maximum is still higher: the tap is answered with that, and the button carries what is next.
    await page.waitForTimeout(700);
    const executed = target.market.executed;
    const before = await higher.textContent();
    await higher.click();
    await page.waitForFunction((old) => document.querySelector("[aria-live] .higher")?.textContent !== old, before);
    assert.ok(target.market.executed > executed);
  }, `${target.url}#token=tapper`));

test("in Chinese: chosen by the browser or by hand, nothing scrolls sideways, axe finds nothing", { skip: fakeOnly }, async () => {
  for (const width of [1280, 320]) {
    const page = await open(browser, `${target.url}#token=chinese${width}`, { width, height: 800, locale: "zh-CN", reducedMotion: "reduce" });
    try {
      await page.getByRole("button", { name: "退出登录" }).waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.lang), "zh");
      await page.evaluate(AXE);
      const hashes = [...Object.values(target.market.others).map((lot) => `#/lot/${lot}`), `#/stock/${[...target.market.stock.keys()][0]}`, `#/book/${[...target.market.books.keys()][0]}`, "#/orders", "#/account", "#/"];
      for (const hash of hashes) {
        await goTo(page, hash);
        await page.locator(hash === "#/" ? ".rows li" : /orders|account/.test(hash) ? "main dl dd" : hash.includes("book") ? "article form" : "article .big").first().waitFor();
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${hash} at ${width}: ${await widest(page)}`);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
        assert.deepEqual(violations.map((found) => `${hash}: ${found.id}: ${found.nodes[0]?.html}`), []);
      }
      // No English word of the catalogue is left where a Chinese one belongs.
      assert.ok(!/\b(All lots|Search|Ends in|Sign out|Live)\b/.test(await page.locator("body").innerText()));
      await page.getByRole("button", { name: "English" }).click();
      await page.getByRole("button", { name: "Sign out" }).waitFor();
      assert.deepEqual(page.problems, []);
    } finally {
      await page.context().close();
    }
  }
});
