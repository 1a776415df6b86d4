import { Observable, type SchedulerLike, Subject } from 'rxjs';
import type { Datagram } from '../core/connection/datagram.ts';
import { type ClaspError, ErrorCode } from '../core/errors.ts';
import { ARTNET_MAX_UNIVERSE, type ArtDmx, parseArtNet } from '../core/protocols/artnet/artnet.ts';
import { type DmxFrame, DmxInput, type DmxMerge, overlaid } from '../core/protocols/dmx/dmx-input.ts';
import { DmxMapping, type DmxPair } from '../core/protocols/dmx/dmx-mapping.ts';
import type { MidiTimeCode } from '../core/protocols/midi/midi-time-code.ts';
import { timeCodeValue } from '../core/protocols/time-code.ts';
import type { Signal } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { FailureDigest } from '../operators/failure-digest.ts';
import { stage } from '../operators/stage.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { type DmxMode, dmxSignals } from './dmx-signals.ts';

export interface ArtNetFramesOptions {
  /** The universes that are read, 0–32767; packets of others are passed over. @defaultValue all */
  readonly universes?: readonly number[];
  /** How several senders of one universe become one. @defaultValue 'ltp' */
  readonly merge?: DmxMerge;
  /** Milliseconds of silence after which a sender counts no more. @defaultValue 10000 */
  readonly timeout?: number;
  /** Whose packets are passed over: our own, which a broadcast brings back. @defaultValue nobody's */
  readonly ignore?: (from: string) => boolean;
  /** Told of each ArtTimeCode, and who sent it. @defaultValue nobody */
  readonly timeCode?: (time: MidiTimeCode, from: string) => void;
  /** Where the state is kept: give the same to the sink. @defaultValue one of its own, with `merge` and `timeout` */
  readonly input?: DmxInput;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

export interface ArtNetSourceOptions extends ArtNetFramesOptions {
  /** Where universes live in the relay. @defaultValue '/artnet' */
  readonly namespace?: string;
  /** Changed channels as params, or whole frames as a stream of bytes. @defaultValue 'channel' */
  readonly mode?: DmxMode;
  /** Whether params are 0.0–1.0 rather than 0–255. @defaultValue false */
  readonly normalize?: boolean;
  /** Channels that are one value of 16 bits. @defaultValue none */
  readonly pairs?: readonly DmxPair[];
  /** Begins the `origin` of every signal, before `@` and the sender's address. @defaultValue 'artnet' */
  readonly name?: string;
}

/** Values, and beside them what could not be understood. */
export type WithFailures<T> = Observable<T> & {
  /**
   * Packets that cannot be read (101). Hot; the first at once, then one a second at most, whose `value` is how many it
   * stands for. Completes with the values.
   */
  readonly failures: Observable<ClaspError>;
};

/** Milliseconds without ArtSync after which frames are shown as they come (Art-Net 4, ArtSync). */
const SYNC_TIMEOUT = 4_000;
/** Senders whose ArtSync is remembered. */
const MAX_SENDERS = 64;

type Levels = Pick<ArtDmx, 'universe' | 'levels' | 'sequence' | 'physical'>;

/** A sender that sends ArtSync: its frames wait for the next, one of each universe and input. */
interface Synchronised {
  until: number;
  readonly held: Map<number, Levels>;
}

/**
 * ArtDmx packets as frames: what each universe shows, whenever something in it changes, and once a second while it is
 * sent. Senders are merged, late packets dropped, and the frames of who sends ArtSync held until it says so. A sender is
 * an address and an input of it (Physical): a program that was started again, on another port, takes its own place.
 *
 * Cold; completes and errors as `datagrams` does. Subscribe once.
 *
 * @example
 * ```ts
 * udpSocket({ listen: 6454 }).subscribe((socket) => {
 *   artNetFrames(socket.incoming, { universes: [0] }).subscribe(({ levels }) => console.log(levels[0]));
 * });
 * ```
 */
export function artNetFrames(
  datagrams: Observable<Datagram>,
  options: ArtNetFramesOptions = {},
): WithFailures<DmxFrame> {
  const { universes, merge = 'ltp', timeout = 10_000, ignore = () => false, scheduler = monotonicScheduler } = options;
  const { timeCode = () => undefined } = options;
  const { input = new DmxInput({ merge, timeout }) } = options;
  const only = universes === undefined ? undefined : new Set(universes);
  const digest = new FailureDigest({ scheduler });

  const frames = datagrams.pipe(
    stage<Datagram, DmxFrame>((out) => {
      const synchronised = new Map<string, Synchronised>();
      const alarm = new DeadlineTimer(scheduler, (now) => {
        const gone = input.expire(now);
        for (const [source, sender] of synchronised) {
          if (sender.until > now) alarm.set(sender.until);
          else if (synchronised.delete(source)) release(source, sender, now);
        }
        alarm.set(input.nextExpiry);
        for (const frame of gone) out.next(frame);
      });
      const show = (from: string, { universe, levels, sequence, physical }: Levels, now: number) => {
        const source = physical === 0 ? from : `${from}#${physical}`;
        const packet = { source, from, input: physical, universe, levels, sequence: sequence || undefined };
        const frame = input.receive(packet, now);
        alarm.set(now + timeout);
        if (frame) out.next(frame);
      };
      const hold = ({ held }: Synchronised, packet: ArtDmx) => {
        const key = packet.universe * 256 + packet.physical;
        held.set(key, { ...packet, levels: overlaid(held.get(key)?.levels, packet.levels) });
      };
      const release = (source: string, { held }: Synchronised, now: number) => {
        const frames = [...held.values()];
        held.clear();
        for (const frame of frames) show(source, frame, now);
      };

      return {
        next({ bytes, from }) {
          if (ignore(from)) return;
          const packet = parseArtNet(bytes);
          if ('fault' in packet) {
            digest.report(ErrorCode.BadMessage, packet.fault, { where: from, offset: packet.offset });
            return;
          }
          const now = scheduler.now();
          if (packet.op === 'sync') {
            const sender = synchronised.get(from) ?? { until: 0, held: new Map() };
            if (!synchronised.has(from) && synchronised.size === MAX_SENDERS) return;
            sender.until = now + SYNC_TIMEOUT;
            synchronised.set(from, sender);
            alarm.set(sender.until);
            release(from, sender, now);
          } else if (packet.op === 'time-code') {
            timeCode(packet.time, from);
          } else if (packet.op === 'dmx' && (only === undefined || only.has(packet.universe))) {
            const sender = synchronised.get(from);
            if (sender === undefined) show(from, packet, now);
            else hold(sender, packet);
          }
        },
        dispose() {
          alarm.stop();
          digest.close();
        },
      };
    }),
  );
  return Object.assign(frames, { failures: digest.failures });
}

/**
 * Art-Net packets as signals: the channels that changed as params, `/artnet/0/1` 255, or each frame as a sample of
 * bytes at `/artnet/0`; and each ArtTimeCode as a sample `[hours, minutes, seconds, frames, rate]` at `/artnet/timecode`.
 *
 * What {@link artNetFrames} says holds here. Channels that are zero in the first frame of a universe are not told of.
 *
 * @example
 * ```ts
 * udpSocket({ listen: 6454 }).subscribe((socket) => {
 *   const signals = artNetSource(socket.incoming);
 *   signals.failures.subscribe((failure) => console.error(failure.message));
 *   signals.subscribe((signal) => console.log(signal.address));
 * });
 * ```
 */
export function artNetSource(datagrams: Observable<Datagram>, options: ArtNetSourceOptions = {}): WithFailures<Signal> {
  const { namespace = '/artnet', mode = 'channel', normalize = false, name = 'artnet', pairs = [] } = options;
  const mapping = new DmxMapping({ namespace, normalize, pairs, range: [0, ARTNET_MAX_UNIVERSE] });
  const told = new Subject<Signal>();
  const timeCode = (time: MidiTimeCode, from: string) => {
    options.timeCode?.(time, from);
    const address = `${namespace}/timecode`;
    told.next({ kind: 'stream', address, value: timeCodeValue(time), origin: `${name}@${from}` });
  };
  const frames = artNetFrames(datagrams, { ...options, timeCode });
  const signals = new Observable<Signal>((out) => {
    out.add(told.subscribe((signal) => out.next(signal)));
    out.add(frames.pipe(dmxSignals(mapping, mode, name)).subscribe(out));
  });
  return Object.assign(signals, { failures: frames.failures });
}
