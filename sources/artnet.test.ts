import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Datagram } from '../core/connection/datagram.ts';
import type { ClaspError } from '../core/errors.ts';
import {
  decodeArtNet,
  encodeArtDmx,
  encodeArtPoll,
  encodeArtPollReply,
  encodeArtSync,
  encodeArtTimeCode,
} from '../core/protocols/artnet/artnet.ts';
import { virtualTime } from '../testing/virtual-time.ts';
import { type ArtNetSourceOptions, artNetSource } from './artnet.ts';
import { artNetDiscovery, artNetReplies } from './artnet-nodes.ts';

const DESK = '10.0.0.5:6454';
const OTHER = '10.0.0.6:6454';

/** A source in virtual time, and what it said, as `address value`. */
function open(options: ArtNetSourceOptions = {}) {
  const time = virtualTime();
  const datagrams = new Subject<Datagram>();
  const seen: string[] = [];
  const failures: ClaspError[] = [];
  const source = artNetSource(datagrams, { ...options, scheduler: time });
  source.failures.subscribe((failure) => failures.push(failure));
  const running = source.subscribe((signal) => seen.push(`${signal.address} ${'value' in signal ? signal.value : ''}`));
  const send = (from: string, universe: number, levels: number[], sequence = 0) =>
    datagrams.next({ bytes: encodeArtDmx({ universe, sequence, levels: Uint8Array.from(levels) }), from });
  const take = () => seen.splice(0);
  return { time, datagrams, failures, send, take, running };
}

describe('artNetSource', () => {
  it('tells of the channels that changed, as integers, with whose packet it was', () => {
    const datagrams = new Subject<Datagram>();
    const signals: unknown[] = [];
    artNetSource(datagrams, { name: 'rig' }).subscribe((signal) => signals.push(signal));
    datagrams.next({ bytes: encodeArtDmx({ universe: 300, levels: Uint8Array.of(0, 255) }), from: DESK });
    datagrams.next({ bytes: encodeArtDmx({ universe: 300, levels: Uint8Array.of(0, 255) }), from: DESK });
    datagrams.next({ bytes: encodeArtDmx({ universe: 300, levels: Uint8Array.of(1, 255) }), from: DESK });
    expect(signals).toEqual([
      { kind: 'param', address: '/artnet/300/2', value: 255n, origin: `rig@${DESK}` },
      { kind: 'param', address: '/artnet/300/1', value: 1n, origin: `rig@${DESK}` },
    ]);
  });

  it('gives whole frames as a stream of bytes, and 0.0 to 1.0, where asked to', () => {
    const { send, take } = open({ mode: 'universe' });
    send(DESK, 1, [1, 2]);
    send(DESK, 1, [1, 2]);
    send(DESK, 1, [3, 2]);
    expect(take()).toEqual(['/artnet/1 1,2', '/artnet/1 3,2']);
    const unit = open({ normalize: true, namespace: '/rig' });
    unit.send(DESK, 1, [51, 255]);
    expect(unit.take()).toEqual(['/rig/1/1 0.2', '/rig/1/2 1']);
  });

  it('reads only its universes, and not its own packets', () => {
    const { send, take } = open({ universes: [1], ignore: (from) => from === OTHER });
    send(DESK, 2, [9, 9]);
    send(OTHER, 1, [9, 9]);
    send(DESK, 1, [7, 0]);
    expect(take()).toEqual(['/artnet/1/1 7']);
  });

  it('lets the one who changed a channel last have it, or the highest level where asked to', () => {
    const last = open();
    last.send(DESK, 0, [10, 0]);
    last.send(OTHER, 0, [0, 20]);
    last.send(DESK, 0, [10, 0]);
    last.send(OTHER, 0, [0, 20]);
    expect(last.take()).toEqual(['/artnet/0/1 10', '/artnet/0/2 20']);
    last.send(OTHER, 0, [5, 20]);
    expect(last.take()).toEqual(['/artnet/0/1 5']);
    const highest = open({ merge: 'htp' });
    highest.send(DESK, 0, [10, 0]);
    highest.send(OTHER, 0, [5, 20]);
    highest.send(DESK, 0, [2, 30]);
    expect(highest.take()).toEqual(['/artnet/0/1 10', '/artnet/0/2 20', '/artnet/0/1 5', '/artnet/0/2 30']);
    highest.time.pass(9_000);
    highest.send(DESK, 0, [2, 30]);
    expect(highest.take()).toEqual([]);
    highest.time.pass(1_000);
    expect(highest.take()).toEqual(['/artnet/0/1 2']);
  });

  it('merges the inputs of a node, and lets a program that was started again take its own place', () => {
    const { datagrams, send, take } = open({ merge: 'htp' });
    const input = (physical: number, ...levels: number[]) =>
      datagrams.next({ bytes: encodeArtDmx({ universe: 0, physical, levels: Uint8Array.from(levels) }), from: DESK });
    input(0, 100, 0);
    input(1, 0, 50);
    for (let i = 0; i < 5; i++) {
      input(0, 100, 0);
      input(1, 0, 50);
    }
    expect(take()).toEqual(['/artnet/0/1 100', '/artnet/0/2 50']);
    send('10.0.0.9:5001', 1, [200, 200]);
    send('10.0.0.9:5002', 1, [10, 10]);
    expect(take().slice(2)).toEqual(['/artnet/1/1 10', '/artnet/1/2 10']);
  });

  it('tells of a value of 16 bits once for both of its channels', () => {
    const { send, take } = open({ pairs: [{ coarse: 1, fine: 3 }] });
    send(DESK, 0, [0x12, 9, 0x34, 1]);
    expect(take()).toEqual(['/artnet/0/1 4660', '/artnet/0/2 9', '/artnet/0/4 1']);
    send(DESK, 0, [0x12, 9, 0x35, 1]);
    expect(take()).toEqual(['/artnet/0/1 4661']);
  });

  it('gives ArtTimeCode as a sample', () => {
    const { datagrams, take } = open();
    const time = { hours: 1, minutes: 2, seconds: 3, frames: 4, rate: 29.97 } as const;
    datagrams.next({ bytes: encodeArtTimeCode(time), from: DESK });
    expect(take()).toEqual(['/artnet/timecode 1,2,3,4,29.97']);
  });

  it('holds the frames of both inputs of a node that synchronises', () => {
    const { datagrams, take } = open({ merge: 'htp' });
    const sync = () => datagrams.next({ bytes: encodeArtSync(), from: DESK });
    sync();
    for (const [physical, levels] of [
      [0, [9, 0]],
      [1, [0, 8]],
    ] as const)
      datagrams.next({ bytes: encodeArtDmx({ universe: 0, physical, levels: Uint8Array.from(levels) }), from: DESK });
    sync();
    expect(take()).toEqual(['/artnet/0/1 9', '/artnet/0/2 8']);
  });

  it('changes only the channels that a shorter packet carries, also where it waits for ArtSync', () => {
    const { datagrams, send, take } = open();
    send(DESK, 0, [1, 2, 3, 4]);
    take();
    send(DESK, 0, [5, 0]);
    expect(take()).toEqual(['/artnet/0/1 5', '/artnet/0/2 0']);
    datagrams.next({ bytes: encodeArtSync(), from: DESK });
    send(DESK, 0, [6, 6, 6, 6]);
    send(DESK, 0, [7, 7]);
    datagrams.next({ bytes: encodeArtSync(), from: DESK });
    expect(take()).toEqual(['/artnet/0/1 7', '/artnet/0/2 7', '/artnet/0/3 6', '/artnet/0/4 6']);
  });

  it('holds the frames of a sender that synchronises, until it says so or has been silent for 4 s', () => {
    const { time, datagrams, send, take } = open();
    send(DESK, 0, [1, 0]);
    expect(take()).toEqual(['/artnet/0/1 1']);
    datagrams.next({ bytes: encodeArtSync(), from: DESK });
    send(DESK, 0, [2, 0]);
    send(DESK, 1, [3, 0]);
    send(OTHER, 2, [4, 0]);
    expect(take()).toEqual(['/artnet/2/1 4']);
    datagrams.next({ bytes: encodeArtSync(), from: OTHER });
    expect(take()).toEqual([]);
    datagrams.next({ bytes: encodeArtSync(), from: DESK });
    expect(take()).toEqual(['/artnet/0/1 2', '/artnet/1/1 3']);
    send(DESK, 0, [5, 0]);
    time.pass(3_999);
    expect(take()).toEqual([]);
    time.pass(1);
    expect(take()).toEqual(['/artnet/0/1 5']);
    send(DESK, 0, [6, 0]);
    expect(take()).toEqual(['/artnet/0/1 6']);
  });

  it('counts what is not Art-Net, says where it came from, and goes on', () => {
    const { time, datagrams, failures, send, take } = open();
    for (let i = 0; i < 500; i++) datagrams.next({ bytes: new Uint8Array(40), from: OTHER });
    send(DESK, 0, [1, 0]);
    time.pass(1_000);
    expect(failures.map(({ code, value }) => [code, value])).toEqual([
      [101, 1],
      [101, 499],
    ]);
    expect(failures[0]?.reason).toContain(`${OTHER}: not an Art-Net packet`);
    expect(take()).toEqual(['/artnet/0/1 1']);
  });

  it('leaves no timer behind', () => {
    const { time, datagrams, send, running } = open();
    send(DESK, 0, [1, 0]);
    datagrams.next({ bytes: new Uint8Array(3), from: DESK });
    expect(time.waiting).toBeGreaterThan(0);
    running.unsubscribe();
    expect(time.waiting).toBe(0);
  });
});

describe('artNetDiscovery', () => {
  const port = { input: false, output: true, inputUniverse: 0, outputUniverse: 0x123 };

  function network(options: Parameters<typeof artNetDiscovery>[1]) {
    const time = virtualTime();
    const incoming = new Subject<Datagram>();
    const sent: string[] = [];
    const lists: string[][] = [];
    const send = (bytes: Uint8Array, to: string) => {
      const packet = decodeArtNet(bytes);
      sent.push(
        packet.op === 'poll-reply' ? `${packet.bindIndex}: ${packet.ports.map((p) => p.outputUniverse)} → ${to}` : to,
      );
    };
    artNetDiscovery({ incoming, send }, { ...options, scheduler: time }).subscribe((nodes) =>
      lists.push(nodes.map(({ shortName, ip, ports }) => `${shortName} ${ip} ${ports.map((p) => p.outputUniverse)}`)),
    );
    return { time, incoming, sent, lists };
  }

  it('polls, lists who answers, and forgets who has not answered three times', () => {
    const { time, incoming, sent, lists } = network({ poll: ['10.0.0.255:6454'], interval: 2_800 });
    const answer = (from: string, shortName: string, bindIndex = 1) =>
      incoming.next({ bytes: encodeArtPollReply({ shortName, ports: [port], bindIndex }), from });
    expect(sent).toEqual(['10.0.0.255:6454']);
    answer('10.0.0.7:6454', 'dimmer');
    answer('10.0.0.7:6454', 'dimmer');
    answer('10.0.0.7:6454', 'dimmer', 2);
    time.pass(5_600);
    answer('10.0.0.8:6454', 'spot');
    expect(sent.length).toBe(3);
    time.pass(3 * 2_800);
    expect(lists).toEqual([
      ['dimmer 10.0.0.7 291'],
      ['dimmer 10.0.0.7 291,291'],
      ['dimmer 10.0.0.7 291,291', 'spot 10.0.0.8 291'],
      ['spot 10.0.0.8 291'],
    ]);
  });

  it('answers who polls, all universes four at a time, but nobody twice in a fifth of a second', () => {
    const universes = [0, 1, 2, 3, 4, 16];
    const replies = artNetReplies({ shortName: 'us' }, universes, { input: true, output: true });
    const { time, incoming, sent } = network({ replies });
    for (let i = 0; i < 50; i++) incoming.next({ bytes: encodeArtPoll(), from: '10.0.0.9:4000' });
    expect(sent).toEqual(['1: 0,1,2,3 → 10.0.0.9:6454', '2: 4 → 10.0.0.9:6454', '3: 16 → 10.0.0.9:6454']);
    time.pass(200);
    incoming.next({ bytes: encodeArtPoll(), from: '10.0.0.9:4000' });
    expect(sent.length).toBe(6);
  });

  it('does not answer itself, and passes over what cannot be read', () => {
    const replies = artNetReplies({}, [0], { input: true, output: true });
    const { incoming, sent, lists } = network({ replies, ignore: (from) => from === DESK });
    incoming.next({ bytes: encodeArtPoll(), from: DESK });
    incoming.next({ bytes: encodeArtPoll().slice(0, 11), from: OTHER });
    incoming.next({ bytes: encodeArtPollReply({}).slice(0, 100), from: OTHER });
    expect([sent, lists]).toEqual([[], []]);
  });
});
