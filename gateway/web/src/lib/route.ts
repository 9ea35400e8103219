/** The pages are told apart by the fragment, so that the server serves one file for all of them. */
export type Route = { page: "market" } | { page: "lot"; lot: string } | { page: "book"; book: string } | { page: "stock"; stock: string } | { page: "orders" } | { page: "account" };

export const ORDERS_HREF = "#/orders";
export const ACCOUNT_HREF = "#/account";

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
  const stock = /^\/stock\/([A-Za-z0-9_]{1,64})$/.exec(path)?.[1];
  const own: Route = path === "/orders" ? { page: "orders" } : path === "/account" ? { page: "account" } : { page: "market" };
  const route: Route = lot ? { page: "lot", lot } : book ? { page: "book", book } : stock ? { page: "stock", stock } : own;
  return { route, token: token?.trim() || null };
}

export function lotHref(lot: string): string {
  return `#/lot/${lot}`;
}

export function bookHref(book: string): string {
  return `#/book/${book}`;
}

export function stockHref(stock: string): string {
  return `#/stock/${stock}`;
}

export function hrefOf(route: Route): string {
  switch (route.page) {
    case "lot":
      return lotHref(route.lot);
    case "book":
      return bookHref(route.book);
    case "stock":
      return stockHref(route.stock);
    case "orders":
      return ORDERS_HREF;
    case "account":
      return ACCOUNT_HREF;
    case "market":
      return "#/";
  }
}
