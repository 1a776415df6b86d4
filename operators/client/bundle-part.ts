import type { BundlePart, TimelineOptions } from '../../core/client.ts';
import { ClaspError } from '../../core/errors.ts';
import type { PublishMessage, SetMessage } from '../../core/message.ts';
import type { Keyframe } from '../../core/signal.ts';
import { writeTimeline } from '../../core/timeline-value.ts';
import { writeOptions } from './client-request.ts';

/** Each kind of part with its arguments; the others may be there and undefined. */
type AnyPart = {
  readonly [Kind in keyof UnionOf<BundlePart>]?: UnionOf<BundlePart>[Kind] | undefined;
};
type UnionOf<Part> = (Part extends unknown ? (part: Part) => void : never) extends (part: infer All) => void
  ? All
  : never;

/** The message of a part of a bundle; a `ClaspError` 101 when it is none. */
export function bundleMessage({ set, emit, stream, gesture, timeline }: AnyPart): SetMessage | PublishMessage {
  if (set) {
    const [address, value, options] = set;
    return { type: 'SET', address, value, ...writeOptions(options) };
  }
  if (gesture) {
    const [address, id, phase, value = null] = gesture;
    return { type: 'PUBLISH', signal: 'gesture', address, id, phase, value };
  }
  if (timeline) return timelineMessage(...timeline);
  const [address, value = null] = emit ?? stream ?? [];
  if (address === undefined) throw new ClaspError(101, 'Invalid bundle message');
  return { type: 'PUBLISH', signal: emit ? 'event' : 'stream', address, value };
}

export function timelineMessage(
  address: string,
  keyframes: readonly Keyframe[],
  options?: TimelineOptions,
): PublishMessage {
  return { type: 'PUBLISH', signal: 'timeline', address, value: writeTimeline({ keyframes, ...options }) };
}
