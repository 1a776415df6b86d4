import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { GesturePhase } from '../../core/signal/signal.ts';
import type { Message } from '../../core/wire/message.ts';
import { bundleRig, set } from '../../testing/bundle-rig.ts';

const phase = fc.constantFrom<GesturePhase[]>('start', 'start', 'move', 'move', 'end', 'cancel');
const parts = fc.array(fc.record({ id: fc.nat(2), phase }), { minLength: 1, maxLength: 5 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      who: fc.nat(1),
      parts,
      /** Milliseconds until a bundle runs; undefined: each part comes alone. */
      after: fc.constantFrom(undefined, undefined, 0, 0, 0, 10),
      fails: fc.constantFrom(false, false, true),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), time: fc.constantFrom(1, 15, 17, 20_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), who: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resume' as const) }) },
);

it('gestures are start move* (end | cancel) for everybody, alone and in bundles, also in those that fail', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30, size: 'max' }), (steps) => {
      const rig = bundleRig({ maxGestures: 2 });
      const senders = [rig.join(), rig.join()];
      const readers = [rig.reader(), rig.reader('/**', { confirms: false })];
      const slow = rig.connect({ highWater: 1 });
      slow.hello();
      slow.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' }, { qos: 1 });

      for (const one of steps) {
        if (one.do === 'pass') {
          rig.pass(one.time);
        } else if (one.do === 'pause') {
          slow.connection.pause();
        } else if (one.do === 'resume') {
          slow.connection.resume();
        } else if (one.do === 'leave') {
          senders[one.who]?.close();
        } else {
          const { who, after } = one;
          senders[who]?.take();
          const heard = readers[0]?.received.length ?? 0;
          const messages = one.parts.map(
            (part): Message => ({ type: 'PUBLISH', signal: 'gesture', address: `/pad/${who}`, value: 1, ...part }),
          );
          if (one.fails) messages.push(set('/a', 1, { revision: 77 }));
          const timestamp = after ? (rig.time.frame + after) * 1000 : undefined;
          if (after === undefined) for (const message of messages) senders[who]?.send(message);
          else senders[who]?.send({ type: 'BUNDLE', timestamp, messages });
          const refused = senders[who]?.take().filter(({ type }) => type === 'ERROR').length ?? 0;
          if (after !== 0) continue;
          expect(refused).toBeLessThanOrEqual(1);
          if (refused > 0) expect(readers[0]?.received).toHaveLength(heard);
        }
      }
      slow.connection.resume();
      rig.pass(100_000);

      for (const reader of [...readers, slow]) {
        const lives = new Map<string, string>();
        for (const message of reader.take().flatMap((got) => (got.type === 'BUNDLE' ? got.messages : [got]))) {
          if (message.type !== 'PUBLISH') continue;
          const key = `${message.address} ${message.id}`;
          lives.set(key, (lives.get(key) ?? '') + (message.phase ?? 'start')[0]);
        }
        // One that lagged for too long was given up in the middle.
        const whole = reader.ended === undefined ? /^(sm*[ec])*$/ : /^(sm*[ec])*(sm*)?$/;
        for (const life of lives.values()) expect(life).toMatch(whole);
      }
      rig.stop();
    }),
  );
});
