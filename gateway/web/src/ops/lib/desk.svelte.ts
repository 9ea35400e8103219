import type { Market, Subscription } from "@vendue/client";
import { line } from "../../lib/connection.svelte";
import { learnCurrencies } from "../../lib/money";
import { vitals } from "./vitals.svelte";

/** Milliseconds until markets are asked for again where there was none, or no answer. */
const LOOK_AGAIN_MS = 2_000;
/** The account that exists from the first start. */
const HOUSE = "acc_00000000000000000000000001";
/** The market that stands for every market in a grant. */
const PLATFORM = /^mkt_0{26}$/;
const CHOSEN = "vendue.ops.market";

export type Role = "none" | "auditor" | "operator";

interface Grant {
  market: string;
  role: string;
}

/** What the dashboard is about: the market that was chosen, and what the one who looks may do in it. */
class Desk {
  markets = $state.raw<Market[]>([]);
  market = $state.raw<Market | null>(null);
  grants = $state.raw<Grant[] | null>(null);
  /** Moves when something in the market has changed: lists ask again. */
  news = $state(0);
  /** How far the market's channel has come. */
  head = $state<number | null>(null);
  /** A market that the account runs without a grant: who made it is its operator. */
  private owned = $state<string | null>(null);
  private feed: Subscription<`market:${string}`> | null = null;
  private asked: string | null = null;

  /** What one may do here. Only how it looks follows from it: what counts is decided by the engine. */
  readonly role: Role = $derived.by(() => {
    const { account, hello } = line;
    if (account === null || hello === null) return "none";
    if (account === HOUSE) return "operator";
    const here = (this.grants ?? []).filter(({ market }) => market === this.market?.market || PLATFORM.test(market)).map(({ role }) => role);
    const roles = this.grants === null ? hello.roles.map(String) : here;
    if (roles.includes("operator") || this.owned === this.market?.market) return "operator";
    return roles.includes("auditor") ? "auditor" : "none";
  });

  get operates(): boolean {
    return this.role === "operator";
  }

  get currency(): string {
    return this.market?.currency ?? "";
  }

  start(): void {
    vitals.start();
    void this.learn();
    void this.find();
    // Whoever signs in may see more than before.
    line.client.on("connection", ({ phase }) => {
      if (phase === "live") void this.meet();
    });
  }

  choose(id: string): void {
    const market = this.markets.find((one) => one.market === id);
    if (!market || market.market === this.market?.market) return;
    try {
      sessionStorage.setItem(CHOSEN, id);
    } catch {
      // It is chosen again after a reload.
    }
    this.open(market);
  }

  private async learn(): Promise<void> {
    try {
      const response = await fetch("/v1/currencies");
      if (response.ok) learnCurrencies(((await response.json()) as { currencies: { code: string; exponent: number }[] }).currencies);
    } catch {
      // The built-in exponents serve.
    }
  }

  private async meet(): Promise<void> {
    const account = line.hello?.account ?? null;
    if (account === this.asked) return;
    this.asked = account;
    this.grants = null;
    if (account === null) return;
    try {
      const own = await line.client.account.get({});
      if (account !== this.asked) return;
      await this.learnOwned(own.grants);
      this.grants = own.grants;
    } catch {
      this.asked = null;
    }
  }

  /** Who may read the log of a market without any role in it is its owner. */
  private async learnOwned(grants: readonly Grant[]): Promise<void> {
    this.owned = null;
    const market = this.market?.market;
    const reads = (one: Grant): boolean => (one.market === market || PLATFORM.test(one.market)) && (one.role === "operator" || one.role === "auditor");
    if (market === undefined || grants.some(reads)) return;
    try {
      await line.client.request("audit.list", { market, limit: 1 });
      this.owned = market;
    } catch {
      // It is nobody's of those who run it.
    }
  }

  private async find(): Promise<void> {
    for (;;) {
      try {
        const { markets } = await line.client.market.list({});
        this.markets = markets;
        const chosen = markets.find((one) => one.market === remembered()) ?? markets[0];
        if (chosen) return this.open(chosen);
      } catch {
        // Asked again below.
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  private open(market: Market): void {
    this.feed?.close();
    this.market = market;
    if (this.grants !== null) void this.learnOwned(this.grants);
    else this.asked = null;
    if (line.live) void this.meet();
    const feed = line.client.subscribe(`market:${market.market}`);
    this.feed = feed;
    feed.on("state", (state) => (this.market = { ...market, ...state }));
    this.head = null;
    feed.on("state", () => (this.head = feed.position?.seq ?? null));
    feed.on("event", () => (this.news += 1));
    this.news += 1;
  }
}

function remembered(): string | null {
  try {
    return sessionStorage.getItem(CHOSEN);
  } catch {
    return null;
  }
}

export const desk = new Desk();
