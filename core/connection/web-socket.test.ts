import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { ClaspError } from '../errors.ts';
import { type FromWebSocketOptions, fromWebSocket, type WebSocketLike } from './web-socket.ts';

/** A browser's socket whose buffer empties when the test says so. Strict where browsers are. */
class FakeSocket implements WebSocketLike {
  binaryType = 'blob';
  bufferedAmount = 0;
  readonly sent: Uint8Array[] = [];
  readonly closes: (readonly [code: number | undefined, reason: string | undefined])[] = [];
  readonly #listeners = new Map<string, ((event: never) => void)[]>();

  send(data: Uint8Array<ArrayBuffer>): void {
    this.sent.push(data);
    this.bufferedAmount += data.length;
  }

  close(code?: number, reason?: string): void {
    const allowed = code === undefined || code === 1000 || (code >= 3000 && code <= 4999);
    if (!allowed || new TextEncoder().encode(reason).length > 123) throw new Error('browsers throw here');
    this.closes.push([code, reason]);
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  tell(type: string, event: unknown): void {
    const listeners = this.#listeners.get(type) ?? [];
    if (type === 'error' && listeners.length === 0) throw new Error('`ws` ends the process here');
    for (const listener of listeners) listener(event as never);
  }
}

function connect(options: FromWebSocketOptions = {}) {
  const socket = new FakeSocket();
  const connection = fromWebSocket(socket, 'test', options);
  const told: string[] = [];
  connection.incoming.subscribe({
    next: (frame) => told.push(`frame ${[...frame]}`),
    error: ({ message }) => told.push(message),
    complete: () => told.push('completed'),
  });
  return { socket, connection, told };
}

describe('fromWebSocket', () => {
  it('asks for ArrayBuffers, and hands over binary messages and the bytes of text messages', () => {
    const { socket, told } = connect();
    expect(socket.binaryType).toBe('arraybuffer');
    socket.tell('message', { data: Uint8Array.of(1, 2).buffer });
    socket.tell('message', { data: 'é' });
    expect(told).toEqual(['frame 1,2', 'frame 195,169']);
  });

  it.each([
    [1000, '', 'completed'],
    [1001, 'shutting down', 'completed'],
    [1006, '', '[502] connection lost'],
    [1008, 'token expired', '[300] token expired'],
    [1013, 'slow consumer', '[503] slow consumer'],
    [4429, 'too many', '[429] too many'],
  ])('a close with %i "%s" tells %s, once', (code, reason, expected) => {
    const { socket, told } = connect();
    socket.tell('error', {});
    socket.tell('close', { code, reason });
    socket.tell('close', { code, reason });
    socket.tell('message', { data: 'late' });
    expect(told).toEqual([expected]);
  });

  it('closes with 1000, or with 4000 + code and the reason, once, and completes when it is closed', () => {
    const clean = connect();
    clean.connection.outgoing.complete();
    clean.connection.outgoing.complete();
    clean.connection.outgoing.next(Uint8Array.of(1));
    expect(clean.socket.closes).toEqual([[1000, undefined]]);
    expect(clean.socket.sent).toEqual([]);
    clean.socket.tell('close', { code: 1006, reason: '' });
    expect(clean.told).toEqual(['completed']);

    const failed = connect();
    failed.connection.outgoing.error(new ClaspError(302, 'x'.repeat(200)));
    failed.connection.outgoing.complete();
    expect(failed.socket.closes).toEqual([[4302, 'x'.repeat(123)]]);
    failed.socket.tell('close', { code: 4302, reason: '' });
    expect(failed.told).toEqual(['completed']);
  });

  it('ends on a frame over the bound with 100, at once, and says so to the peer', () => {
    const { socket, told } = connect({ maxFrame: 2 });
    socket.tell('message', { data: Uint8Array.of(1, 2).buffer });
    socket.tell('message', { data: Uint8Array.of(1, 2, 3).buffer });
    socket.tell('message', { data: Uint8Array.of(1).buffer });
    expect(told).toEqual(['frame 1,2', '[100] frame of 3 bytes, at most 2']);
    expect(socket.closes).toEqual([[4100, 'frame of 3 bytes, at most 2']]);
  });

  it('tells `ended` last: nothing for a clean end, else the failure', () => {
    const order: unknown[] = [];
    const { socket, connection } = connect({ ended: (failure) => order.push(failure?.code) });
    connection.incoming.subscribe({ error: () => order.push('incoming') });
    connection.saturated.subscribe({ complete: () => order.push('saturated') });
    socket.tell('close', { code: 1006, reason: '' });
    expect(order).toEqual(['incoming', 'saturated', 502]);
  });

  it('looks at the buffer only while saturated, until it has fallen to the low water', () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    scheduler.run(({ expectObservable, cold }) => {
      const { socket, connection } = connect({ highWater: 10, lowWater: 4, pollInterval: 5, scheduler });
      const steps: Record<string, () => void> = {
        s: () => connection.outgoing.next(new Uint8Array(6)),
        m: () => (socket.bufferedAmount = 5),
        d: () => (socket.bufferedAmount = 4),
        z: () => socket.tell('close', { code: 1000, reason: '' }),
      };
      const script = '        -s-s----m---d----sss-z';
      const expected = '      f--t---------f----t--|';
      cold(script).subscribe((step) => steps[step]?.());
      expectObservable(connection.saturated).toBe(expected, { f: false, t: true });
    });
  });

  it('leaves no timer behind when it ends while saturated', () => {
    const scheduler = new TestScheduler(() => undefined);
    const { socket, connection } = connect({ highWater: 1, scheduler });
    connection.outgoing.next(new Uint8Array(6));
    expect(scheduler.actions.length).toBe(1);
    socket.tell('close', { code: 1000, reason: '' });
    expect(scheduler.actions.length).toBe(0);
  });
});
