// Signing in at an OpenID provider, in a real browser against the fake server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open } from "./browser.mjs";
import { startFake } from "./fake/server.mjs";

const skip = process.env.VENDUE_URL ? "needs the fake server: tests/sign_in.rs has a real provider" : false;
let browser;
let market;

before(async () => {
  if (skip) return;
  browser = await launch();
  market = await startFake({ seed: 3, provider: true });
});

after(async () => {
  await browser?.close();
  await market?.stop();
});

test("one signs in at the provider, comes back to where one was, stays signed in, and signs out", { skip }, async () => {
  const page = await open(browser, market.url);
  const lot = page.locator(".rows li a").first();
  await lot.click();
  const place = new URL(page.url()).hash;
  await page.getByRole("button", { name: "Sign in" }).first().click();
  await page.getByRole("button", { name: "Go to the sign-in page" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  assert.equal(new URL(page.url()).hash, place, "back at the lot");
  await page.reload();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).first().waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Sign in" }).first().waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("who is turned away at the provider is told so, and can try again", { skip }, async () => {
  const page = await open(browser, `${market.url}auth/deny`);
  const dialog = page.locator("dialog[open]");
  await dialog.waitFor();
  assert.match(await dialog.innerText(), /left without signing in/);
  await dialog.getByRole("button", { name: "Go to the sign-in page" }).waitFor();
  assert.equal(new URL(page.url()).search, "", "the address keeps nothing of it");
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
