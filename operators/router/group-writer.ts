import { type SchedulerLike, Subscription } from 'rxjs';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Event, Param } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { WaitingQuota } from './waiting-quota.ts';

/** Params and events that were meant for one moment. */
export interface WriteGroup {
  readonly params: readonly (Param | Event)[];
  /** Microseconds since the Unix epoch; absent for "at once". */
  readonly at: number | undefined;
  /** Who sent them, for a fair share of the places to wait in; absent where there is one peer only. */
  readonly from?: string | undefined;
}

export interface GroupWriterOptions {
  /** Shares the relay's places to wait among all peers of a client: give one to all its writers. @defaultValue of its own */
  readonly quota?: WaitingQuota | undefined;
  /** Told what is refused here: a peer's bundle beyond its share (400), events that a relay lags behind with (503). */
  readonly failed?: ((failure: ClaspError) => void) | undefined;
}

/** Bundles and events that may wait for the relay's answer, or here for their time. */
const MAX_WAITING = 256;
/** Events each are something that happened, so more of them may wait. */
const MAX_EVENTS = 4_096;
/** How many bundles of a session a relay keeps for later. */
export const SCHEDULE_PLACES = 1_000;
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
  readonly #quota: WaitingQuota;
  readonly #kept = new WaitingQuota(MAX_WAITING);
  readonly #failed: (failure: ClaspError) => void;
  #unanswered = 0;
  #unansweredEvents = 0;
  /** Whether the relay said that it does not keep bundles for later, or has none at all. */
  #noSchedule = false;
  #noBundles = false;

  constructor(client: Client, scheduler: SchedulerLike = monotonicScheduler, options: GroupWriterOptions = {}) {
    const { quota = new WaitingQuota(SCHEDULE_PLACES), failed = () => undefined } = options;
    this.#client = client;
    this.#scheduler = scheduler;
    this.#quota = quota;
    this.#failed = failed;
  }

  write(group: WriteGroup): void {
    const ahead = group.at === undefined ? 0 : group.at - this.#client.time();
    const later = ahead > 0 && group.at !== undefined;
    if (later && this.#noSchedule) this.#keep(group, ahead);
    else if (later) this.#schedule(group, group.at);
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
    for (const { kind, address, value } of params) {
      if (kind === 'param') this.#client.set(address, value);
      else this.#emit(address, value);
    }
  }

  #emit(address: string, value: Value): void {
    if (this.#unansweredEvents >= MAX_EVENTS) {
      this.#failed(new ClaspError(ErrorCode.Overloaded, 'event dropped, the relay lags behind', { address }));
      return;
    }
    this.#unansweredEvents++;
    const answered = () => {
      this.#unansweredEvents--;
    };
    this.#client.emit(address, value).subscribe({ error: answered, complete: answered });
  }

  #schedule(group: WriteGroup, at: number): void {
    const { from = '' } = group;
    const now = this.#client.time();
    const leave = this.#quota.take(from, at, now);
    if (leave) {
      this.#bundle(group, at, leave);
      return;
    }
    const reason = `${from}: too many bundles wait for their time, ${this.#quota.countOf(from, now)} of this sender`;
    this.#failed(new ClaspError(ErrorCode.Conflict, reason));
  }

  #bundle(group: WriteGroup, at: number | undefined, leave?: () => void): void {
    if (this.#unanswered >= MAX_WAITING) {
      leave?.();
      if (at === undefined) this.#each(group);
      else this.#keep(group, at - this.#client.time());
      return;
    }
    this.#unanswered++;
    const parts = group.params.map(({ kind, address, value }) =>
      kind === 'param' ? ({ set: [address, value] } as const) : ({ emit: [address, value] } as const),
    );
    this.#client.bundle(parts, at === undefined ? {} : { at }).subscribe({
      error: (failure) => {
        this.#unanswered--;
        leave?.();
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
    const now = this.#scheduler.now();
    const wait = Math.min(Math.ceil(ahead / 1_000), LONGEST_DELAY);
    const leave = ahead > 0 ? this.#kept.take(group.from ?? '', Number.POSITIVE_INFINITY, now) : undefined;
    if (!leave) {
      this.#atOnce(group);
      return;
    }
    const timer = this.#scheduler.schedule(() => {
      this.#timers.remove(timer);
      leave();
      this.#atOnce(group);
    }, wait);
    this.#timers.add(timer);
  }
}
