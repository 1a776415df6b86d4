import { type SchedulerLike, Subscription } from 'rxjs';
import type { Client } from '../core/client/client.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { virtualMidi } from './virtual-midi.ts';

export interface FaderBankOptions {
  /** What it is called in addresses. @defaultValue 'faders' */
  readonly device?: string;
  /** @defaultValue 8 */
  readonly faders?: number;
  /** Steps that it can tell apart: 7 bits are 128, 14 bits 16 384. @defaultValue 7 */
  readonly bits?: 7 | 14;
  /** MIDI channel, 1 … 16. @defaultValue 1 */
  readonly channel?: number;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Faders that are not there. They are counted from 1; positions are from 0, the bottom, to 1. */
export interface FaderBank {
  /** The address of a fader's param. */
  address(fader: number): string;
  /** The address of the gestures of the hands on a fader. */
  touchAddress(fader: number): string;
  /** Where a fader is, as the device can tell. */
  position(fader: number): number;
  /** Moves a fader; a move within one step is none. */
  move(fader: number, position: number): void;
  /** Moves a fader evenly to a position within so many milliseconds, one step after the other. */
  slide(fader: number, position: number, milliseconds: number): Subscription;
  /** Puts a finger on a fader: a gesture begins, and its motor lets go. */
  touch(fader: number): void;
  /** Takes the finger off again. */
  release(fader: number): void;
  /** Pulls the plug. */
  close(): void;
}

/** A hand does not move a fader more often than a device looks at it, in milliseconds. */
const SCAN = 10;

/**
 * Plugs a bank of motor faders in. It behaves as one behind the MIDI bridge does: fader n is control n, a param
 * `/midi/{device}/ch/{c}/cc/{n}` in steps of 1/127 (`…/cc14/{n}` in steps of 1/16383 with 14 bits); it follows what
 * others write to it while nobody touches it. Fingers are gestures at `/midi/{device}/touch/{n}`, with the position.
 *
 * @example
 * ```ts
 * simulate(
 *   ({ client, time, at }) => {
 *     const bank = faderBank(client('desk'), { scheduler: time, device: 'desk' });
 *     at(100, () => bank.slide(1, 1, 2_000));
 *   },
 *   { seed: 1, until: 3_000 },
 * );
 * ```
 */
export function faderBank(client: Client, options: FaderBankOptions = {}): FaderBank {
  const { device = 'faders', faders = 8, bits = 7, channel = 1, scheduler = monotonicScheduler } = options;
  const steps = 2 ** bits - 1;
  const midi = virtualMidi(client, { device, scheduler, ...(bits === 14 && { cc14: true }) });
  const at = Array.from({ length: faders }, () => 0);
  const touched = new Set<number>();
  const moving = new Subscription();
  const place = bits === 7 ? 'cc' : 'cc14';
  const prefix = `/midi/${device}/ch/${channel}/${place}/`;
  const touchAddress = (fader: number) => `/midi/${device}/touch/${fader}`;
  const position = (fader: number) => (at[fader - 1] ?? 0) / steps;

  moving.add(
    client.on(`${prefix}*`, { types: ['param'] }).subscribe((signal) => {
      const fader = Number(signal.address.slice(prefix.length));
      if (signal.kind !== 'param' || typeof signal.value !== 'number' || touched.has(fader)) return;
      if (fader in at || fader === faders) at[fader - 1] = Math.round(signal.value * steps);
    }),
  );

  const move = (fader: number, to: number) => {
    const step = Math.round(Math.min(1, Math.max(0, to)) * steps);
    if (fader < 1 || fader > faders || step === at[fader - 1]) return;
    at[fader - 1] = step;
    const status = 0xaf + channel;
    if (bits === 14) {
      midi.play(status, fader, step >> 7);
      midi.play(status, fader + 32, step & 127);
    } else {
      midi.play(status, fader, step);
    }
    if (touched.has(fader)) client.gesture(touchAddress(fader), fader, 'move', position(fader));
  };

  return {
    address: (fader) => `${prefix}${fader}`,
    touchAddress,
    position,
    move,
    slide(fader, to, milliseconds) {
      const from = position(fader);
      const began = scheduler.now();
      const sliding = scheduler.schedule(function () {
        const passed = milliseconds > 0 ? Math.min(1, (scheduler.now() - began) / milliseconds) : 1;
        move(fader, from + (to - from) * passed);
        if (passed < 1) this.schedule(undefined, Math.min(SCAN, milliseconds - (scheduler.now() - began)));
        else moving.remove(sliding);
      });
      moving.add(sliding);
      return sliding;
    },
    touch(fader) {
      if (touched.has(fader)) return;
      touched.add(fader);
      client.gesture(touchAddress(fader), fader, 'start', position(fader));
    },
    release(fader) {
      if (touched.delete(fader)) client.gesture(touchAddress(fader), fader, 'end', position(fader));
    },
    close() {
      moving.unsubscribe();
      midi.close();
    },
  };
}
