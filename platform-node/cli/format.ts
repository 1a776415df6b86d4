import { ClaspError } from '../../core/errors.ts';
import { stringifyJson, writeJson } from '../../core/signal/json.ts';
import type { Signal } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';

/**
 * A value as one line: JSON, and the numbers JSON does not know by name. `parseValue` reads it back, a number of 32 bits
 * as the one that is nearest to the text.
 */
export function formatValue(value: Value): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return printable(writeJson(value, shortestNumber));
}

/** A float of 32 bits, as OSC has it, as the shortest text that stands for it there: 0.1, not 0.10000000149011612. */
function shortestNumber(value: number): string {
  if (Math.fround(value) !== value || Number.isInteger(value)) return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}

/** A signal as one line for people: the address, its kind unless it is a param, and the value. */
export function formatSignal(signal: Signal): string {
  const address = printable(signal.address);
  switch (signal.kind) {
    case 'gesture':
      return `${address} gesture ${signal.phase} ${signal.id} ${formatValue(signal.value)}`;
    case 'timeline':
      return `${address} timeline of ${signal.keyframes.length} keyframes`;
    case 'param':
      return `${address} ${formatValue(signal.value)}`;
    default:
      return `${address} ${signal.kind} ${formatValue(signal.value)}`;
  }
}

/** A signal as one JSON object on one line: `kind`, `address` and what the kind has. Absent fields are left out. */
export function signalJson(signal: Signal): string {
  const { kind, address, ...rest } = signal;
  return recordJson({ kind, address, ...rest });
}

/** Where a bridge is, and where it sends to when that is elsewhere. */
export function wayOf(address: string, targets: readonly string[] = []): string {
  return targets.length === 0 ? address : `${address} -> ${targets.join(', ')}`;
}

/** An object of values as JSON on one line; what is undefined is left out. */
export function recordJson(record: object): string {
  return printable(stringifyJson(withoutUndefined(record)));
}

function withoutUndefined(value: unknown): Value {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value as Value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([key, field]) => [key, withoutUndefined(field)]),
  );
}

/** What a failure says in a log or on stderr: its reason, and its address where the reason does not name it. */
export function formatError(cause: unknown): string {
  if (!(cause instanceof ClaspError)) return printable(cause instanceof Error ? cause.message : String(cause));
  const { reason, address } = cause;
  return printable(address === undefined || reason.includes(address) ? reason : `${reason} (${address})`);
}

/** Text from the network without the characters that would steer a terminal; JSON has escaped the first 32 already. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
