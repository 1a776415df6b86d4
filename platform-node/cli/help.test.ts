import { EMPTY, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { fakeClient } from '../../peers/run-command.ts';
import { bundleCommand } from './bundle.ts';
import { emitCommand } from './emit.ts';
import { getCommand } from './get.ts';
import { helpOf, overview } from './help.ts';
import { infoCommand } from './info.ts';
import { relayCommand } from './relay.ts';
import { setCommand } from './set.ts';
import { streamCommand } from './stream.ts';
import { subCommand } from './sub.ts';

const connect = () => fakeClient({});
const never = () => {
  throw new Error('only its help is asked for');
};
const commands = [
  relayCommand({ start: never }),
  subCommand(connect),
  setCommand(connect),
  getCommand(connect),
  emitCommand(connect),
  streamCommand(connect, EMPTY),
  bundleCommand(connect, EMPTY),
  infoCommand({ dial: never, figures: () => of({}), now: never }),
];

describe('help', () => {
  it.each(commands.map((command) => [command.name, command] as const))(
    'of %s has usage, every option and an example',
    (name, command) => {
      const help = helpOf(command);
      expect(help).toContain(`Usage: clasp-rx ${name}`);
      expect(help).toMatch(new RegExp(`Examples:\\n {2}# .+\\n {2}.*clasp-rx ${name}`));
      for (const option of Object.keys(command.options)) expect(help).toContain(`  --${option}`);
      for (const argument of command.arguments) expect(help).toContain(`\n  ${argument.name} `);
      for (const line of help.split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
    },
  );

  it('lists the commands with what they do', () => {
    const page = overview(commands);
    for (const { name, summary } of commands) {
      expect(page).toContain(`\n  ${name}`);
      expect(page).toContain(summary);
    }
  });
});
