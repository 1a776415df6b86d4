import { hello, subscribe } from '../driver/clasp.mjs';
import { clientFrame } from '../driver/web-socket.mjs';
import { servers } from '../servers.mjs';
import { summary } from '../statistics.mjs';

const WARM = 50;

/** To a bare server the same bytes arrive, and mean nothing. */
async function open(name, port) {
  if (name === 'ours') return servers.ours.protocol.subscribe(port, '/bench/idle/**');
  const connection = await servers.ws.protocol.open(port);
  connection.write(clientFrame(hello()));
  connection.write(clientFrame(subscribe('/bench/idle/**')));
  return connection;
}

/** Heap bytes of the server for each further connection that has said HELLO, subscribed, and fallen silent. */
async function perConnection(name, count) {
  const server = await servers[name].start();
  const connections = [];
  const more = async (wanted) => {
    for (let opened = 0; opened < wanted; opened += 100) {
      const some = Array.from({ length: Math.min(100, wanted - opened) }, () => open(name, server.port));
      connections.push(...(await Promise.all(some)));
    }
  };
  // What the bare broadcast passes on, or a timer still holds, is let go before the heap is read.
  const settled = async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return server.ask('memory');
  };
  try {
    await more(WARM);
    const before = await settled();
    await more(count);
    const after = await settled();
    return {
      heap: (after.heapUsed - before.heapUsed) / count,
      buffers: (after.arrayBuffers - before.arrayBuffers) / count,
      resident: (after.rss - before.rss) / count,
    };
  } finally {
    for (const connection of connections) connection.close();
    await server.stop();
  }
}

/** Heap of an idle connection above that of bare `ws`. */
export async function run({ quick }) {
  const rounds = { ours: [], wsIdle: [] };
  for (let round = 0; round < (quick ? 1 : 2); round++) {
    for (const name of ['ours', 'wsIdle']) rounds[name].push(await perConnection(name, quick ? 500 : 2000));
  }
  const kilobytes = (name, pick) => summary(rounds[name].map((result) => pick(result) / 1024));
  const above = rounds.ours.map((ours, i) => (ours.heap - rounds.wsIdle[i].heap) / 1024);
  return [
    {
      name: 'heap of an idle connection',
      unit: 'KB',
      better: 'lower',
      ours: kilobytes('ours', ({ heap }) => heap),
      peers: { 'bare ws': kilobytes('wsIdle', ({ heap }) => heap) },
      details: rounds,
    },
    {
      name: '… and what its buffers hold',
      unit: 'KB',
      better: 'lower',
      ours: kilobytes('ours', ({ heap, buffers }) => heap + buffers),
      peers: { 'bare ws': kilobytes('wsIdle', ({ heap, buffers }) => heap + buffers) },
    },
    {
      name: '… heap above bare ws',
      unit: 'KB',
      better: 'lower',
      ours: summary(above),
      peers: { 'bare ws': undefined },
      atMost: 6,
    },
  ];
}
