import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { BundlePart, Client } from '../core/client/client.ts';
import { DmxMapping } from '../core/protocols/dmx/dmx-mapping.ts';
import type { Value } from '../core/signal/value.ts';
import { dmxWrites } from './dmx-writes.ts';

/** A client whose relay answers when told to: how many wait, and what each address was last set to. */
function slowClient() {
  const unanswered: Subject<unknown>[] = [];
  const values = new Map<string, Value>();
  let writes = 0;
  const reply = () => {
    const answer = new Subject<unknown>();
    unanswered.push(answer);
    writes++;
    return answer;
  };
  const set = (address: string, value: Value) => {
    values.set(address, value);
    return reply();
  };
  const bundle = (parts: readonly BundlePart[]) => {
    for (const part of parts) if ('set' in part) values.set(part.set[0], part.set[1]);
    return reply();
  };
  const client = { set, bundle } as unknown as Client;
  const answer = (refuse = false) => {
    const [first] = unanswered.splice(0, 1);
    if (refuse) first?.error(new Error('refused'));
    else first?.next({});
  };
  return { client, values, unanswered, answer, writes: () => writes };
}
const mapping = new DmxMapping({ namespace: '/artnet', range: [0, 32_767] });
const frame = (universe: number, ...levels: number[]) => ({
  universe,
  levels: Uint8Array.from(levels),
  changed: levels.map((_, i) => i + 1),
  source: 'desk',
});

describe('dmxWrites', () => {
  it('lets changes gather while the relay lags, each channel once, and ends with the newest of all', () => {
    const { client, values, unanswered, answer, writes } = slowClient();
    const write = dmxWrites(client, mapping, 'channel');
    for (let level = 1; level <= 100; level++) {
      for (let universe = 0; universe < 10; universe++) write(frame(universe, level, 255 - level));
    }
    expect(unanswered.length).toBe(64);
    while (unanswered.length > 0) answer();
    expect(writes()).toBeLessThanOrEqual(64 + 10);
    for (let universe = 0; universe < 10; universe++) {
      expect([values.get(`/artnet/${universe}/1`), values.get(`/artnet/${universe}/2`)]).toEqual([100n, 155n]);
    }
    write(frame(0, 7));
    expect(values.get('/artnet/0/1')).toBe(7n);
  });

  it('writes together what arrives together, 256 channels at most', () => {
    const { client, values, answer, writes } = slowClient();
    const flushes: (() => void)[] = [];
    const write = dmxWrites(client, mapping, 'channel', (flush) => flushes.push(flush));
    for (let universe = 0; universe < 30; universe++) write(frame(universe, ...Array(25).fill(universe + 1)));
    write(frame(3, 99));
    expect([writes(), flushes.length]).toEqual([0, 1]);
    flushes.pop()?.();
    expect(writes()).toBe(3);
    expect([values.get('/artnet/3/1'), values.get('/artnet/29/25')]).toEqual([99n, 30n]);
    answer(true);
    expect(writes()).toBe(3 + 10);
    write(frame(40, 5));
    flushes.pop()?.();
    expect(values.get('/artnet/40/1')).toBe(5n);
  });

  it('writes the parts of a refused bundle one by one, and goes on', () => {
    const { client, unanswered, answer, writes } = slowClient();
    const write = dmxWrites(client, mapping, 'channel');
    for (let level = 1; level <= 200; level++) write(frame(0, level, level, level));
    for (let i = 0; i < 64; i++) answer(true);
    expect(writes()).toBeGreaterThanOrEqual(64 + 64 * 3);
    while (unanswered.length > 0) answer();
    const before = writes();
    write(frame(0, 1, 2));
    expect(writes()).toBe(before + 1);
  });
});
