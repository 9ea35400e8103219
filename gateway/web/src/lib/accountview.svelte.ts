import { VendueError, type Account, type StatementLine } from "@vendue/client";
import { line } from "./connection.svelte";

/** Lines of the statement asked for at once. */
const PAGE = 25;

/** Milliseconds to gather news before the account is asked for again. */
const REFRESH_MS = 400;

/** The account of the person who is signed in: money, what is held for what, and the statement. Close it when its page goes. */
export class AccountView {
  account = $state.raw<Account | null>(null);
  lines = $state.raw<StatementLine[]>([]);
  cursor = $state<string | null>(null);
  status = $state<"loading" | "ready" | "failed">("loading");
  private timer: ReturnType<typeof setTimeout> | undefined;
  private round = 0;

  /** Asks for everything; many reasons within a moment are one question. */
  changed(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.load();
    }, REFRESH_MS);
  }

  async load(): Promise<void> {
    const round = ++this.round;
    try {
      const [account, page] = await Promise.all([line.client.account.get({}), line.client.account.statement({ limit: Math.max(PAGE, Math.min(100, this.lines.length)) })]);
      if (round !== this.round) return;
      this.account = account;
      this.lines = page.lines;
      this.cursor = page.cursor;
      this.status = "ready";
    } catch (error) {
      if (!(error instanceof VendueError)) throw error;
      if (round === this.round && this.account === null) this.status = "failed";
    }
  }

  async earlier(): Promise<void> {
    if (this.cursor === null) return;
    const round = this.round;
    try {
      const page = await line.client.account.statement({ limit: PAGE, cursor: this.cursor });
      if (round !== this.round) return;
      this.lines = [...this.lines, ...page.lines];
      this.cursor = page.cursor;
    } catch (error) {
      // The button stays.
      if (!(error instanceof VendueError)) throw error;
    }
  }

  close(): void {
    this.round += 1;
    clearTimeout(this.timer);
  }
}
