import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { firstValueFrom, Subject, type Subscription } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import type { Connection } from '../../core/connection/connection.ts';
import { RoundRobin } from '../../operators/round-robin.ts';
import { FastReceive } from './fast-receive.ts';
import { webSocketListener } from './web-socket-listener.ts';

// Frames are read past `ws` where they are simple: whatever a client sends, and however the network cuts it, the
// messages must be the same as those of `ws` alone.

/** Turns in which everybody gets the smallest portion, so that what is left has to wait. */
function impatientTurns(): RoundRobin {
  let now = 0;
  return new RoundRobin({
    now: () => {
      now += 1_000;
      return now;
    },
    later: setImmediate,
  });
}

let listening: Subscription;
let port: number;
const accepted = new Subject<Connection>();

beforeAll(async () => {
  const bound = new Subject<number>();
  const ready = firstValueFrom(bound);
  const options = {
    port: 0,
    turns: impatientTurns(),
    onListening: (address: { port: number }) => bound.next(address.port),
  };
  listening = webSocketListener(options).subscribe(accepted);
  port = await ready;
});
afterAll(() => listening.unsubscribe());

interface Piece {
  readonly opcode: number;
  readonly final: boolean;
  readonly body: Uint8Array;
}

function frame({ opcode, final, body }: Piece): Buffer {
  const key = Buffer.from([1, 2, 3, 4]);
  const length = body.length;
  const header =
    length < 126
      ? [length]
      : length < 65_536
        ? [126, length >> 8, length & 255]
        : [127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  header[0] = (header[0] as number) | 0x80;
  return Buffer.concat([
    Buffer.from([(final ? 0x80 : 0) | opcode, ...header]),
    key,
    body.map((byte, i) => byte ^ (key[i & 3] as number)),
  ]);
}

/** Connects and upgrades by hand, so that the bytes and their cuts are ours. */
async function upgraded(): Promise<{ socket: Socket; messages: string[] }> {
  const messages: string[] = [];
  const peer = firstValueFrom(accepted);
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const { incoming } = await peer;
  incoming.subscribe({
    next: (bytes) => messages.push(Buffer.from(bytes).toString('latin1')),
    error: () => messages.push('failed'),
  });
  await once(socket, 'data');
  socket.resume();
  return { socket, messages };
}

const body = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  fc.integer({ min: 120, max: 140 }).map((length) => new Uint8Array(length).fill(length)),
  fc.constantFrom(65_535, 65_536, 65_547).map((length) => new Uint8Array(length).fill(7)),
);
const whole = body.map((bytes): Piece[] => [{ opcode: 2, final: true, body: bytes }]);
const text = fc
  .string({ maxLength: 20 })
  .map((words): Piece[] => [{ opcode: 1, final: true, body: Buffer.from(words) }]);
const ping = fc.uint8Array({ maxLength: 20 }).map((bytes): Piece[] => [{ opcode: 9, final: true, body: bytes }]);
const fragments = fc
  .tuple(fc.array(fc.uint8Array({ maxLength: 30 }), { minLength: 2, maxLength: 4 }), fc.boolean())
  .map(([parts, pinged]): Piece[] =>
    parts.flatMap((part, i): Piece[] => [
      { opcode: i === 0 ? 2 : 0, final: i === parts.length - 1, body: part },
      ...(pinged && i === 0 ? [{ opcode: 9, final: true, body: new Uint8Array(2) }] : []),
    ]),
  );
const message = fc.oneof({ weight: 5, arbitrary: whole }, text, ping, fragments);

/** What `ws` makes of them, by the protocol: one message of each run of data frames. */
function expected(messages: readonly Piece[][]): string[] {
  return messages
    .map((pieces) => pieces.filter(({ opcode }) => opcode < 8))
    .filter((pieces) => pieces.length > 0)
    .map((pieces) => Buffer.concat(pieces.map((piece) => piece.body)).toString('latin1'));
}

describe('receiving past ws', () => {
  it('gives every message whole and in order, whatever kinds come and wherever the network cuts them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { minLength: 1, maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 }),
        async (messages, cuts) => {
          const { socket, messages: heard } = await upgraded();
          socket.setNoDelay(true);
          const bytes = Buffer.concat(messages.flat().map(frame));
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size =
              bytes.length > 4_000 ? (cuts[i % cuts.length] as number) * 200 : (cuts[i % cuts.length] as number);
            socket.write(bytes.subarray(at, at + size));
            at += size;
            await new Promise((turn) => setImmediate(turn));
          }
          await vi.waitFor(() => expect(heard).toHaveLength(expected(messages).length), {
            timeout: 10_000,
            interval: 5,
          });
          expect(heard).toEqual(expected(messages));
          socket.destroy();
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    ['an unmasked frame', Buffer.from([0x82, 1, 0])],
    ['a reserved bit', Buffer.from([0xc2, 0x81, 0, 0, 0, 0, 0])],
    ['an unknown opcode', Buffer.from([0x83, 0x80, 0, 0, 0, 0])],
    ['a continuation of nothing', frame({ opcode: 0, final: true, body: new Uint8Array(1) })],
    ['a length over the limit', Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 2, 0, 0, 1, 2, 3, 4])],
  ])('leaves %s to ws, which fails the connection after the messages before it', async (_name, wrong) => {
    const { socket, messages } = await upgraded();
    socket.write(Buffer.concat([frame({ opcode: 2, final: true, body: Buffer.from('good') }), wrong]));
    await vi.waitFor(() => expect(messages).toEqual(['good', 'failed']), { timeout: 10_000 });
    socket.destroy();
  });

  const numbered = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      frame({ opcode: 2, final: true, body: Buffer.from(String(i).padStart(40)) }),
    );

  it('reads a flood in portions, so that others have their turn between them', async () => {
    const { socket, messages } = await upgraded();
    const portions: number[] = [];
    let before = 0;
    const turn = () => {
      portions.push(messages.length - before);
      before = messages.length;
      if (before < 60_000) setImmediate(turn);
    };
    socket.write(Buffer.concat(numbered(60_000)));
    turn();
    await vi.waitFor(() => expect(before).toBe(60_000), { timeout: 20_000 });
    // A portion is fourteen of these.
    expect(Math.max(...portions)).toBeLessThan(3 * 14);
    expect(messages.map(Number)).toEqual(Array.from({ length: 60_000 }, (_, i) => i));
    socket.destroy();
  });

  it('a flood that is cut off gives what came before, in order, and nothing that was not sent', async () => {
    const { socket, messages } = await upgraded();
    socket.write(Buffer.concat(numbered(60_000)));
    await vi.waitFor(() => expect(messages.length).toBeGreaterThan(2_000), { timeout: 20_000, interval: 1 });
    socket.resetAndDestroy();
    await vi.waitFor(() => expect(messages.at(-1)).toBe('failed'), { timeout: 20_000 });
    expect(messages.slice(0, -1).map(Number)).toEqual(Array.from({ length: messages.length - 1 }, (_, i) => i));
  });

  it('leaves the beginning of a header to ws when the socket closes, since ws reads what is left in it', () => {
    const socket = new EventEmitter() as Socket;
    const toWs: Buffer[] = [];
    socket.on('data', (chunk) => toWs.push(chunk));
    socket.on('close', () => toWs.push(Buffer.from('the rest')));
    const messages: string[] = [];
    new FastReceive(socket, 65_536, impatientTurns(), (bytes) => messages.push(Buffer.from(bytes).toString()));
    const [whole, next] = ['one', 'two'].map((text) => frame({ opcode: 2, final: true, body: Buffer.from(text) }));
    socket.emit('data', Buffer.concat([whole as Buffer, (next as Buffer).subarray(0, 3)]));
    expect([messages, toWs]).toEqual([['one'], []]);
    socket.emit('close', true);
    expect(toWs).toEqual([(next as Buffer).subarray(0, 3), Buffer.from('the rest')]);
  });

  it('hands over what waits when the socket closes, without what follows it, and what was read meanwhile behind it', async () => {
    const unread = Buffer.concat([
      ...numbered(103).slice(100),
      frame({ opcode: 9, final: true, body: Buffer.from('ping') }),
    ]);
    const toWs: Buffer[] = [];
    const socket = Object.assign(new EventEmitter(), { pause: vi.fn(), resume: vi.fn(), read: () => unread });
    socket.on('data', (chunk) => toWs.push(chunk));
    const messages: number[] = [];
    const receive = new FastReceive(socket as unknown as Socket, 65_536, impatientTurns(), (bytes) =>
      messages.push(Number(Buffer.from(bytes))),
    );
    socket.emit('data', Buffer.concat(numbered(100)));
    expect(messages.length).toBeLessThan(20);
    expect([socket.pause.mock.calls.length, socket.resume.mock.calls.length]).toEqual([1, 0]);
    socket.emit('close', true);
    const atEnd = new Promise<number>((resolve) => receive.afterwards(() => resolve(messages.length)));
    expect(await atEnd).toBe(103);
    expect(messages).toEqual(Array.from({ length: 103 }, (_, i) => i));
    expect([socket.resume.mock.calls.length, toWs]).toEqual([0, []]);
  });

  it('keeps what still comes while something waits behind it, and lets the socket go on when it has caught up', async () => {
    const socket = Object.assign(new EventEmitter(), { pause: vi.fn(), resume: vi.fn() });
    socket.on('data', () => undefined);
    const messages: number[] = [];
    const turns = impatientTurns();
    const receive = new FastReceive(socket as unknown as Socket, 65_536, turns, (bytes) =>
      messages.push(Number(Buffer.from(bytes))),
    );
    const all = numbered(100);
    socket.emit('data', Buffer.concat(all.slice(0, 60)));
    const cut = Buffer.concat(all.slice(60));
    socket.emit('data', cut.subarray(0, 700));
    socket.emit('data', cut.subarray(700));
    expect(socket.pause.mock.calls.length).toBe(3);
    await new Promise<void>((resolve) => receive.afterwards(resolve));
    // The frame that the chunk cut is for `ws`.
    const whole = Math.floor(700 / 46);
    expect(messages).toEqual(Array.from({ length: 100 }, (_, i) => i).filter((i) => i !== 60 + whole));
    expect(socket.resume.mock.calls.length).toBe(1);
  });

  it('answers somebody else while one floods', async () => {
    const [flooding, other] = [await upgraded(), await upgraded()];
    flooding.socket.write(Buffer.concat(numbered(200_000)));
    await vi.waitFor(() => expect(flooding.messages.length).toBeGreaterThan(0), { timeout: 10_000, interval: 1 });
    other.socket.write(frame({ opcode: 2, final: true, body: Buffer.from('hello') }));
    await vi.waitFor(() => expect(other.messages).toEqual(['hello']), { timeout: 10_000, interval: 1 });
    expect(flooding.messages.length).toBeLessThan(200_000);
    flooding.socket.destroy();
    other.socket.destroy();
  });

  it('relies on ws to read from a socket with one listener', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const listeners = once(server, 'connection').then(([, request]) => request.socket.listenerCount('data'));
    const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
    socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    expect(await listeners).toBe(1);
    socket.destroy();
    server.close();
  });
});
