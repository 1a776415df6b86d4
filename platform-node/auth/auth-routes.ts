import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Value } from '../../core/signal/value.ts';
import type { AuthAnswer, Authority, AuthRequest } from '../../operators/auth/authority.ts';
import { bearerToken } from '../http/bearer-clients.ts';
import { type HttpRequest, type HttpResponse, type HttpRoute, json } from '../http/http-routes.ts';

export interface AuthRoutesOptions {
  /** Asked for at each request: it comes with the database. */
  readonly authority: () => Authority;
  /** Whether what is not encrypted is refused. */
  readonly requireTls: boolean;
  /** Which pages may ask. */
  readonly welcome: NonNullable<HttpRoute['welcome']>;
}

/** Bytes of a body. */
const MAX_BODY = 16 * 1024;
/** What a published client puts before the paths when the URL of its WebSocket has a path. */
const PREFIXES = ['', '/clasp'] as const;
const METHODS = 'GET, POST, PUT, DELETE, OPTIONS';
const HEADERS = 'authorization, content-type';

type Act = (request: AuthRequest, rest: string, asked: HttpRequest) => AuthAnswer | PromiseLike<AuthAnswer>;

/** `/auth` and `/api` of a relay (security.md §1): logging in, users, tokens and revocations, as published clients ask. */
export function authRoutes({ authority, requireTls, welcome }: AuthRoutesOptions): readonly HttpRoute[] {
  const answer =
    (act: Act, hasBody: boolean) =>
    async (request: HttpRequest): Promise<HttpResponse> => {
      try {
        if (requireTls && request.secure !== true) {
          return textError(403, new ClaspError(ErrorCode.Forbidden, 'passwords and tokens are taken over TLS only'));
        }
        const bearer = bearerToken(request.headers, request.query);
        const body = hasBody ? parsed(await request.text(MAX_BODY)) : undefined;
        const answered = await act({ body, bearer, peer: request.peer }, request.rest, request);
        return responseOf(answered);
      } catch (cause) {
        const { code, reason } = ClaspError.from(cause, ErrorCode.Internal);
        const bad = code === ErrorCode.BadMessage || code === ErrorCode.BadValue || code === ErrorCode.BadAddress;
        if (bad) return textError(400, new ClaspError(code, reason));
        return textError(code === ErrorCode.Overloaded ? 503 : 500, new ClaspError(code, 'internal error'));
      }
    };
  const get = (act: Act) => answer(act, false);
  const send = (act: Act) => answer(act, true);

  const table: readonly Pick<HttpRoute, 'path' | 'methods'>[] = [
    { path: '/auth/register', methods: { POST: send((request) => authority().register(request)) } },
    { path: '/auth/login', methods: { POST: send((request) => authority().login(request)) } },
    { path: '/auth/guest', methods: { POST: send((request) => authority().guest(request)) } },
    { path: '/auth/refresh', methods: { POST: get((request) => authority().refresh(request)) } },
    { path: '/auth/logout', methods: { POST: send((request) => authority().logout(request)) } },
    { path: '/auth/me', methods: { GET: get((request) => authority().me(request)) } },
    { path: '/auth/password', methods: { POST: send((request) => authority().password(request)) } },
    { path: '/api/users', methods: { GET: get((request) => authority().users(request)) } },
    {
      path: '/api/users/*',
      methods: {
        PUT: send((request, id) => authority().changeUser(id, request)),
        DELETE: get((request, id) => authority().removeUser(id, request)),
      },
    },
    {
      path: '/api/tokens',
      methods: {
        POST: send((request) => authority().issueToken(request)),
        GET: get((request, _, { query }) => authority().tokens(request, query.get('subject') ?? undefined)),
      },
    },
    { path: '/api/tokens/*', methods: { DELETE: get((request, id) => authority().revokeToken(id, request)) } },
    {
      path: '/api/revocations',
      methods: {
        POST: send((request) => authority().revoke(request)),
        GET: get((request) => authority().revocations(request)),
      },
    },
    {
      path: '/api/revocations/*',
      methods: { DELETE: get((request, id) => authority().withdrawRevocation(id, request)) },
    },
    { path: '/api/trust-anchors', methods: { GET: get(() => authority().trustAnchors()) } },
    {
      path: '/api/entities',
      methods: { GET: get(async (request) => asEntities(await authority().children(request))) },
    },
    {
      path: '/api/entities/*',
      methods: { PUT: send((request, rest) => changeChild(authority(), rest, request)) },
    },
  ];
  return PREFIXES.flatMap((prefix) =>
    table.map(({ path, methods }) => ({
      path: `${prefix}${path}`,
      methods,
      welcome,
      error: textError,
      cors: { methods: METHODS, headers: HEADERS },
    })),
  );
}

/** A child, in the words in which published clients ask for devices. */
async function changeChild(authority: Authority, rest: string, request: AuthRequest): Promise<AuthAnswer> {
  const [id = '', word, ...more] = rest.split('/');
  const status = (request.body as { readonly status?: unknown } | undefined)?.status;
  if (word !== 'status' || more.length > 0) return notThere();
  if (status === 'revoked') return authority.removeUser(id, request);
  if (status !== 'active' && status !== 'suspended' && status !== 'inactive') {
    throw new ClaspError(ErrorCode.BadValue, '"status" must be active, suspended or revoked');
  }
  const changed = await authority.changeUser(id, { ...request, body: { disabled: status !== 'active' } });
  return changed.status === 200 ? { status: 200, body: asEntity(changed.body as Account) } : changed;
}

type Account = { readonly [key: string]: Value };

function asEntities(answer: AuthAnswer): AuthAnswer {
  return answer.status === 200 ? { status: 200, body: (answer.body as readonly Account[]).map(asEntity) } : answer;
}

function asEntity({ user_id, username, disabled, scopes, created_at }: Account): Value {
  return {
    id: user_id ?? '',
    entity_type: 'device',
    type: 'device',
    name: username ?? '',
    status: disabled === true ? 'suspended' : 'active',
    tags: [],
    namespaces: [],
    scopes: scopes ?? [],
    metadata: {},
    created_at: new Date(Number(created_at) * 1000).toISOString(),
  };
}

function notThere(): AuthAnswer {
  return { status: 404, body: { error: 'not found', code: ErrorCode.NotFound } };
}

function responseOf({ status, body, retryAfter }: AuthAnswer): HttpResponse {
  const response = body === undefined ? { status } : json(status, body);
  const challenge = status === 401 && { 'www-authenticate': 'Bearer realm="clasp-rx"' };
  const later = retryAfter !== undefined && { 'retry-after': String(retryAfter) };
  return { ...response, headers: { ...response.headers, ...challenge, ...later } };
}

/** `{"error": "text"}`, as published clients read it. */
function textError(status: number, { code, reason }: ClaspError): HttpResponse {
  return json(status, { error: reason, code });
}

/** JSON, whatever the content type says; nothing at all counts as an empty object. */
function parsed(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    // What a parser says of JSON quotes it, and with it a password.
    throw new ClaspError(ErrorCode.BadMessage, 'the body must be a JSON object', { cause });
  }
}
