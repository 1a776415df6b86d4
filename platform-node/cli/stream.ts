import { concat, defer, EMPTY, mergeMap, type Observable, of, throwError } from 'rxjs';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { addressOf } from './address-arguments.ts';
import { type Command, defineCommand, type Line, message } from './command.ts';
import { type Connect, targetOptions, withClient } from './connect.ts';
import { parseValue, VALUE_NOTE, valueOptions } from './value.ts';

const options = { ...targetOptions, ...valueOptions } as const;

/** `stream ADDRESS`: sends each line of `input` as a sample. */
export const streamCommand = (connect: Connect, input: Observable<string>): Command =>
  defineCommand({
    name: 'stream',
    summary: 'send the lines of standard input as samples of a stream',
    arguments: [{ name: 'ADDRESS', help: 'for example /sensor/1' }],
    options,
    notes: [
      VALUE_NOTE.replace('VALUE', 'Each line'),
      'Empty lines are skipped. Samples are not acknowledged, and older ones are dropped when they come faster than the ' +
        'connection takes them; it then says how many. Exit code 1 when a line was no value.',
    ],
    examples: [
      { what: 'three samples', run: `printf '0.1\\n0.2\\n0.3\\n' | clasp-rx stream /sensor/1` },
      {
        what: 'the load of this machine',
        run: "vmstat 1 | awk 'NR > 2 { print 100 - $15; fflush() }' | clasp-rx stream /load",
      },
    ],
    run: ({ url, token, string }, args, stop) => {
      const address = addressOf(args);
      const use = (client: Client) => sendLines(client, address, input, string);
      return withClient(connect, { target: { url, token }, stop, patient: true, use });
    },
  });

function sendLines(client: Client, address: string, input: Observable<string>, asText: boolean): Observable<Line> {
  return defer(() => {
    let line = 0;
    let sent = 0;
    let bad = 0;
    const lines = input.pipe(
      mergeMap((text) => {
        line++;
        if (text.trim() === '') return EMPTY;
        try {
          client.stream(address, parseValue(text, asText));
          sent++;
          return EMPTY;
        } catch (cause) {
          bad++;
          return of(message(`clasp-rx: line ${line}: ${cause instanceof Error ? cause.message : String(cause)}`));
        }
      }),
    );
    const summary = defer(() => {
      const { dropped } = client.counts;
      return dropped > 0 ? of(message(`clasp-rx: ${dropped} of ${sent} samples were dropped`)) : EMPTY;
    });
    const verdict = defer(() =>
      bad === 0
        ? EMPTY
        : throwError(() => new ClaspError(ErrorCode.BadValue, `${bad} of ${line} lines were no values`)),
    );
    return concat(lines, summary, verdict);
  });
}
