import type { OperatorFunction } from 'rxjs';
import type { Signal, SignalKind } from '../core/signal/signal.ts';
import { stage } from './stage.ts';

export interface LearnOptions {
  /**
   * How far a number must go from where it was first seen, for controls that are never quite still. With 0 the first
   * sign of life counts.
   * @defaultValue 0
   */
  readonly travel?: number;
  /** Kinds of signal that count. @defaultValue param and event */
  readonly types?: readonly SignalKind[];
}

/**
 * The address of the next control that somebody moves; then completes. For assigning hardware: press "learn", turn the
 * knob.
 *
 * Values out of a snapshot do not count, but are where `travel` is measured from. A control that is let go (an event of
 * 0 or false) does not count, nor does a param that is deleted. Completes without an address when the source does.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * const client = relay.client('mapping');
 * const address = firstValueFrom(client.on('/midi/**').pipe(learn()));
 * client.set('/midi/ch/1/cc/7', 0.5);
 * console.log(await address); // /midi/ch/1/cc/7
 * client.close();
 * ```
 */
export function learn({ travel = 0, types = ['param', 'event'] }: LearnOptions = {}): OperatorFunction<Signal, string> {
  return stage((out) => {
    const firstSeen = new Map<string, number>();

    /** Whether the value is far enough from where it was; notes where it was first. */
    const hasMoved = (address: string, value: number, isStart: boolean) => {
      const start = firstSeen.get(address);
      if (start === undefined) firstSeen.set(address, value);
      return !isStart && start !== undefined && Math.abs(value - start) > travel;
    };

    return {
      next(signal) {
        if (!types.includes(signal.kind) || !('value' in signal)) return;
        const { kind, address, value } = signal;
        const isStart = kind === 'param' && signal.snapshot === true;
        if (kind === 'param' && value === null) return;
        const number = typeof value === 'bigint' ? Number(value) : value;
        if (kind === 'event' && (number === 0 || number === false)) return;
        const counts =
          travel > 0 && kind === 'param' && typeof number === 'number' ? hasMoved(address, number, isStart) : !isStart;
        if (!counts) return;
        out.next(address);
        out.complete();
      },
    };
  });
}
