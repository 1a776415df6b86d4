import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { type HttpRoute, httpRoutes, json } from './http-routes.ts';

const servers = new Set<Server>();

afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  servers.clear();
});

async function serve(routes: readonly HttpRoute[], maxBody?: number): Promise<string> {
  const server = createServer(httpRoutes(routes, maxBody === undefined ? {} : { maxBody }));
  servers.add(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What comes back for these bytes, until the server closes. */
function raw(base: string, request: string): Promise<string> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(request));
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text;
    });
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

const echo: HttpRoute = {
  path: '/v1/state/*',
  methods: {
    GET: ({ method, path, rest, query }) => json(200, { method, path, rest, query: query.get('q') }),
    PUT: async ({ text }) => json(200, { body: await text() }),
  },
};

describe('HTTP routes', () => {
  it.each(['a/../b', 'a/%2E%2e/b', 'a/./b', 'a%5Cb', 'a\\b', 'a//b'])('takes %s as it is written', async (rest) => {
    const base = await serve([echo]);
    const answer = await raw(base, `GET /v1/state/${rest} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const [, body = ''] = answer.split('\r\n\r\n');
    expect(JSON.parse(body)).toMatchObject({ rest: decodeURIComponent(rest) });
  });

  it('answers an exact path, and a path with everything below it', async () => {
    const base = await serve([{ path: '/ping', methods: { GET: () => json(200, 'pong') } }, echo]);
    expect(await (await fetch(`${base}/ping?x=1`)).json()).toBe('pong');
    expect(await (await fetch(`${base}/v1/state/a%20b/c?q=%2F`)).json()).toEqual({
      method: 'GET',
      path: '/v1/state/a%20b/c',
      rest: 'a b/c',
      query: '/',
    });
  });

  it('answers 404 with an error in JSON where there is nothing', async () => {
    const base = await serve([echo]);
    const response = await fetch(`${base}/v2/state`);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual({ error: { code: 201, message: 'there is nothing at /v2/state' } });
  });

  it('answers a method it does not have with 405 and those it has', async () => {
    const base = await serve([echo]);
    const response = await fetch(`${base}/v1/state/a`, { method: 'DELETE' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD, PUT, OPTIONS');
    expect(await response.json()).toEqual({
      error: { code: 101, message: '/v1/state/a answers GET, HEAD, PUT, OPTIONS, not DELETE' },
    });
    const options = await fetch(`${base}/v1/state/a`, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, PUT, OPTIONS']);
  });

  it('answers HEAD as GET without the body', async () => {
    const base = await serve([echo]);
    const [head, get] = await Promise.all([
      fetch(`${base}/v1/state/a`, { method: 'HEAD' }),
      fetch(`${base}/v1/state/a`),
    ]);
    expect(head.status).toBe(200);
    expect(Number(head.headers.get('content-length'))).toBe((await get.text()).length + 'HEAD'.length - 'GET'.length);
    expect(await head.text()).toBe('');
  });

  it('hands over the body', async () => {
    const base = await serve([echo]);
    const body = 'ü'.repeat(40_000);
    expect(await (await fetch(`${base}/v1/state/a`, { method: 'PUT', body })).json()).toEqual({ body });
  });

  it('answers a body over the limit with 413, announced or not', async () => {
    const base = await serve([echo], 10);
    const put = (body: string, chunked: boolean) =>
      fetch(`${base}/v1/state/a`, {
        method: 'PUT',
        ...(chunked ? { body: new Blob([body]).stream(), duplex: 'half' } : { body }),
      } as RequestInit);
    expect((await put('0123456789', false)).status).toBe(200);
    expect((await put('0123456789', true)).status).toBe(200);
    for (const chunked of [false, true]) {
      const response = await put('0123456789a', chunked);
      expect(response.status).toBe(413);
      expect(await response.json()).toEqual({ error: { code: 101, message: 'the body is longer than 10 bytes' } });
    }
  });

  it('answers 413 as soon as a body is too long, not at its end', async () => {
    const base = await serve([echo], 10);
    const head = 'PUT /v1/state/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(await raw(base, `${head}14\r\n01234567890123456789\r\n`)).toMatch(/^HTTP\/1.1 413 /);
  });

  it('answers a body that is not UTF-8 with 400', async () => {
    const base = await serve([echo]);
    const response = await fetch(`${base}/v1/state/a`, { method: 'PUT', body: new Uint8Array([0xff]) });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: { code: 101, message: 'the body is not UTF-8' } });
  });

  it('says with every 401 that a bearer token is wanted, and whether the one that came is wrong', async () => {
    const refuse = (code: number) => () => {
      throw new ClaspError(code, 'no');
    };
    const base = await serve([
      { path: '/unknown', methods: { GET: refuse(ErrorCode.NotAuthenticated) } },
      { path: '/expired', methods: { GET: refuse(ErrorCode.TokenExpired) } },
      { path: '/forbidden', methods: { GET: refuse(ErrorCode.Forbidden) } },
    ]);
    const challenge = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(`${base}${path}`, { headers });
      return [response.status, response.headers.get('www-authenticate')];
    };
    const authorization = 'Bearer x';
    expect(await challenge('/unknown')).toEqual([401, 'Bearer realm="clasp-rx"']);
    const wrong = 'Bearer realm="clasp-rx", error="invalid_token"';
    for (const path of ['/unknown', '/expired']) {
      expect(await challenge(path, { authorization })).toEqual([401, wrong]);
      expect(await challenge(`${path}?token=x`)).toEqual([401, wrong]);
    }
    expect(await challenge('/forbidden', { authorization })).toEqual([403, null]);
  });

  it('answers for a handler that throws', async () => {
    const failure = new ClaspError(ErrorCode.BadAddress, 'bad', { address: '/a' });
    const base = await serve([
      {
        path: '/refused',
        methods: {
          GET: () => {
            throw failure;
          },
        },
      },
      { path: '/broken', methods: { GET: () => Promise.reject(new Error('oops')) } },
    ]);
    const refused = await fetch(`${base}/refused`);
    expect([refused.status, await refused.json()]).toEqual([
      400,
      { error: { code: 200, message: 'bad', address: '/a' } },
    ]);
    const broken = await fetch(`${base}/broken`);
    expect([broken.status, await broken.json()]).toEqual([500, { error: { code: 500, message: 'oops' } }]);
  });

  it('refuses what is no path, and goes on', async () => {
    const base = await serve([echo]);
    const request = (line: string) => `${line}\r\nHost: x\r\nConnection: close\r\n\r\n`;
    expect(await raw(base, request('GET http://elsewhere/v1/state/a HTTP/1.1'))).toMatch(/^HTTP\/1.1 400 /);
    expect(await raw(base, request('GET * HTTP/1.1'))).toMatch(/^HTTP\/1.1 400 /);
    expect(await raw(base, request('GET /v1/state/%ff HTTP/1.1'))).toMatch(/^HTTP\/1.1 400 /);
    expect(await raw(base, 'garbage\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect((await fetch(`${base}/v1/state/a`)).status).toBe(200);
  });

  it('does not wait for a body that nobody reads', async () => {
    const base = await serve([echo]);
    const answer = await raw(base, 'POST /v1/state/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nstart');
    expect(answer).toMatch(/^HTTP\/1.1 405 /);
    expect(answer.toLowerCase()).toContain('connection: close');
  });

  it('goes on when a peer leaves in the middle of a body', async () => {
    let started: () => void = () => undefined;
    let seen: (cause: unknown) => void = () => undefined;
    const reading = new Promise<void>((resolve) => {
      started = resolve;
    });
    const failure = new Promise((resolve) => {
      seen = resolve;
    });
    const base = await serve([
      echo,
      {
        path: '/slow',
        methods: {
          PUT: async ({ text }) => {
            started();
            await text().catch(seen);
            return json(200, null);
          },
        },
      },
    ]);
    const { hostname, port } = new URL(base);
    const socket = connect(Number(port), hostname, () =>
      socket.write('PUT /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc'),
    );
    await reading;
    socket.destroy();
    expect(await failure).toBeInstanceOf(Error);
    expect((await fetch(`${base}/v1/state/a`)).status).toBe(200);
  });

  it('goes on when an answer cannot be sent', async () => {
    const stream = () => {
      throw new RangeError('Invalid string length');
    };
    const headers = { 'x-broken': 'a\nb' };
    const base = await serve([
      echo,
      { path: '/stream', methods: { GET: () => ({ status: 200, headers: {}, stream }) } },
      { path: '/head', methods: { GET: () => ({ status: 200, headers, body: 'x' }) } },
    ]);
    for (const path of ['/stream', '/head']) {
      await expect(fetch(base + path).then((response) => response.text())).rejects.toThrow();
    }
    expect((await fetch(`${base}/v1/state/a`)).status).toBe(200);
  });
});
