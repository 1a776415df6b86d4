import type { SchedulerLike } from 'rxjs';
import type { Client } from '../core/client/client.ts';
import { type MidiEventLike, midiSource } from '../sources/midi.ts';

export interface VirtualMidiOptions {
  /** What it is called, also in addresses. */
  readonly device: string;
  /** Controls that come in two halves of 7 bits. @defaultValue none */
  readonly cc14?: true;
  readonly scheduler: SchedulerLike;
}

/** A MIDI device that is not there, with the bridge that joins it with a relay. */
export interface VirtualMidi {
  /** Lets the device send one message. */
  play(...bytes: readonly number[]): void;
  /** Pulls the plug. */
  close(): void;
}

/**
 * Plugs a MIDI device in that exists only here: what it plays goes through {@link midiSource} into the relay, as it does
 * from a real one.
 */
export function virtualMidi(client: Client, options: VirtualMidiOptions): VirtualMidi {
  const { device } = options;
  const listeners = new Set<(message: MidiEventLike) => void>();
  const input = {
    name: device,
    addEventListener: (_type: string, listen: (message: MidiEventLike) => void) => void listeners.add(listen),
    removeEventListener: (_type: string, listen: (message: MidiEventLike) => void) => void listeners.delete(listen),
  };
  const bridge = midiSource(input, options).subscribe((signal) => {
    if (signal.kind === 'param') client.set(signal.address, signal.value);
    else if (signal.kind === 'event') client.emit(signal.address, signal.value);
  });
  return {
    play: (...bytes) => {
      for (const listen of listeners) listen({ data: Uint8Array.from(bytes) });
    },
    close: () => bridge.unsubscribe(),
  };
}
