import { type MonoTypeOperatorFunction, Observable, type SchedulerLike, Subject } from 'rxjs';
import type { Client } from '../core/client/client.ts';
import { parseArtNet } from '../core/protocols/artnet/artnet.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { artNetSink } from '../sinks/artnet.ts';

export interface DmxFixtureOptions {
  /** Art-Net universe. @defaultValue 0 */
  readonly universe?: number;
  /** Its channels by name, 1 … 512. @defaultValue dimmer 1, red 2, green 3, blue 4 */
  readonly channels?: Readonly<Record<string, number>>;
  /** What the packets go through on their way to it, such as `lossyNetwork`. @defaultValue nothing */
  readonly network?: MonoTypeOperatorFunction<Uint8Array>;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** What a fixture shows at a moment: levels 0 … 255 by name. */
export type Look = Readonly<Record<string, number>>;

/** A light that is not there and shows what it gets. */
export interface DmxFixture {
  /** What it shows. */
  readonly look: Look;
  /** Each look that differs from the one before, as it happens. Hot. */
  readonly looks: Observable<Look>;
  /** Packets that reached it. */
  readonly packets: number;
  /** What it shows, one line for each channel, with a bar of 16 characters. */
  toString(): string;
  /** Takes it down. */
  close(): void;
}

const BAR = 16;

/**
 * Hangs a light up. It behaves as one behind the Art-Net bridge does: params `/artnet/{universe}/{channel}` (0 … 255)
 * and streams of whole universes reach it in packets, 44 a second at most, and again after a second without changes.
 *
 * @example
 * ```ts
 * const { made: light } = simulate(
 *   ({ client, time, at }) => {
 *     const desk = client('desk');
 *     at(10, () => desk.set('/artnet/0/2', 255));
 *     return dmxFixture(client('rig'), { scheduler: time });
 *   },
 *   { seed: 1, until: 100 },
 * );
 * console.log(String(light)); // … red     255 ████████████████
 * ```
 */
export function dmxFixture(client: Client, options: DmxFixtureOptions = {}): DmxFixture {
  const { universe = 0, channels = { dimmer: 1, red: 2, green: 3, blue: 4 } } = options;
  const { network = (packets) => packets, scheduler = monotonicScheduler } = options;
  const sent = new Subject<Uint8Array>();
  const looks = new Subject<Look>();
  const names = Object.entries(channels);
  let look: Look = Object.fromEntries(names.map(([name]) => [name, 0]));
  let packets = 0;

  const receiving = sent.pipe(network).subscribe((bytes) => {
    const packet = parseArtNet(bytes);
    if (!('levels' in packet) || packet.universe !== universe) return;
    packets++;
    const next = Object.fromEntries(
      names.map(([name, channel]) => [name, packet.levels[channel - 1] ?? look[name] ?? 0]),
    );
    if (names.every(([name]) => next[name] === look[name])) return;
    look = next;
    looks.next(look);
  });
  const sink = artNetSink((bytes) => sent.next(new Uint8Array(bytes)), {
    targets: ['127.0.0.1:6454'],
    universes: [universe],
    scheduler,
  });
  const bridge = client
    .on(`/artnet/${universe}/**`, { types: ['param', 'stream'] })
    .subscribe((signal) => sink.next(signal));

  return {
    get look() {
      return look;
    },
    looks: new Observable((out) => looks.subscribe(out)),
    get packets() {
      return packets;
    },
    toString() {
      const width = Math.max(...names.map(([name]) => name.length));
      return names
        .map(([name]) => {
          const level = look[name] ?? 0;
          const bar = '█'.repeat(Math.round((level / 255) * BAR)).padEnd(BAR, '·');
          return `${name.padEnd(width)} ${String(level).padStart(3)} ${bar}`;
        })
        .join('\n');
    },
    close() {
      bridge.unsubscribe();
      sink.complete();
      receiving.unsubscribe();
    },
  };
}
