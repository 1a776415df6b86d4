export type { MemoryConnection, MemoryPairOptions } from '../core/memory-pair.ts';
export { memoryPair } from '../core/memory-pair.ts';
export { addresses, messages, patterns, signals, values } from './arbitraries.ts';
export type {
  ConnectionContractOptions,
  ConnectionContractRunner,
  ConnectionPair,
  ConnectionPairOptions,
} from './connection-contract.ts';
export { connectionContract } from './connection-contract.ts';
export { midiMessages, midiStatements, midiTimeCodes } from './midi-arbitrary.ts';
export { oscArguments, oscMessages, oscPackets, oscTimetags } from './osc-arbitrary.ts';
export type { VirtualRelay } from './virtual-relay.ts';
export { virtualRelay } from './virtual-relay.ts';
export type { WirePeer } from './wire-peer.ts';
export { wirePeer } from './wire-peer.ts';
