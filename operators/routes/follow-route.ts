import { Observable, type SchedulerLike } from 'rxjs';
import { checkAddress } from '../../core/address/address.ts';
import type { Client } from '../../core/client/client.ts';
import { type ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Signal, SignalKind } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { PassedGestures } from '../../core/transforms/passed-gestures.ts';
import { RecentMap } from '../../core/transforms/recent-map.ts';
import { type Route, routeName } from '../../core/transforms/route.ts';
import type { Step } from '../../core/transforms/transform.ts';
import { FailureDigest } from '../failure-digest.ts';
import { countHops } from './count-hops.ts';
import { HopBudget } from './hop-budget.ts';

export interface FollowRouteOptions {
  /** Shared by all routes and bridges of a relay, so that loops over several of them end. @defaultValue one of its own */
  readonly budget?: HopBudget;
  /** Addresses whose way and state are remembered, and open gestures; those used longest ago go first. @defaultValue 65536 */
  readonly maxAddresses?: number;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Where the signals of one address go, with the steps that remember what came before. */
interface Way {
  /** Undefined where there is no valid address. */
  readonly to: string | undefined;
  readonly step: Step;
}

type Routed = Exclude<Signal, { kind: 'timeline' }>;

/** The relay plays a timeline as writes to the param, which are routed themselves. */
const KINDS: readonly SignalKind[] = ['param', 'event', 'stream', 'gesture'];

/**
 * Writes what comes in at one side of a route at its other side, transformed: the params that are there at the start,
 * then everything as it happens. A gesture ends at the other side if something of it got there, also where the transform
 * holds its end back. `client` should be the route's own: nobody hears the events that he sends himself.
 *
 * Subscribing starts it, unsubscribing ends it; completes when the client is closed. Emits what could not be written,
 * a failure a second at most: results that are no finite number (402), addresses that are none (200), and what the relay
 * refuses. Errors with a `ClaspError` when the relay refuses the subscription.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * const route = compileRoute({ from: '/faders/*', to: '/dmx/$1', transform: [{ type: 'scale', to: [0, 255] }] });
 * followRoute(relay.client('route'), route).subscribe((failure) => console.error(failure.message));
 * ```
 */
export function followRoute(client: Client, route: Route, options: FollowRouteOptions = {}): Observable<ClaspError> {
  const { scheduler = monotonicScheduler, budget = new HopBudget({ scheduler }), maxAddresses = 65_536 } = options;
  const { config, from, to, transform } = route;
  const where = routeName(config);
  const isHappening = config.as === 'event' || config.as === 'stream';
  const awaitsPress = (config.transform ?? []).some(({ type }) => type === 'toggle' || type === 'trigger');

  return new Observable((out) => {
    const ways = new RecentMap<string, Way>(maxAddresses);
    const gestures = new PassedGestures(maxAddresses);
    const digest = new FailureDigest({ scheduler });
    const counted = countHops(client, budget);
    out.add(() => digest.close());

    const wayOf = (address: string): Way => {
      const known = ways.get(address);
      if (known) return known;
      const target = to.fill(from.captures(address) ?? []);
      const way = { to: checkAddress(target) ? undefined : target, step: transform.open() };
      ways.set(address, way);
      return way;
    };

    const pass = (signal: Routed) => {
      const way = wayOf(signal.address);
      if (way.to === undefined) {
        digest.report(ErrorCode.BadAddress, 'leads to no valid address', { where, address: signal.address });
        return;
      }
      const past = signal.kind === 'param' && signal.snapshot === true;
      let value = isPress(signal) && awaitsPress ? press(way.step) : way.step(signal.value, past);
      if (isHappening && (past || isDeletion(signal))) return;
      if (value !== undefined && !Object.is(value, signal.value) && !isUsable(value)) {
        digest.report(ErrorCode.BadValue, 'the result is no finite number', { where, address: signal.address });
        value = undefined;
      }
      if (signal.kind === 'gesture' && config.as === undefined) value = gestures.pass(signal, value);
      if (value !== undefined) write(counted, signal, way.to, value, config.as);
    };

    out.add(digest.failures.subscribe((failure) => out.next(failure)));
    out.add(client.errors.subscribe((failure) => digest.pass(failure)));
    out.add(
      counted.on(config.from, { types: KINDS }).subscribe({
        next: (signal) => pass(signal as Routed),
        error: (reason) => out.error(reason),
        complete: () => out.complete(),
      }),
    );
  });
}

/** Neither what is there nor that something is gone is something that happens. */
function isDeletion(signal: Routed): boolean {
  return signal.kind === 'param' && signal.value === null;
}

/** An event that carries nothing, as of a button that only says that it was pressed. */
function isPress(signal: Routed): boolean {
  return signal.kind === 'event' && signal.value === null;
}

/** What a press gives; it is released at once. */
function press(step: Step): Value | undefined {
  const value = step(true);
  step(false);
  return value;
}

function write(client: Client, signal: Routed, to: string, value: Value, wanted: Route['config']['as']): void {
  const kind = wanted ?? signal.kind;
  if (kind === 'param') client.set(to, value);
  else if (kind === 'event') client.emit(to, value);
  else if (kind === 'stream') client.stream(to, value);
  else if (signal.kind === 'gesture') client.gesture(to, signal.id, signal.phase, value);
}

function isUsable(value: Value): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return !Array.isArray(value) || value.every((item) => typeof item !== 'number' || Number.isFinite(item));
}
