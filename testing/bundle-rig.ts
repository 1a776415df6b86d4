import type { MemoryConnection } from '../core/connection/memory-pair.ts';
import type { ErrorMessage, Message, QoS, SubscribeMessage } from '../core/wire/message.ts';
import type { RouterOptions } from '../operators/router/router.ts';
import { type VirtualRelay, virtualRelay } from './virtual-relay.ts';
import type { WirePeer } from './wire-peer.ts';

type Peer = WirePeer<MemoryConnection>;

/** A SET. */
export const set = (address: string, value: number | string | null, rest: object = {}): Message => ({
  type: 'SET',
  address,
  value,
  ...rest,
});

/** An event. */
export const cue = (address: string): Message => ({ type: 'PUBLISH', signal: 'event', address, value: 1 });

/** A bundle to be run at once. */
export const bundle = (...messages: Message[]): Message => ({ type: 'BUNDLE', messages });

/** Sends with a QoS, 1 if not told. */
export const send = (peer: Peer, message: Message, qos: QoS = 1): void => peer.send(message, { qos });

/** Takes what a peer got, and gives the errors. */
export const errors = (peer: Peer): ErrorMessage[] =>
  peer.take().flatMap((message) => (message.type === 'ERROR' ? [message] : []));

/** A virtual relay with what tests of bundles ask of it. */
export interface BundleRig extends VirtualRelay {
  /** A subscriber that understands bundles, unless told otherwise. */
  reader(pattern?: string, options?: { confirms?: boolean } & Partial<SubscribeMessage>): Peer;
  /** Value and revision of a param. */
  param(address: string): [unknown, number | undefined] | undefined;
}

/** Starts one, at time 0. */
export function bundleRig(options: RouterOptions = {}): BundleRig {
  const rig = virtualRelay(options);
  return {
    ...rig,
    reader(pattern = '/**', { confirms = true, ...rest } = {}) {
      const peer = rig.join('reader');
      peer.send({ type: 'SUBSCRIBE', id: 9, pattern: '/nothing' }, { qos: confirms ? 1 : 0 });
      peer.send({ type: 'SUBSCRIBE', id: 1, pattern, ...rest });
      peer.take();
      return peer;
    },
    param(address) {
      const peer = rig.join('probe');
      peer.send({ type: 'GET', address });
      const [answer] = peer.take();
      peer.close();
      return answer?.type === 'SNAPSHOT' ? [answer.params[0]?.value, answer.params[0]?.revision] : undefined;
    },
  };
}
