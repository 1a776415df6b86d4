import { servers, startCommandLine } from '../servers.mjs';

/** What everything must fit into that a relay needs before anybody has come, in MB of 10^6 bytes. */
const BAR = 60;

/** Resident bytes of a server that nobody has connected to, in MB, after as long as it takes to settle. */
async function resident(start, ms) {
  const server = await start();
  await new Promise((resolve) => setTimeout(resolve, ms));
  const bytes = server.rss();
  await server.stop();
  return bytes / 1e6;
}

/** The memory of `clasp-rx relay` that idles, beside a bare WebSocket server in Node and NATS. */
export async function run({ quick }) {
  const starts = { ours: startCommandLine, 'bare ws': servers.wsIdle.start };
  if (servers.nats.installed()) starts['nats-server'] = servers.nats.start;
  const rounds = {};
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    for (const [name, start] of Object.entries(starts)) {
      rounds[name] ??= [];
      rounds[name].push(await resident(start, quick ? 2000 : 5000));
    }
  }
  const { ours, ...peers } = rounds;
  return [{ name: 'memory of an idle relay', unit: 'MB', better: 'lower', ours, peers, atMost: BAR }];
}
