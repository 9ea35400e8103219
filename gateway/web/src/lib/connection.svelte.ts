import { connect, type Client, type ConnectionState, type Hello } from "@vendue/client";
import { ticker } from "./ticker.svelte";
import { loadToken, saveToken } from "./session";

/** After so long without a connection the chip says since when, instead of when it tries again. */
const OFFLINE_AFTER_MS = 30_000;

/** Reasons for a closed connection that are the token's. */
const AUTH_CODES = new Set(["unauthenticated", "token_expired", "forbidden"]);

/** The page's one connection, and who speaks through it. */
class Line {
  readonly client: Client;
  state = $state.raw<ConnectionState>({ phase: "connecting", attempt: 0, since: Date.now() });
  hello = $state.raw<Hello | null>(null);
  /** Refused tokens are told once, here. */
  tokenRefused = $state(false);
  hasToken = $state(false);
  /** Local instant until which everything shown was right; null while live. */
  freshUntil = $state<number | null>(null);

  constructor() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const token = loadToken();
    this.hasToken = token !== null;
    this.client = connect(`${scheme}//${location.host}/ws`, { token, client: { name: "vendue-web", version: "0.1.0" } });
    this.client.on("connection", (state) => this.changed(state));
    addEventListener("online", () => this.client.reconnectNow());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      this.client.reconnectNow();
      this.client.probe();
    });
    addEventListener("vendue:token", () => this.signIn(loadToken()));
    ticker.start(() => this.client.now());
  }

  get live(): boolean {
    return this.state.phase === "live";
  }

  /** The account that the token speaks for, as the server named it last; null for a guest. */
  get account(): string | null {
    return this.hasToken ? (this.hello?.account ?? null) : null;
  }

  /** True if the connection has been away for so long that a countdown no longer tells much. */
  longGone(now_ms: number): boolean {
    return this.freshUntil !== null && now_ms - this.freshUntil > OFFLINE_AFTER_MS;
  }

  signIn(token: string | null, ofSession = false): void {
    this.tokenRefused = false;
    this.hasToken = token !== null;
    saveToken(token, ofSession);
    this.client.signIn(token);
  }

  private changed(state: ConnectionState): void {
    const wasLive = this.live;
    this.state = state;
    if (state.phase === "live") {
      this.hello = this.client.hello;
      this.freshUntil = null;
    } else if (wasLive) this.freshUntil = Date.now();
    if (state.phase === "closed" && this.hasToken && AUTH_CODES.has(state.reason.code)) {
      // A token that does not count must not keep a person from watching.
      this.hasToken = false;
      this.tokenRefused = true;
      saveToken(null);
      queueMicrotask(() => this.client.signIn(null));
    }
  }
}

export const line = new Line();
