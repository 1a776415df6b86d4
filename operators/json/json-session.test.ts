import fc from 'fast-check';
import { NEVER } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseJson } from '../../core/signal/json.ts';
import { router } from '../router/router.ts';
import { JsonSession } from './json-session.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A JSON peer at a relay: what it is told, as objects. */
function join(scopes?: readonly string[]) {
  const relay = router();
  const running = relay(NEVER).subscribe();
  ends.push(() => running.unsubscribe());
  const told: unknown[] = [];
  let congested = false;
  const session = new JsonSession(relay.client('json', scopes), {
    send: (text) => told.push(JSON.parse(text)),
    congested: () => congested,
    maxSubscriptions: 3,
  });
  const say = (message: unknown) => session.receive(typeof message === 'string' ? message : JSON.stringify(message));
  const take = () => told.splice(0);
  const app = relay.client('app');
  return { session, say, take, app, congest: (now: boolean) => (congested = now) };
}

describe('a JSON session', () => {
  it('writes and reads params', () => {
    const { say, take } = join();
    say({ type: 'set', address: '/a', value: 0.5, id: 1 });
    say({ type: 'set', address: '/a', value: 0.75 });
    say({ type: 'get', address: '/a', id: 'x' });
    say({ type: 'get', address: '/none' });
    expect(take()).toEqual([
      { type: 'ok', id: 1, address: '/a', revision: 1 },
      { type: 'value', id: 'x', address: '/a', value: 0.75, revision: 2, timestamp: expect.any(String) },
      { type: 'value', address: '/none', value: null, revision: 0 },
    ]);
  });

  it('names the address of a value that no message can carry', () => {
    const { say, take } = join();
    say({ type: 'set', address: '/a', value: 'x'.repeat(5 * 1024 * 1024), id: 1 });
    const refused = { type: 'error', code: 402, address: '/a', request_type: 'set', id: 1 };
    expect(take()).toMatchObject([refused]);
  });

  it('says so when what there is is longer than a text can be', () => {
    const { say, take, app } = join();
    app.set('/a', 'long');
    const write = JSON.stringify;
    const writing = vi.spyOn(JSON, 'stringify').mockImplementation((value: unknown) => {
      if (value === 'long') throw new RangeError('Invalid string length');
      return write(value);
    });
    ends.push(() => writing.mockRestore());
    say('{"type":"snapshot","id":1}');
    say('{"type":"get","address":"/a","id":2}');
    say('{"type":"get","address":"/b","id":3}');
    const refusal = { type: 'error', code: 500, message: 'Invalid string length' };
    expect(take()).toEqual([
      { ...refusal, request_type: 'snapshot', id: 1 },
      { ...refusal, address: '/a', request_type: 'get', id: 2 },
      { type: 'value', address: '/b', value: null, revision: 0, id: 3 },
    ]);
  });

  it('takes a value of as many levels as the wire carries, and none deeper', () => {
    const { say, take, app } = join();
    const levels = (count: number) => `${'['.repeat(count)}${']'.repeat(count)}`;
    for (const type of ['set', 'emit', 'stream']) {
      say(`{"type": "${type}", "address": "/a", "value": ${levels(32)}, "id": 1}`);
      expect(take()).toMatchObject([{ type: 'ok', id: 1 }]);
      say(`{"type": "${type}", "address": "/a", "value": ${levels(33)}, "id": 1}`);
      expect(take()).toMatchObject([{ type: 'error', request_type: type, id: 1 }]);
    }
    say('{"type": "get", "address": "/a"}');
    const [answer] = take() as [{ value: unknown }];
    expect(JSON.stringify(answer.value)).toBe(levels(32));
    expect(app.session).not.toBeNull();
  });

  it('answers with the id where it is JSON but no value', () => {
    const { say, take } = join();
    const deep = `${'['.repeat(40)}${']'.repeat(40)}`;
    for (const value of ['{"$bytes": "!"}', deep]) {
      say(`{"type": "set", "address": "/a", "value": ${value}, "id": "x"}`);
      expect(take()).toMatchObject([{ type: 'error', code: 101, request_type: 'set', id: 'x' }]);
    }
    say(`{"type": "set", "id": ${deep}}`);
    say('null');
    say('{"type": "set", "id": 1');
    expect(take()).toMatchObject([{ request_type: 'set' }, { request_type: '' }, { request_type: '' }]);
  });

  it('tells what several subscriptions match once, and the rest to each that wants it', async () => {
    const { say, take, app, congest, session } = join();
    await app.set('/a/1', 1);
    say({ type: 'subscribe', pattern: '/a/*' });
    say({ type: 'subscribe', pattern: '/**', types: ['event', 'stream', 'gesture'] });
    expect(take()).toHaveLength(3);
    say({ type: 'subscribe', pattern: '/*/1', maxRate: 1000 });
    // What was there before is told again: it belongs to the `synced` that follows.
    expect(take()).toMatchObject([
      { type: 'value', value: 1 },
      { type: 'synced', pattern: '/*/1' },
    ]);
    const act = () => {
      app.set('/a/1', 2);
      app.set('/a/1', 2);
      app.emit('/a/1', 'x');
      app.emit('/a/1', 'x');
      app.stream('/a/1', 0.5);
      app.gesture('/a/1', 1, 'start', 0.5);
      app.timeline('/a/1', [{ time: 0, value: 3 }]);
    };
    act();
    const types = take().map((message) => (message as { type: string }).type);
    expect(types.slice(0, 6)).toEqual(['value', 'value', 'event', 'event', 'stream', 'gesture']);
    expect(types.filter((type) => type === 'timeline')).toHaveLength(1);
    congest(true);
    act();
    congest(false);
    session.relieved();
    const late = take().map((message) => (message as { type: string }).type);
    expect(late.filter((type) => type === 'event')).toHaveLength(2);
    expect(late.filter((type) => type === 'stream')).toHaveLength(1);
    say({ type: 'unsubscribe', pattern: '/*/1' });
    say({ type: 'unsubscribe', pattern: '/a/*' });
    act();
    const left = take().map((message) => (message as { type: string }).type);
    expect(left.filter((type) => type !== 'gesture')).toEqual(['event', 'event', 'stream']);
  });

  it('tells NaN as a number that JSON does not have, and a deletion as null', async () => {
    const { say, take, app } = join();
    await app.set('/a', [Number.NaN, Number.NEGATIVE_INFINITY]);
    say({ type: 'subscribe', pattern: '/a' });
    app.set('/a', Number.NaN);
    app.set('/a', null);
    expect(take().map((message) => (message as { value: unknown }).value)).toEqual([
      [{ $number: 'NaN' }, { $number: '-Infinity' }],
      undefined,
      { $number: 'NaN' },
      null,
    ]);
    say({ type: 'set', address: '/a', value: { $number: 'Infinity' } });
    expect(await app.get('/a')).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([
    ['1e400', 'value.x[1]: 1e400 is too large for a number'],
    ['18446744073709551616', 'value.x[1]: 18446744073709551616 is an integer of more than 64 bits'],
    ['"\\ud800"', 'value.x[1]: \\ud800 is half of a surrogate pair, no character of a text'],
  ])('refuses %s, names the place, and writes nothing', async (bad, message) => {
    const { say, take, app } = join();
    for (const type of ['set', 'emit', 'stream']) {
      say(`{"type": "${type}", "address": "/a", "id": 1, "value": {"x": [0, ${bad}]}}`);
      expect(take()).toEqual([{ type: 'error', code: 101, message, request_type: type, id: 1 }]);
    }
    expect(await app.get('/a')).toBeNull();
  });

  it('subscribes: the current values, `synced`, then what happens; unsubscribes', async () => {
    const { say, take, app } = join();
    await app.set('/a/1', 1);
    say({ type: 'subscribe', pattern: '/a/*', id: 7 });
    expect(take()).toEqual([
      expect.objectContaining({ type: 'value', address: '/a/1', value: 1, revision: 1 }),
      { type: 'synced', pattern: '/a/*', id: 7 },
    ]);
    app.set('/a/2', 'text');
    app.emit('/a/go', [1, 2]);
    app.stream('/a/meter', -3.5);
    app.gesture('/a/pad', 4, 'start', 0.5);
    app.set('/b', 1);
    expect(take()).toEqual([
      expect.objectContaining({ type: 'value', address: '/a/2', value: 'text', revision: 1 }),
      expect.objectContaining({ type: 'event', address: '/a/go', value: [1, 2] }),
      expect.objectContaining({ type: 'stream', address: '/a/meter', value: -3.5 }),
      expect.objectContaining({ type: 'gesture', address: '/a/pad', value: 0.5, id: 4, phase: 'start' }),
    ]);
    say({ type: 'unsubscribe', pattern: '/a/*', id: 8 });
    app.set('/a/2', 'more');
    expect(take()).toEqual([{ type: 'ok', id: 8 }]);
  });

  it('emits, streams, and takes a snapshot', () => {
    const { say, take, app } = join();
    const seen: unknown[] = [];
    app.on('/x/*').subscribe(({ kind, address }) => seen.push([kind, address]));
    say({ type: 'emit', address: '/x/e', value: 1, id: 1 });
    say({ type: 'stream', address: '/x/s', value: 0.5 });
    say({ type: 'set', address: '/x/p', value: 5 });
    say({ type: 'set', address: '/y', value: 6 });
    expect(seen).toEqual([
      ['event', '/x/e'],
      ['stream', '/x/s'],
      ['param', '/x/p'],
    ]);
    say({ type: 'snapshot', id: 2 });
    say({ type: 'snapshot', prefix: '/x' });
    expect(take()).toEqual([
      { type: 'ok', id: 1 },
      { type: 'snapshot', id: 2, state: { '/x/p': 5, '/y': 6 } },
      { type: 'snapshot', state: { '/x/p': 5 } },
    ]);
  });

  it('answers what is wrong with its code, its type and its id', async () => {
    const { say, take, app } = join(['read:/**', 'write:/a/**']);
    await app.set('/a/held', 1, { lock: true });
    say({ type: 'set', address: '/a/held', value: 2, id: 1 });
    say({ type: 'set', address: '/b', value: 2 });
    say({ type: 'set', address: 'b', value: 2 });
    say({ type: 'subscribe', pattern: '/a//b', id: 4 });
    say({ type: 'unsubscribe', pattern: '/never' });
    say({ type: 'dance', id: 6 });
    say({ type: 'get' });
    say('nonsense');
    expect(take()).toEqual([
      expect.objectContaining({ type: 'error', code: 401, address: '/a/held', request_type: 'set', id: 1 }),
      expect.objectContaining({ type: 'error', code: 301, address: '/b', request_type: 'set' }),
      expect.objectContaining({ type: 'error', code: 200, request_type: 'set' }),
      expect.objectContaining({ type: 'error', code: 202, request_type: 'subscribe', id: 4 }),
      expect.objectContaining({ type: 'error', code: 201, request_type: 'unsubscribe' }),
      expect.objectContaining({ type: 'error', code: 101, request_type: 'dance', id: 6 }),
      { type: 'error', code: 101, message: '"address" must be a text; it is missing', request_type: 'get' },
      expect.objectContaining({ type: 'error', code: 101, request_type: '' }),
    ]);
  });

  it('answers a sample that is lost with what was wrong, and its address', () => {
    const { say, take } = join(['read:/**', 'write:/a/**']);
    const long = 'x'.repeat(70_000);
    say({ type: 'stream', address: '/a/s', value: long, id: 1 });
    say({ type: 'stream', address: '/a/s', value: ['x'.repeat(40_000), 'x'.repeat(40_000)], id: 2 });
    say({ type: 'stream', address: '/b', value: 1, id: 3 });
    say({ type: 'stream', address: '/b', value: 1 });
    say({ type: 'stream', address: '/a/s', value: 1, id: 5 });
    const stream = { type: 'error', request_type: 'stream' };
    expect(take()).toEqual([
      { ...stream, id: 1, code: 402, message: expect.stringContaining('70000'), address: '/a/s' },
      { ...stream, id: 2, code: 402, message: expect.any(String), address: '/a/s' },
      { ...stream, id: 3, code: 301, message: 'no scope permits to write /b', address: '/b' },
      { ...stream, code: 301, message: 'no scope permits to write /b', address: '/b' },
      { type: 'ok', id: 5 },
    ]);
  });

  it.each<[request: string, says: string]>([
    [
      '"subscribe", "pattern": "/a", "types": [["param"]]',
      '"types" must be some of param, event, stream, gesture, timeline, not ["param"]',
    ],
    [
      '"subscribe", "pattern": "/a", "types": [null]',
      '"types" must be some of param, event, stream, gesture, timeline, not null',
    ],
    ['"subscribe", "pattern": "/a", "maxRate": -0.5', '"maxRate" must be a number of 0 to 4294967295, not -0.5'],
    [
      '"subscribe", "pattern": "/a", "maxRate": 4294967296',
      '"maxRate" must be a number of 0 to 4294967295, not 4294967296',
    ],
    ['"subscribe", "pattern": "/a", "maxRate": "5"', '"maxRate" must be a number of 0 to 4294967295, not "5"'],
    ['"subscribe", "pattern": "/a", "epsilon": -0.5', '"epsilon" must be a number of 0 or more, not -0.5'],
    ['"set", "address": "/a", "value": 1, "revision": -1', '"revision" must be a whole number of 0 or more, not -1'],
  ])('names the key and the value that cannot be: %s', (request, message) => {
    const { say, take } = join();
    say(`{"type": ${request}, "id": 1}`);
    expect(take()).toMatchObject([{ type: 'error', code: 101, message, id: 1 }]);
  });

  it('refuses more subscriptions than it may have', () => {
    const { say, take } = join();
    for (const n of [1, 2, 3, 3, 4]) say({ type: 'subscribe', pattern: `/${n}` });
    expect(take().at(-1)).toMatchObject({ type: 'error', code: 429 });
  });

  it('keeps the newest for a peer that lags, and every event', () => {
    const { session, say, take, app, congest } = join();
    say({ type: 'subscribe', pattern: '/**' });
    take();
    congest(true);
    for (const value of [1, 2, 3]) app.set('/a', value);
    app.emit('/e', 1);
    app.emit('/e', 2);
    app.stream('/s', 1);
    app.stream('/s', 2);
    expect(take().map((message) => (message as { value: number }).value)).toEqual([1, 2]);
    congest(false);
    session.relieved();
    expect(take()).toMatchObject([
      { type: 'value', address: '/a', value: 3, revision: 3 },
      { type: 'stream', address: '/s', value: 2 },
    ]);
  });

  it('keeps 1 MiB of samples for a peer that lags, those of the newest addresses', () => {
    const { session, say, take, app, congest } = join();
    say({ type: 'subscribe', pattern: '/**' });
    take();
    congest(true);
    const value = 'x'.repeat(50_000);
    app.set('/p', 1);
    for (let n = 0; n < 100; n++) app.stream(`/s/${n}`, value);
    for (let n = 0; n < 100; n++) app.stream('/s/99', n);
    congest(false);
    session.relieved();
    const [param, ...samples] = take() as { address: string; value: unknown }[];
    expect(param).toMatchObject({ type: 'value', address: '/p' });
    expect(samples.map(({ address }) => address)).toEqual(
      Array.from({ length: samples.length }, (_, i) => `/s/${100 - samples.length + i}`),
    );
    expect(samples.length).toBeGreaterThan(5);
    expect(samples.length).toBeLessThan(22);
    expect(samples.at(-1)?.value).toBe(99);
    // What is sent counts no more.
    congest(true);
    app.set('/p', 2);
    for (let n = 0; n < 8; n++) app.stream(`/t/${n}`, value);
    congest(false);
    session.relieved();
    expect(take()).toHaveLength(9);
  });

  it('survives any text', () => {
    const { say, take } = join();
    const words = fc.constantFrom('set', 'get', 'emit', 'stream', 'subscribe', 'unsubscribe', 'snapshot', 'address');
    const message = fc.dictionary(
      fc.constantFrom('type', 'address', 'pattern', 'value', 'types', 'id', 'prefix', 'maxRate', 'lock', 'ttl'),
      fc.oneof(words, fc.constantFrom('/a', '/a/*', '/**'), fc.jsonValue()),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          message.map((one) => JSON.stringify(one)),
        ),
        (text) => {
          expect(() => say(text)).not.toThrow();
          for (const answer of take()) expect(parseJson(JSON.stringify(answer))).toHaveProperty('type');
        },
      ),
    );
  });
});
