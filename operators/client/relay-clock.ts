import type { SchedulerLike, Subscription } from 'rxjs';
import type { ClientClock } from '../../core/client/client.ts';
import { encodeMessage } from '../../core/wire/encode.ts';
import type { SyncMessage } from '../../core/wire/message.ts';

/** One answered SYNC, in microseconds: when, the relay's clock ahead of the local one, the time on the way. */
interface Sample {
  readonly at: number;
  readonly offset: number;
  readonly roundTrip: number;
}

/** Rounds at the beginning of a session, and milliseconds between them and between later ones. */
const BURST = 5;
const BURST_INTERVAL = 50;
const INTERVAL = 30_000;
/** Answers that the best is chosen from. */
const KEPT = 8;
/** By how much two clocks may drift apart while an answer ages. */
const DRIFT = 2e-5;
const SECOND = 1e6;
const DAY = 86_400 * SECOND;
/** Uncertainty at which the quality is one half. */
const HALF_QUALITY = 1e4;

/**
 * The relay's time as a client knows it, in whole microseconds since the Unix epoch.
 *
 * It begins with what the relay says in its greeting, which is late by one hop, and asks with SYNC: some rounds at
 * once, then one every 30 s as long as the relay is one that answers. Of the last answers the one that is least
 * uncertain counts: half its time on the way, and more the older it is. An answer to no question, in an impossible
 * order, or more than a day from what was known is ignored.
 */
export class RelayClock {
  readonly #scheduler: SchedulerLike;
  readonly #local: () => number;
  readonly #asked = new Set<number>();
  #samples: Sample[] = [];
  #best: Sample | undefined;
  #timer: Subscription | undefined;
  #offset = 0;
  /** What was told last, and the local time then. */
  #told = 0;
  #toldAt = 0;

  /** @param local the local time, microseconds; better one that is monotonic */
  constructor(scheduler: SchedulerLike, local: () => number) {
    this.#scheduler = scheduler;
    this.#local = () => Math.floor(local());
  }

  /** A session has begun; without `send` nothing is asked. */
  resume(time: number, send?: (frame: Uint8Array) => void): void {
    const far = Math.abs(time - this.now()) > SECOND;
    if (far || this.#samples.length === 0) this.#offset = time - this.#local();
    if (far) this.#told = time;
    this.suspend();
    if (send) this.#ask(send, BURST);
  }

  suspend(): void {
    this.#timer?.unsubscribe();
    this.#asked.clear();
    this.#samples = [];
    this.#best = undefined;
  }

  /** Takes the answer to a SYNC. False when it is none. */
  answered({ t1, t2 = Number.NaN, t3 = Number.NaN }: SyncMessage): boolean {
    const at = this.#local();
    const roundTrip = at - t1 - (t3 - t2);
    const offset = (t2 - t1 + t3 - at) / 2;
    const known = this.#asked.delete(t1);
    const possible = t3 >= t2 && roundTrip >= 0 && Math.abs(offset - this.#offset) < DAY;
    if (!known || !possible) return false;
    this.now(); // until now the old offset holds
    this.#samples = [...this.#samples.filter((sample) => sample.at <= at), { at, offset, roundTrip }].slice(-KEPT);
    const doubt = (sample: Sample) => sample.roundTrip / 2 + (at - sample.at) * DRIFT;
    this.#best = this.#samples.reduce((best, sample) => (doubt(sample) > doubt(best) ? best : sample));
    this.#offset = this.#best.offset;
    return true;
  }

  now(): number {
    const local = this.#local();
    const atLeast = this.#told + Math.max(0, local - this.#toldAt) / 2;
    this.#toldAt = local;
    this.#told = Math.max(local + this.#offset, atLeast);
    return Math.floor(this.#told);
  }

  get state(): ClientClock {
    const samples = this.#samples.length;
    const roundTrip = this.#best?.roundTrip ?? 0;
    const jitter = this.#samples.reduce((sum, sample) => sum + Math.abs(sample.roundTrip - roundTrip) / samples, 0);
    const quality = Math.min(1, samples / BURST) / (1 + (roundTrip / 2 + jitter) / HALF_QUALITY);
    return { offset: this.#offset, roundTrip, jitter, quality, samples };
  }

  #ask(send: (frame: Uint8Array) => void, left: number): void {
    if (left < 1) this.#asked.clear();
    const t1 = this.#local();
    this.#asked.add(t1);
    this.#timer = this.#scheduler.schedule(
      () => {
        if (left > 1 || this.#samples.length > 0) this.#ask(send, left - 1);
      },
      left > 1 ? BURST_INTERVAL : INTERVAL,
    );
    send(encodeMessage({ type: 'SYNC', t1 }));
  }
}
