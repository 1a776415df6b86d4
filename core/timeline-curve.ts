import type { Easing, Keyframe } from './signal.ts';
import type { Value } from './value.ts';

type Bezier = readonly [number, number, number, number];

/** One shape for all of them, however they were written: a timeline may have thousands, and plays them in a hurry. */
export class CurveKeyframe implements Keyframe {
  readonly time: number;
  readonly value: Value;
  readonly easing: Easing;
  readonly bezier?: Bezier;

  constructor(time: number, value: Value, easing: Easing | undefined, bezier: Bezier | undefined) {
    this.time = time;
    this.value = value;
    this.easing = easing ?? 'linear';
    if (this.easing === 'cubic-bezier' && bezier) this.bezier = bezier;
  }
}

/** A timeline to be played: with an easing for each keyframe. */
export interface PlayableTimeline {
  readonly keyframes: readonly Keyframe[];
  readonly loop: boolean;
  /** Undefined where it does not say. */
  readonly startTime: number | undefined;
}

/** How many keyframes the value of a timeline PUBLISH has, which `checkTimeline` has nothing against. */
export function countKeyframes(checked: Value): number {
  return (checked as unknown as PlayableTimeline).keyframes.length;
}

/** Reads the value of a timeline PUBLISH which `checkTimeline` has nothing against. */
export function readCurve(checked: Value): PlayableTimeline {
  const { keyframes, loop, startTime } = checked as unknown as PlayableTimeline;
  const read = new Array<Keyframe>(keyframes.length);
  for (let index = 0; index < read.length; index++) {
    const { time, value, easing, bezier } = keyframes[index] as Keyframe;
    read[index] = new CurveKeyframe(time, value, easing, bezier);
  }
  return { keyframes: read, loop: loop ?? false, startTime: startTime ?? undefined };
}
