import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { Session } from './session-state.ts';

function named(name: string): Session {
  const limits = { hardBytes: 1e6, softBytes: 1e6 };
  const session = new Session('1', memoryPair()[0], undefined, 0, limits, () => undefined);
  session.introduce(name);
  return session;
}

it('has the name of its client, of one longer than 256 characters the beginning', () => {
  expect(named('desk').name).toBe('desk');
  expect(named('é'.repeat(256)).name).toBe('é'.repeat(256));
  expect(named('é'.repeat(257)).name).toBe('é'.repeat(256));
});

it('keeps no more than that of a very long name', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  const sessions = Array.from({ length: 200 }, (_, i) => named(String.fromCharCode(97 + (i % 26)).repeat(60_000 + i)));
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(3_000_000);
  expect(sessions).toHaveLength(200);
});
