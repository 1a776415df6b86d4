import type { Value } from './value.ts';

/** The five kinds of signal, in the order of their wire codes. */
export type SignalKind = 'param' | 'event' | 'stream' | 'gesture' | 'timeline';

/** Where a gesture stands in its life. */
export type GesturePhase = 'start' | 'move' | 'end' | 'cancel';

/** How the value moves toward the next keyframe. */
export type Easing = 'linear' | 'ease-in' | 'ease-out' | 'ease-in-out' | 'step' | 'cubic-bezier';

/** Where a timeline's value is at a time, and how it gets to the next. */
export interface Keyframe<T extends Value = Value> {
  /** Microseconds from the start of the timeline. */
  readonly time: number;
  readonly value: T;
  /** @defaultValue 'linear' */
  readonly easing?: Easing;
  /** Control points of `cubic-bezier`: x1, y1, x2, y2. */
  readonly bezier?: readonly [number, number, number, number];
}

interface SignalBase {
  /** The address, for example `/mixer/channel/1/volume`. */
  readonly address: string;
  /** When it happened, microseconds since the Unix epoch; absent when nobody said. */
  readonly at?: number | undefined;
  /** Who brought it in: the name of a client, bridge or device. Used to suppress echoes and loops. */
  readonly origin?: string | undefined;
  /**
   * By which whoever said it knows a param or event again when the relay of the same process delivers it: a number of
   * `nextTag`. Nobody outside the process is told.
   */
  readonly tag?: number | undefined;
}

/** A stored value. A late joiner receives the newest one. `value` null means the param was deleted. */
export interface Param<T extends Value = Value> extends SignalBase {
  readonly kind: 'param';
  readonly value: T;
  /** Rises by one for every accepted write; 0 for a param that does not exist. */
  readonly revision?: number | undefined;
  /** Session id of whoever wrote it last, where the relay said so. */
  readonly writer?: string | undefined;
  /** True for a value that came as part of a snapshot rather than as a change. */
  readonly snapshot?: boolean | undefined;
}

/** Something that happened once. Not stored. */
export interface Event<T extends Value = Value> extends SignalBase {
  readonly kind: 'event';
  readonly value: T;
}

/** A sample of something continuous; the newest matters, older ones may be dropped. */
export interface Stream<T extends Value = Value> extends SignalBase {
  readonly kind: 'stream';
  /** The newest sample: `samples.at(-1)` where several came together. */
  readonly value: T;
  readonly samples?: readonly number[] | undefined;
  /** Samples a second, where the sender said so. */
  readonly rate?: number | undefined;
}

/** One phase of a touch, pen stroke or other continuous input. */
export interface Gesture<T extends Value = Value> extends SignalBase {
  readonly kind: 'gesture';
  readonly id: number;
  readonly phase: GesturePhase;
  readonly value: T;
}

/** Keyframes that the relay plays as writes to the param at `address`. */
export interface Timeline<T extends Value = Value> extends SignalBase {
  readonly kind: 'timeline';
  readonly keyframes: readonly Keyframe<T>[];
  readonly loop?: boolean | undefined;
  /** Relay time in microseconds; absent means at once. */
  readonly startTime?: number | undefined;
}

/** Anything that travels through CLASP, told apart by `kind`; `T` is the type of its values. */
export type Signal<T extends Value = Value> = Param<T> | Event<T> | Stream<T> | Gesture<T> | Timeline<T>;
