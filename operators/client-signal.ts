import type { PublishMessage, SetMessage } from '../core/message.ts';
import type { Signal } from '../core/signal.ts';
import { readTimeline } from '../core/timeline-value.ts';

/** What a SET or PUBLISH of the relay means to a subscriber. `timestamp` is that of its frame. */
export function signalOf(message: SetMessage | PublishMessage, timestamp: number | undefined): Signal {
  const { address, value = null } = message;
  if (message.type === 'SET') return { kind: 'param', address, value, at: timestamp, revision: message.revision };

  const at = message.timestamp ?? timestamp;
  switch (message.signal) {
    case 'param':
      return { kind: 'param', address, value, at, revision: undefined };
    case 'stream': {
      const { samples, rate } = message;
      return { kind: 'stream', address, value: message.value ?? samples?.at(-1) ?? null, at, samples, rate };
    }
    case 'gesture':
      return { kind: 'gesture', address, value, at, id: message.id ?? 0, phase: message.phase ?? 'start' };
    case 'timeline':
      return { kind: 'timeline', address, at, ...readTimeline(value) };
    default:
      return { kind: 'event', address, value, at };
  }
}
