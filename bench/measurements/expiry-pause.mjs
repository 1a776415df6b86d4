import { encodeMessage } from '../../dist/core/wire/index.js';
import { message, subscribe, sync, untilType } from '../driver/clasp.mjs';
import { Connection, stamp } from '../driver/connection.mjs';
import { mqtt } from '../driver/mqtt.mjs';
import { openLoop } from '../driver/open-loop.mjs';
import { clientFrame, clientText, openWebSocket } from '../driver/web-socket.mjs';
import { ADDRESS } from '../rounds.mjs';
import { servers, startScript } from '../servers.mjs';
import { percentile } from '../statistics.mjs';

const PARAMS = 100_000;
const PER_BUNDLE = 1000;
const GESTURES = 1000;
const TIMELINES = 10_000;
const KEYFRAMES = 1500;
const FEWER = 20_000;
const REQUESTS = 5_000;
const { protocol } = servers.ours;
/** Bytes of a delivery. */
const { length: LENGTH } = protocol.delivery(ADDRESS);

const frames = (messages) => Buffer.concat(messages.map((one) => clientFrame(Buffer.from(encodeMessage(one)))));
const list = (count, item) => Array.from({ length: count }, (_, i) => item(i));
const timeline = (i, keyframes, startTime) => ({
  type: 'PUBLISH',
  signal: 'timeline',
  address: `/bench/load/${i}`,
  value: { keyframes: list(keyframes, (n) => ({ time: n * 1_000_000, value: n })), startTime },
});

/** Resolves when the relay has done everything that the connection has sent. */
async function done(connection) {
  connection.write(clientFrame(sync()));
  return Number((await untilType(connection, message.SYNC)).readBigUInt64BE(10));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What is done to the relay beside the messages that are measured: `before` they begin, and `meanwhile`. */
const loads = {
  alone: () => ({}),

  // In a hundred bundles, so that they begin, and end, together.
  expiry: () => {
    const set = (i) => ({ type: 'SET', address: `/bench/load/${i}`, value: i, ttl: { seconds: 2, mode: 'absolute' } });
    const bundle = (n) => ({ type: 'BUNDLE', messages: list(PER_BUNDLE, (i) => set(n * PER_BUNDLE + i)) });
    const bytes = frames(list(PARAMS / PER_BUNDLE, bundle));
    return { before: (connection) => connection.write(bytes) };
  },

  flood: () => {
    const bytes = frames(list(PARAMS, (i) => ({ type: 'SET', address: `/bench/load/${i}`, value: i })));
    return { meanwhile: (connection) => connection.write(bytes) };
  },

  gestures: () => {
    const start = (id) => ({
      type: 'PUBLISH',
      signal: 'gesture',
      address: '/bench/load/pad',
      id,
      phase: 'start',
      value: 1,
    });
    const bytes = frames(list(GESTURES, start));
    return { before: (connection) => connection.write(bytes), meanwhile: (connection) => connection.close() };
  },

  // They wait: to play so many at once is another matter.
  timelines: (now) => {
    const bytes = frames(list(TIMELINES, (i) => timeline(i, 2, now + 3_600_000_000)));
    return { meanwhile: (connection) => connection.write(bytes) };
  },

  keyframes: (now) => {
    const bytes = frames(list(100, (i) => timeline(i, KEYFRAMES, now + 3_600_000_000)));
    return { meanwhile: (connection) => connection.write(bytes) };
  },

  json: () => {
    const set = (i) => clientText(JSON.stringify({ type: 'set', address: `/bench/load/${i}`, value: i }));
    const bytes = Buffer.concat(list(FEWER, set));
    return { open: ({ port }) => openWebSocket(port, '/json'), meanwhile: (connection) => connection.write(bytes) };
  },

  mqtt: () => {
    const bytes = Buffer.concat(list(FEWER, (i) => mqtt.retain(`load/${i}`, i)));
    return {
      open: async (server) => mqtt.open(await server.ask('mqttPort')),
      meanwhile: (connection) => connection.write(bytes),
    };
  },

  http: () => {
    const body = '{"value":1}';
    const put = (i) =>
      `PUT /v1/state/bench/load/${i} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const bytes = Buffer.from(list(REQUESTS, put).join(''));
    return { open: ({ port }) => new Connection(port), meanwhile: (connection) => connection.write(bytes) };
  },
};

/** The same rate over an echo, while somebody else sends it as much as a relay gets in `flood`. */
async function floor(load, ms) {
  const server = await startScript('tcp-echo');
  const connections = [new Connection(server.port), new Connection(server.port)];
  const [publisher, source] = connections;
  const message = Buffer.alloc(LENGTH);
  const echo = { delivery: () => ({ length: LENGTH, number: 0 }), stamp: () => stamp(message, 0) };
  const loop = (length) =>
    openLoop({ publisher, readers: [publisher], protocol: echo, address: ADDRESS, perSecond: 1000, ms: length });
  try {
    await loop(1000);
    const { meanwhile } = loads[load](0);
    const measured = loop(ms);
    await pause(ms / 3);
    meanwhile?.(source);
    const [latencies] = await measured;
    return latencies;
  } finally {
    for (const connection of connections) connection.close();
    await server.stop();
  }
}

/** Latencies of 1000 messages a second through a relay that meanwhile has something else to do, sorted. */
async function bystander(load, ms) {
  const server = await startScript('relay');
  const connections = [];
  const keep = async (opened) => {
    connections.push(await opened);
    return connections.at(-1);
  };
  try {
    const reader = await keep(protocol.subscribe(server.port, ADDRESS));
    const publisher = await keep(protocol.open(server.port));
    const listener = await keep(protocol.open(server.port));
    listener.write(clientFrame(subscribe('/bench/load/**')));
    await untilType(listener, message.ACK);
    listener.counted = () => undefined;
    const source = await keep(protocol.open(server.port));
    const loop = (length) =>
      openLoop({ publisher, readers: [reader], protocol, address: ADDRESS, perSecond: 1000, ms: length });
    await loop(1000);
    const { open, before, meanwhile } = loads[load](await done(source));
    before?.(source);
    await done(source);
    const sender = open ? await keep(open(server)) : source;
    sender.counted = () => undefined;
    const heard = listener.bytes;
    const measured = loop(ms);
    await pause(ms / 3);
    meanwhile?.(sender);
    const [latencies] = await measured;
    if (load !== 'alone' && listener.bytes === heard) throw new Error(`nothing was heard of ${load}`);
    return latencies;
  } finally {
    for (const connection of connections) connection.close();
    await server.stop();
  }
}

/** What somebody else notices while very much ends or arrives at once. */
export async function run({ quick }) {
  const rounds = quick ? 1 : 3;
  const rows = [];
  for (const [load, name] of [
    ['alone', '1000/s alone'],
    ['expiry', '… while 100 000 params expire'],
    ['flood', '… while somebody creates 100 000 params at once'],
    ['gestures', '… while 1000 gestures are cancelled'],
    ['timelines', '… while 10 000 timelines arrive'],
    ['keyframes', `… while 100 timelines of ${KEYFRAMES} keyframes arrive`],
    ['json', '… while somebody creates 20 000 params at once over JSON'],
    ['mqtt', '… while somebody creates 20 000 params at once over MQTT'],
    ['http', '… while somebody sends 5000 requests at once'],
  ]) {
    const measured = [];
    const echoed = [];
    for (let round = 0; round < rounds; round++) {
      measured.push(await bystander(load, 3000));
      if (load === 'alone' || load === 'flood') echoed.push(await floor(load, 3000));
    }
    const cells = (of, share) => of.map((latencies) => percentile(latencies, share));
    const row = (what, share) => ({
      name: `${name}, ${what}`,
      unit: 'ms',
      better: 'lower',
      ours: cells(measured, share),
      peers: echoed.length > 0 ? { 'an echo': cells(echoed, share) } : {},
    });
    rows.push(row('p99', 0.99), { ...row('worst', 1), ...(load === 'alone' ? {} : { atMost: 50 }) });
  }
  return rows;
}
