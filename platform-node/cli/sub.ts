import { filter, map, type Observable, take } from 'rxjs';
import type { Client, OnOptions } from '../../core/client/client.ts';
import type { ClaspError } from '../../core/errors.ts';
import type { Signal, SignalKind } from '../../core/signal/signal.ts';
import { patternOf } from './address-arguments.ts';
import { type Command, data, defineCommand, type Line, message, UsageError } from './command.ts';
import { type Connect, jsonOption, targetOptions, waitOption, withClient } from './connect.ts';
import { changeText, withConnectionChanges } from './connection-changes.ts';
import { formatError, formatSignal, signalJson } from './format.ts';

const KINDS: readonly SignalKind[] = ['param', 'event', 'stream', 'gesture', 'timeline'];

const options = {
  ...targetOptions,
  ...jsonOption,
  types: { kind: 'text', placeholder: 'LIST', help: `only these kinds, with commas between: ${KINDS.join(',')}` },
  'max-rate': {
    kind: 'number',
    placeholder: 'HZ',
    help: 'at most this many values a second per address; the newest always arrives',
    min: 1,
    max: 2 ** 32 - 1,
    whole: true,
  },
  epsilon: {
    kind: 'number',
    placeholder: 'DISTANCE',
    help: 'hold back numbers this near to the last one',
    min: 0,
    max: Number.POSITIVE_INFINITY,
  },
  count: {
    kind: 'number',
    placeholder: 'N',
    help: 'end after N lines',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    whole: true,
  },
  ...waitOption,
  'no-snapshot': { kind: 'flag', help: 'leave out the values that were there before; only print changes' },
} as const;

function isSnapshot(signal: Signal): boolean {
  return signal.kind === 'param' && signal.snapshot === true;
}

function kindsOf(list: string): readonly SignalKind[] {
  return list.split(',').map((word) => {
    const kind = KINDS.find((known) => known === word.trim());
    if (kind === undefined) throw new UsageError(`--types is a list of ${KINDS.join(', ')}; "${word}" is none of them`);
    return kind;
  });
}

/** `sub PATTERN`: prints signals as they come. */
export const subCommand = (connect: Connect): Command =>
  defineCommand({
    name: 'sub',
    summary: 'print signals as they come, the current params first',
    arguments: [{ name: 'PATTERN', help: '* stands for one part, ** for any number; quote it for your shell' }],
    options,
    notes: [
      'One line a signal: the address, its kind unless it is a param, and the value as JSON. With --json an object: kind, address, value, revision and ' +
        'what else there is. A lost connection is restored and the current params are printed again; Ctrl-C ends it.',
    ],
    examples: [
      { what: 'everything from OSC', run: `clasp-rx sub '/osc/**'` },
      { what: 'the next event, as JSON', run: `clasp-rx sub '/cue/*' --types event --count 1 --json` },
    ],
    run: (
      { url, token, json, wait, types, 'max-rate': maxRate, epsilon, count, 'no-snapshot': onlyChanges },
      args,
      stop,
    ) => {
      const pattern = patternOf(args);
      const onOptions: OnOptions = {
        ...(types !== undefined && { types: kindsOf(types) }),
        ...(maxRate !== undefined && { maxRate }),
        ...(epsilon !== undefined && { epsilon }),
      };
      const lines = (client: Client): Observable<Line> => {
        const signals = client.on(pattern, onOptions).pipe(
          filter((signal) => !(onlyChanges && isSnapshot(signal))),
          take(count ?? Number.POSITIVE_INFINITY),
          map((signal) => data(json ? signalJson(signal) : formatSignal(signal))),
        );
        return withConnectionChanges(client, signals, (change) => message(`clasp-rx: ${changeText(change, url)}`));
      };
      const waiting = (why: ClaspError | undefined) =>
        message(`clasp-rx: ${why ? formatError(why) : `connected to ${url}`}`);
      const target = { url, token };
      return withClient(connect, { target, stop, patient: true, waiting: wait ? waiting : undefined, use: lines });
    },
  });
