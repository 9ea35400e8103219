import { VendueError, type LotSnapshot } from "@vendue/client";
import { t } from "../texts";
import type { Notice } from "./bidding.svelte";
import { line } from "./connection.svelte";
import { market } from "./market.svelte";
import { amountWords, errorWords } from "./words";

/** Buying at a clock's price: one press takes what is chosen, at the price that stands on the button or less. */
export class Taking {
  /** Units chosen. */
  quantity = $state(1);
  notice = $state.raw<Notice | null>(null);
  busy = $state(false);

  constructor(private readonly lot: () => LotSnapshot) {}

  /** The most that can be taken now. */
  get most(): number {
    return Math.max(1, this.lot().remaining ?? 1);
  }

  /** What is taken when the button is pressed now. */
  get units(): number {
    return Math.min(Math.max(1, Math.trunc(this.quantity) || 1), this.most);
  }

  async take(): Promise<void> {
    const { lot, price, start_amount, currency } = this.lot();
    if (this.busy) return;
    const [quantity, amount] = [this.units, price ?? start_amount];
    this.busy = true;
    const say = (tone: Notice["tone"], text: string): void => void (this.notice = { tone, text });
    try {
      const phases = { queued: t.bid.queued, sent: t.take.sending, retrying: t.bid.retrying, checking: t.bid.checking };
      const result = await line.client.lot.take({ lot, quantity, amount }, { onPhase: (phase) => say(phase === "checking" ? "doubt" : "busy", phases[phase]) });
      market.mine.answered(lot, null, result);
      say("good", t.take.taken(quantity, amountWords(result.price ?? amount, currency)));
    } catch (error) {
      if (!(error instanceof VendueError)) throw error;
      if (error.outcome === "unknown") say("doubt", t.bid.unknown);
      else say("bad", error.code === "deadline_exceeded" ? t.bid.notExecuted : errorWords(error, currency));
    } finally {
      this.busy = false;
    }
  }
}
