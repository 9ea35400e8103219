import { saveToken } from "../../lib/session";

/** The pages of the dashboard, in the order of the menu; the letter goes there after `G`. */
export const PAGES = [
  ["overview", "v"],
  ["lots", "l"],
  ["sales", "s"],
  ["stock", "k"],
  ["books", "b"],
  ["orders", "o"],
  ["accounts", "a"],
  ["stuck", "e"],
  ["signs", "x"],
  ["audit", "u"],
  ["create", "n"],
  ["import", "i"],
] as const;

export type PageName = (typeof PAGES)[number][0];

/** One page, and the one thing of it that is looked at: `#/lots`, `#/lots/lot_01...`. */
export interface Place {
  page: PageName;
  id: string | null;
}

export function hrefTo(page: PageName, id: string | null = null): string {
  return id === null ? `#/${page}` : `#/${page}/${id}`;
}

/** Reads `#/lots/lot_01...?token=...`, `#token=...`. What is unknown is the overview. */
export function parsePlace(hash: string): { place: Place; token: string | null } {
  const text = hash.replace(/^#/, "");
  const question = text.indexOf("?");
  const route = question >= 0 ? text.slice(0, question) : text.startsWith("/") ? text : "";
  const query = question >= 0 ? text.slice(question + 1) : text.startsWith("/") ? "" : text;
  const [, name, id] = /^\/([a-z]+)(?:\/([A-Za-z0-9_]{1,64}))?$/.exec(route) ?? [];
  const page = PAGES.find(([known]) => known === name)?.[0] ?? "overview";
  return { place: { page, id: id ?? null }, token: new URLSearchParams(query).get("token")?.trim() || null };
}

/** Where the operator is. A token in the address is kept for this tab and taken out of the address at once. */
class Path {
  place = $state.raw<Place>({ page: "overview", id: null });

  start(): void {
    this.read();
    addEventListener("hashchange", () => this.read());
  }

  go(page: PageName, id: string | null = null): void {
    location.hash = hrefTo(page, id);
  }

  private read(): void {
    const { place, token } = parsePlace(location.hash);
    if (token) {
      saveToken(token);
      history.replaceState(history.state, "", hrefTo(place.page, place.id));
      dispatchEvent(new Event("vendue:token"));
    }
    const moved = place.page !== this.place.page || place.id !== this.place.id;
    this.place = place;
    if (moved) scrollTo(0, 0);
  }
}

export const path = new Path();
