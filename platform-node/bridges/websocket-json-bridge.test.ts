import { NEVER, type Subscription } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { BridgeEvent } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { router } from '../../operators/router/router.ts';
import { openChromium } from '../../peers/chromium.ts';
import { installed } from '../../peers/installed.ts';
import { type WebsocketJsonBridgeOptions, websocketJsonBridge } from './websocket-json-bridge.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(options: WebsocketJsonBridgeOptions, relay = router()) {
  const running = relay(NEVER).subscribe();
  const events: BridgeEvent[] = [];
  let bridge: Subscription | undefined;
  ends.push(
    () => running.unsubscribe(),
    () => bridge?.unsubscribe(),
  );
  const address = await new Promise<string>((resolve, reject) => {
    bridge = websocketJsonBridge(relay.client('json'), {
      host: '127.0.0.1',
      join: (name, scopes) => relay.client(name, scopes),
      ...options,
    }).subscribe({
      next: (event) => {
        events.push(event);
        if (event.type === 'ready') resolve(event.address);
      },
      error: reject,
    });
  });
  return { address, events, app: relay.client('app') };
}

async function connect(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, { headers });
  const told: Record<string, unknown>[] = [];
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  socket.on('message', (data) => told.push(JSON.parse(data.toString())));
  ends.push(() => socket.terminate());
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
  return { socket, told, closed, say: (message: unknown) => socket.send(JSON.stringify(message)) };
}

describe('JSON over WebSocket', () => {
  it('stays open for a token that ends in two months, and closes with 302 when one ends', async () => {
    const lives: Readonly<Record<string, number>> = { long: 60 * 86_400_000, short: 200 };
    const authenticate = (token = '') => ({ scopes: ['read:/**'], expiresAt: Date.now() + (lives[token] ?? 0) });
    const { address } = await serve({ port: 0, authenticate });
    const [long, short] = [await connect(`${address}?token=long`), await connect(`${address}?token=short`)];
    expect(await short.closed).toBe(1008);
    expect(short.told).toMatchObject([{ type: 'error', code: 302 }]);
    expect([long.socket.readyState, long.told]).toEqual([WebSocket.OPEN, []]);
  });

  it('takes nothing more from a peer whose token has ended, although it does not answer the close', async () => {
    const authenticate = () => ({ scopes: ['admin:/**'], expiresAt: Date.now() + 100 });
    const { address, app } = await serve({ port: 0, authenticate });
    const { socket, closed, say } = await connect(address);
    say({ type: 'set', address: '/a/early', value: 1 });
    socket.pause(); // it does not see that it is to go
    await new Promise((resolve) => setTimeout(resolve, 300));
    say({ type: 'set', address: '/a/late', value: 1 });
    socket.resume();
    expect(await closed).toBe(1008);
    expect([await app.get('/a/early'), await app.get('/a/late')]).toEqual([1, null]);
  });

  it('joins clients that speak no CLASP', async () => {
    const { address, app, events } = await serve({ port: 0 });
    const [one, two] = [await connect(address), await connect(address)];
    two.say({ type: 'subscribe', pattern: '/a/*' });
    await expect.poll(() => two.told.at(-1)?.['type']).toBe('synced');
    one.say({ type: 'set', address: '/a/1', value: 5, id: 1 });
    await expect.poll(() => one.told).toEqual([{ type: 'ok', id: 1, address: '/a/1', revision: 1 }]);
    await expect.poll(() => two.told.at(-1)).toMatchObject({ type: 'value', address: '/a/1', value: 5, revision: 1 });
    expect(await app.get('/a/1')).toBe(5);
    expect(events.filter(({ type }) => type === 'devices').at(-1)).toMatchObject({ devices: { length: 2 } });
    one.socket.send(Buffer.from([1]));
    expect(await one.closed).toBe(1003);
    two.say({ type: 'get', address: '/a/1' });
    await expect.poll(() => two.told.length).toBe(3);
  });

  it('lets its peers hear each other: events, streams and params', async () => {
    const { address } = await serve({ port: 0 });
    const [one, two] = [await connect(address), await connect(address)];
    two.say({ type: 'subscribe', pattern: '/a/**' });
    await expect.poll(() => two.told.at(-1)?.['type']).toBe('synced');
    one.say({ type: 'emit', address: '/a/go', value: 1 });
    one.say({ type: 'stream', address: '/a/level', value: 0.5 });
    one.say({ type: 'set', address: '/a/1', value: 5, ttl: 60 });
    await expect
      .poll(() => two.told.slice(1).map(({ type, address: at, value }) => [type, at, value]))
      .toEqual([
        ['event', '/a/go', 1],
        ['stream', '/a/level', 0.5],
        ['value', '/a/1', 5],
      ]);
  });

  it('holds a lock for the peer that took it, until it unlocks or leaves', async () => {
    const { address, app } = await serve({ port: 0 });
    const [one, two] = [await connect(address), await connect(address)];
    one.say({ type: 'set', address: '/a/1', value: 1, lock: true, id: 1 });
    await expect.poll(() => one.told.at(-1)).toMatchObject({ type: 'ok', id: 1 });
    two.say({ type: 'set', address: '/a/1', value: 2, id: 2 });
    await expect.poll(() => two.told.at(-1)).toMatchObject({ type: 'error', code: 401, address: '/a/1', id: 2 });
    one.say({ type: 'set', address: '/a/1', value: 3, unlock: true, revision: 1, id: 3 });
    await expect.poll(() => one.told.at(-1)).toMatchObject({ type: 'ok', id: 3, revision: 2 });
    two.say({ type: 'set', address: '/a/1', value: 4, lock: true, id: 4 });
    await expect.poll(() => two.told.at(-1)).toMatchObject({ type: 'ok', id: 4 });
    two.socket.close();
    await two.closed;
    await expect
      .poll(() =>
        app.set('/a/1', 5).then(
          ({ revision }) => revision,
          () => 0,
        ),
      )
      .toBe(4);
  });

  it('says what is wrong with a message, and goes on', async () => {
    const { address } = await serve({ port: 0 });
    const peer = await connect(address);
    const wrong: [unknown, number, RegExp][] = [
      [{ type: 'get', address: '/a/*' }, 200, /\/a\/\*/],
      [{ type: 'stream', address: '/a//1', value: 1 }, 200, /\/a\/\/1/],
      [{ type: 'emit', address: '/a/*' }, 200, /\/a\/\*/],
      [{ type: 'subscribe', pattern: 'a' }, 202, /a/],
      [{ type: 'set', address: '/a' }, 101, /"value" is missing/],
      [{ type: 'set', address: '/a', value: 1, ttl: -1 }, 101, /"ttl" must be .*, not -1/],
      [{ type: 'set', address: '/a', value: 1, revision: 9 }, 400, /not 9/],
      [{ type: 'unsubscribe', pattern: '/never' }, 201, /\/never/],
      [{ type: 'sett' }, 101, /sett/],
      [[1], 101, /object/],
    ];
    for (const [message, code, words] of wrong) {
      const before = peer.told.length;
      peer.say(message);
      await expect.poll(() => peer.told.length).toBe(before + 1);
      expect(peer.told.at(-1), JSON.stringify(message)).toMatchObject({
        type: 'error',
        code,
        message: expect.stringMatching(words),
      });
    }
  });

  it('lets in who has a token, with its rights', async () => {
    const { address } = await serve({
      port: 0,
      authenticate: (token) => {
        if (token !== 'reader') throw new ClaspError(ErrorCode.NotAuthenticated, 'who are you?');
        return { scopes: ['read:/a/**'] };
      },
    });
    const stranger = await connect(address);
    expect(await stranger.closed).toBe(1008);
    expect(stranger.told).toEqual([{ type: 'error', code: 300, message: 'who are you?', request_type: 'connect' }]);
    for (const reader of [
      await connect(`${address}?token=reader`),
      await connect(address, { authorization: 'Bearer reader' }),
    ]) {
      reader.say({ type: 'set', address: '/a/1', value: 1 });
      await expect.poll(() => reader.told).toMatchObject([{ type: 'error', code: 301, request_type: 'set' }]);
    }
  });

  it('says when the port is taken', async () => {
    const { address } = await serve({ port: 0 });
    const port = Number(new URL(address).port);
    await expect(serve({ port })).rejects.toMatchObject({ code: 500, reason: expect.stringContaining('in use') });
  });

  describe.skipIf(!installed('chromium'))('with a page', () => {
    it('is used from a browser', async () => {
      const { address, app } = await serve({ port: 0 });
      await app.set('/light/1', 0.25);
      const { context, close } = await openChromium();
      ends.push(close);
      const page = await context.newPage();
      const told = await page.evaluate(async (url) => {
        const socket = new globalThis.WebSocket(url);
        const texts: string[] = [];
        await new Promise<void>((resolve) => {
          socket.onopen = () => {
            socket.send('{"type":"subscribe","pattern":"/light/*"}');
            socket.send('{"type":"set","address":"/light/2","value":1}');
          };
          socket.onmessage = ({ data }) => {
            if (texts.push(data) === 3) resolve();
          };
        });
        socket.close();
        return texts.map((text) => JSON.parse(text));
      }, address);
      expect(told).toMatchObject([
        { type: 'value', address: '/light/1', value: 0.25 },
        { type: 'synced', pattern: '/light/*' },
        { type: 'value', address: '/light/2', value: 1 },
      ]);
    }, 30_000);
  });
});

describe('a foreign WebSocket', () => {
  /** A server that says `greeting` to whoever connects, and keeps what it hears. */
  async function foreign(greeting: string, port = 0) {
    const server = new WebSocketServer({ port, host: '127.0.0.1' });
    const heard: unknown[] = [];
    server.on('connection', (socket) => {
      socket.send(greeting);
      socket.on('message', (data) => heard.push(JSON.parse(data.toString())));
    });
    await new Promise((resolve) => server.on('listening', resolve));
    const end = () => {
      for (const socket of server.clients) socket.terminate();
      return new Promise((resolve) => server.close(resolve));
    };
    ends.push(end);
    const address = server.address();
    return { heard, end, port: typeof address === 'object' ? (address?.port ?? 0) : 0 };
  }

  it('writes its members as params, sends what changes, and does not send back what it said', async () => {
    const { port, heard } = await foreign('{"temp":21.5,"room":{"name":"hall"}}');
    const { app } = await serve({ url: `ws://127.0.0.1:${port}`, namespace: '/sensor', publish: ['/sensor/**'] });
    await expect.poll(() => app.get('/sensor/temp').then((value) => value)).toBe(21.5);
    expect(await app.get('/sensor/room')).toEqual({ name: 'hall' });
    await app.set('/sensor/led', true);
    await expect.poll(() => heard).toEqual([{ led: true }]);
    await app.set('/sensor/temp', 30);
    await expect.poll(() => heard).toEqual([{ led: true }, { temp: 30 }]);
  });

  it('comes back when the server does, and says so meanwhile', async () => {
    const first = await foreign('{"n":1}');
    const { app, events } = await serve({ url: `ws://127.0.0.1:${first.port}`, namespace: '/f' });
    await expect.poll(() => app.get('/f/n').then((value) => value)).toBe(1);
    await first.end();
    await expect.poll(() => events.some(({ type }) => type === 'retrying')).toBe(true);
    await foreign('{"n":2}', first.port);
    await expect.poll(() => app.get('/f/n').then((value) => value), { timeout: 15_000 }).toBe(2);
  }, 20_000);

  it('tells what the relay refuses of a message, and writes the rest', async () => {
    const refused: [member: string, failure: object][] = [
      ['"b":9', { code: 402, address: '/f/b' }],
      ['"b*":1', { code: 200, address: '/f/b*' }],
    ];
    for (const [member, failure] of refused) {
      const { port } = await foreign(`{"a":1,${member},"c":3}`);
      const relay = router({ params: [{ pattern: '/f/b', range: [0, 1] }] });
      const { app, events } = await serve({ url: `ws://127.0.0.1:${port}`, namespace: '/f' }, relay);
      await expect.poll(() => events.at(-1)).toMatchObject({ type: 'failure', failure });
      expect([await app.get('/f/a'), await app.get('/f/b'), await app.get('/f/c')]).toEqual([1, null, 3]);
    }
  });

  it('is told once what several patterns match', async () => {
    const { port, heard } = await foreign('{}');
    const relay = router();
    const early = relay.client('early').set('/f/led', 1); // in the snapshot of each pattern
    const publish = ['/f/led', '/f/*', '/f//bad', '/f/**', '/f/led'];
    const { app } = await serve({ url: `ws://127.0.0.1:${port}`, namespace: '/f', publish }, relay);
    await early;
    await expect.poll(() => heard).toEqual([{ led: 1 }]);
    await app.emit('/f/go', 2);
    app.stream('/f/deep/level', 3);
    await app.set('/f/last', 4);
    await expect.poll(() => heard.at(-1)).toEqual({ last: 4 });
    expect(heard).toEqual([{ led: 1 }, { go: 2 }, { 'deep/level': 3 }, { last: 4 }]);
  });

  it('counts what is no JSON', async () => {
    const { port } = await foreign('hello');
    const { events } = await serve({ url: `ws://127.0.0.1:${port}` });
    await expect.poll(() => events.at(-1)).toMatchObject({ type: 'failure', failure: { code: 402 } });
  });
});
