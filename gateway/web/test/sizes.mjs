// After a build: what the first paint costs, for each page by itself. It fails when a budget is broken, so that nobody
// notices years later.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Compressed bytes of everything that the first paint of a page needs: about a second on a slow phone line for bidders. */
const BUDGETS = { "index.html": 150_000, "ops.html": 200_000 };
const dist = fileURLToPath(new URL("../dist/", import.meta.url));

/** The files that a page asks for before it paints, and what those import. */
function filesOf(page, found = new Set([page])) {
  const text = readFileSync(join(dist, page), "utf8");
  const asked = page.endsWith(".html") ? [...text.matchAll(/(?:src|href)="\/([^"#?]+)"/g)].map((match) => match[1]) : [...text.matchAll(/from\s*"\.\/([^"]+)"|import\s*"\.\/([^"]+)"/g)].map((match) => `assets/${match[1] ?? match[2]}`);
  for (const file of asked) {
    if (found.has(file) || !existsSync(join(dist, file)) || !/\.(js|css|svg)$/.test(file)) continue;
    found.add(file);
    if (file.endsWith(".js")) filesOf(file, found);
  }
  return found;
}

let broken = false;
for (const [page, budget] of Object.entries(BUDGETS)) {
  let total = 0;
  for (const file of filesOf(page)) {
    const bytes = readFileSync(join(dist, file));
    const packed = gzipSync(bytes, { level: 9 }).length;
    total += packed;
    console.log(`${String(bytes.length).padStart(8)} B  ${String(packed).padStart(7)} B gzip  ${file}`);
  }
  console.log(`${page}, first paint: ${total} B gzip of ${budget} B\n`);
  broken ||= total > budget;
}
if (broken) process.exit(1);
