import { asyncScheduler, filter, Observable, type SchedulerLike } from 'rxjs';
import type { BridgeEvent } from '../core/bridge-event.ts';
import type { Client } from '../core/client.ts';
import type { DatagramSocket } from '../core/datagram.ts';
import type { ClaspError } from '../core/errors.ts';
import { OscPeers, type OscPeersOptions } from '../core/protocols/osc-peers.ts';
import type { Signal } from '../core/signal.ts';
import { FailureDigest } from '../operators/failure-digest.ts';
import { paceSnapshot } from '../operators/pace-snapshot.ts';
import { type OscHints, type OscTarget, oscSink } from '../sinks/osc.ts';
import { oscSource } from '../sources/osc.ts';
import { type UdpOptions, udpSocket } from './udp.ts';

export interface OscBridgeOptions
  extends Pick<UdpOptions, 'host' | 'interface' | 'broadcast' | 'multicast'>,
    Pick<OscPeersOptions, 'replyToSenders' | 'senderTimeout' | 'maxSenders' | 'echoWindow' | 'echoBy'> {
  /** UDP port, or `host:port`, for OSC from outside; 0 for any free one, `false` to send only. @defaultValue 8000 */
  readonly listen?: number | string | false;
  /** Who receives what changes, as `host:port`. @defaultValue none */
  readonly targets?: readonly OscTarget[];
  /** Where OSC addresses live in the relay; `''` for the root. @defaultValue '/osc' */
  readonly namespace?: string;
  /** Types that receivers want, by pattern over OSC addresses: `{ '/led/*': 'i' }`. @defaultValue none */
  readonly hints?: OscHints;
  /** Whether targets receive the current params at the start, and again after a reconnect. @defaultValue true */
  readonly sendState?: boolean;
  /** Named in events and in the origin of signals. @defaultValue 'osc' */
  readonly name?: string;
  /** Clock and timer. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike;
}

/**
 * Joins a relay with OSC over UDP: what comes in is written as params below the namespace, and what changes there goes
 * out to the targets, but not back to where it came from.
 *
 * Subscribing opens, unsubscribing closes. Emits `ready` when bound, then a failure a second at most: packets that are
 * not OSC, values that OSC cannot carry, targets that cannot be reached, writes that the relay refuses. Errors with a
 * `ClaspError` when the port cannot be bound (500), an option is wrong (202, 402) or the relay refuses the
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
  const { listen = 8_000, host, interface: network, broadcast, multicast, scheduler = asyncScheduler } = options;
  const udp: UdpOptions = {
    listen,
    scheduler,
    ...(host !== undefined && { host }),
    ...(network !== undefined && { interface: network }),
    ...(broadcast !== undefined && { broadcast }),
    ...(multicast !== undefined && { multicast }),
  };
  return new Observable((out) => {
    out.add(
      udpSocket(udp).subscribe({
        next: (socket) => out.add(bridgeOver(socket, client, options).subscribe(out)),
        error: (reason) => out.error(reason),
      }),
    );
  });
}

/** The bridge once its socket is bound; host-free. */
function bridgeOver(socket: DatagramSocket, client: Client, options: OscBridgeOptions): Observable<BridgeEvent> {
  const { namespace = '/osc', targets = [], sendState = true, name: bridge = 'osc', hints = {} } = options;
  const { scheduler = asyncScheduler } = options;

  return new Observable((out) => {
    const receivers = targets.map((target) => (typeof target === 'string' ? target : target.to));
    // Asked for now, the addresses are known before the first packet comes, and echoes with it.
    for (const receiver of receivers) socket.resolve(receiver);
    const peers = new OscPeers({ ...options, targets: receivers, resolve: socket.resolve });
    const digest = new FailureDigest({ scheduler });
    const fail = (failure: ClaspError) => out.next({ type: 'failure', bridge, failure });
    out.add(() => digest.close());

    const sink = oscSink(socket.send, { targets, namespace, hints, peers, scheduler });
    const source = oscSource(socket.incoming, { namespace, name: bridge, peers, scheduler });
    out.add(digest.failures.subscribe(fail));
    out.add(socket.failures.subscribe(fail));
    out.add(source.failures.subscribe(fail));
    out.add(sink.failures.subscribe((failure) => digest.pass(failure)));
    const ours = (failure: ClaspError) => failure.address?.startsWith(`${namespace}/`) ?? false;
    out.add(client.errors.pipe(filter(ours)).subscribe((failure) => digest.pass(failure)));

    out.next({ type: 'ready', bridge, address: socket.address });
    const wanted = (signal: Signal) => sendState || signal.kind !== 'param' || signal.snapshot !== true;
    out.add(
      client
        .on(`${namespace}/**`, { types: ['param', 'event', 'stream'] })
        .pipe(filter(wanted), paceSnapshot({ scheduler }))
        .subscribe({
          next: (signal) => sink.next(signal),
          error: (reason) => out.error(reason),
          complete: () => out.complete(),
        }),
    );
    out.add(
      source.subscribe((signal) => {
        if (signal.kind === 'param') client.set(signal.address, signal.value);
      }),
    );
  });
}
