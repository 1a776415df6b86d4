import { map, mergeMap, of } from 'rxjs';
import { addressOf } from './address-arguments.ts';
import { type Command, data, defineCommand } from './command.ts';
import { type Connect, jsonOption, targetOptions, withClient } from './connect.ts';
import { recordJson } from './format.ts';
import { parseValue, VALUE_NOTE, valueOptions } from './value.ts';

const options = { ...targetOptions, ...jsonOption, ...valueOptions } as const;

/** `emit ADDRESS [VALUE]`: sends an event and waits until the relay has it. */
export const emitCommand = (connect: Connect): Command =>
  defineCommand({
    name: 'emit',
    summary: 'send an event and wait until the relay has it',
    arguments: [
      { name: 'ADDRESS', help: 'for example /cue/go' },
      { name: 'VALUE', help: 'JSON or text; without it the event carries null', optional: true },
    ],
    options,
    notes: [VALUE_NOTE, 'Prints nothing unless --json is given.'],
    examples: [
      { what: 'just that it happened', run: 'clasp-rx emit /cue/go' },
      { what: 'with a value', run: `clasp-rx emit /midi/note '{"note": 60, "velocity": 100}'` },
    ],
    run: ({ url, token, json, string }, args, stop) => {
      const address = addressOf(args);
      const value = args[1] === undefined ? null : parseValue(args[1], string);
      return withClient(connect, { target: { url, token }, stop, use: (client) => client.emit(address, value) }).pipe(
        mergeMap(() => (json ? of(recordJson({ address, value })) : [])),
        map(data),
      );
    },
  });
