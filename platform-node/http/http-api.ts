import type { SchedulerLike } from 'rxjs';
import { checkAddress } from '../../core/address/address.ts';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { jsonWrite, parseJsonMap, signalJson } from '../../core/protocols/http/http.ts';
import { stringifyJson } from '../../core/signal/json.ts';
import type { Param } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { readParams } from '../../operators/json/read-params.ts';
import type { BearerClients } from './bearer-clients.ts';
import { bearerToken } from './bearer-clients.ts';
import { eventFeeds } from './http-events.ts';
import { openApi } from './http-openapi.ts';
import { answered } from './http-requests.ts';
import { type HttpRequest, type HttpResponse, type HttpRoute, json, shownBy } from './http-routes.ts';

export interface HttpApi {
  readonly routes: readonly HttpRoute[];
  /** Ends every stream of events. */
  close(): void;
}

/**
 * The relay over HTTP, as routes under `/v1`: state, events, snapshots, and server-sent events. Every request acts
 * with the rights of its token (`Authorization: Bearer …`, or `?token=` where a browser cannot set headers).
 */
export function httpApi(clients: BearerClients, scheduler: SchedulerLike = monotonicScheduler): HttpApi {
  const feeds = eventFeeds(clients, scheduler);

  const withClient = async <T>(request: HttpRequest, act: (client: Client) => Promise<T>): Promise<T> => {
    const { client, release } = await clients.borrow(bearerToken(request.headers, request.query), shownBy(request));
    try {
      return await act(client);
    } finally {
      release();
    }
  };

  /** Lets in before the body is read and after it: that may take until the token has ended. */
  const withBody = async <T>(request: HttpRequest, act: (client: Client, text: string) => Promise<T>): Promise<T> => {
    const text = await withClient(request, () => request.text());
    return withClient(request, (client) => act(client, text));
  };

  const existing = async (client: Client, address: string): Promise<Param> => {
    const malformed = checkAddress(address); // a pattern would be answered with some param
    if (malformed) throw malformed;
    const [param] = await answered(readParams(client, address), { address, scheduler });
    if (!param) throw new ClaspError(ErrorCode.NotFound, `there is no param at ${address}`, { address });
    return param;
  };

  const getState = (request: HttpRequest) =>
    withClient(request, async (client) => json(200, signalJson(await existing(client, addressOf(request)))));

  const putState = (request: HttpRequest) =>
    withBody(request, async (client, text) => {
      const address = addressOf(request);
      const { value, ...options } = jsonWrite(parseJsonMap(text));
      const { revision = 0 } = await answered(client.set(address, value, options), { address, scheduler });
      return json(200, { address, value, revision: BigInt(revision) });
    });

  const deleteState = (request: HttpRequest) =>
    withClient(request, async (client): Promise<HttpResponse> => {
      const address = addressOf(request);
      await existing(client, address);
      await answered(client.set(address, null), { address, scheduler });
      return { status: 204 };
    });

  const emit = (request: HttpRequest) =>
    withBody(request, async (client, text) => {
      const address = addressOf(request);
      const value: Value = text.trim() === '' ? null : (parseJsonMap(text)['value'] ?? null);
      await answered(client.emit(address, value), { address, scheduler });
      return json(202, { address, status: 'emitted' });
    });

  const snapshot = (request: HttpRequest) =>
    withClient(request, async (client) => {
      const prefix = request.rest.replace(/\/+$/, '');
      const pattern = prefix === '' ? '/**' : `/${prefix}/**`;
      const params = await answered(readParams(client, pattern), { address: pattern, scheduler });
      const members = params.map(({ address, value }) => `${JSON.stringify(address)}:${stringifyJson(value)}`);
      return { ...json(200, null), body: `{${members.join(',')}}\n` };
    });

  return {
    routes: [
      { path: '/v1/state/*', methods: { GET: getState, PUT: putState, DELETE: deleteState } },
      { path: '/v1/emit/*', methods: { POST: emit } },
      { path: '/v1/snapshot', methods: { GET: snapshot } },
      { path: '/v1/snapshot/*', methods: { GET: snapshot } },
      {
        path: '/v1/events',
        methods: { GET: (request) => feeds.answer(request, bearerToken(request.headers, request.query)) },
      },
      { path: '/v1/openapi.json', methods: { GET: () => json(200, openApi()) } },
    ],
    close: feeds.close,
  };
}

function addressOf({ rest }: HttpRequest): string {
  return `/${rest}`;
}
