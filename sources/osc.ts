import type { Observable, SchedulerLike } from 'rxjs';
import type { Datagram } from '../core/connection/datagram.ts';
import { type ClaspError, ErrorCode } from '../core/errors.ts';
import type { OscMessage, OscPacket } from '../core/protocols/osc/osc.ts';
import { oscTimetagMicros } from '../core/protocols/osc/osc.ts';
import { parseOsc } from '../core/protocols/osc/osc-decode.ts';
import { fromOscAddress, fromOscArguments } from '../core/protocols/osc/osc-mapping.ts';
import type { OscPeers } from '../core/protocols/osc/osc-peers.ts';
import type { Param, Signal } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { RecentMap } from '../core/transforms/recent-map.ts';
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
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** What could not be understood, beside what could. */
interface WithFailures {
  /**
   * Packets that are not OSC (101) and messages whose address CLASP does not have (200). Hot; the first at once, then
   * one a second at most, whose `value` is how many it stands for. Completes with the source.
   */
  readonly failures: Observable<ClaspError>;
}

/** Signals, and beside them what could not be understood. */
export type OscSource = Observable<Signal> & WithFailures;

/** Params that came in one packet for one moment. */
export interface OscGroup {
  /** At least one, in their order. */
  readonly params: readonly Param[];
  /** The moment, microseconds since the Unix epoch; absent for "at once". */
  readonly at: number | undefined;
}

/** Groups, and beside them what could not be understood. */
export type OscGroupSource = Observable<OscGroup> & WithFailures;

/** Addresses and senders whose translation is remembered. */
const MAX_ADDRESSES = 16_384;
const MAX_SENDERS = 256;

/**
 * OSC packets as params: `/synth/cutoff ,f 0.5` is `/osc/synth/cutoff` 0.5.
 *
 * Messages of a bundle come in their order, at once, each with the bundle's time as `at` (absent when the bundle says
 * "at once"). A packet that is not OSC is counted, told of on `failures` and disturbs nothing. Cold; completes and
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
  const { now: time = () => scheduler.now() * 1_000 } = options;
  const digest = new FailureDigest({ scheduler });

  const groups = datagrams.pipe(
    stage<Datagram, OscGroup>((out) => {
      const addresses = new RecentMap<string, string>(MAX_ADDRESSES);
      const origins = new RecentMap<string, string>(MAX_SENDERS);

      /** The param of a message; undefined, and told of, for an address that CLASP does not have. */
      const paramOf = ({ address: oscAddress, args }: OscMessage, at: number | undefined, from: string) => {
        let address = addresses.get(oscAddress);
        if (address === undefined) {
          address = fromOscAddress(oscAddress, namespace);
          if (address === undefined) {
            digest.report(ErrorCode.BadAddress, 'not a CLASP address', { where: from, address: oscAddress });
            return undefined;
          }
          addresses.set(oscAddress, address);
        }
        const value = fromOscArguments(args);
        const now = scheduler.now();
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
      /** Appends what a packet holds to groups, the last of which may go on. */
      const gather = (
        packet: OscPacket,
        time: number,
        from: string,
        into: { params: Param[]; at: number | undefined }[],
      ) => {
        if (!('address' in packet)) {
          // A bundle never comes before the one it lies in.
          const inner = Math.max(time, oscTimetagMicros(packet.timetag));
          for (const each of packet.packets) gather(each, inner, from, into);
          return;
        }
        const at = time === 0 ? undefined : time;
        const one = paramOf(packet, at, from);
        const last = into[into.length - 1];
        if (one && last && last.at === at) last.params.push(one);
        else if (one) into.push({ params: [one], at });
      };

      return {
        next({ bytes, from }) {
          const read = parseOsc(bytes);
          if ('fault' in read) {
            digest.report(ErrorCode.BadMessage, read.fault, { where: from, offset: read.offset });
            return;
          }
          const gathered: { params: Param[]; at: number | undefined }[] = [];
          gather(read, 0, from, gathered);
          for (let i = 0; i < gathered.length; i++) out.next(gathered[i] as OscGroup);
        },
        dispose: () => digest.close(),
      };
    }),
  );
  return Object.assign(groups, { failures: digest.failures });
}

function param(address: string, value: Param['value'], at: number | undefined, origin: string): Param {
  return { kind: 'param', address, value, at, origin };
}
