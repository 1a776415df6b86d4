import type { ActiveTimeline } from './timelines.ts';

/** Places at the front that may be empty. */
const MOST_EMPTY = 1024;

/** Timelines that wait for a tick. Ticks come one after the other, so that a queue will do: a heap costs ten times that. */
export class TimelineQueue {
  readonly #waiting: ActiveTimeline[] = [];
  #first = 0;

  /** The one that waits for the earliest tick. */
  get first(): ActiveTimeline | undefined {
    return this.#waiting[this.#first];
  }

  /** Adds one whose tick is no earlier than that of those before it. */
  push(timeline: ActiveTimeline): void {
    this.#waiting.push(timeline);
  }

  /** Takes the first one out. */
  shift(): void {
    const waiting = this.#waiting;
    this.#first++;
    if (this.#first < waiting.length && this.#first < MOST_EMPTY) return;
    waiting.copyWithin(0, this.#first);
    waiting.length -= this.#first;
    this.#first = 0;
  }
}
