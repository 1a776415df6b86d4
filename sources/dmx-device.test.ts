import fc from 'fast-check';
import { NEVER, Observable, Subject, type Subscriber, type Subscription, VirtualTimeScheduler } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import type { BytePort } from '../core/connection/byte-port.ts';
import { EnttecLabel, encodeEnttec } from '../core/protocols/dmx/enttec.ts';
import type { Signal } from '../core/signal/signal.ts';
import { sink } from '../core/signal/sink.ts';
import type { Value } from '../core/signal/value.ts';
import { router } from '../operators/router/router.ts';
import { type DmxDeviceOptions, dmxDevice } from './dmx-device.ts';

const open: Subscription[] = [];
afterEach(() => {
  for (const each of open.splice(0).reverse()) each.unsubscribe();
});

/** A widget that receives, at a relay that has these levels, on a port that can be pulled out; time passes with `pass`. */
function rig(...levels: readonly Value[]) {
  return rigWith({}, ...levels);
}

function rigWith(more: Partial<DmxDeviceOptions>, ...levels: readonly Value[]) {
  const time = new VirtualTimeScheduler();
  const relay = router();
  open.push(relay(NEVER).subscribe());
  const before = relay.client('before');
  for (const [i, level] of levels.entries()) before.set(`/dmx/${i + 1}`, level);
  let plugged: Subscriber<BytePort> | undefined;
  let incoming = new Subject<Uint8Array>();
  const ports = new Observable<BytePort>((out) => {
    plugged = out;
    incoming = new Subject();
    out.next({ name: 'tty', incoming, failures: NEVER, write: () => undefined, setBreak: () => undefined });
  });
  const host = { ports, sink: () => sink<Signal>({ write: () => undefined }) };
  const options = { direction: 'in', reconnect: { initial: 100, max: 100 }, scheduler: time, ...more } as const;
  open.push(dmxDevice(relay.client('desk'), host, options).subscribe());
  const app = relay.client('app');
  app.on('/dmx/*').subscribe();
  return {
    app,
    /** The line shows these levels, in channels from 1. */
    show: (...levels: readonly number[]) =>
      incoming.next(encodeEnttec(EnttecLabel.ReceivedDmx, Uint8Array.of(0, 0, ...levels))),
    pull: () => plugged?.error(new Error('gone')),
    pass: (milliseconds: number) => {
      time.maxFrames = time.frame + milliseconds;
      time.flush();
    },
  };
}

describe('a DMX device that receives', () => {
  it('tells of what went out while it was pulled out', async () => {
    const { app, show, pull, pass } = rig();
    show(255, 100, 0, 0);
    expect([await app.get('/dmx/1'), await app.get('/dmx/2')]).toEqual([255, 100]);
    pull();
    pass(1_000);
    show(0, 100, 50, 0);
    expect([await app.get('/dmx/1'), await app.get('/dmx/2'), await app.get('/dmx/3')]).toEqual([0, 100, 50]);
    expect(await app.get('/dmx/4')).toBeNull();
  });
  it('has two channels as one value, and tells that it went out though its fine channel was out already', async () => {
    const { app, show } = rigWith({ pairs: [{ coarse: 1, fine: 3 }] }, 256);
    show(0, 7, 0);
    expect([await app.get('/dmx/1'), await app.get('/dmx/2'), await app.get('/dmx/3')]).toEqual([0, 7, null]);
    show(0x12, 7, 0x34);
    expect([await app.get('/dmx/1'), await app.get('/dmx/3')]).toEqual([0x1234, null]);
  });
  it('changes only the channels that a shorter frame carries', async () => {
    const { app, show } = rig();
    show(1, 2, 3);
    show(9);
    expect([await app.get('/dmx/1'), await app.get('/dmx/2'), await app.get('/dmx/3')]).toEqual([9, 2, 3]);
  });
  it('tells at first of what is out though the relay has it lit, and makes no params of the other zeros', () => {
    const level = fc.constantFrom(0, 0, 1, 200);
    const kept = fc.oneof(level, fc.constantFrom<Value>(null, true, 'text'));
    const levels = fc.array(level, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(kept, { maxLength: 6 }), levels, fc.array(level, { maxLength: 6 }), (had, shown, then) => {
        const { app, show } = rig(...had);
        // What changes after it has come, and before anybody has sent, does not count, but for what it shows.
        for (const [i, each] of then.entries()) if (shown[i]) app.set(`/dmx/${i + 1}`, each);
        show(...shown);
        for (const [i, each] of shown.entries()) {
          const now = app.cached(`/dmx/${i + 1}`);
          if (each !== 0 || had[i] === true || Number(had[i]) > 0) expect(now).toBe(each);
          else expect(now).toBe(had[i] ?? undefined);
        }
      }),
    );
  });
});
