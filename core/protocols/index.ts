export type { MidiMessage, MidiNames } from './midi.ts';
export { decodeMidi, midiToSignal } from './midi.ts';
export type { OscArgument, OscBundle, OscMessage, OscPacket, OscType } from './osc.ts';
export { OSC_MAX_DEPTH } from './osc.ts';
export type { OscFault } from './osc-decode.ts';
export { decodeOsc, parseOsc } from './osc-decode.ts';
export { encodeOsc } from './osc-encode.ts';
export type { OscMappingOptions, OscTags } from './osc-mapping.ts';
export {
  badOscAddress,
  fromOsc,
  fromOscAddress,
  fromOscArguments,
  hasOscTags,
  oscTagsOf,
  parseOscTags,
  toOsc,
  toOscAddress,
  toOscArguments,
} from './osc-mapping.ts';
export type { OscPeersOptions } from './osc-peers.ts';
export { OscPeers } from './osc-peers.ts';
export type { OscTimetag } from './osc-timetag.ts';
export { OSC_IMMEDIATELY, oscTimetag, oscTimetagMicros } from './osc-timetag.ts';
