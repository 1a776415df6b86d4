import { openLoop } from '../driver/open-loop.mjs';
import { ADDRESS } from '../rounds.mjs';
import { servers } from '../servers.mjs';
import { percentile, summary } from '../statistics.mjs';

const READERS = 3;
const SIZE = 1024;
const MB = 1024 * 1024;
/** A reader of events that stopped reading is given up once 8 MiB wait for it: not within a round of the first, but of the second. */
const STEADY = { perSecond: 2_500, ms: 1500 };
const HARD = { perSecond: 10_000, ms: 1500 };
const QUICK_MS = 800;
/** Many, in turns: what else the machine does is then the same for those with and without. */
const ROUNDS = 20;
const MEMORY_ROUNDS = 2;

/** Latencies of three readers without and with a fourth that has stopped reading, in turns; and the memory that one costs. */
async function paused(name, rounds, { perSecond, ms }) {
  const { start, protocol, installed } = servers[name];
  if (!installed()) throw new Error('not installed');
  const server = await start();
  const open = () => protocol.subscribe(server.port, ADDRESS);
  const readers = await Promise.all(Array.from({ length: READERS }, open));
  const publisher = await protocol.open(server.port);
  const result = { without: [], with: [], growth: [] };
  const measure = () =>
    openLoop({ publisher, readers, protocol, address: ADDRESS, perSecond, ms, size: SIZE, mayDrop: name === 'ours' });
  // An own process tells what it really holds; of others the system knows the resident size.
  const held = async () => {
    if (!server.child.connected) return server.rss();
    const { heapUsed, external } = await server.ask('memory');
    return heapUsed + external;
  };
  try {
    const sleep = async () => {
      const sleeper = await open();
      sleeper.bytes = 0;
      sleeper.counted = () => undefined;
      sleeper.socket.pause();
      return sleeper;
    };
    // Whatever became of it, it does not spoil the next round.
    const wake = async (sleeper) => {
      sleeper.socket.resume();
      await new Promise((resolve) => setTimeout(resolve, 500));
      sleeper.close();
      await new Promise((resolve) => setTimeout(resolve, 200));
    };
    await measure();
    // A server may keep what it took for the first that stopped reading.
    const before = await held();
    for (let round = 0; round < rounds; round++) {
      result.without.push(await measure());
      const sleeper = await sleep();
      result.with.push(await measure());
      await wake(sleeper);
    }
    // In rounds of its own: who asks has the memory collected, and a heap that was just swept is slow for a while.
    for (let round = 0; round < MEMORY_ROUNDS; round++) {
      const sleeper = await sleep();
      await measure();
      result.growth.push(((await held()) - before) / MB);
      await wake(sleeper);
    }
    return result;
  } finally {
    for (const connection of [...readers, publisher]) connection.close();
    await server.stop();
  }
}

/** The p99 of all readers and rounds together, and the least and most of a round. */
function p99(rounds) {
  const each = summary(rounds.map((readers) => percentile(joined(readers), 0.99)));
  return { ...each, median: percentile(joined(rounds.flat()), 0.99) };
}

function joined(lists) {
  const all = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all.sort();
}

/** p99 with a paused reader over p99 without: of everything, and of the rounds. */
function ratio(result) {
  const [beside, without] = [p99(result.with), p99(result.without)];
  const each = result.with.map((_, i) => p99([result.with[i]]).median / p99([result.without[i]]).median);
  return { ...summary(each), median: beside.median / without.median };
}

/** The p99 of every other round without a paused reader over that of the rest: what such a ratio is when nothing has changed. */
function ofNothing({ without }) {
  const half = (first) => p99(without.filter((_, i) => i % 2 === first)).median;
  return half(1) / half(0);
}

/** What one reader that stopped reading does to three others, and to the server's memory. */
export async function run({ quick }) {
  const loads = { steady: STEADY, hard: HARD };
  const cases = [
    ['ours', 'hard'],
    ['oursEvent', 'steady'],
    ['oursEvent', 'hard'],
    ['nats', 'hard'],
    ['mosquitto', 'hard'],
  ];
  const results = {};
  for (const [name, load] of cases) {
    const chosen = quick ? { ...loads[load], ms: QUICK_MS } : loads[load];
    try {
      results[`${name} ${load}`] = await paused(name, quick ? 1 : ROUNDS, chosen);
    } catch (error) {
      results[`${name} ${load}`] = { error: error.message };
    }
  }
  const pick = (of, value) => (results[of].error ? results[of] : value(results[of]));
  const row = (title, unit, own, value, bar) => ({
    name: title,
    unit,
    better: 'lower',
    ours: pick(own, value),
    peers: { 'nats-server': pick('nats hard', value), mosquitto: pick('mosquitto hard', value) },
    ...bar,
  });
  const compared = (title, own) => {
    if (quick || results[own].error) return row(title, '×', own, ratio, { atMost: 1.25 });
    const nothing = ofNothing(results[own]).toFixed(2);
    const note = `halves of the rounds without, compared in the same way, give ${nothing}×`;
    return row(title, '×', own, ratio, { atMost: 1.25, note });
  };
  const without = (result) => p99(result.without);
  const grown = (result) => summary(result.growth);
  return [
    row('3 readers at 10 000/s of 1 KiB, p99', 'ms', 'ours hard', without),
    row('… beside a paused reader, stream, p99', 'ms', 'ours hard', (result) => p99(result.with)),
    compared('… stream, p99 with / without', 'ours hard'),
    row('3 readers of events at 2500/s of 1 KiB, p99', 'ms', 'oursEvent steady', without),
    compared('… event, p99 with / without', 'oursEvent steady'),
    row('3 readers of events at 10 000/s of 1 KiB, p99', 'ms', 'oursEvent hard', without),
    compared('… while one is given up, p99 with / without', 'oursEvent hard'),
    // What waits for it: in the socket up to the high water of 1 MiB, and before that as much again of streams, or 8 MiB of
    // what is kept; and the 4 MiB at most that a listener keeps for whoever is slow next, once, however many are.
    row('… stream, memory it costs', 'MiB', 'ours hard', grown, { atMost: 6 }),
    row('… event, memory it costs', 'MiB', 'oursEvent steady', grown, { atMost: 9 }),
  ];
}
