import type { BundlePart, Client } from '../core/client.ts';
import type { DmxFrame } from '../core/protocols/dmx-input.ts';
import { DMX_CHANNELS, type DmxMapping } from '../core/protocols/dmx-mapping.ts';
import type { DmxMode } from './dmx-signals.ts';

/** Frames that may wait for the relay's answer; beyond it, changes of a universe gather. */
const MAX_WAITING = 64;

/** Channels of a universe that wait to be written, with their newest levels. */
interface Waiting {
  readonly levels: Uint8Array;
  readonly channels: Set<number>;
}

/**
 * Writes frames to a relay: the changed channels of each as one bundle, so that they stay together and cost one
 * message; or the frame as a sample. While a relay lags, changes gather, and at most one of each channel waits.
 *
 * What the relay refuses appears on the client's `errors`. A bundle that is refused for one of its channels is written
 * again one by one, so that a locked channel holds none of the others.
 */
export function dmxWrites(client: Client, mapping: DmxMapping, mode: DmxMode): (frame: DmxFrame) => void {
  const waiting = new Map<number, Waiting>();
  let unanswered = 0;

  const write = (universe: number, levels: Uint8Array, channels: Iterable<number>) => {
    const parts: BundlePart[] = [];
    for (const channel of channels) {
      parts.push({ set: [mapping.channel(universe, channel), mapping.value(levels[channel - 1] as number)] });
    }
    unanswered++;
    const one = parts.length === 1 ? parts[0] : undefined;
    if (one !== undefined && 'set' in one) client.set(one.set[0], one.set[1]).subscribe(answered);
    else client.bundle(parts).subscribe({ next: answered.next, error: () => singly(parts) });
  };

  const singly = (parts: readonly BundlePart[]) => {
    answered.next();
    for (const part of parts) if ('set' in part) client.set(part.set[0], part.set[1]);
  };

  const done = () => {
    unanswered--;
    const [next] = waiting;
    if (next === undefined || unanswered >= MAX_WAITING) return;
    const [universe, { levels, channels }] = next;
    waiting.delete(universe);
    write(universe, levels, channels);
  };
  const answered = { next: done, error: done };

  return ({ universe, levels, changed }) => {
    if (mode === 'universe') {
      client.stream(mapping.frame(universe), levels.slice());
      return;
    }
    if (changed.length === 0) return;
    const late = waiting.get(universe);
    if (late === undefined && unanswered < MAX_WAITING) {
      write(universe, levels, changed);
      return;
    }
    const { levels: newest, channels } = late ?? { levels: new Uint8Array(DMX_CHANNELS), channels: new Set<number>() };
    newest.set(levels);
    for (const channel of changed) channels.add(channel);
    waiting.set(universe, { levels: newest, channels });
  };
}
