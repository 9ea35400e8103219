import { VendueError, type StockSnapshot } from "@vendue/client";
import { line } from "./connection.svelte";
import { market } from "./market.svelte";
import { ORDERS_HREF } from "./route";
import { errorWords } from "./words";

/** One stock item's button: keeps some for the person who is signed in, or gives them back. */
export class Reserving {
  busy = $state(false);
  /** Why the last press did nothing; empty if it did. */
  problem = $state("");

  constructor(private readonly item: () => StockSnapshot) {}

  /** What is kept of this item, while it is kept. */
  kept(now_us: number): { reservation: string; expires_at: number } | null {
    const kept = market.mine.reservations.get(this.item().stock);
    return kept && kept.expires_at > now_us ? kept : null;
  }

  async reserve(quantity = 1): Promise<void> {
    const { stock } = this.item();
    await this.attempt(async () => {
      const { reservation, expires_at } = await line.client.stock.reserve({ stock, quantity });
      market.mine.reserved(stock, { reservation, expires_at });
    });
  }

  /** Makes an order of what is kept; its payment waits on the page of orders. */
  async order(reservation: string): Promise<void> {
    await this.attempt(async () => {
      await line.client.order.place({ lines: [{ reservation }] });
      market.mine.released(reservation);
      market.mine.orders.changed();
      location.hash = ORDERS_HREF;
    });
  }

  async release(reservation: string): Promise<void> {
    await this.attempt(async () => {
      await line.client.stock.release({ reservation }, { target: this.item().stock });
      market.mine.released(reservation);
    });
  }

  private async attempt(act: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.problem = "";
    try {
      await act();
    } catch (error) {
      if (!(error instanceof VendueError)) throw error;
      this.problem = errorWords(error, this.item().currency);
    } finally {
      this.busy = false;
    }
  }
}
