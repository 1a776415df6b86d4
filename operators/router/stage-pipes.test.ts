import fc from 'fast-check';
import { type OperatorFunction, pipe, Subject, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { scopes } from '../../core/address/scope.ts';
import type { Connection } from '../../core/connection/connection.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { ErrorCode } from '../../core/errors.ts';
import type { Message, QoS } from '../../core/wire/message.ts';
import { type SessionScript, sessions } from '../../testing/session-arbitrary.ts';
import { type WirePeer, wirePeer } from '../../testing/wire-peer.ts';
import { chain } from '../stage.ts';
import type { RouterEvent } from './router-event.ts';
import { type RouterOptions, type RouterStages, routerStages } from './router-stages.ts';

// The router chains its stages; an app may pipe them. Each stage is an ordinary operator, with an example of what it does.

type Trunk = OperatorFunction<Connection, RouterEvent>;

/** Peers of a router that is made of `trunk`'s stages, in virtual time. */
function rig(trunk: (stages: RouterStages) => Trunk, options: RouterOptions = {}) {
  const scheduler = new VirtualTimeScheduler();
  const connections = new Subject<Connection>();
  const events: string[] = [];
  const stages = routerStages({ scheduler, now: () => scheduler.now() * 1_000, ...options });
  connections.pipe(trunk(stages)).subscribe((event) => {
    events.push(event.type === 'refused' ? `refused ${event.error.code}` : event.type);
  });
  const connect = (): WirePeer => {
    const [here, there] = memoryPair();
    connections.next(there);
    return wirePeer(here);
  };
  const join = (name = 'peer'): WirePeer => {
    const peer = connect();
    peer.hello(name);
    peer.take();
    return peer;
  };
  const pass = (milliseconds: number) => {
    scheduler.maxFrames = scheduler.frame + milliseconds;
    scheduler.schedule(() => undefined, milliseconds);
    scheduler.flush();
  };
  return { connect, join, pass, events };
}

const chained = (all: RouterStages): Trunk =>
  pipe(
    all.session,
    chain(
      all.serialise,
      all.rateLimit,
      all.deduplicate,
      all.scopeFilter,
      all.reserveAddresses,
      all.scheduleBundles,
      all.gestureLifecycle,
      all.timelineScheduler,
      all.conflictMerge,
      all.announcements,
      all.dispatch,
    ),
    all.events,
  );

const piped =
  (all: RouterStages): Trunk =>
  (connections) =>
    connections
      .pipe(
        all.session,
        all.serialise,
        all.rateLimit,
        all.deduplicate,
        all.scopeFilter,
        all.reserveAddresses,
        all.scheduleBundles,
      )
      .pipe(
        all.gestureLifecycle,
        all.timelineScheduler,
        all.conflictMerge,
        all.announcements,
        all.dispatch,
        all.events,
      );

/** Everything that everybody was told while a script was played. */
function played({ names, steps }: SessionScript, trunk: (stages: RouterStages) => Trunk): unknown {
  const { join, pass, events } = rig(trunk, { sessionId: counting(), maxMessagesPerSecond: 50 });
  const peers = new Map<string, WirePeer>();
  const heard: Record<string, Message[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (const step of steps) {
    if (step.do === 'wait') pass(step.milliseconds);
    else if (step.do === 'join') peers.set(step.who, join(step.who));
    else if (step.do === 'leave') peers.get(step.who)?.close();
    else if (step.do === 'send') peers.get(step.who)?.send(step.message, { qos: step.qos });
    for (const [who, peer] of peers) heard[who]?.push(...peer.take());
  }
  return { heard, events };
}

function counting(): () => string {
  let count = 0;
  return () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`;
}

describe('stages of the router', () => {
  it('say the same to everybody whether they are chained or piped', () => {
    fc.assert(
      fc.property(sessions(), (script) => {
        expect(played(script, piped)).toEqual(played(script, chained));
      }),
    );
  });

  /** A session, one stage, and the end of the router. */
  const only =
    (name: Exclude<keyof RouterStages, 'session' | 'events' | 'dispatch' | 'stats' | 'addressOf'>) =>
    (all: RouterStages): Trunk =>
      pipe(all.session, all[name], all.dispatch, all.events);
  const set = (address: string, value: number): Message => ({ type: 'SET', address, value });
  const types = (peer: WirePeer) => peer.take().map(({ type }) => type);
  const published = (peer: WirePeer) => peer.take().filter(({ type }) => type === 'PUBLISH');

  it('session greets who says HELLO, and closes who says something else first', () => {
    const { join, connect, events } = rig((all) => pipe(all.session, all.dispatch, all.events));
    join();
    const rude = connect();
    rude.send({ type: 'PING' });
    expect(rude.take()).toMatchObject([{ type: 'ERROR', code: ErrorCode.BadMessage }]);
    expect(events).toEqual(['session-opened', `refused ${ErrorCode.BadMessage}`]);
  });

  it('serialise finishes one message before the next begins', () => {
    const { join } = rig(only('serialise'));
    const peer = join();
    peer.send({ type: 'PING' });
    peer.send({ type: 'SYNC', t1: 1 });
    expect(types(peer)).toEqual(['PONG', 'SYNC']);
  });

  it('rateLimit refuses what is beyond the rate, until time has passed', () => {
    const { join, pass, events } = rig(only('rateLimit'), { maxMessagesPerSecond: 2 });
    const peer = join();
    for (let n = 0; n < 3; n++) peer.send({ type: 'PING' });
    expect(types(peer)).toEqual(['PONG', 'PONG', 'ERROR']);
    expect(events).toContain(`refused ${ErrorCode.TooMany}`);
    pass(1_000);
    peer.send({ type: 'PING' });
    expect(types(peer)).toEqual(['PONG']);
  });

  it('deduplicate answers a frame of QoS 2 that comes again, and applies it once', () => {
    const { join } = rig((all) => pipe(all.session, all.deduplicate, all.conflictMerge, all.dispatch, all.events));
    const peer = join();
    const write = { qos: 2 as QoS, timestamp: 7 };
    for (let n = 0; n < 3; n++) peer.send(set('/a', 1), write);
    expect(peer.take()).toMatchObject([{ revision: 1 }, { revision: 1 }, { revision: 1 }]);
  });

  it('scopeFilter refuses what the scopes do not permit', () => {
    const { join, events } = rig(only('scopeFilter'), { authenticate: () => ({ scopes: ['read:/**'] }) });
    const peer = join();
    peer.send(set('/a', 1));
    expect(peer.take()).toMatchObject([{ type: 'ERROR', code: ErrorCode.Forbidden, address: '/a' }]);
    expect(events).toContain(`refused ${ErrorCode.Forbidden}`);
  });

  it('reserveAddresses refuses what another than the owner writes there', () => {
    const owner = scopes(['write:/clasp/**']);
    const { join } = rig(only('reserveAddresses'), { reserved: [{ pattern: '/clasp/**', owner }] });
    const peer = join();
    peer.send(set('/clasp/x', 1));
    expect(peer.take()).toMatchObject([{ type: 'ERROR', code: ErrorCode.Forbidden }]);
  });

  it('scheduleBundles keeps a bundle until its time', () => {
    const { join, pass } = rig((all) =>
      pipe(all.session, all.serialise, all.scheduleBundles, all.conflictMerge, all.dispatch, all.events),
    );
    const peer = join();
    peer.send({ type: 'SUBSCRIBE', id: 1, pattern: '/a' }, { qos: 1 });
    peer.send({ type: 'BUNDLE', timestamp: 500_000, messages: [set('/a', 1)] }, { qos: 1 });
    pass(499);
    expect(types(peer)).not.toContain('BUNDLE');
    pass(2);
    expect(types(peer)).toEqual(['BUNDLE']);
  });

  it('gestureLifecycle cancels the gestures of a session that has ended', () => {
    const { join } = rig(only('gestureLifecycle'));
    const [hand, eye] = [join(), join()];
    eye.send({ type: 'SUBSCRIBE', id: 1, pattern: '/touch' });
    hand.send({ type: 'PUBLISH', signal: 'gesture', address: '/touch', id: 1, phase: 'start', value: 0 });
    hand.close();
    expect(published(eye)).toMatchObject([{ phase: 'start' }, { phase: 'cancel' }]);
  });

  it('timelineScheduler plays a timeline as writes of its param', () => {
    const { join, pass } = rig((all) =>
      pipe(all.session, all.serialise, all.timelineScheduler, all.conflictMerge, all.dispatch, all.events),
    );
    const peer = join();
    peer.send({ type: 'SUBSCRIBE', id: 1, pattern: '/fade' });
    const keyframes = [
      { time: 0, value: 0 },
      { time: 50_000, value: 1 },
    ];
    peer.send({ type: 'PUBLISH', signal: 'timeline', address: '/fade', value: { keyframes } });
    pass(100);
    expect(peer.take().at(-1)).toMatchObject({ type: 'SET', address: '/fade', value: 1 });
  });

  it('conflictMerge gives an accepted write its revision', () => {
    const { join } = rig(only('conflictMerge'));
    const peer = join();
    peer.send(set('/a', 1), { qos: 1 });
    peer.send(set('/a', 2), { qos: 1 });
    expect(peer.take()).toMatchObject([{ revision: 1 }, { revision: 2 }]);
  });

  it('announcements answers a QUERY with what was announced', () => {
    const { join } = rig(only('announcements'));
    const peer = join();
    peer.send({ type: 'ANNOUNCE', signals: [{ address: '/a', type: 'param' }] }, { qos: 1 });
    peer.send({ type: 'QUERY', pattern: '/*' });
    expect(peer.take().at(-1)).toMatchObject({ type: 'RESULT', signals: [{ address: '/a' }] });
  });

  it('dispatch delivers an event to who subscribed, and not to its sender', () => {
    const { join } = rig((all) => pipe(all.session, all.dispatch, all.events));
    const [sender, receiver] = [join(), join()];
    for (const peer of [sender, receiver]) peer.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
    sender.send({ type: 'PUBLISH', signal: 'event', address: '/cue', value: 'go' });
    expect(published(receiver)).toMatchObject([{ signal: 'event', address: '/cue', value: 'go' }]);
    expect(published(sender)).toEqual([]);
  });
});
