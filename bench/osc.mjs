// Our OSC codec beside the `osc` and `osc-min` packages: nanoseconds a packet, in one process, interleaved.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import * as oscMin from 'osc-min';
import { decodeOsc, encodeOsc } from '../dist/core/protocols/index.js';
import { median } from './statistics.mjs';

const osc = createRequire(import.meta.url)('osc');
const withTypes = { metadata: true, unpackSingleArgs: false };

/** One message in the words of each package, without metadata that a caller would have to make first. */
const messages = {
  '/synth/cutoff ,f': {
    ours: { address: '/synth/cutoff', args: [{ type: 'f', value: 0.5 }] },
    osc: { address: '/synth/cutoff', args: [{ type: 'f', value: 0.5 }] },
    'osc-min': { oscType: 'message', address: '/synth/cutoff', args: [{ type: 'float', value: 0.5 }] },
  },
  '/voice/note ,ifsT': {
    ours: {
      address: '/voice/note',
      args: [
        { type: 'i', value: 60 },
        { type: 'f', value: 0.25 },
        { type: 's', value: 'saw' },
        { type: 'T', value: true },
      ],
    },
    osc: {
      address: '/voice/note',
      args: [
        { type: 'i', value: 60 },
        { type: 'f', value: 0.25 },
        { type: 's', value: 'saw' },
        { type: 'T', value: true },
      ],
    },
    'osc-min': {
      oscType: 'message',
      address: '/voice/note',
      args: [
        { type: 'integer', value: 60 },
        { type: 'float', value: 0.25 },
        { type: 'string', value: 'saw' },
        { type: 'true', value: true },
      ],
    },
  },
};
const encoders = {
  ours: encodeOsc,
  osc: (packet) => osc.writePacket(packet, withTypes),
  'osc-min': (packet) => oscMin.toBuffer(packet),
};
const decoders = {
  ours: decodeOsc,
  osc: (bytes) => osc.readPacket(bytes, withTypes),
  'osc-min': (bytes) => oscMin.fromBuffer(bytes),
};

/** Nanoseconds a call. The results are kept for a moment, so that the work cannot be left out. */
function time(action, input, calls) {
  const kept = new Array(16);
  const began = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) kept[i & 15] = action(input);
  const nanoseconds = Number(process.hrtime.bigint() - began);
  return kept.length === 16 ? nanoseconds / calls : Number.NaN;
}

/** Rows for the table: packets a second, and how many times the peers. */
export async function run({ quick = false } = {}) {
  const rounds = quick ? 5 : 15;
  const calls = quick ? 10_000 : 40_000;
  const rows = [];
  for (const [title, packets] of Object.entries(messages)) {
    const bytes = encodeOsc(packets.ours);
    for (const [verb, actions] of [
      ['encode', encoders],
      ['decode', decoders],
    ]) {
      const rates = { ours: [], osc: [], 'osc-min': [] };
      for (let round = -3; round < rounds; round++) {
        for (const [name, action] of Object.entries(actions)) {
          const input = verb === 'encode' ? packets[name] : bytes;
          const each = time(action, input, calls);
          if (round >= 0) rates[name].push(1e9 / each);
        }
      }
      const { ours, ...peers } = rates;
      rows.push({
        name: `OSC ${verb}, ${title}`,
        unit: 'packets/s',
        better: 'higher',
        ours,
        peers,
        bars: { osc: 4 },
        details: {
          nanoseconds: Object.fromEntries(Object.entries(rates).map(([name, all]) => [name, 1e9 / median(all)])),
        },
      });
    }
  }
  return rows;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { finishRow, renderTable } = await import('./table.mjs');
  console.log(renderTable((await run()).map(finishRow)));
}
