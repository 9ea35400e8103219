import type { Order } from "@vendue/client";
import { line } from "../../lib/connection.svelte";
import { parseAmount } from "../../lib/money";
import { t } from "../../texts/ops";
import type { Deed } from "./acting.svelte";
import { money } from "./words";

/** What an operator can do to an order in its state (docs/rules.md, "Orders"). */
export function deedsOf(order: Order, after: () => void): { verb: string; grave: boolean; deed: () => Deed }[] {
  const words = t.orders;
  const total = money(order.total, order.currency);
  const id = order.order;
  const left = order.total - (order.refunded ?? 0);
  const make = (verb: string, preview: string[], run: Deed["run"], more: Partial<Deed> = {}): { verb: string; grave: boolean; deed: () => Deed } => ({
    verb,
    grave: more.grave ?? false,
    deed: () => ({
      title: `${verb}: ${order.lines[0]?.title ?? id}`,
      preview: () => preview,
      reason: "required",
      verb,
      run: async (reason, values) => {
        await run(reason, values);
        after();
      },
      done: words.done,
      ...more,
    }),
  });
  const { order: orders } = line.client;
  const refund = make(
    words.refund,
    words.preview.refund(money(left, order.currency)),
    async (reason, values) => {
      const amount = parseAmount(values.amount ?? "", order.currency);
      if (amount === null || amount <= 0 || amount > left) throw new Error(t.import.problems.amount(order.currency));
      return orders.refund({ order: id, amount, reason });
    },
    { grave: true, fields: [{ name: "amount", label: `${words.amount} (${order.currency})`, type: "number", value: money(left, order.currency).split(" ")[0] ?? "" }] },
  );
  const cancel = make(words.cancel, words.preview.cancel(total), (reason) => orders.cancel({ order: id, reason }), { grave: true });
  const delivered = make(words.delivered, words.preview.delivered(), (reason) => orders.mark_delivered({ order: id, reason }));
  switch (order.state) {
    case "awaiting_payment":
      return [make(words.markPaid, words.preview.markPaid(total), (reason) => orders.mark_paid({ order: id, reason })), cancel];
    case "paid":
      return [delivered, refund, cancel];
    case "fulfilling":
    case "refunded_in_part":
      return [delivered, refund];
    case "delivered":
      return [make(words.complete, words.preview.complete(), (reason) => orders.complete({ order: id, reason })), refund];
    case "completed":
      return left > 0 ? [refund] : [];
    default:
      return [];
  }
}
