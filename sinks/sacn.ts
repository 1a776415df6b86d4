import type { SchedulerLike, Subscription } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import type { DmxInput } from '../core/protocols/dmx/dmx-input.ts';
import { DMX_CHANNELS, DmxMapping, type DmxPair } from '../core/protocols/dmx/dmx-mapping.ts';
import {
  encodeSacnData,
  encodeSacnDiscovery,
  encodeSacnSync,
  SACN_DISCOVERY_UNIVERSE,
  SACN_MAX_UNIVERSE,
  SACN_PORT,
  SACN_PRIORITIES,
  sacnGroup,
} from '../core/protocols/sacn/sacn.ts';
import type { Signal } from '../core/signal/signal.ts';
import { sink } from '../core/signal/sink.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import type { Defer } from '../core/time/schedule-once.ts';
import type { DmxSink } from './artnet.ts';
import { isFrom } from './artnet.ts';
import { DmxOutput } from './dmx-output.ts';

/** What some channels are worth. */
export interface SacnChannelPriority {
  /** @defaultValue every universe */
  readonly universe?: number;
  /** The first and the last channel, 1–512. @defaultValue `last` is `first` */
  readonly first: number;
  readonly last?: number;
  /** 1–200; 0 leaves the channels to others. */
  readonly priority: number;
}

export interface SacnSinkOptions {
  /** Sixteen bytes that tell this source from all others, and are the same next time: a UUID. */
  readonly cid: Uint8Array;
  /** For people; up to 63 bytes of UTF-8. @defaultValue 'clasp-rx' */
  readonly sourceName?: string;
  /** 0–200; receivers show the highest. @defaultValue 100 */
  readonly priority?: number;
  /**
   * Sends a priority for each channel too (start code 0xDD): `priority` for those that somebody has written, 0 for the
   * others, which leaves them to other sources; or what a list says, its later entries over its earlier ones.
   * @defaultValue false
   */
  readonly channelPriorities?: boolean | readonly SacnChannelPriority[];
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
  /** Channels that are one value of 16 bits. @defaultValue none */
  readonly pairs?: readonly DmxPair[];
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
/** Milliseconds after which the priorities of channels are sent again. */
const PRIORITIES = 1_000;
/** A changed frame is sent this often more before the pauses grow (E1.31 §6.6.1). */
const REPEATS = 3;
/** A universe that is left says so this often (E1.31 §6.2.6). */
const FAREWELLS = 3;

/**
 * Sends params and streams below the namespace as E1.31 through `send`: `/sacn/1/1` 255 is channel 1 of universe 1,
 * `/sacn/1` with bytes is the whole universe.
 *
 * Changes gather into one packet of 512 channels per universe and frame, three repetitions follow, then one every 0.9 s.
 * Priorities of channels go before the levels, when they change and once a second. Every 10 s it announces which universes it sends; when closed it says that it leaves them. Failures, after which
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
  const { input, scheduler = monotonicScheduler, pairs = [], channelPriorities = false } = options;
  for (const universe of universes ?? []) checkUniverse(universe);
  const given = typeof channelPriorities === 'boolean' ? [] : channelPriorities;
  for (const each of given) checkChannelPriority(each);
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

  const worth = (universe: number, written: Uint8Array): Uint8Array => {
    const each = written.map((isWritten) => (isWritten === 0 ? 0 : priority));
    for (const { universe: of = universe, first, last = first, priority: own } of given) {
      if (of === universe) each.fill(own, first - 1, last);
    }
    return each;
  };
  const told = new Map<number, { readonly priorities: Uint8Array; at: number }>();
  /** The priorities of channels, where it is time to tell them. */
  const untold = (universe: number, written: Uint8Array, now: number): Uint8Array | undefined => {
    if (channelPriorities === false) return undefined;
    const priorities = worth(universe, written);
    const before = told.get(universe);
    const isSame = before?.priorities.every((each, i) => each === priorities[i]) ?? false;
    if (isSame && before !== undefined && now - before.at < PRIORITIES) return undefined;
    return priorities;
  };

  const sendFrame = (universe: number, levels: Uint8Array, now: number, written: Uint8Array) => {
    const header = { cid, universe, sourceName, priority, preview, syncAddress: sync };
    let sequence: number | undefined;
    let bytes: Uint8Array | undefined;
    let first: Uint8Array | undefined;
    const priorities = untold(universe, written, now);
    for (const to of receivers(universe)) {
      const isPeer = targets.length > 0 ? isFrom(to) : undefined;
      const answer = input === undefined ? levels : input.answer(universe, levels, isPeer, now);
      if (answer === undefined) continue;
      if (priorities !== undefined) {
        told.set(universe, { priorities, at: now });
        first ??= encodeSacnData({
          ...header,
          syncAddress: 0,
          sequence: next(universe),
          startCode: SACN_PRIORITIES,
          levels: priorities,
        });
        send(first, to);
      }
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
    mapping: new DmxMapping({ namespace, normalize, pairs, range: [1, SACN_MAX_UNIVERSE] }),
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

/** Throws a `ClaspError` 402 for channels that do not exist, or a priority that is none. */
function checkChannelPriority({ universe = 1, first, last = first, priority }: SacnChannelPriority): void {
  checkUniverse(universe);
  const check = (what: string, value: number, lowest: number, highest: number) => {
    if (Number.isInteger(value) && value >= lowest && value <= highest) return;
    throw new ClaspError(ErrorCode.BadValue, `${what} ${value} is not from ${lowest} to ${highest}`, { value });
  };
  check('channel', first, 1, DMX_CHANNELS);
  check('channel', last, first, DMX_CHANNELS);
  check('priority', priority, 0, 200);
}
