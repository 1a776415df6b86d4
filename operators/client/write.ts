import type { Ack, Client, Reply } from '../../core/client/client.ts';
import type { Signal } from '../../core/signal/signal.ts';

/**
 * Has a client say a signal: `set` for a param, `emit`, `stream`, `gesture` and `timeline` for the others. Gives the
 * relay's answer where the kind has one: a param, an event, a timeline.
 *
 * `at`, `origin`, `revision` and `writer` are not sent: the relay gives each write its own.
 *
 * @example
 * ```ts
 * write(router().client('desk'), { kind: 'param', address: '/mixer/1', value: 0.75 });
 * ```
 */
export function write(client: Client, signal: Signal): Reply<Ack> | undefined {
  const { address } = signal;
  switch (signal.kind) {
    case 'param':
      return client.set(address, signal.value);
    case 'event':
      return client.emit(address, signal.value);
    case 'timeline': {
      const { keyframes, loop, startTime } = signal;
      return client.timeline(address, keyframes, { loop, startTime });
    }
    case 'stream': {
      const { value, samples, rate } = signal;
      client.stream(address, value, { samples, rate });
      return undefined;
    }
    case 'gesture':
      client.gesture(address, signal.id, signal.phase, signal.value);
      return undefined;
  }
}
