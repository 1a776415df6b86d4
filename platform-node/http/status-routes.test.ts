import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { openChromium } from '../../peers/chromium.ts';
import { installed } from '../../peers/installed.ts';
import { httpRoutes } from './http-routes.ts';
import { duration, type RelayStatus, statusPage, statusRoutes } from './status-page.ts';

const status: RelayStatus = {
  name: 'Venue',
  version: '1.2.3',
  urls: ['ws://127.0.0.1:7330'],
  sessions: 3,
  params: 12_345,
  own: { sessions: 4, params: 6 },
  subscriptions: 7,
  messagesIn: 10,
  messagesOut: 20,
  uptime: 3725,
  bridges: { desk: 'ready', '<rig>': 'retrying' },
  failures: {},
};

const ask = async (
  path: string,
  init?: RequestInit,
): Promise<{ port: number; status: number; headers: Headers; body: string }> => {
  const server = createServer(httpRoutes(statusRoutes(() => status)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    return { port, status: response.status, headers: response.headers, body: await response.text() };
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
};

describe('GET /healthz', () => {
  it('says that the relay is up', async () => {
    const { status: code, headers, body } = await ask('/healthz');
    expect(code).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(JSON.parse(body)).toEqual({ status: 'ok', name: 'Venue', sessions: 3, uptime: 3725 });
  });
});

describe('GET /', () => {
  it('is a page with the URL that the reader can use and the figures', async () => {
    const { port, status: code, headers, body } = await ask('/');
    expect(code).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(body).toContain('<h1>Venue</h1>');
    expect(body).toContain(`<code>ws://127.0.0.1:${port}</code>`);
    expect(body).toContain('12,345');
    expect(body).toContain('<dt>Of the relay itself</dt><dd>4 sessions, 6 params</dd>');
    expect(body).toContain('1 h 2 min');
    expect(body).toContain('clasp-rx 1.2.3');
  });

  it('is JSON for who asks for it, and the page for a browser', async () => {
    const asked = async (accept: string) => (await ask('/', { headers: { accept } })).headers.get('content-type');
    expect(JSON.parse((await ask('/', { headers: { accept: 'application/json' } })).body)).toEqual(status);
    expect(await asked('application/json, text/plain, */*')).toContain('application/json');
    expect(await asked('text/html,application/xhtml+xml,application/json;q=0.9')).toContain('text/html');
    expect(await asked('*/*')).toContain('text/html');
  });

  it('shows no URL made of a Host header that is none', async () => {
    const server = createServer(httpRoutes(statusRoutes(() => status)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const body = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1', () =>
        socket.write('GET / HTTP/1.1\r\nHost: "><script>\r\nConnection: close\r\n\r\n'),
      );
      socket.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      socket.on('close', () => resolve(text));
    });
    await new Promise((resolve) => server.close(resolve));
    expect(body).not.toContain('<script>');
    expect(body).toContain('<code>ws://127.0.0.1:7330</code>');
  });
});

describe.skipIf(!installed('chromium'))('GET / in Chromium', () => {
  it('is a page with its styles, and nothing the browser complains about', async () => {
    const server = createServer(httpRoutes(statusRoutes(() => status)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { context, close } = await openChromium();
    try {
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (told) => complaints.push(told.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.setViewportSize({ width: 360, height: 640 });
      await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
      expect(await page.title()).toBe('Venue · CLASP relay');
      expect(await page.locator('dd').first().innerText()).toMatch(/^ws:\/\/localhost:\d+$/);
      const layout = await page.evaluate(() => ({
        list: getComputedStyle(document.querySelector('dl') ?? document.body).display,
        tooWide: document.documentElement.scrollWidth > innerWidth,
      }));
      expect(layout).toEqual({ list: 'grid', tooWide: false });
      expect(complaints.filter((text) => !text.includes('favicon'))).toEqual([]);
    } finally {
      await close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('statusPage', () => {
  it('shows a name with markup as text', () => {
    const page = statusPage({ ...status, name: '<img src=x onerror="alert(1)">' }, 'ws://x');
    expect(page).not.toContain('<img');
    expect(page).toContain('&#60;img src=x onerror=&#34;alert(1)&#34;&#62;');
  });
});

describe('duration', () => {
  it('names the two units that matter', () => {
    expect([0, 59.9, 60, 3_599, 3_600, 90_061, 1_000_000].map(duration)).toEqual([
      '0 s',
      '59 s',
      '1 min 0 s',
      '59 min 59 s',
      '1 h 0 min',
      '1 d 1 h',
      '11 d 13 h',
    ]);
  });
});
