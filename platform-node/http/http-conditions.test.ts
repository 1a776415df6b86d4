import { concat, defer, NEVER, of, Subject } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import type { Value } from '../../core/signal/value.ts';
import { createClient } from '../../operators/client/client.ts';
import { router } from '../../operators/router/router.ts';
import { atEnd, endAll, put, serveHttp } from '../../peers/http-rig.ts';
import { httpBridge } from '../bridges/http-bridge.ts';

afterEach(endAll);

const state = async () => {
  const served = await serveHttp();
  const url = `${served.base}/v1/state/a`;
  const get = (headers: Record<string, string> = {}, method = 'GET') => fetch(url, { method, headers });
  const tag = async () => (await get()).headers.get('etag') ?? '';
  return { ...served, url, get, tag };
};

describe('conditions on state', () => {
  it('are about a tag that every write changes, also across a delete', async () => {
    const { url, tag } = await state();
    const tags = new Set<string>();
    for (const value of [1, 1, 2]) {
      const written = await put(url, { value });
      expect(written.headers.get('etag')).toBe(await tag());
      tags.add(await tag());
    }
    expect((await fetch(url, { method: 'DELETE' })).headers.get('etag')).toBeNull();
    await put(url, { value: 1 });
    tags.add(await tag());
    expect(tags.size).toBe(4);
    for (const each of tags) expect(each).toMatch(/^"[^"]+"$/);
  });

  it('spare a reader what it has: 304 with the tag and no body, to GET and HEAD', async () => {
    const { url, get, tag } = await state();
    await put(url, { value: 1 });
    const etag = await tag();
    for (const method of ['GET', 'HEAD']) {
      for (const wanted of [etag, `W/${etag}`, `"x", ${etag} , W/"y"`, '*', '"1"']) {
        const response = await get({ 'if-none-match': wanted }, method);
        expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([304, etag, '']);
        expect(response.headers.has('content-length')).toBe(false);
      }
    }
    await put(url, { value: 2 });
    const changed = await get({ 'if-none-match': etag });
    expect([changed.status, await changed.json()]).toEqual([200, expect.objectContaining({ value: 2, revision: 2 })]);
    expect((await get({ 'if-match': etag })).status).toBe(412);
    expect((await get({ 'if-match': await tag() })).status).toBe(200);
    for (const header of ['if-match', 'if-none-match']) {
      for (const wrong of ['1', '"a" "b"', '"a', 'w/"a"', '']) {
        const { status } = await get({ [header]: wrong });
        expect([header, wrong, status]).toEqual([header, wrong, 400]);
      }
    }
  });

  it('have nothing changed that somebody else has written: 412 with the revision there is', async () => {
    const { url, client, tag } = await state();
    await put(url, { value: 1 });
    const first = await tag();
    const second = await put(url, { value: 2 }, { 'if-match': first });
    expect([second.status, second.headers.get('etag')]).toEqual([200, await tag()]);
    for (const wanted of [first, '"1"', `W/${await tag()}`]) {
      for (const response of [
        await put(url, { value: 3 }, { 'if-match': wanted }),
        await fetch(url, { method: 'DELETE', headers: { 'if-match': wanted } }),
      ]) {
        expect([response.status, await response.json()]).toEqual([
          412,
          { error: { code: 400, message: expect.stringContaining('/a is at revision 2'), address: '/a' } },
        ]);
      }
    }
    expect(await client.get('/a')).toBe(2);
    expect((await put(url, { value: 3 }, { 'if-match': `"x", ${await tag()}` })).status).toBe(200);
    expect((await put(url, { value: 4 }, { 'if-match': '"3"' })).status).toBe(200);
    expect((await put(url, { value: 5, revision: 3 }, { 'if-match': '"4"' })).status).toBe(409);
    expect((await put(url, { value: 5, revision: 4 }, { 'if-match': '*' })).status).toBe(200);
    const removed = await fetch(url, { method: 'DELETE', headers: { 'if-match': await tag() } });
    expect(removed.status).toBe(204);
    expect((await fetch(url, { method: 'DELETE', headers: { 'if-match': '*' } })).status).toBe(412);
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(404);
  });

  it('create what is not there, once, and not what was only deleted and came back', async () => {
    const { url, base, client } = await state();
    const create = (value: number) => put(url, { value }, { 'if-none-match': '*' });
    expect((await put(url, { value: 0 }, { 'if-match': '*' })).status).toBe(412);
    expect((await create(1)).status).toBe(200);
    expect((await create(2)).status).toBe(412);
    await client.set('/a', null);
    const rivals = await Promise.all([3, 4, 5, 6].map(create));
    expect(rivals.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
    expect((await fetch(`${base}/v1/state/b`, { headers: { 'if-match': '*' } })).status).toBe(412);
    expect((await fetch(`${base}/v1/state/b`, { headers: { 'if-none-match': '*' } })).status).toBe(404);
  });

  it('let no write be lost, however many count at once', async () => {
    const { url, get, client } = await state();
    await put(url, { value: 0 });
    const count = async () => {
      for (;;) {
        const now = await get();
        const { value } = (await now.json()) as { value: number };
        const etag = now.headers.get('etag') ?? '';
        if ((await put(url, { value: value + 1 }, { 'if-match': etag })).status === 200) return;
      }
    };
    await Promise.all(Array.from({ length: 8 }, count));
    expect(await client.get('/a')).toBe(8);
    // What holds for any value is written, whoever writes meanwhile.
    const any = await Promise.all([1, 2, 3, 4].map((value) => put(url, { value }, { 'if-match': '*' })));
    expect(any.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it('hold for what is written over, also when somebody writes between the look and the write', async () => {
    const relay = router();
    const running = relay(NEVER).subscribe();
    const [client, rival] = [relay.client('http'), relay.client('rival')];
    const set = client.set.bind(client);
    const between: (() => void)[] = [];
    vi.spyOn(client, 'set').mockImplementation((address, value, options) => {
      between.shift()?.();
      return set(address, value, options);
    });
    const base = await new Promise<string>((resolve, reject) => {
      const bridge = httpBridge(client, { port: 0, host: '127.0.0.1' }).subscribe({
        next: (event) => event.type === 'ready' && resolve(event.address),
        error: reject,
      });
      atEnd(() => {
        bridge.unsubscribe();
        running.unsubscribe();
      });
    });
    const url = `${base}/v1/state/a`;
    const writes = (value: Value) => () => rival.set('/a', value);
    const rivals = async (...all: (() => void)[]) => {
      between.push(...all);
      return (await fetch(url)).headers.get('etag') ?? '';
    };

    await rivals(writes(1));
    expect((await put(url, { value: 0 }, { 'if-none-match': '*' })).status).toBe(412);
    expect(await rival.get('/a')).toBe(1);
    let headers = { 'if-match': await rivals(writes(2)) };
    expect((await put(url, { value: 0 }, headers)).status).toBe(412);
    expect(await rival.get('/a')).toBe(2);
    headers = { 'if-match': await rivals(writes(3)) };
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(412);
    expect(await rival.get('/a')).toBe(3);
    await rivals(writes(4), writes(5));
    expect((await put(url, { value: 0 }, { 'if-match': '*' })).status).toBe(200);
    expect(await rival.get('/a')).toBe(0);
    await rivals(writes(6), writes(null));
    expect((await put(url, { value: 0 }, { 'if-match': '*' })).status).toBe(412);
    expect(await rival.get('/a')).toBeNull();
    expect(between).toEqual([]);
  });

  it('say what else is in the way: a lock, a value that wins', async () => {
    const relay = router({ params: [{ pattern: '/max', strategy: 'max' }] });
    const { base, client } = await serveHttp({}, relay);
    await client.set('/max', 5);
    await client.set('/held', 1, { lock: true });
    const write = async (name: string) =>
      (await put(`${base}/v1/state/${name}`, { value: 1 }, { 'if-match': '"1"' })).status;
    expect([await write('max'), await write('held')]).toEqual([409, 423]);
  });

  it('have no tag of before stand for anything when the relay elsewhere may be another one', async () => {
    let hangUp: () => void = () => undefined;
    const client = createClient(
      defer(() => {
        const [here, there] = memoryPair();
        router()(of(there)).subscribe();
        const lost = new Subject<never>();
        hangUp = () => {
          there.outgoing.complete();
          lost.complete();
        };
        return concat(of(here), lost);
      }),
      { random: () => 0 },
    );
    const bridge = httpBridge(client, { port: 0, host: '127.0.0.1' });
    const base = await new Promise<string>((resolve, reject) => {
      const running = bridge.subscribe({
        next: (event) => event.type === 'ready' && resolve(event.address),
        error: reject,
      });
      atEnd(() => running.unsubscribe());
      atEnd(() => client.close());
    });
    const url = `${base}/v1/state/a`;
    const write = async (value: number) => (await put(url, { value })).headers.get('etag') ?? '';
    const before = await write(1);
    const { session } = client;
    hangUp();
    await expect.poll(() => ![session, null].includes(client.session)).toBe(true);
    const after = await write(2);
    expect(after).not.toBe(before);
    const read = async (tag: string) => (await fetch(url, { headers: { 'if-none-match': tag } })).status;
    expect([await read(before), await read(after)]).toEqual([200, 304]);
  });
});
