// What test-kit.test.ts runs under `node --test`: the test kit as it is published, without any other test runner.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sink } from 'clasp-rx';
import {
  connectionContract,
  marbles,
  memoryPair,
  networkPair,
  seededRandom,
  sessions,
  simulate,
  sinkContract,
  timeline,
} from 'clasp-rx/testing';
import fc from 'fast-check';
import { debounceTime, map } from 'rxjs';

connectionContract(
  'memoryPair',
  async (options) => {
    const [a, b] = memoryPair(options);
    return { a, b, close: () => undefined, pause: () => b.pause(), resume: () => b.resume() };
  },
  { describe, it },
);

connectionContract(
  'networkPair',
  async (options) => {
    const { ends, cut } = networkPair({ latency: 1, ...options }, { random: seededRandom(1) });
    return { a: ends[0], b: ends[1], close: () => cut() };
  },
  { describe, it, pausing: false },
);

sinkContract(
  'a sink of lines',
  () => {
    const lines = [];
    return {
      sink: sink({ write: ({ address }) => void lines.push(address) }),
      effects: () => lines,
      carried: (n) => ({ signal: { kind: 'event', address: `/${n}`, value: null }, effect: `/${n}` }),
    };
  },
  { describe, it, refuses: false, breaks: false },
);

it('marbles: with an equality of its own and with that of node:assert', () => {
  for (const options of [undefined, { equal: assert.deepEqual }]) {
    const test = (expected) =>
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('a-b----c|').pipe(debounceTime(3))).toBe(expected);
      }, options);
    test('-----b--(c|)');
    assert.throws(() => test('----b---(c|)'));
  }
});

it('timelines and sessions are drawn', () => {
  fc.assert(
    fc.property(timeline(fc.nat()), sessions(), ({ diagram, values, events }, script) => {
      const heard = [];
      marbles(({ cold }) => {
        cold(diagram, values)
          .pipe(map((n) => n))
          .subscribe({ next: (n) => heard.push(n), error: () => undefined });
      });
      assert.deepEqual(heard, events);
      assert.match(String(script), /^ *ms \| a /);
    }),
  );
});

it('simulate: the same bytes for the same seed', () => {
  const run = () =>
    simulate(
      ({ client, every, random }) => {
        const network = { latency: 5, jitter: 20, lifetime: 400 };
        client('stage', { network }).on('/**').subscribe();
        const desk = client('desk', { network });
        every(10, () => desk.set(`/fader/${random.integer(1, 4)}`, random()));
      },
      { seed: 5, until: 2_000 },
    );
  const [once, again] = [run(), run()];
  assert.ok(once.log.length > 500);
  assert.deepEqual(once.log, again.log);
  assert.equal(once.text(), again.text());
});
