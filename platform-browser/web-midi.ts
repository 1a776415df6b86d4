import { Observable } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import type { MidiEventLike, MidiInputLike } from '../sources/midi.ts';

type Listen = (message: MidiEventLike) => void;

/** The part of Web MIDI's `MIDIInput` that is needed. */
export interface MidiPortLike {
  readonly name?: string | null;
  readonly state?: string;
  onmidimessage: ((message: never) => void) | null;
}

/** The part of Web MIDI's `MIDIAccess` that is needed. */
export interface MidiAccessLike {
  readonly inputs: { forEach(visit: (port: MidiPortLike) => void): void };
  onstatechange: ((event: never) => void) | null;
}

/**
 * The MIDI inputs that are plugged in, as a list: at once, and again whenever one comes or goes. Each can be given to
 * `midiSource`, also several times.
 *
 * Cold: asks for access on subscription (the browser may ask the user). Errors with a `ClaspError` 501 where there is
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
    const ask = request ?? navigator.requestMIDIAccess?.bind(navigator);
    if (!ask) {
      out.error(new ClaspError(ErrorCode.NotEnabled, 'this browser has no Web MIDI, or the page is not secure'));
      return;
    }
    const inputs = new Map<MidiPortLike, MidiInputLike>();
    ask().then(
      (access: MidiAccessLike) => {
        if (out.closed) return;
        const tell = () => {
          const present: MidiInputLike[] = [];
          access.inputs.forEach((port) => {
            if (port.state === 'disconnected') return;
            const input = inputs.get(port) ?? inputOf(port);
            inputs.set(port, input);
            present.push(input);
          });
          out.next(present);
        };
        access.onstatechange = tell;
        out.add(() => {
          access.onstatechange = null;
        });
        tell();
      },
      (cause: unknown) => out.error(ClaspError.from(cause, ErrorCode.Forbidden)),
    );
  });
}

/** Many listeners on one port. The handler property is used because setting it is what opens a port, everywhere. */
function inputOf(port: MidiPortLike): MidiInputLike {
  const listeners = new Set<Listen>();
  const hear = (message: MidiEventLike) => {
    for (const listen of listeners) listen(message);
  };
  return {
    name: port.name,
    addEventListener: (_type, listen) => {
      listeners.add(listen);
      if (port.onmidimessage !== hear) port.onmidimessage = hear;
    },
    removeEventListener: (_type, listen) => {
      listeners.delete(listen);
      if (listeners.size === 0) port.onmidimessage = null;
    },
  };
}
