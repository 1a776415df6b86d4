import { isAddress } from '../../address/address.ts';
import { ClaspError, ErrorCode } from '../../errors.ts';
import type { Event, Param, Signal } from '../../signal/signal.ts';
import type { Value } from '../../signal/value.ts';
import type { OscArgument, OscMessage, OscType } from './osc.ts';
import { oscTimetag, oscTimetagMicros } from './osc.ts';

/** Type tags of arguments; a list inside the list stands for an OSC array. */
export type OscTags = readonly (Exclude<OscType, '['> | OscTags)[];

export interface OscMappingOptions {
  /** Where OSC addresses live: `/synth/cutoff` is `/osc/synth/cutoff`. `''` adds nothing. @defaultValue '/osc' */
  readonly namespace?: string;
}

/**
 * What a message without arguments stands for. `event`: something happens at the address. `param`: the param there is
 * null, which deletes it. `get`: its sender asks for the value.
 */
export type OscNoArguments = 'event' | 'param' | 'get';

/**
 * The param that an OSC message stands for, or the event where it has no arguments (unless `noArguments` says `param`). Whole numbers (i, h, r) are `bigint`, so that they travel as integers;
 * receivers see a number. Throws a `ClaspError` with code 200 for an address that CLASP does not have.
 *
 * @example
 * ```ts
 * fromOsc({ address: '/synth/cutoff', args: [{ type: 'f', value: 0.5 }] }); // /osc/synth/cutoff, 0.5
 * ```
 */
export function fromOsc(
  message: OscMessage,
  { namespace = '/osc', noArguments = 'event' }: OscMappingOptions & { noArguments?: 'event' | 'param' } = {},
): Param | Event {
  const address = fromOscAddress(message.address, namespace);
  if (address === undefined) throw badOscAddress(message.address);
  if (message.args.length === 0 && noArguments === 'event') return { kind: 'event', address, value: null };
  return { kind: 'param', address, value: fromOscArguments(message.args) };
}

/**
 * The OSC message for a param, an event or a stream's newest sample. `tags` are the types wanted, usually those last
 * received at the address; each counts where the value fits it. Throws a `ClaspError`: 200 for an address outside the
 * namespace or not one in OSC, 402 for a value that OSC cannot carry.
 *
 * @example
 * ```ts
 * toOsc({ kind: 'param', address: '/osc/mixer/1', value: 0.75 }); // /mixer/1 ,f 0.75
 * ```
 */
export function toOsc(
  signal: Signal,
  { namespace = '/osc', tags }: OscMappingOptions & { tags?: OscTags | undefined } = {},
): OscMessage {
  const { address } = signal;
  if (signal.kind === 'gesture' || signal.kind === 'timeline') {
    throw new ClaspError(ErrorCode.BadValue, `${address}: a ${signal.kind} has no form in OSC`, { address });
  }
  return { address: toOscAddress(address, namespace), args: toOscArguments(signal.value, address, tags) };
}

// ── Addresses ────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a receiver takes for a pattern, and would apply to more than one address. */
const OSC_PATTERN = /[?[\]{}]/;

/** Whether an OSC address is a pattern, which stands for every address that it matches. */
export function isOscPattern(oscAddress: string): boolean {
  return OSC_PATTERN.test(oscAddress) || oscAddress.includes('*') || oscAddress.includes('//');
}

/** The CLASP address, or undefined when there is none: an OSC pattern, an empty segment, too long. */
export function fromOscAddress(oscAddress: string, namespace: string): string | undefined {
  const address = namespace + oscAddress;
  return isAddress(address) && !OSC_PATTERN.test(oscAddress) ? address : undefined;
}

/** The `ClaspError` (200) that tells of an address for which {@link fromOscAddress} has none. */
export function badOscAddress(oscAddress: string): ClaspError {
  const address = oscAddress.slice(0, 256);
  return new ClaspError(ErrorCode.BadAddress, `OSC address ${JSON.stringify(address)} is no CLASP address`, {
    address,
  });
}

/** The OSC address; throws a `ClaspError` (200) for one outside the namespace, or that OSC would read as a pattern. */
export function toOscAddress(address: string, namespace: string): string {
  const start = namespace.length;
  if (!address.startsWith(namespace) || address.charCodeAt(start) !== 0x2f) {
    throw new ClaspError(ErrorCode.BadAddress, `${address} is not below ${namespace || '/'}`, { address });
  }
  const oscAddress = address.slice(start);
  if (OSC_PATTERN.test(oscAddress)) {
    throw new ClaspError(ErrorCode.BadAddress, `${address}: OSC takes one of ?[]{} for a pattern`, { address });
  }
  return oscAddress;
}

// ── OSC → CLASP ──────────────────────────────────────────────────────────────────────────────────────────────────

/** None is null, one is itself, several are an array. */
export function fromOscArguments(args: readonly OscArgument[]): Value {
  if (args.length === 1) return fromOscArgument(args[0] as OscArgument);
  return args.length === 0 ? null : args.map(fromOscArgument);
}

function fromOscArgument(argument: OscArgument): Value {
  switch (argument.type) {
    case 'i': // fall through: whole numbers
    case 'r':
      return BigInt(argument.value);
    case 't':
      return oscTimetagMicros(argument.value);
    case '[':
      return argument.value.map(fromOscArgument);
    default: // f d h s S c b m T F N I: the value as it is
      return argument.value;
  }
}

// ── CLASP → OSC ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Null is no argument, an array is several, anything else is one. `address` is for the failure. */
export function toOscArguments(value: Value, address: string, tags?: OscTags): OscArgument[] {
  const only = tags?.length === 1 ? tags[0] : undefined;
  if (value === null) return only === 'N' ? [{ type: 'N', value: null }] : [];
  // `,[ff]` and `,ff` give the same value; only the tags can tell that it was one array.
  if (!isArray(value) || isTags(only)) return [toOscArgument(value, address, only)];
  return value.map((item, i) => toOscArgument(item, address, tags?.[i]));
}

function toOscArgument(value: Value, address: string, tag: OscTags[number] | undefined): OscArgument {
  switch (typeof value) {
    case 'number':
      return toOscNumber(value, tag);
    case 'bigint':
      return toOscInteger(value, address, tag);
    case 'boolean':
      return toOscBoolean(value, tag);
    case 'string':
      if (tag === 'S' || (tag === 'c' && isCharacter(value))) return { type: tag, value };
      return { type: 's', value };
    default:
  }
  if (value === null) return { type: 'N', value };
  if (value instanceof Uint8Array) return { type: tag === 'm' && value.length === 4 ? 'm' : 'b', value };
  if (isArray(value)) {
    const inner = isTags(tag) ? tag : undefined;
    return { type: '[', value: value.map((item, i) => toOscArgument(item, address, inner?.[i])) };
  }
  throw new ClaspError(ErrorCode.BadValue, `${address}: a map has no form in OSC`, { address, value });
}

/** T or F, unless the tag asks for a number: desks and consoles have switches of 0 and 1. */
function toOscBoolean(value: boolean, tag: OscTags[number] | undefined): OscArgument {
  switch (tag) {
    case 'i':
    case 'f':
    case 'd':
      return { type: tag, value: value ? 1 : 0 };
    case 'h':
      return { type: tag, value: value ? 1n : 0n };
    default:
  }
  if (!value) return { type: 'F', value };
  return { type: tag === 'I' ? 'I' : 'T', value };
}

/** f, unless the tag asks for a type that holds the number as well. */
function toOscNumber(value: number, tag: OscTags[number] | undefined): OscArgument {
  switch (tag) {
    case 'd':
      return { type: 'd', value };
    case 'i':
      if ((value | 0) === value) return { type: 'i', value };
      break;
    case 'r':
      if (value >>> 0 === value) return { type: 'r', value };
      break;
    case 'h':
      if (Number.isSafeInteger(value)) return { type: 'h', value: BigInt(value) };
      break;
    case 't':
      if (value >= 0 && Number.isSafeInteger(value)) return { type: 't', value: oscTimetag(value) };
      break;
    default:
  }
  return { type: 'f', value };
}

/** h, unless the tag asks for another type of number. */
function toOscInteger(value: bigint, address: string, tag: OscTags[number] | undefined): OscArgument {
  if (tag !== undefined && tag !== 'h') {
    const argument = toOscNumber(Number(value), tag);
    if (argument.type === tag) return argument;
  }
  if (BigInt.asIntN(64, value) === value) return { type: 'h', value };
  throw new ClaspError(ErrorCode.BadValue, `${address}: ${value} needs more than 64 bits`, { address, value });
}

function isCharacter(text: string): boolean {
  const code = text.codePointAt(0) ?? 0xd800;
  return text.length === (code > 0xffff ? 2 : 1) && (code < 0xd800 || code > 0xdfff);
}

// `Array.isArray` alone does not narrow a readonly array.
const isArray = (value: Value): value is readonly Value[] => Array.isArray(value);
const isTags = (tag: OscTags[number] | undefined): tag is OscTags => Array.isArray(tag);

// ── Type tags ────────────────────────────────────────────────────────────────────────────────────────────────────

/** The tags of a message's arguments. */
export function oscTagsOf(args: readonly OscArgument[]): OscTags {
  return args.map((argument) => (argument.type === '[' ? oscTagsOf(argument.value) : argument.type));
}

/** Whether `tags` are those of `args`. */
export function hasOscTags(args: readonly OscArgument[], tags: OscTags): boolean {
  if (args.length !== tags.length) return false;
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] as OscArgument;
    const tag = tags[i];
    if (argument.type === '[' ? !isTags(tag) || !hasOscTags(argument.value, tag) : argument.type !== tag) return false;
  }
  return true;
}

/**
 * Reads tags as OSC writes them, with or without the comma: `i`, `,iff`, `s[ii]`. Throws a `ClaspError` with code 402
 * for anything else.
 */
export function parseOscTags(text: string): OscTags {
  const stack: OscTags[number][][] = [[]];
  for (const tag of text.startsWith(',') ? text.slice(1) : text) {
    const top = stack[stack.length - 1];
    if (tag === '[') stack.push([]);
    else if (tag === ']' && stack.length > 1) stack[stack.length - 2]?.push(stack.pop() ?? []);
    else if (top && TAGS.includes(tag)) top.push(tag as Exclude<OscType, '['>);
    else
      throw new ClaspError(ErrorCode.BadValue, `${JSON.stringify(tag)} in ${JSON.stringify(text)} is no OSC type tag`);
  }
  const [tags, open] = stack;
  if (open || !tags) throw new ClaspError(ErrorCode.BadValue, `array is not closed in ${JSON.stringify(text)}`);
  return tags;
}

const TAGS = 'ifsSbTFNIhdcmrt';
