import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerOf, clientOnScript, redial } from '../../testing/client-on-script.ts';

describe('writes in general', () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('set' as const), address: fc.constantFrom('/a', '/b', '/c') }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('serve' as const), count: fc.nat(4) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), applied: fc.nat(4) }) },
    { weight: 1, arbitrary: fc.constant({ do: 'redial' as const }) },
    { weight: 2, arbitrary: fc.constant({ do: 'welcome' as const }) },
  );

  it('end with the newest value at the relay and every reply answered, whatever gets lost on the way', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const made = clientOnScript();
        const { relay, client } = made;
        const newest = new Map<string, unknown>();
        const stored = new Map<string, unknown>();
        const replies: unknown[][] = [];
        let revision = 0;
        let inbox = relay.peer.take();
        /** Applies the next SETs; tells the client only if the connection lives on. */
        const apply = (count: number, tell: boolean) => {
          inbox.push(...relay.peer.take());
          for (const message of inbox.splice(0, count)) {
            if (message.type !== 'SET') continue;
            stored.set(message.address, message.value);
            if (tell) relay.peer.send({ type: 'ACK', address: message.address, revision: ++revision });
          }
        };
        const greet = () => {
          redial(made);
          if (client.session !== null) return;
          inbox = [];
          relay.welcome();
        };

        let value = 0;
        for (const action of steps) {
          if (action.do === 'set') {
            newest.set(action.address, ++value);
            replies.push(answerOf(client.set(action.address, value)));
          } else if (action.do === 'serve') {
            if (client.session !== null) apply(action.count, true);
          } else if (action.do === 'lose') {
            apply(action.applied, false);
            relay.peer.close();
          } else if (action.do === 'redial') {
            redial(made);
          } else {
            greet();
          }
        }
        greet();
        apply(Number.POSITIVE_INFINITY, true);

        expect(stored).toEqual(newest);
        for (const reply of replies) expect(reply).toEqual([expect.objectContaining({ revision: expect.any(Number) })]);
        expect(made.codes()).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
