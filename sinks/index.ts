export type { ArtNetSinkOptions, DmxSink } from './artnet.ts';
export { artNetSink } from './artnet.ts';
export type { MidiOutputLike, MidiSinkOptions } from './midi.ts';
export { midiSink } from './midi.ts';
export type { OscHints, OscSinkOptions, OscTarget } from './osc.ts';
export { oscSink } from './osc.ts';
export type { SacnSinkOptions } from './sacn.ts';
export { sacnSink } from './sacn.ts';
