import { map } from 'rxjs';
import type { SetOptions } from '../../core/client/client.ts';
import { addressOf } from './address-arguments.ts';
import { type Command, data, defineCommand, UsageError } from './command.ts';
import { type Connect, jsonOption, targetOptions, withClient } from './connect.ts';
import { recordJson } from './format.ts';
import { parseValue, VALUE_NOTE, valueOptions } from './value.ts';

const options = {
  ...targetOptions,
  ...jsonOption,
  ...valueOptions,
  lock: { kind: 'flag', help: 'become the holder: nobody else can write until you unlock or disconnect' },
  unlock: { kind: 'flag', help: 'give the lock up' },
  revision: {
    kind: 'number',
    placeholder: 'N',
    help: 'write only if the param is at revision N',
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    whole: true,
  },
  ttl: {
    kind: 'number',
    placeholder: 'SECONDS',
    help: 'delete the param this long after its last use; 0 = never',
    min: 0,
    max: 2 ** 31 - 1,
    whole: true,
  },
  'ttl-mode': {
    kind: 'text',
    placeholder: 'MODE',
    help: 'sliding: --ttl starts again with each write and read; absolute: it does not',
    choices: ['sliding', 'absolute'],
    usual: 'sliding',
  },
} as const;

/** `set ADDRESS VALUE`: writes a param and waits for the relay's answer. */
export const setCommand = (connect: Connect): Command =>
  defineCommand({
    name: 'set',
    summary: 'write a param and print the revision it got',
    arguments: [
      { name: 'ADDRESS', help: 'for example /mixer/1' },
      { name: 'VALUE', help: 'JSON or text; null deletes the param' },
    ],
    options,
    notes: [VALUE_NOTE, 'A lock ends with the session that took it, which is when this command ends.'],
    examples: [
      { what: 'a number', run: 'clasp-rx set /mixer/1 0.75' },
      { what: 'a map', run: `clasp-rx set /lights/front '{"on": true, "rgb": [255, 160, 0]}'` },
      { what: 'only if nobody wrote since revision 3', run: 'clasp-rx set /mixer/1 0.8 --revision 3' },
    ],
    run: ({ url, token, json, string, ...given }, args, stop) => {
      const address = addressOf(args);
      const value = parseValue(args[1] ?? '', string);
      if (given.lock && given.unlock) throw new UsageError('--lock and --unlock exclude each other');
      if (given['ttl-mode'] && given.ttl === undefined) throw new UsageError('--ttl-mode needs --ttl SECONDS');
      const setOptions: SetOptions = {
        ...(given.lock && { lock: true }),
        ...(given.unlock && { unlock: true }),
        ...(given.revision !== undefined && { revision: given.revision }),
        ...(given.ttl !== undefined && {
          ttl: { seconds: given.ttl, mode: given['ttl-mode'] === 'absolute' ? 'absolute' : 'sliding' },
        }),
      };
      const use = (client: ReturnType<Connect>) => client.set(address, value, setOptions);
      return withClient(connect, { target: { url, token }, stop, use }).pipe(
        map((ack) => data(json ? recordJson({ ...ack }) : String(ack.revision ?? ''))),
      );
    },
  });
