import { defer, distinctUntilChanged, map, Observable, type OperatorFunction } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { chooseMidiPort } from '../core/protocols/midi/midi-port-choice.ts';
import type { MidiOutputLike } from '../sinks/midi.ts';
import type { MidiEventLike, MidiInputLike } from '../sources/midi.ts';

type Listen = (message: MidiEventLike) => void;

/** The part of Web MIDI's `MIDIInput` that is needed. */
export interface MidiPortLike {
  readonly name?: string | null;
  readonly state?: string;
  onmidimessage: ((message: never) => void) | null;
}

/** The part of Web MIDI's `MIDIOutput` that is needed. */
export interface MidiOutputPortLike {
  readonly name?: string | null;
  readonly state?: string;
  send(message: Uint8Array, time?: number): void;
}

/** The part of Web MIDI's `MIDIAccess` that is needed. */
export interface MidiAccessLike {
  readonly inputs: { forEach(visit: (port: MidiPortLike) => void): void };
  readonly outputs: { forEach(visit: (port: MidiOutputPortLike) => void): void };
  onstatechange: ((event: never) => void) | null;
}

/**
 * The MIDI inputs that are plugged in, as a list: at once, and again whenever one comes or goes. Each can be given to
 * `midiSource`, also several times.
 *
 * Cold: asks for access on subscription (the browser may ask the user). Errors with a `ClaspError` 501 where there is
 * no Web MIDI and 301 when access is denied; never completes.
 *
 * @param request asks for access. @defaultValue `navigator.requestMIDIAccess`, without system exclusive messages
 *
 * @example
 * ```ts
 * midiInputs().subscribe({
 *   next: (inputs) => console.log(inputs.map(({ name }) => name)),
 *   error: (error) => console.log(error.message),
 * });
 * ```
 */
export function midiInputs(
  request?: () => Promise<Pick<MidiAccessLike, 'inputs' | 'onstatechange'>>,
): Observable<readonly MidiInputLike[]> {
  return plugged(request, ({ inputs }) => inputs, inputOf);
}

/**
 * The MIDI outputs that are plugged in, as a list: at once, and again whenever one comes or goes. Each can be given to
 * `midiSink`, with `outputTime: webMidiTime`, so that the browser keeps the time.
 *
 * Cold, and errors as {@link midiInputs} does. What is sent to an output that is gone is a failure of the sink.
 *
 * @param request asks for access. @defaultValue `navigator.requestMIDIAccess`, without system exclusive messages
 *
 * @example
 * ```ts
 * midiOutputs(() => navigator.requestMIDIAccess({ sysex: true })).subscribe(([output]) => {
 *   if (output) output.send(Uint8Array.of(0xb0, 7, 127));
 * });
 * ```
 */
export function midiOutputs(
  request?: () => Promise<Pick<MidiAccessLike, 'outputs' | 'onstatechange'>>,
): Observable<readonly MidiOutputLike[]> {
  return plugged(request, ({ outputs }) => outputs, outputOf);
}

/**
 * The MIDI input of this name, for `midiSource`: at once, and again when it is another; undefined while there is none. A
 * part of a name does, in any case of letters; of several that it fits, `Launchpad #2` is the second.
 *
 * Cold, and errors as {@link midiInputs} does, and with a `ClaspError` 402 that lists the choices where a name fits
 * several. One that was chosen stays chosen: when it is pulled out, another of the same name does not take its place.
 *
 * @example
 * ```ts
 * midiInput('nanoKONTROL2')
 *   .pipe(switchMap((input) => (input ? midiSource(input) : EMPTY)))
 *   .subscribe({ next: console.log, error: (error) => console.log(error.message) });
 * ```
 */
export function midiInput(
  wanted: string,
  request?: () => Promise<Pick<MidiAccessLike, 'inputs' | 'onstatechange'>>,
): Observable<MidiInputLike | undefined> {
  return midiInputs(request).pipe(chosen(wanted, 'input'));
}

/**
 * The MIDI output of this name, for `midiSink`; in all else as {@link midiInput}.
 *
 * @example
 * ```ts
 * midiOutput('Synth #2').subscribe({
 *   next: (output) => output?.send(Uint8Array.of(0xb0, 7, 127)),
 *   error: (error) => console.log(error.message),
 * });
 * ```
 */
export function midiOutput(
  wanted: string,
  request?: () => Promise<Pick<MidiAccessLike, 'outputs' | 'onstatechange'>>,
): Observable<MidiOutputLike | undefined> {
  return midiOutputs(request).pipe(chosen(wanted, 'output'));
}

/** The one of that name in each list. */
function chosen<Port extends MidiInputLike | MidiOutputLike>(
  wanted: string,
  kind: 'input' | 'output',
): OperatorFunction<readonly Port[], Port | undefined> {
  return (lists) =>
    defer(() => {
      let last: Port | undefined;
      let among = 0;
      return lists.pipe(
        map((ports) => {
          if (last && ports.includes(last)) return last;
          const sameName = (port: Port | undefined) => ports.filter(({ name }) => name === port?.name).length;
          // One of several has gone, and it is ours: the others have places of their own.
          if (among > 1 && sameName(last) > 0 && sameName(last) < among) return undefined;
          last = portOf(ports, wanted, kind);
          among = sameName(last);
          return last;
        }),
        distinctUntilChanged(),
      );
    });
}

function portOf<Port extends { readonly name?: string | null | undefined }>(
  ports: readonly Port[],
  wanted: string,
  kind: string,
): Port | undefined {
  const names = ports.map(({ name }) => name ?? '');
  try {
    return ports[chooseMidiPort(names, wanted, kind)];
  } catch (reason) {
    if (ClaspError.from(reason, ErrorCode.Internal).code !== ErrorCode.NotFound) throw reason;
    return undefined;
  }
}

/** Web MIDI's time in so many milliseconds: the `outputTime` of a `midiSink` in a browser. */
export function webMidiTime(delay: number): number {
  return performance.now() + delay;
}

function plugged<Port extends { readonly state?: string }, Like, Access extends Pick<MidiAccessLike, 'onstatechange'>>(
  request: (() => Promise<Access>) | undefined,
  portsOf: (access: Access) => { forEach(visit: (port: Port) => void): void },
  wrap: (port: Port) => Like,
): Observable<readonly Like[]> {
  return new Observable((out) => {
    const ask = request ?? (navigator.requestMIDIAccess?.bind(navigator) as (() => Promise<never>) | undefined);
    if (!ask) {
      out.error(new ClaspError(ErrorCode.NotEnabled, 'this browser has no Web MIDI, or the page is not secure'));
      return;
    }
    const known = new Map<Port, Like>();
    ask().then(
      (access) => {
        if (out.closed) return;
        const tell = () => {
          const present: Like[] = [];
          portsOf(access).forEach((port) => {
            if (port.state === 'disconnected') return;
            const like = known.get(port) ?? wrap(port);
            known.set(port, like);
            present.push(like);
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

function outputOf(port: MidiOutputPortLike): MidiOutputLike {
  return { name: port.name, send: (message, time) => port.send(message, time) };
}
