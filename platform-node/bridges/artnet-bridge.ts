import { networkInterfaces } from 'node:os';
import { concat, defer, map, type Observable, type SchedulerLike } from 'rxjs';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import type { DatagramSocket } from '../../core/connection/datagram.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { ARTNET_MAX_UNIVERSE, ARTNET_PORT } from '../../core/protocols/artnet/artnet.ts';
import { ArtNetNodes } from '../../core/protocols/artnet/artnet-nodes.ts';
import { type DmxFrame, DmxInput } from '../../core/protocols/dmx/dmx-input.ts';
import { DmxMapping } from '../../core/protocols/dmx/dmx-mapping.ts';
import type { MidiTimeCode } from '../../core/protocols/midi/midi-time-code.ts';
import { timeCodeValue } from '../../core/protocols/time-code.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import type { BridgeSides } from '../../operators/bridge.ts';
import { type ArtNetSinkOptions, artNetSink } from '../../sinks/artnet.ts';
import { type ArtNetSourceOptions, artNetFrames } from '../../sources/artnet.ts';
import { artNetDiscovery, artNetReplies } from '../../sources/artnet-nodes.ts';
import { dmxLink } from '../../sources/dmx-link.ts';
import { relayLevels } from '../../sources/relay-levels.ts';
import { formatHostPort, parseHostPort } from '../host-port.ts';
import { resolveInterface } from '../network-interface.ts';
import { type UdpOptions, udpSocket } from '../udp.ts';
import { checkDmxOptions, devicesOf, shownWay, withPort } from './dmx-options.ts';

export interface ArtnetBridgeOptions
  extends Pick<UdpOptions, 'host' | 'interface'>,
    Pick<
      ArtNetSinkOptions,
      'universes' | 'namespace' | 'normalize' | 'pairs' | 'timeCodeRate' | 'rate' | 'keepAlive' | 'sync' | 'port'
    >,
    Pick<ArtNetSourceOptions, 'mode' | 'merge' | 'timeout'> {
  /** UDP port, or `host:port`, for Art-Net from outside; 0 for any free one, `false` to send only. @defaultValue 6454 */
  readonly listen?: number | string | false;
  /**
   * Who receives every universe, as address or `address:port`.
   * @defaultValue none: the nodes that answered ArtPoll and want the universe, and where there are none a broadcast
   */
  readonly targets?: readonly string[];
  /** Whether what changes in the relay goes out; `false` only listens. @defaultValue true */
  readonly send?: boolean;
  /** Whether nodes are looked for, and those who look for nodes are answered. @defaultValue true */
  readonly discover?: boolean;
  /** Named in events, to other nodes, and in the origin of signals. @defaultValue 'artnet' */
  readonly name?: string;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Announced where no universes are named, so that others know where to send something. */
const FIRST_UNIVERSES = [0, 1, 2, 3];

/**
 * Joins a relay with Art-Net: levels that come in are written as params (or streams) below the namespace, and what
 * changes there goes out, one packet per universe and frame, but not back to where it came from.
 *
 * Subscribing opens, unsubscribing closes. Emits `ready` when bound, the list of nodes as `devices`, and a failure a
 * second at most. Errors with a `ClaspError` when the port cannot be bound (500), an option is wrong (402)
 * or the relay refuses the subscription (301); completes when the client is closed.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * const bridge = artnetBridge(relay.client('rig'), { targets: ['127.0.0.1'], universes: [0, 1] });
 * bridge.subscribe({ next: console.log, error: console.error });
 * relay.client('app').set('/artnet/0/1', 255);
 * ```
 */
export function artnetBridge(client: Client, options: ArtnetBridgeOptions = {}): Observable<BridgeEvent> {
  const { listen = ARTNET_PORT, host, interface: network, scheduler = monotonicScheduler } = options;
  const { namespace = '/artnet', mode = 'channel', name = 'artnet', universes } = options;
  return defer(() => {
    checkDmxOptions(options, [0, ARTNET_MAX_UNIVERSE]);
    for (const target of options.targets ?? []) withPort(target, ARTNET_PORT);
    const mapping = mappingOf(options);
    const socket = udpSocket({
      listen,
      scheduler,
      broadcast: true,
      // Art-Net has one port for everybody on a machine.
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
      beside: [timeCodeAddress(namespace)],
      scheduler,
      defer: setImmediate,
      open: socket.pipe(map((opened) => sidesOver(opened, client, mapping, options))),
      reconnect: false,
    });
  });
}

function timeCodeAddress(namespace: string): string {
  return `${namespace}/timecode`;
}

function mappingOf({ namespace = '/artnet', normalize = false, pairs = [] }: ArtnetBridgeOptions): DmxMapping {
  return new DmxMapping({ namespace, normalize, pairs, range: [0, ARTNET_MAX_UNIVERSE] });
}

function sidesOver(
  socket: DatagramSocket,
  client: Client,
  mapping: DmxMapping,
  options: ArtnetBridgeOptions,
): BridgeSides<DmxFrame> {
  const { namespace = '/artnet', mode = 'channel', name: bridge = 'artnet', universes, normalize = false } = options;
  const { listen, send = true, discover = true, port = ARTNET_PORT, scheduler = monotonicScheduler } = options;
  const { merge = 'ltp', timeout = 10_000 } = options;
  const targets = (options.targets ?? []).map((target) => withPort(target, port));
  const broadcast = `${broadcastAddress(socket, options.interface)}:${port}`;
  const receivers = targets.length > 0 ? targets : [broadcast];
  const ignore = ownAddresses(socket);
  const nodes = new ArtNetNodes();
  const hears = listen !== false;
  const shared = { namespace, normalize, scheduler, ...(universes && { universes }) };
  const before = relayLevels(client, mapping);
  const known = (universe: number, first: Uint8Array) => (sink ? sink.levels(universe) : before(universe, first));
  const input = new DmxInput({ merge, timeout, known: mode === 'channel' ? known : undefined });
  const sink = send
    ? artNetSink(socket.send, { ...options, ...shared, targets, broadcast, nodes, port, input, defer: setImmediate })
    : undefined;
  const timeCode = (time: MidiTimeCode) => client.stream(timeCodeAddress(namespace), timeCodeValue(time));
  const loops: readonly BridgeEvent[] = hears
    ? targets.filter(ignore).map((target) => ({ type: 'failure', bridge, failure: isItself(target) }))
    : [];

  const discovery = (): Observable<BridgeEvent> => {
    const about = { ip: ownAddress(socket, options.interface), shortName: bridge, longName: `clasp-rx ${bridge}` };
    const replies = artNetReplies(about, universes ?? FIRST_UNIVERSES, { output: true, input: send });
    return artNetDiscovery(socket, { poll: receivers, replies, port, ignore, nodes, scheduler }).pipe(
      devicesOf(bridge, ({ shortName, ip }) => `${shortName} (${ip})`),
    );
  };
  return {
    ...shownWay(socket.address, options, send ? receivers : [], targets),
    source: hears ? artNetFrames(socket.incoming, { ...shared, input, ignore, timeCode }) : undefined,
    sink,
    failures: socket.failures,
    events: concat(loops, discover && hears ? defer(discovery) : []),
  };
}

/** Where everybody on the chosen network is reached. */
function broadcastAddress({ address }: DatagramSocket, network: string | undefined): string {
  const own = network === undefined ? parseHostPort(address).host : resolveInterface(network);
  const found = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.address === own && each.family === 'IPv4');
  if (found === undefined) return '255.255.255.255';
  const mask = found.netmask.split('.').map(Number);
  return own
    .split('.')
    .map((part, i) => Number(part) | (~(mask[i] as number) & 255))
    .join('.');
}

/** Whether a packet is one of ours, which a broadcast has brought back. */
function ownAddresses({ address }: DatagramSocket): (from: string) => boolean {
  const { port } = parseHostPort(address);
  const own = new Set(
    Object.values(networkInterfaces())
      .flat()
      .map((each) => formatHostPort(each?.address ?? '', port)),
  );
  return (from) => own.has(from);
}

/** Programs on one machine share a port, and what is sent to this machine reaches the bridge rather than them. */
function isItself(target: string): ClaspError {
  const reason = `target ${target} is where this bridge listens itself: let it listen elsewhere, or not at all`;
  return new ClaspError(ErrorCode.BadValue, reason, { value: target });
}

/** What we tell others our address is. */
function ownAddress({ address }: DatagramSocket, network: string | undefined): string {
  const { host } = parseHostPort(address);
  if (network !== undefined) return resolveInterface(network);
  if (host !== '0.0.0.0') return host;
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal);
  return outside?.address ?? '127.0.0.1';
}
