import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import { atEnd, endAll, serveHttp } from '../../peers/http-rig.ts';

afterEach(endAll);

describe('outgoing HTTP', () => {
  /** A server that keeps what it was asked and answers with `statuses` in turn, the last one for ever. */
  async function far(answers: readonly { status: number; body?: string }[]) {
    const calls: { url: string | undefined; body: string; method: string | undefined }[] = [];
    const server: Server = createServer(async (incoming, outgoing) => {
      let body = '';
      for await (const chunk of incoming) body += chunk;
      const answer = answers[Math.min(calls.length, answers.length - 1)] ?? { status: 200 };
      calls.push({ url: incoming.url, body, method: incoming.method });
      outgoing.writeHead(answer.status).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(() => {
      server.closeAllConnections();
      server.close();
    });
    return { calls, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  const ready = async (client: Client) => client.get('/none');

  it('calls a webhook for what happens, and again when the far side is down', async () => {
    const { calls, url } = await far([{ status: 503 }, { status: 200 }]);
    const { client } = await serveHttp({ webhooks: [{ pattern: '/door/*', url: `${url}/hook/{address}` }] });
    await ready(client);
    await client.emit('/door/1', 'open');
    await client.set('/door/2', 5n);
    await expect.poll(() => calls.length, { timeout: 5_000 }).toBe(3);
    expect(calls.map(({ url: called }) => called)).toEqual(['/hook/door%2F1', '/hook/door%2F1', '/hook/door%2F2']);
    expect(JSON.parse(calls[2]?.body ?? '')).toMatchObject({
      kind: 'param',
      address: '/door/2',
      value: 5,
      revision: 1,
    });
  });

  it('says what a webhook refuses, and goes on', async () => {
    const { calls, url } = await far([{ status: 404 }, { status: 200 }]);
    const { client, events } = await serveHttp({ webhooks: [{ pattern: '/door/*', url }] });
    await ready(client);
    await client.emit('/door/1');
    await client.emit('/door/2');
    await expect.poll(() => calls.length).toBe(2);
    await expect
      .poll(() => events.at(-1))
      .toMatchObject({ type: 'failure', failure: { reason: `${url} answered 404` } });
  });

  it('reads a URL into a param', async () => {
    const { url } = await far([
      { status: 200, body: '{"main":{"temp":21.5}}' },
      { status: 200, body: '{"main":{"temp":22}}' },
    ]);
    const { client } = await serveHttp({ polls: [{ url, to: '/weather/temp', every: 0.05, path: 'main.temp' }] });
    const seen: unknown[] = [];
    client
      .on('/weather/temp', { types: ['param'] })
      .subscribe((signal) => seen.push('value' in signal && signal.value));
    await expect.poll(() => seen.at(-1), { timeout: 5_000 }).toBe(22);
    expect([...new Set(seen)]).toEqual([21.5, 22]);
  });

  it('writes what it reads only when that has changed, whatever else the answer says', async () => {
    const body = (temp: number, at: number) => JSON.stringify({ at, main: { temp, list: [1, { a: 2 }] } });
    const { url, calls } = await far([
      ...[1, 2, 3, 4].map((at) => ({ status: 200, body: body(21, at) })),
      ...[5, 6].map((at) => ({ status: 200, body: body(22, at) })),
    ]);
    const polls = ['main', 'main.temp'].map((path) => ({ url, to: `/weather/${path}`, every: 0.02, path }));
    const { client } = await serveHttp({ polls });
    const seen: unknown[] = [];
    client.on('/weather/*').subscribe((signal) => signal.kind === 'param' && seen.push([signal.address, signal.value]));
    await expect.poll(() => calls.length, { timeout: 5_000 }).toBeGreaterThan(16);
    const [first, second] = [21, 22].map((temp) => ({ temp, list: [1, { a: 2 }] }));
    expect(seen).toHaveLength(4);
    expect(seen).toEqual(
      expect.arrayContaining([
        ['/weather/main', first],
        ['/weather/main', second],
        ['/weather/main.temp', 21],
        ['/weather/main.temp', 22],
      ]),
    );
  });

  it('says what it cannot read', async () => {
    const { url } = await far([{ status: 200, body: '{}' }]);
    const { events } = await serveHttp({ polls: [{ url, to: '/a', every: 60, path: 'main.temp' }] });
    await expect
      .poll(() => events.at(-1))
      .toMatchObject({ type: 'failure', failure: { reason: `${url} answers no "main.temp"` } });
  });
});
