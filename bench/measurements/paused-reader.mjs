import { openLoop } from '../driver/open-loop.mjs';
import { ADDRESS } from '../rounds.mjs';
import { servers } from '../servers.mjs';
import { median, percentile, summary } from '../statistics.mjs';

const READERS = 3;
const SIZE = 1024;
const MB = 1024 * 1024;

/** p99 of three readers without and with a fourth that has stopped reading, in turns. */
async function paused(name, rounds, ms) {
  const { start, protocol, installed } = servers[name];
  if (!installed()) throw new Error('not installed');
  const server = await start();
  const open = () => protocol.subscribe(server.port, ADDRESS);
  const readers = await Promise.all(Array.from({ length: READERS }, open));
  const publisher = await protocol.open(server.port);
  // Shares of all deliveries: what the readers got, and what the paused one found when it read on.
  const result = { without: [], with: [], growth: [], got: [], afterwards: [] };
  const p99 = async () => {
    const latencies = await openLoop({
      publisher,
      readers,
      protocol,
      address: ADDRESS,
      perSecond: 10_000,
      ms,
      size: SIZE,
      mayDrop: name === 'ours',
    });
    for (const sorted of latencies) result.got.push(sorted.length / (10 * ms * 0.9));
    return median(latencies.map((sorted) => percentile(sorted, 0.99)));
  };
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
      result.afterwards.push(sleeper.bytes / (10 * ms * protocol.delivery(ADDRESS, SIZE).length));
      sleeper.close();
      await new Promise((resolve) => setTimeout(resolve, 200));
    };
    await p99();
    await p99();
    for (let round = 0; round < rounds; round++) {
      result.without.push(await p99());
      const sleeper = await sleep();
      result.with.push(await p99());
      await wake(sleeper);
    }
    // In rounds of its own: who asks has the memory collected, and a heap that was just swept is slow for a while.
    for (let round = 0; round < rounds; round++) {
      const before = await held();
      const sleeper = await sleep();
      await p99();
      result.growth.push(((await held()) - before) / MB);
      await wake(sleeper);
    }
    return result;
  } finally {
    for (const connection of [...readers, publisher]) connection.close();
    await server.stop();
  }
}

/** What one reader that stopped reading does to three others, and to the server's memory. */
export async function run({ quick }) {
  const names = ['ours', 'oursEvent', 'nats', 'mosquitto'];
  const results = {};
  for (const name of names) {
    try {
      results[name] = await paused(name, quick ? 1 : 4, quick ? 800 : 1200);
    } catch (error) {
      results[name] = { error: error.message };
    }
  }
  const pick = (name, of) => (results[name].error ? results[name] : summary(of(results[name])));
  const ratio = ({ with: beside, without }) => beside.map((value, i) => value / without[i]);
  const row = (title, unit, own, of, bar) => ({
    name: title,
    unit,
    better: 'lower',
    ours: pick(own, of),
    peers: { 'nats-server': pick('nats', of), mosquitto: pick('mosquitto', of) },
    ...bar,
  });
  const fates = Object.entries(results).map(([name, { got, afterwards }]) => [
    name,
    got && { got: summary(got), afterwards: summary(afterwards) },
  ]);
  return [
    row('3 readers at 10000/s of 1 KiB, p99', 'ms', 'ours', (result) => result.without, {
      details: Object.fromEntries(fates),
    }),
    row('… beside a paused reader, stream, p99', 'ms', 'ours', (result) => result.with),
    row('… stream, p99 with / without', '×', 'ours', ratio, { atMost: 1.25 }),
    row('… event, p99 with / without', '×', 'oursEvent', ratio, { atMost: 1.25 }),
    // What waits for it: in the socket up to the high water of 1 MiB, and before that as much again of streams, or 8 MiB of
    // what is kept.
    row('… stream, memory it costs', 'MiB', 'ours', (result) => result.growth, { atMost: 2 }),
    row('… event, memory it costs', 'MiB', 'oursEvent', (result) => result.growth, { atMost: 9 }),
  ];
}
