import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { firstValueFrom, Subject, type Subscription } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Client } from '../core/client/client.ts';
import { decodeMessage, encodeMessage, encodeSet } from '../core/wire/index.ts';
import type { ErrorMessage, Message } from '../core/wire/message.ts';
import { createClient } from '../operators/client/client.ts';
import { type Router, type RouterOptions, router } from '../operators/router/router.ts';
import type { RouterEvent } from '../operators/router/router-event.ts';
import { webSocketDial } from './web-socket/web-socket-dial.ts';
import { webSocketListener } from './web-socket/web-socket-listener.ts';

// Peers that misbehave on a real socket: each is answered as the protocol says, the relay goes on, and a well-behaved
// client beside them notices nothing.

let relay: Router;
let running: Subscription;
let port: number;
let events: RouterEvent[];
let calm: Client;
const heard: unknown[] = [];
const eventually = { timeout: 20_000, interval: 20 };

async function start(options: RouterOptions = {}): Promise<void> {
  const bound = new Subject<number>();
  const ready = firstValueFrom(bound);
  events = [];
  heard.length = 0;
  relay = router(options);
  running = relay(webSocketListener({ port: 0, onListening: (address) => bound.next(address.port) })).subscribe(
    (event) => events.push(event),
  );
  port = await ready;
  calm = createClient(webSocketDial(`ws://127.0.0.1:${port}`), { name: 'calm' });
  calm.on('/calm').subscribe((signal) => signal.kind === 'param' && heard.push(signal.value));
  await vi.waitFor(() => expect(relay.stats().subscriptions).toBe(1), eventually);
}

/** A bare WebSocket with what it received, decoded. */
async function open(): Promise<{ socket: WebSocket; received: Message[]; closed: Promise<[number, string]> }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, 'clasp');
  const received: Message[] = [];
  socket.on('message', (data) => received.push(decodeMessage(data as Buffer).message));
  const closed = once(socket, 'close').then(([code, reason]): [number, string] => [code, String(reason)]);
  await once(socket, 'open');
  return { socket, received, closed };
}

async function greeted() {
  const peer = await open();
  peer.socket.send(encodeMessage({ type: 'HELLO', version: 1, name: 'rude', features: [] }));
  await vi.waitFor(() => expect(peer.received.map(({ type }) => type)).toContain('SNAPSHOT'), eventually);
  peer.received.length = 0;
  return peer;
}

const errorsOf = (received: readonly Message[]) =>
  received.filter((message): message is ErrorMessage => message.type === 'ERROR').map(({ code }) => code);

beforeEach(() => start());
afterEach(async () => {
  // Nobody else noticed.
  await calm.set('/calm', 'still here');
  await vi.waitFor(() => expect(heard.at(-1)).toBe('still here'), eventually);
  expect(events.filter(({ session, type }) => type === 'session-closed' && session.name === 'calm')).toEqual([]);
  calm.close();
  running.unsubscribe();
});

describe('on a real socket', () => {
  it('a garbage frame after HELLO is answered with 100, and the session goes on', async () => {
    const { socket, received } = await greeted();
    socket.send(Buffer.from('not a frame'));
    await vi.waitFor(() => expect(errorsOf(received)).toEqual([100]), eventually);
    socket.send(encodeSet('/after', 1, { qos: 1 }));
    await vi.waitFor(() => expect(received.at(-1)).toMatchObject({ type: 'ACK', address: '/after' }), eventually);
    socket.close();
  });

  it('a text message is a bad frame', async () => {
    const { socket, received } = await greeted();
    socket.send('{"type":"set"}');
    await vi.waitFor(() => expect(errorsOf(received)).toEqual([100]), eventually);
    socket.close();
  });

  it('a message over the limit ends its connection with 1009', async () => {
    const { socket, closed } = await greeted();
    socket.send(new Uint8Array(70_000));
    expect((await closed)[0]).toBe(1009);
  });

  it('garbage instead of HELLO is answered with an ERROR and closed with its reason', async () => {
    const { socket, received, closed } = await open();
    socket.send(Buffer.from('GET / HTTP/1.1'));
    const [, reason] = await closed;
    expect(errorsOf(received)).toEqual([100]);
    expect(reason).not.toBe('');
  });

  it('a peer that never says HELLO is closed', async () => {
    calm.close();
    running.unsubscribe();
    await start({ handshakeTimeout: 200 });
    const { received, closed } = await open();
    await closed;
    expect(errorsOf(received)).toEqual([101]);
  });

  it('a subscriber that never reads is given up, and the relay’s memory stays within its bound', async () => {
    calm.close();
    running.unsubscribe();
    await start({ maxWaitingBytes: 1_000_000 });
    const { socket } = await greeted();
    socket.send(encodeMessage({ type: 'SUBSCRIBE', id: 1, pattern: '/flood/**' }));
    await vi.waitFor(() => expect(relay.stats().subscriptions).toBe(2), eventually);
    (socket as unknown as { _socket: Socket })._socket.pause();
    const flood = relay.client('flood');
    const before = process.memoryUsage().arrayBuffers;
    const given = () => events.some(({ type, session }) => type === 'session-closed' && session.name === 'rude');
    const large = new Uint8Array(30_000);
    for (let i = 0; i < 20_000 && !given(); i++) {
      flood.emit('/flood/event', large);
      if (i % 16 === 0) await new Promise((turn) => setImmediate(turn));
    }
    expect(events.find(({ type, session }) => type === 'session-closed' && session.name === 'rude')).toMatchObject({
      reason: { code: 503, reason: 'slow consumer' },
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40_000_000);
    flood.close();
    socket.terminate();
  });

  it('a client that is cut off in the middle of its snapshot ends its session and nothing else', async () => {
    const filler = relay.client('filler');
    for (let i = 0; i < 20_000; i++) filler.set(`/many/${i}`, 'x'.repeat(200));
    const { socket } = await open();
    const tcp = (socket as unknown as { _socket: Socket })._socket;
    socket.once('message', () => tcp.destroy());
    socket.on('error', () => undefined);
    socket.send(encodeMessage({ type: 'HELLO', version: 1, name: 'cut off', features: [] }));
    await vi.waitFor(
      () => expect(events.at(-1)).toMatchObject({ type: 'session-closed', session: { name: 'cut off' } }),
      eventually,
    );
    filler.close();
  });

  it('bytes that are no WebSocket at all are refused without a session', async () => {
    const raw = connectTcp(port, '127.0.0.1');
    raw.on('error', () => undefined).resume();
    raw.write('\x00\x01\x02 this is not HTTP\r\n\r\n');
    await once(raw, 'close');
    expect(events.filter(({ type, session }) => type === 'session-opened' && session.name !== 'calm')).toEqual([]);
  });
});
