import { burstDetails, cell, closeRigs, findWindow, interleave, LADDER, measureBurst, openRigs } from '../rounds.mjs';

async function fanOut(count, { quick }) {
  const rigs = await openRigs(['ours', 'oursSet', 'nats', 'mosquitto', 'aedes', 'ws'], count);
  try {
    await interleave(rigs, 1, (rig) => findWindow(rig, quick ? [128, 1024, 4096] : LADDER, quick ? 120 : 200));
    const results = await interleave(rigs, quick ? 3 : 5, (rig) => measureBurst(rig, quick ? 200 : 600));
    const cells = {};
    for (const { name } of rigs) cells[name] = cell(results[name], ({ perSecond }) => perSecond);
    const details = burstDetails(rigs, results);
    const { ours, oursSet, nats, mosquitto, aedes, ws } = cells;
    const row = (kind, own, ownDetails) => ({
      name: `fan-out to ${count}, ${kind}`,
      unit: 'deliveries/s',
      better: 'higher',
      ours: own,
      peers: { 'nats-server': nats, mosquitto, aedes, 'bare ws': ws },
      bars: { 'nats-server': 1, mosquitto: 10 },
      details: { ...details, ours: ownDetails, oursSet: undefined },
    });
    return [row('stream', ours, details.ours), row('param', oursSet, details.oursSet)];
  } finally {
    await closeRigs(rigs);
  }
}

/** Deliveries a second to 10, 100 and 1000 subscribers of one address. */
export async function run(options) {
  const rows = [];
  for (const count of [10, 100, 1000]) rows.push(...(await fanOut(count, options)));
  return rows;
}
