import type { Observable, SchedulerLike } from 'rxjs';
import type { BytePort } from '../core/connection/byte-port.ts';
import { ErrorCode } from '../core/errors.ts';
import { type DmxFrame, DmxInput } from '../core/protocols/dmx/dmx-input.ts';
import { DMX_CHANNELS, DmxMapping, type DmxPair } from '../core/protocols/dmx/dmx-mapping.ts';
import {
  applyEnttecDmx,
  EnttecLabel,
  type EnttecMessage,
  EnttecParser,
  encodeEnttec,
  enttecSerialNumber,
} from '../core/protocols/dmx/enttec.ts';
import type { Signal } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { FailureDigest } from '../operators/failure-digest.ts';
import { stage } from '../operators/stage.ts';
import type { WithFailures } from './artnet.ts';
import { type DmxMode, dmxSignals } from './dmx-signals.ts';

export interface DmxFramesOptions {
  /** Whether the widget tells of channels that change only, rather than of every frame. @defaultValue false */
  readonly changesOnly?: boolean;
  /** Where the state is kept. @defaultValue one of its own */
  readonly input?: DmxInput;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

export interface DmxSourceOptions extends DmxFramesOptions {
  /** Where the channels live in the relay. @defaultValue '/dmx' */
  readonly namespace?: string;
  /** Changed channels as params, or whole frames as a stream of bytes. @defaultValue 'channel' */
  readonly mode?: DmxMode;
  /** Whether params are 0.0–1.0 rather than 0–255. @defaultValue false */
  readonly normalize?: boolean;
  /** Channels that are one value of 16 bits. @defaultValue none */
  readonly pairs?: readonly DmxPair[];
  /** Begins the `origin` of every signal, before `@` and the port. @defaultValue 'dmx' */
  readonly name?: string;
}

/** The messages of an ENTTEC DMX USB Pro, out of the bytes of its port. Cold; completes and errors as they do. */
export function enttecMessages(incoming: Observable<Uint8Array>): Observable<EnttecMessage> {
  return incoming.pipe(
    stage<Uint8Array, EnttecMessage>((out) => {
      const parser = new EnttecParser();
      return { next: (bytes) => parser.push(bytes, (message) => out.next(message)) };
    }),
  );
}

/** Asks the widget of a port for its serial number; emits what it answers, if it does. */
export function enttecSerialNumbers(port: Pick<BytePort, 'incoming' | 'write'>): Observable<string> {
  return enttecMessages(port.incoming).pipe(
    stage<EnttecMessage, string>((out) => {
      port.write(encodeEnttec(EnttecLabel.GetSerialNumber));
      return {
        next(message) {
          const serial = enttecSerialNumber(message);
          if (serial !== undefined) out.next(serial);
        },
      };
    }),
  );
}

/**
 * What an ENTTEC DMX USB Pro receives, as frames of universe 0: whenever something changes, and once a second while the
 * widget hears frames. Puts the widget into receiving; it sends nothing meanwhile.
 *
 * Cold; completes and errors as the port's bytes do. Failures (101): messages that say they hold levels and do not.
 *
 * @example
 * ```ts
 * serialPort({ path: '/dev/ttyUSB0' }).subscribe((port) => {
 *   dmxFrames(port).subscribe(({ levels }) => console.log(levels[0]));
 * });
 * ```
 */
export function dmxFrames(
  port: Pick<BytePort, 'name' | 'incoming' | 'write'>,
  {
    changesOnly = false,
    input = new DmxInput({ timeout: FOREVER }),
    scheduler = monotonicScheduler,
  }: DmxFramesOptions = {},
): WithFailures<DmxFrame> {
  const digest = new FailureDigest({ scheduler });
  const frames = enttecMessages(port.incoming).pipe(
    stage<EnttecMessage, DmxFrame>((out) => {
      const levels = new Uint8Array(DMX_CHANNELS);
      const receive = { source: port.name, universe: 0 };
      port.write(encodeEnttec(EnttecLabel.ReceiveOnChange, Uint8Array.of(changesOnly ? 1 : 0)));
      return {
        next(message) {
          const known = applyEnttecDmx(message, levels);
          if (known === -2) {
            digest.report(ErrorCode.BadMessage, `message ${message.label} is malformed`, { where: port.name });
          }
          if (known < 1) return;
          const frame = input.receive({ ...receive, levels: levels.subarray(0, known) }, scheduler.now());
          if (frame) out.next(frame);
        },
        dispose: () => digest.close(),
      };
    }),
  );
  return Object.assign(frames, { failures: digest.failures });
}

/** A line has one sender: what it said last holds. */
const FOREVER = Number.POSITIVE_INFINITY;

/**
 * What an ENTTEC DMX USB Pro receives, as signals: the channels that changed as params, `/dmx/1` 255, or each frame as a
 * sample of bytes at `/dmx`.
 *
 * What {@link dmxFrames} says holds here.
 *
 * @example
 * ```ts
 * serialPort({ path: '/dev/ttyUSB0' }).subscribe((port) => {
 *   dmxSource(port, { changesOnly: true }).subscribe((signal) => console.log(signal.address));
 * });
 * ```
 */
export function dmxSource(
  port: Pick<BytePort, 'name' | 'incoming' | 'write'>,
  options: DmxSourceOptions = {},
): WithFailures<Signal> {
  const { namespace = '/dmx', mode = 'channel', normalize = false, name = 'dmx', pairs = [] } = options;
  const frames = dmxFrames(port, options);
  const mapping = new DmxMapping({ namespace, normalize, pairs });
  return Object.assign(frames.pipe(dmxSignals(mapping, mode, name)), { failures: frames.failures });
}
