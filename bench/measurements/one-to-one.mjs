import { burstDetails, cell, closeRigs, findWindow, interleave, LADDER, measureBurst, openRigs } from '../rounds.mjs';

/** Messages a second from one publisher to one subscriber; `bare ws` echoes them on one connection, gathered. */
export async function run({ quick }) {
  const rigs = await openRigs(['ours', 'oursSet', 'wsEcho', 'nats', 'mosquitto', 'aedes'], 1);
  try {
    const ladder = quick ? [256, 4096] : LADDER;
    await interleave(rigs, 1, (rig) => findWindow(rig, ladder, quick ? 120 : 200));
    const results = await interleave(rigs, quick ? 3 : 5, (rig) => measureBurst(rig, quick ? 250 : 600));
    const cells = {};
    for (const { name } of rigs) cells[name] = cell(results[name], ({ perSecond }) => perSecond);
    const details = burstDetails(rigs, results);
    const { ours, oursSet, wsEcho, nats, mosquitto, aedes } = cells;
    const row = (kind, own) => ({
      name: `one to one, ${kind}`,
      unit: 'messages/s',
      better: 'higher',
      ours: own,
      peers: { 'nats-server': nats, mosquitto, aedes, 'bare ws': wsEcho },
      bars: { 'bare ws': 0.5 },
      details,
    });
    return [row('stream', ours), row('param', oursSet)];
  } finally {
    await closeRigs(rigs);
  }
}
