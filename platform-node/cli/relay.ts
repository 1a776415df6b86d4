import { catchError, concat, from, mergeMap, NEVER, Observable, of, take, throwError } from 'rxjs';
import { checkAddress } from '../../core/address/address.ts';
import { ClaspError } from '../../core/errors.ts';
import { bridgeName } from '../bridges/relay-bridge.ts';
import type { RelayConfig } from '../config/relay-config.ts';
import { parseHostPort } from '../host-port.ts';
import type { Relay, RelayAddresses } from '../relay.ts';
import {
  type Command,
  data,
  defineCommand,
  type ForeignOption,
  type Line,
  message,
  type OptionValues,
  UsageError,
} from './command.ts';
import { jsonOption } from './connect.ts';
import { formatError, printable, recordJson, wayOf } from './format.ts';
import { LEVELS, type Level, relayLog } from './relay-log.ts';
import { configFrom, MistakesError, present, type RelayFlags, reloads, rereads, withFlags } from './relay-reload.ts';

const UNLIMITED = Number.MAX_SAFE_INTEGER;

const options = {
  config: { kind: 'text', placeholder: 'FILE', help: 'configuration file; other options win over what it says' },
  port: {
    kind: 'number',
    placeholder: 'PORT',
    help: 'TCP port for WebSocket and HTTP; 0 takes a free one',
    min: 0,
    max: 65_535,
    whole: true,
    usual: 7330,
    aliases: ['ws-port'],
  },
  host: {
    kind: 'text',
    placeholder: 'HOST',
    help: 'address to listen on; localhost is reached from this machine only, 0.0.0.0 from the network',
    usual: 'localhost',
  },
  name: { kind: 'text', placeholder: 'NAME', help: 'what clients are told', usual: 'clasp-rx' },
  'osc-port': {
    kind: 'number',
    placeholder: 'PORT',
    help: 'UDP port for OSC from outside; 0 takes a free one. Without it no OSC comes in',
    min: 0,
    max: 65_535,
    whole: true,
  },
  'osc-target': { kind: 'texts', placeholder: 'HOST:PORT', help: 'who receives what changes as OSC' },
  'osc-namespace': {
    kind: 'text',
    placeholder: 'ADDRESS',
    help: 'where OSC addresses live in the relay',
    usual: '/osc',
  },
  'mqtt-port': {
    kind: 'number',
    placeholder: 'PORT',
    help: 'TCP port for MQTT clients; 0 takes a free one. Without it there is no MQTT',
    min: 0,
    max: 65_535,
    whole: true,
  },
  'auth-port': {
    kind: 'number',
    placeholder: 'PORT',
    help: 'TCP port for logging in (/auth, /api), which published clients expect at the relay’s port + 20; turns authentication on',
    min: 0,
    max: 65_535,
    whole: true,
  },
  'admin-token': {
    kind: 'text',
    placeholder: 'FILE',
    help: 'file of the administrator’s token, made where there is none; turns authentication on',
  },
  'token-file': {
    kind: 'text',
    placeholder: 'FILE',
    help: 'file of tokens, lines TOKEN [scope,scope…]; turns authentication on',
  },
  'trust-anchor': {
    kind: 'texts',
    placeholder: 'FILE',
    help: 'file of a public key that may sign capability tokens; turns authentication on',
  },
  'auth-db': {
    kind: 'text',
    placeholder: 'FILE',
    help: 'SQLite file of users and tokens',
    usual: 'relay-auth.db',
  },
  'token-ttl': {
    kind: 'number',
    placeholder: 'SECONDS',
    help: 'how long a token of a user or guest lasts; 0 = for ever',
    min: 0,
    max: 0x7fff_ffff,
    whole: true,
    usual: 86_400,
  },
  'cap-max-depth': {
    kind: 'number',
    placeholder: 'N',
    help: 'links that a capability token may have',
    min: 0,
    max: 64,
    whole: true,
    usual: 5,
  },
  'max-sessions': limit('sessions at a time; 0 = unlimited', 0),
  'session-timeout': {
    kind: 'number',
    placeholder: 'SECONDS',
    help: 'silence after which a session ends; 0 = never',
    min: 0,
    max: 86_400,
    usual: 300,
  },
  'max-messages-per-second': limit('messages a second that one session may send; 0 = unlimited', 0),
  'log-level': {
    kind: 'text',
    placeholder: 'LEVEL',
    help: `what is told on stderr: ${LEVELS.join(', ')}`,
    choices: LEVELS,
    fallback: 'info',
  },
  verbose: { kind: 'flag', help: 'the same as --log-level debug' },
  ...jsonOption,
} as const;

const value = (feature: string) => ({ takesValue: true, feature });
const flag = (feature: string) => ({ takesValue: false, feature });
const QUIC = 'the QUIC transport';
const RENDEZVOUS = 'discovery by rendezvous';
const OPERATIONS = 'health, metrics and draining';
const JOURNAL = 'the journal';
const TLS = { takesValue: true, feature: 'TLS', protects: true } as const;

/** Options of the published relay that belong to what is not here yet. */
const FOREIGN: Readonly<Record<string, ForeignOption>> = {
  'quic-port': value(QUIC),
  'no-websocket': flag('transports beside WebSocket'),
  'rendezvous-port': value(RENDEZVOUS),
  'rendezvous-ttl': value(RENDEZVOUS),
  'rendezvous-url': value(RENDEZVOUS),
  'rendezvous-refresh': value(RENDEZVOUS),
  'rendezvous-tag': value(RENDEZVOUS),
  'health-port': value(OPERATIONS),
  'metrics-port': value(OPERATIONS),
  'drain-timeout': value(OPERATIONS),
  persist: value(JOURNAL),
  journal: value(JOURNAL),
  rules: value('rules'),
  'app-config': { takesValue: true, feature: 'app config', protects: true },
  cert: TLS,
  key: TLS,
  'cert-path': TLS,
  'key-path': TLS,
};

export interface RelayCommandOptions {
  readonly start: (config: RelayConfig) => Relay;
  /** Asks for the configuration file to be read again. @defaultValue only when it is saved */
  readonly reload?: Observable<unknown>;
}

/** `relay`: runs a relay until it is stopped. */
export const relayCommand = ({ start, reload = NEVER }: RelayCommandOptions): Command =>
  defineCommand({
    name: 'relay',
    summary: 'run a relay',
    arguments: [],
    options,
    foreign: FOREIGN,
    notes: [
      'Prints where it listens, then tells on stderr what happens. Ctrl-C or SIGTERM lets what was gathered go out, closes ' +
        'every session and ends with exit code 0.',
      'When the configuration file is saved, or on SIGHUP, bridges and routes that differ are exchanged while it runs. ' +
        'A file with mistakes changes nothing.',
      'Any of --auth-port, --admin-token, --token-file and --trust-anchor turns authentication on: then nobody comes in ' +
        'without a token. SIGHUP has the files of tokens read again; what is gone there ends.',
      'OSC listens on this machine only, unless --host is the network or a target is elsewhere. /synth/cutoff becomes the ' +
        'param /osc/synth/cutoff, and what is written there goes to the targets as /synth/cutoff.',
    ],
    examples: [
      { what: 'a relay on ws://localhost:7330', run: 'clasp-rx relay' },
      {
        what: 'with OSC both ways',
        run: 'clasp-rx relay --osc-port 8000 --osc-target localhost:9000',
      },
      { what: 'for the whole network', run: 'clasp-rx relay --host 0.0.0.0 --name Venue' },
      {
        what: 'one that people log in to, and its administrator',
        run: 'clasp-rx relay --auth-port 7350 --admin-token admin.token',
      },
      { what: 'with the bridges and routes of a file', run: 'clasp-rx relay --config clasp.config.json' },
    ],
    run: (given, _args, stop) => {
      const flags = relayFlags(given);
      const file = given.config;
      const config = file === undefined ? of(withFlags(DEFAULTS, flags)) : configFrom(file, flags);
      const running = (first: RelayConfig) =>
        new Observable<Line>((out) => {
          const relay = start(first);
          const level: Level = given.verbose ? 'debug' : (given['log-level'] as Level);
          out.add(relayLog(relay.events, { level, json: given.json }).subscribe((text) => out.next(message(text))));
          relay.ready.then(
            (addresses) => {
              for (const line of given.json ? [listeningJson(first, addresses)] : listening(first, addresses))
                out.next(line);
              if (!given.json && isOpen(first)) out.next(message(OPEN));
            },
            (cause) => out.error(advised(cause, given)),
          );
          if (file !== undefined) {
            const changes = reloads({ file, flags, relay, reload, json: given.json });
            out.add(changes.subscribe((line) => out.next(line)));
          } else {
            out.add(rereads(relay, reload, given.json).subscribe((line) => out.next(line)));
          }
          out.add(
            stop.pipe(take(1)).subscribe(() => {
              relay.close().then(() => out.complete());
            }),
          );
          out.add(() => void relay.close());
        });
      return config.pipe(
        mergeMap(running),
        catchError((cause) => {
          const lines = cause instanceof MistakesError ? cause.lines : [];
          return concat(
            from(lines.map((line) => message(printable(line)))),
            throwError(() => cause),
          );
        }),
      );
    },
  });

/** What holds where neither an option nor a file says otherwise. */
const DEFAULTS: RelayConfig = {
  name: 'clasp-rx',
  host: 'localhost',
  port: 7330,
  bridges: [],
  maxSessions: 0,
  sessionTimeout: 300_000,
  maxMessagesPerSecond: 0,
};

function limit(
  help: string,
  usual: number,
): {
  readonly kind: 'number';
  readonly placeholder: string;
  readonly help: string;
  readonly min: number;
  readonly max: number;
  readonly whole: true;
  readonly usual: number;
} {
  return { kind: 'number', placeholder: 'N', help, min: 0, max: UNLIMITED, whole: true, usual };
}

function relayFlags(given: OptionValues<typeof options>): RelayFlags {
  const { 'osc-port': oscPort, 'osc-target': targets, 'osc-namespace': namespace } = given;
  for (const target of targets) {
    try {
      parseHostPort(target);
    } catch (cause) {
      throw new UsageError(`--osc-target: ${formatError(cause)}`);
    }
  }
  const fault = namespace === undefined || namespace === '' ? undefined : checkAddress(namespace);
  if (fault) throw new UsageError(`--osc-namespace: ${fault.reason}`);

  const timeout = given['session-timeout'];
  return {
    fixed: present({
      name: given.name,
      host: given.host,
      port: given.port,
      maxSessions: given['max-sessions'],
      sessionTimeout: timeout === undefined ? undefined : timeout * 1000,
      maxMessagesPerSecond: given['max-messages-per-second'],
    }),
    osc: { listen: oscPort, targets, namespace },
    mqttPort: given['mqtt-port'],
    auth: authFlags(given),
  };
}

/** What the options say of authentication; undefined where none of them turns it on or changes it. */
function authFlags(given: OptionValues<typeof options>): RelayFlags['auth'] {
  const anchors = given['trust-anchor'].map((file) => ({ file }));
  const auth = present({
    port: given['auth-port'],
    adminToken: given['admin-token'],
    tokens: given['token-file'],
    trustAnchors: anchors.length > 0 ? anchors : undefined,
  });
  const changes = present({
    db: given['auth-db'],
    tokenTtl: given['token-ttl'],
    capMaxDepth: given['cap-max-depth'],
  });
  return { on: Object.keys(auth).length > 0, settings: { ...auth, ...changes } };
}

function listening({ bridges = [] }: RelayConfig, { urls, port, bridges: open, authUrl }: RelayAddresses): Line[] {
  const width = Math.max('WebSocket '.length, ...bridges.map(({ type }) => type.length));
  const row = (what: string, where: string) => data(`${what.padEnd(width)} ${where}`);
  const lines = urls.map((url) => row('WebSocket', url));
  lines.push(row('HTTP', `${(urls[0] ?? `ws://localhost:${port}`).replace(/^ws/, 'http')}/`));
  if (authUrl !== undefined) lines.push(row('Log in', authUrl));
  for (const bridge of bridges) {
    const { address, targets: receivers } = open.find(({ name }) => name === bridgeName(bridge)) ?? {};
    if (bridge.type !== 'osc') {
      const where = address === undefined ? 'not connected yet' : wayOf(address, receivers);
      lines.push(row(bridge.type, printable(`${where} (${bridgeName(bridge)})`)));
      continue;
    }
    const { listen, targets = [] } = bridge;
    if (listen !== false) lines.push(row('OSC in', `udp://${address}`));
    for (const target of targets) {
      lines.push(row('OSC out', `udp://${printable(typeof target === 'string' ? target : target.to)}`));
    }
  }
  return lines;
}

function listeningJson(
  { name, bridges = [] }: RelayConfig,
  { urls, port, bridges: open, authUrl }: RelayAddresses,
): Line {
  const described = bridges.map((bridge) => {
    const called = bridgeName(bridge);
    const { address, targets: receivers } = open.find((each) => each.name === called) ?? {};
    const at = { name: called, type: bridge.type };
    if (bridge.type !== 'osc') return { ...at, listen: address, targets: receivers };
    const { listen, targets, namespace } = bridge;
    return { ...at, listen: listen === false ? false : address, targets, namespace };
  });
  return data(recordJson({ type: 'listening', name, port, urls, authUrl, bridges: described }));
}

const OPEN =
  'warn  everybody who reaches this port can read and write everything; without --host only this machine does';

function isOpen({ host = 'localhost', auth, authenticate }: RelayConfig): boolean {
  return !auth && !authenticate && !(host === 'localhost' || host === '::1' || host.startsWith('127.'));
}

/** A port in use, with the option or the file that takes another. */
function advised(cause: unknown, given: OptionValues<typeof options>): unknown {
  if (!(cause instanceof ClaspError) || !cause.reason.endsWith('in use')) return cause;
  const { config = 'the configuration', 'osc-port': osc, 'mqtt-port': mqtt } = given;
  const is = (what: string) => cause.reason.includes(`: ${what} on `);
  let advice = 'with --port';
  if (given['auth-port'] !== undefined && cause.reason.includes(`port ${given['auth-port']} `))
    advice = 'with --auth-port';
  if (is(`UDP port ${osc}`)) advice = 'with --osc-port';
  else if (is(`MQTT port ${mqtt}`)) advice = 'with --mqtt-port';
  else if (cause.reason.startsWith('bridge ')) advice = `in ${config}`;
  return new ClaspError(cause.code, `${cause.reason}; choose another ${advice}`, { cause });
}
