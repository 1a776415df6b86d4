import { randomUUID } from 'node:crypto';
import type { SchedulerLike } from 'rxjs';
import { checkAddress } from '../../core/address/address.ts';
import type { Client, SetOptions } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { matchesStrongly, matchesWeakly, parseEntityTags } from '../../core/protocols/http/entity-tags.ts';
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
import { HttpError, type HttpRequest, type HttpResponse, type HttpRoute, json, shownBy } from './http-routes.ts';

export interface HttpApi {
  readonly routes: readonly HttpRoute[];
  /** The relay may be another one now: no entity tag that was given out stands for anything any more. */
  renew(): void;
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

  /** Revisions begin anew with a relay that keeps no journal: a tag of before must not stand for something else. */
  let since = randomUUID().slice(0, 8);
  const tagOf = (revision: number) => `"${revision}-${since}"`;
  /** What a condition may name a param by; its mere revision too, as people read it in answers. */
  const tagsOf = ({ revision = 0 }: Param) => [tagOf(revision), `"${revision}"`];

  const find = async (client: Client, address: string): Promise<Param | undefined> => {
    const malformed = checkAddress(address); // a pattern would be answered with some param
    if (malformed) throw malformed;
    const [param] = await answered(readParams(client, address), { address, scheduler });
    return param;
  };
  const existing = async (client: Client, address: string): Promise<Param> => {
    const param = await find(client, address);
    if (!param) throw new ClaspError(ErrorCode.NotFound, `there is no param at ${address}`, { address });
    return param;
  };

  const getState = (request: HttpRequest) =>
    withClient(request, async (client): Promise<HttpResponse> => {
      const { ifMatch, ifNoneMatch } = conditionsOf(request);
      const address = addressOf(request);
      const param = await find(client, address);
      const tags = param ? tagsOf(param) : [];
      if (ifMatch && !matchesStrongly(ifMatch, tags)) throw preconditionFailed(address, param);
      if (!param) throw new ClaspError(ErrorCode.NotFound, `there is no param at ${address}`, { address });
      const etag = tagOf(param.revision ?? 0);
      if (ifNoneMatch && matchesWeakly(ifNoneMatch, tags)) return { status: 304, headers: { etag } };
      const answer = json(200, signalJson(param));
      return { ...answer, headers: { ...answer.headers, etag } };
    });

  /** Writes if the request's conditions hold, at whatever revision they do; 412 otherwise. Gives the new revision. */
  const write = async (client: Client, request: HttpRequest, value: Value, options: SetOptions): Promise<number> => {
    const address = addressOf(request);
    const { ifMatch, ifNoneMatch } = conditionsOf(request);
    const set = async (wanted: SetOptions) =>
      (await answered(client.set(address, value, wanted), { address, scheduler })).revision ?? 0;
    if (!ifMatch && !ifNoneMatch) return set(options);

    for (let attempt = 1; ; attempt++) {
      const param = await find(client, address);
      const tags = param ? tagsOf(param) : [];
      if ((ifMatch && !matchesStrongly(ifMatch, tags)) || (ifNoneMatch && matchesWeakly(ifNoneMatch, tags))) {
        throw preconditionFailed(address, param);
      }
      // What the conditions were found to hold for is what is written over; 0 stands for nothing.
      const revision = param?.revision ?? 0;
      if (options.revision !== undefined && options.revision !== revision) return set(options);
      try {
        return await set({ ...options, revision });
      } catch (cause) {
        const lost = cause instanceof ClaspError && cause.code === ErrorCode.Conflict;
        const now = lost ? await find(client, address) : undefined;
        // Not because somebody was faster: another value wins.
        if (!lost || (now?.revision ?? 0) === revision) throw cause;
        if (attempt === ATTEMPTS) throw preconditionFailed(address, now);
      }
    }
  };

  const putState = (request: HttpRequest) =>
    withBody(request, async (client, text): Promise<HttpResponse> => {
      const { value, ...options } = jsonWrite(parseJsonMap(text));
      const revision = await write(client, request, value, options);
      const answer = json(200, { address: addressOf(request), value, revision: BigInt(revision) });
      return value === null ? answer : { ...answer, headers: { ...answer.headers, etag: tagOf(revision) } };
    });

  const deleteState = (request: HttpRequest) =>
    withClient(request, async (client): Promise<HttpResponse> => {
      const { ifMatch } = conditionsOf(request);
      // Where there is nothing, `If-Match` does not hold, which says more than that there is nothing.
      if (!ifMatch) await existing(client, addressOf(request));
      await write(client, request, null, {});
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
    renew: () => {
      since = randomUUID().slice(0, 8);
    },
    close: feeds.close,
  };
}

/** Times that a write is tried again because somebody else wrote between the look and the write. */
const ATTEMPTS = 10;

function conditionsOf({ headers }: HttpRequest) {
  return {
    ifMatch: parseEntityTags(headers['if-match']),
    ifNoneMatch: parseEntityTags(headers['if-none-match']),
  };
}

function preconditionFailed(address: string, param: Param | undefined): HttpError {
  const found = param ? `is at revision ${param.revision ?? 0}` : 'does not exist';
  const reason = `${address} ${found}, which If-Match or If-None-Match does not allow`;
  return new HttpError(412, new ClaspError(ErrorCode.Conflict, reason, { address }));
}

function addressOf({ rest }: HttpRequest): string {
  return `/${rest}`;
}
