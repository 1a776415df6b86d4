export type { ArtDmx, ArtNetPacket, ArtOther, ArtPoll, ArtSync, DmxFault } from './artnet.ts';
export {
  ARTNET_MAX_UNIVERSE,
  ARTNET_PORT,
  decodeArtNet,
  encodeArtDmx,
  encodeArtPoll,
  encodeArtSync,
  parseArtNet,
} from './artnet.ts';
export type { ArtNetNode } from './artnet-nodes.ts';
export { ArtNetNodes } from './artnet-nodes.ts';
export type { ArtNetPort, ArtPollReply } from './artnet-poll-reply.ts';
export { encodeArtPollReply } from './artnet-poll-reply.ts';
export type { DmxFrame, DmxInputOptions, DmxMerge, DmxPacket } from './dmx-input.ts';
export { DmxInput } from './dmx-input.ts';
export type { DmxMappingOptions } from './dmx-mapping.ts';
export { DMX_CHANNELS, DmxMapping } from './dmx-mapping.ts';
export type { EnttecMessage } from './enttec.ts';
export {
  applyEnttecDmx,
  EnttecLabel,
  EnttecParser,
  encodeEnttec,
  encodeEnttecDmx,
  enttecSerialNumber,
} from './enttec.ts';
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
export type { MqttMappingOptions, MqttMessage, MqttQos } from './mqtt.ts';
export { fromMqtt, toMqtt } from './mqtt.ts';
export type { HomeAssistantEntity, HomeAssistantOptions } from './mqtt-home-assistant.ts';
export { homeAssistantEntity } from './mqtt-home-assistant.ts';
export type { MqttMemoryOptions } from './mqtt-memory.ts';
export { MqttMemory } from './mqtt-memory.ts';
export { fromMqttPayload, toMqttPayload } from './mqtt-payload.ts';
export {
  badMqttTopic,
  fromMqttFilter,
  fromMqttTopic,
  mqttFilterMatches,
  toMqttFilter,
  toMqttTopic,
} from './mqtt-topic.ts';
export type { OscArgument, OscBundle, OscMessage, OscPacket, OscType } from './osc.ts';
export { OSC_MAX_DEPTH } from './osc.ts';
export type { OscFault } from './osc-decode.ts';
export { decodeOsc, parseOsc } from './osc-decode.ts';
export { encodeOsc } from './osc-encode.ts';
export type { OscFraming, OscStreamOptions, OscStreamOutput } from './osc-framing.ts';
export { frameOsc, OscStreamReader } from './osc-framing.ts';
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
export type { OscQueryEntry, OscQueryNode } from './osc-query.ts';
export { findOscQueryNode, oscQueryTree } from './osc-query.ts';
export type { OscTimetag } from './osc-timetag.ts';
export { OSC_IMMEDIATELY, oscTimetag, oscTimetagMicros } from './osc-timetag.ts';
export type { SacnData, SacnDiscovery, SacnOther, SacnPacket, SacnSync } from './sacn.ts';
export { SACN_DISCOVERY_UNIVERSE, SACN_MAX_UNIVERSE, SACN_PORT, sacnGroup } from './sacn.ts';
export { decodeSacn, parseSacn } from './sacn-decode.ts';
export { encodeSacnData, encodeSacnDiscovery, encodeSacnSync } from './sacn-encode.ts';
