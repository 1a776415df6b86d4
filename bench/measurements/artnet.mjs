import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { encodeArtDmx } from '../../dist/core/protocols/index.js';
import { median } from '../statistics.mjs';

const UNIVERSES = 100;
const CHANNELS = 25;
const FRAME = 1000 / 44;
const program = fileURLToPath(new URL('../servers/artnet.mjs', import.meta.url));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** 100 universes 44 times a second with 25 channels that change, from here to `port`. */
function feed(port) {
  const socket = createSocket('udp4');
  const began = performance.now();
  let count = 0;
  let timer;
  const next = () => {
    const levels = new Uint8Array(512).fill(count & 255, 0, CHANNELS);
    for (let universe = 0; universe < UNIVERSES; universe++) {
      socket.send(encodeArtDmx({ universe, sequence: (count % 255) + 1, levels }), port, '127.0.0.1');
    }
    count++;
    timer = setTimeout(next, began + count * FRAME - performance.now());
  };
  next();
  return () => {
    clearTimeout(timer);
    socket.close();
  };
}

/** The share of one core that a process of ours needs, over rounds of `ms`. */
async function share({ mode, side, rounds, ms }) {
  const receiver = createSocket('udp4');
  let packets = 0;
  receiver.on('message', () => packets++);
  await new Promise((bound) => receiver.bind(0, '127.0.0.1', bound));
  const child = fork(program, [mode, side, String(receiver.address().port)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const told = (key) =>
    new Promise((resolve) => {
      const hear = (message) => {
        if (!(key in message)) return;
        child.off('message', hear);
        resolve(message[key]);
      };
      child.on('message', hear);
    });
  const cpu = () => {
    const answer = told('cpu');
    child.send('cpu');
    return answer;
  };
  const port = await told('ready');
  const stop = side.startsWith('in') ? feed(port) : () => undefined;
  try {
    await sleep(2_000);
    const shares = [];
    const rates = [];
    for (let round = 0; round < rounds; round++) {
      const [before, began] = [await cpu(), performance.now()];
      packets = 0;
      await sleep(ms);
      const after = await cpu();
      const seconds = (performance.now() - began) / 1000;
      shares.push((after.seconds - before.seconds) / seconds);
      rates.push(side.startsWith('in') ? (after.seen - before.seen) / seconds : packets / UNIVERSES / seconds);
    }
    // Work that was not done does not count as spared.
    const scaled = shares.map((each, i) => each * Math.max(1, 43 / Math.max(1, rates[i])));
    return { shares: scaled, frames: median(rates) };
  } finally {
    stop();
    child.disconnect();
    receiver.close();
  }
}

const SIDES = [
  ['in', 'in and out: bridge and relay', true],
  ['in-only', 'in: bridge that sends nothing, and relay', true],
  ['out', 'out: bridge, relay and who writes', true],
  ['sink', 'out: the sink alone', false],
];

/** How much of a core Art-Net takes: 100 universes at 44 Hz, 25 changing channels each. */
export async function run({ quick }) {
  const rows = [];
  for (const [mode, atMost] of [
    ['channel', 0.5],
    ['universe', 0.2],
  ]) {
    for (const [side, name, isBar] of SIDES) {
      const { shares, frames } = await share({ mode, side, rounds: quick ? 3 : 8, ms: quick ? 700 : 2_000 });
      rows.push({
        name: `Art-Net, 100 universes, ${mode} mode, ${name}`,
        unit: 'cores',
        better: 'lower',
        ours: shares,
        details: { framesPerSecond: frames },
        note: `${frames.toFixed(1)} frames a second of each universe got through`,
        ...(isBar && { atMost }),
      });
    }
  }
  return rows;
}
