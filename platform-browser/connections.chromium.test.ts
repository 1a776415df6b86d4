import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { map } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Connection } from '../core/connection/connection.ts';
import { bundle, type ServedPages, servePages } from '../peers/bundle.ts';
import { type OpenChromium, openChromium } from '../peers/chromium.ts';
import type { LawResult } from '../peers/contract-page.ts';
import { installed } from '../peers/installed.ts';
import { webSocketListener } from '../platform-node/web-socket/web-socket-listener.ts';

const PAGE = '<!doctype html><title>contract</title><script type="module" src="/contract.js"></script>';

describe.skipIf(!installed('chromium'))('connections in Chromium', () => {
  let chromium: OpenChromium;
  let pages: ServedPages;

  beforeAll(async () => {
    const code = await bundle(fileURLToPath(new URL('../peers/contract-page.ts', import.meta.url)));
    pages = await servePages({
      '/': `${PAGE}<iframe src="/frame"></iframe>`,
      '/frame': PAGE,
      '/tab': PAGE,
      '/contract.js': code,
    });
    chromium = await openChromium();
  });
  afterAll(async () => {
    await chromium?.close();
    await pages?.close();
  });

  const open = async (path: string): Promise<Page> => {
    const page = await chromium.context.newPage();
    await page.goto(pages.origin + path);
    await page.waitForFunction(() => window.contract && (!window.frames[0] || window.frames[0].fromFrame));
    return page;
  };
  const expectKept = (results: readonly LawResult[]) => {
    expect(results.filter(({ broken }) => broken)).toEqual([]);
    expect(results.length).toBeGreaterThanOrEqual(12);
  };

  it('webSocketDial keeps the contract, against our listener', async () => {
    const server = createServer();
    const sockets: Socket[] = [];
    server.on('connection', (socket) => sockets.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    let waiting: Connection | undefined;
    const crossing = webSocketListener({ server }).subscribe((connection) => {
      if (!waiting) {
        waiting = connection;
        return;
      }
      connection.incoming.pipe(map((frame) => frame.slice())).subscribe(waiting.outgoing);
      waiting.incoming.pipe(map((frame) => frame.slice())).subscribe(connection.outgoing);
      waiting = undefined;
    });

    const page = await open('/');
    await page.exposeFunction('holdReading', (hold: boolean) => {
      for (const socket of sockets) hold ? socket.pause() : socket.resume();
    });
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const results = await page.evaluate((to) => window.contract.overWebSocket(to), url);
    await page.close();
    crossing.unsubscribe();
    server.close();
    expectKept(results);
    expect(results.map(({ law }) => law).join()).toContain('for a reader that pauses');
  });

  it('messagePortDial in a frame and messagePortListener around it keep the contract', async () => {
    const page = await open('/');
    expectKept(await page.evaluate(() => window.contract.overMessagePort()));
    await page.close();
  });

  it('broadcastChannelDial in a frame and broadcastChannelListener around it keep the contract', async () => {
    const page = await open('/');
    expectKept(await page.evaluate(() => window.contract.overBroadcastChannel()));
    await page.close();
  });

  it('a tab that closes ends its connection at once; one that crashes ends it after the heartbeat', async () => {
    const host = await open('/tab');
    await host.evaluate(() => window.contract.hostTab('tabs', 1_000));
    const ends = () => host.evaluate(() => window.contract.ends);
    const [closing, crashing] = [await open('/tab'), await open('/tab')];
    for (const tab of [closing, crashing]) await tab.evaluate(() => window.contract.joinTab('tabs'));
    await vi.waitFor(async () => expect(await host.evaluate(() => window.contract.accepted.length)).toBe(2));
    await closing.close({ runBeforeUnload: true });
    await vi.waitFor(async () => expect(await ends()).toEqual(['completed']), { timeout: 10_000 });
    const crash = await chromium.context.newCDPSession(crashing);
    crash.send('Page.crash').catch(() => undefined);
    await vi.waitFor(async () => expect(await ends()).toEqual(['completed', '[502] no sign of the peer for 1000 ms']), {
      timeout: 20_000,
    });
    await host.close();
  });

  it('a relay that cannot be reached, or is no URL, is an error with a reason', async () => {
    const page = await open('/');
    const dial = (url: string) =>
      page.evaluate(async (to) => (await window.contract.overWebSocket(to))[0]?.broken, url);
    expect(await dial('ws://127.0.0.1:9')).toMatch(/\[502\] cannot reach ws:\/\/127.0.0.1:9: connection failed/);
    expect(await dial('mailto:nobody')).toMatch(/\[402\] not a WebSocket URL: mailto:nobody/);
    await page.close();
  });
});
