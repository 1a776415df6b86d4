import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundleAt, message, setParam, subscribe, sync, untilType } from '../driver/clasp.mjs';
import { clientFrame } from '../driver/web-socket.mjs';
import { servers, startScript } from '../servers.mjs';
import { percentile } from '../statistics.mjs';

const COUNT = 1000;
const LEAD = 700_000;
/** Bundles that wait for their time before those that count, one a millisecond. */
const WARM = 500;
const address = (i) => `/bench/schedule/${String(i).padStart(4, '0')}`;

/** The relay's time, microseconds. */
async function relayTime(connection) {
  connection.write(clientFrame(sync()));
  return Number((await untilType(connection, message.SYNC)).readBigUInt64BE(10));
}

/** When each param was written, by the relay's clock: its snapshot says so. */
async function writtenAt(connection) {
  const times = new Map();
  connection.write(clientFrame(subscribe('/bench/schedule/*')));
  while (times.size < COUNT) {
    const snapshot = await untilType(connection, message.SNAPSHOT);
    let at = 3;
    for (let left = snapshot.readUInt16BE(1); left > 0; left--) {
      const value = at + 2 + snapshot.readUInt16BE(at);
      const name = snapshot.toString('latin1', at + 2, value);
      const writer = value + 1 + 8 + 8 + 1;
      at = writer + 2 + snapshot.readUInt16BE(writer);
      times.set(name, Number(snapshot.readBigUInt64BE(at)));
      at += 8;
    }
  }
  return times;
}

/** The same for bare timers of this process, which has nothing else to do meanwhile: what the machine allows. */
function timerMisses(due, relayNow) {
  const offset = relayNow - performance.now() * 1000;
  const wait = (at) =>
    new Promise((resolve) => {
      const left = (at - offset) / 1000 - performance.now();
      setTimeout(() => resolve((performance.now() * 1000 + offset - at) / 1000), left);
    });
  return Promise.all(due.map(wait));
}

const spin = fileURLToPath(new URL('../driver/spin.mjs', import.meta.url));

/** The same for a process that does nothing but look at the clock: what no program can do better here. */
async function floorMisses(after) {
  const { stdout } = await promisify(execFile)(process.execPath, [spin, JSON.stringify(after)]);
  return JSON.parse(stdout);
}

const byDistance = (misses) => misses.sort((a, b) => Math.abs(a) - Math.abs(b));

/** By how many milliseconds each of a thousand bundles missed its time, each of as many timers, and a bare loop, least first. */
async function misses(dueAfter) {
  const after = Array.from({ length: COUNT }, (_, i) => dueAfter(i));
  // By itself: beside the relay and the timers it would be a third on two cores.
  const floor = byDistance(await floorMisses(after));
  const server = await startScript('clasp-clock');
  const connection = await servers.ours.protocol.open(server.port);
  try {
    // A relay that has run for a while: bundles whose time is past run at once, and some have waited for theirs.
    for (let i = 0; i < 3 * COUNT; i++) connection.write(clientFrame(bundleAt(1, setParam('/bench/warm', i))));
    const soon = await relayTime(connection);
    for (let i = 1; i <= WARM; i++)
      connection.write(clientFrame(bundleAt(soon + i * 1000, setParam('/bench/warm', i))));
    await new Promise((resolve) => setTimeout(resolve, WARM));
    const begin = (await relayTime(connection)) + LEAD;
    const due = after.map((time) => begin + time);
    for (const [i, at] of due.entries()) connection.write(clientFrame(bundleAt(at, setParam(address(i), i))));
    const timers = byDistance(await timerMisses(due, await relayTime(connection)));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const times = await writtenAt(connection);
    return { timers, floor, ours: byDistance(due.map((at, i) => (times.get(address(i)) - at) / 1000)) };
  } finally {
    connection.close();
    await server.stop();
  }
}

/** How well scheduled bundles keep their time. */
export async function run({ quick }) {
  const rows = [];
  const row = (name, rounds, shares, atMost) => {
    for (const [label, share] of Object.entries(shares)) {
      const cells = (who) => rounds.map((round) => Math.abs(percentile(round[who], share)));
      const bar = label === 'worst' && atMost !== undefined ? { atMost } : {};
      const peers = { 'bare timers': cells('timers'), 'bare loop': cells('floor') };
      rows.push({ name: `${name}, ${label}`, unit: 'ms', better: 'lower', ours: cells('ours'), peers, ...bar });
    }
  };
  const rounds = quick ? 2 : 5;
  const spread = [];
  const together = [];
  for (let round = 0; round < rounds; round++) {
    // Not on whole milliseconds: those are the easy ones.
    spread.push(await misses((i) => Math.floor((i + Math.random()) * 1000)));
    together.push(await misses(() => 0));
  }
  row('1000 bundles due within a second', spread, { p50: 0.5, p99: 0.99, worst: 1 }, 1);
  row('1000 bundles due at the same microsecond', together, { p50: 0.5, worst: 1 });
  return rows;
}
