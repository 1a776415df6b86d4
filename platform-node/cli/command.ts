import type { Observable } from 'rxjs';

/** One option of a command. `env` names the variable that counts when the option is not given. */
export type Option =
  | { readonly kind: 'flag'; readonly help: string }
  | {
      readonly kind: 'text';
      readonly placeholder: string;
      readonly help: string;
      readonly env?: string;
      readonly fallback?: string;
      /** What holds when it is not given, for the help; it is not filled in. */
      readonly usual?: string;
      readonly choices?: readonly string[];
      /** Other names of the same option. */
      readonly aliases?: readonly string[];
    }
  | {
      readonly kind: 'texts';
      readonly placeholder: string;
      readonly help: string;
      readonly aliases?: readonly string[];
    }
  | {
      readonly kind: 'number';
      readonly placeholder: string;
      readonly help: string;
      readonly min: number;
      readonly max: number;
      readonly whole?: boolean;
      readonly fallback?: number;
      /** What holds when it is not given, for the help; it is not filled in. */
      readonly usual?: number;
      readonly aliases?: readonly string[];
    };

export type OptionTable = { readonly [name: string]: Option };

type ValueOf<O extends Option> = O extends { kind: 'flag' }
  ? boolean
  : O extends { kind: 'texts' }
    ? readonly string[]
    : O extends { kind: 'number' }
      ? O extends { fallback: number }
        ? number
        : number | undefined
      : O extends { fallback: string }
        ? string
        : string | undefined;

/** What the options of a table are after parsing. A flag that is not given is false, a list that is not given empty. */
export type OptionValues<T extends OptionTable> = { readonly [K in keyof T]: ValueOf<T[K]> };

/** One word after the command's name. */
export interface Argument {
  readonly name: string;
  readonly help: string;
  /** @defaultValue false */
  readonly optional?: boolean;
}

/** One line of output: data goes to stdout, a message to people to stderr. */
export interface Line {
  readonly to: 'stdout' | 'stderr';
  readonly text: string;
}

/** A line on stdout. */
export function data(text: string): Line {
  return { to: 'stdout', text };
}

/** A line on stderr. */
export function message(text: string): Line {
  return { to: 'stderr', text };
}

/** An option of the published relay that is known here and not there yet. */
export interface ForeignOption {
  readonly takesValue: boolean;
  /** What it belongs to, for people. */
  readonly feature: string;
  /** Whether a relay without it would let in more than was asked for: then it does not start. @defaultValue false */
  readonly protects?: boolean;
}

export interface Command<T extends OptionTable = OptionTable> {
  readonly name: string;
  /** What it does, in half a sentence that continues the name. */
  readonly summary: string;
  readonly arguments: readonly Argument[];
  readonly options: T;
  /** Options of the published command of the same name: each is told of in a line, and passed over. */
  readonly foreign?: Readonly<Record<string, ForeignOption>>;
  /** Paragraphs between options and examples. */
  readonly notes?: readonly string[];
  readonly examples: readonly { readonly run: string; readonly what: string }[];
  /** The command that the first word makes of it, where its options depend on that. */
  specify?(word: string): Promise<Command> | undefined;
  /**
   * The lines it prints; completes when done, errors when it failed (with a {@link UsageError} when the words it was
   * given make no sense). When `stop` emits (Ctrl-C, SIGTERM) it comes to an end by itself.
   */
  run(options: OptionValues<T>, args: readonly string[], stop: Observable<unknown>): Observable<Line>;
}

/** What the list of commands shows of one, and how to get it. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly Omit<Argument, 'help'>[];
  load(): Promise<Command>;
}

/** Ties the type of `run` to the table of `options`. */
export function defineCommand<const T extends OptionTable>(command: Command<T>): Command<T> {
  return command;
}

/** The words on the command line make no sense: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
