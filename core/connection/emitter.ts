import { Observable, type Observer, type Subscriber } from 'rxjs';

/**
 * A hot Observable and the way to make it emit: the part of RxJS's `Subject` that a client needs, in a fraction of its
 * code, because a page that holds only a client downloads it.
 *
 * After its end it ignores what comes, and gives everybody who subscribes that end.
 */
export class Emitter<T> extends Observable<T> implements Observer<T> {
  /** Replaced, never changed: who is told of something is who listened when it came. */
  #listeners: readonly Subscriber<T>[] = [];
  #end: ((out: Subscriber<T>) => void) | undefined;

  constructor() {
    super((out) => {
      if (this.#end) this.#end(out);
      else this.#listeners = [...this.#listeners, out];
      return () => {
        this.#listeners = this.#listeners.filter((other) => other !== out);
      };
    });
  }

  next(value: T): void {
    if (!this.#end) for (const out of this.#listeners) out.next(value);
  }

  error(reason: unknown): void {
    this.end((out) => out.error(reason));
  }

  complete(): void {
    this.end((out) => out.complete());
  }

  /** Ends with what `give` does to each subscriber, present and future. Only the first end counts. */
  protected end(give: (out: Subscriber<T>) => void): void {
    if (this.#end) return;
    this.#end = give;
    for (const out of this.#listeners) give(out);
  }
}
