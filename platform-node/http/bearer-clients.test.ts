import { once } from 'node:events';
import { filter, firstValueFrom, NEVER, ReplaySubject, type Subscription, VirtualTimeScheduler } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Grant } from '../../operators/router/authenticate.ts';
import { router } from '../../operators/router/router.ts';
import { httpBridge } from '../bridges/http-bridge.ts';
import { websocketJsonBridge } from '../bridges/websocket-json-bridge.ts';
import { BearerClients } from './bearer-clients.ts';

let running: Subscription | undefined;
afterEach(() => running?.unsubscribe());

function rig(authenticate?: (token: string | undefined) => Grant, limit = 1000) {
  const time = new VirtualTimeScheduler();
  const relay = router();
  running = relay(NEVER).subscribe();
  const joined: Client[] = [];
  const clients = new BearerClients({
    join: (name, scopes) => {
      const client = relay.client(name, scopes);
      joined.push(client);
      return client;
    },
    authenticate,
    name: 'http',
    scheduler: time,
    limit,
  });
  const pass = (milliseconds: number) => {
    time.maxFrames = time.frame + milliseconds;
    time.flush();
    time.frame = time.maxFrames;
  };
  const open = () => joined.filter(({ session }) => session !== null).length;
  return { clients, joined, pass, open };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

describe('clients by token', () => {
  it('share one participant per token, and one for everybody where no token is asked for', async () => {
    const open = rig();
    const [a, b] = [await open.clients.borrow('x'), await open.clients.borrow(undefined)];
    expect(a.client).toBe(b.client);
    const asked = rig((token) => ({ scopes: [`read:/${token}/**`] }));
    const [c, d, e] = [
      await asked.clients.borrow('x'),
      await asked.clients.borrow('x'),
      await asked.clients.borrow('y'),
    ];
    expect([c.client === d.client, c.client === e.client]).toEqual([true, false]);
  });

  it('are one each for peers that stay, and others for those who only listen; they leave with them or with all', async () => {
    const { clients, joined, open } = rig();
    const [a, b, shared] = [await clients.enter('x'), await clients.enter('x'), await clients.borrow('x')];
    const ear = await clients.apart().borrow('x');
    expect(new Set([a.client, b.client, shared.client, ear.client]).size).toBe(4);
    a.release();
    a.release();
    expect(a.client.session).toBeNull();
    expect(open()).toBe(joined.length - 1);
    clients.close();
    await settled();
    expect(open()).toBe(0);
    await expect(clients.enter('x')).rejects.toMatchObject({ code: 503 });
  });

  it('ask for a token again after a minute, and stop serving one that was withdrawn', async () => {
    let withdrawn = false;
    const { clients, pass } = rig(() => {
      if (withdrawn) throw new ClaspError(ErrorCode.NotAuthenticated, 'withdrawn');
      return { scopes: ['read:/**'] };
    });
    const { release } = await clients.borrow('x');
    withdrawn = true;
    (await clients.borrow('x')).release();
    pass(60_000);
    await expect(clients.borrow('x')).rejects.toMatchObject({ code: ErrorCode.NotAuthenticated });
    release();
  });

  it('do not serve a token beyond its time', async () => {
    const { clients, pass } = rig(() => ({ scopes: ['read:/**'], expiresAt: 5_000 }));
    expect((await clients.borrow('x')).expiresAt).toBe(5_000);
    pass(5_000);
    await expect(clients.borrow('x')).rejects.toMatchObject({ code: ErrorCode.TokenExpired });
  });

  it('leave when nobody uses them for a minute, not before', async () => {
    const { clients, pass, open } = rig();
    const first = await clients.borrow('x');
    pass(120_000);
    await settled();
    expect(open()).toBe(1);
    first.release();
    first.release();
    pass(120_000);
    await settled();
    expect(open()).toBe(0);
  });

  it('are refused beyond the limit, and all closed at the end', async () => {
    const { clients, open } = rig((token) => ({ scopes: [`read:/${token}`] }), 2);
    await clients.borrow('a');
    await clients.borrow('b');
    await expect(clients.borrow('c')).rejects.toMatchObject({ code: ErrorCode.Overloaded });
    clients.close();
    await settled();
    expect(open()).toBe(0);
    await expect(clients.borrow('a')).rejects.toMatchObject({ code: ErrorCode.Overloaded });
  });

  it('are not kept for a token that is refused', async () => {
    let known = false;
    const { clients } = rig(() => {
      if (!known) throw new Error('who?');
      return { scopes: ['read:/**'] };
    });
    await expect(clients.borrow('x')).rejects.toMatchObject({ code: ErrorCode.NotAuthenticated });
    known = true;
    expect((await clients.borrow('x')).client).toBeDefined();
  });
});

describe('one participant for all tokens', () => {
  const scopes: Readonly<Record<string, readonly string[]>> = { all: ['admin:/**'], some: ['write:/a/**', 'read:/**'] };
  const options = { port: 0, authenticate: (token = '') => ({ scopes: scopes[token] ?? [] }) };

  /** Opens a bridge that can make none, and gives where it is. */
  async function open(bridge: typeof httpBridge | typeof websocketJsonBridge): Promise<string> {
    const relay = router();
    running = relay(NEVER).subscribe();
    const events = new ReplaySubject<BridgeEvent>();
    running.add(bridge(relay.client('bridge'), options).subscribe(events));
    const ready = await firstValueFrom(events.pipe(filter((event) => event.type === 'ready')));
    return ready.address;
  }

  it('acts over HTTP for tokens that permit everything, and for no others', async () => {
    const base = await open(httpBridge);
    const put = (token: string) => fetch(`${base}/v1/state/a/1?token=${token}`, { method: 'PUT', body: '{"value":1}' });
    expect([(await put('all')).status, (await put('some')).status, (await put('none')).status]).toEqual([
      200, 501, 501,
    ]);
  });

  it('acts for them over JSON, too', async () => {
    const base = await open(websocketJsonBridge);
    const said = async (token: string) => {
      const socket = new WebSocket(`${base}?token=${token}`);
      socket.on('open', () => socket.send('{"type":"set","address":"/b","value":1,"id":1}'));
      const [data] = await once(socket, 'message');
      socket.terminate();
      return JSON.parse(String(data));
    };
    expect(await said('all')).toMatchObject({ type: 'ok' });
    expect(await said('some')).toMatchObject({ type: 'error', code: 501, request_type: 'connect' });
  });
});
