import { createConnection, createServer, type Socket } from 'node:net';
import { Observable, type SchedulerLike, Subject, type Subscriber } from 'rxjs';
import type { Datagram, DatagramSocket } from '../../core/connection/datagram.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { frameOsc, type OscFraming, OscStreamReader } from '../../core/protocols/osc/osc-framing.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { backoffWait } from '../../operators/backoff.ts';
import { FailureDigest } from '../../operators/failure-digest.ts';
import { formatHostPort, type HostPort, parseHostPort } from '../host-port.ts';

export interface OscTcpOptions {
  /** TCP port, or `host:port`, to accept peers on; 0 for any free one. @defaultValue none */
  readonly listen?: number | string | undefined;
  /** Address to bind to where `listen` is a port. @defaultValue the bridge's `host`, else this machine only */
  readonly host?: string | undefined;
  /** Peers to connect to, as `host:port`. @defaultValue none */
  readonly connect?: string | readonly string[] | undefined;
  /**
   * How packets are told apart: `length` (OSC 1.0), `slip` (OSC 1.1), or `auto`: as the peer does it, who has to speak
   * first.
   * @defaultValue 'auto' for those who connect to us, 'slip' for those we connect to
   */
  readonly framing?: OscFraming | 'auto' | undefined;
  /** Bytes of the longest packet that is read. @defaultValue 65536 */
  readonly maxPacket?: number | undefined;
  /** How many peers may be connected to us at a time. @defaultValue 64 */
  readonly maxPeers?: number | undefined;
  /** Bytes that may wait for a slow peer before packets are dropped. @defaultValue 1048576 */
  readonly maxQueued?: number | undefined;
}

/** What becomes of OSC over TCP. */
export type OscTcpEvent =
  /** Peers are accepted at this address. */
  | { readonly type: 'listening'; readonly address: string }
  /** A peer is there, and its framing known: one target, whose address is the socket's. It leaves when `incoming` completes. */
  | { readonly type: 'peer'; readonly socket: DatagramSocket; readonly dialled: boolean }
  /** A peer cannot be reached, or is gone. */
  | { readonly type: 'retrying'; readonly reason: ClaspError; readonly retryInMs: number }
  /** A peer was turned away, or cut off. */
  | { readonly type: 'failure'; readonly failure: ClaspError };

/**
 * OSC over TCP: accepts peers, and connects to others again and again. Subscribing opens, unsubscribing closes all.
 *
 * Errors with a `ClaspError` when the port cannot be bound (500) or an address cannot be read (402). What one peer
 * sends, be it garbage, concerns no other.
 */
export function oscTcp(options: OscTcpOptions, scheduler: SchedulerLike = monotonicScheduler): Observable<OscTcpEvent> {
  const { listen, host = '127.0.0.1', connect = [] } = options;

  return new Observable((out) => {
    const peers = typeof connect === 'string' ? [connect] : connect;
    const targets = peers.map((to) => parseHostPort(to));
    for (const target of targets) dial(target, { framing: 'slip', ...options }, out, scheduler);
    if (listen !== undefined) accept(parseHostPort(String(listen), host), options, out, scheduler);
  });
}

function accept(at: HostPort, options: OscTcpOptions, out: Subscriber<OscTcpEvent>, scheduler: SchedulerLike): void {
  const { maxPeers = 64 } = options;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    if (sockets.size >= maxPeers) {
      const reason = `${nameOf(socket)}: ${maxPeers} OSC peers are connected already`;
      socket.destroy();
      out.next({ type: 'failure', failure: new ClaspError(ErrorCode.TooMany, reason) });
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    follow(socket, options, out, scheduler, false);
  });
  server.on('error', (cause: NodeJS.ErrnoException) => {
    const inUse = cause.code === 'EADDRINUSE' ? 'is in use' : `cannot be bound: ${cause.message}`;
    out.error(new ClaspError(ErrorCode.Internal, `TCP port ${at.port} on ${at.host} ${inUse}`, { cause }));
  });
  server.listen(at.port, at.host, () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') {
      out.next({ type: 'listening', address: `tcp ${formatHostPort(address.address, address.port)}` });
    }
  });
  out.add(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
}

function dial(to: HostPort, options: OscTcpOptions, out: Subscriber<OscTcpEvent>, scheduler: SchedulerLike): void {
  const wait = backoffWait({ scheduler });
  let attempt = 0;

  const open = () => {
    const socket = createConnection({ ...to, noDelay: true });
    let cause: Error | undefined;
    const close = () => socket.destroy();
    out.add(close);
    socket.on('connect', () => {
      attempt = 0;
      follow(socket, options, out, scheduler, true);
    });
    socket.on('error', (error) => {
      cause = error;
    });
    socket.on('close', () => {
      out.remove(close);
      if (out.closed) return;
      const retryInMs = wait(++attempt);
      const reason = `${formatHostPort(to.host, to.port)}: ${cause?.message ?? 'the peer hung up'}`;
      out.next({ type: 'retrying', reason: new ClaspError(ErrorCode.Timeout, reason, { cause }), retryInMs });
      const timer = scheduler.schedule(() => {
        out.remove(timer);
        open();
      }, retryInMs);
      out.add(timer);
    });
  };
  open();
}

/** Makes a peer of a connected socket, as soon as it is known how it frames its packets. */
function follow(
  socket: Socket,
  options: OscTcpOptions,
  out: Subscriber<OscTcpEvent>,
  scheduler: SchedulerLike,
  dialled: boolean,
): void {
  const { maxQueued = 1024 * 1024 } = options;
  const from = nameOf(socket);
  const incoming = new Subject<Datagram>();
  const digest = new FailureDigest({ scheduler });

  const reader = new OscStreamReader(
    {
      begin: () => out.next({ type: 'peer', dialled, socket: peer }),
      packet: (bytes) => incoming.next({ bytes, from }),
      fault: (reason, fatal) => {
        if (!fatal) digest.report(ErrorCode.BadMessage, reason, { where: from });
        else cutOff(reason);
      },
    },
    options,
  );
  const cutOff = (reason: string) => {
    out.next({ type: 'failure', failure: new ClaspError(ErrorCode.BadMessage, `${from}: ${reason}; it is cut off`) });
    socket.destroy();
  };
  const send = (packet: Uint8Array) => {
    if (!socket.writable || reader.framing === undefined) return;
    if (socket.writableLength > maxQueued) {
      digest.report(ErrorCode.Overloaded, 'too many packets wait to be sent', { where: from });
      return;
    }
    socket.write(frameOsc(packet, reader.framing));
  };
  const peer: DatagramSocket = {
    address: from,
    incoming: incoming.asObservable(),
    failures: digest.failures,
    send,
    resolve: (to) => to,
  };

  socket.on('data', (bytes) => reader.push(bytes));
  socket.on('error', (error) => digest.report(ErrorCode.Internal, error.message, { where: from }));
  socket.on('close', () => {
    incoming.complete();
    digest.close();
  });
  if (reader.framing !== undefined) out.next({ type: 'peer', dialled, socket: peer });
}

function nameOf({ remoteAddress = 'unknown', remotePort = 0 }: Socket): string {
  return `tcp ${formatHostPort(remoteAddress.replace(/^::ffff:/, ''), remotePort)}`;
}
