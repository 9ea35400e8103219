/** The pages are told apart by the fragment, so that the server serves one file for all of them. */
export type Route = { page: "market" } | { page: "lot"; lot: string } | { page: "book"; book: string } | { page: "orders" };

export const ORDERS_HREF = "#/orders";

export interface Fragment {
  route: Route;
  /** A token that came with the address, to be taken out of it at once. */
  token: string | null;
}

/** Reads `#/lot/lot_01...?token=...`, `#token=...`, `#/?token=...`. */
export function parseFragment(hash: string): Fragment {
  const text = hash.replace(/^#/, "");
  const question = text.indexOf("?");
  const path = question >= 0 ? text.slice(0, question) : text.startsWith("/") ? text : "";
  const query = question >= 0 ? text.slice(question + 1) : text.startsWith("/") ? "" : text;
  const token = new URLSearchParams(query).get("token");
  const lot = /^\/lot\/([A-Za-z0-9_]{1,64})$/.exec(path)?.[1];
  const book = /^\/book\/([A-Za-z0-9_]{1,64})$/.exec(path)?.[1];
  const route: Route = lot ? { page: "lot", lot } : book ? { page: "book", book } : path === "/orders" ? { page: "orders" } : { page: "market" };
  return { route, token: token?.trim() || null };
}

export function lotHref(lot: string): string {
  return `#/lot/${lot}`;
}

export function bookHref(book: string): string {
  return `#/book/${book}`;
}

export function hrefOf(route: Route): string {
  if (route.page === "book") return bookHref(route.book);
  return route.page === "lot" ? lotHref(route.lot) : route.page === "orders" ? ORDERS_HREF : "#/";
}
