// Measures the relay beside public peers and prints one table of ratios. See README.md.
import { existsSync, mkdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { profileInto, servers } from './servers.mjs';
import { finishRow, renderTable } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    details: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    'cpu-prof': { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const measurements = {
  ladder: './measurements/ladder.mjs',
  'fan-out': './measurements/fan-out.mjs',
  'one-to-one': './measurements/one-to-one.mjs',
  'hop-latency': './measurements/hop-latency.mjs',
  'paused-reader': './measurements/paused-reader.mjs',
  'idle-memory': './measurements/idle-memory.mjs',
  'idle-heap': './measurements/idle-heap.mjs',
  params: './measurements/params.mjs',
  'scheduled-bundles': './measurements/scheduled-bundles.mjs',
  timelines: './measurements/timelines.mjs',
  'expiry-pause': './measurements/expiry-pause.mjs',
  'fire-together': './measurements/fire-together.mjs',
  'simulated-hour': './measurements/simulated-hour.mjs',
  codec: './codec.mjs',
  addresses: './addresses.mjs',
  osc: './osc.mjs',
  artnet: './measurements/artnet.mjs',
  'midi-to-artnet': './measurements/midi-to-artnet.mjs',
};

if (options.help) {
  console.log(
    'npm run bench -- [--quick] [--only NAME]… [--json] [--details] [--cpu-prof DIR]\n' +
      `NAME: ${Object.keys(measurements).join(', ')}`,
  );
  process.exit(0);
}
const unknown = options.only.find((name) => !(name in measurements));
if (unknown !== undefined) {
  console.error(`no measurement ${unknown}; there are ${Object.keys(measurements).join(', ')}`);
  process.exit(2);
}
if (options['cpu-prof']) {
  const directory = resolve(options['cpu-prof']);
  mkdirSync(directory, { recursive: true });
  profileInto(directory);
}

const machine = {
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model.trim(),
  cores: cpus().length,
  node: process.version,
  peers: Object.fromEntries(
    Object.values(servers)
      .filter(({ version, installed }) => version && installed())
      .map(({ name, version }) => [name, version()]),
  ),
};

const rows = [];

/** Each measurement is printed as it is done, so that a run that is cut short has not been for nothing. */
function print(finished) {
  if (options.json) return;
  console.log(renderTable(finished));
  if (!options.details) return;
  for (const { name, details } of finished) if (details) console.log(`${name}:`, details);
}

if (!options.json) {
  const peers = Object.entries(machine.peers).map(([name, version]) => `${name} ${version}`);
  console.log(`${machine.date}, ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; ${peers.join(', ')}\n`);
}
for (const [name, path] of Object.entries(measurements)) {
  if (options.only.length > 0 && !options.only.includes(name)) continue;
  const url = new URL(path, import.meta.url);
  if (!existsSync(url)) continue;
  const began = performance.now();
  let finished;
  try {
    const { run } = await import(url.href);
    finished = (await run({ quick: options.quick })).map(finishRow);
  } catch (error) {
    finished = [finishRow({ name, ours: { error: error.stack } })];
  }
  print(finished);
  rows.push(...finished);
  console.error(`${name}: ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
}
if (options.json) console.log(JSON.stringify({ machine, rows }, null, 2));
process.exit(0);
