import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { encodeArtDmx } from '../../dist/core/protocols/index.js';
import { createRelay } from '../../dist/platform-node/index.js';
import { percentile } from '../statistics.mjs';

const PER_SECOND = 1_000;
// A universe is sent 44 times a second at most: over 128 of them each change has a frame of its own.
const CONTROLS = 128;
const SHARES = [
  ['p50', 0.5],
  ['p99', 0.99],
  ['p99.9', 0.999],
];
const module = fileURLToPath(new URL('../servers/injected-midi.cjs', import.meta.url));
const thread = (name, workerData) => new Worker(new URL(`../servers/${name}.mjs`, import.meta.url), { workerData });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** From a control change, through the MIDI bridge, the router, a route and the Art-Net bridge, to a UDP packet. */
export async function run({ quick }) {
  const { play } = createRequire(import.meta.url)(module);
  const ours = (bytes) => play(Uint8Array.from(bytes));
  const sent = new SharedArrayBuffer(2 * CONTROLS * 16 * 8);
  const watch = thread('artnet-watch', { sent });
  const [{ port }] = await once(watch, 'message');
  const relay = createRelay({
    port: 0,
    bridges: [
      // Controls 98 to 101 are plain ones here.
      { type: 'midi', input: 'injected', module, nrpn: false },
      { type: 'artnet', listen: false, targets: [`127.0.0.1:${port}`], discover: false },
    ],
    routes: [
      ...Array.from({ length: 16 }, (_, channel) => ({
        from: `/midi/ch/${channel + 1}/cc/*`,
        to: `/artnet/$1/${channel + 1}`,
        transform: [{ type: 'scale', from: [0, 1], to: [0, 255] }, { type: 'round' }],
      })),
    ],
  });
  await relay.ready;

  // Each control moves to a value that it did not have.
  let base = 0;
  const round = async (seconds, play, first = 0) => {
    base += 10;
    const count = seconds * PER_SECOND;
    const player = thread('midi-player', { sent, perSecond: PER_SECOND, count, controls: CONTROLS, base, first });
    player.on('message', (bytes) => play(bytes));
    await once(player, 'exit');
    await sleep(200);
    watch.postMessage('take');
    const [{ latencies }] = await once(watch, 'message');
    return { count, latencies: latencies.sort((a, b) => a - b) };
  };
  const socket = createSocket('udp4');
  const frames = Array.from({ length: CONTROLS }, () => new Uint8Array(512));
  /** What the machine itself costs: the thread, the turn of the event loop, and the packet. */
  const bare = ([status, control, value]) => {
    const levels = frames[control];
    levels[status & 15] = value;
    socket.send(encodeArtDmx({ universe: CONTROLS + control, sequence: 0, levels }), port, '127.0.0.1');
  };
  try {
    await round(2, ours);
    const rounds = [];
    const others = [];
    for (let i = 0; i < (quick ? 2 : 4); i++) {
      rounds.push(await round(3, ours));
      others.push(await round(3, bare, CONTROLS));
    }
    const lost = rounds.map(({ count, latencies }) => count - latencies.length);
    return SHARES.map(([name, share]) => ({
      name: `MIDI to Art-Net at ${PER_SECOND}/s, ${name}`,
      unit: 'ms',
      better: 'lower',
      ours: rounds.map(({ latencies }) => percentile(latencies, share)),
      peers: { 'bare UDP': others.map(({ latencies }) => percentile(latencies, share)) },
      ...(name === 'p99' ? { atMost: 3 } : {}),
      ...(name === 'p50' ? { note: `changes that showed in no packet of their own: ${lost.join(', ')}` } : {}),
    }));
  } finally {
    socket.close();
    watch.postMessage('close');
    await relay.close();
  }
}
