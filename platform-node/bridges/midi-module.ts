import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ClaspError, ErrorCode } from '../../core/errors.ts';

/** Ports of one direction, as RtMidi has them: a list, and at most one that is open. */
export interface MidiModulePort {
  getPortCount(): number;
  getPortName(port: number): string;
  openPort(port: number): void;
  openVirtualPort(name: string): void;
  closePort(): void;
  /** Lets go of what the system gave; unusable afterwards. */
  destroy(): void;
}

/** An input; `delta` is the seconds since its last message. */
export interface MidiModuleInput extends MidiModulePort {
  ignoreTypes(sysex: boolean, timing: boolean, activeSensing: boolean): void;
  on(event: 'messageBuffer', listen: (delta: number, bytes: Uint8Array) => void): unknown;
}

export interface MidiModuleOutput extends MidiModulePort {
  /** Takes a Buffer. */
  sendMessage(message: Buffer): void;
}

/** The part of the package `@julusian/midi` that is needed. */
export interface MidiModule {
  readonly Input: new () => MidiModuleInput;
  readonly Output: new () => MidiModuleOutput;
}

const PACKAGE = '@julusian/midi';

/**
 * Loads the package that reaches MIDI devices, or another with the same interface: a package of the working
 * directory, or a path from there. Rejects with a `ClaspError` 501 where it is not installed or does not load.
 */
export async function loadMidiModule(specifier: string = PACKAGE): Promise<MidiModule> {
  try {
    const own = specifier === PACKAGE;
    const target = own ? specifier : pathToFileURL(resolve(specifier)).href;
    const loaded: { readonly default: MidiModule } = await import(target);
    return loaded.default;
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code?.endsWith('MODULE_NOT_FOUND') === true;
    const reason = missing
      ? `MIDI needs the package ${specifier}: npm install ${specifier}`
      : `MIDI package ${specifier} does not load: ${cause instanceof Error ? cause.message.split('\n')[0] : cause}`;
    throw new ClaspError(ErrorCode.NotEnabled, reason, { cause });
  }
}

/** A new port object. Throws a `ClaspError` 501 where the system has no MIDI. */
export function newMidiPort<Port extends MidiModulePort>(Port: new () => Port): Port {
  try {
    return new Port();
  } catch (cause) {
    const hint =
      process.platform === 'linux' ? '; Linux needs the ALSA sequencer, /dev/snd/seq (modprobe snd-seq)' : '';
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new ClaspError(ErrorCode.NotEnabled, `this machine has no MIDI that can be opened: ${text}${hint}`, {
      cause,
    });
  }
}

function resolve(specifier: string): string {
  return createRequire(join(process.cwd(), 'package.json')).resolve(specifier);
}
