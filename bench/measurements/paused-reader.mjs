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
  const p99 = async () => {
    const latencies = await openLoop({
      publisher,
      readers,
      protocol,
      address: ADDRESS,
      perSecond: 10_000,
      ms,
      size: SIZE,
    });
    return median(latencies.map((sorted) => percentile(sorted, 0.99)));
  };
  // An own process tells what it really holds; of others the system knows the resident size.
  const held = async () => {
    if (!server.child.connected) return server.rss();
    const { heapUsed, external } = await server.ask('memory');
    return heapUsed + external;
  };
  const result = { without: [], with: [], growth: [], lost: 0 };
  try {
    await p99();
    for (let round = 0; round < rounds; round++) {
      const before = await held();
      result.without.push(await p99());
      const sleeper = await open();
      sleeper.socket.pause();
      result.with.push(await p99());
      result.growth.push(((await held()) - before) / MB);
      // Whatever became of it, it does not spoil the next round.
      sleeper.socket.resume();
      sleeper.take = () => undefined;
      await new Promise((resolve) => setTimeout(resolve, 300));
      if (sleeper.closed) result.lost++;
      sleeper.close();
      await new Promise((resolve) => setTimeout(resolve, 200));
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
      results[name] = await paused(name, quick ? 2 : 5, quick ? 800 : 1500);
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
  return [
    row('3 readers at 10000/s of 1 KiB, p99', 'ms', 'ours', (result) => result.without),
    row('… beside a paused reader, stream, p99', 'ms', 'ours', (result) => result.with),
    row('… stream, p99 with / without', '×', 'ours', ratio, { atMost: 1.25 }),
    row('… event, p99 with / without', '×', 'oursEvent', ratio, { atMost: 1.25 }),
    row('… stream, memory it costs', 'MiB', 'ours', (result) => result.growth, { atMost: 1 }),
    row('… event, memory it costs', 'MiB', 'oursEvent', (result) => result.growth, { atMost: 8 }),
  ];
}
