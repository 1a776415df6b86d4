import type { z } from 'zod';
import { suggest } from '../cli/suggest.ts';
import { described, isSecretPath, looksSecret, shows, withoutSecretValues } from './hidden-values.ts';

/** Something in a configuration that cannot be meant. */
export interface ConfigMistake {
  /** Keys and indexes that lead to it. */
  readonly path: readonly (string | number)[];
  /** What is wrong, with the value, in one line. */
  readonly reason: string;
  /** What stands there; undefined where something is missing. */
  readonly value: unknown;
  /** Whether the key itself is the mistake, and not its value. */
  readonly atKey: boolean;
}

type Issue = z.core.$ZodIssue;
type RawIssue = z.core.$ZodRawIssue;

/** For `safeParse`: makes the words of the mistakes, and keeps what {@link mistakesOf} needs. */
export const plainMessages: { readonly error: (issue: RawIssue) => string; readonly reportInput: true } = {
  error: wordsOf,
  reportInput: true,
};

/** What a schema found, one entry for each mistake, in the order of the configuration. */
export function mistakesOf(issues: readonly Issue[], types: readonly string[]): readonly ConfigMistake[] {
  return issues.flatMap((issue) => expand(issue, [], types)).map(withoutSecret);
}

/** A mistake that shows no secret: not its value, and not what of it stands in the reason. */
function withoutSecret({ path, reason, value, atKey }: ConfigMistake): ConfigMistake {
  // What an unknown key holds, nobody knows: a password under a key that was misspelt.
  const isSecret = atKey || isSecretPath(path) || (typeof value === 'string' && looksSecret(value));
  const hidden = withoutSecretValues(value, isSecret);
  if (!isSecret || atKey) return { path, reason, value: hidden, atKey };
  const told = reason
    .replaceAll(JSON.stringify(value) ?? '\0', described(value))
    .replaceAll(shown(value), described(value));
  return { path, reason: shows(told, value) ? `makes no sense: ${described(value)}` : told, value: hidden, atKey };
}

function expand(issue: Issue, around: ConfigMistake['path'], types: readonly string[]): readonly ConfigMistake[] {
  const path = [...around, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  if (issue.code === 'unrecognized_keys') {
    const known: unknown = JSON.parse(issue.message);
    return issue.keys.map((key) => {
      const reason = `unknown key ${JSON.stringify(key)}${didYouMean(key, known as readonly string[])}`;
      const value = (issue.input as Readonly<Record<string, unknown>> | undefined)?.[key];
      return { path: [...path, key], reason, value, atKey: true };
    });
  }
  if (issue.code === 'invalid_union') return expandUnion(issue, path, types);
  return [{ path, reason: issue.message, value: issue.input, atKey: false }];
}

/** Of several things that would have been right, the one that is nearest to what is there. */
function expandUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: ConfigMistake['path'],
  types: readonly string[],
): readonly ConfigMistake[] {
  const { input, errors } = issue;
  if (errors.length === 0) {
    const known = path[0] === 'bridges' ? types : optionsOf(issue);
    const given = input as Readonly<Record<string, unknown>> | undefined;
    const value = typeof input === 'object' ? given?.['type'] : input;
    const reason = `must be ${anyOf(known)}, not ${shown(value)}${didYouMean(value, known)}`;
    return [{ path, reason: value === undefined ? `is missing: ${anyOf(known)}` : reason, value, atKey: false }];
  }
  const isRoot = ({ path: where, code }: Issue) =>
    where.length === 0 && (code === 'invalid_type' || code === 'invalid_value' || code === 'invalid_union');
  const nearest = errors.find((branch) => !branch.some(isRoot));
  if (nearest) return nearest.flatMap((inner) => expand(inner, path, types));
  const wanted = errors.flatMap((branch) => branch.filter(isRoot).map(wantedBy));
  return [
    { path, reason: `must be ${[...new Set(wanted)].join(' or ')}, not ${shown(input)}`, value: input, atKey: false },
  ];
}

/** The values that tell the members of a union apart, where the schema says them. */
function optionsOf(issue: z.core.$ZodIssueInvalidUnion): readonly string[] {
  try {
    const known: unknown = JSON.parse(issue.message);
    return Array.isArray(known) ? known.map(String) : [];
  } catch {
    return [];
  }
}

function wantedBy(issue: Issue): string {
  if (issue.code === 'invalid_type') return TYPES[issue.expected] ?? issue.expected;
  if (issue.code === 'invalid_value') return anyOf(issue.values.map(String));
  return issue.message.replace(/^must be /, '').replace(/, not .*$/, '');
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
  never: 'absent',
};

function wordsOf(issue: RawIssue): string {
  const { input } = issue;
  switch (issue.code) {
    case 'invalid_type':
      if (input === undefined) return 'is missing';
      return `must be ${TYPES[issue.expected] ?? issue.expected}, not ${shown(input)}`;
    case 'invalid_value':
      if (input === undefined) return `is missing: ${anyOf(issue.values.map(String))}`;
      return `must be ${anyOf(issue.values.map(String))}, not ${shown(input)}${didYouMean(input, issue.values.map(String))}`;
    case 'too_small':
      return `must ${sizeOf(issue.origin, `at least ${issue.minimum}`, issue.inclusive === false ? `above ${issue.minimum}` : undefined)}, not ${shown(input)}`;
    case 'too_big':
      return `must ${sizeOf(issue.origin, `at most ${issue.maximum}`, issue.inclusive === false ? `below ${issue.maximum}` : undefined)}, not ${shown(input)}`;
    case 'unrecognized_keys':
      return JSON.stringify(keysOf(issue.inst));
    case 'invalid_union':
      return JSON.stringify(discriminators(issue.inst));
    default:
      return `${issue.message ?? 'makes no sense'}: ${shown(input)}`;
  }
}

function sizeOf(origin: string, bound: string, exclusive: string | undefined): string {
  if (origin === 'string') return `have ${bound} characters`;
  if (origin === 'array') return `have ${bound} entries`;
  return `be ${exclusive ?? bound}`;
}

interface Definition {
  readonly _zod?: { readonly def: { readonly shape?: object }; readonly propValues?: { readonly type?: Set<unknown> } };
}

function keysOf(schema: unknown): readonly string[] {
  return Object.keys((schema as Definition | undefined)?._zod?.def.shape ?? {});
}

function discriminators(schema: unknown): readonly string[] {
  return [...((schema as Definition | undefined)?._zod?.propValues?.type ?? [])].map(String);
}

function didYouMean(word: unknown, known: readonly string[]): string {
  const meant = typeof word === 'string' ? suggest(word, known) : undefined;
  return meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`;
}

function anyOf(words: readonly string[]): string {
  if (words.length <= 1) return words[0] ?? 'something else';
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** A value in one short line. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text =
    typeof value === 'function'
      ? 'a function'
      : (JSON.stringify(withoutSecretValues(value, false), plain) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** JSON has no bigint. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
