import { Observable, Subject } from 'rxjs';

/**
 * A value that changes, as an Observable: gives the current one first, also after the end, when it completes at once.
 */
export class CurrentValue<T> extends Observable<T> {
  readonly #changes: Subject<T>;
  #value: T;

  constructor(value: T) {
    const changes = new Subject<T>();
    super((out) => {
      out.next(this.#value);
      return changes.subscribe(out);
    });
    this.#changes = changes;
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  next(value: T): void {
    this.#value = value;
    this.#changes.next(value);
  }

  complete(): void {
    this.#changes.complete();
  }
}
