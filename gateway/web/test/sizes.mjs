// After a build: what the first paint costs. It fails when the budget is broken, so that nobody notices years later.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Compressed bytes of everything that the first paint needs: a page on a slow phone line in about a second. */
const BUDGET = 150_000;
const dist = fileURLToPath(new URL("../dist/", import.meta.url));
let total = 0;
for (const file of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!file.isFile()) continue;
  const path = join(file.parentPath ?? file.path, file.name);
  const bytes = readFileSync(path);
  const packed = gzipSync(bytes, { level: 9 }).length;
  total += packed;
  console.log(`${String(bytes.length).padStart(8)} B  ${String(packed).padStart(7)} B gzip  ${path.slice(dist.length)}`);
}
console.log(`first paint: ${total} B gzip of ${BUDGET} B`);
if (total > BUDGET) process.exit(1);
