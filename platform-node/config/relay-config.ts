import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { OnFull } from '../../core/param/param.ts';
import type { ParamRule } from '../../core/param/param-rules.ts';
import type { RouteConfig } from '../../core/transforms/route.ts';
import type { Authenticate } from '../../operators/router/authenticate.ts';
import type { AuthConfig } from '../auth/auth-config.ts';
import { type BridgeConfig, bridgeTypes, isBridgeType } from '../bridges/bridge-types.ts';
import { networks } from '../http/arrivals.ts';
import { checkRoutes } from '../relay-routes.ts';

/** What `createRelay` starts: the object of a configuration file, with what only code can give. */
export interface RelayConfig {
  /** Told to every client, and shown. @defaultValue 'clasp-rx' */
  readonly name?: string;
  /** Address to bind to. The default is reached from this machine only; `'0.0.0.0'` opens the relay to the network. @defaultValue 'localhost': 127.0.0.1, and ::1 where there is one */
  readonly host?: string;
  /** TCP port for WebSocket and HTTP; 0 takes a free one, see `ready`. @defaultValue 7330 */
  readonly port?: number;
  /** Other protocols to join. @defaultValue none */
  readonly bridges?: readonly BridgeConfig[];
  /** Origins of web pages that may use the HTTP API, or `*`. @defaultValue none but pages of the relay itself */
  readonly cors?: readonly string[];
  /** What is written where, beside the bridges. @defaultValue none */
  readonly routes?: readonly RouteConfig[];
  /** Sessions at a time, bridges not counted; 0 = unlimited. @defaultValue 0 */
  readonly maxSessions?: number;
  /** Milliseconds of silence after which a session ends; 0 = never. @defaultValue 300 000 */
  readonly sessionTimeout?: number;
  /** Messages a second that one session may send; 0 = unlimited. @defaultValue 0 */
  readonly maxMessagesPerSecond?: number;
  /** Subscriptions that one session may have; 0 = unlimited. @defaultValue 10 000 */
  readonly maxSubscriptions?: number;
  /** What holds for which params; the first rule that matches an address. @defaultValue none: the last write wins */
  readonly params?: readonly ParamRule[];
  /** Params at a time; 0 = unlimited. @defaultValue 0 */
  readonly maxParams?: number;
  /** What happens to a new param when there are `maxParams`. @defaultValue 'lru' */
  readonly onFull?: OnFull;
  /** Who comes in, and what they may: turns authentication on. @defaultValue everybody may do everything */
  readonly auth?: AuthConfig;
  /**
   * Origins of web pages that may connect, `*` for all. `auto`: pages of this relay and of this machine, those that `cors`
   * names, and all others where a token is needed. @defaultValue 'auto'
   */
  readonly origins?: 'auto' | '*' | readonly string[];
  /** Names by which an open relay may be asked for, beside addresses, this machine's and local ones. @defaultValue none */
  readonly hosts?: readonly string[];
  /** Networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. @defaultValue none */
  readonly trustProxy?: readonly string[];
  /** Decides what the bearer of a token may do that `auth` does not know. @defaultValue open, or refused where there is `auth` */
  readonly authenticate?: Authenticate;
}

/** Throws a `ClaspError` 402 that names the key of `config` that cannot work. */
export function checkRelayConfig({ port = 7330, bridges = [], routes = [], ...limits }: RelayConfig): void {
  const wrong = (key: string, wanted: string, value: unknown) =>
    new ClaspError(ErrorCode.BadValue, `${key} must be ${wanted}, not ${JSON.stringify(value)}`, { value });

  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) throw wrong('port', 'from 0 to 65535', port);
  for (const key of [
    'maxSessions',
    'sessionTimeout',
    'maxMessagesPerSecond',
    'maxSubscriptions',
    'maxParams',
  ] as const) {
    const limit = limits[key] ?? 0;
    if (!(Number.isFinite(limit) && limit >= 0)) throw wrong(key, '0 or more', limit);
  }
  const names = new Set<string>();
  for (const { type, name = type } of bridges) {
    if (!isBridgeType(type)) throw wrong('the type of a bridge', Object.keys(bridgeTypes).join(' or '), type);
    if (names.has(name)) throw wrong('the name of a bridge', 'used once', name);
    if (!/^[^/*]+$/.test(name)) throw wrong('the name of a bridge', 'one segment of an address', name);
    names.add(name);
  }
  networks(limits.trustProxy ?? []);
  checkRoutes(routes);
}

/** The keys whose values differ and count only when a relay starts. Functions count as equal. */
export function restartKeys(before: RelayConfig, after: RelayConfig): readonly string[] {
  const { bridges: _bridges, routes: _routes, ...fixed } = { ...before, ...after };
  const plain = (config: RelayConfig, key: string) => JSON.stringify(config[key as keyof RelayConfig]);
  const differs = (key: string) => plain(before, key) !== plain(after, key);
  return Object.keys(fixed).filter((key) => {
    if (key === 'auth') return JSON.stringify(withoutTokens(before)) !== JSON.stringify(withoutTokens(after));
    return key !== '$schema' && differs(key);
  });
}

/** Tokens are taken while the relay runs. That there is `auth` at all is not. */
function withoutTokens({ auth }: RelayConfig): AuthConfig | undefined {
  if (!auth) return undefined;
  const { tokens: _tokens, adminToken: _adminToken, ...rest } = auth;
  return rest;
}
