import type { SchedulerLike, Subscription } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import type { DmxInput } from '../core/protocols/dmx/dmx-input.ts';
import { DmxMapping } from '../core/protocols/dmx/dmx-mapping.ts';
import {
  encodeSacnData,
  encodeSacnDiscovery,
  encodeSacnSync,
  SACN_DISCOVERY_UNIVERSE,
  SACN_MAX_UNIVERSE,
  SACN_PORT,
  sacnGroup,
} from '../core/protocols/sacn/sacn.ts';
import type { Signal } from '../core/signal/signal.ts';
import { sink } from '../core/signal/sink.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import type { Defer } from '../core/time/schedule-once.ts';
import type { DmxSink } from './artnet.ts';
import { isFrom } from './artnet.ts';
import { DmxOutput } from './dmx-output.ts';

export interface SacnSinkOptions {
  /** Sixteen bytes that tell this source from all others, and are the same next time: a UUID. */
  readonly cid: Uint8Array;
  /** For people; up to 63 bytes of UTF-8. @defaultValue 'clasp-rx' */
  readonly sourceName?: string;
  /** 0–200; receivers show the highest. @defaultValue 100 */
  readonly priority?: number;
  /** Who receives every universe, as `host:port`. @defaultValue each universe's multicast group */
  readonly targets?: readonly string[];
  /** The UDP port of the receivers. @defaultValue 5568 */
  readonly port?: number;
  /** The universes that are sent, 1–63999; what is for others is passed over. @defaultValue all */
  readonly universes?: readonly number[];
  /** Where universes live in the relay. @defaultValue '/sacn' */
  readonly namespace?: string;
  /** Whether params are 0.0–1.0 rather than 0–255. @defaultValue false */
  readonly normalize?: boolean;
  /** Frames a second of one universe at most. @defaultValue 44 */
  readonly rate?: number;
  /** Milliseconds after which a universe without changes is sent again, 800 to 1000. @defaultValue 900 */
  readonly keepAlive?: number;
  /** The universe on which a sync packet follows the frames of each moment; 0 = none. @defaultValue 0 */
  readonly sync?: number;
  /** Whether it is only for visualisers. @defaultValue false */
  readonly preview?: boolean;
  /** What came in: give the same to the source, and nothing is sent back to whom it came from. @defaultValue nothing is known */
  readonly input?: DmxInput;
  /**
   * When to send what need not wait: what changes until then goes together. `setImmediate` gathers what came in one turn
   * of the event loop. @defaultValue a timer, which takes a millisecond and more
   */
  readonly defer?: Defer;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Milliseconds between two announcements of what is sent (E1.31 §4.3). */
const DISCOVERY = 10_000;
/** A changed frame is sent this often more before the pauses grow (E1.31 §6.6.1). */
const REPEATS = 3;
/** A universe that is left says so this often (E1.31 §6.2.6). */
const FAREWELLS = 3;

/**
 * Sends params and streams below the namespace as E1.31 through `send`: `/sacn/1/1` 255 is channel 1 of universe 1,
 * `/sacn/1` with bytes is the whole universe.
 *
 * Changes gather into one packet of 512 channels per universe and frame, three repetitions follow, then one every 0.9 s.
 * Every 10 s it announces which universes it sends; when closed it says that it leaves them. Failures, after which
 * nothing is sent: 200 for an address that is no universe or channel, 402 for one that does not exist (universe 0 or
 * 64000, channel 513) and for values that are no level. Throws a `ClaspError` 402 at once for an option out of range.
 *
 * @example
 * ```ts
 * const signals = of<Signal>({ kind: 'param', address: '/sacn/1/1', value: 255 });
 * const cid = crypto.getRandomValues(new Uint8Array(16));
 * udpSocket({ interface: '127.0.0.1' }).subscribe((socket) => {
 *   const sink = sacnSink(socket.send, { cid, universes: [1] });
 *   signals.subscribe((signal) => sink.next(signal));
 * });
 * ```
 */
export function sacnSink(send: (bytes: Uint8Array, to: string) => void, options: SacnSinkOptions): DmxSink {
  const { cid, sourceName = 'clasp-rx', priority = 100, targets = [], port = SACN_PORT, universes } = options;
  const { namespace = '/sacn', normalize = false, rate = 44, keepAlive = 900, sync = 0, preview = false } = options;
  const { input, scheduler = monotonicScheduler } = options;
  for (const universe of universes ?? []) checkUniverse(universe);
  // An option that cannot be sent is told of now, not with the first frame.
  encodeSacnData({ cid, universe: 1, levels: NOTHING, priority, syncAddress: sync });

  const sequences = new Map<number, number>();
  let syncSequence = 0;
  let discovery: Subscription | undefined;

  const receivers = (universe: number): readonly string[] =>
    targets.length > 0 ? targets : [`${sacnGroup(universe)}:${port}`];
  const next = (universe: number): number => {
    const sequence = sequences.get(universe) ?? 0;
    sequences.set(universe, (sequence + 1) & 255);
    return sequence;
  };

  const announce = () => {
    discovery = scheduler.schedule(announce, DISCOVERY);
    for (const bytes of encodeSacnDiscovery({ cid, sourceName, universes: [...sequences.keys()] })) {
      for (const to of receivers(SACN_DISCOVERY_UNIVERSE)) send(bytes, to);
    }
  };

  const sendFrame = (universe: number, levels: Uint8Array, now: number) => {
    const header = { cid, universe, sourceName, priority, preview, syncAddress: sync };
    let sequence: number | undefined;
    let bytes: Uint8Array | undefined;
    for (const to of receivers(universe)) {
      const isPeer = targets.length > 0 ? isFrom(to) : undefined;
      const answer = input === undefined ? levels : input.answer(universe, levels, isPeer, now);
      if (answer === undefined) continue;
      sequence ??= next(universe);
      if (answer === levels) bytes ??= encodeSacnData({ ...header, sequence, levels });
      send(answer === levels && bytes ? bytes : encodeSacnData({ ...header, sequence, levels: answer }), to);
    }
    if (sequence !== undefined && discovery === undefined) announce();
  };

  const synchronise = () => {
    if (sync === 0 || sequences.size === 0) return;
    const bytes = encodeSacnSync({ cid, sequence: syncSequence, syncAddress: sync });
    syncSequence = (syncSequence + 1) & 255;
    for (const to of receivers(sync)) send(bytes, to);
  };

  const output = new DmxOutput({
    mapping: new DmxMapping({ namespace, normalize, range: [1, SACN_MAX_UNIVERSE] }),
    universes,
    rate,
    keepAlive,
    repeats: REPEATS,
    aligned: sync !== 0,
    scheduler,
    defer: options.defer,
    send: sendFrame,
    sent: synchronise,
    settle: input && ((universe, channel, level) => input.settle(universe, channel, level)),
  });

  const leave = () => {
    for (let times = 0; times < FAREWELLS; times++) {
      for (const universe of sequences.keys()) {
        const levels = output.levels(universe) ?? NOTHING;
        const header = { cid, universe, sourceName, priority, levels, terminated: true };
        const bytes = encodeSacnData({ ...header, sequence: next(universe) });
        for (const to of receivers(universe)) send(bytes, to);
      }
    }
  };

  return Object.assign(
    sink<Signal>({
      write: (signal) => output.write(signal),
      close() {
        discovery?.unsubscribe();
        leave();
        output.close();
      },
    }),
    { levels: (universe: number) => output.levels(universe) },
  );
}

const NOTHING = new Uint8Array();

/** Throws a `ClaspError` 402 for what is no universe of sACN. */
function checkUniverse(universe: number): void {
  if (Number.isInteger(universe) && universe >= 1 && universe <= SACN_MAX_UNIVERSE) return;
  throw new ClaspError(ErrorCode.BadValue, `universe ${universe} is not from 1 to ${SACN_MAX_UNIVERSE}`, {
    value: universe,
  });
}
