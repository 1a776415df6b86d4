import type { MidiOutputLike } from '../sinks/midi.ts';
import type { MidiEventLike, MidiInputLike } from '../sources/midi.ts';

/** The part of the `Input` of the library `webmidi` that is needed. */
export interface WebMidiLibraryInput {
  readonly name: string;
  addListener(event: 'midimessage', listen: (event: WebMidiLibraryEvent) => void): unknown;
  removeListener(event: 'midimessage', listen: (event: WebMidiLibraryEvent) => void): unknown;
}

/** What such an input tells of each message. */
export interface WebMidiLibraryEvent {
  readonly message: { readonly rawData: Uint8Array };
  readonly timestamp: number;
}

/** The part of the `Output` of the library `webmidi` that is needed. */
export interface WebMidiLibraryOutput {
  readonly name: string;
  send(message: Uint8Array, options?: { readonly time?: number }): unknown;
}

/**
 * An input of the library `webmidi`, for `midiSource`. Its own listeners go on.
 *
 * @example
 * ```ts no-check
 * import { midiSource } from 'clasp-rx/sources';
 * import { WebMidi } from 'webmidi';
 *
 * await WebMidi.enable();
 * midiSource(webMidiInput(WebMidi.getInputByName('nanoKONTROL2'))).subscribe(console.log);
 * ```
 */
export function webMidiInput(input: WebMidiLibraryInput): MidiInputLike {
  const heard = new Map<(message: MidiEventLike) => void, (event: WebMidiLibraryEvent) => void>();
  return {
    name: input.name,
    addEventListener: (_type, listen) => {
      if (heard.has(listen)) return;
      const hear = ({ message, timestamp }: WebMidiLibraryEvent) =>
        listen({ data: message.rawData, timeStamp: timestamp });
      heard.set(listen, hear);
      input.addListener('midimessage', hear);
    },
    removeEventListener: (_type, listen) => {
      const hear = heard.get(listen);
      heard.delete(listen);
      if (hear) input.removeListener('midimessage', hear);
    },
  };
}

/** An output of the library `webmidi`, for `midiSink`; `outputTime` is `webMidiTime` there too. */
export function webMidiOutput(output: WebMidiLibraryOutput): MidiOutputLike {
  return {
    name: output.name,
    send: (message, time) => {
      output.send(message, time === undefined ? {} : { time });
    },
  };
}
