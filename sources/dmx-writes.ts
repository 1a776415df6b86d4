import type { BundlePart, Client } from '../core/client/client.ts';
import type { DmxFrame } from '../core/protocols/dmx/dmx-input.ts';
import { DMX_CHANNELS, type DmxMapping } from '../core/protocols/dmx/dmx-mapping.ts';
import type { Defer } from '../core/time/schedule-once.ts';
import type { DmxMode } from './dmx-signals.ts';

/** Bundles that may wait for the relay's answer; beyond it, changes of a universe gather. */
const MAX_WAITING = 64;
/** Channels that are written together: a bundle of ten frames costs the relay a third less than ten bundles. */
const MAX_TOGETHER = 256;

/** A universe with channels that wait to be written, and their newest levels. */
interface Waiting {
  readonly universe: number;
  readonly levels: Uint8Array;
  readonly channels: Set<number>;
}

/**
 * Writes frames to a relay: the changed channels of each in one bundle, so that they stay together; or the frame as a
 * sample. While a relay lags, changes gather, and at most one of each channel waits.
 *
 * What the relay refuses appears on the client's `errors`. A bundle that is refused is written again universe by universe,
 * and a universe channel by channel, so that a locked channel holds none of the others.
 *
 * @param defer when to write; frames that arrive until then go together. @defaultValue at once
 */
export function dmxWrites(
  client: Client,
  mapping: DmxMapping,
  mode: DmxMode,
  defer: Defer = (flush) => flush(),
): (frame: DmxFrame) => void {
  const waiting = new Map<number, Waiting>();
  /** Universes whose last bundle was refused: they go alone. */
  const refused = new Set<number>();
  let unanswered = 0;
  let deferred = false;
  let flushing = false;

  const write = (together: readonly Waiting[]) => {
    const parts: BundlePart[] = [];
    for (const { universe, levels, channels } of together) {
      for (const channel of channels) {
        parts.push({ set: [mapping.channel(universe, channel), mapping.valueIn(levels, universe, channel)] });
      }
    }
    unanswered++;
    client.bundle(parts).subscribe({
      next() {
        unanswered--;
        const [only, another] = together;
        if (only && !another) refused.delete(only.universe);
        flush();
      },
      error() {
        unanswered--;
        for (const each of together) {
          refused.add(each.universe);
          if (together.length > 1) write([each]);
        }
        if (together.length === 1) for (const part of parts) if ('set' in part) client.set(part.set[0], part.set[1]);
        flush();
      },
    });
  };

  const take = (): readonly Waiting[] => {
    const together: Waiting[] = [];
    let count = 0;
    for (const each of waiting.values()) {
      const isAlone = refused.has(each.universe);
      if (count > 0 && (isAlone || count + each.channels.size > MAX_TOGETHER)) break;
      waiting.delete(each.universe);
      together.push(each);
      count += each.channels.size;
      if (isAlone) break;
    }
    return together;
  };

  const flush = () => {
    deferred = false;
    // A relay in this process answers while it is asked.
    if (flushing) return;
    flushing = true;
    while (waiting.size > 0 && unanswered < MAX_WAITING) write(take());
    flushing = false;
  };

  return ({ universe, levels, changed }) => {
    if (mode === 'universe') {
      client.stream(mapping.frame(universe), levels.slice());
      return;
    }
    if (changed.length === 0) return;
    let own = waiting.get(universe);
    if (own === undefined) {
      own = { universe, levels: new Uint8Array(DMX_CHANNELS), channels: new Set() };
      waiting.set(universe, own);
    }
    own.levels.set(levels);
    for (let i = 0; i < changed.length; i++) own.channels.add(mapping.owner(universe, changed[i] as number));
    if (deferred) return;
    deferred = true;
    defer(flush);
  };
}
