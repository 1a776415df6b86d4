import { type HttpRequest, type HttpResponse, type HttpRoute, json } from './http-routes.ts';
import { type RelayStatus, statusPage } from './status-page.ts';

/**
 * What a relay answers over plain HTTP: `GET /` with what it is and how it is doing (a page, or JSON for
 * `Accept: application/json`), and `GET /healthz` with 200 as long as it runs.
 */
export function statusRoutes(status: () => RelayStatus): readonly HttpRoute[] {
  return [
    { path: '/', methods: { GET: (request) => frontPage(request, status()) } },
    { path: '/healthz', methods: { GET: () => health(status()) } },
  ];
}

function health({ name, sessions, uptime }: RelayStatus): HttpResponse {
  return json(200, { status: 'ok', name, sessions, uptime });
}

function frontPage({ headers }: HttpRequest, status: RelayStatus): HttpResponse {
  if (prefersJson(headers.accept ?? '')) {
    return {
      ...json(200, { ...status }),
      headers: { 'content-type': 'application/json; charset=utf-8', vary: 'accept' },
    };
  }
  return {
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      vary: 'accept',
    },
    body: statusPage(status, addressedUrl(headers.host) ?? status.urls[0] ?? ''),
  };
}

/** Whether JSON is named before HTML. A browser names HTML, curl neither. */
function prefersJson(accept: string): boolean {
  const named = accept.split(',').map((type) => type.split(';')[0]?.trim().toLowerCase());
  return named.find((type) => type === 'application/json' || type === 'text/html') === 'application/json';
}

/** The URL under which the reader reached the relay: it works for the reader, whatever the relay is bound to. */
function addressedUrl(host: string | undefined): string | undefined {
  return host !== undefined && /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i.test(host) ? `ws://${host}` : undefined;
}
