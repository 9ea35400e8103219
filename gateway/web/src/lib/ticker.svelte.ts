import { TENTHS_BELOW_US } from "./countdown";

/** The server's time for everything that counts, in two paces: most counters move each second, the last seconds in tenths. */
class Ticker {
  second = $state(0);
  tenth = $state(0);
  private source: () => number = () => Date.now() * 1000;

  /** `source` gives the server's time, microseconds. Called once. */
  start(source: () => number): void {
    this.source = source;
    this.tick();
    setInterval(() => this.tick(), TICK_MS);
    // A tab in the background is throttled: the first moment back is right at once.
    document.addEventListener("visibilitychange", () => this.tick());
  }

  /** The server's time for an instant's counter: depends on the pace that the instant needs. */
  nowFor(instant_us: number): number {
    return instant_us - this.second < TENTHS_BELOW_US + 1_500_000 ? this.tenth : this.second;
  }

  private tick(): void {
    const now = this.source();
    this.tenth = now;
    if (Math.floor(now / 1_000_000) !== Math.floor(this.second / 1_000_000)) this.second = now;
  }
}

const TICK_MS = 100;

export const ticker = new Ticker();
