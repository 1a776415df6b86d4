import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { openChromium } from '../../peers/chromium.ts';
import { cuttableWay } from '../../peers/cuttable-way.ts';
import { atEnd, endAll, listen, serveHttp } from '../../peers/http-rig.ts';
import { installed } from '../../peers/installed.ts';
import { nginxBefore } from '../../peers/nginx.ts';

const later: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of later.splice(0)) await end();
  endAll();
});

describe.skipIf(!installed('curl'))('curl', () => {
  const curl = async (...words: readonly string[]) =>
    (await promisify(execFile)(installed('curl') ?? 'curl', ['-s', '-m', '10', ...words])).stdout;

  it('reads and writes state as the documentation shows', async () => {
    const { base } = await serveHttp();
    expect(await curl('-X', 'PUT', '-d', '{"value":21.5}', `${base}/v1/state/mqtt/sensors/temp`)).toBe(
      '{"address":"/mqtt/sensors/temp","value":21.5,"revision":1}\n',
    );
    expect(await curl(`${base}/v1/snapshot/mqtt`)).toBe('{"/mqtt/sensors/temp":21.5}\n');
    expect(await curl('-X', 'POST', `${base}/v1/emit/cue/1`)).toBe('{"address":"/cue/1","status":"emitted"}\n');
    expect(await curl('-o', '/dev/null', '-w', '%{http_code}', `${base}/v1/state/none`)).toBe('404');
  });

  it('writes only what it has seen, through a proxy too, and asks what there is', async () => {
    const { base } = await serveHttp();
    const url = `${base}/v1/state/a`;
    const status = (...words: readonly string[]) => curl('-o', '/dev/null', '-w', '%{http_code}', ...words);
    const etag = await curl('-o', '/dev/null', '-w', '%header{etag}', '-X', 'PUT', '-d', '{"value":1}', url);
    expect(await status('-H', `If-None-Match: ${etag}`, url)).toBe('304');
    expect(await status('-X', 'PUT', '-d', '{"value":2}', '-H', `If-Match: ${etag}`, url)).toBe('200');
    expect(await status('-X', 'DELETE', '-H', `If-Match: ${etag}`, url)).toBe('412');
    // curl sends a target in absolute form to what it takes for a proxy.
    expect(await curl('--proxy', base, 'http://relay.example/v1/snapshot')).toBe('{"/a":2}\n');
    expect(await curl('-i', '-X', 'OPTIONS', '--request-target', '*', base)).toContain('allow: GET, HEAD, PUT');
  });
});

describe.skipIf(!installed('nginx'))('behind nginx', () => {
  it('events come at once, and a slash in an address may be encoded or not', async () => {
    const { base, client } = await serveHttp();
    const front = await nginxBefore(new URL(base).host);
    later.push(front.end);
    const { events, until } = listen(`${front.base}/v1/events?pattern=/a/**`);
    await until(1);
    await client.set('/a/1', 1);
    await until(2);
    expect(events.at(-1)).toMatchObject({ event: 'param', data: { address: '/a/1', value: 1 } });
    for (const path of ['a/1', 'a%2F1']) expect((await fetch(`${front.base}/v1/state/${path}`)).status).toBe(200);
  });
});

describe.skipIf(!installed('nginx') || !installed('chromium'))('a page behind nginx as it is installed', () => {
  it('may write, emit and listen, and a page of another origin may not', async () => {
    const { base, client } = await serveHttp();
    const front = await nginxBefore(new URL(base).host, false);
    const other = await serveHttp();
    const { context, close } = await openChromium();
    later.push(close, front.end);
    const tab = await context.newPage();
    const act = async (page: string) => {
      await tab.goto(`${page}/v1/openapi.json`);
      return tab.evaluate(async (to) => {
        const ask = (path: string, method: string, type?: string) =>
          fetch(`${to}${path}`, {
            method,
            body: '{"value": 1}',
            ...(type === undefined ? {} : { headers: { 'content-type': type } }),
          }).then(
            ({ status }) => status,
            () => 'refused',
          );
        return [
          await ask('/v1/state/a', 'PUT'),
          await ask('/v1/emit/b', 'POST'),
          await ask('/v1/emit/b', 'POST', 'application/json'),
        ];
      }, front.base);
    };
    const emitted: unknown[] = [];
    const listening = client.on('/b').subscribe((signal) => emitted.push(signal));
    atEnd(() => listening.unsubscribe());
    expect(await act(other.base)).toEqual(['refused', 'refused', 'refused']);
    expect([emitted, await client.get('/a')]).toEqual([[], null]);
    expect(await act(front.base)).toEqual([200, 202, 202]);
    expect([emitted.length, await client.get('/a')]).toEqual([2, 1]);
  }, 60_000);
});

describe.skipIf(!installed('chromium'))("a browser's EventSource", () => {
  it('follows a relay from a page of another origin, and resumes after the connection was lost', async () => {
    const page = await serveHttp();
    const { base, client } = await serveHttp({ cors: [page.base] });
    const way = await cuttableWay(new URL(base).host);
    atEnd(way.close);
    await client.set('/light/1', 0.25);
    const { context, close } = await openChromium();
    later.push(close);
    const tab = await context.newPage();
    await tab.goto(`${page.base}/v1/openapi.json`);
    await tab.evaluate((url) => {
      const source = new EventSource(url);
      const seen: unknown[] = [];
      Object.assign(globalThis, { seen, source });
      for (const type of ['param', 'event', 'synced']) {
        source.addEventListener(type, ({ data, lastEventId }) => seen.push([type, JSON.parse(data), lastEventId]));
      }
    }, `http://${way.host}/v1/events?pattern=/light/*`);
    const seen = () => tab.evaluate(() => Reflect.get(globalThis, 'seen') as [string, Record<string, unknown>][]);
    const values = async () => (await seen()).map(([type, { value }]) => [type, value]);
    await expect.poll(values).toEqual([
      ['param', 0.25],
      ['synced', undefined],
    ]);
    await client.set('/light/1', 0.5);
    await expect.poll(async () => (await values()).at(-1)).toEqual(['param', 0.5]);

    // The browser comes back by itself: with its last id, so it gets what it missed and no second snapshot.
    way.cut();
    await client.emit('/light/flash', 'missed');
    await client.emit('/light/flash', 'seen');
    await expect
      .poll(async () => (await values()).slice(3), { timeout: 10_000 })
      .toEqual([
        ['event', 'missed'],
        ['event', 'seen'],
      ]);
  }, 60_000);
});
