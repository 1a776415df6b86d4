import type { Observable, SchedulerLike } from 'rxjs';
import type { Datagram } from '../core/connection/datagram.ts';
import { type ClaspError, ErrorCode } from '../core/errors.ts';
import type { OscBundle, OscMessage, OscPacket } from '../core/protocols/osc/osc.ts';
import { oscTimetagMicros } from '../core/protocols/osc/osc.ts';
import { parseOsc } from '../core/protocols/osc/osc-decode.ts';
import type { OscKnownAddresses } from '../core/protocols/osc/osc-known.ts';
import {
  fromOscAddress,
  fromOscArguments,
  isOscPattern,
  type OscNoArguments,
} from '../core/protocols/osc/osc-mapping.ts';
import type { OscPeers } from '../core/protocols/osc/osc-peers.ts';
import type { Event, Param, Signal } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { RecentMap } from '../core/transforms/recent-map.ts';
import { MAX_BUNDLE_WAIT } from '../core/wire/bundle.ts';
import { FailureDigest } from '../operators/failure-digest.ts';
import { stage } from '../operators/stage.ts';

export interface OscSourceOptions {
  /** Prefix of all addresses; `''` for none. @defaultValue '/osc' */
  readonly namespace?: string;
  /** Begins the `origin` of every signal, before `@` and the sender's address. @defaultValue 'osc' */
  readonly name?: string;
  /** Where to note who said what: give the same to `oscSink`. @defaultValue nothing is noted */
  readonly peers?: OscPeers;
  /** The time that bundles wait for, microseconds; `() => client.time()` for a relay's. @defaultValue the scheduler's */
  readonly now?: (() => number) | undefined;
  /**
   * What a message without arguments is: an `event` with null; a `param` of null, which deletes; or that its sender asks
   * for the value (`get`), of which `asked` is told.
   * @defaultValue 'event'
   */
  readonly noArguments?: OscNoArguments;
  /** Told of each address whose value a sender (`address:port`) asks for, where `noArguments` is `get`. */
  readonly asked?: ((address: string, from: string) => void) | undefined;
  /** `ignore` applies every bundle at once, whatever its time. @defaultValue 'schedule' */
  readonly timetags?: 'schedule' | 'ignore';
  /** The OSC addresses that patterns from outside are applied to. @defaultValue none: a pattern is a failure */
  readonly known?: OscKnownAddresses | undefined;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** What could not be understood, beside what could. */
interface WithFailures {
  /**
   * Packets that are not OSC (101), messages whose address CLASP does not have (200), patterns that match nothing (201)
   * or too much (503), and, once for each sender, a clock that is more than 24 hours off (402). Hot; the first at once,
   * then one a second at most, whose `value` is how many it stands for. Completes with the source.
   */
  readonly failures: Observable<ClaspError>;
}

/** Signals, and beside them what could not be understood. */
export type OscSource = Observable<Signal> & WithFailures;

/** Params and events that came in one packet for one moment. */
export interface OscGroup {
  /** At least one, in their order. */
  readonly params: readonly (Param | Event)[];
  /** The moment, microseconds since the Unix epoch; absent for "at once". */
  readonly at: number | undefined;
  /** The sender, as `address:port`. */
  readonly from: string;
}

/** A group that is being filled. */
interface OpenGroup extends OscGroup {
  readonly params: (Param | Event)[];
}

/** Groups, and beside them what could not be understood. */
export type OscGroupSource = Observable<OscGroup> & WithFailures;

/** Addresses and senders whose translation is remembered. */
const MAX_ADDRESSES = 16_384;
const MAX_SENDERS = 256;
/** Addresses that the patterns of one packet may stand for, all together. */
const MAX_MATCHES = 4_096;
const WRONG_CLOCK = 'the timetag is more than 24 hours off, a wrong clock: its bundles are applied at once';

/**
 * OSC packets as params: `/synth/cutoff ,f 0.5` is `/osc/synth/cutoff` 0.5. A message without arguments is an event.
 *
 * Messages of a bundle come in their order, at once, each with the bundle's time as `at` (absent when the bundle says
 * "at once", or a time so far ahead that the sender's clock is wrong). A packet that is not OSC is counted, told of on `failures` and disturbs nothing. Cold; completes and
 * errors as `datagrams` does. Subscribe once.
 *
 * @example
 * ```ts
 * udpSocket({ listen: 8000 }).subscribe((socket) => {
 *   const signals = oscSource(socket.incoming);
 *   signals.failures.subscribe((failure) => console.error(failure.message));
 *   signals.subscribe((signal) => console.log(signal.address));
 * });
 * ```
 */
export function oscSource(datagrams: Observable<Datagram>, options: OscSourceOptions = {}): OscSource {
  const groups = oscGroupSource(datagrams, options);
  const signals = groups.pipe(
    stage<OscGroup, Signal>((out) => ({
      next({ params }) {
        for (let i = 0; i < params.length; i++) out.next(params[i] as Param);
      },
    })),
  );
  return Object.assign(signals, { failures: groups.failures });
}

/**
 * OSC packets as groups of params, for whoever passes a bundle on as a whole: one group for each run of messages of a
 * packet that are meant for one moment. In all else as {@link oscSource}.
 */
export function oscGroupSource(datagrams: Observable<Datagram>, options: OscSourceOptions = {}): OscGroupSource {
  const { namespace = '/osc', name = 'osc', peers, scheduler = monotonicScheduler } = options;
  const { noArguments = 'event', asked, timetags = 'schedule', known } = options;
  const { now: time = () => scheduler.now() * 1_000 } = options;
  const digest = new FailureDigest({ scheduler });

  const groups = datagrams.pipe(
    stage<Datagram, OscGroup>((out) => {
      const addresses = new RecentMap<string, string>(MAX_ADDRESSES);
      const origins = new RecentMap<string, string>(MAX_SENDERS);
      const wrongClocks = new RecentMap<string, true>(MAX_SENDERS);
      let matchesLeft = MAX_MATCHES;

      const addressOf = (oscAddress: string): string | undefined => {
        let address = addresses.get(oscAddress);
        if (address === undefined) {
          address = fromOscAddress(oscAddress, namespace);
          if (address !== undefined) addresses.set(oscAddress, address);
        }
        return address;
      };
      /** What a message does at one address; undefined where it only asks. */
      const signalAt = (address: string, { args }: OscMessage, at: number | undefined, from: string) => {
        const now = scheduler.now();
        if (args.length === 0 && noArguments !== 'param') {
          peers?.heardFrom(from, now);
          if (noArguments === 'event') return event(address, at, originOf(from));
          asked?.(address, from);
          return undefined;
        }
        const value = fromOscArguments(args);
        peers?.heard(from, address, value, args, now, at === undefined ? now : now + (at - time()) / 1_000);
        return param(address, value, at, originOf(from));
      };
      const originOf = (from: string) => {
        let origin = origins.get(from);
        if (origin === undefined) {
          origin = `${name}@${from}`;
          origins.set(from, origin);
        }
        return origin;
      };
      /** The addresses that a message is for; none, and told of, where there are none. */
      const addressesOf = ({ address: oscAddress }: OscMessage, from: string): readonly string[] => {
        const address = addressOf(oscAddress);
        if (address !== undefined) return [address];
        const detail = { where: from, address: oscAddress };
        const found = known && isOscPattern(oscAddress) ? known.matching(oscAddress, scheduler.now()) : 'no-pattern';
        if (found === 'no-pattern') digest.report(ErrorCode.BadAddress, 'not a CLASP address', detail);
        else if (found === 'overloaded') digest.report(ErrorCode.Overloaded, 'too many patterns come in', detail);
        else if (found.length === 0) digest.report(ErrorCode.NotFound, 'pattern matches no known address', detail);
        else if (found.length > matchesLeft) digest.report(ErrorCode.Overloaded, 'pattern matches too much', detail);
        else {
          matchesLeft -= found.length;
          return found.map((each) => namespace + each);
        }
        return [];
      };
      /** The time of a bundle, microseconds; 0 for at once, also where no clock that is right would say it. */
      const timeOf = ({ timetag }: OscBundle, from: string): number => {
        if (timetags === 'ignore') return 0;
        const at = oscTimetagMicros(timetag);
        const ahead = at === 0 ? 0 : at - time();
        if (Math.abs(ahead) > MAX_BUNDLE_WAIT && !wrongClocks.get(from)) {
          wrongClocks.set(from, true);
          digest.report(ErrorCode.BadValue, WRONG_CLOCK, { where: from });
        }
        return ahead > MAX_BUNDLE_WAIT ? 0 : at;
      };
      /** Appends what a message does to groups, the last of which may go on where it lies in the same bundle. */
      const add = (message: OscMessage, time: number, from: string, inBundle: boolean, into: OpenGroup[]) => {
        const at = time === 0 ? undefined : time;
        for (const address of addressesOf(message, from)) {
          const one = signalAt(address, message, at, from);
          const last = into[into.length - 1];
          if (one && inBundle && last && last.at === at) last.params.push(one);
          else if (one) into.push({ params: [one], at, from });
        }
      };
      const gather = (packet: OscPacket, time: number, from: string, inBundle: boolean, into: OpenGroup[]) => {
        if ('address' in packet) {
          add(packet, time, from, inBundle, into);
          return;
        }
        // A bundle never comes before the one it lies in.
        const inner = Math.max(time, timeOf(packet, from));
        for (const each of packet.packets) gather(each, inner, from, true, into);
      };

      return {
        next({ bytes, from }) {
          const read = parseOsc(bytes);
          if ('fault' in read) {
            digest.report(ErrorCode.BadMessage, read.fault, { where: from, offset: read.offset });
            return;
          }
          const gathered: OpenGroup[] = [];
          matchesLeft = MAX_MATCHES;
          gather(read, 0, from, false, gathered);
          for (let i = 0; i < gathered.length; i++) out.next(gathered[i] as OscGroup);
        },
        dispose: () => digest.close(),
      };
    }),
  );
  return Object.assign(groups, { failures: digest.failures });
}

function event(address: string, at: number | undefined, origin: string): Event {
  return { kind: 'event', address, value: null, at, origin };
}

function param(address: string, value: Param['value'], at: number | undefined, origin: string): Param {
  return { kind: 'param', address, value, at, origin };
}
