import { Observable, type Observer, type SchedulerLike, type Subscription } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { MidiAssembler, type MidiAssemblerOptions } from '../core/protocols/midi/midi-assembler.ts';
import type { MidiEchoes } from '../core/protocols/midi/midi-echoes.ts';
import { type MidiNames, midiToSignal } from '../core/protocols/midi/midi-mapping.ts';
import { MidiParser, type MidiParserOptions } from '../core/protocols/midi/midi-parser.ts';
import type { Signal } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';

/** What a MIDI input must offer: the part of Web MIDI's `MIDIInput` that is needed, so that any platform can offer it. */
export interface MidiInputLike {
  readonly name?: string | null | undefined;
  addEventListener(type: 'midimessage', listen: (message: MidiEventLike) => void): void;
  removeEventListener(type: 'midimessage', listen: (message: MidiEventLike) => void): void;
}

/** Raw bytes, as Web MIDI delivers them: one message, or any piece of the stream of bytes. */
export interface MidiEventLike {
  readonly data: Uint8Array | null;
  /** When it came, milliseconds of any clock: for the tempo. @defaultValue the scheduler's time */
  readonly timeStamp?: number | undefined;
}

export interface MidiSourceOptions extends MidiNames, MidiAssemblerOptions, MidiParserOptions {
  /** Told what could not be understood; the source goes on. */
  readonly failures?: Observer<ClaspError> | undefined;
  /** Where to note what the device said: give the same to `midiSink`. @defaultValue nothing is noted */
  readonly echoes?: MidiEchoes | undefined;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/** Milliseconds that one half of a 14-bit control waits for the other at least. */
const HALF_WAIT = 3;

/**
 * What one MIDI input says, as signals: controls as params in 0…1, notes as events, see {@link midiToSignal}. `origin`
 * is the input's name.
 *
 * Cold: listens while subscribed. In order, at once, but for one half of a 14-bit control, which waits 3 to 6 ms for the
 * other; never completes by itself. Bytes that are not MIDI are told of on `failures` (101), once for each run.
 *
 * @example
 * ```ts
 * const input: MidiInputLike = {
 *   name: 'nanoKONTROL2',
 *   addEventListener: (_type, listen) => listen({ data: Uint8Array.of(0xb0, 1, 127) }),
 *   removeEventListener: () => undefined,
 * };
 * midiSource(input, { device: 'desk' }).subscribe(({ address }) => console.log(address)); // /midi/desk/ch/1/cc/1
 * ```
 */
export function midiSource(input: MidiInputLike, options: MidiSourceOptions = {}): Observable<Signal> {
  const { failures, echoes, scheduler = monotonicScheduler } = options;
  const origin = input.name ?? options.device ?? 'midi';

  return new Observable((out) => {
    let now = 0;
    let timer: Subscription | undefined;

    const assembler = new MidiAssembler((statement) => {
      const signal = midiToSignal(statement, options);
      if (!signal) return;
      echoes?.heard(signal, scheduler.now());
      out.next({ ...signal, origin });
    }, options);
    const parser = new MidiParser(
      {
        message: (message) => assembler.take(message, now),
        fault: (reason) => failures?.next(new ClaspError(ErrorCode.BadMessage, `${origin}: ${reason}`)),
      },
      options,
    );
    /** What waits now may wait so long; what begins to wait meanwhile, as long again. */
    const waitForHalf = () => {
      const { holds } = assembler;
      timer = scheduler.schedule(() => {
        timer = undefined;
        assembler.flush(holds);
        if (assembler.waits) waitForHalf();
      }, HALF_WAIT);
    };
    const listen = ({ data, timeStamp }: MidiEventLike) => {
      if (!data) return;
      now = timeStamp ?? scheduler.now();
      parser.push(data);
      if (assembler.waits && !timer) waitForHalf();
    };

    input.addEventListener('midimessage', listen);
    return () => {
      input.removeEventListener('midimessage', listen);
      timer?.unsubscribe();
    };
  });
}
