import { line } from "./connection.svelte";
import { isTokenOfSession, loadToken, saveToken } from "./session";

/** Where somebody was before going to the provider's place: the way back keeps the path of an address only. */
const RETURN = "vendue.return";

/** A new token is fetched so long before the old one ends. */
const EARLY_MS = 60_000;

/** Tried again after so long, when the server could not be asked. */
const AGAIN_MS = 10_000;

/** What went wrong at the provider's place, as the server names it. */
export type Problem = "denied" | "expired" | "failed" | "unavailable";
const PROBLEMS: readonly string[] = ["denied", "expired", "failed", "unavailable"];

interface Session {
  /** Where signing in begins; null where this server has no provider. */
  sign_in: string | null;
  account: string | null;
  token?: string;
  expires_at?: string | number;
}

/** Signing in at an OpenID provider, where the server has one: the session is a cookie that only the server reads. */
class Provider {
  place = $state<string | null>(null);
  /** Whether the present token came from the session. */
  isUsed = $state(false);
  problem = $state<Problem | null>(null);
  private hasEnded = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  async start(): Promise<void> {
    this.readAddress();
    this.isUsed = isTokenOfSession();
    const session = await ask("GET", "/auth/session");
    // Who has signed out meanwhile stays so.
    if (!session || this.hasEnded) return;
    this.place = session.sign_in;
    // A token that was given to this tab goes before the session.
    if (session.account && session.token && (this.isUsed || loadToken() === null)) this.take(session, !this.isUsed);
    else if (this.isUsed) this.forget();
  }

  /** Goes to the provider. */
  begin(): void {
    if (this.place === null) return;
    try {
      sessionStorage.setItem(RETURN, location.hash);
    } catch {
      // Without storage one comes back to the beginning.
    }
    location.assign(`${this.place}?return=/`);
  }

  /** Forgets the session here, and at the provider where it has a place for that. */
  async end(): Promise<void> {
    clearTimeout(this.timer);
    this.hasEnded = true;
    // Before the page says so: who reloads then is signed out.
    const answer = (await ask("POST", "/auth/logout")) as { end_session?: string | null } | null;
    this.forget();
    if (answer?.end_session) location.assign(answer.end_session);
  }

  private forget(): void {
    this.isUsed = false;
    line.signIn(null);
  }

  /** What the provider's place said, and where one was before. */
  private readAddress(): void {
    const told = new URLSearchParams(location.search).get("sign_in");
    if (told !== null && PROBLEMS.includes(told)) this.problem = told as Problem;
    if (location.search !== "") history.replaceState(history.state, "", location.pathname + location.hash);
    try {
      const before = sessionStorage.getItem(RETURN);
      sessionStorage.removeItem(RETURN);
      if (before && location.hash === "") location.hash = before;
    } catch {
      // As above.
    }
  }

  private take(session: Session, isFirst: boolean): void {
    if (!session.token) return;
    this.isUsed = true;
    if (isFirst || !line.live) line.signIn(session.token, true);
    else line.client.authenticate(session.token).then(() => saveToken(session.token ?? null, true)).catch(() => line.signIn(session.token ?? null, true));
    const ends = typeof session.expires_at === "number" ? session.expires_at / 1000 : Date.parse(session.expires_at ?? "");
    const left = Number.isFinite(ends) ? ends - Date.now() : EARLY_MS;
    this.timer = setTimeout(() => void this.renew(), Math.max(left - EARLY_MS, AGAIN_MS));
  }

  private async renew(): Promise<void> {
    if (!this.isUsed) return;
    const session = await ask("GET", "/auth/session");
    if (session === null) this.timer = setTimeout(() => void this.renew(), AGAIN_MS);
    else if (session.account) this.take(session, false);
    // The session is over: the token ends by itself, and the button is there again.
    else this.isUsed = false;
  }
}

/** Milliseconds after which the server could not be asked. */
const PATIENCE_MS = 5_000;

/** The answer, or null where there is none that could be read. */
async function ask(method: string, path: string): Promise<Session | null> {
  try {
    const answer = await fetch(path, { method, credentials: "same-origin", keepalive: true, signal: AbortSignal.timeout(PATIENCE_MS), headers: { accept: "application/json" } });
    const isJson = answer.headers.get("content-type")?.startsWith("application/json") ?? false;
    return answer.ok && isJson ? ((await answer.json()) as Session) : null;
  } catch {
    return null;
  }
}

export const provider = new Provider();
