import { climb, closeRigs, LADDER, openRigs } from '../rounds.mjs';

async function ladder(count, { quick }) {
  const rigs = await openRigs(['ours', 'oursSet', 'nats'], count);
  try {
    const times = quick ? { rounds: 3, ms: 150, warmMs: 300 } : { rounds: 5, ms: 400, warmMs: 600 };
    const rungs = await climb(rigs, LADDER, times);
    const place = count === 1 ? 'one to one' : `fan-out to ${count}`;
    const row = (window, kind, ours, nats, details) => ({
      name: `${place}, ${window} under way, ${kind}`,
      unit: 'deliveries/s',
      better: 'higher',
      ours,
      peers: { 'nats-server': nats },
      bars: { 'nats-server': 1 },
      details,
    });
    return rungs
      .flatMap(({ window, cells, details }) => [
        row(window, 'stream', cells.ours, cells.nats, details),
        row(window, 'param', cells.oursSet, cells.nats, details),
      ])
      .filter(({ ours }) => ours !== undefined);
  } finally {
    await closeRigs(rigs);
  }
}

/** Deliveries a second at each number of messages under way, not only at the best, to 1, 10, 100 and 1000 subscribers. */
export async function run(options) {
  const rows = [];
  for (const count of [1, 10, 100, 1000]) rows.push(...(await ladder(count, options)));
  return rows;
}
