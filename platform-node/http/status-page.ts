import { type HttpRequest, type HttpResponse, type HttpRoute, json } from './http-routes.ts';

/** Figures of a running relay, as `GET /` tells them. */
export interface RelayStatus {
  readonly name: string;
  /** Version of this package. */
  readonly version: string;
  /** WebSocket URLs at which it listens. */
  readonly urls: readonly string[];
  /** Who is connected: over CLASP, JSON or MQTT. */
  readonly sessions: number;
  /** Those of the relay itself not counted. */
  readonly params: number;
  /** What the relay has for itself and those of its process: participants (bridges, routes, HTTP), params below `/clasp`. */
  readonly own: { readonly sessions: number; readonly params: number };
  readonly subscriptions: number;
  /** Messages that arrived. */
  readonly messagesIn: number;
  /** Signals that left, counted once per receiver. */
  readonly messagesOut: number;
  /** Whole seconds since the start. */
  readonly uptime: number;
  /** How each bridge is, by name: `connecting`, `ready`, `retrying` or `failed`. */
  readonly bridges: Readonly<Record<string, string>>;
  /** How many failures each bridge had that had any, by name. */
  readonly failures: Readonly<Record<string, number>>;
}

const STYLE = `
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1.25rem; }
  h1 { font-size: 1.6rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
  h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
  p { margin: 0 0 1rem; }
  pre + p { margin-top: 1rem; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.5rem; margin: 1.5rem 0; }
  dt { opacity: .7; }
  dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
  .ready { color: light-dark(#1a7f37, #3fb950); }
  .connecting, .retrying { color: light-dark(#9a6700, #d29922); }
  .failed { color: light-dark(#cf222e, #f85149); }
  code, pre { font: .9rem/1.5 ui-monospace, monospace; }
  pre { background: color-mix(in srgb, currentColor 8%, transparent); padding: .75rem 1rem; border-radius: .4rem; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
`;

/** The page that a browser gets at `GET /`: what this is, where to connect, how it is doing. `url` is the WebSocket URL to show. */
export function statusPage(status: RelayStatus, url: string): string {
  const count = (number: number) => number.toLocaleString('en');
  const rows: (readonly [term: string, detail: string])[] = [
    ['WebSocket', `<code>${escaped(url)}</code>`],
    ['Sessions', count(status.sessions)],
    ['Params', count(status.params)],
    ['Of the relay itself', `${count(status.own.sessions)} sessions, ${count(status.own.params)} params`],
    ['Subscriptions', count(status.subscriptions)],
    ['Messages', `${count(status.messagesIn)} in, ${count(status.messagesOut)} out`],
    ['Up for', duration(status.uptime)],
    ['Version', `clasp-rx ${escaped(status.version)}`],
  ];
  const bridges = Object.entries(status.bridges).map(
    ([name, state]) => `${escaped(name)} <span class="${escaped(state)}">${escaped(state)}</span>`,
  );
  if (bridges.length > 0) rows.splice(1, 0, ['Bridges', bridges.join('<br>')]);
  const web = escaped(url.replace(/^ws/, 'http'));
  const target = url === 'ws://localhost:7330' ? '' : ` --url ${escaped(url)}`;

  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(status.name)} · CLASP relay</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(status.name)}</h1>
<p>This is a CLASP relay: it passes params, events and streams between the programs and devices that connect to it.</p>
<dl>
${rows.map(([term, detail]) => `<dt>${term}</dt><dd>${detail}</dd>`).join('\n')}
</dl>
<h2>Watch everything that passes</h2>
<pre>npx clasp-rx sub '/**'${target}</pre>
<h2>Write a value</h2>
<pre>npx clasp-rx set /hello 0.5${target}</pre>
<h2>The same over HTTP</h2>
<pre>curl -N '${web}/v1/events'
curl -X PUT -d '{"value":0.5}' ${web}/v1/state/hello
curl ${web}/v1/snapshot</pre>
<p><a href="/v1/openapi.json">/v1/openapi.json</a> describes it. JSON over WebSocket is at <code>${escaped(url)}/json</code>.</p>
<h2>These figures as JSON</h2>
<pre>curl -H 'Accept: application/json' ${web}/</pre>
<p><a href="/healthz">/healthz</a> answers as long as the relay runs.</p>
</body>
</html>
`;
}

/** Seconds in the two units that matter: `3 d 4 h`, `12 min 5 s`. */
export function duration(seconds: number): string {
  const units: readonly (readonly [size: number, unit: string])[] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const whole = Math.max(0, Math.floor(seconds));
  const first = units.findIndex(([size]) => whole >= size);
  const parts = units.slice(first === -1 ? 3 : first).slice(0, 2);
  let rest = whole;
  return parts
    .map(([size, unit]) => {
      const amount = Math.floor(rest / size);
      rest -= amount * size;
      return `${amount} ${unit}`;
    })
    .join(' ');
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

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
