import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { firstValueFrom, NEVER, type Subscription } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DatagramSocket } from '../../core/connection/datagram.ts';
import type { OscArgument, OscPacket } from '../../core/protocols/osc/osc.ts';
import { oscTimetag } from '../../core/protocols/osc/osc.ts';
import { decodeOsc, parseOsc } from '../../core/protocols/osc/osc-decode.ts';
import { encodeOsc } from '../../core/protocols/osc/osc-encode.ts';
import type { Signal } from '../../core/signal/signal.ts';
import { router } from '../../operators/router/router.ts';
import { installed } from '../../peers/installed.ts';
import { oscSink } from '../../sinks/osc.ts';
import { oscSource } from '../../sources/osc.ts';
import { udpSocket } from '../udp.ts';
import { oscBridge } from './osc-bridge.ts';

const open: Subscription[] = [];
const running: ChildProcess[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.unsubscribe();
  for (const each of running.splice(0)) each.kill('SIGKILL');
});

const bind = (): Promise<DatagramSocket> =>
  new Promise((resolve, reject) => {
    open.push(udpSocket({ listen: '127.0.0.1:0' }).subscribe({ next: resolve, error: reject }));
  });
const portOf = ({ address }: DatagramSocket): string => address.slice(address.lastIndexOf(':') + 1);

/** Starts oscdump on a free port, and gives the lines it prints, without their time, once it listens. */
async function oscdump(socket: DatagramSocket) {
  const { address } = await firstValueFrom(udpSocket({ listen: '127.0.0.1:0' }));
  const target = address;
  const lines: string[] = [];
  const refused: string[] = [];
  const child = spawn('oscdump', ['-L', target.slice(target.lastIndexOf(':') + 1)]);
  running.push(child);
  const collect = (into: string[]) => (chunk: Buffer) => into.push(...chunk.toString().split('\n').filter(Boolean));
  child.stdout.on('data', collect(lines));
  child.stderr.on('data', collect(refused));
  const isProbe = (line: string) => line.includes('/probe');
  await vi.waitFor(
    () => {
      socket.send(encodeOsc({ address: '/probe', args: [] }), target);
      expect(lines.some(isProbe)).toBe(true);
    },
    { timeout: 10_000, interval: 50 },
  );
  return {
    target,
    refused,
    lines: () => lines.filter((line) => !isProbe(line)).map((line) => line.replace(/^\S+ /, '')),
  };
}

describe.skipIf(!installed('oscsend'))('oscsend', () => {
  it.each<[string, string[], OscArgument[]]>([
    ['i', ['-7'], [{ type: 'i', value: -7 }]],
    ['f', ['0.1'], [{ type: 'f', value: Math.fround(0.1) }]],
    ['s', ['hällo wörld'], [{ type: 's', value: 'hällo wörld' }]],
    ['S', ['symbol'], [{ type: 'S', value: 'symbol' }]],
    ['h', ['1099511627776'], [{ type: 'h', value: 2n ** 40n }]],
    ['d', ['0.1'], [{ type: 'd', value: 0.1 }]],
    ['c', ['x'], [{ type: 'c', value: 'x' }]],
    ['m', ['00903c7f'], [{ type: 'm', value: Uint8Array.of(0, 0x90, 0x3c, 0x7f) }]],
    [
      'TFNI',
      [],
      [
        { type: 'T', value: true },
        { type: 'F', value: false },
        { type: 'N', value: null },
        { type: 'I', value: true },
      ],
    ],
    [
      'iTfs',
      ['1', '3.5', 'hello'],
      [
        { type: 'i', value: 1 },
        { type: 'T', value: true },
        { type: 'f', value: 3.5 },
        { type: 's', value: 'hello' },
      ],
    ],
  ])('is understood: %s %j', async (types, values, args) => {
    const socket = await bind();
    const packets: OscPacket[] = [];
    socket.incoming.subscribe(({ bytes }) => packets.push(decodeOsc(bytes)));
    execFileSync('oscsend', ['127.0.0.1', portOf(socket), '/synth/cutoff', types, ...values]);
    await vi.waitFor(() => expect(packets).toEqual([{ address: '/synth/cutoff', args }]));
  });

  it('reaches a socket by the name localhost, and becomes a param', async () => {
    const socket = await bind();
    const signals: Signal[] = [];
    oscSource(socket.incoming).subscribe((signal) => signals.push(signal));
    execFileSync('oscsend', ['localhost', portOf(socket), '/synth/cutoff', 'f', '0.5']);
    await vi.waitFor(() =>
      expect(signals).toMatchObject([{ kind: 'param', address: '/osc/synth/cutoff', value: 0.5, at: undefined }]),
    );
  });

  it('gets through a flood of packets that are not OSC, of which every one is counted', async () => {
    const socket = await bind();
    const flooder = await bind();
    const source = oscSource(socket.incoming);
    const signals: Signal[] = [];
    let arrived = 0;
    let refused = 0;
    socket.incoming.subscribe(() => arrived++);
    source.failures.subscribe(({ value }) => {
      refused += value as number;
    });
    source.subscribe((signal) => signals.push(signal));
    const garbage = new TextEncoder().encode('{"not":"OSC"}');
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 500; i++) flooder.send(garbage, socket.address);
      await vi.waitFor(() => expect(arrived).toBeGreaterThan(round * 100));
    }
    // The system drops what its buffer has no room for, good or bad: so it is sent until it gets through.
    await vi.waitFor(
      () => {
        execFileSync('oscsend', ['127.0.0.1', portOf(socket), '/after', 'i', '1']);
        expect(signals).not.toEqual([]);
      },
      { timeout: 10_000, interval: 100 },
    );
    expect(signals[0]).toMatchObject({ address: '/osc/after', value: 1n });
    await vi.waitFor(() => expect(refused).toBe(arrived - signals.length), 5_000);
    expect(refused).toBeGreaterThan(1_000);
  });
});

describe.skipIf(!installed('oscsend') || !installed('oscdump'))('a relay between oscsend and oscdump', () => {
  it('shows what oscsend sends to its clients, and what they write to oscdump', async () => {
    const socket = await bind();
    const dump = await oscdump(socket);
    const relay = router();
    open.push(relay(NEVER).subscribe());
    const app = relay.client('app');
    const seen: unknown[] = [];
    open.push(app.on('/osc/**').subscribe((signal) => seen.push(signal)));
    const address = await new Promise<string>((resolve, reject) => {
      const bridge = oscBridge(relay.client('osc'), { listen: '127.0.0.1:0', targets: [dump.target] });
      open.push(bridge.subscribe({ next: (event) => event.type === 'ready' && resolve(event.address), error: reject }));
    });
    execFileSync('oscsend', ['localhost', address.split(':')[1] ?? '', '/synth/cutoff', 'f', '0.5']);
    await vi.waitFor(() => expect(seen).toMatchObject([{ kind: 'param', address: '/osc/synth/cutoff', value: 0.5 }]));
    await app.set('/osc/mixer/1', 0.75);
    await vi.waitFor(() => expect(dump.lines()).toEqual(['/synth/cutoff f 0.500000', '/mixer/1 f 0.750000']));
  });
});

describe.skipIf(!installed('oscdump'))('oscdump', () => {
  it('prints what is sent, in every type it knows', async () => {
    const socket = await bind();
    const dump = await oscdump(socket);
    const sink = oscSink(socket.send, {
      targets: [dump.target],
      hints: { '/i': 'i', '/d': 'd', '/c': 'c', '/m': 'm', '/t': 't', '/I': 'I', '/S': 'S' },
    });
    const values = {
      '/mixer/1': 0.75,
      '/i': 5,
      '/h': 2n ** 40n,
      '/d': 0.1,
      '/s': 'hällo',
      '/S': 'symbol',
      '/c': 'x',
      '/b': Uint8Array.of(1, 2, 3),
      '/m': Uint8Array.of(0, 0x90, 0x3c, 0x7f),
      '/t': 1_700_000_000_500_000,
      '/T': true,
      '/F': false,
      '/I': true,
      '/none': null,
      '/several': [1, 'two', null],
    };
    for (const [address, value] of Object.entries(values))
      sink.next({ kind: 'param', address: `/osc${address}`, value });
    await vi.waitFor(() => expect(dump.lines().length).toBe(15));
    expect(dump.lines()).toEqual([
      '/mixer/1 f 0.750000',
      '/i i 5',
      '/h h 1099511627776',
      '/d d 0.100000',
      '/s s "hällo"',
      "/S S 'symbol",
      "/c c 'x'",
      '/b b [3b 0x1 0x2 0x3]',
      '/m m MIDI [0x00 0x90 0x3c 0x7f]',
      '/t t e8fe6f80.80000000',
      '/T T #T',
      '/F F #F',
      '/I I Infinitum',
      '/none ',
      '/several fsN 1.000000 "two" Nil',
    ]);
    expect(dump.refused).toEqual([]);
  });

  it('handles a bundle in a bundle in its order, and at its time', async () => {
    const socket = await bind();
    const dump = await oscdump(socket);
    const at = (delay: number) => oscTimetag((Date.now() + delay) * 1000);
    const message = (address: string): OscPacket => ({ address, args: [] });
    socket.send(encodeOsc({ timetag: at(1_000), packets: [message('/later')] }), dump.target);
    const inner: OscPacket = { timetag: { seconds: 0, fraction: 1 }, packets: [message('/2'), message('/3')] };
    socket.send(
      encodeOsc({ timetag: { seconds: 0, fraction: 1 }, packets: [message('/1'), inner, message('/4')] }),
      dump.target,
    );
    await vi.waitFor(() => expect(dump.lines().length).toBe(5), 10_000);
    expect(dump.lines().map((line) => line.trim())).toEqual(['/1', '/2', '/3', '/4', '/later']);
  });

  it('refuses the packets that are refused here, and takes those that are taken', async () => {
    const socket = await bind();
    const dump = await oscdump(socket);
    const packets = {
      good: '/a\0\0,f\0\0\x3f\0\0\0',
      'tags, but none': '/b\0\0,\0\0\0',
      'a space in the address': '/a b\0\0\0\0,f\0\0\x3f\0\0\0',
      'padding of the tags not zero': '/c\0\0,f\0x\x3f\0\0\0',
      'arguments without tags': '/d\0\0\0\0\0\x01',
      'tags without a NUL': '/e\0\0,f',
      'a word left over': '/f\0\0,f\0\0\x3f\0\0\0\0\0\0\0',
      'a byte left over': '/g\0\0,f\0\0\x3f\0\0\0\0',
      'padding of a string not zero': '/h\0\0,s\0\0ab\0x',
      'padding of a string missing': '/i\0\0,s\0\0ab\0',
      'padding of a blob not zero': '/j\0\0,b\0\0\0\0\0\x01abcd',
      'padding of a blob missing': '/k\0\0,b\0\0\0\0\0\x01a',
      'an unknown type': '/l\0\0,q\0\0',
      'an argument cut off': '/m\0\0,f\0\0\x3f\0',
      'an element without bytes': '#bundle\0\0\0\0\0\0\0\0\x01\0\0\0\0',
    };
    const taken: string[] = [];
    for (const [what, packet] of Object.entries(packets)) {
      const before = dump.refused.length;
      const lines = dump.lines().length;
      const bytes = Uint8Array.from(packet, (character) => character.charCodeAt(0));
      if (!('fault' in parseOsc(bytes))) taken.push(what);
      socket.send(bytes, dump.target);
      await vi.waitFor(() => expect(dump.lines().length + dump.refused.length).toBe(lines + before + 1));
      expect([what, dump.refused.length === before]).toEqual([what, taken.includes(what)]);
    }
    expect(taken).toEqual(['good', 'tags, but none', 'a space in the address']);
  });
});
