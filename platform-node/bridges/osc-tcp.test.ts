import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { NEVER, type Subscription } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import type { OscArgument, OscMessage } from '../../core/protocols/osc/osc.ts';
import { decodeOsc } from '../../core/protocols/osc/osc-decode.ts';
import { encodeOsc } from '../../core/protocols/osc/osc-encode.ts';
import { frameOsc, type OscFraming, OscStreamReader } from '../../core/protocols/osc/osc-framing.ts';
import { oscTagsOf } from '../../core/protocols/osc/osc-mapping.ts';
import { router } from '../../operators/router/router.ts';
import { installed } from '../../peers/installed.ts';
import { type OscBridgeOptions, oscBridge } from './osc-bridge.ts';

const open: Subscription[] = [];
const closing: (() => void)[] = [];
afterEach(() => {
  for (const each of open.splice(0).reverse()) each.unsubscribe();
  for (const close of closing.splice(0)) close();
});

const eventually = { timeout: 20_000, interval: 20 };
const f = (value: number): OscArgument => ({ type: 'f', value });
const i = (value: number): OscArgument => ({ type: 'i', value });

/** A relay with a bridge over TCP. */
async function relay(tcp: NonNullable<OscBridgeOptions['tcp']>, options: OscBridgeOptions = {}) {
  const core = router();
  open.push(core(NEVER).subscribe());
  const events: BridgeEvent[] = [];
  let ended: unknown;
  const running = oscBridge(core.client('osc'), { tcp: { host: '127.0.0.1', ...tcp }, ...options }).subscribe({
    next: (event) => events.push(event),
    error: (reason) => {
      ended = reason;
    },
  });
  open.push(running);
  await vi.waitFor(() => expect(events[0] ?? ended).toBeDefined(), eventually);
  const [first] = events;
  const port = first?.type === 'ready' ? Number(first.address.split(':').at(-1)) : 0;
  const failures = () => events.flatMap((event) => (event.type === 'failure' ? [event.failure] : []));
  const app: Client = core.client('app');
  return { app, port, events, failures, ended: () => ended, close: () => running.unsubscribe() };
}

/** An OSC program over one TCP socket: what it received, as `address ,tags values`. */
function peerOf(socket: Socket, framing: OscFraming) {
  const received: string[] = [];
  const reader = new OscStreamReader(
    {
      packet: (bytes) => {
        const { address, args } = decodeOsc(bytes) as OscMessage;
        received.push([address, `,${oscTagsOf(args).join('')}`, ...args.map(({ value }) => String(value))].join(' '));
      },
      fault: (reason) => received.push(reason),
    },
    { framing },
  );
  let closed = false;
  socket.on('data', (bytes) => reader.push(bytes));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  closing.push(() => socket.destroy());
  const send = (address: string, ...args: OscArgument[]) =>
    socket.write(frameOsc(encodeOsc({ address, args }), framing));
  return { socket, received, send, closed: () => closed };
}

async function connect(port: number, framing: OscFraming) {
  const socket = createConnection(port, '127.0.0.1');
  await once(socket, 'connect');
  return peerOf(socket, framing);
}

describe('oscBridge over TCP', () => {
  it('takes peers in either framing, tells each the state and what changes, and nobody what it said itself', async () => {
    const { app, port, events, close } = await relay({ listen: 0 });
    await app.set('/osc/level', 0.5);
    const [old, young] = [await connect(port, 'length'), await connect(port, 'slip')];
    old.send('/old', i(1));
    young.send('/young', f(1));
    await vi.waitFor(
      () => expect(old.received).toEqual(expect.arrayContaining(['/level ,f 0.5', '/young ,f 1'])),
      eventually,
    );
    await vi.waitFor(
      () => expect(young.received).toEqual(expect.arrayContaining(['/level ,f 0.5', '/old ,i 1'])),
      eventually,
    );

    app.set('/osc/level', 0.75);
    // In the type that one of them used.
    app.set('/osc/old', 7);
    for (const peer of [old, young]) {
      await vi.waitFor(() => expect(peer.received.slice(-2)).toEqual(['/level ,f 0.75', '/old ,i 7']), eventually);
    }
    expect(old.received).not.toContain('/old ,i 1');
    expect(young.received).not.toContain('/young ,f 1');
    expect(events.filter(({ type }) => type === 'devices').at(-1)).toMatchObject({ devices: { length: 2 } });

    old.socket.destroy();
    await vi.waitFor(
      () => expect(events.at(-1)).toMatchObject({ type: 'devices', devices: { length: 1 } }),
      eventually,
    );
    close();
    await vi.waitFor(() => expect(young.closed()).toBe(true), eventually);
  });

  it('speaks first where the framing is given', async () => {
    const { app, port } = await relay({ listen: 0, framing: 'length' });
    await app.set('/osc/level', 0.5);
    const quiet = await connect(port, 'length');
    await vi.waitFor(() => expect(quiet.received).toEqual(['/level ,f 0.5']), eventually);
  });

  it('cuts off who sends no OSC, or announces too much, and nobody else notices', async () => {
    const { app, port, failures } = await relay({ listen: 0, maxPacket: 1_024 });
    const good = await connect(port, 'slip');
    good.send('/a', f(1));
    const browser = await connect(port, 'slip');
    browser.socket.write('GET / HTTP/1.1\r\n\r\n');
    const greedy = await connect(port, 'length');
    greedy.socket.write(Uint8Array.of(0, 0x7f, 0xff, 0xff));
    await vi.waitFor(() => expect([browser.closed(), greedy.closed()]).toEqual([true, true]), eventually);
    expect(
      failures()
        .map(({ code, reason }) => `${code} ${reason.replace(/^tcp \S+: /, '')}`)
        .sort(),
    ).toEqual([
      '101 a packet of 8388607 bytes, more than 1024; it is cut off',
      '101 neither a length nor SLIP: it begins with byte 71; it is cut off',
    ]);
    good.send('/a', f(2));
    await vi.waitFor(async () => expect(await app.get('/osc/a')).toBe(2), eventually);
    expect(good.closed()).toBe(false);
  });

  it('tells of a packet that is not OSC, and goes on with the same peer', async () => {
    const { app, port, failures } = await relay({ listen: 0 });
    const peer = await connect(port, 'length');
    // An address without its terminator.
    peer.socket.write(frameOsc(new TextEncoder().encode('/abc'), 'length'));
    peer.socket.write(frameOsc(Uint8Array.of(1, 2, 3), 'length'));
    peer.send('/after', f(1));
    await vi.waitFor(async () => expect(await app.get('/osc/after')).toBe(1), eventually);
    await vi.waitFor(() => expect(failures().reduce((sum, { value }) => sum + Number(value), 0)).toBe(2), eventually);
    expect(failures()[0]).toMatchObject({ code: 101, reason: expect.stringContaining('tcp 127.0.0.1:') });
  });

  it('turns peers away when there are too many', async () => {
    const { port, failures } = await relay({ listen: 0, maxPeers: 1 });
    const first = await connect(port, 'slip');
    const second = await connect(port, 'slip');
    await vi.waitFor(() => expect(second.closed()).toBe(true), eventually);
    expect(first.closed()).toBe(false);
    expect(failures()[0]).toMatchObject({ code: 429 });
  });

  it('drops what a peer does not read, tells of it, and serves the others', async () => {
    const { app, port, failures } = await relay({ listen: 0, framing: 'length', maxQueued: 65_536 });
    const [stuck, good] = [await connect(port, 'length'), await connect(port, 'length')];
    stuck.socket.pause();
    const large = new Uint8Array(60_000);
    await vi.waitFor(
      async () => {
        for (let i = 0; i < 20; i++) app.emit('/osc/large', large);
        await app.set('/osc/alive', 1);
        expect(failures().map(({ code }) => code)).toContain(503);
      },
      { timeout: 30_000, interval: 10 },
    );
    await vi.waitFor(() => expect(good.received).toContain('/alive ,f 1'), eventually);
    expect(stuck.closed()).toBe(false);
  });

  it('connects to peers, and again when they were gone, with the state', async () => {
    const peers: ReturnType<typeof peerOf>[] = [];
    const server = createServer((socket) => peers.push(peerOf(socket, 'slip')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { app, events } = await relay({ connect: `127.0.0.1:${port}` });
    await app.set('/osc/level', 0.5);
    await vi.waitFor(() => expect(peers[0]?.received).toContain('/level ,f 0.5'), eventually);
    peers[0]?.send('/hello', f(1));
    await vi.waitFor(async () => expect(await app.get('/osc/hello')).toBe(1), eventually);

    peers[0]?.socket.destroy();
    await vi.waitFor(
      () => expect(peers[1]?.received).toEqual(expect.arrayContaining(['/level ,f 0.5', '/hello ,f 1'])),
      eventually,
    );
    expect(events.filter(({ type }) => type === 'retrying' || type === 'ready').map(({ type }) => type)).toEqual([
      'ready',
      'retrying',
      'ready',
    ]);
  });

  it('errors with one line when the port is in use, or an address cannot be read', async () => {
    const { port } = await relay({ listen: 0 });
    expect((await relay({ listen: port })).ended()).toMatchObject({
      code: 500,
      reason: `TCP port ${port} on 127.0.0.1 is in use`,
    });
    expect((await relay({ connect: 'nowhere' })).ended()).toMatchObject({ code: 402 });
  });
});

describe.skipIf(!installed('oscsend') || !installed('oscdump'))('OSC over TCP, with liblo', () => {
  const start = (command: string, ...words: string[]): { child: ChildProcess; lines: () => string } => {
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    closing.push(() => child.kill('SIGKILL'));
    return { child, lines: () => text };
  };

  it('hears oscsend, and is heard by oscdump', async () => {
    const { app, port } = await relay({ listen: 0 });
    const { child } = start('oscsend', `osc.tcp://127.0.0.1:${port}/`, '/synth/cutoff', 'f', '0.5');
    await once(child, 'exit');
    await vi.waitFor(async () => expect(await app.get('/osc/synth/cutoff')).toBe(0.5), eventually);

    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const dumpPort = (free.address() as AddressInfo).port;
    await new Promise((closed) => free.close(closed));
    const dump = start('oscdump', '-L', `osc.tcp://:${dumpPort}/`);
    const dialling = await relay({ connect: `127.0.0.1:${dumpPort}`, framing: 'length' });
    await dialling.app.set('/osc/mixer/1', 0.75);
    await vi.waitFor(() => expect(dump.lines()).toContain('/mixer/1 f 0.750000'), eventually);
  });
});

describe('OSC over TCP, with the osc package', () => {
  it('speaks SLIP with it, both ways', async () => {
    interface TcpPort {
      on(event: string, listen: (message: { address: string; args: unknown }) => void): void;
      open(host: string, port: number): void;
      close(): void;
      send(message: object): void;
    }
    const osc = createRequire(import.meta.url)('osc') as { TCPSocketPort: new (options: object) => TcpPort };
    const { app, port } = await relay({ listen: 0 });
    await app.set('/osc/level', 0.5);
    const peer = new osc.TCPSocketPort({ address: '127.0.0.1', port });
    const heard: string[] = [];
    peer.on('message', ({ address }) => heard.push(address));
    peer.on('error', () => undefined);
    closing.push(() => peer.close());
    peer.open('127.0.0.1', port);
    peer.on('ready', () => peer.send({ address: '/from/osc', args: [0.25] }));
    await vi.waitFor(async () => expect(await app.get('/osc/from/osc')).toBe(0.25), eventually);
    await vi.waitFor(() => expect(heard).toContain('/level'), eventually);
  });
});
