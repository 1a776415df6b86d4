import { Observable, type Subscriber } from 'rxjs';
import type { Reply } from '../core/client.ts';
import type { ClaspError } from '../core/errors.ts';

/**
 * The asking side of a {@link Reply}: give this object away as the `Reply`, keep it to settle it.
 *
 * The first `resolve` or `reject` counts, later ones are ignored. Whoever subscribes or awaits, before or after, gets
 * that one value and a completion, or that error. A rejection that nobody subscribed to or awaited raises nothing:
 * no promise exists before somebody calls `then`.
 */
export class PendingReply<T> extends Observable<T> implements Reply<T> {
  readonly #waiting = new Set<Subscriber<T>>();
  #give: ((out: Subscriber<T>) => void) | undefined;

  constructor() {
    super((out) => {
      if (this.#give) this.#give(out);
      else this.#waiting.add(out);
      return () => this.#waiting.delete(out);
    });
  }

  /** Answers with `value`. */
  resolve(value: T): void {
    this.#settle((out) => {
      out.next(value);
      out.complete();
    });
  }

  /** Answers that there will be no value, and why. */
  reject(reason: ClaspError): void {
    this.#settle((out) => out.error(reason));
  }

  // biome-ignore lint/suspicious/noThenProperty: a Reply can be awaited, that is its contract
  then<Fulfilled = T, Rejected = never>(
    onFulfilled?: ((value: T) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    let answer: T;
    return this.forEach((value) => {
      answer = value;
    })
      .then(() => answer)
      .then(onFulfilled, onRejected);
  }

  #settle(give: (out: Subscriber<T>) => void): void {
    if (this.#give) return;
    this.#give = give;
    for (const out of this.#waiting) give(out);
  }
}
