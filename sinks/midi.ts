import type { SchedulerLike, Subscription } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { encodeMidi, type MidiMessage } from '../core/protocols/midi/midi.ts';
import { type MidiStatement, spellMidi } from '../core/protocols/midi/midi-assembler.ts';
import { MidiClockWriter, midiTempo } from '../core/protocols/midi/midi-clock-writer.ts';
import type { MidiEchoes } from '../core/protocols/midi/midi-echoes.ts';
import { type MidiNames, midiFromSignal, midiPrefix } from '../core/protocols/midi/midi-mapping.ts';
import { MidiTimeCodeWriter } from '../core/protocols/midi/midi-time-code-writer.ts';
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
  /** Whether clocks are sent, 24 a quarter note, at the tempo that `/midi/tempo` says. @defaultValue false */
  readonly clock?: boolean | undefined;
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
  readonly perform: () => void;
}

/** Milliseconds by which clocks and quarter frames are sent ahead where the output keeps time itself. */
const AHEAD = 25;

/** Signals that may wait for their time. */
const MAX_WAITING = 4_096;

/**
 * Sends signals to one MIDI output, see {@link midiFromSignal}: at `at` plus `latency` where a signal has a time that
 * lies ahead, else at once. A 14-bit control is two messages, a parameter four. A time code that goes on is sent as
 * quarter frames, else as a full frame. At its end it ends the notes that sound, and stops what its clock has started.
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
  const { clock = false, echoes, maxAhead = 10_000, latency = 0, outputTime, scheduler = monotonicScheduler } = options;
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
    for (const { perform } of due) main.next(perform);
  };
  const wait = (due: number, address: string, perform: () => void) => {
    if (waiting.length === MAX_WAITING) {
      throw new ClaspError(ErrorCode.Overloaded, `${address}: ${MAX_WAITING} signals wait for their time`, { address });
    }
    let place = waiting.length;
    while (place > 0 && (waiting[place - 1] as Waiting).due > due) place--;
    waiting.splice(place, 0, { due, perform });
    if (place === 0) arm();
  };

  const tempoAddress = `${midiPrefix(options)}/tempo`;
  const clocks = new MidiClockWriter();
  const timeCodes = new MidiTimeCodeWriter();
  let beating: Subscription | undefined;
  const ahead = outputTime ? AHEAD : 0;
  const beat = () => {
    beating = undefined;
    const time = scheduler.now();
    try {
      for (const writer of [clocks, timeCodes]) {
        while (writer.due <= time + ahead) {
          const { due } = writer;
          sendNow(writer.next(time), due > time ? outputTime?.(due - time) : undefined);
        }
      }
    } finally {
      armBeat();
    }
  };
  const armBeat = () => {
    beating?.unsubscribe();
    beating = undefined;
    const due = Math.min(clocks.due, timeCodes.due);
    if (due === Number.POSITIVE_INFINITY) return;
    const delay = Math.max(0, Math.ceil(due - ahead - scheduler.now()));
    beating = scheduler.schedule(() => main.next(beat), delay);
  };
  const sendNow = (message: MidiMessage | undefined, time?: number) => {
    if (message) send([encodeMidi(message)], undefined, time);
  };
  /** Says what others follow: the clocks, or the quarter frames. */
  const lead = (statement: Leading) => {
    const time = scheduler.now();
    if (statement.type === 'time-code') {
      sendNow(timeCodes.take(statement.time, time));
    } else {
      sendNow(statement);
      clocks.transport(statement.type, time);
    }
    armBeat();
  };

  const main = sink<Signal | (() => void)>({
    write(signal) {
      if (typeof signal === 'function') {
        signal();
        return;
      }
      if (echoes?.isEcho(signal, scheduler.now())) return;
      const due = signal.at === undefined ? 0 : signal.at + latency * 1_000;
      const delay = due === 0 ? 0 : (due - now()) / 1_000;
      const isAhead = delay > 0 && delay <= maxAhead + latency;
      const atItsTime = (perform: () => void) => (isAhead ? wait(due, signal.address, perform) : perform());
      if (clock && signal.address === tempoAddress && 'value' in signal) {
        const tempo = midiTempo(signal.value, signal.address);
        atItsTime(() => {
          clocks.setTempo(tempo, scheduler.now());
          armBeat();
        });
        return;
      }
      const statement = midiFromSignal(signal, options);
      if (!statement) return;
      if (isLeading(statement, clock)) {
        atItsTime(() => lead(statement));
        return;
      }
      const messages = spellMidi(statement).map(encodeMidi);
      if (isAhead && outputTime) send(messages, due, outputTime(delay));
      else atItsTime(() => send(messages));
    },
    close() {
      timer?.unsubscribe();
      beating?.unsubscribe();
      waiting.length = 0;
      // Nobody else would end them. Before it begins a note cannot be ended, and not for sure at the same time.
      for (const [on, begins] of sounding) {
        const off = Uint8Array.of((on >> 8) - 16, on & 127, 0);
        const delay = (begins - now()) / 1_000;
        output.send(off, outputTime && delay > 0 ? outputTime(delay + 1) : undefined);
      }
      if (clocks.isPlaying) sendNow({ type: 'stop' });
    },
  });
  return main;
}

type Leading =
  | Extract<MidiStatement, { readonly type: 'time-code' }>
  | { readonly type: 'start' | 'continue' | 'stop' };

function isLeading(statement: MidiStatement, clock: boolean): statement is Leading {
  const { type } = statement;
  return type === 'time-code' || (clock && (type === 'start' || type === 'continue' || type === 'stop'));
}
