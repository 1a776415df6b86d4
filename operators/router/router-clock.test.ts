import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SnapshotMessage, SyncMessage } from '../../core/wire/message.ts';
import { virtualRelay } from '../../testing/virtual-relay.ts';

it('tells when a SYNC came and when its answer left, also of one that waited its turn', () => {
  let time = 1_000;
  const { join, relay } = virtualRelay({ now: () => time });
  const [peer, cue] = [join(), join()];
  peer.send({ type: 'SYNC', t1: 7 });
  expect(peer.take()).toEqual([{ type: 'SYNC', t1: 7, t2: 1_000, t3: 1_000 }]);

  // Whoever hears the event takes 50 µs, and in that time a SYNC comes.
  relay
    .client('slow')
    .on('/cue')
    .subscribe(() => {
      time += 20;
      peer.send({ type: 'SYNC', t1: 8 });
      time += 30;
    });
  cue.send({ type: 'PUBLISH', signal: 'event', address: '/cue' });
  expect(peer.take()).toEqual([{ type: 'SYNC', t1: 8, t2: 1_020, t3: 1_050 }]);
});

it('tells whole microseconds, also after its clock was put back by less than ten or has fractions', () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: -50, max: 50 }), fc.double({ min: 0, max: 5, noNaN: true })));
  fc.assert(
    fc.property(steps, (all) => {
      let time = 1_000;
      const { join, stop } = virtualRelay({ now: () => time });
      const peer = join();
      for (const step of all) {
        time += step;
        peer.send({ type: 'SET', address: '/fader', value: time });
        peer.send({ type: 'GET', address: '/fader' });
        const [snapshot] = peer.take() as SnapshotMessage[];
        expect(snapshot?.params[0]?.timestamp).toBeGreaterThan(time - 1);
        expect(join().ended).toBeUndefined();
      }
      stop();
    }),
  );
});

it('never tells an earlier time than before, whatever its clock does', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000), { minLength: 1, maxLength: 30 }), (readings) => {
      let time = 500;
      const { join } = virtualRelay({ now: () => time });
      const peer = join();
      let last = 500;
      for (const reading of readings) {
        time = reading;
        peer.send({ type: 'SYNC', t1: 1 });
        const [{ t2 = 0, t3 = 0 }] = peer.take() as [SyncMessage];
        expect(t2).toBeGreaterThanOrEqual(Math.max(last, reading));
        expect(t3).toBe(t2);
        last = t2;
      }
    }),
  );
});
