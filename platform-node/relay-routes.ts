import { isDeepStrictEqual } from 'node:util';
import type { Client } from '../core/client/client.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { compileRoute, type RouteConfig, routeName } from '../core/transforms/route.ts';
import { followRoute } from '../operators/routes/follow-route.ts';
import type { HopBudget } from '../operators/routes/hop-budget.ts';

/** What does not get through a route. */
export type RouteEvent =
  | { readonly type: 'route-failure'; readonly route: string; readonly failure: ClaspError }
  /** A route has ended for good; the others go on. */
  | { readonly type: 'route-ended'; readonly route: string; readonly reason: ClaspError };

export interface RelayRoutesOptions {
  readonly client: (name: string) => Client;
  readonly budget: HopBudget;
  readonly tell: (event: RouteEvent) => void;
}

interface RunningRoute {
  readonly config: RouteConfig;
  close(): void;
}

/** The routes of a running relay, which come and go one by one. */
export class RelayRoutes {
  readonly #options: RelayRoutesOptions;
  #running: readonly RunningRoute[] = [];

  constructor(options: RelayRoutesOptions) {
    this.#options = options;
  }

  /**
   * Follows these routes from now on; one that is followed already goes on and keeps its state. Throws a `ClaspError`
   * and changes nothing when a route makes no sense. Gives how many were started and how many were stopped.
   */
  change(configs: readonly RouteConfig[]): { readonly started: number; readonly stopped: number } {
    checkRoutes(configs);
    const left = [...this.#running];
    const kept = configs.map((config) => {
      const at = left.findIndex((route) => isDeepStrictEqual(route.config, config));
      return at < 0 ? undefined : left.splice(at, 1)[0];
    });
    for (const route of left) route.close();
    this.#running = configs.map((config, index) => kept[index] ?? this.#follow(config));
    return { started: kept.filter((route) => route === undefined).length, stopped: left.length };
  }

  /** Stops all. */
  close(): void {
    for (const route of this.#running) route.close();
    this.#running = [];
  }

  #follow(config: RouteConfig): RunningRoute {
    const { client: join, budget, tell } = this.#options;
    const route = routeName(config);
    const client = join(`route ${route}`);
    const following = followRoute(client, compileRoute(config), { budget }).subscribe({
      next: (failure) => tell({ type: 'route-failure', route, failure }),
      error: (cause) => tell({ type: 'route-ended', route, reason: ClaspError.from(cause, ErrorCode.Internal) }),
    });
    const close = () => {
      following.unsubscribe();
      client.close();
    };
    return { config, close };
  }
}

/** Throws a `ClaspError` that names the first route that makes no sense. */
export function checkRoutes(configs: readonly RouteConfig[]): void {
  for (const [index, config] of configs.entries()) {
    try {
      compileRoute(config);
    } catch (cause) {
      const { code, reason, value } = ClaspError.from(cause, ErrorCode.BadValue);
      throw new ClaspError(code, `routes[${index}]: ${reason}`, { value, cause });
    }
  }
}
