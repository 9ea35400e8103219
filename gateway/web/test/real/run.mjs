// `VENDUE_BIN=.../vendue npm run test:real`: the browser tests against a real market, also while its processes are killed.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chromiumPath } from "../browser.mjs";
import { frontOf, startDemo } from "./demo.mjs";

const bin = process.env.VENDUE_BIN;
const missing = !bin ? "VENDUE_BIN is not set; it is the path of the vendue program" : !existsSync(bin) ? `there is no program at ${bin}` : !existsSync(chromiumPath()) ? `there is no browser at ${chromiumPath()}; VENDUE_CHROMIUM names another` : null;
if (missing) {
  console.log(`skipped: ${missing}`);
  process.exit(0);
}

const demo = await startDemo(bin);
let code = 1;
try {
  const { bidder_token, http } = demo.read();
  const front = await frontOf({ http });
  try {
    const env = { ...process.env, VENDUE_URL: front.url, VENDUE_TOKEN: bidder_token, VENDUE_DEMO: demo.dir };
    // What to run instead of the tests, `node test/screenshots.mjs` say.
    const tests = ["test/pages.test.mjs", "test/ops/desk.test.mjs", "test/real/two.test.mjs", "test/real/kill.test.mjs"];
    const command = process.argv.length > 2 ? process.argv.slice(2) : ["--test", "--test-reporter=spec", "--test-concurrency=1", "--test-timeout=240000", ...tests];
    code = await new Promise((resolve) => {
      const run = spawn(process.execPath, command, { stdio: "inherit", env });
      for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => run.kill(signal));
      run.on("close", (status) => resolve(status ?? 1));
    });
  } finally {
    await front.stop();
  }
} finally {
  await demo.stop();
}
process.exit(code);
