import { spawnSync } from 'node:child_process';
import type { Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { type Subscription, VirtualTimeScheduler } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DatagramSocket } from '../core/connection/datagram.ts';
import type { ClaspError } from '../core/errors.ts';
import { MulticastGroups } from './multicast-groups.ts';
import { type UdpOptions, udpSocket } from './udp.ts';

const open: Subscription[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.unsubscribe();
});

/** Binds, and notes what arrives and what fails. */
async function bind(options: UdpOptions = {}) {
  const received: string[] = [];
  const failures: ClaspError[] = [];
  let socket: DatagramSocket | undefined;
  let error: ClaspError | undefined;
  const closing = udpSocket({ listen: '127.0.0.1:0', ...options }).subscribe({
    next: (bound) => {
      socket = bound;
      bound.failures.subscribe((failure) => failures.push(failure));
      bound.incoming.subscribe(({ bytes, from }) => received.push(`${from} ${Buffer.from(bytes).toString()}`));
    },
    error: (reason: ClaspError) => {
      error = reason;
    },
  });
  open.push(closing);
  await vi.waitFor(() => expect(socket ?? error).toBeDefined());
  return { socket: socket as DatagramSocket, error, received, failures, close: () => closing.unsubscribe() };
}
const text = (some: string): Uint8Array => Buffer.from(some);
const portOf = ({ address }: DatagramSocket): number => Number(address.slice(address.lastIndexOf(':') + 1));

describe('udpSocket', () => {
  it('receives packets in order, with the address an answer goes to', async () => {
    const a = await bind();
    const b = await bind();
    for (let i = 0; i < 100; i++) a.socket.send(text(`${i}`), b.socket.address);
    await vi.waitFor(() => expect(b.received.length).toBe(100));
    expect(b.received).toEqual(Array.from({ length: 100 }, (_, i) => `${a.socket.address} ${i}`));
    b.socket.send(text('thanks'), a.socket.address);
    await vi.waitFor(() => expect(a.received).toEqual([`${b.socket.address} thanks`]));
  });

  /** Sends packets from another program while this one reads none. */
  const burst = (socket: DatagramSocket, count: number) => {
    const script = `const s = require('node:dgram').createSocket('udp4');
      let left = ${count};
      const next = () => (left-- > 0 ? s.send('x'.repeat(32), ${portOf(socket)}, '127.0.0.1', next) : s.close());
      next();`;
    expect(spawnSync(process.execPath, ['-e', script]).status).toBe(0);
  };

  it('hears a burst of 500 packets that comes while it is busy', async () => {
    const { socket, received, failures } = await bind();
    burst(socket, 500);
    await vi.waitFor(() => expect(received.length).toBe(500), 10_000);
    expect(failures).toEqual([]);
  });

  it.runIf(process.platform === 'linux')(
    'counts the packets of a burst that the system drops, and tells of them',
    async () => {
      const { socket, received, failures, close } = await bind({ receiveBuffer: 65_536 });
      const other = await bind({ receiveBuffer: 65_536 });
      burst(socket, 2_000);
      await vi.waitFor(() => expect(failures).toHaveLength(1), 10_000);
      await vi.waitFor(() => expect(received.length + Number(failures[0]?.value)).toBe(2_000));
      expect(failures[0]).toMatchObject({ code: 503, reason: expect.stringContaining('the receive buffer of') });
      expect(failures[0]?.reason).toContain(`UDP ${socket.address}: packet dropped`);
      burst(socket, 2_000);
      await vi.waitFor(() => expect(received.length).toBeGreaterThan(2_000 - Number(failures[0]?.value)));
      close();
      expect(failures).toHaveLength(2);
      expect(other.failures).toEqual([]);
    },
  );

  it('says in one line that a port is in use', async () => {
    const first = await bind();
    const second = await bind({ listen: first.socket.address });
    expect(second.error).toMatchObject({
      code: 500,
      reason: `UDP port ${portOf(first.socket)} on 127.0.0.1 is in use`,
    });
    first.socket.send(text('still here'), first.socket.address);
    await vi.waitFor(() => expect(first.received.length).toBe(1));
  });

  it('says what else is wrong with where it should listen', async () => {
    expect((await bind({ listen: '192.0.2.1:0' })).error).toMatchObject({
      code: 500,
      reason: 'this machine has no address 192.0.2.1',
    });
    expect((await bind({ listen: 'nonsense' })).error).toMatchObject({ code: 402 });
    expect((await bind({ listen: 70_000 })).error).toMatchObject({ code: 402 });
    expect((await bind({ interface: 'eth99' })).error).toMatchObject({ code: 402 });
  });

  it('frees the port when it is unsubscribed, and completes what arrives', async () => {
    const { socket, close } = await bind();
    let completed = 0;
    socket.incoming.subscribe({ complete: () => completed++ });
    socket.failures.subscribe({ complete: () => completed++ });
    close();
    expect(completed).toBe(2);
    socket.send(text('nobody hears this'), socket.address);
    expect((await bind({ listen: socket.address })).socket.address).toBe(socket.address);
  });

  it('binds to the interface that is asked for', async () => {
    const { socket } = await bind({ listen: 0, interface: '127.0.0.0/8' });
    expect(socket.address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('sends without listening on a port of its own choice', async () => {
    const receiver = await bind();
    const { socket } = await bind({ listen: false });
    socket.send(text('x'), receiver.socket.address);
    await vi.waitFor(() => expect(receiver.received).toEqual([`127.0.0.1:${portOf(socket)} x`]));
  });

  it('looks names up, IPv4 first, keeps the order of what waits, and knows the address afterwards', async () => {
    const receiver = await bind();
    const { socket, failures } = await bind();
    const target = `localhost:${portOf(receiver.socket)}`;
    expect(socket.resolve(target)).toBe(target);
    for (let i = 0; i < 50; i++) socket.send(text(`${i}`), target);
    await vi.waitFor(() => expect(receiver.received.length).toBe(50));
    expect(receiver.received.map((line) => Number(line.split(' ')[1]))).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    );
    expect(socket.resolve(target)).toBe(receiver.socket.address);
    expect(failures).toEqual([]);
  });

  it('tells of targets that cannot be read or found, every packet counted, and goes on', async () => {
    const receiver = await bind();
    const { socket, failures } = await bind();
    const counted = (where: string) =>
      failures.filter(({ reason }) => reason.startsWith(where)).reduce((sum, { value }) => sum + (value as number), 0);
    socket.send(text('x'), 'no port');
    expect(failures).toMatchObject([{ code: 402, reason: 'no port: not host:port', value: 1 }]);
    for (let i = 0; i < 100; i++) socket.send(text('x'), 'nobody.invalid:9000');
    await vi.waitFor(() => expect(counted('nobody.invalid:9000')).toBe(100), 20_000);
    socket.send(text('good'), receiver.socket.address);
    await vi.waitFor(() => expect(receiver.received.length).toBe(1));
  });

  it.each([
    ['a packet longer than UDP carries', new Uint8Array(70_000), '127.0.0.1:9', 402],
    ['a broadcast that was not allowed', new Uint8Array(4), '255.255.255.255:9', 301],
    ['port 0', new Uint8Array(4), '127.0.0.1:0', 402],
    ['a network that cannot be reached from loopback', new Uint8Array(4), '192.0.2.1:9', 500],
  ])('makes a failure of %s', async (_what, bytes, to, code) => {
    const { socket, failures } = await bind();
    socket.send(bytes, to);
    await vi.waitFor(() => expect(failures).toMatchObject([{ code }]));
    expect(failures[0]?.reason).toContain(to);
  });

  it('takes as large a buffer as the system allows', async () => {
    const receiver = await bind({ receiveBuffer: 2 ** 30 });
    const { socket } = await bind();
    socket.send(text('x'), receiver.socket.address);
    await vi.waitFor(() => expect(receiver.received.length).toBe(1));
  });

  it('joins more groups than one socket may, hears each packet once, and leaves them when closed', async () => {
    const groups = Array.from({ length: 75 }, (_, i) => `239.255.77.${i + 1}`);
    const receiver = await bind({ listen: 0, multicast: groups, interface: '127.0.0.1' });
    expect(receiver.error).toBeUndefined();
    const { socket } = await bind({ interface: '127.0.0.1' });
    for (const group of groups) socket.send(text(group), `${group}:${portOf(receiver.socket)}`);
    socket.send(text('end'), `127.0.0.1:${portOf(receiver.socket)}`);
    const heard = () => receiver.received.map((line) => line.split(' ')[1]);
    await vi.waitFor(() => expect(heard()).toContain('end'), 10_000);
    expect(heard()).toEqual([...groups, 'end']);
    receiver.close();
    expect((await bind({ listen: 0, multicast: groups, interface: '127.0.0.1' })).error).toBeUndefined();
  });

  it('names the setting of the system that lets no group be joined', () => {
    const refused = Object.assign(new Error('addMembership ENOBUFS'), { code: 'ENOBUFS' });
    const full = {
      addMembership() {
        throw refused;
      },
    };
    let failure: unknown;
    new MulticastGroups(full as unknown as Socket, false, undefined).join(['239.255.0.1'], (reason) => {
      failure = reason;
    });
    expect(failure).toMatchObject({ code: 500, value: '239.255.0.1' });
    expect(String(failure)).toContain('net.ipv4.igmp_max_memberships');
  });

  it('tells of a flood of failures once', async () => {
    const time = new VirtualTimeScheduler();
    const { socket, failures } = await bind({ scheduler: time });
    for (let i = 0; i < 1_000; i++) socket.send(text('x'), 'no port');
    expect(failures.length).toBe(1);
    time.flush();
    expect(failures.map(({ value }) => value)).toEqual([1, 999]);
  });

  it.skipIf(
    !Object.values(networkInterfaces())
      .flat()
      .some((some) => some?.address === '::1'),
  )('speaks IPv6 too, and IPv4 over a socket bound to all addresses', async () => {
    const six = await bind({ listen: '[::]:0' });
    const four = await bind();
    const toSix = await bind({ listen: '[::1]:0' });
    toSix.socket.send(text('six'), `[::1]:${portOf(six.socket)}`);
    four.socket.send(text('four'), `127.0.0.1:${portOf(six.socket)}`);
    await vi.waitFor(() =>
      expect([...six.received].sort()).toEqual([`${four.socket.address} four`, `${toSix.socket.address} six`].sort()),
    );
    six.socket.send(text('back'), four.socket.address);
    await vi.waitFor(() => expect(four.received).toEqual([`127.0.0.1:${portOf(six.socket)} back`]));
  });
});
