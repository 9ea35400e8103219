import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

/** Where `npm run dev` finds a server to speak to: `vendue demo` by default. */
const server = process.env.VENDUE_URL ?? "http://127.0.0.1:7400";

export default defineConfig({
  plugins: [
    svelte(),
    {
      name: "ops-at-its-path",
      configureServer: (dev) => void dev.middlewares.use((request, _response, next) => {
        if (/^\/ops(\/[^.]*)?$/.test(request.url ?? "")) request.url = "/ops.html";
        next();
      }),
    },
  ],
  // The client is compiled with the pages from its source, so that this folder builds alone.
  resolve: { alias: { "@vendue/client": fileURLToPath(new URL("../sdk/typescript/src/index.ts", import.meta.url)) } },
  build: {
    target: "es2022",
    // A data: URL would need its own permission in the content security policy.
    assetsInlineLimit: 0,
    // The bidders' pages, and the operators' dashboard at /ops.
    rollupOptions: { input: [fileURLToPath(new URL("index.html", import.meta.url)), fileURLToPath(new URL("ops.html", import.meta.url))] },
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/ws": { target: server, ws: true }, "/v1": server, "/metrics": server, "/readyz": server, "/version": server } },
});
