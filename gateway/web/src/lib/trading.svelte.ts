import { VendueError, type BookOrder, type BookOrderResult, type BookSide, type BookSnapshot, type NewBookOrder } from "@vendue/client";
import { t } from "../texts";
import type { Notice } from "./bidding.svelte";
import { line } from "./connection.svelte";
import { feeOn } from "./fees";
import { formatAmount, parseAmount } from "./money";
import { amountWords, errorWords } from "./words";

/** A market order may cost so much more than what stands in the book now, parts in a hundred: the book moves meanwhile. */
const ROOM_PERCENT = 10;

export type Lasting = "gtc" | "ioc" | "fok";

/** The order form of one book: what is typed, what it comes to, and the sending of it. */
export class Trading {
  side = $state<BookSide>("buy");
  type = $state<"limit" | "market">("limit");
  quantity = $state<number | null>(null);
  price = $state("");
  lasting = $state<Lasting>("gtc");
  postOnly = $state(false);
  notice = $state.raw<Notice | null>(null);
  busy = $state(false);

  constructor(
    private readonly book: () => BookSnapshot,
    private readonly sent: () => void,
  ) {}

  /** Takes a level of the ladder over: a person who presses an ask wants to buy there. */
  pick(side: BookSide, price: number): void {
    this.type = "limit";
    this.side = side;
    this.price = formatAmount(price, this.book().currency).replaceAll(",", "");
  }

  get units(): number {
    return this.quantity === null ? this.book().lot_size : Math.max(0, Math.trunc(this.quantity));
  }

  /** Minor units for one; null while nothing sensible is typed, or the market decides. */
  get unitPrice(): number | null {
    return this.type === "limit" ? parseAmount(this.price, this.book().currency) : null;
  }

  /** What it comes to without fees: at its price, or at what stands in the book; null where that cannot be said. */
  get value(): number | null {
    if (this.units <= 0) return null;
    const price = this.unitPrice;
    if (this.type === "limit") return price === null ? null : price * this.units;
    let left = this.units;
    let sum = 0;
    for (const [level, quantity] of this.side === "buy" ? this.book().asks : this.book().bids) {
      const taken = Math.min(left, quantity);
      sum += taken * level;
      left -= taken;
      if (left === 0) return sum;
    }
    return null;
  }

  /** The buyer's fee on it; 0 for sellers, whose fee is kept from what they get. */
  get fee(): number {
    const table = this.side === "buy" ? this.book().fees?.buyers_premium : null;
    return table && this.value !== null ? feeOn(table, this.value) : 0;
  }

  /** What a market order may cost in all: some room above what stands in the book now. */
  private get most(): number {
    const sum = (this.value ?? 0) + this.fee;
    return sum + Math.ceil((sum * ROOM_PERCENT) / 100);
  }

  /** Why it cannot be sent as it stands; null if it can. */
  get problem(): string | null {
    const { tick, lot_size, currency } = this.book();
    if (this.units <= 0 || this.units % lot_size !== 0) return t.book.notQuantity(lot_size);
    if (this.type === "market") return this.value === null ? t.book.notThatMuch : null;
    const price = this.unitPrice;
    if (price === null || price <= 0) return t.bid.notAmount;
    return price % tick === 0 ? null : t.book.offTick(amountWords(tick, currency));
  }

  async place(): Promise<void> {
    if (this.busy) return;
    const { book, currency, funding } = this.book();
    const problem = this.problem;
    if (problem !== null) return this.say("hint", problem);
    const order: NewBookOrder = { book, side: this.side, type: this.type, quantity: this.units };
    if (this.type === "limit") {
      order.price = this.unitPrice as number;
      order.time_in_force = this.lasting;
      if (this.postOnly && this.lasting === "gtc") order.post_only = true;
    } else if (this.side === "buy" && funding === "full") order.max_amount = this.most;
    await this.attempt(currency, async () => {
      const result = await line.client.book.place(order, { onPhase: (phase) => this.say(phase === "checking" ? "doubt" : "busy", phase === "checking" ? t.bid.checking : t.book.sending) });
      this.say(result.status === "cancelled" ? "hint" : "good", resultWords(result, this.side, currency));
    });
  }

  async cancel(order: BookOrder): Promise<void> {
    await this.attempt(order.currency, async () => {
      const result = await line.client.book.cancel({ book: order.book, book_order: order.book_order });
      this.say("good", t.book.cancelled(result.filled));
    });
  }

  private say(tone: Notice["tone"], text: string): void {
    this.notice = { tone, text };
  }

  private async attempt(currency: string, act: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      await act();
    } catch (error) {
      if (!(error instanceof VendueError)) throw error;
      if (error.outcome === "unknown") this.say("doubt", t.book.unknown);
      else this.say("bad", tradeErrorWords(error, currency));
    } finally {
      this.busy = false;
      this.sent();
    }
  }
}

/** What became of an order, in a sentence. */
function resultWords(result: BookOrderResult, side: BookSide, currency: string): string {
  const value = result.trades.reduce((sum, trade) => sum + trade.price * trade.quantity, 0);
  const units = result.trades.reduce((sum, trade) => sum + trade.quantity, 0);
  const traded = units > 0 ? t.book.traded(side, units, amountWords(value, currency)) : "";
  const rest =
    result.status === "open" || result.status === "partly_filled" ? t.book.rests(result.remaining)
    : result.status === "pending" ? t.book.pending
    : result.status === "filled" ? ""
    : t.book.restCancelled(result.remaining);
  return [traded, rest].filter(Boolean).join(" ");
}

/** A refusal with the figures that a book's rules give. */
function tradeErrorWords(error: VendueError, currency: string): string {
  const { below, above, lot_size } = error.details as { below?: number | null; above?: number | null; lot_size?: number };
  if (error.code === "price_off_tick") {
    const near = [below, above].filter((price): price is number => typeof price === "number").map((price) => amountWords(price, currency));
    return t.book.tryPrice(near.join(", "));
  }
  if (error.code === "quantity_off_lot" && typeof lot_size === "number") return t.book.notQuantity(lot_size);
  return errorWords(error, currency);
}
