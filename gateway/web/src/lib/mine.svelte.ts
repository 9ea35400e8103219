import { VendueError, type Balance, type BidResult, type LotSnapshot, type Subscription } from "@vendue/client";
import { SvelteMap } from "svelte/reactivity";
import { t } from "../texts";
import { line } from "./connection.svelte";
import { mannerOf } from "./formats";
import type { Lots } from "./lots.svelte";
import { Orders } from "./orders.svelte";
import { loadMemory, saveMemory } from "./session";
import { amountWords } from "./words";

/** How a person stands on a lot. The maximum is the person's own and known to nobody else. */
export interface Standing {
  status: "leading" | "outbid" | "placed" | "won";
  /** The highest maximum that this tab has sent, minor units; null if it was sent elsewhere. */
  maximum: number | null;
  /** The name under which everybody sees the person on this lot; null until it is known. */
  alias: string | null;
}

/** Goods from stock that are kept for the person until an instant of the server's clock, microseconds. */
export interface Reservation {
  reservation: string;
  expires_at: number;
}

export interface Toast {
  id: number;
  kind: "outbid" | "won";
  text: string;
  lot: string;
  /** The order that follows from what was won. */
  order: string | null;
}

const TOASTS_MAX = 3;
const TOAST_MS = 12_000;

/** Lots and reservations that a reload remembers: the newest. */
const REMEMBERED_MAX = 500;

/** Bids looked through for one's own. */
const OWN_BID_SEARCH = 20;

/** What concerns the person who is signed in: where they lead, where they were outbid, what they won. */
export class Mine {
  readonly standings = new SvelteMap<string, Standing>();
  /** By stock item: the newest reservation of it. */
  readonly reservations = new SvelteMap<string, Reservation>();
  toasts = $state.raw<Toast[]>([]);
  readonly orders = new Orders();
  /** Counts what the account was told of its orders in books: whoever shows them asks again. */
  bookNews = $state(0);
  /** Counts the moves of the account's money. */
  moneyNews = $state(0);
  /** Money, by currency; empty until the server has said. */
  private balances = $state.raw<Balance[]>([]);
  private lots: Lots | null = null;
  private feed: Subscription<"account"> | null = null;
  private account: string | null = null;
  private nextToast = 1;

  start(lots: Lots): void {
    this.lots = lots;
    line.client.on("connection", () => queueMicrotask(() => this.follow()));
    this.follow();
  }

  /**
   * How the person stands on a lot. The lot's own leader decides where the person's alias is known: news of the account
   * that came while nobody listened (a reload, a gap answered with a snapshot) are not told again.
   */
  standing(lot: LotSnapshot): Standing | undefined {
    const known = this.standings.get(lot.lot);
    // A sealed bid that is over and has not won: the account's news would have said it.
    if (known?.status === "placed" && lot.state === "closed") return { ...known, status: "outbid" };
    if (!known || known.alias === null) return known;
    // Several may be served, and clocks have no leader: the account's own news say it.
    if (lot.state !== "closed" && (mannerOf(lot).units || mannerOf(lot).clock || mannerOf(lot).rises || mannerOf(lot).sealed)) return known;
    if (lot.state === "closed") return { ...known, status: lot.winners.some((winner) => winner.alias === known.alias) ? "won" : "outbid" };
    if (known.status !== "leading" && known.status !== "outbid") return known;
    return { ...known, status: lot.leader === known.alias ? "leading" : "outbid" };
  }

  /** What the person has of a currency; null where nobody is signed in or nothing was ever paid in. */
  balance(currency: string): Balance | null {
    return this.balances.find((one) => one.currency === currency) ?? null;
  }

  /** Takes the answer to a bid of this tab. */
  answered(lot: string, maximum: number | null, result: BidResult): void {
    const known = this.standings.get(lot);
    const snap = this.lots?.cell(lot)?.snap;
    // The newest sealed bid or offer counts, not the highest.
    const replaces = snap !== undefined && (mannerOf(snap).sealed || mannerOf(snap).rises || mannerOf(snap).lowest || mannerOf(snap).units);
    const highest = maximum === null ? (known?.maximum ?? null) : replaces ? maximum : Math.max(maximum, known?.maximum ?? 0);
    const alias = known?.alias ?? null;
    this.standings.set(lot, { status: result.status, maximum: highest, alias });
    this.remember();
    if (alias === null && (snap === undefined || !(mannerOf(snap).sealed || mannerOf(snap).rises))) void this.identify(lot, result);
  }

  /** The server refused a bid because the person leads already, by a bid of another tab or day. */
  leads(lot: LotSnapshot): void {
    this.standings.set(lot.lot, { maximum: null, ...this.standings.get(lot.lot), status: "leading", alias: lot.leader });
    this.remember();
  }

  reserved(stock: string, reservation: Reservation): void {
    this.reservations.set(stock, reservation);
    this.remember();
  }

  released(reservation: string): void {
    for (const [stock, kept] of this.reservations) if (kept.reservation === reservation) this.reservations.delete(stock);
    this.remember();
  }

  /** Learns the person's alias on a lot from the place that the bid has in the lot's public story. */
  private async identify(lot: string, { seq, status }: BidResult): Promise<void> {
    if (seq === undefined) return;
    try {
      const [snap, page] = await Promise.all([line.client.lot.get({ lot }), line.client.lot.bids({ lot, limit: OWN_BID_SEARCH })]);
      const told = page.bids.find((bid) => bid.seq === seq)?.alias ?? null;
      const own = told === snap.leader ? null : told;
      const alias = mannerOf(snap).units || mannerOf(snap).clock ? told : status === "outbid" ? own : snap.seq === seq || status === "won" ? snap.leader : null;
      const known = this.standings.get(lot);
      if (!known || alias === null) return;
      this.standings.set(lot, { ...known, alias });
      this.remember();
    } catch (error) {
      // The next bid asks again.
      if (!(error instanceof VendueError)) throw error;
    }
  }

  private remember(): void {
    if (this.account === null) return;
    const lots = [...this.standings].slice(-REMEMBERED_MAX).map(([lot, { maximum, alias }]): [string, number | null, string | null] => [lot, maximum, alias]);
    const reservations = [...this.reservations].slice(-REMEMBERED_MAX).map(([stock, kept]): [string, string, number] => [stock, kept.reservation, kept.expires_at]);
    saveMemory({ account: this.account, lots, reservations });
  }

  private recall(account: string): void {
    const memory = loadMemory(account);
    // Without an alias it cannot be said who leads now.
    for (const [lot, maximum, alias] of memory?.lots ?? []) if (alias !== null) this.standings.set(lot, { status: "outbid", maximum, alias });
    for (const [stock, reservation, expires_at] of memory?.reservations ?? []) this.reservations.set(stock, { reservation, expires_at });
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  /** Listens to the account that is signed in now, and to no other. */
  private follow(): void {
    if (!line.live || line.account === this.account) return;
    this.account = line.account;
    this.feed?.close();
    this.feed = null;
    this.standings.clear();
    this.reservations.clear();
    this.orders.clear();
    this.balances = [];
    this.toasts = [];
    if (this.account === null) return;
    this.recall(this.account);
    const feed = line.client.subscribe("account");
    this.feed = feed;
    feed.on("state", (state) => {
      this.balances = (state as { balances?: Balance[] }).balances ?? [];
      this.moneyNews += 1;
    });
    // What happened while nobody listened is not told again, but the account knows how it came out.
    feed.on("snapshot", () => void this.learn());
    feed.onEvent("book_order_changed", () => (this.bookNews += 1));
    feed.onEvent("order_changed", () => this.orders.changed());
    feed.onEvent("bid_status", ({ lot, status }) => this.stand(lot, status));
    feed.onEvent("outbid", ({ lot, price }) => {
      this.stand(lot, "outbid");
      // In a lot of several units, or a sealed one, there may be no price to tell.
      if (typeof price === "number") this.tell("outbid", lot, price);
    });
    feed.onEvent("won", ({ lot, amount, order }) => {
      this.stand(lot, "won");
      this.tell("won", lot, amount, order);
      this.orders.changed();
    });
    feed.onEvent("reservation_created", ({ stock, reservation, expires_at }) => this.reserved(stock, { reservation, expires_at }));
    feed.onEvent("reservation_released", ({ reservation }) => this.released(reservation));
    feed.onEvent("reservation_expired", ({ reservation }) => this.released(reservation));
  }

  /** Asks where the person's bids stand, and for the orders. */
  private async learn(): Promise<void> {
    const account = this.account;
    try {
      const own = await line.client.account.get({});
      if (account === null || own.account !== this.account) return;
      for (const { lot, status } of own.bids ?? []) this.stand(lot, status);
      for (const { stock, reservation, expires_at } of own.reservations ?? []) this.reserved(stock, { reservation, expires_at });
    } catch (error) {
      // The next bid tells.
      if (!(error instanceof VendueError)) throw error;
    }
    this.orders.changed();
    this.bookNews += 1;
  }

  private stand(lot: string, status: string): void {
    if (status !== "leading" && status !== "outbid" && status !== "placed" && status !== "won") return;
    this.standings.set(lot, { maximum: null, alias: null, ...this.standings.get(lot), status });
    this.remember();
  }

  private tell(kind: "outbid" | "won", lot: string, amount: number, order: string | null = null): void {
    const snap = this.lots?.cell(lot)?.snap;
    const words = amountWords(amount, snap?.currency ?? "");
    const title = snap?.title ?? lot;
    const toast = { id: this.nextToast++, kind, lot, order, text: kind === "outbid" ? t.bid.outbidToast(title, words) : t.bid.wonToast(title, words) };
    // One message for each lot: the newest.
    this.toasts = [...this.toasts.filter((old) => old.lot !== lot), toast].slice(-TOASTS_MAX);
    setTimeout(() => this.dismiss(toast.id), TOAST_MS);
  }
}
