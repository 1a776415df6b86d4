// A program for the published client, unmodified, with our relay: `npm start`, then `node examples/published-client.mjs`.
import { Clasp } from '@clasp-to/core';
import { WebSocket } from 'ws';

globalThis.WebSocket ??= WebSocket; // Node 20 has none
console.debug = () => undefined; // the client tells every acknowledgement
const client = new Clasp(process.argv[2] ?? 'ws://localhost:7330');
await client.connect();
client.on(process.argv[3] ?? '/osc/**', (value, address) => console.log(address, value));
client.set('/osc/mixer/1', 0.75);
