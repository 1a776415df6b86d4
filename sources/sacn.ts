import type { Observable, SchedulerLike } from 'rxjs';
import type { Datagram } from '../core/connection/datagram.ts';
import { ErrorCode } from '../core/errors.ts';
import { type DmxFrame, DmxInput, type DmxMerge, overlaid } from '../core/protocols/dmx/dmx-input.ts';
import { DmxMapping, type DmxPair } from '../core/protocols/dmx/dmx-mapping.ts';
import { parseSacn, SACN_MAX_UNIVERSE, SACN_PRIORITIES, SacnCids, type SacnData } from '../core/protocols/sacn/sacn.ts';
import type { Signal } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { FailureDigest } from '../operators/failure-digest.ts';
import { stage } from '../operators/stage.ts';
import type { WithFailures } from './artnet.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { type DmxMode, dmxSignals } from './dmx-signals.ts';

export interface SacnFramesOptions {
  /** The universes that are read, 1–63999; packets of others are passed over. @defaultValue all */
  readonly universes?: readonly number[];
  /** How several sources of the same, highest priority become one. @defaultValue 'htp' */
  readonly merge?: DmxMerge;
  /** Milliseconds of silence after which a source counts no more (E1.31 §6.7.1). @defaultValue 2500 */
  readonly timeout?: number;
  /** Whether packets that are marked for visualisers only count. @defaultValue false */
  readonly preview?: boolean;
  /** The sync universes whose packets arrive here: frames that name one wait for them. @defaultValue none */
  readonly sync?: readonly number[];
  /** Our own CID, which multicast brings back: its packets are passed over. @defaultValue none */
  readonly cid?: Uint8Array;
  /** Whose packets are passed over, by address. @defaultValue nobody's */
  readonly ignore?: (from: string) => boolean;
  /** Where the state is kept: give the same to the sink. @defaultValue one of its own, with `merge` and `timeout` */
  readonly input?: DmxInput;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

export interface SacnSourceOptions extends SacnFramesOptions {
  /** Where universes live in the relay. @defaultValue '/sacn' */
  readonly namespace?: string;
  /** Changed channels as params, or whole frames as a stream of bytes. @defaultValue 'channel' */
  readonly mode?: DmxMode;
  /** Whether params are 0.0–1.0 rather than 0–255. @defaultValue false */
  readonly normalize?: boolean;
  /** Channels that are one value of 16 bits. @defaultValue none */
  readonly pairs?: readonly DmxPair[];
  /** Begins the `origin` of every signal, before `@` and the source's CID. @defaultValue 'sacn' */
  readonly name?: string;
}

/** Milliseconds without a sync packet after which frames are shown as they come (E1.31 §11.1.2). */
const SYNC_TIMEOUT = 2_500;

const NOTHING = new Uint8Array();

/** Frames that wait for the sync packets of one universe, by source and universe. */
interface Synchronised {
  until: number;
  readonly held: Map<string, { readonly source: string; readonly from: string; readonly packet: SacnData }>;
}

/**
 * E1.31 packets as frames: what each universe shows, whenever something in it changes, and once a second while it is
 * sent. Of several sources the highest priority counts, of each channel where a source has priorities per channel (start
 * code 0xDD); equal ones are merged; late packets are dropped; who terminates or falls silent counts no more.
 *
 * Cold; completes and errors as `datagrams` does. Subscribe once.
 *
 * @example
 * ```ts
 * const group = sacnGroup(1);
 * udpSocket({ listen: 5568, multicast: [group], interface: '127.0.0.1' }).subscribe((socket) => {
 *   sacnFrames(socket.incoming, { universes: [1] }).subscribe(({ levels }) => console.log(levels[0]));
 * });
 * ```
 */
export function sacnFrames(datagrams: Observable<Datagram>, options: SacnFramesOptions = {}): WithFailures<DmxFrame> {
  const { universes, merge = 'htp', timeout = 2_500, preview = false, sync = [], cid } = options;
  const { ignore = () => false } = options;
  const { input = new DmxInput({ merge, timeout }), scheduler = monotonicScheduler } = options;
  const only = universes === undefined ? undefined : new Set(universes);
  const digest = new FailureDigest({ scheduler });

  const frames = datagrams.pipe(
    stage<Datagram, DmxFrame>((out) => {
      const cids = new SacnCids();
      const own = cid && cids.name(cid);
      const synchronised = new Map<number, Synchronised>(
        sync.map((address) => [address, { until: 0, held: new Map() }]),
      );
      const alarm = new DeadlineTimer(scheduler, (now) => {
        const gone = input.expire(now);
        for (const waiting of synchronised.values()) {
          if (waiting.until <= now) release(waiting, now);
          else if (waiting.held.size > 0) alarm.set(waiting.until);
        }
        alarm.set(input.nextExpiry);
        for (const frame of gone) out.next(frame);
      });
      const show = (source: string, from: string, { universe, levels, priority, sequence }: SacnData, now: number) => {
        const frame = input.receive({ source, from, universe, levels, priority, sequence }, now);
        alarm.set(now + timeout);
        if (frame) out.next(frame);
      };
      const release = ({ held }: Synchronised, now: number) => {
        const waiting = [...held.values()];
        held.clear();
        for (const { source, from, packet } of waiting) show(source, from, packet, now);
      };
      const receive = (source: string, from: string, packet: SacnData, now: number) => {
        const { universe, syncAddress, levels, startCode, priority, sequence } = packet;
        const isKnown = startCode === 0 || startCode === SACN_PRIORITIES;
        if (!isKnown || (packet.preview && !preview) || (only !== undefined && !only.has(universe))) return;
        if (packet.terminated) {
          // What it sent before and waits for a sync packet would bring it back.
          for (const { held } of synchronised.values()) held.delete(`${universe} ${source}`);
          const frame = input.leave(source, universe, now);
          if (frame) out.next(frame);
          return;
        }
        if (startCode === SACN_PRIORITIES) {
          const worth = { source, from, universe, levels: NOTHING, priorities: levels, priority, sequence };
          const frame = input.receive(worth, now);
          alarm.set(now + timeout);
          if (frame) out.next(frame);
          return;
        }
        const waiting = synchronised.get(syncAddress);
        if (waiting === undefined || waiting.until <= now) {
          show(source, from, packet, now);
          return;
        }
        const key = `${universe} ${source}`;
        const before = waiting.held.get(key)?.packet.levels;
        waiting.held.set(key, { source, from, packet: { ...packet, levels: overlaid(before, levels) } });
        alarm.set(waiting.until);
      };

      return {
        next({ bytes, from }) {
          if (ignore(from)) return;
          const packet = parseSacn(bytes);
          if ('fault' in packet) {
            digest.report(ErrorCode.BadMessage, packet.fault, { where: from, offset: packet.offset });
            return;
          }
          if (packet.type !== 'data' && packet.type !== 'sync') return;
          const source = cids.name(packet.cid);
          if (source === own) return;
          const now = scheduler.now();
          if (packet.type === 'data') {
            receive(source, from, packet, now);
            return;
          }
          const waiting = synchronised.get(packet.syncAddress);
          if (waiting === undefined) return;
          waiting.until = now + SYNC_TIMEOUT;
          release(waiting, now);
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
 * E1.31 packets as signals: the channels that changed as params, `/sacn/1/1` 255, or each frame as a sample of bytes at
 * `/sacn/1`.
 *
 * What {@link sacnFrames} says holds here. Channels that are zero in the first frame of a universe are not told of.
 *
 * @example
 * ```ts
 * udpSocket({ listen: 5568, multicast: [sacnGroup(1)], interface: '127.0.0.1' }).subscribe((socket) => {
 *   const signals = sacnSource(socket.incoming, { universes: [1] });
 *   signals.failures.subscribe((failure) => console.error(failure.message));
 *   signals.subscribe((signal) => console.log(signal.address));
 * });
 * ```
 */
export function sacnSource(datagrams: Observable<Datagram>, options: SacnSourceOptions = {}): WithFailures<Signal> {
  const { namespace = '/sacn', mode = 'channel', normalize = false, name = 'sacn', pairs = [] } = options;
  const mapping = new DmxMapping({ namespace, normalize, pairs, range: [1, SACN_MAX_UNIVERSE] });
  const frames = sacnFrames(datagrams, options);
  return Object.assign(frames.pipe(dmxSignals(mapping, mode, name)), { failures: frames.failures });
}
