import { VendueError, type LotSnapshot } from "@vendue/client";
import { t } from "../texts";
import type { Notice } from "./bidding.svelte";
import { line } from "./connection.svelte";
import { market } from "./market.svelte";
import { parseAmount } from "./money";
import { amountWords, errorWords } from "./words";

/** Staying in a lot whose price rises: one press stays through the coming step, an amount as long as that lasts. */
export class Staying {
  /** Up to which price the house is to stay, as it was typed; empty: only the coming step. */
  typed = $state("");
  /** Up to which price it stays, minor units, as far as this page knows. */
  until = $state<number | null>(null);
  notice = $state.raw<Notice | null>(null);
  busy = $state(false);

  constructor(private readonly lot: () => LotSnapshot) {}

  /** Whether the person is in. */
  get isIn(): boolean {
    return market.mine.standing(this.lot())?.status === "placed";
  }

  /** Whether one may still come in: the clock shows its start. */
  get entering(): boolean {
    const { price, start_amount, state } = this.lot();
    return state === "open" && (price === null || price === start_amount);
  }

  async stay(): Promise<void> {
    const { lot, currency, price, next_price, start_amount } = this.lot();
    if (this.busy) return;
    const say = (tone: Notice["tone"], text: string): void => void (this.notice = { tone, text });
    const typed = this.typed.trim() === "" ? null : parseAmount(this.typed, currency);
    if (typed === null && this.typed.trim() !== "") return say("bad", t.bid.notAmount);
    this.busy = true;
    try {
      const phases = { queued: t.bid.queued, sent: t.stay.sending, retrying: t.bid.retrying, checking: t.bid.checking };
      const result = await line.client.lot.stay({ lot, ...(typed === null ? {} : { stay_until: typed }) }, { onPhase: (phase) => say(phase === "checking" ? "doubt" : "busy", phases[phase]) });
      const until = typed ?? Math.max(this.until ?? 0, next_price ?? price ?? start_amount);
      this.until = until;
      this.typed = "";
      market.mine.answered(lot, until, result);
      say("good", t.stay.stays(amountWords(until, currency)));
    } catch (error) {
      if (!(error instanceof VendueError)) throw error;
      if (error.outcome === "unknown") say("doubt", t.bid.unknown);
      else say("bad", error.code === "deadline_exceeded" ? t.bid.notExecuted : error.code === "not_qualified" ? t.stay.out : errorWords(error, currency));
    } finally {
      this.busy = false;
    }
  }
}
