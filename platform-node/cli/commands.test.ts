import { describe, expect, it } from 'vitest';
import { commands } from './commands.ts';

describe('commands', () => {
  it.each(commands.map((entry) => [entry.name, entry] as const))(
    'lists %s as it describes itself',
    async (_, entry) => {
      const { name, summary, arguments: args } = await entry.load();
      const listed = args.map(({ name: word, optional }) => (optional ? { name: word, optional } : { name: word }));
      expect({ name, summary, arguments: listed }).toEqual({
        name: entry.name,
        summary: entry.summary,
        arguments: entry.arguments,
      });
    },
  );
});
