import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import { createClient } from '../../operators/client/client.ts';
import { webSocketDial } from '../web-socket/web-socket-dial.ts';

/** What `npm run build` made: these tests start it as a user does. */
const main = join(import.meta.dirname, '../../dist/platform-node/cli/main.js');

interface Running {
  readonly child: ChildProcess;
  /** All that was printed, once this is part of it, on whichever stream. */
  until(text: string): Promise<string>;
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
}

const processes = new Set<ChildProcess>();
const clients = new Set<Client>();
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'clasp-rx-cli-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const client of clients) client.close();
  for (const child of processes) child.kill('SIGKILL');
  clients.clear();
});

const clasp = (...words: string[]): Running => {
  const { CLASP_URL: _url, CLASP_TOKEN: _token, ...env } = process.env;
  const child = spawn(process.execPath, [main, ...words], { env });
  processes.add(child);
  let out = '';
  let err = '';
  let look: () => void = () => undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
    look();
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.on('close', (code) => {
      processes.delete(child);
      resolve({ code, out, err });
    });
  });
  const until = (text: string) =>
    new Promise<string>((found, gone) => {
      look = () => {
        if (out.includes(text) || err.includes(text)) found(out + err);
      };
      void ended.then(({ code }) => gone(new Error(`ended with ${code} before "${text}": ${out}${err}`)));
      look();
    });
  return { child, until, ended };
};

let files = 0;
const write = (value: object | string): string => {
  const path = join(folder, `clasp-${files++}.json`);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value, null, 2));
  return path;
};
/** As editors do it: a new file takes the place of the old one. */
const save = (path: string, value: object | string): void => {
  writeFileSync(`${path}.new`, typeof value === 'string' ? value : JSON.stringify(value, null, 2));
  renameSync(`${path}.new`, path);
};

const portOf = (printed: string): number => Number(/ws:\/\/localhost:(\d+)/.exec(printed)?.[1]);
const dial = (port: number): Client => {
  const client = createClient(webSocketDial(`ws://127.0.0.1:${port}`), { name: 'probe', reconnect: false });
  clients.add(client);
  return client;
};
describe('clasp-rx check', () => {
  it('prints every mistake with its place, and ends with 1', async () => {
    const file = write('{\n  "port": "x",\n  "bridges": [{ "type": "osc", "listn": 8000 }]\n}');
    const { code, out, err } = await clasp('check', file).ended;
    expect(code).toBe(1);
    expect(out.trimEnd().split('\n')).toEqual([
      `${file}:2:11: port: must be a number, not "x"`,
      `${file}:3:32: bridges[0].listn: unknown key "listn"; did you mean "listen"?`,
    ]);
    expect(err).toBe(`clasp-rx: 2 mistakes in ${file}\n`);
    const json = await clasp('check', file, '--json').ended;
    expect(JSON.parse(json.out.split('\n')[1] ?? '')).toEqual({
      file,
      line: 3,
      column: 32,
      key: 'bridges[0].listn',
      value: 'a number',
      reason: 'unknown key "listn"; did you mean "listen"?',
    });
  });

  it('says what is there when there is no mistake, and ends with 0', async () => {
    const file = write({ bridges: [{ type: 'osc' }], routes: [{ from: '/a', to: '/b' }] });
    expect(await clasp('check', file).ended).toEqual({
      code: 0,
      out: `${file}: no mistakes (bridges 1, routes 1, params 0)\n`,
      err: '',
    });
  });

  it('reads TypeScript where Node does, and says so where it does not', async () => {
    const file = join(folder, 'clasp.config.ts');
    writeFileSync(file, 'const port: number = 0;\nexport default { port };\n');
    const { code, out, err } = await clasp('check', file).ended;
    if (Reflect.get(process.features, 'typescript')) {
      expect({ code, out }).toEqual({ code: 0, out: `${file}: no mistakes (bridges 0, routes 0, params 0)\n` });
    } else {
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toContain('does not read TypeScript; use Node 22.18 or later, or a .mjs file');
    }
  });

  it('says that there is no such file', async () => {
    const file = join(folder, 'none.json');
    expect(await clasp('check', file).ended).toMatchObject({ code: 1, err: `clasp-rx: there is no file ${file}\n` });
  });
});

describe('clasp-rx relay --config', () => {
  it('starts what the file says, under the options', async () => {
    const file = write({ name: 'Venue', port: 1, bridges: [{ type: 'osc', name: 'desk', listen: 0 }] });
    const relay = clasp('relay', '--config', file, '--port', '0', '--osc-port', '0', '--osc-namespace', '/stage');
    const client = dial(portOf(await relay.until('OSC in')));
    const status = await firstValueFrom(client.status.pipe(filter(({ state }) => state === 'connected')));
    expect(status).toMatchObject({ relay: 'Venue' });
    expect(await client.get('/clasp/bridges/desk/status')).toMatchObject({ state: 'ready' });
    relay.child.kill('SIGTERM');
    expect((await relay.ended).code).toBe(0);
  });

  it('names every mistake of the file and does not start', async () => {
    const file = write('{ "prot": 1, "bridges": [{ "type": "osc", "listn": 1 }] }');
    const { code, out, err } = await clasp('relay', '--config', file).ended;
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err.trimEnd().split('\n')).toEqual([
      `${file}:1:3: prot: unknown key "prot"; did you mean "port"?`,
      `${file}:1:43: bridges[0].listn: unknown key "listn"; did you mean "listen"?`,
      `clasp-rx: 2 mistakes in ${file}`,
    ]);
  });

  it('takes over what is saved, without ending a session, and leaves everything after a mistake', async () => {
    const kept = { type: 'osc', name: 'kept', listen: 0 };
    const file = write({ port: 0, bridges: [kept, { type: 'osc', name: 'old', listen: 0 }] });
    const relay = clasp('relay', '--config', file);
    const client = dial(portOf(await relay.until('OSC in')));
    const keptAt = await client.get('/clasp/bridges/kept/status');
    const { session } = client;

    save(file, {
      port: 0,
      bridges: [kept, { type: 'osc', name: 'new', listen: 0, namespace: '/new' }],
      routes: [{ from: '/a', to: '/b', transform: [{ type: 'scale', to: [0, 100] }] }],
    });
    await relay.until('opened new; closed old; routes started: 1');
    await client.set('/a', 0.5);
    expect(await client.get('/b')).toBe(50);
    expect(await client.get('/clasp/bridges/old/status')).toBeNull();
    const { address } = (await client.get('/clasp/bridges/new/status')) as { address: string };
    const heard = firstValueFrom(client.on('/new/x').pipe(filter(({ kind }) => kind === 'param')));
    const socket = createSocket('udp4');
    socket.send(Buffer.from('/x\0\0,i\0\0\0\0\0\u0001', 'latin1'), Number(address.split(':').at(-1)), '127.0.0.1');
    expect(await heard).toMatchObject({ value: 1 });
    socket.close();

    save(file, '{ "port": 0, "bridgs": [] }');
    await relay.until('nothing was changed: 1 mistake in');
    expect(await relay.until('bridgs')).toContain(
      `error ${file}:1:14: bridgs: unknown key "bridgs"; did you mean "bridges"?`,
    );
    expect(await client.get('/clasp/bridges/new/status')).toMatchObject({ state: 'ready', address });

    save(file, { port: 7331, name: 'Hall', bridges: [kept] });
    await relay.until('takes a restart: port, name');
    expect(client.session).toBe(session);
    expect(await client.get('/clasp/bridges/kept/status')).toEqual(keptAt);
  });

  it('reads the file again on SIGHUP', async () => {
    const file = write({ port: 0, bridges: [{ type: 'osc', listen: 0 }] });
    const relay = clasp('relay', '--config', file);
    await relay.until('OSC in');
    relay.child.kill('SIGHUP');
    await relay.until('configuration: nothing has changed');
    expect(relay.child.exitCode).toBeNull();
  });
});

describe('clasp-rx bridge', () => {
  it('joins a protocol to a relay that runs elsewhere', async () => {
    const relay = clasp('relay', '--port', '0');
    const port = portOf(await relay.until('HTTP'));
    const device = createSocket('udp4');
    await new Promise<void>((resolve) => device.bind(0, '127.0.0.1', resolve));
    const target = `127.0.0.1:${device.address().port}`;
    const bridge = clasp('bridge', 'osc', '--url', `ws://127.0.0.1:${port}`, '--listen', '0', '--target', target);
    await bridge.until('osc is open at 127.0.0.1:');
    const came = new Promise<Buffer>((resolve) => device.once('message', resolve));
    await dial(port).set('/osc/lamp', 3);
    expect((await came).toString('latin1')).toMatch(/^\/lamp\0/);
    device.close();
    bridge.child.kill('SIGTERM');
    expect((await bridge.ended).code).toBe(0);
  });

  it('explains what a kind takes, and what is wrong with it', async () => {
    const help = await clasp('bridge', 'osc', '--help').ended;
    expect(help.out).toContain('--targets, --target VALUE');
    expect(help.out).toContain('clasp-rx bridge osc --listen 8000 --target 127.0.0.1:9000');
    const wrong = await clasp('bridge', 'osc', '--listen', '70000').ended;
    expect(wrong).toMatchObject({ code: 2, out: '' });
    expect(wrong.err).toContain('clasp-rx: --listen must be at most 65535, not 70000');
    expect((await clasp('bridge', 'osk').ended).err).toContain('there is no bridge "osk"; did you mean "osc"?');
  });
});
