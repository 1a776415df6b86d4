import { type Observable, takeUntil } from 'rxjs';
import { parseArguments } from './arguments.ts';
import { type Command, type CommandEntry, UsageError } from './command.ts';
import { formatError } from './format.ts';
import { explain, helpOf } from './help.ts';
import { suggest } from './suggest.ts';

/** What the runner needs of the process. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  out(line: string): void;
  err(line: string): void;
  /** Ctrl-C and SIGTERM. */
  readonly stop: Observable<unknown>;
  /** Tells once nobody reads stdout any more (`| head -1`). */
  readonly unread: Observable<unknown>;
}

/** Runs the command that `words` name. Gives the exit code: 0 done, 1 failed, 2 wrong usage. Never rejects. */
export async function run(
  words: readonly string[],
  commands: readonly (Command | CommandEntry)[],
  terminal: Terminal,
): Promise<0 | 1 | 2> {
  const explained = explain(words, commands);
  if (explained !== undefined) {
    terminal.out(await explained);
    return 0;
  }
  const [first = '', ...rest] = words;
  const found = commands.find(({ name }) => name === first);
  if (!found) {
    const meant = suggest(
      first,
      commands.map(({ name }) => name),
    );
    terminal.err(`clasp-rx: unknown command "${first}"${meant ? `; did you mean "${meant}"?` : ''}`);
    terminal.err('clasp-rx --help lists the commands');
    return 2;
  }
  // Without a detour for the others: a command begins in the turn that it is called in.
  return runCommand('load' in found ? await found.load() : found, rest, terminal);
}

async function runCommand(command: Command, words: readonly string[], terminal: Terminal): Promise<0 | 1 | 2> {
  const failed = (cause: unknown): 1 | 2 => {
    terminal.err(`clasp-rx: ${formatError(cause)}`);
    if (!(cause instanceof UsageError)) return 1;
    terminal.err(`clasp-rx ${command.name} --help explains it`);
    return 2;
  };
  try {
    const [first = '', ...rest] = words;
    const specified = command.specify ? await command.specify(first) : undefined;
    if (specified) return await runCommand(specified, rest, terminal);
    const { options, args, help, notices } = parseArguments(words, command, terminal.env);
    if (help) {
      terminal.out(helpOf(command));
      return 0;
    }
    for (const notice of notices) terminal.err(`clasp-rx: ${notice}`);
    const lines = command.run(options, args, terminal.stop);
    return await new Promise((resolve) => {
      lines.pipe(takeUntil(terminal.unread)).subscribe({
        next: ({ to, text }) => (to === 'stdout' ? terminal.out(text) : terminal.err(text)),
        error: (cause) => resolve(failed(cause)),
        complete: () => resolve(0),
      });
    });
  } catch (cause) {
    return failed(cause);
  }
}
