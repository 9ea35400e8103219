// A real OpenID provider for the gateway's test: `node provider.mjs REDIRECT_URI`. Says its issuer in one line, and ends with its
// standard input. People sign in by its development pages: any name, any password.
import { createServer } from "node:http";
import { once } from "node:events";
import Provider from "oidc-provider";

const [redirect] = process.argv.slice(2);
const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [
    { client_id: "market", client_secret: "the client's own secret: 100 %", redirect_uris: [redirect] },
    { client_id: "public", token_endpoint_auth_method: "none", redirect_uris: [redirect] },
  ],
  claims: { profile: ["name"] },
  conformIdTokenClaims: false,
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, name: `Person ${id}` }) }),
  pkce: { required: () => true },
});
server.on("request", provider.callback());
console.log(issuer);
// What it says from here on nobody reads.
for (const say of ["log", "info", "warn"]) console[say] = console.error;
process.stdin.on("end", () => process.exit(0)).resume();
