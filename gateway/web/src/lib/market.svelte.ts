import type { BookSnapshot, Market, StockSnapshot, Subscription } from "@vendue/client";
import { line } from "./connection.svelte";
import { Lots } from "./lots.svelte";
import { learnCurrencies } from "./money";
import { Mine } from "./mine.svelte";

/** Bids that the activity strip remembers. */
const ACTIVITY_MAX = 8;

/** Stock items followed live; more are shown as they were when loaded. */
const STOCK_FOLLOWED = 48;

/** Books followed live; more are shown as they were when loaded. */
const BOOKS_FOLLOWED = 12;

/** Milliseconds until the market is asked for again when there was none. */
const LOOK_AGAIN_MS = 3_000;

export interface Activity {
  id: number;
  lot: string;
  title: string;
  leader: string | null;
  price: number;
  currency: string;
}

/** The market that the page shows: its own state, its lots, its books, its stock, and what just happened. */
class MarketView {
  info = $state.raw<Market | null>(null);
  none = $state(false);
  lots = $state.raw<Lots | null>(null);
  stock = $state.raw<StockSnapshot[]>([]);
  books = $state.raw<BookSnapshot[]>([]);
  activity = $state.raw<Activity[]>([]);
  readonly mine = new Mine();
  private nextActivity = 1;
  private readonly followed: Subscription<`stock:${string}` | `book:${string}`>[] = [];

  async start(): Promise<void> {
    await this.learn();
    for (;;) {
      const market = await this.find();
      if (market) return this.open(market);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  private async learn(): Promise<void> {
    try {
      const response = await fetch("/v1/currencies");
      if (response.ok) learnCurrencies(((await response.json()) as { currencies: { code: string; exponent: number }[] }).currencies);
    } catch {
      // The built-in exponents serve.
    }
  }

  private async find(): Promise<Market | null> {
    try {
      const { markets } = await line.client.market.list({});
      this.none = markets.length === 0;
      return markets.find((market) => market.state === "open") ?? markets[0] ?? null;
    } catch {
      return null;
    }
  }

  private open(market: Market): void {
    this.info = market;
    const lots = new Lots(market.market);
    this.lots = lots;
    const news = line.client.subscribe(`market:${market.market}`);
    news.onEvent("lots_changed", ({ lots: changes }) => {
      for (const change of changes) {
        const cell = lots.change(change);
        if (cell && cell.snap.price !== null) this.record(cell.snap.lot, cell.snap.title, cell.snap.leader, cell.snap.price, cell.snap.currency);
        if (change.state && change.state !== "open") lots.refreshSoon();
      }
    });
    news.onEvent("lot_closed", (data) => lots.closed(data as { lot: string }));
    news.onEvent("lot_listed", ({ lot }) => lots.listed(lot));
    news.on("state", (state) => (this.info = { ...market, ...state }));
    let first = true;
    // A snapshot instead of events means that single bids were missed: what is shown is asked for anew.
    news.on("snapshot", () => {
      if (!first) void lots.refresh();
      first = false;
    });
    void lots.load();
    lots.refreshSoon();
    void this.loadStock(market.market);
    void this.loadBooks(market.market);
    this.mine.start(lots);
  }

  private async loadStock(market: string): Promise<void> {
    try {
      this.stock = (await line.client.stock.list({ market })).stock;
    } catch {
      return;
    }
    for (const item of this.stock.slice(0, STOCK_FOLLOWED)) {
      const subscription = line.client.subscribe(`stock:${item.stock}`);
      this.followed.push(subscription);
      subscription.on("state", (state) => {
        this.stock = this.stock.map((old) => (old.stock === item.stock ? { ...old, ...state } : old));
      });
    }
  }

  private async loadBooks(market: string): Promise<void> {
    try {
      this.books = (await line.client.book.list({ market })).books;
    } catch {
      return;
    }
    for (const { book } of this.books.slice(0, BOOKS_FOLLOWED)) {
      const subscription = line.client.subscribe(`book:${book}`, { mode: "latest" });
      this.followed.push(subscription as unknown as Subscription<`book:${string}`>);
      subscription.on("state", (state) => {
        this.books = this.books.map((old) => (old.book === book ? { ...old, ...state } : old));
      });
    }
  }

  private record(lot: string, title: string, leader: string | null, price: number, currency: string): void {
    this.activity = [{ id: this.nextActivity++, lot, title, leader, price, currency }, ...this.activity].slice(0, ACTIVITY_MAX);
  }
}

export const market = new MarketView();
