import { ClaspError } from '../../core/errors.ts';
import { parseJson } from '../../core/signal/json.ts';
import type { Value } from '../../core/signal/value.ts';
import { UsageError } from './command.ts';

/** Options of every command that takes a value. */
export const valueOptions = {
  string: { kind: 'flag', help: 'take VALUE as text, even when it reads as JSON' },
} as const;

/** What `VALUE` means, for the help pages. */
export const VALUE_NOTE: string =
  "VALUE is JSON when it reads as JSON (0.5, 3, true, null, '\"text\"', '[1, 2]', '{\"on\": true}'), otherwise text. A number " +
  'without fraction (3) is sent as an integer, any other (3.0, 0.5) as a float. Bytes are \'{"$bytes": "AQID"}\' in base64.';

/**
 * Reads a word of the command line, or a line of input, as a value: JSON if it is JSON, else the text itself. Throws a
 * {@link UsageError} for JSON that no value can hold and for what was clearly meant to be JSON, but is not.
 */
export function parseValue(text: string, asText: boolean): Value {
  if (asText) return text;
  try {
    return parseJson(text);
  } catch (cause) {
    if (!(cause instanceof ClaspError)) throw cause;
    const syntax = cause.cause !== undefined;
    if (syntax && !/^\s*[[{"]/.test(text)) return text;
    const advice = syntax ? '; quote it for your shell, or send it as text with --string' : '';
    throw new UsageError(`${text.slice(0, 60)} is not a value: ${cause.reason}${advice}`);
  }
}
