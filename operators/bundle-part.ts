import type { PublishMessage, SetMessage } from '../core/message.ts';
import type { Value } from '../core/value.ts';

/** The message of a part of a bundle. */
export function bundleMessage({
  set,
  emit,
}: { [Key in 'set' | 'emit']?: readonly [string, Value?] }): SetMessage | PublishMessage {
  const [address = '', value = null] = set ?? emit ?? [];
  return set ? { type: 'SET', address, value } : { type: 'PUBLISH', signal: 'event', address, value };
}
