import { line } from "../../lib/connection.svelte";
import { t } from "../../texts/ops";
import type { Deed } from "./acting.svelte";
import { desk } from "./desk.svelte";

const market = (): string => desk.market?.market ?? "";

export function haltMarket(): Deed {
  const id = market();
  return {
    title: t.halt.title,
    preview: () => t.halt.preview,
    reason: "required",
    verb: t.halt.verb,
    grave: true,
    run: (reason) => line.client.market.halt({ market: id, reason }),
    done: t.halt.done,
    undo: resumeMarket,
  };
}

export function resumeMarket(): Deed {
  const id = market();
  return {
    title: t.halt.resumeTitle,
    preview: () => t.halt.resumePreview,
    reason: "required",
    confirm: t.halt.resumeConfirm,
    verb: t.halt.resumeVerb,
    run: (reason) => line.client.market.resume({ market: id, reason }),
    done: t.halt.resumed,
    undo: haltMarket,
  };
}
