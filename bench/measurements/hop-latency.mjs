import { openLoop } from '../driver/open-loop.mjs';
import { ADDRESS, cell, closeRigs, interleave, openRigs } from '../rounds.mjs';
import { percentile } from '../statistics.mjs';

const SHARES = [
  ['p50', 0.5],
  ['p99', 0.99],
  ['p99.9', 0.999],
];

/** Milliseconds. */
const BAR = 1;

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
    const row = (name, share, of) => {
      const at = (server) => cell(of[server], (sorted) => percentile(sorted, share));
      const peers = { 'nats-server': at('nats'), mosquitto: at('mosquitto'), aedes: at('aedes'), 'bare ws': at('ws') };
      return { name, unit: 'ms', better: 'lower', ours: at('ours'), peers };
    };
    for (const [name, share] of SHARES) rows.push(row(`hop at ${perSecond}/s, ${name}`, share, results));
    if (perSecond !== 10_000) continue;
    Object.assign(rows.at(-2), { atMost: BAR });
    const quiet = quietRounds(results);
    if (!quiet) continue;
    const note = `${quiet.ours.length} of ${results.ours.length} rounds: in the others bare ws, right before, has more than that as well`;
    rows.push({ ...row(`… p99 where bare ws has less than ${BAR} ms`, 0.99, quiet), atMost: BAR, note });
  }
  return rows;
}

/** Of every server those rounds in which the machine let a bare server keep to the bar; undefined where there are none. */
function quietRounds(results) {
  if (!Array.isArray(results.ws) || !Array.isArray(results.ours)) return undefined;
  const quiet = results.ws.map((sorted) => percentile(sorted, 0.99) < BAR);
  if (!quiet.includes(true)) return undefined;
  return Object.fromEntries(
    Object.entries(results).map(([name, rounds]) => [
      name,
      Array.isArray(rounds) ? rounds.filter((_, i) => quiet[i]) : rounds,
    ]),
  );
}

/** New connections for each rate: one that says nothing for 150 s is pinged, and a reader that counts bytes expects no ping. */
async function latencies(perSecond, rounds, ms) {
  const rigs = await openRigs(['ws', 'ours', 'nats', 'mosquitto', 'aedes'], 1);
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
