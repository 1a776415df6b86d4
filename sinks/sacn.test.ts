import { describe, expect, it } from 'vitest';
import type { ClaspError } from '../core/errors.ts';
import { DmxInput } from '../core/protocols/dmx/dmx-input.ts';
import { decodeSacn } from '../core/protocols/sacn/sacn.ts';
import type { Value } from '../core/signal/value.ts';
import { virtualTime } from '../testing/virtual-time.ts';
import { type SacnSinkOptions, sacnSink } from './sacn.ts';

const cid = Uint8Array.from({ length: 16 }, (_, i) => i);

/** A sink in virtual time, and what it sent, as `time type universe`. */
function open(options: Partial<SacnSinkOptions> = {}) {
  const time = virtualTime();
  const sent: string[] = [];
  const packets: ReturnType<typeof decodeSacn>[] = [];
  const failures: ClaspError[] = [];
  const sink = sacnSink(
    (bytes, to) => {
      const packet = decodeSacn(bytes);
      packets.push(packet);
      const what = packet.type === 'data' && packet.terminated ? 'end' : packet.type;
      sent.push(`${time.now()} ${what} ${to}`);
    },
    { cid, ...options, scheduler: time },
  );
  sink.failures.subscribe((failure) => failures.push(failure));
  const set = (address: string, value: Value) => sink.next({ kind: 'param', address, value });
  return { sink, time, sent, packets, failures, set };
}

describe('sacnSink', () => {
  it('sends a changed frame, three quick repetitions, then one every 0.9 s, and announces itself every 10 s', () => {
    const { time, sent, set } = open();
    set('/sacn/258/1', 1);
    time.pass(20_000);
    const data = sent.filter((line) => line.includes('data'));
    expect(data.slice(0, 6)).toEqual([0, 23, 46, 69, 969, 1869].map((at) => `${at} data 239.255.1.2:5568`));
    expect(sent.filter((line) => line.includes('discovery'))).toEqual(
      [0, 10_000, 20_000].map((at) => `${at} discovery 239.255.250.214:5568`),
    );
  });

  it('says who it is, and what its packets are worth', () => {
    const { time, packets, set } = open({
      priority: 150,
      sourceName: 'wash',
      preview: true,
      targets: ['10.0.0.9:5568'],
    });
    set('/sacn/1/512', 9);
    time.pass(30);
    expect(packets[0]).toMatchObject({
      cid,
      sourceName: 'wash',
      priority: 150,
      preview: true,
      sequence: 0,
      universe: 1,
    });
    expect(packets.at(-1)).toMatchObject({ type: 'data', sequence: 1 });
    expect(packets[1]).toMatchObject({ type: 'discovery', sourceName: 'wash', universes: [1] });
  });

  it('sends a sync packet after the frames of each moment, where asked to', () => {
    const { time, sent, packets, set } = open({ sync: 7 });
    set('/sacn/1/1', 1);
    set('/sacn/2/1', 1);
    time.pass(1);
    const frames = sent.filter((line) => !line.includes('discovery'));
    expect(frames).toEqual(['0 data 239.255.0.1:5568', '0 data 239.255.0.2:5568', '0 sync 239.255.0.7:5568']);
    expect(packets[0]).toMatchObject({ syncAddress: 7 });
  });

  it('says three times that it leaves when it is closed, and leaves no timer', () => {
    const { sink, time, sent, set } = open();
    set('/sacn/1/1', 1);
    time.pass(100);
    sent.length = 0;
    sink.complete();
    expect(sent).toEqual(Array(3).fill('100 end 239.255.0.1:5568'));
    time.pass(20_000);
    expect([sent.length, time.waiting]).toEqual([3, 0]);
  });

  it('sends what its channels are worth before their levels, when that changes and once a second', () => {
    const { time, packets, set } = open({ priority: 120, channelPriorities: true });
    const worth = () =>
      packets.flatMap((packet) =>
        packet.type === 'data' && packet.startCode === 0xdd ? [[...packet.levels.slice(0, 4)]] : [],
      );
    set('/sacn/1/2', 1);
    time.pass(1);
    expect(packets.slice(0, 2)).toMatchObject([
      { startCode: 0xdd, sequence: 0 },
      { startCode: 0, sequence: 1 },
    ]);
    set('/sacn/1/3', 0);
    time.pass(500);
    expect(worth()).toEqual([
      [0, 120, 0, 0],
      [0, 120, 120, 0],
    ]);
    time.pass(5_000);
    expect(worth().length).toBeGreaterThanOrEqual(4);
    expect(worth().length).toBeLessThanOrEqual(7);
    set('/sacn/1/2', null);
    time.pass(100);
    expect(worth().at(-1)).toEqual([0, 0, 120, 0]);
  });

  it('says of some channels what the options say they are worth', () => {
    const channelPriorities = [
      { first: 1, last: 3, priority: 50 },
      { universe: 2, first: 2, priority: 0 },
    ];
    const { time, packets, set } = open({ channelPriorities });
    set('/sacn/1/4', 1);
    set('/sacn/2/4', 1);
    time.pass(1);
    const worth = packets.flatMap((packet) =>
      packet.type === 'data' && packet.startCode === 0xdd ? [[...packet.levels.slice(0, 5)]] : [],
    );
    expect(worth).toEqual([
      [50, 50, 50, 100, 0],
      [50, 0, 50, 100, 0],
    ]);
    expect(() => open({ channelPriorities: [{ first: 3, last: 2, priority: 1 }] })).toThrow('channel 2 is not from 3');
    expect(() => open({ channelPriorities: [{ first: 3, priority: 201 }] })).toThrow('priority 201');
  });

  it('is silent while other sources of the universe say the same', () => {
    const input = new DmxInput();
    const { time, sent, set } = open({ input });
    input.receive({ source: 'desk', universe: 1, levels: Uint8Array.of(5) }, 0);
    set('/sacn/1/1', 5);
    time.pass(500);
    expect(sent).toEqual([]);
    set('/sacn/1/2', 5);
    time.pass(500);
    expect(sent[0]).toBe('500 data 239.255.0.1:5568');
  });

  it('passes a universe on to its targets, but not to the one it came from', () => {
    const input = new DmxInput();
    const { time, sent, set } = open({ input, targets: ['10.0.0.5:5568', '10.0.0.6:5568'] });
    input.receive({ source: 'desk', from: '10.0.0.5:4000', universe: 1, levels: Uint8Array.of(5) }, 0);
    set('/sacn/1/1', 5);
    time.pass(10);
    expect(sent.filter((line) => line.includes('data'))).toEqual(['0 data 10.0.0.6:5568']);
  });

  it.each<[string, Value, number, string]>([
    ['/sacn/0/1', 1, 402, 'universe 0 is not from 1 to 63999'],
    ['/sacn/64000/1', 1, 402, 'universe 64000 is not from 1 to 63999'],
    ['/sacn/1/513', 1, 402, 'channel 513 is not from 1 to 512'],
    ['/sacn/1/x', 1, 200, 'is no universe or channel of /sacn'],
  ])('makes a failure of %s', (address, value, code, reason) => {
    const { time, sent, failures, set } = open();
    set(address, value);
    time.pass(2_000);
    expect(failures).toMatchObject([{ code, address }]);
    expect(failures[0]?.reason).toContain(reason);
    expect(sent).toEqual([]);
  });

  it.each([
    [{ universes: [0] }, 'universe 0'],
    [{ priority: 201 }, 'priority 201'],
    [{ sync: 64_000 }, 'sync address 64000'],
    [{ cid: new Uint8Array(3) }, 'a CID has 16 bytes'],
  ])('refuses %o at once', (options, reason) => {
    expect(() => open(options)).toThrow(reason);
  });
});
