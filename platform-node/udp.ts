import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { Observable, type SchedulerLike, Subject, type Subscription } from 'rxjs';
import type { Datagram, DatagramSocket } from '../core/connection/datagram.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { FailureDigest } from '../operators/failure-digest.ts';
import { formatHostPort, parseHostPort } from './host-port.ts';
import { MulticastGroups } from './multicast-groups.ts';
import { resolveInterface } from './network-interface.ts';
import { UdpDestinations } from './udp-destinations.ts';
import { UdpDrops } from './udp-drops.ts';

export interface UdpOptions {
  /** Port, or `host:port`; 0 for any free port, `false` to send only. @defaultValue false */
  readonly listen?: number | string | false;
  /** Address to bind to where `listen` is a port. @defaultValue the interface's address, or all IPv4 addresses */
  readonly host?: string;
  /** The network to use: an interface's name, an address of this machine, or a CIDR. @defaultValue the system's choice */
  readonly interface?: string;
  /** Whether packets may be sent to a broadcast address. @defaultValue false */
  readonly broadcast?: boolean;
  /** Multicast groups to join, on the interface; as many as the system allows a program, not a socket. @defaultValue none */
  readonly multicast?: readonly string[];
  /** How many routers a multicast packet may pass. @defaultValue 1 */
  readonly multicastTtl?: number;
  /** Whether programs on this machine hear our multicast packets too. @defaultValue true */
  readonly multicastLoopback?: boolean;
  /** Whether other programs may bind to the same port. @defaultValue true with multicast groups, else false */
  readonly reuseAddress?: boolean;
  /**
   * Bytes that may wait to be read, as the system counts them, about twice their length; as many as it allows up to this.
   * A burst of packets that is larger is lost in part, of which `failures` tell on Linux (503).
   * @defaultValue 4194304
   */
  readonly receiveBuffer?: number;
  /** Bytes that may wait in the socket before packets are dropped. @defaultValue 1048576 */
  readonly maxQueued?: number;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/**
 * A UDP socket: subscribing binds and emits it, unsubscribing closes it.
 *
 * Errors with a `ClaspError` when it cannot be bound or a group cannot be joined (500, in one line with host and port, and
 * the setting of the system that forbids it) or an option is wrong (402); never completes. After that nothing ends it: what cannot be sent or received is a failure. Names are looked
 * up once, IPv4 first, and again after the target could not be reached.
 *
 * @example
 * ```ts
 * const echo = udpSocket({ listen: '127.0.0.1:0' }).subscribe((socket) => {
 *   socket.incoming.subscribe(({ bytes, from }) => socket.send(bytes, from));
 * });
 * setTimeout(() => echo.unsubscribe(), 1_000);
 * ```
 */
export function udpSocket(options: UdpOptions = {}): Observable<DatagramSocket> {
  const { scheduler = monotonicScheduler } = options;

  return new Observable<DatagramSocket>((subscriber) => {
    let at: BindAddress;
    try {
      at = bindAddress(options);
    } catch (cause) {
      subscriber.error(ClaspError.from(cause, ErrorCode.BadValue));
      return;
    }
    const { host, port, networkAddress } = at;
    const incoming = new Subject<Datagram>();
    const digest = new FailureDigest({ scheduler });
    const socket = createSocket({
      type: isIPv6(host) ? 'udp6' : 'udp4',
      reuseAddr: options.reuseAddress ?? (options.multicast ?? []).length > 0,
      // Whatever reaches the socket is an address already. Answering at once keeps packets in order and saves a tick.
      lookup: (address, _options, callback) => callback(null, address, isIPv6(address) ? 6 : 4),
    });
    const destinations = new UdpDestinations(socket, isIPv6(host), options.maxQueued ?? 1024 * 1024, digest, scheduler);
    const groups = new MulticastGroups(socket, isIPv6(host), networkAddress);
    let bound = false;
    let drops: UdpDrops | undefined;
    let looking: Subscription | undefined;

    const tellDrops = () => {
      looking = undefined;
      const dropped = drops?.take() ?? 0;
      if (dropped > 0)
        digest.report(ErrorCode.Overloaded, droppedPackets(socket), { where: whereBound(socket) }, dropped);
    };

    socket.on('message', (bytes, { address, port: senderPort }) => {
      // A full buffer has packets in it: none is dropped without one that comes here later.
      if (drops) looking ??= scheduler.schedule(tellDrops, LOOK);
      incoming.next({ bytes, from: formatHostPort(unmapped(address), senderPort) });
    });
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      if (bound) digest.report(ErrorCode.Internal, cause.code ?? cause.message, { where: 'UDP socket' });
      else subscriber.error(cannotBind(cause, host, port));
    });
    const opened = () => {
      if (subscriber.closed) return;
      const { address, port: boundPort } = socket.address();
      drops = new UdpDrops(boundPort, isIPv6(host));
      subscriber.next({
        address: formatHostPort(address, boundPort),
        incoming: incoming.asObservable(),
        failures: digest.failures,
        send: (bytes, to) => destinations.send(bytes, to),
        resolve: (to) => destinations.resolve(to),
      });
    };
    const fail = (cause: unknown) =>
      subscriber.error(
        new ClaspError(ErrorCode.Internal, `UDP ${formatHostPort(host, port)}: ${reasonOf(cause)}`, { cause }),
      );
    socket.on('listening', () => {
      bound = true;
      try {
        configure(socket, options, networkAddress);
        groups.join(options.multicast ?? [], (failure) => (failure === undefined ? opened() : fail(failure)));
      } catch (cause) {
        fail(cause);
      }
    });
    socket.bind(port, host);

    return () => {
      if (looking) {
        looking.unsubscribe();
        tellDrops();
      }
      drops?.close();
      groups.close();
      destinations.close();
      socket.close();
      incoming.complete();
      digest.close();
    };
  });
}

/** Bytes: a few thousand packets, as lighting desks send them at once, or while the program is busy with something else. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;
/** Milliseconds after a packet at which it is looked whether others were dropped. */
const LOOK = 1_000;

interface BindAddress {
  readonly host: string;
  readonly port: number;
  /** Of the network that was asked for. */
  readonly networkAddress: string | undefined;
}

function bindAddress(options: UdpOptions): BindAddress {
  const { listen = false, multicast = [], broadcast = false } = options;
  const networkAddress = options.interface === undefined ? undefined : resolveInterface(options.interface);
  // A socket bound to one address hears neither multicast nor broadcast packets.
  const alone = multicast.length === 0 && !broadcast;
  const host = options.host ?? (alone ? networkAddress : undefined) ?? '0.0.0.0';
  return { ...parseHostPort(String(listen === false ? 0 : listen), host), networkAddress };
}

function configure(socket: Socket, options: UdpOptions, networkAddress: string | undefined): void {
  const { broadcast = false, multicastTtl = 1, multicastLoopback = true } = options;
  if (broadcast) socket.setBroadcast(true);
  widen(socket, options.receiveBuffer ?? RECEIVE_BUFFER);
  socket.setMulticastTTL(multicastTtl);
  socket.setMulticastLoopback(multicastLoopback);
  if (networkAddress !== undefined) socket.setMulticastInterface(networkAddress);
}

function whereBound(socket: Socket): string {
  const { address, port } = socket.address();
  return `UDP ${formatHostPort(address, port)}`;
}

function droppedPackets(socket: Socket): string {
  const size = socket.getRecvBufferSize();
  return `packet dropped, the receive buffer of ${size} bytes was full (sysctl net.core.rmem_max allows a larger one)`;
}

function reasonOf(cause: unknown): string {
  return cause instanceof ClaspError ? cause.reason : String(cause);
}

/** Some systems cut a buffer to what they allow, others refuse it. */
function widen(socket: Socket, bytes: number): void {
  for (let size = bytes; size >= 65_536; size = Math.floor(size / 2)) {
    try {
      socket.setRecvBufferSize(size);
      return;
    } catch {
      // Half of it may be allowed.
    }
  }
}

function cannotBind(cause: NodeJS.ErrnoException, host: string, port: number): ClaspError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `UDP port ${port} on ${host} is in use`,
    EACCES: `UDP port ${port} on ${host} needs more rights`,
    EADDRNOTAVAIL: `this machine has no address ${host}`,
  };
  const reason = reasons[cause.code ?? ''] ?? `UDP port ${port} on ${host} cannot be bound: ${cause.message}`;
  return new ClaspError(ErrorCode.Internal, reason, { cause });
}

/** The IPv4 address that an IPv6 socket shows as `::ffff:192.0.2.1`. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
