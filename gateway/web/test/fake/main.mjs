// `npm run fake`: the built pages with a simulated market, to look at while working on them.
import { startFake } from "./server.mjs";

const fake = await startFake({ port: Number(process.env.PORT ?? 7500), lots: Number(process.env.LOTS ?? 40) });
console.log(`${fake.url}  (signed in: ${fake.url}#token=you)`);
