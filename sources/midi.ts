import { Observable, type Observer } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { decodeMidi, type MidiNames, midiToSignal } from '../core/protocols/midi.ts';
import type { Signal } from '../core/signal.ts';

/** What a MIDI input must offer: the part of Web MIDI's `MIDIInput` that is needed, so that any platform can offer it. */
export interface MidiInputLike {
  readonly name?: string | null | undefined;
  addEventListener(type: 'midimessage', listen: (message: MidiEventLike) => void): void;
  removeEventListener(type: 'midimessage', listen: (message: MidiEventLike) => void): void;
}

/** One message with its raw bytes, as Web MIDI delivers it. */
export interface MidiEventLike {
  readonly data: Uint8Array | null;
}

export interface MidiSourceOptions extends MidiNames {
  /** Told what could not be understood; the source goes on. */
  readonly failures?: Observer<ClaspError> | undefined;
}

/**
 * The channel messages of one MIDI input as signals: controls as params in 0…1, notes as events, see
 * {@link midiToSignal}. `origin` is the input's name.
 *
 * Cold: listens while subscribed. In order, at once; never completes by itself. System messages are passed over.
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
  const { failures } = options;
  const origin = input.name ?? options.device ?? 'midi';

  return new Observable((out) => {
    const listen = ({ data }: MidiEventLike) => {
      if (!data) return;
      try {
        const message = decodeMidi(data);
        if (message) out.next({ ...midiToSignal(message, options), origin });
      } catch (cause) {
        failures?.next(ClaspError.from(cause, ErrorCode.BadMessage));
      }
    };
    input.addEventListener('midimessage', listen);
    return () => input.removeEventListener('midimessage', listen);
  });
}
