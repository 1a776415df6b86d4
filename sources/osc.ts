import { asyncScheduler, type Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import type { Datagram } from '../core/datagram.ts';
import { type ClaspError, ErrorCode } from '../core/errors.ts';
import type { OscMessage, OscPacket } from '../core/protocols/osc.ts';
import { parseOsc } from '../core/protocols/osc-decode.ts';
import { fromOscAddress, fromOscArguments } from '../core/protocols/osc-mapping.ts';
import type { OscPeers } from '../core/protocols/osc-peers.ts';
import { oscTimetagMicros } from '../core/protocols/osc-timetag.ts';
import { RecentMap } from '../core/recent-map.ts';
import type { Param, Signal } from '../core/signal.ts';
import { FailureDigest } from '../operators/failure-digest.ts';
import { stage } from '../operators/stage.ts';

export interface OscSourceOptions {
  /** Prefix of all addresses; `''` for none. @defaultValue '/osc' */
  readonly namespace?: string;
  /** Begins the `origin` of every signal, before `@` and the sender's address. @defaultValue 'osc' */
  readonly name?: string;
  /** Where to note who said what: give the same to `oscSink`. @defaultValue nothing is noted */
  readonly peers?: OscPeers;
  /** Clock and timer. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Signals, and beside them what could not be understood. */
export type OscSource = Observable<Signal> & {
  /**
   * Packets that are not OSC (101) and messages whose address CLASP does not have (200). Hot; the first at once, then
   * one a second at most, whose `value` is how many it stands for. Completes with the signals.
   */
  readonly failures: Observable<ClaspError>;
};

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
  const { namespace = '/osc', name = 'osc', peers, scheduler = asyncScheduler } = options;
  const digest = new FailureDigest({ scheduler });

  const signals = datagrams.pipe(
    stage<Datagram, Signal>((out) => {
      const addresses = new RecentMap<string, string>(MAX_ADDRESSES);
      const origins = new RecentMap<string, string>(MAX_SENDERS);

      const message = ({ address: oscAddress, args }: OscMessage, at: number, from: string, origin: string) => {
        let address = addresses.get(oscAddress);
        if (address === undefined) {
          address = fromOscAddress(oscAddress, namespace);
          if (address === undefined) {
            digest.report(ErrorCode.BadAddress, 'not a CLASP address', { where: from, address: oscAddress });
            return;
          }
          addresses.set(oscAddress, address);
        }
        const value = fromOscArguments(args);
        peers?.heard(from, address, value, args, scheduler.now());
        emit(out, address, value, at, origin);
      };

      const packet = (some: OscPacket, at: number, from: string, origin: string) => {
        if ('address' in some) {
          message(some, at, from, origin);
          return;
        }
        // A bundle never comes before the one it lies in.
        const inner = Math.max(at, oscTimetagMicros(some.timetag));
        for (const each of some.packets) packet(each, inner, from, origin);
      };

      return {
        next({ bytes, from }) {
          const read = parseOsc(bytes);
          if ('fault' in read) {
            digest.report(ErrorCode.BadMessage, read.fault, { where: from, offset: read.offset });
            return;
          }
          let origin = origins.get(from);
          if (origin === undefined) {
            origin = `${name}@${from}`;
            origins.set(from, origin);
          }
          packet(read, 0, from, origin);
        },
        dispose: () => digest.close(),
      };
    }),
  );
  return Object.assign(signals, { failures: digest.failures });
}

function emit(out: Subscriber<Signal>, address: string, value: Param['value'], at: number, origin: string): void {
  out.next({ kind: 'param', address, value, at: at === 0 ? undefined : at, origin });
}
