import { router } from "./router.svelte";

/** Fields in which a letter is a letter. */
const FIELDS = "input, textarea, select, [contenteditable]";

/** Single keys for what bidders do most. None of them bids: `B` goes to the button, and Enter presses it. */
class Keys {
  shown = $state(false);

  start(): void {
    addEventListener("keydown", (event) => this.pressed(event));
  }

  private pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const at = event.target instanceof Element ? event.target : null;
    if (at?.matches(FIELDS)) {
      // A field is left, so that the keys count again.
      if (event.key === "Escape" && at instanceof HTMLElement && !at.closest("dialog")) at.blur();
      return;
    }
    if (at?.closest("dialog")) return;
    if (this.act(event.key)) event.preventDefault();
  }

  /** Returns true if the key meant something here. */
  private act(key: string): boolean {
    if (key === "?") return (this.shown = true);
    const page = router.route.page;
    if (page === "market") return key === "/" && focus("input[type=search]");
    if (page !== "lot") return false;
    const letter = key.toLowerCase();
    if (letter === "b") return focus("article .panel .big");
    return letter === "m" && focus("#maximum, #until");
  }
}

function focus(selector: string): boolean {
  const found = document.querySelector<HTMLElement>(selector);
  found?.focus();
  found?.scrollIntoView({ block: "nearest" });
  return found !== null;
}

export const keys = new Keys();
