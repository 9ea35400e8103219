/**
 * The server's clock as seen from here. Each exchange gives an interval in which the true offset must lie; the
 * fastest of the recent ones is the narrowest and wins (the idea of NTP's clock filter).
 */
export class ServerClock {
  private samples: Sample[] = [];

  /** `localMicros` must be steady: microseconds since the Unix epoch that no clock adjustment moves. */
  constructor(private readonly localMicros: () => number = steadyMicros) {}

  /** The local instant to note before a request is sent. */
  mark(): number {
    return this.localMicros();
  }

  /**
   * Takes one exchange: sent at `t0` (local), received by the server at `tIn`, answered at `tOut` (server), and the
   * answer seen now. Microseconds. Exchanges with impossible times are ignored.
   */
  sample(t0: number, tIn: number, tOut: number): void {
    const t3 = this.localMicros();
    const rtt = t3 - t0 - (tOut - tIn);
    if (!Number.isFinite(rtt) || rtt < 0 || tOut < tIn) return;
    const fresh: Sample = { rtt, offset: (tIn - t0 + (tOut - t3)) / 2 };
    // An older sample that cannot be true together with the new one means that a clock has stepped (a laptop slept).
    this.samples = this.samples.filter((old) => Math.abs(old.offset - fresh.offset) <= (old.rtt + fresh.rtt) / 2 + STEP_TOLERANCE_US);
    this.samples.push(fresh);
    if (this.samples.length > WINDOW) this.samples.shift();
  }

  private best(): Sample | undefined {
    let best: Sample | undefined;
    for (const sample of this.samples) if (!best || sample.rtt < best.rtt) best = sample;
    return best;
  }

  /** The server's time now, integer microseconds since the Unix epoch; the local time before the first exchange. */
  now(): number {
    return Math.round(this.localMicros() + (this.best()?.offset ?? 0));
  }

  /** What must be added to the local clock, microseconds. */
  get offsetUs(): number {
    return this.best()?.offset ?? 0;
  }

  /** The round trip of the fastest recent exchange, microseconds; null before the first. The offset is off by at most half of it. */
  get rttUs(): number | null {
    return this.best()?.rtt ?? null;
  }

  /** True once at least one exchange was seen. */
  get known(): boolean {
    return this.samples.length > 0;
  }
}

interface Sample {
  rtt: number;
  offset: number;
}

/** Exchanges remembered: enough to hold a fast one, few enough to follow drift (the client pings every half minute). */
const WINDOW = 12;

/** Drift allowed between two samples before they count as contradicting each other: 500 ppm over several minutes, in microseconds. */
const STEP_TOLERANCE_US = 150_000;

/** Microseconds since the Unix epoch from the monotonic clock. */
export function steadyMicros(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}
