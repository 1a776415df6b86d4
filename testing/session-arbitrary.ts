import type { Arbitrary } from 'fast-check';
import type { GesturePhase } from '../core/signal/signal.ts';
import type { Message, QoS } from '../core/wire/message.ts';
import { fc, toStringMethod } from './fast-check.ts';

/** One step of a script: somebody comes, goes, says something, stops or goes on reading, or time passes. */
export type SessionStep =
  | { readonly do: 'join' | 'leave' | 'pause' | 'resume'; readonly who: string }
  | { readonly do: 'send'; readonly who: string; readonly message: Message; readonly qos: QoS }
  | { readonly do: 'wait'; readonly milliseconds: number };

/** What several participants do, in order; prints as a diagram with a column for each. */
export interface SessionScript {
  readonly names: readonly string[];
  readonly steps: readonly SessionStep[];
  toString(): string;
}

export interface SessionsOptions {
  /** Who takes part. @defaultValue a, b, c */
  readonly names?: readonly string[];
  /** What they say. @defaultValue {@link sessionMessages} */
  readonly messages?: Arbitrary<Message>;
  /** Milliseconds that may pass between two steps. @defaultValue up to 50 */
  readonly waits?: Arbitrary<number>;
  /** Whether readers may stop reading for a while. @defaultValue false */
  readonly pauses?: boolean;
  /** @defaultValue 40 */
  readonly maxSteps?: number;
}

const ADDRESSES = ['/a', '/a/1', '/a/2', '/b'] as const;
const PATTERNS = ['/a', '/a/*', '/**', '/b', '/*'] as const;

/**
 * What participants say to a relay, over few addresses, so that they get in each other's way: writes with and without
 * locks, TTLs and expected revisions, deletions, events, samples, questions, subscriptions.
 */
export function sessionMessages(): Arbitrary<Message> {
  const address = fc.constantFrom(...ADDRESSES);
  const value = fc.oneof({ weight: 6, arbitrary: fc.nat(99) }, fc.constant(null), fc.constant('x'));
  const id = fc.nat(2);
  const set = fc
    .record({
      address,
      value,
      how: fc.constantFrom<('' | 'lock' | 'unlock' | 'revision' | 'ttl')[]>(
        '',
        '',
        '',
        '',
        'lock',
        'unlock',
        'revision',
        'ttl',
      ),
      revision: fc.nat(4),
      ttl: fc.record({ seconds: fc.nat(3), mode: fc.constantFrom('sliding' as const, 'absolute') }),
    })
    .map(({ how, revision, ttl, ...write }): Message => {
      const more = how === 'revision' ? { revision } : how === 'ttl' ? { ttl } : how === '' ? {} : { [how]: true };
      return { type: 'SET', ...write, ...more };
    });
  return fc.oneof(
    { weight: 8, arbitrary: set },
    {
      weight: 3,
      arbitrary: fc
        .record({ address, value, signal: fc.constantFrom('event' as const, 'stream') })
        .map((some): Message => ({ type: 'PUBLISH', ...some })),
    },
    { weight: 1, arbitrary: address.map((at): Message => ({ type: 'GET', address: at })) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(id, fc.constantFrom(...PATTERNS))
        .map(([n, pattern]): Message => ({ type: 'SUBSCRIBE', id: n, pattern })),
    },
    { weight: 1, arbitrary: id.map((n): Message => ({ type: 'UNSUBSCRIBE', id: n })) },
  );
}

/** Phases of gestures at `/touch`, of few ids: in any order, as bad networks and broken devices send them. */
export function gestureMessages(): Arbitrary<Message> {
  return fc
    .record({
      address: fc.constant('/touch'),
      id: fc.nat(1),
      phase: fc.constantFrom<GesturePhase[]>('start', 'start', 'move', 'move', 'move', 'end', 'cancel'),
      value: fc.nat(99),
    })
    .map((some) => ({ type: 'PUBLISH', signal: 'gesture', ...some }));
}

/**
 * Whole sessions: what several participants do, in any order. Everybody leaves and comes back as chance wills; only who
 * is there does anything. Shrinks to few steps, few words and short waits.
 *
 * @example
 * ```ts
 * import { sessions } from 'clasp-rx/testing';
 * import fc from 'fast-check';
 *
 * console.log(String(fc.sample(sessions({ maxSteps: 4 }), 1)[0]));
 * // ms | a             | b
 * //  0 | join          |
 * // 12 | SET /a 3 qos1 |
 * // 12 |               | join
 * // then 12 ms have passed
 * ```
 */
export function sessions(options: SessionsOptions = {}): Arbitrary<SessionScript> {
  const { names = ['a', 'b', 'c'], messages = sessionMessages(), maxSteps = 40, pauses = false } = options;
  const { waits = fc.integer({ min: 1, max: 50 }) } = options;
  const who = fc.constantFrom(...names);
  const step: Arbitrary<SessionStep> = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant('send' as const),
        who,
        message: messages,
        qos: fc.constantFrom<QoS[]>(1, 0),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), who }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), who }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), milliseconds: waits }) },
    ...(pauses ? [{ weight: 2, arbitrary: fc.record({ do: fc.constantFrom('pause' as const, 'resume'), who }) }] : []),
  );
  return fc.array(step, { maxLength: maxSteps, size: 'max' }).map((all) => new Script(names, possible(all)));
}

/** Leaves out what cannot be: nobody joins twice, and who is not there does nothing. */
function possible(steps: readonly SessionStep[]): SessionStep[] {
  const there = new Set<string>();
  return steps.filter((step) => {
    if (step.do === 'wait') return true;
    const here = there.has(step.who);
    if (step.do === 'join') {
      there.add(step.who);
      return !here;
    }
    if (step.do === 'leave') there.delete(step.who);
    return here;
  });
}

class Script implements SessionScript {
  readonly names: readonly string[];
  readonly steps: readonly SessionStep[];

  constructor(names: readonly string[], steps: readonly SessionStep[]) {
    this.names = names;
    this.steps = steps;
  }

  /** What fast-check prints. */
  [toStringMethod](): string {
    return `\n${this}\n`;
  }

  toString(): string {
    let now = 0;
    const rows: (readonly string[])[] = [['ms', ...this.names]];
    for (const step of this.steps) {
      if (step.do === 'wait') now += step.milliseconds;
      else rows.push([String(now), ...this.names.map((name) => (name === step.who ? inShort(step) : ''))]);
    }
    const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
    const line = (row: readonly string[]) =>
      row.map((cell, column) => (column === 0 ? cell.padStart(widths[0] ?? 0) : cell.padEnd(widths[column] ?? 0)));
    return [...rows.map((row) => line(row).join(' | ').trimEnd()), `then ${now} ms have passed`].join('\n');
  }
}

function inShort(step: Exclude<SessionStep, { do: 'wait' }>): string {
  if (step.do !== 'send') return step.do;
  return `${messageInShort(step.message)}${step.qos > 0 ? ` qos${step.qos}` : ''}`;
}

function messageInShort({ type, ...rest }: Message): string {
  const words = Object.entries(rest).map(([key, value]: [string, unknown]) => {
    if (value === undefined) return '';
    if (key === 'messages') return `[${(value as readonly Message[]).map(messageInShort).join(', ')}]`;
    if (key === 'address' || key === 'pattern' || key === 'value') return text(value);
    return value === true ? key : `${key}=${text(value)}`;
  });
  return [type, ...words].filter(Boolean).join(' ');
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
