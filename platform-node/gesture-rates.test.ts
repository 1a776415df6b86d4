import { firstValueFrom, Subject, type Subscription } from 'rxjs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Client } from '../core/client/client.ts';
import type { Gesture } from '../core/signal/signal.ts';
import { createClient } from '../operators/client/client.ts';
import { type Router, router } from '../operators/router/router.ts';
import { clock } from './clock.ts';
import { webSocketDial } from './web-socket/web-socket-dial.ts';
import { webSocketListener } from './web-socket/web-socket-listener.ts';

// How often the moves of a gesture arrive, from a socket through the relay to several others, in real time.

const INTERVAL = 16;
const eventually = { timeout: 20_000, interval: 5 };
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let relay: Router;
let running: Subscription;
let clients: Client[];
let desk: Client;
/** What each of two subscribers heard. */
let heard: Gesture[][];

beforeEach(async () => {
  const bound = new Subject<number>();
  const ready = firstValueFrom(bound);
  relay = router({ now: clock });
  running = relay(webSocketListener({ port: 0, onListening: ({ port }) => bound.next(port) })).subscribe();
  const url = `ws://127.0.0.1:${await ready}`;
  clients = Array.from({ length: 3 }, () => createClient(webSocketDial(url)));
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

it('moves that come at 30 Hz all arrive', async () => {
  const values = Array.from({ length: 30 }, (_, n) => n);
  desk.gesture('/pad', 1, 'start');
  for (const value of values) {
    desk.gesture('/pad', 1, 'move', value);
    // A machine that is busy makes it slower, not faster.
    await vi.waitFor(() => expect(valuesOf(heard[0] ?? [], 'move')).toContain(value), eventually);
    await sleep(33);
  }
  desk.gesture('/pad', 1, 'end');
  await ended();
  for (const gestures of heard) expect(valuesOf(gestures, 'move')).toEqual(values);
});

it('of moves that come at 240 Hz one per 16 ms arrives at each subscriber, and the last', async () => {
  const began = performance.now();
  desk.gesture('/pad', 1, 'start');
  let sent = 0;
  while (sent < 240) {
    // As many as are due by now.
    const due = Math.min(240, Math.ceil((performance.now() - began) * 0.24));
    while (sent < due) desk.gesture('/pad', 1, 'move', sent++);
    await sleep(1);
  }
  desk.gesture('/pad', 1, 'end');
  await ended();
  const most = Math.ceil((performance.now() - began) / INTERVAL) + 2;
  for (const gestures of heard) {
    const moves = valuesOf(gestures, 'move') as number[];
    expect(moves.length).toBeGreaterThan(1);
    expect(moves.length).toBeLessThanOrEqual(most);
    expect(moves).toEqual([...new Set(moves)].sort((a, b) => a - b));
    expect(moves.at(-1)).toBe(239);
  }
  expect(heard[0]).toEqual(heard[1]);
});
