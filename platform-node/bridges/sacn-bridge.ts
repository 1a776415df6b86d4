import { randomUUID } from 'node:crypto';
import { defer, map, type Observable, type SchedulerLike } from 'rxjs';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import type { DatagramSocket } from '../../core/connection/datagram.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { type DmxFrame, DmxInput } from '../../core/protocols/dmx/dmx-input.ts';
import { DmxMapping } from '../../core/protocols/dmx/dmx-mapping.ts';
import { SACN_DISCOVERY_UNIVERSE, SACN_MAX_UNIVERSE, SACN_PORT, sacnGroup } from '../../core/protocols/sacn/sacn.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import type { BridgeSides } from '../../operators/bridge.ts';
import { type SacnSinkOptions, sacnSink } from '../../sinks/sacn.ts';
import { dmxLink } from '../../sources/dmx-link.ts';
import { relayLevels } from '../../sources/relay-levels.ts';
import { type SacnSourceOptions, sacnFrames } from '../../sources/sacn.ts';
import { sacnSenders } from '../../sources/sacn-senders.ts';
import { parseHostPort } from '../host-port.ts';
import { resolveInterface } from '../network-interface.ts';
import { type UdpOptions, udpSocket } from '../udp.ts';
import { checkDmxOptions, devicesOf, shownWay, withPort } from './dmx-options.ts';

export interface SacnBridgeOptions
  extends Pick<UdpOptions, 'host' | 'interface'>,
    Pick<
      SacnSinkOptions,
      | 'namespace'
      | 'normalize'
      | 'pairs'
      | 'rate'
      | 'keepAlive'
      | 'priority'
      | 'channelPriorities'
      | 'sourceName'
      | 'sync'
      | 'port'
    >,
    Pick<SacnSourceOptions, 'mode' | 'merge' | 'timeout' | 'preview'> {
  /** The universes that are read and sent, 1–63999. @defaultValue [1] */
  readonly universes?: readonly number[];
  /** UDP port, or `host:port`, for sACN from outside; 0 for any free one, `false` to send only. @defaultValue 5568 */
  readonly listen?: number | string | false;
  /**
   * Whether the groups of the universes are joined; without, only what is sent to this machine alone is heard.
   * @defaultValue true, but false where it is bound to one address, which hears no multicast
   */
  readonly multicast?: boolean;
  /** Who receives every universe, as address or `address:port`. @defaultValue each universe's multicast group */
  readonly targets?: readonly string[];
  /** What tells this source from all others, a UUID. @defaultValue a new one each time */
  readonly cid?: string;
  /** Whether what changes in the relay goes out; `false` only listens. @defaultValue true */
  readonly send?: boolean;
  /** Named in events and in the origin of signals. @defaultValue 'sacn' */
  readonly name?: string;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/**
 * Joins a relay with sACN (ANSI E1.31): levels that come in are written as params (or streams) below the namespace, and
 * what changes there goes out, one packet per universe and frame, unless a source of the universe says the same.
 *
 * Subscribing opens, unsubscribing says that the universes are left, and closes. Emits `ready` when bound, the sources
 * that can be heard as `devices`, and a failure a second at most. Errors with a `ClaspError` when the port
 * cannot be bound (500), an option is wrong (402) or the relay refuses the subscription (301); completes when the
 * client is closed.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * const bridge = sacnBridge(relay.client('wash'), { universes: [1], priority: 120, interface: '127.0.0.1' });
 * bridge.subscribe({ next: console.log, error: console.error });
 * relay.client('app').set('/sacn/1/1', 255);
 * ```
 */
export function sacnBridge(client: Client, options: SacnBridgeOptions = {}): Observable<BridgeEvent> {
  const { universes = [1], listen = SACN_PORT, sync = 0, scheduler = monotonicScheduler } = options;
  const { host, interface: network, namespace = '/sacn', mode = 'channel', name = 'sacn' } = options;
  return defer(() => {
    checkDmxOptions({ ...options, universes }, [1, SACN_MAX_UNIVERSE]);
    for (const target of options.targets ?? []) withPort(target, SACN_PORT);
    const cid = bytesOf(options.cid ?? randomUUID());
    const mapping = mappingOf(options);
    const heard = new Set([...universes, SACN_DISCOVERY_UNIVERSE, ...(sync > 0 ? [sync] : [])]);
    const socket = udpSocket({
      listen,
      scheduler,
      multicast: joins(options) ? [...heard].map(sacnGroup) : [],
      reuseAddress: listen !== false,
      ...(host !== undefined && { host }),
      ...(network !== undefined && { interface: network }),
    });
    return dmxLink(client, {
      name,
      namespace,
      mapping,
      mode,
      universes,
      scheduler,
      defer: setImmediate,
      open: socket.pipe(map((opened) => sidesOver(opened, client, { mapping, cid }, { ...options, universes }))),
      reconnect: false,
    });
  });
}

function mappingOf({ namespace = '/sacn', normalize = false, pairs = [] }: SacnBridgeOptions): DmxMapping {
  return new DmxMapping({ namespace, normalize, pairs, range: [1, SACN_MAX_UNIVERSE] });
}

/** Whether groups are joined: the system has few to give, and a socket bound to one address hears none of them. */
function joins({ listen = SACN_PORT, host, multicast }: SacnBridgeOptions): boolean {
  if (listen === false || multicast === false) return false;
  const { host: bound } = parseHostPort(String(listen), host ?? EVERYBODY);
  return multicast === true || bound === EVERYBODY;
}

const EVERYBODY = '0.0.0.0';

function sidesOver(
  socket: DatagramSocket,
  client: Client,
  { mapping, cid }: { readonly mapping: DmxMapping; readonly cid: Uint8Array },
  options: SacnBridgeOptions & { readonly universes: readonly number[] },
): BridgeSides<DmxFrame> {
  const { namespace = '/sacn', mode = 'channel', name: bridge = 'sacn', universes, normalize = false } = options;
  const { listen, send = true, sync = 0, preview = false, port = SACN_PORT, scheduler = monotonicScheduler } = options;
  const { merge = 'htp', timeout = 2_500, sourceName = `clasp-rx ${bridge}` } = options;
  const targets = (options.targets ?? []).map((target) => withPort(target, port));
  const hears = listen !== false;
  const shared = { namespace, normalize, scheduler, universes, cid };
  const before = relayLevels(client, mapping);
  const known = (universe: number, first: Uint8Array) => (sink ? sink.levels(universe) : before(universe, first));
  const input = new DmxInput({ merge, timeout, known: mode === 'channel' ? known : undefined });
  const outgoing = {
    ...options,
    ...shared,
    targets,
    port,
    input,
    sourceName,
    sync,
    preview: false,
    defer: setImmediate,
  };
  const sink = send ? sacnSink(socket.send, outgoing) : undefined;
  // A socket that hears multicast is bound to all addresses, also where only this machine is meant.
  const isLocal = options.interface !== undefined && resolveInterface(options.interface).startsWith('127.');
  const ignore = (from: string) => isLocal && !from.startsWith('127.');
  const incoming = { ...shared, input, preview, ignore, ...(sync > 0 && { sync: [sync] }) };

  const groups = universes.slice(0, MAX_SHOWN).map((universe) => `${sacnGroup(universe)}:${port}`);
  if (universes.length > MAX_SHOWN) groups.push(`${universes.length - MAX_SHOWN} more groups`);
  const receivers = targets.length > 0 ? targets : groups;
  return {
    ...shownWay(socket.address, options, send ? receivers : [], targets),
    source: hears ? sacnFrames(socket.incoming, incoming) : undefined,
    sink,
    failures: socket.failures,
    events: hears
      ? sacnSenders(socket.incoming, { cid, scheduler }).pipe(devicesOf(bridge, ({ name, ip }) => `${name} (${ip})`))
      : undefined,
  };
}

/** Groups that are named for people. */
const MAX_SHOWN = 3;

/** The bytes of a UUID. Throws a `ClaspError` 402 for anything else. */
export function bytesOf(uuid: string): Uint8Array {
  const hex = uuid.replaceAll('-', '');
  if (!/^[\da-f]{32}$/i.test(hex)) {
    throw new ClaspError(ErrorCode.BadValue, `cid ${JSON.stringify(uuid)} is not a UUID`, { value: uuid });
  }
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}
