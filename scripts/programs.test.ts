// Programs of the documentation, run as they stand; only their ports are others.
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { transformWithOxc } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeOsc } from '../core/protocols/osc/osc-decode.ts';
import { encodeOsc } from '../core/protocols/osc/osc-encode.ts';
import { freePort, freeUdpPort } from '../peers/free-port.ts';
import { createRelay } from '../platform-node/relay.ts';
import { udpSocket } from '../platform-node/udp.ts';
import { root } from './public-names.ts';
import { snippetsOfMarkdown } from './snippets.ts';

const eventually = { timeout: 30_000, interval: 50 };
const running = new Set<ChildProcess>();
let folder = '';
beforeAll(() => {
  // Inside the package, so that `clasp-rx` is the one that was built.
  folder = mkdtempSync(join(root, 'dist/.programs-'));
});
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

let programs = 0;

/** Runs the first block of a page that contains `mark`, with other text in some places. */
async function run(page: string, mark: string, others: readonly (readonly [text: string, other: string])[]) {
  const snippet = snippetsOfMarkdown(page, readFileSync(join(root, page), 'utf8')).find(({ code }) =>
    code.includes(mark),
  );
  let text = snippet?.code ?? '';
  for (const [from, to] of others) {
    expect(text).toContain(from);
    text = text.replaceAll(from, to);
  }
  const file = join(folder, `${programs++}.mjs`);
  writeFileSync(file, (await transformWithOxc(text, 'program.ts')).code);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (part) => {
    said.out += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part) => {
    said.err += part;
  });
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  return { said, ended };
}

describe('the relay in one program', () => {
  const page = 'docs/guide.md';
  const mark = 'webSocketListener({ port: 7330 })';
  const ports = (web: number, osc: number, target: number) =>
    [
      ['7330', String(web)],
      ['8000', String(osc)],
      ['9000', String(target)],
    ] as const;

  it('takes OSC from this machine, prints it, and sends what it writes', async () => {
    const device = createSocket('udp4').bind(0, '127.0.0.1');
    await once(device, 'listening');
    const heard: unknown[] = [];
    device.on('message', (bytes) => heard.push(decodeOsc(bytes)));
    const [web, osc] = [await freePort(), await freeUdpPort()];
    const { said } = await run(page, mark, ports(web, osc, device.address().port));
    const written = expect.objectContaining({ address: '/mixer/1', args: [{ type: 'f', value: 0.75 }] });
    await vi.waitFor(() => expect(heard).toContainEqual(written), eventually);
    device.send(encodeOsc({ address: '/synth/cutoff', args: [{ type: 'f', value: 0.5 }] }), osc, '127.0.0.1');
    await vi.waitFor(() => expect(said.out).toContain('/osc/synth/cutoff'), eventually);
    device.close();

    // The port is free on another address of this machine: it was not bound to all of them.
    const elsewhere = createSocket('udp4').bind(osc, '127.0.0.2');
    await once(elsewhere, 'listening');
    elsewhere.close();
  });

  it('ends with one line that says what to do when a port is in use', async () => {
    const [web, osc] = [await freePort(), await freeUdpPort()];
    const server = createServer().listen(web, '127.0.0.1');
    await once(server, 'listening');
    const one = await run(page, mark, ports(web, osc, 9));
    expect(await one.ended).toBe(1);
    expect(one.said.err).toBe(
      `[500] port ${web} on 127.0.0.1 is in use; if another program has the port, end it or choose another\n`,
    );
    server.close();

    const socket = createSocket('udp4').bind(osc, '127.0.0.1');
    await once(socket, 'listening');
    const other = await run(page, mark, ports(web, osc, 9));
    expect(await other.ended).toBe(1);
    expect(other.said.err).toBe(
      `[500] UDP port ${osc} on 127.0.0.1 is in use; if another program has the port, end it or choose another\n`,
    );
    socket.close();
  });
});

describe('touches, fades, and what there is', () => {
  it('the gesture has a start, moves and one end, the timeline plays, and the query finds what was announced', async () => {
    const relay = createRelay({ port: 0 });
    const { port } = await relay.ready;
    const watcher = relay.client('watcher');
    const phases: string[] = [];
    const levels: number[] = [];
    watcher.on('/xy', { types: ['gesture'] }).subscribe((signal) => {
      if (signal.kind === 'gesture') phases.push(signal.phase);
    });
    watcher.on('/lights/front').subscribe((signal) => {
      if (signal.kind === 'param') levels.push(Number(signal.value));
    });
    const { said, ended } = await run('docs/guide.md', 'client.gesture(', [
      ['ws://localhost:7330', `ws://localhost:${port}`],
    ]);
    expect([await ended, said.err]).toEqual([0, '']);
    expect(said.out).toContain('/lights/front param float');
    expect(said.out).toContain('/xy gesture');
    await vi.waitFor(() => expect(phases.at(-1)).toBe('end'), eventually);
    expect(phases[0]).toBe('start');
    expect(levels[0]).toBe(0);
    await relay.close();
  });
});

describe('the Art-Net program', () => {
  it('sends its level to the node, and nothing goes wrong', async () => {
    const port = await freeUdpPort();
    const heard: Uint8Array[] = [];
    const node = udpSocket({ listen: `127.0.0.2:${port}` }).subscribe(({ incoming }) => {
      incoming.subscribe(({ bytes }) => heard.push(bytes));
    });
    const { said } = await run('docs/bridges/artnet.md', 'artnetBridge(', [
      ["listen: '127.0.0.1:6454'", "listen: '127.0.0.1:0'"],
      ["targets: ['127.0.0.2']", `targets: ['127.0.0.2:${port}']`],
    ]);
    // ArtDmx of universe 0, whose first level is the last byte of its head and one.
    await vi.waitFor(
      () => expect(heard.some((bytes) => bytes[9] === 0x50 && bytes[18] === 255)).toBe(true),
      eventually,
    );
    await vi.waitFor(() => expect(said.out).toContain('ready'), eventually);
    expect(said.out + said.err).not.toContain('[');
    node.unsubscribe();
  });
});

describe('pipelines', () => {
  const page = 'docs/pipelines.md';
  const fromRelay = async () => {
    const relay = createRelay({ port: 0 });
    const { port } = await relay.ready;
    return { relay, dial: ['ws://localhost:7330', `ws://localhost:${port}`] as const };
  };
  const float = (address: string, value: number) => encodeOsc({ address, args: [{ type: 'f', value }] });

  it('OSC: what is larger than before goes out, once', async () => {
    const device = createSocket('udp4').bind(0, '127.0.0.1');
    await once(device, 'listening');
    const heard: unknown[][] = [];
    device.on('message', (bytes) => {
      const packet = decodeOsc(bytes);
      if ('address' in packet) heard.push([packet.address, packet.args[0]?.value]);
    });
    const port = await freeUdpPort();
    const { said } = await run(page, 'oscSource(datagrams)', [
      ['8000', String(port)],
      ['9000', String(device.address().port)],
    ]);
    const say = (address: string, value: number) => device.send(float(address, value), port, '127.0.0.1');
    let tries = 0;
    await vi.waitFor(() => {
      say('/ready', tries++);
      expect(heard).not.toEqual([]);
    }, eventually);
    for (const value of [0.5, 0.75, 0.25, 0.625, 1]) say('/synth/cutoff', value);
    await vi.waitFor(() => expect(heard.at(-1)).toEqual(['/synth/cutoff', 1]), eventually);
    expect(heard.filter(([address]) => address === '/synth/cutoff').map(([, value]) => value)).toEqual([0.5, 0.75, 1]);
    expect(said.err).toBe('');
    device.close();
  });

  it('touches: one that nobody ends is cancelled', async () => {
    const { said, ended } = await run(page, 'gestureLifecycle({ gestureTimeout', []);
    expect(await ended).toBe(0);
    expect([said.out, said.err]).toEqual(['1 start\n1 move\n1 cancel\n', '']);
  });

  it('cues: the lamp fades to full, and nothing fails', async () => {
    const port = await freeUdpPort();
    const levels: (number | undefined)[] = [];
    const node = udpSocket({ listen: `127.0.0.1:${port}` }).subscribe(({ incoming }) => {
      incoming.subscribe(({ bytes }) => levels.push(bytes[18]));
    });
    const { said } = await run(page, '.pipe(timelineScheduler())', [['127.0.0.1:6454', `127.0.0.1:${port}`]]);
    await vi.waitFor(() => expect(levels.at(-1)).toBe(255), eventually);
    expect(levels).toEqual([...levels].sort((a, b) => Number(a) - Number(b)));
    expect(said.err).toBe('');
    node.unsubscribe();
  });

  it('knobs: a client takes what a pipeline gives', async () => {
    const { relay, dial } = await fromRelay();
    const watcher = relay.client('watcher');
    const values: unknown[] = [];
    watcher.on('/knobs/1', (value) => values.push(value));
    const { said } = await run(page, 'knobs.subscribe(client)', [dial]);
    await vi.waitFor(() => expect(values.at(-1)).toBe(1), eventually);
    expect(said.err).toBe('');
    await relay.close();
  });

  it('MIDI and OSC: scaled, without noise, into the relay', async () => {
    const { relay, dial } = await fromRelay();
    const values: unknown[] = [];
    let ready = false;
    relay.client('watcher').on('/**', (value, address) => {
      ready ||= address === '/osc/ready';
      if (address === '/osc/fader' || address.startsWith('/midi/')) values.push([address, value]);
    });
    const port = await freeUdpPort();
    const { said } = await run(page, 'merge(midi, osc)', [dial, ['8000', String(port)]]);
    const device = createSocket('udp4').bind(0, '127.0.0.1');
    await once(device, 'listening');
    const say = (address: string, value: number) => device.send(float(address, value), port, '127.0.0.1');
    await vi.waitFor(() => {
      say('/ready', 1);
      expect([ready, values]).toEqual([true, [['/midi/ch/1/cc/1', 100]]]);
    }, eventually);
    say('/fader', 0.5);
    await vi.waitFor(() => expect(values).toContainEqual(['/osc/fader', 50]), eventually);
    for (const value of [0.501, 0.499, 0.5, 0.75]) say('/fader', value);
    await vi.waitFor(() => expect(values.at(-1)).toEqual(['/osc/fader', 75]), eventually);
    expect(values).toHaveLength(3);
    expect(said.err).toBe('');
    device.close();
    await relay.close();
  });

  it('a slow receiver: the newest sample, and always the last', async () => {
    const { said, ended } = await run(page, 'sensor.pipe(congestion({ ready }))', []);
    expect([await ended, said.err]).toEqual([0, '']);
    const samples = said.out.trim().split('\n').map(Number);
    expect([samples[0], samples.at(-1)]).toEqual([0, 499]);
    expect(samples).toEqual([...new Set(samples)].sort((a, b) => a - b));
    expect(samples.length).toBeLessThan(250);
  });

  it('values with a type', async () => {
    const { relay, dial } = await fromRelay();
    const dancer = relay.client('dancer');
    const { said } = await run(page, 'on<Pose>', [dial]);
    await vi.waitFor(() => expect(said.out).toBe('3\n'), eventually);
    dancer.stream('/dancers/2/pose', { x: 6, y: 8 });
    await vi.waitFor(() => expect(said.out).toBe('3\n10\n'), eventually);
    expect(said.err).toBe('');
    await relay.close();
  });

  it('a router of one’s own', async () => {
    const { said } = await run(page, 'routerStages({', []);
    await vi.waitFor(() => expect(said.out).toBe('desk /lights/1\nchanged /lights/1\n'), eventually);
    expect(said.err).toBe('');
  });
});
