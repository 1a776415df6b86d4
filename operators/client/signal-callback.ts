import type { SignalCallback } from '../../core/client.ts';
import type { ParamState } from '../../core/message.ts';
import type { Param, Signal } from '../../core/signal.ts';
import { writeTimeline } from '../../core/timeline-value.ts';
import type { Value } from '../../core/value.ts';

/** Calls back as `@clasp-to/core` does: value, address, and for a value out of a snapshot what is known about it. */
export function callBack(callback: SignalCallback, signal: Signal): void {
  if (signal.kind === 'param' && signal.snapshot) callback(signal.value, signal.address, stateOf(signal));
  else callback(valueInOnePiece(signal), signal.address);
}

/** The value of a signal in one piece: a gesture's with its `phase` and `gestureId`, a timeline as it travels. */
function valueInOnePiece(signal: Signal): Value {
  if (signal.kind === 'timeline') return writeTimeline(signal);
  if (signal.kind !== 'gesture') return signal.value;
  const { value, phase, id } = signal;
  // As published: the fields of whatever is there, and none of a plain value.
  const fields = typeof value === 'object' ? (value as { readonly [key: string]: Value } | null) : null;
  return { ...fields, phase, gestureId: id };
}

/** A param as a snapshot tells it; what is not known has no key. */
function stateOf({ address, value, revision = 0, writer, at }: Param): ParamState {
  return {
    address,
    value,
    revision,
    ...(writer === undefined ? undefined : { writer }),
    ...(at === undefined ? undefined : { timestamp: at }),
  };
}
