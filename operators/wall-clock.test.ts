import fc from 'fast-check';
import { defer, interval, map, retry, Subject, throwError } from 'rxjs';
import { afterEach, expect, it, vi } from 'vitest';
import type { Connection } from '../core/connection/connection.ts';
import { memoryPair } from '../core/connection/memory-pair.ts';
import { MidiEchoes } from '../core/protocols/midi/midi-echoes.ts';
import type { MqttConnectPacket } from '../core/protocols/mqtt/mqtt-packet.ts';
import type { Signal, Stream } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import type { Message } from '../core/wire/message.ts';
import { publish, subscribe, texts, type Wire, will, wireTo } from '../peers/virtual-mqtt.ts';
import { midiSink } from '../sinks/midi.ts';
import { wirePeer } from '../testing/wire-peer.ts';
import { at } from './at.ts';
import { backoff } from './backoff.ts';
import { batch } from './batch.ts';
import { createClient } from './client/client.ts';
import { downsample } from './downsample.ts';
import { jitterBuffer } from './jitter-buffer.ts';
import { MqttServer } from './mqtt/mqtt-server.ts';
import { router } from './router/router.ts';

// Everything here runs on its default clock and timer, which are faked: the wall clock can be set, while the monotonic
// one goes on. What happens, and when, must be the same whatever is done to the wall clock.

const HOUR = 3_600_000;
const END = 16_000;

/** The wall clock is set by so many milliseconds, so many milliseconds after the step before. */
interface Step {
  readonly after: number;
  readonly by: number;
}

afterEach(() => vi.useRealTimers());

/** All that the given parts do in 16 s, each line with the time that has passed. */
function happenings(steps: readonly Step[], parts: readonly ((log: (text: string) => void) => void)[]): string[] {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  const lines: string[] = [];
  for (const part of parts) part((text) => lines.push(`${performance.now()} ${text}`));
  for (const { after, by } of steps) {
    vi.advanceTimersByTime(Math.min(after, END - performance.now()));
    vi.setSystemTime(Date.now() + by);
  }
  vi.advanceTimersByTime(END - performance.now());
  vi.useRealTimers();
  return lines;
}

type Part = (log: (text: string) => void) => void;
const wall = () => Date.now() * 1_000;
const later = (milliseconds: number, work: () => void) => void setTimeout(work, milliseconds);
const samples = () => interval(100).pipe(map((value): Stream => ({ kind: 'stream', address: '/s', value })));

const operators: Part = (log) => {
  samples()
    .pipe(batch({ window: 1_000 }))
    .subscribe((one) => log(one.kind === 'stream' ? `batch ${one.samples?.length} at ${one.rate}` : ''));
  samples()
    .pipe(downsample({ maxRate: 2 }))
    .subscribe((one) => log(one.kind === 'stream' ? `downsample ${one.value}` : ''));
  defer(() => {
    log('attempt');
    return throwError(() => new Error('no'));
  })
    .pipe(retry({ count: 4, delay: backoff({ random: () => 1 }) }))
    .subscribe({ error: () => log('given up') });
};

const echoes: Part = (log) => {
  const memory = new MidiEchoes();
  const sink = midiSink({ send: ([, , value]) => log(`midi ${value}`) }, { echoes: memory });
  const signal = { kind: 'param', address: '/midi/ch/1/cc/1', value: 1 } satisfies Signal;
  for (const start of [2_000, 8_000]) {
    later(start, () => memory.heard(signal, monotonicScheduler.now()));
    later(start + 900, () => sink.next(signal)); // still an echo
    later(start + 2_500, () => sink.next(signal));
  }
};

const relay: Part = (log) => {
  const connections = new Subject<Connection>();
  // The worst case: relay time is the wall clock itself.
  const venue = router({ now: wall, sessionTimeout: 4_000, gestureTimeout: 3_000, params: [] });
  venue(connections).subscribe((event) => log(`${event.type}`));
  const join = (name?: string) => {
    const [here, there] = memoryPair();
    const peer = wirePeer(here);
    connections.next(there);
    if (name) peer.hello(name);
    here.incoming.subscribe({ error: () => log(`${name} cut`), complete: () => log(`${name} closed`) });
    return peer;
  };
  join(); // says nothing, ever
  join('silent');
  const live = join('live');
  interval(1_000).subscribe(() => live.send({ type: 'PING' }));

  const app = venue.client('app');
  const tell = (signal: Signal) =>
    log(
      `${signal.kind} ${signal.address} ${'value' in signal ? signal.value : ''} ${'phase' in signal ? signal.phase : ''}`,
    );
  app.on('/live/**').subscribe(tell);
  app.on('/paced/**', { maxRate: 2 }).subscribe(tell);
  const desk = venue.client('desk');
  interval(100).subscribe((value) => desk.set('/paced/fader', value));
  interval(100).subscribe((value) => desk.stream('/paced/level', value));
  live.send({ type: 'SET', address: '/live/absolute', value: 1, ttl: { seconds: 3, mode: 'absolute' } } as Message);
  desk.gesture('/live/touch', 1, 'start', 0.5);
  const now = venue.client('clock').time();
  later(1, () => {
    const keyframes = [
      { time: 0, value: 0 },
      { time: 2_000_000, value: 1 },
    ];
    desk.timeline('/live/fade', keyframes, { startTime: now + 5_000_000 });
    desk.bundle([{ set: ['/live/cue', 7] }], { at: now + 9_000_000 });
  });
  interval(1_000).subscribe(() => log(`time ${Math.round((app.time() - now) / 1e6)}`));

  // A client whose own clock is the wall clock too.
  const remote = createClient(
    defer(() => {
      const [here, there] = memoryPair();
      connections.next(there);
      return [here];
    }),
    { name: 'remote', now: wall },
  );
  interval(1_000).subscribe(() => log(`remote ${Math.round((remote.time() - now) / 1e6)}`));
  const cue = (from: number) => ({ kind: 'event', address: '/x', value: from, at: now + from * 1e6 }) satisfies Signal;
  const cues = new Subject<Signal>();
  cues.pipe(at({ time: () => remote.time() })).subscribe(() => log('at'));
  cues.pipe(jitterBuffer(50, { time: () => remote.time() })).subscribe(() => log('jitter'));
  later(2_000, () => cues.next(cue(12)));
};

const mqtt: Part = (log) => {
  const venue = router({ now: wall });
  venue(new Subject<Connection>()).subscribe();
  let ids = 0;
  const server = new MqttServer({ join: (name, scopes) => venue.client(name, scopes), clientId: () => `id-${++ids}` });
  const connect = (more: Partial<MqttConnectPacket>): Wire => {
    const wire = wireTo(server, (packet) => log(`${more.clientId} ${packet.cmd} ${'sessionPresent' in packet}`));
    const packet = { cmd: 'connect', protocolVersion: 5, clientId: 'c', clean: true, keepalive: 0 } as const;
    wire.packets.next({ ...packet, ...more });
    return wire;
  };
  wireTo(
    server,
    () => log('nobody'),
    () => log('nobody closed'),
  );
  const watcher = connect({ clientId: 'watcher' });
  watcher.packets.next(subscribe('will'));
  connect({ clientId: 'silent', keepalive: 2, will: will('will', 3), properties: { sessionExpiryInterval: 60 } });
  const live = connect({ clientId: 'live', keepalive: 2 });
  interval(1_000).subscribe(() => live.packets.next({ cmd: 'pingreq' }));
  // A session of 5 s that is asked for after 4 s and after 6 s, and messages that expire after 2 s.
  const kept = { clientId: 'kept', clean: false, properties: { sessionExpiryInterval: 5 } };
  const first = connect(kept);
  first.packets.next(subscribe('kept'));
  first.packets.complete();
  later(1_000, () => {
    for (const seconds of [2, 9]) {
      const properties = { messageExpiryInterval: seconds };
      live.packets.next(publish('kept', `for ${seconds} s`, { qos: 1, messageId: seconds, properties }));
    }
  });
  later(4_000, () => {
    const back = connect(kept);
    log(texts(back).join(', '));
    back.packets.complete();
  });
  later(10_000, () => log(`${JSON.stringify(connect(kept).received[0])}`));
};

const parts = [operators, echoes, relay, mqtt];

it('shows what it says it shows', () => {
  const lines = happenings([], parts).map((line) => line.replace(/^\d+ /, ''));
  for (const text of ['batch 11 at 11', 'given up', 'midi 127', 'silent cut', 'kept for 9 s', 'nobody closed', 'at']) {
    expect(lines, text).toContain(text);
  }
});

it.each([HOUR, -HOUR])('is as it was when the wall clock is set by %d ms', (by) => {
  const calm = happenings([], parts);
  for (const after of [500, 2_400, 4_700, 7_000]) expect(happenings([{ after, by }], parts)).toEqual(calm);
});

it('is as it was whatever is done to the wall clock', () => {
  const calm = happenings([], parts);
  const steps = fc.array(
    fc.record({
      after: fc.integer({ min: 1, max: 6_000 }),
      by: fc.integer({ min: -24 * HOUR, max: 24 * HOUR }).filter((by) => Math.abs(by) >= 60_000),
    }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(steps, (all) => {
      expect(happenings(all, parts)).toEqual(calm);
    }),
    { numRuns: 25 },
  );
});
