import { map, Observable, type SchedulerLike } from 'rxjs';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { OscPeers } from '../../core/protocols/osc/osc-peers.ts';
import {
  findOscQueryNode,
  OSC_QUERY_ATTRIBUTES,
  type OscQueryEntry,
  oscQueryTree,
} from '../../core/protocols/osc/osc-query.ts';
import type { Value } from '../../core/signal/value.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import type { SignalDefinition } from '../../core/wire/message.ts';
import { FailureDigest } from '../../operators/failure-digest.ts';
import { type AdvertisedService, type AdvertiseOptions, advertise } from '../advertise.ts';
import { formatHostPort } from '../host-port.ts';
import { type HttpRequest, type HttpResponse, httpRoutes, json } from '../http/http-routes.ts';
import { httpServers } from '../http/http-servers.ts';
import { oscQuerySockets } from './osc-query-sockets.ts';

/** What is to be told about one address beside its value. A relay's answer to a query has no ranges and descriptions. */
export interface OscQuerySignal {
  /** The address in the relay, below the namespace. */
  readonly address: string;
  /** `read`, `write` or both. @defaultValue as announced, else both */
  readonly access?: string | undefined;
  /** Lowest and highest value. */
  readonly range?: readonly [min: number, max: number] | undefined;
  readonly unit?: string | undefined;
  readonly description?: string | undefined;
}

export interface OscQueryOptions {
  /** TCP port to serve on; 0 for any free one. */
  readonly port: number;
  /** Address to bind to. @defaultValue the bridge's `host`, else this machine only */
  readonly host?: string | undefined;
  /**
   * Whether others find it by mDNS, as `_oscjson._tcp`, and OSC over UDP as `_osc._udp`. Needs the package
   * `bonjour-service`.
   * @defaultValue false
   */
  readonly advertise?: boolean | undefined;
  /** What is to be told about single addresses. @defaultValue nothing */
  readonly signals?: readonly OscQuerySignal[] | undefined;
}

/** Where OSC itself is received, as HOST_INFO tells it. */
export interface OscQueryHost {
  readonly port: number;
  readonly transport: 'UDP' | 'TCP';
}

/** What a bridge gives to its OSCQuery. */
interface OscQueryContext {
  readonly namespace: string;
  readonly name?: string | undefined;
  readonly host?: string | undefined;
  readonly interface?: string | undefined;
  readonly loadBonjour?: AdvertiseOptions['load'];
  /** The types last received at an address. @defaultValue none are known */
  readonly types?: Pick<OscPeers, 'tags'>;
  /** Where OSC is received now; undefined while, or where, it is not. */
  readonly receives: () => OscQueryHost | undefined;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

const EXTENSIONS = {
  ACCESS: true,
  VALUE: true,
  RANGE: true,
  DESCRIPTION: true,
  TYPE: true,
  UNIT: true,
  TAGS: false,
  CLIPMODE: false,
  CRITICAL: false,
  LISTEN: true,
  IGNORE: true,
  PATH_CHANGED: true,
  PATH_ADDED: true,
  PATH_REMOVED: true,
  PATH_RENAMED: false,
  OSC_STREAMING: false,
};

/**
 * Serves OSCQuery over HTTP: `GET /?HOST_INFO`, `GET /path` for the tree from there, `GET /path?VALUE` for one
 * attribute; and over WebSocket on the same port: `LISTEN`, `IGNORE`, and what changes in the tree. The tree is made of
 * what has been announced and of the params that exist below the namespace, with their values of the moment. Emits `ready`; errors with a `ClaspError` 500 when the port cannot be bound.
 */
export function oscQuery(client: Client, options: OscQueryOptions, context: OscQueryContext): Observable<BridgeEvent> {
  const { port, host, signals = [] } = options;
  const { namespace, name: bridge = 'osc', types, receives, scheduler = monotonicScheduler } = context;
  const described = new Map(signals.map((signal) => [signal.address, signal]));
  const address = host ?? context.host ?? 'localhost';

  return new Observable((out) => {
    let boundPort: number | undefined;
    const hostInfo = (): Value => {
      const at = receives();
      const webSocket = boundPort !== undefined && { WS_PORT: boundPort };
      return { NAME: bridge, EXTENSIONS, ...webSocket, ...(at && { OSC_PORT: at.port, OSC_TRANSPORT: at.transport }) };
    };
    const tree = async () => {
      const definitions = await client.query(`${namespace}/**`);
      const known = new Map(definitions.map((definition) => [definition.address, definition]));
      const addresses = new Set([...known.keys(), ...described.keys()]);
      const entries = [...addresses].map((at): OscQueryEntry => {
        const definition: SignalDefinition = known.get(at) ?? { address: at, type: 'param' };
        const { access = definition.access, range, unit, description } = described.get(at) ?? {};
        const meta = { range, unit, description };
        return { ...definition, access, meta, value: client.cached(at), tags: types?.tags(at) };
      });
      return oscQueryTree(entries, namespace);
    };
    const get = async ({ path, query }: HttpRequest): Promise<HttpResponse> => {
      const [attribute] = query.keys();
      if (attribute === 'HOST_INFO') return json(200, hostInfo());
      const known = OSC_QUERY_ATTRIBUTES.find((one) => one === attribute);
      if (attribute !== undefined && !known) {
        throw new ClaspError(ErrorCode.BadMessage, `OSCQuery has no attribute ${attribute.slice(0, 32)} here`);
      }
      const node = findOscQueryNode(await tree(), decodeURIComponent(path));
      if (!node) throw new ClaspError(ErrorCode.NotFound, 'nothing is at this address', { address: path });
      if (known === undefined) return json(200, node as unknown as Value);
      const value = node[known];
      return value === undefined ? { status: 204 } : json(200, { [known]: value as Value });
    };

    const servers = httpServers({
      host: address,
      request: httpRoutes([{ path: '/*', methods: { GET: get } }], { cors: ['*'] }),
      failed: (failure) => out.next({ type: 'failure', bridge, failure }),
    });
    const digest = new FailureDigest({ scheduler });
    out.add(() => digest.close());
    out.add(digest.failures.subscribe((failure) => out.next({ type: 'failure', bridge, failure })));
    const sockets = oscQuerySockets(servers.servers, {
      client,
      namespace,
      tags: (at) => types?.tags(at),
      failed: (failure) => digest.pass(failure),
      scheduler,
    });
    out.add(() => sockets.close());
    // `cached` knows what is subscribed to; equal to the bridge's own subscription, it costs nothing.
    const kinds = { types: ['param', 'event', 'stream'] as const };
    out.add(
      client.on(`${namespace}/**`, kinds).subscribe({
        next: (signal) => sockets.follow(signal),
        error: (reason) => out.error(reason),
      }),
    );
    out.add(() => {
      void servers.close();
      servers.destroy();
    });
    servers.listen(port).then(
      (bound) => {
        if (out.closed) {
          void servers.close();
          return;
        }
        boundPort = bound;
        out.next({ type: 'ready', bridge, address: `http://${formatHostPort(address, bound)}` });
        if (options.advertise) out.add(advertiseQuery(bridge, bound, context).subscribe(out));
      },
      (cause) => out.error(cause),
    );
  });
}

function advertiseQuery(bridge: string, port: number, context: OscQueryContext): Observable<BridgeEvent> {
  const receives = context.receives();
  const services: AdvertisedService[] = [{ name: bridge, type: 'oscjson', protocol: 'tcp', port }];
  if (receives?.transport === 'UDP') {
    services.push({ name: bridge, type: 'osc', protocol: 'udp', port: receives.port });
  }
  const failureOf = (failure: ClaspError): BridgeEvent => ({ type: 'failure', bridge, failure });
  return advertise(services, { interface: context.interface, load: context.loadBonjour }).pipe(map(failureOf));
}
