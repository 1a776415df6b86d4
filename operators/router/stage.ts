import { Observable, type OperatorFunction, Subscriber } from 'rxjs';

/** The moving part of an operator: what it does with a value, at the end, and on teardown. */
export interface Stage<In> {
  next(value: In): void;
  /** Flush here; the completion itself is passed on afterwards. */
  complete?(): void;
  /** Runs exactly once, however the subscription ended. */
  dispose?(): void;
}

/**
 * Makes an operator from a function that opens one {@link Stage} per subscription.
 *
 * What a stage throws becomes an error downstream. Unlike a plain observer inside `new Observable`, a stage stops a
 * synchronous source once its consumer has enough: only a `Subscriber` chains `closed` (RxJS issue 5836).
 */
export function stage<In, Out>(open: (out: Subscriber<Out>) => Stage<In>): OperatorFunction<In, Out> {
  return (source) => new Observable<Out>((out) => source.subscribe(new StageSubscriber(out, open(out))));
}

class StageSubscriber<In> extends Subscriber<In> {
  readonly #out: Subscriber<never>;
  readonly #stage: Stage<In>;

  constructor(out: Subscriber<never>, moving: Stage<In>) {
    super(out);
    this.#out = out;
    this.#stage = moving;
    if (moving.dispose) this.add(() => moving.dispose?.());
  }

  protected override _next(value: In): void {
    try {
      this.#stage.next(value);
    } catch (error) {
      this.#out.error(error);
    }
  }

  protected override _complete(): void {
    try {
      this.#stage.complete?.();
    } catch (error) {
      this.#out.error(error);
      return;
    }
    super._complete();
  }
}
