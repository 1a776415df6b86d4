import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { NEVER } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DatagramSocket } from '../../core/connection/datagram.ts';
import type { Client } from '../../index.ts';
import { router, type Value } from '../../index.ts';
import { udpSocket } from '../../platform-node/index.ts';
import { type BridgeRig, bridgeContract, sinkContract, virtualTime } from '../../testing/index.ts';
import { colourOf, type DdpPacket, ddpBridge, ddpSink, encodeDdp, pixelOf } from './ddp.ts';

/** A packet as a receiver reads it, after the text of the protocol and not after our own writing. */
function decodeDdp(bytes: Uint8Array): DdpPacket & { readonly type: number; readonly output: number } {
  const [flags = 0, sequence = 0, type = 0, output = 0, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  expect(flags & 0b1100_0000).toBe(0b0100_0000);
  const data = bytes.slice(10);
  expect(data.length).toBe(e * 256 + f);
  return { push: (flags & 1) === 1, sequence, type, output, offset: ((a * 256 + b) * 256 + c) * 256 + d, data };
}

/** Pixels that show what they are sent when they are told to, as `pixel #rrggbb` for each that changes. */
function strip() {
  const effects: string[] = [];
  const buffer = new Map<number, number>();
  const shown = new Map<number, string>();
  const receive = (bytes: Uint8Array) => {
    const { offset, data, push } = decodeDdp(bytes);
    for (const [i, level] of data.entries()) buffer.set(offset + i, level);
    if (!push) return;
    for (let pixel = 0; buffer.has(pixel * 3); pixel++) {
      const parts = [0, 1, 2].map((part) => (buffer.get(pixel * 3 + part) ?? 0).toString(16).padStart(2, '0'));
      const colour = `#${parts.join('')}`;
      if (colour !== (shown.get(pixel) ?? '#000000')) effects.push(`${pixel} ${colour}`);
      shown.set(pixel, colour);
    }
  };
  const forget = () => {
    buffer.clear();
    shown.clear();
  };
  return { effects, receive, forget };
}
const carried = (n: number) => ({
  signal: { kind: 'param', address: `/ddp/${n}`, value: [n + 1, 2, 3] } as const,
  effect: `${n} #${(n + 1).toString(16).padStart(2, '0')}0203`,
});
const refused = { kind: 'param', address: '/ddp/1', value: 'red' } as const;

describe('DDP', () => {
  it('a packet is what the protocol says', () => {
    const bytes = encodeDdp({ offset: 1_440, data: Uint8Array.of(255, 128, 0), sequence: 15, push: true });
    expect([...bytes]).toEqual([0x41, 15, 0x0b, 1, 0, 0, 0x05, 0xa0, 0, 3, 255, 128, 0]);
    fc.assert(
      fc.property(
        fc.nat(0xffff_ffff),
        fc.uint8Array({ maxLength: 1_440 }),
        fc.integer({ min: 1, max: 15 }),
        fc.boolean(),
        (offset, data, sequence, push) => {
          expect(decodeDdp(encodeDdp({ offset, data, sequence, push }))).toEqual({
            offset,
            data,
            sequence,
            push,
            type: 11,
            output: 1,
          });
        },
      ),
    );
  });

  it('a colour is three levels or six digits, and nothing else', () => {
    const colours: [Value, number[]][] = [
      [
        [255, 127.6, -3],
        [255, 128, 0],
      ],
      [
        [1n, 300, 0],
        [1, 255, 0],
      ],
      ['#FF8000', [255, 128, 0]],
      [null, [0, 0, 0]],
    ];
    for (const [value, expected] of colours) expect(colourOf(value, '/ddp/0')).toEqual(expected);
    for (const value of [1, 'red', '#fff', [1, 2], [1, 2, 3, 4], [1, 'a', 3], true, {}]) {
      expect(() => colourOf(value, '/ddp/0')).toThrow('402');
    }
  });

  it('an address is one of the pixels, or all of them', () => {
    expect(['/a/ddp', '/a/ddp/0', '/a/ddp/59'].map((address) => pixelOf(address, '/a/ddp', 60))).toEqual([
      'all',
      0,
      59,
    ]);
    for (const address of ['/a/ddp/60', '/a/ddp/-1', '/a/ddp/01', '/a/ddp/1.5', '/a/ddp/', '/a/ddp/1/2', '/a/ddpp/1']) {
      expect(() => pixelOf(address, '/a/ddp', 60)).toThrow('200');
    }
  });

  it('counts its packets from 1 to 15, again and again', () => {
    const time = virtualTime();
    const sequences: number[] = [];
    const sink = ddpSink((bytes) => sequences.push(decodeDdp(bytes).sequence), { pixels: 1, scheduler: time });
    sink.next({ kind: 'param', address: '/ddp/0', value: '#ffffff' });
    time.pass(16_000);
    expect(sequences.slice(13)).toEqual([14, 15, 1, 2]);
  });

  it('sends what changes together, no more often than its rate, in packets that fit, and repeats the last frame', () => {
    const time = virtualTime();
    const sent: string[] = [];
    const sink = ddpSink(
      (bytes) => {
        const { offset, data, sequence, push } = decodeDdp(bytes);
        sent.push(`${time.now()}: ${sequence} ${offset}+${data.length}${push ? ' push' : ''}`);
      },
      { pixels: 500, rate: 40, scheduler: time },
    );
    for (let n = 0; n < 500; n++) sink.next({ kind: 'param', address: `/ddp/${n}`, value: [n % 256, 0, 0] });
    time.pass(10);
    sink.next({ kind: 'stream', address: '/ddp', value: new Uint8Array(2_000) });
    time.pass(1_100);
    expect(sent).toEqual([
      '0: 1 0+1440',
      '0: 2 1440+60 push',
      '25: 3 0+1440',
      '25: 4 1440+60 push',
      '1025: 5 0+1440',
      '1025: 6 1440+60 push',
    ]);
    sink.complete();
    expect(time.waiting).toBe(0);
  });
});

sinkContract(
  'ddpSink',
  () => {
    const { effects, receive } = strip();
    return { sink: ddpSink(receive, { pixels: 16, rate: 200 }), effects: () => effects, carried, refused };
  },
  { describe, it, each: false, settle: 60, breaks: false },
);

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A receiver on loopback. */
async function receiver() {
  const pixels = strip();
  const socket = await new Promise<DatagramSocket>((resolve, reject) => {
    const bound = udpSocket({ listen: '127.0.0.1:0' }).subscribe({ next: resolve, error: reject });
    open.push(() => bound.unsubscribe());
  });
  socket.incoming.subscribe(({ bytes }) => pixels.receive(bytes));
  return { ...pixels, target: socket.address };
}

bridgeContract(
  'ddpBridge',
  async (client: Client): Promise<BridgeRig> => {
    const { effects, target } = await receiver();
    const bridge = ddpBridge(client, { target, pixels: 16, rate: 200 });
    return { bridge, namespace: '/ddp', effects: () => effects, carried, refused };
  },
  { describe, it, listens: false, babbles: false, reflects: false, loses: false },
);

describe('the page', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/writing-a-bridge.md'), 'utf8');
  const blocks = [...page.matchAll(/```ts[^\n]*\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  const program = readFileSync(join(import.meta.dirname, 'ddp.ts'), 'utf8');

  it('shows the program as it is', () => {
    const imported = program
      .split('\n')
      .slice(1)
      .join('\n')
      .replaceAll(/'\.\.\/\.\.\/(?:(\S+)\/)?index\.ts'/g, (_, folder) =>
        folder ? `'clasp-rx/${folder}'` : "'clasp-rx'",
      );
    expect(blocks[0]).toBe(imported);
  });

  it('shows the contracts as they are run', () => {
    const own = readFileSync(join(import.meta.dirname, 'ddp.test.ts'), 'utf8');
    for (const part of (blocks[2] ?? '').split('\n\n')) expect(own).toContain(part);
  });

  it('says how to open it, and that works', async () => {
    const { effects, target } = await receiver();
    const relay = router();
    const running = relay(NEVER).subscribe();
    const events: string[] = [];
    const bridged = ddpBridge(relay.client('strip'), { target, pixels: 60 }).subscribe(({ type }) => events.push(type));
    relay.client('app').set('/ddp/0', '#ff8000');
    await vi.waitFor(() => expect(effects).toEqual(['0 #ff8000']), { timeout: 20_000 });
    expect(events).toEqual(['ready']);
    bridged.unsubscribe();
    running.unsubscribe();
  });
});
