import { isIP } from 'node:net';
import { filter, map, merge, mergeMap, Observable, type SchedulerLike, tap } from 'rxjs';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { OscKnownAddresses } from '../../core/protocols/osc/osc-known.ts';
import type { OscNoArguments } from '../../core/protocols/osc/osc-mapping.ts';
import { OscPeers, type OscPeersOptions } from '../../core/protocols/osc/osc-peers.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { FailureDigest } from '../../operators/failure-digest.ts';
import { SCHEDULE_PLACES } from '../../operators/router/group-writer.ts';
import { WaitingQuota } from '../../operators/router/waiting-quota.ts';
import type { OscHints, OscTarget } from '../../sinks/osc.ts';
import { isLocal, parseHostPort } from '../host-port.ts';
import { type UdpOptions, udpSocket } from '../udp.ts';
import { type OscBridgeShare, oscOverSocket } from './osc-over-socket.ts';
import { encodePeriodic, type OscPeriodicMessage } from './osc-periodic.ts';
import { type OscQueryHost, type OscQueryOptions, oscQuery } from './osc-query.ts';
import { type OscTcpEvent, type OscTcpOptions, oscTcp } from './osc-tcp.ts';

export interface OscBridgeOptions
  extends Pick<UdpOptions, 'interface' | 'broadcast' | 'multicast'>,
    Pick<OscPeersOptions, 'replyToSenders' | 'senderTimeout' | 'maxSenders' | 'echoWindow' | 'echoBy'> {
  /**
   * UDP port, or `host:port`, for OSC from outside; 0 for any free one, `false` to send only.
   * @defaultValue 8000, or with `tcp` and without targets no UDP at all
   */
  readonly listen?: number | string | false;
  /**
   * Address to bind to where `listen` is a port; `'0.0.0.0'` lets the network write to the relay.
   * @defaultValue this machine only, unless a target is elsewhere or `interface`, `broadcast` or `multicast` says more
   */
  readonly host?: string;
  /** OSC over TCP too: whom to accept, whom to connect to. Every peer is a target. @defaultValue none */
  readonly tcp?: OscTcpOptions;
  /** Tells over HTTP what there is below the namespace (OSCQuery). @defaultValue none */
  readonly query?: OscQueryOptions;
  /** Who receives what changes, as `host:port`. @defaultValue none */
  readonly targets?: readonly OscTarget[];
  /** Where OSC addresses live in the relay; `''` for the root. @defaultValue '/osc' */
  readonly namespace?: string;
  /** Types that receivers want, by pattern over OSC addresses: `{ '/led/*': 'i' }`. @defaultValue none */
  readonly hints?: OscHints;
  /** Whether targets receive the current params at the start, and again after a reconnect. @defaultValue true */
  readonly sendState?: boolean;
  /**
   * What a message without arguments is: an `event` with null; a `param` of null, which deletes; or that its sender asks
   * for the value and is answered (`get`).
   * @defaultValue 'event'
   */
  readonly noArguments?: OscNoArguments;
  /** `ignore` applies bundles at once, whatever their time, for devices without a clock. @defaultValue 'schedule' */
  readonly timetags?: 'schedule' | 'ignore';
  /** What is sent again and again, as mixers want it: `{ address: '/xremote', every: 9_000 }`. @defaultValue nothing */
  readonly periodic?: readonly OscPeriodicMessage[];
  /** Bytes that may wait to be read from the UDP socket, as far as the system allows. @defaultValue 4194304 */
  readonly receiveBuffer?: number;
  /** Named in events and in the origin of signals. @defaultValue 'osc' */
  readonly name?: string;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/**
 * Joins a relay with OSC over UDP, and over TCP if asked: what comes in is written as params below the namespace (or as
 * events, without arguments), and what changes there goes out to the targets, but not back to where it came from. Patterns
 * from outside are applied to the addresses that are known. Messages of a bundle are applied together, at its time where
 * that lies ahead. Only this machine can send to it, unless `host` or what it is to reach says otherwise; `ready` tells
 * the address.
 *
 * Subscribing opens, unsubscribing closes. Emits `ready` for each of UDP, TCP and OSCQuery when it is open, `devices`
 * with the TCP peers, `retrying` for one that cannot be reached, then a failure a second at most: packets that are
 * not OSC, values that OSC cannot carry, targets that cannot be reached, writes that the relay refuses. Errors with a
 * `ClaspError` when a port cannot be bound (500), an option is wrong (202, 402) or the relay refuses the
 * subscription (301); completes when the client is closed. However fast packets come, at most one write per address
 * waits for a relay that lags.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * const bridge = oscBridge(relay.client('osc'), { listen: 8000, targets: ['127.0.0.1:9000'] });
 * bridge.subscribe({ next: console.log, error: console.error });
 * ```
 */
export function oscBridge(client: Client, options: OscBridgeOptions = {}): Observable<BridgeEvent> {
  const {
    namespace = '/osc',
    targets = [],
    tcp,
    query,
    name: bridge = 'osc',
    scheduler = monotonicScheduler,
  } = options;
  const receivers = targets.map((target) => (typeof target === 'string' ? target : target.to));
  const withUdp = tcp === undefined || options.listen !== undefined || receivers.length > 0;

  return new Observable((out) => {
    const digest = new FailureDigest({ scheduler });
    out.add(() => digest.close());
    out.add(digest.failures.subscribe((failure) => out.next({ type: 'failure', bridge, failure })));
    const ours = (failure: ClaspError) => failure.address?.startsWith(`${namespace}/`) ?? false;
    out.add(client.errors.pipe(filter(ours)).subscribe((failure) => digest.pass(failure)));
    out.add(client.status.subscribe({ complete: () => out.complete() }));
    try {
      for (const message of options.periodic ?? []) encodePeriodic(message);
    } catch (cause) {
      out.error(ClaspError.from(cause, ErrorCode.BadValue));
      return;
    }

    const known = new OscKnownAddresses(namespace === '' ? RESERVED : undefined);
    const share = { known, quota: new WaitingQuota(SCHEDULE_PLACES) };
    // Equal to that of each socket, this subscription costs nothing.
    out.add(
      client.on(`${namespace}/**`, { types: ['param', 'event', 'stream'] }).subscribe({
        next: (signal) => {
          const { address } = signal;
          if (signal.kind === 'param' && signal.value === null) known.delete(address.slice(namespace.length));
          else known.add(address.slice(namespace.length));
        },
        error: (reason) => out.error(reason),
      }),
    );
    const types = new OscPeers();
    let receives: OscQueryHost | undefined;
    const receivesAt = (transport: OscQueryHost['transport'], events: Observable<BridgeEvent>) =>
      events.pipe(
        tap((event) => {
          if (event.type === 'ready' && !event.address.startsWith('peer'))
            receives ??= { port: portOf(event.address), transport };
        }),
      );
    const parts = [
      ...(withUdp ? [receivesAt('UDP', overUdp(client, options, receivers, types, share))] : []),
      ...(tcp ? [receivesAt('TCP', overTcp(client, options, tcp, types, share))] : []),
      ...(query ? [oscQuery(client, query, { ...options, namespace, types, receives: () => receives })] : []),
    ];
    out.add(merge(...parts).subscribe({ next: (event) => out.next(event), error: (reason) => out.error(reason) }));
  });
}

/**
 * The address that UDP is bound to; undefined: whatever the network that was chosen asks for. A relay that only this machine
 * reaches shall not be written to from the network by way of its bridge. But a socket of this machine only cannot send
 * elsewhere, so a target elsewhere opens it.
 */
export function oscHost(
  { host, interface: network, broadcast, multicast = [], targets = [], periodic = [] }: OscBridgeOptions,
  relayHost: string,
): string | undefined {
  if (host !== undefined || network !== undefined || broadcast || multicast.length > 0) return host;
  if (!isLocal(relayHost)) return isIP(relayHost) === 0 ? '0.0.0.0' : relayHost;
  const named = periodic.flatMap(({ to }) => (to === undefined ? [] : [to]));
  const receivers = [...targets.map((target) => (typeof target === 'string' ? target : target.to)), ...named];
  return receivers.every((receiver) => isLocal(parseHostPort(receiver).host)) ? '127.0.0.1' : '0.0.0.0';
}

function overUdp(
  client: Client,
  options: OscBridgeOptions,
  receivers: readonly string[],
  typesOf: OscPeers,
  share: OscBridgeShare,
): Observable<BridgeEvent> {
  const { interface: network, broadcast, multicast, listen = 8_000, scheduler = monotonicScheduler } = options;
  const { name: bridge = 'osc', periodic = [], receiveBuffer } = options;
  const host = oscHost(options, 'localhost');
  const udp: UdpOptions = {
    listen,
    scheduler,
    ...(receiveBuffer !== undefined && { receiveBuffer }),
    ...(host !== undefined && { host }),
    ...(network !== undefined && { interface: network }),
    ...(broadcast !== undefined && { broadcast }),
    ...(multicast !== undefined && { multicast }),
  };
  return udpSocket(udp).pipe(
    mergeMap((socket) => {
      // Asked for now, the addresses are known before the first packet comes, and echoes with it.
      for (const receiver of receivers) socket.resolve(receiver);
      const peers = new OscPeers({ ...options, targets: receivers, resolve: socket.resolve, typesOf });
      // The port of one that only sends is nobody's business, unless OSCQuery tells others of it.
      const onlySends = listen === false && options.query === undefined && receivers.length > 0;
      const ready: BridgeEvent = onlySends
        ? { type: 'ready', bridge, address: receivers.join(', ') }
        : { type: 'ready', bridge, address: socket.address, ...(receivers.length > 0 && { targets: receivers }) };
      const dialled = [options.tcp?.connect ?? []].flat();
      const ours = periodic.filter(({ to }) => to === undefined || !dialled.includes(to));
      const over = oscOverSocket(socket, client, { ...options, periodic: ours }, peers, share);
      return merge([ready], over.pipe(map(failureOf(bridge))));
    }),
  );
}

function overTcp(
  client: Client,
  options: OscBridgeOptions,
  tcp: OscTcpOptions,
  typesOf: OscPeers,
  share: OscBridgeShare,
): Observable<BridgeEvent> {
  const { name: bridge = 'osc', host, periodic = [], scheduler = monotonicScheduler } = options;

  return new Observable((out) => {
    const connected = new Set<string>();
    const tellPeers = () => out.next({ type: 'devices', bridge, devices: [...connected] });
    const join = ({ socket, dialled }: Extract<OscTcpEvent, { type: 'peer' }>) => {
      const target = socket.address;
      const peers = new OscPeers({ ...options, targets: [target], replyToSenders: false, typesOf });
      const ours = periodic.filter(({ to }) => to === undefined || to === target);
      const over = oscOverSocket(socket, client, { ...options, targets: [target], periodic: ours }, peers, share);
      connected.add(target);
      if (dialled) out.next({ type: 'ready', bridge, address: `peer ${target}` });
      tellPeers();
      const running = over.pipe(map(failureOf(bridge))).subscribe({
        next: (event) => out.next(event),
        error: (reason) => out.error(reason),
      });
      running.add(() => {
        out.remove(running);
        connected.delete(target);
        if (!out.closed) tellPeers();
      });
      out.add(running);
    };
    out.add(
      oscTcp({ ...(host !== undefined && { host }), ...tcp }, scheduler).subscribe({
        next: (event) => {
          if (event.type === 'peer') join(event);
          else if (event.type === 'listening') out.next({ type: 'ready', bridge, address: event.address });
          else out.next({ ...event, bridge });
        },
        error: (reason) => out.error(reason),
      }),
    );
  });
}

/** What belongs to the relay itself: no pattern reaches there. */
const RESERVED = '/clasp/';

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

function failureOf(bridge: string): (failure: ClaspError) => BridgeEvent {
  return (failure) => ({ type: 'failure', bridge, failure });
}
