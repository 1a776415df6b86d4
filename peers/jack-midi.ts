import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { MidiModule } from '../platform-node/bridges/midi-module.ts';
import { installed } from './installed.ts';

const root = join(import.meta.dirname, '..');
const cache = join(root, 'node_modules/.cache/clasp-rx');

/** Whether everything is here that it takes to build MIDI for JACK, and to run it. */
export function jackInstalled(): boolean {
  const commands = [
    installed('jackd'),
    installed('g++'),
    installed('make'),
    installed('../include/jack/jack.h'),
    installed('../include/alsa/asoundlib.h'),
  ];
  return commands.every((path) => path !== undefined);
}

/** A MIDI system without hardware: a JACK server of our own with its dummy driver. */
export interface JackMidi {
  /** `@julusian/midi`, built for JACK. */
  readonly module: MidiModule;
  /** Where that package is: for the `module` option of a configuration file. */
  readonly modulePath: string;
  /** Starts a program as a client of this server; ended with it. Gives it and the lines it prints. */
  start(command: string, ...words: string[]): { readonly child: ChildProcess; readonly lines: readonly string[] };
  /** Makes a connection between two ports. */
  connect(from: string, to: string): Promise<void>;
  /** Ends what was started, and the server. */
  close(): Promise<void>;
}

/** Starts it. Until it is closed, `JACK_DEFAULT_SERVER` is its name in this process. */
export async function jackMidi(): Promise<JackMidi> {
  const modulePath = await builtForJack();
  const name = `clasp-rx-${randomUUID().slice(0, 8)}`;
  // One cycle in 21 ms: a client of a machine under load that is late for its cycle loses what was sent in it.
  const server = spawn('jackd', ['-r', '-n', name, '-d', 'dummy', '-r', '48000', '-p', '1024'], {
    stdio: 'ignore',
  });
  const env = { ...process.env, JACK_DEFAULT_SERVER: name, JACK_NO_START_SERVER: '1' };
  process.env['JACK_DEFAULT_SERVER'] = name;
  process.env['JACK_NO_START_SERVER'] = '1';
  await answering(env, server);

  const children: ChildProcess[] = [];
  const start: JackMidi['start'] = (command, ...words) => {
    const child = spawn('stdbuf', ['-oL', command, ...words], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    const lines: string[] = [];
    let rest = '';
    child.stdout.on('data', (chunk) => {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop() ?? '';
      lines.push(...parts);
    });
    children.push(child);
    return { child, lines };
  };
  return {
    module: createRequire(import.meta.url)(modulePath) as MidiModule,
    modulePath,
    start,
    connect: async (from, to) => {
      await promisify(execFile)('jack_connect', [from, to], { env });
    },
    close: async () => {
      for (const child of [...children, server]) await ended(child);
      delete process.env['JACK_DEFAULT_SERVER'];
      delete process.env['JACK_NO_START_SERVER'];
    },
  };
}

/** Ends a program that was started, by its id, and waits for its end. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const deadline = new AbortController();
  await Promise.race([
    exit,
    pause(3_000, undefined, { signal: deadline.signal }).then(
      () => child.kill('SIGKILL'),
      () => undefined,
    ),
  ]);
  deadline.abort();
  await exit;
}

async function answering(env: NodeJS.ProcessEnv, server: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const answer = await promisify(execFile)('jack_lsp', { env }).then(
      () => true,
      () => false,
    );
    if (answer) return;
    if (server.exitCode !== null) throw new Error(`jackd ended with ${server.exitCode}`);
    await pause(100);
  }
  await ended(server);
  throw new Error('jackd does not answer');
}

/** The package, built once (about 15 s) into a cache, and the path of it. */
async function builtForJack(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(root, 'node_modules/@julusian/midi/package.json'), 'utf8'));
  const folder = join(cache, `midi-jack-${version}-${process.version}`);
  const path = join(folder, 'node_modules/@julusian/midi');
  if (existsSync(path)) return path;

  // Built beside and moved: two test runs at once, or one that is interrupted, leave nothing half done.
  const scratch = join(cache, `building-${randomUUID()}`);
  await mkdir(scratch, { recursive: true });
  try {
    await writeFile(join(scratch, 'package.json'), '{ "name": "midi-jack", "private": true }\n');
    await promisify(execFile)('npm', ['install', `@julusian/midi@${version}`, '--no-audit', '--no-fund'], {
      cwd: scratch,
      timeout: 300_000,
      env: {
        ...process.env,
        npm_config_build_from_source: 'true',
        CXXFLAGS: '-U__LINUX_ALSA__ -D__UNIX_JACK__',
        LDFLAGS: '-Wl,--no-as-needed -ljack',
        ...(existsSync('/usr/include/node') && { npm_config_nodedir: '/usr' }),
      },
    });
    await rename(scratch, folder).catch((cause: NodeJS.ErrnoException) => {
      if (!existsSync(path)) throw cause;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return path;
}
