import type { PublishMessage, SetMessage, TimelineValue } from '../../core/message.ts';
import type { Signal } from '../../core/signal.ts';

/** What a SET or PUBLISH of the relay means to a subscriber. `timestamp` is that of its frame. */
export function signalOf(message: SetMessage | PublishMessage, timestamp: number | undefined): Signal {
  const { address, value = null } = message;
  if (message.type === 'SET') return { kind: 'param', address, value, at: timestamp, revision: message.revision };

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
      return { kind: message.signal === 'param' ? 'param' : 'event', address, value, at };
  }
}
