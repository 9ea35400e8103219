import { hrefOf, parseFragment, type Route } from "./route";
import { saveToken } from "./session";

/** The page that the address names. Going back restores the place in the list. */
class Router {
  route = $state.raw<Route>({ page: "market" });
  private marketScroll = 0;

  /** Reads the address; a token in it is kept for this tab and taken out of the address and the history at once. */
  start(): void {
    // The browser would restore a place before the list is there again.
    history.scrollRestoration = "manual";
    this.read();
    addEventListener("hashchange", () => this.read());
  }

  private read(): void {
    const { route, token } = parseFragment(location.hash);
    if (token) {
      saveToken(token);
      history.replaceState(history.state, "", hrefOf(route));
      dispatchEvent(new Event("vendue:token"));
    }
    if (this.route.page === "market" && route.page !== "market") this.marketScroll = scrollY;
    const back = this.route.page !== "market" && route.page === "market";
    this.route = route;
    requestAnimationFrame(() => scrollTo(0, back ? this.marketScroll : route.page === "market" ? scrollY : 0));
  }
}

export const router = new Router();
