import type { Easing, Keyframe, Timeline } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';

type TimelineBody = Pick<Timeline, 'keyframes' | 'loop' | 'startTime'>;

const EASINGS: readonly unknown[] = ['linear', 'ease-in', 'ease-out', 'ease-in-out', 'step', 'cubic-bezier'];

/** A timeline as the value that its PUBLISH carries. What is not given has no key. */
export function writeTimeline({ keyframes, loop, startTime }: TimelineBody): Value {
  return given({
    keyframes: keyframes.map(({ time, value, easing, bezier }) => given({ time, value, easing, bezier })),
    loop,
    startTime,
  });
}

/**
 * Reads the value of a timeline PUBLISH. What is missing or of the wrong shape is left out: published clients send no
 * value at all, which reads as no keyframes.
 */
export function readTimeline(value: Value): TimelineBody {
  const { keyframes, loop, startTime } = fieldsOf(value);
  return {
    keyframes: Array.isArray(keyframes) ? keyframes.flatMap(readKeyframe) : [],
    loop: typeof loop === 'boolean' ? loop : undefined,
    startTime: typeof startTime === 'number' ? startTime : undefined,
  };
}

function readKeyframe(item: Value): Keyframe[] {
  const { time, value = null, easing, bezier } = fieldsOf(item);
  if (typeof time !== 'number') return [];
  const keyframe = {
    time,
    value,
    easing: EASINGS.includes(easing) ? (easing as Easing) : undefined,
    bezier: isBezier(bezier) ? bezier : undefined,
  };
  return [given(keyframe)];
}

/** Only the fields that are there. */
function given<T extends object>(fields: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

function isBezier(value: unknown): value is [number, number, number, number] {
  return Array.isArray(value) && value.length === 4 && value.every((number) => typeof number === 'number');
}

/** The fields of a map; none of anything else. */
function fieldsOf(value: Value): { readonly [key: string]: Value } {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
  return isMap ? (value as { readonly [key: string]: Value }) : {};
}
