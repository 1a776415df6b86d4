import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Connection } from '../../core/connection/connection.ts';
import { ClaspError } from '../../core/errors.ts';
import { rawSocket, WebSocketRig } from '../../peers/web-socket-rig.ts';
import { probe } from '../../testing/connection-probe.ts';
import { GatheredWriter } from './gathered-writer.ts';
import { WebSocketPeer } from './web-socket-peer.ts';

const rig = new WebSocketRig();
afterEach(() => rig.cleanUp());

describe('a connection of webSocketListener', () => {
  it('hands a text message over as its bytes, and goes on', async () => {
    const { socket, heard } = await rig.pair(await rig.listen());
    socket.send('hellö');
    socket.send(Uint8Array.of(1, 2));
    await heard.until('both', () => heard.frames.length === 2);
    expect(new TextDecoder().decode(heard.frames[0])).toBe('hellö');
    expect(heard.frames[1]).toEqual(Uint8Array.of(1, 2));
  });

  it('joins the fragments of a message, and counts them together against the bound', async () => {
    const { socket, heard, closed } = await rig.pair(await rig.listen({ maxFrame: 10 }));
    socket.send(Uint8Array.of(1, 2), { fin: false });
    socket.send(Uint8Array.of(3), { fin: true });
    await heard.until('a frame', () => heard.frames.length === 1);
    expect(heard.frames[0]).toEqual(Uint8Array.of(1, 2, 3));
    socket.send(new Uint8Array(6), { fin: false });
    socket.send(new Uint8Array(6), { fin: true });
    expect((await closed).code).toBe(1009);
    await heard.until('the end', () => heard.ends.length === 1);
    expect(heard.ends).toEqual(['100 frame over 10 bytes']);
  });

  it('tells of a frame over the bound at once, whether or not its sender answers the close', async () => {
    const { socket, heard } = await rig.pair(await rig.listen({ maxFrame: 10, closeTimeout: 600_000 }));
    socket.send(new Uint8Array(11));
    rawSocket(socket).pause();
    await heard.until('the end', () => heard.ends.length === 1);
    expect(heard.ends).toEqual(['100 frame over 10 bytes']);
  });

  it("takes the protocol's largest frame, and not one byte more", async () => {
    const { socket, heard, closed } = await rig.pair(await rig.listen());
    socket.send(new Uint8Array(65_535 + 12));
    await heard.until('the largest', () => heard.frames.length === 1);
    socket.send(new Uint8Array(65_535 + 13));
    expect((await closed).code).toBe(1009);
  });

  it('fails with 100 what breaks the WebSocket protocol, and with 502 what vanishes; others notice nothing', async () => {
    const listener = await rig.listen();
    const [good, broken, gone] = [await rig.pair(listener), await rig.pair(listener), await rig.pair(listener)];
    rawSocket(broken.socket).write(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
    rawSocket(gone.socket).destroy();
    await broken.heard.until('its end', () => broken.heard.ends.length > 0);
    await gone.heard.until('its end', () => gone.heard.ends.length > 0);
    expect(broken.heard.ends[0]).toMatch(/^100 Invalid WebSocket frame/);
    expect(gone.heard.ends).toEqual(['502 connection lost']);
    good.socket.send(Uint8Array.of(7));
    await good.heard.until('a frame', () => good.heard.frames.length === 1);
  });

  it.each([
    [100, 1002],
    [101, 1002],
    [102, 1002],
    [300, 1008],
    [301, 1008],
    [302, 1008],
    [500, 1011],
    [503, 1013],
    [429, 4429],
    [502, 4502],
    [70_000, 4500],
  ])('closes an error %i with %i and its reason', async (code, closeCode) => {
    const { connection, closed, heard } = await rig.pair(await rig.listen());
    connection.outgoing.error(new ClaspError(code, 'because'));
    expect(await closed).toEqual({ code: closeCode, reason: 'because' });
    await heard.until('the end', () => heard.ends.length > 0);
    expect(heard.ends).toEqual(['completed']);
  });

  it('cuts off a peer that does not answer the close', async () => {
    const { connection, socket, heard, closed } = await rig.pair(await rig.listen({ closeTimeout: 50 }));
    socket.pause();
    connection.outgoing.error(new ClaspError(300, 'who are you'));
    await heard.until('the end', () => heard.ends.length > 0);
    expect(heard.ends).toEqual(['completed']);
    socket.resume();
    expect((await closed).reason).toBe('who are you');
  });

  it('pings: the callback comes with the pong', async () => {
    const { connection, socket } = await rig.pair(await rig.listen());
    const pinged = once(socket, 'ping');
    const answered = vi.fn();
    await new Promise<void>((resolve) => {
      connection.ping?.(answered);
      connection.ping?.(resolve);
    });
    await pinged;
    expect(answered).toHaveBeenCalledTimes(1);
  });

  it('writes what is sent in one turn at once, and it parses at the other end, beside pings', async () => {
    const listener = await rig.listen();
    const { connection, socket, received } = await rig.pair(listener);
    const sizes = [0, 1, 125, 126, 65_535, 65_536, 300_000, 5, 262_144, 100_000, 200_000, 3];
    let reads = 0;
    rawSocket(socket).on('data', () => reads++);
    for (const size of sizes) connection.outgoing.next(new Uint8Array(size).fill(size & 255));
    connection.ping?.(() => undefined);
    await vi.waitFor(() => expect(received.length).toBe(sizes.length), { timeout: 10_000 });
    expect(received.map(({ length }) => length)).toEqual(sizes);
    expect(received.every((frame, i) => frame.every((byte) => byte === ((sizes[i] as number) & 255)))).toBe(true);

    reads = 0;
    received.length = 0;
    for (let i = 0; i < 500; i++) connection.outgoing.next(Uint8Array.of(i, i >> 8));
    await vi.waitFor(() => expect(received.length).toBe(500), { timeout: 10_000 });
    expect(reads).toBe(1);
  });

  it('gives each connection its own frames, however they overlap', async () => {
    const listener = await rig.listen();
    const pairs = [];
    for (let i = 0; i < 8; i++) pairs.push(await rig.pair(listener));
    const frames = Array.from({ length: 200 }, (_, i) => Uint8Array.of(i, 99));
    const wanted = pairs.map((): number[] => []);
    for (let round = 0; round < 3; round++) {
      for (const [f, frame] of frames.entries()) {
        for (const [p, { connection }] of pairs.entries()) {
          // Peers 0 to 3 get everything, the others every second, third … frame.
          if (p > 3 && f % (p - 2) !== 0) continue;
          connection.outgoing.next(frame);
          wanted[p]?.push(f);
        }
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const [p, { received }] of pairs.entries()) {
      await vi.waitFor(() => expect(received.length).toBe(wanted[p]?.length), { timeout: 10_000 });
      expect(received.map(([first]) => first)).toEqual(wanted[p]);
    }
  });

  it('saturates for a reader that pauses, loses nothing of what it was sent, and leaves other readers alone', async () => {
    const listener = await rig.listen({ highWater: 300_000, lowWater: 100_000 });
    const slow = await rig.pair(listener);
    const quick = await rig.pair(listener);
    rawSocket(slow.socket).pause();
    const values: boolean[] = [];
    slow.connection.saturated.subscribe((value) => values.push(value));
    const quickValues: boolean[] = [];
    quick.connection.saturated.subscribe((value) => quickValues.push(value));
    const frame = new Uint8Array(50_000);
    let sent = 0;
    while (values.at(-1) === false && sent < 2_000) {
      slow.connection.outgoing.next(frame);
      quick.connection.outgoing.next(frame);
      sent++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(values).toEqual([false, true]);
    await vi.waitFor(() => expect(quick.received.length).toBe(sent), { timeout: 10_000 });
    expect(quickValues.at(-1)).toBe(false);
    rawSocket(slow.socket).resume();
    await vi.waitFor(() => expect(slow.received.length).toBe(sent), { timeout: 10_000 });
    await vi.waitFor(() => expect(values).toEqual([false, true, false]), { timeout: 10_000 });
  });

  it('sends nothing behind its answer to a close', async () => {
    const listener = await rig.listen();
    const raw = connect(listener.port, '127.0.0.1');
    rig.later(() => raw.destroy());
    raw.write(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await once(raw, 'data');
    const connection = listener.accepted[0] as Connection;
    const heard = probe(connection);
    heard.answer(() => connection.outgoing.next(Uint8Array.of(7)));
    // More than the systems in between buffer, so that the answer to the close waits behind it.
    raw.pause();
    const backlog = new Uint8Array(50_000_000);
    connection.outgoing.next(backlog);
    await new Promise((resolve) => setImmediate(resolve));
    // A message of one byte and a close with 1000, both masked with zeros, in one packet.
    raw.write(Uint8Array.of(0x82, 0x81, 0, 0, 0, 0, 5, 0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8));
    await heard.until('the message', () => heard.frames.length === 1);
    await new Promise((resolve) => setImmediate(resolve));
    const received: Buffer[] = [];
    raw.on('data', (bytes) => received.push(bytes));
    raw.resume();
    await once(raw, 'end');
    const bytes = Buffer.concat(received);
    expect(bytes.length).toBe(10 + backlog.length + 4);
    expect([...bytes.subarray(-4)]).toEqual([0x88, 0x02, 0x03, 0xe8]);
  });

  it('saturates above the high water, and is relieved at the low water and no sooner', async () => {
    const writes: (() => void)[] = [];
    const socket = Object.assign(new Writable({ write: (_chunk, _encoding, written) => void writes.push(written) }), {
      setNoDelay: () => undefined,
    });
    const peer = new WebSocketPeer('fake', openWebSocket(), socket as unknown as Socket, {
      writer: new GatheredWriter(false),
      server: true,
      maxFrame: 100,
      highWater: 100,
      lowWater: 40,
      ended: () => undefined,
    });
    const values: boolean[] = [];
    peer.saturated.subscribe((value) => values.push(value));
    for (const size of [38, 18, 38]) {
      peer.next(new Uint8Array(size)); // and 2 bytes of header: 40, 60, 100
      peer.flush();
    }
    expect([socket.writableLength, values]).toEqual([100, [false]]);
    peer.next(new Uint8Array(0));
    expect(values).toEqual([false, true]);
    peer.flush();
    const write = async () => {
      writes.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
      return [socket.writableLength, values.at(-1)];
    };
    expect(await write()).toEqual([62, true]);
    // Only the writes made while saturated tell; the others are on their way out before them.
    expect(await write()).toEqual([42, true]);
    expect(await write()).toEqual([2, true]);
    peer.next(new Uint8Array(39));
    peer.flush();
    expect(await write()).toEqual([41, true]);
    expect(await write()).toEqual([0, false]);
  });

  it('keeps what a slow reader has not read as it was, while others are written to turn after turn', async () => {
    const listener = await rig.listen({ highWater: 1e9 });
    const [slow, quick] = [await rig.pair(listener), await rig.pair(listener)];
    const received = { slow: [] as Buffer[], quick: [] as Buffer[] };
    slow.socket.on('message', (data) => received.slow.push(data as Buffer));
    quick.socket.on('message', (data) => received.quick.push(data as Buffer));
    rawSocket(slow.socket).pause();
    const turns = 400;
    for (let turn = 0; turn < turns; turn++) {
      // Beyond what the system takes for a reader that does not read, then in small frames.
      const size = turn < 200 ? 60_000 : 100;
      slow.connection.outgoing.next(new Uint8Array(size).fill(turn));
      quick.connection.outgoing.next(new Uint8Array(100).fill(turn + 1));
      await new Promise((resolve) => setImmediate(resolve));
    }
    rawSocket(slow.socket).resume();
    await vi.waitFor(() => expect(received.slow.length).toBe(turns), { timeout: 30_000 });
    expect(received.slow.every((frame, turn) => frame.every((byte) => byte === (turn & 255)))).toBe(true);
    expect(received.quick.every((frame, turn) => frame.every((byte) => byte === ((turn + 1) & 255)))).toBe(true);
  });

  it('saturates within one turn, as soon as more than the high water was handed over', async () => {
    const { connection } = await rig.pair(await rig.listen({ highWater: 1_000, lowWater: 500 }));
    const told: string[] = [];
    connection.saturated.subscribe((value) => told.push(`${value}`));
    connection.outgoing.next(new Uint8Array(996)); // and 4 bytes of header
    told.push('at the mark');
    connection.outgoing.next(new Uint8Array(1));
    expect(told).toEqual(['false', 'at the mark', 'true']);
    await vi.waitFor(() => expect(told.at(-1)).toBe('false'), { timeout: 10_000 });
  });
});

/** As much of an open WebSocket as a connection that only sends asks for. */
function openWebSocket(): WebSocket {
  return Object.assign(new EventEmitter(), { readyState: WebSocket.OPEN }) as WebSocket;
}
