import { Observable, take } from 'rxjs';
import { checkAddress } from '../../core/address.ts';
import { ClaspError } from '../../core/errors.ts';
import { parseHostPort } from '../host-port.ts';
import type { Relay, RelayAddresses } from '../relay.ts';
import type { OscBridgeConfig, RelayConfig } from '../relay-config.ts';
import { type Command, data, defineCommand, type Line, message, type OptionValues, UsageError } from './command.ts';
import { jsonOption } from './connect.ts';
import { formatError, printable, recordJson } from './format.ts';
import { LEVELS, type Level, relayLog } from './relay-log.ts';

const UNLIMITED = Number.MAX_SAFE_INTEGER;

const options = {
  port: {
    kind: 'number',
    placeholder: 'PORT',
    help: 'TCP port for WebSocket and HTTP; 0 takes a free one',
    min: 0,
    max: 65_535,
    whole: true,
    fallback: 7330,
    aliases: ['ws-port'],
  },
  host: {
    kind: 'text',
    placeholder: 'HOST',
    help: 'address to listen on; localhost is reached from this machine only, 0.0.0.0 from the network',
    fallback: 'localhost',
  },
  name: { kind: 'text', placeholder: 'NAME', help: 'what clients are told', fallback: 'clasp-rx' },
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
    fallback: '/osc',
  },
  'max-sessions': limit('sessions at a time; 0 = unlimited', 0),
  'session-timeout': {
    kind: 'number',
    placeholder: 'SECONDS',
    help: 'silence after which a session ends; 0 = never',
    min: 0,
    max: 86_400,
    fallback: 300,
  },
  'max-messages-per-second': limit('messages a second that one session may send; 0 = unlimited', 0),
  'log-level': {
    kind: 'text',
    placeholder: 'LEVEL',
    help: `what is told on stderr: ${LEVELS.join(', ')}`,
    choices: LEVELS,
    fallback: 'info',
  },
  ...jsonOption,
} as const;

/** `relay`: runs a relay until it is stopped. */
export const relayCommand = (start: (config: RelayConfig) => Relay): Command =>
  defineCommand({
    name: 'relay',
    summary: 'run a relay',
    arguments: [],
    options,
    notes: [
      'Prints where it listens, then tells on stderr what happens. Ctrl-C or SIGTERM lets what was gathered go out, closes ' +
        'every session and ends with exit code 0.',
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
    ],
    run: (given, _args, stop) => {
      const config = configOf(given);
      return new Observable((out) => {
        const relay = start(config);
        const level = given['log-level'] as Level;
        out.add(relayLog(relay.events, { level, json: given.json }).subscribe((text) => out.next(message(text))));
        relay.ready.then(
          (addresses) => {
            for (const line of given.json ? [listeningJson(config, addresses)] : listening(config, addresses))
              out.next(line);
            if (!given.json && isOpen(config)) out.next(message(OPEN));
          },
          (cause) => out.error(advised(cause)),
        );
        out.add(
          stop.pipe(take(1)).subscribe(() => {
            relay.close().then(() => out.complete());
          }),
        );
        out.add(() => void relay.close());
      });
    },
  });

function limit(
  help: string,
  fallback: number,
): {
  readonly kind: 'number';
  readonly placeholder: string;
  readonly help: string;
  readonly min: number;
  readonly max: number;
  readonly whole: true;
  readonly fallback: number;
} {
  return { kind: 'number', placeholder: 'N', help, min: 0, max: UNLIMITED, whole: true, fallback };
}

function configOf(given: OptionValues<typeof options>): RelayConfig {
  const { 'osc-port': oscPort, 'osc-target': targets, 'osc-namespace': namespace } = given;
  for (const target of targets) {
    try {
      parseHostPort(target);
    } catch (cause) {
      throw new UsageError(`--osc-target: ${formatError(cause)}`);
    }
  }
  const fault = namespace === '' ? undefined : checkAddress(namespace);
  if (fault) throw new UsageError(`--osc-namespace: ${fault.reason}`);

  const osc: OscBridgeConfig = { type: 'osc', listen: oscPort ?? false, targets, namespace };
  return {
    name: given.name,
    host: given.host,
    port: given.port,
    bridges: oscPort !== undefined || targets.length > 0 ? [osc] : [],
    maxSessions: given['max-sessions'],
    sessionTimeout: given['session-timeout'] * 1000,
    maxMessagesPerSecond: given['max-messages-per-second'],
  };
}

function listening({ bridges = [] }: RelayConfig, { urls, port, bridges: open }: RelayAddresses): Line[] {
  const row = (what: string, where: string) => data(`${what.padEnd(10)} ${where}`);
  const lines = urls.map((url) => row('WebSocket', url));
  lines.push(row('HTTP', `${(urls[0] ?? `ws://localhost:${port}`).replace(/^ws/, 'http')}/`));
  for (const bridge of bridges) {
    if (bridge.type !== 'osc') continue;
    const { listen, targets = [] } = bridge;
    if (listen !== false) lines.push(row('OSC in', `udp://${open[0]?.address}`));
    for (const target of targets) lines.push(row('OSC out', `udp://${printable(String(target))}`));
  }
  return lines;
}

function listeningJson({ name, bridges = [] }: RelayConfig, { urls, port, bridges: open }: RelayAddresses): Line {
  const described = bridges.map((bridge, index) => {
    const at = { name: open[index]?.name, type: bridge.type };
    if (bridge.type !== 'osc') return { ...at, listen: open[index]?.address };
    const { listen, targets, namespace } = bridge;
    return { ...at, listen: listen === false ? false : open[index]?.address, targets, namespace };
  });
  return data(recordJson({ type: 'listening', name, port, urls, bridges: described }));
}

const OPEN =
  'warn  everybody who reaches this port can read and write everything; without --host only this machine does';

function isOpen({ host = 'localhost' }: RelayConfig): boolean {
  return !(host === 'localhost' || host === '::1' || host.startsWith('127.'));
}

/** A port in use, with the option that takes another. */
function advised(cause: unknown): unknown {
  if (!(cause instanceof ClaspError) || !cause.reason.includes('in use')) return cause;
  const option = cause.reason.startsWith('UDP') ? '--osc-port' : '--port';
  return new ClaspError(cause.code, `${cause.reason}; choose another with ${option}`, { cause });
}
