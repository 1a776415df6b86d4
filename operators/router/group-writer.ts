import { type SchedulerLike, Subscription } from 'rxjs';
import type { Client } from '../../core/client/client.ts';
import { ErrorCode } from '../../core/errors.ts';
import type { Param } from '../../core/signal/signal.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';

/** Params that were meant for one moment. */
export interface WriteGroup {
  readonly params: readonly Param[];
  /** Microseconds since the Unix epoch; absent for "at once". */
  readonly at: number | undefined;
}

/** Bundles that may wait for the relay's answer, or here for their time. */
const MAX_WAITING = 256;
/** Milliseconds. Host timers overflow beyond it and fire at once. */
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Writes what came together as a whole: one param as a write, several as a bundle, and those of a time ahead as a
 * bundle that the relay keeps until then.
 *
 * Never lets the relay's lag pile up: where too many bundles are unanswered, their params are written one by one, of
 * which only the newest per address waits; those of a time ahead then. So they are where the relay has no bundles (501).
 */
export class GroupWriter {
  readonly #client: Client;
  readonly #scheduler: SchedulerLike;
  readonly #timers = new Subscription();
  #unanswered = 0;
  #waiting = 0;
  /** Whether the relay said that it does not keep bundles for later, or has none at all. */
  #noSchedule = false;
  #noBundles = false;

  constructor(client: Client, scheduler: SchedulerLike = monotonicScheduler) {
    this.#client = client;
    this.#scheduler = scheduler;
  }

  write(group: WriteGroup): void {
    const ahead = group.at === undefined ? 0 : group.at - this.#client.time();
    const later = ahead > 0 && group.at !== undefined;
    if (later && this.#noSchedule) this.#keep(group, ahead);
    else if (later) this.#bundle(group, group.at);
    else this.#atOnce(group);
  }

  /** What waits here is forgotten. */
  close(): void {
    this.#timers.unsubscribe();
  }

  #atOnce(group: WriteGroup): void {
    if (group.params.length > 1 && !this.#noBundles) this.#bundle(group, undefined);
    else this.#each(group);
  }

  #each({ params }: WriteGroup): void {
    for (const { address, value } of params) this.#client.set(address, value);
  }

  #bundle(group: WriteGroup, at: number | undefined): void {
    if (this.#unanswered >= MAX_WAITING) {
      if (at === undefined) this.#each(group);
      else this.#keep(group, at - this.#client.time());
      return;
    }
    this.#unanswered++;
    const parts = group.params.map(({ address, value }) => ({ set: [address, value] as const }));
    this.#client.bundle(parts, at === undefined ? {} : { at }).subscribe({
      error: (failure) => {
        this.#unanswered--;
        if (failure?.code === ErrorCode.NotEnabled) this.#without(group, at);
      },
      complete: () => this.#unanswered--,
    });
  }

  /** The relay has no such bundles: neither for this one, nor for those that come. */
  #without(group: WriteGroup, at: number | undefined): void {
    if (at === undefined) {
      this.#noBundles = true;
      this.#each(group);
      return;
    }
    this.#noSchedule = true;
    this.#keep(group, at - this.#client.time());
  }

  #keep(group: WriteGroup, ahead: number): void {
    if (this.#waiting >= MAX_WAITING || ahead <= 0) {
      this.#atOnce(group);
      return;
    }
    this.#waiting++;
    const timer = this.#scheduler.schedule(
      () => {
        this.#timers.remove(timer);
        this.#waiting--;
        this.#atOnce(group);
      },
      Math.min(Math.ceil(ahead / 1_000), LONGEST_DELAY),
    );
    this.#timers.add(timer);
  }
}
