import type { Value } from '../../signal/value.ts';
import type { SignalDefinition } from '../../wire/message.ts';
import type { OscArgument } from './osc.ts';
import { oscTimetagMicros } from './osc.ts';
import { type OscTags, oscTagsOf, toOscAddress, toOscArguments } from './osc-mapping.ts';

/** A method or a container of an OSCQuery tree, ready for JSON; the names are those of the proposal. */
export interface OscQueryNode {
  readonly FULL_PATH: string;
  readonly CONTENTS?: { readonly [name: string]: OscQueryNode };
  readonly DESCRIPTION?: string;
  /** Type tags, `iff`. Of methods only. */
  readonly TYPE?: string;
  /** 1 can be read, 2 written, 3 both; 0 for a container. */
  readonly ACCESS?: number;
  readonly VALUE?: readonly Value[];
  readonly RANGE?: readonly { readonly MIN: number; readonly MAX: number }[];
  readonly UNIT?: readonly string[];
}

/** What is known of one address. */
export interface OscQueryEntry extends SignalDefinition {
  /** The newest value; undefined when there is none. */
  readonly value?: Value | undefined;
  /** The types last received there; they count where no datatype says more. */
  readonly tags?: OscTags | undefined;
}

/** The attributes that can be asked for one by one. */
export const OSC_QUERY_ATTRIBUTES = [
  'FULL_PATH',
  'CONTENTS',
  'DESCRIPTION',
  'TYPE',
  'ACCESS',
  'VALUE',
  'RANGE',
  'UNIT',
] as const;

/** Type tags by the datatype that was announced. */
const DATATYPES: ReadonlyMap<string, OscTags[number]> = new Map([
  ['bool', 'T'],
  ['boolean', 'T'],
  ['bytes', 'b'],
  ['float', 'f'],
  ['float32', 'f'],
  ['float64', 'd'],
  ['double', 'd'],
  ['int', 'i'],
  ['int32', 'i'],
  ['int64', 'h'],
  ['integer', 'i'],
  ['number', 'f'],
  ['string', 's'],
]);

/** ACCESS of what has no VALUE. */
const WRITE_ONLY = 2;

interface Growing {
  node: OscQueryNode;
  readonly contents: Map<string, Growing>;
}

/**
 * The tree of everything below `namespace`. What OSC cannot carry or address is left out, and so is what is not below.
 *
 * @example
 * ```ts
 * oscQueryTree([{ address: '/osc/mixer/1', type: 'param', value: 0.5 }], '/osc').CONTENTS?.['mixer'];
 * ```
 */
export function oscQueryTree(entries: readonly OscQueryEntry[], namespace = '/osc'): OscQueryNode {
  const root: Growing = { node: { FULL_PATH: '/', ACCESS: 0 }, contents: new Map() };
  for (const entry of entries) {
    const method = methodOf(entry, namespace);
    if (!method) continue;
    let at = root;
    let path = '';
    for (const name of method.FULL_PATH.slice(1).split('/')) {
      path += `/${name}`;
      let next = at.contents.get(name);
      if (!next) {
        next = { node: { FULL_PATH: path, ACCESS: 0 }, contents: new Map() };
        at.contents.set(name, next);
      }
      at = next;
    }
    at.node = method;
  }
  return grown(root);
}

/** The node at an OSC address; undefined when there is none. */
export function findOscQueryNode(root: OscQueryNode, path: string): OscQueryNode | undefined {
  let node: OscQueryNode | undefined = root;
  for (const name of path.split('/')) {
    if (name === '') continue;
    const contents: OscQueryNode['CONTENTS'] = node.CONTENTS;
    node = contents && Object.hasOwn(contents, name) ? contents[name] : undefined;
    if (!node) return undefined;
  }
  return node;
}

function grown({ node, contents }: Growing): OscQueryNode {
  if (contents.size === 0) return node;
  return { ...node, CONTENTS: Object.fromEntries([...contents].map(([name, inner]) => [name, grown(inner)])) };
}

function methodOf(
  { address, type, datatype, access, meta, value = null, tags }: OscQueryEntry,
  namespace: string,
): OscQueryNode | undefined {
  if (type === 'gesture' || type === 'timeline') return undefined;
  const announced = DATATYPES.get(datatype ?? '');
  const wanted = announced === undefined ? tags : [announced];
  // Of a list, the datatype is that of each.
  const isList = announced !== undefined && Array.isArray(value);
  const args = attempt(() => toOscArguments(value, address, isList ? value.map(() => announced) : wanted));
  const path = attempt(() => toOscAddress(address, namespace));
  if (!args || path === undefined) return undefined;
  const types = args.length > 0 ? oscTagsOf(args) : (wanted ?? ['N']);
  const mayDo = accessOf(access, type);
  const { description, range, unit } = meta ?? {};
  return {
    FULL_PATH: path,
    TYPE: tagText(types),
    ACCESS: mayDo,
    ...(args.length > 0 && mayDo !== WRITE_ONLY && { VALUE: args.map(jsonOf) }),
    ...(description !== undefined && { DESCRIPTION: description }),
    ...(range && { RANGE: [{ MIN: range[0], MAX: range[1] }] }),
    ...(unit !== undefined && { UNIT: [unit] }),
  };
}

function accessOf(access: string | undefined, type: SignalDefinition['type']): number {
  if (access === 'read' || access === 'r') return 1;
  if (access === 'write' || access === 'w' || type === 'event') return WRITE_ONLY;
  return 3;
}

function tagText(tags: OscTags): string {
  return tags.map((tag) => (typeof tag === 'string' ? tag : `[${tagText(tag)}]`)).join('');
}

/** As JSON has it: bytes have no form there and are null. */
function jsonOf(argument: OscArgument): Value {
  if (argument.type === '[') return argument.value.map(jsonOf);
  if (argument.type === 'b' || argument.type === 'm') return null;
  if (argument.type === 't') return oscTimetagMicros(argument.value);
  return argument.value;
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    // What OSC cannot carry has no place in its tree.
    return undefined;
  }
}
