import type { SignalKind } from '../signal.ts';
import type { Value } from '../value.ts';
import { SIGNAL_KINDS } from './codes.ts';
import { badMessage } from './value.ts';

/** A map out of MessagePack. */
export type Fields = { readonly [key: string]: Value };

/** A map; a `ClaspError` 101 for anything else. `what` names it in the error. */
export function fieldsOf(value: Value | undefined, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw badMessage(`${what} is not a map`);
  }
  return value as Fields;
}

/** The field `name`; undefined when it is missing or nil. */
export function field(fields: Fields, name: string): Value | undefined {
  return Object.hasOwn(fields, name) ? (fields[name] ?? undefined) : undefined;
}

export function text(fields: Fields, name: string): string {
  return optionalText(fields, name) ?? missing(name);
}

export function optionalText(fields: Fields, name: string): string | undefined {
  const value = field(fields, name);
  if (value !== undefined && typeof value !== 'string') throw badMessage(`"${name}" is not a string`);
  return value;
}

export function number(fields: Fields, name: string): number {
  return optionalNumber(fields, name) ?? missing(name);
}

export function optionalNumber(fields: Fields, name: string): number | undefined {
  const value = field(fields, name);
  return value === undefined ? undefined : toNumber(value, name);
}

export function toNumber(value: Value, name: string): number {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw badMessage(`"${name}" is not a number`);
  return Number(value);
}

export function flag(fields: Fields, name: string): boolean | undefined {
  const value = field(fields, name);
  if (value !== undefined && typeof value !== 'boolean') throw badMessage(`"${name}" is not a boolean`);
  return value;
}

/** A list; a missing one is empty. */
export function list(fields: Fields, name: string): readonly Value[] {
  const value = field(fields, name) ?? [];
  if (!Array.isArray(value)) throw badMessage(`"${name}" is not an array`);
  return value;
}

export function texts(fields: Fields, name: string): string[] {
  return list(fields, name).map((item) => {
    if (typeof item !== 'string') throw badMessage(`"${name}" holds something that is not a string`);
    return item;
  });
}

/** A list of signal kinds; undefined when it is missing or empty. */
export function kinds(fields: Fields, name: string): SignalKind[] | undefined {
  const names = texts(fields, name);
  return names.length === 0 ? undefined : names.map((item) => oneOf(item, SIGNAL_KINDS, 'signal kind'));
}

/** The member of `names` that `value` is; a `ClaspError` 101 when it is none. */
export function oneOf<Name extends string>(value: string, names: readonly Name[], what: string): Name {
  return names.find((name) => name === value) ?? unknown(what, value);
}

function unknown(what: string, value: string): never {
  throw badMessage(`unknown ${what} "${value.slice(0, 64)}"`);
}

function missing(name: string): never {
  throw badMessage(`"${name}" is missing`);
}
