import { readFile } from 'node:fs/promises';
import { defer, map, mergeMap, type Observable, toArray } from 'rxjs';
import { z } from 'zod';
import type { BundlePart, Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { parseJson } from '../../core/signal/json.ts';
import type { Value } from '../../core/signal/value.ts';
import { addressField } from '../config/config-fields.ts';
import { mistakesOf, plainMessages } from '../config/config-mistakes.ts';
import { type Command, data, defineCommand, type Line, UsageError } from './command.ts';
import { type Connect, jsonOption, targetOptions, withClient } from './connect.ts';
import { recordJson } from './format.ts';

/** Integers are read as bigints. */
const read = <T>(schema: z.ZodType<T>) =>
  z.preprocess((given) => (typeof given === 'bigint' ? Number(given) : given), schema);
const number = read(z.number());
const whole = read(z.int().min(0));
const value = z.custom<Value>((given) => given !== undefined, { error: 'is missing' });

const setOptions = z.strictObject({
  lock: z.boolean().exactOptional(),
  unlock: z.boolean().exactOptional(),
  revision: whole.exactOptional(),
  ttl: z.union([whole, z.strictObject({ seconds: whole, mode: z.enum(['sliding', 'absolute']) })]).exactOptional(),
});
const keyframe = z.strictObject({
  time: number,
  value,
  easing: z.enum(['linear', 'ease-in', 'ease-out', 'ease-in-out', 'step', 'cubic-bezier']).exactOptional(),
  bezier: z.tuple([number, number, number, number]).exactOptional(),
});
const timelineOptions = z.strictObject({ loop: z.boolean().exactOptional(), startTime: number.exactOptional() });

/** The kinds of part, with their arguments as in {@link BundlePart}. */
const KINDS: Readonly<Record<string, z.ZodType<readonly unknown[]>>> = {
  set: z.tuple([addressField, value, setOptions.optional()]),
  emit: z.tuple([addressField, value.optional()]),
  stream: z.tuple([addressField, value]),
  gesture: z.tuple([addressField, whole, z.enum(['start', 'move', 'end', 'cancel']), value.optional()]),
  timeline: z.tuple([addressField, z.array(keyframe), timelineOptions.optional()]),
};

/** Levels around a keyframe's value: the list, the part, its arguments, the keyframes, the keyframe. */
const AROUND = 5;

/**
 * Reads a JSON list of the parts of a bundle, `[{ "set": ["/a", 1] }, { "emit": ["/go"] }]`. Throws a
 * {@link UsageError} that names the part and what is wrong with it.
 */
export function parseParts(text: string): readonly BundlePart[] {
  let list: unknown;
  try {
    list = parseJson(text, AROUND);
  } catch (cause) {
    if (!(cause instanceof ClaspError)) throw cause;
    throw new UsageError(`the parts are ${cause.cause === undefined ? 'no values' : 'not JSON'}: ${cause.reason}`);
  }
  if (!Array.isArray(list)) throw new UsageError('the parts are a list: [{ "set": ["/a", 1] }, { "emit": ["/go"] }]');
  return (list as readonly Value[]).map((part, index) => parsePart(part, index + 1));
}

function parsePart(part: Value, place: number): BundlePart {
  const entries = typeof part === 'object' && part !== null ? Object.entries(part) : [];
  const [kind = '', given] = entries[0] ?? [];
  const schema = entries.length === 1 && Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (!schema) {
    throw new UsageError(`part ${place} has one of ${Object.keys(KINDS).join(', ')}, and nothing else`);
  }
  const { data, error } = schema.safeParse(given, plainMessages);
  if (data) return { [kind]: data } as unknown as BundlePart;
  const [mistake] = mistakesOf(error.issues, []);
  const where = [kind, ...(mistake?.path ?? [])].join('.');
  throw new UsageError(`part ${place}: ${where}: ${mistake?.reason ?? 'is wrong'}`);
}

const SECOND = 1_000_000;

const options = {
  ...targetOptions,
  ...jsonOption,
  at: {
    kind: 'text',
    placeholder: 'TIME',
    help: 'apply it at a time of the relay: microseconds since 1970, a date (2026-12-31T20:00:00Z), or +SECONDS from now',
    usual: 'at once',
  },
} as const;

/** `bundle FILE`: has the relay apply several parts in order, or none. `input` is standard input. */
export const bundleCommand = (connect: Connect, input: Observable<string>): Command =>
  defineCommand({
    name: 'bundle',
    summary: 'have several writes and events applied together, or none of them',
    arguments: [{ name: 'FILE', help: 'a JSON list of parts; - reads standard input' }],
    options,
    notes: [
      'A part is {"set": [ADDRESS, VALUE, OPTIONS]}, {"emit": [ADDRESS, VALUE]}, {"stream": [ADDRESS, VALUE]}, ' +
        '{"gesture": [ADDRESS, ID, PHASE, VALUE]} or {"timeline": [ADDRESS, KEYFRAMES, OPTIONS]}, as for the client.',
      'Prints the revision of the last write. With --at in the future it prints the address where the bundle waits, and ' +
        'ends: the relay applies it without this command. A set of null at that address cancels it.',
    ],
    examples: [
      { what: 'the parts of a file', run: 'clasp-rx bundle blackout.json' },
      { what: 'in ten seconds', run: `echo '[{"set": ["/a", 1]}, {"emit": ["/go"]}]' | clasp-rx bundle - --at +10` },
      { what: 'cancel what waits', run: 'clasp-rx set /clasp/schedule/1 null' },
    ],
    run: ({ url, token, json, at }, [file = ''], stop) => {
      const timeOf = at === undefined ? undefined : parseTime(at);
      return textOf(file, input).pipe(
        map(parseParts),
        mergeMap((parts) => {
          const use = (client: Client) => client.bundle(parts, timeOf && { at: timeOf(client.time()) });
          return withClient(connect, { target: { url, token }, stop, use });
        }),
        mergeMap((ack): Line[] => {
          if (json) return [data(recordJson({ ...ack }))];
          if (ack.address.startsWith('/clasp/schedule/')) return [data(ack.address)];
          return ack.revision === undefined ? [] : [data(String(ack.revision))];
        }),
      );
    },
  });

/** All of a file, or of standard input for `-`. */
function textOf(file: string, input: Observable<string>): Observable<string> {
  if (file === '-')
    return input.pipe(
      toArray(),
      map((lines) => lines.join('\n')),
    );
  return defer(async () => {
    try {
      return await readFile(file, 'utf8');
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
      const reason =
        code === 'ENOENT' ? `there is no file ${file}` : `${file} cannot be read (${String(code ?? cause)})`;
      throw new ClaspError(ErrorCode.NotFound, reason, { cause });
    }
  });
}

/** The time that `--at` means, when it is `now` at the relay; microseconds. */
function parseTime(text: string): (now: number) => number {
  const seconds = /^\+(\d+(?:\.\d+)?)$/.exec(text);
  if (seconds) return (now) => Math.round(now + Number(seconds[1]) * SECOND);
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text) * 1000;
  if (Number.isSafeInteger(time) && time > 0) return () => time;
  throw new UsageError(`--at is microseconds since 1970, a date or +SECONDS, not "${text}"`);
}
