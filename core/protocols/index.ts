export type { EncodeOptions as EncodeClaspOptions } from '../wire/encode.ts';
export type {
  EncodePublishOptions as EncodeClaspPublishOptions,
  EncodeSetOptions as EncodeClaspSetOptions,
} from '../wire/encode-signal.ts';
export {
  decodeFrame as decodeClaspFrame,
  decodeMessage as decodeClasp,
  decodeValue as decodeClaspValue,
  encodeMessage as encodeClasp,
  encodePublish as encodeClaspPublish,
  encodeSet as encodeClaspSet,
  encodeValue as encodeClaspValue,
  Frame as ClaspFrame,
  MAX_PAYLOAD as CLASP_MAX_PAYLOAD,
  MessageCode as ClaspMessageCode,
  ValueCode as ClaspValueCode,
} from '../wire/index.ts';
export type {
  AckMessage,
  AnnounceMessage,
  BundleMessage as ClaspBundleMessage,
  ErrorMessage,
  FederationOp,
  FederationSyncMessage,
  GetMessage,
  HelloMessage,
  Message as ClaspMessage,
  PingMessage,
  PongMessage,
  PublishMessage as ClaspPublishMessage,
  QueryMessage,
  ReplayMessage,
  ResultMessage,
  SetMessage,
  SnapshotMessage,
  SubscribeMessage,
  SyncMessage,
  UnsubscribeMessage,
  WelcomeMessage,
} from '../wire/message.ts';
export { PROTOCOL_VERSION as CLASP_VERSION } from '../wire/message.ts';
export { decodeAnyFrame as decodeAnyClaspFrame } from '../wire/message-pack.ts';
export type {
  ArtDmx,
  ArtNetPacket,
  ArtNetPort,
  ArtOther,
  ArtPoll,
  ArtPollReply,
  ArtSync,
  ArtTimeCode,
  DmxFault,
} from './artnet/artnet.ts';
export {
  ARTNET_MAX_UNIVERSE,
  ARTNET_PORT,
  decodeArtNet,
  encodeArtDmx,
  encodeArtPoll,
  encodeArtPollReply,
  encodeArtSync,
  encodeArtTimeCode,
  parseArtNet,
} from './artnet/artnet.ts';
export type { ArtNetNode } from './artnet/artnet-nodes.ts';
export { ArtNetNodes } from './artnet/artnet-nodes.ts';
export type { DmxFrame, DmxInputOptions, DmxMerge, DmxPacket } from './dmx/dmx-input.ts';
export { DmxInput } from './dmx/dmx-input.ts';
export type { DmxMappingOptions, DmxPair } from './dmx/dmx-mapping.ts';
export { DMX_CHANNELS, DmxMapping } from './dmx/dmx-mapping.ts';
export type { EnttecMessage } from './dmx/enttec.ts';
export {
  applyEnttecDmx,
  EnttecLabel,
  EnttecParser,
  encodeEnttec,
  encodeEnttecDmx,
  enttecSerialNumber,
} from './dmx/enttec.ts';
export type { MidiChannelMessage, MidiMessage, MidiRealTimeType, MidiSystemMessage } from './midi/midi.ts';
export { decodeMidi, encodeMidi } from './midi/midi.ts';
export type { MidiAssemblerOptions, MidiStatement } from './midi/midi-assembler.ts';
export { MidiAssembler, spellMidi } from './midi/midi-assembler.ts';
export type { MidiEchoesOptions } from './midi/midi-echoes.ts';
export { MidiEchoes } from './midi/midi-echoes.ts';
export type { MidiNames } from './midi/midi-mapping.ts';
export { midiFromSignal, midiPrefix, midiToSignal } from './midi/midi-mapping.ts';
export type { MidiFault, MidiParserOptions, MidiParserOutput } from './midi/midi-parser.ts';
export { MidiParser } from './midi/midi-parser.ts';
export { chooseMidiPort } from './midi/midi-port-choice.ts';
export type { MidiFrameRate, MidiTimeCode } from './midi/midi-time-code.ts';
export type { HomeAssistantEntity, HomeAssistantOptions } from './mqtt/home-assistant.ts';
export { homeAssistantEntity } from './mqtt/home-assistant.ts';
export type { MqttMappingOptions, MqttMessage, MqttQos } from './mqtt/mqtt.ts';
export { fromMqtt, toMqtt } from './mqtt/mqtt.ts';
export type { MqttMemoryOptions } from './mqtt/mqtt-memory.ts';
export { MqttMemory } from './mqtt/mqtt-memory.ts';
export { fromMqttPayload, toMqttPayload } from './mqtt/mqtt-payload.ts';
export {
  badMqttTopic,
  fromMqttFilter,
  fromMqttTopic,
  mqttFilterMatches,
  toMqttFilter,
  toMqttTopic,
} from './mqtt/mqtt-topic.ts';
export type { OscArgument, OscBundle, OscMessage, OscPacket, OscTimetag, OscType } from './osc/osc.ts';
export { OSC_IMMEDIATELY, OSC_MAX_DEPTH, oscTimetag, oscTimetagMicros } from './osc/osc.ts';
export type { OscFault } from './osc/osc-decode.ts';
export { decodeOsc, parseOsc } from './osc/osc-decode.ts';
export { encodeOsc } from './osc/osc-encode.ts';
export type { OscFraming, OscStreamOptions, OscStreamOutput } from './osc/osc-framing.ts';
export { frameOsc, OscStreamReader } from './osc/osc-framing.ts';
export type { OscMatches } from './osc/osc-known.ts';
export { OscKnownAddresses } from './osc/osc-known.ts';
export type { OscMappingOptions, OscNoArguments, OscTags } from './osc/osc-mapping.ts';
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
} from './osc/osc-mapping.ts';
export { compileOscPattern } from './osc/osc-pattern.ts';
export type { OscPeersOptions } from './osc/osc-peers.ts';
export { OscPeers } from './osc/osc-peers.ts';
export type { OscQueryEntry, OscQueryNode } from './osc/osc-query.ts';
export { findOscQueryNode, oscQueryTree } from './osc/osc-query.ts';
export type { SacnData, SacnDiscovery, SacnOther, SacnPacket, SacnSync } from './sacn/sacn.ts';
export {
  decodeSacn,
  encodeSacnData,
  encodeSacnDiscovery,
  encodeSacnSync,
  parseSacn,
  SACN_DISCOVERY_UNIVERSE,
  SACN_MAX_UNIVERSE,
  SACN_PORT,
  SACN_PRIORITIES,
  sacnGroup,
} from './sacn/sacn.ts';
export { timeCodeAt } from './time-code.ts';
