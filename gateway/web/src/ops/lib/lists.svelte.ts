import { onDestroy } from "svelte";
import { line } from "../../lib/connection.svelte";
import { desk } from "./desk.svelte";
import { Rows, type Fetch } from "./rows.svelte";

/** Asks a list method page by page; `of` takes the rows out of its answer. */
export function fetcher<T>(method: string, params: Record<string, unknown>, of: string): Fetch<T> {
  return async (cursor, limit) => {
    const answer = (await line.client.request(method, { ...params, limit, ...(cursor === null ? {} : { cursor }) })) as Record<string, unknown> & { cursor: string | null };
    return { rows: answer[of] as T[], cursor: answer.cursor };
  };
}

/** Rows that are loaded when the question changes and refreshed with the market's news. Called when a component is made. */
export function liveRows<T>(ask: () => Fetch<T>, pace_ms = 0): Rows<T> {
  const rows = new Rows<T>(async () => ({ rows: [], cursor: null }));
  $effect(() => void rows.load(ask()));
  $effect(() => {
    if (desk.news > 0) rows.refreshSoon();
  });
  // What the market's channel does not tell of is asked for now and then.
  const timer = pace_ms > 0 ? setInterval(() => rows.refreshSoon(), pace_ms) : undefined;
  onDestroy(() => {
    clearInterval(timer);
    rows.close();
  });
  return rows;
}
