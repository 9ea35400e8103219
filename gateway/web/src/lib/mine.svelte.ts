import type { BidResult, Subscription } from "@vendue/client";
import { SvelteMap } from "svelte/reactivity";
import { t } from "../texts";
import { line } from "./connection.svelte";
import type { Lots } from "./lots.svelte";
import { amountWords } from "./words";

/** How a person stands on a lot. The maximum is the person's own and known to nobody else. */
export interface Standing {
  status: "leading" | "outbid" | "placed" | "won";
  /** The highest maximum that this tab has sent, minor units; null if it was sent elsewhere. */
  maximum: number | null;
}

export interface Toast {
  id: number;
  kind: "outbid" | "won";
  text: string;
  lot: string;
}

const TOASTS_MAX = 3;
const TOAST_MS = 12_000;

/** What concerns the person who is signed in: where they lead, where they were outbid, what they won. */
export class Mine {
  readonly standings = new SvelteMap<string, Standing>();
  toasts = $state.raw<Toast[]>([]);
  private lots: Lots | null = null;
  private feed: Subscription<"account"> | null = null;
  private account: string | null = null;
  private nextToast = 1;

  start(lots: Lots): void {
    this.lots = lots;
    line.client.on("connection", () => queueMicrotask(() => this.follow()));
    this.follow();
  }

  /** Takes the answer to a bid of this tab. */
  answered(lot: string, maximum: number, result: BidResult): void {
    this.standings.set(lot, { status: result.status, maximum: Math.max(maximum, this.standings.get(lot)?.maximum ?? 0) });
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
    this.toasts = [];
    if (this.account === null) return;
    const feed = line.client.subscribe("account");
    this.feed = feed;
    feed.onEvent("bid_status", ({ lot, status }) => this.stand(lot, status));
    feed.onEvent("outbid", ({ lot, price }) => {
      this.stand(lot, "outbid");
      this.tell("outbid", lot, price);
    });
    feed.onEvent("won", ({ lot, amount }) => {
      this.stand(lot, "won");
      this.tell("won", lot, amount);
    });
  }

  private stand(lot: string, status: string): void {
    if (status !== "leading" && status !== "outbid" && status !== "placed" && status !== "won") return;
    this.standings.set(lot, { maximum: this.standings.get(lot)?.maximum ?? null, status });
  }

  private tell(kind: "outbid" | "won", lot: string, amount: number): void {
    const snap = this.lots?.cell(lot)?.snap;
    const words = amountWords(amount, snap?.currency ?? "");
    const title = snap?.title ?? lot;
    const toast = { id: this.nextToast++, kind, lot, text: kind === "outbid" ? t.bid.outbidToast(title, words) : t.bid.wonToast(title, words) };
    // One message for each lot: the newest.
    this.toasts = [...this.toasts.filter((old) => old.lot !== lot), toast].slice(-TOASTS_MAX);
    setTimeout(() => this.dismiss(toast.id), TOAST_MS);
  }
}
