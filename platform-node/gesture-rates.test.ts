import { firstValueFrom, Subject, type Subscription } from 'rxjs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Client } from '../core/client/client.ts';
import type { Gesture } from '../core/signal/signal.ts';
import { createClient } from '../operators/client/client.ts';
import { type Router, router } from '../operators/router/router.ts';
import { webSocketDial } from './web-socket/web-socket-dial.ts';
import { webSocketListener } from './web-socket/web-socket-listener.ts';

// How often the moves of a gesture arrive, from a socket through the relay to several others. The relay's time goes on
// only when the test says so, so that a busy machine changes nothing.

const eventually = { timeout: 20_000, interval: 1 };

/** The relay's time, microseconds. */
let time: number;
let relay: Router;
let running: Subscription;
let clients: Client[];
let desk: Client;
/** What each of two subscribers heard. */
let heard: Gesture[][];

beforeEach(async () => {
  const bound = new Subject<number>();
  const ready = firstValueFrom(bound);
  time = 0;
  relay = router({ now: () => time });
  running = relay(webSocketListener({ port: 0, onListening: ({ port }) => bound.next(port) })).subscribe();
  const url = `ws://127.0.0.1:${await ready}`;
  clients = Array.from({ length: 3 }, () => createClient(webSocketDial(url), { sync: false }));
  const [sender, ...listeners] = clients;
  desk = sender as Client;
  heard = listeners.map((listener) => {
    const moves: Gesture[] = [];
    listener.on('/pad', { types: ['gesture'] }).subscribe((signal) => moves.push(signal as Gesture));
    return moves;
  });
  await vi.waitFor(() => expect(relay.stats().subscriptions).toBe(2), eventually);
  await desk.get('/ready');
});
afterEach(() => {
  for (const client of clients) client.close();
  running.unsubscribe();
});

const valuesOf = (gestures: readonly Gesture[], phase: string) =>
  gestures.filter((gesture) => gesture.phase === phase).map(({ value }) => value);
const ended = () =>
  vi.waitFor(() => expect(heard.map((gestures) => gestures.at(-1)?.phase)).toEqual(['end', 'end']), eventually);

/** A gesture whose moves 0, 1, 2 … reach the relay at a steady rate. */
async function play(count: number, rate: number): Promise<void> {
  desk.gesture('/pad', 1, 'start');
  for (let n = 0; n < count; n++) {
    const before = relay.stats().messagesIn;
    time += 1_000_000 / rate;
    desk.gesture('/pad', 1, 'move', n);
    await vi.waitFor(() => expect(relay.stats().messagesIn).toBeGreaterThan(before), eventually);
  }
  desk.gesture('/pad', 1, 'end');
  await ended();
}

it('moves that come at 30 Hz all arrive', async () => {
  await play(30, 30);
  for (const gestures of heard) expect(valuesOf(gestures, 'move')).toEqual(Array.from({ length: 30 }, (_, n) => n));
});

it('of moves that come at 240 Hz every fourth arrives at each subscriber, and the last', async () => {
  await play(240, 240);
  const every4th = Array.from({ length: 60 }, (_, n) => n * 4);
  for (const gestures of heard) expect(valuesOf(gestures, 'move')).toEqual([...every4th, 239]);
});
