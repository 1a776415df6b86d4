import type { Signal } from '../signal/signal.ts';
import { writeTimeline } from '../timeline/timeline-value.ts';
import { encodePublish, encodeSet } from './encode-signal.ts';
import type { PublishMessage, SetMessage, TimelineValue } from './message.ts';

/**
 * The frame that says a signal: SET for a param, PUBLISH for the others. `origin`, `writer` and `snapshot` stay here.
 * Throws a `ClaspError` 200 for a bad address and 402 for a value that the wire cannot carry.
 */
export function frameOf(signal: Signal): Uint8Array {
  const { address, at } = signal;
  const timestamp = at === undefined ? undefined : Math.max(0, Math.floor(at));
  switch (signal.kind) {
    case 'param':
      return encodeSet(address, signal.value);
    case 'event':
      return encodePublish('event', address, signal.value, { timestamp });
    case 'stream': {
      const { value, samples, rate } = signal;
      return samples
        ? encodePublish('stream', address, undefined, { samples, rate, timestamp })
        : encodePublish('stream', address, value, { rate, timestamp });
    }
    case 'gesture': {
      const { id, phase, value } = signal;
      return encodePublish('gesture', address, value, { id, phase, timestamp });
    }
    case 'timeline':
      return encodePublish('timeline', address, writeTimeline(signal), { timestamp });
  }
}

/** What a SET or PUBLISH of the relay means to a subscriber. `timestamp` is that of its frame. */
export function signalOf(message: SetMessage | PublishMessage, timestamp: number | undefined): Signal {
  const { address, value = null } = message;
  const { tag } = message;
  if (message.type === 'SET') return { kind: 'param', address, value, at: timestamp, revision: message.revision, tag };

  const at = message.timestamp ?? timestamp;
  switch (message.signal) {
    case 'stream': {
      const { samples, rate } = message;
      return { kind: 'stream', address, value: message.value ?? samples?.at(-1) ?? null, at, samples, rate };
    }
    case 'gesture':
      return { kind: 'gesture', address, value, at, id: message.id ?? 0, phase: message.phase ?? 'start' };
    case 'timeline': {
      // Relays have checked it, ours at least; published clients send no value at all.
      const { keyframes, loop, startTime } = Object(value) as Partial<TimelineValue>;
      const dated = Array.isArray(keyframes) ? keyframes.filter((keyframe) => keyframe?.time >= 0) : [];
      return { kind: 'timeline', address, at, keyframes: dated, loop, startTime };
    }
    default:
      return { kind: message.signal === 'param' ? 'param' : 'event', address, value, at, tag };
  }
}
