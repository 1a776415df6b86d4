import { openLoop } from '../driver/open-loop.mjs';
import { ADDRESS, cell, closeRigs, interleave, openRigs } from '../rounds.mjs';
import { percentile } from '../statistics.mjs';

const SHARES = [
  ['p50', 0.5],
  ['p99', 0.99],
  ['p99.9', 0.999],
];

/** How long a message takes from a publisher through the server to a subscriber, at a steady rate. */
export async function run({ quick }) {
  const rigs = await openRigs(['ours', 'nats', 'mosquitto', 'aedes', 'ws'], 1);
  const loop = (rig, perSecond, ms) =>
    openLoop({ ...rig, readers: rig.subscribers, address: ADDRESS, perSecond, ms }).then(([latencies]) => latencies);
  try {
    await interleave(rigs, 1, (rig) => loop(rig, 10_000, 400));
    const rows = [];
    for (const perSecond of [1_000, 10_000]) {
      const results = await interleave(rigs, quick ? 3 : 4, (rig) => loop(rig, perSecond, quick ? 400 : 1500));
      for (const [name, share] of SHARES) {
        const at = (server) => cell(results[server], (latencies) => percentile(latencies, share));
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
  } finally {
    await closeRigs(rigs);
  }
}
