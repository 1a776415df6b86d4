import type { SchedulerLike, Subscription } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { encodeMidi } from '../core/protocols/midi/midi.ts';
import { spellMidi } from '../core/protocols/midi/midi-assembler.ts';
import type { MidiEchoes } from '../core/protocols/midi/midi-echoes.ts';
import { type MidiNames, midiFromSignal } from '../core/protocols/midi/midi-mapping.ts';
import type { Signal } from '../core/signal/signal.ts';
import { type Sink, sink } from '../core/signal/sink.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';

/** What a MIDI output must offer: the part of Web MIDI's `MIDIOutput` that is needed, so that any platform can offer it. */
export interface MidiOutputLike {
  readonly name?: string | null | undefined;
  /** Sends one message, at `time` in the output's own clock where that is given. */
  send(message: Uint8Array, time?: number): void;
}

export interface MidiSinkOptions extends MidiNames {
  /** What the device has just said, which is not sent back: give the same to `midiSource`. @defaultValue nothing */
  readonly echoes?: MidiEchoes | undefined;
  /** The time that `at` of a signal is in, microseconds; `() => client.time()` for a relay's. @defaultValue the scheduler's */
  readonly now?: (() => number) | undefined;
  /**
   * Milliseconds that a signal may lie ahead. One further ahead comes from a clock that is wrong, and is sent at once.
   * @defaultValue 10000
   */
  readonly maxAhead?: number | undefined;
  /** Milliseconds added to `at`: what came unevenly is played evenly. @defaultValue 0 */
  readonly latency?: number | undefined;
  /**
   * The output's own time in so many milliseconds, for one that keeps time itself: in a browser
   * `(delay) => performance.now() + delay`. @defaultValue none: what is to be sent later waits here
   */
  readonly outputTime?: ((delay: number) => number) | undefined;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

interface Waiting {
  /** Microseconds. */
  readonly due: number;
  readonly messages: readonly Uint8Array[];
}

/** Signals that may wait for their time. */
const MAX_WAITING = 4_096;

/**
 * Sends signals to one MIDI output, see {@link midiFromSignal}: at `at` plus `latency` where a signal has a time that
 * lies ahead, else at once. A 14-bit control is two messages, a parameter four. At its end it ends the notes that sound.
 *
 * What the device has just said itself is not sent to it. Failures: 200 for an address that is none of the device's,
 * 402 for a value that MIDI has no form for, 503 when too many wait for their time; what the output throws.
 *
 * @example
 * ```ts
 * const output: MidiOutputLike = { send: (message) => console.log([...message]) };
 * const desk = midiSink(output, { device: 'desk' });
 * desk.failures.subscribe((failure) => console.error(failure.message));
 * desk.next({ kind: 'param', address: '/midi/desk/ch/1/cc/7', value: 1 }); // 176, 7, 127
 * ```
 */
export function midiSink(output: MidiOutputLike, options: MidiSinkOptions = {}): Sink<Signal> {
  const { echoes, maxAhead = 10_000, latency = 0, outputTime, scheduler = monotonicScheduler } = options;
  const { now = () => scheduler.now() * 1_000 } = options;
  /** The earliest first. */
  const waiting: Waiting[] = [];
  let timer: Subscription | undefined;

  /** Notes that are on, or will be: when they begin, by their status and number. */
  const sounding = new Map<number, number>();

  const send = (messages: readonly Uint8Array[], due?: number, time?: number) => {
    // Where nothing is sent ahead, what comes later is later.
    const at = due ?? (outputTime ? now() : 0);
    for (const message of messages) {
      output.send(message, time);
      note(message, at);
    }
  };
  const note = ([status = 0, number = 0]: Uint8Array, at: number) => {
    const on = ((0x90 | (status & 15)) << 8) | number;
    const begins = sounding.get(on);
    if (status >> 4 === 9) sounding.set(on, Math.max(at, begins ?? at));
    else if (status >> 4 === 8 && begins !== undefined && begins <= at) sounding.delete(on);
  };
  const arm = () => {
    timer?.unsubscribe();
    timer = undefined;
    const next = waiting[0];
    if (next) timer = scheduler.schedule(sendDue, Math.max(0, Math.ceil((next.due - now()) / 1_000)));
  };
  const sendDue = () => {
    const until = now();
    let count = waiting.findIndex(({ due }) => due > until);
    if (count < 0) count = waiting.length;
    const due = waiting.splice(0, count);
    arm();
    for (const each of due) main.next(each);
  };
  const wait = (messages: readonly Uint8Array[], due: number, address: string) => {
    if (waiting.length === MAX_WAITING) {
      throw new ClaspError(ErrorCode.Overloaded, `${address}: ${MAX_WAITING} signals wait for their time`, { address });
    }
    let place = waiting.length;
    while (place > 0 && (waiting[place - 1] as Waiting).due > due) place--;
    waiting.splice(place, 0, { due, messages });
    if (place === 0) arm();
  };

  const main = sink<Signal | Waiting>({
    write(signal) {
      if ('messages' in signal) {
        send(signal.messages);
        return;
      }
      if (echoes?.isEcho(signal, scheduler.now())) return;
      const statement = midiFromSignal(signal, options);
      if (!statement) return;
      const messages = spellMidi(statement).map(encodeMidi);
      const due = signal.at === undefined ? 0 : signal.at + latency * 1_000;
      const delay = due === 0 ? 0 : (due - now()) / 1_000;
      if (!(delay > 0 && delay <= maxAhead + latency)) send(messages);
      else if (outputTime) send(messages, due, outputTime(delay));
      else wait(messages, due, signal.address);
    },
    close() {
      timer?.unsubscribe();
      waiting.length = 0;
      // Nobody else would end them. Before it begins a note cannot be ended, and not for sure at the same time.
      for (const [on, begins] of sounding) {
        const off = Uint8Array.of((on >> 8) - 16, on & 127, 0);
        const delay = (begins - now()) / 1_000;
        output.send(off, outputTime && delay > 0 ? outputTime(delay + 1) : undefined);
      }
    },
  });
  return main;
}
