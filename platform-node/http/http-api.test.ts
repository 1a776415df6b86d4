import { NEVER, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { router } from '../../operators/router/router.ts';
import { BearerClients } from './bearer-clients.ts';
import { httpApi } from './http-api.ts';

const settled = () => new Promise((resolve) => setTimeout(resolve));

describe('the HTTP API of a relay that is away', () => {
  it.each([
    ['GET', '/v1/state/*', 'a', '/a'],
    ['PUT', '/v1/state/*', 'a', '/a'],
    ['DELETE', '/v1/state/*', 'a', '/a'],
    ['POST', '/v1/emit/*', 'a', '/a'],
    ['GET', '/v1/snapshot/*', 'a', '/a/**'],
    ['GET', '/v1/events', '', '/**'],
  ] as const)('answers %s %s after 15 s', async (method, path, rest, address) => {
    const time = new VirtualTimeScheduler();
    const away = router();
    const clients = new BearerClients({ join: away.client, authenticate: undefined, name: 'http', scheduler: time });
    const route = httpApi(clients, time).routes.find((one) => one.path === path);
    const text = () => Promise.resolve('{"value": 1}');
    const request = { method, path, rest, query: new URLSearchParams(), headers: {}, peer: undefined, text };
    let answer: unknown;
    Promise.resolve(route?.methods[method]?.(request)).then(
      (response) => {
        answer = response;
      },
      (cause) => {
        answer = cause;
      },
    );
    for (const milliseconds of [14_999, 15_000]) {
      expect(answer).toBeUndefined();
      await settled();
      time.maxFrames = milliseconds;
      time.flush();
      await settled();
    }
    expect(answer).toMatchObject({ code: 502, address });
  });
});

describe('a request whose body comes slowly', () => {
  it.each([
    ['PUT', '/v1/state/*'],
    ['POST', '/v1/emit/*'],
  ] as const)('%s %s is refused when its token has ended meanwhile', async (method, path) => {
    const time = new VirtualTimeScheduler();
    const relay = router();
    const running = relay(NEVER).subscribe();
    const authenticate = () => ({ scopes: ['admin:/**'], expiresAt: 5_000 });
    const clients = new BearerClients({ join: relay.client, authenticate, name: 'http', scheduler: time });
    const route = httpApi(clients, time).routes.find((one) => one.path === path);
    const text = async () => {
      time.frame = 5_000;
      return '{"value": 1}';
    };
    const request = { method, path, rest: 'a', query: new URLSearchParams(), headers: {}, peer: undefined, text };
    const emitted: unknown[] = [];
    const app = relay.client('app');
    running.add(app.on('/a').subscribe((signal) => emitted.push(signal)));
    await expect(Promise.resolve(route?.methods[method]?.(request))).rejects.toMatchObject({ code: 302 });
    expect(emitted).toEqual([]);
    running.unsubscribe();
  });
});
