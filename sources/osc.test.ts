import { firstValueFrom, of, Subject, take, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import type { Datagram } from '../core/connection/datagram.ts';
import type { ClaspError } from '../core/errors.ts';
import type { OscPacket } from '../core/protocols/osc/osc.ts';
import { OSC_IMMEDIATELY, oscTimetag } from '../core/protocols/osc/osc.ts';
import { encodeOsc } from '../core/protocols/osc/osc-encode.ts';
import { OscKnownAddresses } from '../core/protocols/osc/osc-known.ts';
import { OscPeers } from '../core/protocols/osc/osc-peers.ts';
import type { Signal } from '../core/signal/signal.ts';
import { type OscSourceOptions, oscSource } from './osc.ts';

const FROM = '10.0.0.7:5000';
const datagram = (packet: OscPacket, from = FROM): Datagram => ({ bytes: encodeOsc(packet), from });
const float = (address: string, value: number): OscPacket => ({ address, args: [{ type: 'f', value }] });

/** What the datagrams become. */
function read(datagrams: readonly Datagram[], options?: OscSourceOptions) {
  const signals: Signal[] = [];
  const failures: ClaspError[] = [];
  const source = oscSource(of(...datagrams), options);
  source.failures.subscribe((failure) => failures.push(failure));
  source.subscribe((signal) => signals.push(signal));
  return { signals, failures };
}
const summary = ({ signals }: ReturnType<typeof read>) =>
  signals.map((signal) => (signal.kind === 'param' ? [signal.address, signal.value, signal.at] : signal.kind));

describe('oscSource', () => {
  it('turns a message into a param that says where it comes from', () => {
    expect(read([datagram(float('/synth/cutoff', 0.5))]).signals).toEqual([
      { kind: 'param', address: '/osc/synth/cutoff', value: 0.5, at: undefined, origin: `osc@${FROM}` },
    ]);
  });

  it('takes namespace and name from its options', () => {
    expect(read([datagram(float('/a', 1))], { namespace: '/stage/left', name: 'tablet' }).signals).toMatchObject([
      { address: '/stage/left/a', origin: `tablet@${FROM}` },
    ]);
  });

  it('gives the messages of a bundle in their order, with the latest time that lies around them', () => {
    const early = 1_700_000_000_000_000;
    const late = early + 500_000;
    const bundle: OscPacket = {
      timetag: oscTimetag(early),
      packets: [
        float('/1', 1),
        { timetag: oscTimetag(late), packets: [float('/2', 2)] },
        { timetag: OSC_IMMEDIATELY, packets: [float('/3', 3)] },
        float('/4', 4),
      ],
    };
    expect(
      summary(read([datagram(bundle), datagram({ timetag: OSC_IMMEDIATELY, packets: [float('/5', 5)] })])),
    ).toEqual([
      ['/osc/1', 1, early],
      ['/osc/2', 2, late],
      ['/osc/3', 3, early],
      ['/osc/4', 4, early],
      ['/osc/5', 5, undefined],
    ]);
  });

  it('goes on after packets that are not OSC, and counts every one of them', () => {
    new TestScheduler(() => undefined).run(({ cold }) => {
      const garbage: Datagram = { bytes: Uint8Array.of(1, 2, 3), from: '10.0.0.66:666' };
      const datagrams = new Subject<Datagram>();
      const source = oscSource(datagrams);
      const failures: ClaspError[] = [];
      let passed = 0;
      source.failures.subscribe((failure) => failures.push(failure));
      source.subscribe(() => passed++);
      cold('a 100ms a 5s (a|)').subscribe({
        next: () => {
          for (let i = 0; i < 1_000; i++) datagrams.next(garbage);
          datagrams.next(datagram(float('/a', 1)));
        },
        complete: () => datagrams.complete(),
      });
      cold('10s |').subscribe({
        complete: () => {
          expect(passed).toBe(3);
          expect(failures.map(({ value }) => value)).toEqual([1, 1_999, 1, 999]);
          expect(failures[0]).toMatchObject({
            code: 101,
            reason: '10.0.0.66:666: not an OSC packet: it starts with neither "/" nor "#bundle" at byte 0',
          });
        },
      });
    });
  });

  it('tells of addresses that CLASP does not have, and passes the rest of their bundle', () => {
    const packets = ['/a', '/a//b', '/c*', '/d'].map((address) => float(address, 1));
    const { signals, failures } = read([datagram({ timetag: OSC_IMMEDIATELY, packets })]);
    expect(signals.map(({ address }) => address)).toEqual(['/osc/a', '/osc/d']);
    expect(failures).toMatchObject([
      { code: 200, address: '/a//b', value: 1 },
      { code: 200, address: '/c*', value: 1 },
    ]);
  });

  const bare: Datagram = datagram({ address: '/go', args: [] });

  it('takes a message without arguments for an event, also in a bundle', () => {
    const bundle = datagram({ timetag: OSC_IMMEDIATELY, packets: [float('/a', 1), { address: '/go', args: [] }] });
    expect(read([bare, bundle]).signals).toMatchObject([
      { kind: 'event', address: '/osc/go', value: null, origin: `osc@${FROM}` },
      { kind: 'param', address: '/osc/a' },
      { kind: 'event', address: '/osc/go' },
    ]);
  });

  it('takes it for a param that is deleted, or for a question, when told to', () => {
    expect(read([bare], { noArguments: 'param' }).signals).toMatchObject([{ kind: 'param', value: null }]);
    const questions: string[][] = [];
    const asked = (...question: string[]) => questions.push(question);
    expect(read([bare], { noArguments: 'get', asked }).signals).toEqual([]);
    expect(questions).toEqual([['/osc/go', FROM]]);
  });

  it('answers who only sends events too, and takes none of them for the value of a param', () => {
    const peers = new OscPeers({ replyToSenders: true });
    read([bare], { peers, scheduler: { now: () => 7 } as never });
    expect(peers.senders(7)).toEqual([FROM]);
    expect(peers.isEcho(FROM, '/osc/go', null, 7)).toBe(false);
  });

  const NOW = 1_800_000_000_000_000;
  const hours = (count: number) => NOW + count * 3_600_000_000;
  const bundled = (timetag: OscPacket & object, from = FROM) => datagram(timetag, from);
  const at = (micros: number): OscPacket => ({ timetag: oscTimetag(micros), packets: [float('/a', 1)] });

  it('applies bundles of a clock that cannot be right at once, and tells once for each sender', () => {
    const sinceBoot: OscPacket = { timetag: { seconds: 0xc, fraction: 0x8000_0000 }, packets: [float('/a', 1)] };
    const other = '10.0.0.8:1';
    const { signals, failures } = read(
      [
        bundled(sinceBoot),
        bundled(sinceBoot),
        bundled(at(hours(25))),
        bundled(at(hours(23))),
        bundled(sinceBoot, other),
      ],
      { now: () => NOW },
    );
    expect(signals.map((signal) => signal.at)).toEqual([undefined, undefined, undefined, hours(23), undefined]);
    expect(failures).toMatchObject([
      { code: 402, value: 1 },
      { code: 402, value: 1 },
    ]);
    expect(failures[0]?.reason).toContain(`${FROM}: the timetag is more than 24 hours off`);
    expect(failures[1]?.reason).toContain(`${other}: `);
  });

  it('applies all bundles at once when it is to ignore their time', () => {
    const options = { now: () => NOW, timetags: 'ignore' } as const;
    const { signals, failures } = read([bundled(at(hours(1))), bundled(at(hours(99)))], options);
    expect([signals.map((signal) => signal.at), failures]).toEqual([[undefined, undefined], []]);
  });

  it('applies a pattern to the addresses that are known, and tells when there are none or too many', () => {
    const known = new OscKnownAddresses();
    for (const address of ['/foo/a/x', '/foo/b/y', '/foo/c/z']) known.add(address);
    const { signals, failures } = read(
      [datagram(float('/foo/{a,b}/*', 0.5)), datagram({ address: '//x', args: [] }), datagram(float('/bar/*', 1))],
      { known },
    );
    expect(signals.map(({ kind, address }) => `${kind} ${address}`)).toEqual([
      'param /osc/foo/a/x',
      'param /osc/foo/b/y',
      'event /osc/foo/a/x',
    ]);
    expect(failures).toMatchObject([{ code: 201, address: '/bar/*' }]);
    for (let i = 0; i < 4_100; i++) known.add(`/many/${i}`);
    expect(read([datagram(float('/many/*', 1))], { known })).toMatchObject({ signals: [], failures: [{ code: 503 }] });
  });

  it('notes who said what', () => {
    const peers = new OscPeers({ targets: [FROM] });
    read([datagram({ address: '/a', args: [{ type: 'i', value: 5 }] })], {
      peers,
      scheduler: { now: () => 7 } as never,
    });
    expect(peers.tags('/osc/a')).toEqual(['i']);
    expect(peers.isEcho(FROM, '/osc/a', 5, 7)).toBe(true);
  });

  it('stops where its consumer has enough, also within a bundle, and completes its failures', async () => {
    const datagrams = new Subject<Datagram>();
    const source = oscSource(datagrams);
    let completed = false;
    source.failures.subscribe({ complete: () => (completed = true) });
    const two = firstValueFrom(source.pipe(take(2), toArray()));
    datagrams.next(datagram({ timetag: OSC_IMMEDIATELY, packets: ['/1', '/2', '/3'].map((to) => float(to, 0)) }));
    expect((await two).map(({ address }) => address)).toEqual(['/osc/1', '/osc/2']);
    expect([datagrams.observed, completed]).toEqual([false, true]);
  });

  it('keeps bundles apart when a signal makes more of them arrive at once', () => {
    const datagrams = new Subject<Datagram>();
    const seen: string[] = [];
    oscSource(datagrams).subscribe(({ address, origin }) => {
      seen.push(`${address} ${origin}`);
      if (address === '/osc/1') datagrams.next(datagram(float('/inner', 0), '10.0.0.8:1'));
    });
    datagrams.next(datagram({ timetag: OSC_IMMEDIATELY, packets: [float('/1', 0), float('/2', 0)] }));
    expect(seen).toEqual([`/osc/1 osc@${FROM}`, '/osc/inner osc@10.0.0.8:1', `/osc/2 osc@${FROM}`]);
  });

  it('passes on an error of the socket', () => {
    const datagrams = new Subject<Datagram>();
    const told: unknown[] = [];
    oscSource(datagrams).subscribe({ error: (error) => told.push(error) });
    datagrams.error('gone');
    expect(told).toEqual(['gone']);
  });
});
