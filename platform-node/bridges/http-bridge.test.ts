import { afterEach, describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { endAll, listen, put, serveHttp } from '../../peers/http-rig.ts';

afterEach(endAll);

describe('the HTTP API', () => {
  it('writes, reads and deletes a param', async () => {
    const { base, client } = await serveHttp();
    const written = await put(`${base}/v1/state/mixer/1`, { value: 0.5 });
    expect([written.status, await written.json()]).toEqual([200, { address: '/mixer/1', value: 0.5, revision: 1 }]);
    expect(await client.get('/mixer/1')).toBe(0.5);

    const read = await fetch(`${base}/v1/state/mixer/1`);
    const state = (await read.json()) as Record<string, unknown>;
    expect(state).toMatchObject({ address: '/mixer/1', value: 0.5, revision: 1 });
    expect(Math.abs(Date.parse(String(state['timestamp'])) - Date.now())).toBeLessThan(60_000);

    expect((await fetch(`${base}/v1/state/mixer/1`, { method: 'DELETE' })).status).toBe(204);
    for (const method of ['GET', 'DELETE']) {
      const gone = await fetch(`${base}/v1/state/mixer/1`, { method });
      expect([gone.status, await gone.json()]).toEqual([
        404,
        { error: { code: 201, message: 'there is no param at /mixer/1', address: '/mixer/1' } },
      ]);
    }
  });

  it('keeps integers integers and bytes bytes', async () => {
    const { base, client } = await serveHttp();
    await put(`${base}/v1/state/a`, '{"value": 9007199254740993}');
    expect(await client.get('/a')).toBe(9007199254740993n);
    expect(await (await fetch(`${base}/v1/state/a`)).text()).toContain('"value":9007199254740993');
    await put(`${base}/v1/state/b`, { value: { $bytes: 'AQI=' } });
    expect(await client.get('/b')).toEqual(Uint8Array.of(1, 2));
  });

  it('answers what the relay refuses with the status that says the same', async () => {
    const { base, client } = await serveHttp();
    await client.set('/held', 1, { lock: true });
    await client.set('/a', 1);
    const status = async (response: Promise<Response>) => {
      const answer = await response;
      const { error } = (await answer.json()) as { error: { code: number } };
      return [answer.status, error.code];
    };
    expect(await status(put(`${base}/v1/state/held`, { value: 2 }))).toEqual([423, 401]);
    expect(await status(put(`${base}/v1/state/a`, { value: 2, revision: 7 }))).toEqual([409, 400]);
    expect(await status(put(`${base}/v1/state/a//b`, { value: 2 }))).toEqual([400, 200]);
    expect(await status(put(`${base}/v1/state/a`, 'nonsense'))).toEqual([400, 101]);
    expect(await status(put(`${base}/v1/state/a`, '[1]'))).toEqual([400, 101]);
    expect(await status(put(`${base}/v1/state/a`, {}))).toEqual([400, 101]);
    expect(await status(put(`${base}/v1/state/a`, { value: 1, lock: 'yes' }))).toEqual([400, 101]);
    expect(await status(put(`${base}/v1/state/a`, 'x'.repeat(2_000_000)))).toEqual([413, 101]);
    expect(await client.get('/a')).toBe(1);
  });

  it('reads addresses as they are written, encoded or not, and no patterns', async () => {
    const { base, client } = await serveHttp();
    await put(`${base}/v1/state/stra%C3%9Fe%2F%E2%98%83`, { value: 'ü' });
    expect(await client.get('/straße/☃')).toBe('ü');
    expect(await (await fetch(`${base}/v1/state/straße/☃`)).json()).toMatchObject({ address: '/straße/☃', value: 'ü' });
    const head = await fetch(`${base}/v1/state/straße/☃`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    for (const path of ['straße/*', 'straße/%2A', '/a', 'a%ZZ', '']) {
      for (const method of ['GET', 'DELETE']) {
        const answer = await fetch(`${base}/v1/state/${path}`, { method });
        expect([answer.status, await answer.json()], `${method} ${path}`).toMatchObject([
          400,
          { error: { code: 200 } },
        ]);
      }
    }
    expect(await client.get('/straße/☃')).toBe('ü');
  });

  it('takes and gives back locks, the same for all requests with one token', async () => {
    const { base, client } = await serveHttp();
    const url = `${base}/v1/state/a`;
    expect((await put(url, { value: 1, lock: true })).status).toBe(200);
    await expect(client.set('/a', 2)).rejects.toMatchObject({ code: 401 });
    expect((await put(url, { value: 3 })).status).toBe(200);
    expect((await put(url, { value: 4, unlock: true })).status).toBe(200);
    await client.set('/a', 5);
    expect(await client.get('/a')).toBe(5);
  });

  it('lets a param end that was given a time to live', async () => {
    const { base, client } = await serveHttp();
    expect((await put(`${base}/v1/state/a`, { value: 1, ttl: 1 })).status).toBe(200);
    expect((await put(`${base}/v1/state/b`, { value: 1, ttl: { seconds: 1, mode: 'absolute' } })).status).toBe(200);
    expect(await client.get('/b')).toBe(1);
    // Reading would keep the first one alive.
    await expect.poll(() => client.get('/b'), { timeout: 10_000 }).toBeNull();
    await expect
      .poll(async () => Object.keys((await (await fetch(`${base}/v1/snapshot`)).json()) as object), {
        timeout: 20_000,
        interval: 1_500,
      })
      .toEqual([]);
  });

  it('answers two hundred requests at once, and one of many that delete the same', async () => {
    const { base, client } = await serveHttp();
    const all = Array.from({ length: 200 }, (_, index) => put(`${base}/v1/state/many/${index}`, { value: index }));
    expect(new Set((await Promise.all(all)).map(({ status }) => status))).toEqual(new Set([200]));
    const state = (await (await fetch(`${base}/v1/snapshot/many`)).json()) as object;
    expect(Object.keys(state)).toHaveLength(200);
    const deletions = await Promise.all(
      Array.from({ length: 20 }, () => fetch(`${base}/v1/state/many/7`, { method: 'DELETE' })),
    );
    for (const { status } of deletions) expect([204, 404]).toContain(status);
    expect(deletions.some(({ status }) => status === 204)).toBe(true);
    expect(await client.get('/many/7')).toBeNull();
  });

  it('emits events, with and without a value', async () => {
    const { base, client } = await serveHttp();
    const seen: unknown[] = [];
    client
      .on('/cue/*', { types: ['event'] })
      .subscribe(({ address, ...signal }) => seen.push([address, 'value' in signal && signal.value]));
    const answer = await fetch(`${base}/v1/emit/cue/go`, { method: 'POST', body: '{"value": 7}' });
    expect([answer.status, await answer.json()]).toEqual([202, { address: '/cue/go', status: 'emitted' }]);
    await fetch(`${base}/v1/emit/cue/stop`, { method: 'POST' });
    expect(seen).toEqual([
      ['/cue/go', 7],
      ['/cue/stop', null],
    ]);
  });

  it('gives a snapshot, of everything or below a prefix', async () => {
    const { base, client } = await serveHttp();
    await client.set('/a/1', 1);
    await client.set('/a/2/x', [true, null]);
    await client.set('/ab', 'text');
    expect(await (await fetch(`${base}/v1/snapshot`)).json()).toEqual({
      '/a/1': 1,
      '/a/2/x': [true, null],
      '/ab': 'text',
    });
    expect(await (await fetch(`${base}/v1/snapshot/a`)).json()).toEqual({ '/a/1': 1, '/a/2/x': [true, null] });
    expect(await (await fetch(`${base}/v1/snapshot/none`)).json()).toEqual({});
  });

  it('describes itself', async () => {
    const { base } = await serveHttp();
    const described = (await (await fetch(`${base}/v1/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(described.paths)).toContain('/v1/state/{address}');
  });

  it('acts with the rights of the token, and asks for one', async () => {
    const { base, client } = await serveHttp({
      authenticate: (token) => {
        if (token === 'reader') return { scopes: ['read:/a/**'] };
        if (token === 'old') throw new ClaspError(ErrorCode.TokenExpired, 'token expired');
        throw new ClaspError(ErrorCode.NotAuthenticated, 'who are you?');
      },
    });
    await client.set('/a/1', 1);
    await client.set('/b/1', 1);
    const bearer = { authorization: 'Bearer reader' };
    expect((await fetch(`${base}/v1/state/a/1`)).status).toBe(401);
    expect((await fetch(`${base}/v1/state/a/1?token=old`)).status).toBe(401);
    expect((await fetch(`${base}/v1/state/a/1`, { headers: bearer })).status).toBe(200);
    expect((await fetch(`${base}/v1/state/a/1?token=reader`)).status).toBe(200);
    expect((await fetch(`${base}/v1/state/b/1`, { headers: bearer })).status).toBe(403);
    expect((await put(`${base}/v1/state/a/1`, { value: 2 }, bearer)).status).toBe(403);
    expect(await (await fetch(`${base}/v1/snapshot`, { headers: bearer })).json()).toEqual({ '/a/1': 1 });
    expect((await fetch(`${base}/v1/events?pattern=/b/**`, { headers: bearer })).status).toBe(403);
  });

  it('answers pages of other origins only where it is told to', async () => {
    const closed = await serveHttp();
    const page = { origin: 'https://desk.example' };
    const refused = await fetch(`${closed.base}/v1/emit/cue`, { method: 'POST', headers: page });
    expect(refused.status).toBe(403);
    const { base } = await serveHttp({ cors: ['https://desk.example'] });
    const preflight = await fetch(`${base}/v1/state/a`, { method: 'OPTIONS', headers: page });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PUT');
    const answered = await put(`${base}/v1/state/a`, { value: 1 }, page);
    expect([answered.status, answered.headers.get('access-control-allow-origin')]).toEqual([
      200,
      'https://desk.example',
    ]);
    expect((await put(`${base}/v1/state/a`, { value: 1 }, { origin: 'https://else.example' })).status).toBe(403);
  });
});

describe('server-sent events', () => {
  it('give the current params, `synced`, then what happens', async () => {
    const { base, client } = await serveHttp();
    await client.set('/a/1', 0.5);
    const { events, until } = listen(`${base}/v1/events?pattern=/a/**`);
    await until(2);
    await client.set('/a/1', 0.75);
    await client.emit('/a/go', 'now');
    client.stream('/a/meter', -3.5);
    await client.set('/b', 1);
    await until(5);
    expect(events.map(({ event, data }) => [event, data])).toEqual([
      ['param', expect.objectContaining({ address: '/a/1', value: 0.5, revision: 1 })],
      ['synced', { pattern: '/a/**' }],
      ['param', expect.objectContaining({ address: '/a/1', value: 0.75, revision: 2 })],
      ['event', expect.objectContaining({ address: '/a/go', value: 'now' })],
      ['stream', expect.objectContaining({ address: '/a/meter', value: -3.5 })],
    ]);
  });

  it('bring what others ask for over HTTP, each with its time', async () => {
    const { base } = await serveHttp();
    const page = listen(`${base}/v1/events?pattern=/a/*`);
    await page.until(1);
    await fetch(`${base}/v1/emit/a/go`, { method: 'POST', body: '{"value":1}' });
    await put(`${base}/v1/state/a/1`, { value: 2 });
    await page.until(3);
    expect(page.events.slice(1)).toMatchObject([
      { event: 'event', data: { address: '/a/go', value: 1, timestamp: expect.stringMatching(/^\d{4}-/) } },
      { event: 'param', data: { address: '/a/1', value: 2, revision: 1, timestamp: expect.stringMatching(/^\d{4}-/) } },
    ]);
  });

  it('bring only the kinds that are asked for, and resume so', async () => {
    const { base, client } = await serveHttp();
    await client.set('/a/1', 1);
    const url = `${base}/v1/events?pattern=/a/*&types=event`;
    const first = listen(url);
    await first.until(1);
    await client.set('/a/1', 2);
    await client.emit('/a/go', 1);
    await first.until(2);
    expect(first.events.map(({ event }) => event)).toEqual(['synced', 'event']);
    await first.close();
    await client.set('/a/1', 3);
    await client.emit('/a/go', 2);
    const again = listen(url, { 'last-event-id': first.events[1]?.id ?? '' });
    await again.until(1);
    await client.emit('/a/go', 3);
    await again.until(2);
    expect(again.events).toMatchObject([
      { event: 'event', data: { value: 2 } },
      { event: 'event', data: { value: 3 } },
    ]);
  });

  it('resume with what was missed, and start anew when that is not known', async () => {
    const { base, client } = await serveHttp();
    const url = `${base}/v1/events?pattern=/a/*&types=event`;
    const first = listen(url);
    await first.until(1);
    await client.emit('/a/1');
    await first.until(2);
    await first.close();
    const lastId = first.events[1]?.id ?? '';
    await client.emit('/a/2');
    await client.emit('/a/3');
    const again = listen(url, { 'last-event-id': lastId });
    await again.until(2);
    await client.emit('/a/4');
    await again.until(3);
    expect(again.events.map(({ data }) => (data as { address: string }).address)).toEqual(['/a/2', '/a/3', '/a/4']);
    const stranger = listen(url, { 'last-event-id': 'else-7' });
    await stranger.until(1);
    expect(stranger.events[0]?.event).toBe('synced');
  });

  it('refuse a bad pattern or kind with 400', async () => {
    const { base } = await serveHttp();
    expect((await fetch(`${base}/v1/events?pattern=a`)).status).toBe(400);
    expect((await fetch(`${base}/v1/events?types=params`)).status).toBe(400);
  });
});
