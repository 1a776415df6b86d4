import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { AddressTable } from '../../core/address/address-table.ts';
import { compilePattern } from '../../core/address/pattern.ts';
import { ALL_KINDS } from '../../core/address/subscription-index.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import type { StoredParam } from '../../core/param/param.ts';
import { pacingOf } from '../../core/signal/pacing.ts';
import { decodeFrame, encodePublish } from '../../core/wire/index.ts';
import type { SubscribeOptions } from '../../core/wire/message.ts';
import { Pacer } from './pacing.ts';
import { Session } from './session-state.ts';
import { Subscriptions } from './subscriptions.ts';

/** A session with one subscription, and how many addresses it remembers after a sample at each of 100. */
function rig(options: SubscribeOptions) {
  const time = new VirtualTimeScheduler();
  const pacer = new Pacer({ scheduler: time, now: () => time.now() * 1000, delivered: { signals: 0 } });
  const session = new Session('s', memoryPair()[0], undefined, 0, { hardBytes: 1e6, softBytes: 1e6 }, () => undefined);
  const subscription = { pattern: compilePattern('/**'), mask: ALL_KINDS, options, pacing: pacingOf(options) };
  session.subscriptions = new Subscriptions();
  session.subscriptions.add(1, subscription);
  pacer.subscribed(session, subscription);
  const table = new AddressTable<StoredParam>();
  const send = (value: number) => {
    for (let i = 0; i < 100; i++) {
      const bytes = encodePublish('stream', `/${i}`, value);
      session.paced?.deliver(table.internString(`/${i}`), decodeFrame(bytes), bytes, 'stream');
    }
  };
  return { time, pacer, session, subscription, send, size: () => session.paced?.size };
}

describe('addresses of a paced session', () => {
  it('are forgotten when their next delivery is free', () => {
    const { time, send, size } = rig({ maxRate: 10 });
    send(1);
    send(2);
    expect(size()).toBe(100);
    time.flush();
    expect(time.now()).toBe(200);
    expect(size()).toBe(0);
  });

  it('are forgotten when their window has been delivered', () => {
    const { time, send, size } = rig({ window: 10 });
    send(1);
    expect(size()).toBe(100);
    time.flush();
    expect(size()).toBe(0);
  });

  it('are remembered with epsilon, without a timer', () => {
    const { time, send, size } = rig({ epsilon: 1, maxRate: 10 });
    send(1);
    time.flush();
    expect(time.now()).toBe(100);
    expect(size()).toBe(100);
  });

  it('are forgotten when no subscription is left that matches', () => {
    const { time, pacer, session, subscription, send, size } = rig({ maxRate: 10 });
    const other = { ...subscription, pattern: compilePattern('/other') };
    session.subscriptions?.add(2, other);
    pacer.subscribed(session, other);
    send(1);
    send(2);
    pacer.unsubscribed(session, [subscription]);
    expect(size()).toBe(100);
    time.flush();
    expect(time.now()).toBe(100);
    expect(size()).toBe(0);
  });

  it('are forgotten with the session, and no timer goes on', () => {
    const { time, pacer, session, send } = rig({ maxRate: 1, window: 100 });
    send(1);
    pacer.left(session);
    time.flush();
    expect(time.now()).toBe(0);
  });
});
