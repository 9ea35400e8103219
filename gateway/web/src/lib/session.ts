/** What this tab remembers lives in `sessionStorage`: gone when the tab is, and not shared with other tabs. */
const TOKEN = "vendue.token";
const MEMORY = "vendue.mine";
/** Set where the token came from signing in at the provider. */
const OF_SESSION = "vendue.token.of-session";

/** What the server cannot say again: what this tab sent and as whom, so that a reload does not forget it. */
export interface Memory {
  account: string;
  lots: [lot: string, maximum: number | null, alias: string | null][];
  reservations: [stock: string, reservation: string, expires_at: number][];
}

export function loadToken(): string | null {
  return read(TOKEN);
}

/** Remembers a token; where it came from signing in at the provider, that too. */
export function saveToken(token: string | null, ofSession = false): void {
  write(TOKEN, token);
  write(OF_SESSION, token !== null && ofSession ? "yes" : null);
}

/** Whether the token of this tab came from signing in at the provider. */
export function isTokenOfSession(): boolean {
  return read(OF_SESSION) !== null;
}

/** The memory of an account, or null if there is none: that of another account is none. */
export function loadMemory(account: string): Memory | null {
  try {
    const memory = JSON.parse(read(MEMORY) ?? "null") as Memory | null;
    return memory?.account === account ? memory : null;
  } catch {
    return null;
  }
}

export function saveMemory(memory: Memory): void {
  write(MEMORY, JSON.stringify(memory));
}

function read(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    // Without storage one signs in again after a reload.
  }
}
