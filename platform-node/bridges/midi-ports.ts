import type { BridgeEvent } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { chooseMidiPort, midiPortChoices } from '../../core/protocols/midi/midi-port-choice.ts';
import type { MidiOutputLike } from '../../sinks/midi.ts';
import type { MidiEventLike, MidiInputLike } from '../../sources/midi.ts';
import { type MidiModule, type MidiModuleInput, type MidiModulePort, newMidiPort } from './midi-module.ts';

/** Milliseconds by which the driver's time may differ from ours before it is set anew. */
const CLOCK_TOLERANCE = 50;

/** An open port, and how to close it. */
export interface OpenMidiPort<Port> {
  /** As the system names it. */
  readonly name: string;
  /** The same, with its number where there were several of this name. */
  readonly choice: string;
  readonly port: Port;
  close(): void;
}

/** The ports of one direction. */
export interface MidiPorts<Port> {
  readonly kind: 'input' | 'output';
  /** Those that exist now. */
  names(): readonly string[];
  /** Opens the one that `wanted` names, or makes a virtual one of that name. Throws a `ClaspError`. */
  open(wanted: string, virtual: boolean): OpenMidiPort<Port>;
  close(): void;
}

/** The inputs of this machine. Throws a `ClaspError` 501 where it has no MIDI. */
export function midiInputPorts({ Input }: MidiModule): MidiPorts<MidiInputLike> {
  return portsOf('input', Input, inputOf);
}

/** The outputs of this machine. Throws a `ClaspError` 501 where it has no MIDI. */
export function midiOutputPorts({ Output }: MidiModule): MidiPorts<MidiOutputLike> {
  return portsOf('output', Output, (native, name) => ({
    name,
    send: (message) => native.sendMessage(Buffer.from(message.buffer, message.byteOffset, message.length)),
  }));
}

/** One object lists the ports, each open port has one of its own. */
function portsOf<Native extends MidiModulePort, Port>(
  kind: 'input' | 'output',
  Constructor: new () => Native,
  wrap: (native: Native, name: string) => Port,
): MidiPorts<Port> {
  const lister = newMidiPort(Constructor);
  const names = () => Array.from({ length: lister.getPortCount() }, (_, index) => lister.getPortName(index));

  return {
    kind,
    names,
    open(wanted, virtual) {
      const present = names();
      const index = virtual ? -1 : chooseMidiPort(present, wanted, kind);
      const native = newMidiPort(Constructor);
      const name = present[index] ?? wanted;
      const choice = midiPortChoices(present)[index] ?? wanted;
      try {
        const port = wrap(native, name);
        if (virtual) native.openVirtualPort(wanted);
        else native.openPort(index);
        return { name, choice, port, close: () => native.destroy() };
      } catch (cause) {
        native.destroy();
        const reason = `MIDI ${kind} ${JSON.stringify(choice)} cannot be opened: ${cause instanceof Error ? cause.message : cause}`;
        throw new ClaspError(ErrorCode.Internal, reason, { cause });
      }
    },
    close: () => lister.destroy(),
  };
}

function inputOf(native: MidiModuleInput, name: string): MidiInputLike {
  const listeners = new Set<(message: MidiEventLike) => void>();
  let time = 0;
  // Everything but active sensing, which means nothing here and comes three times a second.
  native.ignoreTypes(false, false, true);
  native.on('messageBuffer', (delta, data) => {
    const now = performance.now();
    time += delta * 1_000;
    if (Math.abs(now - time) > CLOCK_TOLERANCE) time = now;
    const message = { data, timeStamp: time };
    for (const listen of listeners) listen(message);
  });
  return {
    name,
    addEventListener: (_type, listen) => void listeners.add(listen),
    removeEventListener: (_type, listen) => void listeners.delete(listen),
  };
}

/** For people: which ports exist, as they are chosen. */
export function midiDevices(inputs: readonly string[], outputs: readonly string[], bridge: string): BridgeEvent {
  const inAndOut = { in: midiPortChoices(inputs), out: midiPortChoices(outputs) };
  const devices = [...inAndOut.in.map((name) => `${name} (in)`), ...inAndOut.out.map((name) => `${name} (out)`)];
  return { type: 'devices', bridge, devices };
}
