export type { MidiOutputLike, MidiSinkOptions } from './midi.ts';
export { midiSink } from './midi.ts';
export type { OscHints, OscSinkOptions, OscTarget } from './osc.ts';
export { oscSink } from './osc.ts';
