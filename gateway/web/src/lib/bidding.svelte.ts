import { newKey, VendueError, type BidResult, type LotSnapshot, type RequestOptions } from "@vendue/client";
import { t } from "../texts";
import { line } from "./connection.svelte";
import { market } from "./market.svelte";
import { mannerOf, type Manner } from "./formats";
import { stepAt } from "./increments";
import { formatAmount, parseAmount } from "./money";
import { Receipt } from "./receipt.svelte";
import { amountWords, errorWords } from "./words";

/** Milliseconds after a move of the price during which a press of the button is taken for the amount that stood there before. */
const MOVED_GUARD_MS = 600;

/** Milliseconds within which the second press of "buy now" belongs to the first. */
const BUY_ASKED_MS = 6_000;

export type Tone = "busy" | "good" | "bad" | "doubt" | "hint";

/** What the form says about the last bid. */
export interface Notice {
  tone: Tone;
  text: string;
}

/** The bid form of one lot: what will be sent, and what became of what was sent. */
export class Bidding {
  /** What the person typed; null follows the least amount that counts. */
  typed = $state<string | null>(null);
  /** Units, where the lot has several. */
  quantity = $state(1);
  allOrNone = $state(false);
  /** The numbers of the items that are bid for, where the lot has several. */
  items = $state<number[]>([]);
  notice = $state.raw<Notice | null>(null);
  /** What the newest bid that was answered can be proved with. */
  receipt = $state.raw<Receipt | null>(null);
  busy = $state(false);
  private seenMinimum = 0;
  private minimumChangedAt = -Infinity;
  private buyAskedAt = -Infinity;

  constructor(private readonly lot: () => LotSnapshot) {}

  /** The amount that the button carries, minor units; null if what was typed is none. */
  get amount(): number | null {
    return this.typed === null ? this.suggested : parseAmount(this.typed, this.lot().currency);
  }

  get manner(): Manner {
    return mannerOf(this.lot());
  }

  /** The least amount that counts (in a tender the most): for the leader anything better than the own bid. */
  get minimum(): number {
    const own = this.ownMaximum;
    const next = this.lot().min_next_amount;
    if (this.manner.packages) return this.lot().start_amount * Math.max(1, this.items.length);
    if (own === null || this.manner.sealed || this.manner.units) return next;
    return this.manner.lowest ? Math.min(own - 1, next) : Math.max(own + 1, next);
  }

  /** Whether an amount is good enough to be sent. */
  counts(amount: number): boolean {
    return this.manner.lowest ? amount <= this.minimum && amount > 0 : amount >= this.minimum;
  }

  /** What the bid comes to for all its units, minor units; null while what is typed is no amount. */
  get hammer(): number | null {
    const amount = this.amount;
    return amount === null ? null : this.manner.units ? amount * this.units : amount;
  }

  /** Units that the bid asks for. */
  get units(): number {
    return Math.min(Math.max(1, Math.trunc(this.quantity) || 1), this.lot().quantity ?? 1);
  }

  get text(): string {
    return this.typed ?? formatAmount(this.suggested, this.lot().currency);
  }

  /** What the form offers by itself: the least amount that counts, or a step above the own maximum. */
  get suggested(): number {
    const own = this.ownMaximum;
    if (own === null) return this.minimum;
    if (this.manner.packages) return this.minimum;
    if (this.manner.sealed || this.manner.units) return own;
    const step = stepAt(own, this.lot().currency);
    return this.manner.lowest ? Math.max(1, Math.min(this.minimum, own - step)) : Math.max(this.minimum, own + step);
  }

  /** The person's maximum, minor units, while it leads; null if it does not or is not known here. */
  get ownMaximum(): number | null {
    const standing = market.mine.standing(this.lot());
    return standing?.status === "leading" || standing?.status === "placed" ? standing.maximum : null;
  }

  get leading(): boolean {
    return market.mine.standing(this.lot())?.status === "leading";
  }

  choose(amount: number): void {
    this.typed = formatAmount(amount, this.lot().currency);
    this.notice = null;
  }

  /** The least amount changed: noted, so that a press meant for the old amount does not send the new one. */
  minimumMoved(minimum: number): void {
    if (this.seenMinimum !== 0 && minimum !== this.seenMinimum) this.minimumChangedAt = performance.now();
    this.seenMinimum = minimum;
  }

  async submit(): Promise<void> {
    const { lot, currency } = this.lot();
    const amount = this.amount;
    if (this.busy) return;
    if (amount === null) return this.say("bad", t.bid.notAmount);
    if (this.manner.packages && this.items.length === 0) return this.say("hint", t.bid.chooseItems);
    if (!this.counts(amount)) {
      const words = amountWords(this.minimum, currency);
      return this.say("bad", this.manner.lowest ? t.bid.above(words) : t.bid.below(words));
    }
    if (this.typed === null && performance.now() - this.minimumChangedAt < MOVED_GUARD_MS) {
      return this.say("hint", t.bid.moved(amountWords(amount, currency)));
    }
    const units = this.manner.packages ? { package: [...this.items].sort((one, other) => one - other) } : this.manner.units ? { quantity: this.units, ...(this.allOrNone ? { all_or_none: true } : {}) } : {};
    await this.send((options) => line.client.lot.bid({ lot, amount, ...units }, options), amount);
  }

  /** Takes the lot for its fixed price. The first press asks, the second, soon after, buys: nothing takes it back. */
  async buyNow(): Promise<void> {
    const { lot, buy_now, currency } = this.lot();
    if (this.busy || buy_now === null) return;
    if (performance.now() - this.buyAskedAt > BUY_ASKED_MS) {
      this.buyAskedAt = performance.now();
      return this.say("hint", t.bid.buyAsk(amountWords(buy_now, currency)));
    }
    this.buyAskedAt = -Infinity;
    await this.send((options) => line.client.lot.buy_now({ lot }, options), null);
  }

  /** Sends a command for this lot and says how it fares. `maximum`, minor units, is what it may come to cost; null if that is fixed. */
  private async send(command: (options: RequestOptions) => Promise<BidResult>, maximum: number | null): Promise<void> {
    this.busy = true;
    this.receipt = null;
    const key = newKey();
    try {
      const phases = { queued: t.bid.queued, sent: t.bid.sending, retrying: t.bid.retrying, checking: t.bid.checking };
      this.answered(maximum, await command({ key, onPhase: (phase) => this.say(phase === "checking" ? "doubt" : "busy", phases[phase]) }));
      this.receipt = new Receipt(this.lot().lot, key);
    } catch (error) {
      if (!(error instanceof VendueError)) throw error;
      this.refused(error);
    } finally {
      this.busy = false;
    }
  }

  /** Somebody overtook the bid that the form still calls leading. */
  overtaken(): void {
    const { price, currency, state } = this.lot();
    if (this.notice?.tone === "good" && price !== null && state !== "closed" && !this.manner.sealed) this.say("bad", t.bid.overtaken(amountWords(price, currency)));
  }

  private answered(amount: number | null, result: BidResult): void {
    const { lot, currency } = this.lot();
    market.mine.answered(lot, amount, result);
    const alias = market.mine.standings.get(lot)?.alias ?? null;
    const leads = result.status === "leading" && alias !== null && !this.manner.units ? { leader: alias, price: result.price } : {};
    // The answer may be here before the lot's own news; the form must not offer what no longer counts.
    market.lots?.cell(lot)?.take({ ...leads, ...(result.min_next_amount === null ? {} : { min_next_amount: result.min_next_amount }) }, false);
    this.typed = null;
    const own = amount ?? result.price ?? 0;
    const price = amountWords(result.price ?? own, currency);
    const cost = this.costWords(result);
    if (result.status === "outbid") this.say("bad", this.manner.units ? t.bid.notServed(price) : this.manner.lowest ? t.bid.underbid(price) : t.bid.outbid(price));
    else if (result.status === "won") this.say("good", `${t.bid.won(price)}${cost}`);
    else if (result.status === "placed") this.say("good", `${this.manner.sealed ? t.bid.sealedPlaced(amountWords(own, currency)) : t.bid.placed(amountWords(own, currency))}${cost}`);
    else if (this.manner.units) this.say("good", `${t.bid.served(price)}${cost}`);
    else if (this.manner.lowest) this.say("good", t.bid.lowest(price));
    else this.say("good", `${t.bid.leading(price, amountWords(own, currency))}${cost}`);
  }

  /** Fees and what is held, as the server said. */
  private costWords(result: BidResult): string {
    const { currency } = this.lot();
    const total = result.fees !== undefined && result.total !== undefined ? ` ${t.costs.comesTo(amountWords(result.total, currency), amountWords(result.fees, currency))}` : "";
    return result.held === undefined ? total : `${total} ${t.costs.isHeld(amountWords(result.held, currency))}`;
  }

  private refused(error: VendueError): void {
    if (error.outcome === "unknown") return this.say("doubt", t.bid.unknown);
    if (error.code === "deadline_exceeded") return this.say("bad", t.bid.notExecuted);
    this.say("bad", errorWords(error, this.lot().currency));
    // An amount that is too low by now is of no use: the form goes back to the least that counts.
    if (error.code === "bid_too_low" || error.code === "bid_too_high") this.typed = null;
    if (error.code === "self_outbid") market.mine.leads(this.lot());
  }

  private say(tone: Tone, text: string): void {
    this.notice = { tone, text };
  }
}
