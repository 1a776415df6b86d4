import type { SchedulerLike } from 'rxjs';
import type { Client } from '../core/client/client.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { virtualMidi } from './virtual-midi.ts';

export interface PadControllerOptions {
  /** What it is called in addresses. @defaultValue 'pads' */
  readonly device?: string;
  /** MIDI channel, 1 … 16. @defaultValue 10 */
  readonly channel?: number;
  /** The note of the first pad. @defaultValue 36 */
  readonly firstNote?: number;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Pads that are not there, counted from 1. */
export interface PadController {
  /** The address of a pad's events. */
  address(pad: number): string;
  /** Hits a pad, from 0 (barely) to 1 (as hard as can be). */
  hit(pad: number, velocity?: number): void;
  /** Takes the finger off. */
  release(pad: number): void;
  /** Pulls the plug. */
  close(): void;
}

/**
 * Plugs a controller with pads in. It behaves as one behind the MIDI bridge does: a hit is an event
 * `/midi/{device}/ch/{c}/note/{n}` with the velocity in steps of 1/127, a release the same event with 0.
 *
 * @example
 * ```ts
 * simulate(({ client, time, at }) => at(100, () => padController(client('pads'), { scheduler: time }).hit(1, 0.8)), {
 *   seed: 1,
 *   until: 200,
 * });
 * ```
 */
export function padController(client: Client, options: PadControllerOptions = {}): PadController {
  const { device = 'pads', channel = 10, firstNote = 36, scheduler = monotonicScheduler } = options;
  const midi = virtualMidi(client, { device, scheduler });
  const note = (pad: number) => firstNote + pad - 1;
  return {
    address: (pad) => `/midi/${device}/ch/${channel}/note/${note(pad)}`,
    // Velocity 0 would be a release.
    hit: (pad, velocity = 1) =>
      midi.play(0x8f + channel, note(pad), Math.max(1, Math.round(Math.min(1, velocity) * 127))),
    release: (pad) => midi.play(0x7f + channel, note(pad), 0),
    close: () => midi.close(),
  };
}
