export type { MidiEventLike, MidiInputLike, MidiSourceOptions } from './midi.ts';
export { midiSource } from './midi.ts';
export type { OscSource, OscSourceOptions } from './osc.ts';
export { oscSource } from './osc.ts';
