import type { SchedulerLike, Subscription } from 'rxjs';
import type { BytePort } from '../core/connection/byte-port.ts';
import type { ClaspError } from '../core/errors.ts';
import { DMX_CHANNELS, DmxMapping, type DmxPair } from '../core/protocols/dmx/dmx-mapping.ts';
import { EnttecLabel, encodeEnttec, encodeEnttecDmx } from '../core/protocols/dmx/enttec.ts';
import type { Signal } from '../core/signal/signal.ts';
import { sink } from '../core/signal/sink.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import type { Defer } from '../core/time/schedule-once.ts';
import { FailureDigest } from '../operators/failure-digest.ts';
import type { DmxSink } from './artnet.ts';
import { DmxOutput } from './dmx-output.ts';

export interface DmxSinkOptions {
  /** `enttec-pro` sends whole messages, `open-dmx` breaks and frames, over and over. @defaultValue 'enttec-pro' */
  readonly driver?: 'enttec-pro' | 'open-dmx';
  /** Where the channels live in the relay. @defaultValue '/dmx' */
  readonly namespace?: string;
  /** Whether params are 0.0–1.0 rather than 0–255. @defaultValue false */
  readonly normalize?: boolean;
  /** Channels that are one value of 16 bits. @defaultValue none */
  readonly pairs?: readonly DmxPair[];
  /**
   * Frames a second at most; with `enttec-pro` also how often the widget repeats (1–40), which it keeps for the next time.
   * @defaultValue 40, the widget's own rate untouched; 30 with `open-dmx`
   */
  readonly rate?: number;
  /**
   * When to send what need not wait: what changes until then goes together. `setImmediate` gathers what came in one turn
   * of the event loop. @defaultValue a timer, which takes a millisecond and more
   */
  readonly defer?: Defer;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Milliseconds after which a widget that repeats by itself is sent the frame again, should it have lost it. */
const KEEP_ALIVE = 1_000;
/** Break and mark after break of the widget, in units of 10.67 µs: its defaults. */
const BREAK = 9;
const MARK = 1;

/**
 * Sends params and streams below the namespace to a DMX device: `/dmx/1` 255 is channel 1, `/dmx` with bytes the whole
 * universe.
 *
 * An ENTTEC DMX USB Pro repeats what it was sent by itself; a bare line (`open-dmx`) shows only what is sent, so frames
 * go out all the time, each after a break. A port that knows no break is told of once, and gets the frames without.
 * Failures, after which nothing is sent: 200 for an address that is no channel, 402 for channel 513 and for values that
 * are no level.
 *
 * @example
 * ```ts
 * const signals = of<Signal>({ kind: 'param', address: '/dmx/1', value: 255 });
 * serialPort({ path: '/dev/ttyUSB0' }).subscribe((port) => {
 *   const sink = dmxSink(port);
 *   sink.failures.subscribe((failure) => console.error(failure.message));
 *   signals.subscribe((signal) => sink.next(signal));
 * });
 * ```
 */
export function dmxSink(port: Pick<BytePort, 'name' | 'write' | 'setBreak'>, options: DmxSinkOptions = {}): DmxSink {
  const { driver = 'enttec-pro', namespace = '/dmx', normalize = false, scheduler = monotonicScheduler } = options;
  const { rate = driver === 'enttec-pro' ? 40 : 30, pairs = [] } = options;
  const line = driver === 'open-dmx' ? openLine(port, scheduler) : undefined;
  if (driver === 'enttec-pro' && options.rate !== undefined) {
    const parameters = Uint8Array.of(0, 0, BREAK, MARK, Math.min(40, Math.round(rate)));
    port.write(encodeEnttec(EnttecLabel.SetParameters, parameters));
  }

  const output = new DmxOutput({
    mapping: new DmxMapping({ namespace, normalize, pairs }),
    universes: undefined,
    rate,
    keepAlive: line ? 1_000 / rate : KEEP_ALIVE,
    repeats: 0,
    aligned: false,
    scheduler,
    defer: options.defer,
    send: (_universe, levels) => (line ? line.send(levels) : port.write(encodeEnttecDmx(levels))),
  });
  const written = sink<Signal>({
    write: (signal) => output.write(signal),
    close() {
      output.close();
      line?.close();
    },
  });
  return Object.assign(written, {
    levels: (universe: number) => output.levels(universe),
    ...(line && { failures: line.failuresWith(written.failures) }),
  });
}

/** A bare line: break, mark, start code and levels. */
function openLine(port: Pick<BytePort, 'name' | 'write' | 'setBreak'>, scheduler: SchedulerLike) {
  const digest = new FailureDigest({ scheduler });
  let breaks = true;
  let busy = false;
  let timer: Subscription | undefined;

  const write = (frame: Uint8Array) => {
    busy = false;
    port.write(frame);
  };
  const without = (failure: ClaspError, frame: Uint8Array) => {
    breaks = false;
    digest.pass(failure);
    write(frame);
  };

  return {
    failuresWith(others: DmxSink['failures']): DmxSink['failures'] {
      others.subscribe({ next: (failure) => digest.pass(failure), complete: () => digest.close() });
      return digest.failures;
    },
    send(levels: Uint8Array) {
      if (busy) return; // the next frame has what this one would have had
      const frame = new Uint8Array(DMX_CHANNELS + 1);
      frame.set(levels, 1);
      if (!breaks) {
        port.write(frame);
        return;
      }
      busy = true;
      port.setBreak(true, (failure) => {
        if (failure) {
          without(failure, frame);
          return;
        }
        // A break lasts 92 µs at least; a millisecond is the least a timer can do.
        timer = scheduler.schedule(() => {
          port.setBreak(false, (unset) => (unset ? without(unset, frame) : write(frame)));
        }, 1);
      });
    },
    close() {
      timer?.unsubscribe();
      port.setBreak(false, () => undefined);
    },
  };
}
