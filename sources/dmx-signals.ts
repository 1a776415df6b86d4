import type { OperatorFunction, Subscriber } from 'rxjs';
import type { DmxFrame } from '../core/protocols/dmx/dmx-input.ts';
import type { DmxMapping } from '../core/protocols/dmx/dmx-mapping.ts';
import type { Signal } from '../core/signal/signal.ts';
import { type Stage, stage } from '../operators/stage.ts';

/** `channel`: a param for each channel that changed. `universe`: each frame as one sample of a stream of bytes. */
export type DmxMode = 'channel' | 'universe';

/**
 * Turns frames into signals: the changed channels as params in rising order, or the frame as a sample. `origin` is the
 * name, `@`, and whose packet made the frame.
 */
export function dmxSignals(mapping: DmxMapping, mode: DmxMode, name: string): OperatorFunction<DmxFrame, Signal> {
  return stage<DmxFrame, Signal>(
    (out) =>
      ({ next: (frame) => emit(out, frame, mapping, mode, `${name}@${frame.source}`) }) satisfies Stage<DmxFrame>,
  );
}

function emit(out: Subscriber<Signal>, frame: DmxFrame, mapping: DmxMapping, mode: DmxMode, origin: string): void {
  const { universe, levels, changed } = frame;
  if (mode === 'universe') {
    out.next({ kind: 'stream', address: mapping.frame(universe), value: levels.slice(), origin });
    return;
  }
  for (const channel of mapping.owners(universe, changed)) {
    const value = mapping.valueIn(levels, universe, channel);
    out.next({ kind: 'param', address: mapping.channel(universe, channel), value, origin });
  }
}
