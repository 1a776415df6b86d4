// What an address costs: interning it, matching it, and finding its subscribers among 100 000 subscriptions.
// Needs `npx tsc -b core`. Run directly (`node bench/addresses.mjs [--json]`) or as part of main.mjs.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AddressTable } from '../dist/core/address/address-table.js';
import { compilePattern } from '../dist/core/address/pattern.js';
import { ALL_KINDS, KindBit, SubscriptionIndex } from '../dist/core/address/subscription-index.js';
import { finishRow, renderTable } from './table.mjs';

const SUBSCRIPTIONS = 100_000;
/** What is measured must have an effect. */
export let consumed = 0;

/** Nanoseconds per call of `call(i)`, one number a round. */
function measure(rounds, calls, call) {
  const results = [];
  for (let round = 0; round <= rounds; round++) {
    const began = process.hrtime.bigint();
    for (let i = 0; i < calls; i++) consumed += call(i);
    const took = Number(process.hrtime.bigint() - began);
    if (round > 0) results.push(took / calls); // the first only warms up
  }
  return results;
}

/** A small repeatable generator of integers below `limit`. */
function integers(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * limit);
  };
}

const encoder = new TextEncoder();
/** A string in one piece, as a decoder makes it. */
const flat = (text) => Buffer.from(text).toString('latin1');
/** Thirty bytes each. */
const addressOf = (i) => flat(`/bench/fader/channel/${String(i).padStart(9, '0')}`);
/** As they come off the wire: in the middle of a frame. */
const framed = (address) => {
  const utf8 = encoder.encode(address);
  const bytes = new Uint8Array(utf8.length + 24).fill(0x41);
  bytes.set(utf8, 8);
  return { bytes, start: 8, end: 8 + utf8.length };
};

function internRows(rounds, calls) {
  const decoder = new TextDecoder();
  const row = (name, addresses, atMost) => {
    const table = new AddressTable();
    const map = new Map(addresses.map((address, i) => [address, { id: i }]));
    const frames = addresses.map(framed);
    const mask = frames.length - 1;
    return {
      name,
      unit: 'ns',
      ...(atMost === undefined ? {} : { atMost }),
      ours: measure(rounds, calls, (i) => {
        const { bytes, start, end } = frames[i & mask];
        return table.intern(bytes, start, end).id;
      }),
      peers: {
        'TextDecoder + Map': measure(rounds, calls / 4, (i) => {
          const { bytes, start, end } = frames[i & mask];
          return map.get(decoder.decode(bytes.subarray(start, end))).id;
        }),
      },
    };
  };
  const many = Array.from({ length: 8192 }, (_, i) => addressOf(i));
  const table = new AddressTable();
  const flood = Array.from({ length: 131_072 }, (_, i) => framed(addressOf(i)));
  return [
    row('intern, hot, 30 bytes', [addressOf(7)], 80),
    row('intern, 8192 addresses, 30 bytes', many),
    row('intern, hot, 30 bytes, not ASCII', ['/bühne/straße/größe/überall1']),
    {
      name: 'intern, always new (one dropped for each)',
      unit: 'ns',
      ours: measure(rounds, flood.length, (i) => table.intern(flood[i].bytes, flood[i].start, flood[i].end).id & 1),
      peers: {},
    },
    {
      name: 'intern from a string, hot, 30 bytes',
      unit: 'ns',
      ours: measure(rounds, calls, () => table.internString('/bench/fader/channel/000000007').id & 1),
      peers: {},
    },
  ];
}

function matcherRows(rounds, calls) {
  const addresses = Array.from({ length: 1024 }, (_, i) =>
    i % 2 === 0 ? addressOf(i) : flat(`/bench/dial/page/${i}`),
  );
  const rivals = {
    '/bench/fader/**': /^\/bench\/fader(?:\/.*)?$/,
    '/bench/*/channel/*': /^\/bench\/[^/]+\/channel\/[^/]+$/,
    '/**/channel/*': /^(?:\/.*)?\/channel\/[^/]+$/,
    '/bench/fa*r/ch*/0*0': /^\/bench\/fa[^/]*r\/ch[^/]*\/0[^/]*0$/,
  };
  return Object.entries(rivals).map(([source, regExp]) => {
    const pattern = compilePattern(source);
    return {
      name: `matches ${source}`,
      unit: 'ns',
      ours: measure(rounds, calls, (i) => (pattern.matches(addresses[i & 1023]) ? 1 : 0)),
      peers: { RegExp: measure(rounds, calls, (i) => (regExp.test(addresses[i & 1023]) ? 1 : 0)) },
    };
  });
}

/** Eight of ten literal, the rest with wildcards at the end, inside a segment and in the middle; 1000 targets. */
function fill(index) {
  const next = integers(1);
  for (let i = 0; i < SUBSCRIPTIONS; i++) {
    const address = addressOf(next(1_000_000));
    const shape = i % 40;
    let pattern = address;
    if (shape === 0) pattern = `/bench/fader/group${i}/**`;
    else if (shape === 1) pattern = `/bench/*/channel/${address.slice(-9)}`;
    else if (shape === 2) pattern = `/**/channel/${address.slice(-9)}`;
    else if (shape < 8) pattern = `/room${i}/fader/*/*`;
    index.add(pattern, ALL_KINDS, i % 1000);
  }
  for (let i = 0; i < 10; i++) index.add('/bench/**', ALL_KINDS, 1000 + i);
}

function indexRows(rounds, calls) {
  const index = new SubscriptionIndex();
  fill(index);
  const table = new AddressTable();
  const entries = Array.from({ length: 1024 }, (_, i) => table.internString(addressOf(i * 977)));
  const targets = entries.reduce((sum, { address }) => sum + index.match(address, KindBit.param).length, 0);
  const note = `${SUBSCRIPTIONS} subscriptions of 1000 targets, 1024 addresses with ${(targets / 1024).toFixed(1)} of them each`;
  return [
    {
      name: 'lookup, hot',
      unit: 'ns',
      note,
      ours: measure(rounds, calls, (i) => index.lookup(entries[i & 1023], KindBit.param).length),
      peers: {},
    },
    {
      name: 'lookup, cold',
      unit: 'ns',
      ours: measure(rounds, calls / 20, (i) => index.match(entries[i & 1023].address, KindBit.param).length),
      peers: {},
    },
    {
      name: 'subscribe and unsubscribe',
      unit: 'ns',
      ours: measure(rounds, calls / 20, (i) => {
        index.add('/bench/fader/*/x', ALL_KINDS, i % 1000);
        return index.remove('/bench/fader/*/x', ALL_KINDS, i % 1000) ? 1 : 0;
      }),
      peers: {},
    },
  ];
}

function memoryRows() {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const grown = (build) => {
    collect();
    const before = process.memoryUsage().heapUsed;
    const kept = build();
    collect();
    const bytes = process.memoryUsage().heapUsed - before;
    consumed += kept.length;
    return bytes;
  };
  const count = 65_536;
  const addresses = Array.from({ length: count }, (_, i) => addressOf(i)); // their strings are not counted…
  const strings = grown(() => addresses.map(flat)) - count * 8;
  const entries = grown(() => {
    const table = new AddressTable();
    return [table, ...addresses.map((address) => table.internString(address) && undefined)].slice(0, 1);
  });
  const index = grown(() => {
    const filled = new SubscriptionIndex();
    fill(filled);
    return [filled];
  });
  return [
    {
      name: 'heap of an entry beside its address',
      unit: 'B',
      atMost: 120,
      ours: (entries - strings) / count,
      peers: {},
    },
    { name: 'heap of a subscription', unit: 'B', ours: index / SUBSCRIPTIONS, peers: {} },
  ];
}

/** The rows of the table; nanoseconds per operation unless the row says otherwise. */
export async function run({ quick = false } = {}) {
  const rounds = quick ? 3 : 9;
  const calls = quick ? 400_000 : 2_000_000;
  return [
    ...memoryRows(),
    ...internRows(rounds, calls),
    ...matcherRows(rounds, calls),
    ...indexRows(rounds, calls),
  ].map((row) => ({ ...row, name: `addresses: ${row.name}` }));
}

if (process.argv[1] === import.meta.filename) {
  const rows = (await run({ quick: process.argv.includes('--quick') })).map(finishRow);
  console.log(process.argv.includes('--json') ? JSON.stringify(rows, null, 2) : renderTable(rows));
}
