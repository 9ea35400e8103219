import type { LotSnapshot } from "@vendue/client";
import { line } from "../../lib/connection.svelte";
import { t } from "../../texts/ops";
import type { Deed, Field } from "./acting.svelte";
import { instant, length, money } from "./words";

/** What an operator can do to a lot in its present state, the most usual first. */
export function deedsOf(snap: LotSnapshot, aliases: readonly string[]): { verb: string; grave: boolean; deed: () => Deed }[] {
  const words = t.lotDeeds;
  const all = {
    open: { verb: words.open, grave: false, deed: () => openLot(snap) },
    pause: { verb: words.pause, grave: true, deed: () => pauseLot(snap) },
    resume: { verb: words.resume, grave: false, deed: () => resumeLot(snap) },
    extend: { verb: words.extend, grave: false, deed: () => extendLot(snap) },
    close: { verb: words.close, grave: true, deed: () => closeLot(snap) },
    cancel: { verb: words.cancel, grave: true, deed: () => cancelLot(snap, aliases.length) },
    reopen: { verb: words.reopen, grave: false, deed: () => reopenLot(snap) },
    void: { verb: words.void, grave: true, deed: () => voidBid(snap, aliases) },
  };
  switch (snap.state) {
    case "draft":
    case "scheduled":
      return [all.open, all.cancel];
    case "open":
      return [all.pause, ...(typeof snap.ends_at === "number" ? [all.extend] : []), ...(aliases.length > 0 ? [all.void] : []), all.close, all.cancel];
    case "paused":
      return [all.resume, ...(aliases.length > 0 ? [all.void] : []), all.cancel];
    case "closed":
      return snap.result === "sold" ? [] : [all.reopen];
    default:
      return [];
  }
}

/** What is left of a lot, in words. */
export function leftOf(snap: LotSnapshot): string {
  const paused = (snap as { remaining_ms?: number | null }).remaining_ms;
  if (typeof paused === "number") return length(paused);
  return typeof snap.ends_at === "number" ? length((snap.ends_at - line.client.now()) / 1000) : "–";
}

function openLot(snap: LotSnapshot): Deed {
  const words = t.lotDeeds;
  return { title: `${words.open}: ${snap.title}`, preview: () => words.openPreview, reason: "required", verb: words.open, run: (reason) => line.client.lot.open({ lot: snap.lot, reason }), done: words.openDone };
}

function pauseLot(snap: LotSnapshot): Deed {
  const words = t.lotDeeds;
  const left = leftOf(snap);
  return {
    title: `${words.pause}: ${snap.title}`,
    preview: () => words.pausePreview(left, snap.bids),
    reason: "required",
    verb: words.pause,
    grave: true,
    run: (reason) => line.client.lot.pause({ lot: snap.lot, reason }),
    done: words.pauseDone,
    undo: () => resumeLot(snap),
  };
}

function resumeLot(snap: LotSnapshot): Deed {
  const words = t.lotDeeds;
  const left = leftOf(snap);
  return {
    title: `${words.resume}: ${snap.title}`,
    preview: () => words.resumePreview(left),
    reason: "required",
    confirm: words.resumeConfirm,
    verb: words.resume,
    run: (reason) => line.client.lot.resume({ lot: snap.lot, reason }),
    done: words.resumeDone,
    undo: () => pauseLot(snap),
  };
}

/** An instant as `datetime-local` has it, in the browser's zone. */
function local(micros: number): string {
  const at = new Date(micros / 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** The instant that such a field says, microseconds; null where it says none. */
function chosen(text: string | undefined): number | null {
  const at = new Date(text ?? "").getTime();
  return Number.isFinite(at) ? at * 1000 : null;
}

/** A new end some minutes after an instant, on the second after it: the field has whole ones. */
function endField(from: number, minutes: number): Field {
  return { name: "ends_at", label: t.lotDeeds.extendBy, type: "datetime-local", value: local(Math.ceil(from / 1e6) * 1e6 + minutes * 60_000_000) };
}

function extendLot(snap: LotSnapshot): Deed {
  const words = t.lotDeeds;
  const from = snap.ends_at;
  return {
    title: `${words.extend}: ${snap.title}`,
    fields: [endField(from, 5)],
    preview: (values) => {
      const to = chosen(values.ends_at);
      return to === null || to <= from ? [words.extendBad] : words.extendPreview(instant(from), instant(to), length((to - from) / 1000));
    },
    reason: "required",
    verb: words.extend,
    run: async (reason, values) => {
      const to = chosen(values.ends_at);
      if (to === null || to <= from) throw new Error(words.extendBad);
      return line.client.lot.extend({ lot: snap.lot, ends_at: to, reason });
    },
    done: words.extendDone,
  };
}

function closeLot(snap: LotSnapshot): Deed {
  const words = t.lotDeeds;
  return {
    title: `${words.close}: ${snap.title}`,
    preview: () => words.closePreview(snap.leader, money(snap.price, snap.currency)),
    reason: "required",
    verb: words.close,
    grave: true,
    run: (reason) => line.client.lot.close({ lot: snap.lot, reason }),
    done: words.closeDone,
  };
}

function cancelLot(snap: LotSnapshot, bidders: number): Deed {
  const words = t.lotDeeds;
  const deposit = typeof snap.deposit === "number" ? snap.deposit : null;
  // A deposit is the same for all and public; a full hold is a maximum, which nobody may see.
  const held = deposit !== null && bidders > 0 ? [words.deposits(bidders, money(deposit, snap.currency), money(deposit * bidders, snap.currency))] : snap.funding === "full" && bidders > 0 ? [words.holds] : [];
  return {
    title: `${words.cancel}: ${snap.title}`,
    preview: () => [...words.cancelPreview(snap.bids, Math.max(bidders, snap.bidders ?? 0)), ...held],
    reason: "required",
    verb: words.cancel,
    grave: true,
    run: (reason) => line.client.lot.cancel({ lot: snap.lot, reason }),
    done: words.cancelDone,
    undo: () => reopenLot(snap),
  };
}

function reopenLot(snap: LotSnapshot): Deed {
  const words = t.lotDeeds;
  const now = line.client.now();
  const end = typeof snap.ends_at === "number" && snap.ends_at > now ? endField(snap.ends_at, 0) : endField(now, 30);
  return {
    title: `${words.reopen}: ${snap.title}`,
    fields: [end],
    preview: (values) => words.reopenPreview(instant(chosen(values.ends_at))),
    reason: "required",
    confirm: words.reopenConfirm,
    verb: words.reopen,
    run: async (reason, values) => {
      const to = chosen(values.ends_at);
      if (to === null || to <= line.client.now()) throw new Error(words.extendBad);
      return line.client.lot.reopen({ lot: snap.lot, ends_at: to, reason });
    },
    done: words.reopenDone,
    undo: () => cancelLot(snap, 0),
  };
}

function voidBid(snap: LotSnapshot, aliases: readonly string[]): Deed {
  const words = t.lotDeeds;
  return {
    title: `${words.void}: ${snap.title}`,
    fields: [{ name: "alias", label: t.desk.bidders, type: "select", value: snap.leader ?? aliases[0] ?? "", options: aliases.map((alias) => [alias, alias] as const) }],
    preview: (values) => words.voidPreview(values.alias ?? ""),
    reason: "required",
    verb: words.void,
    grave: true,
    run: (reason, values) => line.client.lot.void_bid({ lot: snap.lot, alias: values.alias ?? "", reason }),
    done: words.voidDone,
  };
}
