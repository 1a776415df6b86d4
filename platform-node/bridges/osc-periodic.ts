import { Observable, type SchedulerLike } from 'rxjs';
import type { ClaspError } from '../../core/errors.ts';
import { encodeOsc } from '../../core/protocols/osc/osc-encode.ts';
import { parseOscTags, toOscAddress, toOscArguments } from '../../core/protocols/osc/osc-mapping.ts';
import type { Value } from '../../core/signal/value.ts';

/** A message that is sent again and again, as mixers want it to go on telling what changes. */
export interface OscPeriodicMessage {
  /** The OSC address, without the namespace: `/xremote`. */
  readonly address: string;
  /** Milliseconds from one to the next, at least 10; the first is sent at once. */
  readonly every: number;
  /** What it carries, as a value that is sent would. @defaultValue no arguments */
  readonly value?: Value | undefined;
  /** The types of its arguments, as `i` or `sf`. @defaultValue by the value */
  readonly types?: string | undefined;
  /** Who gets it, as `host:port`. @defaultValue every target */
  readonly to?: string | undefined;
}

/** Milliseconds. Host timers overflow beyond it and fire at once. */
const LONGEST = 2 ** 31 - 1;
const SHORTEST = 10;

/** The bytes of such a message; throws a `ClaspError` for what OSC cannot carry (402) or address (200). */
export function encodePeriodic({ address, value = null, types }: OscPeriodicMessage): Uint8Array {
  const tags = types === undefined ? undefined : parseOscTags(types);
  return encodeOsc({ address: toOscAddress(address, ''), args: toOscArguments(value, address, tags) });
}

/**
 * Sends messages at once and then each in its interval, through `send`, to those of `targets` that they are for. Never
 * emits; errors with a `ClaspError` for a message that cannot be sent (200, 402).
 */
export function sendPeriodic(
  messages: readonly OscPeriodicMessage[],
  targets: readonly string[],
  send: (bytes: Uint8Array, to: string) => void,
  scheduler: SchedulerLike,
): Observable<ClaspError> {
  return new Observable((out) => {
    for (const message of messages) {
      const bytes = encodePeriodic(message);
      const receivers = message.to === undefined ? targets : [message.to];
      const every = Math.min(LONGEST, Math.max(SHORTEST, message.every));
      const tell = () => {
        for (const to of receivers) send(bytes, to);
      };
      tell();
      out.add(
        scheduler.schedule(function (this: { schedule(state?: unknown, delay?: number): unknown }) {
          tell();
          this.schedule(undefined, every);
        }, every),
      );
    }
  });
}
