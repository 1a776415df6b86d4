import { decodeFrame } from './frame.ts';
import type { Message } from './message.ts';

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

/**
 * A relay's frame and the timestamp of its header; a `ClaspError` 100 or 101 for a bad one. What only clients send is read
 * too, and has no meaning for who gets it.
 */
export function decodeRelayFrame(bytes: Uint8Array): { message: RelayMessage; timestamp: number | undefined } {
  const { message, timestamp } = decodeFrame(bytes);
  return { message: message as RelayMessage, timestamp };
}
