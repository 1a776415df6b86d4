import fc from 'fast-check';
import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Datagram } from '../core/connection/datagram.ts';
import type { SacnData } from '../core/protocols/sacn/sacn.ts';
import { encodeSacnData, encodeSacnDiscovery, encodeSacnSync } from '../core/protocols/sacn/sacn.ts';
import { virtualTime } from '../testing/virtual-time.ts';
import { type SacnSourceOptions, sacnSource } from './sacn.ts';
import { sacnSenders } from './sacn-senders.ts';

const cidOf = (n: number) => new Uint8Array(16).fill(n);
const FROM = '10.0.0.5:5568';

/** A source in virtual time, and what it said, as `address value`. */
function open(options: SacnSourceOptions = {}) {
  const time = virtualTime();
  const datagrams = new Subject<Datagram>();
  const seen: string[] = [];
  const running = sacnSource(datagrams, { ...options, scheduler: time }).subscribe((signal) =>
    seen.push(`${signal.address} ${'value' in signal ? signal.value : ''}`),
  );
  const send = (source: number, level: number, more: Partial<SacnData> = {}) =>
    datagrams.next({
      from: FROM,
      bytes: encodeSacnData({ cid: cidOf(source), universe: 1, levels: Uint8Array.of(level), ...more }),
    });
  return { time, datagrams, send, take: () => seen.splice(0), running };
}

describe('sacnSource', () => {
  it('shows the highest level of sources that are equal, and only the highest priority', () => {
    const { time, send, take } = open();
    send(1, 10);
    send(2, 50);
    send(1, 20, { sequence: 1 });
    expect(take()).toEqual(['/sacn/1/1 10', '/sacn/1/1 50']);
    send(3, 5, { priority: 101 });
    send(2, 60, { sequence: 1 });
    expect(take()).toEqual(['/sacn/1/1 5']);
    time.pass(2_000);
    send(1, 30, { sequence: 2 });
    time.pass(499);
    expect(take()).toEqual([]);
    time.pass(1);
    expect(take()).toEqual(['/sacn/1/1 30']);
  });

  it('lets a source that terminates go at once, and keeps what the last one left', () => {
    const { send, take } = open();
    send(1, 10);
    send(2, 50, { priority: 150 });
    send(2, 0, { priority: 150, terminated: true, sequence: 1 });
    expect(take()).toEqual(['/sacn/1/1 10', '/sacn/1/1 50', '/sacn/1/1 10']);
    send(1, 0, { terminated: true, sequence: 1 });
    expect(take()).toEqual([]);
  });

  it('does not bring a source back that terminated while its last frame waited for a sync packet', () => {
    const { time, datagrams, send, take } = open({ sync: [7] });
    const sync = encodeSacnSync({ cid: cidOf(2), sequence: 0, syncAddress: 7 });
    datagrams.next({ from: FROM, bytes: sync });
    send(1, 10);
    send(2, 50, { priority: 150, syncAddress: 7 });
    datagrams.next({ from: FROM, bytes: sync });
    send(2, 60, { priority: 150, syncAddress: 7, sequence: 1 });
    send(2, 60, { priority: 150, syncAddress: 7, sequence: 2, terminated: true });
    expect(take()).toEqual(['/sacn/1/1 10', '/sacn/1/1 50', '/sacn/1/1 10']);
    time.pass(2_500);
    datagrams.next({ from: FROM, bytes: sync });
    expect(take()).toEqual([]);
  });

  it('lets of each channel the source count to which it is worth most, and terminates priorities with their source', () => {
    const { send, take } = open();
    const worth = (source: number, priorities: number[], sequence: number) =>
      send(source, 0, { startCode: 0xdd, levels: Uint8Array.from(priorities), sequence });
    send(1, 0, { levels: Uint8Array.of(10, 10), sequence: 0 });
    worth(2, [150, 0], 1);
    send(2, 0, { levels: Uint8Array.of(1, 99), sequence: 2 });
    expect(take()).toEqual(['/sacn/1/1 10', '/sacn/1/2 10', '/sacn/1/1 1']);
    worth(2, [0, 150], 3);
    expect(take()).toEqual(['/sacn/1/1 10', '/sacn/1/2 99']);
    // Late, by its own count.
    worth(2, [150, 0], 2);
    expect(take()).toEqual([]);
    send(2, 0, { terminated: true, sequence: 4 });
    expect(take()).toEqual(['/sacn/1/2 10']);
  });

  it('passes over previews, other start codes, other universes, ourselves and who is to be ignored', () => {
    const { datagrams, send, take } = open({ universes: [1], cid: cidOf(9), ignore: (from) => from === 'x:1' });
    send(1, 10, { preview: true });
    send(1, 10, { startCode: 0xdd });
    send(1, 10, { universe: 2 });
    send(9, 10);
    datagrams.next({ bytes: encodeSacnData({ cid: cidOf(1), universe: 1, levels: Uint8Array.of(1) }), from: 'x:1' });
    expect(take()).toEqual([]);
    const visualiser = open({ preview: true });
    visualiser.send(1, 10, { preview: true });
    expect(visualiser.take()).toEqual(['/sacn/1/1 10']);
  });

  it('holds frames for the sync packets of their universe, from the first of these until 2.5 s after the last', () => {
    const { time, datagrams, send, take } = open({ sync: [7] });
    const sync = () =>
      datagrams.next({ from: FROM, bytes: encodeSacnSync({ cid: cidOf(1), sequence: 0, syncAddress: 7 }) });
    send(1, 1, { syncAddress: 7 });
    expect(take()).toEqual(['/sacn/1/1 1']);
    sync();
    send(1, 2, { syncAddress: 7, sequence: 1 });
    send(1, 3, { universe: 2 });
    send(1, 4, { universe: 3, syncAddress: 8 });
    expect(take()).toEqual(['/sacn/2/1 3', '/sacn/3/1 4']);
    sync();
    expect(take()).toEqual(['/sacn/1/1 2']);
    send(1, 5, { syncAddress: 7, sequence: 2 });
    time.pass(2_499);
    expect(take()).toEqual([]);
    time.pass(1);
    expect(take()).toEqual(['/sacn/1/1 5']);
  });

  it('changes only the channels that a shorter packet carries, also where it waits for a sync packet', () => {
    const { datagrams, send, take } = open({ sync: [7] });
    const sync = () =>
      datagrams.next({ from: FROM, bytes: encodeSacnSync({ cid: cidOf(1), sequence: 0, syncAddress: 7 }) });
    send(1, 0, { levels: Uint8Array.of(1, 2, 3), sequence: 0 });
    send(1, 0, { levels: Uint8Array.of(4), sequence: 1 });
    expect(take()).toEqual(['/sacn/1/1 1', '/sacn/1/2 2', '/sacn/1/3 3', '/sacn/1/1 4']);
    sync();
    send(1, 0, { levels: Uint8Array.of(5, 5, 5), sequence: 2, syncAddress: 7 });
    send(1, 0, { levels: Uint8Array.of(6), sequence: 3, syncAddress: 7 });
    sync();
    expect(take()).toEqual(['/sacn/1/1 6', '/sacn/1/2 5', '/sacn/1/3 5']);
  });

  it('counts what is not sACN, and leaves no timer behind', () => {
    const datagrams = new Subject<Datagram>();
    const time = virtualTime();
    const source = sacnSource(datagrams, { scheduler: time });
    const failures: string[] = [];
    source.failures.subscribe(({ reason }) => failures.push(reason));
    const running = source.subscribe();
    datagrams.next({ bytes: new Uint8Array(20), from: FROM });
    expect(failures).toEqual([`${FROM}: not an ACN packet at byte 1`]);
    running.unsubscribe();
    expect(time.waiting).toBe(0);
  });
});

describe('sacnSenders', () => {
  it('lists who announces itself or sends, until they are silent for 22 s', () => {
    const time = virtualTime();
    const datagrams = new Subject<Datagram>();
    const lists: string[][] = [];
    sacnSenders(datagrams, { scheduler: time, cid: cidOf(9) }).subscribe((list) =>
      lists.push(list.map(({ name, ip, universes }) => `${name} ${ip} ${universes}`)),
    );
    const levels = new Uint8Array(3);
    const announce = (n: number, sourceName: string, universes: number[]) => {
      for (const bytes of encodeSacnDiscovery({ cid: cidOf(n), sourceName, universes }))
        datagrams.next({ bytes, from: FROM });
    };
    const send = (n: number, sourceName: string) =>
      datagrams.next({ bytes: encodeSacnData({ cid: cidOf(n), sourceName, universe: 4, levels }), from: FROM });
    announce(9, 'us', [1]);
    announce(1, 'desk', [1, 2]);
    announce(1, 'desk', [1, 2]);
    send(2, 'quiet');
    send(2, 'quiet');
    expect(lists).toEqual([['desk 10.0.0.5 1,2'], ['desk 10.0.0.5 1,2', 'quiet 10.0.0.5 4']]);
    time.pass(10_000);
    send(2, 'quiet');
    time.pass(15_000);
    expect(lists.at(-1)).toEqual(['quiet 10.0.0.5 4']);
    time.pass(20_000);
    expect([lists.at(-1), time.waiting]).toEqual([[], 0]);
  });

  it('lists the universes of all pages, in whatever order they come, and once though they are repeated', () => {
    const universe = fc.integer({ min: 1, max: 63_999 });
    const some = fc.uniqueArray(universe, { minLength: 513, maxLength: 1_600, size: 'max' });
    fc.assert(
      fc.property(some, fc.integer(), (universes, seed) => {
        const datagrams = new Subject<Datagram>();
        const lists: (readonly number[])[] = [];
        sacnSenders(datagrams, { scheduler: virtualTime() }).subscribe(([sender]) => {
          if (sender) lists.push(sender.universes);
        });
        const pages = encodeSacnDiscovery({ cid: cidOf(1), universes });
        const turned = pages.map((_, i) => pages[Math.abs(seed + i) % pages.length] as Uint8Array);
        for (const bytes of [...turned, ...pages]) datagrams.next({ bytes, from: FROM });
        expect(lists).toEqual([[...universes].sort((a, b) => a - b)]);
      }),
      { numRuns: 20 },
    );
  });

  it('lists no mixture of two announcements', () => {
    const datagrams = new Subject<Datagram>();
    const lists: (readonly number[])[] = [];
    sacnSenders(datagrams, { scheduler: virtualTime() }).subscribe(([sender]) => lists.push(sender?.universes ?? []));
    const announced = [0, 5_000].map((first) => Array.from({ length: 1_100 }, (_, i) => first + i + 1));
    for (const universes of announced)
      for (const bytes of encodeSacnDiscovery({ cid: cidOf(1), universes })) datagrams.next({ bytes, from: FROM });
    expect(lists).toEqual(announced);
  });

  it('lists a source whose number of pages changed, or of which one was lost', () => {
    const datagrams = new Subject<Datagram>();
    const counts: number[] = [];
    sacnSenders(datagrams, { scheduler: virtualTime() }).subscribe(([sender]) =>
      counts.push(sender?.universes.length ?? 0),
    );
    const announce = (count: number, lost?: number) => {
      const universes = Array.from({ length: count }, (_, i) => i + 1);
      for (const [page, bytes] of encodeSacnDiscovery({ cid: cidOf(1), universes }).entries())
        if (page !== lost) datagrams.next({ bytes, from: FROM });
    };
    announce(1_100, 1);
    expect(counts).toEqual([]);
    announce(1_100);
    announce(600);
    announce(3);
    expect(counts).toEqual([1_100, 600, 3]);
  });
});
