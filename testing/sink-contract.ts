import { filter, Subject } from 'rxjs';
import { ClaspError } from '../core/errors.ts';
import type { Signal, SignalKind } from '../core/signal/signal.ts';
import type { Sink } from '../core/signal/sink.ts';
import type { Value } from '../core/signal/value.ts';
import type { ConnectionContractRunner } from './connection-contract.ts';
import { inTime, pause, same } from './connection-probe.ts';

/** A signal that the sink can carry, and what comes out of it, in words. */
export interface Carried {
  readonly signal: Signal;
  readonly effect: string;
}

/** A sink with the device (or peer) behind it in the test's hand. */
export interface SinkRig {
  readonly sink: Sink<Signal>;
  /** What came out so far, in words, in order. */
  effects(): readonly string[];
  /** The n-th of at least ten different signals that it can carry. */
  carried(n: number): Carried;
  /** A signal that its protocol has no form for. */
  readonly refused?: Signal;
  /** Makes the device refuse every effect from now on. */
  readonly breakDevice?: () => void | Promise<void>;
  /** Whether the device is still open. Absent: the sink does not own it. */
  readonly isOpen?: () => boolean;
  /** Frees what the rig holds. */
  close?(): void | Promise<void>;
}

export interface SinkContractOptions extends ConnectionContractRunner {
  /** Milliseconds after which everything that was written has come out, where the sink gathers. @defaultValue 20 */
  readonly settle?: number;
  /** Whether each signal comes out by itself, in order; not so where only the newest counts. @defaultValue true */
  readonly each?: boolean;
  /** Whether there are signals that it cannot carry: `refused`. @defaultValue true */
  readonly refuses?: boolean;
  /** Whether its device can refuse: `breakDevice`. @defaultValue true */
  readonly breaks?: boolean;
}

/**
 * States the laws of a {@link Sink} as tests of a bridge's way out; run it against your own.
 *
 * @example
 * ```ts
 * import { describe, it } from 'vitest';
 *
 * sinkContract(
 *   'a sink of lines',
 *   () => {
 *     const lines: string[] = [];
 *     return {
 *       sink: sink<Signal>({ write: ({ address }) => void lines.push(address) }),
 *       effects: () => lines,
 *       carried: (n) => ({ signal: { kind: 'event', address: `/${n}`, value: null }, effect: `/${n}` }),
 *     };
 *   },
 *   { describe, it, refuses: false, breaks: false },
 * );
 * ```
 */
export function sinkContract(
  name: string,
  open: () => SinkRig | Promise<SinkRig>,
  { describe, it, settle = 20, each = true, refuses = true, breaks = true }: SinkContractOptions,
): void {
  const law = (text: string, test: (rig: SinkRig, settle: number) => Promise<void>) =>
    it(text, async () => {
      const rig = await open();
      try {
        await test(rig, settle);
      } finally {
        await rig.close?.();
      }
    });

  describe(`${name} keeps the contract of a sink`, () => {
    law('does nothing before the first signal', doesNothing);
    if (each) law('brings every signal out, in order', bringsOut);
    law('brings the newest out', bringsNewestOut);
    if (refuses) {
      law('what it cannot carry is a failure with code and address, nothing comes out, and it goes on', refusesSignal);
      law('failures are hot: who listens late hears what comes late', failuresAreHot);
    }
    law('never throws, whatever it is given', neverThrows);
    if (breaks) law('a device that refuses is a failure, not an exception', survivesDevice);
    law('is over with complete: closes, completes its failures, ignores what comes', (rig, time) => isOver(rig, time));
    law('is over with error in the same way', (rig, time) =>
      isOver(rig, time, new ClaspError(500, 'the source broke')),
    );
  });
}

/** Listens to the failures of a sink. */
function failuresOf({ sink }: SinkRig) {
  const heard: unknown[] = [];
  const changes = new Subject<void>();
  let over = false;
  sink.failures.subscribe({
    next: (failure) => {
      heard.push(failure);
      changes.next();
    },
    complete: () => {
      over = true;
      changes.next();
    },
  });
  const until = async (what: string, condition: () => boolean) => {
    if (!condition()) await inTime(what, changes.pipe(filter(condition)));
  };
  return { heard, until, isOver: () => over };
}

/** Waits until something has come out, for at most 20 s. */
async function effect(rig: SinkRig, wanted: string): Promise<void> {
  for (let turn = 0; turn < 4_000 && !rig.effects().includes(wanted); turn++) await pause(5);
  same('what came out', rig.effects().includes(wanted) ? wanted : rig.effects().join(), wanted);
}

function refusedBy({ refused }: SinkRig): Signal {
  if (!refused) throw new Error('the rig has nothing `refused`: give it, or say `refuses: false`');
  return refused;
}

async function doesNothing(rig: SinkRig, settle: number): Promise<void> {
  await pause(settle);
  same('effects', rig.effects().length, 0);
}

async function bringsOut(rig: SinkRig, settle: number): Promise<void> {
  const all = Array.from({ length: 10 }, (_, n) => rig.carried(n));
  for (const { signal } of all) rig.sink.next(signal);
  await effect(rig, (all.at(-1) as Carried).effect);
  await pause(settle);
  same('effects', rig.effects().join('; '), all.map(({ effect: wanted }) => wanted).join('; '));
}

async function bringsNewestOut(rig: SinkRig): Promise<void> {
  const failures = failuresOf(rig);
  for (let n = 0; n < 10; n++) rig.sink.next(rig.carried(n).signal);
  await effect(rig, rig.carried(9).effect);
  same('failures', failures.heard.join(), '');
}

async function refusesSignal(rig: SinkRig, settle: number): Promise<void> {
  const refused = refusedBy(rig);
  const failures = failuresOf(rig);
  rig.sink.next(refused);
  await failures.until('a failure', () => failures.heard.length > 0);
  const [failure] = failures.heard;
  same('it is a ClaspError', failure instanceof ClaspError, true);
  same('address of the failure', (failure as ClaspError).address ?? 'none', refused.address);
  await pause(settle);
  same('effects', rig.effects().join(), '');
  const { signal, effect: wanted } = rig.carried(0);
  rig.sink.next(signal);
  await effect(rig, wanted);
}

const VALUES: readonly Value[] = [
  ...[null, true, 0, -1, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 2n ** 63n - 1n, '', '\0', '😀'.repeat(100)],
  ...[new Uint8Array(0), new Uint8Array(70_000), [], [[[null]]], [1, 'a', false], {}, { a: { b: [1n] } }],
];
const KINDS: readonly SignalKind[] = ['param', 'event', 'stream', 'gesture', 'timeline'];

/** Signals that no bridge expects. */
export function strange(address: string): Signal[] {
  const places = [
    address,
    '',
    '/',
    'no address',
    '/a//b',
    '/*',
    `/${'x'.repeat(5_000)}`,
    `${address}/`,
    `${address}/1/2/3`,
  ];
  return places.flatMap((where) =>
    KINDS.flatMap((kind) =>
      VALUES.map((value): Signal => {
        if (kind === 'gesture') return { kind, address: where, id: -1, phase: 'end', value };
        if (kind === 'timeline') return { kind, address: where, keyframes: [{ time: Number.NaN, value }] };
        return { kind, address: where, value };
      }),
    ),
  );
}

async function neverThrows(rig: SinkRig, settle: number): Promise<void> {
  const failures = failuresOf(rig);
  for (const signal of strange(rig.carried(0).signal.address)) rig.sink.next(signal);
  await pause(settle);
  for (const failure of failures.heard) same('each failure is a ClaspError', failure instanceof ClaspError, true);
  const { signal, effect: wanted } = rig.carried(1);
  rig.sink.next(signal);
  await effect(rig, wanted);
}

async function survivesDevice(rig: SinkRig): Promise<void> {
  if (!rig.breakDevice) throw new Error('the rig cannot `breakDevice`: give it, or say `breaks: false`');
  const failures = failuresOf(rig);
  await rig.breakDevice();
  rig.sink.next(rig.carried(0).signal);
  await failures.until('a failure', () => failures.heard.length > 0);
  same('it is a ClaspError', failures.heard[0] instanceof ClaspError, true);
}

async function isOver(rig: SinkRig, settle: number, reason?: ClaspError): Promise<void> {
  const failures = failuresOf(rig);
  const { signal, effect: wanted } = rig.carried(0);
  rig.sink.next(signal);
  await effect(rig, wanted);
  const before = rig.effects().length;
  if (reason) rig.sink.error(reason);
  else rig.sink.complete();
  rig.sink.complete();
  rig.sink.error(new ClaspError(500, 'too late'));
  await failures.until('the end of the failures', failures.isOver);
  rig.sink.next(rig.carried(1).signal);
  await pause(settle);
  same('effects after the end', rig.effects().includes(rig.carried(1).effect), false);
  same('effects were kept', rig.effects().length >= before, true);
  same('failures', failures.heard.join(), '');
  if (rig.isOpen) same('the device is open', rig.isOpen(), false);
  const late = failuresOf(rig);
  same('failures complete for who comes late', late.isOver(), true);
}

async function failuresAreHot(rig: SinkRig): Promise<void> {
  const refused = refusedBy(rig);
  const early = failuresOf(rig);
  rig.sink.next(refused);
  await early.until('a failure', () => early.heard.length > 0);
  const late = failuresOf(rig);
  same('failures that were over', late.heard.length, 0);
}
