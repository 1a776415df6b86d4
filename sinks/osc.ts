import type { SchedulerLike } from 'rxjs';
import { compilePattern } from '../core/address/pattern.ts';
import { encodeOsc } from '../core/protocols/osc/osc-encode.ts';
import { type OscNoArguments, type OscTags, parseOscTags, toOsc } from '../core/protocols/osc/osc-mapping.ts';
import { OscPeers } from '../core/protocols/osc/osc-peers.ts';
import type { Signal } from '../core/signal/signal.ts';
import { type Sink, sink } from '../core/signal/sink.ts';
import type { Value } from '../core/signal/value.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { RecentMap } from '../core/transforms/recent-map.ts';

/** Which OSC types a receiver wants: pattern over OSC addresses → type tags of the arguments, as `i` or `iff`. */
export type OscHints = Readonly<Record<string, string>>;

/** A receiver: `host:port`, with hints of its own if need be. */
export type OscTarget = string | { readonly to: string; readonly hints: OscHints };

export interface OscSinkOptions {
  /** Who receives everything, as `host:port`. @defaultValue none: see `oscSink` */
  readonly targets?: readonly OscTarget[];
  /** Prefix that is taken off the addresses; `''` for none. @defaultValue '/osc' */
  readonly namespace?: string;
  /** Types for all receivers; a target's own hints come first, the types last received come after. @defaultValue none */
  readonly hints?: OscHints;
  /**
   * What a message without arguments is to the receivers. Only where it is a `param` one tells that a param was deleted;
   * otherwise nothing does, unless the type `N` is wanted: it would be something that happens, or a question.
   * @defaultValue 'param'
   */
  readonly noArguments?: OscNoArguments;
  /** What is known of the receivers: give the same to `oscSource`. @defaultValue nothing is known */
  readonly peers?: OscPeers;
  /** Clock. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Receivers that want the same types share the encoded bytes. */
interface Group {
  readonly hints: Hints;
  /** Undefined: `send` knows where to. */
  readonly targets: readonly (string | undefined)[];
}

type Hints = (oscAddress: string) => OscTags | undefined;

/** Addresses whose hints are remembered. */
const MAX_ADDRESSES = 16_384;

/**
 * Sends params, events and samples below the namespace as OSC messages, each in a packet of its own, through `send`:
 * `/osc/mixer/1` 0.75 is `/mixer/1 ,f 0.75`.
 *
 * With `targets`, `send` is called for each of them; with `peers`, for those that have sent something lately too. With
 * neither it is called once for each message, without a target: for a `send` that knows where to.
 *
 * A receiver does not get back params that it has just sent itself. Failures: 200 for an address outside the namespace or
 * one that OSC reads as a pattern, 402 for maps, gestures and timelines, which have no form in OSC; nothing is sent
 * then. Throws a `ClaspError` at once for hints that cannot be read (202, 402).
 *
 * @example
 * ```ts
 * const signals = of<Signal>({ kind: 'param', address: '/osc/mixer/1', value: 0.75 });
 * udpSocket().subscribe((socket) => {
 *   const sink = oscSink(socket.send, { targets: ['127.0.0.1:9000'], hints: { '/led/*': 'i' } });
 *   sink.failures.subscribe((failure) => console.error(failure.message));
 *   signals.subscribe(sink);
 * });
 * ```
 */
export function oscSink(
  send: (bytes: Uint8Array, target: string) => void,
  options: OscSinkOptions & (Required<Pick<OscSinkOptions, 'targets'>> | Required<Pick<OscSinkOptions, 'peers'>>),
): Sink<Signal>;
export function oscSink(send: (bytes: Uint8Array, target?: string) => void, options?: OscSinkOptions): Sink<Signal>;
export function oscSink(send: (bytes: Uint8Array, target: string) => void, options: OscSinkOptions = {}): Sink<Signal> {
  const {
    targets = [],
    namespace = '/osc',
    hints = {},
    noArguments = 'param',
    peers = new OscPeers(),
    scheduler = monotonicScheduler,
  } = options;
  const common = hintsFrom(hints);
  const plain = targets.filter((target) => typeof target === 'string');
  const groups: Group[] = targets
    .filter((target) => typeof target !== 'string')
    .map((target) => ({ hints: hintsFrom(target.hints, hints), targets: [target.to] }));
  if (plain.length > 0) groups.unshift({ hints: common, targets: plain });
  else if (options.targets === undefined && options.peers === undefined) {
    groups.push({ hints: common, targets: [undefined] });
  }

  /** Sends to those of `receivers` whose own value it is not; encodes once, and only if anybody is left. */
  const sendTo = (
    receivers: readonly (string | undefined)[],
    signal: Signal,
    value: Value,
    wanted: Hints,
    now: number,
  ) => {
    let bytes: Uint8Array | undefined;
    for (let i = 0; i < receivers.length; i++) {
      const to = receivers[i];
      // What comes from a peer is a param: an event or a sample is somebody else's, and shows at the peer all the same.
      if (to !== undefined && peers.isEcho(to, signal.address, value, now) && signal.kind === 'param') continue;
      if (bytes === undefined) {
        const tags = wanted(signal.address.slice(namespace.length)) ?? peers.tags(signal.address);
        if (value === null && signal.kind === 'param' && noArguments !== 'param' && tags?.[0] !== 'N') return;
        bytes = encodeOsc(toOsc(signal, { namespace, tags }));
      }
      send(bytes, to as string); // undefined only for a `send` that takes it
    }
  };

  return sink<Signal>({
    write(signal) {
      const value = 'value' in signal ? signal.value : null;
      const now = scheduler.now();
      for (let i = 0; i < groups.length; i++) {
        const group = groups[i] as Group;
        sendTo(group.targets, signal, value, group.hints, now);
      }
      const senders = peers.senders(now);
      if (senders.length > 0) sendTo(senders, signal, value, common, now);
    },
  });
}

/** The first pattern that matches counts, those of the first `hints` first. */
function hintsFrom(...hints: readonly OscHints[]): Hints {
  const list = hints.flatMap((some) =>
    Object.entries(some).map(([pattern, tags]) => ({ pattern: compilePattern(pattern), tags: parseOscTags(tags) })),
  );
  if (list.length === 0) return () => undefined;

  const known = new RecentMap<string, OscTags | 'none'>(MAX_ADDRESSES);
  return (oscAddress) => {
    let tags = known.get(oscAddress);
    if (tags === undefined) {
      tags = list.find(({ pattern }) => pattern.matches(oscAddress))?.tags ?? 'none';
      known.set(oscAddress, tags);
    }
    return tags === 'none' ? undefined : tags;
  };
}
