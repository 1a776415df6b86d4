import { Observable, type SchedulerLike, type Subscription } from 'rxjs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import type { SessionInfo } from '../../operators/router/router-event.ts';
import type { RelayChange, RelayEvent } from '../relay-event.ts';
import { formatError, printable, recordJson, wayOf } from './format.ts';

export const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type Level = (typeof LEVELS)[number];

export interface RelayLogOptions {
  /** Nothing less important than this. @defaultValue 'info' */
  readonly level?: Level;
  /** One JSON object a line: `time` (ISO 8601), `level`, `type` and what the event has. @defaultValue false */
  readonly json?: boolean;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Lines of one type a second; a peer that floods shall not flood the log too. */
const MAX_PER_SECOND = 10;

interface Entry {
  readonly level: Level;
  readonly type: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * What happens in a relay as lines of a log. Of each type of event at most ten lines a second; how many more there
 * were is said at the end of that second.
 */
export function relayLog(events: Observable<RelayEvent>, options: RelayLogOptions = {}): Observable<string> {
  const { level = 'info', json = false, scheduler = monotonicScheduler } = options;
  // A log is read beside other logs: it has the time of the wall clock, also after that was corrected.
  const wall = options.scheduler ?? Date;

  return new Observable((out) => {
    const counts = new Map<string, { count: number; level: Level }>();
    let second: Subscription | undefined;

    const write = ({ level: of, type, text, fields }: Entry) => {
      out.next(
        json
          ? recordJson({ time: new Date(wall.now()).toISOString(), level: of, type, ...fields })
          : `${of.padEnd(5)} ${printable(text)}`,
      );
    };
    const summarise = () => {
      second?.unsubscribe();
      second = undefined;
      for (const [type, { count, level: of }] of counts) {
        const more = count - MAX_PER_SECOND;
        if (more > 0) write({ level: of, type, text: `${type}: ${more} more in this second`, fields: { more } });
      }
      counts.clear();
    };
    const log = (entry: Entry) => {
      if (LEVELS.indexOf(entry.level) > LEVELS.indexOf(level)) return;
      second ??= scheduler.schedule(summarise, 1_000);
      const known = counts.get(entry.type);
      const count = (known?.count ?? 0) + 1;
      counts.set(entry.type, { count, level: entry.level });
      if (count <= MAX_PER_SECOND) write(entry);
    };

    out.add(() => second?.unsubscribe());
    out.add(
      events.subscribe({
        next: (event) => log(entryOf(event)),
        error: (cause) => out.error(cause),
        complete: () => {
          summarise();
          out.complete();
        },
      }),
    );
  });
}

function entryOf(event: RelayEvent): Entry {
  const { type } = event;
  switch (type) {
    case 'session-opened':
      return {
        level: levelOf(event.session),
        type,
        text: `session opened: ${who(event.session)}`,
        fields: { session: event.session },
      };
    case 'session-closed': {
      const fields = { session: event.session, ...failureFields(event.reason) };
      return {
        level: levelOf(event.session),
        type,
        text: `session closed: ${who(event.session)}${after(event.reason)}`,
        fields,
      };
    }
    case 'refused': {
      const cause = thrownBy(event.error);
      const fields = { session: event.session, ...failureFields(event.error), cause };
      const because = cause === undefined ? '' : `, because authenticate threw: ${cause}`;
      return { level: 'warn', type, text: `refused to ${who(event.session)}${after(event.error)}${because}`, fields };
    }
    case 'warning':
      return { level: 'warn', type, text: event.reason, fields: { reason: event.reason } };
    case 'listen-failure':
      return {
        level: 'error',
        type,
        text: `cannot accept${after(event.failure)}`,
        fields: failureFields(event.failure),
      };
    case 'bridge-ready':
      return {
        level: 'debug',
        type,
        text: `bridge ${event.bridge} is open at ${wayOf(event.address, event.targets)}`,
        fields: { bridge: event.bridge, address: event.address, targets: event.targets },
      };
    case 'bridge-failure':
      return {
        level: 'warn',
        type,
        text: `bridge ${event.bridge}${after(event.failure)}`,
        fields: { bridge: event.bridge, ...failureFields(event.failure) },
      };
    case 'bridge-retrying':
      return {
        level: 'warn',
        type,
        text: `bridge ${event.bridge} tries again in ${event.retryInMs} ms${after(event.reason)}`,
        fields: { bridge: event.bridge, retryInMs: event.retryInMs, ...failureFields(event.reason) },
      };
    case 'bridge-devices':
      return {
        level: 'info',
        type,
        text: `bridge ${event.bridge} sees ${event.devices.join(', ') || 'nobody'}`,
        fields: { bridge: event.bridge, devices: event.devices },
      };
    case 'route-failure':
      return {
        level: 'warn',
        type,
        text: `route ${event.route}${after(event.failure)}`,
        fields: { route: event.route, ...failureFields(event.failure) },
      };
    case 'route-ended':
      return {
        level: 'error',
        type,
        text: `route ${event.route} has ended${after(event.reason)}`,
        fields: { route: event.route, ...failureFields(event.reason) },
      };
    case 'loop':
      return {
        level: 'warn',
        type,
        text: `a loop was stopped: ${event.addresses.join(' -> ')}`,
        fields: { addresses: event.addresses },
      };
    case 'changed':
      return { level: 'info', type, text: changeText(event.change), fields: { ...event.change } };
    case 'bridge-ended':
      return {
        level: 'error',
        type,
        text: `bridge ${event.bridge} has ended${after(event.reason)}`,
        fields: { bridge: event.bridge, ...failureFields(event.reason) },
      };
  }
}

function changeText({ opened, closed, routesStarted, routesStopped, restart }: RelayChange): string {
  const parts = [
    opened.length > 0 ? `opened ${opened.join(', ')}` : '',
    closed.length > 0 ? `closed ${closed.join(', ')}` : '',
    routesStarted > 0 ? `routes started: ${routesStarted}` : '',
    routesStopped > 0 ? `routes stopped: ${routesStopped}` : '',
    restart.length > 0 ? `takes a restart: ${restart.join(', ')}` : '',
  ].filter((part) => part !== '');
  return `configuration: ${parts.join('; ') || 'nothing has changed'}`;
}

/** The sessions of this process are the relay's own bridges, which tell of themselves. */
function levelOf({ peer }: SessionInfo): Level {
  return peer.startsWith('memory-') ? 'debug' : 'info';
}

function who({ id, name, peer }: SessionInfo): string {
  return `${name || id} (${peer})`;
}

function after(error: ClaspError | undefined): string {
  return error ? `: ${formatError(error)} [${error.code}]` : '';
}

function failureFields(error: ClaspError | undefined): Readonly<Record<string, unknown>> {
  return error ? { code: error.code, reason: error.reason, address: error.address } : {};
}

/** What `authenticate` threw instead of a refusal; the peer is not told. Of other errors the reason says enough. */
function thrownBy({ code, cause }: ClaspError): string | undefined {
  if (code !== ErrorCode.NotAuthenticated || !(cause instanceof Error) || cause instanceof ClaspError) return undefined;
  return cause.message;
}
