import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClaspError } from '../core/errors.ts';
import type { ArtPollReply } from '../core/protocols/artnet/artnet.ts';
import { decodeArtNet } from '../core/protocols/artnet/artnet.ts';
import { ArtNetNodes } from '../core/protocols/artnet/artnet-nodes.ts';
import { DmxInput } from '../core/protocols/dmx/dmx-input.ts';
import type { Value } from '../core/signal/value.ts';
import { virtualTime } from '../testing/virtual-time.ts';
import { type ArtNetSinkOptions, artNetSink } from './artnet.ts';

const NODE = '10.0.0.20:6454';

interface Sent {
  readonly at: number;
  readonly to: string;
  readonly universe: number;
  readonly sequence: number;
  readonly levels: Uint8Array;
}

/** A sink in virtual time, and the ArtDmx it sent. */
function open(options: ArtNetSinkOptions = { targets: [NODE] }) {
  const time = virtualTime({ start: 1_000_000 });
  const began = time.now();
  const sent: Sent[] = [];
  const order: string[] = [];
  const failures: ClaspError[] = [];
  const sink = artNetSink(
    (bytes, to) => {
      const packet = decodeArtNet(bytes);
      order.push(packet.op === 'dmx' ? `${packet.universe}` : packet.op);
      if (packet.op === 'dmx') sent.push({ at: time.now() - began, to, ...packet });
    },
    { ...options, scheduler: time },
  );
  sink.failures.subscribe((failure) => failures.push(failure));
  const set = (address: string, value: Value) => sink.next({ kind: 'param', address, value });
  return { sink, time, sent, order, failures, set };
}

describe('artNetSink', () => {
  it('gathers what changes at once into one packet per universe', () => {
    const { time, sent, set } = open();
    for (let channel = 1; channel <= 25; channel++) set(`/artnet/0/${channel}`, channel * 10);
    set('/artnet/32767/512', 255);
    expect(sent).toEqual([]);
    time.pass(1);
    expect(sent.map(({ to, universe, levels }) => [to, universe, levels.length])).toEqual([
      [NODE, 0, 512],
      [NODE, 32_767, 512],
    ]);
    expect([...(sent[0]?.levels.slice(0, 26) ?? [])]).toEqual([
      ...Array.from({ length: 25 }, (_, i) => (i + 1) * 10),
      0,
    ]);
    expect(sent[1]?.levels[511]).toBe(255);
  });

  it('sends at the end of the turn where it is told when that is, but no universe more often for that', () => {
    const turns: (() => void)[] = [];
    const endTurn = () => {
      for (const work of turns.splice(0)) work();
    };
    const { time, sent, set } = open({ targets: [NODE], defer: (work) => turns.push(work) });
    const shown = () => sent.splice(0).map(({ at, universe, levels }) => [at, universe, levels[0], levels[1]]);
    set('/artnet/1/1', 1);
    set('/artnet/1/2', 2);
    expect([turns.length, shown()]).toEqual([1, []]);
    endTurn();
    expect(shown()).toEqual([[0, 1, 1, 2]]);
    set('/artnet/1/1', 3);
    set('/artnet/2/1', 4);
    endTurn();
    expect([turns.length, shown()]).toEqual([0, [[0, 2, 4, 0]]]);
    time.pass(22);
    expect(shown()).toEqual([]);
    time.pass(1);
    endTurn();
    expect(shown()).toEqual([[23, 1, 3, 2]]);
    time.pass(1_000);
    endTurn();
    expect(shown().map(([, universe]) => universe)).toEqual([2, 1]);
  });

  it('keeps the pause between two goes of many universes when one of them changes in it', () => {
    const turns: (() => void)[] = [];
    const { time, sent, set } = open({ targets: [NODE], defer: (work) => turns.push(work) });
    for (let universe = 0; universe < 200; universe++) set(`/artnet/${universe}/1`, 1);
    turns.pop()?.();
    expect(sent.length).toBe(120);
    set('/artnet/300/1', 1);
    expect(turns).toEqual([]);
    time.pass(2);
    expect(sent.length).toBe(201);
  });

  it('sends no universe more often than 44 times a second, and the newest level always', () => {
    const change = fc.record({ gap: fc.nat(60), universe: fc.nat(2), level: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const { time, sent, set } = open();
        const newest = new Map<number, number>();
        for (const { gap, universe, level } of changes) {
          time.pass(gap);
          set(`/artnet/${universe}/1`, level);
          newest.set(universe, level);
        }
        time.pass(23);
        for (const [universe, level] of newest) {
          const own = sent.filter((each) => each.universe === universe);
          expect(own.at(-1)?.levels[0]).toBe(level);
          for (let i = 1; i < own.length; i++) {
            expect((own[i] as Sent).at - (own[i - 1] as Sent).at).toBeGreaterThanOrEqual(1_000 / 44 - 0.002);
          }
        }
      }),
    );
  });

  it('shows a receiver what the params are, whatever was written, deleted or sent as a frame', () => {
    const write = fc.oneof(
      fc.record({ channel: fc.integer({ min: 1, max: 8 }), value: fc.option(fc.nat(255)) }),
      fc.record({ frame: fc.uint8Array({ maxLength: 8 }) }),
      fc.record({ gap: fc.nat(100) }),
    );
    fc.assert(
      fc.property(fc.array(write, { maxLength: 50 }), (writes) => {
        const { sink, time, sent, set } = open();
        const shown = new Uint8Array(512);
        set('/artnet/3/1', 0);
        for (const some of writes) {
          if ('gap' in some) time.pass(some.gap);
          else if ('frame' in some) {
            sink.next({ kind: 'stream', address: '/artnet/3', value: some.frame });
            shown.set(some.frame);
          } else {
            set(`/artnet/3/${some.channel}`, some.value);
            shown[some.channel - 1] = some.value ?? 0;
          }
        }
        time.pass(23);
        expect(sent.at(-1)?.levels).toEqual(shown);
      }),
    );
  });

  it('repeats a universe once a second while nothing changes, with rising sequence numbers that leave out 0', () => {
    const { time, sent, set } = open();
    set('/artnet/0/1', 1);
    time.pass(300_500);
    expect(sent.slice(0, 4).map(({ at }) => at)).toEqual([0, 1_000, 2_000, 3_000]);
    expect(sent.length).toBe(301);
    expect([sent[0], sent[254], sent[255]].map((each) => each?.sequence)).toEqual([1, 255, 1]);
  });

  it('clamps and rounds, and takes 0.0 to 1.0 where asked to', () => {
    const raw = open();
    for (const [i, value] of [-5, 300, 99.5, 7n, true, false].entries()) raw.set(`/artnet/0/${i + 1}`, value);
    raw.time.pass(1);
    expect([...(raw.sent[0]?.levels.slice(0, 6) ?? [])]).toEqual([0, 255, 100, 7, 255, 0]);
    const unit = open({ targets: [NODE], normalize: true });
    for (const [i, value] of [0.5, 1, 2, -1].entries()) unit.set(`/artnet/0/${i + 1}`, value);
    unit.time.pass(1);
    expect([...(unit.sent[0]?.levels.slice(0, 4) ?? [])]).toEqual([128, 255, 255, 0]);
  });

  it.each<[string, Value, number, string]>([
    ['/artnet/32768/1', 1, 402, 'universe 32768 is not from 0 to 32767'],
    ['/artnet/0/513', 1, 402, 'channel 513 is not from 1 to 512'],
    ['/artnet/0/0', 1, 402, 'channel 0 is not from 1 to 512'],
    ['/artnet/rig/1', 1, 200, '"/artnet/rig/1" is no universe or channel of /artnet'],
    ['/artnet/0/1/2', 1, 200, 'is no universe or channel'],
    ['/artnet/0/01', 1, 200, 'is no universe or channel'],
    ['/artnet/0/1', 'full', 402, '"/artnet/0/1" needs a number, not "full"'],
    ['/artnet/0/1', Number.NaN, 402, 'needs a number, not NaN'],
    ['/artnet/0', 5, 402, '"/artnet/0" needs 512 bytes at most'],
    ['/artnet/0', new Uint8Array(513), 402, '"/artnet/0" needs 512 bytes at most'],
  ])('makes a failure of %s %s, and sends nothing', (address, value, code, reason) => {
    const { time, sent, failures, set } = open();
    set(address, value);
    time.pass(5_000);
    expect(failures).toMatchObject([{ code, address }]);
    expect(failures[0]?.reason).toContain(reason);
    expect(sent).toEqual([]);
  });

  it('passes over universes that are not among its own', () => {
    const { time, sent, failures, set } = open({ targets: [NODE], universes: [4] });
    set('/artnet/3/1', 1);
    set('/artnet/4/1', 1);
    time.pass(1);
    expect([sent.map(({ universe }) => universe), failures]).toEqual([[4], []]);
  });

  it('sends to the nodes that want a universe, and to everybody where nobody is known to', () => {
    const nodes = new ArtNetNodes();
    const port = { input: false, output: true, inputUniverse: 0, outputUniverse: 5 };
    nodes.heard(
      '10.0.0.7',
      { shortName: 'a', longName: '', bindIndex: 1, ports: [port] } as unknown as ArtPollReply,
      0,
    );
    const { time, sent, set } = open({ nodes, broadcast: '10.0.0.255:6454' });
    set('/artnet/5/1', 1);
    set('/artnet/6/1', 1);
    time.pass(1);
    expect(sent.map(({ universe, to }) => [universe, to])).toEqual([
      [5, '10.0.0.7:6454'],
      [6, '10.0.0.255:6454'],
    ]);
  });

  it('sends ArtSync after the frames of each moment, where asked to', () => {
    const { time, order, set } = open({ targets: [NODE], sync: true });
    set('/artnet/0/1', 1);
    set('/artnet/1/1', 1);
    time.pass(1);
    set('/artnet/0/1', 2);
    time.pass(10);
    set('/artnet/1/1', 2);
    time.pass(20);
    expect(order).toEqual(['0', '1', 'sync', '0', '1', 'sync']);
  });

  it('does not send back to a node what it says itself, until something differs', () => {
    const input = new DmxInput();
    const { time, sent, set } = open({ targets: [NODE, '10.0.0.30:6454'], input });
    input.receive({ source: NODE, universe: 0, levels: Uint8Array.of(80) }, time.now());
    set('/artnet/0/1', 80);
    time.pass(500);
    expect(sent.map(({ to }) => to)).toEqual(['10.0.0.30:6454']);
    set('/artnet/0/2', 5);
    time.pass(30);
    expect(sent.filter(({ to }) => to === NODE).map(({ levels }) => [...levels.slice(0, 2)])).toEqual([[80, 5]]);
  });

  it('sends a thousand universes in portions that a receiver’s buffer can take', () => {
    const { time, sent, set } = open();
    for (let universe = 0; universe < 1_000; universe++) set(`/artnet/${universe}/1`, 1);
    time.pass(100);
    expect(new Set(sent.map(({ universe }) => universe)).size).toBe(1_000);
    const together = new Map<number, number>();
    for (const { at } of sent) together.set(at, (together.get(at) ?? 0) + 1);
    expect(Math.max(...together.values())).toBeLessThanOrEqual(120);
  });

  it('leaves no timer behind when it is closed, and ignores what comes then', () => {
    const { sink, time, sent, set } = open();
    set('/artnet/0/1', 1);
    sink.complete();
    set('/artnet/0/1', 2);
    time.pass(5_000);
    expect([sent, time.waiting]).toEqual([[], 0]);
  });
});

describe('artNetSink and time codes', () => {
  function clock(options: ArtNetSinkOptions) {
    const sent: string[] = [];
    const failures: ClaspError[] = [];
    const sink = artNetSink(
      (bytes, to) => {
        const packet = decodeArtNet(bytes);
        if (packet.op !== 'time-code') return;
        const { hours, minutes, seconds, frames, rate } = packet.time;
        sent.push(`${hours}:${minutes}:${seconds}:${frames}@${rate} ${to}`);
      },
      { ...options, scheduler: virtualTime() },
    );
    sink.failures.subscribe((failure) => failures.push(failure));
    const set = (value: Value) => sink.next({ kind: 'param', address: '/artnet/timecode', value });
    return { sink, set, failures, take: () => sent.splice(0) };
  }

  it('sends lists as they are, and what a clock or a timeline counts whenever its frame is another one', () => {
    const { sink, set, take } = clock({ targets: [NODE], timeCodeRate: 30 });
    sink.next({ kind: 'stream', address: '/artnet/timecode', value: [1, 2, 3, 4, 24] });
    expect(take()).toEqual([`1:2:3:4@24 ${NODE}`]);
    // A timeline runs at 60 Hz, twice as fast as the frames.
    for (let step = 0; step <= 6; step++) set(59.9 + step / 60);
    expect(take()).toEqual(['0:0:59:27', '0:0:59:28', '0:0:59:29', '0:1:0:0'].map((time) => `${time}@30 ${NODE}`));
    set(null);
    set([0, 1, 0, 0]);
    expect(take()).toEqual([]);
  });

  it('reaches everybody where no targets are named, and the nodes where nothing else is', () => {
    const nodes = new ArtNetNodes();
    nodes.heard('10.0.0.7', reply, 0);
    const everybody = clock({ broadcast: '10.0.0.255:6454', nodes });
    everybody.set(0);
    expect(everybody.take()).toEqual(['0:0:0:0@25 10.0.0.255:6454']);
    const known = clock({ nodes });
    known.set(0);
    expect(known.take()).toEqual(['0:0:0:0@25 10.0.0.7:6454']);
  });

  it('makes a failure of what is no time', () => {
    const { sink, set, take, failures } = clock({ targets: [NODE] });
    set('now');
    set([25, 0, 0, 0]);
    sink.next({ kind: 'event', address: '/artnet/timecode', value: 1 });
    expect(failures.map(({ code, address }) => [code, address])).toContainEqual([402, '/artnet/timecode']);
    expect(take()).toEqual([]);
  });

  const reply = { op: 'poll-reply', shortName: 'x', longName: '', bindIndex: 1, ports: [] } as unknown as ArtPollReply;
});

describe('artNetSink and channels of 16 bits', () => {
  it('puts both bytes of a value into one packet, and refuses the fine channel', () => {
    const { time, sent, failures, set } = open({ targets: [NODE], pairs: [{ universe: 1, coarse: 1, fine: 3 }] });
    set('/artnet/1/1', 0x1234);
    set('/artnet/1/2', 7);
    set('/artnet/2/1', 0x1234);
    time.pass(1);
    expect(sent.map(({ universe, levels }) => [universe, ...levels.slice(0, 3)])).toEqual([
      [1, 0x12, 7, 0x34],
      [2, 255, 0, 0],
    ]);
    set('/artnet/1/3', 1);
    expect(failures).toMatchObject([{ code: 402, address: '/artnet/1/3' }]);
  });
});
