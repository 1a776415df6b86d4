import { filter, type Observable, Subject, take } from 'rxjs';
import { isAddress } from '../core/address/address.ts';
import { ClaspError } from '../core/errors.ts';
import type { Signal } from '../core/signal/signal.ts';
import type { ConnectionContractRunner } from './connection-contract.ts';
import { inTime, pause, same } from './connection-probe.ts';
import { deepEqual } from './deep-equal.ts';
import { shown } from './diagram.ts';

/** What a signal must hold; fields that are not named may be anything. */
export type ExpectedSignal = Pick<Signal, 'address'> & { readonly [field: string]: unknown };

/** A source with the device (or peer, or stream of packets) behind it in the test's hand. */
export interface SourceRig {
  /** Not subscribed yet. */
  readonly source: Observable<Signal>;
  /** What the source could not understand. Absent: it understands everything. */
  readonly failures?: Observable<ClaspError>;
  /** How many have the device open: listeners, subscriptions, handles. */
  opened(): number;
  /** Makes the device say the n-th of at least ten different things, once; gives the signal it means. */
  say(n: number): ExpectedSignal | Promise<ExpectedSignal>;
  /** Makes it say what nobody can understand. */
  readonly babble?: () => void | Promise<void>;
  /** Takes it away in order: the source completes. */
  readonly end?: () => void | Promise<void>;
  /** Takes it away with a failure: the source errors with a `ClaspError`. */
  readonly fail?: () => void | Promise<void>;
  /** Frees what the rig holds. */
  close?(): void | Promise<void>;
}

export interface SourceContractOptions extends ConnectionContractRunner {
  /** Whether it may be subscribed to again after it was unsubscribed from. @defaultValue true */
  readonly again?: boolean;
  /** Whether its device can say what it does not understand: `babble`. @defaultValue true */
  readonly babbles?: boolean;
  /** Whether its device can end in order: `end`. @defaultValue true */
  readonly ends?: boolean;
  /** Whether its device can be lost: `fail`. @defaultValue true */
  readonly fails?: boolean;
}

/**
 * States the laws of a source as tests of a bridge's way in; run it against your own. What its device cannot do is left
 * out; say so in the options.
 *
 * @example
 * ```ts
 * import { describe, it } from 'vitest';
 *
 * sourceContract(
 *   'midiSource',
 *   () => {
 *     const listeners = new Set<(message: MidiEventLike) => void>();
 *     const input: MidiInputLike = {
 *       addEventListener: (_type, listen) => void listeners.add(listen),
 *       removeEventListener: (_type, listen) => void listeners.delete(listen),
 *     };
 *     return {
 *       source: midiSource(input),
 *       opened: () => listeners.size,
 *       say: (n) => {
 *         for (const listen of listeners) listen({ data: Uint8Array.of(0xb0, n, 127) });
 *         return { address: `/midi/ch/1/cc/${n}`, kind: 'param', value: 1 };
 *       },
 *     };
 *   },
 *   { describe, it, babbles: false, ends: false, fails: false },
 * );
 * ```
 */
export function sourceContract(
  name: string,
  open: () => SourceRig | Promise<SourceRig>,
  { describe, it, again = true, babbles = true, ends = true, fails = true }: SourceContractOptions,
): void {
  const law = (text: string, test: (rig: SourceRig) => Promise<void>) => it(text, () => withRig(open, test));

  describe(`${name} keeps the contract of a source`, () => {
    law('is cold: opens on subscription, closes on unsubscription', opensAndCloses);
    law('tells what the device says, whole and in order, as signals with valid addresses', tellsInOrder);
    law('tells nothing after unsubscription', tellsNothingAfterwards);
    law('a consumer that has enough closes it from within', closesFromWithin);
    if (babbles) law('what cannot be understood is a failure with a code, and the source goes on', survivesBabble);
    if (ends) law('completes when the device ends, once, and has closed it', (rig) => leaves(rig, 'end'));
    if (fails) law('errors with a ClaspError when the device is lost, and has closed it', (rig) => leaves(rig, 'fail'));
    if (again) law('can be subscribed to again, and hears then what is said then', opensAgain);
  });
}

async function withRig(open: () => SourceRig | Promise<SourceRig>, test: (rig: SourceRig) => Promise<void>) {
  const rig = await open();
  try {
    await test(rig);
  } finally {
    await rig.close?.();
  }
}

/** Listens to a source from now on. */
function ear({ source }: SourceRig) {
  const heard: Signal[] = [];
  const ends: string[] = [];
  const changes = new Subject<void>();
  const end = (how: string) => {
    ends.push(how);
    changes.next();
  };
  const subscription = source.subscribe({
    next: (signal) => {
      heard.push(signal);
      changes.next();
    },
    error: (cause) => end(cause instanceof ClaspError ? 'failed' : `not a ClaspError: ${cause}`),
    complete: () => end('completed'),
  });
  const until = async (what: string, condition: () => boolean) => {
    if (!condition()) await inTime(what, changes.pipe(filter(condition)));
  };
  return { heard, ends, until, stop: () => subscription.unsubscribe() };
}

/** Waits until the device is closed, which may take a turn. */
async function closed(rig: SourceRig): Promise<void> {
  for (let turn = 0; turn < 200 && rig.opened() > 0; turn++) await pause(5);
  same('how many have the device open', rig.opened(), 0);
}

async function opensAndCloses(rig: SourceRig): Promise<void> {
  same('open before the subscription', rig.opened(), 0);
  const one = ear(rig);
  await rig.say(0);
  await one.until('the first signal', () => one.heard.length > 0);
  same('open while subscribed', rig.opened(), 1);
  one.stop();
  one.stop();
  await closed(rig);
}

async function tellsInOrder(rig: SourceRig): Promise<void> {
  const one = ear(rig);
  const expected: ExpectedSignal[] = [];
  for (let n = 0; n < 10; n++) expected.push(await rig.say(n));
  await one.until('ten signals', () => one.heard.length >= 10);
  for (const [n, signal] of expected.entries()) holds(one.heard[n] as Signal, signal);
  same('signals', one.heard.length, 10);
  for (const { address } of one.heard) same(`${address} is valid`, isAddress(address), true);
  one.stop();
}

export function holds(signal: Signal, expected: ExpectedSignal): void {
  for (const [field, value] of Object.entries(expected)) {
    const actual: unknown = Reflect.get(signal, field);
    if (!deepEqual(actual, value)) {
      throw new Error(`${field} of ${signal.address}: ${shown(actual)} instead of ${shown(value)}`);
    }
  }
}

async function tellsNothingAfterwards(rig: SourceRig): Promise<void> {
  const one = ear(rig);
  await rig.say(0);
  await one.until('the first signal', () => one.heard.length > 0);
  one.stop();
  await rig.say(1);
  await pause(20);
  same('signals', one.heard.length, 1);
  same('ends', one.ends.length, 0);
}

async function closesFromWithin(rig: SourceRig): Promise<void> {
  const one = ear({ ...rig, source: rig.source.pipe(take(1)) });
  await rig.say(0);
  await one.until('the end', () => one.ends.length > 0);
  await closed(rig);
}

async function survivesBabble(rig: SourceRig): Promise<void> {
  if (!rig.babble) throw new Error('the rig cannot `babble`: give it, or say `babbles: false`');
  const failures: unknown[] = [];
  rig.failures?.subscribe((failure) => failures.push(failure));
  const one = ear(rig);
  await rig.babble();
  await rig.say(0);
  await one.until('the signal after it', () => one.heard.length > 0 || one.ends.length > 0);
  same('ends', one.ends.join(), '');
  if (rig.failures) {
    same('failures', failures.length > 0, true);
    same(
      'each is a ClaspError',
      failures.every((failure) => failure instanceof ClaspError),
      true,
    );
  }
  one.stop();
}

async function leaves(rig: SourceRig, how: 'end' | 'fail'): Promise<void> {
  const leave = rig[how];
  if (!leave) throw new Error(`the rig cannot \`${how}\`: give it, or say \`${how}s: false\``);
  const one = ear(rig);
  await rig.say(0);
  await one.until('the first signal', () => one.heard.length > 0);
  await leave();
  await one.until('the end', () => one.ends.length > 0);
  await closed(rig);
  await pause(10);
  same('ends', one.ends.join(), how === 'end' ? 'completed' : 'failed');
}

async function opensAgain(rig: SourceRig): Promise<void> {
  const first = ear(rig);
  await rig.say(0);
  await first.until('the first signal', () => first.heard.length > 0);
  first.stop();
  await closed(rig);
  const second = ear(rig);
  const expected = await rig.say(1);
  await second.until('a signal', () => second.heard.length > 0);
  holds(second.heard[0] as Signal, expected);
  second.stop();
}
