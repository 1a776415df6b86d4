import { map } from 'rxjs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { addressOf } from './address-arguments.ts';
import { type Command, data, defineCommand } from './command.ts';
import { type Connect, jsonOption, targetOptions, withClient } from './connect.ts';
import { formatValue, recordJson } from './format.ts';

const options = {
  ...targetOptions,
  ...jsonOption,
  raw: { kind: 'flag', help: 'print text without quotes' },
} as const;

/** `get ADDRESS`: the value of a param. */
export const getCommand = (connect: Connect): Command =>
  defineCommand({
    name: 'get',
    summary: 'print the value of a param; fails when there is none',
    arguments: [{ name: 'ADDRESS', help: 'for example /mixer/1' }],
    options,
    examples: [
      { what: 'the value as JSON', run: 'clasp-rx get /mixer/1' },
      { what: 'text without its quotes', run: 'clasp-rx get /show/title --raw' },
    ],
    run: ({ url, token, json, raw }, args, stop) => {
      const address = addressOf(args);
      return withClient(connect, { target: { url, token }, stop, use: (client) => client.get(address) }).pipe(
        map((value) => {
          if (value === null) throw new ClaspError(ErrorCode.NotFound, `${address} has no value`);
          if (json) return data(recordJson({ address, value }));
          return data(raw && typeof value === 'string' ? value : formatValue(value));
        }),
      );
    },
  });
