import { version } from '../version.ts';
import type { Command, CommandEntry, Option } from './command.ts';

const WIDTH = 100;

/** What is printed where the words ask about the commands and name none to run; undefined otherwise. */
export function explain(
  words: readonly string[],
  commands: readonly (Command | CommandEntry)[],
): string | Promise<string> | undefined {
  const [first, named] = words;
  if (first === '--version' || first === '-v' || first === '-V') return version;
  if (first !== undefined && first !== '--help' && first !== '-h' && first !== 'help') return undefined;
  const topic = first === 'help' ? commands.find(({ name }) => name === named) : undefined;
  if (!topic) return overview(commands);
  return 'load' in topic ? topic.load().then(helpOf) : helpOf(topic);
}

/** The page that `clasp-rx --help` prints. */
export function overview(commands: readonly (Command | CommandEntry)[]): string {
  const rows = commands.map((command): readonly [string, string] => [usageOf(command), command.summary]);
  return [
    'clasp-rx: a CLASP relay and client for the command line',
    '',
    'Usage: clasp-rx COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...table(rows),
    '',
    'Every command explains itself: clasp-rx COMMAND --help',
    'The version: clasp-rx --version',
    '',
    'Data is printed on stdout, messages on stderr. Exit code 0: done, 1: failed, 2: wrong usage.',
  ].join('\n');
}

/** The page that `clasp-rx COMMAND --help` prints. */
export function helpOf(command: Command): string {
  const args = command.arguments.map(({ name, help }): readonly [string, string] => [name, help]);
  const options = Object.entries(command.options).flatMap(([name, option]) => optionRows(name, option));
  return [
    `clasp-rx ${command.name}: ${command.summary}`,
    '',
    `Usage: clasp-rx ${usageOf(command)} [OPTIONS]`,
    ...(args.length > 0 ? ['', ...table(args)] : []),
    '',
    'Options:',
    ...table([...options, ['--help', 'print this']]),
    ...(command.notes ?? []).flatMap((note) => ['', ...wrapped(note, WIDTH)]),
    '',
    'Examples:',
    ...command.examples.flatMap(({ run, what }) => [`  # ${what}`, `  ${run}`]),
  ].join('\n');
}

function usageOf(command: Command | CommandEntry): string {
  const words = command.arguments.map(({ name, optional }) => (optional ? `[${name}]` : name));
  return [command.name, ...words].join(' ');
}

function optionRows(name: string, option: Option): (readonly [string, string])[] {
  const names = [name, ...('aliases' in option ? (option.aliases ?? []) : [])].map((each) => `--${each}`).join(', ');
  const left = option.kind === 'flag' ? names : `${names} ${option.placeholder}`;
  const facts = [
    option.kind === 'texts' ? 'may be repeated' : '',
    'env' in option ? `or ${option.env}` : '',
    'fallback' in option ? `default ${option.fallback}` : '',
    'usual' in option ? `default ${option.usual}` : '',
  ].filter((fact) => fact !== '');
  return [[left, facts.length > 0 ? `${option.help} (${facts.join('; ')})` : option.help]];
}

/** Two columns; the second is wrapped. */
function table(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const left = Math.max(...rows.map(([text]) => text.length)) + 4;
  return rows.flatMap(([text, explanation]) =>
    wrapped(explanation, WIDTH - left).map((line, index) => (index === 0 ? `  ${text}` : '').padEnd(left) + line),
  );
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
