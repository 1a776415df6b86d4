import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
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

  const lines = (...head: readonly string[]) => `${head.join('\r\n')}\r\nConnection: close\r\n\r\n`;

  it('refuses what is no path, and goes on', async () => {
    const base = await serve([echo]);
    expect(await raw(base, lines('GET * HTTP/1.1', 'Host: x'))).toMatch(/^HTTP\/1.1 400 /);
    expect(await raw(base, lines('GET ftp://x/v1/state/a HTTP/1.1', 'Host: x'))).toMatch(/^HTTP\/1.1 400 /);
    expect(await raw(base, lines('GET /v1/state/%ff HTTP/1.1', 'Host: x'))).toMatch(/^HTTP\/1.1 400 /);
    expect(await raw(base, 'garbage\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect((await fetch(`${base}/v1/state/a`)).status).toBe(200);
  });

  it.each([
    ['http://elsewhere/v1/state/a?q=1', { path: '/v1/state/a', rest: 'a', query: '1' }],
    ['HTTPS://x:8080/v1/state/http://y?q=http://z', { rest: 'http://y', query: 'http://z' }],
    ['/v1/state/http://y', { rest: 'http://y' }],
  ])('understands the target %s', async (target, seen) => {
    const base = await serve([echo]);
    const answer = await raw(base, lines(`GET ${target} HTTP/1.1`, 'Host: x'));
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject(seen);
  });

  it('takes a target of nothing but an authority as the root, and tells with OPTIONS * what it can', async () => {
    const base = await serve([{ path: '/', methods: { GET: () => json(200, 'root') } }]);
    expect(await raw(base, lines('GET http://x?q HTTP/1.1', 'Host: x'))).toContain('"root"');
    const answer = await raw(base, lines('OPTIONS * HTTP/1.1', 'Host: x'));
    expect(answer).toMatch(/^HTTP\/1.1 204 .*^allow: GET, HEAD, PUT, POST, DELETE, OPTIONS\r$/ims);
  });

  const text = '{"value": "ü and 😀"}';
  it.each([
    ['gzip', gzipSync(text)],
    ['X-Gzip', gzipSync(text)],
    ['gzip', Buffer.concat([gzipSync('{"value": '), gzipSync('"ü and 😀"}')])],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['identity', Buffer.from(text)],
    ['', Buffer.from(text)],
  ])('reads a body with the encoding %s', async (encoding, body) => {
    const base = await serve([echo]);
    const response = await fetch(`${base}/v1/state/a`, {
      method: 'PUT',
      headers: { 'content-encoding': encoding },
      body,
    });
    expect([response.status, await response.json()]).toEqual([200, { body: text }]);
  });

  it.each(['br', 'zstd', 'gzip, gzip', 'compress', '__proto__', 'constructor'])(
    'answers a body with the encoding %s with 415, and says what it reads',
    async (encoding) => {
      const base = await serve([echo]);
      const put = { method: 'PUT', headers: { 'content-encoding': encoding }, body: 'x' };
      const response = await fetch(`${base}/v1/state/a`, put);
      expect([response.status, response.headers.get('accept-encoding')]).toEqual([415, 'gzip, deflate']);
      const message = `a body may be encoded with gzip or deflate, not with "${encoding}"`;
      expect(await response.json()).toEqual({ error: { code: 101, message } });
    },
  );

  it('decompresses no more than the longest body, and answers with 400 what is cut or is not compressed', async () => {
    const base = await serve([echo], 20_000);
    const put = async (encoding: string, body: Buffer<ArrayBuffer>) => {
      const response = await fetch(`${base}/v1/state/a`, {
        method: 'PUT',
        headers: { 'content-encoding': encoding },
        body,
      });
      return [response.status, ((await response.json()) as { error?: { message: string } }).error?.message];
    };
    for (const [encoding, compress] of [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
      ['deflate', deflateRawSync],
    ] as const) {
      expect(await put(encoding, compress('x'.repeat(20_000)))).toEqual([200, undefined]);
      const tooLong = [413, 'the body is longer than 20000 bytes'];
      expect(await put(encoding, compress('x'.repeat(20_001)))).toEqual(tooLong);
      expect(await put(encoding, compress(Buffer.alloc(16 * 1024 * 1024)))).toEqual(tooLong);
      const wrong = [400, expect.stringMatching(`the body is not ${encoding}: `)];
      expect(await put(encoding, compress('x'.repeat(1_000)).subarray(0, 6))).toEqual(wrong);
      expect(await put(encoding, Buffer.from('plain text'))).toEqual(wrong);
    }
    // Some name an encoding for a body that they do not have.
    const empty = await fetch(`${base}/v1/state/a`, { method: 'PUT', headers: { 'content-encoding': 'gzip' } });
    expect(await empty.json()).toEqual({ body: '' });
  });

  const here = 'http://desk.local';
  const typed = { 'content-type': 'application/json' };
  it.each<[string, string, Record<string, string>, number]>([
    ['of no page', 'PUT', {}, 200],
    ['of the same host', 'PUT', { host: 'desk.local', origin: here }, 200],
    ['of the same host, port and case written out', 'POST', { host: 'Desk.local:80', origin: here }, 200],
    ['of another host', 'POST', { origin: here }, 403],
    ['of another page, with a type that forms send', 'POST', { origin: here, 'content-type': 'text/plain; a=b' }, 403],
    ['that a browser calls one of the same origin', 'POST', { origin: here, 'sec-fetch-site': 'same-origin' }, 200],
    ['that a browser calls one of another origin', 'PUT', { origin: here, 'sec-fetch-site': 'same-site' }, 403],
    ['that a browser calls cross-site', 'PUT', { origin: here, 'sec-fetch-site': 'cross-site', ...typed }, 403],
    ['that a proxy was sent under this name', 'POST', { origin: here, 'x-forwarded-host': 'x, desk.local' }, 200],
    ['that a proxy was sent under another name', 'POST', { origin: here, 'x-forwarded-host': 'x' }, 403],
    ['that other pages had to ask for', 'PUT', { origin: here }, 200],
    ['that other pages had to ask for', 'DELETE', { origin: here }, 200],
    ['that other pages had to ask for', 'POST', { origin: here, ...typed }, 200],
    ['that asks for it', 'OPTIONS', { origin: here, 'access-control-request-method': 'PUT' }, 403],
    ['of a page by https, which browsers would describe', 'PUT', { origin: 'https://desk.local' }, 403],
    ['of a page with no origin to tell', 'PUT', { origin: 'null' }, 403],
    ['that only reads', 'GET', { origin: here }, 403],
  ])('answers a request %s: %s %j → %d', async (_, method, headers, status) => {
    const all = () => json(200, 'done');
    const base = await serve([{ path: '/a', methods: { GET: all, PUT: all, POST: all, DELETE: all } }]);
    const { host = 'upstream', ...rest } = headers;
    const others = Object.entries(rest).map(([name, value]) => `${name}: ${value}`);
    const answer = await raw(base, lines(`${method} /a HTTP/1.1`, `Host: ${host}`, ...others));
    expect(Number(answer.split(' ')[1])).toBe(status);
    expect(answer).not.toContain('access-control-allow-origin');
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
