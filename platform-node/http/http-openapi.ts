import type { Value } from '../../core/signal/value.ts';
import { version } from '../version.ts';

/** The description of the HTTP API, OpenAPI 3.1: what `GET /v1/openapi.json` answers. */
export function openApi(): Value {
  return {
    openapi: '3.1.0',
    info: {
      title: 'clasp-rx relay',
      version,
      description:
        'State and events of a CLASP relay. A JSON number without fraction is an integer; bytes travel as {"$bytes": base64}, ' +
        'numbers that JSON does not have as {"$number": "NaN"}. Bodies may be compressed with gzip or deflate.',
    },
    security: [{ bearer: [] }, { token: [] }, {}],
    paths: {
      '/v1/state/{address}': {
        parameters: [address('the param, without its leading slash; it may contain slashes')],
        get: {
          summary: 'The current value of a param',
          parameters: [inHeader('If-None-Match'), inHeader('If-Match')],
          responses: {
            200: withTag(answer('State')),
            304: withTag({ description: 'it is what If-None-Match names' }),
            ...errors(400, 401, 403, 404, 412, 503),
          },
        },
        put: {
          summary: 'Writes a param',
          parameters: [inHeader('If-Match'), inHeader('If-None-Match')],
          requestBody: body('Write', true),
          responses: {
            200: withTag(answer('Written')),
            ...errors(400, 401, 402, 403, 409, 412, 413, 415, 423, 429, 503),
          },
        },
        delete: {
          summary: 'Deletes a param',
          parameters: [inHeader('If-Match')],
          responses: { 204: { description: 'deleted' }, ...errors(400, 401, 403, 404, 412, 423, 429, 503) },
        },
      },
      '/v1/emit/{address}': {
        parameters: [address('where the event happens')],
        post: {
          summary: 'Sends an event',
          requestBody: body('Event', false),
          responses: { 202: answer('Emitted'), ...errors(400, 401, 403, 413, 415, 429, 503) },
        },
      },
      '/v1/snapshot': { get: snapshot([]) },
      '/v1/snapshot/{prefix}': { get: snapshot([inPath('prefix', 'addresses begin with it')]) },
      '/v1/events': {
        get: {
          summary: 'Server-sent events: the current params, `synced`, then what happens',
          description: 'Event names: param, event, stream, gesture, timeline, synced. Resumes with Last-Event-ID.',
          parameters: [
            inQuery('pattern', 'which addresses, /** by default'),
            inQuery('types', 'kinds of signal, with commas'),
            inQuery('token', 'where a browser cannot set headers'),
            inHeader('Last-Event-ID'),
            inQuery('lastEventId', 'the same where headers cannot be set'),
          ],
          responses: {
            200: { description: 'events', content: { 'text/event-stream': { schema: ref('State') } } },
            ...errors(400, 401, 403, 503),
          },
        },
      },
    },
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        token: { type: 'apiKey', in: 'query', name: 'token' },
      },
      schemas: {
        State: object(
          { address: text, value: {}, revision: whole, timestamp: { type: 'string', format: 'date-time' } },
          ['address', 'value', 'revision'],
        ),
        Write: object({ value: {}, lock: flag, unlock: flag, revision: whole, ttl }, ['value']),
        Written: object({ address: text, value: {}, revision: whole }, ['address', 'value', 'revision']),
        Event: object({ value: {} }, []),
        Emitted: object({ address: text, status: { type: 'string', enum: ['emitted'] } }, ['address', 'status']),
        Error: object({ error: object({ code: whole, message: text, address: text }, ['code', 'message']) }, ['error']),
      },
    },
  };
}

const text: Value = { type: 'string' };
const flag: Value = { type: 'boolean' };
const whole: Value = { type: 'integer', minimum: 0n };
/** Seconds, or seconds and whether reading starts them again. */
const ttl: Value = {
  oneOf: [whole, object({ seconds: whole, mode: { type: 'string', enum: ['sliding', 'absolute'] } }, ['seconds'])],
};

const MEANINGS: Readonly<Record<number, string>> = {
  400: 'the request, address or pattern is wrong',
  401: 'the token is missing, wrong or expired',
  402: 'the value is not accepted',
  403: 'not permitted',
  404: 'there is no such param',
  409: 'the param is at another revision, or another value wins',
  412: 'If-Match or If-None-Match does not hold',
  413: 'the body is too long',
  415: 'the body is compressed with something else than gzip or deflate',
  423: 'somebody else holds the lock',
  429: 'too many',
  503: 'the relay has too much to do',
};

function ref(name: string): Value {
  return { $ref: `#/components/schemas/${name}` };
}

function object(properties: Readonly<Record<string, Value>>, required: readonly string[]): Value {
  return { type: 'object', properties, required: [...required] };
}

function withTag(response: Readonly<Record<string, Value>>): Value {
  return { ...response, headers: { ETag: { description: 'changes with every write', schema: text } } };
}

function inHeader(name: string): Value {
  return { name, in: 'header', schema: text };
}

function answer(name: string): Readonly<Record<string, Value>> {
  return { description: name.toLowerCase(), content: { 'application/json': { schema: ref(name) } } };
}

function body(name: string, required: boolean): Value {
  return { required, content: { 'application/json': { schema: ref(name) } } };
}

function errors(...statuses: readonly number[]): Readonly<Record<string, Value>> {
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      {
        description: MEANINGS[status] ?? '',
        ...(status === 401 && { headers: { 'WWW-Authenticate': { description: 'Bearer', schema: text } } }),
        content: { 'application/json': { schema: ref('Error') } },
      },
    ]),
  );
}

function inPath(name: string, description: string): Value {
  return { name, in: 'path', required: true, description, schema: text };
}

function address(description: string): Value {
  return inPath('address', description);
}

function inQuery(name: string, description: string): Value {
  return { name, in: 'query', description, schema: text };
}

function snapshot(parameters: readonly Value[]): Value {
  return {
    summary: 'Every readable param, as address: value',
    parameters: [...parameters],
    responses: {
      200: {
        description: 'state',
        content: { 'application/json': { schema: { type: 'object', additionalProperties: true } } },
      },
      ...errors(401, 403),
    },
  };
}
