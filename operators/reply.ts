import { AsyncSubject, firstValueFrom, Observable } from 'rxjs';
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
  readonly #answer: AsyncSubject<T>;

  constructor() {
    const answer = new AsyncSubject<T>();
    super((out) => answer.subscribe(out));
    this.#answer = answer;
  }

  /** Answers with `value`. */
  resolve(value: T): void {
    this.#answer.next(value);
    this.#answer.complete();
  }

  /** Answers that there will be no value, and why. */
  reject(reason: ClaspError): void {
    this.#answer.error(reason);
  }

  // biome-ignore lint/suspicious/noThenProperty: a Reply can be awaited, that is its contract
  then<Fulfilled = T, Rejected = never>(
    onFulfilled?: ((value: T) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    return firstValueFrom(this).then(onFulfilled, onRejected);
  }
}
