import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clasp } from './driver/clasp.mjs';
import { mqtt } from './driver/mqtt.mjs';
import { nats } from './driver/nats.mjs';
import { ws } from './driver/ws.mjs';

const folder = mkdtempSync(join(tmpdir(), 'clasp-bench-'));
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const findAll = (binary) =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
    .map((path) => join(path, binary))
    .filter((path) => existsSync(path));
const find = (binary) => findAll(binary)[0];

const answers = (port) =>
  new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

const ended = (child) =>
  new Promise((resolve) => ((child.exitCode ?? child.signalCode) !== null ? resolve() : child.once('exit', resolve)));

/** A started server: where it listens, whom to ask, how to end it. */
class Server {
  #questions = new Map();
  #next = 0;

  constructor(child, port) {
    this.child = child;
    this.port = port;
    child.on('message', ({ id, reply }) => {
      this.#questions.get(id)?.(reply);
      this.#questions.delete(id);
    });
  }

  ask(question, argument) {
    const id = ++this.#next;
    this.child.send({ ask: question, id, argument });
    return new Promise((resolve) => this.#questions.set(id, resolve));
  }

  /** Seconds of processor time the server has used; 0 where the system does not say. */
  cpu() {
    const path = `/proc/${this.child.pid}/stat`;
    if (!existsSync(path)) return 0;
    const fields = readFileSync(path, 'latin1').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Resident bytes of the server; 0 where the system does not say. */
  rss() {
    const path = `/proc/${this.child.pid}/statm`;
    return existsSync(path) ? Number(readFileSync(path, 'latin1').split(' ')[1]) * 4096 : 0;
  }

  async stop() {
    if (this.child.connected) this.child.disconnect();
    else this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await ended(this.child);
    clearTimeout(timer);
    running.delete(this.child);
  }
}

/** Starts a script of `servers/` in a Node of its own. */
export async function startScript(name, { args = [], nodeArgs = [] } = {}) {
  const script = fileURLToPath(new URL(`./servers/${name}.mjs`, import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', ...nodeArgs, script, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  running.add(child);
  const port = await new Promise((resolve, reject) => {
    child.once('message', ({ listening }) => resolve(listening));
    child.once('exit', (code) => reject(new Error(`${name} exited with ${code}`)));
  });
  return new Server(child, port);
}

/** Starts the relay as its command line does, with nothing but a port. */
export async function startCommandLine() {
  const main = fileURLToPath(new URL('../dist/platform-node/cli/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'relay', '--port', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  const [line] = await once(child.stdout, 'data');
  return new Server(child, JSON.parse(line).port);
}

async function startBinary(path, args, port) {
  const child = spawn(path, args, { stdio: 'ignore' });
  running.add(child);
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries > 200 || child.exitCode !== null) throw new Error(`${path} does not listen`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return new Server(child, port);
}

async function startNats() {
  const port = await freePort();
  const config = join(folder, `nats-${port}.conf`);
  // Everything as it comes, but no keep-alive pings among the deliveries that are counted.
  writeFileSync(config, `listen: "127.0.0.1:${port}"\nping_interval: "1h"\n`);
  return startBinary(natsServer().path, ['-c', config], port);
}

async function startMosquitto() {
  const port = await freePort();
  const config = join(folder, `mosquitto-${port}.conf`);
  // Its defaults drop silently when a burst passes 1000 messages, and leave Nagle's delay on.
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence false',
    'max_queued_messages 0',
    'max_inflight_messages 0',
    'set_tcp_nodelay true',
    'log_type none',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  return startBinary(find('mosquitto'), ['-c', config], port);
}

const versionOf = (path, args, pattern) => {
  try {
    return pattern.exec(execFileSync(path, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))?.[1];
  } catch (error) {
    return pattern.exec(String(error.stdout))?.[1]; // `mosquitto -h` exits with 3
  }
};

let chosenNats;

/** The nats-server to measure: the one at NATS_SERVER, else the newest in PATH; undefined where there is none. */
function natsServer() {
  if (chosenNats !== undefined) return chosenNats;
  const paths = process.env.NATS_SERVER ? [process.env.NATS_SERVER] : findAll('nats-server');
  const found = paths.map((path) => ({ path, version: versionOf(path, ['-v'], /v(\d\S+)/) }));
  const newest = ({ version: a = '' }, { version: b = '' }) => b.localeCompare(a, undefined, { numeric: true });
  chosenNats = found.filter(({ version }) => version !== undefined).sort(newest)[0];
  if (process.env.NATS_SERVER && !chosenNats)
    throw new Error(`NATS_SERVER=${process.env.NATS_SERVER} is no nats-server`);
  return chosenNats;
}

const packageVersion = (name) => {
  const path = fileURLToPath(new URL(`../node_modules/${name}/package.json`, import.meta.url));
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : undefined;
};

const nodeArgs = [];

/** Profiles every relay that is started from now on into `directory`. */
export function profileInto(directory) {
  nodeArgs.push('--cpu-prof', `--cpu-prof-dir=${directory}`, '--cpu-prof-interval=250');
}

const ours = (kind) => ({
  name: kind === 'stream' ? 'ours' : `ours ${kind}`,
  protocol: clasp(kind),
  start: () => startScript('clasp', { nodeArgs }),
  installed: () => existsSync(new URL('../dist/operators/router/router.js', import.meta.url)),
});

/** Every server the bench knows: how to start it, how to speak to it, whether it is there. */
export const servers = {
  ours: ours('stream'),
  oursSet: ours('set'),
  oursEvent: ours('event'),
  nats: {
    name: 'nats-server',
    protocol: nats,
    start: startNats,
    installed: () => natsServer() !== undefined,
    version: () => natsServer()?.version,
  },
  mosquitto: {
    name: 'mosquitto',
    protocol: mqtt,
    start: startMosquitto,
    installed: () => find('mosquitto') !== undefined,
    version: () => versionOf(find('mosquitto'), ['-h'], /version (\S+)/),
  },
  aedes: {
    name: 'aedes',
    protocol: mqtt,
    start: () => startScript('aedes'),
    installed: () => packageVersion('aedes') !== undefined,
    version: () => packageVersion('aedes'),
  },
  ws: {
    name: 'bare ws',
    protocol: ws,
    start: () => startScript('ws-broadcast'),
    installed: () => packageVersion('ws') !== undefined,
    version: () => packageVersion('ws'),
  },
  wsIdle: { name: 'bare ws', protocol: ws, start: () => startScript('ws-idle'), installed: () => true },
  wsEcho: {
    name: 'bare ws',
    protocol: ws,
    start: () => startScript('ws-echo'),
    installed: () => packageVersion('ws') !== undefined,
    echo: true,
  },
};
