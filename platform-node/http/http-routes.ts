import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate, inflateRaw, type ZlibOptions } from 'node:zlib';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { errorJson, httpStatus } from '../../core/protocols/http/http.ts';
import { stringifyJson } from '../../core/signal/json.ts';
import type { Value } from '../../core/signal/value.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { type Arrivals, arrivals } from './arrivals.ts';
import { hostOf, pathOf, queryOf } from './http-requests.ts';

/** Milliseconds that a peer has to read an answer that it gets before it has sent all. */
const LINGER = 1_000;

/** A request, as a handler sees it. */
export interface HttpRequest {
  readonly method: string;
  /** The path as it was asked for, without the query. */
  readonly path: string;
  /** What stands for the `*` at the end of the route's path, decoded; empty for an exact path. */
  readonly rest: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** The address it comes from, of the one behind a proxy that is trusted; undefined when the connection is gone. */
  readonly peer: string | undefined;
  /** Whether the connection is encrypted. @defaultValue false */
  readonly secure?: boolean;
  /**
   * The whole body as text, decompressed, of `maxBody` bytes at most. Rejects with a `ClaspError` when it is too long, of
   * another encoding, or not UTF-8. Ask once.
   */
  text(maxBody?: number): Promise<string>;
}

/** Who shows the token of a request. */
export function shownBy({ peer, secure }: HttpRequest): { peer: string | undefined; secure: boolean } {
  return { peer, secure: secure === true };
}

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Writes a body that goes on and on, instead of `body`; what it gives is called when the peer has left. */
  readonly stream?: (outgoing: ServerResponse) => () => void;
}

/** Answers one request. What it throws is answered for it: a `ClaspError` with the status of its code, anything else with 500. */
type HttpHandler = (request: HttpRequest) => HttpResponse | PromiseLike<HttpResponse>;

/** What answers below one path. */
export interface HttpRoute {
  /** An exact path, `/healthz`, or everything below one, `/v1/state/*`. */
  readonly path: string;
  /** By method. HEAD is answered by GET, OPTIONS by itself. */
  readonly methods: Readonly<Partial<Record<'GET' | 'PUT' | 'POST' | 'DELETE', HttpHandler>>>;
  /** Whether a page of the request's origin may ask. @defaultValue pages of this server, and those that `cors` names */
  readonly welcome?: (headers: IncomingMessage['headers']) => boolean;
  /** What a page that is welcome may send. @defaultValue all methods, and the headers of `/v1` */
  readonly cors?: { readonly methods: string; readonly headers: string };
  /** How it answers what it refuses before it is asked. @defaultValue `{ "error": { code, message } }` */
  readonly error?: (status: number, error: ClaspError) => HttpResponse;
}

export interface HttpRoutesOptions {
  /**
   * The longest body, in bytes, also when it is decompressed; a longer one is answered with 413. @defaultValue 1 114 112: a
   * value of 1 MiB, and what is around it
   */
  readonly maxBody?: number;
  /**
   * Origins of web pages that may use this, as browsers name them (`https://desk.example`), or `*` for all. A request
   * that a page of another origin makes is answered with 403, so that no page can reach a relay on its reader's machine.
   * @defaultValue none but pages of this server
   */
  readonly cors?: readonly string[];
  /** Tells who a request comes from. @defaultValue the address of the connection, whatever a proxy says */
  readonly arrivals?: Arrivals;
  /** Why a request is not answered at all (421), as one for a name that is not ours. @defaultValue none is refused */
  readonly refuse?: (request: IncomingMessage) => ClaspError | undefined;
}

/** Answers `status` with a value as JSON. */
export function json(status: number, value: Value): HttpResponse {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8' }, body: `${stringifyJson(value)}\n` };
}

/** Answers `status` with an error as every failed request gets it: `{ "error": { code, message, address? } }`. */
function jsonError(status: number, error: ClaspError): HttpResponse {
  return json(status, { error: errorJson(error) });
}

/**
 * A request listener for `node:http` that answers from a table of routes; the first that fits counts. What no route
 * answers is a 404, a method no route has a 405, both with an error in JSON. Never throws.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 *
 * const routes = [{ path: '/ping', methods: { GET: () => json(200, { pong: true }) } }];
 * createServer(httpRoutes(routes)).listen(8080, '127.0.0.1');
 * ```
 */
export function httpRoutes(routes: readonly HttpRoute[], options: HttpRoutesOptions = {}): RequestListener {
  const { maxBody = 1_114_112, cors = [], arrivals: arrivalOf = arrivals() } = options;

  const routeOf = (incoming: IncomingMessage) => routes.find(({ path }) => fits(path, pathOf(incoming)));
  const isLetIn = (incoming: IncomingMessage, route: HttpRoute | undefined) =>
    route?.welcome ? route.welcome(incoming.headers) : isWelcome(incoming, cors);

  const answer = async (incoming: IncomingMessage): Promise<HttpResponse> => {
    const { method = 'GET', headers } = incoming;
    const path = pathOf(incoming);
    if (path === '*' && method === 'OPTIONS') return { status: 204, headers: { allow: METHODS } };
    if (!path.startsWith('/')) {
      return jsonError(400, new ClaspError(ErrorCode.BadMessage, 'the request target is not a path'));
    }
    const refused = options.refuse?.(incoming);
    if (refused) return jsonError(421, refused);
    const route = routeOf(incoming);
    if (!isLetIn(incoming, route)) {
      const option = route?.welcome ? '"origins"' : '"cors"';
      const reason = `pages of ${headers.origin} may not use this relay; its option ${option} says which may`;
      return (route?.error ?? jsonError)(403, new ClaspError(ErrorCode.Forbidden, reason));
    }
    if (!route) return jsonError(404, new ClaspError(ErrorCode.NotFound, `there is nothing at ${path}`));

    const verb = method === 'HEAD' ? 'GET' : method;
    const handler = Object.entries(route.methods).find(([name]) => name === verb)?.[1];
    if (!handler) return unanswered(route, method, path);
    const rest = decoded(route.path.endsWith('*') ? path.slice(route.path.length - 1) : '');
    const text = (most = maxBody) => bodyOf(incoming, most);
    const { peer, secure } = arrivalOf(incoming);
    return handler({ method, path, rest, query: queryOf(incoming), headers, peer, secure, text });
  };

  const pageHeaders = (incoming: IncomingMessage): Readonly<Record<string, string>> => {
    const { origin } = incoming.headers;
    const route = routeOf(incoming);
    if (!route?.cors) return corsHeaders(incoming, cors);
    if (origin === undefined || !isLetIn(incoming, route)) return {};
    return {
      'access-control-allow-origin': origin,
      'access-control-allow-methods': route.cors.methods,
      'access-control-allow-headers': route.cors.headers,
      'access-control-max-age': '600',
      vary: 'origin',
    };
  };

  return (incoming, outgoing) => {
    // A peer that goes away in the middle is an 'error' here, and nobody is left to tell.
    incoming.on('error', () => outgoing.destroy());
    outgoing.on('error', () => incoming.destroy());
    answer(incoming)
      .catch((cause) => refusal(cause, incoming))
      .then((response) => send(incoming, outgoing, response, pageHeaders(incoming)))
      // Too late to say anything else: the peer sees that the answer is not whole.
      .catch(() => outgoing.destroy());
  };
}

/** A failure that HTTP has a status of its own for, whatever its code. */
export class HttpError extends ClaspError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, error: ClaspError, headers: Readonly<Record<string, string>> = {}) {
    const { code, reason, address, value, cause } = error;
    super(code, reason, { address, value, cause });
    this.status = status;
    this.headers = headers;
  }
}

function refusal(cause: unknown, incoming: IncomingMessage): HttpResponse {
  if (cause instanceof HttpError) {
    const response = jsonError(cause.status, cause);
    return { ...response, headers: { ...response.headers, ...cause.headers } };
  }
  const error = ClaspError.from(cause, ErrorCode.Internal);
  const response = jsonError(httpStatus(error.code), error);
  if (response.status !== 401) return response;
  const came = incoming.headers.authorization !== undefined || queryOf(incoming).has('token');
  const challenge = `Bearer realm="clasp-rx"${came ? ', error="invalid_token"' : ''}`; // RFC 6750 section 3
  return { ...response, headers: { ...response.headers, 'www-authenticate': challenge } };
}

/**
 * Whether a request may be answered: one of no page, of a page of this server, or of a page that `cors` names.
 *
 * Behind a proxy the `Host` is often not what the page was loaded from. Then the browser says whether the page is of the
 * same origin (where the connection is secure or the machine its own), or the proxy names the host that was asked for. A
 * page cannot forge either: it would have to ask first, and is refused. So is a request that browsers always ask for
 * first; that it comes without a `Sec-Fetch-Site` tells of a plain HTTP connection, which no page served by https can make.
 */
function isWelcome(incoming: IncomingMessage, cors: readonly string[]): boolean {
  const { headers, method = 'GET' } = incoming;
  const { origin } = headers;
  if (origin === undefined || isListed(origin, cors)) return true;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  if (!URL.canParse(origin)) return false;
  const { host, protocol } = new URL(origin);
  const named = [hostOf(incoming), ...String(headers['x-forwarded-host'] ?? '').split(',')];
  if (site === 'same-origin' || named.some((name) => hostAs(protocol, name) === host)) return true;
  return protocol === 'http:' && isAskedFirst(method, headers);
}

function isListed(origin: string, cors: readonly string[]): boolean {
  return cors.includes('*') || cors.includes(origin);
}

/** A host as an origin writes it: in lower case, without the port that the protocol has by default. */
function hostAs(protocol: string, name: string | undefined): string | undefined {
  const url = `${protocol}//${name?.trim()}`;
  return name && URL.canParse(url) ? new URL(url).host : undefined;
}

/** Whether browsers let a page of another origin send such a request only when an OPTIONS before it was answered. */
function isAskedFirst(method: string, headers: IncomingMessage['headers']): boolean {
  if (method === 'PUT' || method === 'DELETE') return true;
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  return method === 'POST' && type !== undefined && !SIMPLE_TYPES.includes(type);
}

/** What a form can send, so that any page may. */
const SIMPLE_TYPES = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];
const METHODS = 'GET, HEAD, PUT, POST, DELETE, OPTIONS';

function corsHeaders({ headers }: IncomingMessage, cors: readonly string[]): Readonly<Record<string, string>> {
  const { origin } = headers;
  if (origin === undefined || !isListed(origin, cors)) return {};
  return {
    'access-control-allow-origin': cors.includes('*') ? '*' : origin,
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers':
      'authorization, content-type, content-encoding, if-match, if-none-match, last-event-id',
    'access-control-expose-headers': 'etag',
    'access-control-max-age': '600',
    vary: 'origin',
  };
}

function fits(route: string, path: string): boolean {
  return route.endsWith('*') ? path.startsWith(route.slice(0, -1)) : path === route;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new ClaspError(ErrorCode.BadAddress, `"${part}" is not percent-encoded UTF-8`, { cause });
  }
}

function unanswered({ methods, error }: HttpRoute, method: string, path: string): HttpResponse {
  const known = Object.keys(methods).flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]));
  const allow = [...known, 'OPTIONS'].join(', ');
  if (method === 'OPTIONS') return { status: 204, headers: { allow } };
  const response = (error ?? jsonError)(
    405,
    new ClaspError(ErrorCode.BadMessage, `${path} answers ${allow}, not ${method}`),
  );
  return { ...response, headers: { ...response.headers, allow } };
}

async function bodyOf(incoming: IncomingMessage, maxBody: number): Promise<string> {
  const coding = (incoming.headers['content-encoding'] ?? '').trim().toLowerCase();
  const decompress = CODINGS.get(coding);
  if (!decompress) {
    const reason = `a body may be encoded with gzip or deflate, not with "${coding}"`;
    const wanted = { 'accept-encoding': 'gzip, deflate' };
    throw new HttpError(415, new ClaspError(ErrorCode.BadMessage, reason), wanted);
  }
  const tooLong = () => new HttpError(413, new ClaspError(ErrorCode.BadMessage, bodyLimit(maxBody)));
  if (Number(incoming.headers['content-length'] ?? 0) > maxBody) throw tooLong();
  const chunks: Buffer[] = [];
  let length = 0;
  // The socket lives on when the loop is left: it carries the answer.
  for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBody) throw tooLong();
    chunks.push(chunk);
  }
  let bytes: Buffer = Buffer.concat(chunks);
  try {
    // Some clients name an encoding for a body that they do not send.
    if (length > 0) bytes = await decompress(bytes, { maxOutputLength: maxBody });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') throw tooLong();
    throw new ClaspError(ErrorCode.BadMessage, `the body is not ${coding}: ${String(cause)}`, { cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ClaspError(ErrorCode.BadMessage, 'the body is not UTF-8', { cause });
  }
}

function bodyLimit(maxBody: number): string {
  return `the body is longer than ${maxBody} bytes`;
}

type Decompress = (bytes: Buffer, options: ZlibOptions) => Promise<Buffer>;

const [gunzipped, inflated, inflatedRaw] = [promisify(gunzip), promisify(inflate), promisify(inflateRaw)];

/** What undoes each encoding of a body. */
const CODINGS: ReadonlyMap<string, Decompress> = new Map<string, Decompress>([
  ['', async (bytes) => bytes],
  ['identity', async (bytes) => bytes],
  ['gzip', gunzipped],
  ['x-gzip', gunzipped],
  // With the header of zlib, as RFC 9110 has it, or without, as some clients have always sent it.
  ['deflate', (bytes, options) => (hasZlibHeader(bytes) ? inflated : inflatedRaw)(bytes, options)],
]);

function hasZlibHeader([first = 0, second = 0]: Buffer): boolean {
  return first % 16 === 8 && (first * 256 + second) % 31 === 0;
}

function send(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, headers, body = '', stream }: HttpResponse,
  cors: Readonly<Record<string, string>>,
): void {
  if (stream) {
    outgoing.writeHead(status, {
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...cors,
      ...headers,
    });
    const left = stream(outgoing);
    if (outgoing.destroyed) left();
    else outgoing.on('close', left);
    return;
  }
  const bytes = Buffer.from(body);
  outgoing.writeHead(status, {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 204 || status === 304 ? {} : { 'content-length': String(bytes.length) }),
    // Whatever is left of a body that nobody read shall not be waited for.
    ...(incoming.complete ? {} : { connection: 'close' }),
    ...cors,
    ...headers,
  });
  const answer = incoming.method === 'HEAD' || status === 204 || status === 304 ? undefined : bytes;
  if (incoming.complete || answer === undefined) {
    outgoing.end(answer);
    return;
  }
  // Closed at once, while the peer still sends, the answer would be lost with the connection.
  outgoing.write(answer);
  const closing = monotonicScheduler.schedule(() => outgoing.end(), LINGER);
  outgoing.on('close', () => closing.unsubscribe());
  incoming.on('end', () => outgoing.end()).resume();
}
