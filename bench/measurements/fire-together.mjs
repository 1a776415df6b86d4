import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createClient } from '../../dist/operators/index.js';
import { clock, webSocketDial } from '../../dist/platform-node/index.js';
import { startScript } from '../servers.mjs';
import { percentile } from '../statistics.mjs';

const PLAYER = fileURLToPath(new URL('../../examples/play-together.mjs', import.meta.url));
const CUES = 40;
const LEAD = 200_000;

/** A process that fires cues; `heard(n)` gives what it said, line by line. */
function player(url) {
  const child = spawn(process.execPath, [PLAYER, url], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return { next: async () => JSON.parse((await lines.next()).value), stop: () => child.kill() };
}

/** Milliseconds between the moments at which two processes fired the same cue, by the machine's clock; least first. */
async function spreads() {
  const server = await startScript('clasp-clock');
  const url = `ws://127.0.0.1:${server.port}`;
  const players = [player(url), player(url)];
  const caller = createClient(webSocketDial(url), { name: 'caller', now: clock });
  try {
    await Promise.all(players.map(({ next }) => next()));
    await new Promise((resolve) => setTimeout(resolve, 500)); // until all know the time
    const between = [];
    for (let cue = 0; cue < CUES; cue++) {
      await caller.emit(`/cue/${cue}`, { at: caller.time() + LEAD + Math.floor(Math.random() * 1000) });
      const [one, other] = await Promise.all(players.map(({ next }) => next()));
      between.push(Math.abs(one.local - other.local) / 1000);
    }
    return between.sort((a, b) => a - b);
  } finally {
    caller.close();
    for (const { stop } of players) stop();
    await server.stop();
  }
}

/** How far apart two processes fire what the relay's time tells them to fire together. */
export async function run({ quick }) {
  const rounds = [];
  for (let round = 0; round < (quick ? 1 : 3); round++) rounds.push(await spreads());
  const shares = { p50: 0.5, p99: 0.99 };
  return Object.entries(shares).map(([label, share]) => ({
    name: `two processes fire together, ${label} apart`,
    unit: 'ms',
    better: 'lower',
    ours: rounds.map((round) => percentile(round, share)),
    peers: {},
    ...(label === 'p99' ? { atMost: 2 } : {}),
  }));
}
