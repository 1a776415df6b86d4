import { parseArgs } from 'node:util';
import {
  type Argument,
  type ForeignOption,
  type Option,
  type OptionTable,
  type OptionValues,
  UsageError,
} from './command.ts';
import { suggest } from './suggest.ts';

export interface Parsed<T extends OptionTable> {
  readonly options: OptionValues<T>;
  readonly args: readonly string[];
  /** Whether `--help` was among the words: nothing else was checked then. */
  readonly help: boolean;
  /** What is to be told of options that were passed over. */
  readonly notices: readonly string[];
}

/** Put before a negative number, which `parseArgs` would take for an option. */
const NEGATIVE = '\0';

/** Reads the words after a command's name. Throws a {@link UsageError} that says which word is wrong and what would be right. */
export function parseArguments<T extends OptionTable>(
  words: readonly string[],
  command: { readonly options: T; readonly arguments: readonly Argument[]; readonly foreign?: Foreign },
  env: Readonly<Record<string, string | undefined>>,
): Parsed<T> {
  const names = namesOf(command.options);
  const { foreign = {} } = command;
  const notices: string[] = [];
  const { tokens } = parseArgs({
    args: words.map((word) => (/^-\.?\d/.test(word) ? NEGATIVE + word : word)),
    options: Object.fromEntries([
      ...Object.entries(foreign).map(([name, { takesValue }]) => [name, { type: takesValue ? 'string' : 'boolean' }]),
      ...[...names].map(([name, [, option]]) => [name, { type: option.kind === 'flag' ? 'boolean' : 'string' }]),
    ]) as Record<string, { type: 'string' | 'boolean' }>,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });

  const args: string[] = [];
  const given = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(restored(token.value));
    if (token.kind !== 'option') continue;
    if (token.rawName === '--help' || token.rawName === '-h')
      return { options: empty(command.options), args, help: true, notices };
    const known = token.rawName.startsWith('--') ? names.get(token.name) : undefined;
    const unsupported = !known && Object.hasOwn(foreign, token.name) ? foreign[token.name] : undefined;
    if (unsupported) {
      notices.push(passedOver(token.rawName, unsupported));
      continue;
    }
    if (!known) throw unknownOption(token.rawName, names.keys());
    const [name, option] = known;
    if (option.kind === 'flag' && token.value !== undefined) throw new UsageError(`--${token.name} takes no value`);
    if (option.kind !== 'flag' && (token.value === undefined || (!token.inlineValue && token.value.startsWith('-')))) {
      throw new UsageError(`--${token.name} needs a value: --${token.name} ${option.placeholder}`);
    }
    given.set(name, [...(given.get(name) ?? []), restored(token.value ?? '')]);
  }

  checkCount(args, command.arguments);
  const values = Object.entries(command.options).map(([name, option]) => {
    const fromEnv = option.kind === 'text' && option.env !== undefined ? env[option.env] : undefined;
    return [name, optionValue(name, option, given.get(name) ?? (fromEnv ? [fromEnv] : []))] as const;
  });
  return { options: Object.fromEntries(values) as OptionValues<T>, args, help: false, notices };
}

type Foreign = Readonly<Record<string, ForeignOption>>;

/** The line about an option that is not there; a {@link UsageError} where a relay without it would be open. */
function passedOver(raw: string, { feature, protects = false }: ForeignOption): string {
  if (protects)
    throw new UsageError(`${raw} needs ${feature}, which this version does not have: it would be unprotected`);
  return `${raw} is passed over: it belongs to ${feature}, which this version does not have`;
}

function restored(word: string): string {
  return word.startsWith(NEGATIVE) ? word.slice(1) : word;
}

/** Every name and alias with the option it stands for. */
function namesOf(options: OptionTable): Map<string, readonly [name: string, option: Option]> {
  const names = new Map<string, readonly [string, Option]>();
  for (const [name, option] of Object.entries(options)) {
    names.set(name, [name, option]);
    for (const alias of 'aliases' in option ? (option.aliases ?? []) : []) names.set(alias, [name, option]);
  }
  return names;
}

function empty<T extends OptionTable>(options: T): OptionValues<T> {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, optionValue(name, option, [])]),
  ) as OptionValues<T>;
}

function optionValue(name: string, option: Option, given: readonly string[]): unknown {
  const last = given.at(-1);
  switch (option.kind) {
    case 'flag':
      return last !== undefined;
    case 'texts':
      return given;
    case 'text':
      if (last !== undefined && option.choices && !option.choices.includes(last)) {
        throw new UsageError(`--${name} is one of ${option.choices.join(', ')}, not "${last}"`);
      }
      return last ?? option.fallback;
    case 'number':
      return last === undefined ? option.fallback : numberOf(name, option, last);
  }
}

function numberOf(name: string, option: Option & { kind: 'number' }, text: string): number {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  const { min, max, whole = false } = option;
  if (!(number >= min && number <= max) || (whole && !Number.isInteger(number))) {
    const range =
      max === Number.MAX_SAFE_INTEGER || max === Number.POSITIVE_INFINITY ? `from ${min}` : `from ${min} to ${max}`;
    throw new UsageError(`--${name} is a ${whole ? 'whole ' : ''}number ${range}, not "${text}"`);
  }
  return number;
}

function unknownOption(raw: string, names: Iterable<string>): UsageError {
  const meant = suggest(raw.replace(/^-+/, ''), [...names, 'help']);
  return new UsageError(`unknown option ${raw}${meant ? `; did you mean --${meant}?` : ''}`);
}

function checkCount(args: readonly string[], wanted: readonly Argument[]): void {
  const missing = wanted.find((argument, index) => !argument.optional && index >= args.length);
  if (missing) throw new UsageError(`${missing.name} is missing: ${missing.help}`);
  const extra = args[wanted.length];
  if (extra !== undefined) {
    throw new UsageError(
      `"${extra}" is one word too many; quote text with spaces and patterns: '/osc/**', '"two words"'`,
    );
  }
}
