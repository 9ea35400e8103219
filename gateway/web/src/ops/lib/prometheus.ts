type Buckets = readonly (readonly [bound: number, count: number])[];

/** The text of `/metrics`, read. Only what the dashboard shows. */
export interface Sample {
  /** Local milliseconds when it was asked for. */
  at: number;
  /** Values without labels, by name. */
  plain: ReadonlyMap<string, number>;
  /** Requests since the start, by method and by code. */
  requests: ReadonlyMap<string, number>;
  codes: ReadonlyMap<string, number>;
  /** Upper bounds in seconds and how many took at most so long. */
  buckets: Buckets;
  /** The same of the engine's appends to its journal; empty while it is away. */
  appends: Buckets;
}

const PREFIX = "vendue_gateway_";

export function readMetrics(text: string, at: number): Sample {
  const plain = new Map<string, number>();
  const requests = new Map<string, number>();
  const codes = new Map<string, number>();
  const buckets: [number, number][] = [];
  const appends: [number, number][] = [];
  for (const line of text.split("\n")) {
    const match = /^([a-z_]+)(?:\{([^}]*)\})? (\S+)$/.exec(line);
    if (!match) continue;
    const [, full = "", labels, value = ""] = match;
    const name = full.startsWith(PREFIX) ? full.slice(PREFIX.length) : full;
    const number = Number(value);
    if (name === "request_duration_seconds_bucket") buckets.push([boundOf(labels), number]);
    else if (name === "vendue_engine_journal_append_duration_seconds_bucket") appends.push([boundOf(labels), number]);
    else if (name === "requests_total") {
      const method = /method="([^"]*)"/.exec(labels ?? "")?.[1] ?? "";
      const code = /code="([^"]*)"/.exec(labels ?? "")?.[1] ?? "";
      requests.set(method, (requests.get(method) ?? 0) + number);
      if (code !== "ok") codes.set(code, (codes.get(code) ?? 0) + number);
    } else if (labels === undefined) plain.set(name, number);
  }
  return { at, plain, requests, codes, buckets, appends };
}

function boundOf(labels: string | undefined): number {
  const bound = /le="([^"]*)"/.exec(labels ?? "")?.[1] ?? "+Inf";
  return bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
}

/** How much a counter rose a second between two samples; null where a process began anew between them. */
export function rate(before: Sample, after: Sample, of: (sample: Sample) => number): number | null {
  const seconds = (after.at - before.at) / 1000;
  const rise = of(after) - of(before);
  return seconds <= 0 || rise < 0 ? null : rise / seconds;
}

/**
 * The bound, in seconds, under which a part (0.99) of the requests (or of something else that is counted so) between two samples stayed. It is counted from the
 * histogram's buckets, never averaged; null where there were none, infinity beyond the last bound.
 */
export function percentile(before: Sample, after: Sample, part: number, of: (sample: Sample) => Buckets = (sample) => sample.buckets): number | null {
  const earlier = of(before);
  const counts = of(after).map(([bound, count], at) => [bound, count - (earlier[at]?.[1] ?? 0)] as const);
  const all = counts.at(-1)?.[1] ?? 0;
  if (all <= 0) return null;
  const wanted = Math.ceil(all * part);
  return counts.find(([, count]) => count >= wanted)?.[0] ?? null;
}
