import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { installed } from '../../peers/installed.ts';
import { version } from '../version.ts';

/** What `npm run build` made: these tests start it as a user does. */
const main = join(import.meta.dirname, '../../dist/platform-node/cli/main.js');

interface Running {
  readonly child: ChildProcess;
  out(): string;
  err(): string;
  /** Resolves once it has printed this. */
  until(text: string): Promise<void>;
  readonly ended: Promise<Ended>;
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const processes = new Set<ChildProcess>();

/** Starts a program; its environment names no relay. */
const launch = (command: string, words: readonly string[], env: Record<string, string> = {}): Running => {
  const { CLASP_URL: _url, CLASP_TOKEN: _token, ...inherited } = process.env;
  const child = spawn(command, words, { env: { ...inherited, ...env } });
  processes.add(child);
  let out = '';
  let err = '';
  let waiting: { readonly text: string; readonly found: () => void; readonly gone: (error: Error) => void }[] = [];
  const look = () => {
    waiting = waiting.filter(({ text, found }) => {
      const printed = out.includes(text) || err.includes(text);
      if (printed) found();
      return !printed;
    });
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
    look();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => {
      processes.delete(child);
      for (const { text, gone } of waiting) gone(new Error(`ended with ${code} before "${text}": ${out}${err}`));
      resolve({ code, out, err });
    });
  });
  const until = (text: string) =>
    new Promise<void>((found, gone) => {
      waiting.push({ text, found, gone });
      look();
    });
  return { child, out: () => out, err: () => err, until, ended };
};

const clasp = (words: readonly string[], env: Record<string, string> = {}): Running =>
  launch(process.execPath, [main, ...words], env);

const result = (words: readonly string[], env: Record<string, string> = {}): Promise<Ended> => clasp(words, env).ended;

afterEach(() => {
  for (const child of processes) if (child !== shared?.child) child.kill('SIGKILL');
});

let shared: Running | undefined;
let url = '';

beforeAll(async () => {
  shared = clasp(['relay', '--port', '0', '--name', 'Venue', '--json']);
  await shared.until('\n');
  url = JSON.parse(shared.out()).urls[0];
});

afterAll(async () => {
  shared?.child.kill('SIGTERM');
  await shared?.ended;
});

/** Where V8 is told to write down what a process has loaded. */
const coverage = mkdtempSync(join(tmpdir(), 'clasp-loaded-'));
afterAll(() => rmSync(coverage, { recursive: true }));

/** The packages that the processes of `running` loaded something of, by name. */
const packagesOf = async (running: () => Promise<unknown>): Promise<string[]> => {
  await running();
  const names = new Set<string>();
  for (const file of readdirSync(coverage)) {
    const path = join(coverage, file);
    for (const [, name] of readFileSync(path, 'utf8').matchAll(/"url":"[^"]*\/node_modules\/([^/"]+)\//g)) {
      if (name) names.add(name);
    }
    rmSync(path);
  }
  return [...names].sort();
};

describe('clasp-rx', () => {
  it('prints its version, the overview and help', async () => {
    expect(await result(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' });
    const overview = await result([]);
    expect(overview).toMatchObject({ code: 0, err: '' });
    for (const command of ['relay', 'sub', 'set', 'get', 'emit', 'stream', 'bundle', 'info']) {
      expect(overview.out).toContain(`\n  ${command} `);
    }
    expect(await result(['sub', '--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('Usage: clasp-rx sub'),
    });
  });

  it('loads what a command needs and no more', async () => {
    expect(await packagesOf(() => result(['--help'], { NODE_V8_COVERAGE: coverage }))).toEqual([]);
    const relay = async () => {
      const { child, until, ended } = clasp(['relay', '--port', '0'], { NODE_V8_COVERAGE: coverage });
      await until('HTTP');
      child.kill('SIGTERM');
      await ended;
    };
    expect(await packagesOf(relay)).toEqual(['rxjs', 'ws']);
  });

  it('writes, reads, and prints JSON', async () => {
    expect(await result(['set', '/mixer/1', '0.75', '--url', url])).toEqual({ code: 0, out: '1\n', err: '' });
    expect(await result(['get', '/mixer/1'], { CLASP_URL: url })).toEqual({ code: 0, out: '0.75\n', err: '' });
    const json = await result(['get', '/mixer/1', '--json', '--url', url], { CLASP_URL: 'ws://127.0.0.1:9' });
    expect(json).toEqual({ code: 0, out: '{"address":"/mixer/1","value":0.75}\n', err: '' });
    expect(await result(['get', '/nothing'], { CLASP_URL: url })).toEqual({
      code: 1,
      out: '',
      err: 'clasp-rx: /nothing has no value\n',
    });
  });

  it('hears what others send, one line a signal', async () => {
    const env = { CLASP_URL: url };
    await result(['set', '/show/title', 'Evening'], env);
    const sub = clasp(['sub', '/show/**', '--count', '4'], env);
    await sub.until('/show/title "Evening"\n');
    expect((await result(['emit', '/show/go'], env)).code).toBe(0);
    const stream = clasp(['stream', '/show/level'], env);
    stream.child.stdin?.end('0.25\n0.5\n');
    expect(await stream.ended).toEqual({ code: 0, out: '', err: '' });
    expect(await sub.ended).toEqual({
      code: 0,
      out: '/show/title "Evening"\n/show/go event null\n/show/level stream 0.25\n/show/level stream 0.5\n',
      err: '',
    });
  });

  it('says who the relay is', async () => {
    const { code, out } = await result(['info', '--url', url]);
    expect(code).toBe(0);
    expect(out).toMatch(/^relay {7}Venue$/m);
    expect(out).toMatch(/^round trip {2}\d+\.\d\d ms$/m);
    expect(out).toMatch(/^params {6}\d+$/m);
    const json = JSON.parse((await result(['info', '--url', url, '--json'])).out);
    expect(json).toMatchObject({ relay: 'Venue', url, protocol: 1, sessions: expect.any(Number) });
  });

  it('ends quietly when nobody reads on', async () => {
    const sub = clasp(['sub', '/tick'], { CLASP_URL: url });
    await result(['set', '/tick', '0'], { CLASP_URL: url });
    await sub.until('/tick');
    sub.child.stdout?.destroy();
    await result(['set', '/tick', '1'], { CLASP_URL: url });
    // The line that finds the pipe closed ends it.
    const { code, err } = await sub.ended;
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  it('ends with 0 at Ctrl-C', async () => {
    const sub = clasp(['sub', '/stop'], { CLASP_URL: url });
    await result(['set', '/stop', '0'], { CLASP_URL: url });
    await sub.until('/stop');
    sub.child.kill('SIGINT');
    expect(await sub.ended).toEqual({ code: 0, out: '/stop 0\n', err: '' });
    const stream = clasp(['stream', '/stop'], { CLASP_URL: url });
    stream.child.stdin?.write('1\n{\n');
    await stream.until('line 2');
    stream.child.kill('SIGINT');
    expect((await stream.ended).code).toBe(0);
  });

  it('says what to do when there is no relay', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    for (const words of [['get', '/a'], ['info']]) {
      expect(await result([...words, '--url', `ws://localhost:${port}`])).toEqual({
        code: 1,
        out: '',
        err: `clasp-rx: nothing answers at ws://localhost:${port} (connection refused); start a relay with "npx clasp-rx relay" or name another with --url\n`,
      });
    }
  });

  it('says what is wrong with the words it was given', async () => {
    expect(await result(['realy'])).toEqual({
      code: 2,
      out: '',
      err: 'clasp-rx: unknown command "realy"; did you mean "relay"?\nclasp-rx --help lists the commands\n',
    });
    expect(await result(['sub', 'osc/**'])).toEqual({
      code: 2,
      out: '',
      err: 'clasp-rx: pattern must start with "/": "osc/**"\nclasp-rx sub --help explains it\n',
    });
  });
});

describe('clasp-rx relay', () => {
  it('says where it listens, answers HTTP, and ends with 0 at SIGTERM', async () => {
    const relay = clasp(['relay', '--port', '0', '--osc-port', '0', '--osc-target', 'localhost:9']);
    await relay.until('OSC out');
    const [webSocket = '', http = '', ...osc] = relay.out().trim().split('\n');
    const port = webSocket.match(/^WebSocket {2}ws:\/\/localhost:(\d+)$/)?.[1];
    expect(http).toBe(`HTTP       http://localhost:${port}/`);
    expect(osc).toEqual([
      expect.stringMatching(/^OSC in {5}udp:\/\/127\.0\.0\.1:\d+$/),
      'OSC out    udp://localhost:9',
    ]);
    expect(await (await fetch(`http://localhost:${port}/healthz`)).json()).toMatchObject({ status: 'ok' });

    const sub = clasp(['sub', '/kept'], { CLASP_URL: `ws://localhost:${port}` });
    await result(['set', '/kept', '1', '--url', `ws://localhost:${port}`]);
    await sub.until('/kept 1');
    relay.child.kill('SIGTERM');
    expect(await relay.ended).toMatchObject({ code: 0 });
    expect(relay.err()).toContain('info  session opened: clasp-rx sub (127.0.0.1:');
    await sub.until('was lost');
    sub.child.kill('SIGTERM');
    expect(await sub.ended).toMatchObject({ code: 0, err: expect.stringMatching(/ was lost.*; trying again\n$/) });
  });

  it('drains although npm passes on the Ctrl-C that the terminal has sent already', async () => {
    const relay = clasp(['relay', '--port', '0', '--json']);
    await relay.until('\n');
    // A peer that does not answer the close keeps it draining until the second signal is there.
    const socket = connect(JSON.parse(relay.out()).port, '127.0.0.1');
    await new Promise<void>((upgraded) => {
      socket.once('data', () => upgraded());
      socket.write(
        'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
      );
    });
    socket.on('error', () => socket.destroy());
    socket.pause();
    relay.child.kill('SIGINT');
    relay.child.kill('SIGTERM');
    expect(await relay.ended).toMatchObject({ code: 0 });
    socket.destroy();
  });

  it('says in one line that its port is in use, and ends with 1', async () => {
    const { port } = new URL(url);
    expect(await result(['relay', '--port', port])).toEqual({
      code: 1,
      out: '',
      err: `clasp-rx: port ${port} on 127.0.0.1 is in use; choose another with --port\n`,
    });
  });

  it('takes no more sessions than it is told', async () => {
    const relay = clasp(['relay', '--port', '0', '--max-sessions', '1', '--json']);
    await relay.until('\n');
    const env = { CLASP_URL: JSON.parse(relay.out()).urls[0] as string };
    await result(['set', '/a', '0'], env);
    const sub = clasp(['sub', '/a'], env);
    await sub.until('/a');
    expect(await result(['get', '/a'], env)).toMatchObject({
      code: 1,
      err: expect.stringContaining('too many sessions'),
    });
    sub.child.kill('SIGTERM');
    await sub.ended;
  });
});

describe.skipIf(!installed('oscsend') || !installed('oscdump'))('clasp-rx relay and OSC programs', () => {
  it('brings OSC in, and takes it out again', async () => {
    const probe = await import('node:dgram').then(({ createSocket }) => createSocket('udp4'));
    await new Promise<void>((resolve) => probe.bind(0, '127.0.0.1', resolve));
    const target = probe.address().port;
    await new Promise<void>((resolve) => probe.close(() => resolve()));
    const dump = launch('oscdump', ['-L', String(target)]);
    const relay = clasp(['relay', '--port', '0', '--osc-port', '0', '--osc-target', `localhost:${target}`, '--json']);
    await relay.until('\n');
    const { urls, bridges } = JSON.parse(relay.out());
    const env = { CLASP_URL: urls[0] as string };
    const oscPort = String(bridges[0].listen).split(':')[1] ?? '';

    const sub = clasp(['sub', '/osc/**'], env);
    const send = () => launch('oscsend', ['localhost', oscPort, '/synth/cutoff', 'f', '0.5']).ended;
    expect((await send()).code).toBe(0);
    await sub.until('/osc/synth/cutoff 0.5\n');
    // oscdump says nothing when it is ready: a value is written until one has arrived.
    for (let level = 1; !dump.out().includes('/mixer/1 f'); level++) {
      expect(level).toBeLessThan(60);
      expect((await result(['set', '/osc/mixer/1', `${level}.5`], env)).code).toBe(0);
    }
    expect(dump.out()).toMatch(/ \/mixer\/1 f \d+\.500000\n/);
    sub.child.kill('SIGTERM');
    relay.child.kill('SIGTERM');
    expect((await relay.ended).code).toBe(0);
    await sub.ended;
  });
});
