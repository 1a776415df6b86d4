import { encodeMessage } from '../../dist/core/wire/index.js';
import { message, subscribe, untilType } from '../driver/clasp.mjs';
import { clientFrame } from '../driver/web-socket.mjs';
import { servers, startScript } from '../servers.mjs';

const COUNT = 1000;
const RATE = 60;
const SECOND = 1_000_000;
const { protocol } = servers.ours;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const address = (i) => `/bench/timeline/${String(i).padStart(4, '0')}`;
const frameOf = (i) =>
  clientFrame(
    Buffer.from(
      encodeMessage({
        type: 'PUBLISH',
        signal: 'timeline',
        address: address(i),
        value: {
          keyframes: [
            { time: 0, value: 0, easing: 'ease-in-out' },
            { time: 1.7 * SECOND, value: 100 },
            { time: 3 * SECOND, value: 0 },
          ],
          loop: true,
        },
      }),
    ),
  );

/** The share of a core that a relay takes while its timelines play, in several rounds, and the bytes a second it sent. */
async function share(subscribers, { rounds, ms }) {
  const server = await startScript('clasp-clock');
  const connections = [];
  try {
    for (let i = 0; i <= subscribers; i++) connections.push(await protocol.open(server.port));
    const [desk, ...listeners] = connections;
    for (const listener of listeners) {
      listener.write(clientFrame(subscribe('/bench/timeline/*')));
      await untilType(listener, message.ACK);
      listener.counted = () => undefined;
    }
    desk.write(Buffer.concat(Array.from({ length: COUNT }, (_, i) => frameOf(i))));
    await pause(2_000);
    const shares = [];
    const heard = listeners[0]?.bytes ?? 0;
    const began = performance.now();
    for (let round = 0; round < rounds; round++) {
      const [before, from] = [server.cpu(), performance.now()];
      await pause(ms);
      shares.push((server.cpu() - before) / ((performance.now() - from) / 1000));
    }
    const bytes = ((listeners[0]?.bytes ?? 0) - heard) / ((performance.now() - began) / 1000);
    return { shares, bytes };
  } finally {
    for (const connection of connections) connection.close();
    await server.stop();
  }
}

/** How much of a core a thousand timelines take that play at 60 Hz. */
export async function run({ quick }) {
  const options = { rounds: quick ? 2 : 5, ms: quick ? 1_500 : 3_000 };
  const rows = [];
  for (const subscribers of [0, 1]) {
    const { shares, bytes } = await share(subscribers, options);
    rows.push({
      name: `${COUNT} timelines at ${RATE} Hz, ${subscribers === 0 ? 'nobody listens' : 'one subscriber'}`,
      unit: 'cores',
      better: 'lower',
      ours: shares,
      atMost: 0.25,
      ...(subscribers > 0 && { note: `${(bytes / 1e6).toFixed(1)} MB a second of their values got through` }),
    });
  }
  return rows;
}
