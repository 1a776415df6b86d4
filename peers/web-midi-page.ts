// What web-midi.chromium.test.ts loads into a page, where web-midi-test stands in for the browser's MIDI.
import { catchError, merge, NEVER, of, switchMap } from 'rxjs';
import { WebMidi } from 'webmidi';
import type { Signal } from '../core/signal/signal.ts';
import { midiInput, midiInputs, midiOutput, midiOutputs, webMidiTime } from '../platform-browser/web-midi.ts';
import { webMidiInput, webMidiOutput } from '../platform-browser/web-midi-library.ts';
import { midiSink } from '../sinks/midi.ts';
import { midiSource } from '../sources/midi.ts';

/** The page's side, called by the test. */
export interface WebMidiPage {
  /** Names of the inputs and outputs, at each change. */
  readonly inputs: string[];
  readonly outputs: string[];
  /** Signals as `address value`: through Web MIDI, and through the library `webmidi`. */
  readonly heard: string[];
  readonly heardByLibrary: string[];
  readonly failures: string[];
  /** What each call of `choose` told. */
  readonly chosen: string[][];
  /** Sends to every output there is, `delay` milliseconds from now. */
  send(signal: Signal, delay?: number): void;
  sendByLibrary(signal: Signal): void;
  /** Hears the input of this name, and tells at each change whether it is there; what it hears, or why not. */
  choose(wanted: string): void;
  /** Sends to the output of this name. */
  sendTo(wanted: string, signal: Signal): void;
  /** Begins with the library, which takes what is plugged in then. */
  enableLibrary(): Promise<void>;
}

declare global {
  interface Window {
    midi: WebMidiPage;
  }
}

const shown = (signal: Signal) => `${signal.address} ${'value' in signal ? String(signal.value) : ''}`;
const names = (ports: readonly { readonly name?: string | null | undefined }[]) =>
  ports.map(({ name }) => name).join(', ');

const page = {
  inputs: [] as string[],
  outputs: [] as string[],
  heard: [] as string[],
  heardByLibrary: [] as string[],
  failures: [] as string[],
  chosen: [] as string[][],
};
let sinks: ReturnType<typeof midiSink>[] = [];
let library: ReturnType<typeof midiSink> | undefined;

const timed = { now: () => performance.now() * 1_000, outputTime: webMidiTime };

midiInputs()
  .pipe(
    switchMap((inputs) => {
      page.inputs.push(names(inputs));
      return merge(...inputs.map((input) => midiSource(input)));
    }),
    catchError((error: Error) => of({ kind: 'event', address: error.message, value: null } satisfies Signal)),
  )
  .subscribe((signal) => page.heard.push(shown(signal)));

midiOutputs().subscribe((outputs) => {
  page.outputs.push(names(outputs));
  for (const sink of sinks) sink.complete();
  sinks = outputs.map((output) => midiSink(output, timed));
  for (const sink of sinks) sink.failures.subscribe(({ message }) => page.failures.push(message));
});

window.midi = {
  ...page,
  send: (signal, delay = 0) => {
    for (const sink of sinks) sink.next({ ...signal, at: (performance.now() + delay) * 1_000 });
  },
  choose: (wanted) => {
    const told: string[] = [];
    midiInput(wanted)
      .pipe(
        switchMap((input) => {
          told.push(input ? 'there' : 'gone');
          return input ? midiSource(input) : NEVER;
        }),
      )
      .subscribe({ next: (signal) => told.push(shown(signal)), error: ({ message }) => told.push(message) });
    page.chosen.push(told);
  },
  sendTo: (wanted, signal) => {
    midiOutput(wanted).subscribe((output) => output && midiSink(output).next(signal));
  },
  sendByLibrary: (signal) => library?.next(signal),
  enableLibrary: async () => {
    await WebMidi.enable();
    // The library may list a port of web-midi-test twice; the last one of them hears.
    const input = WebMidi.inputs.at(-1);
    const output = WebMidi.outputs.at(-1);
    if (!input || !output) throw new Error('nothing plugged in');
    midiSource(webMidiInput(input)).subscribe((signal) => page.heardByLibrary.push(shown(signal)));
    library = midiSink(webMidiOutput(output));
  },
};
