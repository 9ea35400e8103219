import { engineSigns, type EngineSigns } from "./engine";
import { percentile, rate, readMetrics, type Sample } from "./prometheus";

/** Milliseconds between two looks at the vital signs: what broke is seen within two of them. */
const LOOK_MS = 1_000;
/** Milliseconds after which a look has failed. */
const PATIENCE_MS = 1_500;
/** Looks that are remembered: ten minutes. */
const KEPT = 600;
/** Looks over which rates and percentiles are counted. */
const WINDOW = 10;

/** `back`: it was away for a moment, less than a minute ago. */
export type Health = "well" | "back" | "away" | "unknown";

/** Milliseconds for which it is told that the engine was away: a restart may be over between two looks. */
const TOLD_MS = 60_000;

/** One point of the charts. */
export interface Point {
  at: number;
  requests: number | null;
  bids: number | null;
  p50_ms: number | null;
  p99_ms: number | null;
  deliveries: number | null;
  connections: number | null;
}

/** Counts how often the gateway has found its engine again. */
const RECONNECTS = "link_reconnects_total";

/** What takes bids, for the count of bids a second. */
const BIDDING = ["lot.bid", "lot.buy_now", "lot.take", "lot.stay", "book.place"];

/** Vital signs of gateway and engine, looked at again and again while the page is. */
class Vitals {
  gateway = $state<Health>("unknown");
  engine = $state<Health>("unknown");
  latest = $state.raw<Sample | null>(null);
  points = $state.raw<Point[]>([]);
  /** Codes of refusals of the last ten minutes, the most frequent first. */
  refusals = $state.raw<[code: string, count: number][]>([]);
  p999_ms = $state<number | null>(null);
  /** What the engine tells of itself; null while it is away. */
  ofEngine = $state.raw<EngineSigns | null>(null);
  /** Local milliseconds of the last look that succeeded. */
  seenAt = $state(0);
  version = $state("");
  private samples: Sample[] = [];
  /** Local milliseconds when the engine was last known to be away. */
  private wasAway = -TOLD_MS;

  start(): void {
    void this.look();
    void this.learnVersion();
  }

  get now(): Point | null {
    return this.points.at(-1) ?? null;
  }

  plain(name: string): number | null {
    return this.latest?.plain.get(name) ?? null;
  }

  private async look(): Promise<void> {
    // A page that nobody sees asks less often.
    const pause = document.visibilityState === "visible" ? LOOK_MS : 10 * LOOK_MS;
    const began = Date.now();
    await Promise.all([this.lookAtMetrics(), this.lookAtEngine()]);
    setTimeout(() => void this.look(), Math.max(100, pause - (Date.now() - began)));
  }

  private async lookAtMetrics(): Promise<void> {
    try {
      const response = await fetch("/metrics", { signal: AbortSignal.timeout(PATIENCE_MS) });
      if (!response.ok) throw new Error(String(response.status));
      this.take(readMetrics(await response.text(), Date.now()));
      this.gateway = "well";
      this.seenAt = Date.now();
    } catch {
      this.gateway = "away";
      this.ofEngine = null;
      this.engine = "unknown";
    }
  }

  private async lookAtEngine(): Promise<void> {
    try {
      const response = await fetch("/readyz", { signal: AbortSignal.timeout(PATIENCE_MS) });
      if (!response.ok) this.wasAway = Date.now();
      this.engine = !response.ok ? "away" : Date.now() - this.wasAway < TOLD_MS ? "back" : "well";
    } catch {
      this.engine = "unknown";
    }
  }

  private async learnVersion(): Promise<void> {
    try {
      this.version = ((await (await fetch("/version")).json()) as { version: string }).version;
    } catch {
      // It is only shown in a corner.
    }
  }

  private take(sample: Sample): void {
    const last = this.samples.at(-1);
    // A gateway that began anew counts from nothing.
    if (last && (last.plain.get("connections_total") ?? 0) > (sample.plain.get("connections_total") ?? 0)) this.samples = [];
    else if (last && (last.plain.get(RECONNECTS) ?? 0) < (sample.plain.get(RECONNECTS) ?? 0)) this.wasAway = Date.now();
    this.samples = [...this.samples, sample].slice(-KEPT);
    this.latest = sample;
    const before = this.samples.at(-1 - WINDOW) ?? this.samples[0];
    this.ofEngine = engineSigns(before, sample);
    if (!before || before === sample) return;
    const of = (read: (of: Sample) => number): number | null => rate(before, sample, read);
    const ms = (part: number): number | null => {
      const bound = percentile(before, sample, part);
      return bound === null ? null : bound * 1000;
    };
    this.p999_ms = ms(0.999);
    const point: Point = {
      at: sample.at,
      requests: of((one) => sum(one.requests.values())),
      bids: of((one) => sum(BIDDING.map((name) => one.requests.get(name) ?? 0))),
      p50_ms: ms(0.5),
      p99_ms: ms(0.99),
      deliveries: of((one) => one.plain.get("deliveries_total") ?? 0),
      connections: sample.plain.get("connections") ?? null,
    };
    this.points = [...this.points, point].slice(-KEPT);
    const first = this.samples[0] ?? sample;
    const risen = [...sample.codes].map(([code, count]): [string, number] => [code, count - (first.codes.get(code) ?? 0)]);
    this.refusals = risen.filter(([, count]) => count > 0).sort((one, other) => other[1] - one[1]);
  }
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

export const vitals = new Vitals();
