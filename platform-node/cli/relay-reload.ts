import { catchError, concatMap, defer, from, map, merge, mergeMap, NEVER, type Observable, of } from 'rxjs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { AuthConfig } from '../auth/auth-config.ts';
import type { BridgeConfig } from '../bridges/bridge-types.ts';
import { type FileMistake, readConfigFile } from '../config/config-file.ts';
import type { RelayConfig } from '../config/relay-config.ts';
import { watchFile } from '../config/watch-file.ts';
import type { Relay } from '../relay.ts';
import { type Line, message } from './command.ts';
import { formatError, printable, recordJson } from './format.ts';

/** What the options of the command line ask for. */
export interface RelayFlags {
  readonly fixed: RelayConfig;
  readonly osc: {
    readonly listen: number | undefined;
    readonly targets: readonly string[];
    readonly namespace: string | undefined;
  };
  readonly mqttPort: number | undefined;
  readonly auth: {
    /** Whether they turn authentication on. */
    readonly on: boolean;
    readonly settings: AuthConfig;
  };
}

export interface ReloadOptions {
  readonly file: string;
  readonly flags: RelayFlags;
  readonly relay: Relay;
  /** Asks for the file to be read again. */
  readonly reload: Observable<unknown>;
  readonly json: boolean;
}

/** The configuration of a file under the options. Emits once; errors with what is wrong, every mistake on a line. */
export function configFrom(file: string, flags: RelayFlags): Observable<RelayConfig> {
  return defer(() => readConfigFile(file)).pipe(
    map(({ config, mistakes }) => {
      if (config) return withFlags(config, flags);
      const lines = mistakes.map((mistake) => mistakeText(file, mistake));
      throw new MistakesError(lines, file);
    }),
  );
}

/** A file that cannot be used: one line for each mistake. */
export class MistakesError extends ClaspError {
  readonly lines: readonly string[];

  constructor(lines: readonly string[], file: string) {
    super(ErrorCode.BadValue, `${lines.length === 1 ? '1 mistake' : `${lines.length} mistakes`} in ${file}`);
    this.lines = lines;
  }
}

/**
 * Exchanges what has changed each time that the file is saved or `reload` emits. Lines are what cannot be done; what is
 * done is an event of the relay. Never errors.
 */
export function reloads({ file, flags, relay, reload, json }: ReloadOptions): Observable<Line> {
  const complaints = (cause: unknown): Observable<Line> => {
    const lines = cause instanceof MistakesError ? cause.lines : [];
    const last = `nothing was changed: ${formatError(cause)}`;
    return from([...lines, last].map((text) => complaint(text, json)));
  };
  const saved = watchFile(file).pipe(catchError((cause) => merge(of(cause as ClaspError), NEVER)));

  return merge(reload, saved).pipe(
    concatMap((wish) => {
      if (wish instanceof ClaspError) return of(complaint(`${wish.reason}; SIGHUP has it read again`, json));
      return configFrom(file, flags).pipe(
        mergeMap((config) => relay.change(config)),
        mergeMap(() => []),
        catchError(complaints),
      );
    }),
  );
}

/** Has what stands in files of secrets read again each time that `reload` emits; lines are what cannot be read. Never errors. */
export function rereads(relay: Relay, reload: Observable<unknown>, json: boolean): Observable<Line> {
  return reload.pipe(
    concatMap(() =>
      from(relay.reload()).pipe(
        mergeMap(() => []),
        catchError((cause) => of(complaint(`nothing was changed: ${formatError(cause)}`, json))),
      ),
    ),
  );
}

function complaint(text: string, json: boolean): Line {
  const shown = printable(text);
  const record = { time: new Date().toISOString(), level: 'error', type: 'config-failure', reason: shown };
  return message(json ? recordJson(record) : `error ${shown}`);
}

/** `bridges[0].listn: unknown key "listn"`, behind the file and its place. */
export function mistakeText(file: string, { key, reason, position }: FileMistake): string {
  const place = position ? `:${position.line}:${position.column}` : '';
  return `${file}${place}: ${key === '' ? '' : `${key}: `}${reason}`;
}

/**
 * The configuration with what the options say in its place; options for OSC and MQTT are for the first such bridge, or
 * make one.
 */
export function withFlags(config: RelayConfig, { fixed, osc, mqttPort, auth }: RelayFlags): RelayConfig {
  const { listen, targets, namespace } = osc;
  let bridges = config.bridges ?? [];
  const isMeant = namespace !== undefined && bridges.some(({ type }) => type === 'osc');
  if (listen !== undefined || targets.length > 0 || isMeant) {
    const given = present({ listen, targets: targets.length > 0 ? targets : undefined, namespace });
    const made = { type: 'osc', listen: listen ?? false, targets, namespace: namespace ?? '/osc' } as const;
    bridges = withFirst(bridges, 'osc', given, made);
  }
  if (mqttPort !== undefined) {
    bridges = withFirst(bridges, 'mqtt-server', { port: mqttPort }, { type: 'mqtt-server', port: mqttPort });
  }
  const isAuthenticated = auth.on || config.auth !== undefined;
  return {
    ...config,
    ...fixed,
    ...(bridges.length > 0 && { bridges }),
    ...(isAuthenticated && { auth: { ...config.auth, ...auth.settings } }),
  };
}

/** Changes the first bridge of a type, or adds one. */
function withFirst(
  bridges: readonly BridgeConfig[],
  type: BridgeConfig['type'],
  change: object,
  made: BridgeConfig,
): readonly BridgeConfig[] {
  const at = bridges.findIndex((bridge) => bridge.type === type);
  return at < 0
    ? [...bridges, made]
    : bridges.map((bridge, index) => (index === at ? { ...bridge, ...change } : bridge));
}

/** What is not undefined. */
export function present<T extends object>(record: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
