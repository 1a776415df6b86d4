import type { Keyframe } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';
import type {
  BundleMessage as OurBundleMessage,
  Message as OurMessage,
  PublishMessage as OurPublishMessage,
} from '../wire/message.ts';

// Types of `@clasp-to/core` that this package has under another name, or not as wide. The rest of them are its own.

/** A signal that is not stored. */
export interface PublishMessage extends OurPublishMessage {
  /** Stands for `value` where there is none. */
  readonly payload?: Value | undefined;
  /** Does not travel: a timeline is a `value`, see `TimelineValue`. */
  readonly keyframes?: readonly Keyframe[] | undefined;
  /** Does not travel either. */
  readonly loop?: boolean | undefined;
}

/** Messages that are applied together or not at all. */
export interface BundleMessage extends Omit<OurBundleMessage, 'messages'> {
  /** What it holds, in order. */
  readonly messages: readonly Message[];
}

/** Every message of the protocol. */
export type Message = Exclude<OurMessage, { readonly type: 'PUBLISH' | 'BUNDLE' }> | PublishMessage | BundleMessage;

/** Ends a subscription. */
export type Unsubscribe = () => void;

/** What a client can tell, and how it is heard. */
export interface ClaspEvents {
  /** A session has begun. */
  connect: () => void;
  /** The connection has ended. */
  disconnect: (reason?: string) => void;
  /** Something went wrong. */
  error: (error: Error) => void;
  /** A message has come. */
  message: (message: Message) => void;
}
