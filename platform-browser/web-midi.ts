import { Observable } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import type { MidiInputLike } from '../sources/midi.ts';

/** The part of Web MIDI's `MIDIAccess` that is needed. */
export interface MidiAccessLike {
  readonly inputs: { forEach(visit: (input: MidiInputLike & { readonly state?: string }) => void): void };
  addEventListener?(type: 'statechange', listen: () => void): void;
  removeEventListener?(type: 'statechange', listen: () => void): void;
  onstatechange?: ((event: never) => void) | null;
}

/**
 * The MIDI inputs that are plugged in, as a list: at once, and again whenever one comes or goes.
 *
 * Cold: asks for access (the browser may ask the user) on subscription. Errors with a `ClaspError` 501 where there is
 * no Web MIDI and 301 when access is denied; never completes.
 *
 * @param request asks for access. @defaultValue `navigator.requestMIDIAccess`
 *
 * @example
 * ```ts
 * midiInputs().subscribe({
 *   next: (inputs) => console.log(inputs.map(({ name }) => name)),
 *   error: (error) => console.log(error.message),
 * });
 * ```
 */
export function midiInputs(request?: () => Promise<MidiAccessLike>): Observable<readonly MidiInputLike[]> {
  return new Observable((out) => {
    let stop = () => {
      stop = () => undefined;
    };
    const ask = request ?? navigator.requestMIDIAccess?.bind(navigator);
    if (!ask) {
      out.error(new ClaspError(ErrorCode.NotEnabled, 'this browser has no Web MIDI, or the page is not secure'));
      return undefined;
    }
    ask().then(
      (access) => {
        if (out.closed) return;
        const tell = () => {
          const inputs: MidiInputLike[] = [];
          (access as MidiAccessLike).inputs.forEach((input) => {
            if (input.state !== 'disconnected') inputs.push(input);
          });
          out.next(inputs);
        };
        access.addEventListener?.('statechange', tell);
        stop = () => access.removeEventListener?.('statechange', tell);
        tell();
      },
      (cause) => out.error(ClaspError.from(cause, ErrorCode.Forbidden)),
    );
    return () => stop();
  });
}
