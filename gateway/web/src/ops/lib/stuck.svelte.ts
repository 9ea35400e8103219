import { VendueError, type Effects } from "@vendue/client";
import { line } from "../../lib/connection.svelte";
import { desk } from "./desk.svelte";

/** Milliseconds between two questions for what is stuck. */
const LOOK_MS = 5_000;
/** Lines that are asked for. */
const LINES = 100;

/** Commands between actors that do not arrive. Only those of the platform may ask. */
class Stuck {
  effects = $state.raw<Effects | null>(null);
  forbidden = $state(false);
  private account: string | null = null;

  constructor() {
    void this.look();
    setInterval(() => void this.look(), LOOK_MS);
  }

  get known(): boolean {
    return this.effects !== null;
  }

  get count(): number {
    return this.effects?.stuck.length ?? 0;
  }

  private async look(): Promise<void> {
    if (line.account !== this.account) {
      this.account = line.account;
      this.effects = null;
      this.forbidden = false;
    }
    if (!line.live || desk.role === "none" || this.forbidden || document.visibilityState !== "visible") return;
    const account = this.account;
    try {
      const effects = (await line.client.request("effect.list", { limit: LINES }, { deadline_ms: LOOK_MS })) as Effects;
      if (account === this.account) this.effects = effects;
    } catch (error) {
      this.forbidden = error instanceof VendueError && error.code === "forbidden";
    }
  }
}

export const stuck = new Stuck();
