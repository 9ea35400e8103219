// A real market for the tests: `vendue demo` in a temporary folder, and the pages of `dist/` in front of it.
import { spawn } from "node:child_process";
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, request as ask } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** Milliseconds within which a demo has its market open; a machine that also compiles needs most of it. */
const START_MS = 60_000;
/** Milliseconds that the demo gets to write its last checkpoint. */
const STOP_MS = 15_000;

/** Starts `vendue demo` on a free port. `bin` is the path of the program. */
export async function startDemo(bin) {
  const dir = mkdtempSync(join(tmpdir(), "vendue-pages-"));
  const child = spawn(bin, ["demo", "--data-dir", dir, "--listen", "127.0.0.1:0", "--print", "json"], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stdout.resume();
  child.stderr.on("data", (data) => (errors = (errors + data).slice(-4_000)));
  const ended = new Promise((resolve) => child.on("close", resolve).on("error", resolve));
  const read = () => JSON.parse(readFileSync(join(dir, "demo.json"), "utf8"));
  const stop = async () => {
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(late);
    rmSync(dir, { recursive: true, force: true });
  };
  const until = Date.now() + START_MS;
  // The market's id is written last: with it everything is there.
  while (!ready(read)) {
    if (child.exitCode !== null || Date.now() > until) {
      await stop();
      throw new Error(`vendue demo did not start: ${errors || "no word from it"}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { dir, read, stop };
}

function ready(read) {
  try {
    return Boolean(read().bidder_token);
  } catch {
    return false;
  }
}

/**
 * Serves `dist/` under the policy that the server itself gives its pages, and passes everything else on to it. So the
 * pages can be tested without building the server again.
 */
export async function frontOf(demo) {
  const { hostname, port } = new URL(demo.http);
  const policy = (await fetch(demo.http)).headers.get("content-security-policy");
  if (!policy) throw new Error("the server serves its pages without a content security policy");
  const open = new Set();
  const http = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://x").pathname);
    const file = join(DIST, path === "/" ? "index.html" : path === "/ops" ? "ops.html" : path);
    if (file.startsWith(DIST) && existsSync(file) && statSync(file).isFile()) {
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-security-policy": policy });
      return createReadStream(file).pipe(response);
    }
    const passed = ask({ hostname, port, path: request.url, method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    request.pipe(passed);
  });
  http.on("upgrade", (request, socket, head) => {
    const upstream = connect(Number(port), hostname, () => {
      const lines = [`GET ${request.url} HTTP/1.1`];
      for (let at = 0; at < request.rawHeaders.length; at += 2) lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
      upstream.write(`${lines.join("\r\n")}\r\n\r\n`);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    open.add(socket);
    // Either side's end is the other's, an abrupt one too: what the page sees is what the server did.
    const both = () => {
      open.delete(socket);
      socket.destroy();
      upstream.destroy();
    };
    for (const side of [socket, upstream]) side.on("error", both).on("close", both);
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${http.address().port}/`,
    async stop() {
      for (const socket of open) socket.destroy();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
