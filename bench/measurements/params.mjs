import { hello, message, ping, setParam, subscribe, untilType } from '../driver/clasp.mjs';
import { clientFrame, openWebSocket } from '../driver/web-socket.mjs';
import { servers } from '../servers.mjs';
import { median, summary } from '../statistics.mjs';

/** Thirty characters, as an address of a rig has. */
const address = (group, i) => `/bench/${group}/channel/${String(i).padStart(7, '0')}/gain`;

/** SETs `count` params and waits until the relay has stored them all. */
async function store(connection, group, count) {
  for (let from = 0; from < count; from += 500) {
    const frames = [];
    for (let i = from; i < Math.min(count, from + 500); i++) frames.push(clientFrame(setParam(address(group, i), i)));
    frames.push(clientFrame(ping()));
    connection.write(Buffer.concat(frames));
    await untilType(connection, message.PONG);
  }
}

async function bytesPerParam(count) {
  const server = await servers.ours.start();
  const connection = await servers.ours.protocol.open(server.port);
  try {
    await store(connection, 'warm', 1000);
    const before = await server.ask('memory');
    await store(connection, 'rack', count);
    const after = await server.ask('memory');
    return {
      heap: (after.heapUsed - before.heapUsed) / count,
      buffers: (after.arrayBuffers - before.arrayBuffers) / count,
    };
  } finally {
    connection.close();
    await server.stop();
  }
}

/** From `request` until the SNAPSHOTs have brought `count` entries; milliseconds. */
async function snapshotTime(connection, request, count) {
  const began = performance.now();
  let entries = 0;
  connection.write(clientFrame(request));
  while (entries < count) {
    entries += (await untilType(connection, message.SNAPSHOT)).readUInt16BE(1);
  }
  return performance.now() - began;
}

async function ourSnapshots(count, rounds) {
  const server = await servers.ours.start();
  const publisher = await servers.ours.protocol.open(server.port);
  const results = { hello: [], subscribe: [], connect: [] };
  try {
    await store(publisher, 'rack', count);
    for (let round = 0; round < rounds; round++) {
      const began = performance.now();
      const connection = await openWebSocket(server.port);
      results.hello.push(await snapshotTime(connection, hello(), count));
      results.connect.push(performance.now() - began);
      results.subscribe.push(await snapshotTime(connection, subscribe('/**'), count));
      await untilType(connection, message.ACK);
      connection.close();
    }
    return results;
  } finally {
    publisher.close();
    await server.stop();
  }
}

/** Milliseconds to write `count` params as SNAPSHOT frames, in this process and without sending them. */
async function writingTime(count, rounds) {
  const { SnapshotWriter } = await import('../../dist/core/wire/index.js');
  const addresses = Array.from({ length: count }, (_, i) => address('rack', i));
  const body = new Uint8Array(8);
  const session = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
  const times = [];
  for (let round = -3; round < rounds; round++) {
    const began = performance.now();
    const snapshot = new SnapshotWriter();
    for (let i = 0; i < count; i++) snapshot.add(addresses[i], 7, body, undefined, i, session, 1.7e15 + i);
    snapshot.finish();
    if (round >= 0) times.push(performance.now() - began);
  }
  return times;
}

/** MQTT's nearest thing: `count` retained messages, sent to whoever subscribes. */
async function retained(name, count, rounds) {
  const { start, protocol, installed } = servers[name];
  if (!installed()) return { error: 'not installed' };
  const server = await start();
  const publisher = await protocol.open(server.port);
  const times = [];
  try {
    for (let i = 0; i < count; i++) publisher.write(protocol.retain(address('rack', i), i));
    for (let round = -1; round < rounds; round++) {
      const reader = await protocol.open(server.port);
      const size = count * protocol.delivery(address('rack', 0)).length;
      const began = performance.now();
      await new Promise((resolve, reject) => {
        // The SUBACK's five bytes come first. In the first round the messages may still be on their way in.
        const limit = setTimeout(() => reject(new Error(`${reader.bytes} of ${size} bytes arrived`)), 15_000);
        reader.counted = () => {
          if (reader.bytes < size + 5) return;
          clearTimeout(limit);
          resolve();
        };
        reader.write(protocol.subscription('/**'));
      });
      if (round >= 0) times.push(performance.now() - began);
      reader.close();
    }
    return summary(times);
  } catch (error) {
    return { error: error.message };
  } finally {
    publisher.close();
    await server.stop();
  }
}

/** What a stored param costs in memory, and how long a late joiner waits for 10 000 of them. */
export async function run({ quick }) {
  const memory = [];
  for (let round = 0; round < (quick ? 1 : 2); round++) memory.push(await bytesPerParam(quick ? 20_000 : 100_000));
  const rounds = quick ? 7 : 15;
  const ours = await ourSnapshots(10_000, rounds);
  const mosquitto = await retained('mosquitto', 10_000, rounds);
  const aedes = await retained('aedes', 10_000, quick ? 3 : rounds);
  const snapshot = (name, times, peers = { mosquitto: undefined, aedes: undefined }) => ({
    name: `snapshot of 10 000 params, ${name}`,
    unit: 'ms',
    better: 'lower',
    ours: summary(times),
    peers,
    ...(name === 'SUBSCRIBE' || name === 'written in process' ? { atMost: 30 } : {}),
  });
  return [
    {
      name: 'memory of a stored param',
      unit: 'B',
      better: 'lower',
      ours: summary(memory.map(({ heap, buffers }) => heap + buffers)),
      peers: { mosquitto: undefined, aedes: undefined },
      atMost: 300,
      details: { heap: median(memory.map(({ heap }) => heap)), buffers: median(memory.map(({ buffers }) => buffers)) },
    },
    snapshot('SUBSCRIBE', ours.subscribe, { mosquitto, aedes }),
    snapshot('HELLO', ours.hello),
    snapshot('connect', ours.connect),
    snapshot('written in process', await writingTime(10_000, rounds)),
  ];
}
