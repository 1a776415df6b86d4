// What the wire codec does in a second beside the published codec and MessagePack, and what its steps cost.
// Needs `npx tsc -b core`. Run directly (`node bench/codec.mjs [--quick] [--json]`) or as part of main.mjs.
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { decode as theirDecode, encode as theirEncode } from '@clasp-to/core';
import { Decoder, Encoder } from '@msgpack/msgpack';
import {
  decodeFrame,
  encodeMessage,
  encodePublish,
  encodeSet,
  forwardPublish,
  SnapshotWriter,
  stampRevision,
} from '../dist/core/wire/index.js';
import { finishRow, renderTable } from './table.mjs';

/** Different addresses and values, so that nothing is measured that only works for one; a power of two. */
const COUNT = 256;
/** Short rounds, so that a busy moment of the machine hits all contenders. */
const CALLS = 5_000;
const WARM_UP = 10;
/** What is measured must have an effect. */
export let consumed = 0;

/** Strings in one piece, as a decoder makes them; 22 characters. */
const addresses = Array.from({ length: COUNT }, (_, i) =>
  Buffer.from(`/bench/fader/chan/${String(i).padStart(4, '0')}`).toString('latin1'),
);
const values = Array.from({ length: COUNT }, (_, i) => (i + 0.5) / COUNT);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/**
 * Calls each of `contenders` in turn, round by round, none of them over the garbage of another; gives calls a second,
 * one number a round.
 */
function perSecond(rounds, contenders) {
  const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const [name, call] of Object.entries(contenders)) {
      collect({ type: 'minor' });
      const began = process.hrtime.bigint();
      for (let i = 0; i < CALLS; i++) consumed += call(i & (COUNT - 1));
      const took = Number(process.hrtime.bigint() - began);
      if (round >= 0) results[name].push((CALLS / took) * 1e9);
    }
  }
  return results;
}

const BARS = { '@clasp-to/core': 3, '@msgpack/msgpack': 3 };

function rateRow(rounds, name, contenders, { bars, note } = {}) {
  const { ours, ...peers } = perSecond(rounds, contenders);
  return {
    name,
    unit: '/s',
    better: 'higher',
    ours,
    peers,
    ...(bars ? { bars } : {}),
    ...(note ? { note } : {}),
  };
}

function versusPeers(rounds, kind, messages, encodeFast) {
  const encoder = new Encoder();
  const decoder = new Decoder();
  const frames = messages.map((message) => encodeMessage(message, { qos: message.type === 'SET' ? 1 : 0 }));
  const packed = messages.map((message) => encoder.encode(message));
  const encodePeers = {
    '@clasp-to/core': (i) => theirEncode(messages[i]).length,
    '@msgpack/msgpack': (i) => encoder.encode(messages[i]).length,
  };
  const decodePeers = {
    '@clasp-to/core': (i) => theirDecode(frames[i]).value,
    '@msgpack/msgpack': (i) => decoder.decode(packed[i]).value,
  };
  return [
    rateRow(rounds, `encode ${kind}`, { ours: (i) => encodeFast(i).length, ...encodePeers }, { bars: BARS }),
    rateRow(rounds, `encode ${kind}, from a message object`, {
      ours: (i) => encodeMessage(messages[i]).length,
      ...encodePeers,
    }),
    rateRow(
      rounds,
      `decode ${kind}`,
      { ours: (i) => decodeFrame(frames[i]).valueStart, ...decodePeers },
      { bars: BARS, note: 'the first step, as a relay uses it: the value is checked but stays bytes' },
    ),
    rateRow(rounds, `decode ${kind}, to a message object`, {
      ours: (i) => decodeFrame(frames[i]).message.value,
      ...decodePeers,
    }),
  ];
}

function stepRows(rounds) {
  const sets = addresses.map((address, i) => encodeSet(address, values[i], { qos: 1 }));
  const setFrames = sets.map((bytes) => decodeFrame(bytes));
  const publishes = addresses.map((address, i) => decodeFrame(encodePublish('stream', address, values[i])));
  const steps = {
    'decodeFrame of a SET': (i) => decodeFrame(sets[i]).valueStart,
    'decodeFrame + address': (i) => decodeFrame(sets[i]).address.length,
    'decodeFrame + value': (i) => decodeFrame(sets[i]).value,
    'decodeFrame + stampRevision': (i) => stampRevision(decodeFrame(sets[i]), i).length,
    stampRevision: (i) => stampRevision(setFrames[i], i).length,
    forwardPublish: (i) => forwardPublish(publishes[i]).length,
    encodeSet: (i) => encodeSet(addresses[i], values[i]).length,
  };
  const rates = perSecond(rounds, steps);
  return Object.entries(rates).map(([name, rounds]) => ({
    name,
    unit: 'ns',
    better: 'lower',
    ours: rounds.map((rate) => 1e9 / rate),
    peers: {},
  }));
}

function snapshotRow(rounds) {
  const params = 10_000;
  const names = Array.from({ length: params }, (_, i) => `/bench/fader/channel/${i}`);
  const body = encodeSet('/a', 0.5).slice(-8);
  const ours = [];
  for (let round = -2; round < rounds; round++) {
    const began = process.hrtime.bigint();
    const snapshot = new SnapshotWriter();
    for (let i = 0; i < params; i++) snapshot.add(names[i], 7, body, null, i);
    consumed += snapshot.finish().length;
    if (round >= 0) ours.push(Number(process.hrtime.bigint() - began) / 1e6);
  }
  return { name: 'snapshot of 10 000 params, encoding only', unit: 'ms', better: 'lower', ours, peers: {} };
}

/** The rows of the table. */
export async function run({ quick = false } = {}) {
  const rounds = quick ? 21 : 75;
  const sets = addresses.map((address, i) => ({ type: 'SET', address, value: values[i] }));
  const streams = addresses.map((address, i) => ({ type: 'PUBLISH', address, signal: 'stream', value: values[i] }));
  return [
    ...versusPeers(rounds, 'SET', sets, (i) => encodeSet(addresses[i], values[i], { qos: 1 })),
    ...versusPeers(rounds, 'stream PUBLISH', streams, (i) => encodePublish('stream', addresses[i], values[i])),
    ...stepRows(rounds),
    snapshotRow(rounds),
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const rows = (await run({ quick: process.argv.includes('--quick') })).map((row) =>
    finishRow({ section: 'codec', ...row }),
  );
  console.log(process.argv.includes('--json') ? JSON.stringify(rows, null, 2) : renderTable(rows));
}
