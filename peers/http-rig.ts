import { type IncomingMessage, request } from 'node:http';
import { NEVER, type Subscription } from 'rxjs';
import { expect } from 'vitest';
import type { BridgeEvent, Client } from '../core/client/client.ts';
import { type Router, router } from '../operators/router/router.ts';
import { type HttpBridgeOptions, httpBridge } from '../platform-node/bridges/http-bridge.ts';

const ends: (() => void)[] = [];

/** Ends everything that was opened here, newest first. */
export function endAll(): void {
  for (const end of ends.splice(0).reverse()) end();
}

/** Has something ended with the rest. */
export function atEnd(end: () => void): void {
  ends.push(end);
}

/** A relay with the API on a free port. */
export interface ServedHttp {
  readonly base: string;
  readonly client: Client;
  readonly relay: Router;
  readonly events: readonly BridgeEvent[];
}

/** Starts a relay with the API on a free port. */
export async function serveHttp(options: HttpBridgeOptions = {}, relay: Router = router()): Promise<ServedHttp> {
  const running = relay(NEVER).subscribe();
  const client = relay.client('app');
  const events: BridgeEvent[] = [];
  let bridge: Subscription | undefined;
  const base = await new Promise<string>((resolve, reject) => {
    bridge = httpBridge(relay.client('http'), {
      port: 0,
      host: '127.0.0.1',
      join: (name, scopes) => relay.client(name, scopes),
      ...options,
    }).subscribe({
      next: (event) => {
        events.push(event);
        if (event.type === 'ready') resolve(event.address);
      },
      error: reject,
    });
  });
  ends.push(() => {
    bridge?.unsubscribe();
    running.unsubscribe();
  });
  return { base, client, relay, events };
}

interface ServerSentEvent {
  readonly id?: string | undefined;
  readonly event?: string | undefined;
  readonly data?: unknown;
}

/** A reader of server-sent events. */
export interface Listening {
  readonly events: readonly ServerSentEvent[];
  readonly opened: Promise<IncomingMessage>;
  close(): Promise<unknown>;
  /** Waits until so many events have come. */
  until(count: number): Promise<void>;
}

/** Reads server-sent events from `url` as they come. */
export function listen(url: string, headers: Record<string, string> = {}): Listening {
  const events: ServerSentEvent[] = [];
  const opened = new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(url, { headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) {
          const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
          if (fields.event) events.push({ id: fields.id, event: fields.event, data: JSON.parse(fields.data) });
        }
      });
      response.on('error', () => undefined);
      resolve(response);
    });
    asked.on('error', reject).end();
    ends.push(() => asked.destroy());
  });
  const close = async () => (await opened).destroy();
  const until = async (count: number) => {
    await expect.poll(() => events.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(count);
  };
  return { events, opened, close, until };
}

/** Asks for PUT; an object is sent as JSON. */
export const put = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { method: 'PUT', body: typeof body === 'string' ? body : JSON.stringify(body), headers });
