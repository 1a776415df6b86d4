import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signals } from '../../testing/arbitraries.ts';
import type { Signal } from '../signal/signal.ts';
import { decodeFrame } from './index.ts';
import type { PublishMessage, SetMessage } from './message.ts';
import { frameOf, signalOf } from './signal-frame.ts';

/** What the wire carries of a signal: nothing that is undefined, and not who brought it in. */
const carried = ({ origin: _origin, ...signal }: Signal & { writer?: unknown; snapshot?: unknown }) =>
  JSON.parse(JSON.stringify(signal, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))) as object;

describe('frameOf', () => {
  it('says every signal so that signalOf understands it', () => {
    fc.assert(
      fc.property(signals(), (signal) => {
        const { message } = decodeFrame(frameOf(signal));
        const heard = carried(signalOf(message as SetMessage | PublishMessage, undefined));
        const { kind, address } = signal;
        expect(heard).toMatchObject({ kind, address });
        if ('value' in signal && !('samples' in signal && signal.samples)) {
          expect(heard).toMatchObject({ value: (carried(signal) as { value: unknown }).value });
        }
        if (signal.kind === 'gesture') expect(heard).toMatchObject({ id: signal.id, phase: signal.phase });
        if (signal.kind === 'timeline')
          expect(heard).toMatchObject({ keyframes: carried(signal) ? signal.keyframes.map(() => ({})) : [] });
      }),
    );
  });

  it('sends all samples of a stream that has several', () => {
    const stream: Signal = { kind: 'stream', address: '/s', value: 3, samples: [1, 2, 3], rate: 100 };
    const { message } = decodeFrame(frameOf(stream));
    expect(signalOf(message as PublishMessage, undefined)).toMatchObject({ samples: [1, 2, 3], value: 3, rate: 100 });
  });

  it('refuses a bad address with 200 or 402 and a value that is none with 402', () => {
    expect(() => frameOf({ kind: 'param', address: '/a', value: Symbol('x') as never })).toThrow(/402/);
  });
});
