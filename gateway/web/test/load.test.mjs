// A crowded market on one page: 5,000 lots listed, 200 changes a second, and what the browser's main thread does about it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, open, server } from "./browser.mjs";

const skip = process.env.VENDUE_URL ? "needs the fake server, whose pace is known" : false;
const LOTS = 5_000;
const CHANGES_PER_S = 200;
/** How long it is measured, milliseconds; a soak takes longer: VENDUE_LOAD_MS=600000. */
const MEASURED_MS = Number(process.env.VENDUE_LOAD_MS ?? 20_000);
/** No task of the page's may keep a press waiting longer, milliseconds. */
const TASK_MAX_MS = 100;
/** Share of one core that the page's thread may take. */
const SHARE_MAX = 0.5;
/** By how much the heap may have grown at the end, bytes: garbage that waits for its collection, no more. */
const HEAP_GROWTH_MAX = 8_000_000;

test("5,000 lots and 200 changes a second leave the page at ease", { skip }, async () => {
  const target = await server({ seed: 5, lots: LOTS, bots: false });
  const browser = await launch();
  try {
    const page = await open(browser, target.url);
    const more = page.getByRole("button", { name: "Show more lots" });
    await page.locator(".rows li").first().waitFor();
    // Every lot that is open is in the list, as if somebody had pressed "more" all the way down.
    while ((await more.count()) > 0) {
      await more.click();
      await page.waitForFunction(() => !document.querySelector(".more:disabled"));
    }
    const listed = Number((await page.locator(".count").textContent()).replace(/\D/g, ""));
    assert.ok(listed > 4_000, `${listed} lots`);
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(1_000);
    const open_ = [...target.market.lots.values()].filter((lot) => lot.snap.state === "open" && lot.snap.format === "english");
    let turn = 0;
    // A quarter of a second at a time, as the server gathers its news.
    const life = setInterval(() => {
      for (let change = 0; change < CHANGES_PER_S / 4; change += 1) {
        const lot = open_[(turn * 7) % open_.length];
        turn += 1;
        if (lot.snap.state === "open") target.market.bid(`acc_bot${turn % 9}`, lot.snap.lot, lot.snap.min_next_amount + 100 * (turn % 3));
      }
      target.market.flush();
    }, 250);
    try {
      const session = await page.context().newCDPSession(page);
      await session.send("Performance.enable");
      await session.send("HeapProfiler.enable");
      const metrics = async () => Object.fromEntries((await session.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
      const heap = async () => {
        await session.send("HeapProfiler.collectGarbage");
        return (await metrics()).JSHeapUsedSize;
      };
      await page.waitForTimeout(3_000);
      const heapBefore = await heap();
      await page.evaluate(() => {
        globalThis.longTasks = [];
        new PerformanceObserver((list) => globalThis.longTasks.push(...list.getEntries().map((task) => Math.round(task.duration)))).observe({ type: "longtask" });
      });
      const before = await metrics();
      const from = turn;
      await page.waitForTimeout(MEASURED_MS);
      const after = await metrics();
      const longest = await page.evaluate(() => Math.max(0, ...globalThis.longTasks));
      const grown = (await heap()) - heapBefore;
      const share = (after.TaskDuration - before.TaskDuration) / (after.Timestamp - before.Timestamp);
      console.log(`${listed} lots, ${Math.round((turn - from) / (MEASURED_MS / 1000))} changes/s: main thread ${(share * 100).toFixed(1)} %, longest task ${longest} ms, heap ${grown} B more, ${after.Nodes} nodes`);
      assert.ok(share < SHARE_MAX, `main thread ${share}`);
      assert.ok(longest <= TASK_MAX_MS, `a task of ${longest} ms`);
      assert.ok(grown < HEAP_GROWTH_MAX, `heap grew by ${grown} B`);
      assert.deepEqual(page.problems, []);
      // The measurement sees what it is for.
      await page.evaluate((ms) => new Promise((resolve) => setTimeout(() => {
        const until = performance.now() + ms;
        while (performance.now() < until);
        resolve();
      })), TASK_MAX_MS * 2);
      await page.waitForFunction((ms) => Math.max(0, ...globalThis.longTasks) > ms, TASK_MAX_MS);
    } finally {
      clearInterval(life);
    }
  } finally {
    await browser.close();
    await target.stop();
  }
});
