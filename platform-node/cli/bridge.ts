import { map, throwError } from 'rxjs';
import type { z } from 'zod';
import type { BridgeEvent } from '../../core/client/client.ts';
import type { ClaspError } from '../../core/errors.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { type AnyBridgeType, bridgeTypes, isBridgeType } from '../bridges/bridge-types.ts';
import { mistakesOf, plainMessages } from '../config/config-mistakes.ts';
import {
  type Command,
  data,
  defineCommand,
  type Line,
  message,
  type Option,
  type OptionTable,
  UsageError,
} from './command.ts';
import { type Connect, jsonOption, targetOptions, waitOption, withClient } from './connect.ts';
import { type ConnectionChange, changeText, withConnectionChanges } from './connection-changes.ts';
import { formatError, printable, recordJson, wayOf } from './format.ts';
import { suggest } from './suggest.ts';

const TYPES = Object.keys(bridgeTypes);

const EXAMPLES: Readonly<Record<string, string>> = {
  artnet: '--target 10.0.0.20 --universe 0 --universe 1',
  dmx: '--port /dev/ttyUSB0 --driver enttec-pro',
  http: '--port 8080',
  midi: '--input nanoKONTROL2 --device desk',
  mqtt: `--mqtt-url mqtt://localhost:1883 --subscribe 'sensors/#'`,
  'mqtt-server': '--port 1884',
  osc: '--listen 8000 --target 127.0.0.1:9000',
  sacn: '--universe 1 --interface eth0',
  'websocket-json': '--port 9001',
};

const common = {
  ...targetOptions,
  ...jsonOption,
  wait: { ...waitOption.wait, help: `${waitOption.wait.help}; what it does anyhow` },
  'no-wait': { kind: 'flag', help: 'fail when no relay is up' },
} as const;

/** `bridge TYPE`: runs one bridge to a relay elsewhere; what a type takes is known when the type is. */
export const bridgeCommand = (connectAs: (name: string) => Connect): Command =>
  defineCommand({
    name: 'bridge',
    summary: 'run one bridge to a relay that runs elsewhere',
    arguments: [{ name: 'TYPE', help: TYPES.join(', ') }],
    options: {},
    notes: ['Each type has options of its own: clasp-rx bridge TYPE --help lists them.'],
    examples: Object.entries(EXAMPLES)
      .filter(([type]) => type === 'osc')
      .map(([type, words]) => ({ what: 'OSC both ways', run: `clasp-rx bridge ${type} ${words}` })),
    specify: (type) => (isBridgeType(type) ? typeCommand(type, connectAs) : undefined),
    run: (_options, [type = '']) => {
      const meant = suggest(type, TYPES);
      const hint = meant === undefined ? `; there are ${TYPES.join(', ')}` : `; did you mean "${meant}"?`;
      return throwError(() => new UsageError(`there is no bridge "${type}"${hint}`));
    },
  });

async function typeCommand(type: keyof typeof bridgeTypes, connectAs: (name: string) => Connect): Promise<Command> {
  const kind = await bridgeTypes[type]();
  // Not before it is wanted: no other command needs it.
  const { toJSONSchema } = await import('zod');
  const flags = flagsOf(kind, toJSONSchema(kind.schema, { io: 'input', unrepresentable: 'any' }).properties ?? {});
  const own: OptionTable = Object.fromEntries([...flags].map(([flag, { option }]) => [flag, option]));

  return {
    name: `bridge ${type}`,
    summary: kind.summary,
    arguments: [],
    options: { ...own, ...common },
    notes: [
      'Options of the bridge are the keys of its entry in a configuration file. Values that are objects are JSON.',
      'Listens for this machine only, unless an address, an interface or a target of the bridge says otherwise.',
      'Runs until Ctrl-C; waits for a relay that is not up yet, and comes back by itself when it was away.',
    ],
    examples: [{ what: kind.summary, run: `clasp-rx bridge ${type} ${EXAMPLES[type] ?? ''}`.trimEnd() }],
    run: (given, _args, stop) => {
      const values = given as Readonly<Record<string, string | readonly string[] | undefined>>;
      const entry = entryOf(kind, flags, values);
      const name = entry.name ?? type;
      const target = { url: String(values['url']), token: values['token'] as string | undefined };
      const json = given['json'] === true;
      const opened = (client: ReturnType<Connect>) =>
        kind.open(client, entry, {
          name,
          // Where the relay is, is no address of this machine; and what comes in here acts with the token's rights.
          relayHost: 'localhost',
          scheduler: monotonicScheduler,
          // What it may do is decided by the relay, for the token that was given.
          join: (participant) => connectAs(participant)(target),
          authenticate: undefined,
        });
      const use = (client: ReturnType<Connect>) =>
        withConnectionChanges(
          client,
          opened(client).pipe(map((event) => (json ? data(recordJson(recordOf(event))) : lineOf(event)))),
          (change) => changeLine(change, name, target.url, json),
        );
      if (given['wait'] === true && given['no-wait'] === true) throw new UsageError('--wait or --no-wait, not both');
      const waiting =
        given['no-wait'] === true
          ? undefined
          : (why: ClaspError | undefined) => waitingLine(why, name, target.url, json);
      return withClient(connectAs(name), { target, stop, patient: true, waiting, use });
    },
  };
}

interface Flag {
  readonly key: string;
  readonly option: Option;
  readonly schema: z.ZodType;
}

interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly items?: JsonSchema;
}

/** The options that stand for the keys of a bridge's entry. */
function flagsOf({ type, schema }: AnyBridgeType, described: object): ReadonlyMap<string, Flag> {
  const { shape } = schema as unknown as z.ZodObject;
  const flags = new Map<string, Flag>();
  for (const [key, property] of Object.entries(described)) {
    const field = shape[key];
    if (key === 'type' || field === undefined) continue;
    const plain = key.replace(/([a-z\d])([A-Z])/g, '$1-$2').toLowerCase();
    const flag = plain in common ? `${type}-${plain}` : plain;
    flags.set(flag, { key, option: optionOf(flag, property as JsonSchema), schema: field as z.ZodType });
  }
  return flags;
}

function optionOf(flag: string, { type, description = '', enum: choices, items }: JsonSchema): Option {
  if (type === 'array') {
    const placeholder = placeholderOf(items?.type);
    const singular = flag.endsWith('s') ? { aliases: [flag.slice(0, -1)] } : {};
    return { kind: 'texts', placeholder, help: description, ...singular };
  }
  if (type === 'boolean')
    return { kind: 'text', placeholder: 'true|false', help: description, choices: ['true', 'false'] };
  if (choices) return { kind: 'text', placeholder: choices.join('|'), help: description };
  return { kind: 'text', placeholder: placeholderOf(type), help: description };
}

function placeholderOf(type: string | undefined): string {
  if (type === 'integer' || type === 'number') return 'NUMBER';
  if (type === 'object') return 'JSON';
  return type === 'string' ? 'TEXT' : 'VALUE';
}

/** The entry that the options make; throws a `UsageError` that names the option that makes no sense. */
function entryOf(
  kind: AnyBridgeType,
  flags: ReadonlyMap<string, Flag>,
  given: Readonly<Record<string, string | readonly string[] | undefined>>,
): { readonly type: string; readonly name?: string | undefined } {
  const entry: Record<string, unknown> = { type: kind.type };
  for (const [flag, { key, schema }] of flags) {
    const words = given[flag];
    if (words === undefined || words.length === 0) continue;
    const fits = (value: unknown) => schema.safeParse(value).success;
    entry[key] =
      typeof words === 'string' ? meant(words, fits) : words.map((word) => meant(word, (one) => fits([one])));
  }
  const { success, data: checked, error } = kind.schema.safeParse(entry, plainMessages);
  if (success) return checked;
  const [mistake] = mistakesOf(error.issues, TYPES);
  const key = mistake?.path[0];
  const flag = [...flags].find(([, each]) => each.key === key)?.[0];
  throw new UsageError(`${flag === undefined ? 'it' : `--${flag}`} ${mistake?.reason ?? 'makes no sense'}`);
}

/** A word as JSON where that is what is wanted, otherwise as text. */
function meant(word: string, fits: (value: unknown) => boolean): unknown {
  let value: unknown;
  try {
    value = JSON.parse(word);
  } catch {
    return word;
  }
  return fits(value) || !fits(word) ? value : word;
}

function lineOf(event: BridgeEvent): Line {
  const { bridge } = event;
  switch (event.type) {
    case 'ready':
      return data(printable(`${bridge} is open at ${wayOf(event.address, event.targets)}`));
    case 'failure':
      return message(`warn  ${printable(bridge)}: ${formatError(event.failure)}`);
    case 'retrying':
      return message(`warn  ${printable(bridge)} tries again in ${event.retryInMs} ms: ${formatError(event.reason)}`);
    case 'devices':
      return message(printable(`info  ${bridge} sees ${event.devices.join(', ') || 'nobody'}`));
  }
}

function waitingLine(why: ClaspError | undefined, bridge: string, url: string, json: boolean): Line {
  if (json)
    return data(recordJson({ type: why ? 'relay-waiting' : 'relay-back', bridge, url, ...(why && faultOf(why)) }));
  return message(printable(why ? `warn  ${bridge}: ${formatError(why)}` : `info  ${bridge}: connected to ${url}`));
}

function changeLine(change: ConnectionChange, bridge: string, url: string, json: boolean): Line {
  const { state, reason } = change;
  if (json) return data(recordJson({ type: `relay-${state}`, bridge, url, ...(reason && faultOf(reason)) }));
  const level = state === 'lost' ? 'warn' : 'info';
  return message(printable(`${level.padEnd(5)} ${bridge}: ${changeText(change, url)}`));
}

function recordOf(event: BridgeEvent): object {
  if (event.type === 'failure') return { type: event.type, bridge: event.bridge, ...faultOf(event.failure) };
  if (event.type !== 'retrying') return event;
  const { type, bridge, reason, retryInMs } = event;
  return { type, bridge, retryInMs, ...faultOf(reason) };
}

function faultOf({ code, reason, address }: { code: number; reason: string; address: string | undefined }): object {
  return { code, reason, address };
}
