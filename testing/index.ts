export type { MemoryConnection, MemoryPairOptions } from '../core/connection/memory-pair.ts';
export { memoryPair } from '../core/connection/memory-pair.ts';
export { addresses, messages, patterns, signals, values } from './arbitraries.ts';
export type { BridgeContractOptions, BridgeRig } from './bridge-contract.ts';
export { bridgeContract } from './bridge-contract.ts';
export type {
  ConnectionContractOptions,
  ConnectionContractRunner,
  ConnectionPair,
  ConnectionPairOptions,
} from './connection-contract.ts';
export { connectionContract } from './connection-contract.ts';
export type { DmxFixture, DmxFixtureOptions, Look } from './dmx-fixture.ts';
export { dmxFixture } from './dmx-fixture.ts';
export type { FaderBank, FaderBankOptions } from './fader-bank.ts';
export { faderBank } from './fader-bank.ts';
export { lossyNetwork } from './lossy-network.ts';
export type { MarblesOptions } from './marbles.ts';
export { marbles } from './marbles.ts';
export { midiMessages, midiStatements, midiTimeCodes } from './midi-arbitrary.ts';
export type { Network, NetworkOptions, NetworkPair, NetworkWatcher } from './network.ts';
export { networkPair } from './network.ts';
export { oscArguments, oscMessages, oscPackets, oscTimetags } from './osc-arbitrary.ts';
export type { PadController, PadControllerOptions } from './pad-controller.ts';
export { padController } from './pad-controller.ts';
export type { SeededRandom } from './seeded-random.ts';
export { seededRandom } from './seeded-random.ts';
export type { SessionScript, SessionStep, SessionsOptions } from './session-arbitrary.ts';
export { gestureMessages, sessionMessages, sessions } from './session-arbitrary.ts';
export type { SimulatedClientOptions, SimulateOptions, Simulation, World } from './simulate.ts';
export { simulate, simulateAsync } from './simulate.ts';
export type { SimulatedRouter } from './simulated-router.ts';
export type { LogEntry } from './simulation-log.ts';
export { logText } from './simulation-log.ts';
export type { Carried, SinkContractOptions, SinkRig } from './sink-contract.ts';
export { sinkContract } from './sink-contract.ts';
export type { ExpectedSignal, SourceContractOptions, SourceRig } from './source-contract.ts';
export { sourceContract } from './source-contract.ts';
export type { DrawnTimeline, TimelineArbitraryOptions } from './timeline-arbitrary.ts';
export { timeline } from './timeline-arbitrary.ts';
export type { VirtualRelay } from './virtual-relay.ts';
export { virtualRelay } from './virtual-relay.ts';
export type { VirtualTime, VirtualTimeOptions } from './virtual-time.ts';
export { virtualTime } from './virtual-time.ts';
export type { WirePeer } from './wire-peer.ts';
export { wirePeer } from './wire-peer.ts';
