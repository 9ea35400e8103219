import { VendueError, type BidResult, type LotSnapshot, type RequestOptions } from "@vendue/client";
import { t } from "../texts";
import { line } from "./connection.svelte";
import { market } from "./market.svelte";
import { stepAt } from "./increments";
import { formatAmount, parseAmount } from "./money";
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
  notice = $state.raw<Notice | null>(null);
  busy = $state(false);
  private seenMinimum = 0;
  private minimumChangedAt = -Infinity;
  private buyAskedAt = -Infinity;

  constructor(private readonly lot: () => LotSnapshot) {}

  /** The amount that the button carries, minor units; null if what was typed is none. */
  get amount(): number | null {
    return this.typed === null ? this.suggested : parseAmount(this.typed, this.lot().currency);
  }

  /** The least amount that counts: for the leader anything above the own maximum. */
  get minimum(): number {
    const own = this.ownMaximum;
    return own === null ? this.lot().min_next_amount : Math.max(own + 1, this.lot().min_next_amount);
  }

  get text(): string {
    return this.typed ?? formatAmount(this.suggested, this.lot().currency);
  }

  /** What the form offers by itself: the least amount that counts, or a step above the own maximum. */
  get suggested(): number {
    const own = this.ownMaximum;
    return own === null ? this.minimum : Math.max(this.minimum, own + stepAt(own, this.lot().currency));
  }

  /** The person's maximum, minor units, while it leads; null if it does not or is not known here. */
  get ownMaximum(): number | null {
    const standing = market.mine.standing(this.lot());
    return standing?.status === "leading" ? standing.maximum : null;
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
    if (amount < this.minimum) return this.say("bad", t.bid.below(amountWords(this.minimum, currency)));
    if (this.typed === null && performance.now() - this.minimumChangedAt < MOVED_GUARD_MS) {
      return this.say("hint", t.bid.moved(amountWords(amount, currency)));
    }
    await this.send((options) => line.client.lot.bid({ lot, amount }, options), amount);
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
    try {
      const phases = { queued: t.bid.queued, sent: t.bid.sending, retrying: t.bid.retrying, checking: t.bid.checking };
      this.answered(maximum, await command({ onPhase: (phase) => this.say(phase === "checking" ? "doubt" : "busy", phases[phase]) }));
    } catch (error) {
      if (!(error instanceof VendueError)) throw error;
      this.refused(error);
    } finally {
      this.busy = false;
    }
  }

  /** Somebody overtook the bid that the form still calls leading. */
  overtaken(): void {
    const { price, currency } = this.lot();
    if (this.notice?.tone === "good" && price !== null) this.say("bad", t.bid.overtaken(amountWords(price, currency)));
  }

  private answered(amount: number | null, result: BidResult): void {
    const { lot, currency } = this.lot();
    market.mine.answered(lot, amount, result);
    const alias = market.mine.standings.get(lot)?.alias ?? null;
    const leads = result.status === "leading" && alias !== null ? { leader: alias, price: result.price } : {};
    // The answer may be here before the lot's own news; the form must not offer what no longer counts.
    market.lots?.cell(lot)?.take({ ...leads, ...(result.min_next_amount === null ? {} : { min_next_amount: result.min_next_amount }) }, false);
    this.typed = null;
    const price = amountWords(result.price, currency);
    if (result.status === "outbid") this.say("bad", t.bid.outbid(price));
    else if (result.status === "won") this.say("good", t.bid.won(price));
    else if (result.status === "placed") this.say("good", t.bid.placed(amountWords(amount ?? result.price, currency)));
    else this.say("good", t.bid.leading(price, amountWords(amount ?? result.price, currency)));
  }

  private refused(error: VendueError): void {
    if (error.outcome === "unknown") return this.say("doubt", t.bid.unknown);
    if (error.code === "deadline_exceeded") return this.say("bad", t.bid.notExecuted);
    this.say("bad", errorWords(error, this.lot().currency));
    // An amount that is too low by now is of no use: the form goes back to the least that counts.
    if (error.code === "bid_too_low") this.typed = null;
    if (error.code === "self_outbid") market.mine.leads(this.lot());
  }

  private say(tone: Tone, text: string): void {
    this.notice = { tone, text };
  }
}
