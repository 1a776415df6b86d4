import type { SchedulerLike } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import {
  ARTNET_MAX_UNIVERSE,
  encodeArtDmx,
  encodeArtSync,
  encodeArtTimeCode,
} from '../core/protocols/artnet/artnet.ts';
import type { ArtNetNodes } from '../core/protocols/artnet/artnet-nodes.ts';
import type { DmxInput } from '../core/protocols/dmx/dmx-input.ts';
import { DmxMapping, type DmxPair } from '../core/protocols/dmx/dmx-mapping.ts';
import type { MidiFrameRate } from '../core/protocols/midi/midi-time-code.ts';
import { timeCodeOf } from '../core/protocols/time-code.ts';
import type { Signal } from '../core/signal/signal.ts';
import { type Sink, sink } from '../core/signal/sink.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import type { Defer } from '../core/time/schedule-once.ts';
import { DmxOutput } from './dmx-output.ts';

export interface ArtNetSinkOptions {
  /** Who receives every universe, as `host:port`. @defaultValue none: the nodes that want it, else `broadcast` */
  readonly targets?: readonly string[];
  /** Receives the universes that no known node wants, as `host:port`. @defaultValue nobody */
  readonly broadcast?: string;
  /** The nodes that are known, where there are no targets. @defaultValue none */
  readonly nodes?: ArtNetNodes;
  /** The UDP port of the nodes. @defaultValue 6454 */
  readonly port?: number;
  /** The universes that are sent, 0–32767; what is for others is passed over. @defaultValue all */
  readonly universes?: readonly number[];
  /** Where universes live in the relay. @defaultValue '/artnet' */
  readonly namespace?: string;
  /** Whether params are 0.0–1.0 rather than 0–255. @defaultValue false */
  readonly normalize?: boolean;
  /** Channels that are one value of 16 bits. @defaultValue none */
  readonly pairs?: readonly DmxPair[];
  /** Frames a second of a time code that is a number of seconds, or names no rate. @defaultValue 25 */
  readonly timeCodeRate?: MidiFrameRate;
  /** Frames a second of one universe at most. @defaultValue 44 */
  readonly rate?: number;
  /** Milliseconds after which a universe without changes is sent again. @defaultValue 1000 */
  readonly keepAlive?: number;
  /** Whether ArtSync follows the frames of each moment, so that all are shown together. @defaultValue false */
  readonly sync?: boolean;
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

/** A sink of levels that knows what it shows. */
export type DmxSink = Sink<Signal> & {
  /** What a universe shows; undefined while nothing is known of it. */
  levels(universe: number): Uint8Array | undefined;
};

/**
 * Sends params and streams below the namespace as ArtDmx through `send`: `/artnet/0/1` 255 is channel 1 of universe 0,
 * `/artnet/0` with bytes is the whole universe. `/artnet/timecode`, as `[hours, minutes, seconds, frames, rate]` or as a
 * number of seconds that a clock or a timeline counts, is sent as ArtTimeCode whenever its frame is another one.
 *
 * Changes gather into one packet of 512 channels per universe and frame. Channels nobody has written are 0; a universe
 * nobody has written is not sent. Failures, after which nothing is sent: 200 for an address that is no universe or
 * channel, 402 for one that does not exist (universe 32768, channel 513) and for values that are no level or no time.
 *
 * @example
 * ```ts
 * const signals = of<Signal>({ kind: 'param', address: '/artnet/0/1', value: 255 });
 * udpSocket().subscribe((socket) => {
 *   const sink = artNetSink(socket.send, { targets: ['127.0.0.1:6454'] });
 *   sink.failures.subscribe((failure) => console.error(failure.message));
 *   signals.subscribe((signal) => sink.next(signal));
 * });
 * ```
 */
export function artNetSink(send: (bytes: Uint8Array, to: string) => void, options: ArtNetSinkOptions = {}): DmxSink {
  const { targets = [], broadcast, nodes, port = 6454, universes, namespace = '/artnet', input } = options;
  const { rate = 44, keepAlive = 1_000, sync = false, normalize = false, scheduler = monotonicScheduler } = options;
  const { pairs = [], timeCodeRate = 25 } = options;
  const sequences = new Map<number, number>();
  const everybody = broadcast === undefined ? [] : [broadcast];
  /** Who got something in this moment. */
  const reached = new Set<string>();

  const receivers = (universe: number): readonly string[] => {
    if (targets.length > 0) return targets;
    const ips = nodes?.subscribers(universe) ?? [];
    return ips.length > 0 ? ips.map((ip) => `${ip}:${port}`) : everybody;
  };

  const sendFrame = (universe: number, levels: Uint8Array, now: number) => {
    const sequence = ((sequences.get(universe) ?? 0) % 255) + 1;
    let bytes: Uint8Array | undefined;
    for (const to of receivers(universe)) {
      const isPeer = to === broadcast ? undefined : isFrom(to);
      const answer = input === undefined ? levels : input.answer(universe, levels, isPeer, now);
      if (answer === undefined) continue;
      sequences.set(universe, sequence);
      reached.add(to);
      if (answer !== levels) {
        send(encodeArtDmx({ universe, sequence, levels: answer }), to);
        continue;
      }
      bytes ??= encodeArtDmx({ universe, sequence, levels });
      send(bytes, to);
    }
  };

  const timeCodeAddress = `${namespace}/timecode`;
  let lastTimeCode = '';
  const sendTimeCode = ({ kind, address, ...signal }: Signal) => {
    if (kind !== 'param' && kind !== 'stream')
      throw new ClaspError(ErrorCode.BadValue, `a ${kind} is no time code`, { address });
    const value = 'value' in signal ? signal.value : null;
    if (value === null) return;
    const bytes = encodeArtTimeCode(timeCodeOf(value, address, timeCodeRate));
    const text = bytes.subarray(14).join();
    if (text === lastTimeCode) return;
    lastTimeCode = text;
    const everyNode = () => (nodes?.list() ?? []).map(({ ip }) => `${ip}:${port}`);
    for (const to of targets.length > 0 ? targets : everybody.length > 0 ? everybody : everyNode()) send(bytes, to);
  };

  const output = new DmxOutput({
    mapping: new DmxMapping({ namespace, normalize, pairs, range: [0, ARTNET_MAX_UNIVERSE] }),
    universes,
    rate,
    keepAlive,
    repeats: 0,
    aligned: sync,
    scheduler,
    defer: options.defer,
    send: sendFrame,
    sent: () => {
      if (sync) for (const to of reached) send(encodeArtSync(), to);
      reached.clear();
    },
    settle: input && ((universe, channel, level) => input.settle(universe, channel, level)),
  });

  const write = (signal: Signal) => (signal.address === timeCodeAddress ? sendTimeCode(signal) : output.write(signal));
  return Object.assign(sink<Signal>({ write, close: () => output.close() }), {
    levels: (universe: number) => output.levels(universe),
  });
}

/**
 * How a packet is told to come from a receiver: its address and port are the receiver's, or its address is, unless that
 * is this machine's own, where several programs stand side by side.
 */
export function isFrom(receiver: string): (source: string) => boolean {
  const host = receiver.slice(0, receiver.lastIndexOf(':') + 1);
  if (host.startsWith('127.')) return (source) => source === receiver;
  return (source) => source.startsWith(host);
}
