import { connect as dial, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** The faults of `torture.json`; times are milliseconds. */
export interface Faults {
  every_ms: [number, number];
  weights: Record<"cut" | "half_frame" | "stall" | "delay", number>;
  stall_ms: [number, number];
  delay_ms: [number, number];
}

/** One direction of one connection. */
class Pipe {
  heldUntil = 0;
  torn = false;
  private waiting: Buffer[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    from: Socket,
    private readonly to: Socket,
    private readonly cut: () => void,
  ) {
    from.on("data", (chunk: Buffer) => {
      this.waiting.push(chunk);
      this.flush();
    });
  }

  private flush(): void {
    clearTimeout(this.timer);
    const left = this.heldUntil - performance.now();
    if (left > 0) {
      this.timer = setTimeout(() => this.flush(), left);
      return;
    }
    for (const chunk of this.waiting.splice(0)) {
      if (!this.torn) this.to.write(chunk);
      else return void this.to.write(chunk.subarray(0, chunk.length / 2), this.cut);
    }
  }

  end(): void {
    clearTimeout(this.timer);
    this.waiting = [];
  }
}

interface Line {
  pipes: [Pipe, Pipe];
  cut: () => void;
}

/** A proxy that does to a connection what networks do: it cuts, stalls, delays, and tears frames in two. */
export class FaultyProxy {
  readonly counts: Record<string, number> = {};
  private readonly lines = new Set<Line>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    private readonly server: Server,
    private readonly faults: Faults,
    private readonly random: () => number,
  ) {}

  static async start(upstream: number, faults: Faults, random: () => number): Promise<FaultyProxy> {
    const server = createServer((near) => proxy.accept(near, upstream));
    const proxy = new FaultyProxy(server, faults, random);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    proxy.next();
    return proxy;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}/ws`;
  }

  /** No more faults; one that has been set but has not struck yet is taken back. */
  calm(): void {
    clearTimeout(this.timer);
    for (const line of this.lines) for (const pipe of line.pipes) pipe.torn = false;
  }

  async stop(): Promise<void> {
    this.calm();
    for (const line of this.lines) line.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(near: Socket, upstream: number): void {
    const far = dial(upstream, "127.0.0.1");
    // What is held when an end goes away is lost, as it is in a network.
    const cut = () => {
      for (const pipe of line.pipes) pipe.end();
      near.destroy();
      far.destroy();
      this.lines.delete(line);
    };
    const line: Line = { pipes: [new Pipe(near, far, cut), new Pipe(far, near, cut)], cut };
    for (const socket of [near, far]) socket.setNoDelay(true).on("error", cut).on("close", cut).on("end", cut);
    this.lines.add(line);
  }

  private between([least, most]: [number, number]): number {
    return least + this.random() * (most - least);
  }

  private next(): void {
    this.timer = setTimeout(() => {
      const lines = [...this.lines];
      const line = lines[Math.floor(this.random() * lines.length)];
      if (line) this.strike(line);
      this.next();
    }, this.between(this.faults.every_ms));
  }

  private strike(line: Line): void {
    const weights = Object.entries(this.faults.weights);
    let drawn = this.random() * weights.reduce((sum, [, weight]) => sum + weight, 0);
    const kind = weights.find(([, weight]) => (drawn -= weight) < 0)?.[0] ?? "cut";
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    const pipe = line.pipes[this.random() < 0.5 ? 0 : 1];
    if (kind === "cut") line.cut();
    else if (kind === "half_frame") pipe.torn = true;
    else pipe.heldUntil = performance.now() + this.between(kind === "stall" ? this.faults.stall_ms : this.faults.delay_ms);
  }
}
