import { ClaspError, ErrorCode } from '../errors.ts';
import { MessageCode } from './codes.ts';
import { decodeFrame } from './frame.ts';
import type { Message } from './message.ts';
import { hex } from './value.ts';

/** A message that a client sends. */
export type ClientMessage = Extract<
  Message,
  {
    type:
      | 'HELLO'
      | 'SUBSCRIBE'
      | 'UNSUBSCRIBE'
      | 'SET'
      | 'PUBLISH'
      | 'GET'
      | 'QUERY'
      | 'BUNDLE'
      | 'ANNOUNCE'
      | 'SYNC'
      | 'PING'
      | 'PONG';
  }
>;

/** A message that a relay sends to a client. */
export type RelayMessage = Extract<
  Message,
  {
    type:
      | 'WELCOME'
      | 'ANNOUNCE'
      | 'SET'
      | 'PUBLISH'
      | 'SNAPSHOT'
      | 'BUNDLE'
      | 'SYNC'
      | 'PING'
      | 'PONG'
      | 'ACK'
      | 'ERROR'
      | 'RESULT';
  }
>;

const ONLY_CLIENTS: readonly number[] = [
  MessageCode.Hello,
  MessageCode.Subscribe,
  MessageCode.Unsubscribe,
  MessageCode.Get,
  MessageCode.Query,
  MessageCode.Replay,
  MessageCode.FederationSync,
];

/** A relay's frame and the timestamp of its header; a `ClaspError` 100 or 101 for a bad one and for what only clients send. */
export function decodeRelayFrame(bytes: Uint8Array): { message: RelayMessage; timestamp: number | undefined } {
  const frame = decodeFrame(bytes);
  if (ONLY_CLIENTS.includes(frame.type)) {
    throw new ClaspError(ErrorCode.BadMessage, `message type ${hex(frame.type)} does not come from a relay`);
  }
  return { message: frame.message as RelayMessage, timestamp: frame.timestamp };
}
