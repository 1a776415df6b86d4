import { openLoop } from '../driver/open-loop.mjs';
import { ADDRESS, cell, closeRigs, interleave, openRigs } from '../rounds.mjs';
import { percentile } from '../statistics.mjs';

const SHARES = [
  ['p50', 0.5],
  ['p99', 0.99],
  ['p99.9', 0.999],
];

/** Rounds by messages a second. Many where both cores are busy: a machine that loses a hundredth of its time then decides the p99. */
const RATES = [
  [1_000, 4],
  [10_000, 12],
];

/** How long a message takes from a publisher through the server to a subscriber, at a steady rate. */
export async function run({ quick }) {
  const rows = [];
  for (const [perSecond, rounds] of RATES) {
    const results = await latencies(perSecond, quick ? 3 : rounds, quick ? 400 : 1500);
    for (const [name, share] of SHARES) {
      const at = (server) => cell(results[server], (sorted) => percentile(sorted, share));
      rows.push({
        name: `hop at ${perSecond}/s, ${name}`,
        unit: 'ms',
        better: 'lower',
        ours: at('ours'),
        peers: { 'nats-server': at('nats'), mosquitto: at('mosquitto'), aedes: at('aedes'), 'bare ws': at('ws') },
        ...(name === 'p99' && perSecond === 10_000 ? { atMost: 1 } : {}),
      });
    }
  }
  return rows;
}

/** New connections for each rate: one that says nothing for 150 s is pinged, and a reader that counts bytes expects no ping. */
async function latencies(perSecond, rounds, ms) {
  const rigs = await openRigs(['ours', 'nats', 'mosquitto', 'aedes', 'ws'], 1);
  const loop = (rig, rate, during) =>
    openLoop({ ...rig, readers: rig.subscribers, address: ADDRESS, perSecond: rate, ms: during }).then(
      ([sorted]) => sorted,
    );
  try {
    await interleave(rigs, 1, (rig) => loop(rig, 10_000, 400));
    return await interleave(rigs, rounds, (rig) => loop(rig, perSecond, ms));
  } finally {
    await closeRigs(rigs);
  }
}
