import { PAGES, path } from "./path.svelte";

/** Milliseconds within which the letter after `G` has to come. */
const CHORD_MS = 1_500;
let chordUntil = 0;

/** `J` and `K` move through a table's rows, `/` searches, `G` and a letter goes to a page. */
export function keys(event: KeyboardEvent): void {
  const target = event.target as HTMLElement | null;
  if (event.ctrlKey || event.metaKey || event.altKey || target?.closest("input, textarea, select, dialog")) return;
  const key = event.key.toLowerCase();
  if (Date.now() < chordUntil) {
    chordUntil = 0;
    const page = PAGES.find(([, letter]) => letter === key);
    if (page) {
      event.preventDefault();
      path.go(page[0]);
    }
    return;
  }
  if (key === "g") chordUntil = Date.now() + CHORD_MS;
  else if (key === "/") {
    const search = document.querySelector<HTMLInputElement>("main input[type=search]");
    if (search) event.preventDefault();
    search?.focus();
  } else if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
}

function step(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("main [data-row]")];
  const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
