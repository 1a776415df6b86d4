import { once } from 'node:events';
import { firstValueFrom, Subject } from 'rxjs';
import { expect, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Client } from '../core/client/client.ts';
import { decodeMessage, encodeMessage } from '../core/wire/index.ts';
import type { ErrorMessage, Message, QoS } from '../core/wire/message.ts';
import { createClient } from '../operators/client/client.ts';
import { type Router, type RouterOptions, router } from '../operators/router/router.ts';
import type { RouterEvent } from '../operators/router/router-event.ts';
import { clock } from '../platform-node/clock.ts';
import { webSocketDial } from '../platform-node/web-socket/web-socket-dial.ts';
import { webSocketListener } from '../platform-node/web-socket/web-socket-listener.ts';

export const eventually: { readonly timeout: number; readonly interval: number } = { timeout: 30_000, interval: 20 };

/** A bare WebSocket that has said HELLO. */
interface BarePeer {
  readonly socket: WebSocket;
  /** What it got since it joined, or since the last question. */
  readonly received: Message[];
  send(message: Message, qos?: QoS): void;
  /** What it is answered to one frame, up to the ACK of a write behind it. */
  answersTo(frame: Uint8Array): Promise<Message[]>;
}

/** A relay on a real port, with a well-behaved client that all the while writes a param and hears it. */
export interface CalmRelay {
  readonly relay: Router;
  readonly calm: Client;
  join(name: string): Promise<BarePeer>;
  /** Ends it, after seeing that the calm client got every one of its values, in order, in the one session it had. */
  stopCalmly(): Promise<void>;
}

export async function calmRelay(options: RouterOptions = {}): Promise<CalmRelay> {
  const bound = new Subject<number>();
  const ready = firstValueFrom(bound);
  const events: RouterEvent[] = [];
  const relay = router({ now: clock, ...options });
  const listener = webSocketListener({ port: 0, onListening: (address) => bound.next(address.port) });
  const running = relay(listener).subscribe((event) => events.push(event));
  const port = await ready;

  const calm = createClient(webSocketDial(`ws://127.0.0.1:${port}`), { name: 'calm', reconnect: false });
  const heard: unknown[] = [];
  calm.on('/calm').subscribe((signal) => signal.kind === 'param' && heard.push(signal.value));
  await vi.waitFor(() => expect(relay.stats().subscriptions).toBe(1), eventually);
  let written = 0;
  let goesOn = true;
  const write = async () => {
    while (goesOn) await calm.set('/calm', ++written);
  };
  const writing = write();

  return {
    relay,
    calm,
    join: (name) => join(port, name),
    async stopCalmly() {
      goesOn = false;
      await writing;
      await vi.waitFor(() => expect(heard.at(-1)).toBe(written), eventually);
      expect(heard).toEqual(Array.from({ length: written }, (_, index) => index + 1));
      expect(events.filter(({ type, session }) => type === 'session-closed' && session.name === 'calm')).toEqual([]);
      calm.close();
      running.unsubscribe();
    },
  };
}

export function errorsOf(received: readonly Message[]): ErrorMessage[] {
  return received.filter((message): message is ErrorMessage => message.type === 'ERROR');
}

async function join(port: number, name: string): Promise<BarePeer> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, 'clasp');
  const received: Message[] = [];
  socket.on('message', (data) => received.push(decodeMessage(data as Buffer).message));
  await once(socket, 'open');
  const send: BarePeer['send'] = (message, qos = 0) => socket.send(encodeMessage(message, { qos }));
  send({ type: 'HELLO', version: 1, name, features: [] });
  await vi.waitFor(() => expect(received.map(({ type }) => type)).toContain('SNAPSHOT'), eventually);
  received.length = 0;

  const isLast = (message: Message) => message.type === 'ACK' && message.address === `/${name}/after`;
  const answersTo = async (frame: Uint8Array): Promise<Message[]> => {
    received.length = 0;
    socket.send(frame);
    send({ type: 'SET', address: `/${name}/after`, value: 1 }, 1);
    await vi.waitFor(() => expect(received.some(isLast)).toBe(true), eventually);
    return received.filter((message) => !isLast(message));
  };
  return { socket, received, send, answersTo };
}
