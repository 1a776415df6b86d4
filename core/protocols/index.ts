export type { MidiChannelMessage, MidiMessage, MidiRealTimeType, MidiSystemMessage } from './midi.ts';
export { decodeMidi, encodeMidi } from './midi.ts';
export type { MidiAssemblerOptions, MidiStatement } from './midi-assembler.ts';
export { MidiAssembler, spellMidi } from './midi-assembler.ts';
export type { MidiEchoesOptions } from './midi-echoes.ts';
export { MidiEchoes } from './midi-echoes.ts';
export type { MidiNames } from './midi-mapping.ts';
export { midiFromSignal, midiPrefix, midiToSignal } from './midi-mapping.ts';
export type { MidiFault, MidiParserOptions, MidiParserOutput } from './midi-parser.ts';
export { MidiParser } from './midi-parser.ts';
export { chooseMidiPort } from './midi-port-choice.ts';
export type { MidiFrameRate, MidiTimeCode } from './midi-time-code.ts';
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
