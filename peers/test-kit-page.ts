// What test-kit.test.ts loads into a page: the test kit in a browser, with the smallest test runner there is.
import fc from 'fast-check';
import { debounceTime } from 'rxjs';
import {
  connectionContract,
  faderBank,
  marbles,
  memoryPair,
  networkPair,
  seededRandom,
  simulate,
  timeline,
} from '../testing/index.ts';

declare global {
  interface Window {
    /** Runs everything; gives the name of each test, and what was wrong if it failed. */
    runTestKit(): Promise<{ name: string; broken: string | undefined }[]>;
    /** The log of one simulation, which must be the same everywhere. */
    simulateOnce(): string;
  }
}

const tests: [name: string, test: () => unknown][] = [];
const it = (name: string, test: () => unknown) => void tests.push([name, test]);
const describe = (_name: string, define: () => void) => define();

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
it('marbles', () => {
  const test = (expected: string) =>
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a-b----c|').pipe(debounceTime(3))).toBe(expected);
    });
  test('-----b--(c|)');
  let told = '';
  try {
    test('----b---(c|)');
  } catch (error) {
    told = String(error);
  }
  if (!told.includes('told     -----b--(c|)')) throw new Error(`not told: ${told}`);
});
it('timelines', () => {
  fc.assert(
    fc.property(timeline(fc.nat()), ({ diagram, values, events }) => {
      let heard = 0;
      marbles(({ cold }) => {
        cold(diagram, { ...values }).subscribe({ next: () => heard++, error: () => undefined });
      });
      return heard === events.length;
    }),
  );
});

/** Also run outside of the page, so that both can be compared. */
export function simulateOnce(): string {
  return simulate(
    ({ client, every, random, time, at }) => {
      const network = { latency: 5, jitter: 20, lifetime: 400 };
      client('stage', { network }).on('/**').subscribe();
      const desk = client('desk', { network });
      every(10, () => desk.set(`/level/${random.integer(1, 4)}`, random()));
      const bank = faderBank(client('faders'), { scheduler: time });
      at(300, () => bank.slide(1, 1, 500));
    },
    { seed: 5, until: 2_000 },
  ).text();
}

if (typeof window !== 'undefined') {
  window.simulateOnce = simulateOnce;
  window.runTestKit = async () => {
    const results: { name: string; broken: string | undefined }[] = [];
    for (const [name, test] of tests) {
      let broken: string | undefined;
      try {
        await test();
      } catch (error) {
        broken = String(error);
      }
      results.push({ name, broken });
    }
    return results;
  };
}
