import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { auditTime, distinctUntilChanged, map, Observable, type SchedulerLike } from 'rxjs';
import type { BridgeEvent } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import type { MqttServerLimits, MqttServerOptions } from '../../operators/mqtt/mqtt-server.ts';
import { MqttServer } from '../../operators/mqtt/mqtt-server.ts';
import { readingTurns } from '../event-loop.ts';
import { formatHostPort } from '../host-port.ts';
import { plainAddress } from '../http/arrivals.ts';
import type { AcceptStream } from '../sub-protocols.ts';
import { MqttStream, mqttCodec } from './mqtt-stream.ts';

/** What lets MQTT clients into a relay: two members of a `BridgeContext`, or of a relay. */
export type MqttAccess = Pick<MqttServerOptions, 'join' | 'authenticate'>;

export interface MqttServerBridgeOptions extends MqttServerLimits {
  /** TCP port; 0 for any free one, `false` for none (then `webSockets` brings the connections). @defaultValue 1883 */
  readonly port?: number | false;
  /** Address to bind to; anything else than this machine's own lets the network in. @defaultValue 'localhost' */
  readonly host?: string;
  /** Certificate and key for TLS, as PEM files or PEM texts. @defaultValue plain TCP */
  readonly tls?: { readonly cert: string; readonly key: string };
  /**
   * Brings connections from elsewhere: called with each subprotocol (`mqtt`, and `mqttv3.1` of old) when it is open, and with what takes on a
   * stream of bytes; gives what ends that.
   */
  readonly webSockets?: (subprotocol: 'mqtt' | 'mqttv3.1', accept: AcceptStream) => () => void;
  /** Named in events. @defaultValue 'mqtt-server' */
  readonly name?: string;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Milliseconds within which those who come and go are told of together. */
const GATHER = 250;
/** What MQTT is called in the handshake of a WebSocket. */
const SUBPROTOCOLS = ['mqtt', 'mqttv3.1'] as const;

/**
 * Lets MQTT clients into a relay, as a broker would: each is a participant of its own, with the rights that its password
 * (the token) brings. What is published retained is a param below the namespace, anything else an event, and back.
 *
 * Subscribing binds, unsubscribing closes every connection. Emits `ready` when bound, `devices` with the ids of the
 * clients, and a failure a second at most of what they do wrong. Errors with a `ClaspError` when the port cannot be bound
 * (500), an option is wrong (402) or the package `mqtt-packet` is not installed (501). Never completes.
 *
 * @example
 * ```ts
 * const relay = createRelay({ port: 0 });
 * const bridge = mqttServerBridge({ join: (name, scopes) => relay.client(name, scopes) }, { port: 1884 });
 * bridge.subscribe({ next: console.log, error: console.error });
 * ```
 */
export function mqttServerBridge(access: MqttAccess, options: MqttServerBridgeOptions = {}): Observable<BridgeEvent> {
  const { port = 1883, host = 'localhost', tls, webSockets, name: bridge = 'mqtt-server' } = options;
  const { maxPacketSize = 1_310_720, scheduler = monotonicScheduler } = options;

  return new Observable((out) => {
    const start = async () => {
      const codec = await mqttCodec();
      if (out.closed) return;
      const server = new MqttServer({
        ...options,
        ...access,
        maxPacketSize,
        scheduler,
        clientId: () => `clasp-${randomUUID()}`,
      });
      out.add(() => server.close());
      out.add(server.failures.subscribe((failure) => out.next({ type: 'failure', bridge, failure })));
      const devices = server.changes.pipe(
        auditTime(GATHER, scheduler),
        map(() => server.clients),
        distinctUntilChanged((before, now) => before.join('\n') === now.join('\n')),
      );
      out.add(devices.subscribe((ids) => out.next({ type: 'devices', bridge, devices: ids })));
      const turns = readingTurns();
      const accept: AcceptStream = (stream, peer, arrival) =>
        server.accept(new MqttStream(stream, peer, codec, maxPacketSize, turns, arrival));
      for (const subprotocol of SUBPROTOCOLS) if (webSockets) out.add(webSockets(subprotocol, accept));
      if (port === false) {
        out.next({ type: 'ready', bridge, address: 'WebSockets of the relay' });
        return;
      }
      const [first = host, ...others] = host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
      const bind = (address: string, wanted: number, failed: (cause: Error) => void, bound: (at: number) => void) => {
        const listener = listen(accept, tls);
        out.add(() => void listener.close());
        listener.on('error', failed);
        listener.listen({ host: address, port: wanted }, () => bound((listener.address() as AddressInfo).port));
      };
      bind(
        first,
        port,
        (cause) => out.error(cannotListen(cause, first, port)),
        (at) => {
          // A machine without IPv6 is served on 127.0.0.1 all the same.
          for (const other of others)
            bind(
              other,
              at,
              () => undefined,
              () => undefined,
            );
          out.next({ type: 'ready', bridge, address: `${tls ? 'mqtts' : 'mqtt'}://${formatHostPort(first, at)}` });
        },
      );
    };
    start().catch((cause: unknown) => out.error(ClaspError.from(cause, ErrorCode.Internal)));
  });
}

function listen(accept: AcceptStream, tls: MqttServerBridgeOptions['tls']): Server {
  const connected = (socket: Socket) => {
    socket.setNoDelay(true);
    const { remoteAddress = 'unknown', remotePort = 0 } = socket;
    const arrival = { peer: plainAddress(remoteAddress), secure: tls !== undefined };
    accept(socket, formatHostPort(remoteAddress, remotePort), arrival);
  };
  if (!tls) return createServer(connected);
  return createTlsServer({ cert: pem(tls.cert, 'tls.cert'), key: pem(tls.key, 'tls.key') }, connected);
}

function pem(given: string, key: string): string | Buffer {
  if (given.startsWith('-----BEGIN')) return given;
  try {
    return readFileSync(given);
  } catch (cause) {
    throw new ClaspError(ErrorCode.BadValue, `${key}: cannot read ${given}`, { value: given, cause });
  }
}

function cannotListen(cause: Error & { readonly code?: string }, host: string, port: number): ClaspError {
  const where = `MQTT port ${port} on ${host}`;
  if (cause.code === 'EADDRINUSE') return new ClaspError(ErrorCode.Internal, `${where} is in use`, { cause });
  if (cause.code === 'EACCES') return new ClaspError(ErrorCode.Internal, `${where} needs more rights`, { cause });
  return new ClaspError(ErrorCode.Internal, `${where} cannot be bound: ${cause.message}`, { cause });
}
