import { describe, expect, it } from 'vitest';
import { Deduplication } from './deduplication.ts';

const answer = Uint8Array.of(1);
const key = (timestamp: number, ...payload: number[]) => ({
  writer: 'desk',
  timestamp,
  bytes: Uint8Array.of(9, ...payload, 9),
  start: 1,
  end: 1 + payload.length,
});

describe('Deduplication', () => {
  it('knows a frame by writer, timestamp and payload', () => {
    const memory = new Deduplication();
    memory.keep(key(1, 5, 6), answer, 0);
    expect(memory.recall(key(1, 5, 6), 0)).toBe(answer);
    expect(memory.recall(key(2, 5, 6), 0)).toBeUndefined();
    expect(memory.recall(key(1, 6, 5), 0)).toBeUndefined();
    expect(memory.recall({ ...key(1, 5, 6), writer: 'panel' }, 0)).toBeUndefined();
  });

  it('keeps the first answer', () => {
    const memory = new Deduplication();
    memory.keep(key(1, 5), answer, 0);
    memory.keep(key(1, 5), Uint8Array.of(2), 1);
    expect(memory.recall(key(1, 5), 2)).toBe(answer);
  });

  it('forgets the oldest beyond its capacity, and what is older than its span', () => {
    const memory = new Deduplication({ capacity: 3, span: 100 });
    for (let timestamp = 1; timestamp <= 5; timestamp++) memory.keep(key(timestamp), answer, timestamp);
    expect(memory.size).toBe(3);
    expect([1, 2, 3, 4, 5].map((timestamp) => memory.recall(key(timestamp), 5) === answer)).toEqual([
      ...[false, false, true, true, true],
    ]);
    memory.keep(key(6), answer, 104.5);
    expect(memory.size).toBe(2);
    expect(memory.recall(key(5), 104.5)).toBe(answer);
    expect(memory.recall(key(5), 105)).toBeUndefined();
  });
});
