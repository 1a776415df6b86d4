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
