/** The token lives in this tab only: `sessionStorage` is gone when the tab is, and is not shared with other tabs. */
const KEY = "vendue.token";

export function loadToken(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export function saveToken(token: string | null): void {
  try {
    if (token === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // Without storage one signs in again after a reload.
  }
}
